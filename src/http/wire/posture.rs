//! The parameters of the posture, and the schema of its report. A test compares the members with
//! those of the report.
#![expect(dead_code, reason = "most of these types only describe records and parameters")]

use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use crate::posture::{
    AnswerStatus, CheckId, Format, OcsfPer, ReasonCode, Severity, Status, Suppressed,
};

/// The parameters of the posture.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PostureParameters {
    /// Return the posture at this time (RFC 3339) or at the end of this day, as it was known then.
    as_of: Option<String>,
    /// The time zone of dates, and of times without an offset: a name of the IANA database, such as
    /// `Europe/Dublin`. The default is UTC.
    tz: Option<String>,
    /// Only this check. The counts are those of all checks.
    #[param(inline)]
    check: Option<CheckId>,
    /// Only checks with this status. The counts are those of all checks.
    #[param(inline)]
    status: Option<Status>,
    /// The format. The default is what `Accept` prefers, else JSON.
    #[param(inline)]
    format: Option<Format>,
    /// What an OCSF record is about. The default is `check`.
    #[param(inline)]
    per: Option<OcsfPer>,
    /// What becomes of findings with an exception in SARIF: `keep` (the default) marks them as
    /// suppressed, `omit` leaves them out.
    #[param(inline)]
    suppressed: Option<Suppressed>,
    /// Also compare with the posture at this time (RFC 3339) or at the beginning of this day:
    /// `changed` then has the findings that are new, and those that are resolved.
    changed_since: Option<String>,
}

/// The result of all checks for one workspace at one moment.
#[derive(ToSchema)]
pub struct PostureReport {
    /// The moment whose state the report shows.
    as_of: OffsetDateTime,
    /// The generation of the ledger that the report shows.
    generation: i64,
    /// Intercom's id of the workspace.
    workspace_id: String,
    /// The version of the rules.
    rules_version: &'static str,
    /// The settings that the checks used.
    settings: Map<String, Value>,
    /// The number of checks with each status. Their sum is the number of checks.
    counts: PostureCounts,
    /// The number of failing checks with each severity, without excepted ones.
    failing: PostureFailing,
    /// The checks.
    checks: Vec<PostureCheck>,
    /// Exceptions in force that no finding needs.
    unused_exceptions: Vec<PostureException>,
    /// What changed since `changed_since`. Null if the request has none.
    changed: Option<PostureChanged>,
}

/// The number of checks with each status.
#[derive(ToSchema)]
pub struct PostureCounts {
    fail: usize,
    review: usize,
    unknown: usize,
    manual: usize,
    pass: usize,
    not_applicable: usize,
    /// Checks that fail or need a review only in findings with an exception in force.
    excepted: usize,
}

/// The number of failing checks with each severity.
#[derive(ToSchema)]
pub struct PostureFailing {
    critical: usize,
    high: usize,
    medium: usize,
    low: usize,
}

/// The result of one check.
#[derive(ToSchema)]
pub struct PostureCheck {
    /// The id of the check.
    id: CheckId,
    /// The title.
    title: &'static str,
    /// The status. Exceptions do not change it.
    status: Status,
    /// The severity: the greatest one of the findings that fail, else that of the check.
    severity: Severity,
    /// The question that the check answers.
    question: &'static str,
    /// The number of subjects that were checked.
    checked: usize,
    /// The number of findings that fail, without those with an exception.
    failed: usize,
    /// The number of findings with an exception in force.
    excepted: usize,
    /// The number of unknown subjects.
    unknown: usize,
    /// The result in a sentence.
    reason: String,
    /// What to do about it.
    remedy: &'static str,
    /// The part of the documentation about the check.
    help: String,
    /// The numbers of controls that the check relates to.
    relates_to: PostureRelations,
    /// Facts about the check as a whole.
    evidence: Map<String, Value>,
    /// The recorded answer that counts.
    answer: Option<PostureAnswer>,
    /// What was found, sorted by subject.
    findings: Vec<PostureFinding>,
}

