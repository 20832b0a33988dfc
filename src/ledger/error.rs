//! The errors of the ledger, by what the caller can do about them.

use sea_orm::DbErr;
use time::OffsetDateTime;

use crate::database::DatabaseError;
use crate::date_time;
use crate::directory::Generation;

/// Why an operation of the ledger failed. The messages contain no SQL, no password and no row.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The plan was made from a generation that is not the latest any more. Make a new one.
    #[error(
        "another import was committed meanwhile (made from generation {expected}, found {found})"
    )]
    Stale {
        /// The generation that the plan was made from.
        expected: Generation,
        /// The latest generation.
        found: Generation,
    },
    /// What was requested was pruned.
    #[error("the history from before {} was pruned", date_time::written(*since))]
    Pruned {
        /// The time since which everything is kept.
        since: OffsetDateTime,
    },
    /// A position in the history that this ledger does not have.
    #[error("this position is not in the ledger's history")]
    NoSuchPosition,
    /// Another process imports the workspace now, so this import can never be recorded.
    #[error("another process has taken over the imports of this workspace")]
    LeaseLost,
    /// The person whose data is to be erased is in the workspace, so the next import would bring
    /// the data back.
    #[error("this person is in the workspace")]
    StillThere,
    /// The bridge did not write this row, or not in this form.
    #[error("the ledger holds something unreadable: {what}")]
    Corrupt {
        /// The row and the column.
        what: String,
    },
    /// The database could not be read or written.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<DbErr> for LedgerError {
    fn from(error: DbErr) -> Self {
        Self::Database(error.into())
    }
}

impl LedgerError {
    /// The error with its cause, for logs and the shell: what the database said, without SQL.
    #[must_use]
    pub fn chain(&self) -> String {
        match self {
            Self::Database(error) => error.chain(),
            other => other.to_string(),
        }
    }
}
