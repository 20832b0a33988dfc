//! What each generation changed, oldest first: a log that is nowhere written down, but follows from the versions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::sea_query::{Expr, ExprTrait as _, Func};
use sea_orm::{ColumnTrait, Condition, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use time::OffsetDateTime;

use super::chain::{ChangeCounts, KindCounts};
use super::count::{count_about, count_after};
use super::entities::{activity, generations, user_versions};
use super::names::with_names;
use super::versions::{GROUPS, MEMBERSHIPS, USERS, Version, Versions};
use super::walk::{Walk, candidates, deeds_of};
use super::{ChangeQuestion, Ledger, LedgerError, RunId, read, rows};
use crate::directory::{Activity, ActivityKind, Change, ChangeNames, Changed, Generation, User, UserId};
use crate::limits;

/// What a change is of. A generation's changes come in this order, and each kind's by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// A person.
    User,
    /// A team.
    Group,
    /// Who is in which team.
    Membership,
}

impl ChangeKind {
    /// All kinds, in order.
    pub const ALL: [Self; 3] = [Self::User, Self::Group, Self::Membership];

    /// The kind's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Membership => "membership",
        }
    }

    /// The kind with that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    pub(super) fn counts_in(self, tally: &ChangeCounts) -> KindCounts {
        match self {
            Self::User => tally.users,
            Self::Group => tally.groups,
            Self::Membership => tally.memberships,
        }
    }
}

/// A place in the history: after one change and before the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePosition {
    pub(super) generation: Generation,
    /// The last change before it; none for the end of the generation.
    pub(super) after: Option<(ChangeKind, String)>,
}

impl ChangePosition {
    /// Before everything.
    pub const START: Self = Self { generation: 0, after: None };

    /// After everything of a generation.
    #[must_use]
    pub fn end_of(generation: Generation) -> Self {
        Self { generation, after: None }
    }

    /// As a text that stays the same for ever, of characters that need no escape in a URL.
    #[must_use]
    pub fn to_cursor(&self) -> String {
        let (kind, key) = self.after.as_ref().map_or(("", ""), |(kind, key)| (kind.as_str(), key.as_str()));
        URL_SAFE_NO_PAD.encode(format!("{}/{kind}/{key}", self.generation))
    }

    /// Reads what [`ChangePosition::to_cursor`] wrote.
    #[must_use]
    pub fn from_cursor(cursor: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let mut parts = text.splitn(3, '/');
        let generation = parts.next()?.parse().ok().filter(|generation| *generation >= 0)?;
        let (kind, key) = (parts.next()?, parts.next()?);
        let id = |id: &str| {
            !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        let after = match ChangeKind::from_word(kind) {
            None if kind.is_empty() && key.is_empty() => None,
            None => return None,
            Some(kind) => {
                let parts = if kind == ChangeKind::Membership { 2 } else { 1 };
                (key.split(' ').count() == parts && key.split(' ').all(id)).then(|| Some((kind, key.to_owned())))?
            }
        };
        Some(Self { generation, after })
    }
}

/// A change, with when, by which import, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedChange {
    /// The place right after it.
    pub position: ChangePosition,
    /// The generation that recorded it.
    pub generation: Generation,
    /// The import that did.
    pub run: RunId,
    /// When it was recorded.
    pub at: OffsetDateTime,
    /// What was, and what is.
    pub change: Changed,
    /// Intercom's own record of the deed, where there is one.
    pub cause: Option<Activity>,
    /// What the people and the team in it were called then.
    pub names: ChangeNames,
}

/// Some changes, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage {
    /// Oldest first.
    pub changes: Vec<RecordedChange>,
    /// Where the next page begins, now or when there is more.
    pub next: ChangePosition,
    /// Whether there is more now.
    pub more: bool,
    /// How many changes come after the place that was asked for, these among them; none where each would have to be looked
    /// at for that.
    pub total: Option<u64>,
}

