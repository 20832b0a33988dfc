//! What a rule returns.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::status::{Severity, Status};
use crate::date_time;

/// Facts that a finding rests on, by name.
pub type Evidence = Map<String, Value>;

/// The subject of findings about the workspace as a whole.
pub const WORKSPACE: &str = "workspace";

/// The subject of the one finding about everything that is unknown.
pub const UNKNOWN: &str = "unknown";

/// The most accounts that the evidence of one finding lists.
pub(super) const LISTED: usize = 100;

/// The result of a rule, before exceptions and recorded answers.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The status if there are no findings.
    pub base: Status,
    /// The number of subjects that were checked.
    pub checked: usize,
    /// One sentence for people.
    pub reason: String,
    /// Facts about the check as a whole.
    pub evidence: Evidence,
    /// What was found.
    pub findings: Vec<Draft>,
}

/// A finding of a rule.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What it is about: an id that stays the same as long as the thing exists.
    pub subject: String,
    /// The display name of the subject.
    pub name: Option<String>,
    /// The address of the account, for exceptions that name it.
    pub address: Option<String>,
    /// `fail`, `review` or `unknown`.
    pub status: Status,
    /// The severity, if it differs from that of the check.
    pub severity: Option<Severity>,
    /// One sentence for people.
    pub message: String,
    /// What it rests on.
    pub evidence: Evidence,
    /// The number of subjects; more than one only for unknown ones.
    pub count: usize,
}

impl Outcome {
    /// Nothing is wrong.
    pub fn pass(checked: usize, reason: impl Into<String>) -> Self {
        Self::with(Status::Pass, checked, reason)
    }

    /// No source shows the answer.
    pub fn manual(reason: impl Into<String>) -> Self {
        Self::with(Status::Manual, 0, reason)
    }

    /// The rule does not apply.
    pub fn not_applicable(reason: impl Into<String>) -> Self {
        Self::with(Status::NotApplicable, 0, reason)
    }

    /// The sources did not show the answer, for `count` subjects.
    pub fn unknown(count: usize, reason: impl Into<String>) -> Self {
        Self::pass(count, String::new()).with_unknown(count, &[], reason)
    }

    fn with(base: Status, checked: usize, reason: impl Into<String>) -> Self {
        Self { base, checked, reason: reason.into(), evidence: Map::new(), findings: Vec::new() }
    }

    /// Replaces the reason if there are findings that fail or need a review.
    #[must_use]
    pub fn explained(mut self, reason: impl FnOnce(usize) -> String) -> Self {
        let found = self.findings.iter().filter(|one| one.status != Status::Unknown).count();
        if found > 0 {
            self.reason = reason(found);
        }
        self
    }

    /// Adds the one finding about unknown subjects, if there are any. `subjects` are their ids.
    #[must_use]
    pub fn with_unknown(
        mut self,
        count: usize,
        subjects: &[String],
        reason: impl Into<String>,
    ) -> Self {
        if count == 0 {
            return self;
        }
        let message = reason.into();
        let is_only_reason = self.findings.is_empty();
        if is_only_reason || self.reason.is_empty() {
            self.reason.clone_from(&message);
        } else {
            self.reason = format!("{} {message}", self.reason);
        }
        // There is one such finding: its id has no place for a reason.
        let known = self.findings.iter_mut().find(|finding| finding.subject == UNKNOWN);
        if let Some(known) = known {
            known.message = format!("{} {message}", known.message);
            return self;
        }
        let mut listed: Vec<&String> = subjects.iter().collect();
        listed.sort_by_key(|id| (id.len(), *id));
        listed.truncate(LISTED);
        let mut evidence = Map::new();
        evidence.insert("count".to_owned(), count.into());
        if !listed.is_empty() {
            evidence.insert("subjects".to_owned(), listed.into_iter().cloned().collect());
        }
        self.findings.push(Draft {
            subject: UNKNOWN.to_owned(),
            name: None,
            address: None,
            status: Status::Unknown,
            severity: None,
            message,
            evidence,
            count,
        });
        self
    }
}

impl Draft {
    /// A finding about the workspace as a whole.
    pub fn of_workspace(status: Status, message: impl Into<String>, evidence: Evidence) -> Self {
        Self {
            subject: WORKSPACE.to_owned(),
            name: None,
            address: None,
            status,
            severity: None,
            message: message.into(),
            evidence,
            count: 1,
        }
    }
}

/// Makes evidence from names and values. Values that are null are kept: they say what is unknown.
macro_rules! evidence {
    ($($name:literal: $value:expr),* $(,)?) => {{
        let mut evidence = serde_json::Map::new();
        $(evidence.insert($name.to_owned(), serde_json::json!($value));)*
        evidence
    }};
}
pub(super) use evidence;

/// A moment as evidence.
pub(super) fn moment(at: OffsetDateTime) -> String {
    date_time::written(at).to_string()
}

/// `1 account has`, `2 accounts have`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}
