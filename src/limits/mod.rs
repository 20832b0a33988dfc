//! All bounds of the bridge that are not settings, each with its reason.
//!
//! ```text
//! upstream  reading Intercom                       ledger   the database and the history
//! imports   triggers, reading again, the lease     roster   rosters and decisions
//! serving   connections, requests, responses       access   tokens, secrets, issuers, audit trail
//! process   background tasks, stopping             notifications  outbound webhooks
//! ```

mod access;
mod imports;
mod ledger;
mod notifications;
mod process;
mod roster;
mod serving;
mod upstream;

pub use access::*;
pub use imports::*;
pub use ledger::*;
pub use notifications::*;
pub use process::*;
pub use roster::*;
pub use serving::*;
pub use upstream::*;
