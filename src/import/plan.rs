//! Computes the plan that leads from the recorded to the observed state. Pure.

mod role_names;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use role_names::{RoleNames, listed_roles};

use crate::directory::{
    Change, Disputed, Ends, Field, Group, GroupId, KeptBack, LastActivity, Loser, LossKind, Losses,
    Membership, Memory, Observation, Plan, Snapshot, User, UserId, Volatile,
};

/// Plans the changes from `recorded` to `observed`. If both are equal, the plan is empty.
#[must_use]
pub fn plan(recorded: &Snapshot, observed: &Observation) -> Plan {
    let known: BTreeMap<&UserId, (&User, &Volatile)> = recorded
        .users
        .iter()
        .map(|(user, volatile)| (&user.value.id, (&user.value, volatile)))
        .collect();
    let listed = listed_roles(recorded, observed);
    let people = people(&known, observed, &RoleNames::new(&listed, observed));
    let groups = groups(recorded, observed);
    let memberships = memberships(recorded, observed);
    let mut volatile: Vec<(UserId, Volatile)> = Vec::new();
    for (id, (_, values)) in &people.after {
        if known.get(id).is_none_or(|(_, before)| *before != values) {
            volatile.push(((*id).clone(), values.clone()));
        }
    }
    Plan {
        base: recorded.generation,
        workspace: observed.workspace.clone().or(&recorded.workspace),
        users: users(&known, people.after),
        groups: groups.changes,
        memberships: memberships.changes,
        roles: differences(&role_names::by_id(recorded), &listed),
        volatile,
        activity: Arc::clone(&observed.activity),
        kept_back: KeptBack {
            users: people.kept,
            groups: groups.kept,
            memberships: memberships.kept,
        },
        disputed: Disputed {
            users: people.disputed,
            groups: groups.disputed,
            memberships: memberships.disputed,
        },
        unreadable: unreadable(&known, recorded, observed),
        memory: Memory::default(),
    }
}

/// Returns the recorded values of present people and teams that this observation could not read.
/// The plan keeps them.
fn unreadable(
    known: &BTreeMap<&UserId, (&User, &Volatile)>,
    recorded: &Snapshot,
    observed: &Observation,
) -> Losses {
    let mut unreadable = Losses::default();
    for (id, fields) in &observed.unknown.users {
        let Some((user, _)) = known.get(id).filter(|(user, _)| user.active) else { continue };
        for field in fields {
            let (kind, is_known) = match field {
                Field::Email => (LossKind::Emails, user.email.is_some()),
                Field::Name => (LossKind::Names, user.name.is_some()),
                Field::HasInboxSeat => (LossKind::Seats, user.has_inbox_seat == Some(true)),
                Field::Role => (LossKind::Roles, user.role.is_some()),
                _ => continue,
            };
            if is_known {
                unreadable.add(kind, Loser::User(id.clone()));
            }
        }
    }
    for group in
        recorded.groups.iter().map(|group| &group.value).filter(|group| group.name.is_some())
    {
        if observed
            .unknown
            .groups
            .get(&group.id)
            .is_some_and(|fields| fields.contains(&Field::Name))
        {
            unreadable.add(LossKind::TeamNames, Loser::Group(group.id.clone()));
        }
    }
    unreadable
}

/// The people after an observation.
struct People<'a> {
    /// All observed and recorded people with their values: those of the lists, then those that the
    /// log gave earlier, then those that it gives now.
    after: BTreeMap<&'a UserId, (User, Volatile)>,
    /// How many people stay only because a list may be incomplete or the two lists disagree.
    kept: usize,
    /// Those who stay because the two lists disagree.
    disputed: BTreeSet<UserId>,
}

/// The changes of teams or of memberships.
struct Planned<T, K> {
    changes: Vec<Change<T>>,
    /// How many stay only because something could not be read or the two lists disagree.
    kept: usize,
    /// Those that stay because the two lists disagree.
    disputed: BTreeSet<K>,
}

