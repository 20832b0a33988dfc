//! The OpenAPI description.

use std::collections::BTreeMap;
use std::time::Duration;

use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::directory::CatalogueForm;
use intercom_scim_bridge::http::{openapi_collection, openapi_document};
use intercom_scim_bridge::roster::Completeness;
use reqwest::Method;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use crate::support::bridge::{Bridge, client, dozen, start_import};

#[test]
fn the_checked_in_description_is_the_one_that_the_code_makes() {
    let checked_in =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/bridge.json"))
            .unwrap_or_default();
    assert!(
        checked_in == openapi_document(),
        "openapi/bridge.json is out of date; run `cargo run -- openapi > openapi/bridge.json`"
    );
}

#[test]
fn the_checked_in_requests_are_those_of_the_description() {
    let checked_in =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/bridge.http"))
            .unwrap_or_default();
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

/// Returns each operation by its id: method, path, and whether it always refuses.
fn operations(description: &Value) -> BTreeMap<&str, (Method, &str, bool)> {
    let paths = description["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, operations)| {
            operations.as_object().unwrap().iter().map(move |one| (path.as_str(), one))
        })
        .filter_map(|(path, (method, operation))| {
            let method = method.to_uppercase().parse().unwrap();
            Some((
                operation["operationId"].as_str()?,
                (method, path, operation["responses"].get("501").is_some()),
            ))
        })
        .collect()
}

/// A request whose response is an example of the documentation.
struct ExampleRequest {
    operation: String,
    /// The path and the query.
    path: String,
    body: String,
}

impl ExampleRequest {
    fn new((operation, path, body): (&str, &str, &str)) -> Self {
        Self { operation: operation.to_owned(), path: path.to_owned(), body: body.to_owned() }
    }
}

/// Returns the requests of the SCIM API: operation, path and body.
fn scim_requests(person: &str, team: &str) -> Vec<ExampleRequest> {
    let search = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"active eq true","count":1}"#;
    let names = &search.replace("active eq true", "displayName pr");
    [
        ("list_users", "/scim/v2/Users?count=1", ""),
        ("get_user", &format!("/scim/v2/Users/{person}"), ""),
        ("get_user", "/scim/v2/Users/adm_1", ""),
        ("list_groups", "/scim/v2/Groups?count=1", ""),
        ("get_group", &format!("/scim/v2/Groups/{team}"), ""),
        ("list_all", "/scim/v2?count=1", ""),
        ("search_all", "/scim/v2/.search", search),
        ("search_users", "/scim/v2/Users/.search", search),
        ("search_groups", "/scim/v2/Groups/.search", names),
        ("scim_list_roles", "/scim/v2/Roles?count=1", ""),
        ("scim_get_role", "/scim/v2/Roles/1", ""),
        ("scim_search_roles", "/scim/v2/Roles/.search", names),
        ("scim_list_entitlements", "/scim/v2/Entitlements?count=1", ""),
        ("scim_get_entitlement", "/scim/v2/Entitlements/inbox_seat", ""),
        ("scim_search_entitlements", "/scim/v2/Entitlements/.search", names),
        ("scim_list_seats", "/scim/v2/Seats", ""),
        ("scim_get_seat", "/scim/v2/Seats/inbox_seat", ""),
        ("scim_search_seats", "/scim/v2/Seats/.search", names),
        ("scim_list_permissions", "/scim/v2/Permissions?count=1", ""),
        ("scim_get_permission", "/scim/v2/Permissions/export_data", ""),
        ("scim_search_permissions", "/scim/v2/Permissions/.search", names),
        ("list_resource_types", "/scim/v2/ResourceTypes", ""),
        ("get_resource_type", "/scim/v2/ResourceTypes/User", ""),
        ("get_schema", "/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group", ""),
        ("service_provider_config", "/scim/v2/ServiceProviderConfig", ""),
        ("me", "/scim/v2/Me", ""),
    ]
    .map(ExampleRequest::new)
    .into()
}

