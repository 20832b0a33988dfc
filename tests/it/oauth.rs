//! OAuth 2.0: tokens for clients.

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::app::App;
use intercom_scim_bridge::clock::Clock;
use reqwest::{Method, RequestBuilder, StatusCode};
use sea_orm::ConnectionTrait;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use simulator::{Options, Simulator};

use crate::on_both_databases;
use crate::support::bridge::{Answer, Bridge, client, config, dozen, http};
use crate::support::database::TestDatabase;
use crate::support::secrets;
use crate::support::waiting::eventually;

const GRANT: &str = "grant_type=client_credentials";

fn form(request: RequestBuilder, body: impl Into<String>) -> RequestBuilder {
    request.header("Content-Type", "application/x-www-form-urlencoded").body(body.into())
}

async fn ask(bridge: &Bridge, id: &str, secret: &str, more: &str) -> Answer {
    let request = bridge.request(Method::POST, "/oauth/token").basic_auth(id, Some(secret));
    Bridge::send(form(request, format!("{GRANT}{more}"))).await
}

fn token_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    secrets::keep(answer.json()["access_token"].as_str().unwrap())
}

#[tokio::test]
async fn a_client_gets_a_token_both_ways_and_uses_it() {
    let bridge = Bridge::serving(dozen()).await;
    let (id, secret) = client(&bridge.app, "scim.read import.read", &["default"]).await;
    let by_header = ask(&bridge, &id, &secret, "").await;
    let body = format!("{GRANT}&client_id={id}&client_secret={secret}&scope=scim.read");
    let in_body = Bridge::send(form(bridge.request(Method::POST, "/oauth/token"), body)).await;
    for (answer, scope) in [(&by_header, "scim.read import.read"), (&in_body, "scim.read")] {
        assert_eq!(
            (answer.header("cache-control"), answer.header("pragma")),
            ("no-store", "no-cache")
        );
        let mut body = answer.json();
        body["access_token"] = json!("…");
        let expected = json!({"access_token": "…", "token_type": "Bearer", "expires_in": 3600, "scope": scope});
        assert_eq!(body, expected);
        let token = token_of(answer);
        for (path, status) in [
            ("/scim/v2/Users", 200),
            ("/api/v1/status", if scope == "scim.read" { 403 } else { 200 }),
        ] {
            let answer = Bridge::send(bridge.request(Method::GET, path).bearer_auth(&token)).await;
            assert_eq!(answer.status, status, "{path} with {scope}");
        }
    }
    let principal = bridge.app.service().tokens.verify(token_of(&by_header)).await.unwrap();
    assert_eq!(
        (&*principal.subject, principal.client.as_deref()),
        (id.as_str(), Some(id.as_str()))
    );
    bridge.stop().await;
}

#[tokio::test]
async fn other_schemes_beside_a_secret_in_the_body_and_resources_are_no_matter() {
    let bridge = Bridge::serving(dozen()).await;
    let (id, secret) = client(&bridge.app, "scim.read", &["default"]).await;
    let body = format!("{GRANT}&client_id={id}&client_secret={secret}");
    let post = || bridge.request(Method::POST, "/oauth/token");
    for authorization in
        ["Bearer abc", "bearer", "Negotiate YIIZ", "Digest username=\"a\"", "DPoP x"]
    {
        let request = post().header("Authorization", authorization);
        token_of(&Bridge::send(form(request, body.clone())).await);
    }
    let resources =
        format!("&resource={}&resource={}", bridge.url("/scim/v2"), bridge.url("/api/v1"));
    token_of(&ask(&bridge, &id, &secret, &resources).await);
    token_of(&ask(&bridge, &id, &secret, "&audience=x&resource=urn:example:bridge").await);
    for wrong in ["resource=%2Fscim", "resource=https://b.example&resource=https://b.example%23x"] {
        let refused = ask(&bridge, &id, &secret, &format!("&{wrong}")).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["error"]),
            (400, &json!("invalid_target")),
            "{wrong}"
        );
    }
    bridge.stop().await;
}

