//! Migrations of the database.

use migrations::Migrator;
use sea_orm_migration::MigratorTrait;

use super::{Ledger, LedgerError};
use crate::clock::Clock;
use crate::limits;

impl Ledger {
    /// Runs the pending migrations and returns how many there were.
    ///
    /// # Errors
    /// [`LedgerError::Database`] when a migration cannot be run.
    pub async fn migrate(&self) -> Result<usize, LedgerError> {
        let mut attempts = limits::MIGRATION_ATTEMPTS;
        loop {
            let migrated = self.migrate_once().await;
            attempts -= 1;
            match migrated {
                // Another process may be running them. The retry then finds them done.
                Err(_) if attempts > 0 => Clock::System.sleep(limits::MIGRATION_PAUSE).await,
                migrated => return migrated,
            }
        }
    }

    async fn migrate_once(&self) -> Result<usize, LedgerError> {
        let pending = Migrator::get_pending_migrations(&self.database.connection).await?.len();
        Migrator::up(&self.database.connection, None).await?;
        self.take_what_is_due().await?;
        self.salt_older_rows().await?;
        self.number_older_entries().await?;
        Ok(pending)
    }
}
