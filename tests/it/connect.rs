//! Connecting a workspace by OAuth.

use std::time::Duration;

use intercom_scim_bridge::access::hash_of_random;
use intercom_scim_bridge::app::App;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::config::Config;
use reqwest::{Method, Response};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use simulator::{Fault, OAuthApp, Options, Simulator};

use crate::support::bridge::{Answer, Bridge, CLIENT_SECRET, ENCRYPTION_KEY, dozen, http};
use crate::support::shell::{Ended, Shell};
use crate::support::waiting;
use crate::support::{canned, secrets};

const CLIENT_ID: &str = "0c1d2e3f-app";

/// A bridge whose workspace is not connected yet, and a simulated Intercom that has the app.
async fn unconnected() -> (Bridge, Simulator) {
    let options = Options {
        oauth_app: Some(OAuthApp {
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
        }),
        ..Options::default()
    };
    let intercom = Simulator::start(dozen(), options).unwrap();
    (unconnected_to(&intercom.base_url()).await, intercom)
}

/// A bridge whose workspace is not connected yet, for this Intercom.
async fn unconnected_to(intercom: &str) -> Bridge {
    Bridge::starting_with(dozen(), |config| {
        config.intercom.access_token = None;
        config.intercom.client_id = Some(CLIENT_ID.to_owned());
        config.intercom.base_url = Some(intercom.parse().unwrap());
        config.import.poll_interval = Some(Duration::from_secs(1));
    })
    .await
}

fn shell(config: &Config, url: &str) -> Shell {
    Shell::new()
        .set("DATABASE_URL", config.database.url.expose_secret())
        .set("BRIDGE_ACCESS__ENCRYPTION_KEY", ENCRYPTION_KEY)
        .set("INTERCOM_CLIENT_ID", CLIENT_ID)
        .set("INTERCOM_CLIENT_SECRET", CLIENT_SECRET)
        .set("INTERCOM_BASE_URL", config.intercom.base_url.as_ref().unwrap().as_str())
        .set("BRIDGE_SERVER__PUBLIC_URL", url)
}

fn run(bridge: &Bridge, arguments: &[&str]) -> Ended {
    shell(&bridge.config, &bridge.url("")).run(arguments)
}

fn address(bridge: &Bridge) -> String {
    let printed = run(bridge, &["connect"]);
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    secrets::keep(printed.stdout.trim().rsplit('=').next().unwrap());
    printed.stdout.trim().to_owned()
}

