//! How to get from what is recorded to what is observed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Activity, Disputed, Generation, Group, GroupId, Losses, Membership, Memory, User, UserId, Volatile, Workspace,
};

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
    /// What is not in what was observed, and stays all the same.
    pub kept_back: KeptBack,
    /// What of it stays because Intercom's two lists disagree about it.
    pub disputed: Disputed,
    /// Known values that cannot be read now, and stay: roles, seats, addresses and names.
    pub unreadable: Losses,
    /// What is remembered beside the history from then on.
    pub memory: Memory,
}

/// Removals that wait, because what was observed may be a part of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptBack {
    /// People.
    pub users: usize,
    /// Teams.
    pub groups: usize,
    /// Memberships.
    pub memberships: usize,
}

impl KeptBack {
    /// Whether none waits.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
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
    /// The change from what was to what is, if there is one.
    #[must_use]
    pub fn between(before: Option<T>, after: Option<T>) -> Option<Self>
    where
        T: PartialEq,
    {
        match (before, after) {
            (None, None) => None,
            (None, Some(after)) => Some(Self::Created(after)),
            (Some(before), None) => Some(Self::Removed { before, after: None }),
            (Some(before), Some(after)) => (before != after).then_some(Self::Updated { before, after }),
        }
    }

    /// The word for the change.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::Updated { .. } => "updated",
            Self::Removed { .. } => "removed",
            Self::Restored { .. } => "restored",
        }
    }

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

impl Change<User> {
    /// The change from what was to what is, if there is one. People are not taken off the record: who is gone is
    /// there, inactive.
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

/// A change of one thing or another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Of a person; boxed, since the others are so much smaller.
    User(Box<Change<User>>),
    /// Of a team.
    Group(Change<Group>),
    /// Of who is in which team.
    Membership(Change<Membership>),
}

impl Changed {
    /// The kinds of log entries that tell of a deed, by what they tell of.
    pub const DEEDS: &[(Deed, &[&str])] = &[
        (Deed::Arrival, &["app_admin_join", "admin_provisioned"]),
        (Deed::Departure, &["admin_deletion", "admin_deprovisioned"]),
        (Deed::Permissions, &["admin_permission_change"]),
        (Deed::Role, &["role_change"]),
        (Deed::Seat, &["seat_change", "seat_revoke"]),
        (Deed::TwoFactor, &["admin_two_factor_auth_change"]),
        (Deed::Founding, &["app_team_creation"]),
        (Deed::Dissolution, &["app_team_deletion"]),
        (Deed::Limit, &["team_assignment_limit_change"]),
        (Deed::Membership, &["app_team_membership_modification"]),
    ];

    /// The person it is about.
    #[must_use]
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(change) => change.after().or(change.before()).map(|user| &user.id),
            Self::Group(_) => None,
            Self::Membership(change) => change.after().or(change.before()).map(|membership| &membership.user),
        }
    }

    /// The team it is about.
    #[must_use]
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Self::User(_) => None,
            Self::Group(change) => change.after().or(change.before()).map(|group| &group.id),
            Self::Membership(change) => change.after().or(change.before()).map(|membership| &membership.group),
        }
    }

    /// What became of it, in a word: `created`, `updated`, `removed` or `restored`.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::User(change) => change.action(),
            Self::Group(change) => change.action(),
            Self::Membership(change) => change.action(),
        }
    }

    /// Whether access was removed: a person, a team or a membership.
    #[must_use]
    pub fn is_removal(&self) -> bool {
        match self {
            Self::User(change) => matches!(**change, Change::Removed { .. }),
            Self::Group(change) => matches!(change, Change::Removed { .. }),
            Self::Membership(change) => matches!(change, Change::Removed { .. }),
        }
    }

    /// Whether a log entry of this kind tells of the deed that made this change, if it is about the same person, or
    /// else about the same team. That of a membership may also be the departure of the person, or the making or end of
    /// the team.
    #[must_use]
    pub fn is_told_by(&self, kind: &str, about_user: bool) -> bool {
        let Some(deed) = Deed::of(kind) else { return false };
        match (self, about_user) {
            (Self::User(change), true) => match &**change {
                Change::Created(_) | Change::Restored { .. } => deed == Deed::Arrival,
                Change::Removed { .. } => deed == Deed::Departure,
                Change::Updated { before, after } => match deed {
                    Deed::Permissions => before.permissions != after.permissions,
                    Deed::Role => before.role != after.role,
                    Deed::Seat => before.has_inbox_seat != after.has_inbox_seat,
                    Deed::TwoFactor => before.two_factor_auth != after.two_factor_auth,
                    _ => false,
                },
            },
            (Self::Group(change), false) => match change {
                Change::Created(_) | Change::Restored { .. } => deed == Deed::Founding,
                Change::Removed { .. } => deed == Deed::Dissolution,
                Change::Updated { .. } => deed == Deed::Limit,
            },
            (Self::Membership(Change::Removed { .. }), true) => deed == Deed::Departure,
            (Self::Membership(change), false) => match deed {
                Deed::Membership => true,
                Deed::Founding => matches!(change, Change::Created(_)),
                Deed::Dissolution => matches!(change, Change::Removed { .. }),
                _ => false,
            },
            _ => false,
        }
    }
}

/// What the people and the team of a change were called when it was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeNames {
    /// The person's name.
    pub user: Option<String>,
    /// The person's address.
    pub email: Option<String>,
    /// The team's name.
    pub group: Option<String>,
    /// The name of who did it.
    pub actor: Option<String>,
    /// Whether the person's data was erased since.
    pub erased: bool,
}

/// What a log entry tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Somebody joined.
    Arrival,
    /// Somebody was removed.
    Departure,
    /// Somebody's permissions were changed.
    Permissions,
    /// Somebody's role was changed.
    Role,
    /// Somebody's seat was given or taken.
    Seat,
    /// Somebody's second factor was turned on or off.
    TwoFactor,
    /// A team was made.
    Founding,
    /// A team was ended.
    Dissolution,
    /// A team's limit was changed.
    Limit,
    /// A team's members were changed.
    Membership,
}

impl Deed {
    /// What a log entry of this kind tells of, if it is something that a change can come of.
    #[must_use]
    pub fn of(kind: &str) -> Option<Self> {
        Changed::DEEDS.iter().find(|(_, kinds)| kinds.contains(&kind)).map(|(deed, _)| *deed)
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
            kept_back: KeptBack::default(),
            disputed: Disputed::default(),
            unreadable: Losses::default(),
            memory: Memory::default(),
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
