//! Takes rows into the chain as they are found: rows from before there were records, and rows that
//! an earlier version of the bridge wrote while or after this one ran.

use std::collections::{BTreeMap, HashSet};

use futures_util::TryStreamExt as _;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, TransactionTrait,
};
use time::OffsetDateTime;

use super::evidence::{
    EntryKey, Kind, Records, UNDER_WAY, entry, evidence_rows, fold_entries, found_digest,
    pruned_state,
};
use super::{Ledger, LedgerError, chain, digests, generation_rows};
use crate::clock::Clock;
use crate::database::entities::{
    activity, evidence, evidence_due, generations, imports, lifecycle_requests,
};
use crate::database::transaction::{insert, patience, writing};
use crate::directory::Generation;
use crate::limits;
use crate::requests::RequestState;
use crate::words::Words;

impl Ledger {
    /// Takes rows that are in no record into the chain of their workspace, as they are found: rows
    /// from before there were records, and rows that an earlier version of the bridge wrote beside
    /// this one. Returns how many were taken. [`Ledger::verify`] reports how many there are.
    ///
    /// # Errors
    /// [`LedgerError::Database`]; then nothing is taken.
    pub async fn take_as_found(
        &self,
        workspace: &str,
        now: OffsetDateTime,
    ) -> Result<u64, LedgerError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
        let records = Records::begin(&db, workspace, now).await?;
        let count = take(&db, workspace, records).await?;
        evidence_due::Entity::delete_by_id(workspace).exec(&db).await?;
        db.commit().await?;
        Ok(count)
    }

    /// Calls [`Ledger::take_as_found`] at a start of the bridge, if an earlier version has written
    /// to the ledger since this one last did.
    ///
    /// # Errors
    /// [`LedgerError::Database`]; then nothing is taken.
    pub async fn take_from_earlier_versions(
        &self,
        workspace: &str,
        now: OffsetDateTime,
    ) -> Result<(), LedgerError> {
        let db = &self.database.connection;
        let counts = evidence_rows(workspace)
            .select_only()
            .column(evidence::Column::Kind)
            .filter(evidence::Column::Pruned.is_null());
        let counts = counts
            .column_as(evidence::Column::Sequence.count(), "count")
            .group_by(evidence::Column::Kind);
        let counts: BTreeMap<String, i64> =
            counts.into_tuple::<(String, i64)>().all(db).await?.into_iter().collect();
        let recorded =
            |kind: Kind| counts.get(kind.as_str()).copied().unwrap_or_default().unsigned_abs();
        let runs = imports::Entity::find().filter(imports::Column::Workspace.eq(workspace));
        let runs = runs.filter(imports::Column::Status.is_not_in(UNDER_WAY)).count(db).await?;
        let requests = lifecycle_requests::Entity::find()
            .filter(lifecycle_requests::Column::Workspace.eq(workspace));
        let closed = requests
            .clone()
            .filter(lifecycle_requests::Column::State.ne(RequestState::Open.as_str()))
            .count(db)
            .await?;
        let requests = requests.count(db).await?;
        let latest = generation_rows::latest_generation(db, workspace).await?;
        let last = latest.as_ref().map_or(0, |latest| latest.number);
        let covered =
            evidence_rows(workspace).filter(evidence::Column::Kind.eq(Kind::Found.as_str()));
        let covered = covered.order_by_desc(evidence::Column::Sequence).one(db).await?;
        let covered =
            covered.and_then(|found| found.subject.parse::<Generation>().ok()).unwrap_or_default();
        if runs > recorded(Kind::Run)
            || requests > recorded(Kind::Request)
            || closed > recorded(Kind::Closing)
            || latest.is_some_and(|latest| latest.evidence.is_none() && last > covered)
        {
            let records = self.take_as_found(workspace, now).await?;
            tracing::warn!(
                workspace,
                records,
                "an earlier version of the bridge wrote to the ledger; what it wrote is proved from now on"
            );
        }
        Ok(())
    }

    /// Calls [`Ledger::take_as_found`] for every workspace whose rows are older than the table of
    /// records.
    pub(super) async fn take_what_is_due(&self) -> Result<(), LedgerError> {
        for due in evidence_due::Entity::find().all(&self.database.connection).await? {
            let count = self.take_as_found(&due.workspace, Clock::System.now()).await?;
            tracing::info!(
                workspace = due.workspace,
                records = count,
                "what was recorded before is proved from now on"
            );
        }
        Ok(())
    }
}

/// A record to write for rows that have none.
struct FoundRecord {
    kind: Kind,
    subject: String,
    count: i64,
    digest: String,
}

/// What the chain covers already.
#[derive(Default)]
struct Covered {
    /// The kinds and subjects of the records that are not pruned.
    known: HashSet<(String, String)>,
    /// The latest generation.
    generation: Generation,
}

