//! Requests for changes that a person must make, as documents and rows.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::requests::{Operation, Request, RequestSource, RequestState};
use crate::tabular::Row;

/// A requested change that a person must make in Intercom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LifecycleRequest {
    /// The id of the request: `req_…`.
    #[serde(rename = "id")]
    pub reference: String,
    /// `open`; `done`: a person closed it, or an import found the change; `declined`: a person
    /// decided against it; `expired`: it was not closed within `limits.request_expiry`.
    #[schema(value_type = String)]
    pub state: RequestState,
    /// `refused` for a write that the bridge refused; `ticket` for a request made with `POST
    /// /api/v1/lifecycle/requests`.
    #[schema(value_type = String)]
    pub source: RequestSource,
    /// The operation, such as `remove_account` or `add_access`.
    #[schema(value_type = String)]
    pub operation: Operation,
    /// The id of the account, team or entitlement to change, as the client wrote it.
    pub target: Option<String>,
    /// The id of the entitlement to grant or revoke.
    pub entitlement: Option<String>,
    /// The sign-in address of the teammate, if the client sent it.
    pub user_name: Option<String>,
    /// The comment of a ticket. For a refused write, the values in its body, such as names.
    pub comment: Option<String>,
    /// Who requested the change: the subject of the token.
    pub requester: String,
    /// When the change was first requested.
    #[serde(with = "crate::date_time")]
    pub requested_at: OffsetDateTime,
    /// The `X-Request-Id` of the HTTP request.
    pub request_id: String,
    /// The method of the HTTP request.
    pub method: String,
    /// When the request was closed.
    #[serde(with = "crate::date_time::option")]
    pub closed_at: Option<OffsetDateTime>,
    /// Who closed the request: the subject of a token, or `import` if an import found the change.
    pub closed_by: Option<String>,
    /// The note of the person who closed the request.
    pub note: Option<String>,
    /// How often the change was requested. A refused write that the same client repeats while the
    /// request is open is counted here.
    pub times: i64,
    /// When the change was last requested.
    #[serde(with = "crate::date_time")]
    pub last_requested_at: OffsetDateTime,
}

impl From<Request> for LifecycleRequest {
    fn from(request: Request) -> Self {
        Self {
            reference: request.reference,
            state: request.state,
            source: request.source,
            operation: request.operation,
            target: request.target,
            entitlement: request.entitlement,
            user_name: request.user_name,
            comment: request.comment,
            requester: request.requester,
            requested_at: request.requested_at,
            request_id: request.request_id,
            method: request.method,
            closed_at: request.closed_at,
            closed_by: request.closed_by,
            note: request.note,
            times: request.times,
            last_requested_at: request.last_requested_at,
        }
    }
}

impl Row for LifecycleRequest {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "state",
        "source",
        "operation",
        "target",
        "entitlement",
        "user_name",
        "comment",
        "requester",
        "requested_at",
        "request_id",
        "method",
        "closed_at",
        "closed_by",
        "note",
        "times",
        "last_requested_at",
    ];
}
