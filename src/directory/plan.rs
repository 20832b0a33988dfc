//! The changes that lead from the recorded state to the observed one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Activity, Change, Disputed, Generation, Group, ListedRole, Losses, Membership, Memory, User,
    UserId, Volatile, Workspace,
};

/// The difference between a [`Snapshot`](super::Snapshot) and an
/// [`Observation`](super::Observation) as a value without side effects. The plan that an operator
/// reads is the plan that is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The generation that the plan is based on. The plan can be committed only on top of this one.
    pub base: Generation,
    /// The workspace that was observed.
    pub workspace: Workspace,
    /// Changes of people, sorted by id.
    pub users: Vec<Change<User>>,
    /// Changes of teams, sorted by id.
    pub groups: Vec<Change<Group>>,
    /// Changes of memberships, sorted by group, then user.
    pub memberships: Vec<Change<Membership>>,
    /// Changes of the roles that Intercom lists, sorted by id.
    pub roles: Vec<Change<ListedRole>>,
    /// The new unversioned values of the people for whom they differ.
    pub volatile: Vec<(UserId, Volatile)>,
    /// The log entries to store.
    pub activity: Arc<[Activity]>,
    /// Removals that wait: the observation lacks these, but the plan keeps them.
    pub kept_back: KeptBack,
    /// The items that stay because Intercom's two lists disagree about them.
    pub disputed: Disputed,
    /// Known values that this observation could not read, and that stay: roles, seats, addresses
    /// and names.
    pub unreadable: Losses,
    /// The data beside the history, as it is stored with this plan.
    pub memory: Memory,
}

/// Counts of the removals that wait, because the observation may be incomplete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptBack {
    /// The number of people.
    pub users: usize,
    /// The number of teams.
    pub groups: usize,
    /// The number of memberships.
    pub memberships: usize,
}

impl KeptBack {
    /// Whether no removal waits.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// The number of changes of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// New users.
    pub users_created: usize,
    /// Users with changed access or attributes.
    pub users_updated: usize,
    /// Removed users.
    pub users_removed: usize,
    /// Users who were removed and are back.
    pub users_restored: usize,
    /// New teams.
    pub groups_created: usize,
    /// Changed teams.
    pub groups_updated: usize,
    /// Removed teams.
    pub groups_removed: usize,
    /// New memberships.
    pub memberships_created: usize,
    /// Memberships with a changed priority.
    pub memberships_updated: usize,
    /// Removed memberships.
    pub memberships_removed: usize,
}

impl Plan {
    /// Creates a plan without changes on top of generation `base`.
    #[must_use]
    pub fn nothing(base: Generation) -> Self {
        Self {
            base,
            workspace: Workspace::default(),
            users: Vec::new(),
            groups: Vec::new(),
            memberships: Vec::new(),
            roles: Vec::new(),
            volatile: Vec::new(),
            activity: Arc::default(),
            kept_back: KeptBack::default(),
            disputed: Disputed::default(),
            unreadable: Losses::default(),
            memory: Memory::default(),
        }
    }

    /// Whether the plan changes no person, team, membership or role.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
            && self.groups.is_empty()
            && self.memberships.is_empty()
            && self.roles.is_empty()
    }

    /// The number of changes of people, teams, memberships and roles.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.users.len() + self.groups.len() + self.memberships.len() + self.roles.len()
    }

    /// Counts the changes of each kind but those of listed roles.
    #[must_use]
    pub fn counts(&self) -> Counts {
        fn count<T>(changes: &[Change<T>], kind: impl Fn(&Change<T>) -> bool) -> usize {
            changes.iter().filter(|change| kind(change)).count()
        }
        Counts {
            users_created: count(&self.users, |change| matches!(change, Change::Created(_))),
            users_updated: count(&self.users, |change| matches!(change, Change::Updated { .. })),
            users_removed: count(&self.users, |change| matches!(change, Change::Removed { .. })),
            users_restored: count(&self.users, |change| matches!(change, Change::Restored { .. })),
            groups_created: count(&self.groups, |change| matches!(change, Change::Created(_))),
            groups_updated: count(&self.groups, |change| matches!(change, Change::Updated { .. })),
            groups_removed: count(&self.groups, |change| matches!(change, Change::Removed { .. })),
            memberships_created: count(&self.memberships, |change| {
                matches!(change, Change::Created(_))
            }),
            memberships_updated: count(&self.memberships, |change| {
                matches!(change, Change::Updated { .. })
            }),
            memberships_removed: count(&self.memberships, |change| {
                matches!(change, Change::Removed { .. })
            }),
        }
    }
}
