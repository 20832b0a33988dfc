//! Prunes the history: versions, log entries, runs and requests that ended long ago are deleted.
//! What is true now stays, and so do the hash chains and the times at which each person and team
//! was first seen and last changed. What is left can still be proved.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, TransactionTrait,
};
use time::OffsetDateTime;

use super::evidence::{self, EntryKey, TakenOut, record_pruning};
use super::generation_rows::{generation, last_pruned, number_at};
use super::seconds::a_second_after;
use super::stamps::{GROUP, History, Only, ROLE, USER};
use super::versions::{GROUPS, MEMBERSHIPS, ROLES, USERS, Version, Versions};
use super::{Ledger, LedgerError, chain, feed};
use crate::database::entities::{
    activity, generations, imports, leases, lifecycle_requests, pruned_stamps, prunings,
};
use crate::database::transaction::{insert, patience, writing};
use crate::database::{AuditEntry, record_events};
use crate::directory::{Generation, Mode, RunId, RunStatus};
use crate::limits;
use crate::requests::RequestState;

/// What a pruning deleted, or would delete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Pruned {
    /// The earliest generation whose state is still known.
    pub generation: Generation,
    /// Versions of people, teams and memberships.
    pub versions: u64,
    /// Entries of Intercom's activity log.
    pub activity: u64,
    /// Runs.
    pub runs: u64,
    /// Requests for changes that were closed.
    pub requests: u64,
}

impl Pruned {
    /// Whether there was nothing to delete.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    fn total(&self) -> u64 {
        self.versions + self.activity + self.runs + self.requests
    }
}

impl Ledger {
    /// Deletes everything that ended before a moment, in one transaction, and records the audit
    /// entries that `events` returns for it in the same one. The state at that moment stays known.
    ///
    /// # Errors
    /// [`LedgerError::Database`]; then nothing is deleted.
    pub async fn prune(
        &self,
        workspace: &str,
        before: OffsetDateTime,
        events: impl FnOnce(&Pruned) -> Vec<AuditEntry>,
        now: OffsetDateTime,
    ) -> Result<Pruned, LedgerError> {
        let db = self.begin_pruning(workspace).await?;
        let old = Old::find(&db, workspace, before).await?;
        let pruned = old.count(&db, workspace).await?;
        if !pruned.is_empty() {
            old.take_out(&db, workspace, before, pruned.total(), now).await?;
        }
        record_events(&db, events(&pruned)).await?;
        db.commit().await?;
        Ok(pruned)
    }

    /// Begins the transaction of a pruning. Until it ends, no import commits: it could record again
    /// what the pruning deletes.
    async fn begin_pruning(&self, workspace: &str) -> Result<DatabaseTransaction, LedgerError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
        leases::Entity::find_by_id(workspace).lock_exclusive().one(&db).await?;
        evidence::lock(&db, evidence::PRUNING_LOCK, workspace).await?;
        Ok(db)
    }

    /// Deletes the log entries of events before a moment, and records the audit entries that
    /// `events` returns for their number.
    ///
    /// # Errors
    /// [`LedgerError::Database`]; then nothing is deleted.
    pub async fn prune_activity(
        &self,
        workspace: &str,
        before: OffsetDateTime,
        events: impl FnOnce(u64) -> Vec<AuditEntry>,
        now: OffsetDateTime,
    ) -> Result<u64, LedgerError> {
        let db = self.begin_pruning(workspace).await?;
        let earlier = last_pruned(&db, workspace).await?.map_or(0, |pruned| pruned.generation);
        let activity = old_activity(&db, workspace, before).await?;
        let count = activity.len() as u64;
        if count > 0 {
            let old = Old { last: None, earlier, runs: Vec::new(), requests: Vec::new(), activity };
            old.take_out(&db, workspace, before, count, now).await?;
            record_events(&db, events(count)).await?;
        }
        db.commit().await?;
        Ok(count)
    }

    /// Returns what [`Ledger::prune`] would delete, and deletes nothing.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn would_prune(
        &self,
        workspace: &str,
        before: OffsetDateTime,
    ) -> Result<Pruned, LedgerError> {
        let db = self.database.connection.begin().await?;
        Old::find(&db, workspace, before).await?.count(&db, workspace).await
    }
}

