//! The changes of one generation, with their causes. They are stored nowhere: they follow from the
//! versions and from Intercom's activity log.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
};
use time::OffsetDateTime;

use super::versions::{GROUPS, MEMBERSHIPS, ROLES, USERS, Version, Versions};
use super::{ChangeQuestion, LedgerError, rows};
use crate::database::entities::{activity, generations, user_versions};
use crate::directory::{
    Activity, ActivityKind, Change, ChangeKind, ChangeNames, ChangePosition, Changed, Generation,
    RecordedChange, User,
};
use crate::limits;

/// A change, and the time of the generation before it.
pub(super) type Found = (RecordedChange, Option<OffsetDateTime>);

/// Which changes of one kind are wanted.
struct Part<'a> {
    /// Only changes after this key.
    key: Option<&'a str>,
    /// Only those of versions that match.
    only: Condition,
    /// At most so many.
    most: usize,
}

/// The changes of one kind in a generation, after a key.
pub(super) async fn changes_of(
    db: &DatabaseConnection,
    row: &generations::Model,
    before: Option<OffsetDateTime>,
    kind: ChangeKind,
    question: &ChangeQuestion,
    key: Option<&str>,
    most: usize,
) -> Result<Vec<Found>, LedgerError> {
    let changes = match kind {
        ChangeKind::User => {
            let part = Part { key, only: question.user_condition(), most };
            changes_in(db, &USERS, row, part, rows::user, recorded_user_change, |change| {
                Changed::User(Box::new(change))
            })
            .await?
        }
        ChangeKind::Group => {
            let part = Part { key, only: question.group_condition(), most };
            changes_in(
                db,
                &GROUPS,
                row,
                part,
                |row| Ok(rows::group(row)),
                Change::between,
                Changed::Group,
            )
            .await?
        }
        ChangeKind::Membership => {
            let part = Part { key, only: question.membership_condition(), most };
            changes_in(
                db,
                &MEMBERSHIPS,
                row,
                part,
                rows::membership,
                Change::between,
                Changed::Membership,
            )
            .await?
        }
        ChangeKind::Role => {
            let part = Part { key, only: Condition::all(), most };
            let role = |row| Ok(rows::role(row));
            changes_in(db, &ROLES, row, part, role, Change::between, Changed::Role).await?
        }
    };
    let recorded = |(key, change)| RecordedChange {
        position: ChangePosition { generation: row.number, after: Some((kind, key)) },
        generation: row.number,
        run: row.import_id,
        at: row.at,
        change,
        cause: None,
        names: ChangeNames::default(),
    };
    Ok(changes.into_iter().map(|change| (recorded(change), before)).collect())
}

/// The change of a person that a generation recorded. The two versions can be equal now, if the
/// fields that differed were erased since.
fn recorded_user_change(before: Option<User>, after: Option<User>) -> Option<Change<User>> {
    match (before, after) {
        (Some(before), Some(after)) if before == after => Some(Change::Updated { before, after }),
        (before, after) => Change::of_user(before, after),
    }
}

/// Pairs the versions that ended in a generation with those that began in it, by key.
async fn changes_in<E, T>(
    db: &DatabaseConnection,
    versions: &Versions<E>,
    generation: &generations::Model,
    part: Part<'_>,
    value: impl Fn(E::Model) -> Result<T, LedgerError>,
    change: impl Fn(Option<T>, Option<T>) -> Option<Change<T>>,
    wrap: impl Fn(Change<T>) -> Changed,
) -> Result<Vec<(String, Changed)>, LedgerError>
where
    E: EntityTrait,
    E::Model: Version,
{
    let workspace = generation.workspace.as_str();
    let number = generation.number;
    let Part { key, only, most } = part;
    // The first `most` pairs are among the first `most` rows of each query.
    let first = |query: Select<E>| {
        let query = query.filter(versions.after(key)).filter(only.clone()).limit(most as u64);
        versions.key.iter().fold(query, |query, column| query.order_by_asc(*column)).all(db)
    };
    let mut ends: BTreeMap<String, (Option<T>, Option<T>)> = BTreeMap::new();
    for row in first(versions.closed_by(workspace, number)).await? {
        let key = row.key();
        ends.entry(key).or_default().0 = Some(value(row)?);
    }
    for row in first(versions.opened_by(workspace, number)).await? {
        let key = row.key();
        ends.entry(key).or_default().1 = Some(value(row)?);
    }
    let changes = ends
        .into_iter()
        .take(most)
        .filter_map(|(key, (before, after))| Some((key, change(before, after)?)));
    Ok(changes.map(|(key, change)| (key, wrap(change))).collect())
}

