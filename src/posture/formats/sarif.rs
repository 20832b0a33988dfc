//! SARIF 2.1.0 (OASIS), with what GitHub's code scanning needs beyond the standard: `$schema`, one
//! physical location and a partial fingerprint for each result, and `automationDetails.id`.

use serde_json::{Map, Value, json};

use super::super::check::Check;
use super::super::exception::Exception;
use super::super::outcome::{WORKSPACE, moment};
use super::super::report::{CheckResult, Finding, Report, finding_id};
use super::super::status::{Severity, Status};
use super::super::table::CHECKS;
use super::SubjectType;
use crate::words::words;

words! {
    /// What becomes of findings with an exception in force.
    pub enum Suppressed {
        /// They are results with a suppression.
        Keep = "keep",
        /// They are left out: for readers that ignore suppressions.
        Omit = "omit",
    }
}

/// Returns a report as a SARIF log.
#[must_use]
pub fn sarif(report: &Report, suppressed: Suppressed) -> Value {
    let rules: Vec<Value> = CHECKS.iter().map(rule).collect();
    let results: Vec<Value> =
        report.checks.iter().flat_map(|check| results(report, check, suppressed)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "intercom-scim-bridge",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "automationDetails": {"id": format!("posture/{}/", report.workspace_id)},
            "invocations": [{
                "executionSuccessful": true,
                "endTimeUtc": moment(report.as_of),
            }],
            "results": results,
            "properties": {
                "generation": report.generation,
                "rulesVersion": report.rules_version,
            },
        }],
    })
}

fn rule(check: &Check) -> Value {
    let relations = check.relates_to;
    let frameworks = [
        ("cis", relations.cis_v8_1),
        ("nist", relations.nist_800_53_r5),
        ("soc2", relations.soc2),
        ("iso27001", relations.iso_27001_2022),
    ];
    let numbers = frameworks
        .iter()
        .flat_map(|(name, numbers)| numbers.iter().map(move |one| format!("{name}/{one}")));
    let tags: Vec<String> = std::iter::once("security".to_owned()).chain(numbers).collect();
    let mut rule = json!({
        "id": check.id,
        "name": check.name,
        "shortDescription": {"text": format!("{}.", check.title)},
        "fullDescription": {"text": format!("{} {}", check.question, check.rule)},
        "help": {"text": check.remedy},
        "defaultConfiguration": {"level": level(check.severity)},
        "properties": {"tags": tags, "security-severity": security_severity(check.severity)},
    });
    if let Some(page) = check.page {
        rule["helpUri"] = json!(page);
    }
    rule
}

fn results(report: &Report, check: &CheckResult, suppressed: Suppressed) -> Vec<Value> {
    if check.findings.is_empty() {
        let id = finding_id(&report.workspace_id, check.id, "check");
        let fields = Fields {
            status: check.status,
            severity: check.severity,
            message: &check.reason,
            subject: WORKSPACE,
            id: &id,
            exception: None,
        };
        return vec![result(report, check, &fields)];
    }
    let keeps = |finding: &&Finding| finding.exception.is_none() || suppressed == Suppressed::Keep;
    let of_finding = |finding: &Finding| {
        let message = match &finding.name {
            Some(name) => format!("{name}: {}", finding.message),
            None => finding.message.clone(),
        };
        let fields = Fields {
            status: finding.status,
            severity: finding.severity,
            message: &message,
            subject: &finding.subject,
            id: &finding.id,
            exception: finding.exception.as_ref(),
        };
        result(report, check, &fields)
    };
    check.findings.iter().filter(keeps).map(of_finding).collect()
}

struct Fields<'f> {
    status: Status,
    severity: Severity,
    message: &'f str,
    subject: &'f str,
    id: &'f str,
    exception: Option<&'f Exception>,
}

fn result(report: &Report, check: &CheckResult, fields: &Fields<'_>) -> Value {
    // SARIF §3.27.9: "If kind has any value other than "fail", then if level is absent, it SHALL
    // default to "none", and if it is present, it SHALL have the value "none"."
    let (kind, level) = match fields.status {
        Status::Fail => ("fail", level(fields.severity)),
        Status::Review | Status::Manual => ("review", "none"),
        Status::Unknown => ("open", "none"),
        Status::NotApplicable => ("notApplicable", "none"),
        Status::Pass => ("pass", "none"),
    };
    let folder = SubjectType::of(fields.subject).folder();
    let mut path = vec!["intercom", &report.workspace_id, folder];
    if folder != SubjectType::Workspace.folder() {
        path.push(fields.subject);
    }
    let uri = path.into_iter().map(escaped).collect::<Vec<_>>().join("/");
    let mut result = Map::from_iter([
        ("ruleId".to_owned(), json!(check.id)),
        // The rules are all checks, even if the report has only some of them.
        ("ruleIndex".to_owned(), json!(check.id as usize)),
        ("kind".to_owned(), json!(kind)),
        ("level".to_owned(), json!(level)),
        ("message".to_owned(), json!({"text": fields.message})),
        (
            "locations".to_owned(),
            json!([{
                "physicalLocation": {
                    "artifactLocation": {"uri": uri},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"fullyQualifiedName": fields.subject, "kind": "resource"}],
            }]),
        ),
        ("partialFingerprints".to_owned(), json!({"posture/v1": fields.id})),
    ]);
    if let Some(exception) = fields.exception {
        let ticket = exception.ticket.iter().map(|ticket| format!("; ticket {ticket}"));
        let justification = format!(
            "{} ({}) until {}{}; by {}.",
            exception.reason,
            exception.reason_code,
            moment(exception.until),
            ticket.collect::<String>(),
            exception.by
        );
        result.insert(
            "suppressions".to_owned(),
            json!([{"kind": "external", "status": "accepted", "justification": justification}]),
        );
    }
    Value::Object(result)
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// What GitHub sorts by: more than 8.9 is critical, more than 6.9 high, more than 3.9 medium.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.0",
        Severity::High => "7.0",
        Severity::Medium => "4.0",
        Severity::Low => "2.0",
    }
}

/// A segment of a URI, with everything but unreserved characters percent-encoded (RFC 3986 §2.1).
fn escaped(segment: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            // Writing to a text cannot fail.
            byte => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}
