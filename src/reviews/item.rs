//! One account under review, with the decision about it.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::words::words;

words! {
    /// What a reviewer decides about an account.
    pub enum ReviewDecision {
        /// The access is right.
        Keep = "keep",
        /// The account is to be removed. The signature makes a request for it.
        Remove = "remove",
        /// The reviewer does not know, and asks.
        Ask = "ask",
    }
}

/// A decision about one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is decided.
    pub decision: ReviewDecision,
    /// The reviewer's comment.
    pub comment: Option<String>,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: OffsetDateTime,
}

/// One account under review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewItem {
    /// The id of the account or of the invitation.
    pub account: String,
    /// The row of the export, as it was when the review was begun.
    pub row: Map<String, Value>,
    /// The decision, once there is one.
    pub decision: Option<Decision>,
    /// The request that the signature made.
    pub request: Option<String>,
}

impl ReviewItem {
    /// A text of the row.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.row.get(name).and_then(Value::as_str)
    }

    /// Whether a member of the row is true.
    #[must_use]
    pub fn is(&self, name: &str) -> Option<bool> {
        self.row.get(name).and_then(Value::as_bool)
    }
}
