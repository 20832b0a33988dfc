//! Where a request came from, and under which address the client reached the bridge.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

use super::context::{Forwarded, RequestContext};
use crate::limits;

/// The public address of the bridge, and the proxies that it trusts.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The public URL, without a slash at the end.
    pub public_url: String,
    /// The networks whose `X-Forwarded-…` headers are trusted.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Whether they may also say how the client reached the bridge: true if no public URL is
    /// configured.
    pub may_be_forwarded: bool,
    /// Whether the bridge itself terminates TLS.
    pub has_tls: bool,
    /// Peers that sent such headers without being trusted.
    pub untrusted: Arc<UntrustedPeers>,
}

/// The addresses that sent headers of a proxy although they are not trusted. Each is reported once.
/// There are at most [`limits::UNTRUSTED_PROXIES`], since any client can send such a header.
#[derive(Debug, Default)]
pub struct UntrustedPeers(RwLock<Vec<IpAddr>>);

impl UntrustedPeers {
    /// Adds an address and returns whether it is to be reported.
    fn is_new(&self, peer: IpAddr) -> bool {
        let is_known =
            |known: &Vec<IpAddr>| known.len() >= limits::UNTRUSTED_PROXIES || known.contains(&peer);
        if is_known(&self.0.read().unwrap_or_else(PoisonError::into_inner)) {
            return false;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = !is_known(&known);
        if is_new {
            known.push(peer);
        }
        is_new
    }
}

impl Origin {
    /// Reads the address of the peer and, if the peer is a trusted proxy, its headers.
    #[must_use]
    pub fn forwarding(&self, request: &ServiceRequest) -> Forwarded {
        let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
        self.judge(peer, request.headers())
    }

    /// The URL by which this client reaches the bridge, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        self.forwarded().unwrap_or_else(|| self.public_url.clone())
    }

    /// The URL by which this client reaches the bridge, if a trusted proxy says that it is not the
    /// configured one.
    #[must_use]
    pub fn forwarded(&self) -> Option<String> {
        if self.trusted_proxies.is_empty() {
            return None;
        }
        RequestContext::with(|context| context.forwarded.to.clone()).flatten()
    }

    fn judge(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Forwarded {
        if self.trusted_proxies.is_empty() || !peer.is_some_and(|peer| self.trusts(peer)) {
            let header = forwarding_header(headers);
            let not_trusted = peer.zip(header).filter(|(peer, _)| self.untrusted.is_new(*peer));
            return Forwarded { from: peer, to: None, is_secure: self.has_tls, not_trusted };
        }
        // Each proxy appends the address that it saw. So the last address that is not a trusted
        // proxy is the client; the client may have invented those before it.
        let forwarded = values(headers, "x-forwarded-for");
        let mut hops = forwarded.iter().rev().map_while(|hop| address(hop));
        let client = hops.find(|hop| !self.trusts(*hop));
        let to = self.may_be_forwarded.then(|| forwarded_to(headers)).flatten();
        // The trusted proxy added the last value.
        let is_secure = self.has_tls
            || values(headers, "x-forwarded-proto").pop().is_some_and(|scheme| scheme == "https");
        Forwarded { from: client.or(peer), to, is_secure, not_trusted: None }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }
}

/// The first header of a proxy, if the request has one.
fn forwarding_header(headers: &HeaderMap) -> Option<&'static str> {
    headers.keys().find_map(|name| {
        let name = name.as_str();
        // Cheap, since this runs for every request: few other headers begin with these letters.
        name.starts_with(['x', 'f', 'c', 't'])
            .then(|| FORWARDING.into_iter().find(|known| *known == name))?
    })
}

/// Headers that proxies, load balancers and content delivery networks add, and clients do not.
const FORWARDING: [&str; 12] = [
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-server",
    "x-real-ip",
    "forwarded",
    "cf-connecting-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "fastly-client-ip",
];

/// The URL that the trusted proxy says the client used. Of several values the last counts: those
/// before it came with the request.
fn forwarded_to(headers: &HeaderMap) -> Option<String> {
    let last = |name: &str| values(headers, name).pop();
    let host = last("x-forwarded-host").filter(|host| is_host(host))?;
    let scheme =
        last("x-forwarded-proto").filter(|scheme| matches!(scheme.as_str(), "http" | "https"));
    Some(format!("{}://{host}", scheme.unwrap_or_else(|| "https".to_owned())))
}

/// Whether a text is a host name or an IP address, with or without a port, and so can be put into a
/// URL.
fn is_host(text: &str) -> bool {
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let named = host.len() <= 253 && host.split('.').all(label);
    port.is_none_or(is_port)
        && bracketed.map_or(named, |address| address.parse::<Ipv6Addr>().is_ok())
}

fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    let all = headers.get_all(name).filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(',')).map(|value| value.trim().to_ascii_lowercase()).collect()
}

