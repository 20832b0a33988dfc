//! Leases: only one process at a time imports a workspace.
//!
//! A lease expires, so a dead process blocks nobody for long. If the database can tell that the
//! holder is gone ([`presence`]), the lease ends at once. Each lease has a *fence*, a number higher
//! than those of all leases before it, and a commit is refused under any fence but the latest. So a
//! process that was suspended past the end of its lease cannot overwrite the work of its successor.
//!
//! Whether a lease has expired does not depend on a clock that can be set. The holder changes the
//! lease about once a second. A process that sees it unchanged for as long as `import.lease`, by
//! its own monotonic clock, treats it as expired. So the clocks of the bridges and of the database
//! may differ by any amount, and may be set at any time. A process that sees a lease for the first
//! time waits for that long, unless the holder is known to be gone. If the holder was only slow,
//! work is done twice and nothing else happens: the fence decides.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait,
    QueryFilter, QuerySelect, TransactionTrait,
};
use time::OffsetDateTime;

use super::run_rows::is_running;
use super::{Ledger, LedgerError, evidence, presence};
use crate::clock::{Clock, after, to_millis};
use crate::database::entities::{imports, leases};
use crate::database::transaction::{is_busy, patience, writing};
use crate::directory::{Failure, RunStatus};
use crate::limits;

/// The right to import a workspace, for a limited time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which workspace.
    pub workspace: String,
    /// Higher than the fences of all leases before it.
    pub fence: i64,
}

