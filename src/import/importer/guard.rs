//! The two checks between observing and committing: the workspace's bots are separated, and a plan
//! that removes too much is held.

use std::time::Duration;

use super::Importer;
use crate::clock;
use crate::directory::{
    Amounts, Failure, LossKind, Losses, Observation, Part, Plan, Run, RunStatus, Warning,
};
use crate::import::policy::{HeldPlan, LossEvidence, Totals};
use crate::import::{PlanDecision, Policy};
use crate::ledger::LedgerError;

impl Importer {
    /// Removes the workspace's bots from the observation, or with `include_bots` makes sure that
    /// they are recorded as bots. An admin that was once recorded as a bot stays one, even if its
    /// address changes.
    pub(super) async fn machines_apart(
        &self,
        mut observation: Observation,
    ) -> Result<Observation, LedgerError> {
        observation.machines =
            observation.machines(&self.ledger.memory(&self.workspace).await?.machines);
        if self.options.include_bots {
            return Ok(observation.with_machines());
        }
        let mut machines = observation.machines.clone();
        let users = observation.called_like_machines();
        let part =
            Part { users: users.difference(&machines).cloned().collect(), ..Part::default() };
        if !part.users.is_empty() {
            // An admin that is recorded as an active person is a person, whatever the name.
            let known = self.ledger.latest_of(&self.workspace, &part).await?;
            let people = known
                .users
                .iter()
                .filter(|(user, _)| user.value.active)
                .map(|(user, _)| user.value.id.clone());
            let people: Vec<_> = people.collect();
            for id in part.users.into_iter().filter(|id| !people.contains(id)) {
                let detail = format!(
                    "admin {id} is taken for Intercom's bot: it has no address that can be read, no seat, and a name of the bot"
                );
                observation.warnings.push(Warning::new("machine_supposed", detail));
                machines.insert(id);
            }
        }
        Ok(observation.without(&machines))
    }

    /// Decides whether the plan is committed or held. Losses of earlier imports within the window
    /// count too; they are not read if the plan itself takes nothing.
    pub(super) async fn judge(
        &self,
        allow_removals: bool,
        totals: Totals,
        plan: &Plan,
    ) -> Result<PlanDecision, LedgerError> {
        let guard = self.options.guard;
        let policy = Policy { guard, allow_removals };
        let mut unreadable = Amounts::default();
        for kind in LossKind::ALL {
            unreadable.set(kind, plan.memory.beyond(kind, plan.unreadable.count(kind)));
        }
        let (mut losses, mut then, mut now) =
            (Losses::by(plan), Amounts::default(), Amounts::default());
        let takes_nothing = losses.is_empty() && plan.unreadable.is_empty();
        if !(allow_removals || takes_nothing) {
            // This import has just read Intercom's clock. A clock that is ahead must not shorten
            // the window.
            let ahead = self.client.clock_ahead_now().and_then(|by| u64::try_from(by).ok());
            let ahead = Duration::from_secs(ahead.unwrap_or_default());
            let begin = clock::before(self.clock.now(), guard.window.saturating_add(ahead));
            let after = self.ledger.losses_count_after(&self.workspace, begin).await?;
            losses =
                Losses::since(&self.ledger.past(&self.workspace, after, plan.base).await?, plan);
            if policy.needs_amounts(&losses, &unreadable) {
                then = self.ledger.amounts(&self.workspace, after).await?;
                now = self.ledger.amounts(&self.workspace, plan.base).await?;
            }
        }
        let evidence =
            LossEvidence { losses: &losses, then: &then, now: &now, unreadable: &unreadable };
        Ok(policy.judge(totals, plan, evidence))
    }

    /// Ends a run whose plan is held, and stores what the plan would remove.
    pub(super) async fn hold(
        &self,
        mut run: Run,
        held: HeldPlan,
        plan: &Plan,
    ) -> Result<Run, LedgerError> {
        let kinds: Vec<&str> = held.by.iter().map(|exceeded| exceeded.kind.as_str()).collect();
        tracing::warn!(
            workspace = %self.workspace, import.id = run.id, import.held_by = %kinds.join(" "), reason = %held.why,
            "import held; nothing was changed"
        );
        run.status = RunStatus::Held;
        run.activity_watermark = None;
        run.held_by = held.by;
        run.error = Some(Failure {
            code: "too_many_removals".to_owned(),
            detail: held.why,
            remedy: "open /imports in the console, or run `intercom-scim-bridge import full \
                     --dry-run`, to see what would be removed, and compare it with Intercom; if it \
                     is correct, release the import there, run \
                     `intercom-scim-bridge import full --allow-removals` or POST \
                     {\"mode\":\"full\",\"allow_removals\":true} to /api/v1/imports"
                .to_owned(),
        });
        self.ledger.note_held(&self.workspace, run.id, &Losses::by(plan)).await?;
        self.end(run).await
    }
}
