//! What people and teams lose by a plan, together with what they lost since an earlier generation.
//! Pure.
//!
//! A value counts as lost if it existed at any time since that generation and does not exist after
//! the plan. So it does not matter over how many imports a loss is spread, and a restored value is
//! not lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::text::folded;
use super::{Change, Group, GroupId, Plan, Role, User, UserId};

/// The key of a membership: its team and its person.
pub type Ends = (GroupId, UserId);

/// A kind of access that imports can remove.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// Removed users.
    People,
    /// Removed teams.
    Teams,
    /// Memberships that ended although the person is still there. What a leaver was in counts with
    /// the leaver.
    Memberships,
    /// Roles that were taken or replaced by others, and permissions that were taken: people who
    /// lost any.
    Roles,
    /// Inbox seats.
    Seats,
    /// Addresses of people, which are their user names: taken or replaced by others.
    Emails,
    /// Names of people: taken or replaced by others.
    Names,
    /// Names of teams that were taken.
    TeamNames,
}

impl LossKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::People,
        Self::Teams,
        Self::Memberships,
        Self::Roles,
        Self::Seats,
        Self::Emails,
        Self::Names,
        Self::TeamNames,
    ];

    /// The name of the kind, as the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Teams => "teams",
            Self::Memberships => "memberships",
            Self::Roles => "roles",
            Self::Seats => "seats",
            Self::Emails => "emails",
            Self::Names => "names",
            Self::TeamNames => "team_names",
        }
    }
}

/// A limit that an import would exceed. A person must allow such an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Exceeded {
    /// What would be removed.
    pub kind: LossKind,
    /// The number that would be removed, together with what earlier imports removed within
    /// `import.loss_window`.
    pub lost: usize,
    /// How many of `lost` were removed by earlier imports.
    pub earlier: usize,
    /// How many of `lost` are values that could not be read. The bridge keeps their last known
    /// values.
    pub unreadable: usize,
    /// The number before these removals.
    pub of: usize,
    /// The number that may be removed without permission.
    pub allowed: usize,
    /// The setting that has the limit.
    pub setting: String,
}

/// An item that was lost or that lost a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loser {
    /// A person.
    User(UserId),
    /// A team.
    Group(GroupId),
    /// A membership that ended.
    Membership(Ends),
}

/// How many items or values of each kind exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts([usize; LossKind::ALL.len()]);

impl Amounts {
    /// Returns the number of a kind.
    #[must_use]
    pub fn of(&self, kind: LossKind) -> usize {
        self.0[kind as usize]
    }

    /// Sets the number of a kind.
    pub fn set(&mut self, kind: LossKind, amount: usize) {
        self.0[kind as usize] = amount;
    }
}

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
    fn lost(&self, now: Option<&User>) -> Vec<LossKind> {
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

fn first<T: Clone>(kept: &mut Option<T>, value: Option<&T>) {
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
pub struct Past {
    /// People of whom a version ended.
    pub users: BTreeMap<UserId, PastUser>,
    /// Teams of which a version ended.
    pub groups: BTreeMap<GroupId, PastGroup>,
    /// Memberships of which a version ended, and whether they exist now.
    pub memberships: BTreeMap<Ends, bool>,
}

/// The lost items and values, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses(BTreeMap<LossKind, BTreeSet<Loser>>);

impl Losses {
    /// Returns what the plan alone takes.
    #[must_use]
    pub fn by(plan: &Plan) -> Self {
        Self::since(&Past::default(), plan)
    }

    /// Returns what the plan takes, and what was lost in `past` and is not restored by the plan.
    #[must_use]
    pub fn since(past: &Past, plan: &Plan) -> Self {
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
    fn add_users(&mut self, past: &Past, plan: &[Change<User>]) -> BTreeSet<UserId> {
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

    fn add_groups(&mut self, past: &Past, plan: &[Change<Group>]) {
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
                    self.add(LossKind::TeamNames, Loser::Group(id))
                }
                _ => {}
            }
        }
    }

    /// Adds one loss.
    pub fn add(&mut self, kind: LossKind, loser: Loser) {
        self.0.entry(kind).or_default().insert(loser);
    }

    /// Returns the losers of a kind.
    pub fn of(&self, kind: LossKind) -> impl Iterator<Item = &Loser> {
        self.0.get(&kind).into_iter().flatten()
    }

    /// Returns the number of losers of a kind.
    #[must_use]
    pub fn count(&self, kind: LossKind) -> usize {
        self.0.get(&kind).map_or(0, BTreeSet::len)
    }

    /// Whether nothing is lost.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The items that only one of Intercom's two lists contains, if the lists disagree about many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disputed {
    /// People that teams name and the list of admins lacks.
    pub users: BTreeSet<UserId>,
    /// Teams that admins name and the list of teams lacks.
    pub groups: BTreeSet<GroupId>,
    /// Memberships that only one of the lists contains.
    pub memberships: BTreeSet<Ends>,
}

impl Disputed {
    /// Whether nothing is disputed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty() && self.memberships.is_empty()
    }
}

/// Data about a workspace that the ledger keeps beside the history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The workspace's bots. An admin that was once recorded as a bot stays one, even if its
    /// address changes.
    pub machines: BTreeSet<UserId>,
    /// The number of unreadable known values of each kind at the last approved import. It decreases
    /// when values become readable again.
    pub unreadable: BTreeMap<LossKind, usize>,
}

impl Memory {
    /// Returns how many unreadable values of a kind exceed the approved number.
    #[must_use]
    pub fn beyond(&self, kind: LossKind, unreadable: usize) -> usize {
        unreadable.saturating_sub(self.unreadable.get(&kind).copied().unwrap_or(0))
    }

    /// Records the unreadable values of an import that is committed. `let_through` means that a
    /// person approved them.
    pub fn note_unreadable(&mut self, unreadable: &Losses, let_through: bool) {
        for kind in LossKind::ALL {
            let now = unreadable.count(kind);
            let known = self.unreadable.get(&kind).copied().unwrap_or(0);
            let accepted = if let_through { now } else { known.min(now) };
            if accepted == 0 {
                self.unreadable.remove(&kind);
            } else {
                self.unreadable.insert(kind, accepted);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Membership;

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
    fn a_plan_that_changes_nothing_takes_nothing() {
        assert!(Losses::by(&Plan::nothing(1)).is_empty());
        let lead = User { job_title: Some("Lead".into()), ..user("1") };
        assert!(changed(user("1"), lead).is_empty());
    }

    type Case<'a> = (&'a dyn Fn(&mut User), &'a [LossKind]);

    #[test]
    fn each_thing_that_somebody_has_can_be_lost() {
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
            assert!(Losses::by(&given).is_empty(), "what is given is no loss");
        }
    }

    #[test]
    fn what_a_leaver_was_in_counts_with_the_leaver_and_a_team_that_ends_with_its_members() {
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
    fn who_is_back_has_lost_nothing_and_who_came_and_went_has() {
        let mut past = Past::default();
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
    fn what_a_person_let_through_is_let_through_until_it_can_be_read_again() {
        let unreadable = |count: usize| {
            let mut losses = Losses::default();
            (0..count).for_each(|id| {
                losses.add(LossKind::Emails, Loser::User(UserId::new(id.to_string())))
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
