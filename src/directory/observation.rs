//! What Intercom says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Activity, Disputed, Group, GroupId, Membership, User, UserId, UserKind, Volatile, is_machine_address};

/// What Intercom says of a workspace at one moment. What could not be read is [`Unknown`] and never looks like a value that
/// was taken away, or like people who left.
///
/// Users and groups have distinct ids; every membership names one of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When the reading began.
    pub taken_at: OffsetDateTime,
    /// Which workspace the token opens.
    pub workspace: Workspace,
    /// Everybody in it.
    pub users: Vec<Sighting>,
    /// All its teams.
    pub groups: Vec<Group>,
    /// Who is in which team.
    pub memberships: Vec<Membership>,
    /// Log entries, oldest first; empty where the token may not read the log.
    pub activity: Arc<[Activity]>,
    /// Up to when the activity log was read without a gap; none where it could not be read.
    pub log_read_to: Option<OffsetDateTime>,
    /// What could not be read of the lists.
    pub unknown: Unknown,
    /// The workspace's machines, as far as they are known.
    pub machines: BTreeSet<UserId>,
    /// What was odd, and how it was taken.
    pub warnings: Vec<Warning>,
}

/// What a reading does not know, and what therefore stays as it is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    /// Whether an entry could not be identified, or the list of people or of teams is not provably whole: then nobody, no
    /// team and no membership is taken as removed.
    pub lists_in_part: bool,
    /// Fields of people.
    pub users: BTreeMap<UserId, BTreeSet<Field>>,
    /// Fields of teams.
    pub groups: BTreeMap<GroupId, BTreeSet<Field>>,
    /// Teams whose lists of members could not be read in full: nobody is taken out of them.
    pub members: BTreeSet<GroupId>,
    /// What only one of the two lists names, where they disagree about more than [`limits::DISPUTED_SHARE`]: it is not taken
    /// as removed.
    ///
    /// [`limits::DISPUTED_SHARE`]: crate::limits::DISPUTED_SHARE
    pub disputed: Disputed,
}

impl Unknown {
    /// Whether somebody or something may be there that was not read, so that removals wait.
    #[must_use]
    pub fn keeps_back(&self) -> bool {
        self.lists_in_part || !self.members.is_empty() || !self.disputed.is_empty()
    }

    /// Of how many people a role, a seat, an address or a name could not be read.
    #[must_use]
    pub fn people_without_access_fields(&self) -> usize {
        let counts = |field: &Field| matches!(field, Field::Email | Field::Name | Field::HasInboxSeat | Field::Role);
        self.users.values().filter(|fields| fields.iter().any(counts)).count()
    }
}

/// A member of Intercom's record of an admin or a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `email`.
    Email,
    /// `name`.
    Name,
    /// `job_title`.
    JobTitle,
    /// `has_inbox_seat`.
    HasInboxSeat,
    /// `role`.
    Role,
    /// `away_mode_enabled`.
    AwayModeEnabled,
    /// `away_mode_reassign`.
    AwayModeReassign,
    /// `away_status_reason_id`.
    AwayStatusReasonId,
    /// `avatar`.
    Avatar,
    /// `team_ids`.
    TeamIds,
    /// `team_priority_level`.
    TeamPriorityLevel,
    /// `distribution_method`.
    DistributionMethod,
    /// `assignment_limit`.
    AssignmentLimit,
    /// `admin_ids`.
    AdminIds,
    /// `admin_priority_level`.
    AdminPriorityLevel,
}

impl Field {
    /// What Intercom calls it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Name => "name",
            Self::JobTitle => "job_title",
            Self::HasInboxSeat => "has_inbox_seat",
            Self::Role => "role",
            Self::AwayModeEnabled => "away_mode_enabled",
            Self::AwayModeReassign => "away_mode_reassign",
            Self::AwayStatusReasonId => "away_status_reason_id",
            Self::Avatar => "avatar",
            Self::TeamIds => "team_ids",
            Self::TeamPriorityLevel => "team_priority_level",
            Self::DistributionMethod => "distribution_method",
            Self::AssignmentLimit => "assignment_limit",
            Self::AdminIds => "admin_ids",
            Self::AdminPriorityLevel => "admin_priority_level",
        }
    }
}

