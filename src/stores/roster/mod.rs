//! Rosters in the database: versions with their people, decisions, and what was forgotten.
//!
//! ```text
//! entities    rows of the tables
//! versions    versions and the people in them
//! decisions   decisions about accounts, and their revocations
//! erasure     erases people, and the retention of people and versions
//! tombstones  forgotten people, who must not come back
//! ```
//!
//! Everything is keyed by workspace. A version never changes, except that people are erased from
//! it; [`Stamp`] shows both.

mod decisions;
mod entities;
mod erasure;
mod tombstones;
mod versions;

use sea_orm::{DatabaseTransaction, TransactionTrait};

pub use erasure::Forgotten;
pub use tombstones::Tombstones;
pub use versions::{Acceptance, NewVersion, StoredVersion, VersionState};

use crate::database::Database;
use crate::database::transaction::{patience, writing};
use crate::ledger::{LedgerError, lock};
use crate::limits;

/// The class of the lock under which a workspace's roster changes.
const ROSTER_LOCK: i32 = 0x72_6f73;

/// The rosters of all workspaces.
#[derive(Clone)]
pub struct RosterStore {
    database: Database,
}

/// What answers about a roster depend on, besides the directory. Equal stamps give equal answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The version in force; 0 without one.
    pub version: u64,
    /// How often people were erased from the roster.
    pub revision: u64,
    /// The number of the newest decision or revocation; 0 without one.
    pub decisions: u64,
    /// The version that is held, if it is newer than the one in force.
    pub held: Option<u64>,
}

impl RosterStore {
    /// The rosters in this database.
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Begins a transaction in which only this process changes the workspace's roster.
    async fn changing(&self, workspace: &str) -> Result<DatabaseTransaction, LedgerError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
        lock(&db, ROSTER_LOCK, workspace).await?;
        Ok(db)
    }
}

/// Numbers of versions and decisions are positive, and small enough for the database's integers.
fn to_row(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn from_row(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn corrupt(what: &str) -> LedgerError {
    LedgerError::Corrupt { what: what.to_owned() }
}
