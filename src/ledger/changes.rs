//! The changes of each generation, oldest first. This log is stored nowhere: it follows from the
//! versions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::sea_query::{Expr, ExprTrait as _, Func};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
};
use time::OffsetDateTime;

use super::chain::{ChangeCounts, KindCounts};
use super::count::{count_about, count_after};
use super::entities::{activity, generations, user_versions};
use super::names::with_names;
use super::versions::{GROUPS, MEMBERSHIPS, USERS, Version, Versions};
use super::walk::{Walk, actor_activities, candidates};
use super::{ChangeQuestion, Ledger, LedgerError, RunId, read, rows};
use crate::directory::{
    Activity, ActivityKind, Change, ChangeNames, Changed, Generation, User, UserId,
};
use crate::limits;

/// The kind of a change. The changes of a generation come in this order, and those of one kind by
/// id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// A person.
    User,
    /// A team.
    Group,
    /// The membership of a person in a team.
    Membership,
}

impl ChangeKind {
    /// All kinds, in order.
    pub const ALL: [Self; 3] = [Self::User, Self::Group, Self::Membership];

    /// The word for this kind in cursors and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Membership => "membership",
        }
    }

    /// The kind with that word. `None` if there is no such kind.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    pub(super) fn counts_in(self, counts: &ChangeCounts) -> KindCounts {
        match self {
            Self::User => counts.users,
            Self::Group => counts.groups,
            Self::Membership => counts.memberships,
        }
    }
}

/// A position in the history: after one change and before the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePosition {
    pub(super) generation: Generation,
    /// The last change before the position. `None` for the end of the generation.
    pub(super) after: Option<(ChangeKind, String)>,
}

impl ChangePosition {
    /// Before the first change.
    pub const START: Self = Self { generation: 0, after: None };

    /// After the last change of a generation.
    #[must_use]
    pub fn end_of(generation: Generation) -> Self {
        Self { generation, after: None }
    }

    /// Encodes the position as a text that stays valid permanently and needs no escapes in a URL.
    #[must_use]
    pub fn to_cursor(&self) -> String {
        let (kind, key) =
            self.after.as_ref().map_or(("", ""), |(kind, key)| (kind.as_str(), key.as_str()));
        URL_SAFE_NO_PAD.encode(format!("{}/{kind}/{key}", self.generation))
    }

    /// Parses a text that [`ChangePosition::to_cursor`] returned.
    #[must_use]
    pub fn from_cursor(cursor: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let mut parts = text.splitn(3, '/');
        let generation = parts.next()?.parse().ok().filter(|generation| *generation >= 0)?;
        let (kind, key) = (parts.next()?, parts.next()?);
        let id = |id: &str| {
            !id.is_empty()
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        let after = match ChangeKind::from_word(kind) {
            None if kind.is_empty() && key.is_empty() => None,
            None => return None,
            Some(kind) => {
                let parts = if kind == ChangeKind::Membership { 2 } else { 1 };
                (key.split(' ').count() == parts && key.split(' ').all(id))
                    .then(|| Some((kind, key.to_owned())))?
            }
        };
        Some(Self { generation, after })
    }
}

/// A change, with its time, its import and its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedChange {
    /// The position right after the change.
    pub position: ChangePosition,
    /// The generation that recorded it.
    pub generation: Generation,
    /// The import that recorded it.
    pub run: RunId,
    /// When it was recorded.
    pub at: OffsetDateTime,
    /// The values before and after the change.
    pub change: Changed,
    /// The entry of Intercom's activity log that explains the change, if there is one.
    pub cause: Option<Activity>,
    /// The names that the people and the team of the change had then.
    pub names: ChangeNames,
}

/// One page of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage {
    /// Oldest first.
    pub changes: Vec<RecordedChange>,
    /// The position where the next page begins.
    pub next: ChangePosition,
    /// Whether there are more changes now.
    pub more: bool,
    /// How many changes come after the requested position, including these. `None` if each change
    /// would have to be read to count them.
    pub total: Option<u64>,
}

