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

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_has_requests_and_responses_without_personal_data() {
    let bridge = Bridge::starting_with(dozen(), |config| {
        config.server.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    bridge.shows(1).await;
    let request = bridge
        .request(Method::GET, "/scim/v2/Users?filter=userName%20eq%20%22eve%40example.com%22");
    let asked = request
        .bearer_auth(&bridge.token)
        .header("X-Forwarded-For", "203.0.113.7")
        .header("X-Request-Id", "the-one");
    assert_eq!(Bridge::send(asked).await.status, 200);
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
    let find = |fits: &dyn Fn(&Value) -> bool| {
        all.iter().filter(|entry| fits(entry)).cloned().collect::<Vec<_>>()
    };
    let forwarded = find(&|entry| entry["address"] == json!("203.0.113.7"));
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
    let missing = find(&|entry| entry["target"] == json!("adm_404"));
    let counted: i64 = missing.iter().map(|entry| entry["count"].as_i64().unwrap()).sum();
    assert_eq!(
        (counted, &missing[0]["status"], &missing[0]["route"]),
        (7, &json!(404), &json!("/scim/v2/Users/{id}"))
    );
    let deleted = find(&|entry| entry["method"] == json!("DELETE"));
    assert_eq!((&deleted[0]["actor"], &deleted[0]["target"]), (&json!("test"), &json!("adm_1")));
    assert!(
        !json!(all).to_string().contains("eve@"),
        "what somebody looked for is nobody's business"
    );
    assert!(find(&|entry| entry["route"] == json!("/healthz")).is_empty());

    // A request without a valid token has neither client nor workspace in the trail. Only a client
    // for all workspaces sees these entries.
    let unknown: Vec<Value> = find(&|entry| entry["status"] == json!(401));
    assert!(
        unknown
            .iter()
            .all(|entry| entry["actor"] == Value::Null && entry["workspace"] == Value::Null)
    );
    assert_eq!(unknown.iter().map(|entry| entry["count"].as_i64().unwrap()).sum::<i64>(), 2);
    bridge.stop().await;
}

#[expect(clippy::too_many_lines, reason = "one story, told step by step")]
#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_has_changes_of_clients_and_tokens_and_can_be_filtered() {
    let bridge = Bridge::serving(dozen()).await;
    let shell = Shell::new()
        .set("DATABASE_URL", bridge.config.database.url.expose_secret())
        .set("BRIDGE_ACCESS__ENCRYPTION_KEY", ENCRYPTION_KEY)
        .set("INTERCOM_ACCESS_TOKEN", "some-intercom-token");
    let json_of = |arguments: &[&str]| -> Value {
        let ended = shell.run(arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap()
    };
    let made = json_of(&[
        "client",
        "create",
        "--name",
        "Saviynt EIC",
        "--scope",
        "scim.read import.read",
        "--json",
    ]);
    let id = made["client_id"].as_str().unwrap();
    secrets::keep_client(id, made["client_secret"].as_str().unwrap());
    assert!(id.starts_with("cli_saviynt-eic-"));
    let login =
        bridge.request(Method::POST, "/oauth/token").basic_auth(id, made["client_secret"].as_str());
    let login = login
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials");
    assert_eq!(Bridge::send(login).await.status, 200);
    let rotated = json_of(&["client", "rotate", id, "--json"]);
    assert_ne!(rotated["client_secret"], made["client_secret"]);
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
    let listed = json_of(&["token", "list", "--json"]);
    assert_eq!(
        (&listed[0]["subject"], &listed[0]["scope"], &listed[0]["revoked_at"]),
        (&json!("eic"), &json!("import.read"), &Value::Null)
    );
    let token_id = listed[0]["id"].as_str().unwrap();
    assert_eq!(shell.run(&["token", "revoke", token_id]).code, Some(0));
    assert!(shell.run(&["token", "list"]).stdout.contains("revoked"));
    assert_eq!(shell.run(&["token", "revoke", "nothing"]).code, Some(1));
    assert_eq!(shell.run(&["client", "disable", id]).code, Some(0));
    let clients = json_of(&["client", "list", "--json"]);
    assert!(
        clients[0]["disabled_at"].is_string() && clients[0].get("secret_hash").is_none(),
        "{clients}"
    );
    assert_eq!(
        shell.run(&["client", "rotate", id]).code,
        Some(1),
        "what is disabled gets no secret"
    );
    assert_eq!(shell.run(&["keys", "rotate"]).code, Some(0));
    assert_eq!(shell.run(&["keys", "reset"]).code, Some(1), "not by mistake");

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

    // As NDJSON, from the API and from the command.
    let lines = bridge
        .request(Method::GET, "/api/v1/audit?event=client.created")
        .bearer_auth(&bridge.token);
    let lines = Bridge::send(lines.header("Accept", "application/x-ndjson")).await;
    assert_eq!(
        (lines.header("content-type"), lines.text.lines().count()),
        ("application/x-ndjson", 1)
    );
    let exported = shell.run(&["audit", "export", "--since", "2020-01-01T00:00:00Z"]).stdout;
    assert!(
        exported
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .any(|entry| entry["event"] == json!("token.revoked"))
    );
    let paged = bridge.get("/api/v1/audit?limit=1").await.json();
    let next = paged["next"].as_str().unwrap();
    let second = bridge.get(&next.replace(&bridge.url(""), "")).await.json();
    assert_ne!(paged["items"][0]["cursor"], second["items"][0]["cursor"]);
    for wrong in ["limit=0", "since=yesterday", "actr=x", "after=1", "actor=%00"] {
        assert_eq!(bridge.get(&format!("/api/v1/audit?{wrong}")).await.status, 400, "{wrong}");
    }
    let (no_admin, _) = client(&bridge.app, "scim.read", &["default"]).await;
    assert!(!no_admin.is_empty());
    let reader = token(&bridge.app, &[Scope::ImportRead]);
    let refused =
        Bridge::send(bridge.request(Method::GET, "/api/v1/audit").bearer_auth(reader)).await;
    assert_eq!(refused.status, 403);

    let (ledger, now) = (&bridge.app.service().ledger, bridge.app.service().clock.now());
    assert!(ledger.prune_audit(now).await.unwrap() >= 7);
    bridge.stop().await;
}
