//! The errors of the database, by what the caller can do about them.

use std::io::ErrorKind;

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};

use crate::limits;

/// Why the database could not be read or written. The messages contain no SQL, no password and no
/// row.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file of the SQLite database was deleted or replaced while the bridge had it open.
    #[error(
        "the file of the database is gone: it was deleted or replaced while the bridge runs, and what is written now would be lost"
    )]
    FileGone,
    /// The database cannot be reached, or returned an error.
    #[error("the database is not available")]
    Unavailable(#[source] DbErr),
    /// No connection to the database could be made.
    #[error("the database cannot be reached: {why}")]
    Unreachable {
        /// Why not, without user, password or address.
        why: String,
    },
}

impl From<DbErr> for DatabaseError {
    fn from(error: DbErr) -> Self {
        Self::Unavailable(error)
    }
}

impl DatabaseError {
    /// The error with its cause, for logs and the shell: what the database said, without SQL.
    #[must_use]
    pub fn chain(&self) -> String {
        match self {
            Self::Unavailable(cause) => format!("{self}: {}", why(cause)),
            other => other.to_string(),
        }
    }
}

/// What the database or its driver said, without names.
fn why(error: &DbErr) -> String {
    if no_connection_came_free(error) {
        let seconds = limits::DATABASE_WAIT.as_secs();
        return format!(
            "no connection to it came free within {seconds} s: it cannot be reached, or is too busy"
        );
    }
    let (DbErr::Conn(RuntimeErr::SqlxError(cause))
    | DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))) = error
    else {
        return error.to_string();
    };
    refusal(cause).map_or_else(|| error.to_string(), str::to_owned)
}

/// Whether the connection pool timed out. The pool does not say why.
pub(crate) fn no_connection_came_free(error: &DbErr) -> bool {
    let timed_out = |error: &RuntimeErr| matches!(error, RuntimeErr::SqlxError(error) if matches!(**error, sqlx::Error::PoolTimedOut));
    match error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => true,
        DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error) => timed_out(error),
        _ => false,
    }
}

/// Why a connection could not be made.
pub(crate) fn why_unreachable(error: &sqlx::Error) -> String {
    if let Some(refusal) = refusal(error) {
        return refusal.to_owned();
    }
    match error {
        sqlx::Error::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => {
                "nothing listens at its address (connection refused)".to_owned()
            }
            ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof => {
                "it closed the connection at once".to_owned()
            }
            // The driver's message names the step that failed, such as resolving the host or
            // reaching the network.
            _ => error.to_string(),
        },
        sqlx::Error::Tls(error) => format!("TLS: {error}"),
        sqlx::Error::PoolTimedOut => {
            format!("it did not answer within {} s", limits::DATABASE_WAIT.as_secs())
        }
        error => error.to_string(),
    }
}

/// What an error of PostgreSQL means. PostgreSQL's own text names the user.
fn refusal(error: &sqlx::Error) -> Option<&'static str> {
    match error.as_database_error()?.code()?.as_ref() {
        "28P01" | "28000" => Some("it refuses the user or the password"),
        "3D000" => Some("it has no database of that name"),
        "42501" => Some("its user may not do that; let them own the database, or grant it"),
        "53300" => Some("it has no connection left; raise its max_connections, or end others'"),
        "57P03" => Some("it is starting up, or shutting down"),
        _ => None,
    }
}
