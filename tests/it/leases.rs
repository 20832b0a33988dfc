//! Leases: one process at a time imports a workspace.

use std::time::Duration;

use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::directory::{ImportRequest, Mode, Run, RunStatus};
use intercom_scim_bridge::ledger::{Ledger, LedgerError};
use simulator::{Fault, Options, Simulator};

use crate::on_both_databases;
use crate::support::bridge::{dozen, free_port};
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START, TOKEN, request};
use crate::support::shell::Shell;
use crate::support::waiting::{self, eventually};

const TTL: Duration = Duration::from_secs(15);

on_both_databases!(
    a_lease_is_one_process_s_until_it_ends_or_is_given_back,
    a_lease_that_is_renewed_does_not_end,
    of_many_processes_one_gets_the_lease,
    a_process_that_slept_through_its_lease_cannot_commit,
    a_second_import_neither_waits_nor_writes_while_one_runs,
    a_run_that_was_given_up_is_marked_as_interrupted,
    a_token_of_another_workspace_is_refused,
    at_most_one_run_of_each_mode_is_queued,
    concurrent_requests_share_one_queued_run,
    runs_begin_in_the_order_of_their_numbers,
    a_queued_run_outlives_the_process_that_took_it,
    a_run_that_was_queued_long_ago_is_not_started,
    an_import_that_a_panic_ended_gives_its_lease_back,
    when_an_importing_process_is_killed_the_next_takes_over_at_once,
    a_stopped_process_keeps_its_lease_while_it_exists,
);

async fn a_lease_is_one_process_s_until_it_ends_or_is_given_back(database: TestDatabase) {
    let ledger = database.ledger().await;
    let clock = Clock::manual(START);
    let first = ledger.lease("default", "a", TTL, &clock).await.unwrap().unwrap();
    assert_eq!(ledger.lease("default", "b", TTL, &clock).await.unwrap(), None);
    clock.advance(TTL.saturating_sub(Duration::from_millis(1)));
    assert_eq!(ledger.lease("default", "b", TTL, &clock).await.unwrap(), None);
    assert!(
        ledger.lease("other", "b", TTL, &clock).await.unwrap().is_some(),
        "each workspace has its own"
    );
    clock.advance(Duration::from_millis(1));
    let second = ledger.lease("default", "b", TTL, &clock).await.unwrap().unwrap();
    assert!(second.fence > first.fence);
    assert!(!ledger.renew(&first, TTL, clock.now()).await.unwrap(), "what is lost stays lost");
    ledger.release(&first, clock.now()).await.unwrap();
    assert_eq!(
        ledger.lease("default", "c", TTL, &clock).await.unwrap(),
        None,
        "only the holder gives it back"
    );
    ledger.release(&second, clock.now()).await.unwrap();
    assert!(ledger.lease("default", "c", TTL, &clock).await.unwrap().is_some());
}

async fn a_lease_that_is_renewed_does_not_end(database: TestDatabase) {
    let ledger = database.ledger().await;
    let clock = Clock::manual(START);
    let lease = ledger.lease("default", "a", TTL, &clock).await.unwrap().unwrap();
    assert_eq!(ledger.lease("default", "b", TTL, &clock).await.unwrap(), None);
    // The second renewal happens within the same millisecond.
    for _ in 0..2 {
        clock.advance(TTL.saturating_sub(Duration::from_millis(1)));
        assert!(ledger.renew(&lease, TTL, START).await.unwrap());
        assert_eq!(ledger.lease("default", "b", TTL, &clock).await.unwrap(), None);
    }
    assert_eq!(ledger.held_fence("default", &clock).await.unwrap(), Some(lease.fence));
    clock.advance(TTL);
    assert_eq!(ledger.held_fence("default", &clock).await.unwrap(), None);
    assert!(ledger.lease("default", "b", TTL, &clock).await.unwrap().is_some());
}

async fn of_many_processes_one_gets_the_lease(database: TestDatabase) {
    let ledger = database.ledger().await;
    let clock = Clock::manual(START);
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..12 {
        let ledger = ledger.clone();
        let clock = clock.clone();
        asking.spawn(async move {
            ledger.lease("default", &format!("process {number}"), TTL, &clock).await.unwrap()
        });
    }
    assert_eq!(asking.join_all().await.into_iter().flatten().count(), 1);
}

