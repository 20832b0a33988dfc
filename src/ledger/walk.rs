//! Walks over the history: reads the changes after a position that match a query, generation by
//! generation.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
};
use time::OffsetDateTime;

use super::addresses::spellings;
use super::chain::ChangeCounts;
use super::generation_changes::{Found, REMOVALS, changes_of, with_causes};
use super::question::texts;
use super::versions::{GROUPS, MEMBERSHIPS, ROLES, USERS, Versions};
use super::{ActorQuestion, ChangeQuestion, LedgerError, generation_rows};
use crate::database::entities::{activity, generations, group_versions, user_versions};
use crate::directory::{ChangeKind, ChangePosition, Changed, Generation, RecordedChange};
use crate::limits;

/// A walk over the changes of a workspace.
pub(super) struct Walk<'a> {
    pub db: &'a DatabaseConnection,
    pub workspace: &'a str,
    pub question: &'a ChangeQuestion,
    /// The last generation to read.
    pub last: Generation,
    /// The generations that can hold a matching change. `None` if that is not known.
    pub candidates: Option<BTreeSet<Generation>>,
    /// The actor's log entries, if the query names an actor.
    pub activities: Option<ActorActivities>,
}

/// The log entries of one actor that can be the cause of a change.
pub(super) struct ActorActivities {
    /// The times of the entries, sorted.
    times: Vec<OffsetDateTime>,
    /// The generations that removed a person or a team that the actor removed. A removal can be
    /// recorded several generations after its log entry.
    removals: BTreeSet<Generation>,
}

impl ActorActivities {
    /// Whether the generation can hold a change that the actor caused.
    fn can_have_caused(&self, row: &generations::Model, before: Option<OffsetDateTime>) -> bool {
        let until = self.times.partition_point(|at| *at <= row.at + limits::CLOCK_DIFFERENCE);
        let latest = self.times[..until].last();
        self.removals.contains(&row.number)
            || latest.is_some_and(|at| before.is_none_or(|before| *at > before))
    }
}

/// A generation, and the time of the one before it.
type Numbered = (generations::Model, Option<OffsetDateTime>);

