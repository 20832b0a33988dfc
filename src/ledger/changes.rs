//! What each generation changed, oldest first: a log that is nowhere written down, but follows from the versions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::sea_query::{Expr, ExprTrait as _, Func, Query, UnionType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
};
use time::OffsetDateTime;

use super::chain::{Deeds, Tally};
use super::entities::{activity, generations, group_versions, membership_versions, user_versions};
use super::versions::{GROUPS, MEMBERSHIPS, USERS, Version, Versions};
use super::{Ledger, LedgerError, RunId, read, rows};
use crate::directory::{Activity, Actor, Change, ChangeNames, Changed, Generation, GroupId, User, UserId};
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

/// Which changes are wanted; what is left out is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeQuestion {
    /// Of this kind.
    pub kind: Option<ChangeKind>,
    /// Of one of these people, or of a membership of theirs.
    pub people: Option<Vec<UserId>>,
    /// Of this team, or of a membership in it.
    pub team: Option<GroupId>,
    /// Done by this person, as Intercom's activity log tells.
    pub actor: Option<ActorQuestion>,
    /// With this word in [`Changed::action`].
    pub action: Option<&'static str>,
    /// Recorded at this moment or later.
    pub since: Option<OffsetDateTime>,
    /// Recorded before this moment.
    pub until: Option<OffsetDateTime>,
}

/// Somebody who did something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActorQuestion {
    /// They have one of these ids.
    pub ids: Vec<UserId>,
    /// Or had this address then; the case of letters does not matter.
    pub email: Option<String>,
}

impl ActorQuestion {
    fn is(&self, actor: &Actor) -> bool {
        let has_id = actor.id.as_ref().is_some_and(|id| self.ids.contains(id));
        let lowered = |email: &Option<String>| email.as_ref().map(|email| email.to_lowercase());
        has_id || self.email.is_some() && lowered(&self.email) == lowered(&actor.email)
    }
}

impl ChangeQuestion {
    /// The kinds of changes that can fit: a person is in no change of a team, and a team in none of a person.
    fn kinds(&self) -> impl Iterator<Item = ChangeKind> {
        let fits = |kind: &ChangeKind| match kind {
            ChangeKind::User => self.team.is_none(),
            ChangeKind::Group => self.people.is_none(),
            ChangeKind::Membership => true,
        };
        ChangeKind::ALL.into_iter().filter(|kind| self.kind.is_none_or(|wanted| wanted == *kind)).filter(fits)
    }

    /// Whether some of a generation's changes are left out before they are read.
    fn leaves_out(&self) -> bool {
        self.kind.is_some() || self.about_somebody()
    }

    /// Whether only some people's or one team's changes are wanted.
    fn about_somebody(&self) -> bool {
        self.people.is_some() || self.team.is_some()
    }

    /// Whether each change must be looked at to know whether it fits.
    fn looks_at_each(&self) -> bool {
        self.actor.is_some() || self.action.is_some()
    }

    fn fits(&self, change: &RecordedChange) -> bool {
        let done_by = |actor: &ActorQuestion| {
            let by = change.cause.as_ref().and_then(|cause| cause.performed_by.as_ref());
            by.is_some_and(|by| actor.is(by))
        };
        self.actor.as_ref().is_none_or(done_by) && self.action.is_none_or(|action| change.change.action() == action)
    }

    fn of_users(&self) -> Condition {
        use user_versions::Column::UserId;
        Condition::all().add_option(self.people.as_ref().map(|people| UserId.is_in(texts(people))))
    }

    fn of_groups(&self) -> Condition {
        use group_versions::Column::GroupId;
        Condition::all().add_option(self.team.as_ref().map(|team| GroupId.eq(team.as_str())))
    }

    fn of_memberships(&self) -> Condition {
        use membership_versions::Column::{GroupId, UserId};
        Condition::all()
            .add_option(self.people.as_ref().map(|people| UserId.is_in(texts(people))))
            .add_option(self.team.as_ref().map(|team| GroupId.eq(team.as_str())))
    }
}

