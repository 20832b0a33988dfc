//! Commits a plan atomically.

use std::collections::HashSet;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait,
    IntoActiveModel, Iterable, QueryFilter, QuerySelect, TransactionTrait,
};
use time::{Duration, OffsetDateTime};

use super::chain::{self, ChangeCounts, Head, Step, Steps};
use super::evidence::{self, EntryKey, Records};
use super::new_rows::Recording;
use super::versions::{GROUPS, MEMBERSHIPS, ROLES, USERS, Versions};
use super::{
    Lease, Ledger, LedgerError, erase, feed, generation_rows, lease, new_rows, notice, run_rows,
};
use crate::clock::{self, to_millis};
use crate::database::entities::{
    activity, generations, group_versions, membership_versions, role_versions, user_versions,
    volatile, workspaces,
};
use crate::database::transaction::{insert, is_new, writing};
use crate::directory::{
    Activity, Change, Generation, Group, ListedRole, Membership, Plan, Run, User,
};
use crate::limits;

/// The result of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The new generation, if anything changed.
    pub generation: Option<Generation>,
}

impl Ledger {
    /// Commits `plan` together with the record of the `run` that made it, in one transaction.
    ///
    /// The generation's time is the value of `now` right before the end of the transaction. If the
    /// clock went backwards, it is a millisecond after the previous generation.
    ///
    /// # Errors
    /// [`LedgerError::Stale`] if the plan was made from a generation that is not the latest,
    /// [`LedgerError::LeaseLost`] if another process has taken the lease. Nothing is changed on any
    /// error.
    pub async fn commit(
        &self,
        lease: &Lease,
        run: &Run,
        plan: &Plan,
        now: impl Fn() -> OffsetDateTime,
    ) -> Result<Committed, LedgerError> {
        self.commit_by(lease, run, plan, now, false).await
    }

    /// Like [`Ledger::commit`]. `is_right` says whether the clock is known to be right. If it is,
    /// and the time of the latest generation lies in the future, a clock was ahead when that
    /// generation was committed. The new generation then has the true time, although it is earlier,
    /// and it is committed even if nothing changed. So the state at every moment from now on can be
    /// determined.
    ///
    /// # Errors
    /// As of [`Ledger::commit`].
    pub async fn commit_by(
        &self,
        lease: &Lease,
        run: &Run,
        plan: &Plan,
        now: impl Fn() -> OffsetDateTime,
        is_right: bool,
    ) -> Result<Committed, LedgerError> {
        let transaction = self.database.connection.begin_with_options(writing()).await?;
        lease::fence_off(&transaction, lease).await?;
        // Boxed: the future is large, and would be part of that of every import.
        let committed = Box::pin(write(&transaction, run, plan, now, is_right)).await?;
        transaction.commit().await?;
        Ok(committed)
    }
}

