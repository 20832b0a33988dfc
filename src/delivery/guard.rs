//! Keeps the HTTP client from connecting to addresses that an endpoint must not have.
//!
//! The client connects only to addresses that [`GuardedResolver`] returns. So the address that was
//! checked is the one that is used, also if the name has other addresses a moment later. A host
//! that is an address needs no resolver, and is checked by [`check_host`].

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::notifications::{AddressKind, DeliveryFailure, kind_of, may_connect};

/// Resolves names to addresses to which an endpoint may be connected.
pub(super) struct GuardedResolver {
    pub allows_private: bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allows_private = self.allows_private;
        Box::pin(async move {
            // The client puts the port of the URL in place of 0.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<SocketAddr> =
                found.map_err(|_| Refused(DeliveryFailure::Unresolved))?.collect();
            let allowed = allowed(&found, allows_private).map_err(Refused)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// The addresses to which an endpoint may be connected.
fn allowed(found: &[SocketAddr], allows_private: bool) -> Result<Vec<SocketAddr>, DeliveryFailure> {
    let may = |address: &SocketAddr| may_connect(address.ip(), allows_private);
    let allowed: Vec<SocketAddr> = found.iter().copied().filter(may).collect();
    if !allowed.is_empty() {
        return Ok(allowed);
    }
    let is_private = |address: &SocketAddr| kind_of(address.ip()) == AddressKind::Private;
    Err(match found {
        [] => DeliveryFailure::Unresolved,
        found if found.iter().any(is_private) => DeliveryFailure::PrivateAddress,
        _ => DeliveryFailure::ForbiddenAddress,
    })
}

/// Checks the host of a URL if it is an address.
pub(super) fn check_host(url: &Url, allows_private: bool) -> Result<(), DeliveryFailure> {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match host.parse::<IpAddr>() {
        Ok(address) => allowed(&[SocketAddr::new(address, 0)], allows_private).map(|_| ()),
        Err(_) => Ok(()),
    }
}

/// Why no address was returned. The client wraps it into its own error.
#[derive(Debug)]
struct Refused(DeliveryFailure);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Refused {}

/// The failure of the resolver that an error of the client contains.
pub(super) fn refused(error: &reqwest::Error) -> Option<DeliveryFailure> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(Refused(failure)) = error.downcast_ref::<Refused>() {
            return Some(failure.clone());
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn of_several_addresses_only_the_allowed_ones_are_used() {
        let mixed = addresses(&["10.0.0.1", "1.1.1.1", "169.254.169.254"]);
        assert_eq!(allowed(&mixed, false), Ok(addresses(&["1.1.1.1"])));
        assert_eq!(allowed(&mixed, true), Ok(addresses(&["10.0.0.1", "1.1.1.1"])));
        let private = addresses(&["10.0.0.1", "169.254.169.254"]);
        assert_eq!(allowed(&private, false), Err(DeliveryFailure::PrivateAddress));
        assert_eq!(allowed(&addresses(&["fe80::1"]), true), Err(DeliveryFailure::ForbiddenAddress));
        assert_eq!(allowed(&[], true), Err(DeliveryFailure::Unresolved));
    }

    #[test]
    fn a_host_that_is_an_address_is_checked_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "10.1.2.3",
        ] {
            let url = Url::parse(&format!("https://{host}/hook")).unwrap();
            assert_eq!(check_host(&url, false), Err(DeliveryFailure::PrivateAddress), "{host}");
            assert_eq!(check_host(&url, true), Ok(()), "{host}");
        }
        for host in ["169.254.169.254", "2852039166", "[fe80::1]", "0.0.0.0", "0"] {
            let url = Url::parse(&format!("https://{host}/hook")).unwrap();
            assert_eq!(check_host(&url, true), Err(DeliveryFailure::ForbiddenAddress), "{host}");
        }
        let named = Url::parse("https://hooks.example.com/hook").unwrap();
        assert_eq!(check_host(&named, false), Ok(()));
    }
}
