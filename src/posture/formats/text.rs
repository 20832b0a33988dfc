//! The report as a table for terminals.

use std::fmt::Write as _;

use super::super::outcome::moment;
use super::super::report::{CheckResult, Finding, Report};
use super::super::status::Status;

/// How many findings of one check the table shows.
const SHOWN: usize = 20;

/// Returns a report as text: the checks with their status and reason, and below each its findings.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut text = format!(
        "Posture of {} as of {} (generation {})\n\n",
        report.workspace_id,
        moment(report.as_of),
        report.generation
    );
    for check in &report.checks {
        // Writing to a text cannot fail.
        let _ = write_check(&mut text, check);
    }
    let counts = report.counts;
    let _ = writeln!(
        text,
        "\n{} fail, {} review, {} unknown, {} manual, {} pass, {} not applicable, {} excepted",
        counts.fail,
        counts.review,
        counts.unknown,
        counts.manual,
        counts.pass,
        counts.not_applicable,
        counts.excepted
    );
    for exception in &report.unused_exceptions {
        let _ = writeln!(
            text,
            "No finding needs the exception of {} from {}.",
            exception.subject, exception.check
        );
    }
    text
}

fn write_check(text: &mut String, check: &CheckResult) -> std::fmt::Result {
    let recorded = if check.answer.is_some() { " (recorded)" } else { "" };
    let status = format!("{}{recorded}", check.status);
    let severity = if check.status == Status::Fail { check.severity.as_str() } else { "" };
    writeln!(text, "{:<10} {status:<15} {severity:<8} {}", check.id.as_str(), check.title)?;
    writeln!(text, "{:<10} {}", "", check.reason)?;
    // The reason already says what is unknown.
    let known = || check.findings.iter().filter(|finding| finding.status != Status::Unknown);
    for finding in known().take(SHOWN) {
        writeln!(text, "{:<10}   - {}", "", line(finding))?;
    }
    let more = known().skip(SHOWN).count();
    if more > 0 {
        writeln!(text, "{:<10}   - and {more} more", "")?;
    }
    if check.status == Status::Fail {
        writeln!(text, "{:<10} Remedy: {}", "", check.remedy)?;
    }
    Ok(())
}

fn line(finding: &Finding) -> String {
    let name = finding.name.as_ref().unwrap_or(&finding.subject);
    let since = finding.first_failed_at.map(|at| format!(" Since {}.", moment(at)));
    let exception = finding.exception.as_ref().map(|exception| {
        format!(" Excepted until {} by {}.", moment(exception.until), exception.by)
    });
    let ended = finding
        .exception_ended
        .as_ref()
        .map(|exception| format!(" Its exception ended at {}.", moment(exception.until)));
    let name: String = name.chars().filter(|letter| !letter.is_control()).collect();
    format!(
        "{name}: {}{}{}{}",
        finding.message,
        since.unwrap_or_default(),
        exception.unwrap_or_default(),
        ended.unwrap_or_default()
    )
}
