//! What Intercom says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Activity, Group, GroupId, Membership, User, UserId, UserKind, Volatile};

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
}

impl Unknown {
    /// Whether somebody or something may be there that was not read, so that removals wait.
    #[must_use]
    pub fn keeps_back(&self) -> bool {
        self.lists_in_part || !self.members.is_empty()
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
            warnings: self.warnings.clone(),
            ..*self
        }
    }

    /// The same reading without the workspace's machines.
    #[must_use]
    pub fn without_bots(mut self) -> Self {
        let bots: Vec<UserId> = self
            .users
            .iter()
            .filter(|seen| seen.user.kind() == UserKind::Bot)
            .map(|seen| seen.user.id.clone())
            .collect();
        self.users.retain(|seen| !bots.contains(&seen.user.id));
        self.memberships.retain(|membership| !bots.contains(&membership.user));
        self
    }
}
