//! The record of imports: every run, what was requested, and how it ended.

use aws_lc_rs::digest::{SHA256, digest};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, TransactionTrait,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::commit::writing;
use super::entities::imports;
use super::lease::patience;
use super::queue::{ImportRequest, is_new, no_number};
use super::{Lease, Ledger, LedgerError, evidence};
use crate::clock::{Clock, after};
use crate::directory::{Counts, DEFAULT_WORKSPACE, Exceeded, Generation, Warning};
use crate::limits;

/// The number of an import. Numbers begin at 1 in the default workspace, and at a number of their
/// own in others: gaps would reveal that another workspace is imported.
pub type RunId = i64;

/// The number before the first run of a workspace. The distance to those of other workspaces is
/// large, and JavaScript can represent the numbers exactly.
fn first_number(workspace: &str) -> RunId {
    if workspace == DEFAULT_WORKSPACE {
        return 0;
    }
    let [a, b, c, ..] = *digest(&SHA256, workspace.as_bytes()).as_ref() else { return 0 };
    (i64::from(u32::from_be_bytes([0, a, b, c]) >> 4) + 1) << 32
}

/// An import run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
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
    /// Whether the requester allowed any number of removals.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// A code for programs.
    pub code: String,
    /// What happened.
    pub detail: String,
    /// What to do.
    pub remedy: String,
}

/// Defines an enum with a word for each variant, as it is written to the database and to JSON.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+
        }

        impl ToSchema for $name {}

        impl utoipa::PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some([$($word),+])).into()
            }
        }

        impl $name {
            /// The word in the database and in JSON.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// How much an import reads. A mode that reads more is greater.
    Mode {
        /// Both lists, and the activity log since the last import.
        Incremental => "incremental",
        /// Everything, with the activity log as far back as configured.
        Full => "full",
    }
}

words! {
    /// What triggers an import. The more urgent the trigger, the greater.
    Trigger {
        /// The schedule.
        Schedule => "schedule",
        /// The start of the bridge.
        Start => "start",
        /// A client that asked for data while the served snapshot was too old.
        Query => "query",
        /// A webhook from Intercom about a change.
        Webhook => "webhook",
        /// A request for an import over the API.
        Api => "api",
        /// A command in a shell.
        Command => "command",
    }
}

words! {
    /// The state or the result of an import.
    RunStatus {
        /// It waits for another import to end.
        Queued => "queued",
        /// It is in progress.
        Running => "running",
        /// It is recorded in the ledger.
        Succeeded => "succeeded",
        /// It failed, and nothing was recorded.
        Failed => "failed",
        /// It would have removed too much, and waits for a person.
        Held => "held",
        /// Its process ended or lost its lease, or it waited in the queue for too long.
        Interrupted => "interrupted",
    }
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 2] = [Self::Incremental, Self::Full];
}

impl RunStatus {
    /// The states in which a run can end in the process that made it.
    pub const ENDS: [Self; 3] = [Self::Succeeded, Self::Failed, Self::Held];
}