async fn write(
    db: &DatabaseTransaction,
    run: &Run,
    plan: &Plan,
    now: impl Fn() -> OffsetDateTime,
    is_right: bool,
) -> Result<Committed, LedgerError> {
    let workspace = run.workspace.as_str();
    let latest = generation_rows::latest_generation(db, workspace).await?;
    let found = latest.as_ref().map_or(0, |latest| latest.number);
    if found != plan.base {
        return Err(LedgerError::Stale { expected: plan.base, found });
    }
    let erased = erase::erased_people(db, workspace).await?;
    if plan.users.iter().filter_map(Change::after).any(|user| brings_back(&erased, user)) {
        // The plan was made from the state before the erasure.
        return Err(LedgerError::Stale { expected: plan.base, found });
    }
    erase::forget_return(db, workspace, &erased, plan).await?;
    describe_workspace(db, workspace, plan).await?;
    let ahead = |latest: &generations::Model| clock::age(now(), latest.at).is_none();
    let dates_anew = is_right && latest.as_ref().is_some_and(ahead);
    let generation = if latest.is_some() && plan.is_empty() && !dates_anew {
        None
    } else {
        let opened = Opened::by(workspace, plan)?;
        let (number, steps) = (plan.base + 1, opened.steps(plan));
        close_versions(db, workspace, number, plan).await?;
        opened.insert(db).await?;
        Some((number, steps))
    };
    let activity = observe(db, run, plan, &erased, now()).await?;
    let number = generation.as_ref().map(|(number, _)| *number);
    let ended = run_rows::update(db, &Run { generation: number, ..run.clone() }).await?;
    // The records come last, because other writers wait for the lock of the chain, and so that the
    // generation becomes visible soon after the time that it bears.
    let now = now();
    let mut records = Records::begin(db, workspace, now).await?;
    records.add_activity(run.id, activity);
    if ended {
        records.add_runs(&[run.id]).await?;
    }
    if let Some((number, steps)) = generation {
        let earliest = latest
            .as_ref()
            .filter(|_| !dates_anew)
            .map(|latest| latest.at + Duration::milliseconds(1));
        let at = earliest.map_or(now, |earliest| earliest.max(now));
        open_generation(db, run, number, &steps, latest, at, &mut records).await?;
        notice::notify(db, workspace).await?;
    }
    records.write().await?;
    Ok(Committed { generation: number })
}

/// Whether a version would bring back erased data. An erased person who is back in the workspace is
/// recorded anew.
fn brings_back(erased: &HashSet<String>, user: &User) -> bool {
    !user.active && !user.erased && erased.contains(user.id.as_str())
}

async fn describe_workspace(
    db: &DatabaseTransaction,
    workspace: &str,
    plan: &Plan,
) -> Result<(), LedgerError> {
    use workspaces::Column;
    let row = workspaces::ActiveModel {
        workspace: Set(workspace.to_owned()),
        intercom_id: Set(plan.workspace.id.clone()),
        name: Set(plan.workspace.name.clone()),
        region: Set(plan.workspace.region.clone()),
        memory: Set(Some(serde_json::json!(plan.memory))),
        ..workspaces::ActiveModel::default()
    };
    let known = OnConflict::column(Column::Workspace)
        .update_columns([Column::IntercomId, Column::Name, Column::Region, Column::Memory])
        .to_owned();
    workspaces::Entity::insert(row).on_conflict(known).exec_without_returning(db).await?;
    Ok(())
}

async fn open_generation(
    db: &DatabaseTransaction,
    run: &Run,
    number: Generation,
    steps: &Steps,
    latest: Option<generations::Model>,
    at: OffsetDateTime,
    records: &mut Records<'_>,
) -> Result<(), LedgerError> {
    let counts =
        steps.counts(&latest.as_ref().map(ChangeCounts::from_row).transpose()?.unwrap_or_default());
    let previous_hash = latest.map_or_else(|| chain::START.to_owned(), |latest| latest.hash);
    let (sequence, before) = records.next();
    let head = Head {
        workspace: &run.workspace,
        number,
        run: run.id,
        at,
        evidence: Some((sequence, before)),
    };
    let hash = chain::hash(&previous_hash, &head, steps);
    records.add_generation(number, at, &hash);
    let row = generations::ActiveModel {
        workspace: Set(run.workspace.clone()),
        number: Set(number),
        import_id: Set(run.id),
        at: Set(at),
        hash: Set(hash),
        previous_hash: Set(previous_hash),
        tally: Set(serde_json::json!(counts)),
        evidence: Set(Some(sequence)),
    };
    // The primary key decides whether another process has committed this number first.
    if is_new(generations::Entity::insert(row).exec_without_returning(db).await)? {
        Ok(())
    } else {
        Err(LedgerError::Stale { expected: number - 1, found: number })
    }
}

