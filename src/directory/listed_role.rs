//! Roles as Intercom lists them.

use serde::{Deserialize, Serialize};

/// A role as Intercom's list of roles has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedRole {
    /// Intercom's id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The description, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What an import found out about Intercom's list of roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleList {
    /// The roles, each once.
    pub roles: Vec<ListedRole>,
    /// Whether the list may have more roles, so that none counts as removed.
    pub in_part: bool,
    /// Whether Intercom returned the list.
    pub state: RoleListState,
}

/// Whether Intercom returned its list of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoleListState {
    /// There is no list: the settings say so, or the last one is too old.
    #[default]
    Absent,
    /// Intercom returned it.
    Read,
    /// Intercom refused it, or its form is unknown.
    Refused,
}
