//! The directory: a workspace at one generation, with people and teams joined. Requests are
//! answered from it.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use time::OffsetDateTime;

use super::{
    Generation, Group, GroupId, ListedRole, Membership, Part, Priority, Recorded, Snapshot, Stamps,
    User, UserId, Volatile, Workspace,
};

/// A workspace at one generation. It is immutable. It shares unchanged values with the directories
/// of other generations.
#[derive(Debug, Default)]
pub struct Directory {
    /// The snapshot id: which list of people this is.
    pub snapshot_id: SnapshotId,
    /// The workspace, as far as Intercom has described it.
    pub workspace: Workspace,
    /// The people, sorted by id.
    pub people: Vec<Person>,
    /// The teams, sorted by id.
    pub teams: Vec<Team>,
    /// The roles that Intercom lists, sorted by id.
    pub roles: Arc<[Recorded<ListedRole>]>,
    /// The keys of permissions that the activity log has named lately.
    pub permission_keys: Arc<[String]>,
    /// The time of the earliest removal among the people in this directory; `None` if none of them
    /// was removed.
    pub first_gone: Option<OffsetDateTime>,
}

/// The snapshot id: which list of people a [`Directory`] holds. Removed people are omitted in the
/// order of their removal, so the number of omitted people determines who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotId {
    /// The generation.
    pub generation: Generation,
    /// The number of people that are omitted because they were removed too long ago.
    pub left_out: usize,
}

/// A person, with timestamps and teams.
#[derive(Debug)]
pub struct Person {
    /// The person's access, which is versioned.
    pub user: Arc<User>,
    /// The person's other values, which are not versioned.
    pub volatile: Arc<Volatile>,
    /// When the person was first recorded and last changed.
    pub stamps: Stamps,
    /// The person's teams: sorted by priority level (those without one last), then by id.
    pub teams: Box<[Link]>,
}

/// A team, with timestamps and members.
#[derive(Debug)]
pub struct Team {
    /// The team.
    pub group: Arc<Group>,
    /// When the team was first recorded and last changed.
    pub stamps: Stamps,
    /// The team's members: sorted by priority level (those without one last), then by id.
    pub members: Box<[Link]>,
}

/// The other end of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The index in [`Directory::people`] or [`Directory::teams`].
    pub place: u32,
    /// The priority level of the member.
    pub priority: Option<Priority>,
}

/// A membership by indexes: that of the team, that of the person, and the priority level.
type Joint = (u32, u32, Option<Priority>);

impl Directory {
    /// Whether a removed person is in it who was removed at the cut-off or earlier.
    #[must_use]
    pub fn has_gone_by(&self, removal_cutoff: OffsetDateTime) -> bool {
        self.first_gone.is_some_and(|gone| gone <= removal_cutoff)
    }

    /// Joins the people and teams of a snapshot. People who were removed at `removal_cutoff` or
    /// earlier are omitted. Unchanged values are shared with `previous`, an earlier directory.
    #[must_use]
    pub fn new(
        snapshot: Snapshot,
        removal_cutoff: OffsetDateTime,
        previous: Option<&Self>,
    ) -> Self {
        let all = snapshot.users.len();
        let stays =
            |user: &Recorded<User>| user.value.active || user.stamps.last_modified > removal_cutoff;
        let mut people: Vec<Person> = Vec::with_capacity(all);
        let mut job_titles = HashSet::new();
        let mut roles = HashSet::new();
        people.extend(snapshot.users.into_iter().filter(|(user, _)| stays(user)).map(
            |(mut recorded, volatile)| {
                recorded.value.job_title =
                    recorded.value.job_title.map(|job_title| one_of(&mut job_titles, job_title));
                recorded.value.role = recorded.value.role.map(|role| one_of(&mut roles, role));
                let before = previous.and_then(|directory| directory.person(&recorded.value.id));
                Person {
                    user: shared(recorded.value, before.map(|person| &person.user)),
                    volatile: shared(volatile, before.map(|person| &person.volatile)),
                    stamps: recorded.stamps,
                    teams: Box::default(),
                }
            },
        ));
        let teams = snapshot.groups.into_iter().map(|recorded| {
            let before = previous.and_then(|directory| directory.team(&recorded.value.id));
            Team {
                group: shared(recorded.value, before.map(|team| &team.group)),
                stamps: recorded.stamps,
                members: Box::default(),
            }
        });
        let snapshot_id =
            SnapshotId { generation: snapshot.generation, left_out: all - people.len() };
        let first_gone = removal_times(&people).min();
        let mut directory = Self {
            snapshot_id,
            workspace: snapshot.workspace,
            people,
            teams: teams.collect(),
            roles: snapshot.roles.into(),
            permission_keys: snapshot.permission_keys.into(),
            first_gone,
        };
        directory.join(&snapshot.memberships);
        directory
    }

