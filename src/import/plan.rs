//! From what is recorded and what is observed to a plan. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::directory::{Change, Group, GroupId, Membership, Observation, Plan, Snapshot, User, UserId, Volatile};

/// Plans how to get from `recorded` to `observed`. Planning what is already recorded gives the empty plan.
#[must_use]
pub fn plan(recorded: &Snapshot, observed: &Observation) -> Plan {
    let known: BTreeMap<&UserId, (&User, &Volatile)> =
        recorded.users.iter().map(|(user, volatile)| (&user.value.id, (&user.value, volatile))).collect();
    let seen = people(&known, observed);
    let mut volatile: Vec<(UserId, Volatile)> = Vec::new();
    for (id, (_, values)) in &seen {
        if known.get(id).is_none_or(|(_, before)| *before != values) {
            volatile.push(((*id).clone(), values.clone()));
        }
    }
    Plan {
        base: recorded.generation,
        workspace: observed.workspace.clone(),
        users: users(&known, seen),
        groups: groups(recorded, observed),
        memberships: memberships(recorded, observed),
        volatile,
        activity: Arc::clone(&observed.activity),
    }
}

/// Everybody who was seen or is known, as they are after this observation: what the lists say, on top of
/// what the log told earlier, with what it tells now.
fn people<'a>(
    known: &BTreeMap<&'a UserId, (&User, &Volatile)>,
    observed: &'a Observation,
) -> BTreeMap<&'a UserId, (User, Volatile)> {
    let mut people: BTreeMap<&UserId, (User, Volatile)> = BTreeMap::new();
    for sighting in &observed.users {
        let mut seen = (sighting.user.clone(), sighting.volatile.clone());
        if let Some((before, before_volatile)) = known.get(&sighting.user.id) {
            keep_what_the_log_told(&mut seen, before, before_volatile);
        }
        people.insert(&sighting.user.id, seen);
    }
    for (id, (before, volatile)) in known {
        // Who is gone has no access any more; what it was stays in the versions before.
        let gone = || User { active: false, has_inbox_seat: None, role: None, permissions: None, ..(*before).clone() };
        people.entry(id).or_insert_with(|| (gone(), (*volatile).clone()));
    }
    for entry in &*observed.activity {
        if let Some((user, volatile)) = entry.subject().as_ref().and_then(|id| people.get_mut(id)) {
            entry.tell(user, volatile);
        }
    }
    people
}

/// The lists do not tell these, so their silence is no news.
fn keep_what_the_log_told((user, volatile): &mut (User, Volatile), before: &User, before_volatile: &Volatile) {
    user.first_name.clone_from(&before.first_name);
    user.last_name.clone_from(&before.last_name);
    user.permissions.clone_from(&before.permissions);
    user.two_factor_auth = before.two_factor_auth;
    user.joined_at = before.joined_at;
    volatile.last_sign_in_at = before_volatile.last_sign_in_at;
    volatile.last_sign_in_method.clone_from(&before_volatile.last_sign_in_method);
}

fn users(
    known: &BTreeMap<&UserId, (&User, &Volatile)>,
    seen: BTreeMap<&UserId, (User, Volatile)>,
) -> Vec<Change<User>> {
    seen.into_iter()
        .filter_map(|(id, (after, _))| match known.get(id) {
            Some((before, _)) if **before == after => None,
            before => Change::of_user(before.map(|(before, _)| (*before).clone()), Some(after)),
        })
        .collect()
}

fn groups(recorded: &Snapshot, observed: &Observation) -> Vec<Change<Group>> {
    let before: BTreeMap<&GroupId, &Group> =
        recorded.groups.iter().map(|group| (&group.value.id, &group.value)).collect();
    let after: BTreeMap<&GroupId, &Group> = observed.groups.iter().map(|group| (&group.id, group)).collect();
    differences(&before, &after)
}

fn memberships(recorded: &Snapshot, observed: &Observation) -> Vec<Change<Membership>> {
    fn by_ends(memberships: &[Membership]) -> BTreeMap<(&GroupId, &UserId), &Membership> {
        memberships.iter().map(|membership| ((&membership.group, &membership.user), membership)).collect()
    }
    differences(&by_ends(&recorded.memberships), &by_ends(&observed.memberships))
}

/// The changes that turn `before` into `after`, by key.
fn differences<K: Ord, T: Clone + PartialEq>(before: &BTreeMap<K, &T>, after: &BTreeMap<K, &T>) -> Vec<Change<T>> {
    let keys: BTreeSet<&K> = before.keys().chain(after.keys()).collect();
    let change = |key| match (before.get(key), after.get(key)) {
        (Some(was), Some(is)) if was == is => None,
        (was, is) => Change::between(was.copied().cloned(), is.copied().cloned()),
    };
    keys.into_iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests;
