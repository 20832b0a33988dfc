//! Headers of every response.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use intercom_scim_bridge::http::openapi_document;
use reqwest::Method;
use serde_json::Value;

use crate::support::bridge::{Answer, Bridge, dozen};

/// Paths whose responses may be cached, with their `Cache-Control`.
const KEPT: [(&str, &str); 4] = [
    ("/.well-known/jwks.json", "max-age=300"),
    ("/status.css", "max-age=3600"),
    ("/favicon.svg", "max-age=86400"),
    ("/docs/", "no-cache"),
];

fn assert_guarded(what: &str, answer: &Answer) {
    let kept = KEPT
        .iter()
        .find(|(path, _)| answer.status == 200 && what.ends_with(path))
        .map_or("no-store", |(_, kept)| kept);
    assert_eq!(answer.header("cache-control"), kept, "{what} ({})", answer.status);
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what} ({})", answer.status);
    assert_eq!(
        answer.header("strict-transport-security"),
        "",
        "{what}: the connection is not encrypted"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_answers_with_the_headers_against_caching_and_sniffing() {
    let bridge = Bridge::serving_every_path(dozen()).await;
    let description: Value = serde_json::from_str(&openapi_document()).unwrap();
    let mut paths: Vec<String> =
        description["paths"].as_object().unwrap().keys().cloned().collect();
    paths.extend(
        [
            "/nowhere",
            "/docs",
            "/docs/",
            "/status.css",
            "/favicon.svg",
            "/scim/v3/Users",
            "/scim/v2/Nothing",
        ]
        .map(str::to_owned),
    );
    let mut seen = std::collections::BTreeSet::new();
    for path in paths {
        let path = path
            .replace("{id}", "adm_1")
            .replace("{entitlement}", "team_1")
            .replace("{workspace}", "default");
        let path = path.replace("{name}", "User");
        for method in [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::OPTIONS,
            Method::TRACE,
        ] {
            for token in ["", "bad", &bridge.token] {
                let request = bridge.request(method.clone(), &path);
                let request = if token.is_empty() { request } else { request.bearer_auth(token) };
                let answer = Bridge::send(request).await;
                seen.insert(answer.status.as_u16());
                assert_guarded(&format!("{method} {path}"), &answer);
            }
        }
    }
    for status in [200, 204, 400, 401, 404, 405, 501] {
        assert!(seen.contains(&status), "{seen:?}");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_status_and_media_type_has_the_headers_against_caching_and_sniffing() {
    let bridge = Bridge::serving_every_path(dozen()).await;
    let get = |path: &str| bridge.request(Method::GET, path).bearer_auth(&bridge.token);
    let search = || bridge.request(Method::POST, "/scim/v2/.search");
    let users = Bridge::send(get("/scim/v2/Users?count=1")).await.json();
    let path = format!("/scim/v2/Users/{}", users["Resources"][0]["id"].as_str().unwrap());
    let etag = Bridge::send(get(&path)).await.header("etag").to_owned();
    for (status, request) in [
        (304, get(&path).header("If-None-Match", etag)),
        (406, get("/api/v1/accounts").header("Accept", "image/png")),
        (
            413,
            search()
                .bearer_auth(&bridge.token)
                .body("x".repeat(300_000))
                .header("Content-Type", "application/json"),
        ),
        (415, search().bearer_auth(&bridge.token).header("Content-Type", "text/plain").body("x")),
        (415, search().header("Content-Encoding", "gzip").body("x")),
        (200, get("/api/v1/reviews/accounts").header("Accept", "text/csv")),
        (200, get("/api/v1/changes").header("Accept", "application/x-ndjson")),
    ] {
        let answer = Bridge::send(request).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_guarded(&format!("an answer with {status}"), &answer);
    }
    bridge.stop().await;
}

/// Returns what the bridge sends until it closes the connection, in lower case.
fn until_closed(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    // The bridge may close the connection before it has read the whole request.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).to_ascii_lowercase()
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_of_the_http_library_are_errors_like_every_other() {
    let bridge = Bridge::serving(dozen()).await;
    let address = bridge.app.address();
    let large =
        format!("GET /healthz HTTP/1.1\r\nHost: h\r\nX-Large: {}\r\n\r\n", "x".repeat(300_000));
    let many = (0..200).fold(String::new(), |head, number| format!("{head}X-{number}: x\r\n"));
    for (status, request) in [
        ("400", "nonsense\r\n\r\n".to_owned()),
        ("400", "GET /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n".to_owned()),
        ("400", "GET /healthz HTTP/1.1\r\nHost: h\r\n : x\r\n\r\n".to_owned()),
        ("400", "GET /a b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".to_owned()),
        ("431", large),
        ("4", format!("GET /healthz HTTP/1.1\r\nHost: h\r\n{many}\r\n")),
        ("408", "GET /healthz HTTP/1.1\r\nHost: h\r\nX-Slow: ".to_owned()),
        // A malformed request after a valid one.
        ("200", "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\nnonsense\r\n\r\n".to_owned()),
    ] {
        let bytes = request.clone().into_bytes();
        let answers =
            tokio::task::spawn_blocking(move || until_closed(address, &bytes)).await.unwrap();
        assert!(answers.starts_with(&format!("http/1.1 {status}")), "{request:.60}: {answers}");
        let heads = answers.matches("http/1.1 ").count();
        for header in
            ["cache-control: no-store\r\n", "x-content-type-options: nosniff\r\n", "x-request-id: "]
        {
            assert_eq!(answers.matches(header).count(), heads, "{request:.60}: {answers}");
        }
        let (_, last) = answers.rsplit_once("http/1.1 ").unwrap();
        let (head, body) = last.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("content-type: application/problem+json"), "{request:.60}: {head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        let problem: Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["status"].to_string(), last[..3], "{request:.60}: {body}");
        assert!(problem["code"].is_string() && problem["detail"].is_string(), "{body}");
    }
    // On SCIM paths the error has SCIM's form. The response to HEAD has no body.
    for (request, has_body) in [
        ("GET /scim/v2/Users HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", true),
        ("GET /workspaces/w/scim/v2/Users HTTP/1.1\r\nHost: h\r\n : x\r\n\r\n", true),
        ("GET /scim/v2/Users HTTP/1.1\r\nHost: h\r\nX-Slow: ", true),
        ("HEAD /scim/v2/Users HTTP/1.1\r\nHost: h\r\n : x\r\n\r\n", false),
    ] {
        let answer = tokio::task::spawn_blocking(move || until_closed(address, request.as_bytes()));
        let answer = answer.await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("content-type: application/scim+json"), "{request:.60}: {head}");
        let is_error = body.contains("urn:ietf:params:scim:api:messages:2.0:error");
        assert_eq!((is_error, body.is_empty()), (has_body, !has_body), "{request:.60}: {answer}");
    }
    bridge.stop().await;
}

#[tokio::test]
async fn responses_behind_an_https_proxy_have_strict_transport_security() {
    let bridge = Bridge::serving_with(dozen(), |config| {
        config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    for (proto, expected) in [("https", "max-age=31536000"), ("http", ""), ("https, http", "")] {
        for path in ["/healthz", "/nowhere", "/scim/v2/Users"] {
            let request = bridge.request(Method::GET, path).header("X-Forwarded-Proto", proto);
            assert_eq!(
                Bridge::send(request).await.header("strict-transport-security"),
                expected,
                "{path} {proto}"
            );
        }
    }
    bridge.stop().await;
}
