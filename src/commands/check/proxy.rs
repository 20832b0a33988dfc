//! `check`: proxies in front of the bridge.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::report::Report;
use crate::access::PROXY_NOT_TRUSTED;
use crate::clock::{self, Clock};
use crate::commands::output::when;
use crate::config::Config;
use crate::database::AuditEntry;
use crate::limits;
use crate::stores::{AuditQuestion, AuditStore};

/// Reports if the settings suggest a proxy in front of the bridge that `server.trusted_proxies`
/// does not name.
pub fn check_proxy(config: &Config, report: &mut Report) {
    let server = &config.server;
    let named = server.trusted_proxies.len();
    let by_tls_elsewhere = server.tls_cert.is_none()
        && server.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    if named > 0 {
        report.ok(
            "proxy",
            &format!("server.trusted_proxies has {named} addresses or networks, whose X-Forwarded-… headers are believed"),
        );
    } else if by_tls_elsewhere {
        report.warn(
            "proxy",
            "server.public_url is https and the bridge does not terminate TLS, so there is a proxy in \
             front, but server.trusted_proxies is empty: the audit trail shows the proxy's address \
             for all clients, and they share one limit for invalid tokens and secrets; set \
             server.trusted_proxies (BRIDGE_SERVER__TRUSTED_PROXIES) to the address of the proxy, as \
             the bridge sees it",
        );
    }
}

/// Reports proxy headers that the bridge received from untrusted addresses.
pub async fn check_seen_proxies(
    config: &Config,
    store: &AuditStore,
    clock: &Clock,
    report: &mut Report,
) {
    let since = clock::before(clock.now(), limits::UNTRUSTED_PROXY_TOLD);
    let event = Some(PROXY_NOT_TRUSTED.to_owned());
    let question =
        AuditQuestion { since: Some(since), event, everything: true, ..AuditQuestion::default() };
    // Errors of the database are reported by its own check.
    let seen = store.entries(&question, limits::LIST_ITEMS as u64).await.unwrap_or_default();
    let mut latest: BTreeMap<IpAddr, AuditEntry> = BTreeMap::new();
    for entry in seen {
        let address = entry.address.as_deref().and_then(|address| address.parse().ok());
        if let Some(address) = address.filter(|address| !is_trusted(config, *address)) {
            latest.insert(address, entry);
        }
    }
    for (address, entry) in latest.iter().take(limits::UNTRUSTED_PROXIES) {
        report.warn(
            "proxy",
            &format!(
                "on {} the bridge received a request from {address} with proxy headers ({}) and ignored \
                 them, because server.trusted_proxies does not contain that address; if it is your \
                 proxy, add it to server.trusted_proxies (BRIDGE_SERVER__TRUSTED_PROXIES); if not, \
                 the client forged them and you need to do nothing",
                when(entry.at),
                entry.detail.as_deref().unwrap_or("unknown"),
            ),
        );
    }
}

fn is_trusted(config: &Config, address: IpAddr) -> bool {
    config.server.trusted_proxies.iter().any(|network| network.contains(&address))
}
