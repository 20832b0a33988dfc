//! The bridge's own tokens: who may send requests.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use intercom_scim_bridge::access::{AccessError, Grant, Scope, TokenOptions, Tokens, Vault};
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::database::AuditEntry;
use intercom_scim_bridge::stores::{AccessStore, AuditQuestion};
use reqwest::Method;
use serde_json::{Value, json};

use crate::on_both_databases;
use crate::support::bridge::{Bridge, ENCRYPTION_KEY, dozen, token};
use crate::support::database::TestDatabase;
use crate::support::hand::START;

on_both_databases!(
    a_key_is_made_once_and_kept_sealed_in_the_database,
    keys_are_rotated_with_overlap_on_every_bridge
);

async fn tokens(store: &AccessStore, clock: &Clock) -> Tokens {
    sealed_with(store, clock, ENCRYPTION_KEY, None).await.unwrap()
}

async fn sealed_with(
    store: &AccessStore,
    clock: &Clock,
    key: &str,
    previous: Option<&str>,
) -> Result<Tokens, AccessError> {
    let previous = previous.map(Into::into);
    let options = TokenOptions {
        vault: Arc::new(Vault::new(&key.into(), previous.as_ref()).unwrap()),
        issuer: "https://bridge.example".to_owned(),
        trusted: Vec::new(),
        requests_per_second: 0,
        burst: 0,
    };
    Tokens::open(store, options, clock.clone()).await
}

async fn a_key_is_made_once_and_kept_sealed_in_the_database(database: TestDatabase) {
    let stores = database.stores().await;
    let clock = Clock::manual(START);
    let first = tokens(&stores.access, &clock).await;
    let second = tokens(&stores.access, &clock).await;
    let issued = first.issue(&grant()).unwrap();
    let principal = second.verify(issued.expose()).await.unwrap();
    assert_eq!((&*principal.subject, &*principal.scopes), ("saviynt", &[Scope::ScimRead][..]));
    assert!(!format!("{first:?} {issued:?}").contains(issued.expose()));
    let sealed = stores.access.signing_keys().await.unwrap().remove(0).sealed;
    // The first bytes of an Ed25519 key in PKCS #8.
    assert!(!sealed.windows(5).any(|window| window == [0x06, 0x03, 0x2b, 0x65, 0x70]));

    // The encryption key is changed. The settings name the previous one for one start.
    let other = "bm90aGVyLWtleS1vZi0zMi1ieXRlcy1mb3ItdGVzdHM=";
    let error = sealed_with(&stores.access, &clock, other, None).await.unwrap_err().to_string();
    assert!(error.contains("access.previous_encryption_key"), "{error}");
    let resealed = sealed_with(&stores.access, &clock, other, Some(ENCRYPTION_KEY)).await.unwrap();
    assert!(resealed.verify(issued.expose()).await.is_ok());
    assert!(
        sealed_with(&stores.access, &clock, other, None).await.is_ok(),
        "from now on that alone opens it"
    );
}