async fn close_versions(
    db: &DatabaseTransaction,
    workspace: &str,
    number: Generation,
    plan: &Plan,
) -> Result<(), DbErr> {
    for users in closed(&plan.users, |user| user.id.to_string()).chunks(limits::SQL_VALUES) {
        let only = Condition::all().add(user_versions::Column::UserId.is_in(users));
        close(db, &USERS, workspace, only, number).await?;
    }
    for groups in closed(&plan.groups, |group| group.id.to_string()).chunks(limits::SQL_VALUES) {
        let only = Condition::all().add(group_versions::Column::GroupId.is_in(groups));
        close(db, &GROUPS, workspace, only, number).await?;
    }
    for roles in closed(&plan.roles, |role| role.id.clone()).chunks(limits::SQL_VALUES) {
        let only = Condition::all().add(role_versions::Column::RoleId.is_in(roles));
        close(db, &ROLES, workspace, only, number).await?;
    }
    let memberships = closed(&plan.memberships, |m| (m.group.to_string(), m.user.to_string()));
    for of_one_group in memberships.chunk_by(|a, b| a.0 == b.0) {
        use membership_versions::Column;
        for members in of_one_group.chunks(limits::SQL_VALUES) {
            let only = Condition::all()
                .add(Column::GroupId.eq(&members[0].0))
                .add(Column::UserId.is_in(members.iter().map(|(_, user)| user)));
            close(db, &MEMBERSHIPS, workspace, only, number).await?;
        }
    }
    Ok(())
}

/// Closes the open versions that match a condition.
async fn close<E: EntityTrait>(
    db: &DatabaseTransaction,
    versions: &Versions<E>,
    workspace: &str,
    only: Condition,
    number: Generation,
) -> Result<(), DbErr> {
    let update = E::update_many()
        .col_expr(versions.to, Expr::value(number))
        .filter(versions.workspace.eq(workspace))
        .filter(versions.to.is_null())
        .filter(only);
    update.exec(db).await?;
    Ok(())
}

fn closed<T, K>(changes: &[Change<T>], key: impl Fn(&T) -> K) -> Vec<K> {
    changes.iter().filter_map(Change::before).map(key).collect()
}

/// The versions that a plan opens.
struct Opened {
    users: Vec<user_versions::Model>,
    groups: Vec<group_versions::Model>,
    memberships: Vec<membership_versions::Model>,
    roles: Vec<role_versions::Model>,
}

impl Opened {
    fn by(workspace: &str, plan: &Plan) -> Result<Self, LedgerError> {
        fn after<T, R>(changes: &[Change<T>], row: impl Fn(&T) -> R) -> impl Iterator<Item = R> {
            changes.iter().filter_map(Change::after).map(row)
        }
        let number = plan.base + 1;
        Ok(Self {
            users: after(&plan.users, |user| new_rows::user_row(workspace, number, user))
                .collect::<Result<_, _>>()?,
            groups: after(&plan.groups, |group| new_rows::group_row(workspace, number, group))
                .collect(),
            memberships: after(&plan.memberships, |membership| {
                new_rows::membership_row(workspace, number, membership)
            })
            .collect(),
            roles: after(&plan.roles, |role| new_rows::role_row(workspace, number, role)).collect(),
        })
    }

    fn steps(&self, plan: &Plan) -> Steps {
        /// `digests` are those of the opened versions, in the order of the changes.
        fn steps<'r, T>(
            changes: &[Change<T>],
            key: impl Fn(&T) -> String,
            mut digests: impl Iterator<Item = &'r String>,
        ) -> Vec<Step> {
            let step = |change: &Change<T>| {
                let value = change.after().or(change.before())?;
                let opened = change.after().and_then(|_| digests.next().cloned());
                Some(Step { key: key(value), closed: change.before().is_some(), opened })
            };
            let mut steps: Vec<Step> = changes.iter().filter_map(step).collect();
            steps.sort_by(|a, b| a.key.cmp(&b.key));
            steps
        }
        Steps {
            users: steps(
                &plan.users,
                |user: &User| user.id.to_string(),
                self.users.iter().map(|row| &row.digest),
            ),
            groups: steps(
                &plan.groups,
                |group: &Group| group.id.to_string(),
                self.groups.iter().map(|row| &row.digest),
            ),
            memberships: steps(
                &plan.memberships,
                |membership: &Membership| format!("{} {}", membership.group, membership.user),
                self.memberships.iter().map(|row| &row.digest),
            ),
            roles: steps(
                &plan.roles,
                |role: &ListedRole| role.id.clone(),
                self.roles.iter().map(|row| &row.digest),
            ),
        }
    }

    async fn insert(self, db: &DatabaseTransaction) -> Result<(), DbErr> {
        insert(db, self.users.into_iter().map(IntoActiveModel::into_active_model).collect(), None)
            .await?;
        insert(db, self.groups.into_iter().map(IntoActiveModel::into_active_model).collect(), None)
            .await?;
        insert(db, self.roles.into_iter().map(IntoActiveModel::into_active_model).collect(), None)
            .await?;
        insert(
            db,
            self.memberships.into_iter().map(IntoActiveModel::into_active_model).collect(),
            None,
        )
        .await
    }
}

