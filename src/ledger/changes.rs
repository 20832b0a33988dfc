//! What each generation changed, oldest first: a log that is nowhere written down, but follows from the versions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::sea_query::{Expr, Query, UnionType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
};
use time::OffsetDateTime;

use super::chain::{Deeds, Tally};
use super::entities::{activity, generations};
use super::versions::{GROUPS, MEMBERSHIPS, USERS, Version, Versions};
use super::{Ledger, LedgerError, RunId, read, rows};
use crate::directory::{Activity, Change, Changed, Generation, User};
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

    fn of(self, tally: &Tally) -> Deeds {
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
    generation: Generation,
    /// The last change before it; none for the end of the generation.
    after: Option<(ChangeKind, String)>,
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
    /// How many changes come after the place that was asked for, these among them.
    pub total: u64,
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
    /// [`LedgerError::NoSuchPosition`] for a place that the history does not have, [`LedgerError::Pruned`] for one that
    /// it has no more; [`LedgerError::Unavailable`].
    pub async fn changes(
        &self,
        workspace: &str,
        since: &ChangePosition,
        kind: Option<ChangeKind>,
        limit: usize,
    ) -> Result<ChangePage, LedgerError> {
        let db = &self.database;
        let limit = limit.min(limits::LIST_ITEMS);
        let wanted = |other: &ChangeKind| kind.is_none_or(|kind| kind == *other);
        let latest = self.generation(workspace).await?;
        if since.generation > latest {
            return Err(LedgerError::NoSuchPosition);
        }
        if let Some(pruned) = read::last_pruned(db, workspace).await?
            && (since.generation < pruned.generation || since.generation == pruned.generation && since.after.is_some())
        {
            // The time of the generation, not of the pruning.
            let since = read::kept_since(db, workspace).await?.unwrap_or(pruned.at);
            return Err(LedgerError::Pruned { since });
        }
        let mut found = Vec::new();
        let mut number = if since.after.is_some() { since.generation } else { since.generation + 1 };
        // The generation before tells since when a deed may have been done.
        let mut before = generation(db, workspace, number - 1).await?.map(|row| row.at);
        while found.len() <= limit && number <= latest {
            let rows = read::generations_between(db, workspace, number, latest).await?;
            if rows.is_empty() {
                return Err(LedgerError::Corrupt { what: format!("generation {number} is missing") });
            }
            for row in rows {
                let tally = Tally::of(&row)?;
                let place = since.after.as_ref().filter(|_| row.number == since.generation);
                for kind in ChangeKind::ALL.into_iter().filter(wanted) {
                    let room = (limit + 1).saturating_sub(found.len());
                    let key = match place {
                        Some((at, _)) if kind < *at => continue,
                        Some((at, key)) if kind == *at => Some(key.as_str()),
                        _ => None,
                    };
                    if room > 0 && kind.of(&tally).changed > 0 {
                        found.extend(changes_of(db, &row, before, kind, key, room).await?);
                    }
                }
                before = Some(row.at);
                number = row.number + 1;
                if found.len() > limit {
                    break;
                }
                // The place after the last change of a generation is its end, which pruning leaves in place.
                if let Some((last, _)) =
                    found.last_mut().filter(|(last, _)| kind.is_none() && last.generation == row.number)
                {
                    last.position.after = None;
                }
            }
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let next = match found.last() {
            Some((change, _)) if more => change.position.clone(),
            // All of it was seen: the next change is in a generation to come.
            _ => ChangePosition { generation: latest, after: None },
        };
        let total = count_after(db, workspace, since, latest, &wanted).await?;
        Ok(ChangePage { changes: with_causes(db, workspace, found).await?, next, more, total })
    }
}

async fn generation(
    db: &DatabaseConnection,
    workspace: &str,
    number: Generation,
) -> Result<Option<generations::Model>, LedgerError> {
    Ok(generations::Entity::find_by_id((workspace.to_owned(), number)).one(db).await?)
}

/// A change, and the end of the generation before it.
type Found = (RecordedChange, Option<OffsetDateTime>);

/// The changes of a kind in a generation, after a key.
async fn changes_of(
    db: &DatabaseConnection,
    row: &generations::Model,
    before: Option<OffsetDateTime>,
    kind: ChangeKind,
    key: Option<&str>,
    most: usize,
) -> Result<Vec<Found>, LedgerError> {
    let changes = match kind {
        ChangeKind::User => {
            changes_in(db, &USERS, row, key, most, rows::user, Change::<User>::of_user, |change| {
                Changed::User(Box::new(change))
            })
            .await?
        }
        ChangeKind::Group => {
            changes_in(db, &GROUPS, row, key, most, |row| Ok(rows::group(row)), Change::between, Changed::Group).await?
        }
        ChangeKind::Membership => {
            changes_in(db, &MEMBERSHIPS, row, key, most, rows::membership, Change::between, Changed::Membership).await?
        }
    };
    let recorded = |(key, change)| RecordedChange {
        position: ChangePosition { generation: row.number, after: Some((kind, key)) },
        generation: row.number,
        run: row.import_id,
        at: row.at,
        change,
        cause: None,
    };
    Ok(changes.into_iter().map(|change| (recorded(change), before)).collect())
}

/// What ended and what began in a generation, put together by key.
#[expect(clippy::too_many_arguments, reason = "three of them say what the table's rows are")]
async fn changes_in<E, T>(
    db: &DatabaseConnection,
    versions: &Versions<E>,
    generation: &generations::Model,
    key: Option<&str>,
    most: usize,
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
        let query = query.filter(versions.after(key)).limit(most as u64);
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

/// How many changes come after a place.
async fn count_after(
    db: &DatabaseConnection,
    workspace: &str,
    since: &ChangePosition,
    latest: Generation,
    wanted: &impl Fn(&ChangeKind) -> bool,
) -> Result<u64, LedgerError> {
    let kinds = || ChangeKind::ALL.into_iter().filter(wanted);
    let so_far = async |number: Generation| match generation(db, workspace, number).await? {
        None => Ok(Tally::default()),
        Some(row) => Tally::of(&row),
    };
    let (end, start) = (so_far(latest).await?, so_far(since.generation).await?);
    let mut count = kinds().map(|kind| kind.of(&end).so_far.saturating_sub(kind.of(&start).so_far)).sum();
    if let Some((at, key)) = &since.after {
        for kind in kinds().filter(|kind| kind >= at) {
            count += if kind > *at {
                kind.of(&start).changed
            } else {
                rest_of(db, workspace, since.generation, kind, key).await?
            };
        }
    }
    Ok(count)
}

/// How many changes of a kind a generation holds after a key.
async fn rest_of(
    db: &DatabaseConnection,
    workspace: &str,
    generation: Generation,
    kind: ChangeKind,
    key: &str,
) -> Result<u64, LedgerError> {
    async fn rest<E>(
        db: &DatabaseConnection,
        versions: &Versions<E>,
        workspace: &str,
        generation: Generation,
        key: &str,
    ) -> Result<u64, LedgerError>
    where
        E: EntityTrait,
        E::Model: Sync,
    {
        // One change for each key that a version of began or ended.
        let keys = |query: Select<E>| {
            let query = query.select_only().columns(versions.key.iter().copied());
            query.filter(versions.after(Some(key))).into_query()
        };
        let mut both = keys(versions.opened_by(workspace, generation));
        both.union(UnionType::Distinct, keys(versions.closed_by(workspace, generation)));
        let count = Query::select().expr(Expr::cust("COUNT(*)")).from_subquery(both, "touched").to_owned();
        let row = db.query_one(&count).await?;
        let count = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.unwrap_or(0);
        Ok(count.unsigned_abs())
    }
    match kind {
        ChangeKind::User => rest(db, &USERS, workspace, generation, key).await,
        ChangeKind::Group => rest(db, &GROUPS, workspace, generation, key).await,
        ChangeKind::Membership => rest(db, &MEMBERSHIPS, workspace, generation, key).await,
    }
}

/// Finds, for each change, the entry of Intercom's log that tells of the deed: the latest about the same person or
/// team, after the generation before and by this one.
async fn with_causes(
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
    let kinds = Changed::DEEDS.iter().flat_map(|(_, kinds)| kinds.iter().copied());
    let about = Condition::any().add(Column::SubjectId.is_in(users)).add(Column::TeamId.is_in(groups));
    let mut query = activity::Entity::find()
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Kind.is_in(kinds))
        .filter(about);
    // A deed of before the first generation on the page is one of a generation before.
    if let Some(since) = found.iter().map(|(_, before)| *before).min().flatten() {
        query = query.filter(Column::At.gt(since));
    }
    let rows = query.order_by_asc(Column::At).order_by_asc(Column::Id).limit(limits::DEEDS_ON_A_PAGE).all(db).await?;
    let mut entries = Entries::default();
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

/// Log entries by the id of whom or what they are about, oldest first.
#[derive(Default)]
struct Entries<'a> {
    users: HashMap<&'a str, Vec<&'a activity::Model>>,
    groups: HashMap<&'a str, Vec<&'a activity::Model>>,
}

impl<'a> Entries<'a> {
    fn cause(&self, change: &RecordedChange, before: Option<OffsetDateTime>) -> Option<&'a activity::Model> {
        let newest = |index: &HashMap<&'a str, Vec<&'a activity::Model>>, id: Option<String>, of_user: bool| {
            let about = index.get(id?.as_str())?;
            about.iter().rev().copied().find(|entry| {
                entry.at <= change.at + limits::CLOCK_DIFFERENCE
                    && before.is_none_or(|before| entry.at > before)
                    && change.change.is_told_by(&entry.kind, of_user)
            })
        };
        let user = newest(&self.users, change.change.user().map(ToString::to_string), true);
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