impl Covered {
    async fn read(db: &DatabaseTransaction, workspace: &str) -> Result<Self, LedgerError> {
        let mut covered = Self::default();
        let mut rows = evidence_rows(workspace).stream(db).await?;
        while let Some(row) = rows.try_next().await? {
            if matches!(Kind::from_word(&row.kind), Some(Kind::Found | Kind::Generation)) {
                let number = row.subject.parse().unwrap_or_default();
                covered.generation = Ord::max(covered.generation, number);
            }
            if row.pruned.is_none() {
                covered.known.insert((row.kind, row.subject));
            }
        }
        Ok(covered)
    }

    fn has(&self, kind: Kind, subject: &str) -> bool {
        self.known.contains(&(kind.as_str().to_owned(), subject.to_owned()))
    }
}

async fn take(
    db: &DatabaseTransaction,
    workspace: &str,
    mut records: Records<'_>,
) -> Result<u64, LedgerError> {
    let covered = Covered::read(db, workspace).await?;
    let mut found = runs_without_record(db, workspace, &covered).await?;
    found.extend(requests_without_record(db, workspace, &covered).await?);
    // Run numbers are never negative, so no other batch has this number.
    let batch = -records.next().0;
    let entries = take_activity(db, workspace, batch).await?;
    if !entries.is_empty() {
        let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
        let digest = fold_entries(chain::START, entries);
        found.push(FoundRecord { kind: Kind::Activity, subject: batch.to_string(), count, digest });
    }

    let latest = generation_rows::latest_generation(db, workspace).await?;
    let (number, hash) = latest
        .map_or((0, String::new()), |latest: generations::Model| (latest.number, latest.hash));
    if found.is_empty() && number <= covered.generation {
        return Ok(0);
    }
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let digest = found_digest(&hash, &pruned_state(db, workspace).await?);
    records.add(Kind::Found, &number.to_string(), count, digest);
    for record in found {
        records.add(record.kind, &record.subject, record.count, record.digest);
    }
    records.write().await?;
    Ok(count.unsigned_abs())
}

/// Returns records for the runs that ended and have none.
async fn runs_without_record(
    db: &DatabaseTransaction,
    workspace: &str,
    covered: &Covered,
) -> Result<Vec<FoundRecord>, LedgerError> {
    let mut found = Vec::new();
    let runs = imports::Entity::find().filter(imports::Column::Workspace.eq(workspace));
    let runs =
        runs.filter(imports::Column::Status.is_not_in(UNDER_WAY)).order_by_asc(imports::Column::Id);
    let mut rows = runs.stream(db).await?;
    while let Some(row) = rows.try_next().await? {
        let subject = row.id.to_string();
        if !covered.has(Kind::Run, &subject) {
            let digest = digests::of_run(&row);
            found.push(FoundRecord { kind: Kind::Run, subject, count: 1, digest });
        }
    }
    Ok(found)
}

/// Returns records for the requests that have none, and for their closings.
async fn requests_without_record(
    db: &DatabaseTransaction,
    workspace: &str,
    covered: &Covered,
) -> Result<Vec<FoundRecord>, LedgerError> {
    let mut found = Vec::new();
    let requests = lifecycle_requests::Entity::find()
        .filter(lifecycle_requests::Column::Workspace.eq(workspace));
    let mut rows = requests.order_by_asc(lifecycle_requests::Column::Id).stream(db).await?;
    while let Some(row) = rows.try_next().await? {
        let mut add = |kind, digest| {
            if !covered.has(kind, &row.reference) {
                let subject = row.reference.clone();
                found.push(FoundRecord { kind, subject, count: 1, digest });
            }
        };
        add(Kind::Request, digests::of_request(&row));
        if row.state != RequestState::Open.as_str() {
            add(Kind::Closing, digests::of_closing(&row));
        }
    }
    Ok(found)
}

/// Gives the log entries that belong to no run a batch and a digest.
async fn take_activity(
    db: &DatabaseTransaction,
    workspace: &str,
    batch: i64,
) -> Result<Vec<(EntryKey, String)>, DbErr> {
    use activity::Column;
    let known = OnConflict::columns([Column::Workspace, Column::Id])
        .update_columns([Column::ImportId, Column::Digest])
        .to_owned();
    let (mut entries, mut last) = (Vec::new(), String::new());
    loop {
        let query = activity::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::ImportId.is_null())
            .filter(Column::Id.gt(last.as_str()));
        let rows = query.order_by_asc(Column::Id).limit(1_000).all(db).await?;
        let Some(row) = rows.last() else { return Ok(entries) };
        last.clone_from(&row.id);
        let rows = rows.into_iter().map(|row| {
            let digest = digests::of_activity(&row);
            activity::Model { import_id: Some(batch), digest, ..row }
        });
        let rows: Vec<activity::Model> = rows.collect();
        entries.extend(rows.iter().map(entry));
        insert(
            db,
            rows.into_iter().map(IntoActiveModel::into_active_model).collect(),
            Some(known.clone()),
        )
        .await?;
    }
}
