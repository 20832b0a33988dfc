//! Content negotiation and content encodings: the same rules on every path.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::bridge::{Answer, Bridge, client, dozen};

const SCIM: &str = "application/scim+json";
const JSON: &str = "application/json";
const CSV: &str = "text/csv; charset=utf-8; header=present";
const LINES: &str = "application/x-ndjson";
const PROBLEM: &str = "application/problem+json";
const HTML: &str = "text/html; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

async fn accepting(bridge: &Bridge, path: &str, accept: &[&str]) -> Answer {
    let request = bridge.request(Method::GET, path).bearer_auth(&bridge.token);
    Bridge::send(accept.iter().fold(request, |request, accept| request.header("Accept", *accept)))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_preferred_form_is_answered_on_every_path() {
    let bridge = Bridge::serving(dozen()).await;
    for (path, accept, form) in [
        ("/scim/v2/Users", &["application/json;q=0.9, application/scim+json;q=0.1"][..], JSON),
        ("/scim/v2/Users", &["*"], SCIM),
        ("/scim/v2/Users", &[""], SCIM),
        ("/scim/v2/Groups", &["APPLICATION/JSON"], JSON),
        ("/scim/v2/Groups", &["*/*, application/scim+json;q=0.00"], JSON),
        ("/scim/v2", &["text/html", "application/*;q=0.1"], SCIM),
        ("/scim/v2/Schemas", &["application/json"], JSON),
        ("/api/v1/accounts", &[], JSON),
        ("/api/v1/accounts", &["text/csv"], CSV),
        ("/api/v1/accounts", &["text/csv;q=0.1, application/json"], JSON),
        ("/api/v1/accounts", &["application/json;q=0.1, text/csv"], CSV),
        ("/api/v1/accounts", &["text/csv;q=0.00, */*"], JSON),
        ("/api/v1/accounts", &["text/csv;q=0, */*"], JSON),
        ("/api/v1/entitlements", &["Text/*"], CSV),
        ("/api/v1/memberships", &["text/csv;q=0.3", "application/json;q=0.2"], CSV),
        ("/api/v1/reviews/accounts", &["application/json;q=0.5, text/csv;q=0.6"], CSV),
        ("/api/v1/lifecycle/requests", &["text/csv; charset=utf-8"], CSV),
        ("/api/v1/lifecycle/requests", &["*/*;q=0.1"], JSON),
        ("/api/v1/changes", &["application/x-ndjson;q=0.5, application/json"], JSON),
        ("/api/v1/changes", &["application/json;q=0.5, application/x-ndjson"], LINES),
        ("/api/v1/audit", &["application/x-ndjson;q=0"], ""),
        ("/api/v1/audit", &["application/X-NDJSON"], LINES),
        ("/api/v1/status", &["application/json; charset=utf-8"], JSON),
        ("/api/v1/imports", &["application/*"], JSON),
        ("/.well-known/jwks.json", &["application/json"], JSON),
        ("/.well-known/jwks.json", &["*/*"], "application/jwk-set+json"),
        ("/metrics", &["*/*"], OPEN_METRICS),
        ("/metrics", &["text/plain"], PROMETHEUS),
        (
            "/metrics",
            &[
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
            ],
            OPEN_METRICS,
        ),
        (
            "/metrics",
            &["application/vnd.google.protobuf;q=0.7,text/plain;version=0.0.4;q=0.3"],
            PROMETHEUS,
        ),
        ("/", &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], HTML),
        ("/login", &["text/*"], HTML),
        ("/status.css", &["text/css,*/*;q=0.1"], "text/css; charset=utf-8"),
        // Probes only read the status code.
        ("/healthz", &["text/html"], JSON),
        ("/readyz", &["text/html"], JSON),
    ] {
        let answer = accepting(&bridge, path, accept).await;
        if form.is_empty() {
            assert_eq!(answer.status, 406, "{path} {accept:?}");
        } else {
            assert_eq!(
                (answer.status.as_u16(), answer.header("content-type")),
                (200, form),
                "{path} {accept:?}"
            );
        }
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_type_that_a_path_does_not_offer_is_refused_with_those_that_it_offers() {
    let bridge = Bridge::serving(dozen()).await;
    for (path, error, offered) in [
        ("/scim/v2/Users", SCIM, "application/scim+json or application/json"),
        ("/scim/v2/Users/adm_1", SCIM, "application/scim+json or application/json"),
        ("/scim/v2/ResourceTypes", SCIM, "application/scim+json or application/json"),
        ("/api/v1/accounts", PROBLEM, "application/json or application/x-ndjson or text/csv"),
        ("/api/v1/reviews/accounts", PROBLEM, "application/json or text/csv"),
        ("/api/v1/changes", PROBLEM, "application/json or application/x-ndjson or text/csv"),
        ("/api/v1/audit", PROBLEM, "application/json or application/x-ndjson"),
        ("/api/v1/status", PROBLEM, "application/json"),
        ("/api/v1/workspaces", PROBLEM, "application/json"),
        ("/api/v1/imports", PROBLEM, "application/json"),
        ("/api/v1/imports/1", PROBLEM, "application/json"),
        ("/openapi.json", PROBLEM, "application/json"),
        ("/.well-known/oauth-authorization-server", PROBLEM, "application/json"),
        ("/metrics", PROBLEM, "application/openmetrics-text or text/plain"),
        ("/", PROBLEM, "text/html"),
        ("/login", PROBLEM, "text/html"),
        ("/connect/intercom", PROBLEM, "text/html"),
        ("/status.css", PROBLEM, "text/css"),
    ] {
        for accept in ["image/png", "image/png, */*;q=0.000"] {
            let answer = accepting(&bridge, path, &[accept]).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("content-type")),
                (406, error),
                "{path}"
            );
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert_eq!(
                detail,
                format!(
                    "the response is available as {offered}, and the request's Accept header does not allow that"
                )
            );
        }
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_with_an_unacceptable_media_type_is_refused_before_it_does_anything() {
    let bridge = Bridge::serving(dozen()).await;
    let runs = bridge.get("/api/v1/imports").await.json()["total"].clone();
    let post = |path: &str| {
        bridge.request(Method::POST, path).bearer_auth(&bridge.token).header("Accept", "text/html")
    };
    let (id, secret) = client(&bridge.app, "scim.read", &["default"]).await;
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let token =
        post("/oauth/token").header("Content-Type", "application/x-www-form-urlencoded").body(form);
    let ticket = post("/api/v1/lifecycle/requests")
        .body(r#"{"operation": "remove_account", "target": "adm_1"}"#);
    for request in [post("/api/v1/imports"), token, ticket] {
        let answer = Bridge::send(request).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["code"]),
            (406, &json!("not_acceptable"))
        );
    }
    assert_eq!(bridge.get("/api/v1/imports").await.json()["total"], runs, "no import began");
    assert_eq!(
        bridge.get("/api/v1/lifecycle/requests").await.json()["total"],
        json!(0),
        "nothing was recorded"
    );
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_format_of_measures_is_what_its_readers_take() {
    let bridge = Bridge::serving(dozen()).await;
    bridge.get("/scim/v2/Users?count=1").await;
    let text = accepting(&bridge, "/metrics", &["text/plain"]).await.text;
    assert!(text.contains("# TYPE bridge_http_requests_total counter\n"), "{text}");
    assert!(text.contains("# HELP bridge_http_requests_total "), "{text}");
    assert!(text.contains("\nbridge_http_requests_total{"), "{text}");
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"), "{text}");
    // Every sample belongs to the `# TYPE` line before it.
    let mut told = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            name.clone_into(&mut told);
        } else if !line.starts_with('#') {
            assert!(line.starts_with(&told), "{line} is not of {told}");
        }
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_encoded_is_refused_everywhere() {
    let bridge = Bridge::serving(dozen()).await;
    let send = |request: RequestBuilder, encoding: &str| {
        Bridge::send(
            request.bearer_auth(&bridge.token).header("Content-Encoding", encoding).body("{}"),
        )
    };
    for (method, path, form) in [
        (Method::POST, "/scim/v2/Users/.search", SCIM),
        (Method::POST, "/scim/v2/Users", SCIM),
        (Method::PATCH, "/scim/v2/Groups/team_1", SCIM),
        (Method::POST, "/workspaces/default/scim/v2/Bulk", SCIM),
        (Method::POST, "/api/v1/imports", PROBLEM),
        (Method::POST, "/api/v1/lifecycle/requests", PROBLEM),
        (Method::PUT, "/api/v1/lifecycle/accounts/adm_1", PROBLEM),
        (Method::POST, "/oauth/token", PROBLEM),
        (Method::POST, "/webhooks/intercom/default", PROBLEM),
        (Method::POST, "/login", PROBLEM),
    ] {
        for encoding in ["gzip", "GZIP", "br", "identity, gzip", "deflate;q=1"] {
            let answer = send(bridge.request(method.clone(), path), encoding).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("content-type")),
                (415, form),
                "{path} {encoding}"
            );
            assert_eq!(answer.header("accept-encoding"), "identity", "{path}");
            assert!(
                answer.json()["detail"].as_str().unwrap().contains("Content-Encoding"),
                "{path}"
            );
        }
    }
    for encoding in ["identity", "Identity", "", "identity, identity"] {
        let search =
            bridge.request(Method::POST, "/scim/v2/Users/.search").header("Content-Type", SCIM);
        assert_eq!(send(search, encoding).await.status, 200, "{encoding:?}");
    }
    // Without a body, `Content-Encoding` has no effect.
    let get = bridge.request(Method::GET, "/scim/v2/Users").bearer_auth(&bridge.token);
    assert_eq!(Bridge::send(get.header("Content-Encoding", "gzip")).await.status, 200);
    bridge.stop().await;
}