/// The numbers of controls that a check relates to. It does not claim to satisfy them.
#[derive(ToSchema)]
pub struct PostureRelations {
    /// CIS Controls v8.1.
    cis_v8_1: Vec<String>,
    /// NIST SP 800-53 Rev. 5.
    nist_800_53_r5: Vec<String>,
    /// SOC 2, Trust Services Criteria 2017.
    soc2: Vec<String>,
    /// ISO/IEC 27001:2022, Annex A.
    iso_27001_2022: Vec<String>,
}

/// A finding about one subject.
#[derive(ToSchema)]
pub struct PostureFinding {
    /// The id: it stays the same as long as the finding exists.
    id: String,
    /// What the finding is about.
    subject: String,
    /// The display name of the subject.
    name: Option<String>,
    /// `fail`, `review` or `unknown`.
    status: Status,
    /// The severity.
    severity: Severity,
    /// The finding in a sentence.
    message: String,
    /// The number of subjects; more than one only for unknown ones.
    count: usize,
    /// What the finding rests on.
    evidence: Map<String, Value>,
    /// When the finding was first recorded; null if it was not recorded yet.
    first_failed_at: Option<OffsetDateTime>,
    /// The generation of that moment.
    first_failed_generation: Option<i64>,
    /// The exception in force.
    exception: Option<PostureException>,
    /// An exception whose time is over.
    exception_ended: Option<PostureException>,
}

/// An exception from a check.
#[derive(ToSchema)]
pub struct PostureException {
    /// Its number.
    number: Option<u64>,
    /// The check.
    check: CheckId,
    /// What it is about: the id of a subject, an address, or `domain:` and a domain.
    subject: String,
    /// Why, in one word.
    reason_code: ReasonCode,
    /// Why, in a sentence.
    reason: String,
    /// Who decided it.
    by: String,
    /// From when it is in force.
    since: Option<OffsetDateTime>,
    /// Until when it is in force.
    until: OffsetDateTime,
    /// When it was revoked.
    revoked_at: Option<OffsetDateTime>,
    /// The ticket about it.
    ticket: Option<String>,
}

/// A recorded answer to a check that no source answers.
#[derive(ToSchema)]
pub struct PostureAnswer {
    /// Its number.
    number: u64,
    /// The check.
    check: CheckId,
    /// The answer.
    status: AnswerStatus,
    /// What the person saw.
    note: String,
    /// Who recorded it.
    by: String,
    /// When.
    at: OffsetDateTime,
    /// Until when it counts.
    until: OffsetDateTime,
    /// When it was revoked.
    revoked_at: Option<OffsetDateTime>,
}

/// What failed newly and what was resolved between two moments.
#[derive(ToSchema)]
pub struct PostureChanged {
    /// Findings that fail, and did not fail then.
    new: Vec<PostureChangedFinding>,
    /// Findings that failed then, and do not fail any more.
    resolved: Vec<PostureChangedFinding>,
}

/// A finding of one of the reports.
#[derive(ToSchema)]
pub struct PostureChangedFinding {
    /// The id of the finding.
    id: String,
    /// The check.
    check: CheckId,
    /// What it is about.
    subject: String,
    /// The display name of the subject.
    name: Option<String>,
    /// The severity.
    severity: Severity,
    /// The finding in a sentence, in the report that has it.
    message: String,
}

/// What a person records.
#[derive(ToSchema)]
pub struct PostureRecordBody {
    /// `exception`, `answer` or `revocation`.
    kind: String,
    /// The check of an exception or an answer.
    check: Option<CheckId>,
    /// What an exception is about: the subject of a finding, an address, or `domain:` and a domain.
    subject: Option<String>,
    /// Why there is an exception, in one word.
    reason_code: Option<ReasonCode>,
    /// Why, in a sentence.
    reason: Option<String>,
    /// The answer.
    status: Option<AnswerStatus>,
    /// What the person saw.
    note: Option<String>,
    /// Until when it is in force (RFC 3339), at most 365 days ahead.
    until: Option<OffsetDateTime>,
    /// The ticket about an exception.
    ticket: Option<String>,
    /// The number of the record that is revoked.
    number: Option<u64>,
}

/// The record that was made.
#[derive(Serialize, ToSchema)]
pub struct PostureRecorded {
    /// Its number, with which it can be revoked.
    pub number: i64,
    /// When it was recorded.
    #[serde(with = "crate::date_time")]
    pub at: OffsetDateTime,
}
