//! The changes that lead from the recorded state to the observed one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Activity, Disputed, Generation, Group, GroupId, Losses, Membership, Memory, User, UserId,
    Volatile, Workspace,
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

/// One change, with the values before and after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// The item is new.
    Created(T),
    /// The item has other values.
    Updated {
        /// The value before the change.
        before: T,
        /// The value after the change.
        after: T,
    },
    /// The item was removed. A removed person stays on record, inactive; a removed team or
    /// membership does not.
    Removed {
        /// The value before the change.
        before: T,
        /// The value that stays on record.
        after: Option<T>,
    },
    /// The item had been removed and is present again.
    Restored {
        /// The value that had stayed on record.
        before: T,
        /// The value after the change.
        after: T,
    },
}

impl<T> Change<T> {
    /// Returns the change between two values, if they differ.
    #[must_use]
    pub fn between(before: Option<T>, after: Option<T>) -> Option<Self>
    where
        T: PartialEq,
    {
        match (before, after) {
            (None, None) => None,
            (None, Some(after)) => Some(Self::Created(after)),
            (Some(before), None) => Some(Self::Removed { before, after: None }),
            (Some(before), Some(after)) => {
                (before != after).then_some(Self::Updated { before, after })
            }
        }
    }

    /// The name of the kind of change.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::Updated { .. } => "updated",
            Self::Removed { .. } => "removed",
            Self::Restored { .. } => "restored",
        }
    }

    /// The value on record before the change, if any.
    pub fn before(&self) -> Option<&T> {
        match self {
            Self::Created(_) => None,
            Self::Updated { before, .. }
            | Self::Removed { before, .. }
            | Self::Restored { before, .. } => Some(before),
        }
    }

    /// The value on record after the change, if any.
    pub fn after(&self) -> Option<&T> {
        match self {
            Self::Created(after) | Self::Updated { after, .. } | Self::Restored { after, .. } => {
                Some(after)
            }
            Self::Removed { after, .. } => after.as_ref(),
        }
    }
}

impl Change<User> {
    /// Returns the change between two values of a person, if they differ. A removed person stays on
    /// record: removal is a change of `active` to false.
    #[must_use]
    pub fn of_user(before: Option<User>, after: Option<User>) -> Option<Self> {
        match Self::between(before, after) {
            Some(Self::Updated { before, after }) => Some(match (before.active, after.active) {
                (true, false) => Self::Removed { before, after: Some(after) },
                (false, true) => Self::Restored { before, after },
                _ => Self::Updated { before, after },
            }),
            change => change,
        }
    }
}

/// A change of a person, a team or a membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A change of a person. Boxed, because it is much larger than the other variants.
    User(Box<Change<User>>),
    /// A change of a team.
    Group(Change<Group>),
    /// A change of a membership.
    Membership(Change<Membership>),
}

impl Changed {
    /// The kinds of log entries that can explain a change, by the event that they record.
    pub const ACTIVITY_KINDS: &[(ActivityKind, &[&str])] = &[
        (ActivityKind::Arrival, &["app_admin_join", "admin_provisioned"]),
        (ActivityKind::Departure, &["admin_deletion", "admin_deprovisioned"]),
        (ActivityKind::Permissions, &["admin_permission_change"]),
        (ActivityKind::Role, &["role_change"]),
        (ActivityKind::Seat, &["seat_change", "seat_revoke"]),
        (ActivityKind::TwoFactor, &["admin_two_factor_auth_change"]),
        (ActivityKind::Founding, &["app_team_creation"]),
        (ActivityKind::Dissolution, &["app_team_deletion"]),
        (ActivityKind::Limit, &["team_assignment_limit_change"]),
        (ActivityKind::Membership, &["app_team_membership_modification"]),
    ];

