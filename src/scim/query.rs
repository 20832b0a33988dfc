//! A question, as clients put it: in the parameters of a URL, or in the body of a `POST …/.search`.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::ScimError;
use super::filter::{Expression, Literal, Operator, parse};
use super::parameters::parameters;
use super::project::Projection;
use super::render;
use super::schema::{ResourceType, urn};
use super::sort::Sort;
use super::value::Resource;

/// What a client asks of a list, or of one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub(super) filter: Option<Expression>,
    pub(super) sort: Option<Sort>,
    /// Counted from 1; none where the client does not say.
    pub(super) start_index: Option<usize>,
    /// The empty one asks for the first page of a walk by cursors.
    pub(super) cursor: Option<String>,
    pub(super) count: Option<usize>,
    attributes: Vec<String>,
    excluded_attributes: Vec<String>,
}

/// The parameters that mean something (RFC 7644 §3.4.2, RFC 9865 §2).
const NAMES: [&str; 8] =
    ["filter", "startIndex", "count", "cursor", "attributes", "excludedAttributes", "sortBy", "sortOrder"];

/// RFC 7644 §3.4.3, by the names of its members in lower case, since names are compared without regard to case.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SearchRequest {
    filter: Option<String>,
    #[serde(rename = "sortby")]
    sort_by: Option<String>,
    #[serde(rename = "sortorder")]
    sort_order: Option<String>,
    #[serde(rename = "startindex")]
    start_index: Option<i64>,
    cursor: Option<String>,
    count: Option<i64>,
    attributes: Vec<String>,
    #[serde(rename = "excludedattributes")]
    excluded_attributes: Vec<String>,
}

impl Query {
    /// Reads a question about a list from the query of a URL. Unknown parameters are ignored; names are taken
    /// in any case, since some clients write `startindex`.
    ///
    /// # Errors
    /// [`ScimError::InvalidFilter`], or [`ScimError::InvalidValue`] for a number that is none, a `sortOrder` that is
    /// none, and for two parameters that exclude each other.
    pub fn of_list(query: &str) -> Result<Self, ScimError> {
        Self::from_parameters(parameters(query))
    }

