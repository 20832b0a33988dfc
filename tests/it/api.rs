//! The import API: starting and following imports, webhooks, scopes.

mod changes;

use std::time::{Duration, Instant};

use intercom_scim_bridge::access::Scope;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::Fault;

use crate::support::bridge::{Answer, Bridge, dozen, path_of, signature, start_import, token};
use crate::support::waiting::{eventually, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_requested_import_is_started_and_can_be_waited_for() {
    let bridge = Bridge::serving(dozen()).await;
    let answer = start_import(&bridge, "", "wait=30").await;
    assert_eq!((answer.status.as_u16(), answer.header("preference-applied")), (200, "wait=30"));
    let run = answer.json();
    assert_eq!(
        (&run["mode"], &run["trigger"], &run["status"], &run["requested_by"], &run["generation"]),
        (&json!("incremental"), &json!("api"), &json!("succeeded"), &json!("test"), &json!(null))
    );
    assert_eq!(bridge.get(&path_of(&json!(answer.header("location")))).await.json(), run);

    bridge.simulator.change(|workspace| workspace.add_teammate("New Comer"));
    let run = start_import(&bridge, r#"{"mode": "full"}"#, "respond-async, wait=30").await.json();
    assert_eq!(
        (&run["mode"], &run["generation"], &run["counts"]["users_created"]),
        (&json!("full"), &json!(2), &json!(1))
    );
    let users = bridge.get("/scim/v2/Users?filter=displayName+eq+%22new+comer%22").await.json();
    assert_eq!(
        users["totalResults"],
        json!(1),
        "what an import has recorded is shown when it has ended"
    );

    for body in ["{", "[]", r#"{"mode": "some"}"#, r#"{"modus": "full"}"#] {
        let refused = start_import(&bridge, body, "").await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (400, &json!("invalid_value")),
            "{body}"
        );
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_import_has_its_progress_and_a_request_meanwhile_gets_the_next_import() {
    let bridge = Bridge::serving(dozen()).await;
    let _ = bridge.simulator.take_calls();
    bridge.simulator.fail(Fault::Slow(Duration::from_secs(3)), "/teams", 1);
    let first = start_import(&bridge, r#"{"mode": "full"}"#, "").await;
    assert_eq!((first.status.as_u16(), &first.json()["status"]), (202, &json!("running")));
    let second = start_import(&bridge, r#"{"mode": "incremental"}"#, "").await.json();
    assert!(
        second["status"] == json!("queued") && second["id"].as_i64() > first.json()["id"].as_i64(),
        "{second}"
    );

    let location = path_of(&json!(first.header("location")));
    let mut progress = Vec::new();
    let ended = eventually("the import ends", async || {
        let run = bridge.get(&location).await.json();
        if run["status"] != json!("running") {
            return Ok(run);
        }
        progress.extend(run["progress"].as_str().map(str::to_owned));
        Err(run)
    })
    .await;
    assert!(progress.contains(&"reading teams".to_owned()), "{progress:?}");
    assert_eq!((&ended["status"], &ended["progress"]), (&json!("succeeded"), &json!(null)));
    let path = format!("/api/v1/imports/{}", second["id"]);
    until("the second import ends", async || {
        !bridge.get(&path).await.json()["finished_at"].is_null()
    })
    .await;
    let teams = bridge.simulator.take_calls().iter().filter(|call| *call == "GET /teams").count();
    assert_eq!(teams, 2, "all who asked meanwhile shared one import");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_beyond_the_current_import_is_queued_and_run_after_it() {
    let bridge = Bridge::serving(dozen()).await;
    bridge.simulator.fail(Fault::Slow(Duration::from_secs(3)), "/teams", 1);
    let under_way = start_import(&bridge, "", "").await.json();
    assert_eq!(
        (&under_way["mode"], &under_way["status"]),
        (&json!("incremental"), &json!("running"))
    );

    let full = start_import(&bridge, r#"{"mode": "full"}"#, "").await;
    let queued = full.json();
    assert_eq!((full.status.as_u16(), &queued["status"]), (202, &json!("queued")));
    assert_ne!(queued["id"], under_way["id"]);
    assert!(queued["queued_at"].is_string() && under_way["queued_at"].is_string());
    let location = path_of(&json!(full.header("location")));
    assert_eq!(location, format!("/api/v1/imports/{}", queued["id"]));
    assert_eq!(bridge.get(&location).await.json(), queued, "it can be looked at before it begins");
    assert_eq!(
        bridge.get("/api/v1/imports").await.json()["items"][0],
        queued,
        "and is in the list"
    );
    for body in [r#"{"mode": "full"}"#, r#"{"mode": "full", "allow_removals": false}"#] {
        assert_eq!(
            start_import(&bridge, body, "").await.json()["id"],
            queued["id"],
            "one of each mode is enough"
        );
    }
    let allowing = start_import(&bridge, r#"{"mode": "incremental", "allow_removals": true}"#, "")
        .await
        .json();
    assert_eq!(
        (&allowing["id"], &allowing["allow_removals"]),
        (&queued["id"], &json!(true)),
        "a full one does as much"
    );

    let ended = start_import(&bridge, r#"{"mode": "full"}"#, "wait=30").await;
    assert_eq!((ended.status.as_u16(), &ended.json()["id"]), (200, &queued["id"]));
    assert_eq!(
        (&ended.json()["status"], &ended.json()["mode"]),
        (&json!("succeeded"), &json!("full"))
    );
    let first = bridge.get(&format!("/api/v1/imports/{}", under_way["id"])).await.json();
    assert_eq!(first["status"], json!("succeeded"), "what was under way was not disturbed");
    assert!(first["finished_at"].as_str().unwrap() <= ended.json()["started_at"].as_str().unwrap());
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn permission_for_many_removals_is_not_lost_in_the_queue() {
    let bridge = Bridge::serving(dozen()).await;
    let people: Vec<u64> =
        bridge.simulator.change(|workspace| workspace.admins().map(|(id, _)| id).collect());
    bridge.simulator.change(|workspace| {
        people[..7].iter().for_each(|id| workspace.remove_admin(*id, people[8], 0));
    });
    bridge.simulator.fail(Fault::Slow(Duration::from_secs(3)), "/teams", 1);
    let under_way = start_import(&bridge, r#"{"mode": "full"}"#, "").await.json();
    let allowing =
        start_import(&bridge, r#"{"mode": "full", "allow_removals": true}"#, "wait=30").await;
    assert_eq!(allowing.status, 200);
    let held = bridge.get(&format!("/api/v1/imports/{}", under_way["id"])).await.json();
    let allowing = allowing.json();
    assert_eq!((&held["status"], &held["counts"]["users_removed"]), (&json!("held"), &json!(7)));
    assert_ne!(allowing["id"], held["id"]);
    assert_eq!(
        (&allowing["status"], &allowing["counts"]["users_removed"]),
        (&json!("succeeded"), &json!(7))
    );
    assert_eq!(bridge.get("/api/v1/status").await.json()["last_import"]["id"], allowing["id"]);
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_is_too_short_ends_with_the_current_state() {
    let bridge = Bridge::serving(dozen()).await;
    bridge.simulator.fail(Fault::Slow(Duration::from_secs(5)), "/teams", 1);
    start_import(&bridge, "", "").await;
    let queued = start_import(&bridge, r#"{"mode": "full"}"#, "wait=1").await;
    assert_eq!((queued.status.as_u16(), queued.header("preference-applied")), (202, "wait=1"));
    assert_eq!(queued.json()["status"], json!("queued"));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_newest_first_page_by_page() {
    let bridge = Bridge::serving(dozen()).await;
    for _ in 0..4 {
        start_import(&bridge, "", "wait=30").await;
    }
    let all = bridge.get("/api/v1/imports").await.json();
    assert_eq!((&all["total"], &all["next"]), (&json!(5), &json!(null)));
    let ids = |list: &Value| -> Vec<i64> {
        list["items"].as_array().unwrap().iter().map(|run| run["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids(&all), [5, 4, 3, 2, 1]);
    let mut walked = Vec::new();
    let mut next = json!(bridge.url("/api/v1/imports?limit=2"));
    while !next.is_null() {
        let page = bridge.get(&path_of(&next)).await.json();
        walked.extend(ids(&page));
        next = page["next"].clone();
    }
    assert_eq!(walked, [5, 4, 3, 2, 1]);
    for path in ["/api/v1/imports?limit=0", "/api/v1/imports?before=x"] {
        assert_eq!(bridge.get(path).await.json()["code"], json!("invalid_value"), "{path}");
    }
    for path in ["/api/v1/imports/99", "/api/v1/imports/x"] {
        assert_eq!(bridge.get(path).await.status, 404, "{path}");
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_import_is_seen_everywhere_and_let_through_by_whoever_may() {
    let bridge = Bridge::serving(dozen()).await;
    let people: Vec<u64> =
        bridge.simulator.change(|workspace| workspace.admins().map(|(id, _)| id).collect());
    bridge.simulator.change(|workspace| {
        people[..7].iter().for_each(|id| workspace.remove_admin(*id, people[8], 0));
    });
    let held = start_import(&bridge, "", "wait=30").await.json();
    assert_eq!((&held["status"], &held["counts"]["users_removed"]), (&json!("held"), &json!(7)));
    assert!(held["error"]["remedy"].as_str().unwrap().contains("allow_removals"));

    let status = bridge.get("/api/v1/status").await.json();
    assert_eq!(
        (&status["connection"], &status["problem"]["code"]),
        (&json!("degraded"), &json!("too_many_removals"))
    );
    let ready = bridge.get("/readyz").await;
    assert_eq!(ready.status, 200, "what was there before is still shown");
    assert_eq!(ready.json()["workspaces"][0]["problem"]["code"], json!("too_many_removals"));
    assert!(
        bridge
            .get("/metrics")
            .await
            .text
            .contains("bridge_import_held{workspace=\"default\"} 1.0\n")
    );
    let active = "/scim/v2/Users?filter=active+eq+true&count=0";
    assert_eq!(bridge.get(active).await.json()["totalResults"], json!(12));

    let through = start_import(&bridge, r#"{"mode": "full", "allow_removals": true}"#, "wait=30")
        .await
        .json();
    assert_eq!(through["status"], json!("succeeded"));
    assert_eq!(bridge.get(active).await.json()["totalResults"], json!(5));
    assert!(
        bridge
            .get("/metrics")
            .await
            .text
            .contains("bridge_import_held{workspace=\"default\"} 0.0\n")
    );
    assert_eq!(bridge.get("/api/v1/status").await.json()["connection"], json!("connected"));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removals_that_wait_are_seen_in_the_run_and_in_the_status() {
    let bridge = Bridge::serving(dozen()).await;
    let list = r#"{"admins":[{"id":"1","email":"new@example.com","team_ids":[]},null]}"#;
    bridge.simulator.fail_from_now_on(Fault::json(200, list), "/admins");
    let run = start_import(&bridge, "", "wait=30").await.json();
    assert_eq!((&run["status"], &run["counts"]["users_created"]), (&json!("succeeded"), &json!(1)));
    assert_eq!(run["warnings"][0]["code"], json!("removals_wait"));
    let status = bridge.get("/api/v1/status").await.json();
    assert_eq!(
        (&status["connection"], &status["problem"]["code"]),
        (&json!("degraded"), &json!("removals_wait"))
    );
    assert_eq!(
        bridge.get("/readyz").await.json()["workspaces"][0]["problem"]["code"],
        json!("removals_wait")
    );
    let active = "/scim/v2/Users?filter=active+eq+true&count=0";
    assert_eq!(bridge.get(active).await.json()["totalResults"], json!(13));
    bridge.stop().await;
}

/// A notification as Intercom sends it, signed.
async fn push(bridge: &Bridge, workspace: &str, topic: &str, app: &str) -> u16 {
    let body = json!({
        "type": "notification_event", "app_id": app, "id": "notif_1", "topic": topic,
        "data": {"type": "notification_event_data", "item": {"type": "admin", "id": "1"}},
    });
    send(bridge, workspace, &body.to_string(), &signature(body.to_string())).await.status.as_u16()
}

async fn send(bridge: &Bridge, workspace: &str, body: &str, signature: &str) -> Answer {
    let request = bridge.request(Method::POST, &format!("/webhooks/intercom/{workspace}"));
    Bridge::send(request.header("X-Hub-Signature", signature).body(body.to_owned())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_teammate_is_inactive_within_two_seconds_of_the_webhook() {
    let bridge = Bridge::serving(dozen()).await;
    let active = "/scim/v2/Users?filter=active+eq+true&count=0";
    assert_eq!(bridge.get(active).await.json()["totalResults"], json!(12));
    bridge.simulator.change(|workspace| {
        let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
        workspace.remove_admin(people[3], people[0], 0);
    });
    // Intercom delivers at least once: the same notification may arrive again at any time.
    let pushed = Instant::now();
    for _ in 0..3 {
        assert_eq!(push(&bridge, "default", "admin.removed_from_workspace", "wjw5eps7").await, 200);
    }
    until("the removed teammate is inactive", async || {
        let is_removed = bridge.get(active).await.json()["totalResults"] == json!(11);
        assert!(
            is_removed || pushed.elapsed() < Duration::from_secs(2),
            "still active after two seconds"
        );
        is_removed
    })
    .await;
    let runs = bridge.get("/api/v1/imports").await.json();
    assert_eq!(runs["items"][0]["trigger"], json!("webhook"));
    assert_eq!(
        push(&bridge, "default", "admin.removed_from_workspace", "wjw5eps7").await,
        200,
        "late ones do no harm"
    );
    bridge.simulator.change(|workspace| workspace.add_teammate("New Comer"));
    assert_eq!(push(&bridge, "default", "admin.added_to_workspace", "wjw5eps7").await, 200);
    bridge.shows(3).await;
    start_import(&bridge, "", "wait=30").await;
    assert_eq!(bridge.get("/api/v1/status").await.json()["generation"], json!(3));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_without_changes_start_no_import_and_forged_ones_are_refused() {
    let bridge = Bridge::serving(dozen()).await;
    let runs = async || bridge.get("/api/v1/imports").await.json()["total"].clone();
    for (topic, app) in [
        ("ping", "wjw5eps7"),
        ("conversation.user.created", "wjw5eps7"),
        ("admin.logged_in", "wjw5eps7"),
        ("admin.away_mode_updated", "wjw5eps7"),
        ("admin.removed_from_workspace", "an0ther1"),
    ] {
        assert_eq!(push(&bridge, "default", topic, app).await, 200, "{topic}");
    }
    let body = r#"{"topic": "admin.removed_from_workspace", "app_id": "wjw5eps7"}"#;
    for forged in
        ["", "sha1=", "sha1=0000000000000000000000000000000000000000", &signature("another body")]
    {
        let refused = send(&bridge, "default", body, forged).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["code"]),
            (401, &json!("bad_signature")),
            "{forged}"
        );
    }
    assert_eq!(
        send(&bridge, "elsewhere", body, &signature(body)).await.status,
        401,
        "as if the signature were wrong"
    );
    assert_eq!(send(&bridge, "default", "no JSON", &signature("no JSON")).await.status, 400);
    let large = "x".repeat(300_000);
    assert_eq!(send(&bridge, "default", &large, &signature(&large)).await.status, 413);
    assert_eq!(bridge.get("/webhooks/intercom/default").await.status, 405);
    assert_eq!(runs().await, json!(1), "only the import of the start");
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_needs_its_scope() {
    let bridge = Bridge::serving(dozen()).await;
    let reader = token(&bridge.app, &[Scope::ImportRead]);
    let runner = token(&bridge.app, &[Scope::ImportRun]);
    for (method, path, allowed, refused) in [
        (Method::GET, "/api/v1/imports", &reader, &runner),
        (Method::GET, "/api/v1/imports/1", &reader, &runner),
        (Method::GET, "/api/v1/changes", &reader, &runner),
        (Method::GET, "/api/v1/accounts", &reader, &runner),
        (Method::GET, "/api/v1/entitlements", &reader, &runner),
        (Method::GET, "/api/v1/memberships", &reader, &runner),
        (Method::POST, "/api/v1/imports", &runner, &reader),
    ] {
        let answer = async |token: &String| {
            Bridge::send(bridge.request(method.clone(), path).bearer_auth(token)).await
        };
        assert!(answer(allowed).await.status.is_success(), "{path}");
        assert_eq!(answer(refused).await.json()["code"], json!("forbidden"), "{path}");
        assert_eq!(Bridge::send(bridge.request(method.clone(), path)).await.status, 401, "{path}");
    }
    bridge.stop().await;
}
