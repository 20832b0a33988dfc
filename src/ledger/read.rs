//! Reads the state of a workspace at a generation.

use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use time::OffsetDateTime;

use super::generation_rows::{generation_time, last_pruned, latest_generation, number_at};
use super::stamps::{History, Only, Times};
use super::versions::{GROUPS, MEMBERSHIPS, ROLES, USERS, Versions};
use super::{Ledger, LedgerError, generation_rows, rows};
use crate::database::entities::{
    group_versions, membership_versions, role_versions, user_versions, volatile, workspaces,
};
use crate::directory::{
    Generation, GroupId, ListedRole, Membership, Part, Recorded, Snapshot, UserId, Volatile,
    Workspace,
};

impl Ledger {
    /// The latest generation of a workspace; 0 before the first.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn generation(&self, workspace: &str) -> Result<Generation, LedgerError> {
        self.database.file_is_there()?;
        Ok(latest_generation(&self.database.connection, workspace)
            .await?
            .map_or(0, |latest| latest.number))
    }

    /// The hash of a generation, as `ledger verify --head` accepts it. `None` if there is no such
    /// generation.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn generation_hash(
        &self,
        workspace: &str,
        generation: Generation,
    ) -> Result<Option<String>, LedgerError> {
        let row =
            generation_rows::generation(&self.database.connection, workspace, generation).await?;
        Ok(row.map(|row| row.hash))
    }

    /// The generation that was the latest at a moment. `None` before the first.
    ///
    /// # Errors
    /// [`LedgerError::Pruned`] if the state of that moment was pruned;
    /// [`LedgerError::Database`].
    pub async fn generation_at(
        &self,
        workspace: &str,
        moment: OffsetDateTime,
    ) -> Result<Option<Generation>, LedgerError> {
        let known = self.number_at(workspace, moment).await?;
        if known > 0 {
            self.is_kept(workspace, known).await?;
        }
        Ok((known > 0).then_some(known))
    }

    /// Like [`Ledger::generation_at`], whether the state was pruned or not. 0 before the first
    /// generation.
    pub(super) async fn number_at(
        &self,
        workspace: &str,
        moment: OffsetDateTime,
    ) -> Result<Generation, LedgerError> {
        number_at(&self.database.connection, workspace, moment).await
    }

    /// Checks that the state at a generation was not pruned.
    ///
    /// # Errors
    /// [`LedgerError::Pruned`] if it was; [`LedgerError::Database`].
    pub async fn is_kept(
        &self,
        workspace: &str,
        generation: Generation,
    ) -> Result<(), LedgerError> {
        match last_pruned(&self.database.connection, workspace).await? {
            Some(pruned) if generation < pruned.generation => {
                let since =
                    generation_time(&self.database.connection, workspace, pruned.generation)
                        .await?;
                Err(LedgerError::Pruned { since })
            }
            _ => Ok(()),
        }
    }

    /// What Intercom says of a workspace, if it was ever imported.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn workspace(&self, workspace: &str) -> Result<Option<Workspace>, LedgerError> {
        let row = workspaces::Entity::find_by_id(workspace).one(&self.database.connection).await?;
        Ok(row.map(|row| Workspace { id: row.intercom_id, name: row.name, region: row.region }))
    }

    /// The current values that are not access, of all people who have some.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn volatile(
        &self,
        workspace: &str,
    ) -> Result<HashMap<UserId, Volatile>, LedgerError> {
        volatile_values(&self.database.connection, workspace, &Only::default()).await
    }

    /// The state at the latest generation.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn latest(&self, workspace: &str) -> Result<Snapshot, LedgerError> {
        self.snapshot(workspace, self.generation(workspace).await?).await
    }

    /// The state of some people and teams at the latest generation.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn latest_of(&self, workspace: &str, part: &Part) -> Result<Snapshot, LedgerError> {
        self.snapshot_of(workspace, self.generation(workspace).await?, part).await
    }

    /// The state of some people and teams at `generation`. Volatile values are always the current
    /// ones.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn snapshot_of(
        &self,
        workspace: &str,
        generation: Generation,
        part: &Part,
    ) -> Result<Snapshot, LedgerError> {
        self.read(workspace, generation, &Only::these(part)).await
    }

    /// The people and teams that changed, or of whom a membership changed, after one generation and
    /// up to another.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn touched(
        &self,
        workspace: &str,
        since: Generation,
        until: Generation,
    ) -> Result<Part, LedgerError> {
        let db = &self.database.connection;
        let (user, group) = (user_versions::Column::UserId, group_versions::Column::GroupId);
        let (member, team) =
            (membership_versions::Column::UserId, membership_versions::Column::GroupId);
        let mut users = ids_touched(db, &USERS, user, workspace, since, until).await?;
        users.extend(ids_touched(db, &MEMBERSHIPS, member, workspace, since, until).await?);
        let mut groups = ids_touched(db, &GROUPS, group, workspace, since, until).await?;
        groups.extend(ids_touched(db, &MEMBERSHIPS, team, workspace, since, until).await?);
        Ok(Part {
            users: users.into_iter().map(UserId::new).collect(),
            groups: groups.into_iter().map(GroupId::new).collect(),
        })
    }

    /// The number of people that are recorded at a generation, including removed ones.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn count_people(
        &self,
        workspace: &str,
        generation: Generation,
    ) -> Result<u64, LedgerError> {
        let query = user_versions::Entity::find().filter(USERS.workspace.eq(workspace));
        Ok(query.filter(USERS.open_at(generation)).count(&self.database.connection).await?)
    }

    /// The state at `generation`: every version that was opened by then and not closed by then.
    /// Volatile values are always the current ones.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn snapshot(
        &self,
        workspace: &str,
        generation: Generation,
    ) -> Result<Snapshot, LedgerError> {
        self.read(workspace, generation, &Only::default()).await
    }

    async fn read(
        &self,
        workspace: &str,
        generation: Generation,
        only: &Only,
    ) -> Result<Snapshot, LedgerError> {
        let db = &self.database.connection;
        let times = Times::read(db, workspace, generation).await?;
        let mut volatile = volatile_values(db, workspace, only).await?;
        let history = History::read(db, workspace, generation, only).await?;

        let mut users = Vec::new();
        let mut rows = user_versions::Entity::find()
            .filter(USERS.workspace.eq(workspace))
            .filter(USERS.open_at(generation))
            .filter(only.users(user_versions::Column::UserId))
            .stream(db)
            .await?;
        while let Some(row) = rows.try_next().await? {
            let from = row.from_generation;
            let user = rows::user(row)?;
            let stamps = times.stamps(history.users.get(user.id.as_str()), from)?;
            let values = volatile.remove(&user.id).unwrap_or_default();
            users.push((Recorded { value: user, stamps }, values));
        }
        drop(rows);
        users.sort_by(|(a, _), (b, _)| a.value.id.cmp(&b.value.id));

        let mut groups = Vec::new();
        let mut rows = group_versions::Entity::find()
            .filter(GROUPS.workspace.eq(workspace))
            .filter(GROUPS.open_at(generation))
            .filter(only.groups(group_versions::Column::GroupId))
            .stream(db)
            .await?;
        while let Some(row) = rows.try_next().await? {
            let from = row.from_generation;
            let group = rows::group(row);
            let stamps = times.stamps(history.groups.get(group.id.as_str()), from)?;
            groups.push(Recorded { value: group, stamps });
        }
        drop(rows);
        groups.sort_by(|a, b| a.value.id.cmp(&b.value.id));

        Ok(Snapshot {
            generation,
            workspace: self.workspace(workspace).await?.unwrap_or_default(),
            users,
            groups,
            memberships: memberships(db, workspace, generation, only).await?,
            roles: roles(db, workspace, generation, &times, &history).await?,
            permission_keys: self.permission_keys(workspace).await?,
        })
    }
}

