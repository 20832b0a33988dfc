//! Verifies everything that is not a version: the chain of records is complete, and each run, log
//! entry and request matches its record.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use futures_util::TryStreamExt as _;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;

use super::chain::{self, RecordHead};
use super::evidence::{
    EntryKey, Kind, UNDER_WAY, entry, evidence_rows, fold_entries, found_digest, pruned_state,
};
use super::fold::parse_folded;
use super::salting::{ACTIVITY, CLOSING, REQUEST, RUN};
use super::verification::{Check, GenerationRecord};
use super::verify_erasures::Amendments;
use super::{LedgerError, Moment, TakenAsFound, digests, generation_rows};
use crate::clock::from_millis;
use crate::database::entities::{activity, evidence, imports, lifecycle_requests};
use crate::directory::Generation;
use crate::limits;
use crate::requests::RequestState;
use crate::words::Words;

/// The end of the chain.
pub(super) struct Tail {
    /// The number of the last record.
    sequence: i64,
    pub hash: String,
    pub at: OffsetDateTime,
    /// The latest generation that the chain covers.
    pub generation: Generation,
}

/// A record that proves rows.
struct Record {
    sequence: i64,
    digest: String,
    /// For log entries: how many there were, how many of them were pruned, and the fold of the
    /// pruned ones.
    count: i64,
    pruned_count: i64,
    pruned_fold: String,
    /// Whether the record was written for rows that were taken as found.
    as_found: bool,
}

/// A record that covers what prunings left.
struct PrunedState {
    sequence: i64,
    digest: String,
    /// The generation that the record covers too, if its kind is `found`.
    generation: Option<Generation>,
}

/// The rows that the chain proves, by subject.
#[derive(Default)]
struct Expected {
    runs: HashMap<String, Record>,
    requests: HashMap<String, Record>,
    closings: HashMap<String, Record>,
    activity: HashMap<String, Record>,
    /// The records of saltings, erasures and foldings.
    amendments: Amendments,
    /// When rows were last taken as found, and the number of the last record about them.
    found_at: Option<OffsetDateTime>,
    found_until: i64,
    /// The last record that covers what prunings left, if there is one.
    pruned_state: Option<PrunedState>,
}