async fn a_process_that_slept_through_its_lease_cannot_commit(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    hand.simulator
        .change(|workspace| workspace.admin_mut(small.ada).unwrap().has_inbox_seat = true);
    let plan = hand.importer.dry_run(Mode::Full, &|_| {}).await.unwrap().plan;
    let (slept, run) = hand.start_run().await;
    assert_eq!(hand.ledger.lease("default", "the next", TTL, &hand.clock).await.unwrap(), None);
    hand.clock.advance(TTL * 2);
    let next = hand.ledger.lease("default", "the next", TTL, &hand.clock).await.unwrap().unwrap();
    let error = hand.ledger.commit(&slept, &run, &plan, || hand.clock.now()).await.unwrap_err();
    assert!(matches!(error, LedgerError::LeaseLost), "{error}");
    assert_eq!(hand.ledger.generation("default").await.unwrap(), 1);
    let recorded = hand.ledger.run("default", run.id).await.unwrap().unwrap();
    assert_eq!(recorded.status, RunStatus::Interrupted);
    // What the process writes afterwards does not change the record either.
    hand.ledger.finish_run(&run).await.unwrap();
    assert_eq!(
        hand.ledger.run("default", run.id).await.unwrap().unwrap().status,
        RunStatus::Interrupted
    );
    let run = hand.ledger.start_run(&next, &request(Mode::Full), &hand.clock).await.unwrap();
    assert_eq!(
        hand.ledger.commit(&next, &run, &plan, || hand.clock.now()).await.unwrap().generation,
        Some(2)
    );
}

async fn a_second_import_neither_waits_nor_writes_while_one_runs(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let (lease, run) = hand.start_run().await;
    assert_eq!(hand.importer.run_once(&request(Mode::Full), &|_| {}).await.unwrap(), None);
    let under_way = hand.ledger.run_under_way("default", &hand.clock).await.unwrap();
    assert_eq!(under_way.map(|run| run.id), Some(run.id));
    hand.importer.release(&lease).await;
    assert_eq!(hand.ledger.run_under_way("default", &hand.clock).await.unwrap(), None);
    assert_eq!(hand.full().await.status, RunStatus::Succeeded);
}

async fn a_run_that_was_given_up_is_marked_as_interrupted(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let (lease, run) = hand.start_run().await;
    hand.importer.release(&lease).await;
    let recorded = hand.ledger.run("default", run.id).await.unwrap().unwrap();
    assert_eq!(
        (recorded.status, recorded.error.unwrap().code.as_str()),
        (RunStatus::Interrupted, "interrupted")
    );
}

async fn a_token_of_another_workspace_is_refused(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    hand.full().await;
    let before = hand.recorded().await;
    hand.simulator.change(|workspace| "an0ther1".clone_into(&mut workspace.id_code));
    let run = hand.full().await;
    assert_eq!(run.status, RunStatus::Failed);
    let error = run.error.unwrap();
    assert_eq!(error.code, "another_workspace");
    assert!(
        error.detail.contains("an0ther1") && error.remedy.contains("INTERCOM_ACCESS_TOKEN"),
        "{error:?}"
    );
    assert_eq!(hand.recorded().await, before);

    // A process that starts now reads the id of the workspace once, even for an incremental import.
    let fresh = hand.another_importer();
    let run = fresh.run_once(&request(Mode::Incremental), &|_| {}).await.unwrap().unwrap();
    assert_eq!(
        (run.status, run.error.unwrap().code.as_str()),
        (RunStatus::Failed, "another_workspace")
    );
    assert_eq!(hand.recorded().await, before);
}

/// Queues a run.
async fn queue(hand: &Hand, mode: Mode, allow_removals: bool) -> Run {
    let request =
        ImportRequest { requested_by: Some("ops".to_owned()), allow_removals, ..request(mode) };
    hand.ledger.queue_run("default", &request, &hand.clock).await.unwrap()
}

async fn at_most_one_run_of_each_mode_is_queued(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    assert!(!hand.ledger.has_queued("default", &hand.clock).await.unwrap());
    let first = queue(&hand, Mode::Incremental, false).await;
    assert_eq!(
        (first.id, first.status, first.queued_at),
        (1, RunStatus::Queued, Some(hand.clock.now()))
    );
    assert_eq!(queue(&hand, Mode::Incremental, false).await, first);
    let full = queue(&hand, Mode::Full, false).await;
    assert_eq!((full.id, full.mode), (2, Mode::Full), "it does more");
    assert_eq!(queue(&hand, Mode::Full, false).await, full);
    assert_eq!(queue(&hand, Mode::Incremental, false).await, first, "the first that does it");
    let allowing = queue(&hand, Mode::Full, true).await;
    assert_eq!((allowing.id, allowing.allow_removals), (2, true));
    assert_eq!(hand.ledger.run("default", 2).await.unwrap(), Some(allowing));
    assert_eq!(hand.ledger.runs("default", None, 10).await.unwrap().len(), 2);
    assert!(hand.ledger.has_queued("default", &hand.clock).await.unwrap());
    assert!(!hand.ledger.has_queued("other", &hand.clock).await.unwrap());
    assert_eq!(
        hand.ledger.run_under_way("default", &hand.clock).await.unwrap(),
        None,
        "neither has begun"
    );
    assert_eq!(hand.ledger.last_ended("default").await.unwrap(), None, "nor ended");
}

