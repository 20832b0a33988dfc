//! The history for people, who read it backwards: the newest changes and log entries first.
//!
//! Changes of one generation have the same time. They stay in the order in which clients read them.

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;

use super::count::{count_about, count_after};
use super::feed::entry;
use super::names::with_names;
use super::question::texts;
use super::seconds::next_whole_second;
use super::walk::{Walk, actor_activities, candidates};
use super::{ChangeQuestion, Ledger, LedgerError, generation_rows};
use crate::activity::{Entry, Position};
use crate::database::entities::activity;
use crate::directory::{Activity, ChangePosition, Generation, RecordedChange, UserId};
use crate::limits;

/// One page of changes, newest generation first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewestChanges {
    /// The changes.
    pub changes: Vec<RecordedChange>,
    /// Where the next page begins; `None` if there are no earlier changes.
    pub next: Option<ChangePosition>,
    /// The number of matching changes on all pages. `None` if each change would have to be read to
    /// count them.
    pub total: Option<u64>,
    /// Whether the period begins before the history, which was pruned.
    pub is_pruned: bool,
}

/// Which log entries are wanted, newest first.
#[derive(Clone, Debug, Default)]
pub struct LatestEntriesQuestion {
    /// Entries that one of these people caused, or that are about one of them.
    pub people: Option<Vec<UserId>>,
    /// Events at this moment or later.
    pub from: Option<OffsetDateTime>,
    /// Events before this moment.
    pub to: Option<OffsetDateTime>,
}

/// One page of log entries, the latest event first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatestEntries {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Where the next page begins; `None` if there are no earlier entries.
    pub next: Option<Position>,
}