impl Ledger {
    /// The earliest position that the history still has: the start, or the generation up to which
    /// it was pruned.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn earliest(&self, workspace: &str) -> Result<ChangePosition, LedgerError> {
        let pruned = read::last_pruned(&self.database, workspace).await?;
        Ok(pruned.map_or(ChangePosition::START, |pruned| ChangePosition {
            generation: pruned.generation,
            after: None,
        }))
    }

    /// The changes after a position, of one kind or of all kinds.
    ///
    /// # Errors
    /// As of [`Ledger::changes_that`].
    pub async fn changes(
        &self,
        workspace: &str,
        since: &ChangePosition,
        kind: Option<ChangeKind>,
        limit: usize,
    ) -> Result<ChangePage, LedgerError> {
        self.changes_that(
            workspace,
            since,
            &ChangeQuestion { kind, ..ChangeQuestion::default() },
            limit,
        )
        .await
    }

    /// The changes after a position that match a query. Following `next` with the same query
    /// returns every matching change exactly once. A page can hold fewer changes than `limit`
    /// although there are more, because the number of changes that are read for one page is
    /// limited.
    ///
    /// # Errors
    /// [`LedgerError::NoSuchPosition`] for a position beyond the latest generation,
    /// [`LedgerError::Pruned`] for one whose history was pruned; [`LedgerError::Unavailable`].
    pub async fn changes_that(
        &self,
        workspace: &str,
        since: &ChangePosition,
        question: &ChangeQuestion,
        limit: usize,
    ) -> Result<ChangePage, LedgerError> {
        let db = &self.database;
        let limit = limit.min(limits::LIST_ITEMS);
        let latest = self.generation(workspace).await?;
        if since.generation > latest {
            return Err(LedgerError::NoSuchPosition);
        }
        let before = async |moment: Option<OffsetDateTime>| match moment {
            None => Ok(None),
            Some(moment) => {
                self.number_at(workspace, moment - time::Duration::NANOSECOND).await.map(Some)
            }
        };
        let start = match before(question.since).await? {
            Some(number) if since.generation <= number => ChangePosition::end_of(number),
            _ => since.clone(),
        };
        let last = before(question.until).await?.unwrap_or(latest);
        if let Some(pruned) = read::last_pruned(db, workspace).await?
            && (start.generation < pruned.generation
                || start.generation == pruned.generation && start.after.is_some())
        {
            // The time of that generation, not the time of the pruning.
            let since = read::kept_since(db, workspace).await?.unwrap_or(pruned.at);
            return Err(LedgerError::Pruned { since });
        }
        if start.generation > last || start.generation == last && start.after.is_none() {
            let total = (!question.checks_each_change()).then_some(0);
            return Ok(ChangePage { changes: Vec::new(), next: start, more: false, total });
        }
        let walk = Walk {
            db,
            workspace,
            question,
            last,
            candidates: candidates(db, workspace, question, (&start, last)).await?,
            activities: actor_activities(db, workspace, question.actor.as_ref()).await?,
        };
        let (changes, next, more) = walk.page(&start, limit).await?;
        let total = match question {
            question if question.checks_each_change() => None,
            question if question.names_people_or_team() => {
                Some(count_about(db, workspace, &start, last, question).await?)
            }
            question => Some(count_after(db, workspace, &start, last, question).await?),
        };
        Ok(ChangePage { changes: with_names(db, workspace, changes).await?, next, more, total })
    }

    /// The people who ever had an address. Case is ignored.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn people_with_address(
        &self,
        workspace: &str,
        address: &str,
    ) -> Result<Vec<UserId>, LedgerError> {
        use user_versions::Column;
        let lowered = Expr::expr(Func::lower(Expr::col(Column::Email))).eq(address.to_lowercase());
        let query = user_versions::Entity::find()
            .select_only()
            .column(Column::UserId)
            .distinct()
            .filter(Column::Workspace.eq(workspace))
            .filter(Condition::any().add(lowered).add(Column::Email.eq(address)));
        let ids: Vec<String> = query.into_tuple().all(&self.database).await?;
        Ok(ids.into_iter().map(UserId::new).collect())
    }
}

