//! A recorded request, its source and its state.

use time::OffsetDateTime;

use super::Operation;
use crate::words::words;

words! {
    /// Where a request came from.
    pub enum RequestSource {
        /// A write that the bridge refused.
        Refused = "refused",
        /// A client made it as a request.
        Ticket = "ticket",
    }
}

words! {
    /// The state of a request.
    pub enum RequestState {
        /// It waits for a person.
        Open = "open",
        /// A person said that it was done, or an import has seen it.
        Done = "done",
        /// A person declined it.
        Declined = "declined",
        /// No person made the change within `limits.request_expiry`.
        Expired = "expired",
    }
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestEnd {
    /// A person made the change, or an import has seen it.
    Done,
    /// A person declined it.
    Declined,
    /// No person made the change within `limits.request_expiry`.
    Expired,
}

impl From<RequestEnd> for RequestState {
    fn from(end: RequestEnd) -> Self {
        match end {
            RequestEnd::Done => Self::Done,
            RequestEnd::Declined => Self::Declined,
            RequestEnd::Expired => Self::Expired,
        }
    }
}

/// A change that a client requested and a person must make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `req_` and random characters.
    pub reference: String,
    /// Its state.
    pub state: RequestState,
    /// Where it came from.
    pub source: RequestSource,
    /// The requested change.
    pub operation: Operation,
    /// The id of the account, team or entitlement to change, as the client named it.
    pub target: Option<String>,
    /// The id of the entitlement that the account is to get or to lose.
    pub entitlement: Option<String>,
    /// The sign-in address of the person whom it is about.
    pub user_name: Option<String>,
    /// Further details; of a refused write, the names in its body.
    pub comment: Option<String>,
    /// The subject of the client's token.
    pub requester: String,
    /// When it was made.
    pub requested_at: OffsetDateTime,
    /// The `X-Request-Id` of the HTTP request.
    pub request_id: String,
    /// The method of the HTTP request.
    pub method: String,
    /// When it was closed.
    pub closed_at: Option<OffsetDateTime>,
    /// Who closed it; `import` if an import has seen the change.
    pub closed_by: Option<String>,
    /// The explanation of whoever closed it.
    pub note: Option<String>,
    /// How often it was made: a refused write that the same client repeats while it is open is
    /// counted here.
    pub times: i64,
    /// When it was last made.
    pub last_requested_at: OffsetDateTime,
}
