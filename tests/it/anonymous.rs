//! Many clients behind one address, as behind a proxy that the settings do not name. Invalid
//! requests keep out no client with a valid token, secret, session or signature.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use intercom_scim_bridge::access::{
    Scope, client_id, client_secret_of, hash_of_random, random_secret,
};
use intercom_scim_bridge::console::{ConsoleRole, SignInMethod, SignedIn};
use intercom_scim_bridge::limits;
use intercom_scim_bridge::stores::OAuthClient;
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::bridge::{Answer, Bridge, client, config, dozen, token};
use crate::support::secrets;
use crate::support::shell::Shell;
use crate::support::waiting::eventually;

const GRANT: &str = "grant_type=client_credentials";

async fn log_in(bridge: &Bridge, id: &str, secret: &str) -> Answer {
    let request = bridge.request(Method::POST, "/oauth/token").basic_auth(id, Some(secret));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    Bridge::send(request.body(GRANT)).await
}

/// Adds a client whose secret is tagged with the key of the bridge, as the command makes it.
async fn tagged_client(bridge: &Bridge) -> (String, String) {
    let service = bridge.app.service();
    let id = client_id("tagged").unwrap();
    let (secret, secret_hash) = client_secret_of(&id, service.tokens.vault()).unwrap();
    let client = OAuthClient {
        id: id.clone(),
        name: "Tagged".to_owned(),
        secret_hash,
        previous: None,
        scope: "scim.read".to_owned(),
        workspaces: vec!["default".to_owned()],
        created_at: service.clock.now(),
        rotated_at: None,
        disabled_at: None,
    };
    service.stores.access.add_client(&client, Vec::new()).await.unwrap();
    let secret = secrets::keep_client(&id, secret.expose_secret());
    (id, secret)
}

fn counted(answers: impl IntoIterator<Item = Answer>) -> BTreeMap<u16, usize> {
    let mut statuses = BTreeMap::new();
    for answer in answers {
        *statuses.entry(answer.status.as_u16()).or_insert(0) += 1;
    }
    statuses
}

/// Sends all requests, many at a time, until the rate limit for requests without a valid credential
/// from this address is used up. Returns the number of responses by status.
async fn flood<'a, T, F: Future<Output = Answer>>(
    junk: &'a [T],
    ask: impl Fn(&'a T) -> F,
) -> BTreeMap<u16, usize> {
    let mut statuses = BTreeMap::new();
    for _ in 0..50 {
        for part in junk.chunks(50) {
            for (status, count) in counted(join_all(part.iter().map(&ask)).await) {
                *statuses.entry(status).or_insert(0) += count;
            }
        }
        if statuses.contains_key(&429) {
            return statuses;
        }
    }
    panic!("anonymous requests were never limited: {statuses:?}");
}

