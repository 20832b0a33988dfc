//! The errors of the protocol, and the body of SCIM's error responses (RFC 7644 §3.12). Errors that
//! every API has, such as a missing token, are not among them.

use serde_json::{Value, json};

use super::urn;

/// Why a SCIM request failed. `Display` gives the `detail`.
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
    /// RFC 7644 §4: discovery endpoints cannot be filtered.
    #[error("discovery endpoints cannot be filtered; leave out `filter`")]
    FilterForbidden,
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
            Self::FilterForbidden | Self::Internal => None,
        }
    }
}

/// The JSON body of an error response. RFC 7644 §3.12: "status: The HTTP status code … expressed as
/// a JSON string."
#[must_use]
pub fn error_body(status: u16, scim_type: Option<&str>, detail: &str) -> Value {
    let mut body = json!({"schemas": [urn::ERROR], "status": status.to_string(), "detail": detail});
    if let Some(scim_type) = scim_type {
        body["scimType"] = json!(scim_type);
    }
    body
}
