//! The schemas of imports, of the audit trail and of background tasks: how OpenAPI describes
//! records that are serialised unchanged. The texts are part of the API's documentation. A test
//! compares the members with those of the records.
#![expect(dead_code, reason = "these types only describe records of the same name")]

use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::directory::{Generation, LossKind, Mode, RunId, RunStatus, Trigger};

/// An import run.
#[derive(ToSchema)]
pub struct Run {
    /// The number of the run.
    id: RunId,
    /// The name of the workspace.
    workspace: String,
    /// The mode: `full` or `incremental`.
    mode: Mode,
    /// What started the run.
    trigger: Trigger,
    /// Who requested the run: the subject of a token, or `system user` and the name of the
    /// operating system's user.
    requested_by: Option<String>,
    /// Whether the requester approved any number of removals.
    allow_removals: bool,
    /// The status of the run.
    status: RunStatus,
    /// When the run was queued. Null for a run that began without a queue.
    queued_at: Option<OffsetDateTime>,
    /// When the run began. While it is queued, when it was queued.
    started_at: OffsetDateTime,
    /// When the bridge read Intercom. The recorded state is that of this time.
    observed_at: Option<OffsetDateTime>,
    /// When the run ended.
    finished_at: Option<OffsetDateTime>,
    /// The generation that the run committed; null if nothing changed.
    generation: Option<Generation>,
    /// The changes. For a held run, the changes that it would have made.
    counts: Counts,
    /// The time up to which the activity log was read without a gap.
    activity_watermark: Option<OffsetDateTime>,
    /// The number of requests to Intercom, including retries.
    intercom_calls: u64,
    /// The number of retries.
    intercom_retries: u64,
    /// The progress of a running import.
    progress: Option<String>,
    /// Findings that did not stop the import.
    warnings: Vec<Warning>,
    /// Why the run did not succeed; null if it did.
    error: Option<Failure>,
    /// For a held run: the limits that it would exceed.
    held_by: Vec<Exceeded>,
}

/// A problem: what happened and what to do.
#[derive(ToSchema)]
pub struct Failure {
    /// A code for programs.
    code: String,
    /// What happened.
    detail: String,
    /// What to do.
    remedy: String,
}

/// The number of changes of each kind.
#[derive(ToSchema)]
pub struct Counts {
    /// New users.
    users_created: usize,
    /// Users with changed access or attributes.
    users_updated: usize,
    /// Removed users.
    users_removed: usize,
    /// Users who were removed and are back.
    users_restored: usize,
    /// New teams.
    groups_created: usize,
    /// Changed teams.
    groups_updated: usize,
    /// Removed teams.
    groups_removed: usize,
    /// New memberships.
    memberships_created: usize,
    /// Memberships with a changed priority.
    memberships_updated: usize,
    /// Removed memberships.
    memberships_removed: usize,
}

/// A finding that did not stop an import.
#[derive(ToSchema)]
pub struct Warning {
    /// A code for programs, for example `membership_disagreement`.
    code: String,
    /// A sentence for people. It contains ids, never names or addresses.
    detail: String,
}

/// A limit that an import would exceed. A person must approve such an import.
#[derive(ToSchema)]
pub struct Exceeded {
    /// What would be removed.
    kind: LossKind,
    /// The number that would be removed, together with what earlier imports removed within
    /// `import.loss_window`.
    lost: usize,
    /// How many of `lost` were removed by earlier imports.
    earlier: usize,
    /// How many of `lost` are values that could not be read. The bridge keeps their last known
    /// values.
    unreadable: usize,
    /// The number before these removals.
    of: usize,
    /// The number that may be removed without approval.
    allowed: usize,
    /// The setting that has the limit.
    setting: String,
}

/// An event or a request. Equal requests within one second are one entry with a count.
#[derive(ToSchema)]
pub struct AuditEntry {
    /// The number of the entry, counted over all workspaces. For the operator only.
    #[schema(ignore)]
    id: i64,
    /// When it happened. For several requests, when the first one was answered.
    at: OffsetDateTime,
    /// The kind of event: `request`, `client.created`, `token.revoked`, `workspace.connected` …
    event: String,
    /// The workspace. Null if the event concerns none or several.
    workspace: Option<String>,
    /// The subject of the token, or `command line`. Null if the request had no valid token.
    actor: Option<String>,
    /// The unique identity of the client: `client` and its id, `token` and its id, or `issuer`, the
    /// name of the issuer and the subject. For a command: `system user` and the name of the
    /// operating system's user.
    identity: Option<String>,
    /// The IP address of the client.
    address: Option<String>,
    /// The HTTP method.
    method: Option<String>,
    /// The pattern of the path, such as `/scim/v2/Users/{id}`.
    route: Option<String>,
    /// The object of the event: the id in the path, or the id of the client, token or key.
    target: Option<String>,
    /// Further details, such as the scopes of a client.
    detail: Option<String>,
    /// The HTTP status of the response.
    status: Option<i32>,
    /// The number of requests that this entry stands for.
    count: i64,
    /// The `X-Request-Id` of the first request.
    request_id: Option<String>,
}

/// Whether a task runs.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum TaskState {
    /// It runs.
    Running,
    /// It stopped because of a fault in the bridge, and is started again shortly.
    Restarting,
}

/// The state of a background task.
#[derive(ToSchema)]
pub struct TaskStatus {
    /// The task: `importer`, `publisher`, `access`, `roster`, `upkeep`, `posture`, `certificates`,
    /// `audit_trail`, `server` or `ops_server`.
    task: &'static str,
    /// The workspace of the task; null for a task of the whole bridge.
    workspace: Option<String>,
    state: TaskState,
    /// How often the task stopped because of a fault in the bridge, since the bridge started.
    failures: u64,
    /// When the task last stopped because of a fault.
    last_failure_at: Option<OffsetDateTime>,
}
