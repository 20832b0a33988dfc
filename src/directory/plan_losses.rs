//! What people and teams lose by a plan, together with what they lost since an earlier generation.
//! Pure.
//!
//! A value counts as lost if it existed at any time since that generation and does not exist after
//! the plan. So it does not matter over how many imports a loss is spread, and a restored value is
//! not lost.

use std::collections::{BTreeMap, BTreeSet};

use super::past::first;
use super::{
    Change, EndedVersions, Ends, Group, GroupId, Had, Loser, LossKind, Losses, Plan, User, UserId,
};

impl Losses {
    /// Returns what the plan alone takes.
    #[must_use]
    pub fn by(plan: &Plan) -> Self {
        Self::since(&EndedVersions::default(), plan)
    }

    /// Returns what the plan takes, and what was lost in `past` and is not restored by the plan.
    #[must_use]
    pub fn since(past: &EndedVersions, plan: &Plan) -> Self {
        let mut losses = Self::default();
        let departed = losses.add_users(past, &plan.users);
        losses.add_groups(past, &plan.groups);
        let mut memberships: BTreeMap<Ends, bool> = past.memberships.clone();
        for change in &plan.memberships {
            if let Some(one) = change.before().or(change.after()) {
                memberships.insert((one.group.clone(), one.user.clone()), change.after().is_some());
            }
        }
        for (ends, there) in memberships {
            if !there && !departed.contains(&ends.1) {
                losses.add(LossKind::Memberships, Loser::Membership(ends));
            }
        }
        // Disputed items count as lost: one of Intercom's lists lacks them, and they stay only
        // because the other list has them.
        for user in &plan.disputed.users {
            losses.add(LossKind::People, Loser::User(user.clone()));
        }
        for group in &plan.disputed.groups {
            losses.add(LossKind::Teams, Loser::Group(group.clone()));
        }
        for ends in
            plan.disputed.memberships.iter().filter(|(_, user)| !plan.disputed.users.contains(user))
        {
            losses.add(LossKind::Memberships, Loser::Membership(ends.clone()));
        }
        losses
    }

    /// Adds the losses of people. Returns the people who are gone.
    fn add_users(&mut self, past: &EndedVersions, plan: &[Change<User>]) -> BTreeSet<UserId> {
        let mut open: BTreeMap<UserId, (Had, Option<&User>)> = BTreeMap::new();
        for (id, user) in &past.users {
            open.insert(id.clone(), (user.had.clone(), user.now.as_ref()));
        }
        for change in plan {
            let Some(user) = change.before().or(change.after()) else { continue };
            let (had, now) = open.entry(user.id.clone()).or_default();
            if let Some(before) = change.before() {
                had.note(before);
            }
            *now = change.after();
        }
        let mut departed = BTreeSet::new();
        for (id, (had, now)) in open {
            if now.is_none_or(|now| !now.active) {
                departed.insert(id.clone());
            }
            for kind in had.lost(now) {
                self.add(kind, Loser::User(id.clone()));
            }
        }
        departed
    }

