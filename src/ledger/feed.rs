//! The feed of log entries: their numbers, and pages of them.
//!
//! A commit numbers its entries while it holds the row of the lease ([`lease`](super::lease)),
//! until it ends. So entries become visible in the order of their numbers, also with several
//! bridges on PostgreSQL: a reader that has seen number 12 has seen every lower one.
//!
//! The cost of a page does not grow with the number of entries: each order of the feed has an
//! index, and a page looks at no more than [`limits::ACTIVITY_SCANNED`] entries.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Statement, TransactionTrait,
};
use time::OffsetDateTime;

use super::seconds::next_whole_second;
use super::{Ledger, LedgerError, rows};
use crate::activity::{Entry, Order, People, PersonName, Position};
use crate::clock::{from_millis, to_millis};
use crate::database::entities::{activity, leases, user_versions, workspaces};
use crate::database::transaction::{patience, writing};
use crate::directory::{Activity, UserId};
use crate::limits;

/// A page of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPage {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The position after the page. Entries that did not match are before it, too.
    pub next: Position,
    /// Whether there may be more entries now.
    pub more: bool,
}

/// The answer to a question about the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedAnswer {
    /// The next entries.
    Page(FeedPage),
    /// Entries after the position were pruned. The position returned skips only those.
    Pruned(Position),
}

impl Ledger {
    /// Reads the next entries that `matches` accepts, at most `limit`. `since` is the position
    /// after which to begin; `None` begins at the start of the order. The position must be in the
    /// order. A page may be short or empty although there are more entries.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row that the bridge did not
    /// write.
    pub async fn feed(
        &self,
        workspace: &str,
        order: &Order,
        since: Option<Position>,
        limit: usize,
        matches: &(dyn Fn(&Activity) -> bool + Sync),
    ) -> Result<FeedAnswer, LedgerError> {
        let pruned = pruned_to(&self.database.connection, workspace).await?;
        let begin = since.unwrap_or_else(|| beginning(order, pruned.seq));
        let mut entries: Vec<Entry> = Vec::new();
        let mut position = begin;
        let mut scanned = 0;
        let mut bytes = 0;
        let more = loop {
            // One more than the page has room for shows whether there are more.
            let most = if scanned == 0 { limit + 1 } else { limits::ACTIVITY_CHUNK };
            let rows = self.entries_after(workspace, order, position, most).await?;
            let is_last = rows.len() < most;
            let mut rows = rows.into_iter();
            while entries.len() < limit && bytes < limits::ACTIVITY_PAGE_BYTES {
                let Some(row) = rows.next() else { break };
                scanned += 1;
                position = after(order, position, &row);
                let entry = entry(row)?;
                if matches(&entry.activity) {
                    bytes += entry.activity.metadata.size();
                    entries.push(entry);
                }
            }
            let left = rows.next().is_some();
            if entries.len() == limit || is_last || bytes >= limits::ACTIVITY_PAGE_BYTES {
                break left || !is_last;
            }
            if scanned >= limits::ACTIVITY_SCANNED {
                break true;
            }
        };
        // After the reading: what was pruned meanwhile is missing in the page.
        if let (Some(Position::Recording { seq, known_pruned }), Order::Recording) = (since, order)
        {
            let pruned = pruned_to(&self.database.connection, workspace).await?;
            if pruned.seq > seq.max(known_pruned) {
                let position = Position::Recording { seq, known_pruned: pruned.seq };
                return Ok(FeedAnswer::Pruned(position));
            }
        }
        Ok(FeedAnswer::Page(FeedPage { entries, next: position, more }))
    }

