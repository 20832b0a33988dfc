//! What requests and answers say of themselves in headers: media types, versions, links.

use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, LINK};
use actix_web::{HttpRequest, HttpResponse};

use super::accept;
use crate::scim::{Next, ScimError};

/// What the media type of an answer can be.
const SCIM_JSON: HeaderValue = HeaderValue::from_static(SCIM);
const SCIM: &str = "application/scim+json";
/// What most answers of the import and change API are.
pub const JSON: &str = "application/json";
/// One document a line.
pub const LINES: &str = "application/x-ndjson";
/// Pages for people.
pub const HTML: &str = "text/html; charset=utf-8";

/// The media type of a SCIM answer.
///
/// RFC 7644 §3.8: "Service providers MUST support the "Accept" header … application/scim+json" and "MAY support"
/// application/json.
pub fn content_type(request: &HttpRequest) -> Result<HeaderValue, ScimError> {
    let mut all = request.headers().get_all(ACCEPT);
    // What nearly everybody sends.
    match (all.next().map(HeaderValue::as_bytes), all.next()) {
        (None | Some(b"*/*" | b"application/scim+json"), None) => Ok(SCIM_JSON),
        _ => preferred_form(request, &[SCIM, JSON]).map(HeaderValue::from_static),
    }
}

/// Which of these media types the client prefers for the answer; the first is the usual one.
///
/// NB: refusals have one media type each, whatever the client accepts: RFC 9110 §12.5.1 lets a server "disregard the field",
/// and a refusal says more than another one would. So do the answers of `/healthz` and `/readyz`, whose readers look at the
/// status, and the files under `/docs/`.
pub fn preferred_form(request: &HttpRequest, offers: &[&'static str]) -> Result<&'static str, ScimError> {
    let values = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    let offer = accept::preferred(values, offers).and_then(|number| offers.get(number));
    offer.copied().ok_or_else(|| {
        let names: Vec<&str> = offers.iter().filter_map(|offer| offer.split(';').next()).collect();
        ScimError::NotAcceptable { offered: names.join(" or ") }
    })
}

/// Refuses a body that says it is something else than SCIM; one that does not say is read.
pub fn expect_scim_body(request: &HttpRequest) -> Result<(), ScimError> {
    match request.headers().get(CONTENT_TYPE).map(|value| value.to_str().map(media_type)) {
        None => Ok(()),
        Some(Ok(kind)) if kind == SCIM || kind == JSON => Ok(()),
        Some(_) => Err(ScimError::UnsupportedMediaType),
    }
}

/// Whether a condition (`If-None-Match`, `If-Match`) names this version; none without the condition.
///
/// RFC 9110 §13.1: a list of versions, or `*`. NB: If-Match is compared weakly too, since weak versions are all
/// there are.
pub fn names_version(request: &HttpRequest, condition: &HeaderName, version: &str) -> Option<bool> {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    request
        .headers()
        .contains_key(condition)
        .then(|| listed(request, condition).any(|tag| tag.trim() == "*" || opaque(tag) == opaque(version)))
}

/// `Link` to the next page (RFC 8288), for clients that follow it instead of counting.
pub fn next_link(request: &HttpRequest, address: &str, next: &Next) -> String {
    let (name, value) = match next {
        Next::Index(start) => ("startIndex", start.to_string()),
        Next::Cursor(cursor) => ("cursor", cursor.clone()),
    };
    let others = form_urlencoded::parse(request.query_string().as_bytes());
    let others = others.filter(|(given, _)| !given.eq_ignore_ascii_case(name));
    let mut query = form_urlencoded::Serializer::new(String::new());
    let query = query.extend_pairs(others).append_pair(name, &value).finish();
    format!("<{address}?{query}>; rel=\"next\"")
}

/// Tells of the next page. Some clients look for `Link` letter by letter, where HTTP/1.1 leaves the case to us
/// (RFC 9110 §5.1).
pub fn tell_next(response: &mut HttpResponse, link: &str) {
    if let Ok(link) = HeaderValue::from_str(link) {
        response.headers_mut().insert(LINK, link);
        response.head_mut().set_camel_case_headers(true);
    }
}

fn listed<'r>(request: &'r HttpRequest, name: &HeaderName) -> impl Iterator<Item = &'r str> {
    request.headers().get_all(name).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','))
}

/// Without parameters such as `charset`.
fn media_type(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
