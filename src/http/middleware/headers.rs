//! Headers that protect every response (caching, sniffing, HSTS), and the warning about proxies
//! that are not trusted.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{
    CACHE_CONTROL, HeaderValue, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::Data;

use crate::access::PROXY_NOT_TRUSTED;
use crate::http::state::service::Service;
use crate::ledger::AuditEntry;

/// RFC 6797: for a year, browsers reach this host by HTTPS only. Without `includeSubDomains`: the
/// bridge knows nothing about other hosts of the domain.
pub const STRICT_TRANSPORT: &str = "max-age=31536000";

/// Adds the protecting headers to a response.
pub fn add(response: &mut ServiceResponse<BoxBody>, is_secure: bool) {
    let refused = response.status().is_client_error() || response.status().is_server_error();
    // Handlers of cacheable responses (public keys, style sheets) set the header themselves.
    // Swagger UI's files are public, so they may be stored.
    if refused || !response.headers().contains_key(CACHE_CONTROL) {
        let is_file = !refused && response.request().path().starts_with("/docs/");
        let kept = if is_file { "no-cache" } else { "no-store" };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(kept));
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

/// Warns, once for each address, that a proxy in front of the bridge is not trusted, in the log and
/// the audit trail.
pub fn warn_not_trusted(request: &HttpRequest, peer: IpAddr, header: &'static str) {
    // The address of an internal proxy identifies no person. A public address may, so it is not
    // logged.
    let shown = if is_inside(peer) {
        peer.to_string()
    } else {
        "a public address, which is in the audit trail".to_owned()
    };
    tracing::warn!(
        peer = shown,
        header,
        "a request came with a header of a proxy, from an address that server.trusted_proxies does not name, so the header is \
         ignored, and all clients behind that address share one limit for bad tokens and secrets. If it is your proxy, set \
         server.trusted_proxies (BRIDGE_SERVER__TRUSTED_PROXIES) to its address; this is said once for each address"
    );
    if let Some(service) = request.app_data::<Data<Service>>() {
        let event = AuditEntry::event(PROXY_NOT_TRUSTED, service.clock.now());
        let detail = Some(format!("header {header}"));
        service.trail.remember(AuditEntry { address: Some(peer.to_string()), detail, ..event });
    }
}

/// Whether an address is loopback, private or link-local.
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_private() || address.is_link_local()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}
