//! The metrics, and that the dashboard and the alerts use them.

use std::collections::BTreeSet;

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::roster::Completeness;
use reqwest::Method;
use serde_json::Value;
use simulator::Fault;

use crate::notifications::endpoint;
use crate::support::bridge::{Bridge, client, dozen, start_import, token};
use crate::support::waiting::until;

async fn scraped(bridge: &Bridge) -> String {
    let answer = bridge.get("/metrics").await;
    assert_eq!(
        answer.header("content-type"),
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    answer.text
}

/// Returns the value of a sample. `sample` includes the labels, exactly as they are written.
fn value(text: &str, sample: &str) -> f64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(sample))
        .unwrap_or_else(|| panic!("no {sample}: {text}"));
    line.trim().parse().unwrap()
}

/// A bridge that has done something of everything that is measured.
async fn busy() -> Bridge {
    let bridge = Bridge::serving_with(dozen(), |config| {
        config.roster.complete = Some(Completeness::All);
        config.notifications.push(endpoint("http://127.0.0.1:1/hook"));
    })
    .await;
    bridge.get("/scim/v2/Users?count=1").await;
    bridge.get("/workspaces/default/scim/v2/Users").await;
    bridge.get("/scim/v2/Users/adm_1").await;
    bridge.ask(Method::DELETE, "/scim/v2/Users/adm_1").await;
    for secret in ["right", "wrong"] {
        let (id, known) = client(&bridge.app, "scim.read", &["default"]).await;
        let secret = if secret == "right" { known } else { "iscs_wrong".to_owned() };
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let request = bridge.request(Method::POST, "/oauth/token");
        Bridge::send(
            request.header("Content-Type", "application/x-www-form-urlencoded").body(form),
        )
        .await;
    }
    bridge.simulator.fail(Fault::RateLimit(0), "", 1);
    start_import(&bridge, "", "wait=30").await;
    let request = bridge.request(Method::PUT, "/api/v1/roster").bearer_auth(&bridge.token);
    Bridge::send(request.body("key,email\n1,ida@acme.example\n")).await;
    until("the figures of the roster are computed", async || {
        bridge.get("/metrics").await.text.contains("bridge_roster_held")
    })
    .await;
    until("the posture is evaluated, and the endpoint is served", async || {
        let text = bridge.get("/metrics").await.text;
        text.contains("bridge_posture_failing_checks{")
            && text.contains("bridge_notification_stopped{")
    })
    .await;
    bridge
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_and_invitations_are_the_numbers_of_the_views() {
    let mut workspace = dozen();
    let now = Clock::System.now().unix_timestamp();
    let (ada, _) = workspace.admins().next().unwrap();
    let invited = serde_json::json!({"emails": ["new@example.com"]});
    workspace.note(now - 100, "admin_invite_creation", ada, invited);
    let bridge = Bridge::serving(workspace).await;
    let text = scraped(&bridge).await;
    let seats = bridge.get("/api/v1/seats").await.json();
    let invitations = bridge.get("/api/v1/invitations").await.json();
    assert!(invitations["total"].as_f64().unwrap() > 0.0, "{invitations}");
    assert!(seats["seats"].as_f64().unwrap() > 0.0, "{seats}");
    for (name, expected) in [
        ("seats", &seats["seats"]),
        ("seats_unused", &seats["unused"]),
        ("seats_unknown", &seats["unknown"]),
        ("invitations_pending", &invitations["total"]),
    ] {
        let sample = format!("bridge_{name}{{workspace=\"default\"}}");
        assert_eq!(Some(value(&text, &sample)), expected.as_f64(), "{name}");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_imports_calls_writes_and_tokens_are_counted() {
    let bridge = busy().await;
    let text = scraped(&bridge).await;
    for (sample, expected) in [
        ("bridge_http_requests_total{method=\"GET\",route=\"/scim/v2/Users\",status=\"200\"}", 2.0),
        (
            "bridge_http_requests_total{method=\"GET\",route=\"/scim/v2/Users/{id}\",status=\"404\"}",
            1.0,
        ),
        (
            "bridge_http_requests_total{method=\"DELETE\",route=\"/scim/v2/Users/{id}\",status=\"501\"}",
            1.0,
        ),
        ("bridge_http_request_duration_seconds_count{route=\"/scim/v2/Users\"}", 2.0),
        ("bridge_refused_writes_total{workspace=\"default\",operation=\"remove_account\"}", 1.0),
        ("bridge_tokens_total{outcome=\"issued\"}", 1.0),
        ("bridge_tokens_total{outcome=\"refused\"}", 1.0),
        ("bridge_imports_total{workspace=\"default\",mode=\"full\",outcome=\"succeeded\"}", 1.0),
        (
            "bridge_imports_total{workspace=\"default\",mode=\"incremental\",outcome=\"succeeded\"}",
            1.0,
        ),
        ("bridge_import_duration_seconds_count{workspace=\"default\"}", 2.0),
        ("bridge_intercom_rate_limited_total{workspace=\"default\"}", 1.0),
        ("bridge_intercom_retries_total{workspace=\"default\"}", 1.0),
        ("bridge_lifecycle_requests_open{workspace=\"default\"}", 1.0),
        ("bridge_users{workspace=\"default\"}", 12.0),
        ("bridge_database_up", 1.0),
        ("bridge_task_failures_total{workspace=\"default\",task=\"importer\"}", 0.0),
        ("bridge_task_failures_total{workspace=\"default\",task=\"publisher\"}", 0.0),
        ("bridge_task_failures_total{task=\"access\"}", 0.0),
        ("bridge_task_failures_total{task=\"audit_trail\"}", 0.0),
        ("bridge_task_failures_total{task=\"server\"}", 0.0),
    ] {
        assert!(
            (value(&text, sample) - expected).abs() < 0.5,
            "{sample} is {}",
            value(&text, sample)
        );
    }
    assert!(value(&text, "bridge_intercom_calls_total{workspace=\"default\"}") > 6.0);
    let oldest = "bridge_lifecycle_oldest_request_seconds{workspace=\"default\"}";
    assert!((0.0..3_600.0).contains(&value(&text, oldest)), "{text}");
    assert!(text.contains(concat!(
        "bridge_build_info{version=\"",
        env!("CARGO_PKG_VERSION"),
        "\",commit=\""
    )));

    // Once the request is done, none is open.
    let listed = bridge.get("/api/v1/lifecycle/requests").await.json();
    let done =
        format!("/api/v1/lifecycle/requests/{}/done", listed["items"][0]["id"].as_str().unwrap());
    assert_eq!(bridge.ask(Method::POST, &done).await.status, 200);
    let text = scraped(&bridge).await;
    assert!(text.contains("bridge_lifecycle_requests_open{workspace=\"default\"} 0.0\n"), "{text}");
    assert!(text.contains(&format!("{oldest} 0.0\n")), "{text}");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_start_at_zero_and_exist_from_the_start() {
    let bridge = Bridge::serving(dozen()).await;
    let text = scraped(&bridge).await;
    for sample in [
        "bridge_http_server_errors_total",
        "bridge_tokens_total{outcome=\"issued\"}",
        "bridge_tokens_total{outcome=\"refused\"}",
        "bridge_intercom_retries_total{workspace=\"default\"}",
        "bridge_intercom_rate_limited_total{workspace=\"default\"}",
        "bridge_imports_total{workspace=\"default\",mode=\"full\",outcome=\"failed\"}",
        "bridge_imports_total{workspace=\"default\",mode=\"incremental\",outcome=\"held\"}",
        "bridge_refused_writes_total{workspace=\"default\",operation=\"remove_account\"}",
    ] {
        assert!(value(&text, sample).abs() < 0.5, "{sample}: {text}");
    }
    // Every counter of an alert is among them.
    let alerts = include_str!("../../config/grafana/alerts.yaml");
    let counters = named(alerts)
        .into_iter()
        .filter(|name| name.ends_with("_total") && name != "bridge_http_requests_total");
    for counter in counters {
        assert!(text.lines().any(|line| line.starts_with(&counter)), "{counter} begins later");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_need_a_token_with_any_scope() {
    let bridge = busy().await;
    let text = Bridge::send(bridge.request(Method::GET, "/metrics")).await.text;
    assert_eq!(text, "# EOF\n");
    let reader = token(&bridge.app, &[Scope::ScimRead]);
    let text = Bridge::send(bridge.request(Method::GET, "/metrics").bearer_auth(reader)).await.text;
    assert!(text.contains("bridge_users{"), "any scope will do for a scraper: {text}");
    bridge.stop().await;
}

/// Returns the names of the bridge's metrics in a text.
fn named(text: &str) -> BTreeSet<String> {
    let names = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    names.filter(|name| name.starts_with("bridge_")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_on_the_dashboard_and_every_alert_has_a_runbook() {
    let bridge = busy().await;
    let text = scraped(&bridge).await;
    let samples: BTreeSet<String> =
        named(&text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n"));
    let dashboard = include_str!("../../config/grafana/dashboard.json");
    let panels =
        serde_json::from_str::<Value>(dashboard).unwrap()["panels"].as_array().unwrap().len();
    assert!(panels >= 15);
    let alerts = include_str!("../../config/grafana/alerts.yaml");
    for (what, text) in [("the dashboard", dashboard), ("the alerts", alerts)] {
        let asked = named(text);
        assert!(asked.len() >= 8, "{asked:?}");
        for name in asked {
            assert!(samples.contains(&name), "{what} ask for {name}: {samples:?}");
        }
    }
    // Every metric is on the dashboard, or its parts are.
    for sample in &samples {
        let base =
            sample.trim_end_matches("_sum").trim_end_matches("_count").trim_end_matches("_bucket");
        assert!(dashboard.contains(base), "{sample} is on no panel");
    }
    let operations = include_str!("../../docs/operations.md");
    let mut rules = 0;
    for alert in alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(operations.contains(&format!("### {alert}\n")), "there is no runbook for {alert}");
        assert!(alerts.contains(&format!("docs/operations.md#{}\n", alert.to_lowercase())));
        rules += 1;
    }
    assert!(rules >= 8);
    bridge.stop().await;
}
