//! What can go wrong with the ledger, by what the caller can do about it.

use sea_orm::DbErr;
use time::OffsetDateTime;

use crate::date_time;
use crate::directory::Generation;

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
    /// The database cannot be reached, or refused to do it.
    #[error("the database is not available")]
    Unavailable(#[source] DbErr),
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
            Self::Unavailable(cause) => format!("{self}: {cause}"),
            other => other.to_string(),
        }
    }
}
