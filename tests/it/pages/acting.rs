//! What changes something in the console: only a person with a session, the token of that session,
//! and a large enough role can do it, and the audit trail has the person's name. The tests go over
//! the OpenAPI description, so a new action is covered at once.

use intercom_scim_bridge::console::ConsoleRole;
use intercom_scim_bridge::http::openapi_document;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::{link_for, log_in, page, session, signed_in_as, token_of};
use crate::audit::entries;
use crate::support::bridge::{Answer, Bridge, dozen};

/// The paths of all actions. Signing in and out have tests of their own. The choice of a time zone
/// changes only a cookie.
fn actions() -> Vec<String> {
    let description: Value = serde_json::from_str(&openapi_document()).unwrap();
    let paths = description["paths"].as_object().unwrap();
    let is_action = |path: &str, item: &Value| {
        item["post"]["tags"] == serde_json::json!(["pages"])
            && !["/login", "/logout", "/time-zone"].contains(&path)
    };
    let actions = paths.iter().filter(|(path, item)| is_action(path, item));
    actions.map(|(path, _)| path.replace("{id}", "1")).collect()
}

/// Everything that an action could change, as far as the API shows it.
async fn state(bridge: &Bridge) -> Vec<String> {
    let mut state = Vec::new();
    for path in ["/api/v1/imports", "/api/v1/lifecycle/requests", "/api/v1/roster/decisions"] {
        state.push(bridge.get(path).await.text);
    }
    let service = bridge.app.service();
    state.push(format!("{:?}", service.stores.access.clients().await.unwrap()));
    state.push(format!("{:?}", service.stores.access.tokens().await.unwrap()));
    let audit = bridge.get("/api/v1/audit?limit=1000").await.json();
    let is_change = |entry: &&Value| {
        let event = entry["event"].as_str().unwrap();
        event != "request" && !event.starts_with("page.")
    };
    let events: Vec<&Value> = audit["items"].as_array().unwrap().iter().filter(is_change).collect();
    state.push(format!("{events:?}"));
    state
}

fn form(bridge: &Bridge, path: &str, workspace: &str) -> RequestBuilder {
    let request = bridge.request(Method::POST, &format!("{path}?workspace={workspace}"));
    request.header("Content-Type", "application/x-www-form-urlencoded")
}

fn refused(answer: &Answer, path: &str, why: &str) {
    assert_eq!(answer.status, 403, "{path}: {}", answer.text);
    assert!(answer.text.contains(why), "{path}: {}", answer.text);
    assert!(answer.text.contains("Nothing was changed"), "{path}: {}", answer.text);
    assert!(answer.header("content-type").starts_with("text/html"), "{path}");
    assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_needs_a_session_its_token_and_a_role_and_is_refused_otherwise() {
    let bridge = Bridge::serving(dozen()).await;
    let admin = signed_in_as(&bridge, "Ada Admin", ConsoleRole::Admin).await;
    let viewer = signed_in_as(&bridge, "Vera Viewer", ConsoleRole::Viewer).await;
    let token = token_of(&page(&bridge, "/", &admin).await);
    let viewers = token_of(&page(&bridge, "/", &viewer).await);
    assert_ne!(token, viewers, "each session has a token of its own");
    let before = state(&bridge).await;
    let actions = actions();
    assert!(actions.len() >= 4, "{actions:?}");
    for path in &actions {
        let send = |request: RequestBuilder, token: &str| {
            Bridge::send(request.body(format!("csrf={token}")))
        };
        let own = || form(&bridge, path, "default").header("Cookie", &admin);
        let answer = send(form(&bridge, path, "default"), &token).await;
        refused(&answer, path, "You are not signed in");
        refused(&Bridge::send(own()).await, path, "This form is not valid any more");
        for wrong in ["", &viewers, &token[1..], &token.to_lowercase()] {
            refused(&send(own(), wrong).await, path, "This form is not valid any more");
        }
        for site in ["cross-site", "same-site"] {
            let answer = send(own().header("Sec-Fetch-Site", site), &token).await;
            refused(&answer, path, "This request came from another site");
        }
        let answer = send(own().header("Origin", "https://evil.example"), &token).await;
        refused(&answer, path, "This request came from another site");
        let answer = send(form(&bridge, path, "emea").header("Cookie", &admin), &token).await;
        refused(&answer, path, "You cannot change this workspace");
        let small = form(&bridge, path, "default").header("Cookie", &viewer);
        refused(&send(small, &viewers).await, path, "Your role does not permit this");
        let get = bridge.request(Method::GET, &format!("{path}?workspace=default&csrf={token}"));
        let got = Bridge::send(get.header("Cookie", &admin)).await;
        assert!([404, 405].contains(&got.status.as_u16()), "{path}: {}", got.status);
    }
    assert_eq!(state(&bridge).await, before, "nothing was changed");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_an_own_page_is_accepted_with_and_without_fetch_metadata() {
    let bridge = Bridge::serving(dozen()).await;
    let cookie = signed_in_as(&bridge, "Rita Reviewer", ConsoleRole::Reviewer).await;
    let token = token_of(&page(&bridge, "/imports", &cookie).await);
    let own = bridge.app.service().origin.public_url.clone();
    for (name, value) in
        [("Sec-Fetch-Site", "same-origin"), ("Origin", own.as_str()), ("Origin", "null")]
    {
        let request = form(&bridge, "/imports/start", "default").header(name, value);
        let body = format!("csrf={token}&mode=incremental");
        let answer = Bridge::send(request.header("Cookie", &cookie).body(body)).await;
        assert_eq!(answer.status, 303, "{name}: {value}: {}", answer.text);
    }
    let started = entries(&bridge, "&event=import.started", |_| true).await;
    assert_eq!(started.len(), 3);
    for entry in &started {
        assert_eq!(entry["actor"], "Rita Reviewer");
        assert!(entry["identity"].as_str().unwrap().starts_with("console session "));
        assert_eq!(entry["workspace"], "default");
    }
    let runs = bridge.get("/api/v1/imports").await.json();
    let by = runs["items"].as_array().unwrap().iter().map(|run| run["requested_by"].as_str());
    assert!(by.flatten().any(|by| by == "Rita Reviewer"), "{runs}");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_offers_only_what_the_role_permits_and_shows_who_is_signed_in() {
    let bridge = Bridge::serving(dozen()).await;
    for (name, role, may_start) in [
        ("Vera Viewer", ConsoleRole::Viewer, false),
        ("Rita Reviewer", ConsoleRole::Reviewer, true),
        ("Ada Admin", ConsoleRole::Admin, true),
    ] {
        let link = link_for(&bridge, name, role, &["default"]).await;
        let cookie = session(&log_in(&bridge, &link, "same-origin").await);
        let imports = page(&bridge, "/imports", &cookie).await.text;
        assert_eq!(imports.contains("Start an import"), may_start, "{name}");
        assert!(imports.contains(name) && imports.contains(role.as_str()), "{imports}");
    }
    bridge.stop().await;
}
