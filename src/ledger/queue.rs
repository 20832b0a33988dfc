//! The queue: requested runs that wait for another import to end. They are in the ledger, so that
//! every bridge knows them, and a restarted bridge continues with them.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter, Select};
use time::OffsetDateTime;

use super::run_rows::{is_running, row, run, stored};
use super::{Lease, Ledger, LedgerError};
use crate::clock::Clock;
use crate::database::DatabaseError;
use crate::database::entities::imports;
use crate::database::transaction::{is_busy, is_new};
use crate::directory::{Failure, ImportRequest, Mode, Run, RunStatus};
use crate::limits;

impl Ledger {
    /// Records that an import begins, under a lease. If a run is queued, that one begins instead
    /// and reads at least as much as is requested: runs begin in the order of their numbers.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn start_run(
        &self,
        lease: &Lease,
        request: &ImportRequest,
        clock: &Clock,
    ) -> Result<Run, LedgerError> {
        let now = clock.now();
        let wanted = Run { status: RunStatus::Running, ..request.run(&lease.workspace, now) };
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
            if is_new(
                imports::Entity::insert(row)
                    .exec_without_returning(&self.database.connection)
                    .await,
            )? {
                return Ok(run);
            }
        }
        Err(no_number())
    }

    /// Queues a run, or returns the queued one that covers it: at most one run of each mode is
    /// queued. If the request allows removals, so does the returned run.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn queue_run(
        &self,
        workspace: &str,
        request: &ImportRequest,
        clock: &Clock,
    ) -> Result<Run, LedgerError> {
        let now = clock.now();
        let wanted = Run { queued_at: Some(now), ..request.run(workspace, now) };
        for _ in 0..limits::QUEUE_ATTEMPTS {
            match self.queue_once(&wanted, clock).await {
                Ok(Some(run)) => return Ok(run),
                // Another process changed the queue. Try again.
                Ok(None) => {}
                // SQLite: a commit is in progress. Each attempt waits for it.
                Err(LedgerError::Database(DatabaseError::Unavailable(error)))
                    if is_busy(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Err(no_number())
    }

    /// Returns `None` if another process changed the queue meanwhile.
    async fn queue_once(&self, wanted: &Run, clock: &Clock) -> Result<Option<Run>, LedgerError> {
        use imports::Column;
        self.first_queued(&wanted.workspace, clock).await?;
        for row in self.queue(&wanted.workspace).await? {
            let mut found = run(row)?;
            if found.mode < wanted.mode {
                continue;
            }
            if wanted.allow_removals && !found.allow_removals {
                // Whoever allows removals answers for the run.
                (found.allow_removals, found.requested_by) = (true, wanted.requested_by.clone());
                let allowed = imports::Entity::update_many()
                    .col_expr(Column::AllowRemovals, Expr::value(true))
                    .col_expr(Column::RequestedBy, Expr::value(wanted.requested_by.clone()))
                    .filter(Column::Id.eq(found.id))
                    .filter(Column::Status.eq(stored(RunStatus::Queued)))
                    .filter(Column::Fence.is_null());
                if allowed.exec(&self.database.connection).await?.rows_affected != 1 {
                    return Ok(None);
                }
            }
            return Ok(Some(found));
        }
        let fresh = Run { id: self.next_number(&wanted.workspace).await?, ..wanted.clone() };
        let inserted = imports::Entity::insert(row(&fresh))
            .exec_without_returning(&self.database.connection)
            .await;
        Ok(is_new(inserted)?.then_some(fresh))
    }

    /// Whether a run of the workspace is queued.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn has_queued(&self, workspace: &str, clock: &Clock) -> Result<bool, LedgerError> {
        let rows = self.queue(workspace).await?;
        // Notes when each queued run was first seen.
        self.watched.queued(workspace, &rows, clock);
        Ok(!rows.is_empty())
    }

    /// The queued runs of a workspace, in the order in which they begin.
    async fn queue(&self, workspace: &str) -> Result<Vec<imports::Model>, LedgerError> {
        let mut rows = queued(workspace).all(&self.database.connection).await?;
        rows.sort_by_key(|row| row.id);
        Ok(rows)
    }

    /// The run that has waited longest. A run that has waited longer than [`limits::QUEUED_MAX`],
    /// because no bridge ran, is marked as interrupted: what a person allowed then may be wrong
    /// now. So is a run whose removals a person approved at a time that lies in the future.
    async fn first_queued(
        &self,
        workspace: &str,
        clock: &Clock,
    ) -> Result<Option<imports::Model>, LedgerError> {
        let rows = self.queue(workspace).await?;
        let waiting = self.watched.queued(workspace, &rows, clock);
        for (row, waits) in rows.into_iter().zip(waiting) {
            let detail = match waits {
                Some(waits) if waits > limits::QUEUED_MAX => {
                    "it was queued, and no bridge ran that could begin it"
                }
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

    /// Begins a queued run under a lease. Returns `None` if another process has begun it.
    async fn start_queued(
        &self,
        lease: &Lease,
        row: imports::Model,
        at_least: Mode,
        now: OffsetDateTime,
    ) -> Result<Option<Run>, LedgerError> {
        use imports::Column;
        let run = run(row)?;
        let run = Run {
            status: RunStatus::Running,
            mode: run.mode.max(at_least),
            started_at: now,
            ..run
        };
        let begun = imports::Entity::update_many()
            .col_expr(Column::Fence, Expr::value(lease.fence))
            .col_expr(Column::Mode, Expr::value(run.mode.as_str()))
            .col_expr(Column::StartedAt, Expr::value(now))
            .filter(Column::Id.eq(run.id))
            .filter(Column::Status.eq(stored(RunStatus::Queued)))
            .filter(Column::Fence.is_null())
            .exec(&self.database.connection)
            .await?;
        // Read again: a person may have allowed its removals since it was read.
        if begun.rows_affected == 1 { self.run(&lease.workspace, run.id).await } else { Ok(None) }
    }
}

/// The queued runs of a workspace. NB: unordered. For an ordered query, SQLite would scan all runs
/// in that order.
fn queued(workspace: &str) -> Select<imports::Entity> {
    use imports::Column;
    imports::Entity::find()
        .filter(Column::Workspace.eq(workspace))
        .filter(is_running())
        .filter(Column::Fence.is_null())
        .filter(Column::QueuedAt.is_not_null())
}

/// The error if other processes took the number of a run again and again.
fn no_number() -> LedgerError {
    LedgerError::from(DbErr::Custom(
        "other processes took the run's number at each attempt; try again".to_owned(),
    ))
}