/// Returns the requests of the REST API: operation, path and body.
fn rest_requests(person: &str) -> Vec<ExampleRequest> {
    let ticket = json!({"operation": "remove_account", "target": person, "comment": "Task 4711"})
        .to_string();
    let until = (Clock::System.now() + time::Duration::days(90)).format(&Rfc3339).unwrap();
    let answer = json!({"kind": "answer", "check": "IC-AUTH-4", "status": "pass",
        "note": "One day", "until": until})
    .to_string();
    [
        ("list_accounts", "/api/v1/accounts?limit=1", ""),
        ("list_accounts", "/api/v1/accounts?limit=0", ""),
        ("list_entitlements", "/api/v1/entitlements?limit=2", ""),
        ("list_roles", "/api/v1/roles?limit=1", ""),
        ("list_memberships", &format!("/api/v1/memberships?account_id={person}"), ""),
        ("list_invitations", "/api/v1/invitations?limit=1", ""),
        ("list_seats", "/api/v1/seats?limit=1", ""),
        ("list_changes", "/api/v1/changes?type=group&limit=1", ""),
        ("review_accounts", "/api/v1/reviews/accounts", ""),
        ("review_accounts_manifest", "/api/v1/reviews/accounts/manifest", ""),
        ("get_posture", "/api/v1/posture?check=IC-ACC-1", ""),
        ("record_posture", "/api/v1/posture/records", &answer),
        ("list_imports", "/api/v1/imports?limit=1", ""),
        ("get_import", "/api/v1/imports/1", ""),
        ("start_import", "/api/v1/imports", "{}"),
        ("status", "/api/v1/status", ""),
        ("list_workspaces", "/api/v1/workspaces", ""),
        ("list_audit", "/api/v1/audit?event=token.issued", ""),
        ("list_activity", "/api/v1/activity?limit=1", ""),
        ("list_activity_types", "/api/v1/activity/types?group=data", ""),
        ("remove_account", &format!("/api/v1/lifecycle/accounts/{person}"), ""),
        ("list_lifecycle_requests", "/api/v1/lifecycle/requests?limit=1", ""),
        ("create_lifecycle_request", "/api/v1/lifecycle/requests", &ticket),
        ("get_lifecycle_request", "/api/v1/lifecycle/requests/{request}", ""),
        ("close_lifecycle_request", "/api/v1/lifecycle/requests/{request}/done", "{}"),
    ]
    .map(ExampleRequest::new)
    .into()
}

/// Returns a roster of all accounts but one. The first person has ended.
async fn people(bridge: &Bridge) -> Vec<Value> {
    let accounts = bridge.get("/api/v1/accounts").await.json();
    let accounts = accounts["items"].as_array().unwrap().iter().skip(1).zip(1..);
    let person = |(account, number): (&Value, u32)| {
        let ended = if number == 1 { "2026-01-31" } else { "" };
        json!({
            "employee_number": format!("00{number}"), "email": account["email"],
            "name": account["display_name"], "department": "Support", "end_date": ended,
        })
    };
    accounts.map(person).collect()
}

/// Returns the requests of the roster: operation, path and body. The second roster is held.
fn roster_requests(people: &[Value], until: &str) -> Vec<ExampleRequest> {
    let decision = json!({
        "account": people[3]["email"], "kind": "class", "class": "service",
        "why": "The mailbox of the support team", "until": until,
    })
    .to_string();
    let all = json!(people).to_string();
    let few = json!(people[..4]).to_string();
    [
        ("import_roster", "/api/v1/roster?source=hr", all.as_str()),
        ("record_decisions", "/api/v1/roster/decisions", &decision),
        ("list_identities", "/api/v1/roster/identities?limit=1", ""),
        ("list_unmatched", "/api/v1/roster/unmatched", ""),
        ("list_terminated_active", "/api/v1/roster/terminated-active", ""),
        ("list_ownerless", "/api/v1/roster/ownerless", ""),
        ("list_decisions", "/api/v1/roster/decisions", ""),
        ("revoke_decision", "/api/v1/roster/decisions/1/revoke", ""),
        ("import_roster", "/api/v1/roster?source=hr", &few),
        ("roster", "/api/v1/roster", ""),
        ("accept_roster", "/api/v1/roster/versions/2/accept", ""),
    ]
    .map(ExampleRequest::new)
    .into()
}

/// Returns the requests that belong to no API: operation, path and body.
fn other_requests() -> Vec<ExampleRequest> {
    [
        ("jwks", "/.well-known/jwks.json", ""),
        ("oauth_metadata", "/.well-known/oauth-authorization-server", ""),
        ("healthz", "/healthz", ""),
        ("readyz", "/readyz", ""),
    ]
    .map(ExampleRequest::new)
    .into()
}

/// Returns a request for each operation that is always refused and is not among these.
fn refused_requests(
    described: &BTreeMap<&str, (Method, &str, bool)>,
    known: &[ExampleRequest],
    person: &str,
    team: &str,
) -> Vec<ExampleRequest> {
    described
        .iter()
        .filter(|(_, (_, _, refused))| *refused)
        .filter(|(operation, _)| !known.iter().any(|known| known.operation == **operation))
        .map(|(operation, (_, path, _))| {
            let id = if path.contains("/Groups/") { team } else { person };
            let path = path.replace("{id}", id).replace("{entitlement}", team);
            ExampleRequest::new((operation, &path, "{}"))
        })
        .collect()
}