impl Check<'_> {
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

    /// Follows the chain from its first record to its last.
    async fn walk(&mut self, expected: &mut Expected) -> Result<Option<Tail>, LedgerError> {
        use evidence::Column;
        let mut tail = None::<Tail>;
        loop {
            let sequence = tail.as_ref().map_or(0, |tail| tail.sequence);
            let page = evidence_rows(self.workspace)
                .filter(Column::Sequence.gt(sequence))
                .order_by_asc(Column::Sequence);
            let rows = page.limit(limits::RECORDS_AT_ONCE).all(self.db).await?;
            if rows.is_empty() {
                return Ok(tail);
            }
            for row in rows {
                tail = Some(self.follow(tail.as_ref(), row, expected));
            }
        }
    }

    /// Checks the next record of the chain and notes what it proves. Returns the new end.
    fn follow(
        &mut self,
        tail: Option<&Tail>,
        row: evidence::Model,
        expected: &mut Expected,
    ) -> Tail {
        self.verified.records += 1;
        let kind = Kind::from_word(&row.kind);
        let previous = self.hash_before(tail, &row, kind);
        if !matches!(kind, Some(Kind::Generation | Kind::Folded))
            && let Some(previous) = &previous
            && chain::record_hash(previous, &head_of(&row)) != row.hash
        {
            self.found(format!(
                "evidence: record {} ({} {}) is not as it was written",
                row.sequence, row.kind, row.subject
            ));
        }
        let before = tail.map_or(0, |tail| tail.generation);
        let at = from_millis(row.at);
        let generation = match kind {
            Some(Kind::Found | Kind::Generation) => {
                before.max(row.subject.parse().unwrap_or_default())
            }
            _ => before,
        };
        let end = Tail { sequence: row.sequence, hash: row.hash.clone(), at, generation };
        self.note_record(kind, row, previous, Moment { generation: before, at }, expected);
        self.is_this_the_head(&end.hash, Moment { generation, at });
        end
    }

    /// Returns the hash that a record continues: that of the record before it. `None` after a gap:
    /// there it is unknown, so the record cannot be checked. Reports the missing records.
    fn hash_before(
        &mut self,
        tail: Option<&Tail>,
        row: &evidence::Model,
        kind: Option<Kind>,
    ) -> Option<String> {
        let last = tail.map_or(0, |tail| tail.sequence);
        // A record that stands for others has the number of the last of them.
        let next = match kind {
            Some(Kind::Folded) if row.subject.parse() == Ok(last.saturating_add(1)) => row.sequence,
            _ => last.saturating_add(1),
        };
        for missing in next..row.sequence.min(next.saturating_add(10)) {
            self.found(format!("evidence: record {missing} is missing"));
        }
        let hash = tail.map_or(chain::START, |tail| tail.hash.as_str());
        (row.sequence == next).then(|| hash.to_owned())
    }

    /// Notes what a record proves. `moment` is its time and the latest generation before it.
    fn note_record(
        &mut self,
        kind: Option<Kind>,
        row: evidence::Model,
        previous: Option<String>,
        moment: Moment,
        expected: &mut Expected,
    ) {
        let sequence = row.sequence;
        let number = row.subject.parse().unwrap_or_default();
        match kind {
            Some(Kind::Folded) => {
                self.check_folded(&row, previous.as_deref(), moment);
                expected.amendments.note(Kind::Folded, &row, moment.at);
            }
            Some(Kind::Generation) => {
                let previous_hash = previous.unwrap_or_default();
                let record = GenerationRecord { sequence, hash: row.hash, previous_hash };
                self.recorded.insert(number, record);
            }
            Some(Kind::Found) => {
                expected.found_until = sequence.saturating_add(row.count);
                expected.found_at = Some(moment.at);
                let generation = Some(number);
                expected.pruned_state =
                    Some(PrunedState { sequence, digest: row.digest, generation });
            }
            Some(Kind::Pruning) => {
                self.verified.shortened_at = Some(moment.at);
                expected.pruned_state =
                    Some(PrunedState { sequence, digest: row.digest, generation: None });
            }
            Some(kind) if expected.amendments.note(kind, &row, moment.at) => {}
            Some(kind) => {
                let subject = format!("{} {}", row.kind, row.subject);
                let as_found = sequence <= expected.found_until;
                if !expected.add(kind, row, as_found) {
                    self.found(format!("evidence: record {sequence} tells of {subject} once more"));
                }
            }
            None => {
                self.found(format!("evidence: record {sequence} is of no kind that there is"));
            }
        }
    }

    /// Checks that the records for which one record stands lead from the hash before them to its
    /// own hash.
    fn check_folded(&mut self, row: &evidence::Model, previous: Option<&str>, moment: Moment) {
        let records = parse_folded(&row.digest).unwrap_or_default();
        let first = row
            .sequence
            .saturating_sub(i64::try_from(records.len()).unwrap_or(i64::MAX))
            .saturating_add(1);
        let mut hash = previous.unwrap_or_default().to_owned();
        for (record, sequence) in records.iter().zip(first..) {
            let head = RecordHead {
                workspace: self.workspace,
                sequence,
                kind: Kind::Run.as_str(),
                subject: &record.subject,
                count: 1,
                at: record.at,
                digest: &record.digest,
            };
            hash = chain::record_hash(&hash, &head);
            self.is_this_the_head(&hash, Moment { at: from_millis(record.at), ..moment });
        }
        let is_whole =
            row.subject.parse() == Ok(first) && i64::try_from(records.len()) == Ok(row.count);
        // The hash before the first record after a gap is unknown, so that record cannot be
        // checked.
        if previous.is_some() && (hash != row.hash || !is_whole) {
            self.found(format!(
                "evidence: record {} (folded runs) is not as it was written",
                row.sequence
            ));
        }
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
                "evidence: what was pruned is not what record {since} says: more is marked as pruned, or when people and teams were first seen or last changed"
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
                    "lifecycle_requests: whether and how {name} was closed is not what was recorded"
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
                "{table}: {what} {subject}, which record {sequence} tells of, is missing"
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
                .push(format!("activity: {count} entries of {} are in no record", kept_by(run)));
            return;
        };
        let left = record.count.saturating_sub(record.pruned_count);
        let there = entries.len();
        self.as_found += if record.as_found { there as u64 } else { 0 };
        if usize::try_from(left) != Ok(there) {
            self.wrong.push(format!(
                "activity: {left} entries were kept by {}, and there are {there}",
                kept_by(run)
            ));
        } else if fold_entries(&record.pruned_fold, entries) != record.digest {
            self.wrong.push(format!(
                "activity: the entries of {} are not those that it kept",
                kept_by(run)
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

impl Expected {
    /// Adds a record. Returns false if there is one of the same subject already: only the first can
    /// be trusted.
    fn add(&mut self, kind: Kind, row: evidence::Model, as_found: bool) -> bool {
        let by_subject = match kind {
            Kind::Run => &mut self.runs,
            Kind::Request => &mut self.requests,
            Kind::Closing => &mut self.closings,
            Kind::Activity => &mut self.activity,
            _ => return true,
        };
        if kind != Kind::Activity && row.pruned_count > 0 {
            return true;
        }
        let record = Record {
            sequence: row.sequence,
            digest: row.digest,
            count: row.count,
            pruned_count: row.pruned_count,
            pruned_fold: row.pruned_fold,
            as_found,
        };
        match by_subject.entry(row.subject) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(record);
                true
            }
        }
    }
}

fn head_of(row: &evidence::Model) -> RecordHead<'_> {
    RecordHead {
        workspace: &row.workspace,
        sequence: row.sequence,
        kind: &row.kind,
        subject: &row.subject,
        count: row.count,
        at: row.at,
        digest: &row.digest,
    }
}

/// Names what stored a batch of log entries.
fn kept_by(run: i64) -> String {
    if run < 0 { "the time before there were records".to_owned() } else { format!("run {run}") }
}
