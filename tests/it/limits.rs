//! Limits on requests.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use intercom_scim_bridge::access::Scope;
use reqwest::Method;
use serde_json::json;

use crate::support::bridge::{Bridge, dozen, token};
use crate::support::hand::TOKEN;

/// The maximum nesting depth of JSON from outside. It is the limit of the JSON library, whose
/// parser is recursive. Nothing that the bridge reads is deeper than five.
const JSON_DEPTH: usize = 128;

#[tokio::test]
async fn requests_above_the_limit_get_429_with_retry_after_and_other_clients_do_not() {
    let bridge = Bridge::serving_with(dozen(), |config| {
        (config.limits.requests_per_second, config.limits.burst) = (1, 3);
    })
    .await;
    for _ in 0..3 {
        assert_eq!(bridge.get("/scim/v2/Users?count=0").await.status, 200);
    }
    let scim = bridge.get("/scim/v2/Users?count=0").await;
    assert_eq!((scim.status.as_u16(), scim.header("content-type")), (429, "application/scim+json"));
    let seconds: u64 = scim.header("retry-after").parse().expect("whole seconds");
    assert!((1..=2).contains(&seconds));
    assert_eq!(scim.json()["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert_eq!(
        scim.json()["detail"],
        json!(format!("too many requests; try again in {seconds} s"))
    );
    let api = bridge.get("/api/v1/status").await;
    assert_eq!((api.status.as_u16(), &api.json()["code"]), (429, &json!("too_many_requests")));
    let other = token(&bridge.app, &[Scope::ScimRead]);
    let answer =
        Bridge::send(bridge.request(Method::GET, "/scim/v2/Users?count=0").bearer_auth(other))
            .await;
    assert_eq!(answer.status, 200);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_asks_one_expensive_question_at_a_time() {
    let company = simulator::Company { admins: 600, teams: 3, seed: 7, now: 1_772_366_400 };
    let bridge = Bridge::serving_with(simulator::seed(company, TOKEN), |_| {}).await;
    let filter =
        (0..150).map(|number| format!("title eq \"{number}\"")).collect::<Vec<_>>().join(" or ");
    let body = json!({"filter": filter}).to_string();
    let search = |token: &str| {
        let request = bridge.request(Method::POST, "/scim/v2/Users/.search").bearer_auth(token);
        Bridge::send(request.header("Content-Type", "application/scim+json").body(body.clone()))
    };
    assert_eq!(search(&bridge.token).await.status, 200);
    let principal = bridge.app.service().tokens.verify(&bridge.token).await.unwrap();
    let turn = principal.allowance.expensive().await.unwrap();
    let other = token(&bridge.app, &[Scope::ScimRead]);
    // One request waits for its turn and gives up. Meanwhile, a cheap request and a request of
    // another client are answered.
    let (waiting, cheap, others) =
        tokio::join!(search(&bridge.token), bridge.get("/scim/v2/Users?count=1"), search(&other));
    assert_eq!(
        (waiting.status.as_u16(), cheap.status.as_u16(), others.status.as_u16()),
        (429, 200, 200)
    );
    drop(turn);
    assert_eq!(search(&bridge.token).await.status, 200);
    bridge.stop().await;
}

#[tokio::test]
async fn queries_bodies_and_tokens_that_are_too_large_or_too_deep_are_refused() {
    let bridge = Bridge::serving(dozen()).await;
    let long = bridge.get(&format!("/scim/v2/Users?filter={}", "x".repeat(33_000))).await;
    assert_eq!((long.status.as_u16(), long.header("content-type")), (413, "application/scim+json"));
    let search = |body: String| {
        let request = bridge.request(Method::POST, "/scim/v2/.search").bearer_auth(&bridge.token);
        Bridge::send(request.header("Content-Type", "application/scim+json").body(body))
    };
    assert_eq!(search(format!("{{\"filter\":\"{}\"}}", "x".repeat(300_000))).await.status, 413);
    let deep = search(format!("{}{}", "[".repeat(5_000), "]".repeat(5_000))).await;
    assert_eq!((deep.status.as_u16(), &deep.json()["scimType"]), (400, &json!("invalidSyntax")));
    let array =
        |depth: usize| search(format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth)));
    assert_eq!(array(JSON_DEPTH / 2).await.status, 200, "what is not known is ignored");
    assert_eq!(array(JSON_DEPTH).await.json()["scimType"], json!("invalidSyntax"));
    let nested = format!("{}userName pr{}", "(".repeat(2_000), ")".repeat(2_000));
    assert_eq!(
        search(json!({"filter": nested}).to_string()).await.json()["scimType"],
        json!("invalidFilter")
    );
    let token =
        Bridge::send(bridge.request(Method::GET, "/scim/v2/Users").bearer_auth("x".repeat(9_000)))
            .await;
    assert_eq!(token.status, 401);
    let webhook =
        bridge.request(Method::POST, "/webhooks/intercom/default").body("x".repeat(300_000));
    assert_eq!(Bridge::send(webhook).await.status, 413);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_arrives_drop_by_drop_is_cut_off() {
    let bridge = Bridge::serving(dozen()).await;
    let head = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ".to_owned();
    let body = format!(
        "POST /scim/v2/.search HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/scim+json\r\n\
         Content-Length: 100\r\n\r\n{{",
        bridge.token
    );
    let address = bridge.app.address();
    let answers = [head, body].map(|begun| {
        tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            stream.write_all(begun.as_bytes()).unwrap();
            let mut answer = Vec::new();
            // The bridge closes the connection. Otherwise the client fails here by its own
            // time-out.
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8_lossy(&answer).into_owned()
        })
    });
    let [head, body] = answers;
    assert!(head.await.unwrap().starts_with("HTTP/1.1 408"));
    let body = body.await.unwrap();
    assert!(
        body.starts_with("HTTP/1.1 408")
            && body.contains("the request did not arrive completely in time"),
        "{body}"
    );
    bridge.stop().await;
}

/// Returns what the bridge sends until it closes the connection; `None` if it does not within a
/// minute.
fn until_closed(address: std::net::SocketAddr, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok().map(|_| answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_ends_keeps_no_connection() {
    let bridge = Bridge::serving(dozen()).await;
    let address = bridge.app.address();
    let token = bridge.token.clone();
    let begun = "Host: h\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nab";
    for (head, status) in [
        ("GET /healthz HTTP/1.1\r\n".to_owned(), "200"),
        ("GET /scim/v2/Users HTTP/1.1\r\n".to_owned(), "401"),
        (
            format!("DELETE /scim/v2/Users/adm_1 HTTP/1.1\r\nAuthorization: Bearer {token}\r\n"),
            "501",
        ),
        (
            format!("GET /scim/v2/Users?count=1 HTTP/1.1\r\nAuthorization: Bearer {token}\r\n"),
            "200",
        ),
    ] {
        let request = format!("{head}{begun}");
        let answer =
            tokio::task::spawn_blocking(move || until_closed(address, &request)).await.unwrap();
        let answer = answer.unwrap_or_else(|| panic!("{head}: the connection was kept"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    // A body that ends is read, and the connection is kept.
    let ended = "POST /scim/v2/Users/.search HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n";
    let body = "Content-Type: application/scim+json\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let next = "GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let request = format!("{ended}Authorization: Bearer {token}\r\n{body}{next}");
    let answers = tokio::task::spawn_blocking(move || until_closed(address, &request))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
    bridge.stop().await;
}