impl Ledger {
    /// The changes that match a query, newest generation first. `place` is the `next` of the page
    /// before; `None` begins with the newest change. A page can hold fewer changes than `limit`
    /// although there are more, because the number of generations that are read for one page is
    /// limited.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn newest_changes(
        &self,
        workspace: &str,
        question: &ChangeQuestion,
        place: Option<ChangePosition>,
        limit: usize,
    ) -> Result<NewestChanges, LedgerError> {
        let db = &self.database.connection;
        let latest = self.generation(workspace).await?;
        let before = async |moment: Option<OffsetDateTime>| match moment {
            None => Ok(None),
            Some(moment) => {
                self.number_at(workspace, moment - time::Duration::NANOSECOND).await.map(Some)
            }
        };
        let last = Ord::min(before(question.until).await?.unwrap_or(latest), latest);
        let wanted = before(question.since).await?.unwrap_or(0);
        let pruned = generation_rows::last_pruned(db, workspace).await?;
        let pruned = pruned.map_or(0, |pruned| pruned.generation);
        let first = Ord::max(wanted, pruned);
        let start = ChangePosition::end_of(first);
        let candidates = if first < last {
            candidates(db, workspace, question, &start, last).await?
        } else {
            None
        };
        let activities = actor_activities(db, workspace, question.actor.as_ref()).await?;
        let walk = Walk { db, workspace, question, last, candidates, activities };
        let place = place.filter(|place| read_by(place) <= last);
        let place = place.or_else(|| walk.begin_of_last_before(last + 1, first));
        let mut page = back(walk, place, first, limit).await?;
        page.changes = with_names(db, workspace, page.changes).await?;
        page.is_pruned = wanted < pruned;
        page.total = match question {
            _ if first >= last => Some(0),
            question if question.checks_each_change() => None,
            question if question.names_people_or_team() => {
                Some(count_about(db, workspace, &start, last, question).await?)
            }
            question => Some(count_after(db, workspace, &start, last, question).await?),
        };
        Ok(page)
    }

    /// The log entries that match, the latest event first. `place` is the `next` of the page
    /// before. A page may be short or empty although there are earlier entries, because the number
    /// of entries that are read for one page is limited.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row that the bridge did not
    /// write.
    pub async fn latest_entries(
        &self,
        workspace: &str,
        question: &LatestEntriesQuestion,
        place: Option<Position>,
        limit: usize,
        matches: &(dyn Fn(&Activity) -> bool + Sync),
    ) -> Result<LatestEntries, LedgerError> {
        let mut page = LatestEntries { entries: Vec::new(), next: place };
        let mut scanned = 0;
        loop {
            let most = limits::ACTIVITY_CHUNK;
            let rows = self.entries_before(workspace, question, page.next, most).await?;
            let is_last = rows.len() < most;
            let mut rows = rows.into_iter();
            while page.entries.len() < limit {
                let Some(row) = rows.next() else { break };
                scanned += 1;
                let seq = row.seq.unwrap_or_default();
                page.next = Some(Position::Occurred { at: row.at.unix_timestamp(), seq });
                let entry = entry(row)?;
                if matches(&entry.activity) {
                    page.entries.push(entry);
                }
            }
            let has_rest = rows.next().is_some();
            if is_last && !has_rest {
                page.next = None;
                return Ok(page);
            }
            if page.entries.len() >= limit || scanned >= limits::ACTIVITY_SCANNED {
                return Ok(page);
            }
        }
    }

    async fn entries_before(
        &self,
        workspace: &str,
        question: &LatestEntriesQuestion,
        place: Option<Position>,
        limit: usize,
    ) -> Result<Vec<activity::Model>, LedgerError> {
        use activity::Column;
        let mut query = activity::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Seq.is_not_null());
        if let Some(people) = &question.people {
            let any = Condition::any()
                .add(Column::PerformedById.is_in(texts(people)))
                .add(Column::SubjectId.is_in(texts(people)));
            query = query.filter(any);
        }
        if let Some(from) = question.from {
            query = query.filter(Column::At.gte(next_whole_second(from)));
        }
        if let Some(to) = question.to {
            query = query.filter(Column::At.lt(next_whole_second(to)));
        }
        if let Some(Position::Occurred { at, seq }) = place {
            let at = OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            let row = Expr::tuple([Expr::col(Column::At), Expr::col(Column::Seq)]);
            query = query.filter(row.lt(Expr::tuple([Expr::value(at), Expr::value(seq)])));
        }
        let query = query.order_by_desc(Column::At).order_by_desc(Column::Seq);
        Ok(query.limit(limit as u64).all(&self.database.connection).await?)
    }
}

/// The generation that a reader at this position reads next.
fn read_by(place: &ChangePosition) -> Generation {
    if place.after.is_some() { place.generation } else { place.generation + 1 }
}

impl Walk<'_> {
    /// The beginning of the last generation before `number` and after `first` that can hold a
    /// matching change.
    fn begin_of_last_before(
        &self,
        number: Generation,
        first: Generation,
    ) -> Option<ChangePosition> {
        let found = match &self.candidates {
            Some(candidates) => candidates.range(..number).next_back().copied(),
            None => Some(number - 1),
        };
        found.filter(|found| *found > first).map(|found| ChangePosition::end_of(found - 1))
    }
}

/// Reads generation by generation, from that of `place` back to the one after `first`.
async fn back(
    mut walk: Walk<'_>,
    mut place: Option<ChangePosition>,
    first: Generation,
    limit: usize,
) -> Result<NewestChanges, LedgerError> {
    let mut changes: Vec<RecordedChange> = Vec::new();
    for _ in 0..limits::GENERATIONS_AT_ONCE {
        let Some(here) = &place else { break };
        let number = read_by(here);
        if number <= first {
            place = None;
            break;
        }
        if changes.len() >= limit {
            break;
        }
        walk.last = number;
        let (read, next, more) = walk.page(here, limit - changes.len()).await?;
        changes.extend(read);
        place = if more { Some(next) } else { walk.begin_of_last_before(number, first) };
    }
    Ok(NewestChanges { changes, next: place, ..NewestChanges::default() })
}
