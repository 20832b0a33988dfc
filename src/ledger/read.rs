//! The state of a workspace at a generation.

use std::collections::{BTreeMap, HashMap};

use futures_util::TryStreamExt as _;
use sea_orm::sea_query::{Expr, Func};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use time::OffsetDateTime;

use super::entities::{generations, group_versions, membership_versions, user_versions, volatile, workspaces};
use super::{Ledger, LedgerError, rows};
use crate::directory::{Generation, Membership, Recorded, Snapshot, Stamps, UserId, Volatile, Workspace};

impl Ledger {
    /// The latest generation of a workspace; 0 before the first.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn generation(&self, workspace: &str) -> Result<Generation, LedgerError> {
        Ok(latest_generation(&self.database, workspace).await?.map_or(0, |latest| latest.number))
    }

    /// What Intercom said of a workspace, if it was ever imported.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn workspace(&self, workspace: &str) -> Result<Option<Workspace>, LedgerError> {
        let row = workspaces::Entity::find_by_id(workspace).one(&self.database).await?;
        Ok(row.map(|row| Workspace { id: row.intercom_id, name: row.name, region: row.region }))
    }

    /// The current values that are not access, of everybody who has some.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn volatile(&self, workspace: &str) -> Result<HashMap<UserId, Volatile>, LedgerError> {
        volatile_values(&self.database, workspace).await
    }

    /// The state at the latest generation.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], or [`LedgerError::Corrupt`] for a row the bridge did not write.
    pub async fn latest(&self, workspace: &str) -> Result<Snapshot, LedgerError> {
        self.snapshot(workspace, self.generation(workspace).await?).await
    }

    /// The state at `generation`: every version that was opened by then and not closed by then.
    /// Volatile values are always the current ones.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], or [`LedgerError::Corrupt`] for a row the bridge did not write.
    pub async fn snapshot(&self, workspace: &str, generation: Generation) -> Result<Snapshot, LedgerError> {
        let db = &self.database;
        let times = Times::read(db, workspace, generation).await?;
        let mut volatile = volatile_values(db, workspace).await?;
        let history = History::read(db, workspace, generation).await?;

        let mut users = Vec::new();
        let mut rows = user_versions::Entity::find()
            .filter(user_versions::Column::Workspace.eq(workspace))
            .filter(open_at(user_versions::Column::FromGeneration, user_versions::Column::ToGeneration, generation))
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
            .filter(group_versions::Column::Workspace.eq(workspace))
            .filter(open_at(group_versions::Column::FromGeneration, group_versions::Column::ToGeneration, generation))
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
            memberships: memberships(db, workspace, generation).await?,
        })
    }
}

/// The newest row of `generations`.
pub(super) async fn latest_generation(
    db: &impl ConnectionTrait,
    workspace: &str,
) -> Result<Option<generations::Model>, LedgerError> {
    Ok(generations::Entity::find()
        .filter(generations::Column::Workspace.eq(workspace))
        .order_by_desc(generations::Column::Number)
        .one(db)
        .await?)
}

/// Opened by then and not closed by then.
fn open_at<C: ColumnTrait>(from: C, to: C, generation: Generation) -> Condition {
    Condition::all().add(from.lte(generation)).add(Condition::any().add(to.is_null()).add(to.gt(generation)))
}

async fn memberships(
    db: &DatabaseConnection,
    workspace: &str,
    generation: Generation,
) -> Result<Vec<Membership>, LedgerError> {
    use membership_versions::Column;
    let mut rows = membership_versions::Entity::find()
        .filter(Column::Workspace.eq(workspace))
        .filter(open_at(Column::FromGeneration, Column::ToGeneration, generation))
        .stream(db)
        .await?;
    let mut memberships = Vec::new();
    while let Some(row) = rows.try_next().await? {
        memberships.push(rows::membership(row)?);
    }
    memberships.sort();
    Ok(memberships)
}

async fn volatile_values(db: &DatabaseConnection, workspace: &str) -> Result<HashMap<UserId, Volatile>, LedgerError> {
    let rows = volatile::Entity::find().filter(volatile::Column::Workspace.eq(workspace)).stream(db).await?;
    Ok(rows.map_ok(rows::volatile).try_collect().await?)
}

/// When each generation was committed.
struct Times(BTreeMap<Generation, OffsetDateTime>);

