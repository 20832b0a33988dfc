//! The pages that people see instead of a page that is refused or does not exist.

use actix_web::HttpRequest;
use actix_web::ResponseError;
use actix_web::http::StatusCode;
use maud::html;

use super::layout::plain_page;
use crate::http::errors::ApiError;
use crate::http::request::negotiation::{HTML, preferred_form};

/// The media type of refusals for programs (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// The paths below these are for programs, whose refusals are JSON whatever they accept.
const FOR_PROGRAMS: [&str; 9] = [
    "/api/",
    "/scim/",
    "/workspaces/",
    "/oauth/",
    "/webhooks/",
    "/.well-known/",
    "/metrics",
    "/healthz",
    "/readyz",
];

/// Whether the refusal of a request should be a page: a browser requested it, and the path is none
/// for programs.
pub fn is_for_people(request: &HttpRequest) -> bool {
    let path = request.match_info().as_str();
    !FOR_PROGRAMS.iter().any(|start| path.starts_with(start))
        && preferred_form(request, &[PROBLEM, HTML]).is_ok_and(|form| form == HTML)
}

/// The page: what is wrong, and what to do.
pub fn page(error: &ApiError) -> String {
    let status = error.status_code();
    let (title, why) = match status {
        StatusCode::NOT_FOUND => (
            "Page not found",
            "There is no page at this address. It may be misspelled, or from another version of the bridge.".to_owned(),
        ),
        StatusCode::TOO_MANY_REQUESTS => (
            "Too many requests",
            "Too many requests came from your network. Wait a minute, then reload the page.".to_owned(),
        ),
        StatusCode::SERVICE_UNAVAILABLE => (
            "Not available now",
            "The bridge or its database is busy or cannot be reached. Reload the page in a minute.".to_owned(),
        ),
        StatusCode::INTERNAL_SERVER_ERROR => (
            "Something went wrong",
            "The bridge could not make this page. Its log has the details.".to_owned(),
        ),
        _ => ("This is not possible", sentence(&error.to_string())),
    };
    plain_page(
        title,
        &html! {
            p { (why) }
            p { a href="/" { "Go to the overview" } }
        },
    )
}

/// The text of an error as a sentence, without the marks around names.
fn sentence(text: &str) -> String {
    let text = text.replace('`', "");
    let mut letters = text.trim_end_matches('.').chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
