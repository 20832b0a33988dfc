//! Verifies the chain of records: none is missing, and each is as it was written. Collects what the
//! records prove.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;

use super::chain::{self, RecordHead};
use super::evidence::{Kind, evidence_rows};
use super::fold::parse_folded;
use super::verification::{GenerationRecord, VerificationRun};
use super::verify_erasures::Amendments;
use super::{LedgerError, Moment};
use crate::clock::from_millis;
use crate::database::entities::evidence;
use crate::directory::Generation;
use crate::limits;
use crate::words::Words;

/// The end of the chain.
pub(super) struct Tail {
    /// The number of the last record.
    pub sequence: i64,
    pub hash: String,
    pub at: OffsetDateTime,
    /// The latest generation that the chain covers.
    pub generation: Generation,
}

/// A record that proves rows.
pub(super) struct Record {
    pub sequence: i64,
    pub digest: String,
    /// For log entries: how many there were, how many of them were pruned, and the fold of the
    /// pruned ones.
    pub count: i64,
    pub pruned_count: i64,
    pub pruned_fold: String,
    /// Whether the record was written for rows that were taken as found.
    pub as_found: bool,
}

/// A record that covers what prunings left.
pub(super) struct PrunedState {
    pub sequence: i64,
    pub digest: String,
    /// The generation that the record covers too, if its kind is `found`.
    pub generation: Option<Generation>,
}

/// The rows that the chain proves, by subject.
#[derive(Default)]
pub(super) struct Expected {
    pub runs: HashMap<String, Record>,
    pub requests: HashMap<String, Record>,
    pub closings: HashMap<String, Record>,
    pub activity: HashMap<String, Record>,
    /// The records of saltings, erasures and foldings.
    pub amendments: Amendments,
    /// When rows were last taken as found, and the number of the last record about them.
    pub found_at: Option<OffsetDateTime>,
    pub found_until: i64,
    /// The last record that covers what prunings left, if there is one.
    pub pruned_state: Option<PrunedState>,
}

impl VerificationRun<'_> {
    /// Follows the chain from its first record to its last.
    pub(super) async fn walk(
        &mut self,
        expected: &mut Expected,
    ) -> Result<Option<Tail>, LedgerError> {
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
                "evidence: record {} ({} {}) was changed",
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
                    self.found(format!(
                        "evidence: record {sequence} is a second record of {subject}"
                    ));
                }
            }
            None => {
                self.found(format!("evidence: record {sequence} has an unknown kind"));
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
            self.found(format!("evidence: record {} (folded runs) was changed", row.sequence));
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
