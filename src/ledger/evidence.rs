//! The chain of records: it proves runs, log entries, requests and prunings, and their order.
//!
//! Each workspace has one chain. A record has a number, a kind, a subject, the digest of what it
//! proves, and a hash that covers all of that and the hash of the record before it. No record is
//! ever lost from the chain: if something is pruned, its record stays and refers to the pruning;
//! and a `folded` record contains the records for which it stands. A generation is a record too,
//! with its own hash. So the hash of the last record (the *head*) covers the whole history.
//!
//! ```text
//! found       rows were taken as found, and the next `count` records prove them; subject: the
//!             latest generation
//! activity    the log entries that a run stored; subject: the run
//! run         a run that ended; subject: its number
//! request     a request, as it was made; subject: its reference
//! closing     how a request was closed; subject: its reference
//! generation  a generation; subject: its number
//! pruning     a pruning; subject: the moment before which the deleted rows had ended, in
//!             milliseconds
//! salting     the salted digests of older rows; subject: the workspace
//! erasure     the erased fields of rows; subject: the ids of the people
//! folding     a folding of runs; subject: the moment before which they had ended, in milliseconds
//! folded      stands for adjacent records of folded runs; subject: the number of the first
//! ```
//!
//! Writers wait for each other. A transaction takes the lock of the chain after everything else,
//! and holds it until its end. On SQLite, the lock is the one that every writing transaction has.

use std::collections::{BTreeMap, HashSet};

use aws_lc_rs::digest::{SHA256, digest as sha256};
use futures_util::TryStreamExt as _;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, QueryFilter, QueryOrder, StreamTrait,
};
use time::OffsetDateTime;

use super::chain::{self, RecordHead};
use super::digests;
use super::fields::Fields;
use super::salted::Proof;
use crate::clock::to_millis;
use crate::database::entities::{
    activity, evidence, imports, lifecycle_requests, pruned_stamps, prunings,
};
use crate::database::transaction::insert;
use crate::directory::{Generation, RunId, RunStatus};
use crate::limits;
use crate::words::{Words, words};

words! {
    /// The kind of a record.
    pub(crate) enum Kind {
        Found = "found",
        Activity = "activity",
        Run = "run",
        Request = "request",
        Closing = "closing",
        Generation = "generation",
        Pruning = "pruning",
        Salting = "salting",
        Erasure = "erasure",
        Folding = "folding",
        Folded = "folded",
    }
}

/// The states of runs that have not ended, and so have no record yet.
pub(crate) const UNDER_WAY: [&str; 2] = [RunStatus::Queued.as_str(), RunStatus::Running.as_str()];

/// The sort key of log entries in a batch: the time, then the id.
pub(crate) type EntryKey = (i128, String);

/// The key and the digest of a log entry.
pub(crate) fn entry(row: &activity::Model) -> (EntryKey, String) {
    ((row.at.unix_timestamp_nanos(), row.id.clone()), row.digest.clone())
}

/// Adds the digests of log entries, oldest first, to a fold.
pub(crate) fn fold_entries(so_far: &str, mut entries: Vec<(EntryKey, String)>) -> String {
    entries.sort_unstable();
    entries.iter().fold(so_far.to_owned(), |so_far, (_, digest)| chain::fold(&so_far, digest))
}

/// Appends records to the chain of a workspace, at the end of a transaction.
pub(crate) struct Records<'a> {
    db: &'a DatabaseTransaction,
    workspace: &'a str,
    at: i64,
    /// The number of the last record so far.
    sequence: i64,
    hash: String,
    rows: Vec<evidence::ActiveModel>,
}

impl<'a> Records<'a> {
    /// Takes the lock of the chain and reads its last record.
    pub async fn begin(
        db: &'a DatabaseTransaction,
        workspace: &'a str,
        at: OffsetDateTime,
    ) -> Result<Self, DbErr> {
        lock(db, CHAIN_LOCK, workspace).await?;
        let last = evidence::Entity::find().filter(evidence::Column::Workspace.eq(workspace));
        let last = last.order_by_desc(evidence::Column::Sequence).one(db).await?;
        let (sequence, hash) =
            last.map_or_else(|| (0, chain::START.to_owned()), |last| (last.sequence, last.hash));
        Ok(Self { db, workspace, at: to_millis(at), sequence, hash, rows: Vec::new() })
    }

    /// The number of the next record, and the hash of the one before it.
    pub fn next(&self) -> (i64, &str) {
        (self.sequence + 1, &self.hash)
    }

    /// Appends a record.
    pub fn add(&mut self, kind: Kind, subject: &str, count: i64, digest: String) {
        let head = RecordHead {
            workspace: self.workspace,
            sequence: self.sequence + 1,
            kind: kind.as_str(),
            subject,
            count,
            at: self.at,
            digest: &digest,
        };
        let hash = chain::record_hash(&self.hash, &head);
        self.push(kind, subject, count, self.at, digest, hash);
    }