/// The listed roles at a generation. There are few, so they are always read in full.
async fn roles(
    db: &DatabaseConnection,
    workspace: &str,
    generation: Generation,
    times: &Times,
    history: &History,
) -> Result<Vec<Recorded<ListedRole>>, LedgerError> {
    let rows = role_versions::Entity::find()
        .filter(ROLES.workspace.eq(workspace))
        .filter(ROLES.open_at(generation))
        .order_by_asc(role_versions::Column::RoleId);
    let recorded = |row: role_versions::Model| {
        let stamps = times.stamps(history.roles.get(&row.role_id), row.from_generation)?;
        Ok(Recorded { value: rows::role(row), stamps })
    };
    rows.all(db).await?.into_iter().map(recorded).collect()
}

async fn ids_touched<E: EntityTrait>(
    db: &DatabaseConnection,
    versions: &Versions<E>,
    id: E::Column,
    workspace: &str,
    since: Generation,
    until: Generation,
) -> Result<Vec<String>, LedgerError> {
    let touched = Condition::any()
        .add(versions.from.between(since + 1, until))
        .add(versions.to.between(since + 1, until));
    let query = E::find()
        .select_only()
        .column(id)
        .distinct()
        .filter(versions.workspace.eq(workspace))
        .filter(touched);
    Ok(query.into_tuple().all(db).await?)
}

async fn memberships(
    db: &DatabaseConnection,
    workspace: &str,
    generation: Generation,
    only: &Only,
) -> Result<Vec<Membership>, LedgerError> {
    let mut rows = membership_versions::Entity::find()
        .filter(MEMBERSHIPS.workspace.eq(workspace))
        .filter(MEMBERSHIPS.open_at(generation))
        .filter(only.groups(membership_versions::Column::GroupId))
        .stream(db)
        .await?;
    let mut memberships = Vec::new();
    while let Some(row) = rows.try_next().await? {
        memberships.push(rows::membership(row)?);
    }
    memberships.sort();
    Ok(memberships)
}

pub(super) async fn volatile_values(
    db: &DatabaseConnection,
    workspace: &str,
    only: &Only,
) -> Result<HashMap<UserId, Volatile>, LedgerError> {
    use volatile::Column;
    let query = volatile::Entity::find()
        .filter(Column::Workspace.eq(workspace))
        .filter(only.users(Column::UserId));
    Ok(query.stream(db).await?.map_ok(rows::volatile).try_collect().await?)
}
