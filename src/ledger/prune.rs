//! Shortens the history: what ended long ago is taken out. What is true now stays, and so do the chain of hashes, and
//! when each person and team was first seen and last changed.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    TransactionTrait,
};
use time::OffsetDateTime;

use super::commit::{insert, writing};
use super::entities::{
    activity, generations, group_versions, imports, lifecycle_requests, membership_versions, pruned_stamps, prunings,
    user_versions,
};
use super::read::{History, Only, last_pruned};
use super::versions::{GROUPS, MEMBERSHIPS, USERS, Version, Versions};
use super::{Ledger, LedgerError, RunStatus, chain};
use crate::directory::Generation;

/// What kinds are called in `pruned_stamps`.
pub(super) const USER: &str = "user";
/// See [`USER`].
pub(super) const GROUP: &str = "group";

/// What a pruning took out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Pruned {
    /// The state of this generation is the earliest that is still known.
    pub generation: Generation,
    /// Versions of people, teams and memberships.
    pub versions: u64,
    /// Entries of Intercom's activity log.
    pub activity: u64,
    /// Runs.
    pub runs: u64,
    /// Requests for changes that a person had to make, and did.
    pub requests: u64,
}

impl Ledger {
    /// Takes out what ended before a moment, in one transaction. The state at that moment is the earliest that stays
    /// known.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]; then nothing is taken out.
    pub async fn prune(
        &self,
        workspace: &str,
        before: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Pruned, LedgerError> {
        let db = self.database.begin_with_options(writing()).await?;
        let query = generations::Entity::find()
            .filter(generations::Column::Workspace.eq(workspace))
            .filter(generations::Column::At.lte(before));
        let last = query.order_by_desc(generations::Column::Number).one(&db).await?;
        let earlier = last_pruned(&db, workspace).await?.map_or(0, |pruned| pruned.generation);
        let mut pruned = Pruned { generation: earlier, ..Pruned::default() };
        if let Some(last) = last.filter(|last| last.number > earlier)
            && anything_ended(&db, workspace, last.number).await?
        {
            pruned.generation = last.number;
            pruned.versions = prune_versions(&db, &last, now).await?;
        }
        pruned.activity = activity::Entity::delete_many()
            .filter(activity::Column::Workspace.eq(workspace))
            .filter(activity::Column::At.lt(before))
            .exec(&db)
            .await?
            .rows_affected;
        pruned.runs = prune_runs(&db, workspace, before, pruned.generation).await?;
        pruned.requests = lifecycle_requests::Entity::delete_many()
            .filter(lifecycle_requests::Column::Workspace.eq(workspace))
            .filter(lifecycle_requests::Column::At.lt(before))
            // What is still to be done is not forgotten.
            .filter(lifecycle_requests::Column::State.eq("done"))
            .exec(&db)
            .await?
            .rows_affected;
        db.commit().await?;
        Ok(pruned)
    }
}

/// Whether there is a version to take out. If not, history begins where it did.
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
        let ended = E::find().filter(versions.workspace.eq(workspace)).filter(versions.to.lte(generation));
        Ok(ended.one(db).await?.is_some())
    }
    Ok(of(db, &USERS, workspace, generation).await?
        || of(db, &GROUPS, workspace, generation).await?
        || of(db, &MEMBERSHIPS, workspace, generation).await?)
}

async fn prune_versions(
    db: &DatabaseTransaction,
    last: &generations::Model,
    now: OffsetDateTime,
) -> Result<u64, LedgerError> {
    let (workspace, generation) = (last.workspace.as_str(), last.number);
    remember_stamps(db, workspace, generation).await?;
    let mut count = ended::<user_versions::Entity>(db, &USERS, workspace, generation).await?;
    count += ended::<group_versions::Entity>(db, &GROUPS, workspace, generation).await?;
    count += ended::<membership_versions::Entity>(db, &MEMBERSHIPS, workspace, generation).await?;
    let hash = chain::hash_of_state(&last.hash, digests_at(db, workspace, generation).await?);
    let row = prunings::ActiveModel {
        workspace: Set(workspace.to_owned()),
        generation: Set(generation),
        at: Set(now),
        hash: Set(hash),
    };
    prunings::Entity::delete_many().filter(prunings::Column::Workspace.eq(workspace)).exec(db).await?;
    prunings::Entity::insert(row).exec_without_returning(db).await?;
    Ok(count)
}

/// Keeps when people and teams were first seen and last changed, which the versions will tell no more.
async fn remember_stamps(db: &DatabaseTransaction, workspace: &str, until: Generation) -> Result<(), LedgerError> {
    let history = History::read(db, workspace, until, &Only::default()).await?;
    let of = |kind: &'static str| {
        move |(id, span): (String, super::read::Span)| pruned_stamps::ActiveModel {
            workspace: Set(workspace.to_owned()),
            kind: Set(kind.to_owned()),
            id: Set(id),
            first_generation: Set(span.first),
            last_generation: Set(span.last),
        }
    };
    let stamps = history.users.into_iter().map(of(USER)).chain(history.groups.into_iter().map(of(GROUP))).collect();
    pruned_stamps::Entity::delete_many().filter(pruned_stamps::Column::Workspace.eq(workspace)).exec(db).await?;
    insert(db, stamps, None).await?;
    Ok(())
}

/// Deletes the versions that ended in a generation or before it.
async fn ended<E: EntityTrait>(
    db: &DatabaseTransaction,
    versions: &Versions<E>,
    workspace: &str,
    generation: Generation,
) -> Result<u64, LedgerError> {
    let ended = E::delete_many().filter(versions.workspace.eq(workspace)).filter(versions.to.lte(generation));
    Ok(ended.exec(db).await?.rows_affected)
}

/// Runs of before, but for those that the rest of the ledger speaks of: of generations that are still known, and the
/// last ones that succeeded.
async fn prune_runs(
    db: &DatabaseTransaction,
    workspace: &str,
    before: OffsetDateTime,
    generation: Generation,
) -> Result<u64, LedgerError> {
    use imports::Column;
    let mut last = Vec::new();
    for mode in [super::Mode::Full, super::Mode::Incremental] {
        let query = imports::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Mode.eq(mode.as_str()))
            .filter(Column::Status.eq(RunStatus::Succeeded.as_str()));
        last.extend(query.order_by_desc(Column::Id).into_tuple::<i64>().one(db).await?);
    }
    let forgotten = Condition::any().add(Column::Generation.is_null()).add(Column::Generation.lt(generation));
    let result = imports::Entity::delete_many()
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::FinishedAt.lt(before))
        .filter(Column::Id.is_not_in(last))
        .filter(forgotten)
        .exec(db)
        .await?;
    Ok(result.rows_affected)
}

/// The digests of everything that was true at the end of a generation, kind by kind and by key.
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
        let query = E::find().filter(versions.workspace.eq(workspace)).filter(versions.open_at(generation));
        let rows = versions.key.iter().fold(query, |query, column| query.order_by_asc(*column)).all(db).await?;
        Ok(rows.iter().map(|row| row.digest().to_owned()).collect())
    }
    let mut digests = of(db, &USERS, workspace, generation).await?;
    digests.extend(of(db, &GROUPS, workspace, generation).await?);
    digests.extend(of(db, &MEMBERSHIPS, workspace, generation).await?);
    Ok(digests)
}
