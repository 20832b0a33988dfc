//! The evaluation of all checks, and its result.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::answer::{Answer, AnswerStatus, in_force};
use super::changed::Changed;
use super::check::Check;
use super::exception::{Exception, Force};
use super::facts::Facts;
use super::outcome::{Draft, Evidence, Outcome, evidence, moment};
use super::state::State;
use super::status::{CheckId, Relations, Severity, Status};
use super::table::{CHECKS, RULES_VERSION};
use crate::directory::Generation;

/// The result of all checks for one workspace at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The moment whose state the report shows.
    #[serde(with = "crate::date_time")]
    pub as_of: OffsetDateTime,
    /// The generation of the ledger that the report shows.
    pub generation: Generation,
    /// Intercom's id of the workspace.
    pub workspace_id: String,
    /// The version of the rules.
    pub rules_version: &'static str,
    /// The settings that the checks used.
    pub settings: BTreeMap<&'static str, Value>,
    /// The number of checks with each status.
    pub counts: Counts,
    /// The number of failing checks with each severity, without excepted ones.
    pub failing: Failing,
    /// The checks, in the order of the table.
    pub checks: Vec<CheckResult>,
    /// Exceptions in force that no finding needs.
    pub unused_exceptions: Vec<Exception>,
    /// What changed since an earlier moment, if that was compared.
    pub changed: Option<Changed>,
}

/// The number of checks with each status. Their sum is the number of checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Checks that fail.
    pub fail: usize,
    /// Checks that a person should look at.
    pub review: usize,
    /// Checks whose sources did not show the answer.
    pub unknown: usize,
    /// Checks that no source answers.
    pub manual: usize,
    /// Checks that pass.
    pub pass: usize,
    /// Checks that do not apply.
    pub not_applicable: usize,
    /// Checks that fail or need a review only in findings with an exception in force.
    pub excepted: usize,
}

/// The number of failing checks with each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Failing {
    /// Critical ones.
    pub critical: usize,
    /// Those with severity high.
    pub high: usize,
    /// Those with severity medium.
    pub medium: usize,
    /// Those with severity low.
    pub low: usize,
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckResult {
    /// The id.
    pub id: CheckId,
    /// The title.
    pub title: &'static str,
    /// The status. Exceptions do not change it.
    pub status: Status,
    /// The status without findings.
    #[serde(skip)]
    base: Status,
    /// The severity: the greatest one of the findings that fail, else that of the check.
    pub severity: Severity,
    /// The question that the check answers.
    pub question: &'static str,
    /// The number of subjects that were checked.
    pub checked: usize,
    /// The number of findings that fail, without those with an exception.
    pub failed: usize,
    /// The number of findings with an exception in force.
    pub excepted: usize,
    /// The number of unknown subjects.
    pub unknown: usize,
    /// The result in a sentence.
    pub reason: String,
    /// What to do about it.
    pub remedy: &'static str,
    /// The part of the documentation about the check.
    pub help: String,
    /// The numbers of controls that the check relates to.
    pub relates_to: Relations,
    /// Facts about the check as a whole.
    pub evidence: Evidence,
    /// The recorded answer that counts.
    pub answer: Option<Answer>,
    /// What was found, sorted by subject.
    pub findings: Vec<Finding>,
}

/// A finding about one subject.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The id: it stays the same as long as the finding exists.
    pub id: String,
    /// What the finding is about.
    pub subject: String,
    /// The display name of the subject.
    pub name: Option<String>,
    /// `fail`, `review` or `unknown`.
    pub status: Status,
    /// The severity.
    pub severity: Severity,
    /// The finding in a sentence.
    pub message: String,
    /// The number of subjects; more than one only for unknown ones.
    pub count: usize,
    /// What the finding rests on.
    pub evidence: Evidence,
    /// When the finding was first recorded; null if it was not recorded yet.
    #[serde(with = "crate::date_time::option")]
    pub first_failed_at: Option<OffsetDateTime>,
    /// The generation of that moment.
    pub first_failed_generation: Option<Generation>,
    /// The exception in force.
    pub exception: Option<Exception>,
    /// An exception whose time is over.
    pub exception_ended: Option<Exception>,
}

