//! The checks of the posture over the API, on the command line, and of past moments.

mod clocks;
mod past;
mod people;
mod scenarios;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::app::identities_of;
use intercom_scim_bridge::assessment::{Assessment, Basis};
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::directory::Directory;
use intercom_scim_bridge::posture::{CHECKS, PostureSettings, Report};
use intercom_scim_bridge::stores::NotedFinding;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Admin, Options, Role, Simulator, Workspace};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

use crate::on_both_databases;
use crate::support::bridge::{Bridge, token};
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START, TOKEN};
use crate::support::shell::Shell;
use crate::support::waiting::eventually;

on_both_databases!(a_finding_has_the_moment_at_which_it_began,);

/// Two owners and an agent. The agent has no second factor, may export data, and is dormant.
/// `now` is in UNIX seconds.
fn company(now: i64) -> Workspace {
    let day = 86_400;
    let mut workspace = Workspace::new(TOKEN);
    let admin = |name: &str, role: &str| Admin {
        name: name.to_owned(),
        email: format!("{}@acme.example", name.to_lowercase()),
        role: Some(Role { id: role.to_lowercase(), name: role.to_owned() }),
        ..Admin::default()
    };
    let ada = workspace.join(admin("Ada", "Owner"), now - 200 * day);
    let bo = workspace.join(admin("Bo", "Owner"), now - 190 * day);
    let cy = workspace.join(admin("Cy", "Agent"), now - 180 * day);
    let power = ["manage_teammates", "access_workspace_settings"];
    for id in [ada, bo] {
        workspace.set_permissions(id, ada, &power, now - 100 * day);
        workspace.set_two_factor(id, true, now - 99 * day);
        workspace.sign_in(id, "saml", now - 2 * day);
    }
    workspace.set_permissions(cy, ada, &["export_data"], now - 100 * day);
    workspace.sign_in(cy, "email_password", now - 120 * day);
    workspace
}

/// The status of a check.
fn status<'r>(report: &'r Value, id: &str) -> &'r str {
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["id"] == id);
    check.unwrap_or_else(|| panic!("{id} is missing"))["status"].as_str().unwrap()
}

