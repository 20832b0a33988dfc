//! The importer: observes Intercom, plans, and commits to the ledger.
//!
//! ```text
//! plan         the plan that leads from the recorded to the observed state; pure
//! policy       whether a plan may be committed without approval; pure
//! warnings     which warnings are kept with a run; pure
//! fingerprint  hashes of the last observation, to plan only what differs from it; pure
//! options      the settings of an importer, and the phases of an import
//! importer     one run: observe, plan, hold or commit; importer/guard: bots, and what is held
//! worker       the import loop: by schedule and on request
//! optional     the calls that only the checks of the posture need
//! nudge        requests for imports
//! bursts       when the import that a webhook triggers is due
//! connect      the token that imports use
//! health       the state of a workspace's imports
//! ```

mod bursts;
mod connect;
mod fingerprint;
mod health;
mod importer;
mod nudge;
mod optional;
mod options;
mod plan;
mod policy;
mod warnings;
mod worker;

pub use bursts::{Announced, Bursts};
pub use connect::{ConnectError, Connector, OAuthApp};
pub use health::{ConnectionState, Health, HealthStatus, Times};
pub use importer::{DryRun, Importer, ReadError, unique_name};
pub use nudge::Nudge;
pub use optional::OptionalReads;
pub use options::{ImportOptions, Phase};
pub use plan::plan;
pub use policy::{Guard, HeldPlan, PlanDecision, Policy};
pub use worker::{Schedule, Worker};
