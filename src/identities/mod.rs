//! Who holds which account, for a running bridge and for commands: imports rosters, records
//! decisions, and evaluates them against the directory.
//!
//! ```text
//! options     the settings
//! error       why something cannot be done
//! author      who does something, for the audit trail
//! importing   a new version of the roster: import, accept
//! forgetting  erases people: on request, and when they left long ago
//! deciding    decisions about accounts
//! assessment  the evaluation at one moment, and its cache
//! overview    the evaluation, with the versions that the same read found
//! standing    what metrics say
//! rows        the rows of views as tables
//! pull        reads rosters from identity providers
//! ```
//!
//! The rules themselves are in [`crate::roster`], and the tables in [`crate::stores`].

mod assessment;
mod author;
mod deciding;
mod error;
mod forgetting;
mod importing;
mod options;
mod overview;
pub mod pull;
mod rows;
mod standing;

use std::collections::VecDeque;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use time::OffsetDateTime;
use tokio::sync::{Mutex, Notify};

pub use assessment::{Assessment, Shown};
pub use author::Author;
pub use deciding::{NewDecision, NewVerdict};
pub use error::IdentityError;
pub use forgetting::{KeptUp, TeammateInRoster};
pub use importing::{ColumnReport, Import, ImportOutcome, ImportReport, Preview};
pub use options::IdentityOptions;
pub use overview::Overview;
pub use standing::{PullFailure, RosterStanding};

use crate::clock::Clock;
use crate::directory::Directory;
use crate::ledger::{Ledger, LedgerError};
use crate::roster::Roster;
use crate::stores::{RosterStore, Stores};

/// The identities of one workspace.
pub struct Identities {
    workspace: String,
    ledger: Ledger,
    store: RosterStore,
    options: Arc<IdentityOptions>,
    clock: Clock,
    /// The last few results, the most recently used last.
    kept: Mutex<VecDeque<Arc<Assessment>>>,
    /// The last rosters that were read, the most recently used last.
    rosters: Mutex<VecDeque<KnownRoster>>,
    standing: ArcSwapOption<RosterStanding>,
    pull_failure: ArcSwapOption<PullFailure>,
    /// Notified when this process changed the roster or the decisions.
    changed: Notify,
}

/// A roster that was read from the database.
struct KnownRoster {
    version: u64,
    revision: u64,
    roster: Arc<Roster>,
}

impl Identities {
    /// The identities of a workspace. Reads nothing yet.
    #[must_use]
    pub fn new(
        workspace: impl Into<String>,
        stores: &Stores,
        options: Arc<IdentityOptions>,
        clock: Clock,
    ) -> Self {
        Self {
            workspace: workspace.into(),
            ledger: stores.ledger.clone(),
            store: stores.roster.clone(),
            options,
            clock,
            kept: Mutex::default(),
            rosters: Mutex::default(),
            standing: ArcSwapOption::empty(),
            pull_failure: ArcSwapOption::empty(),
            changed: Notify::new(),
        }
    }

    /// The workspace.
    #[must_use]
    pub fn workspace(&self) -> &str {
        &self.workspace
    }

    /// The rosters in the database.
    #[must_use]
    pub fn store(&self) -> &RosterStore {
        &self.store
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> &IdentityOptions {
        &self.options
    }

    /// Waits until this process changes the roster or the decisions.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Reads the latest recorded state of the directory, with everyone who was ever a teammate.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn recorded_directory(&self) -> Result<Directory, LedgerError> {
        let snapshot = self.ledger.latest(&self.workspace).await?;
        Ok(Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None))
    }

    /// Reads the people of a version, or returns those that were read before. `None` if the version
    /// was deleted meanwhile.
    async fn roster(
        &self,
        version: u64,
        revision: u64,
    ) -> Result<Option<Arc<Roster>>, LedgerError> {
        // Two are enough: the version in force, and one of the past.
        const KEPT: usize = 2;
        let mut known = self.rosters.lock().await;
        let is_same = |one: &KnownRoster| one.version == version && one.revision == revision;
        if let Some(one) = known.iter().find(|one| is_same(one)) {
            return Ok(Some(Arc::clone(&one.roster)));
        }
        let read = self.store.roster(&self.workspace, version).await?;
        let Some(roster) = read.map(Arc::new) else { return Ok(None) };
        if known.len() == KEPT {
            known.pop_front();
        }
        known.push_back(KnownRoster { version, revision, roster: Arc::clone(&roster) });
        Ok(Some(roster))
    }
}