/// Everything that ended before a moment.
struct Old {
    /// The generation up to which the history will be pruned. `None` if there are no versions to
    /// delete.
    last: Option<generations::Model>,
    /// The generation up to which the history was pruned before.
    earlier: Generation,
    runs: Vec<RunId>,
    requests: Vec<String>,
    activity: Vec<OldEntry>,
}

/// A log entry.
struct OldEntry {
    /// The run that stored it.
    run: Option<i64>,
    key: EntryKey,
    digest: String,
    seq: i64,
}

impl Old {
    async fn find(
        db: &DatabaseTransaction,
        workspace: &str,
        before: OffsetDateTime,
    ) -> Result<Self, LedgerError> {
        let number = number_at(db, workspace, before).await?;
        let last = generation(db, workspace, number).await?;
        let earlier = last_pruned(db, workspace).await?.map_or(0, |pruned| pruned.generation);
        let last = match last.filter(|last| last.number > earlier) {
            Some(last) if anything_ended(db, workspace, last.number).await? => Some(last),
            _ => None,
        };
        let generation = last.as_ref().map_or(earlier, |last| last.number);
        Ok(Self {
            last,
            earlier,
            runs: old_runs(db, workspace, before, generation).await?,
            requests: old_requests(db, workspace, before).await?,
            activity: old_activity(db, workspace, before).await?,
        })
    }

    async fn count(
        &self,
        db: &DatabaseTransaction,
        workspace: &str,
    ) -> Result<Pruned, LedgerError> {
        let versions = match &self.last {
            None => 0,
            Some(last) => {
                count_ended(db, &USERS, workspace, last.number).await?
                    + count_ended(db, &GROUPS, workspace, last.number).await?
                    + count_ended(db, &MEMBERSHIPS, workspace, last.number).await?
                    + count_ended(db, &ROLES, workspace, last.number).await?
            }
        };
        Ok(Pruned {
            generation: self.last.as_ref().map_or(self.earlier, |last| last.number),
            versions,
            activity: self.activity.len() as u64,
            runs: self.runs.len() as u64,
            requests: self.requests.len() as u64,
        })
    }

    async fn take_out(
        self,
        db: &DatabaseTransaction,
        workspace: &str,
        before: OffsetDateTime,
        total: u64,
        now: OffsetDateTime,
    ) -> Result<(), LedgerError> {
        if let Some(last) = &self.last {
            prune_versions(db, last, now).await?;
        }
        for ids in self.activity.chunks(limits::SQL_VALUES) {
            let ids = ids.iter().map(|entry| entry.key.1.as_str());
            let entries =
                activity::Entity::delete_many().filter(activity::Column::Workspace.eq(workspace));
            entries.filter(activity::Column::Id.is_in(ids)).exec(db).await?;
        }
        for ids in self.runs.chunks(limits::SQL_VALUES) {
            let runs =
                imports::Entity::delete_many().filter(imports::Column::Workspace.eq(workspace));
            runs.filter(imports::Column::Id.is_in(ids.iter().copied())).exec(db).await?;
        }
        for references in self.requests.chunks(limits::SQL_VALUES) {
            use lifecycle_requests::Column;
            let requests =
                lifecycle_requests::Entity::delete_many().filter(Column::Workspace.eq(workspace));
            requests.filter(Column::Reference.is_in(references)).exec(db).await?;
        }
        let mut taken = TakenOut {
            runs: self.runs.iter().map(ToString::to_string).collect(),
            requests: self.requests.into_iter().collect(),
            ..TakenOut::default()
        };
        let last = self.activity.iter().map(|entry| entry.seq).max().unwrap_or_default();
        feed::note_pruned(db, workspace, before, last).await?;
        for OldEntry { run, key, digest, .. } in self.activity {
            if let Some(run) = run {
                taken.activity.entry(run).or_default().push((key, digest));
            }
        }
        Ok(record_pruning(db, workspace, taken, before, total, now).await?)
    }
}

