//! The publisher: when the ledger has a new generation, it builds a served snapshot and swaps it
//! in.
//!
//! Start-up, the end of an import, and a commit by another bridge are handled alike: the latest
//! generation differs from the one that is served.

mod live;
mod past;
mod publisher;
mod settle;

pub use live::{Live, ServedState};
pub use past::Past;
pub use publisher::{PublishOptions, Publisher};
pub use settle::{close_as_seen, settle_requests};
