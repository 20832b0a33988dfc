//! Every refusal of the protocol: status, scimType, sentence (RFC 7644 §3.12).

use serde_json::{Value, json};

use super::schema::urn;

/// Why a question is not answered. Displays as the `detail`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScimError {
    /// The filter does not follow the grammar, or asks what cannot be asked.
    #[error("{}", filter_detail(*at, why))]
    InvalidFilter {
        /// Where in the filter, in characters, counted from 1.
        at: Option<usize>,
        /// What is wrong there.
        why: String,
    },
    /// A parameter has a value that it cannot have.
    #[error("{why}")]
    InvalidValue {
        /// Which, and what it can be.
        why: String,
    },
    /// The request cannot be read.
    #[error("{why}")]
    InvalidSyntax {
        /// What is wrong with it.
        why: String,
    },
    /// RFC 9865 §2.1: the cursor is none of ours, or was made for another question or another client.
    #[error("this cursor does not belong to this question; begin again with an empty cursor")]
    InvalidCursor,
    /// RFC 9865 §2.1: the list that the cursor walks over is not kept any more.
    #[error("the list has changed and its earlier state is not kept any more; begin again with an empty cursor")]
    ExpiredCursor,
    /// RFC 9865 §2.1: another page size than the walk began with.
    #[error("count must stay what it was on the first page: {expected}")]
    InvalidCount {
        /// What it was.
        expected: usize,
    },
    /// RFC 7644 §3.13: the path asks for another version of the protocol.
    #[error("this is SCIM 2.0; ask under /scim/v2")]
    InvalidVersion,
    /// No such user, group, schema, resource type or path.
    #[error("{what} was not found")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// The path is there and does not take this method.
    #[error("this path takes {allowed} and no other method")]
    MethodNotAllowed {
        /// The methods it takes, as in `Allow`.
        allowed: &'static str,
    },
    /// The answer cannot have any form that the client accepts.
    #[error("the answer is {offered}, and the request's Accept header does not allow that")]
    NotAcceptable {
        /// The media types that it can have.
        offered: String,
    },
    /// RFC 9110 §13.1.1: the resource has another version than `If-Match` names.
    #[error("the resource has another version than If-Match names")]
    PreconditionFailed,
    /// A body of a kind that is not read.
    #[error("the body must be application/scim+json or application/json")]
    UnsupportedMediaType,
    /// A body that is compressed, or encoded in another way.
    #[error("the body has a Content-Encoding, and none is read; send it as it is, without that header")]
    UnsupportedEncoding,
    /// The request is larger than the bridge reads.
    #[error("the request is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// Asked for nothing that this service provider does.
    #[error("{why}")]
    NotImplemented {
        /// What cannot be done, why, and where it can.
        why: String,
    },
    /// RFC 7644 §4: discovery cannot be filtered.
    #[error("discovery endpoints cannot be filtered; ask without `filter`")]
    FilterForbidden,
    /// No token, or none that is good.
    #[error("Authentication failed")]
    Unauthenticated,
    /// A good token that may not do this.
    #[error("the access token lacks the scope {scope}")]
    Forbidden {
        /// What it lacks.
        scope: &'static str,
    },
    /// The request did not come to its end in time.
    #[error("the request took too long to come; send it at once")]
    TooSlow,
    /// More requests than this client may make.
    #[error("too many requests; come back in {seconds} s")]
    TooManyRequests {
        /// When to come back.
        seconds: u64,
    },
    /// Something that is needed for the answer cannot be reached now.
    #[error("{why}")]
    Unavailable {
        /// What, and what to do.
        why: String,
    },
    /// There is no picture yet.
    #[error("the bridge has not imported this workspace yet; try again shortly")]
    NotReady,
    /// Something broke; the log knows what.
    #[error("the bridge failed to answer; its log has the reason under this answer's X-Request-Id")]
    Internal,
}

fn filter_detail(at: Option<usize>, why: &str) -> String {
    at.map_or_else(
        || format!("the filter cannot be used: {why}"),
        |at| format!("the filter cannot be used: at character {at}, {why}"),
    )
}

impl ScimError {
    /// RFC 7644 §3.12, Table 8.
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

    /// RFC 7644 §3.12, Table 9, and RFC 9865 §2.1: only errors of status 400 have one here.
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

    /// RFC 7644 §3.12: "status: The HTTP status code … expressed as a JSON string."
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body =
            json!({"schemas": [urn::ERROR], "status": self.status().to_string(), "detail": self.to_string()});
        if let Some(scim_type) = self.scim_type() {
            body["scimType"] = json!(scim_type);
        }
        body
    }
}
