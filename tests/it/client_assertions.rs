//! OAuth clients that authenticate by signed JWTs (RFC 7523, `private_key_jwt`).

use std::time::Duration;

use intercom_scim_bridge::access::{
    AssertionRefusal, ClientAssertions, ClientKeys, client_id, client_secret,
};
use intercom_scim_bridge::app::App;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::stores::OAuthClient;
use jsonwebtoken::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Options, Simulator};
use time::OffsetDateTime;

use crate::on_both_databases;
use crate::support::bridge::{Answer, Bridge, config, dozen, http};
use crate::support::database::TestDatabase;
use crate::support::hand::START;
use crate::support::issuer::{IssuerServer, Pair};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ISSUER: &str = "https://bridge.example";

fn key_client(stored: String, now: OffsetDateTime) -> OAuthClient {
    OAuthClient {
        id: client_id("keys").unwrap(),
        name: "Keys".to_owned(),
        secret_hash: stored,
        previous: None,
        scope: "scim.read".to_owned(),
        workspaces: vec!["default".to_owned()],
        created_at: now,
        rotated_at: None,
        disabled_at: None,
    }
}

/// Registers a client with these keys, and returns its id.
async fn register(app: &App, keys: &[Value]) -> String {
    let stored = ClientKeys::stored_set(&json!({"keys": keys}).to_string()).unwrap();
    let client = key_client(stored, app.service().clock.now());
    app.service().stores.access.add_client(&client, Vec::new()).await.unwrap();
    client.id
}

fn claims(client: &str, audience: &str, now: OffsetDateTime, jti: &str) -> Value {
    let now = now.unix_timestamp();
    json!({"iss": client, "sub": client, "aud": audience, "iat": now, "exp": now + 300, "jti": jti})
}

/// Requests a token at a URL with an assertion.
async fn ask(url: &str, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_assertion_type", TYPE),
        ("client_assertion", assertion),
    ];
    form.extend(more);
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = http().post(url).header("Content-Type", "application/x-www-form-urlencoded");
    Bridge::send(request.body(body)).await
}

fn refusal(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), text("error"), text("error_description"))
}

#[tokio::test]
async fn a_client_gets_a_token_by_a_jwt_of_each_algorithm_and_uses_it() {
    let bridge = Bridge::serving(dozen()).await;
    let pairs = [Pair::rsa("r"), Pair::rsa_pss("p"), Pair::ec("e"), Pair::ed("d")];
    let client = register(&bridge.app, &pairs.iter().map(Pair::jwk).collect::<Vec<_>>()).await;
    let url = bridge.url("/oauth/token");
    let now = OffsetDateTime::now_utc();
    for (number, pair) in pairs.iter().enumerate() {
        let audiences = [json!(bridge.url("")), json!(url), json!([bridge.url(""), url])];
        for (index, audience) in audiences.into_iter().enumerate() {
            let mut claims = claims(&client, "", now, &format!("{number} {index}"));
            claims["aud"] = audience;
            let answer = ask(&url, &pair.sign(&claims), &[]).await;
            assert_eq!(answer.status, 200, "{:?} {}", pair.algorithm, answer.text);
            assert_eq!(answer.json()["scope"], "scim.read");
            let token = answer.json()["access_token"].as_str().unwrap().to_owned();
            let users = bridge.request(Method::GET, "/scim/v2/Users?count=0").bearer_auth(token);
            assert_eq!(Bridge::send(users).await.status, 200);
        }
        for typ in ["JWT", "client-authentication+jwt", "application/client-authentication+jwt"] {
            // A key without a `kid` in the header is found by its algorithm.
            let header = json!({"alg": pair.algorithm, "typ": typ}).to_string();
            let claims = claims(&client, &url, now, &format!("{number} {typ}"));
            let assertion = pair.forge(&header, &claims.to_string());
            let named = [("client_id", client.as_str()), ("scope", "scim.read")];
            let answer = ask(&url, &assertion, &named).await;
            assert_eq!(answer.status, 200, "{typ} {}", answer.text);
        }
    }
    bridge.stop().await;
}

