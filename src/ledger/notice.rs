//! Notices of other processes' commits. PostgreSQL sends them at once (LISTEN and NOTIFY). SQLite
//! has none, and a notice can be lost with a connection, so a process that waits for notices also
//! polls from time to time.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};
use sqlx::postgres::PgListener;

use super::{Ledger, LedgerError};

/// The channel for notices of new generations.
const CHANNEL: &str = "intercom_scim_bridge_generations";

/// Receives notices of new generations.
#[derive(Debug)]
pub struct Notices(Option<PgListener>);

impl Ledger {
    /// Starts to listen for new generations.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn notices(&self) -> Result<Notices, LedgerError> {
        if self.database.connection.get_database_backend() != DbBackend::Postgres {
            return Ok(Notices(None));
        }
        let mut listener =
            PgListener::connect_with(self.database.connection.get_postgres_connection_pool())
                .await
                .map_err(failed)?;
        listener.listen(CHANNEL).await.map_err(failed)?;
        Ok(Notices(Some(listener)))
    }
}

impl Notices {
    /// Waits for the next notice. Never returns if the database sends none.
    ///
    /// # Errors
    /// [`LedgerError::Database`] if the connection is lost and cannot be restored.
    pub async fn next(&mut self) -> Result<(), LedgerError> {
        match &mut self.0 {
            Some(listener) => listener.recv().await.map(drop).map_err(failed),
            None => std::future::pending().await,
        }
    }
}

fn failed(error: sqlx::Error) -> LedgerError {
    LedgerError::from(DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))
}

/// Notifies all listeners when the transaction is committed.
pub(super) async fn notify(db: &DatabaseTransaction, workspace: &str) -> Result<(), DbErr> {
    if db.get_database_backend() == DbBackend::Postgres {
        let values = [CHANNEL.into(), workspace.into()];
        let statement =
            Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_notify($1, $2)", values);
        db.execute_raw(statement).await?;
    }
    Ok(())
}
