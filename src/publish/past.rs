//! Earlier states of a workspace, read from the ledger on demand.

use std::collections::VecDeque;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::Mutex;

use crate::directory::{Directory, Generation};
use crate::ledger::{Ledger, LedgerError};
use crate::limits;

/// The states of one workspace at earlier generations. The last few that were read are cached,
/// since a client that pages through one requests it repeatedly.
pub struct PastStates {
    workspace: String,
    ledger: Ledger,
    /// The cache, most recently read last. Locked during a read, so that concurrent requests for
    /// one generation read it once.
    kept: Mutex<VecDeque<Arc<Directory>>>,
}

impl PastStates {
    /// Creates an empty cache; reads nothing yet.
    #[must_use]
    pub fn new(workspace: impl Into<String>, ledger: Ledger) -> Self {
        Self { workspace: workspace.into(), ledger, kept: Mutex::default() }
    }

    /// Empties the cache, because some of its data was erased.
    pub async fn forget(&self) {
        self.kept.lock().await.clear();
    }

    /// Returns the state at a generation, including everyone who was ever a teammate.
    ///
    /// # Errors
    /// [`LedgerError::Pruned`] if the generation was pruned, or any other error of reading the
    /// ledger.
    pub async fn at(&self, generation: Generation) -> Result<Arc<Directory>, LedgerError> {
        let mut kept = self.kept.lock().await;
        if let Some(directory) =
            kept.iter().find(|directory| directory.snapshot_id.generation == generation)
        {
            return Ok(Arc::clone(directory));
        }
        self.ledger.is_kept(&self.workspace, generation).await?;
        let snapshot = self.ledger.snapshot(&self.workspace, generation).await?;
        let build = move || Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None);
        let directory = Arc::new(tokio::task::spawn_blocking(build).await.map_err(|_| {
            LedgerError::Corrupt { what: format!("generation {generation} cannot be shown") }
        })?);
        if kept.len() == limits::KEPT_PAST {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&directory));
        Ok(directory)
    }
}
