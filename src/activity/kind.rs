//! What is known about a kind of log entry.

use crate::words::words;

words! {
    /// The subject of a kind of entry.
    pub enum Group {
        /// Sign-ins, impersonation, passwords and second factors.
        Authentication = "authentication",
        /// Teammates, invitations, permissions, roles, seats and teams.
        Access = "access",
        /// Settings of the workspace that protect it.
        Settings = "settings",
        /// Apps, tokens, secrets and webhooks.
        Apps = "apps",
        /// Exports, imports and deletions of data.
        Data = "data",
        /// Messages, macros, topics and the appearance of the Messenger.
        Content = "content",
        /// Kinds that this version does not know.
        Unknown = "unknown",
    }
}

words! {
    /// How serious an entry is: the severities of OCSF.
    pub enum Severity {
        /// The kind is not known to this version.
        Unknown = "unknown",
        /// No action is needed.
        Informational = "informational",
        /// A usual change.
        Low = "low",
        /// A change that deserves a look.
        Medium = "medium",
        /// A change that someone should check.
        High = "high",
        /// A change that someone must check at once.
        Critical = "critical",
    }
}

impl Severity {
    /// The `severity_id` of OCSF 1.8.0.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Informational => 1,
            Self::Low => 2,
            Self::Medium => 3,
            Self::High => 4,
            Self::Critical => 5,
        }
    }
}

/// Whether what an entry describes succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The log does not say.
    Unknown,
    /// It succeeded.
    Success,
    /// It was refused.
    Failure,
}

/// A class of events in OCSF 1.8.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Base Event (0), for unknown kinds.
    Base,
    /// Account Change (3001).
    Account,
    /// Authentication (3002).
    Authentication,
    /// Entity Management (3004).
    Entity,
    /// User Access Management (3005).
    Privileges,
    /// Group Management (3006).
    Team,
    /// Web Resources Activity (6001).
    WebResources,
    /// Application Lifecycle (6002).
    Application,
}

/// Whether the bridge reads entries of a kind by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Yes: the kind matters for security.
    Default,
    /// Only if the setting `activity.types` asks for it.
    OnRequest,
}

/// A kind of log entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The name, as Intercom spells it.
    pub name: &'static str,
    /// Its subject.
    pub group: Group,
    /// What an entry means, as a sentence.
    pub meaning: &'static str,
    /// Whether it is read by default.
    pub fetched: Fetched,
    /// Its class in OCSF.
    pub class: Class,
    /// Its activity in that class; 99 (Other) where the details of the entry decide.
    pub activity: u8,
    /// How serious it is, unless the details of the entry say more.
    pub severity: Severity,
    /// Whether what it describes succeeded.
    pub outcome: Outcome,
    /// What it changes, for the classes Entity Management and Web Resources Activity; else empty.
    pub entity: &'static str,
    /// The values of `event.category` in ECS, separated by spaces.
    pub ecs_category: &'static str,
    /// The values of `event.type` in ECS, separated by spaces.
    pub ecs_type: &'static str,
}

impl Kind {
    /// What is assumed of a kind that this version does not know.
    pub const UNKNOWN: Self = Self {
        name: "",
        group: Group::Unknown,
        meaning: "This version of the bridge does not know this kind.",
        fetched: Fetched::OnRequest,
        class: Class::Base,
        activity: 99,
        severity: Severity::Unknown,
        outcome: Outcome::Unknown,
        entity: "",
        ecs_category: "",
        ecs_type: "",
    };
}