impl Ledger {
    /// Takes the lease of a workspace for `holder`, a name that no other process has. Returns
    /// `None` if another process holds it, unless that process is gone or has not changed the lease
    /// for as long as `ttl`. Marks the runs of the earlier holder as interrupted.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn lease(
        &self,
        workspace: &str,
        holder: &str,
        ttl: Duration,
        clock: &Clock,
    ) -> Result<Option<Lease>, LedgerError> {
        use leases::Column;
        self.database.file_is_there()?;
        let holder = self.sign(holder).await;
        let now = clock.now();
        let row = leases::ActiveModel {
            workspace: Set(workspace.to_owned()),
            holder: Set(holder),
            fence: Set(1),
            expires_at: Set(to_millis(after(now, ttl))),
        };
        let lease = async {
            let transaction = self.database.connection.begin_with_options(writing()).await?;
            patience(&transaction, limits::LEASE_POLL, limits::DATABASE_WAIT).await?;
            let column = |column| Expr::col((leases::Entity, column));
            let current = leases::Entity::find_by_id(workspace).one(&transaction).await?;
            // Several processes can see that the lease is free. The one that finds it unchanged
            // takes it.
            let as_it_was = match &current {
                None => column(Column::Fence).is_null(),
                Some(current) => {
                    if !self.is_free(&transaction, current, ttl, clock).await? {
                        return Ok(None);
                    }
                    let same = column(Column::Fence).eq(current.fence);
                    same.and(column(Column::ExpiresAt).eq(current.expires_at))
                }
            };
            let mut ended = OnConflict::column(Column::Workspace);
            ended
                .update_columns([Column::Holder, Column::ExpiresAt])
                .value(Column::Fence, column(Column::Fence).add(1))
                .action_and_where(as_it_was);
            let taken = leases::Entity::insert(row)
                .on_conflict(ended)
                .exec_without_returning(&transaction)
                .await?
                == 1;
            if !taken {
                return Ok(None);
            }
            let held = leases::Entity::find_by_id(workspace).one(&transaction).await?;
            interrupt_runs(&transaction, workspace, now).await?;
            transaction.commit().await?;
            Ok(held.map(|held| Lease { workspace: workspace.to_owned(), fence: held.fence }))
        };
        match lease.await {
            // Another process is committing under the lease at this moment.
            Err(error) if is_busy(&error) => Ok(None),
            Err(error) => Err(error.into()),
            Ok(lease) => Ok(lease),
        }
    }

    /// Whether a lease was given back, has been unchanged for as long as `ttl`, or has a holder
    /// that is gone.
    async fn is_free(
        &self,
        db: &DatabaseTransaction,
        row: &leases::Model,
        ttl: Duration,
        clock: &Clock,
    ) -> Result<bool, DbErr> {
        // In any case, this notes the lease as it is now.
        let stands_still = self.watched.stands_still(row, Some(ttl), clock.running());
        if row.expires_at == GIVEN_BACK || stands_still {
            return Ok(true);
        }
        let gone = presence::is_gone(&self.database.connection, db, &row.holder).await?;
        if gone {
            tracing::warn!(
                workspace = row.workspace.as_str(),
                "the process that was importing is gone; its lease is taken over"
            );
        }
        Ok(gone)
    }

    /// Renews a lease. Returns false if another process has taken it.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn renew(
        &self,
        lease: &Lease,
        ttl: Duration,
        now: OffsetDateTime,
    ) -> Result<bool, LedgerError> {
        if let Some(mark) = &mut *self.mark.lock().await {
            // Boxed: the future of a connection attempt is large, and would be part of that of
            // every import.
            Box::pin(mark.keep(&self.database.connection)).await;
        }
        // Earlier versions of the bridge read this as the time of expiry. This version only needs
        // it to differ from the previous value.
        let end = to_millis(after(now, ttl));
        let column = Expr::col(leases::Column::ExpiresAt);
        let another = Expr::case(column.eq(end), end.saturating_add(1)).finally(end);
        set_end(&self.database.connection, lease, another.into()).await
    }

    /// The name of the holder as it is stored in a lease: with the name of the mark that shows that
    /// this process is alive.
    async fn sign(&self, holder: &str) -> String {
        let mut mark = self.mark.lock().await;
        match &mut *mark {
            Some(mark) => Box::pin(mark.keep(&self.database.connection)).await,
            None => *mark = Box::pin(presence::Mark::leave(&self.database.connection)).await,
        }
        mark.as_ref().map_or_else(|| holder.to_owned(), |mark| mark.sign(holder))
    }

    /// Gives a lease back, so that another process can take it at once. Marks a run that has not
    /// ended as interrupted.
    ///
    /// # Errors
    /// [`LedgerError::Database`]; then the lease expires.
    pub async fn release(&self, lease: &Lease, now: OffsetDateTime) -> Result<(), LedgerError> {
        let transaction = self.database.connection.begin_with_options(writing()).await?;
        if set_end(&transaction, lease, Expr::value(GIVEN_BACK)).await? {
            interrupt_runs(&transaction, &lease.workspace, now).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The fence under which a process imports the workspace now, if one does.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn held_fence(
        &self,
        workspace: &str,
        clock: &Clock,
    ) -> Result<Option<i64>, LedgerError> {
        let row = leases::Entity::find_by_id(workspace).one(&self.database.connection).await?;
        let Some(row) = row.filter(|row| row.expires_at != GIVEN_BACK) else { return Ok(None) };
        if self.watched.stands_still(&row, None, clock.running()) {
            return Ok(None);
        }
        Ok((!presence::is_gone(&self.database.connection, &self.database.connection, &row.holder)
            .await?)
            .then_some(row.fence))
    }
}

/// The value of `expires_at` of a lease that was given back.
const GIVEN_BACK: i64 = 0;

/// Sets `expires_at`. Returns false if another process has taken the lease.
async fn set_end(db: &impl ConnectionTrait, lease: &Lease, end: Expr) -> Result<bool, LedgerError> {
    let result = leases::Entity::update_many()
        .col_expr(leases::Column::ExpiresAt, end)
        .filter(leases::Column::Workspace.eq(&lease.workspace))
        .filter(leases::Column::Fence.eq(lease.fence))
        .exec(db)
        .await?;
    Ok(result.rows_affected == 1)
}

/// Lets only the holder of the latest lease write, until the transaction ends.
pub(crate) async fn fence_off(db: &DatabaseTransaction, lease: &Lease) -> Result<(), LedgerError> {
    patience(db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
    let latest = leases::Entity::find_by_id(&lease.workspace).lock_exclusive().one(db).await?;
    if latest.is_some_and(|latest| latest.fence == lease.fence) {
        Ok(())
    } else {
        Err(LedgerError::LeaseLost)
    }
}

/// Marks the runs of earlier holders as interrupted: no process is left that could end them.
async fn interrupt_runs(
    db: &DatabaseTransaction,
    workspace: &str,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    use imports::Column;
    let error = Failure {
        code: "interrupted".to_owned(),
        detail: "the process that ran this import ended, or lost its lease, before the import did"
            .to_owned(),
        remedy:
            "nothing of it was recorded; the next import reads what it would have. If its removals \
             were approved, \
                 ask for it again"
                .to_owned(),
    };
    let left = imports::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Workspace.eq(workspace));
    let left = left.filter(is_running());
    // A queued run waits for this very lease.
    let left =
        left.filter(Column::QueuedAt.is_null().or(Column::Fence.is_not_null())).lock_exclusive();
    let left = left.into_tuple::<i64>().all(db).await?;
    let result = imports::Entity::update_many()
        .col_expr(Column::Status, Expr::value(RunStatus::Interrupted.as_str()))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .col_expr(Column::Progress, Expr::value(Option::<String>::None))
        .col_expr(Column::Error, Expr::value(serde_json::json!(error)))
        .filter(Column::Workspace.eq(workspace))
        .filter(is_running())
        .filter(Column::Id.is_in(left.iter().copied()))
        .exec(db)
        .await?;
    Box::pin(evidence::record_runs(db, workspace, &left, now)).await?;
    if result.rows_affected > 0 {
        tracing::warn!(
            workspace,
            runs = result.rows_affected,
            "imports of an ended process were marked as interrupted"
        );
    }
    Ok(())
}