fn header(response: &Response, name: &str) -> String {
    response
        .headers()
        .get(name)
        .map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

/// Opens the address as a browser does. Returns the address to which Intercom redirects, and the
/// cookie.
async fn let_in(address: &str) -> (String, String) {
    let begun = http().get(address).send().await.unwrap();
    assert_eq!(
        (begun.status().as_u16(), header(&begun, "cache-control").as_str()),
        (303, "no-store")
    );
    let cookie = header(&begun, "set-cookie");
    assert!(
        cookie.contains("HttpOnly")
            && cookie.contains("SameSite=Lax")
            && cookie.contains("Path=/connect"),
        "{cookie}"
    );
    secrets::keep(cookie.split(['=', ';']).nth(1).unwrap());
    let back = http().get(header(&begun, "location")).send().await.unwrap();
    assert_eq!(back.status(), 302);
    secrets::keep(header(&back, "location").rsplit('=').next().unwrap());
    (header(&back, "location"), cookie.split(';').next().unwrap().to_owned())
}

async fn status(bridge: &Bridge) -> Value {
    bridge.get("/api/v1/status").await.json()
}

/// Waits until `/status` has a problem with this code, or none for `null`.
async fn problem(bridge: &Bridge, code: Value) {
    // After an import that failed, the next one begins after a pause of some seconds.
    waiting::eventually(&format!("the problem is {code}"), async || {
        let status = status(bridge).await;
        if status["problem"]["code"] == code { Ok(()) } else { Err(status) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_is_connected_in_a_browser_and_disconnected_from_the_shell() {
    let (bridge, intercom) = unconnected().await;
    secrets::keep("simulated-oauth-token-");
    problem(&bridge, json!("intercom_not_connected")).await;
    assert!(status(&bridge).await["problem"]["remedy"].as_str().unwrap().contains("connect"));

    let address = address(&bridge);
    let (back, cookie) = let_in(&address).await;
    assert!(back.starts_with(&bridge.url("/connect/intercom/callback?code=")), "{back}");
    for (what, other) in [("no session", None), ("another session", Some("bridge_connect=AAAA"))] {
        let request = other
            .into_iter()
            .fold(http().get(&back), |request, cookie| request.header("Cookie", cookie));
        assert_eq!(Bridge::send(request).await.status, 400, "{what}");
    }
    let turned =
        Bridge::send(http().get(back.replace("state=", "state=x")).header("Cookie", &cookie)).await;
    assert_eq!(turned.status, 400, "another state");
    let connected = Bridge::send(http().get(&back).header("Cookie", &cookie)).await;
    assert_eq!(connected.status, 200, "{}", connected.text);
    assert!(
        connected.text.contains("Connected")
            && connected.header("content-security-policy").starts_with("default-src 'none'")
    );
    bridge.shows(1).await;
    problem(&bridge, Value::Null).await;

    // Both addresses can be used only once.
    assert_eq!(Bridge::send(http().get(&back).header("Cookie", &cookie)).await.status, 400);
    assert_eq!(Bridge::send(http().get(&address)).await.status, 400);
    // The ledger has the token only sealed.
    let connection = bridge.app.service().stores.connections.all().await.unwrap().remove(0);
    assert!(!String::from_utf8_lossy(&connection.sealed).contains("simulated-oauth-token"));
    let checked = run(&bridge, &["import", "incremental"]);
    assert_eq!(checked.code, Some(0), "the shell imports with it too: {}", checked.stderr);

    let _ = intercom.take_calls();
    let ended = run(&bridge, &["disconnect"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(intercom.take_calls().contains(&"POST /auth/uninstall".to_owned()));
    problem(&bridge, json!("intercom_not_connected")).await;
    assert_eq!(
        bridge.get("/scim/v2/Users?count=0").await.json()["totalResults"],
        json!(12),
        "what was imported stays"
    );
    let again = run(&bridge, &["disconnect"]);
    assert!(
        again.code == Some(1) && again.stderr.contains("is not connected by OAuth"),
        "{}",
        again.stderr
    );
    bridge.stop().await;
    intercom.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_outlives_a_restart_and_is_not_moved_to_another_workspace() {
    let (bridge, intercom) = unconnected().await;
    let (back, cookie) = let_in(&address(&bridge)).await;
    assert_eq!(Bridge::send(http().get(&back).header("Cookie", &cookie)).await.status, 200);
    bridge.shows(1).await;

    intercom.change(|workspace| workspace.id_code = "another".to_owned());
    let (back, cookie) = let_in(&address(&bridge)).await;
    let refused = Bridge::send(http().get(&back).header("Cookie", &cookie)).await;
    assert_eq!(refused.status, 502);
    assert!(
        refused.text.contains("the access token opens the workspace another"),
        "{}",
        refused.text
    );
    assert!(
        intercom.take_calls().contains(&"POST /auth/uninstall".to_owned()),
        "and is not left open"
    );
    intercom.change(|workspace| workspace.id_code = dozen().id_code);

    // The person refuses the app.
    let (back, cookie) = let_in(&address(&bridge)).await;
    let denied = back.replace("code=", "nocode=") + "&error=access_denied";
    let denied = Bridge::send(http().get(denied).header("Cookie", &cookie)).await;
    assert!(
        denied.status == 400 && denied.text.contains("the app was not authorised"),
        "{}",
        denied.text
    );

    let again = App::start(&bridge.config, Clock::System).await.unwrap();
    intercom.change(|workspace| workspace.add_teammate("New Comer"));
    let live = &again.service().workspaces["default"].live;
    let shown =
        tokio::time::timeout(Duration::from_secs(20), live.shows(|shown| shown.generation >= 2));
    assert!(shown.await.is_ok(), "it imports with the token that was kept");
    again.stop().await;

    // The encryption key is changed, and the sealed secrets are sealed again.
    let stores = &bridge.app.service().stores;
    let before = stores.connections.all().await.unwrap().remove(0).sealed;
    let mut config = bridge.config.clone();
    config.access.previous_encryption_key = config.access.encryption_key.take();
    config.access.encryption_key = Some("bm90aGVyLWtleS1vZi0zMi1ieXRlcy1mb3ItdGVzdHM=".into());
    let rotated = App::start(&config, Clock::System).await.unwrap();
    rotated.stop().await;
    assert_ne!(stores.connections.all().await.unwrap().remove(0).sealed, before);
    config.access.previous_encryption_key = None;
    let later = App::start(&config, Clock::System).await.unwrap();
    intercom.change(|workspace| workspace.add_teammate("Yet Another"));
    let live = &later.service().workspaces["default"].live;
    let shown =
        tokio::time::timeout(Duration::from_secs(20), live.shows(|shown| shown.generation >= 3));
    assert!(shown.await.is_ok(), "the new key alone opens it");
    later.stop().await;
    bridge.stop().await;
    intercom.stop().await;
}

#[tokio::test]
async fn a_ticket_ends_after_ten_minutes_and_a_configured_token_needs_none() {
    let (bridge, intercom) = unconnected().await;
    let stores = &bridge.app.service().stores;
    let now = bridge.app.service().clock.now();
    let ticket = "A".repeat(43);
    let past = now - Duration::from_secs(1);
    stores.connections.begin("default", &hash_of_random(&ticket), past, Vec::new()).await.unwrap();
    let old =
        Bridge::send(bridge.request(Method::GET, &format!("/connect/intercom?ticket={ticket}")))
            .await;
    assert!(old.status == 400 && old.text.contains("no longer valid"), "{}", old.text);
    for ticket in ["", "?ticket=x", &format!("?ticket={}", "B".repeat(43))] {
        let other =
            Bridge::send(bridge.request(Method::GET, &format!("/connect/intercom{ticket}"))).await;
        assert_eq!(other.status, 400, "{ticket}");
    }
    assert_eq!(Bridge::send(bridge.request(Method::HEAD, "/connect/intercom")).await.status, 405);
    let pasted = shell(&bridge.config, "http://127.0.0.1:1")
        .set("INTERCOM_ACCESS_TOKEN", "pasted")
        .run(&["connect"]);
    assert!(
        pasted.code == Some(1) && pasted.stderr.contains("have an access token"),
        "{}",
        pasted.stderr
    );
    bridge.stop().await;
    intercom.stop().await;
}

/// The page that a person sees after allowing the app.
async fn connect(bridge: &Bridge) -> Answer {
    let (back, cookie) = let_in(&address(bridge)).await;
    Bridge::send(http().get(back).header("Cookie", cookie)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_connection_names_the_reason_and_the_remedy() {
    let (bridge, intercom) = unconnected().await;
    secrets::keep("simulated-oauth-token-");
    let told = |answer: &Answer, sentences: &[&str]| {
        assert_eq!(answer.status, 502, "{}", answer.text);
        for sentence in
            ["Nothing was changed.", "intercom-scim-bridge connect"].iter().chain(sentences)
        {
            assert!(answer.text.contains(sentence), "{sentence}: {}", answer.text);
        }
        // This remedy applies only to tokens in the settings.
        assert!(!answer.text.contains("INTERCOM_ACCESS_TOKEN"), "{}", answer.text);
    };
    let either = "the client id or client secret of the app is wrong, or the code that Intercom gave was used before";

    intercom.rotate_client_secret("another-secret-of-the-app");
    told(&connect(&bridge).await, &[either, "INTERCOM_CLIENT_SECRET", "(401 server_error)"]);
    intercom.rotate_client_secret(CLIENT_SECRET);

    // Another person connected the workspace first.
    let (back, cookie) = let_in(&address(&bridge)).await;
    let code = back.split_once("code=").unwrap().1.split('&').next().unwrap();
    let trade =
        json!({"code": code, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}).to_string();
    let traded = http()
        .post(format!("{}/auth/eagle/token", intercom.base_url()))
        .body(trade)
        .send()
        .await
        .unwrap();
    assert_eq!(traded.status(), 200);
    let used = Bridge::send(http().get(back).header("Cookie", cookie)).await;
    told(&used, &[either, "Run `intercom-scim-bridge connect` again."]);

    for (fault, sentence) in [
        (Fault::Garbage, "response has no access token: it is not JSON"),
        (
            Fault::Status(503),
            "Intercom could not be reached for /auth/eagle/token: the response was 503",
        ),
        (Fault::Status(404), "Intercom gave no access token (404 server_error)"),
        (Fault::RateLimit(7), "rate limit is exhausted"),
        (Fault::CutOff, "the response ended early"),
    ] {
        intercom.fail(fault, "/auth/eagle/token", 1);
        told(&connect(&bridge).await, &[sentence]);
    }
    // The token exists, but Intercom refuses it.
    intercom.fail(Fault::Unauthorized, "/me", 1);
    told(&connect(&bridge).await, &["does not say which workspace it opens", "INTERCOM_REGION"]);
    assert_eq!(
        status(&bridge).await["problem"]["code"],
        json!("intercom_not_connected"),
        "nothing has changed"
    );

    assert_eq!(connect(&bridge).await.status, 200, "and then it works");
    bridge.shows(1).await;
    bridge.stop().await;
    intercom.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_comes_under_its_other_name_is_taken() {
    let token = secrets::keep("dG9rOnVuZGVyLWl0cy1vdGhlci1uYW1l");
    let traded = json!({"token_type": "Bearer", "token": token}).to_string();
    let me = include_str!("fixtures/intercom/me.json");
    let intercom = canned::serve(&[("POST /auth/eagle/token", &traded), ("GET /me", me)]);
    let bridge = unconnected_to(&intercom.base_url).await;
    let begun = http().get(address(&bridge)).send().await.unwrap();
    let to = header(&begun, "location");
    let cookie = header(&begun, "set-cookie");
    secrets::keep(cookie.split(['=', ';']).nth(1).unwrap());
    let state = reqwest::Url::parse(&to)
        .unwrap()
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned();
    secrets::keep(&state);
    let back = bridge.url(&format!("/connect/intercom/callback?code=once&state={state}"));
    let connected =
        Bridge::send(http().get(back).header("Cookie", cookie.split(';').next().unwrap())).await;
    assert!(connected.status == 200 && connected.text.contains("Connected"), "{}", connected.text);
    assert_eq!(bridge.app.service().stores.connections.all().await.unwrap().len(), 1);
    bridge.stop().await;
    intercom.stop().await;
}
