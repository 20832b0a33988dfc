//! The error responses of the protocol: status, scimType, detail (RFC 7644 §3.12).

use serde_json::{Value, json};

use super::urn;

/// Why a request failed. `Display` gives the `detail`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScimError {
    /// The filter has a syntax error, an unknown attribute, or an operator or value that does not
    /// fit the attribute.
    #[error("{}", filter_detail(*at, why))]
    InvalidFilter {
        /// The position in the filter, in characters, counted from 1.
        at: Option<usize>,
        /// What is wrong at that position.
        why: String,
    },
    /// A parameter has an invalid value.
    #[error("{why}")]
    InvalidValue {
        /// Which parameter, and which values are valid.
        why: String,
    },
    /// The request cannot be parsed.
    #[error("{why}")]
    InvalidSyntax {
        /// What is wrong with it.
        why: String,
    },
    /// RFC 9865 §2.1: the bridge did not issue this cursor, or issued it for another query or
    /// another client.
    #[error("this cursor is not valid for this query; begin again with an empty cursor")]
    InvalidCursor,
    /// RFC 9865 §2.1: the bridge no longer has the snapshot that the cursor refers to.
    #[error(
        "this cursor has expired, because the list has changed since; begin again with an empty cursor"
    )]
    ExpiredCursor,
    /// RFC 9865 §2.1: `count` differs from the page size of the first page.
    #[error("count must be the same on all pages; on the first page it was {expected}")]
    InvalidCount {
        /// The page size of the first page.
        expected: usize,
    },
    /// RFC 7644 §3.13: the path names another version of the protocol.
    #[error("this version of SCIM is not supported; use SCIM 2.0 under /scim/v2")]
    InvalidVersion,
    /// There is no such user, group, schema, resource type or path.
    #[error("{what} was not found")]
    NotFound {
        /// What was requested.
        what: String,
    },
    /// The path exists but does not support this method.
    #[error("this path supports only the methods {allowed}")]
    MethodNotAllowed {
        /// The supported methods, as in `Allow`.
        allowed: &'static str,
    },
    /// `Accept` allows none of the available media types.
    #[error("the response has the media type {offered}, which the Accept header does not allow")]
    NotAcceptable {
        /// The available media types.
        offered: String,
    },
    /// RFC 9110 §13.1.1: `If-Match` names a version other than the current one.
    #[error("the resource does not have the version that If-Match names")]
    PreconditionFailed,
    /// The body has an unsupported media type.
    #[error("the body must be application/scim+json or application/json")]
    UnsupportedMediaType,
    /// The body has a `Content-Encoding`.
    #[error("encoded bodies are not supported; send the body without Content-Encoding")]
    UnsupportedEncoding,
    /// The request exceeds the size limit.
    #[error("the request is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The service provider does not support the operation.
    #[error("{why}")]
    NotImplemented {
        /// What is not supported, why, and where it can be done instead.
        why: String,
    },
    /// RFC 7644 §4: discovery endpoints cannot be filtered.
    #[error("discovery endpoints cannot be filtered; leave out `filter`")]
    FilterForbidden,
    /// The token is missing or invalid.
    #[error("Authentication failed")]
    Unauthenticated,
    /// The token is valid but lacks a scope.
    #[error("the access token lacks the scope {scope}")]
    Forbidden {
        /// The missing scope.
        scope: &'static str,
    },
    /// The request was not received completely in time.
    #[error("the request did not arrive completely in time; send it again")]
    TooSlow,
    /// The client exceeded its rate limit.
    #[error("too many requests; try again in {seconds} s")]
    TooManyRequests {
        /// The time to wait before the next request, in seconds.
        seconds: u64,
    },
    /// A dependency is not available at the moment.
    #[error("{why}")]
    Unavailable {
        /// Which dependency, and what to do.
        why: String,
    },
    /// There is no served snapshot yet.
    #[error("the bridge has not imported this workspace yet; try again shortly")]
    NotReady,
    /// An internal error; the log has the details.
    #[error(
        "internal error; the bridge's log has the reason under the X-Request-Id of this response"
    )]
    Internal,
}

fn filter_detail(at: Option<usize>, why: &str) -> String {
    at.map_or_else(
        || format!("invalid filter: {why}"),
        |at| format!("invalid filter: at character {at}, {why}"),
    )
}

impl ScimError {
    /// The HTTP status code (RFC 7644 §3.12, Table 8).
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::InvalidFilter { .. }
            | Self::InvalidValue { .. }
            | Self::InvalidSyntax { .. }
            | Self::InvalidCursor
            | Self::ExpiredCursor
            | Self::InvalidCount { .. }
            | Self::InvalidVersion => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden { .. } | Self::FilterForbidden => 403,
            Self::NotFound { .. } => 404,
            Self::MethodNotAllowed { .. } => 405,
            Self::NotAcceptable { .. } => 406,
            Self::TooSlow => 408,
            Self::PreconditionFailed => 412,
            Self::TooLarge { .. } => 413,
            Self::UnsupportedMediaType | Self::UnsupportedEncoding => 415,
            Self::TooManyRequests { .. } => 429,
            Self::Internal => 500,
            Self::NotImplemented { .. } => 501,
            Self::NotReady | Self::Unavailable { .. } => 503,
        }
    }

    /// The `scimType` (RFC 7644 §3.12, Table 9, and RFC 9865 §2.1). Only errors with status 400
    /// have one here.
    #[must_use]
    pub fn scim_type(&self) -> Option<&'static str> {
        match self {
            Self::InvalidFilter { .. } => Some("invalidFilter"),
            Self::InvalidValue { .. } => Some("invalidValue"),
            Self::InvalidSyntax { .. } => Some("invalidSyntax"),
            Self::InvalidCursor => Some("invalidCursor"),
            Self::ExpiredCursor => Some("expiredCursor"),
            Self::InvalidCount { .. } => Some("invalidCount"),
            Self::InvalidVersion => Some("invalidVers"),
            Self::NotFound { .. }
            | Self::MethodNotAllowed { .. }
            | Self::NotAcceptable { .. }
            | Self::PreconditionFailed
            | Self::TooLarge { .. }
            | Self::UnsupportedMediaType
            | Self::UnsupportedEncoding
            | Self::NotImplemented { .. }
            | Self::FilterForbidden
            | Self::Unauthenticated
            | Self::Forbidden { .. }
            | Self::NotReady
            | Self::TooSlow
            | Self::TooManyRequests { .. }
            | Self::Unavailable { .. }
            | Self::Internal => None,
        }
    }

    /// The JSON body. RFC 7644 §3.12: "status: The HTTP status code … expressed as a JSON string."
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = json!({"schemas": [urn::ERROR], "status": self.status().to_string(), "detail": self.to_string()});
        if let Some(scim_type) = self.scim_type() {
            body["scimType"] = json!(scim_type);
        }
        body
    }
}
