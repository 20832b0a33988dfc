//! Responses with HTML, the refusals that pages share, and the parameters of pages.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::IntoResponses;

use crate::http::request::negotiation::HTML;
use crate::http::request::query;
use crate::http::wire::Problem;
use crate::limits;

/// The error responses of all pages that read the database.
#[expect(dead_code, reason = "it describes the answers; `finish` writes them")]
#[derive(IntoResponses)]
pub enum PageRefusals {
    /// Too many requests from one address. `Retry-After` says when to try again. Browsers get a page.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(#[to_schema] Problem),
    /// The database is unavailable. Browsers get a page.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
}

/// Returns a parameter of the query. The page ignores invalid values instead of refusing them.
pub fn parameter(request: &HttpRequest, name: &str) -> Option<String> {
    query::first(request.query_string().as_bytes(), name)
}

/// Returns a short text of the query; `None` if it is missing or empty.
pub fn text(request: &HttpRequest, name: &str) -> Option<String> {
    let value: String = parameter(request, name)?.chars().take(limits::ID_BYTES).collect();
    Some(value).filter(|value| !value.is_empty())
}

/// The number of rows before the page, from the parameter `offset`.
pub fn offset(request: &HttpRequest) -> usize {
    parameter(request, "offset").and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What pages may load: the style sheet and the icon of the bridge, and nothing else. Scripts are
/// not allowed.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                          frame-ancestors 'none'; base-uri 'none'";

/// An HTML response.
pub fn page(status: StatusCode, html: String) -> HttpResponse {
    HttpResponse::build(status)
        .content_type(HTML)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(html)
}
