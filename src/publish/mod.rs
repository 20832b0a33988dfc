//! The publisher: when the ledger's generation moves, builds a fresh picture and swaps it in.
//!
//! Start-up, the end of an import and another bridge's commit are one and the same here: the latest
//! generation is not the one that is shown.

mod live;
mod past;
mod publisher;

pub use live::{Live, Shown};
pub use past::Past;
pub use publisher::{PublishOptions, Publisher};
