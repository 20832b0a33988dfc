//! From the ledger to the picture that is shown.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::Live;
use crate::directory::Generation;
use crate::ledger::{Ledger, LedgerError, Run, RunId};
use crate::scim::{Names, Picture, resource_types};

/// Keeps one workspace's [`Live`] picture up with the ledger.
#[derive(Clone)]
pub struct Publisher {
    workspace: String,
    base_url: String,
    names: Names,
    ledger: Ledger,
    live: Arc<Live>,
    /// The run that confirmed what is shown. Held while refreshing, so that an older picture never follows a newer one.
    refreshing: Arc<Mutex<Option<RunId>>>,
}

impl Publisher {
    /// Prepares publishing; nothing is read yet. `base_url` is the root of the workspace's SCIM service.
    #[must_use]
    pub fn new(workspace: impl Into<String>, base_url: impl Into<String>, names: Names, ledger: Ledger) -> Self {
        Self {
            workspace: workspace.into(),
            base_url: base_url.into(),
            names,
            ledger,
            live: Arc::default(),
            refreshing: Arc::default(),
        }
    }

    /// What this publishes to.
    #[must_use]
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Shows the latest generation, if it is not shown already, and takes note of when it was confirmed.
    /// Gives the run that confirmed it.
    ///
    /// # Errors
    /// When the ledger cannot be read; what was shown stays.
    pub async fn refresh(&self) -> Result<Option<Run>, LedgerError> {
        let mut refreshing = self.refreshing.lock().await;
        // Asked first: a generation may still be committed after this, but not one that this confirms.
        let confirmed = self.ledger.last_success(&self.workspace).await?;
        let latest = self.ledger.generation(&self.workspace).await?;
        let shown = self.live.picture();
        let moved = match &shown {
            None => latest != 0,
            Some(shown) if shown.generation() != latest => true,
            // Away mode and sign-ins change without a generation, and only by an import.
            Some(_) if confirmed.as_ref().map(|run| run.id) == *refreshing => false,
            Some(shown) => !shown.shows_volatile(&self.ledger.volatile(&self.workspace).await?),
        };
        let picture = if moved { Some(self.picture(latest, shown).await?) } else { None };
        *refreshing = confirmed.as_ref().map(|run| run.id);
        self.live.show(picture, confirmed.as_ref().and_then(|run| run.observed_at));
        Ok(confirmed)
    }

    async fn picture(&self, generation: Generation, previous: Option<Arc<Picture>>) -> Result<Picture, LedgerError> {
        let snapshot = self.ledger.snapshot(&self.workspace, generation).await?;
        let (base_url, names) = (self.base_url.clone(), self.names);
        // Building takes a second for 100,000 people; requests are answered meanwhile.
        let built =
            tokio::task::spawn_blocking(move || Picture::new(snapshot, base_url, names, previous.as_deref())).await;
        let picture =
            built.map_err(|_| LedgerError::Corrupt { what: format!("generation {generation} cannot be shown") })?;
        tracing::info!(
            workspace = %self.workspace, generation, users = picture.count(resource_types::USER),
            groups = picture.count(resource_types::GROUP), "new generation published"
        );
        Ok(picture)
    }
}
