//! The domain: the people in an Intercom workspace and their access.
//!
//! This module has no side effects, is synchronous, and imports only modules that every module may
//! import (such as `limits`). The importer and the publisher share its types: a [`User`] is a
//! person (Intercom: *admin* or *teammate*), a [`Group`] is a set of people (Intercom: *team*), and
//! a [`Membership`] joins the two.
//!
//! ```text
//! Observation      the result of one reading of Intercom, and what could not be read
//! Snapshot         the recorded state at one generation
//! Plan             the changes that lead from a Snapshot to an Observation
//! Run              one import: what was requested, and how it ended
//! Change           the difference between two versions, and its cause (`change`,
//!                  `recorded_change`)
//! Activity         an entry of Intercom's activity log, and the facts that only the log gives
//! LastActivity     when a person was last active, according to the log
//! Invitation       an invitation that is pending, according to the log
//! Losses           what a Plan takes, with earlier losses (`loss`, `plan_losses`, from `past`)
//! Memory           what the ledger keeps of a workspace beside the history
//! Directory        a Snapshot with its people and teams joined; requests are answered from it
//! Catalogue        the roles, seats and permissions that people can have
//! HeldEntitlement  an entitlement of a person: team, role, seat or permission
//! Enterprise       what a roster adds to a user over SCIM
//! Price            an exact decimal number
//! text             comparison of texts, regardless of case and Unicode form
//! ```

mod activity;
mod catalogue;
mod change;
#[expect(clippy::module_inception, reason = "the file of the type `Directory`")]
mod directory;
mod enterprise;
mod entitlement;
mod group;
mod inactivity;
mod invitation;
mod last_activity;
mod listed_role;
mod loss;
mod memory;
mod observation;
mod past;
mod plan;
mod plan_losses;
mod price;
mod recorded_change;
mod run;
mod snapshot;
pub mod text;
mod user;
#[cfg(test)]
pub(crate) mod variants;

pub use activity::{
    Activity, Actor, LogFacts, Metadata, SignIn, granted_permissions, id_text, two_factor_auth,
};
pub use catalogue::{Catalogue, CatalogueForm, CatalogueItem, permission_name};
pub use change::{ActivityKind, Change, ChangeAction, ChangeKind, ChangeNames, Changed};
pub use directory::{Directory, Link, Person, SnapshotId, Team, links_with};
pub use enterprise::{Enterprise, EnterpriseFacts, Enterprises, Manager};
pub use entitlement::{
    EntitlementType, HeldEntitlement, INBOX_SEAT, INBOX_SEAT_NAME, account_id, entitlement_id,
    has_entitlement, held_by, held_without_teams, is_entitlement_id, team_id, user_name,
};
pub use group::{Group, GroupId, Membership, Priority};
pub use inactivity::{AWAY_MODE, NOT_BY_THE_PERFORMER, OCCUPANCY, activity_source, is_inactive};
pub use invitation::{
    Invitation, InvitationEvent, InvitationStep, Invitations, pending_invitations,
};
pub use last_activity::{ActivitySource, LastActivity};
pub use listed_role::{ListedRole, RoleList, RoleListState};
pub use loss::{Amounts, Disputed, Ends, Exceeded, Loser, LossKind, Losses};
pub use memory::Memory;
pub use observation::{Field, Observation, Part, Sighting, Unknown, Warning, Workspace};
pub use past::{EndedVersions, Had, PastGroup, PastUser};
pub use plan::{Counts, KeptBack, Plan};
pub use price::{NoPrice, Price};
pub use recorded_change::{ChangePosition, RecordedChange};
pub use run::{Failure, ImportRequest, Mode, Run, RunId, RunStatus, Trigger};
pub use snapshot::{Recorded, Snapshot, Stamps};
pub use user::{NameParts, Names, Role, User, UserId, UserKind, Volatile, is_machine_address};

/// The workspace of a bridge that serves only one. Paths without a workspace refer to it.
pub const DEFAULT_WORKSPACE: &str = "default";

/// The number of a committed state of one workspace; the first is 1. Only an import that changes
/// something makes one.
pub type Generation = i64;
