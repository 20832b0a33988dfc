//! `activity export`, and what imports say of kinds that the bridge does not know.

use intercom_scim_bridge::directory::Mode;
use serde_json::{Value, json};

use crate::commands::{dozen_simulated, shell};
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START};

#[tokio::test(flavor = "multi_thread")]
async fn an_export_with_a_state_file_prints_each_entry_once() {
    let simulator = dozen_simulated();
    let shell = shell(&simulator);
    assert_eq!(shell.run(&["import", "full"]).code, Some(0));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (state, file) = (path("state"), path("entries.ndjson"));
    let export = |more: &[&str]| {
        let ended = shell.run(&[&["activity", "export"], more].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all: Vec<Value> = export(&[]);
    assert!(all.len() > 5);
    let first: Vec<Value> = export(&["--state", &state]);
    assert_eq!(first, all);
    let again: Vec<Value> = export(&["--state", &state]);
    assert_eq!(again, [Value::Null; 0]);
    simulator.change(|workspace| {
        let (ada, now) = (workspace.admins().next().unwrap().0, START.unix_timestamp());
        workspace.note(now, "bulk_export", ada, json!({}));
        workspace.sign_in(ada, "saml", now);
    });
    assert_eq!(shell.run(&["import", "full"]).code, Some(0));
    let none: Vec<Value> = export(&["--state", &state, "--to", &file, "--format", "ocsf"]);
    assert_eq!(none, [Value::Null; 0]);
    let written = std::fs::read_to_string(&file).unwrap();
    let codes: Vec<Value> = written
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["metadata"]["event_code"].clone())
        .collect();
    assert_eq!(codes, ["bulk_export", "admin_login_success"]);
    // From a position, a time or now on, and one type.
    let last: Vec<Value> = export(&["--since", all.last().unwrap()["cursor"].as_str().unwrap()]);
    assert_eq!(last.len(), 2);
    let exports: Vec<Value> = export(&["--type", "bulk_export", "--format", "ecs"]);
    assert!(exports.iter().all(|document| document["event"]["action"] == "bulk_export"));
    let now: Vec<Value> = export(&["--since", "now"]);
    assert_eq!(now, [Value::Null; 0]);
    let since: Vec<Value> = export(&["--since", "2020-01-01"]);
    assert_eq!(since.len(), all.len() + 2);

    std::fs::write(&state, "x").unwrap();
    let refused = shell.run(&["activity", "export", "--state", &state]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("delete the file"), "{}", refused.stderr);
    let refused = shell.run(&["activity", "export", "--since", "x"]);
    assert!(refused.stderr.contains("--since must be"), "{}", refused.stderr);
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_kind_is_recorded_and_reported_once() {
    let (hand, small) = Hand::small(TestDatabase::sqlite()).await;
    let told = |run: &intercom_scim_bridge::directory::Run| {
        let new = run.warnings.iter().filter(|warning| warning.code == "activity_kinds_new");
        new.map(|warning| warning.detail.clone()).collect::<Vec<_>>()
    };
    assert_eq!(told(&hand.full().await), [""; 0]);
    hand.simulator.change(|workspace| {
        workspace.note(START.unix_timestamp(), "teleportation", small.ada, json!({}));
        workspace.note(START.unix_timestamp(), "macro_update", small.ada, json!({}));
    });
    let first = told(&hand.full().await);
    assert!(first.len() == 1 && first[0].contains("teleportation"), "{first:?}");
    assert_eq!(told(&hand.full().await), [""; 0]);
    assert_eq!(told(&hand.import(Mode::Incremental).await), [""; 0]);
    let seen = hand.ledger.kinds_seen("default").await.unwrap();
    assert!(seen.contains_key("teleportation") && !seen.contains_key("macro_update"), "{seen:?}");
}
