use proptest::prelude::*;
use serde_json::json;
use time::OffsetDateTime;
use time::macros::datetime;

use super::super::fingerprint::Fingerprint;
use super::*;
use crate::directory::{
    Activity, Actor, ListedRole, Part, Priority, Recorded, Role, RoleList, Sighting, Stamps,
    Unknown, Workspace,
};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

/// A small workspace of which one side is easily changed: `(user, name)`, `(team, name)`, `(team,
/// user)`.
fn observation(users: &[(u8, &str)], teams: &[(u8, &str)], members: &[(u8, u8)]) -> Observation {
    let user = |(id, name): &(u8, &str)| Sighting {
        user: User { name: Some((*name).to_owned()), ..User::new(UserId::new(id.to_string())) },
        volatile: Volatile::default(),
    };
    let team = |(id, name): &(u8, &str)| Group {
        id: GroupId::new(id.to_string()),
        name: Some((*name).to_owned()),
        distribution_method: None,
        assignment_limit: None,
    };
    let member = |(team, user): &(u8, u8)| Membership {
        group: GroupId::new(team.to_string()),
        user: UserId::new(user.to_string()),
        priority: None,
    };
    Observation {
        taken_at: NOW,
        workspace: Workspace::default(),
        users: users.iter().map(user).collect(),
        groups: teams.iter().map(team).collect(),
        memberships: members.iter().map(member).collect(),
        roles: None,
        activity: Arc::default(),
        log_read_to: Some(NOW),

        log_kinds: None,
        unknown: Unknown::default(),
        machines: BTreeSet::new(),
        warnings: Vec::new(),
    }
}

/// Applies a plan as the ledger does, in memory.
fn apply(plan: &Plan, snapshot: &Snapshot) -> Snapshot {
    let stamps = Stamps { created: NOW, last_modified: NOW };
    let mut users: BTreeMap<UserId, (User, Volatile)> = snapshot
        .users
        .iter()
        .map(|(user, volatile)| (user.value.id.clone(), (user.value.clone(), volatile.clone())))
        .collect();
    for change in &plan.users {
        let after = change.after().expect("people stay on record");
        users.entry(after.id.clone()).or_insert_with(|| (after.clone(), Volatile::default())).0 =
            after.clone();
    }
    for (id, values) in &plan.volatile {
        if let Some(entry) = users.get_mut(id) {
            entry.1 = values.clone();
        }
    }
    let groups = replay(
        snapshot.groups.iter().map(|group| (group.value.id.clone(), group.value.clone())),
        &plan.groups,
        |g| g.id.clone(),
    );
    let key = |m: &Membership| (m.group.clone(), m.user.clone());
    let memberships =
        replay(snapshot.memberships.iter().map(|m| (key(m), m.clone())), &plan.memberships, key);
    Snapshot {
        generation: snapshot.generation + i64::from(!plan.is_empty()),
        workspace: plan.workspace.clone(),
        users: users
            .into_values()
            .map(|(value, volatile)| (Recorded { value, stamps }, volatile))
            .collect(),
        groups: groups.into_iter().map(|value| Recorded { value, stamps }).collect(),
        memberships,
        roles: replay(
            snapshot.roles.iter().map(|role| (role.value.id.clone(), role.value.clone())),
            &plan.roles,
            |role| role.id.clone(),
        )
        .into_iter()
        .map(|value| Recorded { value, stamps })
        .collect(),
        permission_keys: Vec::new(),
    }
}

fn replay<K: Ord, T: Clone>(
    before: impl Iterator<Item = (K, T)>,
    changes: &[Change<T>],
    key: impl Fn(&T) -> K,
) -> Vec<T> {
    let mut things: BTreeMap<K, T> = before.collect();
    for change in changes {
        if let Some(before) = change.before() {
            things.remove(&key(before));
        }
        if let Some(after) = change.after() {
            things.insert(key(after), after.clone());
        }
    }
    things.into_values().collect()
}

