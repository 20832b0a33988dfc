//! One import: observe, plan, hold or commit.

use std::sync::Arc;
use std::time::Duration;

use super::{Policy, Verdict, plan};
use crate::clock::Clock;
use crate::directory::{Observation, Plan, Warning};
use crate::intercom::{self, Client, IntercomError, Progress, Since};
use crate::ledger::{Failure, Ledger, LedgerError, Mode, Run, RunStatus, Trigger};
use crate::limits;

/// Imports one workspace.
pub struct Importer {
    workspace: String,
    client: Arc<Client>,
    ledger: Ledger,
    clock: Clock,
    options: ImportOptions,
}

/// Settings of the section `import`.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions {
    /// See [`Policy::max_removals`].
    pub max_removals: u8,
    /// How far back a full import reads the activity log.
    pub activity_lookback: Duration,
    /// Whether the workspace's machines are people too.
    pub include_bots: bool,
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reading Intercom.
    Reading(Progress),
    /// Writing so many changes to the ledger.
    Recording {
        /// Changes of people, teams and memberships.
        changes: usize,
    },
}

/// Entries of the activity log may be written a little late; this much is read again. Entries are known
/// by id, so reading one twice is harmless.
const LOG_OVERLAP: Duration = Duration::from_mins(10);

/// A plan made from a generation that somebody else's commit outdated is made anew, this often.
const REPLANS: u32 = 3;

impl Importer {
    /// Prepares imports of `workspace`; nothing is read yet.
    #[must_use]
    pub fn new(
        workspace: impl Into<String>,
        client: Arc<Client>,
        ledger: Ledger,
        clock: Clock,
        options: ImportOptions,
    ) -> Self {
        Self { workspace: workspace.into(), client, ledger, clock, options }
    }

    /// Which workspace this imports.
    #[must_use]
    pub fn workspace(&self) -> &str {
        &self.workspace
    }

    /// Runs one import and records how it went: the run that comes back has ended, well or not.
    ///
    /// # Errors
    /// Only when the ledger itself cannot be written; everything else is in the run.
    pub async fn run(
        &self,
        mode: Mode,
        trigger: Trigger,
        allow_removals: bool,
        progress: &(dyn Fn(Phase) + Sync),
    ) -> Result<Run, LedgerError> {
        let mut run = self.ledger.start_run(&self.workspace, mode, trigger, self.clock.now()).await?;
        tracing::info!(workspace = %self.workspace, import.id = run.id, import.mode = mode.as_str(), "import started");
        let before = self.client.traffic();
        let observed = self.observe(mode, progress).await;
        let traffic = self.client.traffic();
        run.intercom_calls = traffic.calls - before.calls;
        run.intercom_retries = traffic.retries - before.retries;
        match observed {
            Err(ReadError::Intercom(error)) => self.fail(run, &error).await,
            Err(ReadError::Ledger(error)) => Err(error),
            Ok(observation) => self.record(run, observation, allow_removals, progress).await,
        }
    }

    /// Makes the plan that an import would commit now, and commits nothing.
    ///
    /// # Errors
    /// When Intercom or the ledger cannot be read.
    pub async fn dry_run(
        &self,
        mode: Mode,
        progress: &(dyn Fn(Phase) + Sync),
    ) -> Result<(Plan, Verdict, Vec<Warning>), ReadError> {
        let observation = self.observe(mode, progress).await?;
        let recorded = self.ledger.latest(&self.workspace).await?;
        let plan = plan(&recorded, &observation);
        let verdict = self.policy(false).judge(&recorded, &plan);
        Ok((plan, verdict, observation.warnings))
    }

    async fn observe(&self, mode: Mode, progress: &(dyn Fn(Phase) + Sync)) -> Result<Observation, ReadError> {
        let since = match mode {
            Mode::Full => Since::Everything { log: self.clock.now() - self.options.activity_lookback },
            Mode::Incremental => self.since_last_success().await?,
        };
        let observation = intercom::observe(&self.client, since, &|stage| progress(Phase::Reading(stage))).await?;
        Ok(if self.options.include_bots { observation } else { observation.without_bots() })
    }

