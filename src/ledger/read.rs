//! The state of a workspace at a generation.

use std::collections::{BTreeMap, HashMap};

use futures_util::TryStreamExt as _;
use sea_orm::sea_query::{Expr, Func};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect, StreamTrait,
};
use time::OffsetDateTime;

use super::entities::{
    generations, group_versions, membership_versions, pruned_stamps, prunings, user_versions, volatile, workspaces,
};
use super::versions::{GROUPS, MEMBERSHIPS, USERS, Versions};
use super::{Ledger, LedgerError, prune, rows};
use crate::directory::{Generation, Membership, Recorded, Snapshot, Stamps, UserId, Volatile, Workspace};

impl Ledger {
    /// The latest generation of a workspace; 0 before the first.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn generation(&self, workspace: &str) -> Result<Generation, LedgerError> {
        Ok(latest_generation(&self.database, workspace).await?.map_or(0, |latest| latest.number))
    }

    /// The generation that was the latest at a moment; none before the first.
    ///
    /// # Errors
    /// [`LedgerError::Pruned`] when the state of that moment is not kept any more; [`LedgerError::Unavailable`].
    pub async fn generation_at(
        &self,
        workspace: &str,
        moment: OffsetDateTime,
    ) -> Result<Option<Generation>, LedgerError> {
        let query = generations::Entity::find()
            .filter(generations::Column::Workspace.eq(workspace))
            .filter(generations::Column::At.lte(moment));
        let latest = query.order_by_desc(generations::Column::Number).one(&self.database).await?;
        match (latest, last_pruned(&self.database, workspace).await?) {
            (Some(latest), Some(pruned)) if latest.number < pruned.generation => {
                let first = generations::Entity::find_by_id((workspace.to_owned(), pruned.generation));
                let since = first.one(&self.database).await?.map_or(pruned.at, |first| first.at);
                Err(LedgerError::Pruned { since })
            }
            (latest, _) => Ok(latest.map(|latest| latest.number)),
        }
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
            .filter(USERS.workspace.eq(workspace))
            .filter(USERS.open_at(generation))
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

/// Up to where the history was shortened, if it was.
pub(super) async fn last_pruned(
    db: &impl ConnectionTrait,
    workspace: &str,
) -> Result<Option<prunings::Model>, LedgerError> {
    let query = prunings::Entity::find().filter(prunings::Column::Workspace.eq(workspace));
    Ok(query.order_by_desc(prunings::Column::Generation).one(db).await?)
}

async fn memberships(
    db: &DatabaseConnection,
    workspace: &str,
    generation: Generation,
) -> Result<Vec<Membership>, LedgerError> {
    let mut rows = membership_versions::Entity::find()
        .filter(MEMBERSHIPS.workspace.eq(workspace))
        .filter(MEMBERSHIPS.open_at(generation))
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
pub(super) struct Span {
    pub first: Generation,
    pub last: Generation,
}

/// For each user and group, which generations touched it: its own versions and its memberships.
pub(super) struct History {
    pub users: HashMap<String, Span>,
    pub groups: HashMap<String, Span>,
}

impl History {
    pub(super) async fn read(
        db: &(impl ConnectionTrait + StreamTrait),
        workspace: &str,
        until: Generation,
    ) -> Result<Self, LedgerError> {
        use membership_versions::Column::{GroupId, UserId};
        let mut history = Self {
            users: spans(db, &USERS, user_versions::Column::UserId, workspace, until).await?,
            groups: spans(db, &GROUPS, group_versions::Column::GroupId, workspace, until).await?,
        };
        let of_users = spans(db, &MEMBERSHIPS, UserId, workspace, until).await?;
        let of_groups = spans(db, &MEMBERSHIPS, GroupId, workspace, until).await?;
        history.users = with_memberships(history.users, of_users);
        history.groups = with_memberships(history.groups, of_groups);
        history.remember_pruned(db, workspace).await?;
        Ok(history)
    }

    /// Adds what versions told that are not kept any more.
    async fn remember_pruned(&mut self, db: &impl ConnectionTrait, workspace: &str) -> Result<(), LedgerError> {
        let rows = pruned_stamps::Entity::find().filter(pruned_stamps::Column::Workspace.eq(workspace)).all(db).await?;
        for row in rows {
            let spans = if row.kind == prune::USER { &mut self.users } else { &mut self.groups };
            let pruned = Span { first: row.first_generation, last: row.last_generation };
            spans
                .entry(row.id)
                .and_modify(|span| {
                    span.first = span.first.min(pruned.first);
                    span.last = span.last.max(pruned.last);
                })
                .or_insert(pruned);
        }
        Ok(())
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

async fn spans<E: EntityTrait>(
    db: &(impl ConnectionTrait + StreamTrait),
    columns: &Versions<E>,
    key: E::Column,
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
