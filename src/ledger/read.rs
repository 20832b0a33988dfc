//! Reads the state of a workspace at a generation.

use std::collections::{BTreeMap, HashMap};

use futures_util::TryStreamExt as _;
use sea_orm::sea_query::{Expr, Func};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, StreamTrait,
};
use time::{OffsetDateTime, UtcOffset};

use super::entities::{
    generations, group_versions, membership_versions, pruned_stamps, prunings, user_versions,
    volatile, workspaces,
};
use super::versions::{GROUPS, MEMBERSHIPS, USERS, Versions};
use super::{Ledger, LedgerError, prune, rows};
use crate::directory::{
    Generation, GroupId, Membership, Part, Recorded, Snapshot, Stamps, UserId, Volatile, Workspace,
};
use crate::limits;

impl Ledger {
    /// The latest generation of a workspace; 0 before the first.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn generation(&self, workspace: &str) -> Result<Generation, LedgerError> {
        self.file_is_there()?;
        Ok(latest_generation(&self.database, workspace).await?.map_or(0, |latest| latest.number))
    }

    /// The hash of a generation, as `ledger verify --head` accepts it. `None` if there is no such
    /// generation.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn generation_hash(
        &self,
        workspace: &str,
        generation: Generation,
    ) -> Result<Option<String>, LedgerError> {
        let row = generations::Entity::find_by_id((workspace.to_owned(), generation))
            .one(&self.database)
            .await?;
        Ok(row.map(|row| row.hash))
    }

    /// The generation that was the latest at a moment. `None` before the first.
    ///
    /// # Errors
    /// [`LedgerError::Pruned`] if the state of that moment was pruned;
    /// [`LedgerError::Unavailable`].
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
        number_at(&self.database, workspace, moment).await
    }

    /// Checks that the state at a generation was not pruned.
    ///
    /// # Errors
    /// [`LedgerError::Pruned`] if it was; [`LedgerError::Unavailable`].
    pub async fn is_kept(
        &self,
        workspace: &str,
        generation: Generation,
    ) -> Result<(), LedgerError> {
        match last_pruned(&self.database, workspace).await? {
            Some(pruned) if generation < pruned.generation => {
                let since = generation_time(&self.database, workspace, pruned.generation).await?;
                Err(LedgerError::Pruned { since })
            }
            _ => Ok(()),
        }
    }

    /// What Intercom says of a workspace, if it was ever imported.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn workspace(&self, workspace: &str) -> Result<Option<Workspace>, LedgerError> {
        let row = workspaces::Entity::find_by_id(workspace).one(&self.database).await?;
        Ok(row.map(|row| Workspace { id: row.intercom_id, name: row.name, region: row.region }))
    }

    /// The current values that are not access, of all people who have some.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn volatile(
        &self,
        workspace: &str,
    ) -> Result<HashMap<UserId, Volatile>, LedgerError> {
        volatile_values(&self.database, workspace, &Only::default()).await
    }

    /// The state at the latest generation.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn latest(&self, workspace: &str) -> Result<Snapshot, LedgerError> {
        self.snapshot(workspace, self.generation(workspace).await?).await
    }

    /// The state of some people and teams at the latest generation.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], or [`LedgerError::Corrupt`] for a row the bridge did not
    /// write.
    pub async fn latest_of(&self, workspace: &str, part: &Part) -> Result<Snapshot, LedgerError> {
        self.snapshot_of(workspace, self.generation(workspace).await?, part).await
    }

    /// The state of some people and teams at `generation`. Volatile values are always the current
    /// ones.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], or [`LedgerError::Corrupt`] for a row the bridge did not
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
    /// [`LedgerError::Unavailable`].
    pub async fn touched(
        &self,
        workspace: &str,
        since: Generation,
        until: Generation,
    ) -> Result<Part, LedgerError> {
        let db = &self.database;
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
    /// [`LedgerError::Unavailable`].
    pub async fn count_people(
        &self,
        workspace: &str,
        generation: Generation,
    ) -> Result<u64, LedgerError> {
        let query = user_versions::Entity::find().filter(USERS.workspace.eq(workspace));
        Ok(query.filter(USERS.open_at(generation)).count(&self.database).await?)
    }

    /// The state at `generation`: every version that was opened by then and not closed by then.
    /// Volatile values are always the current ones.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], or [`LedgerError::Corrupt`] for a row the bridge did not
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
        let db = &self.database;
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
        })
    }
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

