//! The scopes of tokens.

use std::str::FromStr;

use crate::words::{Words, words};

words! {
    /// A permission that a token carries.
    pub enum Scope {
        /// Read users and groups over SCIM.
        ScimRead = "scim.read",
        /// Read imports, changes, requests, reviews and the flat views.
        ImportRead = "import.read",
        /// Read the entries of Intercom's activity log. They contain names and IP addresses.
        ActivityRead = "activity.read",
        /// Start imports.
        ImportRun = "import.run",
        /// Ask for changes, which are recorded for people to make.
        LifecycleWrite = "lifecycle.write",
        /// Read the checks of the posture, their exceptions and their answers.
        PostureRead = "posture.read",
        /// Read the roster: who holds which account.
        RosterRead = "roster.read",
        /// Import rosters, and decide about accounts.
        RosterWrite = "roster.write",
        /// Read the audit trail, close requests, and record exceptions and answers of the posture.
        Admin = "admin",
    }
}

/// The error for a word that is not a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a scope; the scopes are scim.read, import.read, activity.read, import.run, \
     lifecycle.write, posture.read, roster.read, roster.write and admin"
)]
pub struct UnknownScope(String);

impl Scope {
    /// What the scope allows, for people.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::ScimRead => "Read users and groups over SCIM",
            Self::ImportRead => "Read imports, changes, requests, reviews and the flat views",
            Self::ActivityRead => "Read Intercom's activity log, with names and IP addresses",
            Self::ImportRun => "Start imports",
            Self::LifecycleWrite => "Ask for changes, which people make",
            Self::PostureRead => "Read the checks of the posture",
            Self::RosterRead => "Read the roster: who holds which account",
            Self::RosterWrite => "Import rosters, and decide about accounts",
            Self::Admin => {
                "Read the audit trail, close requests, record exceptions and answers of the posture"
            }
        }
    }

    /// Formats scopes as words separated by spaces (RFC 6749 §3.3).
    #[must_use]
    pub fn list(scopes: &[Self]) -> String {
        scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Parses scopes from words separated by spaces (RFC 6749 §3.3).
    ///
    /// # Errors
    /// [`UnknownScope`], with the first word that is not a scope.
    pub fn parse_list(list: &str) -> Result<Vec<Self>, UnknownScope> {
        list.split_whitespace().map(str::parse).collect()
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(word: &str) -> Result<Self, UnknownScope> {
        Self::from_word(word).ok_or_else(|| UnknownScope(word.to_owned()))
    }
}