impl Times {
    async fn read(db: &impl ConnectionTrait, workspace: &str, until: Generation) -> Result<Self, LedgerError> {
        let rows = generations::Entity::find()
            .filter(generations::Column::Workspace.eq(workspace))
            .filter(generations::Column::Number.lte(until))
            .all(db)
            .await?;
        Ok(Self(rows.into_iter().map(|row| (row.number, row.at)).collect()))
    }

    /// `history` may be missing only for things that changed in no other generation than `from`.
    fn stamps(&self, history: Option<&Span>, from: Generation) -> Result<Stamps, LedgerError> {
        let Span { first, last } = history.copied().unwrap_or(Span { first: from, last: from });
        let time = |number| {
            self.0.get(&number).copied().ok_or_else(|| LedgerError::Corrupt {
                what: format!("generation {number} is named by a version and missing"),
            })
        };
        Ok(Stamps { created: time(first)?, last_modified: time(last)? })
    }
}

/// The first and the last generation that touched something.
#[derive(Clone, Copy)]
struct Span {
    first: Generation,
    last: Generation,
}

/// For each user and group, which generations touched it: its own versions and its memberships.
struct History {
    users: HashMap<String, Span>,
    groups: HashMap<String, Span>,
}

impl History {
    async fn read(db: &DatabaseConnection, workspace: &str, until: Generation) -> Result<Self, LedgerError> {
        use {group_versions as group, membership_versions as membership, user_versions as user};
        let users = spans::<user::Entity, _>(db, user::Column::UserId, COLUMNS_OF_USERS, workspace, until).await?;
        let groups = spans::<group::Entity, _>(db, group::Column::GroupId, COLUMNS_OF_GROUPS, workspace, until).await?;
        let of_users =
            spans::<membership::Entity, _>(db, membership::Column::UserId, COLUMNS_OF_MEMBERSHIPS, workspace, until)
                .await?;
        let of_groups =
            spans::<membership::Entity, _>(db, membership::Column::GroupId, COLUMNS_OF_MEMBERSHIPS, workspace, until)
                .await?;
        Ok(Self { users: with_memberships(users, of_users), groups: with_memberships(groups, of_groups) })
    }
}

/// A change of a membership changes both its ends, but does not bring them into being.
fn with_memberships(mut things: HashMap<String, Span>, memberships: HashMap<String, Span>) -> HashMap<String, Span> {
    for (id, span) in memberships {
        if let Some(thing) = things.get_mut(&id) {
            thing.last = thing.last.max(span.last);
        }
    }
    things
}

/// The columns that every table of versions has.
struct VersionColumns<C> {
    workspace: C,
    from: C,
    to: C,
}

const COLUMNS_OF_USERS: VersionColumns<user_versions::Column> = VersionColumns {
    workspace: user_versions::Column::Workspace,
    from: user_versions::Column::FromGeneration,
    to: user_versions::Column::ToGeneration,
};
const COLUMNS_OF_GROUPS: VersionColumns<group_versions::Column> = VersionColumns {
    workspace: group_versions::Column::Workspace,
    from: group_versions::Column::FromGeneration,
    to: group_versions::Column::ToGeneration,
};
const COLUMNS_OF_MEMBERSHIPS: VersionColumns<membership_versions::Column> = VersionColumns {
    workspace: membership_versions::Column::Workspace,
    from: membership_versions::Column::FromGeneration,
    to: membership_versions::Column::ToGeneration,
};

async fn spans<E: EntityTrait<Column = C>, C: ColumnTrait>(
    db: &DatabaseConnection,
    key: C,
    columns: VersionColumns<C>,
    workspace: &str,
    until: Generation,
) -> Result<HashMap<String, Span>, LedgerError> {
    // A version that was closed later was still open then.
    let closed = Expr::case(columns.to.lte(until), Expr::col(columns.to)).finally(Option::<i64>::None);
    let rows = E::find()
        .select_only()
        .column(key)
        .column_as(columns.from.min(), "first")
        .column_as(columns.from.max(), "opened")
        .column_as(Expr::from(Func::max(closed)), "closed")
        .filter(columns.workspace.eq(workspace))
        .filter(columns.from.lte(until))
        .group_by(key)
        .into_tuple::<(String, i64, i64, Option<i64>)>()
        .stream(db)
        .await?;
    let span = |(id, first, opened, closed): (String, i64, i64, Option<i64>)| {
        (id, Span { first, last: closed.map_or(opened, |closed| closed.max(opened)) })
    };
    Ok(rows.map_ok(span).try_collect().await?)
}
