//! What requests and answers say of themselves in headers: media types, versions, links.

use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, LINK};
use actix_web::{HttpRequest, HttpResponse};

use crate::scim::{Next, ScimError};

/// What the media type of an answer can be.
const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The media type of the answer.
///
/// RFC 7644 §3.8: "Service providers MUST support the "Accept" header … application/scim+json" and "MAY support"
/// application/json: those who accept only that get it by name.
pub fn content_type(request: &HttpRequest) -> Result<HeaderValue, ScimError> {
    // What nearly everybody sends.
    match request.headers().get(ACCEPT).map(HeaderValue::as_bytes) {
        None | Some(b"*/*" | b"application/scim+json") => return Ok(SCIM_JSON),
        Some(_) => {}
    }
    // RFC 9110 §12.4.2: "a value of 0 means "not acceptable"". Other weights change nothing between two equal forms.
    let refused = |range: &&str| range.split(';').skip(1).any(|part| ["q=0", "q=0.0"].contains(&part.trim()));
    let ranges: Vec<String> = listed(request, &ACCEPT)
        .filter(|range| !refused(range))
        .map(media_type)
        .filter(|range| !range.is_empty())
        .collect();
    let accepts = |kind: &str| ranges.iter().any(|range| range == kind);
    if ["application/scim+json", "*/*", "application/*"].into_iter().any(accepts) {
        Ok(SCIM_JSON)
    } else if accepts("application/json") {
        Ok(JSON)
    } else {
        Err(ScimError::NotAcceptable)
    }
}

/// Refuses a body that says it is something else than SCIM; one that does not say is read.
pub fn expect_scim_body(request: &HttpRequest) -> Result<(), ScimError> {
    match request.headers().get(CONTENT_TYPE).map(|value| value.to_str().map(media_type)) {
        None => Ok(()),
        Some(Ok(kind)) if SCIM_JSON == kind || JSON == kind => Ok(()),
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

/// One document a line.
pub const LINES: &str = "application/x-ndjson";

/// Whether the client asks for a media type by its name.
pub fn accepts(request: &HttpRequest, media_type: &str) -> bool {
    listed(request, &ACCEPT).any(|accepted| {
        let mut parts = accepted.split(';').map(str::trim);
        let named = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(media_type));
        // RFC 9110 §12.4.2: a weight of 0 means "not acceptable".
        named && !parts.any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

fn listed<'r>(request: &'r HttpRequest, name: &HeaderName) -> impl Iterator<Item = &'r str> {
    request.headers().get_all(name).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','))
}

/// Without parameters such as `charset`.
fn media_type(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
