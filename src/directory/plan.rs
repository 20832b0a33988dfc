//! How to get from what is recorded to what is observed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Activity, Generation, Group, Membership, User, UserId, Volatile, Workspace};

/// The difference between a [`Snapshot`](super::Snapshot) and an [`Observation`](super::Observation),
/// as a value: the plan that a person reads is the plan that is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The generation it was made from; it can be committed on no other.
    pub base: Generation,
    /// Which workspace was observed.
    pub workspace: Workspace,
    /// Changes of people, by id.
    pub users: Vec<Change<User>>,
    /// Changes of teams, by id.
    pub groups: Vec<Change<Group>>,
    /// Changes of memberships, by group and user.
    pub memberships: Vec<Change<Membership>>,
    /// Current values that are not access, for those people whose values differ.
    pub volatile: Vec<(UserId, Volatile)>,
    /// Log entries to keep.
    pub activity: Arc<[Activity]>,
}

/// One change, with what was and what is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// Was not known before.
    Created(T),
    /// Is different now.
    Updated {
        /// What was.
        before: T,
        /// What is.
        after: T,
    },
    /// Is gone. People stay on record, inactive; teams and memberships end.
    Removed {
        /// What was.
        before: T,
        /// What stays on record.
        after: Option<T>,
    },
    /// Was gone and is back.
    Restored {
        /// What stayed on record.
        before: T,
        /// What is.
        after: T,
    },
}

impl<T> Change<T> {
    /// What was on record, if anything was.
    pub fn before(&self) -> Option<&T> {
        match self {
            Self::Created(_) => None,
            Self::Updated { before, .. } | Self::Removed { before, .. } | Self::Restored { before, .. } => Some(before),
        }
    }

    /// What will be on record, if anything will.
    pub fn after(&self) -> Option<&T> {
        match self {
            Self::Created(after) | Self::Updated { after, .. } | Self::Restored { after, .. } => Some(after),
            Self::Removed { after, .. } => after.as_ref(),
        }
    }
}

/// How many changes of each kind a plan holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Counts {
    /// People not known before.
    pub users_created: usize,
    /// People whose access or description changed.
    pub users_updated: usize,
    /// People who are gone.
    pub users_removed: usize,
    /// People who are back.
    pub users_restored: usize,
    /// Teams not known before.
    pub groups_created: usize,
    /// Teams that changed.
    pub groups_updated: usize,
    /// Teams that are gone.
    pub groups_removed: usize,
    /// Memberships not known before.
    pub memberships_created: usize,
    /// Memberships whose priority changed.
    pub memberships_updated: usize,
    /// Memberships that ended.
    pub memberships_removed: usize,
}

impl Plan {
    /// The plan that changes nothing of generation `base`.
    #[must_use]
    pub fn nothing(base: Generation) -> Self {
        Self {
            base,
            workspace: Workspace::default(),
            users: Vec::new(),
            groups: Vec::new(),
            memberships: Vec::new(),
            volatile: Vec::new(),
            activity: Arc::default(),
        }
    }

    /// Whether committing it would change nobody's access.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty() && self.memberships.is_empty()
    }

    /// How many changes of each kind it holds.
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
            memberships_created: count(&self.memberships, |change| matches!(change, Change::Created(_))),
            memberships_updated: count(&self.memberships, |change| matches!(change, Change::Updated { .. })),
            memberships_removed: count(&self.memberships, |change| matches!(change, Change::Removed { .. })),
        }
    }
}