/// Evaluates all checks.
///
/// Pure: the same state gives the same report, in any order of its lists.
#[must_use]
pub fn evaluate(state: &State<'_>) -> Report {
    let facts = Facts::new(state);
    let mut exceptions: Vec<&Exception> = state.exceptions.iter().collect();
    exceptions.sort_by_key(|exception| exception.order());
    let mut used = BTreeSet::new();
    let checks: Vec<CheckResult> =
        CHECKS.iter().map(|check| result(check, &facts, &exceptions, &mut used)).collect();
    let unused = exceptions
        .iter()
        .enumerate()
        .filter(|(place, exception)| exception.is_in_force(state.now) && !used.contains(place));
    Report {
        as_of: state.now,
        generation: state.generation,
        workspace_id: state.workspace.to_owned(),
        rules_version: RULES_VERSION,
        settings: state.settings.values(),
        counts: Counts::new(&checks),
        failing: Failing::new(&checks),
        unused_exceptions: unused.map(|(_, exception)| (*exception).clone()).collect(),
        checks,
        changed: None,
    }
}

/// Returns the id of a finding. It contains no time, no count and no name, so it is the same next
/// week: alerts and baselines do not multiply.
#[must_use]
pub fn finding_id(workspace: &str, check: CheckId, subject: &str) -> String {
    let hash = digest(&SHA256, format!("{workspace}|{check}|{subject}").as_bytes());
    hex::encode(&hash.as_ref()[..8])
}

fn result(
    check: &Check,
    facts: &Facts<'_>,
    exceptions: &[&Exception],
    used: &mut BTreeSet<usize>,
) -> CheckResult {
    let state = facts.state;
    let mut outcome = (check.decide)(facts);
    let answer = in_force(state.answers, check.id, state.now)
        .filter(|_| check.takes_answers && outcome.base == Status::Manual);
    if let Some(answer) = answer {
        apply(&mut outcome, answer);
    }
    let exceptions = exceptions.iter().copied().enumerate();
    let exceptions: Vec<_> = exceptions.filter(|(_, one)| one.check == check.id).collect();
    let mut findings: Vec<Finding> = outcome
        .findings
        .into_iter()
        .map(|draft| {
            let (exception, ended) = exceptions_of(&draft, &exceptions, state.now, used);
            Finding {
                id: finding_id(state.workspace, check.id, &draft.subject),
                name: draft.name,
                status: draft.status,
                severity: draft.severity.unwrap_or(check.severity),
                message: draft.message,
                count: draft.count,
                evidence: draft.evidence,
                first_failed_at: None,
                first_failed_generation: None,
                exception_ended: ended.filter(|_| exception.is_none()),
                exception,
                subject: draft.subject,
            }
        })
        .collect();
    findings.sort_by(|a, b| (a.subject.len(), &a.subject).cmp(&(b.subject.len(), &b.subject)));
    let fails = |finding: &&Finding| finding.status == Status::Fail;
    let severity = findings.iter().filter(fails).map(|finding| finding.severity).max();
    CheckResult {
        id: check.id,
        title: check.title,
        status: findings.iter().map(|finding| finding.status).fold(outcome.base, Ord::max),
        base: outcome.base,
        severity: severity.unwrap_or(check.severity),
        question: check.question,
        checked: outcome.checked,
        failed: findings.iter().filter(fails).filter(|one| one.exception.is_none()).count(),
        excepted: findings.iter().filter(|one| one.exception.is_some()).count(),
        unknown: findings
            .iter()
            .filter(|finding| finding.status == Status::Unknown)
            .map(|finding| finding.count)
            .sum(),
        reason: outcome.reason,
        remedy: check.remedy,
        help: check.help(),
        relates_to: check.relates_to,
        evidence: outcome.evidence,
        answer: answer.cloned(),
        findings,
    }
}

/// The newest exception in force for a finding, and the newest whose time is over. `exceptions` are
/// those from the check, oldest first, each with its place among all exceptions. Adds the places of
/// those in force to `used`.
fn exceptions_of(
    finding: &Draft,
    exceptions: &[(usize, &Exception)],
    now: OffsetDateTime,
    used: &mut BTreeSet<usize>,
) -> (Option<Exception>, Option<Exception>) {
    let mut in_force = None;
    let mut ended = None;
    if finding.status == Status::Unknown {
        return (in_force, ended);
    }
    for (place, exception) in exceptions {
        if !exception.subject.is(finding) {
            continue;
        }
        match exception.force(now) {
            Force::Standing => {
                used.insert(*place);
                in_force = Some((*exception).clone());
            }
            Force::Ended => ended = Some((*exception).clone()),
            Force::None => {}
        }
    }
    (in_force, ended)
}

