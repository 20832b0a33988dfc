//! Compliance Findings (class 2003) of the Open Cybersecurity Schema Framework 1.8.0.

use std::ops::Deref;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::super::check::Check;
use super::super::outcome::moment;
use super::super::report::{CheckResult, Finding, Report, finding_id};
use super::super::status::{Severity, Status};
use super::SubjectType;
use crate::clock::to_millis;
use crate::words::words;

words! {
    /// What one record is about.
    pub enum OcsfPer {
        /// A check, with all its subjects as resources.
        Check = "check",
        /// A finding, or a check without findings.
        Subject = "subject",
    }
}

const VERSION: &str = "1.8.0";
const CLASS: u64 = 2003;

/// Returns the records of a report, in the order of its checks, made one by one. The report is
/// borrowed or shared.
pub fn ocsf<R>(report: R, per: OcsfPer) -> impl Iterator<Item = Value>
where
    R: Deref<Target = Report> + Clone,
{
    (0..report.checks.len()).flat_map(move |place| {
        let report = report.clone();
        let findings = report.checks.get(place).map_or(0, |check| check.findings.len());
        let count = if per == OcsfPer::Check { 1 } else { findings.max(1) };
        (0..count).filter_map(move |number| {
            let check = report.checks.get(place)?;
            let finding = check.findings.get(number).filter(|_| per == OcsfPer::Subject);
            Some(match finding {
                Some(finding) => of_finding(&report, check, finding),
                None => of_check(&report, check),
            })
        })
    })
}

/// What differs between the record of a check and that of a finding.
struct Record<'r> {
    uid: String,
    subject: Option<&'r str>,
    status: Status,
    severity: Severity,
    message: &'r str,
    first_seen: Option<OffsetDateTime>,
    is_suppressed: bool,
    resources: Vec<Value>,
    excepted: usize,
}

fn of_check(report: &Report, check: &CheckResult) -> Value {
    let open = check.findings.iter().any(|finding| finding.exception.is_none());
    record(
        report,
        check,
        &Record {
            uid: finding_id(&report.workspace_id, check.id, "check"),
            subject: None,
            status: check.status,
            severity: check.severity,
            message: &check.reason,
            first_seen: check.findings.iter().filter_map(|one| one.first_failed_at).min(),
            is_suppressed: check.excepted > 0 && !open,
            resources: check.findings.iter().map(resource).collect(),
            excepted: check.excepted,
        },
    )
}

fn of_finding(report: &Report, check: &CheckResult, finding: &Finding) -> Value {
    record(
        report,
        check,
        &Record {
            uid: finding.id.clone(),
            subject: Some(&finding.subject),
            status: finding.status,
            severity: finding.severity,
            message: &finding.message,
            first_seen: finding.first_failed_at,
            is_suppressed: finding.exception.is_some(),
            resources: vec![resource(finding)],
            excepted: usize::from(finding.exception.is_some()),
        },
    )
}

