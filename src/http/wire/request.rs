//! Requests for changes that a person must make, as documents and rows.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::requests::{Operation, Request, RequestSource, RequestState};
use crate::tabular::Row;

/// A change that a client requested and a person must make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LifecycleRequest {
    /// `req_…`.
    #[serde(rename = "id")]
    pub reference: String,
    /// `open`; `done`: a person said that it was done, or an import has seen it; `declined`: a
    /// person declined it; or `expired`: no person did it within `limits.request_expiry`.
    #[schema(value_type = String)]
    pub state: RequestState,
    /// `refused`: a write that the bridge refused; `ticket`: a client made it as a request.
    #[schema(value_type = String)]
    pub source: RequestSource,
    /// The requested change, such as `remove_account` or `add_access`.
    #[schema(value_type = String)]
    pub operation: Operation,
    /// The id of the account, team or entitlement to change, as the client named it.
    pub target: Option<String>,
    /// The id of the entitlement that the account is to get or to lose.
    pub entitlement: Option<String>,
    /// The sign-in address of the person whom it is about, if the client named it.
    pub user_name: Option<String>,
    /// Further details; of a refused write, the names in its body.
    pub comment: Option<String>,
    /// Who requested it: the subject of the token.
    pub requester: String,
    /// When it was requested.
    #[serde(with = "crate::date_time")]
    pub requested_at: OffsetDateTime,
    /// The `X-Request-Id` of the HTTP request.
    pub request_id: String,
    /// The method of the HTTP request.
    pub method: String,
    /// When it was closed.
    #[serde(with = "crate::date_time::option")]
    pub closed_at: Option<OffsetDateTime>,
    /// Who closed it; `import` if an import has seen the change.
    pub closed_by: Option<String>,
    /// The explanation of whoever closed it.
    pub note: Option<String>,
    /// How often it was requested. A refused write that the same client repeats while it is open is
    /// counted here.
    pub times: i64,
    /// When it was last requested.
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