impl Walk<'_> {
    /// Returns at most `limit` matching changes after a position, the position where the next page
    /// begins, and whether there may be more.
    pub async fn page(
        &self,
        start: &ChangePosition,
        limit: usize,
    ) -> Result<(Vec<RecordedChange>, ChangePosition, bool), LedgerError> {
        if !self.question.checks_each_change() {
            let (found, next, more) = self.read(start, limit).await?;
            return Ok((with_causes(self.db, self.workspace, found).await?, next, more));
        }
        let (mut kept, mut position, mut looked_at) = (Vec::new(), start.clone(), 0);
        loop {
            let (found, next, more) = self.read(&position, limits::LIST_ITEMS).await?;
            looked_at += found.len();
            let found = with_causes(self.db, self.workspace, found).await?;
            kept.extend(found.into_iter().filter(|change| self.question.fits(change)));
            if kept.len() > limit {
                kept.truncate(limit);
                let next = kept.last().map_or(next, |change| change.position.clone());
                return Ok((kept, next, true));
            }
            if !more || looked_at >= limits::CHANGES_LOOKED_AT {
                return Ok((kept, next, more));
            }
            position = next;
        }
    }

    /// Like [`Walk::page`], but without the conditions that must be checked on each change.
    async fn read(
        &self,
        start: &ChangePosition,
        limit: usize,
    ) -> Result<(Vec<Found>, ChangePosition, bool), LedgerError> {
        let mut found: Vec<Found> = Vec::new();
        let mut number =
            if start.after.is_some() { start.generation } else { start.generation + 1 };
        while found.len() <= limit && number <= self.last {
            let rows = self.generations_from(number).await?;
            if rows.is_empty() {
                break;
            }
            for (row, before) in rows {
                number = row.number + 1;
                self.read_generation(&row, before, start, limit, &mut found).await?;
                if found.len() > limit {
                    break;
                }
            }
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let next = match found.last() {
            Some((change, _)) if more => change.position.clone(),
            // Everything up to `last` was read, so the next change is in a later generation.
            _ => ChangePosition::end_of(self.last),
        };
        Ok((found, next, more))
    }

    async fn read_generation(
        &self,
        row: &generations::Model,
        before: Option<OffsetDateTime>,
        start: &ChangePosition,
        limit: usize,
        found: &mut Vec<Found>,
    ) -> Result<(), LedgerError> {
        if self
            .activities
            .as_ref()
            .is_some_and(|activities| !activities.can_have_caused(row, before))
        {
            return Ok(());
        }
        let counts = ChangeCounts::from_row(row)?;
        let place = start.after.as_ref().filter(|_| row.number == start.generation);
        for kind in self.question.kinds() {
            let room = (limit + 1).saturating_sub(found.len());
            let key = match place {
                Some((at, _)) if kind < *at => continue,
                Some((at, key)) if kind == *at => Some(key.as_str()),
                _ => None,
            };
            if room > 0 && counts.of(kind).changed > 0 {
                found.extend(
                    changes_of(self.db, row, before, kind, self.question, key, room).await?,
                );
            }
        }
        if found.len() > limit {
            return Ok(());
        }
        // After the last change of a generation, the position is the generation's end, which stays
        // valid when history is pruned.
        if let Some((last, _)) = found
            .last_mut()
            .filter(|(last, _)| !self.question.restricts_rows() && last.generation == row.number)
        {
            last.position.after = None;
        }
        Ok(())
    }

    /// The next generations from `number` on that can hold a change, each with the time of the one
    /// before it. An entry of the activity log that caused a change is later than that time.
    async fn generations_from(&self, number: Generation) -> Result<Vec<Numbered>, LedgerError> {
        let (db, workspace) = (self.db, self.workspace);
        let Some(candidates) = &self.candidates else {
            let before = generation_rows::generation(db, workspace, number - 1).await?;
            let mut before = before.map(|row| row.at);
            let rows =
                generation_rows::generations_between(db, workspace, number, self.last).await?;
            if rows.is_empty() {
                return Err(LedgerError::Corrupt {
                    what: format!("generation {number} is missing"),
                });
            }
            return Ok(rows
                .into_iter()
                .map(|row| (before.replace(row.at), row))
                .map(|(at, row)| numbered(row, at))
                .collect());
        };
        let most = usize::try_from(limits::GENERATIONS_AT_ONCE / 2).unwrap_or(usize::MAX);
        let wanted: Vec<Generation> =
            candidates.range(number..=self.last).take(most).copied().collect();
        let numbers: BTreeSet<Generation> =
            wanted.iter().flat_map(|number| [*number - 1, *number]).collect();
        let query = generations::Entity::find()
            .filter(generations::Column::Workspace.eq(workspace))
            .filter(generations::Column::Number.is_in(numbers));
        let rows: BTreeMap<Generation, generations::Model> =
            query.all(db).await?.into_iter().map(|row| (row.number, row)).collect();
        let row = |number: &Generation| {
            let row = rows.get(number).cloned();
            let row = row.ok_or_else(|| LedgerError::Corrupt {
                what: format!("generation {number} is missing"),
            })?;
            Ok(numbered(row, rows.get(&(number - 1)).map(|before| before.at)))
        };
        wanted.iter().map(row).collect()
    }
}

/// Drops `before` if it is not earlier than the generation's own time. In that case, a clock was
/// ahead when the generation before was committed, so its time is not a lower bound.
fn numbered(row: generations::Model, before: Option<OffsetDateTime>) -> Numbered {
    let before = before.filter(|before| *before < row.at);
    (row, before)
}

