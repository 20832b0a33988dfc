//! The warning about a proxy that is not trusted.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::web::Data;

use crate::access::PROXY_NOT_TRUSTED;
use crate::database::AuditEntry;
use crate::http::state::service::Service;

/// Warns, once for each address, that a proxy in front of the bridge is not trusted, in the log and
/// the audit trail.
pub fn warn(request: &HttpRequest, peer: IpAddr, header: &'static str) {
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
        "a request has a header that proxies add, but its address is not in server.trusted_proxies, so the header is \
         ignored, and all clients behind that address share one limit for invalid tokens and secrets. If it is your proxy, add \
         its address to server.trusted_proxies (BRIDGE_SERVER__TRUSTED_PROXIES). This is logged once for each address"
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
