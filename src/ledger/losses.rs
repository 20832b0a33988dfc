//! What a workspace lost since a generation, for the policy that holds imports; and what is
//! remembered of a workspace beside its history.

use std::collections::BTreeSet;

use futures_util::TryStreamExt as _;
use sea_orm::sea_query::{Expr, ExprTrait, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
};
use serde::Deserialize as _;
use time::OffsetDateTime;

use super::versions::{GROUPS, MEMBERSHIPS, USERS, Versions};
use super::{Ledger, LedgerError, rows};
use crate::database::entities::{
    activity, group_versions, imports, membership_versions, user_versions, workspaces,
};
use crate::directory::{
    Amounts, EndedVersions, Generation, GroupId, LossKind, Memory, RunStatus, UserId,
};

impl Ledger {
    /// The generation after which losses younger than `since` count: the latest one at that moment,
    /// or a later one whose removals a person approved. Generations are compared by number, not by
    /// time, so a generation whose time lies in the future counts as young.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn losses_count_after(
        &self,
        workspace: &str,
        since: OffsetDateTime,
    ) -> Result<Generation, LedgerError> {
        use imports::Column;
        let let_through: Option<Option<Generation>> = imports::Entity::find()
            .select_only()
            .column(Column::Generation)
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::AllowRemovals.eq(true))
            .filter(Column::Status.eq(RunStatus::Succeeded.as_str()))
            .filter(Column::Generation.is_not_null())
            .order_by_desc(Column::Generation)
            .limit(1)
            .into_tuple()
            .one(&self.database.connection)
            .await?;
        let then = self.number_at(workspace, since).await?;
        Ok(Ord::max(then, let_through.flatten().unwrap_or(0)))
    }

    /// The versions that ended after one generation and up to another, and the values that are
    /// there at the latter in their place.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn past(
        &self,
        workspace: &str,
        after: Generation,
        until: Generation,
    ) -> Result<EndedVersions, LedgerError> {
        let (db, span) = (&self.database.connection, (after, until));
        let mut past = EndedVersions::default();

        let mut rows = ended(&USERS, workspace, span)
            .order_by_asc(user_versions::Column::FromGeneration)
            .stream(db)
            .await?;
        while let Some(row) = rows.try_next().await? {
            let user = rows::user(row)?;
            let id = user.id.clone();
            past.users.entry(id).or_default().had.note(&user);
        }
        drop(rows);
        let mut rows = now_in_place(&USERS, workspace, span).stream(db).await?;
        while let Some(row) = rows.try_next().await? {
            let user = rows::user(row)?;
            let id = user.id.clone();
            past.users.entry(id).or_default().now = Some(user);
        }
        drop(rows);

        let rows =
            ended(&GROUPS, workspace, span).order_by_asc(group_versions::Column::FromGeneration);
        for group in rows.all(db).await?.into_iter().map(rows::group) {
            let known = past.groups.entry(group.id).or_default();
            known.name = known.name.take().or(group.name);
        }
        for group in
            now_in_place(&GROUPS, workspace, span).all(db).await?.into_iter().map(rows::group)
        {
            let id = group.id.clone();
            past.groups.entry(id).or_default().now = Some(group);
        }

        for (query, there) in [
            (ended(&MEMBERSHIPS, workspace, span), false),
            (now_in_place(&MEMBERSHIPS, workspace, span), true),
        ] {
            use membership_versions::Column::{GroupId as Group, UserId as User};
            let ends = query.select_only().columns([Group, User]).into_tuple::<(String, String)>();
            let mut rows = ends.stream(db).await?;
            while let Some((group, user)) = rows.try_next().await? {
                past.memberships.insert((GroupId::new(group), UserId::new(user)), there);
            }
        }
        Ok(past)
    }

    /// How many people, teams, memberships and so on there were at a generation.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn amounts(
        &self,
        workspace: &str,
        generation: Generation,
    ) -> Result<Amounts, LedgerError> {
        use user_versions::Column;
        let db = &self.database.connection;
        let people = || {
            let query = user_versions::Entity::find().filter(USERS.workspace.eq(workspace));
            query.filter(USERS.open_at(generation)).filter(Column::Active.eq(true))
        };
        let groups = || {
            let query = group_versions::Entity::find().filter(GROUPS.workspace.eq(workspace));
            query.filter(GROUPS.open_at(generation))
        };
        let memberships =
            membership_versions::Entity::find().filter(MEMBERSHIPS.workspace.eq(workspace));
        let access = Condition::any()
            .add(Column::RoleId.is_not_null())
            .add(Column::Permissions.is_not_null());
        let mut amounts = Amounts::default();
        for (kind, count) in [
            (LossKind::People, people().count(db).await?),
            (LossKind::Teams, groups().count(db).await?),
            (
                LossKind::Memberships,
                memberships.filter(MEMBERSHIPS.open_at(generation)).count(db).await?,
            ),
            (LossKind::Roles, people().filter(access).count(db).await?),
            (LossKind::Seats, people().filter(Column::HasInboxSeat.eq(true)).count(db).await?),
            (LossKind::Emails, people().filter(Column::Email.is_not_null()).count(db).await?),
            (LossKind::Names, people().filter(Column::Name.is_not_null()).count(db).await?),
            (
                LossKind::TeamNames,
                groups().filter(group_versions::Column::Name.is_not_null()).count(db).await?,
            ),
        ] {
            amounts.set(kind, usize::try_from(count).unwrap_or(usize::MAX));
        }
        Ok(amounts)
    }

    /// What is remembered of a workspace beside its history. If an earlier version of the bridge
    /// wrote the ledger, nothing is remembered yet; then the bots are the accounts whose address
    /// was recorded.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for what the bridge did not write.
    pub async fn memory(&self, workspace: &str) -> Result<Memory, LedgerError> {
        let row = workspaces::Entity::find_by_id(workspace).one(&self.database.connection).await?;
        if let Some(memory) = row.and_then(|row| row.memory) {
            return Memory::deserialize(&memory)
                .map_err(|_| LedgerError::Corrupt { what: "workspaces.memory".to_owned() });
        }
        Ok(Memory { machines: self.recorded_machines(workspace).await?, ..Memory::default() })
    }

    /// The keys of permissions that the activity log has named lately.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for what the bridge did not write.
    pub async fn permission_keys(&self, workspace: &str) -> Result<Vec<String>, LedgerError> {
        let row = workspaces::Entity::find_by_id(workspace).one(&self.database.connection).await?;
        let Some(memory) = row.and_then(|row| row.memory) else { return Ok(Vec::new()) };
        let memory = Memory::deserialize(&memory)
            .map_err(|_| LedgerError::Corrupt { what: "workspaces.memory".to_owned() })?;
        Ok(memory.permission_keys.into_keys().collect())
    }

    async fn recorded_machines(&self, workspace: &str) -> Result<BTreeSet<UserId>, LedgerError> {
        const ADDRESS: &str = "operator+%@intercom.io";
        let acted = activity::Entity::find()
            .select_only()
            .column(activity::Column::PerformedById)
            .distinct()
            .filter(activity::Column::Workspace.eq(workspace))
            .filter(activity::Column::PerformedById.is_not_null())
            .filter(activity::Column::PerformedByEmail.like(ADDRESS))
            .into_tuple::<String>()
            .all(&self.database.connection)
            .await?;
        let listed = user_versions::Entity::find()
            .select_only()
            .column(user_versions::Column::UserId)
            .distinct()
            .filter(user_versions::Column::Workspace.eq(workspace))
            .filter(user_versions::Column::Email.like(ADDRESS))
            .into_tuple::<String>()
            .all(&self.database.connection)
            .await?;
        Ok(acted.into_iter().chain(listed).map(UserId::new).collect())
    }
}

/// The versions that ended in a span of generations: after the first, up to and including the last.
fn ended<E: EntityTrait>(
    versions: &Versions<E>,
    workspace: &str,
    span: (Generation, Generation),
) -> Select<E> {
    let (after, until) = span;
    let query = E::find().filter(versions.workspace.eq(workspace));
    query.filter(versions.to.gt(after)).filter(versions.to.lte(until))
}

/// The current versions at the end of the span, of everything of which a version [`ended`] in it.
fn now_in_place<E: EntityTrait>(
    versions: &Versions<E>,
    workspace: &str,
    span: (Generation, Generation),
) -> Select<E> {
    let keys: SelectStatement = {
        let query =
            ended(versions, workspace, span).select_only().columns(versions.key.iter().copied());
        query.into_query()
    };
    let key = Expr::tuple(versions.key.iter().map(|column| Expr::col(*column)));
    let query = E::find().filter(versions.workspace.eq(workspace)).filter(versions.open_at(span.1));
    query.filter(key.in_subquery(keys))
}
