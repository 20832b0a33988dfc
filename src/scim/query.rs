//! Parses a client's query: from the parameters of a URL, or from the body of a `POST …/.search`.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::Value;

use super::error::ScimError;
use super::filter::{Expression, parse};
use super::project::Projection;
use super::render;
use super::schema::ResourceType;
use super::snapshot::ServedSnapshot;
use super::sort::Sort;
use super::urn;
use super::view::Resource;

/// The parameters of a request for a list or for one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    pub(super) filter: Option<Expression>,
    pub(super) sort: Option<Sort>,
    /// Counted from 1; `None` if the request has no `startIndex`.
    pub(super) start_index: Option<usize>,
    /// An empty cursor requests the first page.
    pub(super) cursor: Option<String>,
    pub(super) count: Option<usize>,
    attributes: Vec<String>,
    excluded_attributes: Vec<String>,
}

/// The supported parameters (RFC 7644 §3.4.2, RFC 9865 §2).
const NAMES: [&str; 8] = [
    "filter",
    "startIndex",
    "count",
    "cursor",
    "attributes",
    "excludedAttributes",
    "sortBy",
    "sortOrder",
];

/// The parameters as received, before they are validated together.
#[derive(Default)]
struct SearchRequest {
    filter: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    start_index: Option<i64>,
    cursor: Option<String>,
    count: Option<i64>,
    attributes: Vec<String>,
    excluded_attributes: Vec<String>,
}

impl Query {
    /// Parses the query string of a request for a list. Unknown parameters are ignored. Names are
    /// matched in any case, since some clients write `startindex`.
    ///
    /// # Errors
    /// [`ScimError::InvalidFilter`], or [`ScimError::InvalidValue`] for an invalid number, an
    /// invalid `sortOrder`, or two parameters that exclude each other.
    pub fn of_list(query: &str) -> Result<Self, ScimError> {
        Self::from_parameters(form_urlencoded::parse(query.as_bytes()))
    }

