//! One import: observes, plans, and holds or commits.

mod guard;
mod log_kinds;
mod optional;
mod planning;
mod roles;

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;

use super::fingerprint::Fingerprint;
use super::options::{ImportOptions, Phase};
use super::policy::Totals;
use super::warnings::{bounded, new_kinds, with_kept_back};
use super::{PlanDecision, plan};
use crate::clock::{self, Clock};
use crate::directory::{
    Disputed, Failure, ImportRequest, Mode, Observation, Plan, Run, RunStatus, Snapshot, Warning,
    Workspace,
};
use crate::intercom::{self, Client, IntercomError, Since};
use crate::ledger::{Lease, Ledger, LedgerError};
use crate::limits;

/// Imports one workspace.
pub struct Importer {
    workspace: String,
    client: Arc<Client>,
    ledger: Ledger,
    clock: Clock,
    options: ImportOptions,
    /// The name under which it takes leases. Unique to this importer.
    holder: String,
    /// The lease that this importer holds now.
    held: Mutex<Option<Lease>>,
    /// The number ([`Client::token_number`]) of the token that was verified to open the recorded
    /// workspace; 0 before the first.
    identified: AtomicU64,
    /// The fingerprint of this importer's last observation.
    seen: Mutex<Option<Fingerprint>>,
}

/// How many times an import plans at most. It plans again if another process commits a generation
/// between its reading and its commit.
const REPLANS: u32 = 3;

impl Importer {
    /// Creates the importer of `workspace`. Reads nothing yet.
    #[must_use]
    pub fn new(
        workspace: impl Into<String>,
        client: Arc<Client>,
        ledger: Ledger,
        clock: Clock,
        options: ImportOptions,
    ) -> Self {
        Self {
            workspace: workspace.into(),
            client,
            ledger,
            clock,
            options,
            holder: unique_name(),
            held: Mutex::default(),
            identified: AtomicU64::default(),
            seen: Mutex::default(),
        }
    }

    /// The name of the workspace that this importer imports.
    #[must_use]
    pub fn workspace(&self) -> &str {
        &self.workspace
    }

