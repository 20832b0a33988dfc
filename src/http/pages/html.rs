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

/// The error responses of all pages that read the database.
#[expect(dead_code, reason = "it describes the answers; `finish` writes them")]
#[derive(IntoResponses)]
pub enum PageRefusals {
    /// Too many requests from one address. `Retry-After` says when to try again.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(#[to_schema] Problem),
    /// The database is unavailable.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
}

/// Returns a parameter of the query. The page ignores invalid values instead of refusing them.
pub fn parameter(request: &HttpRequest, name: &str) -> Option<String> {
    query::first(request.query_string().as_bytes(), name)
}

/// An HTML response.
pub fn page(status: StatusCode, html: String) -> HttpResponse {
    let policy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    HttpResponse::build(status)
        .content_type(HTML)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(html)
}
