//! Gives every refusal its body: those of handlers and extractors, and the framework's own.
//!
//! On SCIM paths the body is that of RFC 7644 §3.12, elsewhere that of RFC 9457. Browsers get a page,
//! unless the path is for programs.

use actix_web::ResponseError;
use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};

use crate::http::errors::{ApiError, bodies, headers};
use crate::http::pages::{POLICY, refusal, refused_page};
use crate::http::request::negotiation::HTML;
use crate::limits;

/// Gives a refusal that has no body of its own yet its body; leaves all other responses unchanged.
pub fn add_body(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    match refusal(&response) {
        Some(error) => with_body(response, &error),
        None => response,
    }
}

/// The refusal of a response that has no body of its own yet; `None` for all other responses.
fn refusal(response: &ServiceResponse<BoxBody>) -> Option<ApiError> {
    if let Some(error) = response.response().error() {
        return Some(
            error
                .as_error::<ApiError>()
                .cloned()
                .unwrap_or_else(|| of_the_framework(error.as_response_error().status_code())),
        );
    }
    if !(response.status().is_client_error() || response.status().is_server_error()) {
        return None;
    }
    // Handlers that send an error status with a body of their own (such as readiness) set its type.
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let own = kind.starts_with(b"application/") || kind.starts_with(b"text/html");
    (!own).then(|| of_the_framework(response.status()))
}

/// Translates the framework's own refusals: of a path or method without a route, or of an
/// unreadable request.
fn of_the_framework(status: StatusCode) -> ApiError {
    match status {
        StatusCode::NOT_FOUND => ApiError::NotFound { what: "this path".to_owned() },
        StatusCode::METHOD_NOT_ALLOWED => {
            ApiError::MethodNotAllowed { allowed: "GET, HEAD, OPTIONS" }
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::UnsupportedMediaType,
        StatusCode::REQUEST_TIMEOUT => ApiError::TooSlow,
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge { limit: limits::REQUEST_BODY_BYTES },
        status if status.is_client_error() => {
            ApiError::InvalidSyntax { why: "the request cannot be read".to_owned() }
        }
        _ => ApiError::Internal,
    }
}

fn with_body(response: ServiceResponse<BoxBody>, error: &ApiError) -> ServiceResponse<BoxBody> {
    if error.status_code() == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(error = ?response.response().error(), "a request failed");
    }
    if let ApiError::Page { status, html } = error {
        let page = refused_page(*status, html.clone());
        return response.into_response(page);
    }
    let is_scim = bodies::is_scim_path(response.request().match_info().as_str());
    let is_page = refusal::is_for_people(response.request());
    let (content_type, body) =
        if is_page { (HTML, refusal::page(error)) } else { bodies::body(error, is_scim) };
    let mut response = response.map_body(|_, _| BoxBody::new(body));
    *response.response_mut().status_mut() = error.status_code();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if is_page {
        let policy = HeaderValue::from_static(POLICY);
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    if let Some((name, value)) = headers::header(error) {
        response.headers_mut().insert(name, value);
    }
    response
}
