//! `GET /api/v1/activity`.

use intercom_scim_bridge::access::Scope;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::Workspace;

use crate::support::bridge::{Answer, Bridge, start_import, token};
use crate::support::hand::TOKEN;

const NOW: i64 = 1_772_366_400;

/// A workspace with log entries of several kinds.
fn workspace() -> (Workspace, u64, u64) {
    let mut workspace = Workspace::new(TOKEN);
    let ada = workspace.add_teammate("Ada Lovelace");
    let bo = workspace.add_teammate("Bo Diddley");
    let team = workspace.add_team("Support", &[ada]);
    workspace.sign_in(ada, "saml", NOW);
    workspace.fail_sign_in(bo, "email_password", NOW + 1);
    workspace.set_two_factor(ada, false, NOW + 2);
    workspace.note(NOW + 3, "bulk_export", ada, json!({"count": 12}));
    workspace.change_members(team, &[bo], &[], ada, NOW + 4);
    workspace.note(
        NOW + 5,
        "=teleportation",
        bo,
        json!({"formula": "=1+1", "more": "x;=HYPERLINK(1)"}),
    );
    (workspace, ada, bo)
}

async fn bridge() -> (Bridge, u64, u64) {
    let (workspace, ada, bo) = workspace();
    let bridge = Bridge::serving_with(workspace, |config| {
        config.activity.types = intercom_scim_bridge::activity::WantedKinds::All;
    })
    .await;
    (bridge, ada, bo)
}

