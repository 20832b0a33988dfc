//! What people read about an import that lacks something: warnings, errors and `check` name what is
//! missing and what to do, and hold nothing of Intercom's texts.

use std::process::{Command, Stdio};
use std::time::Duration;

use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::intercom::{Client, LogKinds, Since, observe};
use serde_json::{Value, json};
use simulator::{Fault, Options, Simulator, Workspace};

use crate::commands::{dozen_simulated, shell};
use crate::intercom::{client, codes, read, simulated};
use crate::support::bridge::{Bridge, dozen, start_import};
use crate::support::hand::{START, TOKEN, connection};
use crate::support::secrets;
use crate::support::shell::Shell;

const LOG: &str = "/admins/activity_logs";

#[tokio::test]
async fn a_silent_activity_log_stops_no_import() {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let mut impatient = connection(&simulator.base_url());
    impatient.read_timeout = Duration::from_millis(300);
    let client = Client::new(impatient, Clock::manual(START)).unwrap();
    simulator.fail_from_now_on(Fault::TimeOut, LOG);
    let observation = read(&client).await.unwrap();
    assert_eq!((observation.users.len(), observation.groups.len()), (13, 3));
    assert_eq!(codes(&observation), ["activity_log_unavailable"]);
    assert_eq!(observation.log_read_to, None, "the next import reads it from the beginning");
    simulator.stop().await;
}

#[tokio::test]
async fn reading_a_long_activity_log_ends_in_time_and_the_next_import_goes_on_there() {
    let mut workspace = Workspace::new(TOKEN);
    let ada = workspace.add_teammate("Ada Lovelace");
    let begin = START.unix_timestamp() - 30 * 24 * 3600;
    (0..3_000).for_each(|number| workspace.sign_in(ada, "saml", begin + number * 800));
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    let client = client(&simulator.base_url());
    let since = || Since::Everything { log: START - Duration::from_hours(30 * 24), known: None };
    // Each page takes two minutes.
    let slowly = |_| client.clock().advance(Duration::from_mins(2));
    let observation = observe(&client, since(), &LogKinds::default(), &slowly).await.unwrap();
    assert_eq!(observation.users.len(), 1, "people and teams are read");
    assert_eq!(codes(&observation), ["activity_log_cut"]);
    let detail = &observation.warnings[0].detail;
    assert!(detail.contains(LOG) && detail.contains("next import"), "{detail}");
    let read = observation.activity.len();
    assert!((1..3_000).contains(&read), "{read}");
    let read_to = observation.log_read_to.expect("some spans were read");
    assert!(read_to < START, "the rest is left for the next import");
    let whole = observe(&client, since(), &LogKinds::default(), &|_| {}).await.unwrap();
    assert_eq!((codes(&whole), whole.activity.len()), (Vec::new(), 3_000));
    simulator.stop().await;
}

