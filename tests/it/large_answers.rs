//! Large responses: they are made on another thread and sent in parts, and a client that does not
//! read is cut off.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::limits;
use reqwest::Method;
use serde_json::Value;
use simulator::Company;

use crate::support::bridge::{Bridge, token};
use crate::support::hand::TOKEN;
use crate::support::wire::{Wire, get};

const REVIEW: &str = "/api/v1/reviews/accounts";

async fn company(admins: u32, max_exports: usize) -> Bridge {
    let company = Company { admins, teams: 20, seed: 7, now: 1_772_366_400 };
    let change =
        |config: &mut intercom_scim_bridge::config::Config| config.limits.max_exports = max_exports;
    Bridge::serving_with(simulator::seed(company, TOKEN), change).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_in_many_chunks_is_the_one_of_its_manifest_as_csv_as_json_and_with_head() {
    let bridge = company(1_500, 8).await;
    let form = |method: Method, accept: &str| {
        Bridge::send(
            bridge.request(method, REVIEW).bearer_auth(&bridge.token).header("Accept", accept),
        )
    };
    let csv = form(Method::GET, "text/csv").await;
    assert!(csv.text.len() > limits::ANSWER_CHUNK_BYTES * 4, "it is long enough");
    let hash = digest(&SHA256, csv.text.as_bytes());
    assert_eq!(csv.header("repr-digest"), format!("sha-256=:{}:", STANDARD.encode(hash)));
    assert_eq!(
        (csv.header("x-review-rows"), csv.header("content-length")),
        ("1500", &*csv.text.len().to_string())
    );
    let head = form(Method::HEAD, "text/csv").await;
    assert_eq!((&*head.text, head.header("repr-digest")), ("", csv.header("repr-digest")));
    assert_eq!(head.header("content-length"), csv.header("content-length"));
    let json = form(Method::GET, "application/json").await;
    let review = json.json();
    assert_eq!(review["items"].as_array().unwrap().len(), 1_500);
    assert_eq!(review["manifest"]["sha256"].as_str().unwrap().len(), 64);
    assert!(json.text.starts_with("{\"manifest\":{") && json.text.ends_with("}]}"));
    let lines: Vec<&str> = csv.text.lines().collect();
    for (place, item) in review["items"].as_array().unwrap().iter().enumerate().step_by(97) {
        assert!(lines[place + 1].contains(item["account_id"].as_str().unwrap()), "{place}");
    }
    let head = form(Method::HEAD, "application/json").await;
    assert_eq!((head.status.as_u16(), &*head.text), (200, ""));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_streams_of_one_list_say_the_same() {
    let bridge = company(1_500, 8).await;
    for list in ["accounts", "entitlements", "memberships"] {
        let page = bridge.get(&format!("/api/v1/{list}?limit=1000")).await;
        assert_eq!(page.header("content-length"), page.text.len().to_string(), "{list}");
        let page = page.json();
        let items = page["items"].as_array().unwrap();
        let total = page["total"].as_u64().unwrap();
        assert_eq!(items.len() as u64, total.min(1_000), "{list}");
        let path = format!("/api/v1/{list}?limit=1000");
        let csv = Bridge::send(
            bridge
                .request(Method::GET, &path)
                .bearer_auth(&bridge.token)
                .header("Accept", "text/csv"),
        );
        let csv = csv.await;
        assert_eq!(csv.text.lines().count(), items.len() + 1, "{list}");
        assert_eq!(csv.header("content-length"), csv.text.len().to_string(), "{list}");
    }
    let accept = |path: &str, accept: &'static str| {
        Bridge::send(
            bridge.request(Method::GET, path).bearer_auth(&bridge.token).header("Accept", accept),
        )
    };
    let lines = accept("/api/v1/changes", "application/x-ndjson").await.text;
    let mut walked: Vec<Value> = Vec::new();
    let mut since = String::new();
    loop {
        let page = bridge.get(&format!("/api/v1/changes?limit=1000{since}")).await.json();
        walked.extend(page["items"].as_array().unwrap().iter().cloned());
        since = format!("&since={}", page["next"].as_str().unwrap());
        if page["has_more"] == false {
            break;
        }
    }
    let streamed: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(streamed.len() > 2_000 && streamed == walked);
    let csv = accept("/api/v1/changes", "text/csv").await.text;
    assert_eq!(csv.lines().count(), streamed.len() + 1);
    assert_eq!(
        accept("/api/v1/changes?limit=7", "application/x-ndjson").await.text.lines().count(),
        7
    );
    let audit = bridge.get("/api/v1/audit?limit=3").await;
    assert_eq!(audit.header("content-length"), audit.text.len().to_string());
    assert!(bridge.get("/api/v1/imports").await.json()["items"].is_array());
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_its_turn_until_it_is_read_and_who_does_not_read_is_not_waited_for() {
    let bridge = company(6_000, 1).await;
    let other = token(&bridge.app, &[Scope::ImportRead]);
    let makers = &bridge.app.service().makers;
    let stream = |token: &str| {
        get("/api/v1/changes", token)
            .replace("\r\n\r\n", "\r\nAccept: application/x-ndjson\r\n\r\n")
    };
    let begin = async || {
        let mut wire = Wire::from(2, bridge.app.address()).await;
        wire.send(&stream(&bridge.token)).await;
        assert!(wire.head().await.unwrap().starts_with("http/1.1 200"));
        wire
    };
    let all = async || {
        let request = bridge.request(Method::GET, "/api/v1/changes").bearer_auth(&other);
        Bridge::send(request.header("Accept", "application/x-ndjson")).await
    };
    // The client has read the head, and does not read the body.
    let unread = begin().await;
    let whole = {
        let whole = all();
        tokio::pin!(whole);
        for _ in 0..20 {
            let read = bridge.get("/scim/v2/Users?count=1");
            tokio::select! {
                biased;
                answer = read => assert_eq!(answer.status, 200, "others are answered"),
                answer = &mut whole => panic!("a second export began while the first was not read: {}", answer.status),
            }
            assert_eq!(makers.free_exports(), 0);
        }
        drop(unread);
        whole.await
    };
    assert_eq!(whole.status, 200, "once the connection is gone, the next one has its turn");
    // A connection that stays open without reading is closed after a while.
    let unread = begin().await;
    assert_eq!(all().await.text, whole.text);
    assert_eq!(bridge.app.service().connections.standing().slow, 1);
    drop(unread);
    bridge.stop().await;
}