fn recorded(observation: &Observation) -> Snapshot {
    let empty = Snapshot::default();
    apply(&plan(&empty, observation), &empty)
}

#[test]
fn an_unchanged_observation_gives_an_empty_plan() {
    let world = observation(&[(1, "Ada"), (2, "Bo")], &[(9, "Support")], &[(9, 1)]);
    let snapshot = recorded(&world);
    assert_eq!(plan(&snapshot, &world), Plan::nothing(1));
}

#[test]
fn a_list_in_another_order_is_no_change() {
    let world = observation(&[(1, "Ada"), (2, "Bo")], &[(8, "A"), (9, "B")], &[(8, 1), (9, 1)]);
    let turned = observation(&[(2, "Bo"), (1, "Ada")], &[(9, "B"), (8, "A")], &[(9, 1), (8, 1)]);
    assert!(plan(&recorded(&world), &turned).is_empty());
}

#[test]
fn a_removed_person_stays_recorded_as_inactive_and_loses_the_memberships() {
    let before =
        recorded(&observation(&[(1, "Ada"), (2, "Bo")], &[(9, "Support")], &[(9, 1), (9, 2)]));
    let plan = plan(&before, &observation(&[(1, "Ada")], &[(9, "Support")], &[(9, 1)]));
    let [Change::Removed { before, after: Some(after) }] = plan.users.as_slice() else {
        panic!("{:?}", plan.users)
    };
    assert!(before.active && !after.active);
    assert_eq!(after.name.as_deref(), Some("Bo"));
    assert_eq!(plan.counts().memberships_removed, 1);
    assert!(plan.groups.is_empty());
}

#[test]
fn a_removed_person_has_no_access_whatever_the_log_said_before() {
    let mut both = observation(&[(1, "Ada"), (2, "Bo")], &[], &[]);
    both.users[1].user.has_inbox_seat = Some(true);
    both.users[1].user.role = Some(Role { id: "2".to_owned(), name: None }.into());
    let granted = json!({"admin": {"id": 2}, "after": {"permissions": {"export_data": true}}});
    both.activity = [Activity {
        kind: "admin_permission_change".to_owned(),
        metadata: granted.into(),
        ..joined("1", NOW)
    }]
    .into();
    let before = recorded(&both);
    assert_eq!(before.users[1].0.value.permissions, Some(["export_data".to_owned()].into()));
    let mut one = observation(&[(1, "Ada")], &[], &[]);
    one.activity = both.activity;
    let gone = apply(&plan(&before, &one), &before);
    let bo = &gone.users[1].0.value;
    assert_eq!(
        (bo.active, bo.has_inbox_seat, &bo.role, &bo.permissions),
        (false, None, &None, &None)
    );
    assert!(plan(&gone, &one).is_empty(), "reading the log again brings nothing back");
}

/// Who has which role, by what name: as Intercom says it, with the list of roles.
fn with_roles(names: &[&str], list: &[(&str, &str)]) -> Observation {
    let users: Vec<(u8, &str)> = (1..).zip(names.iter().copied()).collect();
    let mut observed = observation(&users, &[], &[]);
    for (seen, name) in observed.users.iter_mut().zip(names) {
        seen.user.role = Some(Role { id: "2".to_owned(), name: Some((*name).to_owned()) }.into());
        seen.user.name = None;
    }
    let roles = list.iter().map(|(id, name)| ListedRole {
        id: (*id).to_owned(),
        name: (*name).to_owned(),
        description: None,
    });
    observed.roles = Some(RoleList { roles: roles.collect(), ..RoleList::default() });
    observed
}

fn role_names(snapshot: &Snapshot) -> Vec<&str> {
    let names = snapshot.users.iter().filter_map(|(user, _)| user.value.role.as_deref());
    names.filter_map(|role| role.name.as_deref()).collect()
}

