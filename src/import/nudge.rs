//! How everybody else gets the importer to look again.

use time::OffsetDateTime;
use tokio::sync::{Notify, watch};

/// Asks one workspace's import loop for a run. Any number of askers while a run is under way share the next.
#[derive(Debug, Default)]
pub struct Nudge {
    asked: Notify,
    /// When the last run that ended began.
    ended: watch::Sender<Option<OffsetDateTime>>,
}

impl Nudge {
    /// Asks for a run, soon.
    pub fn ask(&self) {
        self.asked.notify_one();
    }

    /// Waits until somebody asks.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Takes note of the end of a run, successful or not.
    pub fn ended(&self, started_at: OffsetDateTime) {
        self.ended.send_replace(Some(started_at));
    }

    /// Waits for the end of a run that began at that moment or later.
    pub async fn run_since(&self, moment: OffsetDateTime) {
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = self.ended.subscribe().wait_for(|started_at| *started_at >= Some(moment)).await;
    }
}
