//! Sees to it that a SQLite file holds no trace of what was taken out, and that it is still the file that was opened.
//!
//! `secure_delete` has SQLite overwrite what is deleted. What was deleted before that was switched on, what was only
//! changed, and what still stands in the write-ahead log goes when the file is written anew (`VACUUM`) and the log is cut to
//! nothing. PostgreSQL has its own ways; see `docs/privacy.md`.

use std::path::PathBuf;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, QueryFilter, Statement};

use super::entities::erasures;
use super::{Ledger, LedgerError};
use crate::clock::Clock;
use crate::limits;

impl Ledger {
    /// Writes the file anew, without what was taken out of it, and empties the write-ahead log. On PostgreSQL, nothing.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], also where others do not let go of the log in time; then it is to be tried again.
    pub async fn scrub(&self) -> Result<(), LedgerError> {
        let due = erasures::Column::Scrubbed.eq(false);
        if self.database.get_database_backend() == DbBackend::Sqlite {
            self.database.execute_unprepared("VACUUM").await?;
            self.empty_log().await?;
        }
        let update = erasures::Entity::update_many().col_expr(erasures::Column::Scrubbed, Expr::value(true));
        update.filter(due).exec(&self.database).await?;
        Ok(())
    }

    /// Whether something was erased of which the file may still hold a trace.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn scrub_is_due(&self) -> Result<bool, LedgerError> {
        let due = erasures::Entity::find().filter(erasures::Column::Scrubbed.eq(false));
        Ok(due.one(&self.database).await?.is_some())
    }

    /// Brings the write-ahead log of SQLite into the file and cuts it to nothing.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], also where somebody reads an earlier state for too long.
    pub async fn empty_log(&self) -> Result<(), LedgerError> {
        if self.database.get_database_backend() != DbBackend::Sqlite {
            return Ok(());
        }
        for _ in 0..limits::CHECKPOINT_ATTEMPTS {
            let checkpoint = Statement::from_string(DbBackend::Sqlite, "PRAGMA wal_checkpoint(TRUNCATE)");
            let row = self.database.query_one_raw(checkpoint).await?;
            let busy: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
            if busy == 0 {
                return Ok(());
            }
            Clock::System.sleep(limits::CHECKPOINT_PAUSE).await;
        }
        Err(sea_orm::DbErr::Custom("the write-ahead log is in use and cannot be emptied now".to_owned()).into())
    }

    /// Whether the database's file is still the one that was opened.
    ///
    /// # Errors
    /// [`LedgerError::FileGone`] where it was deleted or replaced: what is written goes nowhere then.
    pub fn file_is_there(&self) -> Result<(), LedgerError> {
        match &self.file {
            Some(file) if !file.is_there() => Err(LedgerError::FileGone),
            _ => Ok(()),
        }
    }
}

/// The file of a SQLite database, as it was when it was opened.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    /// The device and the number of the file on it.
    identity: (u64, u64),
}

impl DatabaseFile {
    /// None for a database in memory, and for PostgreSQL.
    pub fn of(database: &DatabaseConnection) -> Option<Self> {
        if database.get_database_backend() != DbBackend::Sqlite {
            return None;
        }
        let options = database.get_sqlite_connection_pool().connect_options();
        let path = options.get_filename().canonicalize().ok()?;
        let identity = identity(&path)?;
        Some(Self { path, identity })
    }

    fn is_there(&self) -> bool {
        identity(&self.path) == Some(self.identity)
    }
}

#[cfg(unix)]
fn identity(path: &std::path::Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(path: &std::path::Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|_| (0, 0))
}
