//! The files that an administrator of Saviynt EIC pastes into a REST connection: the templates of
//! `config/saviynt/`, filled in for one bridge. This module has no side effects.
//!
//! ```text
//! template    the template files and the values that replace their placeholders
//! transport   the same parameters as a transport package, which EIC imports as one file
//! ```

mod template;
mod transport;

use time::OffsetDateTime;

use crate::directory::DEFAULT_WORKSPACE;

pub use template::Style;
pub use transport::TransportError;

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
    fn connection_name(&self) -> String {
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

/// Returns all files of the package. `made_at` is the time that the transport package states.
///
/// # Errors
/// [`TransportError`] if the transport package cannot be built.
pub fn package(
    bridge: &Bridge,
    style: Style,
    made_at: OffsetDateTime,
) -> Result<Vec<File>, TransportError> {
    let texts = template::rendered(bridge, style);
    let mut files: Vec<File> = texts
        .iter()
        .map(|(name, text)| File { name: (*name).to_owned(), contents: text.clone().into_bytes() })
        .collect();
    files.push(transport::package(&texts, &bridge.connection_name(), &bridge.base_url, made_at)?);
    Ok(files)
}

#[cfg(test)]
mod tests;
