//! The queue: runs that were asked for and wait for another import to end. They are in the ledger, so that every bridge
//! knows them, and a bridge that is started again begins what the one before it left.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, Select, SqlErr};
use time::OffsetDateTime;

use super::entities::imports;
use super::runs::{row, run, stored, unnumbered};
use super::{Failure, Lease, Ledger, LedgerError, Mode, Run, RunStatus, Trigger, lease};
use crate::clock::Clock;
use crate::limits;

impl Ledger {
    /// Queues a run, or gives the queued one that does the same: of each mode, one is queued at the most. If `wanted`
    /// allows removals, the run that is given does.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn queue_run(
        &self,
        workspace: &str,
        mode: Mode,
        trigger: Trigger,
        (requested_by, allow_removals): (Option<String>, bool),
        clock: &Clock,
    ) -> Result<Run, LedgerError> {
        let now = clock.now();
        let wanted =
            Run { mode, trigger, requested_by, allow_removals, queued_at: Some(now), ..unnumbered(workspace, now) };
        for _ in 0..limits::QUEUE_ATTEMPTS {
            match self.queue_once(&wanted, clock).await {
                Ok(Some(run)) => return Ok(run),
                // Another request was a moment earlier: look again.
                Ok(None) => {}
                // On SQLite, a commit under way; each try waits for it.
                Err(LedgerError::Unavailable(error)) if lease::is_busy(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Err(no_number())
    }

    /// None when another process was in the way.
    async fn queue_once(&self, wanted: &Run, clock: &Clock) -> Result<Option<Run>, LedgerError> {
        use imports::Column;
        self.first_queued(&wanted.workspace, clock).await?;
        for row in self.queue(&wanted.workspace).await? {
            let mut found = run(row)?;
            if found.mode < wanted.mode {
                continue;
            }
            if wanted.allow_removals && !found.allow_removals {
                // Who lets removals through is who answers for the run.
                (found.allow_removals, found.requested_by) = (true, wanted.requested_by.clone());
                let allowed = imports::Entity::update_many()
                    .col_expr(Column::AllowRemovals, Expr::value(true))
                    .col_expr(Column::RequestedBy, Expr::value(wanted.requested_by.clone()))
                    .filter(Column::Id.eq(found.id))
                    .filter(Column::Status.eq(stored(RunStatus::Queued)))
                    .filter(Column::Fence.is_null());
                if allowed.exec(&self.database).await?.rows_affected != 1 {
                    return Ok(None);
                }
            }
            return Ok(Some(found));
        }
        let fresh = Run { id: self.next_number(&wanted.workspace).await?, ..wanted.clone() };
        let inserted = imports::Entity::insert(row(&fresh)).exec_without_returning(&self.database).await;
        Ok(is_new(inserted)?.then_some(fresh))
    }

    /// Whether a run of the workspace is queued.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn has_queued(&self, workspace: &str, clock: &Clock) -> Result<bool, LedgerError> {
        let rows = self.queue(workspace).await?;
        // When it was first there is remembered.
        self.watched.queued(workspace, &rows, clock);
        Ok(!rows.is_empty())
    }

    /// The queued runs of a workspace, in the order in which they begin.
    async fn queue(&self, workspace: &str) -> Result<Vec<imports::Model>, LedgerError> {
        let mut rows = queued(workspace).all(&self.database).await?;
        rows.sort_by_key(|row| row.id);
        Ok(rows)
    }

    /// The run that waits longest. What has waited longer than [`limits::QUEUED_MAX`], because no bridge ran, is marked as
    /// interrupted: what a person allowed then may be wrong now. So is what a person allowed at a time that lies in the future.
    pub(super) async fn first_queued(
        &self,
        workspace: &str,
        clock: &Clock,
    ) -> Result<Option<imports::Model>, LedgerError> {
        let rows = self.queue(workspace).await?;
        let waiting = self.watched.queued(workspace, &rows, clock);
        for (row, waits) in rows.into_iter().zip(waiting) {
            let detail = match waits {
                Some(waits) if waits > limits::QUEUED_MAX => "it was queued, and no bridge ran that could begin it",
                None if row.allow_removals => {
                    "it was queued at a time that lies in the future, so nobody can tell for how long it has waited"
                }
                _ => return Ok(Some(row)),
            };
            let mut old = run(row)?;
            old.status = RunStatus::Interrupted;
            old.finished_at = Some(clock.now());
            old.error = Some(Failure {
                code: "interrupted".to_owned(),
                detail: detail.to_owned(),
                remedy: "ask for it again, if it is still wanted".to_owned(),
            });
            self.finish_run(&old).await?;
        }
        Ok(None)
    }

    /// Begins a queued run under a lease; none when another process has begun it.
    pub(super) async fn start_queued(
        &self,
        lease: &Lease,
        row: imports::Model,
        at_least: Mode,
        now: OffsetDateTime,
    ) -> Result<Option<Run>, LedgerError> {
        use imports::Column;
        let run = run(row)?;
        let run = Run { status: RunStatus::Running, mode: run.mode.max(at_least), started_at: now, ..run };
        let begun = imports::Entity::update_many()
            .col_expr(Column::Fence, Expr::value(lease.fence))
            .col_expr(Column::Mode, Expr::value(run.mode.as_str()))
            .col_expr(Column::StartedAt, Expr::value(now))
            .filter(Column::Id.eq(run.id))
            .filter(Column::Status.eq(stored(RunStatus::Queued)))
            .filter(Column::Fence.is_null())
            .exec(&self.database)
            .await?;
        // Somebody may have let its removals through since it was read.
        if begun.rows_affected == 1 { self.run(&lease.workspace, run.id).await } else { Ok(None) }
    }
}

/// The queued runs of a workspace. NB: in no order: asked for one, SQLite walks over all runs in that order.
fn queued(workspace: &str) -> Select<imports::Entity> {
    use imports::Column;
    imports::Entity::find()
        .filter(Column::Workspace.eq(workspace))
        // Written out and not bound: so the database sees that the index fits, and looks at no run that has ended.
        .filter(Expr::cust("status = 'running'"))
        .filter(Column::Fence.is_null())
        .filter(Column::QueuedAt.is_not_null())
}

/// False where another process has inserted a row with the same key.
pub(super) fn is_new(inserted: Result<u64, DbErr>) -> Result<bool, DbErr> {
    match inserted {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn no_number() -> LedgerError {
    LedgerError::Unavailable(DbErr::Custom("other processes were in the way again and again".to_owned()))
}