/// Puts a recorded answer in the place of `manual`. What the bridge itself found still counts.
fn apply(outcome: &mut Outcome, answer: &Answer) {
    // A failure is a finding, so that it can have an exception.
    if answer.status != AnswerStatus::Fail {
        outcome.base = answer.status.into();
    }
    let said = format!("Recorded by {} at {}: {}", answer.by, moment(answer.at), answer.note);
    if outcome.findings.is_empty() {
        outcome.reason.clone_from(&said);
    }
    if answer.status == AnswerStatus::Fail {
        outcome.findings.push(Draft::of_workspace(
            Status::Fail,
            said,
            evidence! { "answer": answer.number, "by": answer.by, "at": moment(answer.at) },
        ));
    }
}

impl CheckResult {
    /// The check in the table.
    #[must_use]
    pub fn check(&self) -> &'static Check {
        super::table::check(self.id)
    }

    /// The status under which the check is counted: without its excepted findings. `None` if
    /// nothing but excepted findings is left.
    fn counted_status(&self) -> Option<Status> {
        let open = self.findings.iter().filter(|finding| finding.exception.is_none());
        let status = open.map(|finding| finding.status).fold(self.base, Ord::max);
        (status != Status::Pass || self.excepted == 0).then_some(status)
    }
}

impl Counts {
    fn new(checks: &[CheckResult]) -> Self {
        let mut counts = Self::default();
        for check in checks {
            let counter = match check.counted_status() {
                None => &mut counts.excepted,
                Some(Status::Fail) => &mut counts.fail,
                Some(Status::Review) => &mut counts.review,
                Some(Status::Unknown) => &mut counts.unknown,
                Some(Status::Manual) => &mut counts.manual,
                Some(Status::Pass) => &mut counts.pass,
                Some(Status::NotApplicable) => &mut counts.not_applicable,
            };
            *counter += 1;
        }
        counts
    }
}

impl Failing {
    fn new(checks: &[CheckResult]) -> Self {
        let mut failing = Self::default();
        for check in checks {
            let open = check.findings.iter().filter(|finding| finding.exception.is_none());
            let fails = open.filter(|finding| finding.status == Status::Fail);
            match fails.map(|finding| finding.severity).max() {
                Some(Severity::Critical) => failing.critical += 1,
                Some(Severity::High) => failing.high += 1,
                Some(Severity::Medium) => failing.medium += 1,
                Some(Severity::Low) => failing.low += 1,
                None => {}
            }
        }
        failing
    }

    /// The number of failing checks with at least this severity.
    #[must_use]
    pub fn at_least(&self, severity: Severity) -> usize {
        let by_severity = [self.low, self.medium, self.high, self.critical];
        by_severity.iter().skip(severity as usize).sum()
    }
}

/// When findings were first recorded, by their ids.
pub type FirstFailed = HashMap<String, (OffsetDateTime, Generation)>;

impl Report {
    /// Adds to each finding when it was first recorded.
    #[must_use]
    pub fn with_first_failed(mut self, first_failed: &FirstFailed) -> Self {
        for finding in self.checks.iter_mut().flat_map(|check| &mut check.findings) {
            if let Some((at, generation)) = first_failed.get(&finding.id) {
                finding.first_failed_at = Some(*at);
                finding.first_failed_generation = Some(*generation);
            }
        }
        self
    }

    /// Leaves out all checks but those with this id and this status. The counts stay.
    #[must_use]
    pub fn only(mut self, id: Option<CheckId>, status: Option<Status>) -> Self {
        let fits = |check: &CheckResult| {
            id.is_none_or(|id| check.id == id) && status.is_none_or(|one| check.status == one)
        };
        self.checks.retain(fits);
        self
    }

    /// All findings with their checks.
    pub fn findings(&self) -> impl Iterator<Item = (&CheckResult, &Finding)> {
        self.checks
            .iter()
            .flat_map(|check| check.findings.iter().map(move |finding| (check, finding)))
    }
}
