//! What all requests share.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::access::Tokens;
use crate::clock::Clock;
use crate::import::Health;
use crate::ledger::Ledger;
use crate::publish::Live;
use crate::scim::PageRules;

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
    /// Where clients reach the bridge, without a slash at its end.
    pub public_url: String,
    /// Every workspace, by name.
    pub workspaces: BTreeMap<String, Workspace>,
}

/// One workspace, as requests see it.
#[derive(Clone)]
pub struct Workspace {
    /// Its name in paths and tokens.
    pub name: String,
    /// What is shown.
    pub live: Arc<Live>,
    /// How imports are going.
    pub health: Arc<Health>,
}

/// The workspace that the short paths are about.
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
