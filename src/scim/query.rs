//! A question, as clients put it: in the parameters of a URL, or in the body of a `POST …/.search`.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::Value;

use super::ScimError;
use super::filter::{Expression, parse};
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

/// What was asked, before the parts of it are looked at together.
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
                Some("startIndex") => {
                    request.start_index = number(&value).map_err(|expected| must("startIndex", expected))?;
                }
                Some("cursor") => request.cursor = Some(value.into_owned()),
                Some("count") => request.count = number(&value).map_err(|expected| must("count", expected))?,
                // Some clients write a list as one parameter for each of its items.
                Some("attributes") => request.attributes.extend(names(&value)),
                Some("excludedAttributes") => request.excluded_attributes.extend(names(&value)),
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
    /// NB: some clients write every value as a text. A number may be a text of digits, and a list of names one text with
    /// commas between them.
    ///
    /// # Errors
    /// [`ScimError::InvalidSyntax`] for a body that is no SearchRequest, else as [`Self::of_list`].
    pub fn from_body(body: &[u8]) -> Result<Self, ScimError> {
        let unreadable = |why: &str| ScimError::InvalidSyntax { why: format!("the body is no SearchRequest: {why}") };
        let body: Value = serde_json::from_slice(body).map_err(|_| unreadable("it is not JSON"))?;
        let Value::Object(members) = body else { return Err(unreadable("it is not an object")) };
        let (mut request, mut wrong) = (SearchRequest::default(), Vec::new());
        // RFC 7643 §2.5: null and absent are one state.
        for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            // RFC 7643 §2.1: names are compared without regard to case. Unknown ones are ignored, as in a URL.
            let known = NAMES.iter().chain(&["schemas"]).find(|known| is_named(name, known));
            if let Some((known, Err(expected))) = known.map(|known| (known, request.take(known, value))) {
                wrong.push(format!("{known} must {expected}"));
            }
        }
        if wrong.is_empty() { Self::from_request(request) } else { Err(unreadable(&wrong.join("; "))) }
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
        let order = request.sort_order.as_deref().map(|order| order.trim().to_ascii_lowercase());
        let descending = match order.as_deref() {
            None | Some("" | "ascending") => false,
            Some("descending") => true,
            Some(_) => return Err(invalid("sortOrder must be ascending or descending")),
        };
        // NB: the grammar has no empty filter; clients send one when they mean none.
        let filter = request.filter.filter(|filter| !filter.chars().all(char::is_whitespace));
        let sort_by = request.sort_by.map(|by| by.trim().to_owned()).filter(|by| !by.is_empty());
        Ok(Self {
            filter: filter.map(|filter| parse(&filter)).transpose()?,
            sort: sort_by.map(|by| Sort { by, descending }),
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

impl SearchRequest {
    /// Takes a member of a body.
    ///
    /// # Errors
    /// What the member must be, after "must".
    fn take(&mut self, name: &str, value: &Value) -> Result<(), String> {
        let text = || value.as_str().map(str::to_owned).ok_or_else(|| "be a text".to_owned());
        match name {
            "filter" => self.filter = Some(text()?),
            "sortBy" => self.sort_by = Some(text()?),
            "sortOrder" => self.sort_order = Some(text()?),
            "cursor" => self.cursor = Some(text()?),
            "startIndex" => self.start_index = whole(value)?,
            "count" => self.count = whole(value)?,
            "attributes" => self.attributes.extend(list(value).ok_or(NO_LIST)?),
            "excludedAttributes" => self.excluded_attributes.extend(list(value).ok_or(NO_LIST)?),
            // NB: RFC 7644 §3.4.3 has clients send `schemas`; one that leaves it out is understood all the same.
            _ => {
                let named = |urns: Vec<String>| urns.iter().any(|urn| urn.eq_ignore_ascii_case(urn::SEARCH_REQUEST));
                if !list(value).is_some_and(named) {
                    return Err(format!("hold {}", urn::SEARCH_REQUEST));
                }
            }
        }
        Ok(())
    }
}

/// What a list of names must be.
const NO_LIST: &str = "be a list of names, or one text with commas between them";

/// In any case; most write it as it is.
fn is_named(text: &str, name: &str) -> bool {
    text == name || text.eq_ignore_ascii_case(name)
}

fn invalid(why: &str) -> ScimError {
    ScimError::InvalidValue { why: why.to_owned() }
}

fn must(name: &str, expected: &str) -> ScimError {
    invalid(&format!("{name} must {expected}"))
}

/// What a number must be.
const NO_NUMBER: &str = "be a whole number";

/// A whole number; none for an empty text, which says as much as no parameter at all.
fn number(text: &str) -> Result<Option<i64>, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(NO_NUMBER);
    }
    // A number that is larger than any list means the same as one that is just larger.
    Ok(Some(digits.parse().unwrap_or(i64::MAX) * sign))
}

/// The same in JSON, where some write `10` as `10.0` or as `"10"`.
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

/// A list of names in JSON, or one text that holds them.
fn list(value: &Value) -> Option<Vec<String>> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let texts = items.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
    Some(texts.into_iter().flat_map(names).collect())
}
