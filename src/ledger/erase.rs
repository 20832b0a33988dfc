//! Erases a person's personal data from the ledger, permanently. The ids stay, and with them who
//! had which access when. Salted digests ([`salted`](super::salted)) still prove the rest.
//!
//! Each erasure has its own record in the chain, which covers the erased fields of every row.
//! [`Ledger::verify`] reports a blank field that no such record covers.

use std::collections::{BTreeSet, HashSet};

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, TransactionTrait,
};
use serde::Serialize;
use time::OffsetDateTime;

use super::erase_reviews::erase_from_reviews;
use super::erased_fields::{erase_entry, erase_request, erase_run, erase_version};
use super::evidence::{self, Kind, Records};
use super::fields::Fields;
use super::people::{self, activity_page, versions_of};
use super::person::is_session_kind;
use super::salted::{ERASED, REQUESTED_BY};
use super::salting::{ACTIVITY, REQUEST, RUN, USER, version_key};
use super::{KnownPerson, Ledger, LedgerError};
use crate::clock::to_millis;
use crate::database::entities::{
    activity, audit, enterprise_stamps, erased_people, erased_rows, erasures, imports, leases,
    lifecycle_requests, tokens, user_versions, volatile,
};
use crate::database::transaction::{insert, patience, writing};
use crate::database::{AuditEntry, record_events};
use crate::directory::{Activity, Actor, Change, Metadata, Plan, UserId};
use crate::limits;

/// What an erasure erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Intercom's ids of the people.
    pub people: Vec<String>,
    /// Versions of people.
    pub versions: u64,
    /// Those versions among them that an earlier version of the bridge recorded, with digests
    /// without a salt.
    pub versions_without_salt: u64,
    /// Entries of Intercom's activity log.
    pub activity: u64,
    /// Requests for changes.
    pub requests: u64,
    /// Runs that they requested.
    pub runs: u64,
    /// Entries of the audit trail.
    pub audit: u64,
    /// Issued tokens that have ended, whose subject named the person.
    pub tokens: u64,
}

impl Erased {
    /// Whether there was nothing to erase.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.versions + self.activity + self.requests + self.runs + self.audit + self.tokens == 0
    }
}

/// A row of which fields were erased: its kind, its key, and the names of the fields.
type ErasedRow = (String, String, String);

/// The digest of an erasure. It covers the reason, and the erased fields of every row, by kind and
/// key.
pub(super) fn erasure_digest(reason: &str, mut rows: Vec<ErasedRow>) -> String {
    rows.sort_unstable();
    let fields = Fields::named("erasure").text("reason", Some(reason));
    let fields = rows.iter().fold(fields, |fields, (kind, key, erased)| {
        fields.text("kind", Some(kind)).text("key", Some(key)).text("fields", Some(erased))
    });
    fields.end()
}