    fn add_groups(&mut self, past: &EndedVersions, plan: &[Change<Group>]) {
        let mut open: BTreeMap<GroupId, (Option<String>, Option<&Group>, bool)> = BTreeMap::new();
        for (id, group) in &past.groups {
            open.insert(id.clone(), (group.name.clone(), group.now.as_ref(), true));
        }
        for change in plan {
            let Some(group) = change.before().or(change.after()) else { continue };
            let (name, now, was) = open.entry(group.id.clone()).or_default();
            if let Some(before) = change.before() {
                first(name, before.name.as_ref());
                *was = true;
            }
            *now = change.after();
        }
        for (id, (name, now, was)) in open {
            match now {
                None if was => self.add(LossKind::Teams, Loser::Group(id)),
                // A team may be renamed: it is identified by its id.
                Some(now) if name.is_some() && now.name.is_none() => {
                    self.add(LossKind::TeamNames, Loser::Group(id));
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Membership, Memory, PastUser, Role};

    fn user(id: &str) -> User {
        User {
            email: Some(format!("p{id}@example.com")),
            name: Some(format!("Person {id}")),
            has_inbox_seat: Some(true),
            role: Some(Role { id: "1".to_owned(), name: Some("Agent".to_owned()) }.into()),
            permissions: Some(["a", "b"].map(str::to_owned).into()),
            ..User::new(UserId::new(id))
        }
    }

    fn kinds(losses: &Losses) -> Vec<LossKind> {
        LossKind::ALL.into_iter().filter(|kind| losses.count(*kind) > 0).collect()
    }

    fn changed(before: User, after: User) -> Losses {
        let plan = Plan { users: vec![Change::Updated { before, after }], ..Plan::nothing(1) };
        Losses::by(&plan)
    }

    #[test]
    fn an_empty_plan_has_no_losses() {
        assert!(Losses::by(&Plan::nothing(1)).is_empty());
        let lead = User { job_title: Some("Lead".into()), ..user("1") };
        assert!(changed(user("1"), lead).is_empty());
    }

    type Case<'a> = (&'a dyn Fn(&mut User), &'a [LossKind]);

    #[test]
    fn each_kind_of_value_can_be_lost() {
        let role = |id: &str, name: &str| {
            Some(Role { id: id.to_owned(), name: Some(name.to_owned()) }.into())
        };
        let cases: [Case<'_>; 12] = [
            (&|user| user.role = None, &[LossKind::Roles]),
            (&|user| user.role = role("2", "Lead"), &[LossKind::Roles]),
            (&|user| user.role = role("1", "Agent, renamed"), &[]),
            (&|user| user.role = role("Agent", "Agent"), &[]),
            (&|user| user.permissions = None, &[LossKind::Roles]),
            (&|user| user.permissions = Some(["a"].map(str::to_owned).into()), &[LossKind::Roles]),
            (&|user| user.permissions = Some(["a", "b", "c"].map(str::to_owned).into()), &[]),
            (&|user| user.has_inbox_seat = Some(false), &[LossKind::Seats]),
            (&|user| user.has_inbox_seat = None, &[LossKind::Seats]),
            (&|user| user.email = None, &[LossKind::Emails]),
            (&|user| user.email = Some("P1@Example.com".to_owned()), &[]),
            (&|user| user.name = Some("Somebody else".to_owned()), &[LossKind::Names]),
        ];
        for (deed, expected) in cases {
            let mut after = user("1");
            deed(&mut after);
            assert_eq!(kinds(&changed(user("1"), after.clone())), expected, "{after:?}");
            let given = Plan { users: vec![Change::Created(after)], ..Plan::nothing(1) };
            assert!(Losses::by(&given).is_empty(), "what is given is not a loss");
        }
    }

    #[test]
    fn memberships_of_leavers_and_of_deleted_teams_are_not_counted_twice() {
        let gone = User { active: false, role: None, has_inbox_seat: None, ..user("1") };
        let member = |id: &str| Membership {
            group: GroupId::new("9"),
            user: UserId::new(id),
            priority: None,
        };
        let team = Group {
            id: GroupId::new("9"),
            name: None,
            distribution_method: None,
            assignment_limit: None,
        };
        let plan = Plan {
            users: vec![Change::Removed { before: user("1"), after: Some(gone) }],
            groups: vec![Change::Removed { before: team, after: None }],
            memberships: ["1", "2"]
                .map(|id| Change::Removed { before: member(id), after: None })
                .into(),
            ..Plan::nothing(1)
        };
        let losses = Losses::by(&plan);
        assert_eq!(kinds(&losses), [LossKind::People, LossKind::Teams, LossKind::Memberships]);
        assert_eq!(losses.count(LossKind::Memberships), 1, "of the one who is still there");
    }

    #[test]
    fn restored_people_are_not_lost_and_short_lived_ones_are() {
        let mut past = EndedVersions::default();
        let mut had = Had::default();
        had.note(&user("1"));
        let gone = User { active: false, ..user("1") };
        past.users.insert(UserId::new("1"), PastUser { had, now: Some(gone.clone()) });
        assert_eq!(Losses::since(&past, &Plan::nothing(1)).count(LossKind::People), 1);
        let back = Plan {
            users: vec![Change::Restored { before: gone, after: user("1") }],
            ..Plan::nothing(1)
        };
        assert!(Losses::since(&past, &back).is_empty());
    }

    #[test]
    fn approved_unreadable_values_stay_approved_until_readable() {
        let unreadable = |count: usize| {
            let mut losses = Losses::default();
            (0..count).for_each(|id| {
                losses.add(LossKind::Emails, Loser::User(UserId::new(id.to_string())));
            });
            losses
        };
        let mut memory = Memory::default();
        memory.note_unreadable(&unreadable(4), false);
        assert_eq!(memory.beyond(LossKind::Emails, 4), 4, "nobody looked at these");
        memory.note_unreadable(&unreadable(40), true);
        assert_eq!(memory.beyond(LossKind::Emails, 41), 1);
        memory.note_unreadable(&unreadable(3), false);
        assert_eq!(memory.beyond(LossKind::Emails, 40), 37);
        memory.note_unreadable(&unreadable(0), false);
        assert_eq!(memory, Memory::default());
    }
}