async fn concurrent_requests_share_one_queued_run(database: TestDatabase) {
    let ledger = database.ledger().await;
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..12 {
        let ledger = ledger.clone();
        let mode = if number % 2 == 0 { Mode::Full } else { Mode::Incremental };
        asking.spawn(async move {
            let clock = Clock::manual(START);
            let request = ImportRequest { allow_removals: number == 4, ..request(mode) };
            ledger.queue_run("default", &request, &clock).await.unwrap()
        });
    }
    let given = asking.join_all().await;
    let runs = ledger.runs("default", None, 100).await.unwrap();
    assert!(runs.len() <= 2, "{runs:?}");
    let full = runs.iter().find(|run| run.mode == Mode::Full).unwrap();
    assert!(full.allow_removals, "one of them let removals through");
    assert!(
        given
            .iter()
            .all(|given| runs.iter().any(|run| run.id == given.id && run.mode >= given.mode))
    );
}

async fn runs_begin_in_the_order_of_their_numbers(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    hand.full().await;
    let incremental = queue(&hand, Mode::Incremental, false).await;
    let full = queue(&hand, Mode::Full, true).await;
    // The next import takes the queued runs first, and reads at least as much as its own request
    // needs.
    let first =
        hand.importer.run_once(&request(Mode::Incremental), &|_| {}).await.unwrap().unwrap();
    assert_eq!(
        (first.id, first.mode, first.status),
        (incremental.id, Mode::Incremental, RunStatus::Succeeded)
    );
    assert_eq!(
        (first.queued_at, first.requested_by.as_deref()),
        (incremental.queued_at, Some("ops"))
    );
    let next = hand.importer.run_once(&request(Mode::Incremental), &|_| {}).await.unwrap().unwrap();
    assert_eq!((next.id, next.mode, next.allow_removals), (full.id, Mode::Full, true));
    let own = hand.importer.run_once(&request(Mode::Incremental), &|_| {}).await.unwrap().unwrap();
    assert_eq!((own.id, own.queued_at), (full.id + 1, None));
    queue(&hand, Mode::Incremental, false).await;
    let raised = hand.importer.run_once(&request(Mode::Full), &|_| {}).await.unwrap().unwrap();
    assert_eq!((raised.mode, request(Mode::Full).is_done_by(&raised)), (Mode::Full, true));
    assert!(!hand.ledger.has_queued("default", &hand.clock).await.unwrap());
}

async fn a_queued_run_outlives_the_process_that_took_it(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let (lease, running) = hand.start_run().await;
    let queued = queue(&hand, Mode::Full, true).await;
    assert_ne!(queued.id, running.id);
    hand.importer.release(&lease).await;
    let status = async |id| hand.ledger.run("default", id).await.unwrap().unwrap().status;
    assert_eq!(
        (status(running.id).await, status(queued.id).await),
        (RunStatus::Interrupted, RunStatus::Queued)
    );
    let run = hand
        .another_importer()
        .run_once(&request(Mode::Incremental), &|_| {})
        .await
        .unwrap()
        .unwrap();
    assert_eq!((run.id, run.status), (queued.id, RunStatus::Succeeded));
    assert_eq!(hand.ledger.verify("default", None).await.unwrap().findings, []);
}

async fn a_run_that_was_queued_long_ago_is_not_started(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let old = queue(&hand, Mode::Full, true).await;
    hand.clock.advance(Duration::from_hours(2));
    let fresh = queue(&hand, Mode::Full, false).await;
    assert_eq!(
        (fresh.id, fresh.allow_removals),
        (old.id + 1, false),
        "it is no part of what was wanted then"
    );
    let marked = hand.ledger.run("default", old.id).await.unwrap().unwrap();
    assert_eq!(
        (marked.status, marked.error.unwrap().code.as_str()),
        (RunStatus::Interrupted, "interrupted")
    );
    assert_eq!(hand.full().await.id, fresh.id);
}

async fn an_import_that_a_panic_ended_gives_its_lease_back(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let (_, run) = hand.start_run().await;
    assert_eq!(hand.importer.run_once(&request(Mode::Full), &|_| {}).await.unwrap(), None);
    hand.importer.release_left_over().await;
    assert_eq!(
        hand.ledger.run("default", run.id).await.unwrap().unwrap().status,
        RunStatus::Interrupted
    );
    assert_eq!(hand.full().await.status, RunStatus::Succeeded);
}

