//! Removes the traces of deleted data from a SQLite file.
//!
//! With `secure_delete`, SQLite overwrites what is deleted. Data that was deleted before that was
//! enabled, values that were only changed, and copies in the write-ahead log remain until the file
//! is rewritten (`VACUUM`) and the log is truncated. For PostgreSQL, see `docs/privacy.md`.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, Statement};

use super::{Ledger, LedgerError};
use crate::clock::Clock;
use crate::database::entities::erasures;
use crate::limits;

impl Ledger {
    /// Rewrites the file without the deleted data, and truncates the write-ahead log. On
    /// PostgreSQL, both steps are skipped.
    ///
    /// # Errors
    /// [`LedgerError::Database`], also if other connections use the log for too long. Then the
    /// caller must try again.
    pub async fn scrub(&self) -> Result<(), LedgerError> {
        let due = erasures::Column::Scrubbed.eq(false);
        if self.database.connection.get_database_backend() == DbBackend::Sqlite {
            self.database.connection.execute_unprepared("VACUUM").await?;
            self.empty_log().await?;
        }
        let update =
            erasures::Entity::update_many().col_expr(erasures::Column::Scrubbed, Expr::value(true));
        update.filter(due).exec(&self.database.connection).await?;
        Ok(())
    }

    /// Whether the file may still hold traces of an erasure.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn scrub_is_due(&self) -> Result<bool, LedgerError> {
        let due = erasures::Entity::find().filter(erasures::Column::Scrubbed.eq(false));
        Ok(due.one(&self.database.connection).await?.is_some())
    }

    /// Copies SQLite's write-ahead log into the database file and truncates it.
    ///
    /// # Errors
    /// [`LedgerError::Database`], also if another connection reads an earlier state for too
    /// long.
    pub async fn empty_log(&self) -> Result<(), LedgerError> {
        if self.database.connection.get_database_backend() != DbBackend::Sqlite {
            return Ok(());
        }
        for _ in 0..limits::CHECKPOINT_ATTEMPTS {
            let checkpoint =
                Statement::from_string(DbBackend::Sqlite, "PRAGMA wal_checkpoint(TRUNCATE)");
            let row = self.database.connection.query_one_raw(checkpoint).await?;
            let busy: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
            if busy == 0 {
                return Ok(());
            }
            Clock::System.sleep(limits::CHECKPOINT_PAUSE).await;
        }
        Err(sea_orm::DbErr::Custom(
            "the write-ahead log is in use and cannot be emptied now".to_owned(),
        )
        .into())
    }
}
