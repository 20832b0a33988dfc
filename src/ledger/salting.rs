//! Adds salts to rows that an earlier version of the bridge wrote, so that personal data in them
//! can be erased and the rest can still be proved.
//!
//! The recorded digest of such a row stays, because it is part of hashes that an operator may have
//! noted. The row also gets a salted digest, against which it is verified from now on
//! (`restatements`). A record in the chain covers which recorded digest belongs to which salted
//! one. A row is restated once. A digest that is already salted cannot be restated. A row that does
//! not match its recorded digest is left alone, so that `ledger verify` reports it.

use std::collections::{BTreeSet, HashMap};

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, TransactionTrait,
};

use super::digests;
use super::evidence::{Kind, Records, UNDER_WAY, evidence_rows};
use super::fields::Fields;
use super::salted::Proof;
use super::{Ledger, LedgerError};
use crate::clock::Clock;
use crate::database::entities::{
    activity, evidence, imports, lifecycle_requests, restatements, user_versions,
};
use crate::database::transaction::{insert, patience, writing};
use crate::limits;

/// Rows per query.
const PAGE: u64 = 1_000;

/// The row kinds in `restatements` and `erased_rows`.
pub(super) const USER: &str = "user";
/// See [`USER`].
pub(super) const ACTIVITY: &str = "activity";
/// See [`USER`].
pub(super) const REQUEST: &str = "request";
/// See [`USER`].
pub(super) const CLOSING: &str = "closing";
/// See [`USER`].
pub(super) const RUN: &str = "run";

/// The key of a version of a person, in `restatements` and `erased_rows`.
pub(super) fn version_key(row: &user_versions::Model) -> String {
    format!("{} {}", row.user_id, row.from_generation)
}

/// The hash that ties a row's salted digest to its recorded one. The salted digest cannot be
/// guessed, so neither can this hash.
pub(super) fn restated(kind: &str, key: &str, recorded: &str, digest: &str) -> String {
    let fields = Fields::named("restated").text("kind", Some(kind)).text("key", Some(key));
    fields.text("recorded", Some(recorded)).text("digest", Some(digest)).end()
}

/// The digest of a salting. It covers every restatement, by kind and key.
pub(super) fn salting_digest(mut entries: Vec<(String, String, String)>) -> String {
    entries.sort_unstable();
    let fields = entries.iter().fold(Fields::named("salting"), |fields, (kind, key, entry)| {
        fields.text("kind", Some(kind)).text("key", Some(key)).text("entry", Some(entry))
    });
    fields.end()
}

impl Ledger {
    /// Adds salts to the rows of every workspace that an earlier version wrote.
    pub(super) async fn salt_older_rows(&self) -> Result<(), LedgerError> {
        for workspace in self.unsalted_workspaces().await? {
            let db = self.database.connection.begin_with_options(writing()).await?;
            patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
            let count = Box::pin(salt(&db, &workspace)).await?;
            db.commit().await?;
            if count > 0 {
                tracing::info!(
                    workspace,
                    rows = count,
                    "what earlier versions recorded can be erased from now on"
                );
            }
        }
        Ok(())
    }

    async fn unsalted_workspaces(&self) -> Result<BTreeSet<String>, LedgerError> {
        async fn unsalted<E: EntityTrait>(
            ledger: &Ledger,
            workspace: E::Column,
            proof: E::Column,
            more: Condition,
        ) -> Result<Vec<String>, DbErr> {
            let query = E::find()
                .select_only()
                .column(workspace)
                .distinct()
                .filter(proof.is_null())
                .filter(more);
            query.into_tuple().all(&ledger.database.connection).await
        }
        use {
            activity::Column as A, imports::Column as I, lifecycle_requests::Column as R,
            user_versions::Column as U,
        };
        let ended =
            Condition::all().add(I::RequestedBy.is_not_null()).add(I::Status.is_not_in(UNDER_WAY));
        let mut names =
            unsalted::<user_versions::Entity>(self, U::Workspace, U::Proof, Condition::all())
                .await?;
        names.extend(
            unsalted::<activity::Entity>(self, A::Workspace, A::Proof, Condition::all()).await?,
        );
        names.extend(
            unsalted::<lifecycle_requests::Entity>(self, R::Workspace, R::Proof, Condition::all())
                .await?,
        );
        names.extend(unsalted::<imports::Entity>(self, I::Workspace, I::Proof, ended).await?);
        Ok(names.into_iter().collect())
    }
}

