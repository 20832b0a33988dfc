//! The package that an administrator of Saviynt EIC pastes into a REST connection. Pure: the templates of
//! `config/saviynt/`, filled in for one bridge.
//!
//! ```text
//! template    the files, and what is filled in where
//! transport   the same as a transport package, which EIC imports as a whole
//! ```

mod template;
mod transport;

use time::OffsetDateTime;

use crate::directory::DEFAULT_WORKSPACE;

pub use template::Style;
pub use transport::TransportError;

/// The bridge that a package is for.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// Where Saviynt reaches it, without a path of the bridge's own and without a slash at the end.
    pub base_url: String,
    /// The workspace, by its name in the bridge.
    pub workspace: String,
    /// The largest page that it gives; Saviynt asks for no larger ones.
    pub largest_page: usize,
    /// Whether lists of SCIM can be walked by cursor, which keeps to one state from the first page to the last.
    pub cursor_pagination: bool,
    /// Requests a second and at once that one client may make; none where there is no limit.
    pub rate: Option<Rate>,
    /// How many accounts may vanish from one import before Saviynt acts on none of it.
    pub account_threshold: usize,
    /// The same for teams.
    pub team_threshold: usize,
}

impl Bridge {
    /// The name of the connection in EIC: workspaces have connections of their own.
    fn connection_name(&self) -> String {
        match self.workspace.as_str() {
            DEFAULT_WORKSPACE => "Intercom_Bridge".to_owned(),
            workspace => format!("Intercom_Bridge_{workspace}"),
        }
    }
}

/// What one client may ask.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Requests a second.
    pub per_second: u32,
    /// Requests at once, after a rest.
    pub burst: u32,
}

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub contents: Vec<u8>,
}

/// All files of the package, made at that moment.
///
/// # Errors
/// [`TransportError`] when the transport package cannot be put together.
pub fn package(bridge: &Bridge, style: Style, made_at: OffsetDateTime) -> Result<Vec<File>, TransportError> {
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
