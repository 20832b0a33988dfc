//! Teams and memberships.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::user::{UserId, intercom_id};
use crate::words::words;

/// Intercom's id of a team, for example `5077733`. Ids sort numerically: shorter ids first.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupId(Box<str>);

intercom_id!(GroupId);

/// A team.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    /// Intercom's team id.
    pub id: GroupId,
    /// The name of the team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How Intercom assigns conversations to members, as it spells it: `manual`, `round_robin`,
    /// `load_balanced`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution_method: Option<String>,
    /// The maximum number of conversations per member if the method is `load_balanced`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment_limit: Option<i64>,
}

/// The membership of a person in a team.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Membership {
    /// The team.
    pub group: GroupId,
    /// The person.
    pub user: UserId,
    /// The member's priority level; `None` if the team does not use priority levels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

words! {
    /// A member's priority level in a team, as Intercom spells it.
    pub enum Priority {
        /// Gets the team's conversations first.
        Primary = "primary",
        /// Gets conversations when no primary member is free.
        Secondary = "secondary",
    }
}
