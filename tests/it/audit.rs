//! The audit trail.

use intercom_scim_bridge::access::Scope;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::bridge::{Bridge, ENCRYPTION_KEY, client, dozen, token};
use crate::support::secrets;
use crate::support::shell::Shell;
use crate::support::waiting::eventually;

/// Waits until an audit entry fulfils the condition, and returns all entries.
pub async fn entries(bridge: &Bridge, question: &str, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
    eventually("the audit trail has a fitting entry", async || {
        let page = bridge.get(&format!("/api/v1/audit?limit=1000{question}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let items = page.json()["items"].as_array().unwrap().clone();
        if items.iter().any(&fits) { Ok(items) } else { Err(items) }
    })
    .await
}

/// Sends requests of several kinds to a bridge behind a proxy, and returns the audit entries.
async fn after_requests_of_several_kinds() -> (Bridge, Vec<Value>) {
    let bridge = Bridge::serving_with(dozen(), |config| {
        config.server.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let request = bridge
        .request(Method::GET, "/scim/v2/Users?filter=userName%20eq%20%22eve%40example.com%22");
    let forwarded = request
        .bearer_auth(&bridge.token)
        .header("X-Forwarded-For", "203.0.113.7")
        .header("X-Request-Id", "the-one");
    assert_eq!(Bridge::send(forwarded).await.status, 200);
    for _ in 0..7 {
        bridge.get("/scim/v2/Users/adm_404").await;
    }
    Bridge::send(bridge.request(Method::GET, "/scim/v2/Users").bearer_auth("nonsense")).await;
    Bridge::send(bridge.request(Method::GET, "/scim/v2/Users")).await;
    bridge.get("/nowhere/at/all").await;
    let reader = token(&bridge.app, &[Scope::ScimRead]);
    let refused =
        Bridge::send(bridge.request(Method::DELETE, "/scim/v2/Users/adm_1").bearer_auth(reader))
            .await;
    assert_eq!(refused.status, 403);
    let all = entries(&bridge, "", |entry| entry["status"] == json!(403)).await;
    (bridge, all)
}

/// Returns the entries in which a member has this value.
fn with<'a>(entries: &'a [Value], member: &str, value: &Value) -> Vec<&'a Value> {
    entries.iter().filter(|entry| entry[member] == *value).collect()
}

fn sum_of_counts(entries: &[&Value]) -> i64 {
    entries.iter().map(|entry| entry["count"].as_i64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_has_requests_and_responses_without_personal_data() {
    let (bridge, all) = after_requests_of_several_kinds().await;
    let forwarded = with(&all, "address", &json!("203.0.113.7"));
    assert_eq!(forwarded.len(), 1, "{all:?}");
    let mut entry = forwarded[0].clone();
    assert!(entry["identity"].as_str().unwrap().starts_with("token "));
    for changing in ["cursor", "at", "identity"] {
        entry[changing] = Value::Null;
    }
    assert_eq!(
        entry,
        json!({
            "cursor": null, "at": null, "identity": null, "event": "request", "workspace": "default", "actor": "test", "address": "203.0.113.7",
            "method": "GET", "route": "/scim/v2/Users", "target": null, "detail": null, "status": 200, "count": 1, "request_id": "the-one",
        })
    );
    let missing = with(&all, "target", &json!("adm_404"));
    assert_eq!(
        (sum_of_counts(&missing), &missing[0]["status"], &missing[0]["route"]),
        (7, &json!(404), &json!("/scim/v2/Users/{id}"))
    );
    let deleted = with(&all, "method", &json!("DELETE"));
    assert_eq!((&deleted[0]["actor"], &deleted[0]["target"]), (&json!("test"), &json!("adm_1")));
    assert!(!json!(all).to_string().contains("eve@"), "values of filters are not recorded");
    assert!(with(&all, "route", &json!("/healthz")).is_empty());
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_valid_token_has_neither_client_nor_workspace_in_the_audit_trail() {
    // Only a client for all workspaces sees these entries.
    let (bridge, all) = after_requests_of_several_kinds().await;
    let unauthorized = with(&all, "status", &json!(401));
    assert!(
        unauthorized
            .iter()
            .all(|entry| entry["actor"] == Value::Null && entry["workspace"] == Value::Null)
    );
    assert_eq!(sum_of_counts(&unauthorized), 2);
    bridge.stop().await;
}

/// Returns a shell whose commands use the database of a bridge.
fn shell_beside(bridge: &Bridge) -> Shell {
    Shell::new()
        .set("DATABASE_URL", bridge.config.database.url.expose_secret())
        .set("BRIDGE_ACCESS__ENCRYPTION_KEY", ENCRYPTION_KEY)
        .set("INTERCOM_ACCESS_TOKEN", "some-intercom-token")
}

/// Runs a command that prints JSON.
fn json_of(shell: &Shell, arguments: &[&str]) -> Value {
    let ended = shell.run(arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Creates a client, has a token issued to it, and gives it another secret. Returns its id.
async fn create_and_rotate_a_client(bridge: &Bridge, shell: &Shell) -> String {
    let made = json_of(
        shell,
        &[
            "client",
            "create",
            "--name",
            "Saviynt EIC",
            "--scope",
            "scim.read import.read",
            "--json",
        ],
    );
    let id = made["client_id"].as_str().unwrap();
    secrets::keep_client(id, made["client_secret"].as_str().unwrap());
    assert!(id.starts_with("cli_saviynt-eic-"));
    let login =
        bridge.request(Method::POST, "/oauth/token").basic_auth(id, made["client_secret"].as_str());
    let login = login
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials");
    assert_eq!(Bridge::send(login).await.status, 200);
    let rotated = json_of(shell, &["client", "rotate", id, "--json"]);
    assert_ne!(rotated["client_secret"], made["client_secret"]);
    id.to_owned()
}

/// Issues a token from the shell, uses it, and revokes it.
async fn issue_and_revoke_a_token(bridge: &Bridge, shell: &Shell) {
    let issued = shell.run(&[
        "token",
        "issue",
        "--scope",
        "import.read",
        "--ttl",
        "365d",
        "--subject",
        "eic",
    ]);
    assert_eq!(issued.code, Some(0));
    secrets::keep(issued.stdout.trim());
    let answer = bridge.request(Method::GET, "/api/v1/status").bearer_auth(issued.stdout.trim());
    assert_eq!(Bridge::send(answer).await.status, 200);
    let listed = json_of(shell, &["token", "list", "--json"]);
    assert_eq!(
        (&listed[0]["subject"], &listed[0]["scope"], &listed[0]["revoked_at"]),
        (&json!("eic"), &json!("import.read"), &Value::Null)
    );
    let token_id = listed[0]["id"].as_str().unwrap();
    assert_eq!(shell.run(&["token", "revoke", token_id]).code, Some(0));
    assert!(shell.run(&["token", "list"]).stdout.contains("revoked"));
    assert_eq!(shell.run(&["token", "revoke", "nothing"]).code, Some(1));
}

/// Disables a client. Then it gets no new secret.
fn disable_the_client(shell: &Shell, id: &str) {
    assert_eq!(shell.run(&["client", "disable", id]).code, Some(0));
    let clients = json_of(shell, &["client", "list", "--json"]);
    assert!(
        clients[0]["disabled_at"].is_string() && clients[0].get("secret_hash").is_none(),
        "{clients}"
    );
    assert_eq!(
        shell.run(&["client", "rotate", id]).code,
        Some(1),
        "a disabled client gets no new secret"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_has_changes_of_clients_tokens_and_keys() {
    let bridge = Bridge::serving(dozen()).await;
    let shell = shell_beside(&bridge);
    let id = create_and_rotate_a_client(&bridge, &shell).await;
    issue_and_revoke_a_token(&bridge, &shell).await;
    disable_the_client(&shell, &id);
    assert_eq!(shell.run(&["keys", "rotate"]).code, Some(0));
    assert_eq!(shell.run(&["keys", "reset"]).code, Some(1), "it needs a confirmation");

    let all = entries(&bridge, "", |entry| entry["event"] == json!("keys.rotated")).await;
    let events: Vec<&str> = all
        .iter()
        .filter_map(|entry| entry["event"].as_str())
        .filter(|event| *event != "request")
        .collect();
    assert_eq!(
        events,
        [
            "client.created",
            "token.issued",
            "client.rotated",
            "token.issued",
            "token.revoked",
            "client.disabled",
            "keys.rotated"
        ]
    );
    let by_client = entries(&bridge, &format!("&actor={id}"), |_| true).await;
    assert!(
        by_client
            .iter()
            .all(|entry| entry["actor"] == json!(id) && entry["event"] == json!("token.issued"))
    );
    assert_eq!(entries(&bridge, "&event=client.disabled", |_| true).await.len(), 1);
    let exported = shell.run(&["audit", "export", "--since", "2020-01-01T00:00:00Z"]).stdout;
    assert!(
        exported
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .any(|entry| entry["event"] == json!("token.revoked"))
    );
    let service = bridge.app.service();
    assert!(service.stores.audit.prune(service.clock.now()).await.unwrap() >= 7);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_is_read_as_ndjson_and_in_pages() {
    let bridge = Bridge::serving(dozen()).await;
    let shell = shell_beside(&bridge);
    create_and_rotate_a_client(&bridge, &shell).await;
    entries(&bridge, "", |entry| entry["event"] == json!("client.created")).await;
    let lines = bridge
        .request(Method::GET, "/api/v1/audit?event=client.created")
        .bearer_auth(&bridge.token);
    let lines = Bridge::send(lines.header("Accept", "application/x-ndjson")).await;
    assert_eq!(
        (lines.header("content-type"), lines.text.lines().count()),
        ("application/x-ndjson", 1)
    );
    let paged = bridge.get("/api/v1/audit?limit=1").await.json();
    let next = paged["next"].as_str().unwrap();
    let second = bridge.get(&next.replace(&bridge.url(""), "")).await.json();
    assert_ne!(paged["items"][0]["cursor"], second["items"][0]["cursor"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_filters_of_the_audit_trail_and_clients_without_its_scope_are_refused() {
    let bridge = Bridge::serving(dozen()).await;
    for wrong in ["limit=0", "since=yesterday", "actr=x", "after=1", "actor=%00"] {
        assert_eq!(bridge.get(&format!("/api/v1/audit?{wrong}")).await.status, 400, "{wrong}");
    }
    let (no_admin, _) = client(&bridge.app, "scim.read", &["default"]).await;
    assert!(!no_admin.is_empty());
    let reader = token(&bridge.app, &[Scope::ImportRead]);
    let refused =
        Bridge::send(bridge.request(Method::GET, "/api/v1/audit").bearer_auth(reader)).await;
    assert_eq!(refused.status, 403);
    bridge.stop().await;
}