    /// The position after the newest entry.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn feed_end(&self, workspace: &str) -> Result<Position, LedgerError> {
        let seq = last_number(&self.database.connection, workspace).await?;
        Ok(Position::Recording { seq, known_pruned: 0 })
    }

    /// The position before the first entry that was recorded at or after a time, in milliseconds.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn feed_from(&self, workspace: &str, since: i64) -> Result<Position, LedgerError> {
        use activity::Column;
        // A clock may have been set back, so the entry with the earliest time need not be the
        // first.
        let first: Option<Option<i64>> = activity::Entity::find()
            .select_only()
            // Not the column alone: SQLite would then walk all earlier entries in the order of their
            // numbers, instead of the later ones in the index of their times.
            .column_as(Expr::cust("MIN(seq + 0)"), "first")
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::RecordedAt.gte(since))
            .into_tuple()
            .one(&self.database.connection)
            .await?;
        match first.flatten() {
            Some(first) => {
                let pruned = pruned_to(&self.database.connection, workspace).await?;
                Ok(Position::Recording { seq: first - 1, known_pruned: pruned.seq })
            }
            None => self.feed_end(workspace).await,
        }
    }

    /// When the first recorded entry of each kind was recorded, in milliseconds.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn kinds_seen(&self, workspace: &str) -> Result<BTreeMap<String, i64>, LedgerError> {
        #[derive(FromQueryResult)]
        struct KindRow {
            kind: String,
            first: Option<i64>,
        }
        // One step in the index for each kind, instead of reading every entry.
        let query = "WITH RECURSIVE kinds(kind) AS (
                SELECT MIN(kind) FROM activity WHERE workspace = $1
                UNION ALL
                SELECT (SELECT MIN(a.kind) FROM activity a
                    WHERE a.workspace = $1 AND a.kind > kinds.kind)
                FROM kinds WHERE kinds.kind IS NOT NULL
            )
            SELECT kinds.kind AS kind, (SELECT MIN(a.recorded_at) FROM activity a
                WHERE a.workspace = $1 AND a.kind = kinds.kind) AS first
            FROM kinds WHERE kinds.kind IS NOT NULL";
        let backend = self.database.connection.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, query, [workspace.into()]);
        let seen = KindRow::find_by_statement(statement).all(&self.database.connection).await?;
        Ok(seen.into_iter().filter_map(|seen| Some((seen.kind, seen.first?))).collect())
    }

    /// The present addresses and names of these teammates.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn people_named(
        &self,
        workspace: &str,
        ids: BTreeSet<UserId>,
    ) -> Result<People, LedgerError> {
        use user_versions::Column;
        let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
        let mut people = People::new();
        for ids in ids.chunks(limits::SQL_VALUES) {
            let query = user_versions::Entity::find()
                .select_only()
                .columns([Column::UserId, Column::Email, Column::Name])
                .filter(Column::Workspace.eq(workspace))
                .filter(Column::UserId.is_in(ids))
                .filter(Column::ToGeneration.is_null());
            let rows = query.into_tuple::<(String, Option<String>, Option<String>)>();
            for (id, email, name) in rows.all(&self.database.connection).await? {
                people.insert(UserId::new(id), PersonName { email, name });
            }
        }
        Ok(people)
    }

    /// Numbers the entries that an earlier version of the bridge recorded, in every workspace.
    pub(super) async fn number_older_entries(&self) -> Result<(), LedgerError> {
        use activity::Column;
        let query = activity::Entity::find()
            .select_only()
            .column(Column::Workspace)
            .distinct()
            .filter(Column::Seq.is_null());
        for workspace in query.into_tuple::<String>().all(&self.database.connection).await? {
            let db = self.database.connection.begin_with_options(writing()).await?;
            patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
            // Keeps an import from numbering entries meanwhile.
            leases::Entity::find_by_id(&workspace).lock_exclusive().one(&db).await?;
            number_older(&db, &workspace).await?;
            db.commit().await?;
        }
        Ok(())
    }

    /// The rows after a position, in the order.
    async fn entries_after(
        &self,
        workspace: &str,
        order: &Order,
        position: Position,
        limit: usize,
    ) -> Result<Vec<activity::Model>, LedgerError> {
        use activity::Column;
        let query = activity::Entity::find().filter(Column::Workspace.eq(workspace));
        let query = match (*order, position) {
            (Order::Recorded { to, .. }, Position::Recorded { at, seq }) => query
                .filter(later(Column::RecordedAt, Expr::value(at), seq))
                .filter(Column::RecordedAt.lt(to))
                .order_by_asc(Column::RecordedAt),
            (Order::Occurred { to, .. }, Position::Occurred { at, seq }) => {
                let at =
                    OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
                let query = query.filter(Column::Seq.is_not_null());
                let query = match to {
                    Some(to) => query.filter(Column::At.lt(next_whole_second(to))),
                    None => query,
                };
                query.filter(later(Column::At, Expr::value(at), seq)).order_by_asc(Column::At)
            }
            (
                _,
                Position::Recording { seq, .. }
                | Position::Recorded { seq, .. }
                | Position::Occurred { seq, .. },
            ) => query.filter(Column::Seq.gt(seq)),
        };
        let query = query.order_by_asc(Column::Seq).limit(limit as u64);
        Ok(query.all(&self.database.connection).await?)
    }
}

/// The rows after a time and a number, in the order of both. Comparing the pair lets the database
/// begin there in the index: many entries may have the same time.
fn later(column: activity::Column, time: Expr, seq: i64) -> Expr {
    use sea_orm::sea_query::ExprTrait as _;
    let row = Expr::tuple([Expr::col(column), Expr::col(activity::Column::Seq)]);
    row.gt(Expr::tuple([time, Expr::value(seq)]))
}

/// The position before the first entry of an order.
fn beginning(order: &Order, pruned: i64) -> Position {
    match order {
        Order::Recording => Position::Recording { seq: 0, known_pruned: pruned },
        Order::Recorded { from, .. } => Position::Recorded { at: (*from).max(0), seq: 0 },
        Order::Occurred { from, .. } => {
            let at = from.map_or(0, |from| next_whole_second(from).unix_timestamp());
            Position::Occurred { at: at.max(0), seq: 0 }
        }
    }
}

