//! The audit trail: which client requested what, when, from where, and with which status; and what
//! was done to clients, tokens, keys and connections. It has no query strings and no bodies, since
//! they contain personal data.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect, TransactionTrait,
};
use serde::Serialize;
use time::OffsetDateTime;

use super::entities::audit;
use super::transaction::{patience, writing};
use super::{Ledger, LedgerError};
use crate::clock::{from_millis, to_millis};
use crate::limits;

/// An event or a request. Equal requests within one second are one entry with a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// The number of the entry, counted over all workspaces. For the operator only.
    #[serde(skip_serializing)]
    pub id: i64,
    /// When it happened. For several requests, when the first one was answered.
    #[serde(with = "crate::date_time")]
    pub at: OffsetDateTime,
    /// The kind of event: `request`, `client.created`, `token.revoked`, `workspace.connected` …
    pub event: String,
    /// The workspace. Null if the event concerns none or several.
    pub workspace: Option<String>,
    /// The subject of the token, or `command line`. Null if the request had no valid token.
    pub actor: Option<String>,
    /// The unique identity of the client: `client` and its id, `token` and its id, or `issuer`, the
    /// name of the issuer and the subject. For a command: `system user` and the name of the
    /// operating system's user.
    pub identity: Option<String>,
    /// The IP address of the client.
    pub address: Option<String>,
    /// The HTTP method.
    pub method: Option<String>,
    /// The pattern of the path, such as `/scim/v2/Users/{id}`.
    pub route: Option<String>,
    /// The object of the event: the id in the path, or the id of the client, token or key.
    pub target: Option<String>,
    /// Further details, such as the scopes of a client.
    pub detail: Option<String>,
    /// The HTTP status of the response.
    pub status: Option<i32>,
    /// The number of requests that this entry stands for.
    pub count: i64,
    /// The `X-Request-Id` of the first request.
    pub request_id: Option<String>,
}

impl AuditEntry {
    /// A change of a client, a token, a key or a connection.
    #[must_use]
    pub fn event(event: &str, at: OffsetDateTime) -> Self {
        Self {
            id: 0,
            at,
            event: event.to_owned(),
            workspace: None,
            actor: None,
            identity: None,
            address: None,
            method: None,
            route: None,
            target: None,
            detail: None,
            status: None,
            count: 1,
            request_id: None,
        }
    }
}

/// Which entries are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuestion {
    /// Only entries of this workspace; and, with `everything`, those that belong to no single
    /// workspace.
    pub workspace: Option<String>,
    /// Whether entries that belong to no single workspace are included.
    pub everything: bool,
    /// Only entries after this one.
    pub after: i64,
    /// Only entries at this moment or later.
    pub since: Option<OffsetDateTime>,
    /// Only entries before this moment.
    pub until: Option<OffsetDateTime>,
    /// Only entries of this actor.
    pub actor: Option<String>,
    /// Only entries of this kind.
    pub event: Option<String>,
}