/// A shell in which a lease lasts longer than any test.
fn shell(database: &TestDatabase, intercom: &str, port: u16) -> Shell {
    Shell::new()
        .set("DATABASE_URL", &database.url)
        .set("INTERCOM_ACCESS_TOKEN", TOKEN)
        .set("INTERCOM_BASE_URL", intercom)
        .set("BRIDGE_SERVER__BIND", format!("127.0.0.1:{port}"))
        .set("BRIDGE_IMPORT__POLL_INTERVAL", "off")
        .set("BRIDGE_IMPORT__LEASE", "10m")
        .set("RUST_LOG", "off")
}

/// Waits until the runs fulfil the condition, and returns them.
async fn until(ledger: &Ledger, expected: &str, condition: impl Fn(&[Run]) -> bool) -> Vec<Run> {
    eventually(expected, async || {
        let runs = ledger.runs("default", None, 100).await.unwrap();
        if condition(&runs) { Ok(runs) } else { Err(runs) }
    })
    .await
}

async fn when_an_importing_process_is_killed_the_next_takes_over_at_once(database: TestDatabase) {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let ledger = database.ledger().await;
    let shell = shell(&database, &simulator.base_url(), free_port());
    for command in [&["serve"][..], &["import", "full"]] {
        simulator.fail_from_now_on(Fault::Slow(Duration::from_mins(5)), "/teams");
        let began = ledger.runs("default", None, 1).await.unwrap().first().map_or(0, |run| run.id);
        let killed = shell.start(command);
        let runs = until(&ledger, "an import begins", |runs| {
            runs.first().is_some_and(|run| run.id > began)
        })
        .await;
        let dead = runs[0].id;
        let request = ImportRequest { allow_removals: true, ..request(Mode::Full) };
        let queued = ledger.queue_run("default", &request, &Clock::System).await;
        let queued = queued.unwrap().id;
        // SIGKILL: the process cannot give back its lease.
        drop(killed);
        simulator.heal();
        let successor = shell.start(&["serve"]);
        let ended = |runs: &[Run]| {
            runs.iter().any(|run| run.id == queued && run.status == RunStatus::Succeeded)
        };
        let runs = until(&ledger, "another process takes over", ended).await;
        let dead = runs.iter().find(|run| run.id == dead).unwrap();
        assert_eq!(dead.status, RunStatus::Interrupted, "{command:?}");
        assert_eq!(successor.interrupt().code, Some(0));
    }
    assert_eq!(ledger.verify("default", None).await.unwrap().findings, []);
    simulator.stop().await;
}

async fn a_stopped_process_keeps_its_lease_while_it_exists(database: TestDatabase) {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let ledger = database.ledger().await;
    simulator.fail_from_now_on(Fault::Slow(Duration::from_mins(5)), "/teams");
    let shell = shell(&database, &simulator.base_url(), free_port());
    let there = shell.start(&["serve"]);
    let under_way = |runs: &[Run]| runs.first().is_some_and(|run| run.status == RunStatus::Running);
    until(&ledger, "an import begins", under_way).await;
    // The process is stopped, but it exists, and may continue at any time.
    there.signal("STOP");
    for _ in 0..3 {
        assert_eq!(ledger.lease("default", "the next", TTL, &Clock::System).await.unwrap(), None);
        assert!(ledger.run_under_way("default", &Clock::System).await.unwrap().is_some());
    }
    drop(there);
    waiting::until("another process can take over", async || {
        ledger.lease("default", "the next", TTL, &Clock::System).await.unwrap().is_some()
    })
    .await;
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_files_beside_a_database_go_with_their_processes() {
    let database = TestDatabase::sqlite();
    let file = database
        .url
        .strip_prefix("sqlite://")
        .unwrap()
        .strip_suffix("?mode=rwc")
        .unwrap()
        .to_owned();
    let directory = std::path::Path::new(&file).parent().unwrap();
    let locks = || {
        let names = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains(".lock-")).collect::<Vec<String>>()
    };
    let ledger = database.ledger().await;
    assert!(locks().is_empty(), "who does not import needs none");
    let clock = Clock::manual(START);
    let lease = ledger.lease("default", "a", TTL, &clock).await.unwrap().unwrap();
    let other = ledger.lease("other", "a", TTL, &clock).await.unwrap().unwrap();
    assert_eq!(locks().len(), 1, "one of the process, whatever it imports");
    ledger.release(&lease, START).await.unwrap();
    ledger.release(&other, START).await.unwrap();
    ledger.close().await;
    assert!(locks().is_empty());

    // A killed process leaves its lock file behind, unlocked.
    let left_behind = format!("{file}.lock-0123456789abcdef");
    std::fs::write(&left_behind, "").unwrap();
    let ledger = database.ledger().await;
    ledger.lease("default", "b", TTL, &clock).await.unwrap().unwrap();
    assert_eq!(locks().len(), 1);
    assert!(!std::path::Path::new(&left_behind).exists());
    ledger.close().await;
}