impl Ledger {
    /// The earliest place that the history still has: the start, or where it was shortened.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn earliest(&self, workspace: &str) -> Result<ChangePosition, LedgerError> {
        let pruned = read::last_pruned(&self.database, workspace).await?;
        Ok(pruned.map_or(ChangePosition::START, |pruned| ChangePosition { generation: pruned.generation, after: None }))
    }

    /// The changes after a place, of one kind or of all.
    ///
    /// # Errors
    /// As [`Ledger::changes_that`].
    pub async fn changes(
        &self,
        workspace: &str,
        since: &ChangePosition,
        kind: Option<ChangeKind>,
        limit: usize,
    ) -> Result<ChangePage, LedgerError> {
        self.changes_that(workspace, since, &ChangeQuestion { kind, ..ChangeQuestion::default() }, limit).await
    }

    /// The changes after a place that somebody asks for. A walk from `next` to `next` with the same question skips none of
    /// them and gives none twice. A page may hold fewer than `limit` although there are more: so much is looked at for each.
    ///
    /// # Errors
    /// [`LedgerError::NoSuchPosition`] for a place that the history does not have, [`LedgerError::Pruned`] for one that
    /// it has no more; [`LedgerError::Unavailable`].
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
            Some(moment) => self.number_at(workspace, moment - time::Duration::NANOSECOND).await.map(Some),
        };
        let start = match before(question.since).await? {
            Some(number) if since.generation <= number => ChangePosition::end_of(number),
            _ => since.clone(),
        };
        let last = before(question.until).await?.unwrap_or(latest);
        if let Some(pruned) = read::last_pruned(db, workspace).await?
            && (start.generation < pruned.generation || start.generation == pruned.generation && start.after.is_some())
        {
            // The time of the generation, not of the pruning.
            let since = read::kept_since(db, workspace).await?.unwrap_or(pruned.at);
            return Err(LedgerError::Pruned { since });
        }
        if start.generation > last || start.generation == last && start.after.is_none() {
            let total = (!question.looks_at_each()).then_some(0);
            return Ok(ChangePage { changes: Vec::new(), next: start, more: false, total });
        }
        let walk = Walk {
            db,
            workspace,
            question,
            last,
            candidates: candidates(db, workspace, question, (&start, last)).await?,
            deeds: deeds_of(db, workspace, question.actor.as_ref()).await?,
        };
        let (changes, next, more) = walk.page(&start, limit).await?;
        let total = match question {
            question if question.looks_at_each() => None,
            question if question.about_somebody() => Some(count_about(db, workspace, &start, last, question).await?),
            question => Some(count_after(db, workspace, &start, last, question).await?),
        };
        Ok(ChangePage { changes: with_names(db, workspace, changes).await?, next, more, total })
    }

    /// The people who ever had an address; the case of letters does not matter.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn people_with_address(&self, workspace: &str, address: &str) -> Result<Vec<UserId>, LedgerError> {
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

/// A change, and the end of the generation before it.
pub(super) type Found = (RecordedChange, Option<OffsetDateTime>);

/// The changes of a kind in a generation, after a key.
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
            let part = (key, question.of_users(), most);
            changes_in(db, &USERS, row, part, rows::user, of_recorded_user, |change| Changed::User(Box::new(change)))
                .await?
        }
        ChangeKind::Group => {
            let part = (key, question.of_groups(), most);
            changes_in(db, &GROUPS, row, part, |row| Ok(rows::group(row)), Change::between, Changed::Group).await?
        }
        ChangeKind::Membership => {
            let part = (key, question.of_memberships(), most);
            changes_in(db, &MEMBERSHIPS, row, part, rows::membership, Change::between, Changed::Membership).await?
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

/// The change of a person that a generation recorded. It was one, although what was different may be erased since.
fn of_recorded_user(before: Option<User>, after: Option<User>) -> Option<Change<User>> {
    match (before, after) {
        (Some(before), Some(after)) if before == after => Some(Change::Updated { before, after }),
        (before, after) => Change::of_user(before, after),
    }
}

/// What ended and what began in a generation, put together by key: what comes after a key and fits, at most so many.
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
    // The first `most` of the whole are among the first `most` of each.
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
    let changes = ends.into_iter().take(most).filter_map(|(key, (before, after))| Some((key, change(before, after)?)));
    Ok(changes.map(|(key, change)| (key, wrap(change))).collect())
}