/// Asserts that a token request is refused with this status and error code, in the form of RFC
/// 6749 §5.2.
async fn assert_refused(what: &str, request: RequestBuilder, status: u16, error: &str) {
    let answer = Bridge::send(request).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (status, &json!(error)),
        "{what}"
    );
    let description = answer.json()["error_description"].as_str().unwrap().to_owned();
    let allowed = |letter: char| matches!(letter, ' '..='!' | '#'..='[' | ']'..='~');
    assert!(description.chars().all(allowed), "RFC 6749 §5.2: {description}");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("www-authenticate").starts_with("Basic "), status == 401, "{what}");
}

#[tokio::test]
async fn invalid_token_requests_are_refused_with_the_code_of_the_rfc() {
    let bridge = Bridge::serving(dozen()).await;
    let (id, secret) = client(&bridge.app, "scim.read", &["default"]).await;
    let wrong = format!("iscs_{}", "A".repeat(43));
    let post = || bridge.request(Method::POST, "/oauth/token");
    let basic = || post().basic_auth(&id, Some(&secret));
    let all = format!("{GRANT}&client_id={id}&client_secret={secret}");
    let json = post()
        .header("Content-Type", "application/json")
        .body(r#"{"grant_type":"client_credentials"}"#);
    let password = form(basic(), "grant_type=password&username=a");
    let excess = form(basic(), format!("{GRANT}&scope=scim.read+admin"));
    for (what, request, error) in [
        ("no grant", form(basic(), ""), "invalid_request"),
        ("another grant", password, "unsupported_grant_type"),
        ("a parameter twice", form(post(), format!("{all}&{GRANT}")), "invalid_request"),
        ("both ways at once", form(basic(), all.clone()), "invalid_request"),
        ("JSON", json, "invalid_request"),
        ("more scopes than the client has", excess, "invalid_scope"),
        (
            "an unknown parameter twice",
            form(basic(), format!("{GRANT}&a=1&a=2")),
            "invalid_request",
        ),
        ("two headers", form(basic().basic_auth(&id, Some(&wrong)), GRANT), "invalid_request"),
    ] {
        assert_refused(what, request, 400, error).await;
    }
    let too_large = Bridge::send(form(post(), "x".repeat(9_000))).await;
    assert_eq!(too_large.status, 413);
    let get = Bridge::send(bridge.request(Method::GET, "/oauth/token")).await;
    assert_eq!((get.status.as_u16(), get.header("allow")), (405, "OPTIONS, POST"));
    bridge.stop().await;
}

#[tokio::test]
async fn a_token_request_without_valid_client_credentials_is_refused_with_401() {
    let bridge = Bridge::serving(dozen()).await;
    let (id, secret) = client(&bridge.app, "scim.read", &["default"]).await;
    let wrong = format!("iscs_{}", "A".repeat(43));
    let post = || bridge.request(Method::POST, "/oauth/token");
    for (what, request) in [
        ("no client", post()),
        ("a wrong secret", post().basic_auth(&id, Some(&wrong))),
        ("a text that cannot be a secret", post().basic_auth(&id, Some("password"))),
        ("an unknown client", post().basic_auth("nobody", Some(&secret))),
        ("a client with a NUL", post().basic_auth("a\0b", Some(&secret))),
        ("a bearer token", post().bearer_auth(&bridge.token)),
    ] {
        assert_refused(what, form(request, GRANT), 401, "invalid_client").await;
    }
    bridge.stop().await;
}

#[tokio::test]
async fn the_bridge_says_where_tokens_are_and_how_they_are_signed() {
    let bridge = Bridge::serving(dozen()).await;
    let metadata =
        Bridge::send(bridge.request(Method::GET, "/.well-known/oauth-authorization-server"))
            .await
            .json();
    let url = bridge.url("");
    assert_eq!(metadata["issuer"], json!(url));
    assert_eq!(metadata["token_endpoint"], json!(format!("{url}/oauth/token")));
    assert_eq!(metadata["grant_types_supported"], json!(["client_credentials"]));
    assert_eq!(
        metadata["token_endpoint_auth_methods_supported"],
        json!(["client_secret_basic", "client_secret_post", "private_key_jwt"])
    );
    assert_eq!(
        metadata["token_endpoint_auth_signing_alg_values_supported"],
        json!(["RS256", "PS256", "ES256", "EdDSA"])
    );
    assert_eq!(metadata["scopes_supported"], json!(Scope::ALL.map(Scope::as_str)));
    let jwks = Bridge::send(bridge.request(Method::GET, "/.well-known/jwks.json")).await;
    assert_eq!(jwks.header("content-type"), "application/jwk-set+json");
    let key = &jwks.json()["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
        (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA"), &json!("sig"))
    );
    assert_eq!(key["d"], Value::Null, "of the private part nothing is shown");
    bridge.stop().await;
}

on_both_databases!(a_disabled_client_ends_on_every_bridge, a_revoked_token_ends_on_every_bridge,);

/// Two bridges on one database.
struct TwoBridges {
    here: App,
    there: App,
    simulator: Simulator,
}

impl TwoBridges {
    async fn serving(database: &TestDatabase) -> Self {
        let simulator = Simulator::start(dozen(), Options::default()).unwrap();
        let settings = config(database, &simulator.base_url());
        let here = App::start(&settings, Clock::System).await.unwrap();
        let there = App::start(&settings, Clock::System).await.unwrap();
        here.service().workspaces["default"].live.shows(|shown| shown.generation > 0).await;
        Self { here, there, simulator }
    }

    async fn stop(self) {
        self.here.stop().await;
        self.there.stop().await;
        self.simulator.stop().await;
    }
}

async fn status(app: &App, token: &str) -> Answer {
    let url = format!("http://{}/api/v1/status", app.address());
    Bridge::send(http().get(url).bearer_auth(token)).await
}

async fn a_disabled_client_ends_on_every_bridge(database: TestDatabase) {
    let two = TwoBridges::serving(&database).await;
    let TwoBridges { here, there, .. } = &two;
    let (id, secret) = client(here, "import.read", &["default"]).await;
    let login = |app: &App| {
        let url = format!("http://{}/oauth/token", app.address());
        form(http().post(url).basic_auth(&id, Some(&secret)), GRANT)
    };
    let token = token_of(&Bridge::send(login(there)).await);
    assert_eq!(
        (status(here, &token).await.status, status(there, &token).await.status),
        (StatusCode::OK, StatusCode::OK)
    );
    let access = &here.service().stores.access;
    let now = here.service().clock.now();
    assert!(access.disable_client(&id, Vec::new(), now).await.unwrap());
    assert!(!access.disable_client(&id, Vec::new(), now).await.unwrap(), "it is disabled once");
    for app in [here, there] {
        assert_eq!(Bridge::send(login(app)).await.status, 401, "it gets no token any more");
        let ended = ended(async || status(app, &token).await).await;
        assert!(
            ended
                .header("www-authenticate")
                .ends_with("error_description=\"the access token was revoked\"")
        );
    }
    Box::pin(two.stop()).await;
}

async fn a_revoked_token_ends_on_every_bridge(database: TestDatabase) {
    let two = TwoBridges::serving(&database).await;
    let TwoBridges { here, there, .. } = &two;
    let grant = intercom_scim_bridge::access::Grant {
        subject: "test".to_owned(),
        client: None,
        scopes: vec![Scope::ImportRead],
        workspaces: vec!["default".to_owned()],
        ttl: std::time::Duration::from_hours(1),
    };
    let issued = here.service().tokens.issue(&grant).unwrap();
    let recorded = intercom_scim_bridge::stores::IssuedToken {
        id: issued.id.clone(),
        key_id: issued.key_id.clone(),
        subject: "test".to_owned(),
        scope: "import.read".to_owned(),
        workspaces: vec!["default".to_owned()],
        issued_at: issued.issued_at,
        expires_at: issued.expires_at,
        revoked_at: None,
    };
    let access = &here.service().stores.access;
    access.add_token(&recorded, Vec::new()).await.unwrap();
    assert_eq!(status(there, issued.expose()).await.status, 200);
    let now = here.service().clock.now();
    access.revoke_token(&issued.id, Vec::new(), now).await.unwrap();
    for app in [here, there] {
        ended(async || status(app, issued.expose()).await).await;
    }
    Box::pin(two.stop()).await;
}

/// Repeats a request until the response is 401.
async fn ended(ask: impl AsyncFn() -> Answer) -> Answer {
    eventually("the token is refused", async || {
        let answer = ask().await;
        if answer.status == 401 { Ok(answer) } else { Err(answer.status) }
    })
    .await
}

#[tokio::test]
async fn a_rotated_secret_stays_valid_for_the_stated_time() {
    let bridge = Bridge::serving(dozen()).await;
    let (id, old) = client(&bridge.app, "scim.read", &["default"]).await;
    let stores = &bridge.app.service().stores;
    let now = bridge.app.service().clock.now();
    let rotate = async |until| {
        let (secret, hash) = intercom_scim_bridge::access::client_secret().unwrap();
        let known = stores.access.client(&id).await.unwrap().unwrap();
        stores.access.rotate_client(&known, &hash, until, Vec::new(), now).await.unwrap();
        secrets::keep(secret.expose_secret())
    };
    let new = rotate(now + std::time::Duration::from_hours(1)).await;
    assert_eq!(
        (ask(&bridge, &id, &old, "").await.status, ask(&bridge, &id, &new, "").await.status),
        (StatusCode::OK, StatusCode::OK)
    );
    let newest = rotate(now).await;
    let statuses = [&old, &new, &newest].map(|secret| ask(&bridge, &id, secret, ""));
    let statuses = futures_util::future::join_all(statuses).await;
    assert_eq!(
        statuses.iter().map(|answer| answer.status.as_u16()).collect::<Vec<_>>(),
        [401, 401, 200]
    );
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_end_with_a_secret_that_ends_at_once() {
    let bridge = Bridge::serving(dozen()).await;
    let (id, first) = client(&bridge.app, "scim.read", &["default"]).await;
    let stores = &bridge.app.service().stores;
    let rotate = async |overlap: std::time::Duration| {
        let (secret, hash) = intercom_scim_bridge::access::client_secret().unwrap();
        let known = stores.access.client(&id).await.unwrap().unwrap();
        let now = bridge.app.service().clock.now();
        stores.access.rotate_client(&known, &hash, now + overlap, Vec::new(), now).await.unwrap();
        secrets::keep(secret.expose_secret())
    };
    let get = async |token: &str| {
        Bridge::send(bridge.request(Method::GET, "/scim/v2/Users?count=0").bearer_auth(token)).await
    };
    let day = std::time::Duration::from_hours(24);

    let by_first = token_of(&ask(&bridge, &id, &first, "").await);
    let second = rotate(day).await;
    let again = token_of(&ask(&bridge, &id, &first, "").await);
    let by_second = token_of(&ask(&bridge, &id, &second, "").await);
    // The new secret is valid at once, and tokens obtained with the previous one stay valid.
    refresh(&bridge).await;
    for token in [&by_first, &again, &by_second] {
        assert_eq!(get(token).await.status, 200);
    }

    // The secret leaked: all tokens obtained with it or with earlier secrets end, whatever the
    // clock says.
    let third = rotate(std::time::Duration::ZERO).await;
    let by_third = token_of(&ask(&bridge, &id, &third, "").await);
    for token in [&by_first, &again, &by_second] {
        let ended = ended(async || get(token).await).await;
        assert!(
            ended
                .header("www-authenticate")
                .ends_with("error_description=\"the access token was revoked\"")
        );
    }
    assert_eq!(get(&by_third).await.status, 200);

    // They stay invalid when the secret is changed once more.
    let fourth = rotate(day).await;
    let by_fourth = token_of(&ask(&bridge, &id, &fourth, "").await);
    refresh(&bridge).await;
    let statuses =
        [get(&by_first).await, get(&by_second).await, get(&by_third).await, get(&by_fourth).await];
    assert_eq!(statuses.map(|answer| answer.status.as_u16()), [401, 401, 200, 200]);

    // A token of an earlier version does not contain with which secret it was obtained. It ends,
    // too.
    let grant = intercom_scim_bridge::access::Grant {
        subject: id.clone(),
        client: Some(id.clone()),
        scopes: vec![Scope::ScimRead],
        workspaces: vec!["default".to_owned()],
        ttl: std::time::Duration::from_hours(1),
    };
    let earlier = secrets::keep(bridge.app.service().tokens.issue(&grant).unwrap().expose());
    rotate(std::time::Duration::ZERO).await;
    ended(async || get(&earlier).await).await;
    bridge.stop().await;
}

/// Makes the bridge read the changes of clients at once.
async fn refresh(bridge: &Bridge) {
    let service = bridge.app.service();
    service.tokens.refresh(&service.stores.access).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_import_does_not_delay_token_requests() {
    let bridge = Bridge::serving(dozen()).await;
    let (id, secret) = client(&bridge.app, "admin", &["default"]).await;
    let mut options = sea_orm::ConnectOptions::new(bridge.config.database.url.expose_secret());
    options.max_connections(1);
    let importer = sea_orm::Database::connect(options).await.unwrap();
    importer.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let token = token_of(&ask(&bridge, &id, &secret, "").await);
    importer.execute_unprepared("COMMIT").await.unwrap();
    // The audit trail has the token all the same.
    let path = format!("/api/v1/audit?event=token.issued&actor={id}");
    eventually("the audit trail has the token", async || {
        let request = bridge.request(Method::GET, &path).bearer_auth(&token);
        let entries = Bridge::send(request).await.json();
        let count = entries["items"].as_array().map_or(0, Vec::len);
        if count == 1 { Ok(()) } else { Err(entries) }
    })
    .await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_wrong_secrets_and_bad_tokens_keep_no_good_client_out_and_take_no_room() {
    let bridge = Bridge::serving(dozen()).await;
    let (victim, _) = client(&bridge.app, "scim.read", &["default"]).await;
    let (other, secret) = client(&bridge.app, "scim.read", &["default"]).await;
    let wrong = format!("iscs_{}", "A".repeat(43));
    let remembered = bridge.app.service().tokens.remembered();
    let flood = async {
        let mut statuses = std::collections::BTreeMap::new();
        let attempts = (0..90).map(|_| ask(&bridge, &victim, &wrong, ""));
        for answer in futures_util::future::join_all(attempts).await {
            *statuses.entry(answer.status.as_u16()).or_insert(0) += 1;
        }
        statuses
    };
    let bad_tokens = async {
        let mut refused = Vec::new();
        for number in 0..500 {
            // A valid key id with an invalid signature: the most work that an invalid token can
            // cause.
            let (rest, _) = bridge.token.rsplit_once('.').unwrap();
            let bad = format!("{rest}.{number:086}");
            let answer = Bridge::send(
                bridge.request(Method::GET, "/scim/v2/Users?count=0").bearer_auth(bad),
            )
            .await;
            refused.push(answer.status.as_u16());
        }
        assert!(
            refused.contains(&401) && refused.iter().all(|status| matches!(status, 401 | 429)),
            "{refused:?}"
        );
    };
    let good = async {
        token_of(&ask(&bridge, &other, &secret, "").await);
        for _ in 0..50 {
            assert_eq!(bridge.get("/scim/v2/Users?count=0").await.status, 200);
        }
    };
    let (statuses, (), ()) = tokio::join!(flood, bad_tokens, good);
    // How many of them are verified depends on the speed of the machine: see `access::login`.
    let refused: usize = [401, 429].iter().filter_map(|status| statuses.get(status)).sum();
    assert_eq!((refused, statuses.values().sum()), (90, 90), "{statuses:?}");
    assert_eq!(
        bridge.app.service().tokens.remembered(),
        remembered + 1,
        "the good one, and no bad one"
    );
    bridge.stop().await;
}