/// Collects the restatements of a workspace until they are written.
struct Restating<'a> {
    db: &'a DatabaseTransaction,
    workspace: &'a str,
    sequence: i64,
    rows: Vec<restatements::ActiveModel>,
    entries: Vec<(String, String, String)>,
}

impl Restating<'_> {
    fn add(&mut self, kind: &str, key: String, recorded: &str, digest: String) {
        let entry = restated(kind, &key, recorded, &digest);
        self.entries.push((kind.to_owned(), key.clone(), entry.clone()));
        self.rows.push(restatements::ActiveModel {
            workspace: Set(self.workspace.to_owned()),
            kind: Set(kind.to_owned()),
            key: Set(key),
            sequence: Set(self.sequence),
            entry: Set(entry),
            digest: Set(digest),
        });
    }

    async fn write(&mut self) -> Result<(), DbErr> {
        insert(self.db, std::mem::take(&mut self.rows), None).await
    }
}

async fn salt(db: &DatabaseTransaction, workspace: &str) -> Result<usize, LedgerError> {
    let mut records = Records::begin(db, workspace, Clock::System.now()).await?;
    let (sequence, _) = records.next();
    let mut restating =
        Restating { db, workspace, sequence, rows: Vec::new(), entries: Vec::new() };
    salt_versions(&mut restating).await?;
    salt_activity(&mut restating).await?;
    salt_requests_and_runs(&mut restating).await?;
    let count = restating.entries.len();
    if count > 0 {
        let digest = salting_digest(restating.entries);
        records.add(Kind::Salting, workspace, i64::try_from(count).unwrap_or(i64::MAX), digest);
        records.write().await?;
    }
    Ok(count)
}

async fn salt_versions(restating: &mut Restating<'_>) -> Result<(), LedgerError> {
    use user_versions::Column;
    let (db, workspace) = (restating.db, restating.workspace);
    let proof = OnConflict::columns([Column::Workspace, Column::UserId, Column::FromGeneration])
        .update_column(Column::Proof)
        .to_owned();
    let mut last = (String::new(), 0);
    loop {
        let after = Condition::any().add(Column::UserId.gt(last.0.as_str())).add(
            Condition::all()
                .add(Column::UserId.eq(last.0.as_str()))
                .add(Column::FromGeneration.gt(last.1)),
        );
        let query = user_versions::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Proof.is_null())
            .filter(after);
        let query = query.order_by_asc(Column::UserId).order_by_asc(Column::FromGeneration);
        let rows = query.limit(PAGE).all(db).await?;
        let Some(row) = rows.last() else { return Ok(()) };
        last = (row.user_id.clone(), row.from_generation);
        let mut salted = Vec::new();
        for row in rows {
            if digests::of_user(&row).ok().as_deref() != Some(&row.digest) {
                continue;
            }
            let row = user_versions::Model { proof: Some(Proof::fresh()?), ..row };
            restating.add(USER, version_key(&row), &row.digest, digests::of_user(&row)?);
            salted.push(row.into_active_model());
        }
        insert(db, salted, Some(proof.clone())).await?;
        restating.write().await?;
    }
}

