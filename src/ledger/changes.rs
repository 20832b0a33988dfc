//! The changes of all generations, oldest first. This log is stored nowhere: it follows from the
//! versions.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use time::OffsetDateTime;

use super::addresses::spellings;
use super::count::{count_about, count_after};
use super::names::with_names;
use super::walk::{Walk, actor_activities, candidates};
use super::{ChangeQuestion, Ledger, LedgerError, generation_rows};
use crate::database::entities::user_versions;
use crate::directory::{ChangeKind, ChangePosition, RecordedChange, UserId};
use crate::limits;

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
    /// [`LedgerError::Database`].
    pub async fn earliest(&self, workspace: &str) -> Result<ChangePosition, LedgerError> {
        let pruned = generation_rows::last_pruned(&self.database.connection, workspace).await?;
        Ok(pruned.map_or(ChangePosition::START, |pruned| ChangePosition::end_of(pruned.generation)))
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
    /// [`LedgerError::Pruned`] for one whose history was pruned; [`LedgerError::Database`].
    pub async fn changes_that(
        &self,
        workspace: &str,
        since: &ChangePosition,
        question: &ChangeQuestion,
        limit: usize,
    ) -> Result<ChangePage, LedgerError> {
        let db = &self.database.connection;
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
        if let Some(pruned) = generation_rows::last_pruned(db, workspace).await?
            && (start.generation < pruned.generation
                || start.generation == pruned.generation && start.after.is_some())
        {
            // The time of that generation, not the time of the pruning.
            let since = generation_rows::generation_time(db, workspace, pruned.generation).await?;
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
            candidates: candidates(db, workspace, question, &start, last).await?,
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

    /// The people who ever had an address. Case, width and Unicode form are ignored.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn people_with_address(
        &self,
        workspace: &str,
        address: &str,
    ) -> Result<Vec<UserId>, LedgerError> {
        use user_versions::Column;
        let db = &self.database.connection;
        let spellings = spellings::<user_versions::Entity>(
            db,
            Column::Workspace,
            Column::Email,
            workspace,
            address,
        );
        let query = user_versions::Entity::find()
            .select_only()
            .column(Column::UserId)
            .distinct()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Email.is_in(spellings.await?));
        let ids: Vec<String> = query.into_tuple().all(db).await?;
        Ok(ids.into_iter().map(UserId::new).collect())
    }
}
