//! Section `server`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::Url;

use crate::config::rules::{duration, file, parsed};
use crate::config::setting::section;
use crate::config::values::{networks, origin_url};

section! {
    /// Section `server`: the listeners.
    pub struct Server in "server" {
        /// The address and port to listen on.
        pub bind: SocketAddr = "127.0.0.1:8080",
            parsed("an address and a port, such as 127.0.0.1:8080");

        /// The URL at which clients reach the bridge, for example `https://bridge.example.com`.
        /// Locations and references in responses begin with it. Empty: http:// (https:// with TLS)
        /// and the bind address.
        pub public_url: Option<Url> = "", origin_url().or_empty();

        /// The TLS certificate: the bridge's own first, then the intermediate ones. The bridge
        /// reads it again when the file changes, and on SIGHUP. Empty: plain HTTP, for loopback or
        /// behind a proxy with TLS.
        pub tls_cert: Option<PathBuf> = "",
            file("a file with certificates in PEM format, together with tls_key").or_empty();

        /// The private key of the TLS certificate. The bridge reads it again when the file changes,
        /// and on SIGHUP.
        pub tls_key: Option<PathBuf> = "",
            file("a file with a private key in PEM format, together with tls_cert").or_empty();

        /// The proxies in front of the bridge. Set this if there is a proxy: otherwise all its
        /// clients share its address, in the audit trail and in the limits for invalid tokens and
        /// secrets. Only these proxies may state, with X-Forwarded-For, X-Forwarded-Proto and
        /// X-Forwarded-Host, where a request came from and, if public_url is empty, how the client
        /// reached the bridge. Of several values the last one counts, because the proxy nearest to
        /// the bridge wrote it.
        pub trusted_proxies: Vec<IpNet> = Vec::<&str>::new(), networks();

        /// A second listener for operations, which works even if the first one is overloaded. It
        /// serves /healthz, /readyz and /metrics over plain HTTP, and nothing else. Empty: these
        /// are served on bind only.
        pub ops_bind: Option<SocketAddr> = "",
            parsed("an address and a port, such as 127.0.0.1:9090").or_empty();

        /// How long a stopping bridge (SIGTERM) still accepts and serves requests. Meanwhile each
        /// response tells its client that the connection ends, and /readyz reports that the bridge
        /// is not ready. The bridge stops earlier if no connection is left. off: idle connections
        /// are closed at once.
        pub drain: Option<Duration> = "5s",
            duration(Duration::from_secs(1)..=Duration::from_mins(5), "5s").or_off();
    }
}