    /// Where the last import left off; with none, an incremental import reads everything.
    async fn since_last_success(&self) -> Result<Since, LedgerError> {
        let recorded = self.ledger.workspace(&self.workspace).await?;
        let watermark = self.ledger.last_success(&self.workspace).await?.and_then(|run| run.activity_watermark);
        Ok(match (recorded, watermark) {
            (Some(workspace), Some(watermark)) => Since::Last { workspace, log: watermark - LOG_OVERLAP },
            _ => Since::Everything { log: self.clock.now() - self.options.activity_lookback },
        })
    }

    async fn record(
        &self,
        mut run: Run,
        observation: Observation,
        allow_removals: bool,
        progress: &(dyn Fn(Phase) + Sync),
    ) -> Result<Run, LedgerError> {
        run.observed_at = Some(observation.taken_at);
        run.activity_watermark = observation.log_read.then_some(observation.taken_at);
        run.warnings = bounded(&observation.warnings);
        for attempt in 1.. {
            let recorded = self.ledger.latest(&self.workspace).await?;
            let plan = plan(&recorded, &observation);
            run.counts = plan.counts();
            if let Verdict::Hold(why) = self.policy(allow_removals).judge(&recorded, &plan) {
                return self.hold(run, why).await;
            }
            progress(Phase::Recording { changes: plan.users.len() + plan.groups.len() + plan.memberships.len() });
            run.status = RunStatus::Succeeded;
            run.finished_at = Some(self.clock.now());
            match self.ledger.commit(&run, &plan, self.clock.now()).await {
                Ok(committed) => {
                    run.generation = committed.generation;
                    break;
                }
                Err(LedgerError::Stale { .. }) if attempt < REPLANS => {}
                Err(error) => return self.lose(run, error).await,
            }
        }
        tracing::info!(
            workspace = %self.workspace, import.id = run.id, import.generation = run.generation,
            import.calls = run.intercom_calls, import.warnings = run.warnings.len(), "import succeeded"
        );
        Ok(run)
    }

    fn policy(&self, allow_removals: bool) -> Policy {
        Policy { max_removals: self.options.max_removals, allow_removals }
    }

    async fn hold(&self, mut run: Run, why: String) -> Result<Run, LedgerError> {
        tracing::warn!(workspace = %self.workspace, import.id = run.id, reason = %why, "import held; nothing was changed");
        run.status = RunStatus::Held;
        run.activity_watermark = None;
        run.error = Some(Failure {
            code: "too_many_removals".to_owned(),
            detail: why,
            remedy: "look at Intercom's list of teammates; if they really left, run `intercom-scim-bridge import full --allow-removals`"
                .to_owned(),
        });
        self.end(run).await
    }

    async fn fail(&self, mut run: Run, error: &IntercomError) -> Result<Run, LedgerError> {
        tracing::error!(workspace = %self.workspace, import.id = run.id, error = %error, remedy = %error.remedy(), "import failed");
        run.status = RunStatus::Failed;
        run.error = Some(Failure { code: error.code().to_owned(), detail: error.to_string(), remedy: error.remedy() });
        self.end(run).await
    }

    /// The commit went wrong. If the run can still be recorded as failed, it is; the first error counts.
    async fn lose(&self, mut run: Run, error: LedgerError) -> Result<Run, LedgerError> {
        run.status = RunStatus::Failed;
        run.generation = None;
        run.activity_watermark = None;
        run.error = Some(Failure {
            code: "ledger".to_owned(),
            detail: error.to_string(),
            remedy: "check the database; the next import starts afresh from what is recorded".to_owned(),
        });
        match self.ledger.finish_run(&run).await {
            Ok(()) => Err(error),
            Err(later) => {
                tracing::warn!(error = %later.chain(), "the failed import could not be recorded either");
                Err(error)
            }
        }
    }

    async fn end(&self, mut run: Run) -> Result<Run, LedgerError> {
        run.finished_at = Some(self.clock.now());
        self.ledger.finish_run(&run).await?;
        Ok(run)
    }
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Intercom's side.
    #[error(transparent)]
    Intercom(#[from] IntercomError),
    /// The ledger's side.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The first warnings, and how many more there were.
fn bounded(warnings: &[Warning]) -> Vec<Warning> {
    let mut kept: Vec<Warning> = warnings.iter().take(limits::RUN_WARNINGS).cloned().collect();
    if warnings.len() > kept.len() {
        kept.push(Warning::new(
            "more_warnings",
            format!("{} more warnings were left out", warnings.len() - kept.len()),
        ));
    }
    kept
}
