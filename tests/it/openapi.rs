//! The OpenAPI description.

use intercom_scim_bridge::http::{openapi_collection, openapi_document};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::bridge::{Bridge, dozen, start_import};

#[test]
fn the_checked_in_description_is_the_one_that_the_code_makes() {
    let checked_in =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/bridge.json")).unwrap_or_default();
    assert!(
        checked_in == openapi_document(),
        "openapi/bridge.json is out of date; run `cargo run -- openapi > openapi/bridge.json`"
    );
}

#[test]
fn the_checked_in_requests_are_those_of_the_description() {
    let checked_in =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/bridge.http")).unwrap_or_default();
    assert!(
        checked_in == openapi_collection(),
        "openapi/bridge.http is out of date; run `cargo run -- openapi --http > openapi/bridge.http`"
    );
}

#[test]
fn each_operation_has_an_id_of_its_own() {
    let description: Value = serde_json::from_str(&openapi_document()).unwrap();
    let paths = description["paths"].as_object().unwrap().values();
    let ids: Vec<&str> = paths
        .flat_map(|path| path.as_object().unwrap().values())
        .filter_map(|operation| operation["operationId"].as_str())
        .collect();
    let different: std::collections::BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(different.len(), ids.len(), "{ids:?}");
}

/// What a bridge of a dozen answers, by operation and status, with what differs from run to run made the same.
async fn answers() -> Value {
    let bridge = Bridge::starting_with(dozen(), |config| {
        config.server.public_url = Some("https://bridge.example.com".parse().unwrap());
    })
    .await;
    bridge.shows(1).await;
    start_import(&bridge, "", "wait=30").await;
    let (person, team) = bridge.simulator.change(|workspace| {
        let team = workspace.teams().find(|(_, team)| team.members.len() == 1).or(workspace.teams().next()).unwrap();
        (format!("adm_{}", team.1.members.keys().next().unwrap()), format!("team_{}", team.0))
    });
    let mut examples = Map::new();
    for (operation, method, path) in [
        ("list_users", "GET", "/scim/v2/Users?count=1".to_owned()),
        ("get_user", "GET", format!("/scim/v2/Users/{person}")),
        ("get_user", "GET", "/scim/v2/Users/adm_1".to_owned()),
        ("list_groups", "GET", "/scim/v2/Groups?count=1".to_owned()),
        ("get_group", "GET", format!("/scim/v2/Groups/{team}")),
        ("create_user", "POST", "/scim/v2/Users".to_owned()),
        ("list_accounts", "GET", "/api/v1/accounts?limit=1".to_owned()),
        ("list_accounts", "GET", "/api/v1/accounts?limit=0".to_owned()),
        ("list_entitlements", "GET", "/api/v1/entitlements?limit=2".to_owned()),
        ("list_memberships", "GET", format!("/api/v1/memberships?account_id={person}")),
        ("list_changes", "GET", "/api/v1/changes?type=group&limit=1".to_owned()),
        ("list_imports", "GET", "/api/v1/imports?limit=1".to_owned()),
        ("status", "GET", "/api/v1/status".to_owned()),
        ("remove_account", "DELETE", format!("/api/v1/lifecycle/accounts/{person}")),
        ("list_lifecycle_requests", "GET", "/api/v1/lifecycle/requests?limit=1".to_owned()),
        ("healthz", "GET", "/healthz".to_owned()),
        ("readyz", "GET", "/readyz".to_owned()),
    ] {
        let answer = bridge.ask(method.parse::<Method>().unwrap(), &path).await;
        let mut body = answer.json();
        settle(&mut body);
        let of_operation = examples.entry(operation).or_insert_with(|| json!({}));
        of_operation[answer.status.as_str()] = body;
    }
    bridge.stop().await;
    Value::Object(examples)
}

/// Times, ids that are random, and what follows from them.
fn settle(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(settle),
        Value::Object(members) => members.iter_mut().for_each(|(name, value)| match (name.as_str(), &*value) {
            (_, Value::String(text)) if text.len() > 19 && text.starts_with("20") && text.as_bytes()[10] == b'T' => {
                *value = json!("2026-03-01T08:30:00Z");
            }
            (_, Value::String(text)) if text.starts_with("W/") => *value = json!("W/\"SqDXuQnHe0gWc91K\""),
            (_, Value::String(text)) if text.starts_with("req_") => *value = json!("req_JX7bS2cQk0aPz1uE"),
            ("next", Value::String(text)) if text.contains("before=req_") => {
                *value =
                    json!("https://bridge.example.com/api/v1/lifecycle/requests?limit=1&before=req_JX7bS2cQk0aPz1uE");
            }
            ("cursor" | "next", Value::String(text)) if !text.starts_with("http") => *value = json!("MS4xMi4w"),
            ("request_id", _) => *value = json!("Jd81kQ0pXw-7f3a91"),
            ("age_seconds", _) => *value = json!(12),
            ("hash" | "intercom_calls", Value::Number(_)) => {}
            _ => settle(value),
        }),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_are_real_answers() {
    let written: Value = serde_json::from_str(include_str!("../../openapi/examples.json")).unwrap();
    let answers = answers().await;
    for (operation, statuses) in answers.as_object().unwrap() {
        for (status, body) in statuses.as_object().unwrap() {
            let of_now = serde_json::to_string_pretty(body).unwrap();
            assert_eq!(
                &written[operation][status], body,
                "{operation} {status}: write them anew with `cargo test --test it -- --ignored examples`: {of_now}"
            );
        }
    }
    let description: Value = serde_json::from_str(&openapi_document()).unwrap();
    let operations =
        description["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let with_examples = operations.filter(|one| one["responses"].to_string().contains("\"example\":")).count();
    assert_eq!(with_examples, answers.as_object().unwrap().len(), "each is in the description");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes openapi/examples.json"]
async fn examples_are_written_anew() {
    let text = serde_json::to_string_pretty(&answers().await).unwrap() + "\n";
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/examples.json"), text).unwrap();
}
