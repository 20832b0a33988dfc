//! The database that the settings name.

use secrecy::ExposeSecret;

use super::errors::StartError;
use crate::config::Config;
use crate::ledger::{Ledger, LedgerError};

/// Opens the ledger that the settings name and migrates it. Also returns the number of migrations
/// that were applied.
///
/// # Errors
/// [`StartError::Database`].
pub async fn open_ledger(config: &Config) -> Result<(Ledger, usize), StartError> {
    let url = config.database.url.expose_secret();
    let wrong = |error: LedgerError| StartError::database(config, &error);
    let ledger = Ledger::open(url).await.map_err(wrong)?;
    let migrations = ledger.migrate().await.map_err(wrong)?;
    Ok((ledger, migrations))
}
