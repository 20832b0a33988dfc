//! Leases: one process at a time imports a workspace.
//!
//! A lease ends by itself, so that a dead process holds nobody up; where the database can tell that its holder is gone
//! ([`presence`]), it ends at once. Each has a *fence*, a number higher than those of
//! all leases before it; a commit is refused under any but the latest. So a process that slept through the end of
//! its lease and wakes up cannot write over its successor.
//!
//! Whether a lease has ended is judged by no clock that others set. Its holder changes it every second or so. Who
//! sees it stand still for as long as `import.lease`, by a clock of their own that only grows, takes it as ended. So the
//! clocks of bridges, and that of the database, may be as far apart as they like, and may be set at any time. Whoever sees a
//! lease for the first time waits for that long, unless its holder is known to be gone. When a holder was only slow,
//! that costs double work and nothing else: the fence decides.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, QueryFilter,
    QuerySelect, RuntimeErr, TransactionTrait,
};
use time::OffsetDateTime;

use super::entities::{imports, leases};
use super::{Failure, Ledger, LedgerError, RunStatus, commit::writing, evidence, presence};
use crate::clock::{Clock, after};
use crate::limits;

/// The right to import a workspace, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which workspace.
    pub workspace: String,
    /// Higher than those of all leases before it.
    pub fence: i64,
}

