//! One name for each role: the one that Intercom's list of roles has, in everybody's record.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::directory::{Field, ListedRole, Observation, Role, Snapshot, User};

/// The listed roles after an observation, by id. If the list was not read, they are the recorded
/// ones. If it was read in part, none is removed.
pub(super) fn listed_roles<'a>(
    recorded: &'a Snapshot,
    observed: &'a Observation,
) -> BTreeMap<&'a str, &'a ListedRole> {
    let Some(list) = &observed.roles else { return by_id(recorded) };
    let mut listed = if list.in_part { by_id(recorded) } else { BTreeMap::new() };
    listed.extend(list.roles.iter().map(|role| (role.id.as_str(), role)));
    listed
}

/// The recorded roles, by id.
pub(super) fn by_id(recorded: &Snapshot) -> BTreeMap<&str, &ListedRole> {
    recorded.roles.iter().map(|role| (role.value.id.as_str(), &role.value)).collect()
}

/// The names that the roles of people get.
pub(super) struct RoleNames<'a> {
    listed: BTreeMap<&'a str, Arc<Role>>,
    /// The roles as the readable records of admins name them.
    held: BTreeMap<&'a str, &'a Arc<Role>>,
}

impl<'a> RoleNames<'a> {
    /// The names after an observation. `listed` are the roles of [`listed_roles`].
    pub fn new(listed: &BTreeMap<&'a str, &ListedRole>, observed: &'a Observation) -> Self {
        let named = |role: &ListedRole| {
            Arc::new(Role { id: role.id.clone(), name: Some(role.name.clone()) })
        };
        let mut held: BTreeMap<&str, &Arc<Role>> = BTreeMap::new();
        for seen in &observed.users {
            let fields = observed.unknown.users.get(&seen.user.id);
            if let Some(role) = seen.user.role.as_ref().filter(|role| role.name.is_some())
                && !fields.is_some_and(|fields| fields.contains(&Field::Role))
            {
                held.entry(&role.id).or_insert(role);
            }
        }
        Self { listed: listed.iter().map(|(id, role)| (*id, named(role))).collect(), held }
    }

    /// Gives the role of a user the name that the list has. `is_kept` says that the role is the
    /// recorded one. Then, if the list lacks the role, it gets the name that others have for it.
    pub fn apply(&self, user: &mut User, is_kept: bool) {
        let Some(role) = &user.role else { return };
        let listed = self.listed.get(role.id.as_str());
        let held = || self.held.get(role.id.as_str()).copied().filter(|_| is_kept);
        if let Some(named) = listed.or_else(held)
            && named.name != role.name
        {
            user.role = Some(Arc::clone(named));
        }
    }
}
