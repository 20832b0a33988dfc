//! The entries of the audit trail, and how they are written: together with what they report, in one
//! transaction. They have no query strings and no bodies, since those contain personal data.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
};
use serde::Serialize;
use time::OffsetDateTime;

use super::entities::audit;
use super::transaction::patience;
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

/// Adds entries in the given transaction.
///
/// Writers wait for each other, so that entries become visible in the order of their ids. A reader
/// that continues after an id skips nothing.
pub(crate) async fn record_events(
    db: &DatabaseTransaction,
    entries: Vec<AuditEntry>,
) -> Result<(), DbErr> {
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
pub(crate) const ROWS_AT_ONCE: usize = limits::SQL_VALUES / 16;

/// The key of the lock. No other part of the ledger takes locks with a single key.
const AUDIT_LOCK: i64 = 0x0061_7564_6974;

pub(crate) fn row(entry: AuditEntry) -> audit::ActiveModel {
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

pub(crate) fn entry(row: audit::Model) -> AuditEntry {
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
