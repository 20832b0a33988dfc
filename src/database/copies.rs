//! Copies of a SQLite database: makes one while the bridge runs, and checks one before it is used.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use migrations::Migrator;
use sea_orm::{ConnectOptions, ConnectionTrait, DbBackend, Statement};
use sea_orm_migration::MigratorTrait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

use super::{Database, DatabaseError};
use crate::limits;

/// Why a file cannot be used as a ledger.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The file is something else.
    #[error("it is not a database of this bridge")]
    NotALedger,
    /// A newer version of the bridge has migrated it.
    #[error(
        "it was written by a newer version of the bridge (it has the migration {migration}); use that version"
    )]
    Newer {
        /// The first migration that this version does not know.
        migration: String,
    },
    /// SQLite's integrity check failed.
    #[error("it is damaged: {first}")]
    Damaged {
        /// The first message of SQLite.
        first: String,
    },
    /// The file cannot be read.
    #[error("it cannot be read: {}", _0.chain())]
    Database(#[from] DatabaseError),
}

impl From<sea_orm::DbErr> for CopyError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Database(error.into())
    }
}

/// The file of a SQLite database. `None` for a database in memory and for PostgreSQL.
#[must_use]
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    if !url.starts_with("sqlite:") || url.contains(":memory:") || url.contains("mode=memory") {
        return None;
    }
    Some(SqliteConnectOptions::from_str(url).ok()?.get_filename().to_owned())
}

impl Database {
    /// Opens a file that no other process has open. Creates no files beside it.
    ///
    /// # Errors
    /// [`CopyError::NotALedger`] for a file that SQLite cannot open; any other error that keeps it
    /// from being read.
    pub async fn open_copy(file: &Path, read_only: bool) -> Result<Self, CopyError> {
        let file = file.to_owned();
        let mut options = ConnectOptions::new("sqlite://copy");
        // With the journal mode `DELETE`, SQLite's default, no journal is left after a transaction.
        options
            .max_connections(1)
            .sqlx_logging(false)
            .acquire_timeout(limits::DATABASE_WAIT)
            .map_sqlx_sqlite_opts(move |sqlite| {
                let sqlite = sqlite.filename(&file).create_if_missing(false);
                if read_only {
                    sqlite.read_only(true).immutable(true)
                } else {
                    sqlite.journal_mode(SqliteJournalMode::Delete)
                }
            });
        let connection = sea_orm::Database::connect(options).await.map_err(unreadable)?;
        Ok(Self::unwatched(connection))
    }

    /// Writes a consistent copy of the whole database into a file that is empty or does not exist,
    /// while other processes read and write the database. SQLite only.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`].
    pub async fn copy_into(&self, file: &str) -> Result<(), DatabaseError> {
        let statement =
            Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [file.into()]);
        self.connection.execute_raw(statement).await?;
        Ok(())
    }

    /// Checks that a copy is a ledger that this version can use, and that it is not damaged.
    /// Returns how many migrations are pending.
    ///
    /// # Errors
    /// A [`CopyError`] that says what is wrong with it.
    pub async fn inspect(&self) -> Result<usize, CopyError> {
        let tables = self
            .column("SELECT name FROM sqlite_master WHERE type = 'table'")
            .await
            .map_err(unreadable)?;
        if !["seaql_migrations", "imports", "generations", "user_versions"]
            .iter()
            .all(|name| tables.iter().any(|table| table == name))
        {
            return Err(CopyError::NotALedger);
        }
        let first =
            self.column("PRAGMA integrity_check(1)").await.map_err(unreadable)?.into_iter().next();
        if let Some(first) = first.filter(|first| first != "ok") {
            return Err(CopyError::Damaged { first });
        }
        let known: Vec<String> =
            Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
        let applied = self.column("SELECT version FROM seaql_migrations ORDER BY version").await?;
        if let Some(newer) = applied.iter().find(|name| !known.contains(name)) {
            return Err(CopyError::Newer { migration: newer.clone() });
        }
        Ok(known.len().saturating_sub(applied.len()))
    }

    /// The first column of a query's rows, as texts.
    async fn column(&self, sql: &str) -> Result<Vec<String>, sea_orm::DbErr> {
        let rows =
            self.connection.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    }
}

/// Interprets SQLite's error about a file that it cannot read.
fn unreadable(error: sea_orm::DbErr) -> CopyError {
    let text = error.to_string();
    if text.contains("file is not a database") {
        CopyError::NotALedger
    } else if text.contains("malformed") {
        CopyError::Damaged {
            first: "its pages do not make sense (database disk image is malformed)".to_owned(),
        }
    } else {
        error.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_database_is_known_if_it_has_one() {
        let file = |url| sqlite_file(url).map(|file| file.display().to_string());
        assert_eq!(file("sqlite://bridge.db?mode=rwc").as_deref(), Some("bridge.db"));
        assert_eq!(
            file("sqlite:///var/lib/my%20bridge.db").as_deref(),
            Some("/var/lib/my bridge.db")
        );
        assert_eq!(file("sqlite:bridge.db").as_deref(), Some("bridge.db"));
        for none in ["sqlite::memory:", "sqlite://x?mode=memory", "postgres://db.example/bridge"] {
            assert_eq!(file(none), None);
        }
    }
}