#[test]
fn a_role_has_the_name_of_the_list_whether_the_list_was_read_or_not() {
    let mut observed = with_roles(&["Agent", "Agent"], &[("2", "Support agent")]);
    let before = recorded(&observed);
    assert_eq!(role_names(&before), ["Support agent"; 2]);
    observed.roles = None;
    assert!(plan(&before, &observed).is_empty(), "the recorded list stays");
    observed.roles = Some(RoleList { in_part: true, ..RoleList::default() });
    assert!(plan(&before, &observed).is_empty(), "no role counts as removed");
    observed.roles = Some(RoleList::default());
    let without = apply(&plan(&before, &observed), &before);
    assert_eq!(role_names(&without), ["Agent"; 2]);
}

#[test]
fn a_renamed_role_has_its_new_name_in_records_that_could_not_be_read() {
    for list in [&[("2", "Lead")][..], &[]] {
        let before = recorded(&with_roles(&["Agent", "Agent"], &[("2", "Agent")]));
        // Bo's role is unreadable.
        let mut unreadable = with_roles(&["Lead", "Lead"], list);
        unreadable.users[1].user.role = None;
        let fields = BTreeSet::from([Field::Role]);
        unreadable.unknown.users.insert(UserId::new("2"), fields);
        // Bo is missing in a list that is not complete.
        let mut in_part = with_roles(&["Lead"], list);
        in_part.unknown.lists_in_part = true;
        for observed in [unreadable, in_part] {
            let after = apply(&plan(&before, &observed), &before);
            assert_eq!(role_names(&after), ["Lead"; 2], "{list:?}");
            assert!(plan(&after, &observed).is_empty());
        }
    }
}

#[test]
fn a_person_who_returns_is_restored() {
    let both = observation(&[(1, "Ada"), (2, "Bo")], &[], &[]);
    let one = observation(&[(1, "Ada")], &[], &[]);
    let before = recorded(&both);
    let gone = apply(&plan(&before, &one), &before);
    assert!(plan(&gone, &one).is_empty(), "being gone is recorded once");
    assert!(matches!(plan(&gone, &both).users.as_slice(), [Change::Restored { .. }]));
}

#[test]
fn away_mode_is_no_change_of_access() {
    let before = observation(&[(1, "Ada")], &[], &[]);
    let mut after = before.clone();
    after.users[0].volatile.away_mode_enabled = Some(true);
    let plan = plan(&recorded(&before), &after);
    assert!(plan.is_empty());
    assert_eq!(plan.volatile.len(), 1);
}

#[test]
fn a_change_of_priority_is_an_update_of_the_membership() {
    let before = observation(&[(1, "Ada")], &[(9, "T")], &[(9, 1)]);
    let mut after = before.clone();
    after.memberships[0].priority = Some(Priority::Primary);
    let plan = plan(&recorded(&before), &after);
    assert!(matches!(plan.memberships.as_slice(), [Change::Updated { .. }]));
    assert!(plan.users.is_empty() && plan.groups.is_empty());
}

fn joined(id: &str, at: OffsetDateTime) -> Activity {
    Activity {
        id: format!("join-{id}"),
        at,
        kind: "app_admin_join".to_owned(),
        description: None,
        performed_by: Some(Actor { id: Some(UserId::new(id)), ..Actor::default() }),
        metadata: json!({}).into(),
    }
}

#[test]
fn values_from_the_log_are_kept() {
    let silent = observation(&[(1, "Ada")], &[], &[]);
    let mut telling = silent.clone();
    telling.activity = [joined("1", NOW)].into();
    let before = recorded(&telling);
    assert_eq!(before.users[0].0.value.joined_at, Some(NOW));
    assert!(plan(&before, &silent).is_empty());
    let again = plan(&before, &telling);
    assert!(again.is_empty(), "an entry that is told twice changes nothing");
}