fn seconds() -> i64 {
    Clock::System.now().unix_timestamp()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_posture_is_served_in_each_format() {
    let bridge = Bridge::serving_with(company(seconds()), |config| {
        config.posture.privileged_roles = vec!["Owner".to_owned()];
        config.posture.company_domains = vec!["acme.example".to_owned()];
    })
    .await;
    let report = bridge.get("/api/v1/posture").await.json();
    assert_eq!(report["checks"].as_array().unwrap().len(), CHECKS.len());
    for (id, expected) in [
        ("IC-AUTH-1", "manual"),
        ("IC-AUTH-3", "pass"),
        ("IC-ACC-1", "pass"),
        ("IC-ACC-2", "fail"),
        ("IC-ACC-3", "pass"),
        ("IC-ACC-4", "fail"),
        ("IC-ACC-5", "pass"),
        ("IC-ACC-7", "not_applicable"),
        ("IC-APP-3", "unknown"),
        ("IC-MON-1", "pass"),
        ("IC-MON-2", "review"),
        // No client has read the feed.
        ("IC-MON-3", "review"),
    ] {
        assert_eq!(status(&report, id), expected, "{id}: {report}");
    }
    assert_eq!(report["settings"]["dormant_after"], json!("90d"));
    let counts = report["counts"].as_object().unwrap().values();
    assert_eq!(counts.map(|count| count.as_u64().unwrap()).sum::<u64>(), CHECKS.len() as u64);

    let one = bridge.get("/api/v1/posture?check=IC-ACC-2").await.json();
    assert_eq!(one["checks"].as_array().unwrap().len(), 1);
    assert_eq!(one["counts"], report["counts"]);
    let failing = bridge.get("/api/v1/posture?status=fail").await.json();
    assert!(failing["checks"].as_array().unwrap().iter().all(|check| check["status"] == "fail"));

    let csv = bridge.get("/api/v1/posture?format=csv").await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    let mut table = csv::Reader::from_reader(csv.text.as_bytes());
    assert_eq!(table.headers().unwrap().get(3), Some("check_id"));
    let rows = table.records().count();
    assert!(rows >= CHECKS.len());
    let lines = bridge.get("/api/v1/posture?format=ndjson").await.text;
    assert_eq!(lines.lines().count(), rows);
    let records = bridge.get("/api/v1/posture?format=ocsf").await.text;
    assert_eq!(records.lines().count(), CHECKS.len());
    for record in records.lines() {
        let record: Value = serde_json::from_str(record).unwrap();
        assert_eq!((&record["class_uid"], &record["category_uid"]), (&json!(2003), &json!(2)));
    }
    let accepted = bridge.request(Method::GET, "/api/v1/posture").bearer_auth(&bridge.token);
    let sarif = Bridge::send(accepted.header("Accept", "application/sarif+json")).await;
    assert_eq!(sarif.json()["version"], json!("2.1.0"));

    for wrong in ["format=xml", "check=IC-ACC-99", "status=ok", "as_of=2999-01-01", "chek=x"] {
        assert_eq!(bridge.get(&format!("/api/v1/posture?{wrong}")).await.status, 400, "{wrong}");
    }
    let other = token(&bridge.app, &[Scope::ImportRead]);
    let refused = bridge.request(Method::GET, "/api/v1/posture").bearer_auth(&other);
    assert_eq!(Bridge::send(refused).await.status, 403);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_with_the_future_is_refused() {
    let bridge = Bridge::serving(company(seconds())).await;
    for future in ["9999-12-31T23:59:59.5Z", "9999-12-31", "2999-01-01"] {
        let refused = bridge.get(&format!("/api/v1/posture?changed_since={future}")).await;
        assert_eq!(refused.status, 400, "{future}");
        assert!(refused.text.contains("changed_since must not be in the future"), "{future}");
    }
    bridge.stop().await;
}

/// A roster in which Cy has left the company and Bo is a contractor.
const ROSTER: &str = "employee number,name,email,employee type,end date\n\
    1,Ada,ada@acme.example,employee,\n\
    2,Bo,bo@acme.example,contractor,\n\
    3,Cy,cy@acme.example,employee,2026-01-31\n";

/// A check of the report.
fn check(report: &Value, id: &str) -> Value {
    let mut checks = report["checks"].as_array().unwrap().iter();
    checks.find(|check| check["id"] == id).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_and_an_exception_are_recorded_shown_and_revoked() {
    let bridge = Bridge::serving(company(seconds())).await;
    let record = async |body: Value| {
        let request = bridge.request(Method::POST, "/api/v1/posture/records");
        Bridge::send(request.bearer_auth(&bridge.token).body(body.to_string())).await
    };
    let until = (Clock::System.now() + time::Duration::days(30)).format(&Rfc3339).unwrap();
    let answer = json!({"kind": "answer", "check": "IC-AUTH-4", "status": "pass",
        "note": "One day", "until": until});
    let recorded = record(answer.clone()).await;
    assert_eq!((recorded.status.as_u16(), &recorded.json()["number"]), (201, &json!(1)));
    let excepted = record(json!({"kind": "exception", "check": "IC-ACC-2",
        "subject": "cy@acme.example", "reason_code": "planned", "reason": "On leave",
        "until": until, "ticket": "SEC-114"}))
    .await;
    assert_eq!(excepted.json()["number"], json!(2));
    let report = bridge.get("/api/v1/posture").await.json();
    assert_eq!(status(&report, "IC-AUTH-4"), "pass");
    assert_eq!(check(&report, "IC-AUTH-4")["answer"]["by"], json!("test"));
    let dormant = check(&report, "IC-ACC-2");
    assert_eq!(
        (&dormant["status"], &dormant["failed"], &dormant["excepted"]),
        (&json!("fail"), &json!(0), &json!(1))
    );
    assert_eq!(dormant["findings"][0]["exception"]["ticket"], json!("SEC-114"));

    assert_eq!(record(json!({"kind": "revocation", "number": 1})).await.status, 201);
    assert_eq!(status(&bridge.get("/api/v1/posture").await.json(), "IC-AUTH-4"), "manual");
    let mut too_long = answer.clone();
    too_long["until"] = json!("2999-01-01T00:00:00Z");
    let mut of_no_use = answer.clone();
    of_no_use["check"] = json!("IC-ACC-2");
    for wrong in [
        json!({"kind": "revocation", "number": 1}),
        json!({"kind": "revocation", "number": 9}),
        too_long,
        of_no_use,
        json!({"kind": "guess"}),
        json!([]),
    ] {
        assert_eq!(record(wrong.clone()).await.status, 400, "{wrong}");
    }
    let audit = bridge.get("/api/v1/audit?event=posture.excepted").await.json();
    assert_eq!(audit["items"][0]["target"], json!("IC-ACC-2"));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_has_exit_codes_for_pipelines() {
    let simulator = Simulator::start(company(seconds()), Options::default()).unwrap();
    let shell = Shell::new()
        .set("INTERCOM_BASE_URL", simulator.base_url())
        .set("INTERCOM_ACCESS_TOKEN", TOKEN);
    assert_eq!(shell.run(&["posture"]).code, Some(1), "without a database");
    assert_eq!(shell.run(&["import", "full"]).code, Some(0));
    let shown = shell.run(&["posture"]);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(shown.stdout.contains("IC-ACC-2   fail            medium"), "{}", shown.stdout);
    assert_eq!(shell.run(&["posture", "--fail-on", "medium"]).code, Some(3));
    assert_eq!(shell.run(&["posture", "--fail-on", "critical"]).code, Some(0));
    assert_eq!(shell.run(&["posture", "--strict"]).code, Some(4));
    assert_eq!(shell.run(&["posture", "--as-of", "2000-01-01"]).code, Some(1));
    for format in ["json", "csv", "ndjson", "ocsf", "sarif"] {
        let written = shell.run(&["posture", "--format", format]);
        assert_eq!(written.code, Some(0), "{format}: {}", written.stderr);
        assert!(written.stdout.contains("IC-MON-4"), "{format}");
    }

    // All medium failures are accepted, so they do not count any more.
    let until = (Clock::System.now() + time::Duration::days(30)).date().to_string();
    let failing = json_of(&shell)["checks"].as_array().unwrap().clone();
    for check in failing.iter().filter(|check| check["status"] == "fail") {
        for finding in check["findings"].as_array().unwrap() {
            let id = check["id"].as_str().unwrap();
            let subject = finding["subject"].as_str().unwrap();
            let why = ["--reason-code", "accepted-risk", "--reason", "Known", "--until", &until];
            let excepted = shell.run(&[&["posture", "except", id, subject], &why[..]].concat());
            assert_eq!(excepted.code, Some(0), "{}", excepted.stderr);
        }
    }
    assert_eq!(shell.run(&["posture", "--fail-on", "low"]).code, Some(0));
    assert_eq!(shell.run(&["posture", "revoke", "1"]).code, Some(0));
    assert_eq!(shell.run(&["posture", "--fail-on", "low"]).code, Some(3));
    let answer = ["posture", "answer", "ic-mon-4", "--status", "pass", "--note", "Seen"];
    let answered = shell.run(&[&answer[..], &["--until", &until]].concat());
    assert_eq!(answered.code, Some(0), "{}", answered.stderr);
    assert!(shell.run(&["posture"]).stdout.contains("pass (recorded)"));
    let endless = shell.run(&[&answer[..], &["--until", "2999-01-01"]].concat());
    assert!(endless.code == Some(2) && endless.stderr.contains("365 days"), "{}", endless.stderr);

    assert_eq!(status(&json_of(&shell), "IC-MON-2"), "review");
    assert_eq!(shell.run(&["ledger", "verify"]).code, Some(0));
    assert_eq!(status(&json_of(&shell), "IC-MON-2"), "pass");
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_verifies_a_bundle_with_the_documented_commands() {
    let simulator = Simulator::start(company(seconds()), Options::default()).unwrap();
    let shell = Shell::new()
        .set("INTERCOM_BASE_URL", simulator.base_url())
        .set("INTERCOM_ACCESS_TOKEN", TOKEN);
    assert_eq!(shell.run(&["import", "full"]).code, Some(0));
    let written = shell.run(&["posture", "bundle", "posture.zip"]);
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let again = shell.run(&["posture", "bundle", "posture.zip"]);
    assert_eq!(again.code, Some(1), "a bundle is not overwritten");

    let file = std::fs::File::open(shell.directory.path().join("posture.zip")).unwrap();
    let mut bundle = zip::ZipArchive::new(file).unwrap();
    let parts = bundle.len();
    let mut part = |name: &str| {
        let mut contents = Vec::new();
        std::io::copy(&mut bundle.by_name(name).unwrap(), &mut contents).unwrap();
        contents
    };
    let sums = String::from_utf8(part("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count() + 1, parts);
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &part(name));
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, sum, "{name}");
    }
    let manifest: Value = serde_json::from_slice(&part("manifest.json")).unwrap();
    let head = manifest["ledger"]["head"].as_str().unwrap();
    assert_eq!(shell.run(&["ledger", "verify", "--head", head]).code, Some(0));
    let report: Value = serde_json::from_slice(&part("report.json")).unwrap();
    assert_eq!(report["checks"].as_array().unwrap().len(), CHECKS.len());
    let accounts = String::from_utf8(part("accounts.csv")).unwrap();
    assert_eq!(accounts.lines().count(), 4);
    simulator.stop().await;
}

fn json_of(shell: &Shell) -> Value {
    serde_json::from_str(&shell.run(&["posture", "--format", "json"]).stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_bridge_records_since_when_a_finding_exists() {
    let bridge = Bridge::serving(company(seconds())).await;
    let finding = async || {
        let report = bridge.get("/api/v1/posture?check=IC-ACC-2").await.json();
        report["checks"][0]["findings"][0].clone()
    };
    let recorded = eventually("the finding is recorded", async || {
        let finding = finding().await;
        if finding["first_failed_at"].is_string() { Ok(finding) } else { Err(finding) }
    })
    .await;
    assert_eq!(recorded["first_failed_generation"], json!(1));
    assert_eq!(finding().await["first_failed_at"], recorded["first_failed_at"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_allowlist_and_the_connectors_are_read_only_if_a_setting_says_so() {
    let mut workspace = company(seconds());
    let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
    let connector = |id: u32, state: &str, maker: u64| {
        json!({"type": "data_connector", "id": id.to_string(), "name": format!("Orders {id}"),
            "state": state, "created_by_admin_id": maker.to_string(),
            "updated_by_admin_id": maker.to_string()})
    };
    workspace.ip_allowlist = Some(json!({"type": "ip_allowlist", "enabled": true,
        "ip_allowlist": ["192.0.2.7", "10.0.0.0/8", "nonsense"]}));
    workspace.data_connectors = Some(vec![
        connector(1, "live", people[0]),
        connector(2, "draft", 1),
        connector(3, "live", 1),
    ]);
    let off = Bridge::serving(workspace.clone()).await;
    assert!(!off.simulator.take_calls().iter().any(|call| call.contains("connectors")));
    assert_eq!(status(&off.get("/api/v1/posture").await.json(), "IC-APP-2"), "unknown");
    off.stop().await;

    let reading = |config: &mut intercom_scim_bridge::config::Config| {
        config.posture.read_identity_verification = true;
        config.posture.read_ip_allowlist = true;
        config.posture.read_data_connectors = true;
    };
    let on = Bridge::serving_with(workspace, reading).await;
    let checks = eventually("the connectors are recorded", async || {
        let report = on.get("/api/v1/posture").await.json();
        if status(&report, "IC-APP-2") == "fail" { Ok(report) } else { Err(report) }
    })
    .await;
    let of = |id: &str| check(&checks, id);
    assert_eq!(of("IC-APP-2")["findings"][0]["subject"], json!("connector:3"));
    assert_eq!(of("IC-APP-2")["evidence"]["drafts"], json!(["connector:2"]));
    let messenger = of("IC-MSG-1");
    assert_eq!(messenger["evidence"]["identity_verification"], json!(true));
    assert_eq!(messenger["status"], json!("manual"));
    let list = of("IC-APP-3");
    assert_eq!((&list["status"], &list["unknown"]), (&json!("unknown"), &json!(1)));
    assert_eq!(list["findings"].as_array().unwrap().len(), 2);
    on.stop().await;

    // A token without the permissions: the import succeeds, with a warning for each.
    let refused = Bridge::serving_with(company(seconds()), reading).await;
    let run = refused.get("/api/v1/imports/1").await.json();
    assert_eq!(run["status"], json!("succeeded"));
    let warnings = run["warnings"].as_array().unwrap();
    let failed = warnings.iter().filter(|warning| warning["code"] == "posture_read_failed");
    assert_eq!(failed.count(), 2, "{run}");
    let report = refused.get("/api/v1/posture").await.json();
    assert_eq!(status(&report, "IC-APP-2"), "unknown");
    refused.stop().await;
}

/// The report of a moment, by these settings.
async fn report_by(hand: &Hand, settings: PostureSettings, moment: OffsetDateTime) -> Report {
    let generation = hand.ledger.generation_at("default", moment).await.unwrap().unwrap();
    let snapshot = hand.ledger.snapshot("default", generation).await.unwrap();
    let directory = Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None);
    let lookback = Duration::from_hours(8_760);
    let assessment = Assessment {
        workspace: "default".to_owned(),
        moment,
        is_past: true,
        hides_people: false,
        generation,
        basis: Arc::new(Basis { settings, lookback, ..Basis::default() }),
    };
    let config = intercom_scim_bridge::config::Config::defaults().unwrap();
    let identities = identities_of(&config, "default", &hand.stores, &hand.clock);
    assessment.evaluate(&hand.stores, &identities, &directory).await.unwrap().report
}

async fn a_finding_has_the_moment_at_which_it_began(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    hand.full().await;
    let at = |hours: u64| START + Duration::from_hours(hours);
    let note = async |hours: u64, ids: &[&str]| {
        let finding = |id: &&str| NotedFinding {
            id: (*id).to_owned(),
            check: "IC-ACC-2",
            severity: "medium",
            is_excepted: false,
        };
        let findings = ids.iter().map(finding).collect();
        let generation = i64::try_from(hours).unwrap();
        let (store, none) = (&hand.stores.posture, BTreeSet::new());
        store.note_findings("default", at(hours), generation, &findings, &none).await.unwrap()
    };
    assert_eq!(note(1, &["a", "b"]).await, Some(2));
    assert_eq!(note(2, &["a"]).await, Some(0));
    assert_eq!(note(3, &["a", "b"]).await, Some(1));
    // A late note of an earlier generation changes nothing.
    assert_eq!(note(2, &[]).await, None);
    let began = async |hours: u64| {
        let began = hand.stores.posture.findings_began("default", Some(at(hours))).await.unwrap();
        let mut began: Vec<_> = began.into_iter().map(|(id, (at, _))| (id, at)).collect();
        began.sort();
        began
    };
    let last = datetime!(9999-12-31 23:59:59.5 UTC);
    let began_last = hand.stores.posture.findings_began("default", Some(last)).await.unwrap();
    assert_eq!(began_last.len(), 2, "no moment is too late");
    let row = |id: &str, hours: u64| (id.to_owned(), at(hours));
    assert_eq!(began(0).await, []);
    assert_eq!(began(1).await, [row("a", 1), row("b", 1)]);
    assert_eq!(began(2).await, [row("a", 1)]);
    assert_eq!(began(9).await, [row("a", 1), row("b", 3)]);
    hand.simulator.stop().await;
}