/// Stores the current values, and the log entries that are new and not older than the last pruning.
/// Returns the new entries, for their record. Stores no personal data of erased people, unless they
/// are back.
async fn observe(
    db: &DatabaseTransaction,
    run: &Run,
    plan: &Plan,
    erased: &HashSet<String>,
    now: OffsetDateTime,
) -> Result<Vec<(EntryKey, String)>, LedgerError> {
    use volatile::Column;
    let workspace = run.workspace.as_str();
    let returned = erase::returned(erased, plan);
    let is_erased = |id: &str| erased.contains(id) && !returned.contains(id);
    let values = plan.volatile.iter().filter(|(user, _)| !is_erased(user.as_str()));
    let values =
        values.map(|(user, values)| new_rows::volatile_row(workspace, user, values)).collect();
    let known = OnConflict::columns([Column::Workspace, Column::UserId])
        .update_columns(
            Column::iter().filter(|column| !matches!(column, Column::Workspace | Column::UserId)),
        )
        .to_owned();
    insert(db, values, Some(known)).await?;
    let kept_since = generation_rows::kept_since(db, workspace).await?;
    // An entry that was pruned must not come back as a new one.
    let kept_since = kept_since.max(feed::pruned_to(db, workspace).await?.before);
    let mut seq = feed::number_older(db, workspace).await?;
    let first = activity::Entity::find()
        .filter(activity::Column::Workspace.eq(workspace))
        .one(db)
        .await?
        .is_none();
    let (mut seen, mut added) = (HashSet::new(), Vec::new());
    for entries in plan.activity.chunks(1_000) {
        let kept = entries.iter().filter(|entry| kept_since.is_none_or(|since| entry.at >= since));
        let fresh: Vec<&Activity> = kept.filter(|entry| seen.insert(entry.id.as_str())).collect();
        // Only the holder of the lease adds entries, so none is added between this query and the
        // insertion.
        let known =
            if first { HashSet::new() } else { known_entries(db, workspace, &fresh).await? };
        let fresh = fresh.into_iter().filter(|entry| !known.contains(&entry.id));
        let row = |entry: &Activity| {
            seq += 1;
            let recording = Recording { run: run.id, at: to_millis(now), seq };
            new_rows::activity_row(workspace, recording, &erase::without_erased(entry, &is_erased))
        };
        let entries: Vec<activity::Model> = fresh.map(row).collect::<Result<_, _>>()?;
        added.extend(entries.iter().map(evidence::entry));
        insert(db, entries.into_iter().map(IntoActiveModel::into_active_model).collect(), None)
            .await?;
    }
    Ok(added)
}

/// The ids of those entries that are stored already.
async fn known_entries(
    db: &DatabaseTransaction,
    workspace: &str,
    entries: &[&Activity],
) -> Result<HashSet<String>, DbErr> {
    use activity::Column;
    let query = activity::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Workspace.eq(workspace));
    let query = query.filter(Column::Id.is_in(entries.iter().map(|entry| entry.id.as_str())));
    Ok(query.into_tuple::<String>().all(db).await?.into_iter().collect())
}
