//! The result of one reading of Intercom.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    Activity, Disputed, Group, GroupId, Membership, RoleList, User, UserId, UserKind, Volatile,
    is_machine_address,
};
use crate::words::words;

/// The state of a workspace as one reading of Intercom returned it. What could not be read is
/// listed in [`Unknown`], so it is never mistaken for a deleted value or a removed person.
///
/// Ids of users and of groups are unique; every membership refers to a user and a group of this
/// observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When the reading began.
    pub taken_at: OffsetDateTime,
    /// The workspace that the access token belongs to.
    pub workspace: Workspace,
    /// All people in the workspace.
    pub users: Vec<Sighting>,
    /// All teams in the workspace.
    pub groups: Vec<Group>,
    /// All memberships of people in teams.
    pub memberships: Vec<Membership>,
    /// Intercom's list of roles; `None` if it was not read, so that the recorded one stays.
    pub roles: Option<RoleList>,
    /// Entries of the activity log, oldest first; empty if the token may not read the log.
    pub activity: Arc<[Activity]>,
    /// The time up to which the activity log was read without a gap; `None` if it could not be
    /// read.
    pub log_read_to: Option<OffsetDateTime>,
    /// Intercom's own list of the workspace's kinds of log entries; `None` if it was not read.
    pub log_kinds: Option<BTreeSet<String>>,
    /// What could not be read of the lists.
    pub unknown: Unknown,
    /// The ids of the workspace's bots, as far as they are known.
    pub machines: BTreeSet<UserId>,
    /// Oddities of the responses, and how they were interpreted.
    pub warnings: Vec<Warning>,
}

/// What a reading could not determine. The recorded values of these stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    /// True if an entry could not be identified, or if the list of people or of teams may be
    /// incomplete. Then no person, team or membership is taken as removed.
    pub lists_in_part: bool,
    /// The unreadable fields of each person.
    pub users: BTreeMap<UserId, BTreeSet<Field>>,
    /// The unreadable fields of each team.
    pub groups: BTreeMap<GroupId, BTreeSet<Field>>,
    /// Teams whose member lists could not be read in full. No member is removed from them.
    pub members: BTreeSet<GroupId>,
    /// The items that only one of the two lists contains, if the lists disagree about more than
    /// [`limits::DISPUTED_SHARE`]. They are not taken as removed.
    ///
    /// [`limits::DISPUTED_SHARE`]: crate::limits::DISPUTED_SHARE
    pub disputed: Disputed,
}

impl Unknown {
    /// Whether removals must wait, because a list may be incomplete.
    #[must_use]
    pub fn keeps_back(&self) -> bool {
        self.lists_in_part || !self.members.is_empty() || !self.disputed.is_empty()
    }

    /// Returns the number of people of whom a role, a seat, an address or a name is unreadable.
    #[must_use]
    pub fn people_without_access_fields(&self) -> usize {
        let counts = |field: &Field| {
            matches!(field, Field::Email | Field::Name | Field::HasInboxSeat | Field::Role)
        };
        self.users.values().filter(|fields| fields.iter().any(counts)).count()
    }
}

words! {
    /// A field of Intercom's record of an admin or a team, as Intercom's API spells it.
    pub enum Field {
        /// `email`.
        Email = "email",
        /// `name`.
        Name = "name",
        /// `job_title`.
        JobTitle = "job_title",
        /// `has_inbox_seat`.
        HasInboxSeat = "has_inbox_seat",
        /// `role`.
        Role = "role",
        /// `away_mode_enabled`.
        AwayModeEnabled = "away_mode_enabled",
        /// `away_mode_reassign`.
        AwayModeReassign = "away_mode_reassign",
        /// `away_status_reason_id`.
        AwayStatusReasonId = "away_status_reason_id",
        /// `avatar`.
        Avatar = "avatar",
        /// `team_ids`.
        TeamIds = "team_ids",
        /// `team_priority_level`.
        TeamPriorityLevel = "team_priority_level",
        /// `distribution_method`.
        DistributionMethod = "distribution_method",
        /// `assignment_limit`.
        AssignmentLimit = "assignment_limit",
        /// `admin_ids`.
        AdminIds = "admin_ids",
        /// `admin_priority_level`.
        AdminPriorityLevel = "admin_priority_level",
    }
}

/// A part of a workspace: some people, and some teams with their members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The people.
    pub users: BTreeSet<UserId>,
    /// The teams.
    pub groups: BTreeSet<GroupId>,
}

/// A person as one reading returned them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sighting {
    /// The person's access.
    pub user: User,
    /// The person's other values, which are not versioned.
    pub volatile: Volatile,
}

