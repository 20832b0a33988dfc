//! The scopes of tokens.

use std::fmt;
use std::str::FromStr;

/// A permission that a token carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Read users and groups over SCIM.
    ScimRead,
    /// Read imports, changes, requests, reviews and the flat views.
    ImportRead,
    /// Start imports.
    ImportRun,
    /// Ask for changes, which are recorded for people to make.
    LifecycleWrite,
    /// Read the audit trail, and say that a request was done.
    Admin,
}

const WORDS: [(Scope, &str); 5] = [
    (Scope::ScimRead, "scim.read"),
    (Scope::ImportRead, "import.read"),
    (Scope::ImportRun, "import.run"),
    (Scope::LifecycleWrite, "lifecycle.write"),
    (Scope::Admin, "admin"),
];

/// The error for a word that is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no scope; there are scim.read, import.read, import.run, lifecycle.write and admin"
)]
pub struct UnknownScope(String);

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] =
        [Self::ScimRead, Self::ImportRead, Self::ImportRun, Self::LifecycleWrite, Self::Admin];

    /// The word of the scope in tokens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        WORDS.iter().find(|(scope, _)| *scope == self).map_or("", |(_, word)| word)
    }

    /// What the scope allows, for people.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::ScimRead => "Read users and groups over SCIM",
            Self::ImportRead => "Read imports, changes, requests, reviews and the flat views",
            Self::ImportRun => "Start imports",
            Self::LifecycleWrite => "Ask for changes, which people make",
            Self::Admin => "Read the audit trail, say that a request was done, see the status page",
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
    /// [`UnknownScope`], with the first word that is no scope.
    pub fn parse_list(list: &str) -> Result<Vec<Self>, UnknownScope> {
        list.split_whitespace().map(str::parse).collect()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(word: &str) -> Result<Self, UnknownScope> {
        WORDS
            .iter()
            .find(|(_, known)| *known == word)
            .map(|(scope, _)| *scope)
            .ok_or_else(|| UnknownScope(word.to_owned()))
    }
}
