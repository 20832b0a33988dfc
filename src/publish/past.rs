//! Earlier states, read from the ledger when somebody asks for them.

use std::collections::VecDeque;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::Mutex;

use crate::directory::{Directory, Generation};
use crate::ledger::{Ledger, LedgerError};
use crate::limits;

/// The states of one workspace at earlier generations. The last few are kept, since a walk asks for one again and again.
pub struct Past {
    workspace: String,
    ledger: Ledger,
    /// Held while one is read, so that those who want the same one read it once. The newest last.
    kept: Mutex<VecDeque<Arc<Directory>>>,
}

impl Past {
    /// Prepares reading; nothing is read yet.
    #[must_use]
    pub fn new(workspace: impl Into<String>, ledger: Ledger) -> Self {
        Self { workspace: workspace.into(), ledger, kept: Mutex::default() }
    }

    /// Forgets what was read: something of it has been erased since.
    pub async fn forget(&self) {
        self.kept.lock().await.clear();
    }

    /// The state at a generation, with everybody who was ever there.
    ///
    /// # Errors
    /// [`LedgerError::Pruned`] when it is not known any more, or whatever keeps the ledger from being read.
    pub async fn at(&self, generation: Generation) -> Result<Arc<Directory>, LedgerError> {
        let mut kept = self.kept.lock().await;
        if let Some(directory) = kept.iter().find(|directory| directory.edition.generation == generation) {
            return Ok(Arc::clone(directory));
        }
        self.ledger.is_kept(&self.workspace, generation).await?;
        let snapshot = self.ledger.snapshot(&self.workspace, generation).await?;
        let build = move || Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None);
        let directory = Arc::new(
            tokio::task::spawn_blocking(build)
                .await
                .map_err(|_| LedgerError::Corrupt { what: format!("generation {generation} cannot be shown") })?,
        );
        if kept.len() == limits::KEPT_PAST {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&directory));
        Ok(directory)
    }
}