/// Intercom's description of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// Intercom's `id_code`, for example `wjw5eps7`.
    pub id: Option<String>,
    /// The name that the company gave it.
    pub name: Option<String>,
    /// The region that hosts it: `US`, `EU` or `AU`.
    pub region: Option<String>,
}

/// A finding that did not stop an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// A code for programs, for example `membership_disagreement`.
    pub code: String,
    /// A sentence for people. It contains ids, never names or addresses.
    pub detail: String,
}

impl Workspace {
    /// Fills missing values with those of an earlier reading.
    #[must_use]
    pub fn or(self, known: &Self) -> Self {
        Self {
            id: self.id.or_else(|| known.id.clone()),
            name: self.name.or_else(|| known.name.clone()),
            region: self.region.or_else(|| known.region.clone()),
        }
    }
}

impl Warning {
    /// Creates a warning with the given code and text.
    pub fn new(code: &str, detail: impl Into<String>) -> Self {
        Self { code: code.to_owned(), detail: detail.into() }
    }
}

impl Observation {
    /// Returns the observation restricted to these people and teams, and to the memberships of
    /// these teams.
    #[must_use]
    pub fn part(&self, part: &Part) -> Self {
        Self {
            users: self
                .users
                .iter()
                .filter(|seen| part.users.contains(&seen.user.id))
                .cloned()
                .collect(),
            groups: self
                .groups
                .iter()
                .filter(|group| part.groups.contains(&group.id))
                .cloned()
                .collect(),
            memberships: self
                .memberships
                .iter()
                .filter(|one| part.groups.contains(&one.group))
                .cloned()
                .collect(),
            workspace: self.workspace.clone(),
            roles: self.roles.clone(),
            activity: Arc::clone(&self.activity),
            unknown: self.unknown.clone(),
            machines: self.machines.clone(),
            warnings: self.warnings.clone(),
            log_kinds: self.log_kinds.clone(),
            ..*self
        }
    }

    /// Removes the IP addresses from the entries of the activity log, unless they are `kept`.
    pub fn keep_addresses(&mut self, kept: bool) {
        if kept {
            return;
        }
        let without = |entry: &Activity| {
            let mut entry = entry.clone();
            entry.remove_addresses();
            entry
        };
        self.activity = self.activity.iter().map(without).collect();
    }

    /// Returns the observation without the workspace's bots and their memberships.
    #[must_use]
    pub fn without_bots(self) -> Self {
        let machines = self.machines(&BTreeSet::new());
        self.without(&machines)
    }

    /// Returns the ids of the workspace's bots: the known ones, those with the address of a bot,
    /// and those that acted under such an address according to the log.
    #[must_use]
    pub fn machines(&self, known: &BTreeSet<UserId>) -> BTreeSet<UserId> {
        let listed = self
            .users
            .iter()
            .filter(|seen| seen.user.kind() == UserKind::Bot)
            .map(|seen| &seen.user.id);
        let acted = self.activity.iter().filter_map(|entry| {
            let actor = entry.performed_by.as_ref()?;
            actor.id.as_ref().filter(|_| actor.email.as_deref().is_some_and(is_machine_address))
        });
        known.iter().chain(listed).chain(acted).cloned().collect()
    }

    /// Returns the ids of admins that may be bots: their address is unreadable, they have no seat,
    /// and they have a name that Intercom gives its bots.
    #[must_use]
    pub fn called_like_machines(&self) -> BTreeSet<UserId> {
        let called_so =
            |name: &str| MACHINE_NAMES.iter().any(|known| name.trim().eq_ignore_ascii_case(known));
        let may_be = |seen: &&Sighting| {
            let user = &seen.user;
            user.email.is_none()
                && user.has_inbox_seat != Some(true)
                && user.name.as_deref().is_some_and(called_so)
        };
        self.users.iter().filter(may_be).map(|seen| seen.user.id.clone()).collect()
    }

    /// Returns the observation without these admins and their memberships.
    #[must_use]
    pub fn without(mut self, machines: &BTreeSet<UserId>) -> Self {
        self.users.retain(|seen| !machines.contains(&seen.user.id));
        self.memberships.retain(|membership| !machines.contains(&membership.user));
        self
    }

    /// Marks the addresses of known bots as unknown if they are no longer those of a bot. The
    /// recorded addresses, which identify the bots, then stay.
    #[must_use]
    pub fn with_machines(mut self) -> Self {
        for seen in self.users.iter_mut().filter(|seen| self.machines.contains(&seen.user.id)) {
            if seen.user.kind() != UserKind::Bot {
                seen.user.email = None;
                self.unknown.users.entry(seen.user.id.clone()).or_default().insert(Field::Email);
            }
        }
        self
    }
}

/// The names that Intercom gives a workspace's bot unless the customer renames it.
const MACHINE_NAMES: &[&str] = &["Operator", "Fin", "Fin AI Agent", "Fin AI"];