    /// Takes the lease of the workspace, which an import needs. Returns `None` while another
    /// importer holds it.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn lease(&self) -> Result<Option<Lease>, LedgerError> {
        let lease = self
            .ledger
            .lease(&self.workspace, &self.holder, self.options.lease, &self.clock)
            .await?;
        if lease.is_some() {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&lease);
        }
        Ok(lease)
    }

    /// Gives the lease back. If its import did not end, the run is marked as interrupted.
    pub async fn release(&self, lease: &Lease) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take_if(|held| held == lease);
        if let Err(error) = self.ledger.release(lease, self.clock.now()).await {
            tracing::warn!(workspace = %self.workspace, error = %error.chain(), "the lease was not given back; it ends by itself");
        }
    }

    /// Gives back the lease of an import that a panic ended.
    pub async fn release_left_over(&self) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(lease) = held {
            self.release(&lease).await;
        }
    }

    /// Takes the lease, runs one import and gives the lease back. Returns `None` if another
    /// importer holds the lease.
    ///
    /// # Errors
    /// Those of [`Importer::lease`] and [`Importer::run`].
    pub async fn run_once(
        &self,
        request: &ImportRequest,
        progress: &(dyn Fn(Phase) + Sync),
    ) -> Result<Option<Run>, LedgerError> {
        let Some(lease) = self.lease().await? else { return Ok(None) };
        let run = self.run(&lease, request, progress).await;
        self.release(&lease).await;
        run.map(Some)
    }

    /// Runs one import, renews its lease meanwhile, and records the result. The returned run has
    /// ended, whatever its status. If an import is queued in the ledger, the queued one runs
    /// instead: see [`ImportRequest::is_done_by`].
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`] if another process took the lease, and any other error of the
    /// ledger. All other failures are recorded in the returned run.
    pub async fn run(
        &self,
        lease: &Lease,
        request: &ImportRequest,
        progress: &(dyn Fn(Phase) + Sync),
    ) -> Result<Run, LedgerError> {
        let run = self.ledger.start_run(lease, request, &self.clock).await?;
        tracing::info!(workspace = %self.workspace, import.id = run.id, import.mode = run.mode.as_str(), "import started");
        let phase = Mutex::new(None);
        let note = |now: Phase| {
            *phase.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            progress(now);
        };
        let mut work = pin!(self.import(lease, run.clone(), &note));
        let outcome = loop {
            let beat = limits::HEARTBEAT.min(self.options.lease / 4);
            if let Some(outcome) = self.clock.within(beat, &mut work).await {
                break outcome;
            }
            let phase = *phase.lock().unwrap_or_else(PoisonError::into_inner);
            // A commit locks the lease's row. No other process can take the lease meanwhile, so it
            // need not be renewed.
            if !matches!(phase, Some(Phase::Recording { .. })) {
                tokio::select! {
                    outcome = &mut work => break outcome,
                    beat = self.beat(lease, &run, phase) => beat?,
                }
            }
        };
        match outcome {
            Err(error) if !matches!(error, LedgerError::LeaseLost) => {
                self.fail_by_ledger(run, error).await
            }
            outcome => outcome,
        }
    }

    /// Renews the lease, and records the progress in the run.
    async fn beat(
        &self,
        lease: &Lease,
        run: &Run,
        phase: Option<Phase>,
    ) -> Result<(), LedgerError> {
        let alive = async {
            if let Some(phase) = phase {
                self.ledger.note_progress(run.id, &phase.to_string()).await?;
            }
            self.ledger.renew(lease, self.options.lease, self.clock.now()).await
        };
        match alive.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(LedgerError::LeaseLost),
            // The ledger may recover before the import needs it. If not, the import fails later
            // with its own error.
            Err(error) => {
                tracing::warn!(workspace = %self.workspace, error = %error.chain(), "the lease could not be renewed");
                Ok(())
            }
        }
    }

    async fn import(
        &self,
        lease: &Lease,
        mut run: Run,
        progress: &(dyn Fn(Phase) + Sync),
    ) -> Result<Run, LedgerError> {
        let before = self.client.traffic();
        let mut token = self.client.token_number();
        let mut observed = self.observe(run.mode, progress).await;
        if token != self.client.token_number() {
            // The workspace was reconnected meanwhile, so the reading may mix two workspaces. Read
            // again with the new token.
            token = self.client.token_number();
            observed = self.observe(run.mode, progress).await;
        }
        let traffic = self.client.traffic();
        run.intercom_calls = traffic.calls - before.calls;
        run.intercom_retries = traffic.retries - before.retries;
        match observed {
            Err(ReadError::Intercom(error)) => self.fail(run, &error).await,
            Err(ReadError::Ledger(error)) => Err(error),
            Ok(observation) => self.conclude(lease, run, observation, token, progress).await,
        }
    }

    /// Returns the plan that an import would commit now. Commits nothing.
    ///
    /// # Errors
    /// When Intercom or the ledger cannot be read.
    pub async fn dry_run(
        &self,
        mode: Mode,
        progress: &(dyn Fn(Phase) + Sync),
    ) -> Result<DryRun, ReadError> {
        let observation = self.observe(mode, progress).await?;
        let recorded = self.ledger.latest(&self.workspace).await?;
        let plan = Plan {
            memory: self.ledger.memory(&self.workspace).await?,
            ..plan(&recorded, &observation)
        };
        let verdict = self.judge(false, Totals::count(&recorded), &plan).await?;
        Ok(DryRun { plan, verdict, warnings: observation.warnings, recorded })
    }

    async fn observe(
        &self,
        mode: Mode,
        progress: &(dyn Fn(Phase) + Sync),
    ) -> Result<Observation, ReadError> {
        let since = match mode {
            Mode::Full => {
                let recorded = self.ledger.workspace(&self.workspace).await?;
                Since::Everything { log: self.lookback(), known: self.known(recorded) }
            }
            Mode::Incremental => self.since_last_success().await?,
        };
        let kinds = self.log_kinds(mode).await?;
        let reading = |stage| progress(Phase::Reading(stage));
        let mut observation = intercom::observe(&self.client, since, &kinds, &reading).await?;
        observation.keep_addresses(self.options.store_addresses);
        let observation = self.machines_apart(observation).await.map_err(ReadError::Ledger)?;
        self.with_roles(mode, observation).await.map_err(ReadError::Ledger)
    }

    /// The workspace that the token opens, if that is known without a call to Intercom: the
    /// recorded one, if this importer verified it with this token. If nothing is recorded yet,
    /// nothing can be mixed up, so the check is not needed.
    fn known(&self, recorded: Option<Workspace>) -> Option<Workspace> {
        match recorded {
            None => Some(Workspace::default()),
            Some(recorded) => self.is_identified().then_some(recorded),
        }
    }

    /// Whether this importer verified that the current token opens the recorded workspace.
    fn is_identified(&self) -> bool {
        self.identified.load(Ordering::Relaxed) == self.client.token_number()
    }

    /// The time from which a full import reads the activity log.
    fn lookback(&self) -> OffsetDateTime {
        clock::before(self.clock.now(), self.options.activity_lookback)
    }

    /// Where an incremental import continues. If nothing is recorded, it reads everything. Each
    /// importer asks Intercom once for each token which workspace it opens.
    async fn since_last_success(&self) -> Result<Since, LedgerError> {
        let recorded = self.ledger.workspace(&self.workspace).await?;
        let lookback = self.lookback();
        let watermark = self.ledger.activity_watermark(&self.workspace, self.clock.now()).await?;
        let log = watermark
            .map_or(lookback, |watermark| clock::before(watermark, limits::ACTIVITY_OVERLAP));
        Ok(match recorded {
            Some(workspace) if self.is_identified() => Since::Last { workspace, log },
            Some(_) => Since::Everything { log, known: None },
            None => Since::Everything { log: lookback, known: self.known(None) },
        })
    }

    async fn record(
        &self,
        lease: &Lease,
        mut run: Run,
        mut observation: Observation,
        token: u64,
        progress: &(dyn Fn(Phase) + Sync),
    ) -> Result<Run, LedgerError> {
        if run.allow_removals {
            // A person approved the removals, so disputed items are removed too.
            observation.unknown.disputed = Disputed::default();
        }
        let known = self.ledger.memory(&self.workspace).await?;
        run.observed_at = Some(observation.taken_at);
        run.activity_watermark = observation.log_read_to;
        observation.warnings.extend(new_kinds(&observation, &known));
        run.warnings = bounded(&observation.warnings);
        for attempt in 1.. {
            let recorded = self.ledger.workspace(&self.workspace).await?.unwrap_or_default();
            if let Some(other) = another_workspace(&recorded, &observation.workspace) {
                return self.refuse(run, other).await;
            }
            if observation.workspace.id.is_some() {
                self.identified.store(token, Ordering::Relaxed);
            }
            let (mut plan, totals) = self.plan(&run, &observation, attempt == 1).await?;
            run.counts = plan.counts();
            if !plan.kept_back.is_empty() {
                run.warnings = bounded(&with_kept_back(&observation.warnings, plan.kept_back));
                // Leave the watermark where it is: the log entries of these removals must be read
                // again by the import that makes them.
                run.activity_watermark = None;
            }
            plan.memory = known.clone();
            if let PlanDecision::Hold(held) = self.judge(run.allow_removals, totals, &plan).await? {
                return self.hold(run, held, &plan).await;
            }
            plan.memory.machines.clone_from(&observation.machines);
            plan.memory.note(&observation);
            plan.memory.note_unreadable(&plan.unreadable, run.allow_removals);
            let recording = Phase::Recording { changes: plan.changes() };
            if !plan.is_empty() {
                self.beat(lease, &run, Some(recording)).await?;
            }
            progress(recording);
            run.status = RunStatus::Succeeded;
            run.finished_at = Some(self.clock.now());
            let now = || self.clock.now();
            match self.ledger.commit_by(lease, &run, &plan, now, self.is_right()).await {
                Ok(committed) => {
                    run.generation = committed.generation;
                    self.remember(run.id, &observation);
                    break;
                }
                Err(LedgerError::Stale { .. }) if attempt < REPLANS => {}
                Err(error) => return Err(error),
            }
        }
        tracing::info!(
            workspace = %self.workspace, import.id = run.id, import.generation = run.generation,
            import.calls = run.intercom_calls, import.warnings = run.warnings.len(), "import succeeded"
        );
        Ok(run)
    }

    /// Whether this machine's clock agrees with the time in Intercom's last response.
    fn is_right(&self) -> bool {
        self.client.allowance().clock_ahead.is_some_and(clock::agree)
    }

    async fn fail(&self, mut run: Run, error: &IntercomError) -> Result<Run, LedgerError> {
        tracing::error!(workspace = %self.workspace, import.id = run.id, error = %error, remedy = %error.remedy(), "import failed");
        run.status = RunStatus::Failed;
        run.error = Some(Failure {
            code: error.code().to_owned(),
            detail: error.to_string(),
            remedy: error.remedy(),
        });
        self.end(run).await
    }

    /// Ends the run as failed, because the token opens another workspace than the recorded one.
    async fn refuse(&self, mut run: Run, other: String) -> Result<Run, LedgerError> {
        tracing::error!(workspace = %self.workspace, import.id = run.id, reason = %other, "import failed");
        run.status = RunStatus::Failed;
        run.activity_watermark = None;
        run.error = Some(Failure {
            code: "another_workspace".to_owned(),
            detail: other,
            remedy:
                "set INTERCOM_ACCESS_TOKEN to a token of the recorded workspace, or DATABASE_URL to another database"
                    .to_owned(),
        });
        self.end(run).await
    }

    /// Tries to record the run as failed after an error of the ledger. Returns that first error in
    /// any case.
    async fn fail_by_ledger(&self, mut run: Run, error: LedgerError) -> Result<Run, LedgerError> {
        run.status = RunStatus::Failed;
        run.finished_at = Some(self.clock.now());
        run.error = Some(Failure {
            code: "ledger".to_owned(),
            detail: error.to_string(),
            remedy: "check the database; the next import starts afresh from what is recorded"
                .to_owned(),
        });
        if let Err(later) = self.ledger.finish_run(&run).await {
            tracing::warn!(error = %later.chain(), "the failed import could not be recorded either");
        }
        Err(error)
    }

    async fn end(&self, mut run: Run) -> Result<Run, LedgerError> {
        run.finished_at = Some(self.clock.now());
        self.ledger.finish_run(&run).await?;
        Ok(run)
    }
}

/// The result of a dry run.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// The plan.
    pub plan: Plan,
    /// Whether an import would commit the plan.
    pub verdict: PlanDecision,
    /// The warnings of the observation.
    pub warnings: Vec<Warning>,
    /// The recorded state that the plan is based on.
    pub recorded: Snapshot,
}

/// Returns a name that no other holder of a lease has.
#[must_use]
pub fn unique_name() -> String {
    let mut random = [0; 16];
    // If the system gives no random bytes, the process id still tells most importers apart.
    let _ = aws_lc_rs::rand::fill(&mut random);
    format!("{}-{:032x}", std::process::id(), u128::from_be_bytes(random))
}

/// Returns the error text if the observed workspace is not the recorded one.
pub(super) fn another_workspace(recorded: &Workspace, observed: &Workspace) -> Option<String> {
    let (known, seen) = (recorded.id.as_ref()?, observed.id.as_ref()?);
    (known != seen)
        .then(|| format!("the access token opens the workspace {seen}, and what is recorded is the workspace {known}"))
}

/// Why an observation could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A call to Intercom failed.
    #[error(transparent)]
    Intercom(#[from] IntercomError),
    /// The ledger could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
