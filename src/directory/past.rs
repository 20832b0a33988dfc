//! What people and teams had in versions that ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::text::folded;
use super::{Ends, Group, GroupId, LossKind, Role, User, UserId};

/// What a person had during a time range: the first role, permissions, address and name, and
/// whether the person was ever active and ever had a seat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Had {
    active: bool,
    seat: bool,
    role: Option<Arc<Role>>,
    permissions: Option<Box<[String]>>,
    email: Option<String>,
    name: Option<String>,
}

impl Had {
    /// Adds a version of the person. Versions must be added oldest first.
    pub fn note(&mut self, user: &User) {
        if !user.active {
            return;
        }
        self.active = true;
        self.seat |= user.has_inbox_seat == Some(true);
        first(&mut self.role, user.role.as_ref());
        first(&mut self.permissions, user.permissions.as_ref());
        first(&mut self.email, user.email.as_ref());
        first(&mut self.name, user.name.as_ref());
    }

    /// Returns the kinds that the person lost, compared with `now`. A removed person counts as one
    /// loss of the kind `People` and none of the others.
    pub(super) fn lost(&self, now: Option<&User>) -> Vec<LossKind> {
        let Some(now) = now.filter(|now| now.active) else {
            return if self.active { vec![LossKind::People] } else { Vec::new() };
        };
        let other = |had: Option<&String>, has: Option<&String>| {
            had.is_some_and(|had| has.is_none_or(|has| folded(had) != folded(has)))
        };
        let other_role = self
            .role
            .as_ref()
            .is_some_and(|had| now.role.as_ref().is_none_or(|has| !same_role(had, has)));
        let fewer_permissions = self.permissions.iter().flatten().any(|permission| {
            now.permissions.as_ref().is_none_or(|permissions| !permissions.contains(permission))
        });
        [
            (LossKind::Roles, other_role || fewer_permissions),
            (LossKind::Seats, self.seat && now.has_inbox_seat != Some(true)),
            (LossKind::Emails, other(self.email.as_ref(), now.email.as_ref())),
            (LossKind::Names, other(self.name.as_ref(), now.name.as_ref())),
        ]
        .into_iter()
        .filter_map(|(kind, lost)| lost.then_some(kind))
        .collect()
    }
}

/// Sets `kept` to the first value that is known.
pub(super) fn first<T: Clone>(kept: &mut Option<T>, value: Option<&T>) {
    if kept.is_none() {
        *kept = value.cloned();
    }
}

/// Whether two roles are the same. A renamed role is the same, and so is a role whose id was
/// unreadable one of the two times.
fn same_role(one: &Role, other: &Role) -> bool {
    one.id == other.id || one.name.is_some() && one.name == other.name
}

/// A person of whom a version ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastUser {
    /// What the person had in the versions that ended.
    pub had: Had,
    /// The person's current value.
    pub now: Option<User>,
}

/// A team of which a version ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastGroup {
    /// The team's name in the first of those versions that has one.
    pub name: Option<String>,
    /// The team's current value.
    pub now: Option<Group>,
}

/// The versions that ended in the ledger within a range of generations, and the current values of
/// the same items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndedVersions {
    /// People of whom a version ended.
    pub users: BTreeMap<UserId, PastUser>,
    /// Teams of which a version ended.
    pub groups: BTreeMap<GroupId, PastGroup>,
    /// Memberships of which a version ended, and whether they exist now.
    pub memberships: BTreeMap<Ends, bool>,
}