    fn join(&mut self, memberships: &[Membership]) {
        let people: HashMap<&UserId, u32> =
            self.people.iter().map(|person| &person.user.id).zip(0..).collect();
        let teams: HashMap<&GroupId, u32> =
            self.teams.iter().map(|team| &team.group.id).zip(0..).collect();
        // A membership whose person or team is not in this directory is ignored.
        let ends = |one: &Membership| {
            Some((*teams.get(&one.group)?, *people.get(&one.user)?, one.priority))
        };
        let joints: Vec<Joint> = memberships.iter().filter_map(ends).collect();
        self.link(&joints);
    }

    /// Joins teams and people.
    fn link(&mut self, joints: &[Joint]) {
        let mut of_people: Vec<Vec<Link>> = vec![Vec::new(); self.people.len()];
        let mut of_teams: Vec<Vec<Link>> = vec![Vec::new(); self.teams.len()];
        for (team, person, priority) in joints {
            of_people[*person as usize].push(Link { place: *team, priority: *priority });
            of_teams[*team as usize].push(Link { place: *person, priority: *priority });
        }
        self.people
            .iter_mut()
            .zip(of_people)
            .for_each(|(person, links)| person.teams = by_priority(links));
        self.teams
            .iter_mut()
            .zip(of_teams)
            .for_each(|(team, links)| team.members = by_priority(links));
    }

    /// Returns this directory with the people and teams in `part`, and all roles, replaced by those in
    /// `fresh`.
    /// Members of `part` that are not in `fresh` are removed from the directory. `volatile`
    /// replaces the unversioned values of everybody else. People who were removed at
    /// `removal_cutoff` or earlier are omitted; `people` is the number of people including those.
    #[must_use]
    pub fn with(
        &self,
        part: &Part,
        fresh: Snapshot,
        volatile: &HashMap<UserId, Volatile>,
        removal_cutoff: OffsetDateTime,
        people: usize,
    ) -> Self {
        let workspace = fresh.workspace.clone();
        let generation = fresh.generation;
        let memberships = fresh.memberships.clone();
        let fresh = Self::new(fresh, removal_cutoff, Some(self));
        let roles = Arc::clone(&fresh.roles);
        let permission_keys = Arc::clone(&fresh.permission_keys);
        let none = Volatile::default();
        let stays = |person: &&Person| {
            !part.users.contains(&person.user.id)
                && (person.user.active || person.stamps.last_modified > removal_cutoff)
        };
        let kept = self.people.iter().filter(stays).map(|person| {
            let values = volatile.get(&person.user.id).unwrap_or(&none);
            Person {
                user: Arc::clone(&person.user),
                volatile: if *person.volatile == *values {
                    Arc::clone(&person.volatile)
                } else {
                    Arc::new(values.clone())
                },
                stamps: person.stamps,
                teams: Box::default(),
            }
        });
        let mut all: Vec<Person> = kept.chain(fresh.people).collect();
        all.sort_by(|a, b| a.user.id.cmp(&b.user.id));
        let kept =
            self.teams.iter().filter(|team| !part.groups.contains(&team.group.id)).map(|team| {
                Team {
                    group: Arc::clone(&team.group),
                    stamps: team.stamps,
                    members: Box::default(),
                }
            });
        let mut teams: Vec<Team> = kept.chain(fresh.teams).collect();
        teams.sort_by(|a, b| a.group.id.cmp(&b.group.id));
        let first_gone = removal_times(&all).min();
        let snapshot_id = SnapshotId { generation, left_out: people.saturating_sub(all.len()) };
        let mut directory =
            Self { snapshot_id, workspace, people: all, teams, roles, permission_keys, first_gone };
        let joints = self.joints(&directory, part, &memberships);
        directory.link(&joints);
        directory
    }

