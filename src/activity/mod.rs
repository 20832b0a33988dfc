//! The feed of log entries for security monitoring: what Intercom recorded about its teammates and
//! its settings. Pure.
//!
//! ```text
//! kind      what is known about a kind of entry     table     all kinds
//! wanted    which kinds the bridge reads            position  places in the feed
//! entry     an entry of the feed                    details   what an entry's details say
//! ocsf      entries as events of OCSF               ecs       entries as documents of ECS
//! context   what both formats share              format    the names of the formats
//! ```

mod context;
mod details;
mod ecs;
mod entry;
mod format;
mod kind;
mod ocsf;
mod position;
mod table;
mod wanted;

pub use context::Context;
pub use details::{Details, severity_of, subject_of};
pub use ecs::{ECS_VERSION, ecs};
pub use entry::{Entry, People, PersonName};
pub use format::Format;
pub use kind::{Class, Fetched, Group, Kind, Outcome, Severity};
pub use ocsf::{OCSF_VERSION, ocsf};
pub use position::{Order, Position};
pub use table::{KINDS, kind_named};
pub use wanted::{NEEDED, WantedKinds, is_unknown};
