//! From what is recorded and what is observed to a plan. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::directory::{
    Change, Field, Group, GroupId, KeptBack, Membership, Observation, Plan, Snapshot, User, UserId, Volatile,
};

/// Plans how to get from `recorded` to `observed`. Planning what is already recorded gives the empty plan.
#[must_use]
pub fn plan(recorded: &Snapshot, observed: &Observation) -> Plan {
    let known: BTreeMap<&UserId, (&User, &Volatile)> =
        recorded.users.iter().map(|(user, volatile)| (&user.value.id, (&user.value, volatile))).collect();
    let (seen, users_kept) = people(&known, observed);
    let (groups, groups_kept) = groups(recorded, observed);
    let (memberships, memberships_kept) = memberships(recorded, observed);
    let mut volatile: Vec<(UserId, Volatile)> = Vec::new();
    for (id, (_, values)) in &seen {
        if known.get(id).is_none_or(|(_, before)| *before != values) {
            volatile.push(((*id).clone(), values.clone()));
        }
    }
    Plan {
        base: recorded.generation,
        workspace: observed.workspace.clone().or(&recorded.workspace),
        users: users(&known, seen),
        groups,
        memberships,
        volatile,
        activity: Arc::clone(&observed.activity),
        kept_back: KeptBack { users: users_kept, groups: groups_kept, memberships: memberships_kept },
    }
}

/// Everybody who was seen or is known, as they are after this observation: what the lists say, on top of
/// what the log told earlier, with what it tells now. And how many stay only because the list may be a part of the whole.
fn people<'a>(
    known: &BTreeMap<&'a UserId, (&User, &Volatile)>,
    observed: &'a Observation,
) -> (BTreeMap<&'a UserId, (User, Volatile)>, usize) {
    let mut people: BTreeMap<&UserId, (User, Volatile)> = BTreeMap::new();
    for sighting in &observed.users {
        let id = &sighting.user.id;
        let mut seen = (sighting.user.clone(), sighting.volatile.clone());
        if let Some((before, before_volatile)) = known.get(id) {
            keep_what_the_log_told(&mut seen, before, before_volatile);
            if let Some(fields) = observed.unknown.users.get(id) {
                keep_unknown_fields(&mut seen, fields, before, before_volatile);
            }
        }
        people.insert(id, seen);
    }
    let mut kept = BTreeSet::new();
    for (id, (before, volatile)) in known {
        if people.contains_key(id) {
            continue;
        }
        if observed.unknown.lists_in_part && before.active {
            kept.insert(*id);
            people.insert(id, ((*before).clone(), (*volatile).clone()));
            continue;
        }
        // Who is gone has no access any more; what it was stays in the versions before.
        let gone = User { active: false, has_inbox_seat: None, role: None, permissions: None, ..(*before).clone() };
        people.insert(id, (gone, (*volatile).clone()));
    }
    for entry in &*observed.activity {
        // What the log tells of somebody whose removal waits is taken together with the removal.
        let subject = entry.subject().filter(|id| !kept.contains(id));
        if let Some((user, volatile)) = subject.as_ref().and_then(|id| people.get_mut(id))
            // What was erased does not come back by what the log tells once more.
            && !user.erased
        {
            entry.tell(user, volatile);
        }
    }
    (people, kept.len())
}

/// What could not be read stays as it is recorded.
fn keep_unknown_fields(
    (user, volatile): &mut (User, Volatile),
    fields: &BTreeSet<Field>,
    before: &User,
    before_volatile: &Volatile,
) {
    for field in fields {
        match field {
            Field::Email => user.email.clone_from(&before.email),
            Field::Name => user.name.clone_from(&before.name),
            Field::JobTitle => user.job_title.clone_from(&before.job_title),
            Field::HasInboxSeat => user.has_inbox_seat = before.has_inbox_seat,
            Field::Role => user.role = before.role.clone().or(user.role.take()),
            Field::AwayModeEnabled => volatile.away_mode_enabled = before_volatile.away_mode_enabled,
            Field::AwayModeReassign => volatile.away_mode_reassign = before_volatile.away_mode_reassign,
            Field::AwayStatusReasonId => volatile.away_status_reason_id = before_volatile.away_status_reason_id,
            Field::Avatar => volatile.avatar_url.clone_from(&before_volatile.avatar_url),
            // These are of teams and of memberships.
            Field::TeamIds
            | Field::TeamPriorityLevel
            | Field::AdminIds
            | Field::AdminPriorityLevel
            | Field::DistributionMethod
            | Field::AssignmentLimit => {}
        }
    }
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

/// The changes of teams, and how many teams stay only because the list may be a part of the whole.
fn groups(recorded: &Snapshot, observed: &Observation) -> (Vec<Change<Group>>, usize) {
    let before: BTreeMap<&GroupId, &Group> =
        recorded.groups.iter().map(|group| (&group.value.id, &group.value)).collect();
    let complete = |group: &Group| {
        let mut group = group.clone();
        let fields = observed.unknown.groups.get(&group.id);
        if let (Some(fields), Some(before)) = (fields, before.get(&group.id)) {
            for field in fields {
                match field {
                    Field::Name => group.name.clone_from(&before.name),
                    Field::DistributionMethod => group.distribution_method.clone_from(&before.distribution_method),
                    Field::AssignmentLimit => group.assignment_limit = before.assignment_limit,
                    _ => {}
                }
            }
        }
        group
    };
    let observed_groups: Vec<Group> = observed.groups.iter().map(complete).collect();
    let mut after: BTreeMap<&GroupId, &Group> = observed_groups.iter().map(|group| (&group.id, group)).collect();
    let seen = after.len();
    if observed.unknown.lists_in_part {
        for (id, group) in &before {
            after.entry(id).or_insert(group);
        }
    }
    (differences(&before, &after), after.len() - seen)
}

/// The changes of memberships, and how many stay only because something of them could not be read.
fn memberships(recorded: &Snapshot, observed: &Observation) -> (Vec<Change<Membership>>, usize) {
    fn by_ends<'a>(
        memberships: impl Iterator<Item = &'a Membership>,
    ) -> BTreeMap<(&'a GroupId, &'a UserId), &'a Membership> {
        memberships.map(|membership| ((&membership.group, &membership.user), membership)).collect()
    }
    let unknown = &observed.unknown;
    let before = by_ends(recorded.memberships.iter());
    let unknown_level = |one: &Membership| {
        unknown.groups.get(&one.group).is_some_and(|fields| fields.contains(&Field::AdminPriorityLevel))
            || unknown.users.get(&one.user).is_some_and(|fields| fields.contains(&Field::TeamPriorityLevel))
    };
    let complete = |one: &Membership| {
        let known = before.get(&(&one.group, &one.user)).and_then(|before| before.priority);
        let priority = one.priority.or(known.filter(|_| unknown_level(one)));
        Membership { priority, ..one.clone() }
    };
    let observed_memberships: Vec<Membership> = observed.memberships.iter().map(complete).collect();
    let mut after = by_ends(observed_memberships.iter());
    let seen = after.len();
    if unknown.keeps_back() {
        let users: BTreeSet<&UserId> = observed.users.iter().map(|sighting| &sighting.user.id).collect();
        for (ends @ (group, user), membership) in &before {
            // Where only a team's members are in doubt, those who left the workspace left the team too.
            if unknown.lists_in_part || unknown.members.contains(*group) && users.contains(user) {
                after.entry(*ends).or_insert(membership);
            }
        }
    }
    (differences(&before, &after), after.len() - seen)
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