/// Some of a workspace: people, and teams with their members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The people.
    pub users: BTreeSet<UserId>,
    /// The teams.
    pub groups: BTreeSet<GroupId>,
}

/// A person as seen in one reading.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sighting {
    /// What is access.
    pub user: User,
    /// What is not.
    pub volatile: Volatile,
}

/// Intercom's own name for a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// `id_code`, for example `wjw5eps7`.
    pub id: Option<String>,
    /// What the company calls it.
    pub name: Option<String>,
    /// Where it is hosted: `US`, `EU` or `AU`.
    pub region: Option<String>,
}

/// Something odd in a reading that did not stop it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Warning {
    /// One word for machines, for example `membership_disagreement`.
    pub code: String,
    /// A sentence for people; it names ids, never names or addresses.
    pub detail: String,
}

impl Workspace {
    /// What is known of it after another reading, which may have told less.
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
    /// A warning of the kind `code` that says `detail`.
    pub fn new(code: &str, detail: impl Into<String>) -> Self {
        Self { code: code.to_owned(), detail: detail.into() }
    }
}

impl Observation {
    /// What it says of these people and teams, and of the teams' members.
    #[must_use]
    pub fn of(&self, part: &Part) -> Self {
        Self {
            users: self.users.iter().filter(|seen| part.users.contains(&seen.user.id)).cloned().collect(),
            groups: self.groups.iter().filter(|group| part.groups.contains(&group.id)).cloned().collect(),
            memberships: self.memberships.iter().filter(|one| part.groups.contains(&one.group)).cloned().collect(),
            workspace: self.workspace.clone(),
            activity: Arc::clone(&self.activity),
            unknown: self.unknown.clone(),
            machines: self.machines.clone(),
            warnings: self.warnings.clone(),
            ..*self
        }
    }

    /// The same reading without the workspace's machines.
    #[must_use]
    pub fn without_bots(self) -> Self {
        let machines = self.machines(&BTreeSet::new());
        self.without(&machines)
    }

    /// The workspace's machines: those that are known, those whose address is a machine's, and those that acted under such
    /// an address as the log tells.
    #[must_use]
    pub fn machines(&self, known: &BTreeSet<UserId>) -> BTreeSet<UserId> {
        let listed = self.users.iter().filter(|seen| seen.user.kind() == UserKind::Bot).map(|seen| &seen.user.id);
        let acted = self.activity.iter().filter_map(|entry| {
            let actor = entry.performed_by.as_ref()?;
            actor.id.as_ref().filter(|_| actor.email.as_deref().is_some_and(is_machine_address))
        });
        known.iter().chain(listed).chain(acted).cloned().collect()
    }

    /// Those who may be machines: their address cannot be read, they have no seat, and they are called as Intercom calls its
    /// own.
    #[must_use]
    pub fn called_like_machines(&self) -> BTreeSet<UserId> {
        let called_so = |name: &str| MACHINE_NAMES.iter().any(|known| name.trim().eq_ignore_ascii_case(known));
        let may_be = |seen: &&Sighting| {
            let user = &seen.user;
            user.email.is_none() && user.has_inbox_seat != Some(true) && user.name.as_deref().is_some_and(called_so)
        };
        self.users.iter().filter(may_be).map(|seen| seen.user.id.clone()).collect()
    }

    /// The same reading without these.
    #[must_use]
    pub fn without(mut self, machines: &BTreeSet<UserId>) -> Self {
        self.users.retain(|seen| !machines.contains(&seen.user.id));
        self.memberships.retain(|membership| !machines.contains(&membership.user));
        self
    }

    /// The same reading with the machines' addresses as they are recorded, where other ones came: by its address a machine
    /// is known.
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

/// What Intercom calls the machine of a workspace, where the customer has not named it.
const MACHINE_NAMES: &[&str] = &["Operator", "Fin", "Fin AI Agent", "Fin AI"];