fn link_followed(bridge: &Bridge, link: &str) -> RequestBuilder {
    let request = bridge
        .request(Method::POST, "/login")
        .header("Content-Type", "application/x-www-form-urlencoded");
    request.body(format!("link={link}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_from_an_address_keeps_no_client_behind_it_from_a_token() {
    let bridge = Bridge::serving(dozen()).await;
    let (known, right) = tagged_client(&bridge).await;
    let (untagged, its) = client(&bridge.app, "scim.read", &["default"]).await;
    // The process has verified this client once, so it recognises it.
    assert_eq!(log_in(&bridge, &untagged, &its).await.status, 200);
    let random = |number: usize, length: usize| format!("iscs_{number:0>length$}");
    let mut junk = Vec::new();
    for number in 0..150 {
        junk.push(("nobody".to_owned(), random(number, 43)));
        junk.push((format!("cli_unknown-{number:016x}"), random(number, 64)));
        junk.push((known.clone(), format!("no form {number}")));
        junk.push((known.clone(), random(number, 64)));
        junk.push((known.clone(), random(number, 43)));
        junk.push((untagged.clone(), random(number, 43)));
    }
    let refused = flood(&junk, |(id, secret)| log_in(&bridge, id, secret)).await;
    assert!(refused.keys().all(|status| [401, 429].contains(status)), "{refused:?}");
    for (id, secret) in [(&known, &right), (&untagged, &its)] {
        let answers = join_all((0..50).map(|_| log_in(&bridge, id, secret))).await;
        assert_eq!(counted(answers), BTreeMap::from([(200, 50)]), "{id}");
    }
    let (fresh, secret) = tagged_client(&bridge).await;
    assert_eq!(
        log_in(&bridge, &fresh, &secret).await.status,
        200,
        "one that nobody has seen before"
    );
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_from_an_address_keeps_no_good_token_and_no_session_behind_it_out() {
    let bridge = Bridge::serving(dozen()).await;
    let get = |token: String| {
        Bridge::send(bridge.request(Method::GET, "/scim/v2/Users?count=0").bearer_auth(token))
    };
    let (rest, _) = bridge.token.rsplit_once('.').unwrap();
    let mut junk: Vec<String> = (0..200).map(|number| format!("{rest}.{number:086}")).collect();
    junk.extend((0..200).map(|number| format!("no.token.{number}")));
    let refused = flood(&junk, |token| get(token.clone())).await;
    assert!(refused.keys().all(|status| [401, 429].contains(status)), "{refused:?}");
    for _ in 0..20 {
        // The bridge has seen none of these tokens before.
        assert_eq!(get(token(&bridge.app, &[Scope::ScimRead])).await.status, 200);
    }

    let service = bridge.app.service();
    let link = random_secret().unwrap();
    let now = service.clock.now();
    let hash = hash_of_random(link.expose_secret());
    let person = SignedIn {
        name: "Ada".to_owned(),
        role: ConsoleRole::Viewer,
        method: SignInMethod::Link,
        workspaces: vec!["default".to_owned()],
    };
    service
        .stores
        .page_sessions
        .add_login_link(&hash, &person, now + limits::LOGIN_LINK, Vec::new())
        .await
        .unwrap();
    let page = |cookie: String| {
        Bridge::send(bridge.request(Method::GET, "/people").header("Cookie", cookie))
    };
    let follow = |link: &str| {
        let request = bridge
            .request(Method::POST, "/login")
            .header("Content-Type", "application/x-www-form-urlencoded");
        request.body(format!("link={link}")).send()
    };
    let guesses: Vec<String> = (0..300).map(|number| format!("{number:0>43}")).collect();
    let sessions = flood(&guesses, |guess| page(format!("bridge_session={guess}"))).await;
    assert!(sessions.keys().all(|status| [200, 429].contains(status)), "{sessions:?}");
    let links = flood(&guesses, |guess| Bridge::send(link_followed(&bridge, guess))).await;
    assert!(links.keys().all(|status| [400, 429].contains(status)), "{links:?}");
    let ticket =
        |guess: &String| bridge.request(Method::GET, &format!("/connect/intercom?ticket={guess}"));
    let tickets = flood(&guesses, |guess| Bridge::send(ticket(guess))).await;
    assert!(tickets.keys().all(|status| [400, 429].contains(status)), "{tickets:?}");
    let answer = follow(link.expose_secret()).await.unwrap();
    assert_eq!(answer.status(), 303);
    let cookie =
        answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    secrets::keep(cookie.split('=').nth(1).unwrap());
    for _ in 0..20 {
        assert!(page(cookie.clone()).await.text.contains("northwind"));
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_always_reported_as_expired() {
    let bridge = Bridge::serving(dozen()).await;
    let ended = |number: u64| {
        let grant = intercom_scim_bridge::access::Grant {
            subject: format!("test-{number}"),
            client: None,
            scopes: vec![Scope::ScimRead],
            workspaces: vec!["default".to_owned()],
            ttl: Duration::ZERO,
        };
        secrets::keep(bridge.app.service().tokens.issue(&grant).unwrap().expose())
    };
    for number in 0..300 {
        let answer =
            Bridge::send(bridge.request(Method::GET, "/scim/v2/Users").bearer_auth(ended(number)))
                .await;
        assert_eq!(
            answer.status, 401,
            "another token is to be had for the secret, and 429 would not say so"
        );
        assert!(answer.header("www-authenticate").contains("the access token expired"));
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_the_settings_do_not_name_is_said_in_the_audit_trail_and_by_check() {
    let bridge = Bridge::serving(dozen()).await;
    for _ in 0..3 {
        let request =
            bridge.request(Method::GET, "/healthz").header("X-Forwarded-For", "203.0.113.7");
        assert_eq!(Bridge::send(request).await.status, 200);
    }
    let told = eventually("the audit trail reports the proxy", async || {
        let page = bridge.get("/api/v1/audit?event=proxy.not_trusted").await.json();
        if page["items"] == json!([]) { Err(page) } else { Ok(page["items"].clone()) }
    })
    .await;
    let told = told.as_array().unwrap();
    assert_eq!(told.len(), 1, "once: {told:?}");
    assert_eq!(
        (&told[0]["address"], &told[0]["detail"]),
        (&json!("127.0.0.1"), &json!("header x-forwarded-for")),
        "the proxy, and not for whom it says that it asks"
    );

    let shell = || {
        Shell::new()
            .set("DATABASE_URL", bridge.config.database.url.expose_secret())
            .set("INTERCOM_BASE_URL", bridge.simulator.base_url())
            .set("INTERCOM_ACCESS_TOKEN", crate::support::hand::TOKEN)
            .set("BRIDGE_ACCESS__ENCRYPTION_KEY", crate::support::bridge::ENCRYPTION_KEY)
    };
    let seen = shell().run(&["check"]);
    let warning =
        "the bridge received a request from 127.0.0.1 with proxy headers (header x-forwarded-for)";
    assert!(seen.code == Some(0) && seen.stdout.contains(warning), "{}", seen.stdout);
    assert!(seen.stdout.contains("BRIDGE_SERVER__TRUSTED_PROXIES"), "{}", seen.stdout);
    let named = shell().set("BRIDGE_SERVER__TRUSTED_PROXIES", "127.0.0.0/8").run(&["check"]);
    assert!(
        !named.stdout.contains("proxy headers") && named.stdout.contains("ok       proxy"),
        "{}",
        named.stdout
    );
    // The settings alone also show that there is a proxy.
    let public = |proxies: &str| {
        let shell = shell().set("BRIDGE_SERVER__PUBLIC_URL", "https://bridge.example.com");
        shell.set("BRIDGE_SERVER__TRUSTED_PROXIES", proxies).run(&["check"]).stdout
    };
    assert!(
        public("").contains("so there is a proxy in front, but server.trusted_proxies is empty")
    );
    assert!(!public("127.0.0.1").contains("so there is a proxy in front"));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_makes_secrets_that_the_bridge_knows_for_its_own() {
    let database = crate::support::database::TestDatabase::sqlite();
    let settings = config(&database, "http://127.0.0.1:9");
    let shell = Shell::new()
        .set("DATABASE_URL", settings.database.url.expose_secret())
        .set("BRIDGE_ACCESS__ENCRYPTION_KEY", crate::support::bridge::ENCRYPTION_KEY);
    let made = shell.run(&["client", "create", "--name", "Saviynt", "--json"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let made: Value = serde_json::from_str(&made.stdout).unwrap();
    let id = made["client_id"].as_str().unwrap();
    let secret = made["client_secret"].as_str().unwrap();
    assert!(id.starts_with("cli_saviynt-") && secret.starts_with("iscs_"), "{id}");
    let vault = intercom_scim_bridge::access::Vault::new(
        &crate::support::bridge::ENCRYPTION_KEY.into(),
        None,
    )
    .unwrap();
    let tagged = |secret: &str| {
        intercom_scim_bridge::access::is_tagged_secret(&secret.to_owned().into(), id, &vault)
    };
    assert!(tagged(secret));
    let rotated = shell.run(&["client", "rotate", id, "--overlap", "0s", "--json"]);
    assert!(
        rotated.stderr.contains("tokens that were obtained with it become invalid within a second"),
        "{}",
        rotated.stderr
    );
    let rotated: Value = serde_json::from_str(&rotated.stdout).unwrap();
    assert!(tagged(rotated["client_secret"].as_str().unwrap()));
}
