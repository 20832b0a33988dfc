//! An endpoint, as the settings describe it.

use std::time::Duration;

use reqwest::Url;

use crate::activity::Format;
use crate::notifications::{Filter, Secrets};

/// An endpoint.
#[derive(Clone)]
pub struct Endpoint {
    /// Its name.
    pub name: String,
    /// The workspace whose events it gets.
    pub workspace: String,
    /// Where messages are sent. It may contain a secret, so it is never logged.
    pub url: Url,
    /// The secrets that sign messages.
    pub secrets: Secrets,
    /// Which events it gets.
    pub filter: Filter,
    /// The form of log entries.
    pub format: Format,
    /// How long the receiver may take to answer.
    pub timeout: Duration,
    /// Whether it may have an address of a private network or of this machine.
    pub allows_private: bool,
}