impl Ledger {
    /// Erases the personal data of a person who is not in the workspace, in one transaction, and
    /// adds `events` to the audit trail. Records nothing if there was nothing to erase.
    ///
    /// On SQLite, [`Ledger::scrub`] must follow, so that the file holds no trace of the data.
    ///
    /// # Errors
    /// [`LedgerError::StillThere`] if the person is in the workspace; [`LedgerError::Database`].
    /// Then nothing is erased.
    pub async fn erase(
        &self,
        workspace: &str,
        person: &KnownPerson,
        reason: &str,
        events: impl FnOnce(&Erased) -> Vec<AuditEntry>,
        now: OffsetDateTime,
    ) -> Result<Erased, LedgerError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
        // Keeps an import from committing meanwhile: it would write what it read before the
        // erasure.
        leases::Entity::find_by_id(workspace).lock_exclusive().one(&db).await?;
        evidence::lock(&db, evidence::PRUNING_LOCK, workspace).await?;
        let known = people::gather(&db, workspace, person.ids.clone()).await?;
        if !known.active.is_empty() {
            return Err(LedgerError::StillThere);
        }
        let erased =
            Box::pin(erase_all(&db, workspace, &person.clone().and(known), reason, now)).await?;
        if !erased.is_empty() {
            record_events(&db, events(&erased)).await?;
        }
        db.commit().await?;
        Ok(erased)
    }

    /// Returns what [`Ledger::erase`] would erase, and erases nothing.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn would_erase(
        &self,
        workspace: &str,
        person: &KnownPerson,
        now: OffsetDateTime,
    ) -> Result<Erased, LedgerError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        let erased = Box::pin(erase_all(&db, workspace, person, "", now)).await?;
        db.rollback().await?;
        Ok(erased)
    }

    /// The people whom the bridge recorded as removed before a moment and whose data is not erased
    /// yet. At most [`limits::ERASED_AT_ONCE`].
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn due_for_erasure(
        &self,
        workspace: &str,
        before: OffsetDateTime,
    ) -> Result<Vec<KnownPerson>, LedgerError> {
        use user_versions::Column;
        let last = self.number_at(workspace, before).await?;
        let gone = user_versions::Entity::find()
            .select_only()
            .column(Column::UserId)
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::ToGeneration.is_null())
            .filter(Column::FromGeneration.lte(last))
            .filter(Column::Active.eq(false))
            // The proof of a row with erased fields is JSON.
            .filter(Condition::any().add(Column::Proof.is_null()).add(Column::Proof.not_like("{%")))
            .order_by_asc(Column::UserId)
            .limit(limits::ERASED_AT_ONCE);
        let mut due = Vec::new();
        for id in gone.into_tuple::<String>().all(&self.database.connection).await? {
            due.push(
                people::gather(&self.database.connection, workspace, BTreeSet::from([id])).await?,
            );
        }
        Ok(due)
    }

    /// The number of the last erasure of a workspace; 0 before the first. State that was read
    /// before that erasure must not be served any more.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn last_erasure(&self, workspace: &str) -> Result<i64, LedgerError> {
        let query = erasures::Entity::find()
            .select_only()
            .column(erasures::Column::Sequence)
            .filter(erasures::Column::Workspace.eq(workspace))
            .order_by_desc(erasures::Column::Sequence);
        Ok(query.into_tuple().one(&self.database.connection).await?.unwrap_or_default())
    }
}

/// Collects the erased rows and their counts until the record is written.
#[derive(Default)]
struct Erasing {
    erased: Erased,
    rows: Vec<ErasedRow>,
}

impl Erasing {
    fn add(&mut self, kind: &str, key: String, fields: &[&str]) {
        self.rows.push((kind.to_owned(), key, fields.join(" ")));
    }
}

async fn erase_all(
    db: &DatabaseTransaction,
    workspace: &str,
    person: &KnownPerson,
    reason: &str,
    now: OffsetDateTime,
) -> Result<Erased, LedgerError> {
    let mut erasing = Erasing::default();
    erase_versions(db, workspace, person, &mut erasing).await?;
    erase_entries(db, workspace, person, &mut erasing).await?;
    erase_requests_and_runs(db, workspace, person, &mut erasing).await?;
    erase_from_reviews(db, workspace, person).await?;
    erase_audit_and_tokens(db, workspace, person, &mut erasing.erased, now).await?;
    let Erasing { mut erased, rows } = erasing;
    erased.people = person.ids.iter().cloned().collect();
    if erased.is_empty() {
        return Ok(erased);
    }
    let mut records = Records::begin(db, workspace, now).await?;
    let (sequence, _) = records.next();
    let list = rows.iter().map(|(kind, key, fields)| erased_rows::ActiveModel {
        workspace: Set(workspace.to_owned()),
        sequence: Set(sequence),
        kind: Set(kind.clone()),
        key: Set(key.clone()),
        fields: Set(fields.clone()),
    });
    insert(db, list.collect(), None).await?;
    let erasure = erasures::ActiveModel {
        workspace: Set(workspace.to_owned()),
        sequence: Set(sequence),
        at: Set(to_millis(now)),
        reason: Set(reason.to_owned()),
        scrubbed: Set(false),
    };
    erasures::Entity::insert(erasure).exec_without_returning(db).await?;
    let people = person.ids.iter().map(|id| erased_people::ActiveModel {
        workspace: Set(workspace.to_owned()),
        user_id: Set(id.clone()),
        sequence: Set(sequence),
    });
    let known =
        OnConflict::columns([erased_people::Column::Workspace, erased_people::Column::UserId])
            .update_column(erased_people::Column::Sequence)
            .to_owned();
    insert(db, people.collect(), Some(known)).await?;
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    records.add(Kind::Erasure, &erased.people.join(" "), count, erasure_digest(reason, rows));
    records.write().await?;
    Ok(erased)
}

