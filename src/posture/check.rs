//! One check: its texts, its settings and its rule.

use std::fmt;

use super::facts::Facts;
use super::outcome::Outcome;
use super::status::{CheckId, Relations, Severity};

/// A check: what it asks, how it decides, and what a person does about a failure.
#[derive(Clone, Copy)]
pub struct Check {
    /// The id.
    pub id: CheckId,
    /// A short name in words.
    pub title: &'static str,
    /// A short name in one word, for tools that need one.
    pub name: &'static str,
    /// The severity of a failure.
    pub severity: Severity,
    /// The question that the check answers.
    pub question: &'static str,
    /// How the status follows from the data.
    pub rule: &'static str,
    /// What a finding shows.
    pub evidence: &'static str,
    /// What to do about a finding, in Intercom.
    pub remedy: &'static str,
    /// Intercom's page about it, if there is a stable one.
    pub page: Option<&'static str>,
    /// The settings of section `posture` that the rule uses.
    pub settings: &'static [&'static str],
    /// Whether a person can record an answer, because no source shows it.
    pub takes_answers: bool,
    /// The numbers of controls that it relates to.
    pub relates_to: Relations,
    /// The rule.
    pub decide: fn(&Facts<'_>) -> Outcome,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id.as_str())
    }
}

impl Check {
    /// The part of `docs/posture.md` about the check.
    #[must_use]
    pub fn help(&self) -> String {
        format!("docs/posture.md#{}", self.id.as_str().to_ascii_lowercase())
    }
}
