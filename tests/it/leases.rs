//! Who may import: one process at a time.

use std::time::Duration;

use intercom_scim_bridge::ledger::{LedgerError, Mode, RunStatus, Trigger};

use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START, request};

const TTL: Duration = Duration::from_secs(15);

on_both_databases!(
    a_lease_is_one_process_s_until_it_ends_or_is_given_back,
    a_lease_that_is_renewed_does_not_end,
    of_many_who_ask_at_once_one_gets_it,
    whoever_sleeps_through_the_end_of_a_lease_cannot_commit_over_the_next,
    an_import_waits_for_nobody_and_writes_nothing_while_another_one_runs,
    a_run_that_was_given_up_is_marked_as_interrupted,
    a_token_of_another_workspace_is_refused,
);

async fn a_lease_is_one_process_s_until_it_ends_or_is_given_back(database: TestDatabase) {
    let ledger = database.ledger().await;
    let first = ledger.lease("default", "a", TTL, START).await.unwrap().unwrap();
    assert_eq!(ledger.lease("default", "b", TTL, START).await.unwrap(), None);
    assert_eq!(ledger.lease("default", "b", TTL, START + TTL - Duration::from_millis(1)).await.unwrap(), None);
    assert!(ledger.lease("other", "b", TTL, START).await.unwrap().is_some(), "each workspace has its own");
    let second = ledger.lease("default", "b", TTL, START + TTL).await.unwrap().unwrap();
    assert!(second.fence > first.fence);
    assert!(!ledger.renew(&first, TTL, START + TTL).await.unwrap(), "what is lost stays lost");
    ledger.release(&first, START + TTL).await.unwrap();
    assert_eq!(ledger.lease("default", "c", TTL, START + TTL).await.unwrap(), None, "only the holder gives it back");
    ledger.release(&second, START + TTL).await.unwrap();
    assert!(ledger.lease("default", "c", TTL, START + TTL).await.unwrap().is_some());
}

async fn a_lease_that_is_renewed_does_not_end(database: TestDatabase) {
    let ledger = database.ledger().await;
    let lease = ledger.lease("default", "a", TTL, START).await.unwrap().unwrap();
    assert!(ledger.renew(&lease, TTL, START + TTL / 2).await.unwrap());
    assert_eq!(ledger.lease("default", "b", TTL, START + TTL).await.unwrap(), None);
    assert_eq!(ledger.held_fence("default", START + TTL).await.unwrap(), Some(lease.fence));
    assert_eq!(ledger.held_fence("default", START + TTL * 2).await.unwrap(), None);
}

async fn of_many_who_ask_at_once_one_gets_it(database: TestDatabase) {
    let ledger = database.ledger().await;
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..12 {
        let ledger = ledger.clone();
        asking.spawn(async move { ledger.lease("default", &format!("process {number}"), TTL, START).await.unwrap() });
    }
    assert_eq!(asking.join_all().await.into_iter().flatten().count(), 1);
}

async fn whoever_sleeps_through_the_end_of_a_lease_cannot_commit_over_the_next(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    hand.simulator.change(|workspace| workspace.admin_mut(small.ada).unwrap().has_inbox_seat = true);
    let (plan, ..) = hand.importer.dry_run(Mode::Full, &|_| {}).await.unwrap();
    let (slept, run) = hand.start_run().await;
    hand.clock.advance(TTL * 2);
    let next = hand.ledger.lease("default", "the next", TTL, hand.clock.now()).await.unwrap().unwrap();
    let error = hand.ledger.commit(&slept, &run, &plan, || hand.clock.now()).await.unwrap_err();
    assert!(matches!(error, LedgerError::LeaseLost), "{error}");
    assert_eq!(hand.ledger.generation("default").await.unwrap(), 1);
    let recorded = hand.ledger.run("default", run.id).await.unwrap().unwrap();
    assert_eq!(recorded.status, RunStatus::Interrupted);
    // Nor does what it says afterwards change the record.
    hand.ledger.finish_run(&run).await.unwrap();
    assert_eq!(hand.ledger.run("default", run.id).await.unwrap().unwrap().status, RunStatus::Interrupted);
    let run =
        hand.ledger.start_run(&next, Mode::Full, Trigger::Command, (None, false), hand.clock.now()).await.unwrap();
    assert_eq!(hand.ledger.commit(&next, &run, &plan, || hand.clock.now()).await.unwrap().generation, Some(2));
}

async fn an_import_waits_for_nobody_and_writes_nothing_while_another_one_runs(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let (lease, run) = hand.start_run().await;
    assert_eq!(hand.importer.run_once(&request(Mode::Full), &|_| {}).await.unwrap(), None);
    let under_way = hand.ledger.run_under_way("default", hand.clock.now()).await.unwrap();
    assert_eq!(under_way.map(|run| run.id), Some(run.id));
    hand.importer.release(&lease).await;
    assert_eq!(hand.ledger.run_under_way("default", hand.clock.now()).await.unwrap(), None);
    assert_eq!(hand.full().await.status, RunStatus::Succeeded);
}

async fn a_run_that_was_given_up_is_marked_as_interrupted(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let (lease, run) = hand.start_run().await;
    hand.importer.release(&lease).await;
    let recorded = hand.ledger.run("default", run.id).await.unwrap().unwrap();
    assert_eq!((recorded.status, recorded.error.unwrap().code.as_str()), (RunStatus::Interrupted, "interrupted"));
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
    assert!(error.detail.contains("an0ther1") && error.remedy.contains("INTERCOM_ACCESS_TOKEN"), "{error:?}");
    assert_eq!(hand.recorded().await, before);

    // A process that starts now asks once which workspace it is, however little it reads.
    let fresh = hand.another_importer();
    let run = fresh.run_once(&request(Mode::Incremental), &|_| {}).await.unwrap().unwrap();
    assert_eq!((run.status, run.error.unwrap().code.as_str()), (RunStatus::Failed, "another_workspace"));
    assert_eq!(hand.recorded().await, before);
}
