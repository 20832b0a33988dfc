//! Folds old runs that changed nothing: of each day the last one stays, and the records of the
//! others are merged.
//!
//! A bridge that polls every five minutes makes 288 runs a day. A run that changed nothing has no
//! information that the next one lacks. These runs always stay: runs that a client or an operator
//! requested, runs that recorded a change, failed or have warnings, and the first and last runs,
//! which other parts of the ledger need.
//!
//! Records of folded runs that are adjacent in the chain become one record of the kind `folded`. It
//! has the hash of the last of them, and of each one the fields that its hash covers. So the chain
//! can still be verified, and a head that an operator noted is still found. Each folding adds a
//! record of the kind `folding` that covers all `folded` records, so a run that is folded away
//! later is detected.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt as _;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, TransactionTrait,
};
use serde_json::json;
use time::{Date, OffsetDateTime};

use super::evidence::{Kind, PRUNING_LOCK, Records, evidence_rows, lock};
use super::fields::Fields;
use super::seconds::a_second_after;
use super::{Ledger, LedgerError};
use crate::clock::to_millis;
use crate::database::entities::{evidence, imports};
use crate::database::transaction::{patience, writing};
use crate::directory::{Mode, RunId, RunStatus};
use crate::limits;

/// What a folding did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Runs that are no longer listed.
    pub runs: u64,
    /// Records that were merged into others.
    pub records: u64,
}

/// The digest of all `folded` records: which records each of them stands for.
pub(super) async fn folded_state(
    db: &impl ConnectionTrait,
    workspace: &str,
) -> Result<String, DbErr> {
    let folded = evidence_rows(workspace).filter(evidence::Column::Kind.eq(Kind::Folded.as_str()));
    let mut fields = Fields::named("folded");
    for row in folded.order_by_asc(evidence::Column::Sequence).all(db).await? {
        fields = fields.number("sequence", Some(row.sequence)).text("first", Some(&row.subject));
        fields = fields.number("count", Some(row.count)).text("hash", Some(&row.hash));
    }
    Ok(fields.end())
}

impl Ledger {
    /// Folds the runs that changed nothing and ended before a moment.
    ///
    /// # Errors
    /// [`LedgerError::Database`]; then nothing is folded.
    pub async fn fold_runs(
        &self,
        workspace: &str,
        before: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Folded, LedgerError> {
        // This first look takes no write lock.
        if foldable(&self.database.connection, workspace, before).await?.len()
            < limits::FOLDED_AT_LEAST
        {
            return Ok(Folded::default());
        }
        let db = self.database.connection.begin_with_options(writing()).await?;
        patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
        lock(&db, PRUNING_LOCK, workspace).await?;
        let runs = foldable(&db, workspace, before).await?;
        let mut records = Records::begin(&db, workspace, now).await?;
        let folded =
            Folded { runs: runs.len() as u64, records: fold_records(&db, workspace, &runs).await? };
        let ids: Vec<RunId> = runs.into_iter().collect();
        for ids in ids.chunks(limits::SQL_VALUES) {
            let runs =
                imports::Entity::delete_many().filter(imports::Column::Workspace.eq(workspace));
            runs.filter(imports::Column::Id.is_in(ids.iter().copied())).exec(&db).await?;
        }
        let count = i64::try_from(folded.runs).unwrap_or(i64::MAX);
        let digest = folded_state(&db, workspace).await?;
        records.add(Kind::Folding, &to_millis(before).to_string(), count, digest);
        records.write().await?;
        db.commit().await?;
        Ok(folded)
    }
}

/// The runs that ended before a moment, changed nothing and are not needed.
async fn foldable(
    db: &impl ConnectionTrait,
    workspace: &str,
    before: OffsetDateTime,
) -> Result<BTreeSet<RunId>, DbErr> {
    use imports::Column;
    let succeeded = || {
        imports::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Status.eq(RunStatus::Succeeded.as_str()))
    };
    // The first of these runs determines since when the activity log is known, the last one until
    // when. See also `prune`.
    let read = || succeeded().filter(Column::ActivityWatermark.is_not_null());
    let mut needed: Vec<RunId> = Vec::new();
    needed.extend(read().order_by_asc(Column::Id).into_tuple::<i64>().one(db).await?);
    needed.extend(read().order_by_desc(Column::Id).into_tuple::<i64>().one(db).await?);
    let newest = imports::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Workspace.eq(workspace));
    needed.extend(newest.order_by_desc(Column::Id).into_tuple::<i64>().one(db).await?);
    for mode in Mode::ALL {
        let last = succeeded().filter(Column::Mode.eq(mode.as_str())).order_by_desc(Column::Id);
        needed.extend(last.into_tuple::<i64>().one(db).await?);
    }
    // The exact comparison follows below.
    let ended = succeeded()
        .columns([Column::FinishedAt, Column::Warnings])
        .filter(Column::Generation.is_null())
        .filter(Column::RequestedBy.is_null())
        .filter(Column::Error.is_null())
        .filter(Column::AllowRemovals.eq(false))
        .filter(Column::FinishedAt.lt(a_second_after(before)))
        .filter(Column::Id.is_not_in(needed));
    let ended = ended
        .order_by_asc(Column::Id)
        .into_tuple::<(RunId, Option<OffsetDateTime>, serde_json::Value)>();
    let quiet = ended.all(db).await?.into_iter().filter(|(.., warnings)| *warnings == json!([]));
    let mut of_days: BTreeMap<Date, Vec<RunId>> = BTreeMap::new();
    for (id, at, _) in quiet {
        if let Some(at) = at.filter(|at| *at < before) {
            of_days.entry(at.date()).or_default().push(id);
        }
    }
    for runs in of_days.values_mut() {
        // The last run of the day stays.
        runs.pop();
    }
    Ok(of_days.into_values().flatten().collect())
}

