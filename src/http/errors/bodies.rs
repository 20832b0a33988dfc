//! The body of a refusal: SCIM's form (RFC 7644 §3.12), and the one of all other paths (RFC 9457).

use actix_web::ResponseError;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::ApiError;
use crate::limits;
use crate::scim::{ScimError, error_body};

/// The media type and the body of a refusal. `is_scim`: on a SCIM path.
pub fn body(error: &ApiError, is_scim: bool) -> (&'static str, String) {
    if is_scim {
        ("application/scim+json", scim(error).to_string())
    } else {
        ("application/problem+json", problem(error).to_string())
    }
}

/// Whether a path is under a SCIM root, `/scim/v2` or `/workspaces/{workspace}/scim/v2`.
pub fn is_scim_path(path: &str) -> bool {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    match segments.next() {
        Some("scim") => true,
        Some("workspaces") => segments.nth(1) == Some("scim"),
        _ => false,
    }
}

/// Why the HTTP library refuses a request head with this status.
pub fn unread_head(status: StatusCode) -> ApiError {
    match status {
        StatusCode::REQUEST_TIMEOUT => ApiError::TooSlow,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => ApiError::Problem {
            status,
            code: "head_too_large",
            detail: format!(
                "the request line and the headers are longer than {} bytes; send fewer or shorter headers",
                limits::HEAD_LINE_BYTES
            ),
        },
        _ => ApiError::InvalidSyntax {
            why: "the request is not valid HTTP (RFC 9112), contradicts itself about its length, or has more than 96 headers"
                .to_owned(),
        },
    }
}

/// The body on SCIM paths. Errors that SCIM does not know have no `scimType`.
fn scim(error: &ApiError) -> Value {
    let scim_type = match error {
        ApiError::Scim(error) => error.scim_type(),
        ApiError::InvalidValue { .. } => Some("invalidValue"),
        ApiError::InvalidSyntax { .. } => Some("invalidSyntax"),
        _ => None,
    };
    error_body(error.status_code().as_u16(), scim_type, &error.to_string())
}

/// The body on all other paths, with a `code` for programs.
fn problem(error: &ApiError) -> Value {
    let status = error.status_code();
    if let ApiError::UnsupportedWrite { operation, detail, remedy, recorded } = error {
        return json!({
            "type": "urn:intercom-scim-bridge:problem:unsupported-write",
            "title": "Unsupported write",
            "status": status.as_u16(),
            "code": code(error),
            "operation": operation,
            "detail": detail,
            "remedy": remedy,
            "request": recorded,
        });
    }
    json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "code": code(error),
        "detail": error.to_string(),
    })
}

/// The `code` of an error, for programs.
fn code(error: &ApiError) -> &'static str {
    match error {
        ApiError::Scim(error) => scim_code(error),
        ApiError::InvalidValue { .. } => "invalid_value",
        ApiError::InvalidSyntax { .. } => "invalid_syntax",
        ApiError::Unauthenticated { .. } => "unauthenticated",
        ApiError::Forbidden { .. } => "forbidden",
        ApiError::NotFound { .. } => "not_found",
        ApiError::MethodNotAllowed { .. } => "method_not_allowed",
        ApiError::NotAcceptable { .. } => "not_acceptable",
        ApiError::TooSlow => "too_slow",
        ApiError::PreconditionFailed => "precondition_failed",
        ApiError::TooLarge { .. } => "too_large",
        ApiError::UnsupportedMediaType => "unsupported_media_type",
        ApiError::UnsupportedEncoding => "unsupported_content_encoding",
        ApiError::TooMany(_) => "too_many_requests",
        ApiError::Internal => "internal",
        ApiError::NotImplemented { .. } => "not_implemented",
        ApiError::UnsupportedWrite { .. } => "unsupported_write",
        ApiError::NotReady => "not_ready",
        ApiError::Unavailable { .. } => "unavailable",
        ApiError::Page { .. } => "page",
        ApiError::Problem { code, .. } => code,
    }
}

fn scim_code(error: &ScimError) -> &'static str {
    match error {
        ScimError::InvalidFilter { .. } => "invalid_filter",
        ScimError::InvalidValue { .. } => "invalid_value",
        ScimError::InvalidSyntax { .. } => "invalid_syntax",
        ScimError::InvalidCursor => "invalid_cursor",
        ScimError::ExpiredCursor => "expired_cursor",
        ScimError::InvalidCount { .. } => "invalid_count",
        ScimError::InvalidVersion => "invalid_version",
        ScimError::FilterForbidden => "forbidden",
        ScimError::Internal => "internal",
    }
}