/// Parses an IP address, with or without a port.
fn address(hop: &str) -> Option<IpAddr> {
    let socket = || hop.parse::<std::net::SocketAddr>().map(|socket| socket.ip());
    let bracketed = || hop.trim_start_matches('[').trim_end_matches(']').parse();
    hop.parse()
        .or_else(|_| socket())
        .or_else(|_| bracketed())
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn origin(may_be_forwarded: bool, has_tls: bool) -> Origin {
        let trusted_proxies =
            ["10.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap()).to_vec().into();
        Origin {
            public_url: String::new(),
            trusted_proxies,
            may_be_forwarded,
            has_tls,
            untrusted: Arc::default(),
        }
    }

    fn forwarding(
        origin: &Origin,
        peer: &str,
        headers: &[(&'static str, &'static str)],
    ) -> Forwarded {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        origin.judge(Some(peer.parse().unwrap()), &map)
    }

    fn judge(
        may_be_forwarded: bool,
        peer: &str,
        headers: &[(&'static str, &'static str)],
    ) -> (String, Option<String>) {
        let forwarded = forwarding(&origin(may_be_forwarded, false), peer, headers);
        (forwarded.from.unwrap().to_string(), forwarded.to)
    }

    #[test]
    fn a_connection_is_encrypted_if_it_ends_here_so_or_the_trusted_proxy_says_so() {
        let secure = |has_tls, peer, proto| {
            forwarding(&origin(false, has_tls), peer, &[("x-forwarded-proto", proto)]).is_secure
        };
        assert!(secure(true, "198.51.100.1", "http") && secure(true, "10.0.0.9", "http"));
        assert!(secure(false, "10.0.0.9", "https") && secure(false, "10.0.0.9", "http, HTTPS"));
        assert!(
            !secure(false, "10.0.0.9", "https, http") && !secure(false, "198.51.100.1", "https")
        );
    }

    #[test]
    fn each_untrusted_proxy_is_reported_once() {
        let origin = origin(true, false);
        let told = |peer: &str, name: &'static str| {
            forwarding(&origin, peer, &[("accept", "x"), (name, "203.0.113.7")]).not_trusted
        };
        let first = "192.0.2.1";
        assert_eq!(told(first, "user-agent"), None);
        assert_eq!(told("10.0.0.9", "x-forwarded-for"), None, "it is trusted");
        assert_eq!(told(first, "forwarded"), Some((first.parse().unwrap(), "forwarded")));
        assert_eq!(told(first, "x-forwarded-for"), None);
        assert_eq!(
            told("192.0.2.2", "x-real-ip"),
            Some(("192.0.2.2".parse().unwrap(), "x-real-ip"))
        );
        for number in 3..=255 {
            told(&format!("192.0.2.{number}"), "x-forwarded-for");
        }
        assert_eq!(origin.untrusted.0.read().unwrap().len(), limits::UNTRUSTED_PROXIES);
        for name in FORWARDING {
            let peer = forwarding_header(&HeaderMap::from_iter([(
                HeaderName::from_static(name),
                HeaderValue::from_static("x"),
            )]));
            assert_eq!(peer, Some(name));
        }
    }

    const FORWARDED: &[(&str, &str)] = &[
        ("x-forwarded-for", "203.0.113.7, 10.1.2.3"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "Bridge.example:8443"),
    ];

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(judge(true, "198.51.100.1", FORWARDED), ("198.51.100.1".to_owned(), None));
        let to = Some("https://bridge.example:8443".to_owned());
        assert_eq!(judge(true, "10.0.0.9", FORWARDED), ("203.0.113.7".to_owned(), to));
        assert_eq!(
            judge(false, "10.0.0.9", FORWARDED).1,
            None,
            "who configured the address meant it"
        );
    }

    #[test]
    fn the_client_is_the_last_hop_that_is_no_proxy_of_ours() {
        for (forwarded, from) in [
            ("1.1.1.1, 203.0.113.7", "203.0.113.7"),
            ("203.0.113.7:4711", "203.0.113.7"),
            ("[2001:db8::1]:443, 10.0.0.1", "2001:db8::1"),
            ("nonsense, 10.0.0.1", "10.0.0.9"),
            ("203.0.113.7, nonsense", "10.0.0.9"),
            ("", "10.0.0.9"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
        ] {
            assert_eq!(
                judge(true, "10.0.0.9", &[("x-forwarded-for", forwarded)]).0,
                from,
                "{forwarded}"
            );
        }
    }

    #[test]
    fn an_invalid_host_is_not_used_in_urls() {
        for host in [
            "evil.example/path",
            "a\"b",
            "",
            "a b",
            "user@host",
            "[[[",
            "..",
            ":80",
            "a:80:80",
            "a:",
            "[::1",
        ] {
            assert_eq!(judge(true, "::1", &[("x-forwarded-host", host)]).1, None, "{host}");
        }
        for host in [
            "b",
            "b.example",
            "b.example:8443",
            "192.0.2.1:80",
            "[2001:db8::1]",
            "[2001:db8::1]:443",
        ] {
            assert_eq!(
                judge(true, "::1", &[("x-forwarded-host", host)]).1,
                Some(format!("https://{host}")),
                "{host}"
            );
        }
        assert_eq!(
            judge(true, "::1", &[("x-forwarded-host", "evil.example, b")]).1.as_deref(),
            Some("https://b")
        );
    }
}