    /// Returns the memberships of `next`, which follows this directory: those of the teams in
    /// `part` are `fresh`, all others are as in this directory.
    fn joints(&self, next: &Self, part: &Part, fresh: &[Membership]) -> Vec<Joint> {
        // The index in `next` of each person in `self.people`.
        let places: Vec<Option<u32>> =
            self.people.iter().map(|person| next.place(&person.user.id)).collect();
        let mut joints: Vec<Joint> = Vec::new();
        for (team, place) in next.teams.iter().zip(0..) {
            let unchanged =
                self.team(&team.group.id).filter(|_| !part.groups.contains(&team.group.id));
            let members = unchanged.iter().flat_map(|team| team.members.iter());
            joints.extend(
                members
                    .filter_map(|link| Some((place, places[link.place as usize]?, link.priority))),
            );
        }
        for Membership { group, user, priority } in fresh {
            let team = next.teams.binary_search_by(|team| team.group.id.cmp(group)).ok();
            if let (Some(team), Some(person)) =
                (team.and_then(|place| u32::try_from(place).ok()), next.place(user))
            {
                joints.push((team, person, *priority));
            }
        }
        joints
    }

    /// Returns the index of the person with this id in [`Directory::people`].
    #[must_use]
    pub fn place(&self, id: &UserId) -> Option<u32> {
        let place = self.people.binary_search_by(|person| person.user.id.cmp(id)).ok()?;
        u32::try_from(place).ok()
    }

    /// Returns the person with this id.
    #[must_use]
    pub fn person(&self, id: &UserId) -> Option<&Person> {
        self.people
            .binary_search_by(|person| person.user.id.cmp(id))
            .ok()
            .map(|place| &self.people[place])
    }

    /// Returns the team with this id.
    #[must_use]
    pub fn team(&self, id: &GroupId) -> Option<&Team> {
        self.teams
            .binary_search_by(|team| team.group.id.cmp(id))
            .ok()
            .map(|place| &self.teams[place])
    }

    /// Returns the removal cut-off of a snapshot that omits `left_out` people; `None` if it omits
    /// nobody.
    #[must_use]
    pub fn removal_cutoff(&self, left_out: usize) -> Option<OffsetDateTime> {
        let mut gone: Vec<OffsetDateTime> = removal_times(&self.people).collect();
        gone.sort();
        gone.get(left_out.checked_sub(1)?).copied()
    }

    /// Whether the directory holds exactly these unversioned values.
    #[must_use]
    pub fn holds_volatile(&self, values: &HashMap<UserId, Volatile>) -> bool {
        let none = Volatile::default();
        self.people
            .iter()
            .all(|person| *person.volatile == *values.get(&person.user.id).unwrap_or(&none))
    }
}

/// Returns the times at which the removed people were removed.
fn removal_times(people: &[Person]) -> impl Iterator<Item = OffsetDateTime> {
    people.iter().filter(|person| !person.user.active).map(|person| person.stamps.last_modified)
}

/// Sorts the links in the order that [`links_with`] needs.
fn by_priority(mut links: Vec<Link>) -> Box<[Link]> {
    links.sort_by_key(|link| (rank(link.priority), link.place));
    links.into()
}

fn rank(priority: Option<Priority>) -> u8 {
    match priority {
        Some(Priority::Primary) => 0,
        Some(Priority::Secondary) => 1,
        None => 2,
    }
}

/// Returns the links that have this priority level. The links must be sorted as in a [`Person`] or
/// [`Team`].
#[must_use]
pub fn links_with(links: &[Link], priority: Priority) -> &[Link] {
    let before = |wanted: u8| links.partition_point(|link| rank(link.priority) < wanted);
    let rank = rank(Some(priority));
    &links[before(rank)..before(rank + 1)]
}

