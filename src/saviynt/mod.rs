//! The files that an administrator of Saviynt EIC pastes into a REST connection: the templates of
//! `config/saviynt/`, filled in for one bridge. This module has no side effects.
//!
//! ```text
//! bridge      the values of the bridge, and a file of the package
//! template    the template files and the values that replace their placeholders
//! transport   the same parameters as a transport package, which EIC imports as one file
//! ```

mod bridge;
mod template;
mod transport;

use time::OffsetDateTime;

pub use bridge::{Bridge, File, Rate};
pub use template::Style;
pub use transport::TransportError;

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