pub(super) async fn generation(
    db: &DatabaseConnection,
    workspace: &str,
    number: Generation,
) -> Result<Option<generations::Model>, LedgerError> {
    Ok(generations::Entity::find_by_id((workspace.to_owned(), number)).one(db).await?)
}

/// A change, and the time of the generation before it.
pub(super) type Found = (RecordedChange, Option<OffsetDateTime>);

/// The changes of one kind in a generation, after a key.
pub(super) async fn changes_of(
    db: &DatabaseConnection,
    row: &generations::Model,
    before: Option<OffsetDateTime>,
    (kind, question): (ChangeKind, &ChangeQuestion),
    key: Option<&str>,
    most: usize,
) -> Result<Vec<Found>, LedgerError> {
    let changes = match kind {
        ChangeKind::User => {
            let part = (key, question.user_condition(), most);
            changes_in(db, &USERS, row, part, rows::user, recorded_user_change, |change| {
                Changed::User(Box::new(change))
            })
            .await?
        }
        ChangeKind::Group => {
            let part = (key, question.group_condition(), most);
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
            let part = (key, question.membership_condition(), most);
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

/// Pairs the versions that ended in a generation with those that began in it, by key: at most
/// `most` pairs that come after a key and match.
async fn changes_in<E, T>(
    db: &DatabaseConnection,
    versions: &Versions<E>,
    generation: &generations::Model,
    (key, only, most): (Option<&str>, Condition, usize),
    value: impl Fn(E::Model) -> Result<T, LedgerError>,
    change: impl Fn(Option<T>, Option<T>) -> Option<Change<T>>,
    wrap: impl Fn(Change<T>) -> Changed,
) -> Result<Vec<(String, Changed)>, LedgerError>
where
    E: EntityTrait,
    E::Model: Version,
{
    let (workspace, number) = (generation.workspace.as_str(), generation.number);
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
    let kinds = Changed::ACTIVITY_KINDS.iter().flat_map(|(_, kinds)| kinds.iter().copied());
    let about =
        Condition::any().add(Column::SubjectId.is_in(users)).add(Column::TeamId.is_in(groups));
    let mut query = activity::Entity::find()
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Kind.is_in(kinds))
        .filter(about);
    // Except for removals, an entry from before the first generation on the page belongs to an
    // earlier generation.
    if let Some(since) = found.iter().map(|(_, before)| *before).min().flatten() {
        query = query
            .filter(Condition::any().add(Column::At.gt(since)).add(Column::Kind.is_in(REMOVALS)));
    }
    let rows = query
        .order_by_asc(Column::At)
        .order_by_asc(Column::Id)
        .limit(limits::DEEDS_ON_A_PAGE)
        .all(db)
        .await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_as_it_was_written_and_nothing_else_reads() {
        let places = [
            ChangePosition::START,
            ChangePosition { generation: 7, after: Some((ChangeKind::User, "4423433".to_owned())) },
            ChangePosition {
                generation: 7,
                after: Some((ChangeKind::Membership, "9 4423433".to_owned())),
            },
        ];
        for place in places {
            assert_eq!(ChangePosition::from_cursor(&place.to_cursor()), Some(place));
        }
        for text in [
            "",
            "7//",
            "-1//",
            "7/user/",
            "7/user/a b",
            "7/membership/9",
            "7/team/9",
            "7/user/a'b",
            "7//9",
        ] {
            assert_eq!(
                ChangePosition::from_cursor(&URL_SAFE_NO_PAD.encode(text)),
                (text == "7//").then_some(ChangePosition { generation: 7, after: None }),
                "{text}"
            );
        }
        assert_eq!(ChangePosition::from_cursor("7//"), None);
    }
}
