//! What all transactions share: options, time limits, insertion of many rows, and errors that mean
//! that another process was faster.

use std::time::Duration;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    Iterable, RuntimeErr, SqlErr, TransactionOptions,
};

use crate::limits;

/// Options for a transaction that will write. On SQLite the write lock is taken at the beginning,
/// because a reader that becomes a writer later can be refused.
pub(crate) fn writing() -> TransactionOptions {
    TransactionOptions {
        sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    }
}

/// Sets, on PostgreSQL, how long the statements of a transaction wait for locks, and how long the
/// transaction may be idle before the server ends it. A process that is suspended, or whose machine
/// has failed, must not keep its locks. On SQLite, a lock ends with its process.
pub(crate) async fn patience(
    db: &DatabaseTransaction,
    lock: Duration,
    idle: Duration,
) -> Result<(), DbErr> {
    if db.get_database_backend() == DbBackend::Postgres {
        for (setting, time) in
            [("lock_timeout", lock), ("idle_in_transaction_session_timeout", idle)]
        {
            db.execute_unprepared(&format!("SET LOCAL {setting} = {}", time.as_millis())).await?;
        }
    }
    Ok(())
}

/// Whether the error means that another connection held a lock.
pub(crate) fn is_busy(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))
    | DbErr::Conn(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    // PostgreSQL: lock_not_available; SQLite: SQLITE_BUSY and SQLITE_BUSY_SNAPSHOT.
    matches!(code.as_deref(), Some("55P03" | "5" | "517"))
}

/// Returns false if another process has inserted a row with the same key.
pub(crate) fn is_new(inserted: Result<u64, DbErr>) -> Result<bool, DbErr> {
    match inserted {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Inserts rows, in statements of at most [`limits::SQL_VALUES`] values.
pub(crate) async fn insert<A: ActiveModelTrait>(
    db: &DatabaseTransaction,
    rows: Vec<A>,
    on_conflict: Option<OnConflict>,
) -> Result<(), DbErr> {
    let columns = <A::Entity as EntityTrait>::Column::iter().count();
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut statement =
            A::Entity::insert_many(rows.by_ref().take(limits::SQL_VALUES / columns));
        if let Some(on_conflict) = &on_conflict {
            statement = statement.on_conflict(on_conflict.clone());
        }
        statement.exec_without_returning(db).await?;
    }
    Ok(())
}
