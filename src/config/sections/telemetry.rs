//! Section `telemetry`.

use reqwest::Url;

use crate::config::rules::one_of;
use crate::config::setting::section;
use crate::config::values::{log_filter, url};

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

section! {
    /// Section `telemetry`: logs and traces.
    pub struct Telemetry in "telemetry" {
        /// What is logged. The environment variable RUST_LOG takes precedence. Empty: info for
        /// `serve`, warn for other commands. Read again on SIGHUP.
        pub log_level: Option<String> = "", log_filter().or_empty();

        /// The format of log lines.
        pub log_format: LogFormat = "text",
            one_of(&[("text", LogFormat::Text), ("json", LogFormat::Json)]);

        /// The collector of traces, by OTLP over HTTP. Requests, imports and calls to Intercom are
        /// spans. A request with `traceparent` becomes part of its caller's trace. Empty: no traces
        /// are sent.
        pub otlp_endpoint: Option<Url> = "", url("http://127.0.0.1:4318").or_empty();
    }
}
