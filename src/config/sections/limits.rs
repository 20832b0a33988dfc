//! Section `limits`.

use std::time::Duration;

use crate::config::rules::{duration, whole};
use crate::config::setting::section;

section! {
    /// Section `limits`: how much clients may use.
    pub struct Limits in "limits" {
        /// The number of requests per second that a client may send in the long run. Beyond it and
        /// burst, the client gets 429 with the time to wait. Each OAuth client, each token of
        /// `token issue` and each subject of a trusted issuer is a client.
        pub requests_per_second: u32 = 1_000u32, whole(0..=1_000_000).note("; 0 for no limit");

        /// The number of requests that a client may send at once after a pause.
        pub burst: u32 = 2_000u32, whole(0..=1_000_000).note("; 0 for no limit");

        /// The number of open connections of all clients. If it is exceeded, the connection that
        /// has been idle for the longest time is closed.
        pub max_connections: usize = 1_024u32, whole(1..=1_000_000);

        /// How long a request (a refused write, or a ticket) stays open for a person to handle.
        /// After that it is closed as `expired`.
        pub request_expiry: Option<Duration> = "180d",
            duration(Duration::from_secs(1)..=Duration::from_hours(3_650 * 24), "180d").or_off();

        /// The number of open connections of one address that is not in server.trusted_proxies. In
        /// IPv6, a network of 64 bits counts as one address. If it is exceeded, the connection that
        /// has been idle for the longest time is closed; if none is idle, the new one is closed.
        pub max_connections_per_address: usize = 256u32,
            whole(0..=1_000_000).note("; 0 for no limit");

        /// The number of exports at a time, of all clients: reviews, and changes as CSV or NDJSON
        /// without a limit. A client gets one at a time, until it has read it. Each takes up to
        /// half a megabyte of memory, and the state that it shows. Further ones wait for up to a
        /// minute.
        pub max_exports: usize = 8u32, whole(1..=1_000);
    }
}
