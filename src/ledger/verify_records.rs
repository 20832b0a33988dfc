//! Verifies everything that is not a version: the chain of records is complete, and each run, log
//! entry and request matches its record.

use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use time::OffsetDateTime;

use super::evidence::{
    EntryKey, UNDER_WAY, entry, evidence_rows, fold_entries, found_digest, pruned_state,
};
use super::salting::{ACTIVITY, CLOSING, REQUEST, RUN};
use super::verification::VerificationRun;
use super::verify_chain::{Expected, PrunedState, Record, Tail};
use super::{LedgerError, TakenAsFound, digests, generation_rows};
use crate::database::entities::{activity, evidence, imports, lifecycle_requests};
use crate::limits;
use crate::requests::RequestState;

impl VerificationRun<'_> {
    /// Verifies the chain of records and everything that it proves. Returns the end of the chain.
    pub(super) async fn records(&mut self) -> Result<Option<Tail>, LedgerError> {
        let mut expected = Expected::default();
        let tail = self.walk(&mut expected).await?;
        self.check_prunings(&expected).await?;
        self.amendments(std::mem::take(&mut expected.amendments)).await?;
        let at = expected.found_at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let mut as_found = TakenAsFound { at, runs: 0, activity: 0, requests: 0 };
        as_found.runs = self.runs(expected.runs).await?;
        as_found.requests = self.requests(expected.requests, expected.closings).await?;
        as_found.activity = self.activity(expected.activity).await?;
        if as_found.runs + as_found.requests + as_found.activity > 0 {
            self.verified.taken_as_found = Some(as_found);
        }
        Ok(tail)
    }

    /// Checks that what prunings left is what the last record of it says.
    async fn check_prunings(&mut self, expected: &Expected) -> Result<(), LedgerError> {
        let state = pruned_state(self.db, self.workspace).await?;
        let wrong = match &expected.pruned_state {
            // Without such a record, nothing was ever pruned.
            None => evidence_rows(self.workspace)
                .filter(evidence::Column::Pruned.is_not_null())
                .one(self.db)
                .await?
                .is_some(),
            Some(PrunedState { digest, generation: None, .. }) => *digest != state,
            Some(PrunedState { digest, generation: Some(number), .. }) => {
                let row = generation_rows::generation(self.db, self.workspace, *number).await?;
                *digest != found_digest(&row.map_or_else(String::new, |row| row.hash), &state)
            }
        };
        if wrong {
            let since = expected.pruned_state.as_ref().map_or(0, |record| record.sequence);
            self.found(format!(
                "evidence: what was pruned does not match record {since}: more is marked as pruned, or the times at which people and teams were first seen or last changed differ"
            ));
        }
        Ok(())
    }

    /// Compares the runs with their records. Returns how many were taken as found.
    async fn runs(&mut self, mut records: HashMap<String, Record>) -> Result<u64, LedgerError> {
        let (mut as_found, mut wrong) = (0, Wrong::default());
        let mut rows = imports::Entity::find()
            .filter(imports::Column::Workspace.eq(self.workspace))
            .stream(self.db)
            .await?;
        while let Some(row) = rows.try_next().await? {
            match records.remove(&row.id.to_string()) {
                Some(record) => {
                    self.verified.runs += 1;
                    as_found += u64::from(record.as_found);
                    let (key, digest) = (row.id.to_string(), digests::of_run(&row));
                    if !self.is_as_recorded(
                        RUN,
                        &key,
                        &record.digest,
                        &digest,
                        row.proof.as_deref(),
                    ) {
                        wrong.push(format!("imports: run {} was changed", row.id));
                    }
                }
                None if UNDER_WAY.contains(&row.status.as_str()) => {}
                None => wrong.push(format!("imports: run {} is in no record", row.id)),
            }
        }
        drop(rows);
        self.report(wrong);
        self.missing("imports", "run", records);
        Ok(as_found)
    }

    /// Compares the requests and their closings with their records. Returns how many requests were
    /// taken as found.
    async fn requests(
        &mut self,
        mut made: HashMap<String, Record>,
        mut closed: HashMap<String, Record>,
    ) -> Result<u64, LedgerError> {
        use lifecycle_requests::{Column, Entity};
        let (mut as_found, mut wrong) = (0, Wrong::default());
        let mut rows =
            Entity::find().filter(Column::Workspace.eq(self.workspace)).stream(self.db).await?;
        while let Some(row) = rows.try_next().await? {
            let name = &row.reference;
            match made.remove(name) {
                Some(record) => {
                    self.verified.requests += 1;
                    as_found += u64::from(record.as_found);
                    let digest = digests::of_request(&row);
                    if !self.is_as_recorded(
                        REQUEST,
                        name,
                        &record.digest,
                        &digest,
                        row.proof.as_deref(),
                    ) {
                        wrong.push(format!("lifecycle_requests: {name} was changed"));
                    }
                }
                None => wrong.push(format!("lifecycle_requests: {name} is in no record")),
            }
            let is_open = row.state == RequestState::Open.as_str()
                && row.closed_at.is_none()
                && row.closed_by.is_none()
                && row.note.is_none();
            match closed.remove(name) {
                Some(record)
                    if self.is_restated(
                        CLOSING,
                        name,
                        &record.digest,
                        &digests::of_closing(&row),
                    ) => {}
                None if is_open => {}
                _ => wrong.push(format!(
                    "lifecycle_requests: the closing of {name} does not match its record"
                )),
            }
        }
        drop(rows);
        self.report(wrong);
        self.missing("lifecycle_requests", "request", made);
        Ok(as_found)
    }

    /// Compares the log entries with their records, batch by batch. Returns how many were taken as
    /// found.
    async fn activity(&mut self, records: HashMap<String, Record>) -> Result<u64, LedgerError> {
        use activity::{Column, Entity};
        let mut batches = Batches { records, as_found: 0, wrong: Wrong::default() };
        let mut count = 0;
        let mut batch: Option<(i64, Vec<(EntryKey, String)>)> = None;
        let rows = Entity::find()
            .filter(Column::Workspace.eq(self.workspace))
            .order_by_asc(Column::ImportId);
        let mut rows = rows.stream(self.db).await?;
        while let Some(row) = rows.try_next().await? {
            let Some(run) = row.import_id else {
                batches.wrong.push(format!("activity: entry {} is in no record", row.id));
                continue;
            };
            count += 1;
            let digest = digests::of_activity(&row);
            if !self.is_as_recorded(ACTIVITY, &row.id, &row.digest, &digest, row.proof.as_deref()) {
                batches.wrong.push(format!("activity: entry {} was changed", row.id));
            }
            match &mut batch {
                Some((of, entries)) if *of == run => entries.push(entry(&row)),
                _ => {
                    if let Some((run, entries)) = batch.replace((run, vec![entry(&row)])) {
                        batches.compare(run, entries);
                    }
                }
            }
        }
        drop(rows);
        if let Some((run, entries)) = batch {
            batches.compare(run, entries);
        }
        self.verified.activity = count;
        self.report(batches.wrong);
        self.missing_entries(batches.records);
        Ok(batches.as_found)
    }

    /// Reports the records of log entries that have entries but no rows.
    fn missing_entries(&mut self, records: HashMap<String, Record>) {
        let mut missing: Vec<Record> =
            records.into_values().filter(|record| record.pruned_count < record.count).collect();
        missing.sort_unstable_by_key(|record| record.sequence);
        for Record { sequence, count, pruned_count, .. } in missing {
            self.found(format!(
                "activity: {} entries of record {sequence} are missing",
                count.saturating_sub(pruned_count)
            ));
        }
    }

    fn report(&mut self, wrong: Wrong) {
        wrong.0.into_iter().for_each(|wrong| self.found(wrong));
    }

    fn missing(&mut self, table: &str, what: &str, records: HashMap<String, Record>) {
        let mut missing: Vec<(i64, String)> =
            records.into_iter().map(|(subject, record)| (record.sequence, subject)).collect();
        missing.sort_unstable();
        for (sequence, subject) in missing {
            self.found(format!(
                "{table}: {what} {subject}, which record {sequence} covers, is missing"
            ));
        }
    }
}

