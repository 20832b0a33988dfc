//! Webhooks of Intercom: validation of the address, odd bodies, and bursts.

use std::time::{Duration, Instant};

use intercom_scim_bridge::config::Config;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::bridge::{Answer, Bridge, dozen, signature};

async fn deliver(bridge: &Bridge, body: impl AsRef<[u8]>, signature: &str) -> Answer {
    let request = bridge
        .request(Method::POST, "/webhooks/intercom/default")
        .header("X-Hub-Signature", signature);
    Bridge::send(request.body(body.as_ref().to_vec())).await
}

async fn deliver_signed(bridge: &Bridge, body: impl AsRef<[u8]>) -> Answer {
    let signature = signature(&body);
    deliver(bridge, body, &signature).await
}

/// Returns the number of runs that webhooks started.
async fn runs_by_webhook(bridge: &Bridge) -> usize {
    let runs = bridge.get("/api/v1/imports?limit=1000").await.json();
    runs["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| run["trigger"] == json!("webhook"))
        .count()
}

fn leaver(app_id: &Value) -> String {
    json!({"type": "notification_event", "topic": "admin.removed_from_workspace", "app_id": app_id})
        .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn intercom_can_validate_the_address_and_learns_of_no_workspace() {
    for without_secret in [false, true] {
        let bridge = Bridge::starting_with(dozen(), |config: &mut Config| {
            if without_secret {
                config.intercom.client_secret = None;
            }
        })
        .await;
        let mut seen = Vec::new();
        for name in ["default", "nowhere", "default/"] {
            let answer =
                Bridge::send(bridge.request(Method::HEAD, &format!("/webhooks/intercom/{name}")))
                    .await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""), "{name}");
            let headers = answer
                .headers
                .keys()
                .filter(|name| name.as_str() != "date")
                .map(ToString::to_string);
            // The order of the headers is that of a hash map, and means nothing.
            seen.push(headers.collect::<std::collections::BTreeSet<_>>());
        }
        assert!(seen.iter().all(|headers| *headers == seen[0]), "{seen:?}");
        for (method, status) in [(Method::GET, 405), (Method::PUT, 405), (Method::OPTIONS, 204)] {
            let answer = Bridge::send(bridge.request(method, "/webhooks/intercom/default")).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("allow")),
                (status, "HEAD, OPTIONS, POST")
            );
        }
        bridge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_the_workspace_may_come_as_a_number() {
    let mut workspace = dozen();
    workspace.id_code = "4711".to_owned();
    let bridge = Bridge::serving(workspace).await;
    bridge.simulator.change(|workspace| workspace.add_teammate("New Comer"));
    for of_another in [json!(4712), json!("4712")] {
        assert_eq!(deliver_signed(&bridge, leaver(&of_another)).await.status, 200, "{of_another}");
    }
    assert_eq!(runs_by_webhook(&bridge).await, 0);
    assert_eq!(deliver_signed(&bridge, leaver(&json!(4711))).await.status, 200);
    bridge.shows(2).await;
    bridge.simulator.change(|workspace| workspace.add_teammate("Yet Another"));
    assert_eq!(deliver_signed(&bridge, leaver(&json!("4711"))).await.status, 200);
    bridge.shows(3).await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_bodies_are_taken_however_odd_they_are() {
    let bridge = Bridge::serving(dozen()).await;
    for body in [
        "{}".as_bytes(),
        br#"{"topic": "admin.merged_into_another", "app_id": "wjw5eps7", "data": null}"#,
        br#"{"topic": null, "app_id": null}"#,
        br#"{"topic": 7, "app_id": {}}"#,
        "\u{feff}{\"topic\": \"ping\"}".as_bytes(),
        br#"{"topic": "ping", "data": {"item": {"name": "cut \ud83d"}}}"#,
        b"{\"topic\": \"ping\", \"data\": \"\xff\"}",
    ] {
        let answer = deliver_signed(&bridge, body).await;
        assert_eq!(answer.status, 200, "{}: {}", String::from_utf8_lossy(body), answer.text);
    }
    for body in ["", "null", "[]", "topic=ping", "{\"topic\": \"ping\"", "<html></html>"] {
        let answer = deliver_signed(&bridge, body).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["code"]),
            (400, &json!("invalid_syntax")),
            "{body}"
        );
        assert!(
            answer.json()["detail"].as_str().unwrap().contains("is not a JSON object"),
            "{}",
            answer.text
        );
    }
    assert_eq!(runs_by_webhook(&bridge).await, 0);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_signed_webhooks_is_taken_whole_and_starts_one_import_and_later_one_more() {
    let bridge = Bridge::serving(dozen()).await;
    bridge.simulator.change(|workspace| workspace.add_teammate("New Comer"));
    let body = leaver(&json!("wjw5eps7"));
    let began = Instant::now();
    let signature = signature(&body);
    let senders = (0..8).map(|_| async {
        for _ in 0..250 {
            let answer = deliver(&bridge, &body, &signature).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
    });
    futures_util::future::join_all(senders).await;
    bridge.shows(2).await;
    // One import at once, and one more for each pause that has passed, however slow the machine is.
    let pauses = began.elapsed().as_secs() / Duration::from_secs(15).as_secs();
    let runs = runs_by_webhook(&bridge).await as u64;
    assert!((1..=pauses + 1).contains(&runs), "{runs} imports");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anonymous_webhooks_are_limited_and_signed_ones_are_not() {
    let bridge = Bridge::serving(dozen()).await;
    let body = json!({"topic": "ping"}).to_string();
    let mut refused = None;
    for _ in 0..5_000 {
        let answer = deliver(&bridge, &body, "sha1=0000000000000000000000000000000000000000").await;
        if answer.status != 401 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.unwrap();
    assert_eq!((refused.status.as_u16(), refused.header("retry-after").is_empty()), (429, false));
    for _ in 0..300 {
        assert_eq!(deliver_signed(&bridge, &body).await.status, 200);
    }
    bridge.stop().await;
}
