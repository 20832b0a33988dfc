//! Writes are refused, with what to do instead, and recorded.

use reqwest::Method;
use serde_json::json;

use crate::support::bridge::{Bridge, dozen};

#[tokio::test]
async fn scim_writes_are_refused_with_501_whatever_their_body_is() {
    let bridge = Bridge::serving(dozen()).await;
    let _ = bridge.simulator.take_calls();
    for (method, path, operation) in [
        (Method::POST, "/scim/v2/Users", "create user"),
        (Method::PUT, "/scim/v2/Users/adm_1", "update user"),
        (Method::PATCH, "/scim/v2/Users/adm_1", "update user"),
        (Method::DELETE, "/scim/v2/Users/adm_1", "delete user"),
        (Method::POST, "/scim/v2/Groups", "create group"),
        (Method::PATCH, "/scim/v2/Groups/team_1", "update group"),
        (Method::DELETE, "/workspaces/default/scim/v2/Groups/team_1", "delete group"),
    ] {
        // Some connectors send bodies that are no JSON at all.
        let request = bridge.request(method.clone(), path).bearer_auth(&bridge.token).body("{{\"Operation\":[");
        let answer = Bridge::send(request).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (501, "application/scim+json"),
            "{method} {path}"
        );
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with(&format!(
            "Intercom's API cannot {operation}, so nothing was changed. Make the change in Intercom"
        )));
    }
    assert_eq!(bridge.simulator.take_calls(), Vec::<String>::new(), "nothing is sent to Intercom");
    bridge.stop().await;
}

#[tokio::test]
async fn lifecycle_writes_are_refused_with_a_problem_that_names_operation_and_remedy() {
    let bridge = Bridge::serving(dozen()).await;
    for (method, path, operation) in [
        (Method::POST, "/api/v1/lifecycle/accounts", "create_account"),
        (Method::PUT, "/api/v1/lifecycle/accounts/adm_1", "update_account"),
        (Method::POST, "/api/v1/lifecycle/accounts/adm_1/enable", "enable_account"),
        (Method::POST, "/api/v1/lifecycle/accounts/adm_1/disable", "disable_account"),
        (Method::POST, "/api/v1/lifecycle/accounts/adm_1/password", "change_password"),
        (Method::DELETE, "/api/v1/lifecycle/accounts/adm_1", "remove_account"),
        (Method::POST, "/api/v1/lifecycle/access", "add_access"),
        (Method::DELETE, "/api/v1/lifecycle/access/team_1", "remove_access"),
        (Method::POST, "/workspaces/default/api/v1/lifecycle/access/team_1/remove", "remove_access"),
    ] {
        let answer = bridge.ask(method.clone(), path).await;
        let problem = answer.json();
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (501, "application/problem+json"),
            "{method} {path}"
        );
        assert_eq!(
            (&problem["code"], &problem["operation"]),
            (&json!("unsupported_write"), &json!(operation)),
            "{method} {path}"
        );
        assert_eq!(problem["type"], json!("urn:intercom-scim-bridge:problem:unsupported-write"));
        assert!(problem["detail"].is_string() && problem["remedy"].as_str().unwrap().contains("Settings"));
    }
    let read = bridge.get("/api/v1/lifecycle/accounts").await;
    assert_eq!((read.status.as_u16(), read.header("allow")), (405, "DELETE, OPTIONS, PATCH, POST, PUT"));
    bridge.stop().await;
}

#[tokio::test]
async fn who_asked_what_of_whom_is_recorded() {
    let bridge = Bridge::serving(dozen()).await;
    let request = bridge.request(Method::DELETE, "/scim/v2/Users/adm_7").bearer_auth(&bridge.token);
    let answer = Bridge::send(request.header("X-Request-Id", "task-42")).await;
    assert_eq!(answer.header("x-request-id"), "task-42");
    let refused = bridge.app.service().ledger.refused_writes("default", 10).await.unwrap();
    let [refused] = refused.as_slice() else { panic!("{refused:?}") };
    assert_eq!(
        (
            refused.requester.as_str(),
            refused.operation.as_str(),
            refused.target.as_deref(),
            refused.request_id.as_str()
        ),
        ("test", "delete_user", Some("adm_7"), "task-42")
    );
    bridge.stop().await;
}

#[tokio::test]
async fn nothing_is_recorded_for_those_who_may_not_ask() {
    let bridge = Bridge::serving(dozen()).await;
    assert_eq!(Bridge::send(bridge.request(Method::DELETE, "/scim/v2/Users/adm_7")).await.status, 401);
    assert!(bridge.app.service().ledger.refused_writes("default", 10).await.unwrap().is_empty());
    bridge.stop().await;
}
