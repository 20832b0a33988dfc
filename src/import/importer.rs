//! One import: observe, plan, hold or commit.

mod guard;

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use super::fingerprint::Fingerprint;
use super::policy::{Guard, Totals};
use super::warnings::{bounded, with_kept_back};
use super::{ImportRequest, Verdict, plan};
use crate::clock::{self, Clock};
use crate::directory::{Disputed, Observation, Plan, Snapshot, Warning, Workspace};
use crate::intercom::{self, Client, IntercomError, Progress, Since};
use crate::ledger::{Failure, Lease, Ledger, LedgerError, Mode, Run, RunStatus};
use crate::limits;

/// Imports one workspace.
pub struct Importer {
    workspace: String,
    client: Arc<Client>,
    ledger: Ledger,
    clock: Clock,
    options: ImportOptions,
    /// The name under which it takes leases; no other importer has it.
    holder: String,
    /// The lease that it holds.
    held: Mutex<Option<Lease>>,
    /// Which token was found to open the recorded workspace, by the number that the client gives it.
    identified: AtomicU64,
    /// What the last import of this importer saw.
    seen: Mutex<Option<Fingerprint>>,
}

/// Settings of the section `import`.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions {
    /// How much may be lost without a person's leave.
    pub guard: Guard,
    /// How far back a full import reads the activity log.
    pub activity_lookback: Duration,
    /// Whether the workspace's machines are people too.
    pub include_bots: bool,
    /// How long a process that has died keeps others from importing.
    pub lease: Duration,
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

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reading(Progress::Workspace) => f.write_str("asking Intercom which workspace it is"),
            Self::Reading(Progress::Admins) => f.write_str("reading admins"),
            Self::Reading(Progress::Teams) => f.write_str("reading teams"),
            Self::Reading(Progress::Rereading { count }) => {
                write!(f, "reading {count} admins and teams again, on which the lists disagree")
            }
            Self::Reading(Progress::Activity { page }) => write!(f, "reading the activity log, page {page}"),
            Self::Recording { changes } => write!(f, "recording {changes} changes"),
        }
    }
}

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

    /// Which workspace this imports.
    #[must_use]
    pub fn workspace(&self) -> &str {
        &self.workspace
    }

    /// Takes the lease of the workspace, which an import needs; none while somebody else imports it.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn lease(&self) -> Result<Option<Lease>, LedgerError> {
        let lease = self.ledger.lease(&self.workspace, &self.holder, self.options.lease, &self.clock).await?;
        if lease.is_some() {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&lease);
        }
        Ok(lease)
    }

    /// Gives the lease back. An import that was given up in its midst is marked as interrupted.
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

    /// Takes the lease, runs one import and gives the lease back; none where somebody else imports.
    ///
    /// # Errors
    /// As of [`Importer::run`].
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

    /// Runs one import and records how it went: the run that comes back has ended, well or not. The lease is kept
    /// alive meanwhile. Where an import is queued, it is that one which runs: see [`ImportRequest::is_done_by`].
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`] when somebody else has taken over, and whatever keeps the ledger from being read or
    /// written. All else is in the run.
    pub async fn run(
        &self,
        lease: &Lease,
        request: &ImportRequest,
        progress: &(dyn Fn(Phase) + Sync),
    ) -> Result<Run, LedgerError> {
        let ImportRequest { mode, trigger, requested_by, allow_removals } = request.clone();
        let run = self.ledger.start_run(lease, mode, trigger, (requested_by, allow_removals), &self.clock).await?;
        let allow_removals = run.allow_removals;
        tracing::info!(workspace = %self.workspace, import.id = run.id, import.mode = run.mode.as_str(), "import started");
        let phase = Mutex::new(None);
        let note = |now: Phase| {
            *phase.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            progress(now);
        };
        let mut work = pin!(self.import(lease, run.clone(), allow_removals, &note));
        let outcome = loop {
            let beat = limits::HEARTBEAT.min(self.options.lease / 4);
            if let Some(outcome) = self.clock.within(beat, &mut work).await {
                break outcome;
            }
            let phase = *phase.lock().unwrap_or_else(PoisonError::into_inner);
            // A commit holds the lease's row, so nobody can take it meanwhile, and it need not be renewed.
            if !matches!(phase, Some(Phase::Recording { .. })) {
                tokio::select! {
                    outcome = &mut work => break outcome,
                    beat = self.beat(lease, &run, phase) => beat?,
                }
            }
        };
        match outcome {
            Err(error) if !matches!(error, LedgerError::LeaseLost) => self.lose(run, error).await,
            outcome => outcome,
        }
    }

    /// Shows that the import is alive: to other processes, and to those who look at the run.
    async fn beat(&self, lease: &Lease, run: &Run, phase: Option<Phase>) -> Result<(), LedgerError> {
        let alive = async {
            if let Some(phase) = phase {
                self.ledger.note_progress(run.id, &phase.to_string()).await?;
            }
            self.ledger.renew(lease, self.options.lease, self.clock.now()).await
        };
        match alive.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(LedgerError::LeaseLost),
            // It may come back before the import needs it; if not, the import will say so.
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
        allow_removals: bool,
        progress: &(dyn Fn(Phase) + Sync),
    ) -> Result<Run, LedgerError> {
        let before = self.client.traffic();
        let mut token = self.client.token_number();
        let mut observed = self.observe(run.mode, progress).await;
        if token != self.client.token_number() {
            // Somebody connected the workspace anew meanwhile: what was read may be of two.
            token = self.client.token_number();
            observed = self.observe(run.mode, progress).await;
        }
        let traffic = self.client.traffic();
        run.intercom_calls = traffic.calls - before.calls;
        run.intercom_retries = traffic.retries - before.retries;
        match observed {
            Err(ReadError::Intercom(error)) => self.fail(run, &error).await,
            Err(ReadError::Ledger(error)) => Err(error),
            Ok(observation) => self.record(lease, run, (observation, token), allow_removals, progress).await,
        }
    }

    /// Makes the plan that an import would commit now, and commits nothing.
    ///
    /// # Errors
    /// When Intercom or the ledger cannot be read.
    pub async fn dry_run(&self, mode: Mode, progress: &(dyn Fn(Phase) + Sync)) -> Result<DryRun, ReadError> {
        let observation = self.observe(mode, progress).await?;
        let recorded = self.ledger.latest(&self.workspace).await?;
        let plan = Plan { memory: self.ledger.memory(&self.workspace).await?, ..plan(&recorded, &observation) };
        let verdict = self.judge(false, Totals::count(&recorded), &plan).await?;
        Ok(DryRun { plan, verdict, warnings: observation.warnings, recorded })
    }

    async fn observe(&self, mode: Mode, progress: &(dyn Fn(Phase) + Sync)) -> Result<Observation, ReadError> {
        let since = match mode {
            Mode::Full => {
                let recorded = self.ledger.workspace(&self.workspace).await?;
                Since::Everything { log: self.lookback(), known: self.known(recorded) }
            }
            Mode::Incremental => self.since_last_success().await?,
        };
        let observation = intercom::observe(&self.client, since, &|stage| progress(Phase::Reading(stage))).await?;
        self.machines_apart(observation).await.map_err(ReadError::Ledger)
    }

    /// The workspace that the token opens, as far as it is known without asking: as it is recorded, where this importer was
    /// told so of this token. Where nothing is recorded, nothing can be mixed up.
    fn known(&self, recorded: Option<Workspace>) -> Option<Workspace> {
        match recorded {
            None => Some(Workspace::default()),
            Some(recorded) => {
                (self.identified.load(Ordering::Relaxed) == self.client.token_number()).then_some(recorded)
            }
        }
    }

    /// Where a full import begins to read the log.
    fn lookback(&self) -> OffsetDateTime {
        clock::before(self.clock.now(), self.options.activity_lookback)
    }

    /// Where the imports before left off; with none, an incremental import reads everything. Which workspace the token
    /// opens is asked once by each importer: the token may be another one since.
    async fn since_last_success(&self) -> Result<Since, LedgerError> {
        let recorded = self.ledger.workspace(&self.workspace).await?;
        let lookback = self.lookback();
        let watermark = self.ledger.activity_watermark(&self.workspace, self.clock.now()).await?;
        let log = watermark.map_or(lookback, |watermark| clock::before(watermark, limits::ACTIVITY_OVERLAP));
        Ok(match recorded {
            Some(workspace) if self.identified.load(Ordering::Relaxed) == self.client.token_number() => {
                Since::Last { workspace, log }
            }
            Some(_) => Since::Everything { log, known: None },
            None => Since::Everything { log: lookback, known: self.known(None) },
        })
    }

    async fn record(
        &self,
        lease: &Lease,
        mut run: Run,
        (mut observation, token): (Observation, u64),
        allow_removals: bool,
        progress: &(dyn Fn(Phase) + Sync),
    ) -> Result<Run, LedgerError> {
        if allow_removals {
            // Where the lists disagree, the teams' own list wins: somebody looked.
            observation.unknown.disputed = Disputed::default();
        }
        let known = self.ledger.memory(&self.workspace).await?;
        run.observed_at = Some(observation.taken_at);
        run.activity_watermark = observation.log_read_to;
        run.warnings = bounded(&observation.warnings);
        for attempt in 1.. {
            let recorded = self.ledger.workspace(&self.workspace).await?.unwrap_or_default();
            if let Some(other) = another_workspace(&recorded, &observation.workspace) {
                return self.refuse(run, other).await;
            }
            if observation.workspace.id.is_some() {
                self.identified.store(token, Ordering::Relaxed);
            }
            let (mut plan, totals) = match self.plan_of_what_differs(&run, &observation).await? {
                Some(planned) if attempt == 1 => planned,
                _ => {
                    let recorded = self.ledger.latest(&self.workspace).await?;
                    (plan(&recorded, &observation), Totals::count(&recorded))
                }
            };
            run.counts = plan.counts();
            if !plan.kept_back.is_empty() {
                run.warnings = bounded(&with_kept_back(&observation.warnings, plan.kept_back));
                // The log entries that tell of these removals are read again when they are made.
                run.activity_watermark = None;
            }
            plan.memory = known.clone();
            if let Verdict::Hold(held) = self.judge(allow_removals, totals, &plan).await? {
                return self.hold(run, held).await;
            }
            plan.memory.machines.clone_from(&observation.machines);
            plan.memory.note_unreadable(&plan.unreadable, allow_removals);
            let recording = Phase::Recording { changes: plan.users.len() + plan.groups.len() + plan.memberships.len() };
            if !plan.is_empty() {
                self.beat(lease, &run, Some(recording)).await?;
            }
            progress(recording);
            run.status = RunStatus::Succeeded;
            run.finished_at = Some(self.clock.now());
            match self.ledger.commit_by(lease, &run, &plan, (|| self.clock.now(), self.is_right())).await {
                Ok(committed) => {
                    run.generation = committed.generation;
                    // What was kept back does not differ from what is observed next, and must be looked at all the same.
                    let seen = (!observation.unknown.keeps_back()).then(|| Fingerprint::new(run.id, &observation));
                    *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
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

    /// The plan of an incremental import, made from what differs from the observation before, where that is known and
    /// the last that was recorded. It is the very plan that would be made from everything.
    async fn plan_of_what_differs(
        &self,
        run: &Run,
        observation: &Observation,
    ) -> Result<Option<(Plan, Totals)>, LedgerError> {
        let unreadable = observation.unknown.people_without_access_fields();
        if observation.unknown.keeps_back() || unreadable > self.options.guard.small_losses {
            // What stays is looked for, or counted, among everything that is recorded.
            return Ok(None);
        }
        let last = self.ledger.last_success(&self.workspace, None).await?.map(|run| run.id);
        let (part, totals) = {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(seen) = seen.as_ref().filter(|seen| run.mode == Mode::Incremental && last == Some(seen.run))
            else {
                return Ok(None);
            };
            (seen.differing(observation), seen.totals())
        };
        if part.users.len() + part.groups.len() > limits::PLANNED_IN_PART {
            return Ok(None);
        }
        let recorded = self.ledger.latest_of(&self.workspace, &part).await?;
        Ok(Some((plan(&recorded, &observation.part(&part)), totals)))
    }

    /// Whether this machine's clock is known to be right: Intercom's last answer said so.
    fn is_right(&self) -> bool {
        let ahead = self.client.allowance().clock_ahead;
        ahead.is_some_and(|ahead| ahead.unsigned_abs() <= limits::CLOCK_DIFFERENCE.as_secs())
    }

    async fn fail(&self, mut run: Run, error: &IntercomError) -> Result<Run, LedgerError> {
        tracing::error!(workspace = %self.workspace, import.id = run.id, error = %error, remedy = %error.remedy(), "import failed");
        run.status = RunStatus::Failed;
        run.error = Some(Failure { code: error.code().to_owned(), detail: error.to_string(), remedy: error.remedy() });
        self.end(run).await
    }

    /// The token opens another workspace than the one that is recorded.
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

    /// The ledger failed. If the run can still be recorded as failed, it is; the first error counts.
    async fn lose(&self, mut run: Run, error: LedgerError) -> Result<Run, LedgerError> {
        run.status = RunStatus::Failed;
        run.finished_at = Some(self.clock.now());
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

/// What an import would do.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// What it would commit.
    pub plan: Plan,
    /// Whether it would.
    pub verdict: Verdict,
    /// What was odd.
    pub warnings: Vec<Warning>,
    /// What is recorded.
    pub recorded: Snapshot,
}

/// A name that no other importer has.
fn unique_name() -> String {
    let mut random = [0; 16];
    // Without randomness the process's number tells most of them apart.
    let _ = aws_lc_rs::rand::fill(&mut random);
    format!("{}-{:032x}", std::process::id(), u128::from_be_bytes(random))
}

/// Says so, if what was observed is another workspace than what is recorded.
pub(super) fn another_workspace(recorded: &Workspace, observed: &Workspace) -> Option<String> {
    let (known, seen) = (recorded.id.as_ref()?, observed.id.as_ref()?);
    (known != seen)
        .then(|| format!("the access token opens the workspace {seen}, and what is recorded is the workspace {known}"))
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
