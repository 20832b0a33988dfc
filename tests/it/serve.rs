//! The running bridge: before its first served snapshot, while Intercom is away, after a restart.

use std::time::Duration;

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::app::{self, App};
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::directory::{ImportRequest, Mode, RunStatus, Trigger};
use serde_json::json;
use simulator::{Fault, Options, Simulator};

use crate::on_both_databases;
use crate::support::bridge::{Answer, Bridge, config, dozen, http, start_import, token};
use crate::support::database::TestDatabase;
use crate::support::hand::request;
use crate::support::waiting::eventually;

async fn get(app: &App, path: &str) -> Answer {
    let request =
        http().get(format!("http://{}{path}", app.address())).bearer_auth(token(app, &Scope::ALL));
    Bridge::send(request).await
}

/// Waits until the status of the workspace has this connection.
async fn connection(app: &App, expected: &str) -> serde_json::Value {
    eventually(&format!("the workspace is {expected}"), async || {
        let status = get(app, "/api/v1/status").await.json();
        let has_started = status["problem"]["code"] != json!("starting");
        let is_expected = has_started && status["connection"] == json!(expected);
        if is_expected { Ok(status) } else { Err(status) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_served_snapshot_requests_fail_with_the_reason() {
    let database = TestDatabase::sqlite();
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    simulator.fail_from_now_on(Fault::Unauthorized, "");
    let app = App::start(&config(&database, &simulator.base_url()), Clock::System).await.unwrap();

    let status = connection(&app, "disconnected").await;
    assert_eq!(status["problem"]["code"], json!("intercom_unauthorized"));
    assert!(status["problem"]["remedy"].as_str().unwrap().contains("INTERCOM_ACCESS_TOKEN"));
    assert_eq!(status["generation"], json!(null));

    let users = get(&app, "/scim/v2/Users").await;
    assert_eq!((users.status.as_u16(), users.header("retry-after")), (503, "5"));
    assert_eq!(
        users.json()["detail"],
        json!("the bridge has not imported this workspace yet; try again shortly")
    );
    let ready = get(&app, "/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), &ready.json()["workspaces"][0]["problem"]["code"]),
        (503, &json!("intercom_unauthorized"))
    );
    assert_eq!(get(&app, "/healthz").await.status, 200);
    app.stop().await;
    simulator.stop().await;
}

on_both_databases!(
    after_a_restart_the_last_state_is_served_although_intercom_is_unreachable,
    another_process_commit_is_shown
);

async fn after_a_restart_the_last_state_is_served_although_intercom_is_unreachable(
    database: TestDatabase,
) {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let settings = config(&database, &simulator.base_url());
    let app = App::start(&settings, Clock::System).await.unwrap();
    app.service().workspaces["default"].live.shows(|shown| shown.generation == 1).await;
    let before = get(&app, "/scim/v2/Users?attributes=userName").await.text;
    app.stop().await;

    simulator.fail_from_now_on(Fault::Unauthorized, "");
    let app = App::start(&settings, Clock::System).await.unwrap();
    assert_eq!(get(&app, "/scim/v2/Users?attributes=userName").await.text, before, "at once");
    let status = connection(&app, "disconnected").await;
    assert_eq!((&status["generation"], &status["users"]), (&json!(1), &json!(12)));
    assert!(status["confirmed_at"].is_string());
    let ready = get(&app, "/readyz").await;
    assert_eq!(ready.status, 200, "what is shown can be asked");
    assert_eq!(ready.json()["workspaces"][0]["connection"], json!("disconnected"));
    app.stop().await;
    simulator.stop().await;
}

async fn another_process_commit_is_shown(database: TestDatabase) {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let settings = config(&database, &simulator.base_url());
    let app = App::start(&settings, Clock::System).await.unwrap();
    let live = &app.service().workspaces["default"].live;
    live.shows(|shown| shown.generation == 1).await;
    simulator.change(|workspace| workspace.add_teammate("New Comer"));
    let (stores, _) = app::open_stores(&settings).await.unwrap();
    let workspace = app::workspace_of(&settings, "default").unwrap();
    let (importer, _) =
        app::importer_of(&settings, &workspace, &stores.ledger, &Clock::System).unwrap();
    let run = importer.run_once(&request(Mode::Full), &|_| {}).await.unwrap().unwrap();
    assert_eq!((run.status, run.generation), (RunStatus::Succeeded, Some(2)));
    live.shows(|shown| shown.generation == 2).await;
    assert_eq!(
        get(&app, "/scim/v2/Users?filter=displayName+eq+%22new+comer%22").await.json()["totalResults"],
        json!(1)
    );
    app.stop().await;
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_duration_however_long_ends_a_task_in_the_background() {
    // The settings refuse such durations. The tasks must not depend on that.
    let bridge = Bridge::serving_with(dozen(), |config| {
        config.import.poll_interval = Some(Duration::MAX);
        config.import.full_interval = Some(Duration::MAX);
        config.serve.max_age = Some(Duration::MAX);
        config.serve.max_wait = Duration::MAX;
    })
    .await;
    for generation in 2..4 {
        bridge.simulator.change(|workspace| workspace.add_teammate("New Comer"));
        let run = start_import(&bridge, "", "wait=30").await.json();
        assert_eq!((&run["status"], &run["generation"]), (&json!("succeeded"), &json!(generation)));
    }
    let tasks = bridge.get("/readyz").await.json()["tasks"].as_array().unwrap().clone();
    let names: Vec<&str> = tasks.iter().map(|task| task["task"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["roster", "importer", "publisher", "access", "upkeep", "posture", "server", "audit_trail"]
    );
    for task in tasks {
        assert_eq!((&task["state"], &task["failures"]), (&json!("running"), &json!(0)), "{task}");
    }
    let anonymous = Bridge::send(bridge.request(reqwest::Method::GET, "/readyz")).await;
    assert_eq!(anonymous.json()["tasks"], json!([]));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_a_dead_process_left_behind_is_marked_once_its_lease_has_ended() {
    let database = TestDatabase::sqlite();
    let ledger = database.ledger().await;
    let clock = Clock::System;
    let lease =
        ledger.lease("default", "dead", Duration::from_secs(15), &clock).await.unwrap().unwrap();
    ledger.start_run(&lease, &ImportRequest::incremental(Trigger::Schedule), &clock).await.unwrap();
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let mut config = config(&database, &simulator.base_url());
    config.import.lease = Duration::from_secs(1);
    let app = App::start(&config, Clock::System).await.unwrap();
    app.service().workspaces["default"].live.shows(|shown| shown.generation == 1).await;
    let runs = ledger.runs("default", None, 10).await.unwrap();
    let left_behind = runs.last().unwrap();
    assert_eq!(left_behind.status, RunStatus::Interrupted);
    assert_eq!(left_behind.error.as_ref().unwrap().code, "interrupted");
    assert!(left_behind.finished_at.is_some());
    app.stop().await;
    simulator.stop().await;
}
