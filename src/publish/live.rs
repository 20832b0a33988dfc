//! The current served snapshot of a workspace, and a few earlier ones.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::directory::{Edition, Generation};
use crate::ledger::Sighting;
use crate::limits;
use crate::scim::Picture;

/// The served snapshots of a workspace. Reading the current one never blocks: neither on an import nor on a swap.
#[derive(Debug)]
pub struct Live {
    picture: ArcSwapOption<Picture>,
    /// The newest is last.
    earlier: Mutex<VecDeque<Arc<Picture>>>,
    /// Notifies tasks that wait for a newer state.
    shown: watch::Sender<Shown>,
}

/// The state that is being served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The generation; 0 before the first.
    pub generation: Generation,
    /// When an import last confirmed this state with Intercom, by the clock of the process that ran the import.
    pub confirmed_at: Option<OffsetDateTime>,
    /// The same, as this process saw it.
    pub confirmed: Option<Sighting>,
}

impl Shown {
    /// How long ago an import confirmed this state with Intercom, at a time on [`Clock::running`](crate::clock::Clock::running).
    /// `None` if unknown: before the first import, and if the run's time lies in the future.
    #[must_use]
    pub fn age(&self, now: Duration) -> Option<Duration> {
        self.confirmed?.age(now)
    }
}

/// When Intercom confirmed a state: the time in the run, and when this process saw the run.
pub(super) type Confirmation = (Option<OffsetDateTime>, Option<Sighting>);

impl Default for Live {
    fn default() -> Self {
        Self { picture: ArcSwapOption::empty(), earlier: Mutex::default(), shown: watch::Sender::new(Shown::default()) }
    }
}

impl Live {
    /// The current served snapshot; `None` before the first import.
    #[must_use]
    pub fn picture(&self) -> Option<Arc<Picture>> {
        self.picture.load_full()
    }

    /// Returns the served snapshot with this snapshot id, if it is the current one or one of the earlier ones that are
    /// kept.
    #[must_use]
    pub fn picture_at(&self, edition: Edition) -> Option<Arc<Picture>> {
        let is_it = |picture: &Arc<Picture>| picture.edition() == edition;
        self.picture().filter(is_it).or_else(|| {
            let earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
            earlier.iter().find(|picture| is_it(picture)).cloned()
        })
    }

    /// The state that is being served.
    #[must_use]
    pub fn shown(&self) -> Shown {
        *self.shown.borrow()
    }

    /// How long ago Intercom confirmed this state; see [`Shown::age`].
    #[must_use]
    pub fn age(&self, now: Duration) -> Option<Duration> {
        self.shown.borrow().age(now)
    }

    /// Waits until the served state fulfils the condition, and returns it.
    pub async fn shows(&self, condition: impl FnMut(&Shown) -> bool) -> Shown {
        // The sender lives as long as `self`, so the wait cannot fail.
        self.shown.subscribe().wait_for(condition).await.map_or_else(|_| Shown::default(), |shown| *shown)
    }

    /// Drops the earlier snapshots, because the next one will share little with them.
    pub(super) fn forget_earlier(&self) {
        self.earlier.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Replaces the current snapshot if `picture` is given, and sets the time at which Intercom confirmed the state. With
    /// `keeps_before`, the replaced snapshot stays among the earlier ones.
    pub(super) fn show(&self, picture: Option<Picture>, (confirmed_at, confirmed): Confirmation, keeps_before: bool) {
        if let Some(picture) = picture.map(Arc::new)
            && let Some(before) = self.picture.swap(Some(Arc::clone(&picture)))
            && before.edition() != picture.edition()
            && keeps_before
        {
            let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
            earlier.push_back(before);
            if earlier.len() > limits::KEPT_GENERATIONS {
                earlier.pop_front();
            }
            for kept in &mut *earlier {
                *kept = Arc::new(kept.beside(&picture));
            }
        }
        let generation = self.picture().map_or(0, |picture| picture.edition().generation);
        self.shown.send_replace(Shown { generation, confirmed_at, confirmed });
    }
}
