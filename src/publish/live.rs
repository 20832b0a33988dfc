//! The picture that is shown now.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::directory::Generation;
use crate::scim::Picture;

/// The current picture of a workspace. Reading it never waits: not for an import, not for a swap.
#[derive(Debug)]
pub struct Live {
    picture: ArcSwapOption<Picture>,
    /// When Intercom last confirmed what is shown.
    confirmed_at: Mutex<Option<OffsetDateTime>>,
    /// Tells those who wait which generation is shown; 0 before the first.
    generation: watch::Sender<Generation>,
}

impl Default for Live {
    fn default() -> Self {
        Self { picture: ArcSwapOption::empty(), confirmed_at: Mutex::new(None), generation: watch::Sender::new(0) }
    }
}

impl Live {
    /// The current picture; none before the first import.
    #[must_use]
    pub fn picture(&self) -> Option<Arc<Picture>> {
        self.picture.load_full()
    }

    /// When Intercom last said that it is so.
    #[must_use]
    pub fn confirmed_at(&self) -> Option<OffsetDateTime> {
        *self.confirmed_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a generation that fulfils the condition is shown.
    pub async fn shows(&self, condition: impl FnMut(&Generation) -> bool) -> Generation {
        // The sender lives as long as `self`, so the wait cannot fail.
        self.generation.subscribe().wait_for(condition).await.map_or(0, |generation| *generation)
    }

    pub(super) fn swap(&self, picture: Picture) {
        let generation = picture.generation();
        self.picture.store(Some(Arc::new(picture)));
        self.generation.send_replace(generation);
    }

    pub(super) fn confirm(&self, at: Option<OffsetDateTime>) {
        *self.confirmed_at.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}
