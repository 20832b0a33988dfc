//! Sets of people.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::user::{UserId, intercom_id};

/// Intercom's id of a team, for example `5077733`. Ids order as numbers do: shorter ones first.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupId(Box<str>);

intercom_id!(GroupId);

/// A team.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    /// Intercom's team id.
    pub id: GroupId,
    /// What the team is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How conversations are given out, in Intercom's words: `manual`, `round_robin`, `load_balanced`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution_method: Option<String>,
    /// How many conversations one member may hold, where the method is `load_balanced`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment_limit: Option<i64>,
}

/// A person in a team.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Membership {
    /// The team.
    pub group: GroupId,
    /// The person.
    pub user: UserId,
    /// Which of the team's conversations the person gets first, where the team makes a difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

/// A member's priority level in a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Gets the team's conversations.
    Primary,
    /// Gets them when no primary member is free.
    Secondary,
}

impl Priority {
    /// The level in Intercom's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }
}