fn metadata(report: &Report, result: &CheckResult, record: &Record<'_>) -> Value {
    let day = report.as_of.date();
    let subject = record.subject.map(|_| format!(":{}", record.uid)).unwrap_or_default();
    json!({
        "version": VERSION,
        "product": {
            "name": "Intercom SCIM bridge",
            "vendor_name": "Intercom SCIM bridge",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "uid": format!("{}:{}:{day}{subject}", report.workspace_id, result.id),
        "tenant_uid": report.workspace_id,
        "event_code": result.id,
        "log_name": "posture",
    })
}

fn record(report: &Report, result: &CheckResult, record: &Record<'_>) -> Value {
    let check = result.check();
    let at = to_millis(report.as_of);
    let first_seen = record.first_seen.map_or(at, to_millis);
    let activity = match record.status {
        Status::Pass | Status::NotApplicable => Activity::Close,
        _ if first_seen < at => Activity::Update,
        _ => Activity::Create,
    };
    let (status_id, status) = match activity {
        _ if record.is_suppressed => (3, "Suppressed"),
        Activity::Close => (4, "Resolved"),
        Activity::Create | Activity::Update => (1, "New"),
    };
    let (severity_id, severity) = severity(record.severity);
    json!({
        "metadata": metadata(report, result, record),
        "time": at,
        "class_uid": CLASS,
        "class_name": "Compliance Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": activity as u64,
        "activity_name": activity.name(),
        "type_uid": CLASS * 100 + activity as u64,
        "type_name": format!("Compliance Finding: {}", activity.name()),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "message": record.message,
        "finding_info": {
            "uid": record.uid,
            "title": result.title,
            "types": [result.id],
            "created_time": first_seen,
            "first_seen_time": first_seen,
            "last_seen_time": at,
            "desc": check.question,
        },
        "compliance": compliance(report, check, record.status),
        "remediation": remediation(check),
        "resources": record.resources,
        "unmapped": {
            "as_of": moment(report.as_of),
            "generation": report.generation,
            "rules_version": report.rules_version,
            "excepted": record.excepted,
            "recorded": result.answer.is_some(),
        },
    })
}

#[derive(Clone, Copy)]
enum Activity {
    Create = 1,
    Update = 2,
    Close = 3,
}

impl Activity {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Close => "Close",
        }
    }
}

fn compliance(report: &Report, check: &Check, status: Status) -> Value {
    let (status_id, status_text) = match status {
        Status::Pass => (1, "Pass"),
        Status::Review => (2, "Warning"),
        Status::Fail => (3, "Fail"),
        Status::Unknown => (0, "Unknown"),
        Status::Manual => (99, "Manual"),
        Status::NotApplicable => (99, "Not applicable"),
    };
    let relations = check.relates_to;
    let frameworks = [
        ("CIS Controls v8.1", relations.cis_v8_1, "CIS "),
        ("NIST SP 800-53 Rev. 5", relations.nist_800_53_r5, ""),
        ("SOC 2 TSC 2017", relations.soc2, ""),
        ("ISO/IEC 27001:2022", relations.iso_27001_2022, ""),
    ];
    let named = frameworks.iter().filter(|(_, numbers, _)| !numbers.is_empty());
    let standards: Vec<&str> = named.map(|(name, ..)| *name).collect();
    let requirements: Vec<String> = frameworks
        .iter()
        .flat_map(|(_, numbers, prefix)| numbers.iter().map(move |one| format!("{prefix}{one}")))
        .collect();
    let parameters: Vec<Value> = check
        .settings
        .iter()
        .filter_map(|name| {
            let value = written(report.settings.get(name)?);
            Some(json!({"name": format!("posture.{name}"), "value": value}))
        })
        .collect();
    json!({
        "control": check.id,
        "status_id": status_id,
        "status": status_text,
        "standards": standards,
        "requirements": requirements,
        "control_parameters": parameters,
    })
}

/// The value of a setting as text.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(written).collect::<Vec<_>>().join(", "),
        value => value.to_string(),
    }
}

fn remediation(check: &Check) -> Value {
    let mut remediation = Map::from_iter([("desc".to_owned(), json!(check.remedy))]);
    if let Some(page) = check.page {
        remediation.insert("references".to_owned(), json!([page]));
    }
    Value::Object(remediation)
}

fn resource(finding: &Finding) -> Value {
    let mut data = finding.evidence.clone();
    data.insert("message".to_owned(), json!(finding.message));
    data.insert("status".to_owned(), json!(finding.status));
    if let Some(exception) = &finding.exception {
        data.insert("exception".to_owned(), json!(exception));
    }
    let mut resource = Map::from_iter([
        ("uid".to_owned(), json!(finding.subject)),
        ("type".to_owned(), json!(SubjectType::of(&finding.subject).name())),
        ("data".to_owned(), Value::Object(data)),
    ]);
    if let Some(name) = &finding.name {
        resource.insert("name".to_owned(), json!(name));
    }
    Value::Object(resource)
}

fn severity(severity: Severity) -> (u64, &'static str) {
    match severity {
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}