    fn from_parameters<'p>(parameters: impl Iterator<Item = (Cow<'p, str>, Cow<'p, str>)>) -> Result<Self, ScimError> {
        let mut request = SearchRequest::default();
        for (name, value) in parameters {
            match NAMES.iter().find(|known| is_named(&name, known)).copied() {
                Some("filter") => request.filter = Some(value.into_owned()),
                Some("sortBy") => request.sort_by = Some(value.into_owned()),
                Some("sortOrder") => request.sort_order = Some(value.into_owned()),
                Some("startIndex") => request.start_index = Some(number(&name, &value)?),
                Some("cursor") => request.cursor = Some(value.into_owned()),
                Some("count") => request.count = Some(number(&name, &value)?),
                Some("attributes") => request.attributes = names(&value),
                Some("excludedAttributes") => request.excluded_attributes = names(&value),
                _ => {}
            }
        }
        Self::from_request(request)
    }

    /// Reads a question about one resource, where only `attributes` and `excludedAttributes` mean anything.
    ///
    /// # Errors
    /// [`ScimError::InvalidValue`] for both together.
    pub fn of_one(query: &str) -> Result<Self, ScimError> {
        let projecting = |name: &str| ["attributes", "excludedAttributes"].iter().any(|n| n.eq_ignore_ascii_case(name));
        Self::from_parameters(parameters(query).filter(|(name, _)| projecting(name)))
    }

    /// Reads a query from the body of a `POST …/.search` (RFC 7644 §3.4.3).
    ///
    /// # Errors
    /// [`ScimError::InvalidSyntax`] for a body that is no SearchRequest, else as [`Self::of_list`].
    pub fn from_body(body: &[u8]) -> Result<Self, ScimError> {
        let unreadable = |why: &str| ScimError::InvalidSyntax { why: format!("the body is no SearchRequest: {why}") };
        let body: Value = serde_json::from_slice(body).map_err(|_| unreadable("it is not JSON"))?;
        let Value::Object(members) = body else { return Err(unreadable("it is not an object")) };
        // RFC 7643 §2.5: null and absent are one state.
        let request: Map<String, Value> = members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        // NB: RFC 7644 §3.4.3 has clients send `schemas`; one that leaves it out is understood all the same.
        let named = |schemas: &Value| schemas.as_array().is_some_and(|urns| urns.iter().any(is_search_request));
        if request.get("schemas").is_some_and(|schemas| !named(schemas)) {
            return Err(unreadable(&format!("schemas must hold {}", urn::SEARCH_REQUEST)));
        }
        let request = SearchRequest::deserialize(Value::Object(request))
            .map_err(|_| unreadable("a member has the wrong type"))?;
        Self::from_request(request)
    }

    fn from_request(request: SearchRequest) -> Result<Self, ScimError> {
        // RFC 7644 §3.9: the two are "mutually exclusive".
        if !request.attributes.is_empty() && !request.excluded_attributes.is_empty() {
            return Err(invalid("attributes and excludedAttributes cannot be used together"));
        }
        // RFC 9865 §2.4: the one selects paging by index and the other by cursor.
        if request.start_index.is_some() && request.cursor.is_some() {
            return Err(invalid("startIndex and cursor cannot be used together"));
        }
        let descending = match request.sort_order.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("" | "ascending") => false,
            Some("descending") => true,
            Some(_) => return Err(invalid("sortOrder must be ascending or descending")),
        };
        // NB: the grammar has no empty filter; clients send one when they mean none.
        let filter = request.filter.filter(|filter| !filter.chars().all(char::is_whitespace));
        Ok(Self {
            filter: filter.map(|filter| parse(&filter)).transpose()?,
            sort: request.sort_by.filter(|by| !by.is_empty()).map(|by| Sort { by, descending }),
            // RFC 7644 §3.4.2.4: "A value less than 1 SHALL be interpreted as 1."
            start_index: request.start_index.map(|start| usize::try_from(start).unwrap_or(0).max(1)),
            cursor: request.cursor,
            // RFC 7644 §3.4.2.4: "A negative value SHALL be interpreted as "0"."
            count: request.count.map(|count| usize::try_from(count).unwrap_or(0)),
            attributes: request.attributes,
            excluded_attributes: request.excluded_attributes,
        })
    }

    /// Answers for one resource; a filter and paging mean nothing there and are ignored.
    #[must_use]
    pub fn one(&self, resource: Resource<'_>) -> Bytes {
        match self.projection(resource.resource_type()) {
            None => resource.ready(),
            Some(projection) => {
                let mut body = Vec::new();
                render::resource(&mut body, resource, &projection);
                body.into()
            }
        }
    }

    /// The name, where all that is asked is `userName eq "…"`.
    pub(super) fn user_name(&self) -> Option<&str> {
        match self.filter.as_ref()? {
            Expression::Compare(name, Operator::Eq, Literal::Text(text)) if is_named(&name.text, "userName") => {
                Some(text)
            }
            _ => None,
        }
    }

    /// None where nothing in particular is asked for, so that ready answers will do.
    pub(super) fn projection(&self, resource_type: &'static ResourceType) -> Option<Projection> {
        if !self.attributes.is_empty() {
            Some(Projection::only(resource_type, self.attributes.iter().map(String::as_str)))
        } else if self.excluded_attributes.is_empty() {
            None
        } else {
            Some(Projection::except(resource_type, self.excluded_attributes.iter().map(String::as_str)))
        }
    }

    /// What is asked, but for the paging, in one way of writing for all that mean the same.
    pub(super) fn canonical(&self) -> String {
        let lower = |names: &[String]| names.join(",").to_ascii_lowercase();
        let filter = self.filter.as_ref().map(Expression::to_string).unwrap_or_default();
        let sort = self.sort.as_ref().map(|sort| format!("{} {}", sort.by.to_ascii_lowercase(), sort.descending));
        [filter, sort.unwrap_or_default(), lower(&self.attributes), lower(&self.excluded_attributes)].join("\n")
    }
}

/// In any case; most write it as it is.
fn is_named(text: &str, name: &str) -> bool {
    text == name || text.eq_ignore_ascii_case(name)
}

fn is_search_request(schema: &Value) -> bool {
    schema.as_str().is_some_and(|schema| schema.eq_ignore_ascii_case(urn::SEARCH_REQUEST))
}

fn invalid(why: &str) -> ScimError {
    ScimError::InvalidValue { why: why.to_owned() }
}

fn number(name: &str, value: &str) -> Result<i64, ScimError> {
    let value = value.trim();
    let (sign, digits) = value.strip_prefix('-').map_or((1, value), |digits| (-1, digits));
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(invalid(&format!("{name} must be a whole number")));
    }
    // A number that is larger than any list means the same as one that is just larger.
    Ok(digits.parse().unwrap_or(i64::MAX) * sign)
}

fn names(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
