//! Measures how long it takes to evaluate all checks of a workspace, and to write the report in
//! each format.
//!
//! `cargo bench --bench posture [-- ACCOUNTS]` (100,000 accounts without an argument), on one core.
//! Every tenth account is dormant, has no role, or has an address outside the company; every
//! hundredth has an exception. The results of a run are checked before they are printed.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails so")]

use std::hint::black_box;
use std::time::Instant;

use intercom_scim_bridge::directory::{Activity, Actor, Role, SignIn, User, UserId};
use intercom_scim_bridge::posture::{
    Account, CheckId, ExceptedSubject, Exception, Feed, Log, OcsfPer, PostureSettings, Reading,
    ReasonCode, State, Suppressed, evaluate, ocsf, rows, sarif,
};
use serde_json::json;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = datetime!(2026-11-27 12:00 UTC);

fn main() {
    let number = std::env::args().find_map(|text| text.parse().ok());
    let accounts: usize = number.unwrap_or(100_000);
    let users: Vec<User> = (0..accounts).map(user).collect();
    let accounts: Vec<Account<'_>> =
        users.iter().map(|user| Account { user, first_seen: NOW - Duration::days(400) }).collect();
    let log = log(&users);
    let settings = PostureSettings {
        privileged_roles: vec!["Owner".to_owned()],
        company_domains: vec!["acme.example".to_owned()],
        ..PostureSettings::default()
    };
    let exceptions: Vec<Exception> =
        users.iter().step_by(users.len() / 100).map(exception).collect();
    let connectors = Reading::NotMade;
    let allowlist = Reading::NotMade;
    let state = State {
        workspace: "ab12cd34",
        now: NOW,
        generation: 1,
        accounts: &accounts,
        log: &log,
        settings: &settings,
        roster: None,
        connectors: &connectors,
        allowlist: &allowlist,
        identity_verification: None,
        verification: None,
        feed: Feed::Unread,
        exceptions: &exceptions,
        answers: &[],
    };
    for _ in 0..3 {
        let start = Instant::now();
        let report = evaluate(&state);
        println!("evaluated {} accounts: {:.2?}", accounts.len(), start.elapsed());
        let dormant = report.checks.iter().find(|check| check.id == CheckId::Acc2).unwrap();
        assert_eq!(dormant.findings.len(), accounts.len() / 10);
        let findings = report.findings().count();
        time("JSON", findings, || serde_json::to_vec(&report).unwrap().len());
        time("NDJSON", findings, || {
            rows(&report).map(|row| serde_json::to_vec(&row).unwrap().len()).sum()
        });
        time("OCSF", findings, || {
            ocsf(&report, OcsfPer::Subject).map(|one| one.to_string().len()).sum()
        });
        time("SARIF", findings, || sarif(&report, Suppressed::Keep).to_string().len());
    }
}

fn time(format: &str, findings: usize, write: impl Fn() -> usize) {
    let start = Instant::now();
    let bytes = black_box(write());
    println!("  {format:<7} {findings} findings, {} MiB: {:.2?}", bytes >> 20, start.elapsed());
}

fn user(number: usize) -> User {
    let mut user = User::new(UserId::new((number + 1).to_string()));
    let domain = if number % 10 == 1 { "other.example" } else { "acme.example" };
    user.email = Some(format!("Person{number}@{domain}"));
    user.name = Some(format!("Person {number}"));
    let name = if number < 3 { "Owner" } else { "Agent" };
    user.role = (number % 10 != 2)
        .then(|| Role { id: name.to_lowercase(), name: Some(name.to_owned()) }.into());
    user.permissions = Some(["manage_tags".to_owned()].into());
    user.two_factor_auth = Some(true);
    user.joined_at = Some(NOW - Duration::days(300));
    user
}

/// Nine of ten signed in yesterday. Each tenth installed an app.
fn log(users: &[User]) -> Log {
    let mut log = Log {
        covered: Some((NOW - Duration::days(365), NOW)),
        last_read_at: Some(NOW),
        ..Log::default()
    };
    for (number, user) in users.iter().enumerate() {
        let at = NOW - Duration::days(if number % 10 == 3 { 120 } else { 1 });
        log.sign_ins.insert(user.id.clone(), SignIn { at, method: Some("saml".into()) });
        if number % 10 == 4 {
            log.entries.push(Activity {
                id: number.to_string(),
                at,
                kind: "app_package_installation".to_owned(),
                performed_by: Some(Actor {
                    id: Some(user.id.clone()),
                    email: user.email.clone(),
                    ..Actor::default()
                }),
                description: None,
                metadata: json!({"app": {"name": "Example"}}).into(),
            });
        }
    }
    log
}

fn exception(user: &User) -> Exception {
    Exception {
        number: Some(1),
        check: CheckId::Acc2,
        subject: ExceptedSubject::read(&format!("adm_{}", user.id)).unwrap(),
        reason_code: ReasonCode::Planned,
        reason: "On leave".to_owned(),
        by: "mia".to_owned(),
        since: None,
        until: NOW + Duration::days(30),
        revoked_at: None,
        ticket: None,
    }
}
