//! SCIM's enterprise extension: gives what the roster says of accounts to the publisher.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::directory::Directory;
use crate::identities::{Assessment, Identities, Shown};
use crate::ledger::LedgerError;
use crate::limits;
use crate::publish::Publisher;
use crate::stores::{EnterpriseStore, Stores};

/// Keeps the values of one workspace up to date.
pub(super) struct EnterpriseValues {
    identities: Arc<Identities>,
    store: EnterpriseStore,
    publisher: Publisher,
    clock: Clock,
    noted: Mutex<Option<Noted>>,
}

/// What was last recorded.
struct Noted {
    /// `None` without a roster.
    assessment: Option<Arc<Assessment>>,
    /// When, on the clock of this process.
    at: Duration,
}

impl EnterpriseValues {
    pub fn new(
        identities: &Arc<Identities>,
        stores: &Stores,
        publisher: &Publisher,
        clock: &Clock,
    ) -> Self {
        Self {
            identities: Arc::clone(identities),
            store: stores.enterprise.clone(),
            publisher: publisher.clone(),
            clock: clock.clone(),
            noted: Mutex::default(),
        }
    }

    /// Gives the publisher the values of what was recorded before. Returns `None` if the extension
    /// is off; then the database keeps nothing about it.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn begin(self, is_on: bool) -> Result<Option<Arc<Self>>, LedgerError> {
        if !is_on {
            self.store.forget(self.identities.workspace()).await?;
            return Ok(None);
        }
        if let Some(directory) = self.publisher.recorded().await? {
            self.note(&directory).await?;
        }
        Ok(Some(Arc::new(self)))
    }

    /// Gives the publisher the values of the roster in force for the accounts of a directory. They
    /// are served from its next refresh on.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn note(&self, directory: &Directory) -> Result<(), LedgerError> {
        let assessment = self.identities.assess(Shown { directory, as_of: None }).await?;
        let at = self.clock.running();
        if self.is_noted(assessment.as_ref(), at) {
            return Ok(());
        }
        let none = HashMap::default();
        let facts = assessment.as_ref().map_or(&none, |assessment| &assessment.enterprise);
        let workspace = self.identities.workspace();
        let enterprises = self.store.note(workspace, facts, self.clock.now()).await?;
        self.publisher.set_enterprises(enterprises);
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        *noted = Some(Noted { assessment, at });
        Ok(())
    }

    /// Whether the values are known. After a while they are recorded again, because another bridge
    /// may have recorded others in between.
    fn is_noted(&self, assessment: Option<&Arc<Assessment>>, now: Duration) -> bool {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(noted) = &*noted else { return false };
        let is_same = match (assessment, &noted.assessment) {
            (Some(now), Some(before)) => Arc::ptr_eq(now, before),
            (None, None) => true,
            _ => false,
        };
        is_same && now.saturating_sub(noted.at) < limits::ENTERPRISE_POLL
    }

    /// Serves the values.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn publish(&self) -> Result<(), LedgerError> {
        self.publisher.refresh().await.map(drop)
    }
}
