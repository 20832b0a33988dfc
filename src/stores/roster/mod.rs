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
//! it; its revision shows that.

mod decisions;
mod entities;
mod erasure;
mod tombstones;
mod versions;

use sea_orm::{DatabaseTransaction, TransactionTrait};

pub use erasure::Forgotten;
pub use tombstones::Tombstones;
pub use versions::{
    Acceptance, NewVersion, StoredVersion, VersionState, held_version, version_in_force,
};

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
