//! Exceptions: findings that a person has accepted for a time.
//!
//! An exception is an attribute beside the status. It never changes a status: a finding that fails
//! still fails, and is not counted.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::outcome::Draft;
use super::status::CheckId;
use crate::roster::Address;
use crate::words::words;

/// The longest time for which an exception or a recorded answer may be in force.
pub const LASTS: Duration = Duration::days(365);

/// The maximum length of a reason or a note, in characters.
pub const TEXT_CHARACTERS: usize = 1_000;

words! {
    /// Why a finding is accepted.
    pub enum ReasonCode {
        /// The risk is known and accepted.
        AcceptedRisk = "accepted_risk",
        /// The finding is wrong.
        FalsePositive = "false_positive",
        /// Another control covers the risk.
        Compensating = "compensating",
        /// It will be repaired before the exception ends.
        Planned = "planned",
    }
}

/// An exception from a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// The number of a recorded exception; `None` for one of the settings.
    pub number: Option<u64>,
    /// The check.
    pub check: CheckId,
    /// What it is about.
    pub subject: ExceptedSubject,
    /// Why, in one word.
    pub reason_code: ReasonCode,
    /// Why, in a sentence.
    pub reason: String,
    /// Who decided it.
    pub by: String,
    /// From when it is in force; `None` for one of the settings, which is in force until it ends.
    #[serde(with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    /// Until when it is in force.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
    /// The ticket about it.
    pub ticket: Option<String>,
}

/// What an exception is about. There are no patterns: they accept more than people expect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ExceptedSubject {
    /// The exact id of a subject.
    Id(String),
    /// The account with this address.
    Address(Address),
    /// All accounts with an address in this domain.
    Domain(String),
}

impl ExceptedSubject {
    /// Reads a subject: `domain:example.com`, an email address, or the id of a subject. `None` if
    /// it is empty, too long or has control characters.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 400 || text.chars().any(char::is_control) {
            return None;
        }
        if let Some(domain) = text.strip_prefix("domain:") {
            let domain = crate::roster::read_domain(domain.trim())?;
            return Some(Self::Domain(domain.to_ascii_lowercase()));
        }
        let is_id = text.contains(':');
        match Address::read(text) {
            Some(address) if !is_id => Some(Self::Address(address)),
            _ => Some(Self::Id(text.to_owned())),
        }
    }

    /// Whether the finding is about this subject.
    pub(super) fn is(&self, finding: &Draft) -> bool {
        let address = || finding.address.as_deref().and_then(Address::read);
        match self {
            Self::Id(id) => *id == finding.subject,
            Self::Address(excepted) => address().is_some_and(|address| address == *excepted),
            Self::Domain(domain) => address().is_some_and(|address| address.domain() == domain),
        }
    }
}

impl std::fmt::Display for ExceptedSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::Address(address) => f.write_str(address.as_str()),
            Self::Domain(domain) => write!(f, "domain:{domain}"),
        }
    }
}

impl Serialize for ExceptedSubject {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ExceptedSubject {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| serde::de::Error::custom("no subject"))
    }
}

/// Whether something recorded is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Force {
    /// Revoked.
    None,
    /// It is in force.
    Standing,
    /// Its time is over.
    Ended,
}

/// Whether something that was recorded until now is in force. When it was recorded or revoked does
/// not matter: another host's clock may have been ahead.
pub(super) fn force(until: OffsetDateTime, is_revoked: bool, now: OffsetDateTime) -> Force {
    match () {
        () if is_revoked => Force::None,
        () if until <= now => Force::Ended,
        () => Force::Standing,
    }
}

impl Exception {
    /// Whether the exception is in force.
    #[must_use]
    pub fn is_in_force(&self, now: OffsetDateTime) -> bool {
        self.force(now) == Force::Standing
    }

    pub(super) fn force(&self, now: OffsetDateTime) -> Force {
        // A recorded exception was checked when it was recorded. One of the settings is not in
        // force yet while it would last too long.
        if self.since.is_none() && self.until > now.saturating_add(LASTS) {
            return Force::None;
        }
        force(self.until, self.revoked_at.is_some(), now)
    }

    /// The order of exceptions: recorded ones by number, after those of the settings.
    pub(super) fn order(&self) -> impl Ord + use<> {
        (self.number, self.check, self.until, self.subject.to_string(), self.reason.clone())
    }
}
