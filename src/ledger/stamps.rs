//! When people, teams and roles were created and last modified: from the generations of their versions,
//! and from what prunings left of earlier ones.

use std::collections::{BTreeMap, HashMap};

use futures_util::TryStreamExt as _;
use sea_orm::sea_query::{Expr, Func};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, StreamTrait,
};
use time::OffsetDateTime;

use super::LedgerError;
use super::versions::{GROUPS, MEMBERSHIPS, ROLES, USERS, Versions};
use crate::database::entities::{
    generations, group_versions, membership_versions, pruned_stamps, role_versions, user_versions,
};
use crate::directory::{Generation, Part, Stamps};

/// The resource kinds in `pruned_stamps`.
pub(super) const USER: &str = "user";
/// See [`USER`].
pub(super) const GROUP: &str = "group";
/// See [`USER`].
pub(super) const ROLE: &str = "role";

/// Which people and teams are read: all, or only these.
#[derive(Default)]
pub(super) struct Only(Option<(Vec<String>, Vec<String>)>);

impl Only {
    pub(super) fn these(part: &Part) -> Self {
        let (users, groups) = (
            part.users.iter().map(ToString::to_string),
            part.groups.iter().map(ToString::to_string),
        );
        Self(Some((users.collect(), groups.collect())))
    }

    pub(super) fn users(&self, column: impl ColumnTrait) -> Condition {
        Condition::all().add_option(self.0.as_ref().map(|(users, _)| column.is_in(users)))
    }

    pub(super) fn groups(&self, column: impl ColumnTrait) -> Condition {
        Condition::all().add_option(self.0.as_ref().map(|(_, groups)| column.is_in(groups)))
    }
}

/// The time at which a generation's changes count as changed: when it was committed, or a
/// millisecond after the generation before it if that bears a later time. So these times grow with
/// the numbers even if a clock was ahead, and a client that asks for changes since the latest time
/// that it saw misses nothing.
pub(super) struct Times(BTreeMap<Generation, OffsetDateTime>);

impl Times {
    pub(super) async fn read(
        db: &impl ConnectionTrait,
        workspace: &str,
        until: Generation,
    ) -> Result<Self, LedgerError> {
        use generations::Column;
        let rows = generations::Entity::find()
            .select_only()
            .columns([Column::Number, Column::At])
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Number.lte(until))
            .into_tuple::<(Generation, OffsetDateTime)>();
        let mut times: BTreeMap<Generation, OffsetDateTime> =
            rows.all(db).await?.into_iter().collect();
        let mut earliest = OffsetDateTime::UNIX_EPOCH;
        for at in times.values_mut() {
            *at = earliest.max(*at);
            earliest = at.saturating_add(time::Duration::MILLISECOND);
        }
        Ok(Self(times))
    }

    /// `history` may be missing only if no generation other than `from` touched the resource.
    pub(super) fn stamps(
        &self,
        history: Option<&GenerationSpan>,
        from: Generation,
    ) -> Result<Stamps, LedgerError> {
        let GenerationSpan { first, last } =
            history.copied().unwrap_or(GenerationSpan { first: from, last: from });
        let time = |number| {
            self.0.get(&number).copied().ok_or_else(|| LedgerError::Corrupt {
                what: format!("generation {number} is named by a version and missing"),
            })
        };
        Ok(Stamps { created: time(first)?, last_modified: time(last)? })
    }
}

/// The first and the last generation that touched a person or a team.
#[derive(Clone, Copy)]
pub(super) struct GenerationSpan {
    pub first: Generation,
    pub last: Generation,
}

/// The generations that touched each person and team, by their own versions and by their
/// memberships.
pub(super) struct History {
    pub users: HashMap<String, GenerationSpan>,
    pub groups: HashMap<String, GenerationSpan>,
    pub roles: HashMap<String, GenerationSpan>,
}

impl History {
    pub(super) async fn read(
        db: &(impl ConnectionTrait + StreamTrait),
        workspace: &str,
        until: Generation,
        only: &Only,
    ) -> Result<Self, LedgerError> {
        use membership_versions::Column::{GroupId, UserId};
        let (user, group) = (user_versions::Column::UserId, group_versions::Column::GroupId);
        let role = role_versions::Column::RoleId;
        let mut history = Self {
            users: spans(db, &USERS, user, workspace, until, only.users(user)).await?,
            groups: spans(db, &GROUPS, group, workspace, until, only.groups(group)).await?,
            roles: spans(db, &ROLES, role, workspace, until, Condition::all()).await?,
        };
        let of_users =
            spans(db, &MEMBERSHIPS, UserId, workspace, until, only.users(UserId)).await?;
        let of_groups =
            spans(db, &MEMBERSHIPS, GroupId, workspace, until, only.groups(GroupId)).await?;
        history.users = with_memberships(history.users, of_users);
        history.groups = with_memberships(history.groups, of_groups);
        history.remember_pruned(db, workspace, only).await?;
        Ok(history)
    }

    /// Adds the generations of versions that were pruned.
    async fn remember_pruned(
        &mut self,
        db: &impl ConnectionTrait,
        workspace: &str,
        only: &Only,
    ) -> Result<(), LedgerError> {
        use pruned_stamps::Column;
        let users = only.users(Column::Id).add(Column::Kind.eq(USER));
        let groups = only.groups(Column::Id).add(Column::Kind.eq(GROUP));
        let wanted = Condition::any().add(users).add(groups).add(Column::Kind.eq(ROLE));
        let query =
            pruned_stamps::Entity::find().filter(Column::Workspace.eq(workspace)).filter(wanted);
        for row in query.all(db).await? {
            let spans = match row.kind.as_str() {
                USER => &mut self.users,
                ROLE => &mut self.roles,
                _ => &mut self.groups,
            };
            let pruned = GenerationSpan { first: row.first_generation, last: row.last_generation };
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

async fn spans<E: EntityTrait>(
    db: &(impl ConnectionTrait + StreamTrait),
    columns: &Versions<E>,
    key: E::Column,
    workspace: &str,
    until: Generation,
    only: Condition,
) -> Result<HashMap<String, GenerationSpan>, LedgerError> {
    // A version that was closed after `until` was still open then.
    let closed =
        Expr::case(columns.to.lte(until), Expr::col(columns.to)).finally(Option::<i64>::None);
    let rows = E::find()
        .select_only()
        .column(key)
        .column_as(columns.from.min(), "first")
        .column_as(columns.from.max(), "opened")
        .column_as(Expr::from(Func::max(closed)), "closed")
        .filter(columns.workspace.eq(workspace))
        .filter(columns.from.lte(until))
        .filter(only)
        .group_by(key)
        .into_tuple::<(String, i64, i64, Option<i64>)>()
        .stream(db)
        .await?;
    let span = |(id, first, opened, closed): (String, i64, i64, Option<i64>)| {
        (id, GenerationSpan { first, last: closed.map_or(opened, |closed| closed.max(opened)) })
    };
    Ok(rows.map_ok(span).try_collect().await?)
}

/// A change of a membership modifies the person and the team, but does not create them.
fn with_memberships(
    mut things: HashMap<String, GenerationSpan>,
    memberships: HashMap<String, GenerationSpan>,
) -> HashMap<String, GenerationSpan> {
    for (id, span) in memberships {
        if let Some(thing) = things.get_mut(&id) {
            thing.last = thing.last.max(span.last);
        }
    }
    things
}
