//! Access reviews: people decide about each account, and sign the result. No side effects.
//!
//! ```text
//! review    a review, its state and its progress
//! item      one account under review, with the decision about it
//! ```

mod item;
mod review;

pub use item::{Decision, ReviewDecision, ReviewItem};
pub use review::{NewReview, Review, ReviewProgress, ReviewState, Signature};