impl Ledger {
    /// Records that an import begins, under a lease. If a run is queued, that one begins instead
    /// and reads at least as much as is requested: runs begin in the order of their numbers.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn start_run(
        &self,
        lease: &Lease,
        request: &ImportRequest,
        clock: &Clock,
    ) -> Result<Run, LedgerError> {
        let now = clock.now();
        let wanted =
            Run { status: RunStatus::Running, ..requested(&lease.workspace, request, now) };
        for _ in 0..limits::QUEUE_ATTEMPTS {
            // Determined before the queue is read. If a run is queued in between, it takes this
            // number, and the insertion below fails.
            let id = self.next_number(&lease.workspace).await?;
            if let Some(queued) = self.first_queued(&lease.workspace, clock).await? {
                match self.start_queued(lease, queued, request.mode, now).await? {
                    Some(run) => return Ok(run),
                    None => continue,
                }
            }
            let run = Run { id, ..wanted.clone() };
            let row = imports::ActiveModel { fence: Set(Some(lease.fence)), ..row(&run) };
            if is_new(imports::Entity::insert(row).exec_without_returning(&self.database).await)? {
                return Ok(run);
            }
        }
        Err(no_number())
    }

    /// The number of the newest run of a workspace, whether it began or is queued; 0 before the
    /// first. A run that is recorded after this call has a greater number.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn newest_number(&self, workspace: &str) -> Result<RunId, LedgerError> {
        let newest = imports::Entity::find().select_only().column(imports::Column::Id);
        let newest = newest
            .filter(imports::Column::Workspace.eq(workspace))
            .order_by_desc(imports::Column::Id);
        Ok(newest.into_tuple().one(&self.database).await?.unwrap_or(0))
    }

    /// The number of the workspace's next run.
    pub(super) async fn next_number(&self, workspace: &str) -> Result<RunId, LedgerError> {
        let newest = self.newest_number(workspace).await?;
        let before = if newest == 0 { first_number(workspace) } else { newest };
        Ok(before + 1)
    }

    /// Records what a run is doing at present.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn note_progress(&self, run: RunId, progress: &str) -> Result<(), LedgerError> {
        imports::Entity::update_many()
            .col_expr(imports::Column::Progress, Expr::value(progress))
            .filter(imports::Column::Id.eq(run))
            .filter(imports::Column::Status.eq(RunStatus::Running.as_str()))
            .exec(&self.database)
            .await?;
        Ok(())
    }

    /// Records how an import that changed nothing ended, unless another process has recorded its
    /// end.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn finish_run(&self, run: &Run) -> Result<(), LedgerError> {
        let db = self.database.begin_with_options(writing()).await?;
        patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
        if update(&db, run).await? {
            let now = run.finished_at.unwrap_or(run.started_at);
            Box::pin(evidence::record_runs(&db, &run.workspace, &[run.id], now)).await?;
        }
        Ok(db.commit().await?)
    }

    /// The runs of a workspace, newest first. With `before`, only those before it.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn runs(
        &self,
        workspace: &str,
        before: Option<RunId>,
        most: u64,
    ) -> Result<Vec<Run>, LedgerError> {
        let query = imports::Entity::find()
            .filter(imports::Column::Workspace.eq(workspace))
            .filter(imports::Column::Id.lt(before.unwrap_or(RunId::MAX)));
        let rows = query.order_by_desc(imports::Column::Id).limit(most).all(&self.database).await?;
        rows.into_iter().map(run).collect()
    }

    /// The newest runs of a workspace that changed something, newest first.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn runs_that_changed(
        &self,
        workspace: &str,
        most: u64,
    ) -> Result<Vec<Run>, LedgerError> {
        let query = imports::Entity::find()
            .filter(imports::Column::Workspace.eq(workspace))
            .filter(imports::Column::Generation.is_not_null());
        let rows = query.order_by_desc(imports::Column::Id).limit(most).all(&self.database).await?;
        rows.into_iter().map(run).collect()
    }

    /// The time up to which Intercom's activity log is known. A run whose watermark lies in the
    /// future was recorded while a clock was wrong, and is ignored.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn activity_watermark(
        &self,
        workspace: &str,
        now: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, LedgerError> {
        // SQLite compares times as texts, which is exact to the second only.
        let query = runs_with_watermark(workspace)
            .filter(imports::Column::ActivityWatermark.lte(after(now, limits::STORED_AHEAD)));
        let newest = query.order_by_desc(imports::Column::Id).one(&self.database).await?;
        // A watermark that is slightly in the future counts as now.
        Ok(newest.and_then(|run| run.activity_watermark).map(|watermark| watermark.min(now)))
    }

    /// One run of a workspace.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn run(&self, workspace: &str, id: RunId) -> Result<Option<Run>, LedgerError> {
        let query =
            imports::Entity::find_by_id(id).filter(imports::Column::Workspace.eq(workspace));
        query.one(&self.database).await?.map(run).transpose()
    }

    /// The number of runs of a workspace.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn count_runs(&self, workspace: &str) -> Result<u64, LedgerError> {
        Ok(imports::Entity::find()
            .filter(imports::Column::Workspace.eq(workspace))
            .count(&self.database)
            .await?)
    }

    /// The newest run of a workspace that has ended, successfully or not.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn last_ended(&self, workspace: &str) -> Result<Option<Run>, LedgerError> {
        let query = imports::Entity::find()
            .filter(imports::Column::Workspace.eq(workspace))
            .filter(imports::Column::Status.ne(RunStatus::Running.as_str()));
        query.order_by_desc(imports::Column::Id).one(&self.database).await?.map(run).transpose()
    }

    /// The run that is in progress, in this process or another.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn run_under_way(
        &self,
        workspace: &str,
        clock: &Clock,
    ) -> Result<Option<Run>, LedgerError> {
        let Some(fence) = self.held_fence(workspace, clock).await? else { return Ok(None) };
        let query = imports::Entity::find()
            .filter(imports::Column::Workspace.eq(workspace))
            .filter(imports::Column::Status.eq(RunStatus::Running.as_str()))
            .filter(imports::Column::Fence.eq(fence));
        query.one(&self.database).await?.map(run).transpose()
    }

    /// The newest successful run of a workspace, of one mode or of any.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn last_success(
        &self,
        workspace: &str,
        mode: Option<Mode>,
    ) -> Result<Option<Run>, LedgerError> {
        let mut query = imports::Entity::find()
            .filter(imports::Column::Workspace.eq(workspace))
            .filter(imports::Column::Status.eq(RunStatus::Succeeded.as_str()));
        if let Some(mode) = mode {
            query = query.filter(imports::Column::Mode.eq(mode.as_str()));
        }
        query.order_by_desc(imports::Column::Id).one(&self.database).await?.map(run).transpose()
    }
}