/// Adds to each change its cause: the latest matching entry of Intercom's activity log about the
/// same person or team, between the generation before and this one.
pub(super) async fn with_causes(
    db: &DatabaseConnection,
    workspace: &str,
    found: Vec<Found>,
) -> Result<Vec<RecordedChange>, LedgerError> {
    use activity::Column;
    let ids = |of: fn(&Changed) -> Option<String>| -> BTreeSet<String> {
        found.iter().filter_map(|(change, _)| of(&change.change)).collect()
    };
    let users = ids(|change| change.user().map(ToString::to_string));
    let groups = ids(|change| change.group().map(ToString::to_string));
    // Except for removals, an entry from before the first generation on the page belongs to an
    // earlier generation.
    let since = found.iter().map(|(_, before)| *before).min().flatten();
    let about = |ids: Condition| {
        let kinds = Changed::ACTIVITY_KINDS.iter().flat_map(|(_, kinds)| kinds.iter().copied());
        let late = since.map(|since| {
            Condition::any().add(Column::At.gt(since)).add(Column::Kind.is_in(REMOVALS))
        });
        activity::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Kind.is_in(kinds))
            .filter(Condition::all().add_option(late))
            .filter(ids)
            .limit(limits::DEEDS_ON_A_PAGE)
    };
    // People and teams by themselves, and sorted here: otherwise the database would walk the whole
    // log in the order of time.
    let mut rows = about(Condition::all().add(Column::SubjectId.is_in(users))).all(db).await?;
    let known: HashSet<String> = rows.iter().map(|row| row.id.clone()).collect();
    let of_teams = about(Condition::all().add(Column::TeamId.is_in(groups))).all(db).await?;
    rows.extend(of_teams.into_iter().filter(|row| !known.contains(&row.id)));
    rows.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let mut entries =
        Entries { departures: departures(db, workspace, &found).await?, ..Entries::default() };
    for row in &rows {
        for (index, id) in
            [(&mut entries.users, &row.subject_id), (&mut entries.groups, &row.team_id)]
        {
            if let Some(id) = id {
                index.entry(id).or_default().push(row);
            }
        }
    }
    let causes: Vec<Option<Activity>> = found
        .iter()
        .map(|(change, before)| entries.cause(change, *before).cloned().map(rows::activity))
        .collect();
    let changes = found.into_iter().zip(causes);
    Ok(changes.map(|((change, _), cause)| RecordedChange { cause, ..change }).collect())
}

/// The kinds of log entries that record a removal.
pub(super) const REMOVALS: [&str; 3] =
    ["admin_deletion", "admin_deprovisioned", "app_team_deletion"];

/// When the people whom these changes removed left, by generation and person.
async fn departures(
    db: &DatabaseConnection,
    workspace: &str,
    found: &[Found],
) -> Result<HashMap<(Generation, String), OffsetDateTime>, LedgerError> {
    use user_versions::Column;
    let removed =
        || found.iter().map(|(change, _)| change).filter(|change| change.change.is_removal());
    let numbers: BTreeSet<Generation> = removed().map(|change| change.generation).collect();
    let users: BTreeSet<String> =
        removed().filter_map(|change| change.change.user()).map(ToString::to_string).collect();
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = user_versions::Entity::find()
        .select_only()
        .columns([Column::FromGeneration, Column::UserId, Column::RemovedAt])
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::FromGeneration.is_in(numbers))
        .filter(Column::UserId.is_in(users))
        .filter(Column::RemovedAt.is_not_null());
    let rows: Vec<(Generation, String, OffsetDateTime)> = rows.into_tuple().all(db).await?;
    Ok(rows.into_iter().map(|(number, user, at)| ((number, user), at)).collect())
}

/// Log entries by the id of their subject, oldest first.
#[derive(Default)]
struct Entries<'a> {
    users: HashMap<&'a str, Vec<&'a activity::Model>>,
    groups: HashMap<&'a str, Vec<&'a activity::Model>>,
    /// See [`departures`].
    departures: HashMap<(Generation, String), OffsetDateTime>,
}

impl<'a> Entries<'a> {
    /// The log entry that caused a change. A removal can be recorded several generations after its
    /// log entry, because it waits while a list may be incomplete. Then the cause is the entry from
    /// which the person's `removed_at` was taken. For a team's deletion, any earlier entry matches:
    /// Intercom deletes an id only once.
    fn cause(
        &self,
        change: &RecordedChange,
        before: Option<OffsetDateTime>,
    ) -> Option<&'a activity::Model> {
        let user = change.change.user().map(ToString::to_string);
        let left_at = user.clone().and_then(|user| self.departures.get(&(change.generation, user)));
        let in_time = |entry: &activity::Model| match ActivityKind::from_entry_kind(&entry.kind) {
            _ if before.is_none_or(|before| entry.at > before) => true,
            Some(ActivityKind::Departure) => left_at == Some(&entry.at),
            Some(ActivityKind::Dissolution) => true,
            _ => false,
        };
        let newest = |index: &HashMap<&'a str, Vec<&'a activity::Model>>,
                      id: Option<String>,
                      of_user: bool| {
            let about = index.get(id?.as_str())?;
            about.iter().rev().copied().find(|entry| {
                entry.at <= change.at + limits::CLOCK_DIFFERENCE
                    && in_time(entry)
                    && change.change.is_told_by(&entry.kind, of_user)
            })
        };
        let user = newest(&self.users, user, true);
        user.or_else(|| newest(&self.groups, change.change.group().map(ToString::to_string), false))
    }
}