    fn from_parameters<'p>(
        parameters: impl Iterator<Item = (Cow<'p, str>, Cow<'p, str>)>,
    ) -> Result<Self, ScimError> {
        let mut request = SearchRequest::default();
        for (name, value) in parameters {
            match NAMES.iter().find(|known| is_named(&name, known)).copied() {
                Some("filter") => request.filter = Some(value.into_owned()),
                Some("sortBy") => request.sort_by = Some(value.into_owned()),
                Some("sortOrder") => request.sort_order = Some(value.into_owned()),
                Some("startIndex") => {
                    request.start_index =
                        number(&value).map_err(|expected| must("startIndex", expected))?;
                }
                Some("cursor") => request.cursor = Some(value.into_owned()),
                Some("count") => {
                    request.count = number(&value).map_err(|expected| must("count", expected))?;
                }
                // Some clients repeat the parameter for each item of a list.
                Some("attributes") => request.attributes.extend(names(&value)),
                Some("excludedAttributes") => request.excluded_attributes.extend(names(&value)),
                _ => {}
            }
        }
        Self::from_request(request)
    }

    /// Parses the query string of a request for one resource, where only `attributes` and
    /// `excludedAttributes` apply.
    ///
    /// # Errors
    /// [`ScimError::InvalidValue`] if both are present.
    pub fn of_one(query: &str) -> Result<Self, ScimError> {
        let projecting = |name: &str| {
            ["attributes", "excludedAttributes"].iter().any(|known| is_named(name, known))
        };
        let parameters = form_urlencoded::parse(query.as_bytes());
        Self::from_parameters(parameters.filter(|(name, _)| projecting(name)))
    }

    /// Parses the body of a `POST …/.search` (RFC 7644 §3.4.3).
    ///
    /// NB: some clients send every value as a string. A number may therefore be a string of digits,
    /// and a list of names one string with commas between them.
    ///
    /// # Errors
    /// [`ScimError::InvalidSyntax`] for a body that is not a SearchRequest; otherwise as
    /// [`Self::of_list`].
    pub fn from_body(body: &[u8]) -> Result<Self, ScimError> {
        let unreadable = |why: &str| ScimError::InvalidSyntax {
            why: format!("the body is not a SearchRequest: {why}"),
        };
        let body: Value = serde_json::from_slice(body).map_err(|_| unreadable("it is not JSON"))?;
        let Value::Object(members) = body else { return Err(unreadable("it is not an object")) };
        let mut request = SearchRequest::default();
        let mut wrong = Vec::new();
        // RFC 7643 §2.5: null and absent are the same state.
        for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            // RFC 7643 §2.1: names are compared without regard to case. Unknown ones are ignored,
            // as in a URL.
            let known = NAMES.iter().chain(&["schemas"]).find(|known| is_named(name, known));
            if let Some((known, Err(expected))) =
                known.map(|known| (known, request.take(known, value)))
            {
                wrong.push(format!("{known} must {expected}"));
            }
        }
        if wrong.is_empty() {
            Self::from_request(request)
        } else {
            Err(unreadable(&wrong.join("; ")))
        }
    }

    fn from_request(request: SearchRequest) -> Result<Self, ScimError> {
        // RFC 7644 §3.9: the two are "mutually exclusive".
        if !request.attributes.is_empty() && !request.excluded_attributes.is_empty() {
            return Err(invalid("attributes and excludedAttributes cannot be used together"));
        }
        // RFC 9865 §2.4: `startIndex` selects paging by index, `cursor` paging by cursor.
        if request.start_index.is_some() && request.cursor.is_some() {
            return Err(invalid("startIndex and cursor cannot be used together"));
        }
        let order = request.sort_order.as_deref().map(|order| order.trim().to_ascii_lowercase());
        let descending = match order.as_deref() {
            None | Some("" | "ascending") => false,
            Some("descending") => true,
            Some(_) => return Err(invalid("sortOrder must be ascending or descending")),
        };
        // NB: the grammar has no empty filter. Clients send one when they mean no filter.
        let filter = request.filter.filter(|filter| !filter.chars().all(char::is_whitespace));
        let sort_by = request.sort_by.map(|by| by.trim().to_owned()).filter(|by| !by.is_empty());
        Ok(Self {
            filter: filter.map(|filter| parse(&filter)).transpose()?,
            sort: sort_by.map(|by| Sort { by, descending }),
            // RFC 7644 §3.4.2.4: "A value less than 1 SHALL be interpreted as 1."
            start_index: request
                .start_index
                .map(|start| usize::try_from(start).unwrap_or(0).max(1)),
            cursor: request.cursor,
            // RFC 7644 §3.4.2.4: "A negative value SHALL be interpreted as "0"."
            count: request.count.map(|count| usize::try_from(count).unwrap_or(0)),
            attributes: request.attributes,
            excluded_attributes: request.excluded_attributes,
        })
    }

    /// Returns the response for one resource of a snapshot. A filter and paging are ignored.
    #[must_use]
    pub fn one(&self, served: &ServedSnapshot, resource: Resource<'_>) -> Bytes {
        match self.projection(resource.resource_type()) {
            None => served.response(resource),
            Some(projection) => render::body(resource, &projection),
        }
    }

    /// Whether the request has `attributes` or `excludedAttributes`.
    pub(super) fn has_projection(&self) -> bool {
        !self.attributes.is_empty() || !self.excluded_attributes.is_empty()
    }

    /// Returns `None` if the request has neither `attributes` nor `excludedAttributes`, so that the
    /// prepared response can be used.
    pub(super) fn projection(&self, resource_type: &'static ResourceType) -> Option<Projection> {
        if !self.attributes.is_empty() {
            Some(Projection::only(resource_type, self.attributes.iter().map(String::as_str)))
        } else if self.excluded_attributes.is_empty() {
            None
        } else {
            Some(Projection::except(
                resource_type,
                self.excluded_attributes.iter().map(String::as_str),
            ))
        }
    }

    /// Returns the query without the paging parameters, in a canonical form: queries that differ
    /// only in the case of names or in the way the filter is written have the same one.
    pub(super) fn canonical(&self) -> String {
        let lower = |names: &[String]| names.join(",").to_ascii_lowercase();
        let filter = self.filter.as_ref().map(Expression::to_string).unwrap_or_default();
        let sort = self
            .sort
            .as_ref()
            .map(|sort| format!("{} {}", sort.by.to_ascii_lowercase(), sort.descending));
        [
            filter,
            sort.unwrap_or_default(),
            lower(&self.attributes),
            lower(&self.excluded_attributes),
        ]
        .join("\n")
    }
}

