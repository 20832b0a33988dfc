//! The importer: observes Intercom, plans, and commits to the ledger.
//!
//! ```text
//! plan      what is recorded and what is observed, to a Plan; pure
//! policy    whether a plan may be committed without a person: how much may be lost; pure
//! warnings  which warnings a run keeps; pure
//! seen      what the last import saw, so that the next looks at what differs; pure
//! importer  one run: observe, plan, hold or commit, with its record; importer/guard: what holds it
//! worker    imports by the clock and whenever somebody asks
//! nudge     how everybody else asks
//! bursts    when the import behind a webhook is due
//! connect   the token that imports use
//! health    how the runs of a workspace are going
//! ```

mod bursts;
mod connect;
mod fingerprint;
mod health;
mod importer;
mod nudge;
mod plan;
mod policy;
mod warnings;
mod worker;

pub use bursts::{Announced, Bursts};
pub use connect::{ConnectError, Connector, OAuthApp};
pub use health::{ConnectionState, Health, HealthStatus, Times};
pub use importer::{DryRun, ImportOptions, Importer, Phase, ReadError};
pub use nudge::{ImportRequest, Nudge};
pub use plan::plan;
pub use policy::{Guard, Held, Policy, Verdict};
pub use worker::{Schedule, Worker};
