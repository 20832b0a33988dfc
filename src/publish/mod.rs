//! The publisher: when the ledger has a new generation, it builds a served snapshot and replaces
//! the current one with it.
//!
//! ```text
//! publisher  builds served snapshots from the ledger
//! live       the current served snapshot, and a few earlier ones
//! past       earlier states, read from the ledger on demand
//! settle     closes the requests that the served snapshot shows to be done
//! ```
//!
//! Start-up, the end of an import, and a commit by another bridge are handled alike: the latest
//! generation differs from the one that is served.

mod live;
mod past;
mod publisher;
mod settle;

pub use live::{Live, ServedState};
pub use past::PastStates;
pub use publisher::{PublishOptions, Publisher};
pub use settle::{close_as_seen, settle_requests};
