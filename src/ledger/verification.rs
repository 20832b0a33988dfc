//! A verification in progress, and its result.

use std::collections::{BTreeSet, HashMap};

use sea_orm::DatabaseTransaction;
use serde::Serialize;
use time::OffsetDateTime;

use crate::database::entities::generations;
use crate::directory::Generation;
use crate::limits;

/// The result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Generations that were checked.
    pub generations: u64,
    /// The first generation whose state is known: 1, or the one up to which the history was pruned.
    pub first: Option<Moment>,
    /// The latest generation.
    pub last: Option<Moment>,
    /// Versions of people, teams and memberships that were checked.
    pub versions: u64,
    /// Runs that have ended and are proved by a record.
    pub runs: u64,
    /// Entries of Intercom's activity log that are proved by a record.
    pub activity: u64,
    /// Requests for changes that are proved by a record, together with how they were closed.
    pub requests: u64,
    /// Records that were checked.
    pub records: u64,
    /// The part of all that which is proved only since it was taken into the chain.
    pub taken_as_found: Option<TakenAsFound>,
    /// What was erased. The other fields of those rows are still proved.
    pub erased: Option<ErasedSoFar>,
    /// When the history was last pruned.
    #[serde(with = "time::serde::rfc3339::option")]
    pub shortened_at: Option<OffsetDateTime>,
    /// The hash of the last record, which covers the whole history. An operator who notes it can
    /// tell later whether the history is still the same.
    pub head: String,
    /// The latest generation that the head covers. `None` before the first.
    pub head_generation: Option<Generation>,
    /// When the last record was written.
    #[serde(with = "time::serde::rfc3339::option")]
    pub head_at: Option<OffsetDateTime>,
    /// Whether the requested hash is that of a generation or a record. `None` if none was
    /// requested.
    pub known_head: Option<bool>,
    /// The generation that the requested hash covers (0 before the first), and when it was written.
    pub asked_head: Option<Moment>,
    /// What is wrong, at most [`limits::FINDINGS`]. Empty if nothing is.
    pub findings: Vec<LedgerFinding>,
}

/// A generation and a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// The generation.
    pub generation: Generation,
    /// The time.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// Rows from before there were records. They are proved since they were taken into the chain as
/// they were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TakenAsFound {
    /// When they were taken; the last time if there were several.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Runs.
    pub runs: u64,
    /// Log entries.
    pub activity: u64,
    /// Requests.
    pub requests: u64,
}

/// A deviation from what was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerFinding(pub String);

/// What was erased from the ledger by `ledger erase` and by `import.erase_removed_after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ErasedSoFar {
    /// How many erasures there were.
    pub erasures: u64,
    /// Rows of which fields were erased.
    pub rows: u64,
    /// When the last erasure was.
    #[serde(with = "time::serde::rfc3339")]
    pub last_at: OffsetDateTime,
}

/// The kind and the key of a row.
pub(super) type RowKey = (String, String);

/// What rows are verified against, in addition to their recorded digests.
#[derive(Default)]
pub(super) struct Amended {
    /// For older rows: the hash that ties the salted digest to the recorded one, and the salted
    /// digest.
    pub(super) restated: HashMap<RowKey, (String, String)>,
    /// The erased fields.
    pub(super) erased: HashMap<RowKey, BTreeSet<String>>,
}

/// The record of a generation in the chain of records.
pub(super) struct GenerationRecord {
    pub sequence: i64,
    pub hash: String,
    /// The hash of the record before it.
    pub previous_hash: String,
}

/// A verification in progress.
pub(super) struct VerificationRun<'a> {
    pub db: &'a DatabaseTransaction,
    pub workspace: &'a str,
    pub(super) known_head: Option<&'a str>,
    /// Up to this generation, only the versions that were still open then are kept.
    pub(super) pruned_to: Generation,
    pub(super) previous: Option<generations::Model>,
    /// The generations in the chain of records.
    pub recorded: HashMap<Generation, GenerationRecord>,
    /// What was salted and erased since it was recorded.
    pub amended: Amended,
    pub verified: Verified,
}

impl VerificationRun<'_> {
    /// Compares a hash of the chain with the requested one.
    pub(super) fn is_this_the_head(&mut self, hash: &str, moment: Moment) {
        if self.known_head != Some(hash) || self.verified.known_head == Some(true) {
            return;
        }
        self.verified.known_head = Some(true);
        self.verified.asked_head = Some(moment);
        if moment.generation < self.pruned_to {
            self.found(format!(
                "the requested hash belongs to generation {}, and the history was pruned up to \
                 generation {}: earlier states can no longer be proved",
                moment.generation, self.pruned_to
            ));
        }
    }

    /// Adds a finding.
    pub(super) fn found(&mut self, what: String) {
        if self.verified.findings.len() < limits::FINDINGS {
            self.verified.findings.push(LedgerFinding(what));
        }
    }
}