/// Returns the equal value in `known`, or adds this one to it. Many people have the same title or
/// role.
fn one_of<T: Eq + Hash + ?Sized>(known: &mut HashSet<Arc<T>>, one: Arc<T>) -> Arc<T> {
    if let Some(known) = known.get(&one) {
        return Arc::clone(known);
    }
    known.insert(Arc::clone(&one));
    one
}

/// Returns the allocation of `before` if it holds an equal value, else a new one.
fn shared<T: PartialEq>(value: T, before: Option<&Arc<T>>) -> Arc<T> {
    match before {
        Some(before) if **before == value => Arc::clone(before),
        _ => Arc::new(value),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::directory::Role;

    fn snapshot(gone_on: &[(&str, u8)]) -> Snapshot {
        let day = |day: u8| datetime!(2026-03-01 12:00 UTC).replace_day(day).unwrap();
        let mut snapshot = Snapshot { generation: 3, ..Snapshot::default() };
        for (id, last) in gone_on {
            let mut user = User::new(UserId::new(*id));
            user.active = *last == 0;
            let stamps = Stamps { created: day(1), last_modified: day((*last).max(1)) };
            snapshot.users.push((Recorded { value: user, stamps }, Volatile::default()));
        }
        snapshot
    }

    #[test]
    fn people_removed_before_the_cutoff_are_omitted() {
        let people = [("1", 0), ("2", 5), ("3", 9)];
        let ids = |removal_cutoff| {
            let directory = Directory::new(snapshot(&people), removal_cutoff, None);
            let ids: Vec<String> =
                directory.people.iter().map(|person| person.user.id.to_string()).collect();
            (ids.join(" "), directory.snapshot_id.left_out)
        };
        assert_eq!(ids(datetime!(2026-03-01 0:00 UTC)), ("1 2 3".to_owned(), 0));
        assert_eq!(ids(datetime!(2026-03-05 12:00 UTC)), ("1 3".to_owned(), 1));
        assert_eq!(ids(datetime!(2026-04-01 0:00 UTC)), ("1".to_owned(), 2));
    }

    #[test]
    fn unchanged_values_are_shared() {
        let removal_cutoff = OffsetDateTime::UNIX_EPOCH;
        let first = Directory::new(snapshot(&[("1", 0), ("2", 0)]), removal_cutoff, None);
        let second = Directory::new(snapshot(&[("1", 0), ("2", 4)]), removal_cutoff, Some(&first));
        let same: Vec<bool> = first
            .people
            .iter()
            .zip(&second.people)
            .map(|(a, b)| Arc::ptr_eq(&a.user, &b.user))
            .collect();
        assert_eq!(same, [true, false]);
        assert_eq!(
            (first.first_gone, second.first_gone),
            (None, Some(datetime!(2026-03-04 12:00 UTC)))
        );
    }

    #[test]
    fn a_title_and_a_role_that_several_have_are_kept_once() {
        let mut snapshot = snapshot(&[("1", 0), ("2", 0), ("3", 0)]);
        for ((recorded, _), title) in snapshot.users.iter_mut().zip(["Agent", "Agent", "Lead"]) {
            recorded.value.job_title = Some(title.into());
            recorded.value.role = Some(Role { id: title.to_owned(), name: None }.into());
        }
        let directory = Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None);
        let user = |place: usize| &directory.people[place].user;
        let shared = |a, b| {
            let titles = user(a).job_title.as_ref().zip(user(b).job_title.as_ref());
            let roles = user(a).role.as_ref().zip(user(b).role.as_ref());
            titles.zip(roles).map(|(titles, roles)| {
                (Arc::ptr_eq(titles.0, titles.1), Arc::ptr_eq(roles.0, roles.1))
            })
        };
        assert_eq!((shared(0, 1), shared(1, 2)), (Some((true, true)), Some((false, false))));
        assert_eq!(
            (user(2).job_title.as_deref(), user(2).role.as_ref().map(|role| &*role.id)),
            (Some("Lead"), Some("Lead"))
        );
    }
}
