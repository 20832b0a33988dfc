//! A change of a person, a team or a membership, and the log entries that can explain it.

use super::{Group, GroupId, ListedRole, Membership, User, UserId};
use crate::words::words;

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
    pub fn action(&self) -> ChangeAction {
        match self {
            Self::Created(_) => ChangeAction::Created,
            Self::Updated { .. } => ChangeAction::Updated,
            Self::Removed { .. } => ChangeAction::Removed,
            Self::Restored { .. } => ChangeAction::Restored,
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

words! {
    /// The kind of a change, in cursors and in the API. The changes of a generation come in this
    /// order, and those of one kind by id.
    pub enum ChangeKind {
        /// A person.
        User = "user",
        /// A team.
        Group = "group",
        /// The membership of a person in a team.
        Membership = "membership",
        /// A role in Intercom's list of roles.
        Role = "role",
    }
}

words! {
    /// What became of a person, a team or a membership.
    pub enum ChangeAction {
        /// It is new.
        Created = "created",
        /// It changed.
        Updated = "updated",
        /// It was removed.
        Removed = "removed",
        /// It had been removed and is present again.
        Restored = "restored",
    }
}

/// A change of a person, a team, a membership or a listed role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A change of a person. Boxed, because it is much larger than the other variants.
    User(Box<Change<User>>),
    /// A change of a team.
    Group(Change<Group>),
    /// A change of a membership.
    Membership(Change<Membership>),
    /// A change of a listed role.
    Role(Change<ListedRole>),
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
            Self::Group(_) | Self::Role(_) => None,
            Self::Membership(change) => {
                change.after().or(change.before()).map(|membership| &membership.user)
            }
        }
    }

    /// Returns the team that the change is about.
    #[must_use]
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Self::User(_) | Self::Role(_) => None,
            Self::Group(change) => change.after().or(change.before()).map(|group| &group.id),
            Self::Membership(change) => {
                change.after().or(change.before()).map(|membership| &membership.group)
            }
        }
    }

    /// The name of the kind of change: `created`, `updated`, `removed` or `restored`.
    #[must_use]
    pub fn action(&self) -> ChangeAction {
        match self {
            Self::User(change) => change.action(),
            Self::Group(change) => change.action(),
            Self::Membership(change) => change.action(),
            Self::Role(change) => change.action(),
        }
    }

    /// The kind of item that changed.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        match self {
            Self::User(_) => ChangeKind::User,
            Self::Group(_) => ChangeKind::Group,
            Self::Membership(_) => ChangeKind::Membership,
            Self::Role(_) => ChangeKind::Role,
        }
    }

    /// Whether the change removed a person, a team, a membership or a listed role.
    #[must_use]
    pub fn is_removal(&self) -> bool {
        match self {
            Self::User(change) => matches!(**change, Change::Removed { .. }),
            Self::Group(change) => matches!(change, Change::Removed { .. }),
            Self::Membership(change) => matches!(change, Change::Removed { .. }),
            Self::Role(change) => matches!(change, Change::Removed { .. }),
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
