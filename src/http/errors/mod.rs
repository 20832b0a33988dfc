//! Why a request is refused. Handlers only say what is wrong; the middleware chooses the form of
//! the body by the path.
//!
//! ```text
//! bodies    the two forms of the body: SCIM's and RFC 9457's
//! headers   the headers that belong to a refusal
//! ```

pub(crate) mod bodies;
pub(crate) mod headers;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

use crate::access::TooMany;
use crate::database::DatabaseError;
use crate::identities::IdentityError;
use crate::ledger::LedgerError;
use crate::requests::Operation;
use crate::scim::ScimError;

/// Why a request is refused, whichever API it is for. `Display` gives the `detail`.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    /// An error of the SCIM protocol.
    #[error("{0}")]
    Scim(ScimError),
    /// A parameter or a member of the body has an invalid value.
    #[error("{why}")]
    InvalidValue {
        /// Which one, and which values are valid.
        why: String,
    },
    /// The request cannot be parsed.
    #[error("{why}")]
    InvalidSyntax {
        /// What is wrong with it.
        why: String,
    },
    /// No token, or an invalid one.
    #[error("Authentication failed")]
    Unauthenticated {
        /// Whether the request has a token.
        token_given: bool,
        /// Why the token is no longer valid (or not yet), if the signature is valid.
        ended: Option<&'static str>,
    },
    /// The token is valid but lacks a scope.
    #[error("the access token lacks the scope {scope}")]
    Forbidden {
        /// The missing scope.
        scope: &'static str,
    },
    /// There is no such path, resource or workspace.
    #[error("{what} was not found")]
    NotFound {
        /// What was requested.
        what: String,
    },
    /// The path exists but does not support this method.
    #[error("this path supports only {allowed}")]
    MethodNotAllowed {
        /// The supported methods, as in `Allow`.
        allowed: &'static str,
    },
    /// `Accept` allows none of the available media types.
    #[error(
        "the response is available as {offered}, and the request's Accept header does not allow that"
    )]
    NotAcceptable {
        /// The available media types.
        offered: String,
    },
    /// The request was not received completely in time.
    #[error("the request did not arrive completely in time; send it without pauses")]
    TooSlow,
    /// RFC 9110 §13.1.1: `If-Match` names a version other than the current one.
    #[error("the resource has another version than If-Match names")]
    PreconditionFailed,
    /// The request exceeds the size limit.
    #[error("the request is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body has an unsupported media type.
    #[error("the body must be application/scim+json or application/json")]
    UnsupportedMediaType,
    /// The body has a `Content-Encoding`.
    #[error("Content-Encoding is not supported; send the body uncompressed, without that header")]
    UnsupportedEncoding,
    /// More requests than this client may make.
    #[error("too many requests; try again in {} s", .0.whole_seconds())]
    TooMany(TooMany),
    /// An internal error; the log has the details.
    #[error(
        "internal error; the bridge's log has the reason under the X-Request-Id of this response"
    )]
    Internal,
    /// The bridge does not support the operation.
    #[error("{why}")]
    NotImplemented {
        /// What is not supported, and why.
        why: String,
    },
    /// A write. This version of the bridge does not write to Intercom.
    #[error("{detail} {remedy}")]
    UnsupportedWrite {
        /// The requested operation.
        operation: Operation,
        /// Says that nothing was changed, and whether Intercom's API could make the change.
        detail: &'static str,
        /// Says where the change can be made.
        remedy: &'static str,
        /// The id of the recorded request, if it could be recorded.
        recorded: Option<String>,
    },
    /// There is no served snapshot yet.
    #[error("the bridge has not imported this workspace yet; try again shortly")]
    NotReady,
    /// A dependency is not available at the moment.
    #[error("{why}")]
    Unavailable {
        /// Which dependency, and what to do.
        why: String,
    },
    /// A refusal for a person in a browser.
    #[error("the console refused the request")]
    Page {
        /// The HTTP status.
        status: StatusCode,
        /// The HTML document.
        html: String,
    },
    /// An error that only one endpoint has.
    #[error("{detail}")]
    Problem {
        /// The HTTP status.
        status: StatusCode,
        /// The `code` for programs.
        code: &'static str,
        /// What is wrong and what to do, for people.
        detail: String,
    },
}

impl From<ScimError> for ApiError {
    fn from(error: ScimError) -> Self {
        match error {
            ScimError::Internal => Self::Internal,
            error => Self::Scim(error),
        }
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        match &error {
            LedgerError::Pruned { .. } => Self::Problem {
                status: StatusCode::GONE,
                code: "pruned",
                detail: format!("{error}; request the state at that time or later"),
            },
            LedgerError::NoSuchPosition => Self::InvalidValue {
                why:
                    "since belongs to another ledger; leave it out to begin with the oldest change"
                        .to_owned(),
            },
            _ => Self::database_unavailable(&error.chain()),
        }
    }
}

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        Self::database_unavailable(&error.chain())
    }
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> Self {
        let problem = |status, code| Self::Problem { status, code, detail: error.to_string() };
        match error {
            IdentityError::Ledger(error) => error.into(),
            IdentityError::NoRoster => problem(StatusCode::NOT_FOUND, "no_roster"),
            IdentityError::NoRosterThen => problem(StatusCode::NOT_FOUND, "not_recorded"),
            IdentityError::NoSuchVersion(_)
            | IdentityError::NobodyToForget
            | IdentityError::NotForgotten
            | IdentityError::NoSuchDecision(_) => problem(StatusCode::NOT_FOUND, "not_found"),
            IdentityError::NoCompleteness => problem(StatusCode::CONFLICT, "roster_not_configured"),
            IdentityError::NotHeld(_) => problem(StatusCode::CONFLICT, "not_held"),
            IdentityError::Outdated { .. } => problem(StatusCode::CONFLICT, "outdated"),
            IdentityError::RevokedBefore(_) => problem(StatusCode::CONFLICT, "already_revoked"),
            IdentityError::Busy => Self::Unavailable { why: error.to_string() },
            IdentityError::NoSuchAccount
            | IdentityError::NoSuchPerson
            | IdentityError::Decision(_)
            | IdentityError::DecisionFile(_) => Self::InvalidValue { why: error.to_string() },
        }
    }
}

impl ApiError {
    /// The refusal of a request that needs the database. `why` is for the log only.
    fn database_unavailable(why: &str) -> Self {
        tracing::error!(error = why, "the database is unavailable");
        Self::Problem {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "ledger_unavailable",
            detail: "the bridge's database is unavailable; try again shortly".to_owned(),
        }
    }

    /// The refusal of a webhook whose signature does not match the configured secret.
    pub fn bad_signature() -> Self {
        Self::Problem {
            status: StatusCode::UNAUTHORIZED,
            code: "bad_signature",
            detail: "the signature does not match the body".to_owned(),
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Scim(ScimError::Internal) | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Scim(ScimError::FilterForbidden) | Self::Forbidden { .. } => {
                StatusCode::FORBIDDEN
            }
            Self::Scim(_) | Self::InvalidValue { .. } | Self::InvalidSyntax { .. } => {
                StatusCode::BAD_REQUEST
            }
            Self::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable { .. } => StatusCode::NOT_ACCEPTABLE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType | Self::UnsupportedEncoding => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotImplemented { .. } | Self::UnsupportedWrite { .. } => {
                StatusCode::NOT_IMPLEMENTED
            }
            Self::NotReady | Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Page { status, .. } | Self::Problem { status, .. } => *status,
        }
    }

    /// Without a body: the middleware adds it, since its form depends on the path.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}