async fn salt_activity(restating: &mut Restating<'_>) -> Result<(), LedgerError> {
    use activity::Column;
    let (db, workspace) = (restating.db, restating.workspace);
    let proof = OnConflict::columns([Column::Workspace, Column::Id])
        .update_column(Column::Proof)
        .to_owned();
    let mut last = String::new();
    loop {
        let query = activity::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Proof.is_null())
            .filter(Column::Id.gt(last.as_str()));
        let rows = query.order_by_asc(Column::Id).limit(PAGE).all(db).await?;
        let Some(row) = rows.last() else { return Ok(()) };
        last.clone_from(&row.id);
        let mut salted = Vec::new();
        for row in rows {
            if row.import_id.is_none() || digests::of_activity(&row) != row.digest {
                continue;
            }
            let row = activity::Model { proof: Some(Proof::fresh()?), ..row };
            restating.add(ACTIVITY, row.id.clone(), &row.digest, digests::of_activity(&row));
            salted.push(row.into_active_model());
        }
        insert(db, salted, Some(proof.clone())).await?;
        restating.write().await?;
    }
}

/// The digests of requests and runs are in their records, not in their rows.
async fn salt_requests_and_runs(restating: &mut Restating<'_>) -> Result<(), LedgerError> {
    let (db, workspace) = (restating.db, restating.workspace);
    let kinds = [Kind::Request, Kind::Closing, Kind::Run].map(Kind::as_str);
    let rows = evidence_rows(workspace).select_only().columns([
        evidence::Column::Kind,
        evidence::Column::Subject,
        evidence::Column::Digest,
    ]);
    let rows =
        rows.filter(evidence::Column::Kind.is_in(kinds)).filter(evidence::Column::Pruned.is_null());
    let rows = rows.into_tuple::<(String, String, String)>().all(db).await?;
    let recorded: HashMap<(String, String), String> =
        rows.into_iter().map(|(kind, subject, digest)| ((kind, subject), digest)).collect();
    let recorded = |kind: &str, subject: &str| recorded.get(&(kind.to_owned(), subject.to_owned()));

    let query = lifecycle_requests::Entity::find()
        .filter(lifecycle_requests::Column::Workspace.eq(workspace))
        .filter(lifecycle_requests::Column::Proof.is_null());
    for row in query.all(db).await? {
        let (made, closed) = (recorded(REQUEST, &row.reference), recorded(CLOSING, &row.reference));
        let is_whole = made.is_some_and(|made| *made == digests::of_request(&row))
            && closed.is_none_or(|closed| *closed == digests::of_closing(&row));
        let (Some(made), true) = (made, is_whole) else { continue };
        let row = lifecycle_requests::Model { proof: Some(Proof::fresh()?), ..row };
        restating.add(REQUEST, row.reference.clone(), made, digests::of_request(&row));
        if let Some(closed) = closed {
            restating.add(CLOSING, row.reference.clone(), closed, digests::of_closing(&row));
        }
        let salted = lifecycle_requests::Entity::update_many()
            .col_expr(lifecycle_requests::Column::Proof, Expr::value(row.proof))
            .filter(lifecycle_requests::Column::Id.eq(row.id));
        salted.exec(db).await?;
    }

    let proof =
        OnConflict::column(imports::Column::Id).update_column(imports::Column::Proof).to_owned();
    let query = imports::Entity::find()
        .filter(imports::Column::Workspace.eq(workspace))
        .filter(imports::Column::Proof.is_null())
        .filter(imports::Column::RequestedBy.is_not_null())
        .filter(imports::Column::Status.is_not_in(UNDER_WAY));
    let mut salted = Vec::new();
    for row in query.all(db).await? {
        let subject = row.id.to_string();
        let Some(ended) = recorded(RUN, &subject).filter(|ended| **ended == digests::of_run(&row))
        else {
            continue;
        };
        let row = imports::Model { proof: Some(Proof::fresh()?), ..row };
        restating.add(RUN, subject, ended, digests::of_run(&row));
        salted.push(row.into_active_model());
    }
    insert(db, salted, Some(proof)).await?;
    Ok(restating.write().await?)
}
