//! Verifies that exactly those fields were erased that records of erasures cover. A blank field
//! without a record of its erasure is reported, and so is a restated digest that no record of
//! salting covers.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use super::erase::erasure_digest;
use super::evidence::Kind;
use super::fields::SALTED;
use super::fold::folded_state;
use super::salted::Proof;
use super::salting::{restated, salting_digest};
use super::verification::{RowKey, VerificationRun};
use super::{ErasedSoFar, LedgerError};
use crate::database::entities::{erased_rows, erasures, evidence, restatements};

/// The records of saltings, erasures and foldings, by number.
#[derive(Default)]
pub(super) struct Amendments {
    pub saltings: BTreeMap<i64, (i64, String)>,
    pub erasures: BTreeMap<i64, (i64, String, OffsetDateTime)>,
    /// The digest of the last folding, and whether there is any `folded` record.
    pub folding: Option<String>,
    pub any_folded: bool,
}

impl Amendments {
    /// Adds a record. Returns false for a record of another kind.
    pub fn note(&mut self, kind: Kind, row: &evidence::Model, at: OffsetDateTime) -> bool {
        match kind {
            Kind::Salting => {
                drop(self.saltings.insert(row.sequence, (row.count, row.digest.clone())));
            }
            Kind::Erasure => {
                drop(self.erasures.insert(row.sequence, (row.count, row.digest.clone(), at)));
            }
            Kind::Folding => self.folding = Some(row.digest.clone()),
            Kind::Folded => self.any_folded = true,
            _ => return false,
        }
        true
    }
}

impl VerificationRun<'_> {
    /// Reads what was salted and erased, and compares it with the records.
    pub(super) async fn amendments(&mut self, records: Amendments) -> Result<(), LedgerError> {
        self.saltings(&records).await?;
        self.erasures(&records).await?;
        if records.any_folded || records.folding.is_some() {
            let state = folded_state(self.db, self.workspace).await?;
            if records.folding != Some(state) {
                self.found(
                    "evidence: the folded records do not match the last record of a folding"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }

    async fn saltings(&mut self, records: &Amendments) -> Result<(), LedgerError> {
        let rows =
            restatements::Entity::find().filter(restatements::Column::Workspace.eq(self.workspace));
        let mut by_record: BTreeMap<i64, Vec<(String, String, String)>> = BTreeMap::new();
        for row in rows.all(self.db).await? {
            let entry = (row.kind.clone(), row.key.clone(), row.entry.clone());
            by_record.entry(row.sequence).or_default().push(entry);
            self.amended.restated.insert((row.kind, row.key), (row.entry, row.digest));
        }
        let numbers: BTreeSet<i64> =
            by_record.keys().chain(records.saltings.keys()).copied().collect();
        for number in numbers {
            let entries = by_record.remove(&number).unwrap_or_default();
            let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
            if records.saltings.get(&number) != Some(&(count, salting_digest(entries))) {
                self.found(format!(
                    "restatements: the salted digests do not match record {number}"
                ));
            }
        }
        Ok(())
    }

    async fn erasures(&mut self, records: &Amendments) -> Result<(), LedgerError> {
        let rows =
            erased_rows::Entity::find().filter(erased_rows::Column::Workspace.eq(self.workspace));
        let mut by_record: BTreeMap<i64, Vec<(String, String, String)>> = BTreeMap::new();
        let mut count = 0;
        for row in rows.all(self.db).await? {
            count += 1;
            let fields =
                self.amended.erased.entry((row.kind.clone(), row.key.clone())).or_default();
            fields.extend(row.fields.split(' ').map(str::to_owned));
            by_record.entry(row.sequence).or_default().push((row.kind, row.key, row.fields));
        }
        let reasons =
            erasures::Entity::find().filter(erasures::Column::Workspace.eq(self.workspace));
        let reasons = reasons.all(self.db).await?.into_iter().map(|row| (row.sequence, row.reason));
        let reasons: BTreeMap<i64, String> = reasons.collect();
        let numbers: BTreeSet<i64> = by_record
            .keys()
            .chain(records.erasures.keys())
            .chain(reasons.keys())
            .copied()
            .collect();
        for number in numbers {
            let rows = by_record.remove(&number).unwrap_or_default();
            let reason = reasons.get(&number).map_or("", String::as_str);
            let (count, digest) =
                (i64::try_from(rows.len()).unwrap_or(i64::MAX), erasure_digest(reason, rows));
            if records.erasures.get(&number).map(|(count, digest, _)| (*count, digest))
                != Some((count, &digest))
            {
                self.found(format!("erased_rows: the erased rows do not match record {number}"));
            }
        }
        if let Some((.., last_at)) = records.erasures.values().next_back() {
            let erasures = records.erasures.len() as u64;
            self.verified.erased = Some(ErasedSoFar { erasures, rows: count, last_at: *last_at });
        }
        Ok(())
    }

    /// Whether a row matches its recorded digest or the restated one, and is blank only where
    /// fields were erased.
    pub(super) fn is_as_recorded(
        &self,
        kind: &str,
        key: &str,
        recorded: &str,
        digest: &str,
        proof: Option<&str>,
    ) -> bool {
        let row = (kind.to_owned(), key.to_owned());
        self.is_restated(kind, key, recorded, digest) && self.is_erased_as_recorded(&row, proof)
    }

    /// Whether the digest of a row is the recorded one, or the one that it was restated to.
    pub(super) fn is_restated(&self, kind: &str, key: &str, recorded: &str, digest: &str) -> bool {
        let row = (kind.to_owned(), key.to_owned());
        match self.amended.restated.get(&row) {
            // A recorded digest that is already salted cannot be restated.
            Some((entry, salted)) if !recorded.starts_with(SALTED) => {
                salted == digest && restated(kind, key, recorded, salted) == *entry
            }
            _ => recorded == digest,
        }
    }

    fn is_erased_as_recorded(&self, row: &RowKey, proof: Option<&str>) -> bool {
        let none = BTreeSet::new();
        let recorded = self.amended.erased.get(row).unwrap_or(&none);
        let proof = Proof::of(proof).unwrap_or_default();
        proof.erased().eq(recorded.iter().map(String::as_str))
    }
}