fn kinds(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    let items = body["items"].as_array().unwrap();
    items.iter().map(|item| item["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_follows_next_gets_each_entry_once() {
    let (bridge, ada, _) = bridge().await;
    let (mut seen, mut path) = (Vec::new(), "/api/v1/activity?limit=2".to_owned());
    loop {
        let answer = bridge.get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = answer.json();
        seen.extend(kinds(&answer));
        let next = body["next"].as_str().unwrap();
        path = format!("/api/v1/activity?limit=2&since={next}");
        assert!(answer.header("link").ends_with(&format!("since={next}>; rel=\"next\"")));
        if body["has_more"] == false {
            break;
        }
    }
    assert_eq!(seen.len(), 6);
    assert_eq!(seen[..2], ["admin_login_success", "admin_login_failure"]);
    // Nothing is new: `next` is there all the same.
    let nothing = bridge.get(&path).await;
    assert_eq!(kinds(&nothing), [""; 0]);
    assert!(path.ends_with(nothing.json()["next"].as_str().unwrap()));
    let from_now = bridge.get("/api/v1/activity?since=now").await.json();
    assert_eq!((&from_now["items"], &from_now["next"]), (&json!([]), &nothing.json()["next"]));
    bridge.simulator.change(|workspace| workspace.sign_in(ada, "google_oauth2", NOW + 9));
    assert_eq!(start_import(&bridge, r#"{"mode":"full"}"#, "wait=20").await.status, 200);
    assert_eq!(kinds(&bridge.get(&path).await), ["admin_login_success"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_select_entries_by_kind_group_person_severity_and_time() {
    let (bridge, ada, bo) = bridge().await;
    let ask = async |query: &str| kinds(&bridge.get(&format!("/api/v1/activity?{query}")).await);
    assert_eq!(ask("type=bulk_export").await, ["bulk_export"]);
    let two = ["admin_login_failure", "bulk_export"];
    assert_eq!(ask("type=bulk_export,admin_login_failure").await, two);
    assert_eq!(ask("type=bulk_export&type=admin_login_failure").await, two);
    assert_eq!(ask("group=data").await, ["bulk_export"]);
    assert_eq!(ask("group=unknown").await, ["=teleportation"]);
    assert_eq!(ask("severity=high").await, ["admin_two_factor_auth_change", "bulk_export"]);
    let by_bo = ["admin_login_failure", "=teleportation"];
    assert_eq!(ask(&format!("actor=adm_{bo}")).await, by_bo);
    assert_eq!(ask("actor=bo.diddley@example.com").await, by_bo);
    let about_bo = ["admin_login_failure", "app_team_membership_modification"];
    assert_eq!(ask(&format!("subject=adm_{bo}")).await, about_bo);
    assert_eq!(ask(&format!("actor=adm_{ada}&group=access")).await, [about_bo[1]]);
    assert_eq!(ask(&format!("from={}&to={}", NOW + 2, NOW + 4)).await.len(), 2);
    assert_eq!(ask("from=2026-03-01T12:00:01Z&to=2026-03-01T12:00:02Z").await, [by_bo[0]]);
    assert_eq!(ask("from=2026-03-01T12:00:00.5Z&to=2026-03-01T12:00:01.5Z").await, [by_bo[0]]);
    assert_eq!(ask("last=1h").await.len(), 6);
    assert_eq!(ask("recorded_from=2026-01-01&recorded_to=2026-01-02").await, [""; 0]);
    for (wrong, says) in [
        ("since=x", "since must be"),
        ("since=r1-2", "other periods"),
        ("severity=terrible", "severity must be one or more of unknown"),
        ("group=x", "group must be"),
        ("type=a-b", "type must be"),
        ("from=3&to=2", "to must be after from"),
        ("last=1h&recorded_from=2026-01-01", "exclude each other"),
        ("format=csv", "format must be one of native, ocsf, ecs"),
        ("last=soon", "last must be a duration"),
        ("from=yesterday", "seconds since 1970"),
    ] {
        let answer = bridge.get(&format!("/api/v1/activity?{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(answer.text.contains(says), "{wrong}: {}", answer.text);
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_is_available_as_json_lines_and_csv_and_in_three_forms() {
    let (bridge, ada, _) = bridge().await;
    let ask = async |path: &str, accept: &str| {
        let request = bridge.request(Method::GET, path).bearer_auth(&bridge.token);
        Bridge::send(request.header("Accept", accept)).await
    };
    let lines = ask("/api/v1/activity", "application/x-ndjson").await;
    let parsed: Vec<Value> =
        lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json!(parsed), bridge.get("/api/v1/activity").await.json()["items"]);
    assert_eq!(parsed[0]["actor_id"], format!("adm_{ada}"));
    assert_eq!(parsed[0]["actor_display_name"], "Ada Lovelace");
    assert!(parsed[0]["actor_ip"].as_str().unwrap().starts_with("198.51.100."));
    assert!(lines.header("link").contains("since=s6>"), "{}", lines.header("link"));

    let csv = ask("/api/v1/activity?bom=true", "text/csv").await;
    assert!(csv.text.starts_with("\u{feff}cursor,seq,id,type,group,"), "{}", csv.text);
    assert_eq!(csv.text.lines().count(), 7);
    for guarded in ["'=teleportation", "x;'=HYPERLINK(1)"] {
        assert!(csv.text.contains(guarded), "no cell is a formula: {}", csv.text);
    }

    let events = ask("/api/v1/activity?format=ocsf", "application/x-ndjson").await;
    let event: Value = serde_json::from_str(events.text.lines().next().unwrap()).unwrap();
    assert_eq!((&event["class_uid"], &event["type_uid"]), (&json!(3002), &json!(300_201)));
    assert_eq!(event["user"]["full_name"], "Ada Lovelace");
    assert_eq!(
        event["metadata"]["uid"].as_str().unwrap().split(':').next(),
        event["metadata"]["tenant_uid"].as_str()
    );
    let ecs = bridge.get("/api/v1/activity?format=ecs&limit=1").await.json();
    assert_eq!(ecs["items"][0]["event"]["dataset"], "intercom.activity");
    assert_eq!((&ecs["next"], &ecs["has_more"]), (&json!("s1"), &json!(true)));
    let refused = ask("/api/v1/activity?format=ocsf", "text/csv").await;
    assert_eq!(refused.status, 406);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_has_a_scope_of_its_own() {
    let (bridge, ..) = bridge().await;
    let all: Vec<Scope> =
        Scope::ALL.into_iter().filter(|scope| *scope != Scope::ActivityRead).collect();
    for path in ["/api/v1/activity", "/api/v1/activity/types"] {
        let ask = async |scopes: &[Scope]| {
            let token = token(&bridge.app, scopes);
            Bridge::send(bridge.request(Method::GET, path).bearer_auth(token)).await.status
        };
        assert_eq!(ask(&all).await, 403);
        assert_eq!(ask(&[Scope::ActivityRead]).await, 200);
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_before_pruned_entries_is_gone() {
    let (bridge, ..) = bridge().await;
    let ledger = &bridge.app.service().stores.ledger;
    let now = bridge.app.service().clock.now();
    ledger.prune_activity("default", now, |_| Vec::new(), now).await.unwrap();
    let gone = bridge.get("/api/v1/activity?since=s2").await;
    assert_eq!((gone.status.as_u16(), &gone.json()["code"]), (410, &json!("pruned")));
    let detail = gone.json()["detail"].as_str().unwrap().to_owned();
    let (_, since) = detail.split_once("since=").unwrap();
    let next = bridge.get(&format!("/api/v1/activity?since={since}")).await;
    assert_eq!(kinds(&next), [""; 0]);
    // Without a position, the feed begins with the oldest entry that is left.
    assert_eq!(kinds(&bridge.get("/api/v1/activity").await), [""; 0]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_types_say_what_is_read_and_what_was_seen() {
    let (workspace, ..) = workspace();
    let bridge = Bridge::serving(workspace).await;
    let types = bridge.get("/api/v1/activity/types").await.json();
    let of = |name: &str| {
        let items = types["items"].as_array().unwrap();
        items.iter().find(|item| item["type"] == name).unwrap_or(&Value::Null).clone()
    };
    let export = of("bulk_export");
    assert_eq!((&export["fetched"], &export["seen"]), (&json!(true), &json!(true)));
    assert_eq!((&export["group"], &export["severity"]), (&json!("data"), &json!("high")));
    assert!(export["first_seen"].is_string());
    let macros = of("macro_update");
    assert_eq!((&macros["fetched"], &macros["seen"]), (&json!(false), &json!(false)));
    assert_eq!(macros["first_seen"], Value::Null);
    assert!(types["items"].as_array().unwrap().len() >= 119);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_not_recorded_if_the_setting_says_so() {
    let (mut workspace, ada, _) = workspace();
    workspace.note(NOW + 6, "bulk_export", ada, json!({"from": "203.0.113.77"}));
    let bridge = Bridge::serving_with(workspace, |config| config.activity.store_ip = false).await;
    let answer = bridge.get("/api/v1/activity").await;
    assert_eq!(answer.status, 200);
    assert!(!answer.text.contains("198.51.100.") && !answer.text.contains("203.0.113."));
    assert!(answer.text.contains("[address removed]"));
    bridge.stop().await;
}
