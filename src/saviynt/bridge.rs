//! The values of the bridge that the package needs, and a file of the package.

use crate::directory::DEFAULT_WORKSPACE;

/// The values of a bridge that the package needs.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// The public URL of the bridge, without a path that belongs to the bridge and without a
    /// trailing slash.
    pub base_url: String,
    /// The name of the workspace in the bridge.
    pub workspace: String,
    /// The largest page size that the bridge allows; Saviynt requests no larger pages.
    pub largest_page: usize,
    /// Whether SCIM lists can be paged by cursor, which shows one state from the first page to the
    /// last.
    pub cursor_pagination: bool,
    /// The rate limit of one client; `None` if there is no limit.
    pub rate: Option<Rate>,
    /// The number of accounts that may be missing from an import. If more are missing, Saviynt
    /// processes none of the removals.
    pub account_threshold: usize,
    /// The same for teams.
    pub team_threshold: usize,
}

impl Bridge {
    /// The name of the connection in EIC. Each workspace has its own connection.
    pub(super) fn connection_name(&self) -> String {
        match self.workspace.as_str() {
            DEFAULT_WORKSPACE => "Intercom_Bridge".to_owned(),
            workspace => format!("Intercom_Bridge_{workspace}"),
        }
    }
}

/// The rate limit of one client.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Requests per second.
    pub per_second: u32,
    /// The number of requests that may be sent at once after an idle period.
    pub burst: u32,
}

/// A file of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The file name.
    pub name: String,
    /// The contents.
    pub contents: Vec<u8>,
}
