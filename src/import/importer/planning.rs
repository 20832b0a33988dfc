//! Between observing and committing: computes the plan, from everything or only from what differs.

use std::sync::PoisonError;

use super::Importer;
use crate::directory::{Field, Mode, Observation, Plan, Run, RunId};
use crate::import::fingerprint::Fingerprint;
use crate::import::plan;
use crate::import::policy::Totals;
use crate::ledger::LedgerError;
use crate::limits;

impl Importer {
    /// Returns the plan of an import, and the totals of the recorded state. With `from_difference`,
    /// the plan is computed only from what differs, if that is possible.
    pub(super) async fn plan(
        &self,
        run: &Run,
        observation: &Observation,
        from_difference: bool,
    ) -> Result<(Plan, Totals), LedgerError> {
        if from_difference
            && let Some(planned) = self.plan_of_what_differs(run, observation).await?
        {
            return Ok(planned);
        }
        let recorded = self.ledger.latest(&self.workspace).await?;
        Ok((plan(&recorded, observation), Totals::count(&recorded)))
    }

    /// Keeps the fingerprint of a recorded observation for the next incremental import. An item
    /// that was kept back looks unchanged to the next observation, but must be planned again. So
    /// then no fingerprint is kept.
    pub(super) fn remember(&self, run: RunId, observation: &Observation) {
        let is_complete = !observation.unknown.keeps_back();
        let seen = is_complete.then(|| Fingerprint::new(run, observation));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// Returns the plan of an incremental import, computed only from the items that differ from
    /// this importer's previous observation. It equals the plan that would be computed from
    /// everything. Returns `None` if everything must be read: the previous observation is unknown
    /// or is not the last one recorded, or too much differs.
    async fn plan_of_what_differs(
        &self,
        run: &Run,
        observation: &Observation,
    ) -> Result<Option<(Plan, Totals)>, LedgerError> {
        let unreadable = observation.unknown.people_without_access_fields();
        if observation.unknown.keeps_back() || unreadable > self.options.guard.small_losses {
            // Items that stay, and unreadable values, are determined from everything that is
            // recorded.
            return Ok(None);
        }
        let last = self.ledger.last_success(&self.workspace, None).await?.map(|run| run.id);
        let (mut part, totals) = {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(seen) = seen
                .as_ref()
                .filter(|seen| run.mode == Mode::Incremental && last == Some(seen.run))
            else {
                return Ok(None);
            };
            (seen.differing(observation), seen.totals())
        };
        // An unreadable role keeps its value, but it gets the new name of a role that was renamed.
        let unreadable = observation.unknown.users.iter();
        let unreadable = unreadable.filter(|(_, fields)| fields.contains(&Field::Role));
        part.users.extend(unreadable.map(|(id, _)| id.clone()));
        if part.users.len() + part.groups.len() > limits::PLANNED_IN_PART {
            return Ok(None);
        }
        let recorded = self.ledger.latest_of(&self.workspace, &part).await?;
        let plan = plan(&recorded, &observation.part(&part));
        // A change in the list of roles may rename the roles of people who did not change.
        Ok(plan.roles.is_empty().then_some((plan, totals)))
    }
}