#[test]
fn the_log_gives_the_removal_time() {
    let before = recorded(&observation(&[(1, "Ada"), (2, "Bo")], &[], &[]));
    let mut after = observation(&[(1, "Ada")], &[], &[]);
    after.activity = [Activity {
        kind: "admin_deletion".to_owned(),
        metadata: json!({"admin": {"id": 2}}).into(),
        ..joined("1", NOW)
    }]
    .into();
    let plan = plan(&before, &after);
    assert_eq!(plan.users[0].after().and_then(|user| user.removed_at), Some(NOW));
}

#[test]
fn a_field_that_could_not_be_read_stays_as_it_is_recorded() {
    let mut known = observation(&[(1, "Ada")], &[(1, "Support")], &[(1, 1)]);
    known.users[0].user.email = Some("ada@example.com".to_owned());
    known.users[0].user.has_inbox_seat = Some(true);
    known.users[0].volatile.avatar_url = Some("https://x/y.png".to_owned());
    known.memberships[0].priority = Some(Priority::Primary);
    let before = recorded(&known);
    let mut after = observation(&[(1, "Ada Lovelace")], &[(1, "Support")], &[(1, 1)]);
    assert_eq!(plan(&before, &after).counts().users_updated, 1);
    let fields = [Field::Email, Field::HasInboxSeat, Field::Avatar, Field::TeamPriorityLevel];
    after.unknown.users.insert(UserId::new("1"), fields.into());
    let planned = plan(&before, &after);
    let user = planned.users[0].after().unwrap();
    assert_eq!((user.email.as_deref(), user.has_inbox_seat), (Some("ada@example.com"), Some(true)));
    assert_eq!(user.name.as_deref(), Some("Ada Lovelace"), "what could be read is taken");
    assert_eq!((planned.volatile.len(), planned.memberships.len()), (0, 0));
    // A new person has no recorded value that could stay.
    let nobody = recorded(&observation(&[], &[], &[]));
    assert_eq!(plan(&nobody, &after).users[0].after().unwrap().email, None);
}

#[test]
fn unreadable_members_are_not_removed() {
    let before = recorded(&observation(
        &[(1, "Ada"), (2, "Bo"), (3, "Cy")],
        &[(1, "Support")],
        &[(1, 1), (1, 2), (1, 3)],
    ));
    let mut after = observation(&[(1, "Ada"), (2, "Bo")], &[(1, "Support")], &[(1, 1)]);
    after.unknown.members.insert(GroupId::new("1"));
    let planned = plan(&before, &after);
    assert_eq!(planned.counts().users_removed, 1, "who left the workspace left the team");
    assert_eq!(
        planned
            .memberships
            .iter()
            .map(|change| change.before().unwrap().user.as_str())
            .collect::<Vec<_>>(),
        ["3"]
    );
    assert_eq!(planned.kept_back.memberships, 1);
}

#[test]
fn log_entries_of_waiting_removals_wait() {
    let mut known = observation(&[(1, "Ada"), (2, "Bo")], &[], &[]);
    known.users[1].user.permissions = Some(["export_data".to_owned()].into());
    let before = recorded(&known);
    let mut after = observation(&[(1, "Ada")], &[], &[]);
    after.unknown.lists_in_part = true;
    after.activity = [Activity {
        kind: "admin_deletion".to_owned(),
        metadata: json!({"admin": {"id": 2}}).into(),
        ..joined("1", NOW)
    }]
    .into();
    assert!(plan(&before, &after).is_empty());
    after.unknown.lists_in_part = false;
    assert_eq!(plan(&before, &after).users[0].after().unwrap().removed_at, Some(NOW));
}

prop_compose! {
    fn world()(
        users in prop::collection::btree_map(0..12u8, "[a-c]{1,2}", 1..12),
        teams in prop::collection::btree_map(0..6u8, "[a-c]{1,2}", 0..6),
        members in prop::collection::btree_set((0..6u8, 0..12u8), 0..20),
    ) -> Observation {
        let members: Vec<_> = members.into_iter().filter(|(team, user)| teams.contains_key(team) && users.contains_key(user)).collect();
        let users: Vec<_> = users.iter().map(|(id, name)| (*id, name.as_str())).collect();
        let teams: Vec<_> = teams.iter().map(|(id, name)| (*id, name.as_str())).collect();
        observation(&users, &teams, &members)
    }
}

