//! What the roster adds to a user: the values of SCIM's enterprise extension (RFC 7643 §4.3).

use std::collections::HashMap;
use std::sync::Arc;

use time::OffsetDateTime;

use super::UserId;

/// The values of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EnterpriseFacts {
    /// The employee number, with its leading zeros.
    pub employee_number: Option<Box<str>>,
    /// The department.
    pub department: Option<Arc<str>>,
    /// The manager.
    pub manager: Option<Manager>,
}

/// The manager of a person.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Manager {
    /// The manager's account, if there is one in the workspace.
    pub account: Option<UserId>,
    /// The manager's name.
    pub name: Option<Box<str>>,
}

impl EnterpriseFacts {
    /// Whether no value is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The values of an account, and since when it has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enterprise {
    /// The values.
    pub facts: EnterpriseFacts,
    /// When the bridge first saw them. They may be empty: then the account had some before.
    pub changed_at: OffsetDateTime,
}

/// The values of all accounts that have or had some.
pub type Enterprises = HashMap<UserId, Arc<Enterprise>>;
