//! Clocks that are wrong, that differ between bridges, or that are set while a bridge runs. None of
//! them stops a bridge.

mod records;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::app::App;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::config::Config;
use intercom_scim_bridge::directory::Run;
use intercom_scim_bridge::ledger::Ledger;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Options, Simulator};

use crate::on_both_databases;
use crate::support::bridge::{self, Answer, Bridge, dozen, http, signature};
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START};
use crate::support::waiting::{eventually, until};

on_both_databases!(
    an_import_that_was_recorded_days_ahead_stops_nothing,
    an_import_that_was_recorded_hours_ahead_stops_nothing,
    an_import_that_was_recorded_in_the_past_stops_nothing,
    a_clock_that_is_set_while_the_bridge_runs_stops_nothing,
    bridges_whose_clocks_are_an_hour_apart_share_the_work_and_each_goes_on_alone,
    after_a_bridge_whose_clock_is_ahead_stops_the_other_imports_at_once,
);

/// A bridge with a clock of its own.
struct Standing {
    app: App,
    token: String,
}

impl Standing {
    async fn start(config: &Config, clock: &Clock) -> Self {
        let app = App::start(config, clock.clone()).await.unwrap();
        let token = bridge::token(&app, &Scope::ALL);
        Self { app, token }
    }

    async fn ask(&self, method: Method, path: &str, header: (&str, &str)) -> Answer {
        let url = format!("http://{}{path}", self.app.address());
        Bridge::send(
            http().request(method, url).bearer_auth(&self.token).header(header.0, header.1),
        )
        .await
    }

    async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, ("Accept", "*/*")).await.json()
    }

    /// Waits until this number of teammates is served.
    async fn until_shown(&self, people: usize, what: &str) {
        eventually(&format!("{people} teammates are served, {what}"), async || {
            let users = self.get("/scim/v2/Users?count=0").await;
            if users["totalResults"] == json!(people) { Ok(()) } else { Err(users) }
        })
        .await;
    }

    /// Waits until an import has succeeded since the bridge was started.
    async fn until_imported(&self) -> Value {
        eventually("an import succeeds", async || {
            let status = self.get("/api/v1/status").await;
            let has_succeeded = status["last_import"]["status"] == json!("succeeded");
            if has_succeeded { Ok(status) } else { Err(status) }
        })
        .await
    }

    /// Tries every way to start an import. Each must find the teammate who joined just before.
    async fn every_way_works(&self, simulator: &Simulator, people: &mut usize, what: &str) {
        let mut hire = || {
            *people += 1;
            simulator.change(|workspace| workspace.add_teammate(&format!("New Comer {people}")));
            *people
        };
        // A query that asks for the current state.
        let expected = hire();
        let fresh =
            self.ask(Method::GET, "/scim/v2/Users?count=0", ("Cache-Control", "no-cache")).await;
        assert_eq!(fresh.json()["totalResults"], json!(expected), "{what}");
        assert!(
            fresh.header("age").parse::<u64>().unwrap() < 60,
            "{what}: {}",
            fresh.header("age")
        );
        // A client requests an import.
        let newest = self.get("/api/v1/imports?limit=1").await["items"][0]["id"].as_i64().unwrap();
        let expected = hire();
        let run = self.ask(Method::POST, "/api/v1/imports", ("Prefer", "wait=30")).await.json();
        assert!(
            run["status"] == json!("succeeded") && run["id"].as_i64().unwrap() > newest,
            "{what}: {run}"
        );
        self.until_shown(expected, what).await;
        // A webhook.
        let expected = hire();
        let body = r#"{"topic": "admin.added_to_workspace", "app_id": "wjw5eps7"}"#;
        let url = format!("http://{}/webhooks/intercom/default", self.app.address());
        let webhook = http().post(url).header("X-Hub-Signature", signature(body)).body(body);
        assert_eq!(Bridge::send(webhook).await.status, 200, "{what}");
        self.until_shown(expected, what).await;
    }

    /// Returns the codes of the problems with times that `/status` and `/readyz` both report.
    async fn time_problems(&self) -> Vec<String> {
        let codes = |problems: &Value| -> BTreeSet<String> {
            let problems = problems.as_array().unwrap().iter();
            problems
                .map(|problem| {
                    assert!(
                        !problem["detail"].as_str().unwrap().is_empty()
                            && problem["remedy"].is_string()
                    );
                    problem["code"].as_str().unwrap().to_owned()
                })
                .collect()
        };
        let ready = self.get("/readyz").await;
        let status = self.get("/api/v1/status").await;
        let ready = ready["workspaces"][0].clone();
        assert!(status["age_seconds"].is_u64() || status["age_seconds"].is_null(), "{status}");
        codes(&status["time_problems"])
            .intersection(&codes(&ready["time_problems"]))
            .cloned()
            .collect()
    }

    async fn stop(self) {
        self.app.stop().await;
    }
}

