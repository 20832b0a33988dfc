//! What all requests share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::access::Tokens;
use crate::clock::Clock;
use crate::import::{Health, Nudge};
use crate::ledger::Ledger;
use crate::publish::Live;
use crate::scim::{CursorKey, PageRules};

/// The running bridge, as requests see it.
#[derive(Clone)]
pub struct Service {
    /// Verifies who asks.
    pub tokens: Arc<Tokens>,
    /// Where refused writes are recorded.
    pub ledger: Ledger,
    /// The time.
    pub clock: Clock,
    /// How large pages are.
    pub page_rules: PageRules,
    /// Seals the cursors of walks over lists.
    pub cursor_key: Arc<CursorKey>,
    /// How fresh answers are.
    pub freshness: Freshness,
    /// Where clients reach the bridge, without a slash at its end.
    pub public_url: String,
    /// Every workspace, by name.
    pub workspaces: BTreeMap<String, Arc<Workspace>>,
}

/// How fresh answers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// An older answer is given, and makes the bridge look for changes.
    pub max_age: Duration,
    /// Whether every question waits for what Intercom says now.
    pub read_through: bool,
    /// How long a question waits for that.
    pub max_wait: Duration,
}

/// One workspace, as requests see it.
pub struct Workspace {
    /// Its name in paths and tokens.
    pub name: String,
    /// What is shown.
    pub live: Arc<Live>,
    /// How imports are going.
    pub health: Arc<Health>,
    /// Gets the importer to look again.
    pub nudge: Arc<Nudge>,
}

/// The workspace that the plain settings describe and the short paths are about.
pub const DEFAULT_WORKSPACE: &str = "default";

/// Root of a workspace's SCIM service, without a slash at its end.
#[must_use]
pub fn scim_base_url(public_url: &str, workspace: &str) -> String {
    if workspace == DEFAULT_WORKSPACE {
        format!("{public_url}/scim/v2")
    } else {
        format!("{public_url}/workspaces/{workspace}/scim/v2")
    }
}
