//! What Intercom says.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Activity, Group, GroupId, Membership, User, UserId, UserKind, Volatile};

/// Everything Intercom says of a workspace at one moment. It is complete or it does not exist: half a
/// reading must never look like people who left.
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
    /// Whether the activity log could be read.
    pub log_read: bool,
    /// What was odd, and how it was taken.
    pub warnings: Vec<Warning>,
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
