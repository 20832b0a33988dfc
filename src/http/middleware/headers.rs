//! Headers that protect every response: caching, sniffing, HSTS, and what Swagger UI may load.

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};

/// RFC 6797: for a year, browsers reach this host by HTTPS only. Without `includeSubDomains`: the
/// bridge knows nothing about other hosts of the domain.
pub const STRICT_TRANSPORT: &str = "max-age=31536000";

/// Swagger UI needs inline styles and `data:` images. It may load nothing from elsewhere, nor be
/// shown in a frame.
const VIEWER_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
                             img-src 'self' data:; frame-ancestors 'none'";

/// Adds the protecting headers to a response.
pub fn add(response: &mut ServiceResponse<BoxBody>, is_secure: bool) {
    let refused = response.status().is_client_error() || response.status().is_server_error();
    let is_of_viewer = response.request().path().starts_with("/docs/");
    // Handlers of cacheable responses (public keys, style sheets) set the header themselves.
    // Swagger UI's files are public, so they may be stored.
    if refused || !response.headers().contains_key(CACHE_CONTROL) {
        let kept = if is_of_viewer && !refused { "no-cache" } else { "no-store" };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    }
    if is_of_viewer {
        let policy = HeaderValue::from_static(VIEWER_POLICY);
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // RFC 6797 §7.2: "An HSTS Host MUST NOT include the STS header field in HTTP responses conveyed
    // over non-secure transport."
    if is_secure {
        response
            .headers_mut()
            .insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(STRICT_TRANSPORT));
    }
}