/// The number of the generation that was the latest at a moment; 0 before the first.
pub(super) async fn number_at(
    db: &impl ConnectionTrait,
    workspace: &str,
    moment: OffsetDateTime,
) -> Result<Generation, LedgerError> {
    use generations::Column;
    // The generation with the highest number that bears an earlier time. Times grow with the
    // numbers, except for a time that was recorded while a clock was ahead: that generation is
    // passed over for its neighbours.
    //
    // SQLite compares times as texts, and there "…05.5Z" comes before "…05Z". So the query allows
    // one second more, and the exact comparison is made here.
    let about = moment.to_offset(UtcOffset::UTC).saturating_add(time::Duration::SECOND);
    let mut below = Generation::MAX;
    loop {
        let query = generations::Entity::find().select_only().columns([Column::Number, Column::At]);
        let query = query.filter(Column::Workspace.eq(workspace)).filter(Column::Number.lt(below));
        let query = query.filter(Column::At.lte(about)).order_by_desc(Column::Number);
        let rows =
            query.limit(limits::GENERATIONS_AT_ONCE).into_tuple::<(Generation, OffsetDateTime)>();
        let rows = rows.all(db).await?;
        if let Some((number, _)) = rows.iter().find(|(_, at)| *at <= moment) {
            return Ok(*number);
        }
        match rows.last() {
            Some((number, _)) => below = *number,
            None => return Ok(0),
        }
    }
}

/// The latest row of `generations`.
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

/// The next generations from `first` up to `last`, at most [`limits::GENERATIONS_AT_ONCE`] of them.
pub(super) async fn generations_between(
    db: &impl ConnectionTrait,
    workspace: &str,
    first: Generation,
    last: Generation,
) -> Result<Vec<generations::Model>, LedgerError> {
    use generations::Column;
    let query = generations::Entity::find()
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Number.between(first, last));
    Ok(query.order_by_asc(Column::Number).limit(limits::GENERATIONS_AT_ONCE).all(db).await?)
}

/// The time since which everything is kept, if the history was pruned.
pub(super) async fn kept_since(
    db: &impl ConnectionTrait,
    workspace: &str,
) -> Result<Option<OffsetDateTime>, LedgerError> {
    match last_pruned(db, workspace).await? {
        None => Ok(None),
        Some(pruned) => generation_time(db, workspace, pruned.generation).await.map(Some),
    }
}

/// The time at which a generation was committed.
pub(super) async fn generation_time(
    db: &impl ConnectionTrait,
    workspace: &str,
    number: Generation,
) -> Result<OffsetDateTime, LedgerError> {
    let row = generations::Entity::find_by_id((workspace.to_owned(), number)).one(db).await?;
    row.map(|row| row.at)
        .ok_or_else(|| LedgerError::Corrupt { what: format!("generation {number} is missing") })
}

/// The last pruning of the history, if there was one.
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

async fn volatile_values(
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

/// Which people and teams are read: all, or only these.
#[derive(Default)]
pub(super) struct Only(Option<(Vec<String>, Vec<String>)>);

impl Only {
    fn these(part: &Part) -> Self {
        let (users, groups) = (
            part.users.iter().map(ToString::to_string),
            part.groups.iter().map(ToString::to_string),
        );
        Self(Some((users.collect(), groups.collect())))
    }

    fn users(&self, column: impl ColumnTrait) -> Condition {
        Condition::all().add_option(self.0.as_ref().map(|(users, _)| column.is_in(users)))
    }

    fn groups(&self, column: impl ColumnTrait) -> Condition {
        Condition::all().add_option(self.0.as_ref().map(|(_, groups)| column.is_in(groups)))
    }
}

/// The time at which a generation's changes count as changed: when it was committed, or a
/// millisecond after the generation before it if that bears a later time. So these times grow with
/// the numbers even if a clock was ahead, and a client that asks for changes since the latest time
/// that it saw misses nothing.
struct Times(BTreeMap<Generation, OffsetDateTime>);

impl Times {
    async fn read(
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
    fn stamps(
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
        let mut history = Self {
            users: spans(db, &USERS, user, workspace, until, only.users(user)).await?,
            groups: spans(db, &GROUPS, group, workspace, until, only.groups(group)).await?,
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
        let users = only.users(Column::Id).add(Column::Kind.eq(prune::USER));
        let groups = only.groups(Column::Id).add(Column::Kind.eq(prune::GROUP));
        let wanted = Condition::any().add(users).add(groups);
        let query =
            pruned_stamps::Entity::find().filter(Column::Workspace.eq(workspace)).filter(wanted);
        for row in query.all(db).await? {
            let spans = if row.kind == prune::USER { &mut self.users } else { &mut self.groups };
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
