//! What can go wrong with the ledger, by what the caller can do about it.

use std::io::ErrorKind;

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};
use time::OffsetDateTime;

use crate::date_time;
use crate::directory::Generation;
use crate::limits;

/// Why the ledger could not do what it was asked. The texts hold no SQL, no password and no row.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The plan was made from another generation than the latest: make a new one.
    #[error("another import was committed meanwhile (made from generation {expected}, found {found})")]
    Stale {
        /// What the plan was made from.
        expected: Generation,
        /// What is the latest.
        found: Generation,
    },
    /// What is asked for was taken out of the ledger.
    #[error("the ledger keeps nothing of before {}", date_time::written(*since))]
    Pruned {
        /// From when on everything is kept.
        since: OffsetDateTime,
    },
    /// A position in the history that this ledger does not have.
    #[error("the ledger has no such place in its history")]
    NoSuchPosition,
    /// Somebody else imports the workspace now: this import can never be recorded.
    #[error("another process has taken over the imports of this workspace")]
    LeaseLost,
    /// Somebody whose data is to be erased is in the workspace, so the next import would bring it back.
    #[error("this person is in the workspace")]
    StillThere,
    /// The file of the SQLite database was deleted or replaced while the bridge has it open.
    #[error(
        "the file of the database is gone: it was deleted or replaced while the bridge runs, and what is written now would be lost"
    )]
    FileGone,
    /// The database cannot be reached, or refused to do it.
    #[error("the database is not available")]
    Unavailable(#[source] DbErr),
    /// No connection to the database could be made.
    #[error("the database cannot be reached: {why}")]
    Unreachable {
        /// Why not, without user, password or address.
        why: String,
    },
    /// A row that the bridge did not write so.
    #[error("the ledger holds something unreadable: {what}")]
    Corrupt {
        /// Which row and column.
        what: String,
    },
}

impl From<DbErr> for LedgerError {
    fn from(error: DbErr) -> Self {
        Self::Unavailable(error)
    }
}

impl LedgerError {
    /// The error with its cause, for logs and the shell: which database said what, without SQL.
    #[must_use]
    pub fn chain(&self) -> String {
        match self {
            Self::Unavailable(cause) => format!("{self}: {}", why(cause)),
            other => other.to_string(),
        }
    }
}

/// What the database or its driver said, in a sentence without names.
fn why(error: &DbErr) -> String {
    if no_connection_came_free(error) {
        let seconds = limits::DATABASE_WAIT.as_secs();
        return format!("no connection to it came free within {seconds} s: it cannot be reached, or is too busy");
    }
    let (DbErr::Conn(RuntimeErr::SqlxError(cause))
    | DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))) = error
    else {
        return error.to_string();
    };
    refusal(cause).map_or_else(|| error.to_string(), str::to_owned)
}

/// Whether it is the pool of connections that gave up; why, it does not say.
pub(super) fn no_connection_came_free(error: &DbErr) -> bool {
    let timed_out = |error: &RuntimeErr| matches!(error, RuntimeErr::SqlxError(error) if matches!(**error, sqlx::Error::PoolTimedOut));
    match error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => true,
        DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error) => timed_out(error),
        _ => false,
    }
}

/// Why a connection could not be made.
pub(super) fn why_unreachable(error: &sqlx::Error) -> String {
    if let Some(refusal) = refusal(error) {
        return refusal.to_owned();
    }
    match error {
        sqlx::Error::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => "nothing listens at its address (connection refused)".to_owned(),
            ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof => "it closed the connection at once".to_owned(),
            // The driver says which of finding the host, reaching the network and so on it was.
            _ => error.to_string(),
        },
        sqlx::Error::Tls(error) => format!("TLS: {error}"),
        sqlx::Error::PoolTimedOut => format!("it did not answer within {} s", limits::DATABASE_WAIT.as_secs()),
        error => error.to_string(),
    }
}

/// What PostgreSQL says to those whom it does not let in; its own words name the user.
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