impl Ledger {
    /// Adds entries.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]; then none of them is added.
    pub async fn record_audit(&self, entries: Vec<AuditEntry>) -> Result<(), LedgerError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.file_is_there()?;
        if self.database.get_database_backend() == DbBackend::Sqlite
            && entries.len() <= ROWS_AT_ONCE
        {
            // A single statement is a transaction of its own. A COMMIT that fails on a full disk
            // would leave a transaction open and block all other writers.
            let rows = entries.into_iter().map(row);
            audit::Entity::insert_many(rows).exec_without_returning(&self.database).await?;
            return Ok(());
        }
        let db = self.database.begin_with_options(writing()).await?;
        record(&db, entries).await?;
        db.commit().await?;
        Ok(())
    }

    /// The first entries that match, oldest first.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn audit(
        &self,
        question: &AuditQuestion,
        most: u64,
    ) -> Result<Vec<AuditEntry>, LedgerError> {
        use audit::Column;
        let mut query = audit::Entity::find().filter(Column::Id.gt(question.after));
        if let Some(workspace) = &question.workspace {
            let mut scope = Condition::any().add(Column::Workspace.eq(workspace.as_str()));
            if question.everything {
                scope = scope.add(Column::Workspace.is_null());
            }
            query = query.filter(scope);
        }
        if let Some(since) = question.since {
            query = query.filter(Column::At.gte(to_millis(since)));
        }
        if let Some(until) = question.until {
            query = query.filter(Column::At.lt(to_millis(until)));
        }
        if let Some(actor) = &question.actor {
            query = query.filter(Column::Actor.eq(actor.as_str()));
        }
        if let Some(event) = &question.event {
            query = query.filter(Column::Event.eq(event.as_str()));
        }
        let rows = query.order_by_asc(Column::Id).limit(most).all(&self.database).await?;
        Ok(rows.into_iter().map(entry).collect())
    }

    /// When each of these identities was last active, according to the trail.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn last_uses(
        &self,
        identities: &[String],
    ) -> Result<HashMap<String, OffsetDateTime>, LedgerError> {
        use audit::Column;
        let mut uses = HashMap::new();
        for part in identities.chunks(limits::SQL_VALUES) {
            let query = audit::Entity::find()
                .select_only()
                .column(Column::Identity)
                .column_as(Column::At.max(), "last")
                .filter(Column::Identity.is_in(part))
                .group_by(Column::Identity);
            let found: Vec<(String, i64)> = query.into_tuple().all(&self.database).await?;
            uses.extend(found.into_iter().map(|(identity, at)| (identity, from_millis(at))));
        }
        Ok(uses)
    }

    /// Deletes the entries from before a moment, and returns how many there were.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn prune_audit(&self, before: OffsetDateTime) -> Result<u64, LedgerError> {
        let query = audit::Entity::delete_many().filter(audit::Column::At.lt(to_millis(before)));
        Ok(query.exec(&self.database).await?.rows_affected)
    }
}

/// Adds entries in the given transaction.
///
/// Writers wait for each other, so that entries become visible in the order of their ids. A reader
/// that continues after an id skips nothing.
pub(super) async fn record(
    db: &DatabaseTransaction,
    entries: Vec<AuditEntry>,
) -> Result<(), LedgerError> {
    patience(db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
    if db.get_database_backend() == DbBackend::Postgres {
        db.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({AUDIT_LOCK})")).await?;
    }
    let rows: Vec<audit::ActiveModel> = entries.into_iter().map(row).collect();
    for part in rows.chunks(ROWS_AT_ONCE) {
        audit::Entity::insert_many(part.to_vec()).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Rows per statement; each has fewer than sixteen values.
const ROWS_AT_ONCE: usize = limits::SQL_VALUES / 16;

/// The key of the lock. No other part of the ledger takes locks with a single key.
const AUDIT_LOCK: i64 = 0x0061_7564_6974;

fn row(entry: AuditEntry) -> audit::ActiveModel {
    audit::ActiveModel {
        id: NotSet,
        at: Set(to_millis(entry.at)),
        event: Set(entry.event),
        workspace: Set(entry.workspace),
        actor: Set(entry.actor),
        identity: Set(entry.identity),
        address: Set(entry.address),
        method: Set(entry.method),
        route: Set(entry.route),
        target: Set(entry.target),
        detail: Set(entry.detail),
        status: Set(entry.status),
        count: Set(entry.count),
        request_id: Set(entry.request_id),
    }
}

pub(super) fn entry(row: audit::Model) -> AuditEntry {
    AuditEntry {
        id: row.id,
        at: from_millis(row.at),
        event: row.event,
        workspace: row.workspace,
        actor: row.actor,
        identity: row.identity,
        address: row.address,
        method: row.method,
        route: row.route,
        target: row.target,
        detail: row.detail,
        status: row.status,
        count: row.count,
        request_id: row.request_id,
    }
}
