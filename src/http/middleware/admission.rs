//! Refusals before routing and authentication, which do not depend on the resource.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};

use crate::http::connection::heads::{UnreadableTarget, unreadable_target};
use crate::http::errors::ApiError;
use crate::limits;

/// The refusal of a request whose target or content coding is not accepted anywhere.
pub fn refusal(request: &ServiceRequest) -> Option<ApiError> {
    let too_long = ApiError::TooLarge { limit: limits::REQUEST_TARGET_BYTES };
    if let Some(why) = unreadable_target(request.uri()) {
        return Some(match why {
            UnreadableTarget::TooLong => too_long,
            UnreadableTarget::Unencoded => ApiError::InvalidSyntax {
                why: "the address has characters that must be percent-encoded (RFC 3986, section 2.1): write a space as %20, \
                      a double quote as %22, < as %3C, > as %3E, and other letters by their bytes in UTF-8, such as é as \
                      %C3%A9"
                    .to_owned(),
            },
            UnreadableTarget::NoPath => ApiError::InvalidSyntax {
                why: "the address cannot be read; it must be a path that begins with a slash, such as /scim/v2/Users"
                    .to_owned(),
            },
        });
    }
    let target = request.uri().path_and_query();
    if target.is_some_and(|target| target.as_str().len() > limits::REQUEST_TARGET_BYTES) {
        return Some(too_long);
    }
    is_encoded(request.headers()).then_some(ApiError::UnsupportedEncoding)
}

/// Whether a request has a body with a content coding, such as compression. The bridge decodes
/// none, because a few compressed bytes can expand to very many.
fn is_encoded(headers: &HeaderMap) -> bool {
    // The usual case, first.
    if !headers.contains_key(CONTENT_ENCODING) {
        return false;
    }
    let is_identity = |value: &str| {
        value
            .split(',')
            .map(str::trim)
            .all(|coding| matches!(coding.to_ascii_lowercase().as_str(), "" | "identity"))
    };
    let encoded =
        headers.get_all(CONTENT_ENCODING).any(|value| !value.to_str().is_ok_and(is_identity));
    let length = headers.get(CONTENT_LENGTH).map(|length| length.as_bytes().trim_ascii());
    let has_body = headers.contains_key(TRANSFER_ENCODING)
        || length.is_some_and(|length| length.iter().any(|digit| *digit != b'0'));
    encoded && has_body
}
