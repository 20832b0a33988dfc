//! Opens the database for a command.

use secrecy::ExposeSecret;

use super::error::CommandError;
use crate::app::{missing_file, open_stores};
use crate::config::Config;
use crate::stores::Stores;

/// Opens an existing database. Commands that read or change one must not create a new one in the
/// wrong directory.
pub async fn existing_stores(config: &Config) -> Result<Stores, CommandError> {
    if let Some(file) = missing_file(config.database.url.expose_secret()) {
        return Err(CommandError::new(format!(
            "there is no database at {file}; run this command where the bridge runs, with its DATABASE_URL"
        )));
    }
    Ok(open_stores(config).await?.0)
}

/// Opens the database, or creates it. Prints a note if it is created, because this may be the wrong
/// directory.
pub async fn new_or_existing_stores(config: &Config) -> Result<Stores, CommandError> {
    if let Some(file) = missing_file(config.database.url.expose_secret()) {
        eprintln!(
            "note: there was no database, so a new one was created at {file}; check that the bridge runs here"
        );
    }
    Ok(open_stores(config).await?.0)
}