#[tokio::test]
async fn a_warning_about_the_log_says_what_is_missing_and_what_to_do() {
    let refused = |code: &str| {
        Fault::json(401, &json!({"type": "error.list", "errors": [{"code": code}]}).to_string())
    };
    for (fault, remedy) in [
        (refused("token_unauthorized"), "Read admin activity logs"),
        (
            Fault::json(404, r#"{"type":"error.list","errors":[{"code":"not_found"}]}"#),
            "api_version",
        ),
        (Fault::Status(503), "next import"),
    ] {
        let (simulator, client) = simulated(Options::default());
        simulator.fail_from_now_on(fault.clone(), LOG);
        let observation = read(&client).await.unwrap();
        let detail = &observation.warnings[0].detail;
        for part in [LOG, "joining dates", remedy] {
            assert!(detail.contains(part), "{fault:?}: {part}: {detail}");
        }
        simulator.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_the_permission_that_the_log_needs() {
    let simulator = dozen_simulated();
    let refused = json!({"type": "error.list", "errors": [{"code": "token_unauthorized"}]});
    simulator.fail_from_now_on(Fault::json(401, &refused.to_string()), LOG);
    let shell = shell(&simulator);
    let ended = shell.run(&["check"]);
    let line = ended.stdout.lines().find(|line| line.contains("activity log"));
    let line = line.unwrap_or_else(|| panic!("{}", ended.stdout));
    assert!(line.starts_with("warning"), "{line}");
    assert!(ended.stdout.contains("Read admin activity logs"), "{}", ended.stdout);
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_values_inside_the_log_reach_no_log_line_error_or_run() {
    // Log lines of all levels are searched for these.
    let name = secrets::keep("marked_metadata_name");
    let value = secrets::keep("marked metadata value");
    let text = secrets::keep("marked upstream text");
    let bridge = Bridge::serving(dozen()).await;
    let now = bridge.app.service().clock.now().unix_timestamp();
    bridge.simulator.change(|workspace| {
        let by = workspace.admins().next().unwrap().0;
        let metadata: Value = json!({ name.as_str(): value, "admin": {"id": [value]} });
        workspace.note(now, "admin_permission_change", by, metadata.clone());
        workspace.note(now, "marked_unknown_kind", by, metadata);
    });
    let told = async || {
        let runs = bridge.get("/api/v1/imports?limit=1000").await.text;
        let status = bridge.get("/api/v1/status").await.text;
        for marked in [&name, &value, &text] {
            assert!(!runs.contains(marked.as_str()) && !status.contains(marked.as_str()), "{runs}");
        }
    };
    start_import(&bridge, r#"{"mode": "full"}"#, "wait=30").await;
    told().await;
    // The same in an error, which is bounded too.
    let long = json!({"type": "error.list", "errors": [
        {"code": text.repeat(400), "message": text.repeat(4_000), "field": text.repeat(400)},
    ]});
    for status in [400, 401, 403, 404, 409, 422] {
        let fault = Fault::json(status, &long.to_string());
        bridge.simulator.fail(fault, "/teams", 6);
        start_import(&bridge, r#"{"mode": "full"}"#, "wait=30").await;
        told().await;
        let run = bridge.get("/api/v1/imports?limit=1").await.json()["items"][0].clone();
        if run["status"] == "failed" {
            let detail = run["error"]["detail"].as_str().unwrap();
            assert!(detail.contains("/teams") && detail.len() < 600, "{status}: {detail}");
        }
        bridge.simulator.heal();
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_names_a_generation_whose_hash_the_ledger_recognises() {
    let bridge = Bridge::serving(dozen()).await;
    let manifest = bridge.get("/api/v1/reviews/accounts").await.json()["manifest"].clone();
    let generation = manifest["generation"].as_i64().unwrap();
    let ledger = &bridge.app.service().stores.ledger;
    let hash = ledger.generation_hash("default", generation).await.unwrap();
    assert_eq!(manifest["generation_hash"], json!(hash.unwrap()));
    bridge.stop().await;
}

/// `ledger prune` with a terminal, at which a person types an answer.
fn prune_at_a_terminal(shell: &Shell, answer: &str) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_intercom-scim-bridge");
    let mut command = Command::new("script");
    command.args(["-qec", &format!("{program} ledger prune --keep 0s"), "/dev/null"]);
    shell.prepare(&mut command);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
    std::io::Write::write_all(&mut child.stdin.take()?, format!("{answer}\n").as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pruning_asks_at_a_terminal_and_does_what_the_person_answers() {
    let simulator = dozen_simulated();
    let shell = shell(&simulator);
    assert_eq!(shell.run(&["import", "full"]).code, Some(0));
    simulator.change(|workspace| {
        let teammate = workspace.admins().map(|(id, _)| id).next().unwrap();
        workspace.admin_mut(teammate).unwrap().job_title = Some("Countess".to_owned());
    });
    assert_eq!(shell.run(&["import", "full"]).code, Some(0));
    let is_pruned = || shell.run(&["ledger", "verify"]).stdout.contains("history was last pruned");
    let Some(said) = prune_at_a_terminal(&shell, "n") else {
        eprintln!("skipped: there is no `script` here, which gives a command a terminal");
        return;
    };
    assert!(said.contains("This cannot be undone. Continue? [y/N]"), "{said}");
    assert!(!is_pruned(), "the answer was no: {said}");
    let said = prune_at_a_terminal(&shell, "y").unwrap();
    assert!(is_pruned(), "the answer was yes: {said}");
    simulator.stop().await;
}