/// Returns real responses by operation and status. Values that differ between runs are replaced.
async fn answers() -> Value {
    let bridge = Bridge::serving_with(dozen(), |config| {
        config.server.public_url = Some("https://bridge.example.com".parse().unwrap());
        config.roster.complete = Some(Completeness::All);
        config.scim.roles_and_entitlements = CatalogueForm::Okta;
    })
    .await;
    start_import(&bridge, "", "wait=30").await;
    let (person, team) = bridge.simulator.change(|workspace| {
        let team = workspace
            .teams()
            .find(|(_, team)| team.members.len() == 1)
            .or(workspace.teams().next())
            .unwrap();
        (format!("adm_{}", team.1.members.keys().next().unwrap()), format!("team_{}", team.0))
    });
    let (client, secret) = client(&bridge.app, "scim.read", &["default"]).await;
    let form = format!(
        "grant_type=client_credentials&client_id={client}&client_secret={secret}&scope=scim.read"
    );
    let mut requests = vec![ExampleRequest::new(("issue_token", "/oauth/token", &form))];
    requests.extend(scim_requests(&person, &team));
    requests.extend(rest_requests(&person));
    let until = bridge.app.service().clock.now() + Duration::from_hours(24);
    let until = until.format(&Rfc3339).unwrap();
    requests.extend(roster_requests(&people(&bridge).await, &until));
    requests.extend(other_requests());
    let description: Value = serde_json::from_str(&openapi_document()).unwrap();
    let described = operations(&description);
    requests.extend(refused_requests(&described, &requests, &person, &team));
    let mut examples = Map::new();
    let mut reference = String::new();
    for ExampleRequest { operation, path, body } in requests {
        let (method, ..) = &described[operation.as_str()];
        let request = bridge.request(method.clone(), &path.replace("{request}", &reference));
        let request = match operation.as_str() {
            // The form has the credentials.
            "issue_token" => request.header("Content-Type", "application/x-www-form-urlencoded"),
            _ => request.bearer_auth(&bridge.token).header("Content-Type", "application/json"),
        };
        let request = request.header("Accept", "application/json").header("Prefer", "wait=30");
        let answer = Bridge::send(request.body(body)).await;
        let mut body = answer.json();
        if operation == "create_lifecycle_request" {
            body["id"].as_str().unwrap().clone_into(&mut reference);
        }
        settle(&mut body);
        let of_operation = examples.entry(operation).or_insert_with(|| json!({}));
        of_operation[answer.status.as_str()] = body;
    }
    bridge.stop().await;
    Value::Object(examples)
}

/// Replaces times, random ids, and values that depend on them.
fn settle(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(settle),
        Value::Object(members) => members.iter_mut().for_each(|(name, value)| match (name.as_str(), &*value) {
            (_, Value::String(text)) if text.len() > 19 && text.starts_with("20") && text.as_bytes()[10] == b'T' => {
                *value = json!("2026-03-01T08:30:00.000Z");
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
            ("next", Value::String(text)) if text.contains("as_of=") => {
                let (address, _) = text.split_once("as_of=").unwrap();
                *value = json!(format!("{address}as_of=2026-03-01T08:30:00.000Z"));
            }
            ("days_since_login" | "days_since_activity" | "days_since_joining" | "days_since_end", Value::Number(_)) => *value = json!(14),
            ("actor", Value::String(text)) if text.starts_with("cli_test-") => {
                *value = json!("cli_saviynt-4f1c22d09b7a6e35");
            }
            ("identity", Value::String(_)) => *value = json!("client cli_saviynt-4f1c22d09b7a6e35"),
            ("target", Value::String(text)) if !text.starts_with("adm_") => {
                *value = json!("tok_AuWSD7KUeRzNd_3off7pzA");
            }
            ("access_token", _) => *value = json!("eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJSUzI1NiJ9.…"),
            ("sha256", _) => *value = json!("5c673a7e0b29ab02d3ac81785fcadf91816a7baeab59f782535ddbf1470cda28"),
            ("generation_hash", Value::String(_)) => *value = json!("N1LdmbOCFMxkhONW0zQIdZa98AwerX40GnMikDyf3so"),
            ("kid" | "n" | "x" | "y" | "client_id", Value::String(_)) => *value = json!("vS9qkz1Yb0cWmQ"),
            ("hash" | "intercom_calls", Value::Number(_)) => {}
            _ => settle(value),
        }),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_are_real_answers() {
    let written: Value = serde_json::from_str(include_str!("../../openapi/examples.json")).unwrap();
    let answers = Box::pin(answers()).await;
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
    let paths = description["paths"].as_object().unwrap().values();
    for operation in paths.flat_map(|path| path.as_object().unwrap().values()) {
        let answers = operation["responses"].as_object().into_iter().flatten();
        let answers = answers.filter(|(status, _)| status.starts_with('2') || *status == "501");
        let json: Vec<&Value> = answers
            .flat_map(|(_, answer)| answer["content"].as_object().into_iter().flatten())
            .filter(|(kind, _)| kind.ends_with("json"))
            .map(|(_, content)| content)
            .collect();
        // The examples of both would be longer than the rest of the description.
        let too_long =
            ["list_schemas", "openapi"].map(Some).contains(&operation["operationId"].as_str());
        let shown = json.iter().any(|content| content.get("example").is_some());
        assert!(
            shown || json.is_empty() || too_long,
            "{} has no example",
            operation["operationId"]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes openapi/examples.json"]
async fn examples_are_written_anew() {
    let text = serde_json::to_string_pretty(&Box::pin(answers()).await).unwrap() + "\n";
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/examples.json"), text).unwrap();
}
