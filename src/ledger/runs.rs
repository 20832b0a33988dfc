//! The record of imports: every run, what was requested, and how it ended.

use aws_lc_rs::digest::{SHA256, digest};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, TransactionTrait,
};
use time::OffsetDateTime;

use super::run_rows::{is_running, run, update};
use super::{Ledger, LedgerError, evidence};
use crate::clock::{Clock, after};
use crate::database::entities::imports;
use crate::database::transaction::{patience, writing};
use crate::directory::{DEFAULT_WORKSPACE, Mode, Run, RunId, RunStatus};
use crate::limits;

/// The number before the first run of a workspace. The distance to those of other workspaces is
/// large, and JavaScript can represent the numbers exactly.
fn first_number(workspace: &str) -> RunId {
    if workspace == DEFAULT_WORKSPACE {
        return 0;
    }
    let [a, b, c, ..] = *digest(&SHA256, workspace.as_bytes()).as_ref() else { return 0 };
    (i64::from(u32::from_be_bytes([0, a, b, c]) >> 4) + 1) << 32
}

impl Ledger {
    /// The number of the newest run of a workspace, whether it began or is queued; 0 before the
    /// first. A run that is recorded after this call has a greater number.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn newest_number(&self, workspace: &str) -> Result<RunId, LedgerError> {
        let newest = imports::Entity::find().select_only().column(imports::Column::Id);
        let newest = newest
            .filter(imports::Column::Workspace.eq(workspace))
            .order_by_desc(imports::Column::Id);
        Ok(newest.into_tuple().one(&self.database.connection).await?.unwrap_or(0))
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
    /// [`LedgerError::Database`].
    pub async fn note_progress(&self, run: RunId, progress: &str) -> Result<(), LedgerError> {
        imports::Entity::update_many()
            .col_expr(imports::Column::Progress, Expr::value(progress))
            .filter(imports::Column::Id.eq(run))
            .filter(imports::Column::Status.eq(RunStatus::Running.as_str()))
            .exec(&self.database.connection)
            .await?;
        Ok(())
    }

    /// Records how an import that changed nothing ended, unless another process has recorded its
    /// end.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn finish_run(&self, run: &Run) -> Result<(), LedgerError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
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
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not
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
        let rows = query
            .order_by_desc(imports::Column::Id)
            .limit(most)
            .all(&self.database.connection)
            .await?;
        rows.into_iter().map(run).collect()
    }

    /// The newest runs of a workspace that changed something, newest first.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn runs_that_changed(
        &self,
        workspace: &str,
        most: u64,
    ) -> Result<Vec<Run>, LedgerError> {
        let query = imports::Entity::find()
            .filter(imports::Column::Workspace.eq(workspace))
            .filter(imports::Column::Generation.is_not_null());
        let rows = query
            .order_by_desc(imports::Column::Id)
            .limit(most)
            .all(&self.database.connection)
            .await?;
        rows.into_iter().map(run).collect()
    }

    /// The time up to which Intercom's activity log is known. A run whose watermark lies in the
    /// future was recorded while a clock was wrong, and is ignored.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn activity_watermark(
        &self,
        workspace: &str,
        now: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, LedgerError> {
        // SQLite compares times as texts, which is exact to the second only.
        let query = runs_with_watermark(workspace)
            .filter(imports::Column::ActivityWatermark.lte(after(now, limits::STORED_AHEAD)));
        let newest =
            query.order_by_desc(imports::Column::Id).one(&self.database.connection).await?;
        // A watermark that is slightly in the future counts as now.
        Ok(newest.and_then(|run| run.activity_watermark).map(|watermark| watermark.min(now)))
    }

    /// One run of a workspace.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn run(&self, workspace: &str, id: RunId) -> Result<Option<Run>, LedgerError> {
        let query =
            imports::Entity::find_by_id(id).filter(imports::Column::Workspace.eq(workspace));
        query.one(&self.database.connection).await?.map(run).transpose()
    }

    /// The number of runs of a workspace.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn count_runs(&self, workspace: &str) -> Result<u64, LedgerError> {
        Ok(imports::Entity::find()
            .filter(imports::Column::Workspace.eq(workspace))
            .count(&self.database.connection)
            .await?)
    }

    /// The newest run of a workspace that has ended, successfully or not.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn last_ended(&self, workspace: &str) -> Result<Option<Run>, LedgerError> {
        let query = imports::Entity::find()
            .filter(imports::Column::Workspace.eq(workspace))
            .filter(imports::Column::Status.ne(RunStatus::Running.as_str()));
        query
            .order_by_desc(imports::Column::Id)
            .one(&self.database.connection)
            .await?
            .map(run)
            .transpose()
    }

    /// The run that is in progress, in this process or another.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn run_under_way(
        &self,
        workspace: &str,
        clock: &Clock,
    ) -> Result<Option<Run>, LedgerError> {
        let Some(fence) = self.held_fence(workspace, clock).await? else { return Ok(None) };
        let query = imports::Entity::find()
            .filter(imports::Column::Workspace.eq(workspace))
            .filter(is_running())
            .filter(imports::Column::Fence.eq(fence));
        query.one(&self.database.connection).await?.map(run).transpose()
    }

    /// The newest successful run of a workspace, of one mode or of any.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not
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
        query
            .order_by_desc(imports::Column::Id)
            .one(&self.database.connection)
            .await?
            .map(run)
            .transpose()
    }
}

/// The successful runs of a workspace that read the activity log.
pub(super) fn runs_with_watermark(workspace: &str) -> Select<imports::Entity> {
    imports::Entity::find()
        .filter(imports::Column::Workspace.eq(workspace))
        .filter(imports::Column::Status.eq(RunStatus::Succeeded.as_str()))
        .filter(imports::Column::ActivityWatermark.is_not_null())
}

/// The newest of the runs that fulfils a condition. It is read in small parts: the query can
/// compare times only to the second, so the newest run nearly always fits.
pub(super) async fn newest_run(
    db: &impl ConnectionTrait,
    query: Select<imports::Entity>,
    fits: impl Fn(&imports::Model) -> bool,
) -> Result<Option<imports::Model>, LedgerError> {
    let mut below = RunId::MAX;
    loop {
        let part = query.clone().filter(imports::Column::Id.lt(below));
        let rows =
            part.order_by_desc(imports::Column::Id).limit(limits::RUNS_AT_ONCE).all(db).await?;
        let Some(oldest) = rows.last() else { return Ok(None) };
        below = oldest.id;
        if let Some(found) = rows.into_iter().find(&fits) {
            return Ok(Some(found));
        }
    }
}
