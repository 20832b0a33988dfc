//! What the ledger recorded.

use time::OffsetDateTime;

use super::{Generation, Group, Membership, User, Volatile, Workspace};

/// The recorded state of a workspace at one generation. Everything is sorted by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The generation; 0 before the first import.
    pub generation: Generation,
    /// Which workspace it is, as far as Intercom has said.
    pub workspace: Workspace,
    /// People, the removed ones among them.
    pub users: Vec<(Recorded<User>, Volatile)>,
    /// Teams.
    pub groups: Vec<Recorded<Group>>,
    /// Who is in which team; sorted by group, then user.
    pub memberships: Vec<Membership>,
}

/// Something recorded, with when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded<T> {
    /// What was recorded.
    pub value: T,
    /// When it first was, and when it last changed.
    pub stamps: Stamps,
}

/// When something was first recorded and when it, or a membership of it, last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// The time of the first generation that holds it.
    pub created: OffsetDateTime,
    /// The time of the generation that last changed it.
    pub last_modified: OffsetDateTime,
}