    /// Appends the record of a generation, which has the generation's hash.
    pub fn add_generation(&mut self, number: Generation, at: OffsetDateTime, hash: &str) {
        self.push(
            Kind::Generation,
            &number.to_string(),
            1,
            to_millis(at),
            String::new(),
            hash.to_owned(),
        );
    }

    /// Appends a record for the log entries that a run stored, if there are any.
    pub fn add_activity(&mut self, run: RunId, entries: Vec<(EntryKey, String)>) {
        if !entries.is_empty() {
            let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
            self.add(Kind::Activity, &run.to_string(), count, fold_entries(chain::START, entries));
        }
    }

    /// Appends a record for each of these runs, as it is in the database now. Adds a salt to runs
    /// that name a person.
    pub async fn add_runs(&mut self, ids: &[RunId]) -> Result<(), DbErr> {
        for ids in ids.chunks(limits::SQL_VALUES) {
            let query =
                imports::Entity::find().filter(imports::Column::Id.is_in(ids.iter().copied()));
            for mut row in query.order_by_asc(imports::Column::Id).all(self.db).await? {
                if row.requested_by.is_some() && row.proof.is_none() {
                    row.proof = Some(Proof::fresh()?);
                    let salted = imports::Entity::update_many()
                        .col_expr(imports::Column::Proof, Expr::value(row.proof.clone()))
                        .filter(imports::Column::Id.eq(row.id));
                    salted.exec(self.db).await?;
                }
                self.add(Kind::Run, &row.id.to_string(), 1, digests::of_run(&row));
            }
        }
        Ok(())
    }

    fn push(
        &mut self,
        kind: Kind,
        subject: &str,
        count: i64,
        at: i64,
        digest: String,
        hash: String,
    ) {
        self.sequence += 1;
        self.hash.clone_from(&hash);
        self.rows.push(evidence::ActiveModel {
            workspace: Set(self.workspace.to_owned()),
            sequence: Set(self.sequence),
            kind: Set(kind.as_str().to_owned()),
            subject: Set(subject.to_owned()),
            count: Set(count),
            digest: Set(digest),
            hash: Set(hash),
            at: Set(at),
            pruned: Set(None),
            pruned_count: Set(0),
            pruned_fold: Set(String::new()),
        });
    }

    /// Writes the appended records.
    pub async fn write(self) -> Result<(), DbErr> {
        insert(self.db, self.rows, None).await
    }
}

/// Appends records for runs that have just ended.
pub(crate) async fn record_runs(
    db: &DatabaseTransaction,
    workspace: &str,
    runs: &[RunId],
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    if runs.is_empty() {
        return Ok(());
    }
    let mut records = Records::begin(db, workspace, now).await?;
    records.add_runs(runs).await?;
    records.write().await
}

/// Appends a record for a request that was just made or just closed, depending on `kind`.
pub(crate) async fn record_request(
    db: &DatabaseTransaction,
    kind: Kind,
    workspace: &str,
    reference: &str,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    use lifecycle_requests::Column;
    let query = lifecycle_requests::Entity::find().filter(Column::Workspace.eq(workspace));
    if let Some(row) = query.filter(Column::Reference.eq(reference)).one(db).await? {
        let digest = if kind == Kind::Closing {
            digests::of_closing(&row)
        } else {
            digests::of_request(&row)
        };
        let mut records = Records::begin(db, workspace, now).await?;
        records.add(kind, reference, 1, digest);
        records.write().await?;
    }
    Ok(())
}

/// The classes of the locks. (PostgreSQL keeps locks with two keys apart from those with one key,
/// such as that of the audit trail.)
const CHAIN_LOCK: i32 = 0x6c_6564;
/// See [`CHAIN_LOCK`]. Prunings, foldings and erasures wait for each other.
pub(crate) const PRUNING_LOCK: i32 = 0x70_7275;
/// See [`CHAIN_LOCK`]. Equal requests that are made at the same time become one.
pub(crate) const REQUEST_LOCK: i32 = 0x72_6571;

/// Takes a lock of a workspace until the end of the transaction. SQLite has only one writer anyway.
pub(crate) async fn lock(
    db: &DatabaseTransaction,
    class: i32,
    workspace: &str,
) -> Result<(), DbErr> {
    if ConnectionTrait::get_database_backend(db) == DbBackend::Postgres {
        let hash = sha256(&SHA256, workspace.as_bytes());
        let [a, b, c, d, ..] = *hash.as_ref() else { return Ok(()) };
        let key = i32::from_be_bytes([a, b, c, d]);
        db.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({class}, {key})")).await?;
    }
    Ok(())
}

/// What a pruning deleted from a workspace.
#[derive(Default)]
pub(crate) struct TakenOut {
    pub runs: HashSet<String>,
    pub requests: HashSet<String>,
    /// The keys and digests of log entries, by the run that stored them.
    pub activity: BTreeMap<i64, Vec<(EntryKey, String)>>,
}

