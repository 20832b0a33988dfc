//! The HTML of the posture.

use maud::{Markup, html};

use super::activity_view::capital;
use super::format::number;
use super::layout::{self, Section, empty};
use super::list::{ListAddress, any, select};
use super::viewer::Viewer;
use crate::posture::{CheckResult, Finding, Report, Severity, Status};

/// The number of findings of a check that the page shows. The export has all.
const SHOWN_FINDINGS: usize = 20;

/// The statuses, the most urgent first.
const STATUSES: [Status; 6] = [
    Status::Fail,
    Status::Review,
    Status::Unknown,
    Status::Manual,
    Status::Pass,
    Status::NotApplicable,
];

/// Which checks are shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct PostureFilters {
    pub status: Option<Status>,
    pub severity: Option<Severity>,
}

impl PostureFilters {
    fn fits(self, check: &CheckResult) -> bool {
        self.status.is_none_or(|status| check.status == status)
            && self.severity.is_none_or(|severity| check.severity == severity)
    }

    /// Leaves out all other checks. The counts stay.
    pub fn apply(self, mut report: Report) -> Report {
        report.checks.retain(|check| self.fits(check));
        report
    }
}

/// Renders the page. `report` is `None` before the first import.
pub fn posture(viewer: &Viewer, filters: PostureFilters, report: Option<&Report>) -> String {
    let main = html! {
        h1 { "Posture" }
        @match report {
            None => (layout::nothing_imported()),
            Some(report) => (checks(viewer, filters, report)),
        }
    };
    layout::page(viewer, Section::Posture, "Posture", &main)
}

fn checks(viewer: &Viewer, filters: PostureFilters, report: &Report) -> Markup {
    let address = ListAddress::new(viewer, "/posture")
        .with("status", filters.status.map(Status::as_str).unwrap_or_default())
        .with("severity", filters.severity.map(Severity::as_str).unwrap_or_default());
    let statuses = STATUSES.map(|status| (status.as_str().to_owned(), title(status).to_owned()));
    let severities = Severity::ALL.map(|one| (one.as_str().to_owned(), capital(one.as_str())));
    let mut shown: Vec<&CheckResult> =
        report.checks.iter().filter(|check| filters.fits(check)).collect();
    let rank = |status: Status| STATUSES.iter().position(|one| *one == status);
    shown.sort_by_key(|check| (rank(check.status), std::cmp::Reverse(check.severity)));
    html! {
        (counts(report, &address))
        (address.filters("Filter checks", &html! {
            (select("status", "Result", filters.status.map(Status::as_str), &any(statuses.to_vec())))
            (select("severity", "Severity", filters.severity.map(Severity::as_str), &any(severities.to_vec())))
        }))
        @if shown.is_empty() {
            (empty("No checks match.", &html! { a href=(viewer.address("/posture", &[])) { "Reset the filters" } " to see all checks." }))
        }
        @for check in &shown { (check_result(viewer, check)) }
        @if !shown.is_empty() {
            (address.exports(shown.len(), if shown.len() == 1 { "check with its findings" } else { "checks with their findings" }))
        }
    }
}

fn counts(report: &Report, address: &ListAddress<'_>) -> Markup {
    let counts = &report.counts;
    let counted = [
        (Status::Fail, counts.fail),
        (Status::Review, counts.review),
        (Status::Unknown, counts.unknown),
        (Status::Manual, counts.manual),
        (Status::Pass, counts.pass),
        (Status::NotApplicable, counts.not_applicable),
    ];
    html! {
        dl class="facts counts" {
            @for (status, count) in counted {
                div { dt { (title(status)) } dd { a href=(address.changed("status", status.as_str())) { (number(count)) } } }
            }
            @if counts.excepted > 0 { div { dt { "Accepted by an exception" } dd { (number(counts.excepted)) } } }
        }
    }
}

/// A status in words.
pub fn title(status: Status) -> &'static str {
    match status {
        Status::Fail => "Failing",
        Status::Review => "To review",
        Status::Unknown => "Unknown",
        Status::Manual => "To check by hand",
        Status::Pass => "Passing",
        Status::NotApplicable => "Does not apply",
    }
}

fn class(status: Status) -> &'static str {
    match status {
        Status::Fail => "badge bad",
        Status::Review | Status::Unknown => "badge warn",
        Status::Pass => "badge good",
        Status::Manual | Status::NotApplicable => "badge",
    }
}

fn check_result(viewer: &Viewer, check: &CheckResult) -> Markup {
    let needs_work =
        matches!(check.status, Status::Fail | Status::Review | Status::Unknown | Status::Manual);
    html! {
        section id=(check.id) {
            h2 {
                (check.title) " "
                span class=(class(check.status)) { (title(check.status)) }
                @if check.status == Status::Fail { " " span class="badge" { (capital(check.severity.as_str())) " severity" } }
            }
            p { (check.reason) }
            @if needs_work { p { strong { "What to do: " } (check.remedy) } }
            @if !check.findings.is_empty() {
                ul {
                    @for one in check.findings.iter().take(SHOWN_FINDINGS) { (finding(viewer, one)) }
                    @if check.findings.len() > SHOWN_FINDINGS {
                        li { (number(check.findings.len() - SHOWN_FINDINGS)) " more are in the export" }
                    }
                }
            }
            p class="muted" { (check.id) ": " (check.question) }
        }
    }
}

fn finding(viewer: &Viewer, one: &Finding) -> Markup {
    html! {
        li {
            @if one.subject.starts_with("adm_") {
                a href=(viewer.person_address(&one.subject)) { bdi { (one.name.as_ref().unwrap_or(&one.subject)) } } ": "
            } @else if let Some(name) = &one.name {
                bdi { (name) } ": "
            }
            (one.message)
            @if let Some(since) = one.first_failed_at { " First seen " (viewer.times.text(since)) "." }
            @if let Some(exception) = &one.exception {
                " " span class="badge" { "accepted" } " by " bdi { (exception.by) } " until " (viewer.times.text(exception.until)) "."
            }
        }
    }
}