/// Whether there is a version to delete. If not, the beginning of the history does not move.
async fn anything_ended(
    db: &DatabaseTransaction,
    workspace: &str,
    generation: Generation,
) -> Result<bool, LedgerError> {
    async fn of<E: EntityTrait>(
        db: &DatabaseTransaction,
        versions: &Versions<E>,
        workspace: &str,
        generation: Generation,
    ) -> Result<bool, LedgerError> {
        let ended =
            E::find().filter(versions.workspace.eq(workspace)).filter(versions.to.lte(generation));
        Ok(ended.one(db).await?.is_some())
    }
    Ok(of(db, &USERS, workspace, generation).await?
        || of(db, &GROUPS, workspace, generation).await?
        || of(db, &MEMBERSHIPS, workspace, generation).await?
        || of(db, &ROLES, workspace, generation).await?)
}

async fn prune_versions(
    db: &DatabaseTransaction,
    last: &generations::Model,
    now: OffsetDateTime,
) -> Result<(), LedgerError> {
    let (workspace, generation) = (last.workspace.as_str(), last.number);
    remember_stamps(db, workspace, generation).await?;
    take_out_ended(db, &USERS, workspace, generation).await?;
    take_out_ended(db, &GROUPS, workspace, generation).await?;
    take_out_ended(db, &MEMBERSHIPS, workspace, generation).await?;
    take_out_ended(db, &ROLES, workspace, generation).await?;
    let hash = chain::hash_of_state(&last.hash, digests_at(db, workspace, generation).await?);
    let row = prunings::ActiveModel {
        workspace: Set(workspace.to_owned()),
        generation: Set(generation),
        at: Set(now),
        hash: Set(hash),
    };
    prunings::Entity::delete_many()
        .filter(prunings::Column::Workspace.eq(workspace))
        .exec(db)
        .await?;
    prunings::Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Stores when people and teams were first seen and last changed, because the remaining versions
/// will not show it.
async fn remember_stamps(
    db: &DatabaseTransaction,
    workspace: &str,
    until: Generation,
) -> Result<(), LedgerError> {
    let history = History::read(db, workspace, until, &Only::default()).await?;
    let of = |kind: &'static str| {
        move |(id, span): (String, super::stamps::GenerationSpan)| pruned_stamps::ActiveModel {
            workspace: Set(workspace.to_owned()),
            kind: Set(kind.to_owned()),
            id: Set(id),
            first_generation: Set(span.first),
            last_generation: Set(span.last),
        }
    };
    let stamps = history
        .users
        .into_iter()
        .map(of(USER))
        .chain(history.groups.into_iter().map(of(GROUP)))
        .chain(history.roles.into_iter().map(of(ROLE)))
        .collect();
    pruned_stamps::Entity::delete_many()
        .filter(pruned_stamps::Column::Workspace.eq(workspace))
        .exec(db)
        .await?;
    insert(db, stamps, None).await?;
    Ok(())
}

/// The number of versions that ended at or before a generation.
async fn count_ended<E>(
    db: &DatabaseTransaction,
    versions: &Versions<E>,
    workspace: &str,
    generation: Generation,
) -> Result<u64, DbErr>
where
    E: EntityTrait,
    E::Model: Sync,
{
    let ended =
        E::find().filter(versions.workspace.eq(workspace)).filter(versions.to.lte(generation));
    ended.count(db).await
}

/// Deletes the versions that ended at or before a generation.
async fn take_out_ended<E: EntityTrait>(
    db: &DatabaseTransaction,
    versions: &Versions<E>,
    workspace: &str,
    generation: Generation,
) -> Result<(), DbErr> {
    let ended = E::delete_many()
        .filter(versions.workspace.eq(workspace))
        .filter(versions.to.lte(generation));
    ended.exec(db).await?;
    Ok(())
}

