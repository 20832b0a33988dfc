//! Faults that an import must survive: killed processes, full disks, and databases and Intercoms
//! that cannot be reached.

use std::time::Duration;

use intercom_scim_bridge::app::App;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::directory::{Mode, RunStatus, Snapshot, Warning};
use intercom_scim_bridge::ledger::Ledger;
use serde_json::{Value, json};
use simulator::{Fault, Options, Simulator, Workspace};

use crate::on_both_databases;
use crate::support::bridge::{Answer, Bridge, config, dozen, free_port, http, token};
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, OPTIONS, START, TOKEN, request};
use crate::support::proxy::{Proxy, Trouble};
use crate::support::shell::{Running, Shell};
use crate::support::waiting::{eventually, pause, until};

on_both_databases!(
    killed_at_any_moment_an_import_is_in_the_ledger_wholly_or_not_at_all,
    temporary_faults_of_intercom_are_retried_and_the_run_counts_the_retries,
    permanent_faults_of_intercom_change_nothing_and_the_run_has_a_remedy,
    odd_data_is_read_as_far_as_possible_with_a_warning,
    an_import_continues_without_an_activity_log_that_its_token_may_not_read,
    a_list_that_shrinks_to_nothing_is_not_believed,
    setting_a_clock_back_delays_no_import,
);

/// The number of kills on each database: more than fifty in all.
const KILLS: usize = 26;

/// A workspace of many people who all change at once.
fn crowd() -> (Workspace, Vec<u64>) {
    let mut workspace = Workspace::new(TOKEN);
    let people: Vec<u64> =
        (0..400).map(|number| workspace.add_teammate(&format!("Teammate {number}"))).collect();
    for team in people.chunks(20) {
        workspace.add_team("Team", team);
    }
    (workspace, people)
}

/// Gives all people the same title, and all teams the same name.
fn rename_all(simulator: &Simulator, people: &[u64], to: &str) {
    simulator.change(|workspace| {
        for id in people {
            workspace.admin_mut(*id).unwrap().job_title = Some(to.to_owned());
        }
        let teams: Vec<u64> = workspace.teams().map(|(id, _)| id).collect();
        for id in teams {
            to.clone_into(&mut workspace.team_mut(id).unwrap().name);
        }
    });
}

/// Returns the title and name that all people and teams share; panics if they differ.
fn shared_name(snapshot: &Snapshot) -> Option<String> {
    let titles =
        snapshot.users.iter().map(|(user, _)| user.value.job_title.as_deref().map(str::to_owned));
    let mut names: Vec<Option<String>> =
        titles.chain(snapshot.groups.iter().map(|group| group.value.name.clone())).collect();
    names.dedup();
    assert!(names.len() <= 1, "a mixture of {names:?} at generation {}", snapshot.generation);
    names.pop().flatten()
}