/// The position after a row.
fn after(order: &Order, before: Position, row: &activity::Model) -> Position {
    let seq = row.seq.unwrap_or_default();
    match (order, before) {
        (Order::Recording, Position::Recording { known_pruned, .. }) => {
            Position::Recording { seq, known_pruned }
        }
        (Order::Recording, _) => Position::Recording { seq, known_pruned: 0 },
        (Order::Recorded { .. }, _) => {
            Position::Recorded { at: row.recorded_at.unwrap_or_default(), seq }
        }
        (Order::Occurred { .. }, _) => Position::Occurred { at: row.at.unix_timestamp(), seq },
    }
}

/// The entry of a row.
pub(super) fn entry(row: activity::Model) -> Result<Entry, LedgerError> {
    let corrupt = || LedgerError::Corrupt { what: format!("activity {}", row.id) };
    Ok(Entry {
        seq: row.seq.ok_or_else(corrupt)?,
        recorded_at: from_millis(row.recorded_at.ok_or_else(corrupt)?),
        activity: rows::activity(row),
    })
}

/// What prunings deleted of the log of a workspace.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PrunedTo {
    /// Entries of events before this were deleted.
    pub before: Option<OffsetDateTime>,
    /// The highest number of a deleted entry; 0 if none was deleted.
    pub seq: i64,
}

/// Returns what prunings deleted of the log of a workspace.
pub(super) async fn pruned_to(
    db: &impl ConnectionTrait,
    workspace: &str,
) -> Result<PrunedTo, DbErr> {
    let row = workspaces::Entity::find_by_id(workspace).one(db).await?;
    Ok(row.map_or_else(PrunedTo::default, |row| PrunedTo {
        before: row.activity_pruned_before.map(from_millis),
        seq: row.activity_pruned_seq.unwrap_or_default(),
    }))
}

/// Stores what a pruning deleted. `seq` is the highest number among the deleted entries.
pub(super) async fn note_pruned(
    db: &DatabaseTransaction,
    workspace: &str,
    before: OffsetDateTime,
    seq: i64,
) -> Result<(), DbErr> {
    use workspaces::Column;
    let known = pruned_to(db, workspace).await?;
    let before = known.before.map_or(before, |known| known.max(before));
    let update = workspaces::Entity::update_many()
        .col_expr(Column::ActivityPrunedBefore, Expr::value(to_millis(before)))
        .col_expr(Column::ActivityPrunedSeq, Expr::value(seq.max(known.seq)))
        .filter(Column::Workspace.eq(workspace));
    update.exec(db).await?;
    Ok(())
}

/// The highest number that an entry of the workspace has or had.
pub(super) async fn last_number(db: &impl ConnectionTrait, workspace: &str) -> Result<i64, DbErr> {
    use activity::Column;
    let query = activity::Entity::find()
        .select_only()
        .column(Column::Seq)
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Seq.is_not_null())
        .order_by_desc(Column::Seq);
    let last = query.into_tuple::<Option<i64>>().one(db).await?.flatten().unwrap_or_default();
    Ok(last.max(pruned_to(db, workspace).await?.seq))
}

/// Numbers the entries that an earlier version of the bridge recorded, in the order of their runs.
/// They count as recorded when their run ended; if that is not known, when the event happened.
/// Returns the highest number.
pub(super) async fn number_older(db: &DatabaseTransaction, workspace: &str) -> Result<i64, DbErr> {
    use activity::Column;
    let last = last_number(db, workspace).await?;
    let older = activity::Entity::find()
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Seq.is_null());
    if older.one(db).await?.is_none() {
        return Ok(last);
    }
    let backend = ConnectionTrait::get_database_backend(db);
    let time = "COALESCE(i.finished_at, a.at)";
    let millis = match backend {
        DbBackend::Postgres => format!("CAST(FLOOR(EXTRACT(EPOCH FROM {time}) * 1000) AS BIGINT)"),
        _ => format!("CAST(strftime('%s', {time}) AS INTEGER) * 1000"),
    };
    let update = format!(
        "UPDATE activity SET seq = numbered.seq, recorded_at = numbered.recorded_at FROM (
            SELECT a.id AS id, $1 + ROW_NUMBER() OVER (ORDER BY a.import_id, a.at, a.id) AS seq,
                {millis} AS recorded_at
            FROM activity a LEFT JOIN imports i
                ON i.workspace = a.workspace AND i.id = a.import_id
            WHERE a.workspace = $2 AND a.seq IS NULL
        ) AS numbered
        WHERE activity.workspace = $2 AND activity.id = numbered.id AND activity.seq IS NULL"
    );
    let values = [last.into(), workspace.into()];
    db.execute_raw(Statement::from_sql_and_values(backend, update, values)).await?;
    last_number(db, workspace).await
}
