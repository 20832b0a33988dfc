//! Other processes' commits: PostgreSQL tells of them at once (LISTEN and NOTIFY). SQLite does not, and a notice can be
//! lost with a connection, so whoever waits for notices looks by itself now and then.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};
use sqlx::postgres::PgListener;

use super::{Ledger, LedgerError};

/// The channel that new generations are told on.
const CHANNEL: &str = "intercom_scim_bridge_generations";

/// Tells of new generations.
#[derive(Debug)]
pub struct Notices(Option<PgListener>);

impl Ledger {
    /// Begins to listen for new generations.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn notices(&self) -> Result<Notices, LedgerError> {
        if self.database.get_database_backend() != DbBackend::Postgres {
            return Ok(Notices(None));
        }
        let mut listener =
            PgListener::connect_with(self.database.get_postgres_connection_pool()).await.map_err(failed)?;
        listener.listen(CHANNEL).await.map_err(failed)?;
        Ok(Notices(Some(listener)))
    }
}

impl Notices {
    /// Waits for the next notice; for ever, where the database gives none.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when the connection is lost and cannot be made again.
    pub async fn next(&mut self) -> Result<(), LedgerError> {
        match &mut self.0 {
            Some(listener) => listener.recv().await.map(drop).map_err(failed),
            None => std::future::pending().await,
        }
    }
}

fn failed(error: sqlx::Error) -> LedgerError {
    LedgerError::Unavailable(DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))
}

/// Tells everybody who listens, once the transaction is committed.
pub(super) async fn tell(db: &DatabaseTransaction, workspace: &str) -> Result<(), DbErr> {
    if db.get_database_backend() == DbBackend::Postgres {
        let values = [CHANNEL.into(), workspace.into()];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_notify($1, $2)", values);
        db.execute_raw(statement).await?;
    }
    Ok(())
}
