//! What the records of all formats share.

use serde_json::Value;

use super::{Entry, People, PersonName};
use crate::directory::{Actor, UserId, Workspace};

/// What a record needs besides its entry.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The workspace, as Intercom describes it.
    pub workspace: &'a Workspace,
    /// The name of the workspace in the settings. It stands for Intercom's id if that is unknown.
    pub workspace_name: &'a str,
    /// The teammates that the entries name.
    pub people: &'a People,
}

/// The name of the program in records.
pub(super) const BRIDGE: &str = "intercom-scim-bridge";
/// The name of Intercom's log.
pub(super) const LOG_NAME: &str = "Teammate activity logs";

impl Context<'_> {
    /// The id of the workspace.
    pub(super) fn workspace_id(&self) -> &str {
        self.workspace.id.as_deref().unwrap_or(self.workspace_name)
    }

    /// The id of a record. It is unique among all workspaces, and the same in every format.
    pub(super) fn record_id(&self, entry: &Entry) -> String {
        format!("{}:{}", self.workspace_id(), entry.activity.id)
    }

    /// What is known of a teammate now.
    pub(super) fn person(&self, id: &UserId) -> PersonName {
        self.people.get(id).cloned().unwrap_or_default()
    }
}

/// A person in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub id: Option<String>,
    pub email: Option<String>,
    pub full_name: Option<String>,
    /// Whether it is a person, and not a system.
    pub is_person: bool,
}

impl Account {
    /// Who caused the event.
    pub fn of_actor(actor: &Actor, context: &Context<'_>) -> Option<Self> {
        let known = actor.id.as_ref().map(|id| context.person(id)).unwrap_or_default();
        let is_person = match actor.kind.as_deref() {
            Some(kind) => ["admin", "teammate", "user"].contains(&kind),
            None => actor.id.is_some() || actor.email.is_some(),
        };
        let account = Self {
            id: actor.id.as_ref().map(ToString::to_string),
            email: actor.email.clone().or(known.email),
            full_name: known.name,
            is_person,
        };
        (account.name().is_some()).then_some(account)
    }

    /// A teammate with this id.
    pub fn of_subject(id: &UserId, context: &Context<'_>) -> Self {
        let PersonName { email, name } = context.person(id);
        Self { id: Some(id.to_string()), email, full_name: name, is_person: true }
    }

    /// The email address, or else the id.
    pub fn name(&self) -> Option<&str> {
        self.email.as_deref().or(self.id.as_deref())
    }
}

/// The sentence about the entry, without control characters. Without one of Intercom, the meaning
/// of the kind.
pub(super) fn message(entry: &Entry, meaning: &str) -> String {
    let text = entry.activity.description.as_deref().unwrap_or(meaning);
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// Adds a member unless its value is null.
pub(super) fn put(
    object: &mut serde_json::Map<String, Value>,
    name: &str,
    value: impl Into<Value>,
) {
    let value = value.into();
    if !value.is_null() {
        object.insert(name.to_owned(), value);
    }
}