async fn erase_versions(
    db: &DatabaseTransaction,
    workspace: &str,
    person: &KnownPerson,
    erasing: &mut Erasing,
) -> Result<(), LedgerError> {
    use user_versions::Column;
    for row in versions_of(db, workspace, &person.ids).await? {
        let Some((row, fields)) = erase_version(row) else { continue };
        erasing.erased.versions += 1;
        erasing.erased.versions_without_salt +=
            u64::from(!row.digest.starts_with(super::fields::SALTED));
        erasing.add(USER, version_key(&row), &fields);
        let none = || Expr::value(Option::<String>::None);
        let update = user_versions::Entity::update_many()
            .col_expr(Column::Email, none())
            .col_expr(Column::Name, none())
            .col_expr(Column::FirstName, none())
            .col_expr(Column::LastName, none())
            .col_expr(Column::JobTitle, none())
            .col_expr(Column::Proof, Expr::value(row.proof))
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::UserId.eq(row.user_id))
            .filter(Column::FromGeneration.eq(row.from_generation));
        update.exec(db).await?;
    }
    let values = volatile::Entity::delete_many().filter(volatile::Column::Workspace.eq(workspace));
    values
        .filter(volatile::Column::UserId.is_in(person.ids.iter().map(String::as_str)))
        .exec(db)
        .await?;
    let stamps = enterprise_stamps::Entity::delete_many()
        .filter(enterprise_stamps::Column::Workspace.eq(workspace))
        .filter(enterprise_stamps::Column::UserId.is_in(person.ids.iter().map(String::as_str)));
    stamps.exec(db).await?;
    Ok(())
}

async fn erase_entries(
    db: &DatabaseTransaction,
    workspace: &str,
    person: &KnownPerson,
    erasing: &mut Erasing,
) -> Result<(), LedgerError> {
    use activity::Column;
    let erased = OnConflict::columns([Column::Workspace, Column::Id])
        .update_columns([
            Column::PerformedById,
            Column::PerformedByEmail,
            Column::SubjectId,
            Column::Metadata,
            Column::Ip,
            Column::Description,
            Column::Proof,
        ])
        .to_owned();
    let mut last = String::new();
    loop {
        let rows = activity_page(db, workspace, &last).await?;
        let Some(row) = rows.last() else { return Ok(()) };
        last.clone_from(&row.id);
        let mut changed = Vec::new();
        for row in rows {
            let fields = person.fields_of_entry(&row);
            if !fields.is_empty() {
                erasing.erased.activity += 1;
                erasing.add(ACTIVITY, row.id.clone(), &fields);
                changed.push(erase_entry(row, &fields).into_active_model());
            }
        }
        insert(db, changed, Some(erased.clone())).await?;
    }
}

async fn erase_requests_and_runs(
    db: &DatabaseTransaction,
    workspace: &str,
    person: &KnownPerson,
    erasing: &mut Erasing,
) -> Result<(), LedgerError> {
    use lifecycle_requests::Column;
    let query = lifecycle_requests::Entity::find().filter(Column::Workspace.eq(workspace));
    for row in query.order_by_asc(Column::Id).all(db).await? {
        let fields = person.fields_of_request(&row);
        if fields.is_empty() {
            continue;
        }
        erasing.erased.requests += 1;
        erasing.add(REQUEST, row.reference.clone(), &fields);
        let row = erase_request(row, &fields);
        let update = lifecycle_requests::Entity::update_many()
            .col_expr(Column::Requester, Expr::value(row.requester))
            .col_expr(Column::Target, Expr::value(row.target))
            .col_expr(Column::UserName, Expr::value(row.user_name))
            .col_expr(Column::Comment, Expr::value(row.comment))
            .col_expr(Column::ClosedBy, Expr::value(row.closed_by))
            .col_expr(Column::Note, Expr::value(row.note))
            .col_expr(Column::Proof, Expr::value(row.proof));
        update.filter(Column::Id.eq(row.id)).exec(db).await?;
    }
    let query = imports::Entity::find()
        .filter(imports::Column::Workspace.eq(workspace))
        .filter(imports::Column::Status.is_not_in(evidence::UNDER_WAY))
        .filter(imports::Column::RequestedBy.is_not_null());
    for row in query.order_by_asc(imports::Column::Id).all(db).await? {
        if !row.requested_by.as_deref().is_some_and(|by| person.is_named_in(by)) {
            continue;
        }
        erasing.erased.runs += 1;
        erasing.add(RUN, row.id.to_string(), &[REQUESTED_BY]);
        let row = erase_run(row);
        let update = imports::Entity::update_many()
            .col_expr(imports::Column::RequestedBy, Expr::value(row.requested_by))
            .col_expr(imports::Column::Proof, Expr::value(row.proof));
        update.filter(imports::Column::Id.eq(row.id)).exec(db).await?;
    }
    Ok(())
}