/// Returns the people after an observation.
fn people<'a>(
    known: &BTreeMap<&'a UserId, (&User, &Volatile)>,
    observed: &'a Observation,
    names: &RoleNames<'_>,
) -> People<'a> {
    let mut people: BTreeMap<&UserId, (User, Volatile)> = BTreeMap::new();
    for sighting in &observed.users {
        let id = &sighting.user.id;
        let mut user = sighting.user.clone();
        let mut volatile = sighting.volatile.clone();
        if let Some((before, before_volatile)) = known.get(id) {
            keep_values_of_the_log(&mut user, &mut volatile, before, before_volatile);
            if let Some(fields) = observed.unknown.users.get(id) {
                keep_unknown_fields(&mut user, &mut volatile, fields, before, before_volatile);
            }
        }
        let fields = observed.unknown.users.get(id);
        names.apply(&mut user, fields.is_some_and(|fields| fields.contains(&Field::Role)));
        people.insert(id, (user, volatile));
    }
    let mut kept = BTreeSet::new();
    let mut disputed = BTreeSet::new();
    for (id, (before, volatile)) in known {
        if people.contains_key(id) {
            continue;
        }
        let is_disputed = observed.unknown.disputed.users.contains(*id);
        if (observed.unknown.lists_in_part || is_disputed) && before.active {
            if is_disputed && !observed.unknown.lists_in_part {
                disputed.insert((*id).clone());
            }
            kept.insert(*id);
            let mut user = (*before).clone();
            names.apply(&mut user, true);
            people.insert(id, (user, (*volatile).clone()));
            continue;
        }
        // A removed person has no access. The earlier versions show the access that they had.
        let gone = User {
            active: false,
            has_inbox_seat: None,
            role: None,
            permissions: None,
            ..(*before).clone()
        };
        people.insert(id, (gone, (*volatile).clone()));
    }
    for entry in &*observed.activity {
        // The log entries of a person whose removal waits are applied together with the removal.
        let subject = entry.subject().filter(|id| !kept.contains(id));
        if let Some((user, volatile)) = subject.as_ref().and_then(|id| people.get_mut(id))
            // Erased data must not come back when a log entry is read again.
            && !user.erased
        {
            entry.tell(user, volatile);
        }
        if let Some((id, activity)) = LastActivity::shown_by(entry)
            && let Some((user, volatile)) = people.get_mut(&id)
            && !user.erased
        {
            volatile.note_activity(activity);
        }
    }
    People { after: people, kept: kept.len(), disputed }
}

/// Replaces the unreadable fields with their recorded values.
fn keep_unknown_fields(
    user: &mut User,
    volatile: &mut Volatile,
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
            Field::AwayModeEnabled => {
                volatile.away_mode_enabled = before_volatile.away_mode_enabled;
            }
            Field::AwayModeReassign => {
                volatile.away_mode_reassign = before_volatile.away_mode_reassign;
            }
            Field::AwayStatusReasonId => {
                volatile.away_status_reason_id = before_volatile.away_status_reason_id;
            }
            Field::Avatar => volatile.avatar_url.clone_from(&before_volatile.avatar_url),
            // Fields of teams and of memberships.
            Field::TeamIds
            | Field::TeamPriorityLevel
            | Field::AdminIds
            | Field::AdminPriorityLevel
            | Field::DistributionMethod
            | Field::AssignmentLimit => {}
        }
    }
}

