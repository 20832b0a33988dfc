//! Compares two reports.

use std::collections::HashSet;

use super::changed::{Changed, ChangedFinding};
use super::report::{CheckResult, Finding, Report};
use super::status::Status;

/// Compares two reports of one workspace. Exceptions make no difference.
#[must_use]
pub fn changed(before: &Report, now: &Report) -> Changed {
    Changed { new: only_in(now, before), resolved: only_in(before, now) }
}

fn failing(report: &Report) -> impl Iterator<Item = (&CheckResult, &Finding)> {
    report.findings().filter(|(_, finding)| finding.status == Status::Fail)
}

fn only_in(report: &Report, other: &Report) -> Vec<ChangedFinding> {
    let there: HashSet<&str> = failing(other).map(|(_, finding)| finding.id.as_str()).collect();
    failing(report)
        .filter(|(_, finding)| !there.contains(finding.id.as_str()))
        .map(|(check, finding)| ChangedFinding {
            id: finding.id.clone(),
            check: check.id,
            subject: finding.subject.clone(),
            name: finding.name.clone(),
            severity: finding.severity,
            message: finding.message.clone(),
        })
        .collect()
}
