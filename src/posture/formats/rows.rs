//! The report as rows: one for each finding, and one for each check without findings.

use std::ops::Deref;

use serde::Serialize;
use time::OffsetDateTime;

use super::super::exception::ReasonCode;
use super::super::outcome::Evidence;
use super::super::report::{CheckResult, Finding, Report};
use super::super::status::{CheckId, Severity, Status};
use crate::directory::Generation;
use crate::tabular::Row;

/// A finding, or a check without findings. Each row says which workspace and check it is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PostureRow {
    /// The moment whose state the row shows.
    #[serde(with = "crate::date_time")]
    pub as_of: OffsetDateTime,
    /// The generation of the ledger.
    pub generation: Generation,
    /// Intercom's id of the workspace.
    pub workspace_id: String,
    /// The id of the check.
    pub check_id: CheckId,
    /// The title of the check.
    pub title: &'static str,
    /// The status of the check.
    pub check_status: Status,
    /// The status of the finding, or of the check if it has none.
    pub status: Status,
    /// The severity.
    pub severity: Severity,
    /// The id of the finding; null for a check without findings.
    pub finding_id: Option<String>,
    /// What the finding is about.
    pub subject: Option<String>,
    /// The display name of the subject.
    pub name: Option<String>,
    /// The result in a sentence.
    pub message: String,
    /// The number of subjects.
    pub count: usize,
    /// When the finding was first recorded.
    #[serde(with = "crate::date_time::option")]
    pub first_failed_at: Option<OffsetDateTime>,
    /// Whether the status was recorded by a person.
    pub recorded: bool,
    /// Why the finding is excepted, in one word.
    pub exception: Option<ReasonCode>,
    /// Who excepted it.
    pub exception_by: Option<String>,
    /// Until when.
    #[serde(with = "crate::date_time::option")]
    pub exception_until: Option<OffsetDateTime>,
    /// What to do about it.
    pub remedy: &'static str,
    /// What the finding rests on.
    pub evidence: Evidence,
}

impl Row for PostureRow {
    const COLUMNS: &'static [&'static str] = &[
        "as_of",
        "generation",
        "workspace_id",
        "check_id",
        "title",
        "check_status",
        "status",
        "severity",
        "finding_id",
        "subject",
        "name",
        "message",
        "count",
        "first_failed_at",
        "recorded",
        "exception",
        "exception_by",
        "exception_until",
        "remedy",
        "evidence",
    ];
}

/// Returns the rows of a report, made one by one. The report is borrowed or shared.
pub fn rows<R>(report: R) -> impl Iterator<Item = PostureRow>
where
    R: Deref<Target = Report> + Clone,
{
    (0..report.checks.len()).flat_map(move |place| {
        let report = report.clone();
        // A check without findings has one row, too.
        let count = report.checks.get(place).map_or(0, |check| check.findings.len().max(1));
        (0..count).filter_map(move |number| {
            let check = report.checks.get(place)?;
            Some(row(&report, check, check.findings.get(number)))
        })
    })
}

fn row(report: &Report, check: &CheckResult, finding: Option<&Finding>) -> PostureRow {
    let exception = finding.and_then(|finding| finding.exception.as_ref());
    PostureRow {
        as_of: report.as_of,
        generation: report.generation,
        workspace_id: report.workspace_id.clone(),
        check_id: check.id,
        title: check.title,
        check_status: check.status,
        status: finding.map_or(check.status, |finding| finding.status),
        severity: finding.map_or(check.severity, |finding| finding.severity),
        finding_id: finding.map(|finding| finding.id.clone()),
        subject: finding.map(|finding| finding.subject.clone()),
        name: finding.and_then(|finding| finding.name.clone()),
        message: finding.map_or(&check.reason, |finding| &finding.message).clone(),
        count: finding.map_or(check.checked, |finding| finding.count),
        first_failed_at: finding.and_then(|finding| finding.first_failed_at),
        recorded: check.answer.is_some(),
        exception: exception.map(|exception| exception.reason_code),
        exception_by: exception.map(|exception| exception.by.clone()),
        exception_until: exception.map(|exception| exception.until),
        remedy: check.remedy,
        evidence: finding.map_or(&check.evidence, |finding| &finding.evidence).clone(),
    }
}