/// The audit trail and the subjects of tokens are in no chain, so they are overwritten directly.
async fn erase_audit_and_tokens(
    db: &DatabaseTransaction,
    workspace: &str,
    person: &KnownPerson,
    erased: &mut Erased,
    now: OffsetDateTime,
) -> Result<(), DbErr> {
    use audit::Column;
    let scope =
        || Condition::any().add(Column::Workspace.eq(workspace)).add(Column::Workspace.is_null());
    for column in [Column::Actor, Column::Identity, Column::Target, Column::Detail] {
        // Reads each distinct text once, and looks for the person in it.
        let texts: Vec<Option<String>> = audit::Entity::find()
            .select_only()
            .column(column)
            .distinct()
            .filter(scope())
            .filter(column.is_not_null())
            .into_tuple()
            .all(db)
            .await?;
        let texts: Vec<String> =
            texts.into_iter().flatten().filter(|text| person.is_named_in(text)).collect();
        for part in texts.chunks(limits::SQL_VALUES) {
            let mut update = audit::Entity::update_many().col_expr(column, Expr::value(ERASED));
            if matches!(column, Column::Actor | Column::Identity) {
                // The client's address is the person's data, too.
                update = update.col_expr(Column::Address, Expr::value(Option::<String>::None));
            }
            let update =
                update.filter(scope()).filter(column.is_in(part.iter().map(String::as_str)));
            erased.audit += update.exec(db).await?.rows_affected;
        }
    }
    for token in tokens::Entity::find().all(db).await? {
        let ended = token.revoked_at.is_some() || token.expires_at <= now;
        if ended && token.subject != ERASED && person.is_named_in(&token.subject) {
            let update = tokens::Entity::update_many()
                .col_expr(tokens::Column::Subject, Expr::value(ERASED));
            erased.tokens +=
                update.filter(tokens::Column::Id.eq(token.id)).exec(db).await?.rows_affected;
        }
    }
    Ok(())
}

/// The ids of the people whose data was erased and who have not come back.
pub(super) async fn erased_people(
    db: &DatabaseTransaction,
    workspace: &str,
) -> Result<HashSet<String>, DbErr> {
    let query = erased_people::Entity::find()
        .select_only()
        .column(erased_people::Column::UserId)
        .filter(erased_people::Column::Workspace.eq(workspace));
    Ok(query.into_tuple::<String>().all(db).await?.into_iter().collect())
}

/// The erased people whom the plan makes active again.
pub(super) fn returned<'a>(erased: &HashSet<String>, plan: &'a Plan) -> HashSet<&'a str> {
    let there = plan.users.iter().filter_map(Change::after).filter(|user| user.active);
    there.map(|user| user.id.as_str()).filter(|id| erased.contains(*id)).collect()
}

/// Removes returned people from the list of erased people: what Intercom says of them now is new
/// data.
pub(super) async fn forget_return(
    db: &DatabaseTransaction,
    workspace: &str,
    erased: &HashSet<String>,
    plan: &Plan,
) -> Result<(), DbErr> {
    for id in returned(erased, plan) {
        erased_people::Entity::delete_by_id((workspace.to_owned(), id.to_owned())).exec(db).await?;
    }
    Ok(())
}

/// A copy of a log entry without the personal data of erased people: no addresses, no details about
/// them, and, if the entry is about a session, no ids of theirs.
pub(super) fn without_erased(entry: &Activity, is_erased: &dyn Fn(&str) -> bool) -> Activity {
    let of_erased = |id: Option<&UserId>| id.is_some_and(|id| is_erased(id.as_str()));
    let acted = of_erased(entry.performed_by.as_ref().and_then(|actor| actor.id.as_ref()));
    let subject = entry.subject();
    let about = of_erased(subject.as_ref());
    if !acted && !about {
        return entry.clone();
    }
    let mut kept = entry.clone();
    // The description names both.
    kept.description = None;
    let session = is_session_kind(&entry.kind);
    if acted {
        let id = entry.performed_by.as_ref().and_then(|actor| actor.id.clone());
        kept.performed_by = Some(Actor { id: id.filter(|_| !session), ..Actor::default() })
            .filter(|actor| actor.id.is_some());
    }
    if about {
        let id = subject.filter(|_| !session);
        let details =
            id.map_or_else(|| serde_json::json!({}), |id| serde_json::json!({"admin": {"id": id}}));
        kept.metadata = Metadata::from(details);
    }
    kept
}