#[tokio::test]
async fn a_forged_assertion_is_refused_without_a_reason() {
    let bridge = Bridge::serving(dozen()).await;
    let (rsa, ed, stranger) = (Pair::rsa("r"), Pair::ed("d"), Pair::rsa("r"));
    let client = register(&bridge.app, &[rsa.jwk(), ed.jwk()]).await;
    register(&bridge.app, &[stranger.jwk()]).await;
    let url = bridge.url("/oauth/token");
    let now = OffsetDateTime::now_utc();
    let good = || claims(&client, &url, now, "once");
    let mut without_sub = good();
    without_sub.as_object_mut().unwrap().remove("sub");
    let public = rsa.jwk()["n"].as_str().unwrap().to_owned();
    let hmac = jsonwebtoken::encode(
        &jsonwebtoken::Header::new(Algorithm::HS256),
        &good(),
        &jsonwebtoken::EncodingKey::from_secret(public.as_bytes()),
    )
    .unwrap();
    let unsigned = {
        let signed = ed.forge(r#"{"alg":"none"}"#, &good().to_string());
        format!("{}.", signed.rsplit_once('.').unwrap().0)
    };
    let altered = {
        let other = ed.sign(&claims(&client, &url, now, "other"));
        let signed = ed.sign(&good());
        format!("{}.{}", other.rsplit_once('.').unwrap().0, signed.rsplit_once('.').unwrap().1)
    };
    let access = ed.forge(r#"{"alg":"EdDSA","typ":"at+jwt"}"#, &good().to_string());
    let critical = ed.forge(r#"{"alg":"EdDSA","crit":["x"],"x":1}"#, &good().to_string());
    let confused = ed.forge(r#"{"alg":"RS256","kid":"d"}"#, &good().to_string());
    let twice =
        ed.forge(r#"{"alg":"EdDSA"}"#, &good().to_string().replacen('{', "{\"jti\":\"x\",", 1));
    let generic = "the client is unknown or disabled, or its secret or signature is wrong";
    for (what, assertion) in [
        ("no JWT", "x.y.z".to_owned()),
        ("the key of a stranger", stranger.sign(&good())),
        ("another client's key", stranger.sign(&claims(&client, &url, now, "once"))),
        ("HMAC with the public key", hmac),
        ("no signature", unsigned),
        ("the signature of other claims", altered),
        ("the type of an access token", access),
        ("a critical extension", critical),
        ("another algorithm", confused),
        ("a claim twice", twice),
        ("an unknown client", ed.sign(&claims("cli_nobody", &url, now, "once"))),
        ("a client with a NUL", ed.sign(&claims("a\0b", &url, now, "once"))),
        ("no sub", ed.sign(&without_sub)),
    ] {
        let refused = refusal(&ask(&url, &assertion, &[]).await);
        assert_eq!(refused, (401, "invalid_client".to_owned(), generic.to_owned()), "{what}");
    }
    bridge.stop().await;
}

#[tokio::test]
async fn the_signer_of_an_unfit_assertion_learns_why_it_is_refused() {
    let bridge = Bridge::serving(dozen()).await;
    let pair = Pair::ed("d");
    let client = register(&bridge.app, &[pair.jwk()]).await;
    let url = bridge.url("/oauth/token");
    let now = OffsetDateTime::now_utc();
    let seconds = now.unix_timestamp();
    let with = |name: &str, value: Value| {
        let mut claims = claims(&client, &url, now, "once");
        claims[name] = value;
        pair.sign(&claims)
    };
    let without = |name: &str| {
        let mut claims = claims(&client, &url, now, "once");
        claims.as_object_mut().unwrap().remove(name);
        pair.sign(&claims)
    };
    for (what, assertion, why) in [
        ("another iss", with("iss", json!("else")), "iss and sub"),
        ("no iss", without("iss"), "iss and sub"),
        ("another aud", with("aud", json!("https://else.example")), "aud of"),
        ("one more aud", with("aud", json!([url, "https://else.example"])), "aud of"),
        ("no aud", without("aud"), "aud of"),
        ("an empty aud", with("aud", json!([])), "aud of"),
        ("no exp", without("exp"), "exp of the assertion is missing"),
        ("exp as text", with("exp", json!("9")), "exp of the assertion is missing"),
        ("expired", with("exp", json!(seconds - 3_600)), "has expired"),
        ("exp far ahead", with("exp", json!(seconds + 86_400)), "more than one hour"),
        ("exp beyond all clocks", with("exp", json!(i64::MAX)), "more than one hour"),
        ("nbf ahead", with("nbf", json!(seconds + 1_800)), "not valid yet"),
        ("iat ahead", with("iat", json!(seconds + 1_800)), "not valid yet"),
        ("no jti", without("jti"), "jti of"),
        ("a number as jti", with("jti", json!(1)), "jti of"),
        ("a long jti", with("jti", json!("x".repeat(257))), "jti of"),
    ] {
        let (status, error, description) = refusal(&ask(&url, &assertion, &[]).await);
        assert_eq!((status, error.as_str()), (401, "invalid_client"), "{what}: {description}");
        assert!(description.contains(why), "{what}: {description}");
    }
    bridge.stop().await;
}

#[tokio::test]
async fn an_assertion_beside_other_credentials_or_of_another_type_is_refused_and_not_used_up() {
    let bridge = Bridge::serving(dozen()).await;
    let pair = Pair::ed("d");
    let client = register(&bridge.app, &[pair.jwk()]).await;
    let other = register(&bridge.app, &[Pair::rsa("r").jwk()]).await;
    let url = bridge.url("/oauth/token");
    let fine = pair.sign(&claims(&client, &url, OffsetDateTime::now_utc(), "once"));
    for (what, more) in [
        ("a secret too", vec![("client_secret", "x")]),
        ("another client_id", vec![("client_id", other.as_str())]),
    ] {
        let (status, error, description) = refusal(&ask(&url, &fine, &more).await);
        assert_eq!((status, error.as_str()), (400, "invalid_request"), "{what}: {description}");
    }
    let other_type = format!("grant_type=client_credentials&client_assertion={fine}");
    for kind in
        ["", "&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:saml2-bearer"]
    {
        let request = http().post(&url).header("Content-Type", "application/x-www-form-urlencoded");
        let answer = Bridge::send(request.body(format!("{other_type}{kind}"))).await;
        assert_eq!(refusal(&answer).1, "invalid_request", "{kind}");
    }
    assert_eq!(ask(&url, &fine, &[]).await.status, 200, "no refusal used its jti");
    bridge.stop().await;
}

on_both_databases!(
    an_assertion_is_accepted_once_whatever_bridge_gets_it,
    a_used_assertion_is_remembered_until_it_is_forgotten_on_purpose,
);

async fn an_assertion_is_accepted_once_whatever_bridge_gets_it(database: TestDatabase) {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let mut settings = config(&database, &simulator.base_url());
    settings.server.public_url = Some(ISSUER.parse().unwrap());
    let here = App::start(&settings, Clock::System).await.unwrap();
    let there = App::start(&settings, Clock::System).await.unwrap();
    let pair = Pair::ed("d");
    let client = register(&here, &[pair.jwk()]).await;
    let second = register(&here, &[pair.jwk()]).await;
    let url = |app: &App| format!("http://{}/oauth/token", app.address());
    let now = OffsetDateTime::now_utc();
    let assertion = pair.sign(&claims(&client, ISSUER, now, "one"));
    assert_eq!(ask(&url(&here), &assertion, &[]).await.status, 200);
    for app in [&here, &there] {
        let (status, error, why) = refusal(&ask(&url(app), &assertion, &[]).await);
        assert_eq!((status, error.as_str()), (401, "invalid_client"));
        assert!(why.contains("jti of the assertion was used before"), "{why}");
    }
    // Another `jti`, and the same `jti` of another client.
    let fresh = pair.sign(&claims(&client, ISSUER, now, "two"));
    assert_eq!(ask(&url(&there), &fresh, &[]).await.status, 200);
    let others = pair.sign(&claims(&second, ISSUER, now, "one"));
    assert_eq!(ask(&url(&there), &others, &[]).await.status, 200);
    // Many at once: one of them wins.
    let raced = pair.sign(&claims(&client, ISSUER, now, "three"));
    let asked = (0..8).map(|number| {
        let url = url(if number % 2 == 0 { &here } else { &there });
        let raced = &raced;
        async move { ask(&url, raced, &[]).await.status.as_u16() }
    });
    let statuses = futures_util::future::join_all(asked).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    here.stop().await;
    there.stop().await;
    simulator.stop().await;
}

#[tokio::test]
async fn keys_replace_a_secret_and_end_its_tokens() {
    let bridge = Bridge::serving(dozen()).await;
    let (id, secret) = crate::support::bridge::client(&bridge.app, "scim.read", &["default"]).await;
    let url = bridge.url("/oauth/token");
    let by_secret = async || {
        let request = bridge.request(Method::POST, "/oauth/token").basic_auth(&id, Some(&secret));
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        Bridge::send(request.body("grant_type=client_credentials")).await
    };
    let users = async |token: &Answer| {
        let token = token.json()["access_token"].as_str().unwrap().to_owned();
        let request = bridge.request(Method::GET, "/scim/v2/Users?count=0").bearer_auth(token);
        Bridge::send(request).await.status.as_u16()
    };
    let service = bridge.app.service();
    let rotate = async |stored: &str, overlap: Duration| {
        let known = service.stores.access.client(&id).await.unwrap().unwrap();
        let now = service.clock.now();
        let rotated = service
            .stores
            .access
            .rotate_client(&known, stored, now + overlap, Vec::new(), now)
            .await;
        rotated.unwrap();
        service.tokens.refresh(&service.stores.access).await.unwrap();
    };
    let old = by_secret().await;
    let (pair, next) = (Pair::ec("e"), Pair::ed("d"));
    let stored = |pair: &Pair| ClientKeys::stored_set(&pair.jwk().to_string()).unwrap();
    let by_key = async |pair: &Pair, jti: &str| {
        ask(&url, &pair.sign(&claims(&id, &url, OffsetDateTime::now_utc(), jti)), &[]).await
    };

    rotate(&stored(&pair), Duration::from_hours(1)).await;
    assert_eq!(users(&old).await, 200);
    let during = by_secret().await;
    assert_eq!(during.status, 200, "both are valid for a while");
    let first = by_key(&pair, "1").await;
    assert_eq!((users(&during).await, users(&first).await), (200, 200));

    rotate(&stored(&next), Duration::ZERO).await;
    assert_eq!(by_secret().await.status, 401);
    assert_eq!(by_key(&pair, "2").await.status, 401);
    let second = by_key(&next, "3").await;
    let seen = [users(&old).await, users(&first).await, users(&second).await];
    assert_eq!(seen, [401, 401, 200]);

    // Back to a secret: the key is refused.
    let (_, hash) = client_secret().unwrap();
    rotate(&hash, Duration::ZERO).await;
    assert_eq!(by_key(&next, "4").await.status, 401);
    assert!(
        service.stores.access.disable_client(&id, Vec::new(), service.clock.now()).await.unwrap()
    );
    assert_eq!(by_key(&next, "5").await.status, 401);
    bridge.stop().await;
}

#[tokio::test]
async fn keys_at_a_url_are_read_again_when_they_change_and_survive_an_outage() {
    let (old, new) = (Pair::rsa("old"), Pair::ec("new"));
    let published = IssuerServer::start(vec![old.jwk()]);
    let clock = Clock::manual(START);
    let assertions = ClientAssertions::new(ISSUER, clock.clone()).unwrap();
    let client = key_client(ClientKeys::stored_url(&published.url).unwrap(), START);
    let number = std::cell::Cell::new(0);
    let verify = async |pair: &Pair| {
        number.set(number.get() + 1);
        let claims = claims(&client.id, ISSUER, clock.now(), &number.get().to_string());
        assertions.verify(&pair.sign(&claims), &client).await
    };
    assert!(verify(&old).await.is_ok() && verify(&old).await.is_ok());
    assert_eq!(published.asked(), 1, "the keys are kept");
    published.publish(vec![new.jwk()]);
    assert_eq!(verify(&new).await, Err(AssertionRefusal::Unverified), "read a moment ago");
    clock.advance(Duration::from_secs(31));
    assert!(verify(&new).await.is_ok());
    assert_eq!(verify(&old).await, Err(AssertionRefusal::Unverified), "withdrawn");
    published.published.lock().unwrap().down = true;
    clock.advance(Duration::from_hours(2));
    assert!(verify(&new).await.is_ok(), "known keys stay valid for a while");
    clock.advance(Duration::from_hours(24));
    assert_eq!(verify(&new).await, Err(AssertionRefusal::KeysUnavailable));
    published.stop().await;
}

async fn a_used_assertion_is_remembered_until_it_is_forgotten_on_purpose(database: TestDatabase) {
    let store = database.stores().await.access;
    let expires = START + Duration::from_mins(5);
    assert!(store.use_assertion("cli", "first", expires).await.unwrap());
    // Whatever the time is when others are used.
    assert!(store.use_assertion("cli", "later", expires + Duration::from_hours(9)).await.unwrap());
    assert!(!store.use_assertion("cli", "first", expires).await.unwrap());
    store.forget_old_assertions(expires).await.unwrap();
    assert!(!store.use_assertion("cli", "first", expires).await.unwrap());
    store.forget_old_assertions(expires + Duration::from_secs(2)).await.unwrap();
    assert!(store.use_assertion("cli", "first", expires).await.unwrap());
    assert!(!store.use_assertion("cli", "later", expires).await.unwrap());
}