async fn killed_at_any_moment_an_import_is_in_the_ledger_wholly_or_not_at_all(
    database: TestDatabase,
) {
    let (workspace, people) = crowd();
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    rename_all(&simulator, &people, "first");
    let ledger = database.ledger().await;
    let port = free_port();
    let shell = serving(&database, &simulator.base_url(), port);
    let token = shell.run(&["token", "issue", "--scope", "scim.read"]).stdout;
    let mut dice = 7_u64;
    let mut last = 0;
    let mut interrupted = 0;
    for kill in 0..KILLS {
        let bridge = shell.start(&["serve"]);
        if ledger.generation("default").await.unwrap() > 0 {
            // After each kill, a whole generation is served.
            let users =
                until_ready(port, token.trim(), "/scim/v2/Users?count=1000&attributes=title").await;
            let mut titles: Vec<&Value> =
                users["Resources"].as_array().unwrap().iter().map(|user| &user["title"]).collect();
            titles.dedup();
            assert_eq!((users["totalResults"].clone(), titles.len()), (json!(400), 1));
        }
        // Kills the bridge at a random moment of an import.
        last = started_after(&ledger, last).await;
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        pause(Duration::from_millis((dice >> 33) % 220)).await;
        drop(bridge);

        let generation = ledger.generation("default").await.unwrap();
        if generation > 0 {
            shared_name(&ledger.snapshot("default", generation).await.unwrap());
        }
        assert_eq!(ledger.verify("default", None).await.unwrap().findings, [], "after kill {kill}");
        interrupted += usize::from(
            ledger.run("default", last).await.unwrap().unwrap().status == RunStatus::Running,
        );
        rename_all(&simulator, &people, &format!("after kill {kill}"));
    }
    let bridge = shell.start(&["serve"]);
    let wanted = format!("/scim/v2/Users?filter=title+eq+%22after+kill+{}%22&count=0", KILLS - 1);
    until("everybody is renamed", async || {
        until_ready(port, token.trim(), &wanted).await["totalResults"] == json!(400)
    })
    .await;
    assert_eq!(bridge.interrupt().code, Some(0));
    let latest = ledger.latest("default").await.unwrap();
    assert_eq!(shared_name(&latest), Some(format!("after kill {}", KILLS - 1)));
    let runs = ledger.runs("default", None, 1_000).await.unwrap();
    assert!(runs.iter().all(|run| run.status != RunStatus::Running), "dead runs are marked");
    let marked = runs.iter().filter(|run| run.status == RunStatus::Interrupted).count();
    assert!(
        marked >= interrupted && marked > 0,
        "{marked} of {KILLS} kills hit an import, {interrupted} at least"
    );
    assert_eq!(ledger.verify("default", None).await.unwrap().findings, []);
    simulator.stop().await;
}

/// A shell in which `serve` imports every second.
fn serving(database: &TestDatabase, intercom: &str, port: u16) -> Shell {
    Shell::new()
        .set("DATABASE_URL", &database.url)
        .set("INTERCOM_ACCESS_TOKEN", TOKEN)
        .set("INTERCOM_BASE_URL", intercom)
        .set("BRIDGE_SERVER__BIND", format!("127.0.0.1:{port}"))
        .set("BRIDGE_IMPORT__POLL_INTERVAL", "1s")
        .set("BRIDGE_IMPORT__LEASE", "1s")
        .set("RUST_LOG", "off")
}

/// Repeats a request until the response is 200, and returns its body.
async fn until_ready(port: u16, token: &str, path: &str) -> Value {
    let response = eventually(&format!("the bridge answers {path}"), async || {
        let url = format!("http://127.0.0.1:{port}{path}");
        let response = http().get(url).bearer_auth(token).send().await;
        let response = response.map_err(|error| error.to_string())?;
        if response.status() == 200 { Ok(response) } else { Err(response.status().to_string()) }
    })
    .await;
    response.json().await.unwrap()
}

/// Waits for a run after `last`.
async fn started_after(ledger: &Ledger, last: i64) -> i64 {
    eventually("an import begins", async || {
        let runs = ledger.runs("default", None, 1).await.unwrap();
        runs.first().map(|run| run.id).filter(|id| *id > last).ok_or(runs)
    })
    .await
}

async fn temporary_faults_of_intercom_are_retried_and_the_run_counts_the_retries(
    database: TestDatabase,
) {
    let (hand, _) = Hand::small(database).await;
    hand.full().await;
    for (fault, times) in [
        (Fault::RateLimit(8), 1),
        (Fault::RateLimit(8), 3),
        (Fault::Status(503), 4),
        (Fault::Status(500), 2),
        (Fault::CutOff, 2),
        (Fault::TimeOut, 1),
    ] {
        hand.simulator.fail(fault.clone(), "/teams", times);
        let run = hand.incremental().await;
        assert_eq!((run.status, run.generation), (RunStatus::Succeeded, None), "{fault:?}");
        assert_eq!(
            (run.intercom_retries, run.intercom_calls),
            (u64::from(times), 3 + u64::from(times)),
            "{fault:?}"
        );
    }
    assert_all_runs_ended(&hand).await;
}

