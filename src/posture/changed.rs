//! What changed between two reports.

use serde::Serialize;

use super::status::{CheckId, Severity};

/// What failed newly and what was resolved between two moments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Findings that fail, and did not fail then.
    pub new: Vec<ChangedFinding>,
    /// Findings that failed then, and do not fail any more.
    pub resolved: Vec<ChangedFinding>,
}

/// A finding of one of the reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedFinding {
    /// The id of the finding.
    pub id: String,
    /// The check.
    pub check: CheckId,
    /// What it is about.
    pub subject: String,
    /// The display name of the subject.
    pub name: Option<String>,
    /// The severity.
    pub severity: Severity,
    /// The finding in a sentence, in the report that has it.
    pub message: String,
}