/// Finds, for each change, the entry of Intercom's log that tells of the deed: the latest about the same person or
/// team, after the generation before and by this one.
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
    let about = Condition::any().add(Column::SubjectId.is_in(users)).add(Column::TeamId.is_in(groups));
    let mut query = activity::Entity::find()
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Kind.is_in(kinds))
        .filter(about);
    // Of other entries, one that is older than the first generation on the page belongs to a generation before it.
    if let Some(since) = found.iter().map(|(_, before)| *before).min().flatten() {
        query = query.filter(Condition::any().add(Column::At.gt(since)).add(Column::Kind.is_in(REMOVALS)));
    }
    let rows = query.order_by_asc(Column::At).order_by_asc(Column::Id).limit(limits::DEEDS_ON_A_PAGE).all(db).await?;
    let mut entries = Entries { departures: departures(db, workspace, &found).await?, ..Entries::default() };
    for row in &rows {
        for (index, id) in [(&mut entries.users, &row.subject_id), (&mut entries.groups, &row.team_id)] {
            if let Some(id) = id {
                index.entry(id).or_default().push(row);
            }
        }
    }
    let causes: Vec<Option<Activity>> =
        found.iter().map(|(change, before)| entries.cause(change, *before).cloned().map(rows::activity)).collect();
    let changes = found.into_iter().zip(causes);
    Ok(changes.map(|((change, _), cause)| RecordedChange { cause, ..change }).collect())
}

/// The kinds of log entries that tell of a removal.
pub(super) const REMOVALS: [&str; 3] = ["admin_deletion", "admin_deprovisioned", "app_team_deletion"];

/// When each person left whom a generation on the page removed, by the generation and the person.
async fn departures(
    db: &DatabaseConnection,
    workspace: &str,
    found: &[Found],
) -> Result<HashMap<(Generation, String), OffsetDateTime>, LedgerError> {
    use user_versions::Column;
    let removed = || found.iter().map(|(change, _)| change).filter(|change| change.change.is_removal());
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

/// Log entries by the id of whom or what they are about, oldest first.
#[derive(Default)]
struct Entries<'a> {
    users: HashMap<&'a str, Vec<&'a activity::Model>>,
    groups: HashMap<&'a str, Vec<&'a activity::Model>>,
    /// See [`departures`].
    departures: HashMap<(Generation, String), OffsetDateTime>,
}

impl<'a> Entries<'a> {
    /// A removal can be recorded several generations after its log entry: it waits while a list may be incomplete. Then the
    /// entry is the one from which the person's `removed_at` comes. A team's deletion needs no bound: Intercom deletes an id
    /// once.
    fn cause(&self, change: &RecordedChange, before: Option<OffsetDateTime>) -> Option<&'a activity::Model> {
        let user = change.change.user().map(ToString::to_string);
        let left_at = user.clone().and_then(|user| self.departures.get(&(change.generation, user)));
        let in_time = |entry: &activity::Model| match ActivityKind::from_entry_kind(&entry.kind) {
            _ if before.is_none_or(|before| entry.at > before) => true,
            Some(ActivityKind::Departure) => left_at == Some(&entry.at),
            Some(ActivityKind::Dissolution) => true,
            _ => false,
        };
        let newest = |index: &HashMap<&'a str, Vec<&'a activity::Model>>, id: Option<String>, of_user: bool| {
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
            ChangePosition { generation: 7, after: Some((ChangeKind::Membership, "9 4423433".to_owned())) },
        ];
        for place in places {
            assert_eq!(ChangePosition::from_cursor(&place.to_cursor()), Some(place));
        }
        for text in ["", "7//", "-1//", "7/user/", "7/user/a b", "7/membership/9", "7/team/9", "7/user/a'b", "7//9"] {
            assert_eq!(
                ChangePosition::from_cursor(&URL_SAFE_NO_PAD.encode(text)),
                (text == "7//").then_some(ChangePosition { generation: 7, after: None }),
                "{text}"
            );
        }
        assert_eq!(ChangePosition::from_cursor("7//"), None);
    }
}
