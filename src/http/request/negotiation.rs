//! Headers of requests and responses: media types, versions and links.

use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, LINK};
use actix_web::{HttpRequest, HttpResponse};

use super::{accept, query};
use crate::http::errors::ApiError;
use crate::scim::Next;

/// The media type of SCIM responses, unless the client prefers [`JSON`].
const SCIM_JSON: HeaderValue = HeaderValue::from_static(SCIM);
const SCIM: &str = "application/scim+json";
/// The media type of most responses of the import and change API.
pub const JSON: &str = "application/json";
/// One JSON document on each line.
pub const LINES: &str = "application/x-ndjson";
/// The media type of pages for people.
pub const HTML: &str = "text/html; charset=utf-8";

/// The media type of a SCIM response.
///
/// RFC 7644 §3.8: "Service providers MUST support the "Accept" header … application/scim+json" and
/// "MAY support" application/json.
pub fn content_type(request: &HttpRequest) -> Result<HeaderValue, ApiError> {
    let mut all = request.headers().get_all(ACCEPT);
    // What nearly all clients send.
    match (all.next().map(HeaderValue::as_bytes), all.next()) {
        (None | Some(b"*/*" | b"application/scim+json"), None) => Ok(SCIM_JSON),
        _ => preferred_form(request, &[SCIM, JSON]).map(HeaderValue::from_static),
    }
}

/// The media type that the client prefers among `offers`; without a preference, the first one.
///
/// NB: an error response has one media type, whatever the client accepts (on paths for people it is a
/// page for browsers). RFC 9110 §12.5.1 lets a
/// server "disregard the field", and the actual error says more than a 406 would. The same holds
/// for `/healthz` and `/readyz`, whose clients look at the status, and for the files under
/// `/docs/`.
///
/// # Errors
/// [`ApiError::NotAcceptable`] if the client accepts none of them.
pub fn preferred_form(
    request: &HttpRequest,
    offers: &[&'static str],
) -> Result<&'static str, ApiError> {
    let values = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    let offer = accept::preferred(values, offers).and_then(|number| offers.get(number));
    offer.copied().ok_or_else(|| {
        let names: Vec<&str> = offers.iter().filter_map(|offer| offer.split(';').next()).collect();
        ApiError::NotAcceptable { offered: names.join(" or ") }
    })
}

/// Refuses a body whose `Content-Type` is neither SCIM nor JSON. A body without one is accepted.
pub fn expect_scim_body(request: &HttpRequest) -> Result<(), ApiError> {
    match request.headers().get(CONTENT_TYPE).map(|value| value.to_str().map(media_type)) {
        None => Ok(()),
        Some(Ok(kind)) if kind == SCIM || kind == JSON => Ok(()),
        Some(_) => Err(ApiError::UnsupportedMediaType),
    }
}

/// Whether a condition (`If-None-Match`, `If-Match`) matches this version; `None` without the
/// condition.
///
/// RFC 9110 §13.1: a list of entity tags, or `*`. NB: `If-Match` is compared weakly too, since the
/// bridge has only weak tags.
pub fn names_version(request: &HttpRequest, condition: &HeaderName, version: &str) -> Option<bool> {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    request.headers().contains_key(condition).then(|| {
        listed(request, condition).any(|tag| tag.trim() == "*" || opaque(tag) == opaque(version))
    })
}

/// The URL of the next page of a SCIM list. `address` is the URL of the list without its query.
pub fn next_url(request: &HttpRequest, address: &str, next: &Next) -> String {
    let (name, value) = match next {
        Next::Index(start) => ("startIndex", start.to_string()),
        Next::Cursor(cursor) => ("cursor", cursor.clone()),
    };
    let mut parameters = query::pairs(request.query_string().as_bytes());
    parameters.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
    parameters.push((name.to_owned(), value));
    format!("{address}?{}", query::encode(parameters))
}

/// Sets `Link` to the next page (RFC 8288), for clients that follow links instead of counting.
pub fn set_next_link(response: &mut HttpResponse, url: &str) {
    set_link(response, &format!("<{url}>; rel=\"next\""));
}

/// Sets `Link`, and writes the header names of the response in their usual case: some clients
/// compare the name `Link` case-sensitively, contrary to RFC 9110 §5.1.
pub fn set_link(response: &mut HttpResponse, link: &str) {
    if let Ok(link) = HeaderValue::from_str(link) {
        response.headers_mut().insert(LINK, link);
        response.head_mut().set_camel_case_headers(true);
    }
}

fn listed<'r>(request: &'r HttpRequest, name: &HeaderName) -> impl Iterator<Item = &'r str> {
    request
        .headers()
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
}

/// A media type in lower case, without parameters such as `charset`.
fn media_type(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
