//! Who may ask.

use std::time::Duration;

use intercom_scim_bridge::access::{Grant, Scope, Tokens};
use intercom_scim_bridge::clock::Clock;
use reqwest::Method;
use serde_json::json;

use crate::on_both_databases;
use crate::support::bridge::{Bridge, dozen, token};
use crate::support::database::TestDatabase;
use crate::support::hand::START;

on_both_databases!(a_key_is_made_once_and_kept_in_the_database);

async fn a_key_is_made_once_and_kept_in_the_database(database: TestDatabase) {
    let ledger = database.ledger().await;
    let first = Tokens::open(&ledger, Clock::manual(START)).await.unwrap();
    let second = Tokens::open(&ledger, Clock::manual(START)).await.unwrap();
    let principal = second.verify(first.issue(&grant()).unwrap()).unwrap();
    assert_eq!((principal.subject.as_str(), &*principal.scopes), ("saviynt", &[Scope::ScimRead][..]));
    assert!(!format!("{first:?}").contains("pkcs8"));
}

fn grant() -> Grant {
    Grant {
        subject: "saviynt".to_owned(),
        scopes: vec![Scope::ScimRead],
        workspaces: vec!["default".to_owned()],
        ttl: Duration::from_mins(10),
    }
}

#[tokio::test]
async fn a_token_is_good_for_its_time_and_for_nobody_elses_key() {
    let (database, other) = (TestDatabase::sqlite(), TestDatabase::sqlite());
    let clock = Clock::manual(START);
    let tokens = Tokens::open(&database.ledger().await, clock.clone()).await.unwrap();
    let token = tokens.issue(&grant()).unwrap();
    assert!(tokens.verify(&token).is_ok());
    let foreign = Tokens::open(&other.ledger().await, clock.clone()).await.unwrap();
    assert_eq!(foreign.verify(&token).unwrap_err().to_string(), "the token is not one of this bridge");
    clock.advance(Duration::from_mins(10));
    assert_eq!(tokens.verify(&token).unwrap_err().to_string(), "the token has expired");
}

#[tokio::test]
async fn a_changed_unsigned_or_oversized_token_is_refused() {
    let database = TestDatabase::sqlite();
    let tokens = Tokens::open(&database.ledger().await, Clock::manual(START)).await.unwrap();
    let token = tokens.issue(&grant()).unwrap();
    let mut parts = token.split('.');
    let (header, claims, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    // {"alg":"none"}
    let unsigned = format!("eyJhbGciOiJub25lIn0.{claims}.");
    let turned: String = signature.chars().rev().collect();
    for bad in [
        unsigned,
        format!("{header}.{claims}.{turned}"),
        format!("{header}.{claims}"),
        String::new(),
        "x".repeat(10_000),
    ] {
        assert!(tokens.verify(&bad).is_err(), "{bad:.40}");
    }
}

#[tokio::test]
async fn without_a_good_token_everything_but_discovery_and_health_is_refused() {
    let bridge = Bridge::serving(dozen()).await;
    for path in [
        "/scim/v2/Users",
        "/scim/v2/Users/adm_1",
        "/scim/v2/Groups",
        "/scim/v2/Groups/team_1",
        "/workspaces/default/scim/v2/Users",
        "/workspaces/nowhere/scim/v2/Users",
        "/api/v1/status",
    ] {
        let scim = path.contains("scim");
        for (authorization, challenge) in [
            (None, "Bearer realm=\"intercom-scim-bridge\""),
            (Some("Bearer nonsense"), "Bearer realm=\"intercom-scim-bridge\", error=\"invalid_token\""),
            (Some("Basic YTpi"), "Bearer realm=\"intercom-scim-bridge\", error=\"invalid_token\""),
        ] {
            let request = bridge.request(Method::GET, path);
            let request =
                authorization.into_iter().fold(request, |request, value| request.header("Authorization", value));
            let answer = Bridge::send(request).await;
            assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, challenge), "{path}");
            assert_eq!(answer.json()["detail"], json!("Authentication failed"));
            let kind = if scim { "application/scim+json" } else { "application/problem+json" };
            assert_eq!(answer.header("content-type"), kind, "{path}");
        }
    }
    for path in [
        "/scim/v2/ServiceProviderConfig",
        "/scim/v2/Schemas",
        "/scim/v2/ResourceTypes",
        "/healthz",
        "/readyz",
        "/openapi.json",
    ] {
        assert_eq!(Bridge::send(bridge.request(Method::GET, path)).await.status, 200, "{path}");
    }
    bridge.stop().await;
}

#[tokio::test]
async fn a_token_without_the_scope_is_told_which_one_it_lacks() {
    let bridge = Bridge::serving(dozen()).await;
    for (method, path, held, lacking) in [
        (Method::GET, "/scim/v2/Users", Scope::ImportRead, "scim.read"),
        (Method::GET, "/api/v1/status", Scope::ScimRead, "import.read"),
        (Method::POST, "/scim/v2/Users", Scope::ScimRead, "lifecycle.write"),
        (Method::POST, "/api/v1/lifecycle/accounts", Scope::Admin, "lifecycle.write"),
    ] {
        let answer = Bridge::send(bridge.request(method, path).bearer_auth(token(&bridge.app, &[held]))).await;
        assert_eq!(answer.status, 403, "{path}");
        assert_eq!(answer.json()["detail"], json!(format!("the access token lacks the scope {lacking}")));
        assert!(answer.header("www-authenticate").contains(&format!("scope=\"{lacking}\"")));
    }
    bridge.stop().await;
}

#[tokio::test]
async fn a_token_for_another_workspace_sees_as_little_as_if_there_were_none() {
    let bridge = Bridge::serving(dozen()).await;
    let elsewhere = Grant { workspaces: vec!["other".to_owned()], ..grant() };
    let elsewhere = bridge.app.service().tokens.issue(&elsewhere).unwrap();
    let exists = Bridge::send(bridge.request(Method::GET, "/scim/v2/Users").bearer_auth(&elsewhere)).await;
    let is_not =
        Bridge::send(bridge.request(Method::GET, "/workspaces/other/scim/v2/Users").bearer_auth(&elsewhere)).await;
    assert_eq!((exists.status.as_u16(), exists.text), (404, is_not.text));
    bridge.stop().await;
}
