//! Clients, tokens, the audit trail and decisions about accounts in the console.

use std::time::Duration;

use intercom_scim_bridge::console::ConsoleRole;
use intercom_scim_bridge::stores::{IssuedToken, OAuthClient};
use reqwest::Method;
use serde_json::json;

use super::{act, link_for, log_in, page, session, signed_in_as};
use crate::audit::entries;
use crate::roster;
use crate::support::bridge::{Bridge, dozen};

async fn client(bridge: &Bridge, id: &str, workspaces: &[&str]) {
    let client = OAuthClient {
        id: id.to_owned(),
        name: format!("Name of {id}"),
        secret_hash: "a hash that nobody may see".to_owned(),
        previous: None,
        scope: "scim.read".to_owned(),
        workspaces: workspaces.iter().map(|name| (*name).to_owned()).collect(),
        created_at: bridge.app.service().clock.now(),
        rotated_at: None,
        disabled_at: None,
    };
    bridge.app.service().stores.access.add_client(&client, Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_disabled_and_tokens_revoked_without_showing_a_secret() {
    let bridge = Bridge::serving(dozen()).await;
    client(&bridge, "here", &["default"]).await;
    client(&bridge, "elsewhere", &["emea"]).await;
    client(&bridge, "both", &["default", "emea"]).await;
    let service = bridge.app.service();
    let now = service.clock.now();
    let token = IssuedToken {
        id: "tok_one".to_owned(),
        key_id: "key".to_owned(),
        subject: "leaving system".to_owned(),
        scope: "scim.read".to_owned(),
        workspaces: vec!["default".to_owned()],
        issued_at: now,
        expires_at: now + Duration::from_hours(1),
        revoked_at: None,
    };
    service.stores.access.add_token(&token, Vec::new()).await.unwrap();
    let cookie = signed_in_as(&bridge, "Ada Admin", ConsoleRole::Admin).await;
    let reviewer = signed_in_as(&bridge, "Rita Reviewer", ConsoleRole::Reviewer).await;
    assert_eq!(page(&bridge, "/clients", &reviewer).await.status, 403);

    let shown = page(&bridge, "/clients", &cookie).await.text;
    assert!(shown.contains("Name of here") && shown.contains("leaving system"), "{shown}");
    assert!(!shown.contains("elsewhere") && !shown.contains("a hash that nobody"), "{shown}");
    assert!(shown.contains("workspaces that you cannot see"), "{shown}");

    assert_eq!(act(&bridge, &cookie, "/clients/disable", "client=here").await.status, 400);
    for (id, status) in [("elsewhere", 404), ("both", 403), ("nothing", 404), ("", 404)] {
        let refused = act(&bridge, &cookie, "/clients/disable", format!("client={id}&sure=yes"));
        assert_eq!(refused.await.status, status, "{id}");
    }
    for notice in ["client_disabled", "already_invalid"] {
        let done = act(&bridge, &cookie, "/clients/disable", "client=here&sure=yes").await;
        assert!(done.header("location").ends_with(notice), "{}", done.header("location"));
    }
    let done = act(&bridge, &cookie, "/clients/revoke", "token=tok_one&sure=yes").await;
    assert_eq!(done.status, 303, "{}", done.text);
    let access = &service.stores.access;
    let revocations = access.revocations().await.unwrap();
    assert!(revocations.clients.contains("here") && !revocations.clients.contains("both"));
    assert!(revocations.tokens.contains("tok_one"));
    for event in ["client.disabled", "token.revoked"] {
        let recorded = entries(&bridge, &format!("&event={event}"), |_| true).await;
        assert_eq!((recorded.len(), &recorded[0]["actor"]), (1, &json!("Ada Admin")), "{event}");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_is_filtered_paged_and_exported_for_reviewers() {
    let bridge = Bridge::serving(dozen()).await;
    let cookie = signed_in_as(&bridge, "Rita <Reviewer>", ConsoleRole::Reviewer).await;
    let viewer = signed_in_as(&bridge, "Vera Viewer", ConsoleRole::Viewer).await;
    for path in ["/audit", "/audit/export"] {
        assert_eq!(page(&bridge, path, &viewer).await.status, 403, "{path}");
    }
    for _ in 0..3 {
        let done = act(&bridge, &cookie, "/imports/start", "mode=full").await;
        assert_eq!(done.status, 303);
    }
    let all = page(&bridge, "/audit", &cookie).await.text;
    assert!(all.contains("import.started") && all.contains("page.session_begun"), "{all}");
    assert!(all.contains("Rita &lt;Reviewer&gt;") && !all.contains("<Reviewer>"), "{all}");
    let one = page(&bridge, "/audit?event=page.session_begun&actor=Vera%20Viewer", &cookie).await;
    assert!(
        one.text.contains("Vera Viewer") && !one.text.contains("import.started"),
        "{}",
        one.text
    );
    let none = page(&bridge, "/audit?until=2001-01-01", &cookie).await.text;
    assert!(none.contains("No entries match"), "{none}");
    for odd in ["/audit?since=x&until=%00&before=x", "/audit/export?format=x&since=9999-99-99"] {
        assert_eq!(page_or_file(&bridge, odd, &cookie).await.0, 200, "{odd}");
    }
    let (_, csv) = page_or_file(&bridge, "/audit/export?event=import.started", &cookie).await;
    assert_eq!(csv.lines().count(), 4, "{csv}");
    let (_, text) =
        page_or_file(&bridge, "/audit/export?event=import.started&format=json", &cookie).await;
    let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(rows["items"].as_array().unwrap().len(), 3);
    assert_eq!(rows["items"][0]["actor"], "Rita <Reviewer>");

    // A person of another workspace sees nothing of this one.
    let link = link_for(&bridge, "Eve", ConsoleRole::Admin, &["emea"]).await;
    let other = session(&log_in(&bridge, &link, "same-origin").await);
    let nothing = page(&bridge, "/audit?workspace=default", &other).await.text;
    assert!(!nothing.contains("import.started"), "{nothing}");
    bridge.stop().await;
}

async fn page_or_file(bridge: &Bridge, path: &str, cookie: &str) -> (u16, String) {
    let answer = Bridge::send(bridge.request(Method::GET, path).header("Cookie", cookie)).await;
    (answer.status.as_u16(), answer.text)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_matched_or_marked_as_a_service_and_the_decision_is_undone() {
    let bridge = roster::api::bridge().await;
    let cookie = signed_in_as(&bridge, "Rita Reviewer", ConsoleRole::Reviewer).await;
    let accounts = bridge.get("/api/v1/accounts").await.json();
    let id =
        accounts["items"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
    let person = format!("/people/{id}");
    let without = page(&bridge, &person, &cookie).await.text;
    assert!(!without.contains("Whose account this is"), "no roster: {without}");
    let rows = roster::api::roster(&bridge).await;
    assert_eq!(roster::api::put(&bridge, "", rows).await.status, 200);
    let shown = page(&bridge, &person, &cookie).await.text;
    assert!(shown.contains("Decide whose account this is"), "{shown}");

    let decide = |fields: String| {
        let (bridge, cookie, id) = (&bridge, &cookie, &id);
        async move { act(bridge, cookie, "/identities/decide", format!("account={id}&{fields}")).await }
    };
    for wrong in [
        "choice=is&why=x",
        "choice=is&person=Nobody&why=x",
        "choice=service&why=x&until=2027-01-01",
        "choice=service&person=0002&until=2027-01-01",
        "choice=external&why=x&until=yesterday",
        "choice=bot&person=0002&why=x",
    ] {
        let refused = decide(wrong.to_owned()).await;
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.text);
        assert!(refused.text.contains("Nothing was changed"), "{}", refused.text);
    }
    let soon = (bridge.app.service().clock.now() + time::Duration::days(90)).date();
    let service =
        decide(format!("choice=service&person=0002&why=Sends+reports&until={soon}")).await;
    assert_eq!(service.status, 303, "{}", service.text);
    let shown = page(&bridge, service.header("location"), &cookie).await.text;
    for text in ["The decision was recorded", "is responsible", "Sends reports", "Rita Reviewer"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    let stored = bridge.get("/api/v1/roster/decisions").await.json();
    let decision = &stored["items"][0];
    assert_eq!((&decision["class"], &decision["by"]), (&json!("service"), &json!("Rita Reviewer")));
    let undo = format!("account={id}&decision={}", decision["id"]);
    assert_eq!(act(&bridge, &cookie, "/identities/undo", undo.as_str()).await.status, 303);
    assert_eq!(act(&bridge, &cookie, "/identities/undo", undo.as_str()).await.status, 400, "once");
    let matched = decide("choice=is&person=0002&why=Her+second+account".to_owned()).await;
    assert_eq!(matched.status, 303, "{}", matched.text);
    for event in ["roster.decided", "roster.revoked"] {
        let recorded = entries(&bridge, &format!("&event={event}"), |_| true).await;
        assert!(recorded.iter().all(|entry| entry["actor"] == "Rita Reviewer"), "{event}");
        assert!(!recorded.is_empty(), "{event}");
    }
    bridge.stop().await;
}
