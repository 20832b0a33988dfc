//! The evaluation of a directory, with the versions of the roster that the same read found.

use std::sync::Arc;

use super::{Assessment, Identities, Shown};
use crate::ledger::LedgerError;
use crate::stores::{StoredVersion, held_version};

/// The evaluation of a directory, and the versions that the same read found.
#[derive(Debug)]
pub struct Overview {
    /// The evaluation; `None` if no version was in force.
    pub assessment: Option<Arc<Assessment>>,
    /// The number of the version that is held.
    pub held: Option<u64>,
    /// The versions, newest first.
    pub versions: Vec<StoredVersion>,
}

impl Identities {
    /// Evaluates a directory, and returns the versions beside it. Both come from one read, so that
    /// a version that arrives meanwhile is in both or in neither.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn overview(&self, shown: Shown<'_>) -> Result<Overview, LedgerError> {
        let versions = self.store.versions(&self.workspace).await?;
        let assessment = self.assess_with(shown, &versions).await?;
        Ok(Overview { assessment, held: held_version(&versions), versions })
    }
}
