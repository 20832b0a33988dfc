//! From the ledger to the picture that is shown.

use std::sync::Arc;

use super::Live;
use crate::ledger::{Ledger, LedgerError};
use crate::scim::Picture;

/// Keeps one workspace's [`Live`] picture up with the ledger.
#[derive(Clone)]
pub struct Publisher {
    workspace: String,
    base_url: String,
    ledger: Ledger,
    live: Arc<Live>,
}

impl Publisher {
    /// Prepares publishing; nothing is read yet. `base_url` is the root of the workspace's SCIM service.
    #[must_use]
    pub fn new(workspace: impl Into<String>, base_url: impl Into<String>, ledger: Ledger) -> Self {
        Self { workspace: workspace.into(), base_url: base_url.into(), ledger, live: Arc::default() }
    }

    /// What this publishes to.
    #[must_use]
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Shows the latest generation, if it is not shown already, and takes note of when it was confirmed.
    /// Tells whether a new picture was swapped in.
    ///
    /// # Errors
    /// When the ledger cannot be read; what was shown stays.
    pub async fn refresh(&self) -> Result<bool, LedgerError> {
        let latest = self.ledger.generation(&self.workspace).await?;
        let shown = self.live.picture().map_or(0, |picture| picture.generation());
        let moved = latest != shown;
        if moved {
            let snapshot = self.ledger.snapshot(&self.workspace, latest).await?;
            let base_url = self.base_url.clone();
            // Building takes a second for 100,000 people; requests are answered meanwhile.
            let picture = tokio::task::spawn_blocking(move || Picture::new(snapshot, base_url)).await;
            let picture =
                picture.map_err(|_| LedgerError::Corrupt { what: format!("generation {latest} cannot be shown") })?;
            tracing::info!(
                workspace = %self.workspace, generation = latest, users = picture.user_count(), groups = picture.group_count(),
                "new generation published"
            );
            self.live.swap(picture);
        }
        let confirmed = self.ledger.last_success(&self.workspace).await?;
        self.live.confirm(confirmed.and_then(|run| run.observed_at));
        Ok(moved)
    }
}