    /// Returns the person that the change is about.
    #[must_use]
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(change) => change.after().or(change.before()).map(|user| &user.id),
            Self::Group(_) => None,
            Self::Membership(change) => {
                change.after().or(change.before()).map(|membership| &membership.user)
            }
        }
    }

    /// Returns the team that the change is about.
    #[must_use]
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Self::User(_) => None,
            Self::Group(change) => change.after().or(change.before()).map(|group| &group.id),
            Self::Membership(change) => {
                change.after().or(change.before()).map(|membership| &membership.group)
            }
        }
    }

    /// The name of the kind of change: `created`, `updated`, `removed` or `restored`.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::User(change) => change.action(),
            Self::Group(change) => change.action(),
            Self::Membership(change) => change.action(),
        }
    }

    /// Whether the change removed access: a person, a team or a membership.
    #[must_use]
    pub fn is_removal(&self) -> bool {
        match self {
            Self::User(change) => matches!(**change, Change::Removed { .. }),
            Self::Group(change) => matches!(change, Change::Removed { .. }),
            Self::Membership(change) => matches!(change, Change::Removed { .. }),
        }
    }

    /// Whether a log entry of this kind explains this change. `about_user` says whether entry and
    /// change have the person in common, or else the team. A change of a membership can also be
    /// explained by the removal of the person, or by the creation or deletion of the team.
    #[must_use]
    pub fn is_told_by(&self, kind: &str, about_user: bool) -> bool {
        let Some(deed) = ActivityKind::from_entry_kind(kind) else { return false };
        match (self, about_user) {
            (Self::User(change), true) => match &**change {
                Change::Created(_) | Change::Restored { .. } => deed == ActivityKind::Arrival,
                Change::Removed { .. } => deed == ActivityKind::Departure,
                Change::Updated { before, after } => match deed {
                    ActivityKind::Permissions => before.permissions != after.permissions,
                    ActivityKind::Role => before.role != after.role,
                    ActivityKind::Seat => before.has_inbox_seat != after.has_inbox_seat,
                    ActivityKind::TwoFactor => before.two_factor_auth != after.two_factor_auth,
                    _ => false,
                },
            },
            (Self::Group(change), false) => match change {
                Change::Created(_) | Change::Restored { .. } => deed == ActivityKind::Founding,
                Change::Removed { .. } => deed == ActivityKind::Dissolution,
                Change::Updated { .. } => deed == ActivityKind::Limit,
            },
            (Self::Membership(Change::Removed { .. }), true) => deed == ActivityKind::Departure,
            (Self::Membership(change), false) => match deed {
                ActivityKind::Membership => true,
                ActivityKind::Founding => matches!(change, Change::Created(_)),
                ActivityKind::Dissolution => matches!(change, Change::Removed { .. }),
                _ => false,
            },
            _ => false,
        }
    }
}

/// The names of the people and the team of a change at the time when it was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeNames {
    /// The person's name.
    pub user: Option<String>,
    /// The person's email address.
    pub email: Option<String>,
    /// The team's name.
    pub group: Option<String>,
    /// The name of the admin who made the change.
    pub actor: Option<String>,
    /// Whether the person's data was erased since.
    pub erased: bool,
}

/// An event that a log entry can record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityKind {
    /// An admin joined.
    Arrival,
    /// An admin was removed.
    Departure,
    /// An admin's permissions were changed.
    Permissions,
    /// An admin's role was changed.
    Role,
    /// An admin's seat was granted or revoked.
    Seat,
    /// An admin's two-factor authentication was turned on or off.
    TwoFactor,
    /// A team was created.
    Founding,
    /// A team was deleted.
    Dissolution,
    /// A team's assignment limit was changed.
    Limit,
    /// A team's members were changed.
    Membership,
}

impl ActivityKind {
    /// Returns the event that log entries of this kind record; `None` if such an event explains no
    /// change.
    #[must_use]
    pub fn from_entry_kind(kind: &str) -> Option<Self> {
        Changed::ACTIVITY_KINDS
            .iter()
            .find(|(_, kinds)| kinds.contains(&kind))
            .map(|(deed, _)| *deed)
    }
}

/// The number of changes of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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
            volatile: Vec::new(),
            activity: Arc::default(),
            kept_back: KeptBack::default(),
            disputed: Disputed::default(),
            unreadable: Losses::default(),
            memory: Memory::default(),
        }
    }

    /// Whether the plan changes no person, team or membership.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty() && self.memberships.is_empty()
    }

    /// Counts the changes of each kind.
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
