//! The picture that is shown now, and the few before it.

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

/// The current picture of a workspace. Reading it never waits: not for an import, not for a swap.
#[derive(Debug)]
pub struct Live {
    picture: ArcSwapOption<Picture>,
    /// The newest last.
    earlier: Mutex<VecDeque<Arc<Picture>>>,
    /// Tells those who wait what is shown.
    shown: watch::Sender<Shown>,
}

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Which generation; 0 before the first.
    pub generation: Generation,
    /// When Intercom last said that it is so, as the run has it that asked: by the clock of the process that made it.
    pub confirmed_at: Option<OffsetDateTime>,
    /// The same, as this process has seen it.
    pub confirmed: Option<Sighting>,
}

impl Shown {
    /// How long ago Intercom said that it is so, at a moment on [`Clock::running`](crate::clock::Clock::running). None where
    /// nobody knows: before the first import, and where the run that asked bears a time in the future.
    #[must_use]
    pub fn age(&self, now: Duration) -> Option<Duration> {
        self.confirmed?.age(now)
    }
}

/// When Intercom said that something is so: as the run has it, and as this process has seen it.
pub(super) type Confirmation = (Option<OffsetDateTime>, Option<Sighting>);

impl Default for Live {
    fn default() -> Self {
        Self { picture: ArcSwapOption::empty(), earlier: Mutex::default(), shown: watch::Sender::new(Shown::default()) }
    }
}

impl Live {
    /// The current picture; none before the first import.
    #[must_use]
    pub fn picture(&self) -> Option<Arc<Picture>> {
        self.picture.load_full()
    }

    /// The picture of an edition, if it is the current one or one of the few before it.
    #[must_use]
    pub fn picture_at(&self, edition: Edition) -> Option<Arc<Picture>> {
        let is_it = |picture: &Arc<Picture>| picture.edition() == edition;
        self.picture().filter(is_it).or_else(|| {
            let earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
            earlier.iter().find(|picture| is_it(picture)).cloned()
        })
    }

    /// What is shown.
    #[must_use]
    pub fn shown(&self) -> Shown {
        *self.shown.borrow()
    }

    /// How long ago Intercom said that it is so; see [`Shown::age`].
    #[must_use]
    pub fn age(&self, now: Duration) -> Option<Duration> {
        self.shown.borrow().age(now)
    }

    /// Waits until what is shown fulfils the condition.
    pub async fn shows(&self, condition: impl FnMut(&Shown) -> bool) -> Shown {
        // The sender lives as long as `self`, so the wait cannot fail.
        self.shown.subscribe().wait_for(condition).await.map_or_else(|_| Shown::default(), |shown| *shown)
    }

    /// Keeps no earlier pictures any more: one is to come with which they share little.
    pub(super) fn forget_earlier(&self) {
        self.earlier.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Shows a new picture, if there is one, and from when on Intercom said that what is shown is so.
    /// With `keeps_before`, the picture that was shown stays among the earlier ones.
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
