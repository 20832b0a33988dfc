//! What metrics say about the roster.

use std::sync::Arc;

use time::OffsetDateTime;

use super::{Identities, Overview, Shown};
use crate::clock::age;
use crate::directory::Directory;
use crate::ledger::LedgerError;
use crate::roster::is_stale;

/// The roster of a workspace, in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterStanding {
    /// The version in force.
    pub version: u64,
    /// When the source last had exactly these people.
    pub confirmed_at: OffsetDateTime,
    /// Active accounts without a person.
    pub unmatched: usize,
    /// Active accounts of people who have left.
    pub terminated_active: usize,
    /// Service accounts without an active owner.
    pub ownerless: usize,
    /// The version that is held.
    pub held: Option<u64>,
}

/// Why the last pull failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullFailure {
    /// A sentence without personal data.
    pub why: String,
}

impl Identities {
    /// The standing as last computed; `None` without a roster.
    #[must_use]
    pub fn standing(&self) -> Option<Arc<RosterStanding>> {
        self.standing.load_full()
    }

    /// Why the last pull failed; `None` if it succeeded, or if there was none.
    #[must_use]
    pub fn pull_failure(&self) -> Option<Arc<PullFailure>> {
        self.pull_failure.load_full()
    }

    /// Records the result of a pull.
    pub fn note_pull(&self, failure: Option<PullFailure>) {
        self.pull_failure.store(failure.map(Arc::new));
    }

    /// Whether the roster is too old for answers without a warning.
    #[must_use]
    pub fn is_stale(&self, confirmed_at: OffsetDateTime) -> bool {
        is_stale(confirmed_at, self.clock.now(), self.options.max_age)
    }

    /// Returns a recorded time; `None` if it lies in the future, because a wrong clock recorded it.
    #[must_use]
    pub fn known_time(&self, recorded: OffsetDateTime) -> Option<OffsetDateTime> {
        age(self.clock.now(), recorded).map(|_| recorded)
    }

    /// Computes the standing again if something changed.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn refresh(&self, directory: &Directory) -> Result<(), LedgerError> {
        let Overview { assessment, held, .. } =
            self.overview(Shown { directory, as_of: None }).await?;
        let standing = match assessment {
            Some(assessment) => Some(RosterStanding {
                version: assessment.versions.roster_version,
                confirmed_at: assessment.confirmed_at,
                unmatched: assessment.unmatched.len(),
                terminated_active: assessment.terminated_count(),
                ownerless: assessment.ownerless.len(),
                held,
            }),
            // The first version is held, so that none is in force.
            None => held.map(|held| RosterStanding {
                version: 0,
                confirmed_at: self.clock.now(),
                unmatched: 0,
                terminated_active: 0,
                ownerless: 0,
                held: Some(held),
            }),
        };
        self.standing.store(standing.map(Arc::new));
        Ok(())
    }
}