/// The comparison of log entries with their records, batch by batch.
struct Batches {
    /// The records whose batches were not met yet, by run.
    records: HashMap<String, Record>,
    /// How many entries were taken as found.
    as_found: u64,
    wrong: Wrong,
}

impl Batches {
    /// Compares the entries that a run kept with its record.
    fn compare(&mut self, run: i64, entries: Vec<(EntryKey, String)>) {
        let Some(record) = self.records.remove(&run.to_string()) else {
            let count = entries.len();
            self.wrong
                .push(format!("activity: {count} entries of {} are in no record", source(run)));
            return;
        };
        let left = record.count.saturating_sub(record.pruned_count);
        let there = entries.len();
        self.as_found += if record.as_found { there as u64 } else { 0 };
        if usize::try_from(left) != Ok(there) {
            self.wrong.push(format!(
                "activity: {left} entries of {} were recorded, and there are {there}",
                source(run)
            ));
        } else if fold_entries(&record.pruned_fold, entries) != record.digest {
            self.wrong.push(format!(
                "activity: the entries of {} do not match their record",
                source(run)
            ));
        }
    }
}

/// The first findings about a table. Further ones are dropped.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn push(&mut self, what: String) {
        if self.0.len() < limits::FINDINGS {
            self.0.push(what);
        }
    }
}

/// Names what stored a batch of log entries. A batch that was taken as found has a negative
/// number.
fn source(run: i64) -> String {
    if run < 0 { "an earlier version of the bridge".to_owned() } else { format!("run {run}") }
}
