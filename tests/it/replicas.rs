//! Several bridges on one PostgreSQL: two real processes, one truth.

use std::time::{Duration, Instant};

use intercom_scim_bridge::directory::{Run, RunStatus};
use intercom_scim_bridge::ledger::Ledger;
use serde_json::{Value, json};
use simulator::{Fault, Options, Simulator};

use crate::support::bridge::{Bridge, ENCRYPTION_KEY, dozen, free_port, http};
use crate::support::database::TestDatabase;
use crate::support::hand::TOKEN;
use crate::support::shell::{Running, Shell};
use crate::support::waiting::{eventually, until};

struct Pair {
    simulator: Simulator,
    ledger: Ledger,
    token: String,
    shells: [Shell; 2],
    ports: [u16; 2],
    /// `None` once the test has ended it.
    bridges: [Option<Running>; 2],
}

/// Starts two bridges on one database; `None` without PostgreSQL.
async fn pair(poll_interval: &str) -> Option<Pair> {
    let Some(database) = TestDatabase::postgres().await else {
        eprintln!("skipped: TEST_POSTGRES_URL is not set (./scripts/test sets it)");
        return None;
    };
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let ports = [free_port(), free_port()];
    let shells = ports.map(|port| {
        Shell::new()
            .set("DATABASE_URL", &database.url)
            .set("INTERCOM_ACCESS_TOKEN", TOKEN)
            .set("INTERCOM_BASE_URL", simulator.base_url())
            .set("BRIDGE_SERVER__BIND", format!("127.0.0.1:{port}"))
            .set("BRIDGE_IMPORT__POLL_INTERVAL", poll_interval)
            .set("BRIDGE_ACCESS__ENCRYPTION_KEY", ENCRYPTION_KEY)
            .set("BRIDGE_IMPORT__LEASE", "2s")
            // Tests that wait send many requests.
            .set("BRIDGE_LIMITS__REQUESTS_PER_SECOND", "0")
            .set("RUST_LOG", "off")
    });
    let ledger = database.ledger().await;
    let token = shells[0]
        .run(&["token", "issue", "--scope", "scim.read import.read import.run"])
        .stdout
        .trim()
        .to_owned();
    let mut pair = Pair { simulator, ledger, token, shells, ports, bridges: [None, None] };
    for bridge in [0, 1] {
        pair.bridges[bridge] = Some(pair.shells[bridge].start(&["serve"]));
        pair.until(bridge, "/scim/v2/Users?count=0", |users| users["totalResults"] == json!(12))
            .await;
        // Each bridge starts with an import. Waits until it is over.
        let path = "/api/v1/imports";
        let over = |runs: &Value| {
            let runs = runs["items"].as_array().unwrap();
            runs.len() > bridge && runs.iter().all(|run| run["status"] == json!("succeeded"))
        };
        pair.until(bridge, path, over).await;
    }
    Some(pair)
}

impl Pair {
    /// Repeats a request to one of the two until its response fulfils the condition.
    async fn until(&self, bridge: usize, path: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let url = format!("http://127.0.0.1:{}{path}", self.ports[bridge]);
        eventually(&format!("bridge {bridge} answers {path} as expected"), async || {
            let response = http().get(&url).bearer_auth(&self.token).send().await;
            let text = response.map_err(|error| error.to_string())?.text().await.unwrap();
            match serde_json::from_str(&text) {
                Ok(json) if condition(&json) => Ok(json),
                _ => Err(text),
            }
        })
        .await
    }

    async fn import(&self, bridge: usize, prefer: &str) -> Value {
        let url = format!("http://127.0.0.1:{}/api/v1/imports", self.ports[bridge]);
        Bridge::send(http().post(url).bearer_auth(&self.token).header("Prefer", prefer))
            .await
            .json()
    }

    async fn runs(&self) -> Vec<Run> {
        let mut runs = self.ledger.runs("default", None, 1_000).await.unwrap();
        runs.reverse();
        runs
    }