impl Ledger {
    /// Takes the lease of a workspace for `holder`, a name that no other process has, if nobody else holds it, or whoever
    /// holds it is gone, or it has not changed for as long as `ttl`. The runs that an earlier holder left behind are marked
    /// as interrupted.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn lease(
        &self,
        workspace: &str,
        holder: &str,
        ttl: Duration,
        clock: &Clock,
    ) -> Result<Option<Lease>, LedgerError> {
        use leases::Column;
        self.file_is_there()?;
        let holder = self.sign(holder).await;
        let now = clock.now();
        let row = leases::ActiveModel {
            workspace: Set(workspace.to_owned()),
            holder: Set(holder),
            fence: Set(1),
            expires_at: Set(millis(after(now, ttl))),
        };
        let lease = async {
            let transaction = self.database.begin_with_options(writing()).await?;
            patience(&transaction, limits::LEASE_POLL, limits::DATABASE_WAIT).await?;
            let column = |column| Expr::col((leases::Entity, column));
            let current = leases::Entity::find_by_id(workspace).one(&transaction).await?;
            // Of several who see that it is free, one takes it: the one who finds it as it was.
            let as_it_was = match &current {
                None => column(Column::Fence).is_null(),
                Some(current) => {
                    let stands_still = self.watched.stands_still(current, Some(ttl), clock.running());
                    let free = if current.expires_at == GIVEN_BACK || stands_still {
                        true
                    } else {
                        let gone = presence::is_gone(&self.database, &transaction, &current.holder).await?;
                        if gone {
                            tracing::warn!(
                                workspace,
                                "the process that was importing is gone; its lease is taken over"
                            );
                        }
                        gone
                    };
                    if !free {
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
            let taken = leases::Entity::insert(row).on_conflict(ended).exec_without_returning(&transaction).await? == 1;
            if !taken {
                return Ok(None);
            }
            let held = leases::Entity::find_by_id(workspace).one(&transaction).await?;
            interrupt_runs(&transaction, workspace, now).await?;
            transaction.commit().await?;
            Ok(held.map(|held| Lease { workspace: workspace.to_owned(), fence: held.fence }))
        };
        match lease.await {
            // Somebody is committing under the lease at this very moment.
            Err(error) if is_busy(&error) => Ok(None),
            Err(error) => Err(error.into()),
            Ok(lease) => Ok(lease),
        }
    }

    /// Shows that the holder of a lease is alive. Gives false when somebody else has taken it.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn renew(&self, lease: &Lease, ttl: Duration, now: OffsetDateTime) -> Result<bool, LedgerError> {
        if let Some(mark) = &mut *self.mark.lock().await {
            // A connection that is made takes room, which every import would be moved about with.
            Box::pin(mark.keep(&self.database)).await;
        }
        // Versions before take it as the moment at which it ends. Here it only must be another number than before.
        let end = millis(after(now, ttl));
        let column = Expr::col(leases::Column::ExpiresAt);
        let another = Expr::case(column.eq(end), end.saturating_add(1)).finally(end);
        set_end(&self.database, lease, another.into()).await
    }

    /// The holder's name as it stands in a lease: with that of what shows that this process is there.
    async fn sign(&self, holder: &str) -> String {
        let mut mark = self.mark.lock().await;
        match &mut *mark {
            Some(mark) => Box::pin(mark.keep(&self.database)).await,
            None => *mark = Box::pin(presence::Mark::leave(&self.database)).await,
        }
        mark.as_ref().map_or_else(|| holder.to_owned(), |mark| mark.sign(holder))
    }

    /// Gives a lease back, for the next to take at once. A run that was not ended is marked as interrupted.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]; then it ends by itself.
    pub async fn release(&self, lease: &Lease, now: OffsetDateTime) -> Result<(), LedgerError> {
        let transaction = self.database.begin_with_options(writing()).await?;
        if set_end(&transaction, lease, Expr::value(GIVEN_BACK)).await? {
            interrupt_runs(&transaction, &lease.workspace, now).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The fence under which somebody imports the workspace now, if anybody does.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn held_fence(&self, workspace: &str, clock: &Clock) -> Result<Option<i64>, LedgerError> {
        let row = leases::Entity::find_by_id(workspace).one(&self.database).await?;
        let Some(row) = row.filter(|row| row.expires_at != GIVEN_BACK) else { return Ok(None) };
        if self.watched.stands_still(&row, None, clock.running()) {
            return Ok(None);
        }
        Ok((!presence::is_gone(&self.database, &self.database, &row.holder).await?).then_some(row.fence))
    }
}

/// The end of a lease that was given back.
const GIVEN_BACK: i64 = 0;

/// Gives false when somebody else has taken the lease.
async fn set_end(db: &impl ConnectionTrait, lease: &Lease, end: Expr) -> Result<bool, LedgerError> {
    let result = leases::Entity::update_many()
        .col_expr(leases::Column::ExpiresAt, end)
        .filter(leases::Column::Workspace.eq(&lease.workspace))
        .filter(leases::Column::Fence.eq(lease.fence))
        .exec(db)
        .await?;
    Ok(result.rows_affected == 1)
}

pub(super) fn millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// How long, on PostgreSQL, the statements of a transaction wait for others' locks, and how long it may stand idle
/// before the server ends it: a process that is stopped in its midst, or whose machine has gone, must not keep its
/// locks. On SQLite a lock ends with its process.
pub(super) async fn patience(db: &DatabaseTransaction, lock: Duration, idle: Duration) -> Result<(), DbErr> {
    if db.get_database_backend() == DbBackend::Postgres {
        for (setting, time) in [("lock_timeout", lock), ("idle_in_transaction_session_timeout", idle)] {
            db.execute_unprepared(&format!("SET LOCAL {setting} = {}", time.as_millis())).await?;
        }
    }
    Ok(())
}

/// Whether somebody else's lock was in the way.
pub(super) fn is_busy(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))
    | DbErr::Conn(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    // PostgreSQL: lock_not_available; SQLite: SQLITE_BUSY and SQLITE_BUSY_SNAPSHOT.
    matches!(code.as_deref(), Some("55P03" | "5" | "517"))
}

/// Lets nobody but the holder of the latest lease write, until the transaction ends.
pub(super) async fn fence_off(db: &DatabaseTransaction, lease: &Lease) -> Result<(), LedgerError> {
    patience(db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
    let latest = leases::Entity::find_by_id(&lease.workspace).lock_exclusive().one(db).await?;
    if latest.is_some_and(|latest| latest.fence == lease.fence) { Ok(()) } else { Err(LedgerError::LeaseLost) }
}

/// What still runs when a new lease begins has nobody left who could end it.
async fn interrupt_runs(db: &DatabaseTransaction, workspace: &str, now: OffsetDateTime) -> Result<(), DbErr> {
    use imports::Column;
    let error = Failure {
        code: "interrupted".to_owned(),
        detail: "the process that ran this import ended, or lost its lease, before the import did".to_owned(),
        remedy:
            "nothing of it was recorded; the next import reads what it would have. If it was to let removals through, \
                 ask for it again"
                .to_owned(),
    };
    let left = imports::Entity::find().select_only().column(Column::Id).filter(Column::Workspace.eq(workspace));
    let left = left.filter(Column::Status.eq(RunStatus::Running.as_str()));
    // What is queued waits for this very lease.
    let left = left.filter(Column::QueuedAt.is_null().or(Column::Fence.is_not_null())).lock_exclusive();
    let left = left.into_tuple::<i64>().all(db).await?;
    let result = imports::Entity::update_many()
        .col_expr(Column::Status, Expr::value(RunStatus::Interrupted.as_str()))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .col_expr(Column::Progress, Expr::value(Option::<String>::None))
        .col_expr(Column::Error, Expr::value(serde_json::json!(error)))
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Status.eq(RunStatus::Running.as_str()))
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