impl SearchRequest {
    /// Stores a member of a request body.
    ///
    /// # Errors
    /// A phrase that follows "must" and says what the member must be.
    fn take(&mut self, name: &str, value: &Value) -> Result<(), String> {
        let text = || value.as_str().map(str::to_owned).ok_or_else(|| "be a string".to_owned());
        match name {
            "filter" => self.filter = Some(text()?),
            "sortBy" => self.sort_by = Some(text()?),
            "sortOrder" => self.sort_order = Some(text()?),
            "cursor" => self.cursor = Some(text()?),
            "startIndex" => self.start_index = whole(value)?,
            "count" => self.count = whole(value)?,
            "attributes" => self.attributes.extend(list(value).ok_or(NO_LIST)?),
            "excludedAttributes" => self.excluded_attributes.extend(list(value).ok_or(NO_LIST)?),
            // NB: RFC 7644 §3.4.3 requires `schemas`. A body without it is accepted too.
            _ => {
                let named = |urns: Vec<String>| {
                    urns.iter().any(|urn| urn.eq_ignore_ascii_case(urn::SEARCH_REQUEST))
                };
                if !list(value).is_some_and(named) {
                    return Err(format!("contain {}", urn::SEARCH_REQUEST));
                }
            }
        }
        Ok(())
    }
}

/// The requirement for a list of names, to follow "must".
const NO_LIST: &str = "be an array of names, or one string of names separated by commas";

/// Compares without regard to case. Most clients use the exact name, which the first comparison
/// finds.
fn is_named(text: &str, name: &str) -> bool {
    text == name || text.eq_ignore_ascii_case(name)
}

fn invalid(why: &str) -> ScimError {
    ScimError::InvalidValue { why: why.to_owned() }
}

fn must(name: &str, expected: &str) -> ScimError {
    invalid(&format!("{name} must {expected}"))
}

/// The requirement for a number, to follow "must".
const NO_NUMBER: &str = "be a whole number";

/// Parses a whole number. Returns `None` for an empty string, which is treated as an absent
/// parameter.
fn number(text: &str) -> Result<Option<i64>, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(NO_NUMBER);
    }
    // A number that does not fit into `i64` is beyond any list, so it is replaced with the largest
    // one.
    Ok(Some(digits.parse().unwrap_or(i64::MAX) * sign))
}

/// Parses a whole number in JSON. Some clients write `10` as `10.0` or as `"10"`.
fn whole(value: &Value) -> Result<Option<i64>, &'static str> {
    match value {
        Value::String(text) => number(text),
        Value::Number(written) if written.is_f64() => {
            let value = written.as_f64().filter(|value| value.fract() == 0.0);
            number(&format!("{:.0}", value.ok_or(NO_NUMBER)?))
        }
        Value::Number(written) => number(&written.to_string()),
        _ => Err(NO_NUMBER),
    }
}

fn names(list: &str) -> impl Iterator<Item = String> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Parses a list of names: a JSON array of strings, or one string with commas between the names.
fn list(value: &Value) -> Option<Vec<String>> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let texts = items.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
    Some(texts.into_iter().flat_map(names).collect())
}
