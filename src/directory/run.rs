//! An import: what was requested, what it did, and how it ended.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Counts, Exceeded, Generation, Warning};
use crate::words::words;

/// The number of an import. Numbers begin at 1 in the default workspace, and at a number of their
/// own in others: gaps would reveal that another workspace is imported.
pub type RunId = i64;

/// An import run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// The number of the run.
    pub id: RunId,
    /// The name of the workspace.
    pub workspace: String,
    /// The mode: `full` or `incremental`.
    pub mode: Mode,
    /// What started the run.
    pub trigger: Trigger,
    /// Who requested the run: the subject of a token, or `system user` and the name of the
    /// operating system's user.
    pub requested_by: Option<String>,
    /// Whether the requester approved any number of removals.
    pub allow_removals: bool,
    /// The status of the run.
    pub status: RunStatus,
    /// When the run was queued. Null for a run that began without a queue.
    #[serde(with = "crate::date_time::option")]
    pub queued_at: Option<OffsetDateTime>,
    /// When the run began. While it is queued, when it was queued.
    #[serde(with = "crate::date_time")]
    pub started_at: OffsetDateTime,
    /// When the bridge read Intercom. The recorded state is that of this time.
    #[serde(with = "crate::date_time::option")]
    pub observed_at: Option<OffsetDateTime>,
    /// When the run ended.
    #[serde(with = "crate::date_time::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// The generation that the run committed; null if nothing changed.
    pub generation: Option<Generation>,
    /// The changes. For a held run, the changes that it would have made.
    pub counts: Counts,
    /// The time up to which the activity log was read without a gap.
    #[serde(with = "crate::date_time::option")]
    pub activity_watermark: Option<OffsetDateTime>,
    /// The number of requests to Intercom, including retries.
    pub intercom_calls: u64,
    /// The number of retries.
    pub intercom_retries: u64,
    /// The progress of a running import.
    pub progress: Option<String>,
    /// Findings that did not stop the import.
    pub warnings: Vec<Warning>,
    /// Why the run did not succeed; null if it did.
    pub error: Option<Failure>,
    /// For a held run: the limits that it would exceed.
    pub held_by: Vec<Exceeded>,
}

/// A problem: what happened and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A code for programs.
    pub code: String,
    /// What happened.
    pub detail: String,
    /// What to do.
    pub remedy: String,
}

words! {
    /// How much an import reads. A mode that reads more is greater.
    pub enum Mode {
        /// Both lists, and the activity log since the last import.
        Incremental = "incremental",
        /// Everything, with the activity log as far back as configured.
        Full = "full",
    }
}

words! {
    /// What triggers an import. The more urgent the trigger, the greater.
    pub enum Trigger {
        /// The schedule.
        Schedule = "schedule",
        /// The start of the bridge.
        Start = "start",
        /// A client that asked for data while the served snapshot was too old.
        Query = "query",
        /// A webhook from Intercom about a change.
        Webhook = "webhook",
        /// A request for an import over the API.
        Api = "api",
        /// A command in a shell.
        Command = "command",
    }
}

words! {
    /// The state or the result of an import.
    pub enum RunStatus {
        /// It waits for another import to end.
        Queued = "queued",
        /// It is in progress.
        Running = "running",
        /// It is recorded in the ledger.
        Succeeded = "succeeded",
        /// It failed, and nothing was recorded.
        Failed = "failed",
        /// It would have removed too much, and waits for a person.
        Held = "held",
        /// Its process ended or lost its lease, or it waited in the queue for too long.
        Interrupted = "interrupted",
    }
}

impl RunStatus {
    /// The states in which a run can end in the process that made it.
    pub const ENDS: [Self; 3] = [Self::Succeeded, Self::Failed, Self::Held];
}

/// A request for an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRequest {
    /// How much the import reads.
    pub mode: Mode,
    /// What triggers it.
    pub trigger: Trigger,
    /// The requester, if known.
    pub requested_by: Option<String>,
    /// Whether a person approved any number of removals.
    pub allow_removals: bool,
}

impl ImportRequest {
    /// Creates a request for an incremental import.
    #[must_use]
    pub fn incremental(trigger: Trigger) -> Self {
        Self { mode: Mode::Incremental, trigger, requested_by: None, allow_removals: false }
    }

    /// Whether a run satisfies this request: it reads as much, and allows removals if the request
    /// does.
    #[must_use]
    pub fn is_done_by(&self, run: &Run) -> bool {
        run.mode >= self.mode && (run.allow_removals || !self.allow_removals)
    }

    /// Merges two requests into one that satisfies both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (strong, weak) =
            if other.trigger > self.trigger { (other, self) } else { (self, other) };
        Self {
            mode: strong.mode.max(weak.mode),
            allow_removals: strong.allow_removals || weak.allow_removals,
            requested_by: strong.requested_by.or(weak.requested_by),
            trigger: strong.trigger,
        }
    }

    /// The queued run of this request, without a number.
    #[must_use]
    pub fn run(&self, workspace: &str, now: OffsetDateTime) -> Run {
        let Self { mode, trigger, requested_by, allow_removals } = self.clone();
        Run {
            id: 0,
            workspace: workspace.to_owned(),
            mode,
            trigger,
            requested_by,
            allow_removals,
            status: RunStatus::Queued,
            queued_at: None,
            started_at: now,
            observed_at: None,
            finished_at: None,
            generation: None,
            counts: Counts::default(),
            activity_watermark: None,
            intercom_calls: 0,
            intercom_retries: 0,
            progress: None,
            warnings: Vec::new(),
            error: None,
            held_by: Vec::new(),
        }
    }
}
