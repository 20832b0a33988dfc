//! The headers of a refusal.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_ENCODING, ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};

use super::ApiError;

/// When a client may try again if a dependency is not available, in seconds.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// The header that this refusal has besides those of every response.
pub fn header(error: &ApiError) -> Option<(HeaderName, HeaderValue)> {
    match error {
        // RFC 6750 §3: no error code without a token, `invalid_token` with an invalid one.
        ApiError::Unauthenticated { token_given, ended } => {
            let code = if *token_given { ", error=\"invalid_token\"" } else { "" };
            let why =
                ended.map_or_else(String::new, |why| format!(", error_description=\"{why}\""));
            Some((WWW_AUTHENTICATE, bearer(&format!("{code}{why}"))))
        }
        ApiError::Forbidden { scope } => Some((
            WWW_AUTHENTICATE,
            bearer(&format!(", error=\"insufficient_scope\", scope=\"{scope}\"")),
        )),
        ApiError::MethodNotAllowed { allowed } => Some((ALLOW, HeaderValue::from_static(allowed))),
        // RFC 9110 §15.5.16: "If the problem was caused by an unsupported content coding, the
        // Accept-Encoding response header field ought to be used to indicate which (if any)
        // content codings would have been accepted".
        ApiError::UnsupportedEncoding => {
            Some((ACCEPT_ENCODING, HeaderValue::from_static("identity")))
        }
        // RFC 6585 §4. In whole seconds: some clients fail on anything else.
        ApiError::TooMany(too_many) => {
            Some((RETRY_AFTER, HeaderValue::from(too_many.whole_seconds())))
        }
        ApiError::NotReady
        | ApiError::Unavailable { .. }
        | ApiError::Problem { status: StatusCode::SERVICE_UNAVAILABLE, .. } => {
            Some((RETRY_AFTER, RETRY_SECONDS))
        }
        _ => None,
    }
}

/// The challenge of RFC 6750 §3, with further parameters.
fn bearer(parameters: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("Bearer realm=\"intercom-scim-bridge\"{parameters}"))
        .unwrap_or_else(|_| HeaderValue::from_static("Bearer"))
}
