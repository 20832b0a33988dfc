//! The domain: who works in an Intercom workspace, and with what access.
//!
//! Pure and synchronous, and it imports nothing of ours. The words are those that both sides of the
//! bridge share: a [`User`] is a person (Intercom: *admin* or *teammate*), a [`Group`] is a set of
//! people (Intercom: *team*), a [`Membership`] joins the two.
//!
//! ```text
//! Observation  what Intercom says now, and what of it could not be read
//! Snapshot     what the ledger recorded up to a generation
//! Plan         how to get from a Snapshot to an Observation
//! Losses       what a Plan takes, with what earlier ones took
//! Directory    a Snapshot with its people and teams joined, for those who ask
//! text         how texts are compared, in any case and any Unicode form
//! ```

mod activity;
mod group;
mod joined;
mod loss;
mod observation;
mod plan;
mod snapshot;
pub mod text;
mod user;

pub use activity::{Activity, Actor, LogFacts, Metadata, SignIn};
pub use group::{Group, GroupId, Membership, Priority};
pub use joined::{Directory, Edition, Link, Person, Team, links_with};
pub use loss::{Amounts, Disputed, Ends, Exceeded, Had, Loser, LossKind, Losses, Memory, Past, PastGroup, PastUser};
pub use observation::{Field, Observation, Part, Sighting, Unknown, Warning, Workspace};
pub use plan::{Change, ChangeNames, Changed, Counts, Deed, KeptBack, Plan};
pub use snapshot::{Recorded, Snapshot, Stamps};
pub use user::{NameParts, Names, Role, User, UserId, UserKind, Volatile, is_machine_address};

/// The workspace that a bridge for one alone has, and that short paths are about.
pub const DEFAULT_WORKSPACE: &str = "default";

/// Counts the imports of one workspace that changed something; the first is 1.
pub type Generation = i64;