fn polling(config: &Config) -> Config {
    let mut config = config.clone();
    config.import.poll_interval = Some(Duration::from_secs(1));
    config
}

async fn recorded_by_a_wrong_clock(database: TestDatabase, ahead: time::Duration) {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let config = bridge::config(&database, &simulator.base_url());
    let mut people = 12;
    let what = format!("{ahead} ahead");
    let wrong = Standing::start(&config, &Clock::wrong_by(ahead)).await;
    wrong.until_shown(people, &what).await;
    let status = wrong.until_imported().await;
    wait_for(&wrong, "clock_wrong").await;
    wrong.stop().await;

    // The clock is corrected.
    let right = Standing::start(&config, &Clock::System).await;
    right.until_imported().await;
    right.every_way_works(&simulator, &mut people, &what).await;
    if ahead.is_positive() {
        wait_for(&right, "times_in_the_future").await;
        let metrics = right.ask(Method::GET, "/metrics", ("Accept", "*/*")).await.text;
        let ahead = metrics
            .lines()
            .find_map(|line| line.strip_prefix("bridge_recorded_time_ahead_seconds{"));
        let ahead = ahead.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        assert!(ahead.unwrap() > 3_000.0, "{metrics}");
    }
    assert!(!right.time_problems().await.contains(&"clock_wrong".to_owned()), "{status}");
    // The current state is also the state at this moment, whatever was recorded before.
    let now = intercom_scim_bridge::date_time::written(Clock::System.now()).to_string();
    let path = format!("/api/v1/accounts?limit=1&as_of={now}");
    let accounts = right.get(&path).await;
    assert_eq!(accounts["total"], json!(people), "{what}");
    // A client that continues after the latest change that it has seen misses none.
    let users = right.get("/scim/v2/Users?count=1000").await;
    let changed = |name: &str| {
        let users = users["Resources"].as_array().unwrap().iter();
        let user = users.filter(|user| user["displayName"] == json!(name));
        user.map(|user| user["meta"]["lastModified"].as_str().unwrap().to_owned()).next().unwrap()
    };
    assert!(
        changed("New Comer 13") < changed("New Comer 14")
            && changed("New Comer 14") < changed("New Comer 15")
    );
    let first = users["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["meta"]["lastModified"].as_str().unwrap());
    assert!(first.min().unwrap() < &*changed("New Comer 13"));
    right.stop().await;

    // The schedule also continues.
    let right = Standing::start(&polling(&config), &Clock::System).await;
    right.until_imported().await;
    simulator.change(|workspace| workspace.add_teammate("Found By The Clock"));
    right.until_shown(people + 1, &what).await;
    right.stop().await;
    let ledger = database.ledger().await;
    assert_eq!(ledger.verify("default", None).await.unwrap().findings, []);
    simulator.stop().await;
}

/// Waits until this problem with times is reported.
async fn wait_for(standing: &Standing, code: &str) {
    eventually(&format!("{code} is reported"), async || {
        let problems = standing.time_problems().await;
        if problems.iter().any(|problem| problem == code) { Ok(()) } else { Err(problems) }
    })
    .await;
}

async fn an_import_that_was_recorded_days_ahead_stops_nothing(database: TestDatabase) {
    Box::pin(recorded_by_a_wrong_clock(database, time::Duration::days(40))).await;
}

async fn an_import_that_was_recorded_hours_ahead_stops_nothing(database: TestDatabase) {
    Box::pin(recorded_by_a_wrong_clock(database, time::Duration::hours(2))).await;
}

async fn an_import_that_was_recorded_in_the_past_stops_nothing(database: TestDatabase) {
    Box::pin(recorded_by_a_wrong_clock(database, time::Duration::days(-3))).await;
}

async fn a_clock_that_is_set_while_the_bridge_runs_stops_nothing(database: TestDatabase) {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let config = polling(&bridge::config(&database, &simulator.base_url()));
    let clock = Clock::wrong_by(time::Duration::days(40));
    let mut people = 12;
    let mut standing = Standing::start(&config, &clock).await;
    standing.until_imported().await;
    for by in [time::Duration::days(-40), time::Duration::hours(-2), time::Duration::days(3)] {
        let what = format!("set by {by}");
        clock.set_by(by);
        // Tokens expire by the time of day.
        standing.token = bridge::token(&standing.app, &Scope::ALL);
        standing.every_way_works(&simulator, &mut people, &what).await;
        people += 1;
        simulator
            .change(|workspace| workspace.add_teammate(&format!("Found By The Clock {people}")));
        standing.until_shown(people, &what).await;
    }
    standing.stop().await;
    simulator.stop().await;
}

async fn bridges_whose_clocks_are_an_hour_apart_share_the_work_and_each_goes_on_alone(
    database: TestDatabase,
) {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let config = polling(&bridge::config(&database, &simulator.base_url()));
    let ledger = database.ledger().await;
    let ahead = Standing::start(&config, &Clock::wrong_by(time::Duration::hours(1))).await;
    let right = Standing::start(&config, &Clock::System).await;
    ahead.until_imported().await;
    right.until_imported().await;
    let began = count(&ledger).await;
    let started = Instant::now();
    until("six imports have begun", async || count(&ledger).await >= began + 6).await;
    let seconds = started.elapsed().as_secs();
    assert!(seconds >= 3, "six imports in {seconds} s, although one a second is wanted");
    let mut people = 12;
    ahead.every_way_works(&simulator, &mut people, "beside a bridge that is behind").await;
    right.every_way_works(&simulator, &mut people, "beside a bridge that is ahead").await;
    ahead.stop().await;
    people += 1;
    simulator.change(|workspace| workspace.add_teammate("After The Other Was Stopped"));
    right.until_shown(people, "after the one that is ahead was stopped").await;
    let ahead = Standing::start(&config, &Clock::wrong_by(time::Duration::hours(1))).await;
    ahead.until_imported().await;
    right.stop().await;
    people += 1;
    simulator.change(|workspace| workspace.add_teammate("And The Other Way Round"));
    ahead.until_shown(people, "after the one that is right was stopped").await;
    ahead.stop().await;
    assert_eq!(ledger.verify("default", None).await.unwrap().findings, []);
    simulator.stop().await;
}

/// Neither bridge polls: each import was requested.
async fn after_a_bridge_whose_clock_is_ahead_stops_the_other_imports_at_once(
    database: TestDatabase,
) {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let config = bridge::config(&database, &simulator.base_url());
    let mut people = 12;
    let right = Standing::start(&config, &Clock::System).await;
    right.until_imported().await;
    for round in 0..2 {
        let hour_ahead = Clock::wrong_by(time::Duration::hours(1));
        let ahead = Standing::start(&config, &hour_ahead).await;
        ahead.until_imported().await;
        ahead.every_way_works(&simulator, &mut people, "the newest run is an hour ahead").await;
        ahead.stop().await;
        let what = format!("round {round}, after the one that is ahead was stopped");
        right.every_way_works(&simulator, &mut people, &what).await;
    }
    // A rolling restart: each bridge is replaced while the other one serves.
    let mut standing = [right, Standing::start(&config, &Clock::System).await];
    for place in [0, 1, 0] {
        let next = Standing::start(&config, &Clock::System).await;
        std::mem::replace(&mut standing[place], next).stop().await;
        for bridge in &standing {
            bridge.until_shown(people, "from the start").await;
            bridge.every_way_works(&simulator, &mut people, "in a rolling restart").await;
        }
    }
    for bridge in standing {
        bridge.stop().await;
    }
    let ledger = database.ledger().await;
    assert_eq!(ledger.verify("default", None).await.unwrap().findings, []);
    simulator.stop().await;
}

async fn count(ledger: &Ledger) -> u64 {
    ledger.count_runs("default").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_for_the_present_make_one_import_a_second_however_many_ask() {
    let bridge = Bridge::serving(dozen()).await;
    let ask = async || {
        let request =
            bridge.request(Method::GET, "/scim/v2/Users?count=0").bearer_auth(&bridge.token);
        assert_eq!(Bridge::send(request.header("Cache-Control", "no-cache")).await.status, 200);
    };
    let before = runs(&bridge).await.len();
    let began = Instant::now();
    let mut rounds = 0;
    // Requests one after the other, and several at once.
    while began.elapsed() < Duration::from_secs(3) {
        tokio::join!(ask(), ask(), ask(), ask());
        rounds += 1;
    }
    let seconds = began.elapsed().as_secs() + 1;
    let made = runs(&bridge).await.len() - before;
    assert!(
        rounds > 1 && made > 1,
        "those who ask are not held up for long: {rounds} rounds, {made} imports"
    );
    assert!(made as u64 <= seconds + 1, "{made} imports in {seconds} s");
    bridge.stop().await;
}

async fn runs(bridge: &Bridge) -> Vec<Run> {
    bridge.app.service().stores.ledger.runs("default", None, 1_000).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_during_an_import_gets_a_state_no_older_than_itself() {
    let bridge = Bridge::serving(dozen()).await;
    let post = async |prefer: &str| bridge::start_import(&bridge, "", prefer).await.json();
    let people = async |cache: &str| {
        let request =
            bridge.request(Method::GET, "/scim/v2/Users?count=0").bearer_auth(&bridge.token);
        Bridge::send(request.header("Cache-Control", cache)).await.json()["totalResults"].clone()
    };
    let mut expected = 12;
    for way in ["post", "question"] {
        // The importer has read the list of admins, and waits for the list of teams.
        bridge.simulator.fail(simulator::Fault::Slow(Duration::from_secs(2)), "/teams", 1);
        let _ = bridge.simulator.take_calls();
        assert_eq!(post("").await["status"], json!("running"));
        until("the import reads the teams", async || {
            bridge.simulator.take_calls().iter().any(|call| call == "GET /teams")
        })
        .await;
        expected += 1;
        bridge
            .simulator
            .change(|workspace| workspace.add_teammate(&format!("New Comer {expected}")));
        if way == "post" {
            assert_eq!(post("wait=30").await["status"], json!("succeeded"));
            assert_eq!(people("max-age=300").await, json!(expected));
        } else {
            assert_eq!(people("no-cache").await, json!(expected));
        }
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_that_recorded_times_lie_in_the_future() {
    let database = TestDatabase::sqlite();
    let (hand, _) = Hand::small(database).await;
    hand.clock.set_by(Clock::System.now() - START + time::Duration::days(40));
    hand.full().await;
    let shell = crate::support::shell::Shell::new()
        .set("DATABASE_URL", &hand.database.url)
        .set("INTERCOM_ACCESS_TOKEN", crate::support::hand::TOKEN)
        .set("INTERCOM_BASE_URL", hand.simulator.base_url());
    let checked = shell.run(&["check"]);
    let line = checked.stdout.lines().find(|line| line.contains(" times ")).unwrap_or_default();
    assert!(
        line.starts_with("warning") && line.contains("days ahead") && line.contains("NTP"),
        "{}",
        checked.stdout
    );
}