/// The successful runs of a workspace that read the activity log.
pub(super) fn runs_with_watermark(workspace: &str) -> Select<imports::Entity> {
    imports::Entity::find()
        .filter(imports::Column::Workspace.eq(workspace))
        .filter(imports::Column::Status.eq(RunStatus::Succeeded.as_str()))
        .filter(imports::Column::ActivityWatermark.is_not_null())
}

/// A requested run without a number.
pub(super) fn requested(workspace: &str, request: &ImportRequest, now: OffsetDateTime) -> Run {
    let ImportRequest { mode, trigger, requested_by, allow_removals } = request.clone();
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

/// The word for a status in the database. NB: a queued run is stored as a running one without a
/// fence, because the previous version of the bridge knows no other word (see the migration).
pub(super) fn stored(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Queued => RunStatus::Running.as_str(),
        other => other.as_str(),
    }
}

/// Records how a run ended. Returns false if another process has recorded its end.
pub(super) async fn update(db: &impl ConnectionTrait, run: &Run) -> Result<bool, LedgerError> {
    let status = imports::Column::Status;
    let updated = imports::Entity::update_many()
        .set(row(run))
        .filter(imports::Column::Id.eq(run.id))
        .filter(status.eq(RunStatus::Running.as_str()))
        .exec(db)
        .await?;
    Ok(updated.rows_affected > 0)
}

pub(super) fn row(run: &Run) -> imports::ActiveModel {
    imports::ActiveModel {
        id: Set(run.id),
        workspace: Set(run.workspace.clone()),
        mode: Set(run.mode.as_str().to_owned()),
        trigger: Set(run.trigger.as_str().to_owned()),
        requested_by: Set(run.requested_by.clone()),
        allow_removals: Set(run.allow_removals),
        fence: sea_orm::ActiveValue::NotSet,
        status: Set(stored(run.status).to_owned()),
        queued_at: Set(run.queued_at),
        started_at: Set(run.started_at),
        observed_at: Set(run.observed_at),
        finished_at: Set(run.finished_at),
        generation: Set(run.generation),
        counts: Set(json!(run.counts)),
        activity_watermark: Set(run.activity_watermark),
        intercom_calls: Set(i64::try_from(run.intercom_calls).unwrap_or(i64::MAX)),
        intercom_retries: Set(i64::try_from(run.intercom_retries).unwrap_or(i64::MAX)),
        progress: Set(run.progress.clone()),
        warnings: Set(json!(run.warnings)),
        error: Set(run.error.as_ref().map(|error| json!(error))),
        held_by: Set((!run.held_by.is_empty()).then(|| json!(run.held_by))),
        // The salt is added together with the record.
        proof: sea_orm::ActiveValue::NotSet,
    }
}

pub(super) fn run(row: imports::Model) -> Result<Run, LedgerError> {
    let corrupt =
        |column: &str| LedgerError::Corrupt { what: format!("imports.{column} of run {}", row.id) };
    Ok(Run {
        id: row.id,
        mode: Mode::from_word(&row.mode).ok_or_else(|| corrupt("mode"))?,
        trigger: Trigger::from_word(&row.trigger).ok_or_else(|| corrupt("trigger"))?,
        status: match RunStatus::from_word(&row.status).ok_or_else(|| corrupt("status"))? {
            RunStatus::Running if row.queued_at.is_some() && row.fence.is_none() => {
                RunStatus::Queued
            }
            status => status,
        },
        queued_at: row.queued_at,
        requested_by: row.requested_by,
        allow_removals: row.allow_removals,
        started_at: row.started_at,
        observed_at: row.observed_at,
        finished_at: row.finished_at,
        generation: row.generation,
        counts: decode(&row.counts, || corrupt("counts"))?,
        activity_watermark: row.activity_watermark,
        intercom_calls: row.intercom_calls.unsigned_abs(),
        intercom_retries: row.intercom_retries.unsigned_abs(),
        progress: row.progress,
        warnings: decode(&row.warnings, || corrupt("warnings"))?,
        error: row.error.as_ref().map(|error| decode(error, || corrupt("error"))).transpose()?,
        held_by: row
            .held_by
            .as_ref()
            .map_or_else(|| Ok(Vec::new()), |by| decode(by, || corrupt("held_by")))?,
        workspace: row.workspace,
    })
}

fn decode<T: DeserializeOwned>(
    value: &Value,
    error: impl FnOnce() -> LedgerError,
) -> Result<T, LedgerError> {
    T::deserialize(value).map_err(|_| error())
}