/// What is kept of a folded record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoldedRecord {
    /// The run.
    pub subject: String,
    /// Milliseconds since the UNIX epoch.
    pub at: i64,
    /// The digest of the run.
    pub digest: String,
}

/// Parses the digest field of a `folded` record. Returns `None` if it is malformed.
pub(super) fn parse_folded(text: &str) -> Option<Vec<FoldedRecord>> {
    let record = |line: &str| {
        let mut parts = line.split(' ');
        let (subject, at, digest) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
        Some(FoldedRecord { subject: subject.to_owned(), at, digest: digest.to_owned() })
    };
    text.split('\n').map(record).collect()
}

fn format_folded(records: &[FoldedRecord]) -> String {
    let lines: Vec<String> = records
        .iter()
        .map(|record| format!("{} {} {}", record.subject, record.at, record.digest))
        .collect();
    lines.join("\n")
}

/// Merges each sequence of adjacent records of these runs into one. Returns by how many records the
/// chain became shorter.
async fn fold_records(
    db: &DatabaseTransaction,
    workspace: &str,
    runs: &BTreeSet<RunId>,
) -> Result<u64, DbErr> {
    use evidence::Column;
    let query = evidence_rows(workspace)
        .filter(Column::Kind.is_in([Kind::Run.as_str(), Kind::Folded.as_str()]))
        .filter(Column::Pruned.is_null())
        .order_by_asc(Column::Sequence);
    let mut rows = query.stream(db).await?;
    // The number of the last record of each sequence, and the records in it.
    let mut spans: Vec<(i64, Vec<FoldedRecord>)> = Vec::new();
    let mut gone = 0;
    while let Some(row) = rows.try_next().await? {
        let records = if row.kind == Kind::Folded.as_str() {
            parse_folded(&row.digest)
        } else {
            let folds = row.subject.parse().is_ok_and(|id| runs.contains(&id));
            folds.then(|| {
                vec![FoldedRecord {
                    subject: row.subject.clone(),
                    at: row.at,
                    digest: row.digest.clone(),
                }]
            })
        };
        let Some(records) = records else { continue };
        let first = row.sequence - i64::try_from(records.len()).unwrap_or(i64::MAX) + 1;
        match spans.last_mut() {
            Some((last, of_span)) if *last + 1 == first => {
                *last = row.sequence;
                of_span.extend(records);
                gone += 1;
            }
            _ => spans.push((row.sequence, records)),
        }
    }
    drop(rows);
    for (last, records) in spans {
        let count = i64::try_from(records.len()).unwrap_or(i64::MAX);
        let first = last - count + 1;
        let others = evidence::Entity::delete_many().filter(Column::Workspace.eq(workspace));
        others
            .filter(Column::Sequence.gte(first))
            .filter(Column::Sequence.lt(last))
            .exec(db)
            .await?;
        let update = evidence::Entity::update_many()
            .col_expr(Column::Kind, Expr::value(Kind::Folded.as_str()))
            .col_expr(Column::Subject, Expr::value(first.to_string()))
            .col_expr(Column::Count, Expr::value(count))
            .col_expr(Column::Digest, Expr::value(format_folded(&records)))
            .filter(Column::Workspace.eq(workspace));
        update.filter(Column::Sequence.eq(last)).exec(db).await?;
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_records_read_as_they_were_written() {
        let record = |subject: &str, at| FoldedRecord {
            subject: subject.to_owned(),
            at,
            digest: "abc".to_owned(),
        };
        let records = vec![record("7", 1), record("8", -2)];
        assert_eq!(parse_folded(&format_folded(&records)), Some(records));
        assert_eq!(parse_folded("7 1"), None);
        assert_eq!(parse_folded("7 x abc"), None);
    }
}
