//! The importer: observes Intercom, plans, and commits to the ledger.
//!
//! ```text
//! plan      what is recorded and what is observed, to a Plan; pure
//! policy    whether a plan may be committed without a person; pure
//! importer  one run: observe, plan, hold or commit, with its record
//! health    how the runs of a workspace are going
//! nudge     how everybody else gets the importer to look again
//! ```

mod health;
mod importer;
mod nudge;
mod plan;
mod policy;

pub use health::{ConnectionState, Health, Standing};
pub use importer::{ImportOptions, Importer, Phase, ReadError};
pub use nudge::Nudge;
pub use plan::plan;
pub use policy::{Policy, Verdict};