/// Runs that ended before the moment, except those that other parts of the ledger need: the runs of
/// generations that are still known, the last successful ones, and the newest, whose number the
/// next run follows.
async fn old_runs(
    db: &DatabaseTransaction,
    workspace: &str,
    before: OffsetDateTime,
    generation: Generation,
) -> Result<Vec<RunId>, DbErr> {
    use imports::Column;
    let of_workspace = || {
        imports::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Workspace.eq(workspace))
    };
    let newest = of_workspace().order_by_desc(Column::Id).into_tuple::<i64>().one(db).await?;
    let mut needed = Vec::from_iter(newest);
    for mode in Mode::ALL {
        let query = of_workspace()
            .filter(Column::Mode.eq(mode.as_str()))
            .filter(Column::Status.eq(RunStatus::Succeeded.as_str()));
        needed.extend(query.order_by_desc(Column::Id).into_tuple::<i64>().one(db).await?);
    }
    let forgotten =
        Condition::any().add(Column::Generation.is_null()).add(Column::Generation.lt(generation));
    let ended = of_workspace()
        .column(Column::FinishedAt)
        .filter(Column::FinishedAt.lt(a_second_after(before)))
        .filter(forgotten);
    let ended = ended.filter(Column::Id.is_not_in(needed)).order_by_asc(Column::Id);
    let ended = ended.into_tuple::<(i64, Option<OffsetDateTime>)>().all(db).await?.into_iter();
    Ok(ended.filter(|(_, at)| at.is_some_and(|at| at < before)).map(|(id, _)| id).collect())
}

/// Requests that were closed before the moment. Open requests stay.
async fn old_requests(
    db: &DatabaseTransaction,
    workspace: &str,
    before: OffsetDateTime,
) -> Result<Vec<String>, DbErr> {
    use lifecycle_requests::Column;
    let query = lifecycle_requests::Entity::find()
        .select_only()
        .columns([Column::Reference, Column::ClosedAt])
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::State.ne(RequestState::Open.as_str()))
        .filter(Column::ClosedAt.lt(a_second_after(before)));
    let closed = query
        .order_by_asc(Column::Id)
        .into_tuple::<(String, Option<OffsetDateTime>)>()
        .all(db)
        .await?;
    let closed = closed.into_iter().filter(|(_, at)| at.is_some_and(|at| at < before));
    Ok(closed.map(|(reference, _)| reference).collect())
}

/// Log entries from before the moment.
async fn old_activity(
    db: &DatabaseTransaction,
    workspace: &str,
    before: OffsetDateTime,
) -> Result<Vec<OldEntry>, DbErr> {
    use activity::Column;
    let query = activity::Entity::find()
        .select_only()
        .columns([Column::Id, Column::At, Column::ImportId, Column::Digest, Column::Seq])
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::At.lt(a_second_after(before)));
    let entries = query
        .into_tuple::<(String, OffsetDateTime, Option<i64>, String, Option<i64>)>()
        .all(db)
        .await?
        .into_iter();
    let old = entries.filter(|(_, at, ..)| *at < before);
    let entry = |(id, at, run, digest, seq): (String, OffsetDateTime, _, _, Option<i64>)| {
        OldEntry { run, key: (at.unix_timestamp_nanos(), id), digest, seq: seq.unwrap_or_default() }
    };
    Ok(old.map(entry).collect())
}

/// The digests of all versions that were true at the end of a generation, by kind and key.
pub(super) async fn digests_at(
    db: &impl sea_orm::ConnectionTrait,
    workspace: &str,
    generation: Generation,
) -> Result<Vec<String>, LedgerError> {
    async fn of<E>(
        db: &impl sea_orm::ConnectionTrait,
        versions: &Versions<E>,
        workspace: &str,
        generation: Generation,
    ) -> Result<Vec<String>, LedgerError>
    where
        E: EntityTrait,
        E::Model: Version,
    {
        let query =
            E::find().filter(versions.workspace.eq(workspace)).filter(versions.open_at(generation));
        let rows = versions
            .key
            .iter()
            .fold(query, |query, column| query.order_by_asc(*column))
            .all(db)
            .await?;
        Ok(rows.iter().map(|row| row.digest().to_owned()).collect())
    }
    let mut digests = of(db, &USERS, workspace, generation).await?;
    digests.extend(of(db, &GROUPS, workspace, generation).await?);
    digests.extend(of(db, &MEMBERSHIPS, workspace, generation).await?);
    digests.extend(of(db, &ROLES, workspace, generation).await?);
    Ok(digests)
}