fn texts(people: &[UserId]) -> Vec<&str> {
    people.iter().map(UserId::as_str).collect()
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

/// Where changes are looked for.
struct Walk<'a> {
    db: &'a DatabaseConnection,
    workspace: &'a str,
    question: &'a ChangeQuestion,
    /// The last generation of the period.
    last: Generation,
    /// The generations that can hold one, where that is known.
    candidates: Option<BTreeSet<Generation>>,
    /// When the actor did something; sorted.
    deeds: Option<Vec<OffsetDateTime>>,
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

/// A generation, and the end of the one before it.
type Numbered = (generations::Model, Option<OffsetDateTime>);

impl Walk<'_> {
    /// The changes after a place that fit, at most so many; where the next ones begin, and whether there may be more.
    async fn page(
        &self,
        start: &ChangePosition,
        limit: usize,
    ) -> Result<(Vec<RecordedChange>, ChangePosition, bool), LedgerError> {
        if !self.question.looks_at_each() {
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

    /// The same, of the changes that need not be looked at.
    async fn read(
        &self,
        start: &ChangePosition,
        limit: usize,
    ) -> Result<(Vec<Found>, ChangePosition, bool), LedgerError> {
        let mut found: Vec<Found> = Vec::new();
        let mut number = if start.after.is_some() { start.generation } else { start.generation + 1 };
        while found.len() <= limit && number <= self.last {
            let rows = self.generations_from(number).await?;
            if rows.is_empty() {
                break;
            }
            for (row, before) in rows {
                number = row.number + 1;
                self.read_generation((&row, before), start, limit, &mut found).await?;
                if found.len() > limit {
                    break;
                }
            }
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let next = match found.last() {
            Some((change, _)) if more => change.position.clone(),
            // All of it was seen: the next change is in a generation to come.
            _ => ChangePosition::end_of(self.last),
        };
        Ok((found, next, more))
    }

    async fn read_generation(
        &self,
        (row, before): (&generations::Model, Option<OffsetDateTime>),
        start: &ChangePosition,
        limit: usize,
        found: &mut Vec<Found>,
    ) -> Result<(), LedgerError> {
        let did_something = |at: &OffsetDateTime| before.is_none_or(|before| *at > before);
        if self.deeds.as_ref().is_some_and(|deeds| {
            let until = deeds.partition_point(|at| *at <= row.at + limits::CLOCK_DIFFERENCE);
            !deeds[..until].last().is_some_and(did_something)
        }) {
            return Ok(());
        }
        let tally = Tally::of(row)?;
        let place = start.after.as_ref().filter(|_| row.number == start.generation);
        for kind in self.question.kinds() {
            let room = (limit + 1).saturating_sub(found.len());
            let key = match place {
                Some((at, _)) if kind < *at => continue,
                Some((at, key)) if kind == *at => Some(key.as_str()),
                _ => None,
            };
            if room > 0 && kind.of(&tally).changed > 0 {
                found.extend(changes_of(self.db, row, before, (kind, self.question), key, room).await?);
            }
        }
        if found.len() > limit {
            return Ok(());
        }
        // The place after the last change of a generation is its end, which pruning leaves in place.
        if let Some((last, _)) =
            found.last_mut().filter(|(last, _)| !self.question.leaves_out() && last.generation == row.number)
        {
            last.position.after = None;
        }
        Ok(())
    }

    /// The next generations from a number on that can hold a change, with when the ones before them ended: the generation
    /// before tells since when a deed may have been done.
    async fn generations_from(&self, number: Generation) -> Result<Vec<Numbered>, LedgerError> {
        let (db, workspace) = (self.db, self.workspace);
        let Some(candidates) = &self.candidates else {
            let mut before = generation(db, workspace, number - 1).await?.map(|row| row.at);
            let rows = read::generations_between(db, workspace, number, self.last).await?;
            if rows.is_empty() {
                return Err(LedgerError::Corrupt { what: format!("generation {number} is missing") });
            }
            return Ok(rows.into_iter().map(|row| (before.replace(row.at), row)).map(|(at, row)| (row, at)).collect());
        };
        let most = usize::try_from(limits::GENERATIONS_AT_ONCE / 2).unwrap_or(usize::MAX);
        let wanted: Vec<Generation> = candidates.range(number..=self.last).take(most).copied().collect();
        let numbers: BTreeSet<Generation> = wanted.iter().flat_map(|number| [*number - 1, *number]).collect();
        let query = generations::Entity::find()
            .filter(generations::Column::Workspace.eq(workspace))
            .filter(generations::Column::Number.is_in(numbers));
        let rows: BTreeMap<Generation, generations::Model> =
            query.all(db).await?.into_iter().map(|row| (row.number, row)).collect();
        let row = |number: &Generation| {
            let row = rows.get(number).cloned();
            let row = row.ok_or_else(|| LedgerError::Corrupt { what: format!("generation {number} is missing") })?;
            Ok((row, rows.get(&(number - 1)).map(|before| before.at)))
        };
        wanted.iter().map(row).collect()
    }
}

/// The generations that touched whom or what is asked about, after a place and up to a generation; none where it is about
/// everybody.
async fn candidates(
    db: &DatabaseConnection,
    workspace: &str,
    question: &ChangeQuestion,
    (start, last): (&ChangePosition, Generation),
) -> Result<Option<BTreeSet<Generation>>, LedgerError> {
    async fn touching<E: EntityTrait>(
        db: &DatabaseConnection,
        versions: &Versions<E>,
        (workspace, only): (&str, Condition),
        (first, last): (Generation, Generation),
    ) -> Result<Vec<Generation>, LedgerError> {
        let mut numbers = Vec::new();
        for column in [versions.from, versions.to] {
            let query = E::find().select_only().column(column).distinct().filter(versions.workspace.eq(workspace));
            let query = query.filter(only.clone()).filter(column.between(first, last));
            numbers.extend(query.into_tuple::<Generation>().all(db).await?);
        }
        Ok(numbers)
    }
    if !question.about_somebody() {
        return Ok(None);
    }
    let span = (Ord::max(start.generation, 1), last);
    let mut numbers = BTreeSet::new();
    for kind in question.kinds() {
        numbers.extend(match kind {
            ChangeKind::User => touching(db, &USERS, (workspace, question.of_users()), span).await?,
            ChangeKind::Group => touching(db, &GROUPS, (workspace, question.of_groups()), span).await?,
            ChangeKind::Membership => touching(db, &MEMBERSHIPS, (workspace, question.of_memberships()), span).await?,
        });
    }
    Ok(Some(numbers))
}

/// When somebody did something that a change can come of; sorted.
async fn deeds_of(
    db: &DatabaseConnection,
    workspace: &str,
    actor: Option<&ActorQuestion>,
) -> Result<Option<Vec<OffsetDateTime>>, LedgerError> {
    use activity::Column;
    let Some(ActorQuestion { ids, email }) = actor else { return Ok(None) };
    let kinds = Changed::DEEDS.iter().flat_map(|(_, kinds)| kinds.iter().copied());
    let address = |email: &String| {
        let lowered = Expr::expr(Func::lower(Expr::col(Column::PerformedByEmail))).eq(email.to_lowercase());
        Condition::any().add(lowered).add(Column::PerformedByEmail.eq(email.as_str()))
    };
    let by = Condition::any().add(Column::PerformedById.is_in(texts(ids))).add_option(email.as_ref().map(address));
    let query = activity::Entity::find()
        .select_only()
        .column(Column::At)
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Kind.is_in(kinds))
        .filter(by);
    let mut times: Vec<OffsetDateTime> = query.into_tuple().all(db).await?;
    times.sort();
    Ok(Some(times))
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
    (kind, question): (ChangeKind, &ChangeQuestion),
    key: Option<&str>,
    most: usize,
) -> Result<Vec<Found>, LedgerError> {
    let changes = match kind {
        ChangeKind::User => {
            let part = (key, question.of_users(), most);
            changes_in(db, &USERS, row, part, rows::user, Change::<User>::of_user, |change| {
                Changed::User(Box::new(change))
            })
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

/// How many changes come after a place.
async fn count_after(
    db: &DatabaseConnection,
    workspace: &str,
    since: &ChangePosition,
    latest: Generation,
    question: &ChangeQuestion,
) -> Result<u64, LedgerError> {
    let kinds = || question.kinds();
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

/// How many changes of some people or of a team come after a place, up to a generation.
async fn count_about(
    db: &DatabaseConnection,
    workspace: &str,
    start: &ChangePosition,
    last: Generation,
    question: &ChangeQuestion,
) -> Result<u64, LedgerError> {
    async fn count<E>(
        db: &DatabaseConnection,
        versions: &Versions<E>,
        (workspace, only): (&str, Condition),
        (start, last): (&ChangePosition, Generation),
        kind: ChangeKind,
    ) -> Result<u64, LedgerError>
    where
        E: EntityTrait,
        E::Model: Sync,
    {
        let touched = |column: E::Column| {
            let later = Condition::all().add(column.gt(start.generation)).add(column.lte(last));
            let rest = start.after.as_ref().filter(|(at, _)| kind >= *at).map(|(at, key)| {
                let key = (kind == *at).then_some(key.as_str());
                Condition::all().add(column.eq(start.generation)).add(versions.after(key))
            });
            let query = E::find().select_only().column(column).columns(versions.key.iter().copied());
            let query = query.filter(versions.workspace.eq(workspace)).filter(only.clone());
            query.filter(Condition::any().add(later).add_option(rest)).into_query()
        };
        // One change for each generation and key that a version of began or ended.
        let mut both = touched(versions.from);
        both.union(UnionType::Distinct, touched(versions.to));
        let count = Query::select().expr(Expr::cust("COUNT(*)")).from_subquery(both, "touched").to_owned();
        let row = db.query_one(&count).await?;
        let count = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.unwrap_or(0);
        Ok(count.unsigned_abs())
    }
    let (mut all, span) = (0, (start, last));
    for kind in question.kinds() {
        all += match kind {
            ChangeKind::User => count(db, &USERS, (workspace, question.of_users()), span, kind).await?,
            ChangeKind::Group => count(db, &GROUPS, (workspace, question.of_groups()), span, kind).await?,
            ChangeKind::Membership => {
                count(db, &MEMBERSHIPS, (workspace, question.of_memberships()), span, kind).await?
            }
        };
    }
    Ok(all)
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

/// Adds what people and teams were called at the generation of each change.
async fn with_names(
    db: &DatabaseConnection,
    workspace: &str,
    mut changes: Vec<RecordedChange>,
) -> Result<Vec<RecordedChange>, LedgerError> {
    let actor = |change: &RecordedChange| change.cause.as_ref()?.performed_by.as_ref()?.id.clone();
    // A change of a person or of a team says itself what they are called.
    let members = || changes.iter().filter(|change| matches!(change.change, Changed::Membership(_)));
    let people: BTreeSet<String> = members()
        .filter_map(|change| change.change.user().map(ToString::to_string))
        .chain(changes.iter().filter_map(actor).map(|id| id.to_string()))
        .collect();
    let teams: BTreeSet<String> =
        members().filter_map(|change| change.change.group().map(ToString::to_string)).collect();
    let until = changes.last().map_or(0, |change| change.generation);
    let (people, teams) =
        (names_of_people(db, workspace, people, until).await?, names_of_teams(db, workspace, teams, until).await?);
    for change in &mut changes {
        let at = |names: &HashMap<String, Vec<Named>>, id: Option<String>| -> Option<Named> {
            let versions = names.get(id?.as_str())?;
            versions
                .iter()
                .rev()
                .find(|named| named.from <= change.generation && named.ended_by(change.generation))
                .cloned()
        };
        let actor = at(&people, actor(change).map(|id| id.to_string())).and_then(|named| named.name);
        change.names = match &change.change {
            Changed::User(user) => {
                let user = user.after().or(user.before());
                ChangeNames {
                    user: user.and_then(|user| user.name.clone()),
                    email: user.and_then(|user| user.email.clone()),
                    actor,
                    ..ChangeNames::default()
                }
            }
            Changed::Group(group) => {
                let group = group.after().or(group.before()).and_then(|group| group.name.clone());
                ChangeNames { group, actor, ..ChangeNames::default() }
            }
            Changed::Membership(_) => {
                let user = at(&people, change.change.user().map(ToString::to_string));
                let group = at(&teams, change.change.group().map(ToString::to_string)).and_then(|named| named.name);
                let (user, email) = user.map_or((None, None), |named| (named.name, named.email));
                ChangeNames { user, email, group, actor }
            }
        };
    }
    Ok(changes)
}

/// What somebody or something was called, from which generation to which.
#[derive(Clone)]
struct Named {
    from: Generation,
    to: Option<Generation>,
    name: Option<String>,
    email: Option<String>,
}

impl Named {
    /// Whether it was so still at that generation, or until it.
    fn ended_by(&self, generation: Generation) -> bool {
        self.to.is_none_or(|to| to >= generation)
    }
}

async fn names_of_people(
    db: &DatabaseConnection,
    workspace: &str,
    ids: BTreeSet<String>,
    until: Generation,
) -> Result<HashMap<String, Vec<Named>>, LedgerError> {
    use user_versions::Column;
    type Row = (String, Generation, Option<Generation>, Option<String>, Option<String>);
    let mut names: HashMap<String, Vec<Named>> = HashMap::new();
    if ids.is_empty() {
        return Ok(names);
    }
    let query = user_versions::Entity::find()
        .select_only()
        .columns([Column::UserId, Column::FromGeneration, Column::ToGeneration, Column::Name, Column::Email])
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::UserId.is_in(ids))
        .filter(Column::FromGeneration.lte(until))
        .order_by_asc(Column::FromGeneration);
    for (id, from, to, name, email) in query.into_tuple::<Row>().all(db).await? {
        names.entry(id).or_default().push(Named { from, to, name, email });
    }
    Ok(names)
}

async fn names_of_teams(
    db: &DatabaseConnection,
    workspace: &str,
    ids: BTreeSet<String>,
    until: Generation,
) -> Result<HashMap<String, Vec<Named>>, LedgerError> {
    use group_versions::Column;
    type Row = (String, Generation, Option<Generation>, Option<String>);
    let mut names: HashMap<String, Vec<Named>> = HashMap::new();
    if ids.is_empty() {
        return Ok(names);
    }
    let query = group_versions::Entity::find()
        .select_only()
        .columns([Column::GroupId, Column::FromGeneration, Column::ToGeneration, Column::Name])
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::GroupId.is_in(ids))
        .filter(Column::FromGeneration.lte(until))
        .order_by_asc(Column::FromGeneration);
    for (id, from, to, name) in query.into_tuple::<Row>().all(db).await? {
        names.entry(id).or_default().push(Named { from, to, name, email: None });
    }
    Ok(names)
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