async fn permanent_faults_of_intercom_change_nothing_and_the_run_has_a_remedy(
    database: TestDatabase,
) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let before = hand.recorded().await;
    hand.simulator
        .change(|workspace| workspace.remove_admin(small.cy, small.ada, START.unix_timestamp()));
    for (fault, path, code) in [
        (Fault::Status(503), "/admins", "intercom_unavailable"),
        (Fault::Garbage, "/teams", "intercom_unavailable"),
        (Fault::json(200, r#"{"teams":7}"#), "/teams", "intercom_malformed"),
        (Fault::CutOff, "/teams", "intercom_unavailable"),
        (Fault::Unauthorized, "", "intercom_unauthorized"),
        (Fault::Unauthorized, "/teams", "intercom_permission_missing"),
        (Fault::RateLimit(8), "/admins", "intercom_rate_limited"),
    ] {
        hand.simulator.fail_from_now_on(fault.clone(), path);
        let run = hand.incremental().await;
        let error = run.error.clone().unwrap();
        assert_eq!((run.status, error.code.as_str()), (RunStatus::Failed, code), "{fault:?}");
        assert!(!error.detail.is_empty() && !error.remedy.is_empty());
        let recorded = hand.ledger.run("default", run.id).await.unwrap();
        assert_eq!(recorded, Some(run), "the ledger has the same run");
        assert_eq!(hand.recorded().await, before, "{fault:?}");
        hand.simulator.heal();
    }
    let run = hand.incremental().await;
    assert_eq!((run.status, run.counts.users_removed), (RunStatus::Succeeded, 1));
    assert_all_runs_ended(&hand).await;
}

async fn odd_data_is_read_as_far_as_possible_with_a_warning(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    hand.simulator
        .change(|workspace| workspace.team_mut(small.support).unwrap().one_sided = vec![999]);
    let run = hand.importer.dry_run(Mode::Full, &|_| {}).await.unwrap();
    assert_eq!(codes(&run.warnings), ["unknown_member"]);
    assert_all_runs_ended(&hand).await;
}

async fn an_import_continues_without_an_activity_log_that_its_token_may_not_read(
    database: TestDatabase,
) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    hand.simulator
        .change(|workspace| workspace.remove_admin(small.cy, small.ada, START.unix_timestamp()));
    hand.simulator.fail_from_now_on(Fault::Forbidden, "/admins/activity_logs");
    let run = hand.incremental().await;
    assert_eq!((run.status, run.counts.users_removed), (RunStatus::Succeeded, 1));
    assert_eq!(codes(&run.warnings), ["activity_log_forbidden"]);
    assert_all_runs_ended(&hand).await;
}

fn codes(warnings: &[Warning]) -> Vec<&str> {
    warnings.iter().map(|warning| warning.code.as_str()).collect()
}

/// Asserts that the ledger is whole and that no run is left as running.
async fn assert_all_runs_ended(hand: &Hand) {
    assert_eq!(hand.ledger.verify("default", None).await.unwrap().findings, []);
    let runs = hand.ledger.runs("default", None, 100).await.unwrap();
    assert!(runs.iter().all(|run| run.status != RunStatus::Running));
}

async fn a_list_that_shrinks_to_nothing_is_not_believed(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let before = hand.recorded().await;
    let everybody: Vec<(u64, simulator::Admin)> = hand.simulator.change(|workspace| {
        let everybody = workspace.admins().map(|(id, admin)| (id, admin.clone())).collect();
        for id in [small.ada, small.bo, small.cy] {
            workspace.remove_admin(id, id, 0);
        }
        everybody
    });
    for mode in [Mode::Incremental, Mode::Full] {
        let run = hand.import(mode).await;
        assert_eq!(
            (run.status, run.error.unwrap().code.as_str()),
            (RunStatus::Held, "too_many_removals"),
            "{mode:?}"
        );
        assert_eq!(hand.recorded().await, before, "{mode:?}");
    }
    hand.simulator.change(|workspace| {
        for (id, admin) in &everybody {
            workspace.put_back(*id, admin.clone());
        }
        workspace.team_mut(small.support).unwrap().members =
            [(small.ada, None), (small.bo, None)].into();
    });
    let run = hand.incremental().await;
    assert_eq!(
        (run.status, run.generation),
        (RunStatus::Succeeded, None),
        "as if nothing had been"
    );
}

