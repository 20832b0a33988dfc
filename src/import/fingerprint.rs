//! Hashes of the last observation, so that the next import plans only the items that differ. Pure.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};

use super::policy::Totals;
use crate::directory::{Activity, GroupId, LastActivity, Observation, Part, RunId, UserId};

/// The hashes of all people and teams of one observation. They have 64 bits and a random secret:
/// the probability that a change is missed is 1 in 10^19, and the next full import would find it.
#[derive(Debug)]
pub struct Fingerprint {
    /// The run that recorded the observation. The fingerprint is valid only while this is the last
    /// successful run.
    pub run: RunId,
    users: HashMap<UserId, u64>,
    groups: HashMap<GroupId, u64>,
    /// The hash of the members of each team.
    members: HashMap<GroupId, u64>,
    memberships: usize,
    state: RandomState,
}

impl Fingerprint {
    /// Hashes the observation that `run` recorded.
    #[must_use]
    pub fn new(run: RunId, observed: &Observation) -> Self {
        let state = RandomState::new();
        Self {
            run,
            users: users(&state, observed),
            groups: groups(&state, observed),
            members: members(&state, observed),
            memberships: observed.memberships.len(),
            state,
        }
    }

    /// The numbers of people, teams and memberships.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals {
            active: self.users.len(),
            groups: self.groups.len(),
            memberships: self.memberships,
        }
    }

    /// Returns the people and teams that differ in `observed`, and the people that its log entries
    /// are about or were performed by.
    #[must_use]
    pub fn differing(&self, observed: &Observation) -> Part {
        let state = &self.state;
        let now = users(state, observed);
        let mut part = Part::default();
        part.users.extend(differing(&self.users, &now));
        part.users.extend(observed.activity.iter().filter_map(Activity::subject));
        let active = observed.activity.iter().filter_map(LastActivity::shown_by);
        part.users.extend(active.map(|(id, _)| id));
        let now = groups(state, observed);
        part.groups.extend(differing(&self.groups, &now));
        part.groups.extend(differing(&self.members, &members(state, observed)));
        part
    }
}

fn hashes<'a, K: Clone + Eq + Hash + 'a>(
    state: &RandomState,
    all: impl Iterator<Item = (&'a K, impl Hash)>,
) -> HashMap<K, u64> {
    all.map(|(key, value)| (key.clone(), state.hash_one(value))).collect()
}

fn users(state: &RandomState, observed: &Observation) -> HashMap<UserId, u64> {
    let unknown = |id| observed.unknown.users.get(id);
    hashes(state, observed.users.iter().map(|seen| (&seen.user.id, (seen, unknown(&seen.user.id)))))
}

fn groups(state: &RandomState, observed: &Observation) -> HashMap<GroupId, u64> {
    let unknown = |id| observed.unknown.groups.get(id);
    hashes(state, observed.groups.iter().map(|group| (&group.id, (group, unknown(&group.id)))))
}

fn members(state: &RandomState, observed: &Observation) -> HashMap<GroupId, u64> {
    let of_groups = observed.memberships.chunk_by(|a, b| a.group == b.group);
    hashes(state, of_groups.filter_map(|members| Some((&members.first()?.group, members))))
}

/// Returns the keys that only one map has, or whose values differ.
fn differing<'a, K: Clone + Eq + Hash>(
    before: &'a HashMap<K, u64>,
    now: &'a HashMap<K, u64>,
) -> impl Iterator<Item = K> + 'a {
    let gone = before.keys().filter(|key| !now.contains_key(*key));
    let other =
        now.iter().filter(|(key, hash)| before.get(*key) != Some(*hash)).map(|(key, _)| key);
    gone.chain(other).cloned()
}