/// The generations, after a position and up to `last`, that changed the people or the team of the
/// query. `None` if the query names neither.
pub(super) async fn candidates(
    db: &DatabaseConnection,
    workspace: &str,
    question: &ChangeQuestion,
    start: &ChangePosition,
    last: Generation,
) -> Result<Option<BTreeSet<Generation>>, LedgerError> {
    async fn touching<E: EntityTrait>(
        db: &DatabaseConnection,
        versions: &Versions<E>,
        workspace: &str,
        only: Condition,
        first: Generation,
        last: Generation,
    ) -> Result<Vec<Generation>, LedgerError> {
        let mut numbers = Vec::new();
        for column in [versions.from, versions.to] {
            let query = E::find()
                .select_only()
                .column(column)
                .distinct()
                .filter(versions.workspace.eq(workspace));
            let query = query.filter(only.clone()).filter(column.between(first, last));
            numbers.extend(query.into_tuple::<Generation>().all(db).await?);
        }
        Ok(numbers)
    }
    if !question.names_people_or_team() {
        return Ok(None);
    }
    let first = Ord::max(start.generation, 1);
    let mut numbers = BTreeSet::new();
    for kind in question.kinds() {
        numbers.extend(match kind {
            ChangeKind::User => {
                touching(db, &USERS, workspace, question.user_condition(), first, last).await?
            }
            ChangeKind::Group => {
                touching(db, &GROUPS, workspace, question.group_condition(), first, last).await?
            }
            ChangeKind::Membership => {
                let only = question.membership_condition();
                touching(db, &MEMBERSHIPS, workspace, only, first, last).await?
            }
            ChangeKind::Role => {
                touching(db, &ROLES, workspace, Condition::all(), first, last).await?
            }
        });
    }
    Ok(Some(numbers))
}

/// The log entries of the query's actor that can be the cause of a change. `None` if the query
/// names no actor.
pub(super) async fn actor_activities(
    db: &DatabaseConnection,
    workspace: &str,
    actor: Option<&ActorQuestion>,
) -> Result<Option<ActorActivities>, LedgerError> {
    use activity::Column;
    let Some(ActorQuestion { ids, email }) = actor else { return Ok(None) };
    let mut by = Condition::any().add(Column::PerformedById.is_in(texts(ids)));
    if let Some(email) = email {
        let spellings = spellings::<activity::Entity>(
            db,
            Column::Workspace,
            Column::PerformedByEmail,
            workspace,
            email,
        );
        by = by.add(Column::PerformedByEmail.is_in(spellings.await?));
    }
    let by_actor = || {
        activity::Entity::find()
            .select_only()
            .filter(Column::Workspace.eq(workspace))
            .filter(by.clone())
    };
    let kinds = Changed::ACTIVITY_KINDS.iter().flat_map(|(_, kinds)| kinds.iter().copied());
    let times = by_actor().column(Column::At).filter(Column::Kind.is_in(kinds));
    let mut times: Vec<OffsetDateTime> = times.into_tuple().all(db).await?;
    times.sort();
    let removed = |subject: Column| {
        by_actor().column(subject).filter(Column::Kind.is_in(REMOVALS)).into_query()
    };
    let people = user_versions::Entity::find()
        .select_only()
        .column(user_versions::Column::FromGeneration)
        .filter(user_versions::Column::Workspace.eq(workspace))
        .filter(user_versions::Column::RemovedAt.is_not_null())
        .filter(user_versions::Column::UserId.in_subquery(removed(Column::SubjectId)));
    let teams = group_versions::Entity::find()
        .select_only()
        .column(group_versions::Column::ToGeneration)
        .filter(group_versions::Column::Workspace.eq(workspace))
        .filter(group_versions::Column::ToGeneration.is_not_null())
        .filter(group_versions::Column::GroupId.in_subquery(removed(Column::TeamId)));
    let mut removals: BTreeSet<Generation> =
        people.into_tuple::<Generation>().all(db).await?.into_iter().collect();
    removals.extend(teams.into_tuple::<Generation>().all(db).await?);
    Ok(Some(ActorActivities { times, removals }))
}
