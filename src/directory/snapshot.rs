//! The recorded state.

use time::OffsetDateTime;

use super::{Generation, Group, ListedRole, Membership, User, Volatile, Workspace};

/// The recorded state of a workspace at one generation. Everything is sorted by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The generation; 0 before the first import.
    pub generation: Generation,
    /// The workspace, as far as Intercom has described it.
    pub workspace: Workspace,
    /// The people, including removed ones.
    pub users: Vec<(Recorded<User>, Volatile)>,
    /// The teams.
    pub groups: Vec<Recorded<Group>>,
    /// The memberships, sorted by group, then user.
    pub memberships: Vec<Membership>,
    /// The roles that Intercom lists.
    pub roles: Vec<Recorded<ListedRole>>,
    /// The keys of permissions that the activity log has named lately. Always the current ones.
    pub permission_keys: Vec<String>,
}

/// A recorded value with its timestamps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded<T> {
    /// The recorded value.
    pub value: T,
    /// When it was first recorded and last changed.
    pub stamps: Stamps,
}

/// When an item was first recorded, and when it or one of its memberships last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// The time of the first generation that contains it.
    pub created: OffsetDateTime,
    /// The time of the generation that last changed it.
    pub last_modified: OffsetDateTime,
}
