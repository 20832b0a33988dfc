//! The authenticated client.

use std::sync::Arc;

use super::allowance::Allowance;
use super::scopes::Scope;

/// The authenticated client, as its verified token describes it.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The `sub`.
    pub subject: String,
    /// The unique identity of the client. Subjects are not unique.
    pub identity: String,
    /// The `client_id`, if it is an OAuth client of the bridge.
    pub client: Option<String>,
    /// The `scope`, without unknown words.
    pub scopes: Vec<Scope>,
    /// The `workspaces`.
    pub workspaces: Vec<String>,
    /// The client's rate and concurrency limits.
    pub allowance: Arc<Allowance>,
}

impl Principal {
    /// Whether the token is valid for this workspace.
    #[must_use]
    pub fn opens(&self, workspace: &str) -> bool {
        self.workspaces.iter().any(|name| name == workspace)
    }
}