async fn keys_are_rotated_with_overlap_on_every_bridge(database: TestDatabase) {
    let stores = database.stores().await;
    let clock = Clock::manual(START);
    let here = tokens(&stores.access, &clock).await;
    let there = tokens(&stores.access, &clock).await;
    let long = Grant { ttl: Duration::from_hours(48), ..grant() };
    let before = there.issue(&long).unwrap();
    assert!(there.verify(before.expose()).await.is_ok());
    here.rotate(&stores.access, clock.now() + Duration::from_hours(1), rotated()).await.unwrap();
    let after = here.issue(&long).unwrap();
    assert_ne!(before.key_id, after.key_id);
    assert!(there.verify(after.expose()).await.is_err(), "it has not looked yet");
    there.refresh(&stores.access).await.unwrap();
    assert_eq!(there.issue(&long).unwrap().key_id, after.key_id);
    assert_eq!(there.jwks()["keys"].as_array().unwrap().len(), 2);
    for bridge in [&here, &there] {
        assert!(
            bridge.verify(before.expose()).await.is_ok()
                && bridge.verify(after.expose()).await.is_ok()
        );
    }
    clock.advance(Duration::from_hours(1));
    for bridge in [&here, &there] {
        assert!(
            bridge.verify(before.expose()).await.is_err(),
            "its time is over, although it was seen before"
        );
        assert!(bridge.verify(after.expose()).await.is_ok());
    }
    here.rotate(&stores.access, clock.now(), rotated()).await.unwrap();
    there.refresh(&stores.access).await.unwrap();
    for bridge in [&here, &there] {
        assert!(bridge.verify(after.expose()).await.is_err(), "without overlap a key ends at once");
        assert_eq!(bridge.jwks()["keys"].as_array().unwrap().len(), 1);
    }
    let newest = here.issue(&long).unwrap();
    assert!(there.verify(newest.expose()).await.is_ok());
    stores.access.forget_sealed(vec![AuditEntry::event("keys.reset", clock.now())]).await.unwrap();
    for bridge in [&here, &there] {
        bridge.refresh(&stores.access).await.unwrap();
        assert!(
            bridge.verify(newest.expose()).await.is_err(),
            "what was signed with a forgotten key is nothing"
        );
    }
    there.refresh(&stores.access).await.unwrap();
    assert!(
        there.verify(here.issue(&long).unwrap().expose()).await.is_ok(),
        "and both go on with a new one"
    );
    let events = stores.audit.entries(&AuditQuestion::default(), 10).await.unwrap();
    let names: Vec<&str> = events.iter().map(|entry| entry.event.as_str()).collect();
    assert_eq!(names, ["keys.rotated", "keys.rotated", "keys.reset"]);
}

fn rotated() -> AuditEntry {
    AuditEntry::event("keys.rotated", START)
}

fn grant() -> Grant {
    Grant {
        subject: "saviynt".to_owned(),
        client: None,
        scopes: vec![Scope::ScimRead],
        workspaces: vec!["default".to_owned()],
        ttl: Duration::from_mins(10),
    }
}

#[tokio::test]
async fn a_token_says_what_an_access_token_says() {
    let database = TestDatabase::sqlite();
    let tokens = tokens(&database.stores().await.access, &Clock::manual(START)).await;
    let issued = tokens.issue(&Grant { client: Some("eic-1".to_owned()), ..grant() }).unwrap();
    let parts: Vec<Value> = issued
        .expose()
        .split('.')
        .take(2)
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(parts[0], json!({"alg": "EdDSA", "typ": "at+jwt", "kid": issued.key_id}));
    let now = START.unix_timestamp();
    assert_eq!(
        parts[1],
        json!({
            "iss": "https://bridge.example", "aud": "intercom-scim-bridge", "sub": "saviynt", "client_id": "eic-1",
            "iat": now, "nbf": now, "exp": now + 600, "jti": issued.id, "scope": "scim.read", "workspaces": ["default"],
        })
    );
    // Anyone who has the public keys can verify it.
    let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_value(tokens.jwks()).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(jwks.find(&issued.key_id).unwrap()).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    validation.set_audience(&["intercom-scim-bridge"]);
    validation.validate_exp = false;
    assert!(jsonwebtoken::decode::<Value>(issued.expose(), &key, &validation).is_ok());
}

#[tokio::test]
async fn a_token_is_good_for_its_time_and_for_nobody_elses_key() {
    let database = TestDatabase::sqlite();
    let other = TestDatabase::sqlite();
    let clock = Clock::manual(START);
    let ours = tokens(&database.stores().await.access, &clock).await;
    let token = ours.issue(&grant()).unwrap();
    assert!(ours.verify(token.expose()).await.is_ok());
    let foreign = tokens(&other.stores().await.access, &clock).await;
    assert_eq!(
        foreign.verify(token.expose()).await.unwrap_err().to_string(),
        "the token is neither one of this bridge nor of an issuer that it trusts"
    );
    clock.advance(Duration::from_mins(10));
    assert_eq!(ours.verify(token.expose()).await.unwrap_err().to_string(), "the token has expired");
}

