//! The database that the settings name.

use secrecy::ExposeSecret;

use super::errors::StartError;
use crate::config::Config;
use crate::database::Database;
use crate::ledger::LedgerError;
use crate::stores::Stores;

/// Opens the database that the settings name and migrates it. Also returns the number of migrations
/// that were applied.
///
/// # Errors
/// [`StartError::Database`].
pub async fn open_stores(config: &Config) -> Result<(Stores, usize), StartError> {
    let url = config.database.url.expose_secret();
    let wrong = |error: LedgerError| StartError::database(config, &error);
    let database = Database::open(url).await.map_err(|error| wrong(error.into()))?;
    let stores = Stores::new(&database);
    let migrations = stores.ledger.migrate().await.map_err(wrong)?;
    Ok((stores, migrations))
}