/// Copies the recorded values that only the log gives. The lists never contain them.
fn keep_values_of_the_log(
    user: &mut User,
    volatile: &mut Volatile,
    before: &User,
    before_volatile: &Volatile,
) {
    user.first_name.clone_from(&before.first_name);
    user.last_name.clone_from(&before.last_name);
    user.permissions.clone_from(&before.permissions);
    user.two_factor_auth = before.two_factor_auth;
    user.joined_at = before.joined_at;
    volatile.last_sign_in_at = before_volatile.last_sign_in_at;
    volatile.last_sign_in_method.clone_from(&before_volatile.last_sign_in_method);
    volatile.last_other_activity = before_volatile.last_other_activity;
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

/// Plans the changes of teams.
fn groups(recorded: &Snapshot, observed: &Observation) -> Planned<Group, GroupId> {
    let before: BTreeMap<&GroupId, &Group> =
        recorded.groups.iter().map(|group| (&group.value.id, &group.value)).collect();
    let complete = |group: &Group| {
        let mut group = group.clone();
        let fields = observed.unknown.groups.get(&group.id);
        if let (Some(fields), Some(before)) = (fields, before.get(&group.id)) {
            for field in fields {
                match field {
                    Field::Name => group.name.clone_from(&before.name),
                    Field::DistributionMethod => {
                        group.distribution_method.clone_from(&before.distribution_method);
                    }
                    Field::AssignmentLimit => group.assignment_limit = before.assignment_limit,
                    _ => {}
                }
            }
        }
        group
    };
    let observed_groups: Vec<Group> = observed.groups.iter().map(complete).collect();
    let mut after: BTreeMap<&GroupId, &Group> =
        observed_groups.iter().map(|group| (&group.id, group)).collect();
    let seen = after.len();
    let mut disputed = BTreeSet::new();
    for (id, group) in &before {
        if observed.unknown.lists_in_part {
            after.entry(id).or_insert(group);
        } else if observed.unknown.disputed.groups.contains(*id) && !after.contains_key(*id) {
            after.insert(id, group);
            disputed.insert((*id).clone());
        }
    }
    let changes = differences(&before, &after);
    Planned { changes, kept: after.len() - seen, disputed }
}

/// Plans the changes of memberships.
fn memberships(recorded: &Snapshot, observed: &Observation) -> Planned<Membership, Ends> {
    fn by_ends<'a>(
        memberships: impl Iterator<Item = &'a Membership>,
    ) -> BTreeMap<(&'a GroupId, &'a UserId), &'a Membership> {
        memberships.map(|membership| ((&membership.group, &membership.user), membership)).collect()
    }
    let unknown = &observed.unknown;
    let before = by_ends(recorded.memberships.iter());
    let unknown_level = |one: &Membership| {
        unknown
            .groups
            .get(&one.group)
            .is_some_and(|fields| fields.contains(&Field::AdminPriorityLevel))
            || unknown
                .users
                .get(&one.user)
                .is_some_and(|fields| fields.contains(&Field::TeamPriorityLevel))
    };
    let complete = |one: &Membership| {
        let known = before.get(&(&one.group, &one.user)).and_then(|before| before.priority);
        let priority = one.priority.or(known.filter(|_| unknown_level(one)));
        Membership { priority, ..one.clone() }
    };
    let observed_memberships: Vec<Membership> = observed.memberships.iter().map(complete).collect();
    let mut after = by_ends(observed_memberships.iter());
    let seen = after.len();
    let mut disputed = BTreeSet::new();
    if unknown.keeps_back() {
        let users: BTreeSet<&UserId> =
            observed.users.iter().map(|sighting| &sighting.user.id).collect();
        for (ends @ (group, user), membership) in &before {
            // If only the members of a team are uncertain, people who left the workspace still
            // leave the team.
            if unknown.lists_in_part || unknown.members.contains(*group) && users.contains(user) {
                after.entry(*ends).or_insert(membership);
                continue;
            }
            let named = ((*group).clone(), (*user).clone());
            if unknown.disputed.memberships.contains(&named) && !after.contains_key(ends) {
                after.insert(*ends, membership);
                disputed.insert(named);
            }
        }
    }
    let changes = differences(&before, &after);
    Planned { changes, kept: after.len() - seen, disputed }
}

/// Returns the changes that turn `before` into `after`, sorted by key.
fn differences<K: Ord, T: Clone + PartialEq>(
    before: &BTreeMap<K, &T>,
    after: &BTreeMap<K, &T>,
) -> Vec<Change<T>> {
    let keys: BTreeSet<&K> = before.keys().chain(after.keys()).collect();
    let change = |key| match (before.get(key), after.get(key)) {
        (Some(was), Some(is)) if was == is => None,
        (was, is) => Change::between(was.copied().cloned(), is.copied().cloned()),
    };
    keys.into_iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests;