#[tokio::test]
async fn a_changed_unsigned_or_oversized_token_is_refused() {
    let database = TestDatabase::sqlite();
    let tokens = tokens(&database.stores().await.access, &Clock::manual(START)).await;
    let issued = tokens.issue(&grant()).unwrap();
    // The bridge caches the valid token. It does not mistake forged tokens with the same signature
    // for it.
    tokens.verify(issued.expose()).await.unwrap();
    let mut parts = issued.expose().split('.');
    let header = parts.next().unwrap();
    let claims = parts.next().unwrap();
    let signature = parts.next().unwrap();
    let head = |header: Value| URL_SAFE_NO_PAD.encode(header.to_string());
    let turned: String = signature.chars().rev().collect();
    for bad in [
        format!("{}.{claims}.", head(json!({"alg": "none"}))),
        format!(
            "{}.{claims}.{signature}",
            head(json!({"alg": "none", "typ": "at+jwt", "kid": issued.key_id}))
        ),
        format!(
            "{}.{claims}.{signature}",
            head(json!({"alg": "HS256", "typ": "at+jwt", "kid": issued.key_id}))
        ),
        format!(
            "{}.{claims}.{signature}",
            head(json!({"alg": "EdDSA", "typ": "JWT", "kid": issued.key_id}))
        ),
        format!("{header}.{}.{signature}", head(json!({"sub": "somebody else"}))),
        format!("{header}.{claims}.{turned}"),
        format!("{header}.{claims}"),
        String::new(),
        "x".repeat(10_000),
    ] {
        assert!(tokens.verify(&bad).await.is_err(), "{bad:.40}");
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
            (
                Some("Bearer nonsense"),
                "Bearer realm=\"intercom-scim-bridge\", error=\"invalid_token\"",
            ),
            (Some("Bearer"), "Bearer realm=\"intercom-scim-bridge\", error=\"invalid_token\""),
            (Some("Basic YTpi"), "Bearer realm=\"intercom-scim-bridge\", error=\"invalid_token\""),
        ] {
            let request = bridge.request(Method::GET, path);
            let request = authorization
                .into_iter()
                .fold(request, |request, value| request.header("Authorization", value));
            let answer = Bridge::send(request).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("www-authenticate")),
                (401, challenge),
                "{path}"
            );
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
async fn a_refusal_names_the_missing_scope() {
    let bridge = Bridge::serving(dozen()).await;
    for (method, path, held, lacking) in [
        (Method::GET, "/scim/v2/Users", Scope::ImportRead, "scim.read"),
        (Method::GET, "/api/v1/status", Scope::ScimRead, "import.read"),
        (Method::POST, "/scim/v2/Users", Scope::ScimRead, "lifecycle.write"),
        (Method::POST, "/api/v1/lifecycle/accounts", Scope::Admin, "lifecycle.write"),
        (Method::POST, "/api/v1/imports", Scope::ImportRead, "import.run"),
        (Method::GET, "/api/v1/audit", Scope::ImportRead, "admin"),
        (Method::GET, "/api/v1/workspaces", Scope::ScimRead, "import.read"),
    ] {
        let answer =
            Bridge::send(bridge.request(method, path).bearer_auth(token(&bridge.app, &[held])))
                .await;
        assert_eq!(answer.status, 403, "{path}");
        assert_eq!(
            answer.json()["detail"],
            json!(format!("the access token lacks the scope {lacking}"))
        );
        assert!(answer.header("www-authenticate").contains(&format!("scope=\"{lacking}\"")));
    }
    bridge.stop().await;
}

#[tokio::test]
async fn a_token_for_another_workspace_sees_as_little_as_if_there_were_none() {
    let bridge = Bridge::serving(dozen()).await;
    let elsewhere = Grant { workspaces: vec!["other".to_owned()], ..grant() };
    let elsewhere = bridge.app.service().tokens.issue(&elsewhere).unwrap().expose().to_owned();
    let exists =
        Bridge::send(bridge.request(Method::GET, "/scim/v2/Users").bearer_auth(&elsewhere)).await;
    let is_not = Bridge::send(
        bridge.request(Method::GET, "/workspaces/other/scim/v2/Users").bearer_auth(&elsewhere),
    )
    .await;
    assert_eq!((exists.status.as_u16(), exists.text), (404, is_not.text));
    bridge.stop().await;
}