/// The plan that is made of the differences between two observations alone.
fn plan_of_what_differs(recorded: &Snapshot, before: &Observation, after: &Observation) -> Plan {
    let part = Fingerprint::new(1, before).differing(after);
    let mut of_part = recorded.clone();
    of_part.users.retain(|(user, _)| part.users.contains(&user.value.id));
    of_part.groups.retain(|group| part.groups.contains(&group.value.id));
    of_part.memberships.retain(|membership| part.groups.contains(&membership.group));
    plan(&of_part, &after.part(&part))
}

proptest! {
    #[test]
    fn planning_the_recorded_state_gives_an_empty_plan(world in world()) {
        prop_assert!(plan(&recorded(&world), &world).is_empty());
    }

    #[test]
    fn applying_a_plan_gives_the_observed_state(before in world(), after in world()) {
        let snapshot = recorded(&before);
        let reached = apply(&plan(&snapshot, &after), &snapshot);
        let active: Vec<_> = reached.users.iter().filter(|(user, _)| user.value.active).map(|(user, _)| user.value.clone()).collect();
        prop_assert_eq!(active, recorded(&after).users.into_iter().map(|(user, _)| user.value).collect::<Vec<_>>());
        prop_assert_eq!(&reached.groups, &recorded(&after).groups);
        prop_assert_eq!(&reached.memberships, &recorded(&after).memberships);
        prop_assert!(plan(&reached, &after).is_empty());
    }

    #[test]
    fn an_incomplete_list_removes_nothing(before in world(), after in world()) {
        let snapshot = recorded(&before);
        let mut after = after;
        after.unknown.lists_in_part = true;
        let planned = plan(&snapshot, &after);
        let counts = planned.counts();
        prop_assert_eq!((counts.users_removed, counts.groups_removed, counts.memberships_removed), (0, 0, 0));
        // All other changes are made. After that, the next plan contains only what waits.
        let whole = plan(&snapshot, &Observation { unknown: Unknown::default(), ..after.clone() }).counts();
        prop_assert_eq!((counts.users_created, counts.users_updated), (whole.users_created, whole.users_updated));
        prop_assert_eq!((counts.groups_created, counts.memberships_created), (whole.groups_created, whole.memberships_created));
        prop_assert_eq!(planned.kept_back.users, whole.users_removed);
        prop_assert_eq!(planned.kept_back.groups, whole.groups_removed);
        let reached = apply(&planned, &snapshot);
        prop_assert!(plan(&reached, &after).is_empty());
    }

    #[test]
    fn fields_that_could_not_be_read_never_make_a_change(before in world(), after in world(), unreadable in prop::collection::btree_set(0..12u8, 0..12)) {
        let snapshot = recorded(&before);
        let mut after = after;
        for id in unreadable {
            after.unknown.users.insert(UserId::new(id.to_string()), [Field::Name].into());
        }
        for change in plan(&snapshot, &after).users {
            if let Change::Updated { after: user, .. } = change {
                prop_assert!(!after.unknown.users.contains_key(&user.id));
            }
        }
        prop_assert_eq!(plan_of_what_differs(&snapshot, &before, &after), plan(&snapshot, &after));
    }

    #[test]
    fn a_plan_of_the_differences_equals_the_full_plan(before in world(), after in world(), told in 0..12u8) {
        let snapshot = recorded(&before);
        let after = Observation { activity: [joined(&told.to_string(), NOW)].into(), ..after };
        prop_assert_eq!(plan_of_what_differs(&snapshot, &before, &after), plan(&snapshot, &after));
    }

    #[test]
    fn a_repeated_observation_has_no_difference(world in world()) {
        prop_assert_eq!(Fingerprint::new(1, &world).differing(&world), Part::default());
    }
}
