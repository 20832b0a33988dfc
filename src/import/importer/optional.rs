//! The calls of full imports that only the checks of the posture need.

use super::super::Phase;
use super::Importer;
use crate::directory::{Observation, Run};
use crate::ledger::{Lease, LedgerError};

impl Importer {
    /// Makes the optional calls of a full import, records the run, and then what they returned.
    pub(super) async fn conclude(
        &self,
        lease: &Lease,
        run: Run,
        mut observation: Observation,
        token: u64,
        progress: &(dyn Fn(Phase) + Sync),
    ) -> Result<Run, LedgerError> {
        let optional = self.options.optional;
        let observed = optional.make(run.mode, &self.client, &mut observation).await;
        let run = self.record(lease, run, observation, token, progress).await?;
        Ok(observed.keep(&self.ledger, run).await)
    }
}
