//! What can be lost, and what was lost.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{GroupId, UserId};
use crate::words::words;

/// The key of a membership: its team and its person.
pub type Ends = (GroupId, UserId);

words! {
    /// What can be lost.
    pub enum LossKind {
        /// People who are gone.
        People = "people",
        /// Teams that are gone.
        Teams = "teams",
        /// Memberships that ended although the person is still there. The memberships of a leaver
        /// are not counted: the leaver is.
        Memberships = "memberships",
        /// People who lost their role or a permission, or whose role was replaced.
        Roles = "roles",
        /// Inbox seats.
        Seats = "seats",
        /// Addresses of people, which are their user names, that were removed or replaced.
        Emails = "emails",
        /// Names of people that were removed or replaced.
        Names = "names",
        /// Names of teams that were removed.
        TeamNames = "team_names",
    }
}

/// A limit that an import would exceed. A person must approve such an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The number that may be removed without approval.
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

/// The lost items and values, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses(BTreeMap<LossKind, BTreeSet<Loser>>);

impl Losses {
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
