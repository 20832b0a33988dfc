//! The migrations that a database lacks.

use migrations::Migrator;
use sea_orm_migration::MigratorTrait;

use super::{Database, DatabaseError};

impl Database {
    /// Returns how many migrations are pending, and changes nothing.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when the database cannot be read.
    pub async fn pending_migrations(&self) -> Result<usize, DatabaseError> {
        Ok(Migrator::get_pending_migrations_read_only(&self.connection).await?.len())
    }
}