    /// Starts a long import through one of the two bridges, and waits until it runs.
    async fn long_import(&self, bridge: usize) -> i64 {
        self.simulator.change(|workspace| workspace.add_teammate("New Comer"));
        self.simulator.fail(Fault::Slow(Duration::from_secs(20)), "/teams", 1);
        // The other bridge may have been stopped with the lease. Then the lease must end first.
        let id = self.import(bridge, "").await["id"].as_i64().unwrap();
        self.until(bridge, &format!("/api/v1/imports/{id}"), |run| {
            run["status"] == json!("running")
        })
        .await;
        id
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bridges_import_one_at_a_time_and_no_more_often_than_one() {
    let Some(pair) = pair("1s").await else { return };
    let began = pair.runs().await.len();
    let started = Instant::now();
    until("six imports have begun", async || pair.runs().await.len() >= began + 6).await;
    let seconds = started.elapsed().as_secs();
    let runs = pair.runs().await;
    let ended: Vec<&Run> = runs.iter().filter(|run| run.finished_at.is_some()).collect();
    assert!(
        ended.windows(2).all(|two| two[0].finished_at.unwrap() <= two[1].started_at),
        "one at a time: {ended:?}"
    );
    assert!(seconds >= 4, "six imports in {seconds} s, although one a second is wanted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_bridge_imports_the_other_shows_too_and_both_know_the_runs() {
    let Some(pair) = pair("1h").await else { return };
    pair.simulator.change(|workspace| workspace.add_teammate("New Comer"));
    let run = pair.import(0, "wait=30").await;
    assert_eq!(run["generation"], json!(2));
    let newcomer = "/scim/v2/Users?filter=displayName+eq+%22new+comer%22";
    let by_each = [
        pair.until(0, newcomer, |users| users["totalResults"] == json!(1)).await,
        pair.until(1, newcomer, |users| users["totalResults"] == json!(1)).await,
    ];
    // Except for their own addresses, both return the same.
    let written = |bridge: usize| {
        let address = format!("127.0.0.1:{}", pair.ports[bridge]);
        let text = by_each[bridge].to_string().replace(&address, "ADDRESS");
        serde_json::from_str::<Value>(&text).map(|mut users| {
            // The version is a hash of the response, which includes the address.
            users["Resources"][0]["meta"]["version"].take();
            users
        })
    };
    assert_eq!(written(0).unwrap(), written(1).unwrap());
    let path = format!("/api/v1/imports/{}", run["id"]);
    assert_eq!(pair.until(1, &path, |_| true).await, run);
    pair.until(1, "/api/v1/status", |status| status["last_import"]["id"] == run["id"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_queued_in_one_bridge_is_given_by_the_other_too() {
    let Some(pair) = pair("1h").await else { return };
    pair.simulator.fail(Fault::Slow(Duration::from_secs(3)), "/teams", 1);
    let under_way = pair.import(0, "").await;
    let first = pair.import(0, "").await;
    assert!(first["status"] == json!("queued") && first["id"] != under_way["id"], "{first}");
    let second = pair.import(1, "").await;
    assert_eq!((&first["id"], &second["status"]), (&second["id"], &json!("queued")));
    let ended = pair.import(1, "wait=30").await;
    assert_eq!((&ended["id"], &ended["status"]), (&first["id"], &json!("succeeded")));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_importing_process_is_killed_the_other_takes_over() {
    let Some(mut pair) = pair("1s").await else { return };
    let other = pair.bridges[1].as_ref().unwrap();
    other.signal("STOP");
    let dead = pair.long_import(0).await;
    other.signal("CONT");
    assert_eq!(pair.ledger.run("default", dead).await.unwrap().unwrap().status, RunStatus::Running);
    pair.bridges[0] = None;
    pair.until(1, "/scim/v2/Users?count=0", |users| users["totalResults"] == json!(13)).await;
    assert_eq!(
        pair.ledger.run("default", dead).await.unwrap().unwrap().status,
        RunStatus::Interrupted
    );
    assert_eq!(pair.ledger.verify("default", None).await.unwrap().findings, []);
    // The first bridge starts again.
    pair.bridges[0] = Some(pair.shells[0].start(&["serve"]));
    pair.until(0, "/scim/v2/Users?count=0", |users| users["totalResults"] == json!(13)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_slept_through_its_lease_cannot_commit_over_its_successor() {
    let Some(pair) = pair("1h").await else { return };
    let slept = pair.long_import(0).await;
    let sleeper = pair.bridges[0].as_ref().unwrap();
    sleeper.signal("STOP");
    // Meanwhile, more changes, and the other bridge imports it.
    pair.simulator.heal();
    pair.simulator.change(|workspace| workspace.add_teammate("Later Comer"));
    let next = eventually("the lease ends and the other bridge imports", async || {
        let run = pair.import(1, "wait=30").await;
        let is_later = run["id"].as_i64().is_some_and(|id| id > slept);
        if is_later && run["status"] == json!("succeeded") { Ok(run) } else { Err(run) }
    })
    .await;
    assert_eq!((&next["generation"], &next["counts"]["users_created"]), (&json!(2), &json!(2)));
    sleeper.signal("CONT");
    pair.until(0, "/scim/v2/Users?count=0", |users| users["totalResults"] == json!(14)).await;
    let run = pair.ledger.run("default", slept).await.unwrap().unwrap();
    assert_eq!((run.status, run.generation), (RunStatus::Interrupted, None));
    assert_eq!(pair.ledger.generation("default").await.unwrap(), 2);
    assert_eq!(pair.ledger.verify("default", None).await.unwrap().findings, []);
}
