//! A review, its state and its progress.

use time::OffsetDateTime;

use crate::directory::Generation;
use crate::words::words;

words! {
    /// The state of a review.
    pub enum ReviewState {
        /// People decide about its accounts.
        Open = "open",
        /// It is signed, and does not change any more.
        Signed = "signed",
        /// It was given up. It does not change any more.
        Discarded = "discarded",
    }
}

/// What a review shows, when it is begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReview {
    /// The workspace.
    pub workspace: String,
    /// When it was begun.
    pub made_at: OffsetDateTime,
    /// Who began it.
    pub made_by: String,
    /// The time whose state it shows.
    pub as_of: OffsetDateTime,
    /// The time of the previous review, to compare with.
    pub since: Option<OffsetDateTime>,
    /// The generation that it shows.
    pub generation: Generation,
    /// The hash of that generation.
    pub generation_hash: Option<String>,
}

/// A review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Its number in the workspace; the first is 1.
    pub number: i64,
    /// What it shows.
    pub made: NewReview,
    /// Its state.
    pub state: ReviewState,
    /// The signature; `None` unless it is signed.
    pub signature: Option<Signature>,
}

/// The signature of a review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// When it was signed.
    pub at: OffsetDateTime,
    /// Who signed it.
    pub by: String,
    /// What that person declared.
    pub statement: Option<String>,
    /// The hash of the last record of the ledger at that time.
    pub head: Option<String>,
    /// The SHA-256 of the manifest of the evidence bundle, in hexadecimal digits.
    pub manifest_sha256: String,
}

/// How far a review is: numbers of accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReviewProgress {
    /// All accounts.
    pub total: u64,
    /// Accounts to keep.
    pub keep: u64,
    /// Accounts to remove.
    pub remove: u64,
    /// Accounts about which the reviewer asks.
    pub ask: u64,
}

impl ReviewProgress {
    /// The accounts without a decision.
    #[must_use]
    pub const fn undecided(self) -> u64 {
        self.total.saturating_sub(self.keep + self.remove + self.ask)
    }
}