/// Records a pruning. The records of what was deleted stay, with a mark. For log entries, the fold
/// of the deleted ones is stored, so that the remaining ones can still be proved.
pub(crate) async fn record_pruning(
    db: &DatabaseTransaction,
    workspace: &str,
    mut taken: TakenOut,
    before: OffsetDateTime,
    count: u64,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    use evidence::Column;
    let mut records = Records::begin(db, workspace, now).await?;
    let (number, _) = records.next();
    let (mut whole, mut partly) = (Vec::new(), Vec::new());
    let mut rows = evidence_rows(workspace)
        .filter(Expr::col(Column::PrunedCount).lt(Expr::col(Column::Count)))
        .stream(db)
        .await?;
    while let Some(row) = rows.try_next().await? {
        match Kind::from_word(&row.kind) {
            Some(Kind::Run) if taken.runs.contains(&row.subject) => whole.push(row.sequence),
            Some(Kind::Request | Kind::Closing) if taken.requests.contains(&row.subject) => {
                whole.push(row.sequence);
            }
            Some(Kind::Activity) => {
                let run = row.subject.parse().unwrap_or_default();
                if let Some(gone) = taken.activity.remove(&run) {
                    let count = row.pruned_count + i64::try_from(gone.len()).unwrap_or(i64::MAX);
                    if count < row.count {
                        partly.push((row.sequence, count, fold_entries(&row.pruned_fold, gone)));
                    } else {
                        whole.push(row.sequence);
                    }
                }
            }
            _ => {}
        }
    }
    drop(rows);
    for sequences in whole.chunks(limits::SQL_VALUES) {
        let update = evidence::Entity::update_many()
            .col_expr(Column::Pruned, Expr::value(number))
            .col_expr(Column::PrunedCount, Expr::col(Column::Count))
            .col_expr(Column::PrunedFold, Expr::col(Column::Digest))
            .filter(Column::Workspace.eq(workspace));
        update.filter(Column::Sequence.is_in(sequences.iter().copied())).exec(db).await?;
    }
    for (sequence, count, fold) in partly {
        let update = evidence::Entity::update_many()
            .col_expr(Column::Pruned, Expr::value(number))
            .col_expr(Column::PrunedCount, Expr::value(count))
            .col_expr(Column::PrunedFold, Expr::value(fold))
            .filter(Column::Workspace.eq(workspace));
        update.filter(Column::Sequence.eq(sequence)).exec(db).await?;
    }
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let digest = pruned_state(db, workspace).await?;
    records.add(Kind::Pruning, &to_millis(before).to_string(), count, digest);
    records.write().await
}

/// The digest of everything that prunings left: up to which generation the history was pruned, when
/// people and teams were first seen and last changed, and which records have nothing left to prove.
pub(crate) async fn pruned_state(
    db: &(impl ConnectionTrait + StreamTrait),
    workspace: &str,
) -> Result<String, DbErr> {
    let mut fields = Fields::named("pruned");
    let shortened = prunings::Entity::find().filter(prunings::Column::Workspace.eq(workspace));
    for row in shortened.order_by_asc(prunings::Column::Generation).all(db).await? {
        fields = fields.number("generation", Some(row.generation)).text("hash", Some(&row.hash));
        fields = fields.number("at", Some(to_millis(row.at)));
    }
    let stamps =
        pruned_stamps::Entity::find().filter(pruned_stamps::Column::Workspace.eq(workspace));
    let mut stamps = stamps.all(db).await?;
    stamps.sort_unstable_by(|a, b| (&a.kind, &a.id).cmp(&(&b.kind, &b.id)));
    for row in stamps {
        fields = fields.text("kind", Some(&row.kind)).text("id", Some(&row.id));
        fields = fields
            .number("first", Some(row.first_generation))
            .number("last", Some(row.last_generation));
    }
    let pruned = evidence_rows(workspace).filter(evidence::Column::Pruned.is_not_null());
    let mut rows = pruned.order_by_asc(evidence::Column::Sequence).stream(db).await?;
    while let Some(row) = rows.try_next().await? {
        fields = fields.number("sequence", Some(row.sequence)).number("pruned", row.pruned);
        fields =
            fields.number("count", Some(row.pruned_count)).text("fold", Some(&row.pruned_fold));
    }
    Ok(fields.end())
}

/// The digest of a `found` record: it covers the latest generation, and what prunings had left.
pub(crate) fn found_digest(generation_hash: &str, pruned_state: &str) -> String {
    Fields::named("found")
        .text("generation", Some(generation_hash))
        .text("pruned", Some(pruned_state))
        .end()
}

/// The records of a workspace.
pub(crate) fn evidence_rows(workspace: &str) -> sea_orm::Select<evidence::Entity> {
    evidence::Entity::find().filter(evidence::Column::Workspace.eq(workspace))
}
