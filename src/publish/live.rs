//! The current served snapshot of a workspace, and a few earlier ones.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::directory::{Generation, SnapshotId};
use crate::ledger::SeenRun;
use crate::limits;
use crate::scim::ServedSnapshot;

/// The served snapshots of a workspace. Reading the current one never blocks: neither on an import
/// nor on a swap.
#[derive(Debug)]
pub struct Live {
    served: ArcSwapOption<ServedSnapshot>,
    /// The newest is last.
    earlier: Mutex<VecDeque<Arc<ServedSnapshot>>>,
    /// Notifies tasks that wait for a newer state.
    shown: watch::Sender<ServedState>,
}

/// The state that is being served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServedState {
    /// The generation; 0 before the first.
    pub generation: Generation,
    /// When an import last confirmed this state with Intercom, by the clock of the process that ran
    /// the import.
    pub confirmed_at: Option<OffsetDateTime>,
    /// When this process saw that run.
    pub confirmed: Option<SeenRun>,
    /// The time range for which the activity log was read without a gap; `None` if none of it was
    /// read.
    pub log_covered: Option<(OffsetDateTime, OffsetDateTime)>,
}

impl ServedState {
    /// How long ago an import confirmed this state with Intercom, at a time on
    /// [`Clock::running`](crate::clock::Clock::running). `None` if unknown: before the first
    /// import, and if the run's time lies in the future.
    #[must_use]
    pub fn age(&self, now: Duration) -> Option<Duration> {
        self.confirmed?.age(now)
    }
}

impl Default for Live {
    fn default() -> Self {
        Self {
            served: ArcSwapOption::empty(),
            earlier: Mutex::default(),
            shown: watch::Sender::new(ServedState::default()),
        }
    }
}

impl Live {
    /// The current served snapshot; `None` before the first import.
    #[must_use]
    pub fn served(&self) -> Option<Arc<ServedSnapshot>> {
        self.served.load_full()
    }

    /// Returns the served snapshot with this snapshot id, if it is the current one or one of the
    /// earlier ones that are kept.
    #[must_use]
    pub fn served_at(&self, snapshot_id: SnapshotId) -> Option<Arc<ServedSnapshot>> {
        let is_it = |served: &Arc<ServedSnapshot>| served.snapshot_id() == snapshot_id;
        self.served().filter(is_it).or_else(|| {
            let earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
            earlier.iter().find(|served| is_it(served)).cloned()
        })
    }

    /// The state that is being served.
    #[must_use]
    pub fn shown(&self) -> ServedState {
        *self.shown.borrow()
    }

    /// How long ago Intercom confirmed this state; see [`ServedState::age`].
    #[must_use]
    pub fn age(&self, now: Duration) -> Option<Duration> {
        self.shown.borrow().age(now)
    }

    /// Waits until the served state fulfils the condition, and returns it.
    pub async fn shows(&self, condition: impl FnMut(&ServedState) -> bool) -> ServedState {
        // The sender lives as long as `self`, so the wait cannot fail.
        self.shown
            .subscribe()
            .wait_for(condition)
            .await
            .map_or_else(|_| ServedState::default(), |shown| *shown)
    }

    /// Drops the earlier snapshots, because the next one will share little with them.
    pub(super) fn forget_earlier(&self) {
        self.earlier.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Replaces the current snapshot if `served` is given, and the rest of the state. The
    /// generation of `state` follows from the snapshot. With `keeps_before`, the replaced snapshot
    /// stays among the earlier ones.
    pub(super) fn show(
        &self,
        served: Option<ServedSnapshot>,
        state: ServedState,
        keeps_before: bool,
    ) {
        if let Some(served) = served.map(Arc::new)
            && let Some(before) = self.served.swap(Some(Arc::clone(&served)))
            && before.snapshot_id() != served.snapshot_id()
            && keeps_before
        {
            let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
            earlier.push_back(before);
            if earlier.len() > limits::KEPT_GENERATIONS {
                earlier.pop_front();
            }
            for kept in &mut *earlier {
                *kept = Arc::new(kept.beside(&served));
            }
        }
        let generation = self.served().map_or(0, |served| served.snapshot_id().generation);
        self.shown.send_replace(ServedState { generation, ..state });
    }
}