async fn setting_a_clock_back_delays_no_import(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let (_lease, run) = hand.start_run().await;
    // The process dies, and the machine's clock is set back by a day.
    hand.clock.set_by(time::Duration::days(-1));
    let ask = async || {
        hand.ledger.lease("default", "the next", OPTIONS.lease, &hand.clock).await.unwrap()
    };
    assert_eq!(ask().await, None);
    hand.clock.advance(OPTIONS.lease);
    let lease = ask().await;
    assert!(lease.is_some());
    assert_eq!(
        hand.ledger.run("default", run.id).await.unwrap().unwrap().status,
        RunStatus::Interrupted
    );
    hand.ledger.release(&lease.unwrap(), hand.clock.now()).await.unwrap();
    hand.simulator
        .change(|workspace| workspace.admin_mut(small.ada).unwrap().has_inbox_seat = true);
    assert_eq!(hand.import(Mode::Incremental).await.generation, Some(2));
    assert_eq!(hand.ledger.verify("default", None).await.unwrap().findings, []);
}

async fn get(app: &App, token: &str, path: &str) -> Answer {
    Bridge::send(http().get(format!("http://{}{path}", app.address())).bearer_auth(token)).await
}

/// Waits until the status of the workspace has this connection and this problem.
async fn standing(app: &App, token: &str, connection: &str, problem: &Value) -> Value {
    eventually(&format!("the workspace is {connection} because of {problem}"), async || {
        let status = get(app, token, "/api/v1/status").await.json();
        let is_expected =
            status["connection"] == json!(connection) && status["problem"]["code"] == *problem;
        if is_expected { Ok(status) } else { Err(status) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_in_mid_commit_is_waited_for() {
    let Some(mut database) = TestDatabase::postgres().await else {
        return eprintln!("skipped: TEST_POSTGRES_URL is not set (./scripts/test sets it)");
    };
    let url: reqwest::Url = database.url.parse().unwrap();
    let wire = Proxy::before(url.port().unwrap()).await;
    let direct = database.ledger().await;
    database.url =
        database.url.replace(&format!(":{}/", url.port().unwrap()), &format!(":{}/", wire.port));
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let app = App::start(&config(&database, &simulator.base_url()), Clock::System).await.unwrap();
    let token = token(&app, &intercom_scim_bridge::access::Scope::ALL);
    standing(&app, &token, "connected", &json!(null)).await;

    // The connection is cut when the first version is written.
    wire.trouble_before(b"INSERT INTO \"user_versions\"", Trouble::Cut);
    simulator.change(|workspace| workspace.add_teammate("New Comer"));
    let post = http().post(format!("http://{}/api/v1/imports", app.address())).bearer_auth(&token);
    let asked = tokio::spawn(Bridge::send(post));
    wire.is_cut().await;
    standing(&app, &token, "degraded", &json!("ledger")).await;
    // Reads are answered from memory, with their age. Requests that need the database fail with the
    // reason.
    let users = get(&app, &token, "/scim/v2/Users?count=0").await;
    assert_eq!((users.status.as_u16(), users.json()["totalResults"].clone()), (200, json!(12)));
    assert!(users.header("age").parse::<u64>().is_ok());
    let ready = get(&app, &token, "/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), ready.json()["workspaces"][0]["problem"]["code"].clone()),
        (200, json!("ledger"))
    );
    let runs = get(&app, &token, "/api/v1/imports").await;
    assert_eq!(
        (runs.status.as_u16(), runs.json()["code"].clone()),
        (503, json!("ledger_unavailable"))
    );
    assert_eq!(direct.generation("default").await.unwrap(), 1, "nothing of it was committed");

    wire.mend();
    standing(&app, &token, "connected", &json!(null)).await;
    // The publisher serves the committed generation soon after the import ends.
    let shows = app.service().workspaces["default"].live.shows(|shown| shown.generation >= 2);
    tokio::time::timeout(Duration::from_secs(20), shows)
        .await
        .expect("a picture within 20 seconds");
    assert_eq!(get(&app, &token, "/scim/v2/Users?count=0").await.json()["totalResults"], json!(13));
    assert!(asked.await.is_ok());
    let runs = direct.runs("default", None, 10).await.unwrap();
    assert!(
        runs.iter().any(|run| matches!(run.status, RunStatus::Interrupted | RunStatus::Failed))
    );
    assert!(runs.iter().all(|run| run.status != RunStatus::Running));
    assert_eq!(direct.verify("default", None).await.unwrap().findings, []);
    app.stop().await;
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stalls_during_a_commit_does_not_block_another_one() {
    let Some(mut database) = TestDatabase::postgres().await else {
        return eprintln!("skipped: TEST_POSTGRES_URL is not set (./scripts/test sets it)");
    };
    let direct = database.ledger().await;
    let url: reqwest::Url = database.url.parse().unwrap();
    let wire = Proxy::before(url.port().unwrap()).await;
    database.url =
        database.url.replace(&format!(":{}/", url.port().unwrap()), &format!(":{}/", wire.port));
    let (hand, _) = Hand::small(database).await;
    wire.trouble_before(b"INSERT INTO \"user_versions\"", Trouble::Silence);
    let importing =
        tokio::spawn(
            async move { drop(hand.importer.run_once(&request(Mode::Full), &|_| {}).await) },
        );
    let clock = Clock::manual(START);
    let lease = eventually("another process takes over", async || {
        // Its lease was not renewed for long, but its transaction is still open.
        clock.advance(OPTIONS.lease);
        let runs = direct.runs("default", None, 1).await.unwrap();
        let progress = runs.first().and_then(|run| run.progress.clone()).unwrap_or_default();
        if !progress.starts_with("recording") {
            return Err(progress);
        }
        let lease = direct.lease("default", "the next", OPTIONS.lease, &clock).await.unwrap();
        lease.ok_or(progress)
    })
    .await;
    assert!(lease.fence > 1);
    assert_eq!(direct.generation("default").await.unwrap(), 0);
    assert_eq!(direct.runs("default", None, 1).await.unwrap()[0].status, RunStatus::Interrupted);
    importing.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_loses_nothing_and_is_waited_for() {
    let (workspace, people) = crowd();
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    rename_all(&simulator, &people, "before");
    let database = TestDatabase::sqlite();
    let port = free_port();
    let shell = serving(&database, &simulator.base_url(), port);
    let token = shell.run(&["token", "issue", "--scope", "scim.read import.read"]).stdout;
    let bridge: Running = shell.start_on_a_disk_that_may_fill_up(&["serve"]);
    until_ready(port, token.trim(), "/readyz").await;
    let ledger = database.ledger().await;

    bridge.limit_files("4096");
    rename_all(&simulator, &people, "after");
    let status = |path| until_ready(port, token.trim(), path);
    until("the full disk is reported", async || {
        status("/api/v1/status").await["problem"]["code"] == json!("ledger")
    })
    .await;
    let users = status("/scim/v2/Users?filter=title+eq+%22before%22&count=0").await;
    assert_eq!(users["totalResults"], json!(400), "reads go on");

    bridge.limit_files("unlimited");
    eventually("the bridge recovers by itself", async || {
        let renamed = status("/scim/v2/Users?filter=title+eq+%22after%22&count=0").await;
        let standing = status("/api/v1/status").await;
        let is_well = standing["connection"] == json!("connected");
        if is_well && renamed["totalResults"] == json!(400) { Ok(()) } else { Err(standing) }
    })
    .await;
    assert_eq!(bridge.interrupt().code, Some(0));
    assert_eq!(ledger.verify("default", None).await.unwrap().findings, []);
    assert!(
        ledger
            .runs("default", None, 100)
            .await
            .unwrap()
            .iter()
            .all(|run| run.status != RunStatus::Running)
    );
    simulator.stop().await;
}
