//! The ledger: its database, and what this process knows of other processes that use it.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::presence::Mark;
use super::watched::ObservedLeases;
use crate::database::Database;

/// The history of all workspaces, and the record of their imports.
#[derive(Clone)]
pub struct Ledger {
    pub(super) database: Database,
    /// Shows other processes that this one is alive. `None` before the first lease.
    pub(super) mark: Arc<Mutex<Option<Mark>>>,
    /// What this process has observed of other processes' leases and queued runs.
    pub(super) watched: ObservedLeases,
}

impl Ledger {
    /// The ledger in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database, mark: Arc::default(), watched: ObservedLeases::default() }
    }

    /// Closes all connections of the database.
    pub async fn close(self) {
        if let Some(mark) = self.mark.lock().await.take() {
            mark.remove().await;
        }
        self.database.close().await;
    }
}
