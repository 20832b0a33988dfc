//! Leases, queued runs, the activity log and generations, if the clocks of bridges differ.

use std::time::Duration;

use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::directory::{ChangePosition, ImportRequest, Mode, Run, RunStatus};
use time::OffsetDateTime;

use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, OPTIONS, START, request};

on_both_databases!(
    a_lease_is_left_to_its_holder_however_far_clocks_are_apart,
    a_run_that_a_bridge_with_another_clock_queued_is_begun,
    a_queued_run_from_the_future_that_allows_removals_is_not_started,
    the_log_is_read_on_from_where_it_was_truly_read_to,
    after_a_generation_from_the_future_the_next_has_the_true_time,
);

async fn a_lease_is_left_to_its_holder_however_far_clocks_are_apart(database: TestDatabase) {
    // Each ledger is that of another process.
    let holder = database.ledger().await;
    let other = database.ledger().await;
    for apart in [
        time::Duration::hours(1),
        time::Duration::hours(-1),
        time::Duration::days(40),
        time::Duration::ZERO,
    ] {
        let its = Clock::manual(START);
        let others = Clock::manual(START + apart);
        let lease = holder.lease("default", "a", OPTIONS.lease, &its).await.unwrap().unwrap();
        for second in 0..60 {
            let taken = other.lease("default", "b", OPTIONS.lease, &others).await.unwrap();
            assert_eq!(taken, None, "{apart} apart, after {second} s");
            assert_eq!(other.held_fence("default", &others).await.unwrap(), Some(lease.fence));
            for clock in [&its, &others] {
                clock.advance(Duration::from_secs(1));
            }
            assert!(holder.renew(&lease, OPTIONS.lease, its.now()).await.unwrap());
        }
        // The holder stops renewing its lease.
        assert_eq!(other.lease("default", "b", OPTIONS.lease, &others).await.unwrap(), None);
        others.advance(OPTIONS.lease);
        let next = other.lease("default", "b", OPTIONS.lease, &others).await.unwrap();
        assert!(next.as_ref().is_some_and(|next| next.fence > lease.fence), "{apart} apart");
        assert!(!holder.renew(&lease, OPTIONS.lease, its.now()).await.unwrap());
        other.release(&next.unwrap(), others.now()).await.unwrap();
    }
}

async fn a_run_that_a_bridge_with_another_clock_queued_is_begun(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    hand.full().await;
    let other = hand.database.ledger().await;
    for apart in [time::Duration::hours(2), time::Duration::hours(-2), time::Duration::days(40)] {
        let clock = Clock::manual(hand.clock.now() + apart);
        let approved = ImportRequest {
            requested_by: Some("ops".to_owned()),
            allow_removals: true,
            ..request(Mode::Full)
        };
        let queued = other.queue_run("default", &approved, &clock).await.unwrap();
        let run = hand.incremental().await;
        assert_eq!(
            (run.id, run.status, run.allow_removals),
            (queued.id, RunStatus::Succeeded, true),
            "{apart} apart"
        );
    }
}

async fn a_queued_run_from_the_future_that_allows_removals_is_not_started(database: TestDatabase) {
    let other = database.ledger().await;
    let clock = Clock::manual(START + time::Duration::hours(2));
    let queue = async |mode, allow_removals| {
        let request =
            ImportRequest { requested_by: Some("ops".to_owned()), allow_removals, ..request(mode) };
        other.queue_run("default", &request, &clock).await.unwrap()
    };
    let plain = queue(Mode::Incremental, false).await;
    let allowing = queue(Mode::Full, true).await;
    let (hand, _) = Hand::small(database).await;
    assert_eq!(hand.incremental().await.id, plain.id, "what allows nothing does no harm");
    let run = hand.full().await;
    assert!(run.id > allowing.id && !run.allow_removals, "{run:?}");
    let marked = hand.ledger.run("default", allowing.id).await.unwrap().unwrap();
    assert_eq!(marked.status, RunStatus::Interrupted);
    assert!(marked.error.unwrap().detail.contains("future"));
}

async fn the_log_is_read_on_from_where_it_was_truly_read_to(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let known = hand.ledger.activity_watermark("default", hand.clock.now()).await.unwrap();
    hand.clock.set_by(time::Duration::days(40));
    assert_eq!(hand.incremental().await.status, RunStatus::Succeeded);
    hand.clock.set_by(time::Duration::days(-40));
    assert_eq!(hand.ledger.activity_watermark("default", hand.clock.now()).await.unwrap(), known);
    let at = hand.clock.now().unix_timestamp();
    hand.simulator.change(|workspace| workspace.sign_in(small.ada, "saml", at));
    hand.incremental().await;
    let ada = hand
        .recorded()
        .await
        .users
        .into_iter()
        .find(|(user, _)| user.value.id.to_string() == small.ada.to_string());
    assert_eq!(ada.unwrap().1.last_sign_in_at.map(OffsetDateTime::unix_timestamp), Some(at));
}

async fn after_a_generation_from_the_future_the_next_has_the_true_time(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    let change = |title: &str| {
        let title = Some(title.to_owned());
        hand.simulator
            .change(|workspace| workspace.admin_mut(small.ada).unwrap().job_title = title);
    };
    let changed = async || {
        let people = hand.recorded().await.users.into_iter();
        let ada = people
            .map(|(user, _)| user)
            .find(|user| user.value.id.to_string() == small.ada.to_string());
        ada.unwrap().stamps.last_modified
    };
    let commit = async |is_right: bool| {
        hand.clock.advance(Duration::from_mins(1));
        let plan = hand.importer.dry_run(Mode::Full, &|_| {}).await.unwrap().plan;
        let (lease, run) = hand.start_run().await;
        let run = Run { status: RunStatus::Succeeded, finished_at: Some(hand.clock.now()), ..run };
        let committed = hand
            .ledger
            .commit_by(&lease, &run, &plan, || hand.clock.now(), is_right)
            .await
            .unwrap();
        hand.importer.release(&lease).await;
        committed.generation
    };
    let at = async |moment| hand.ledger.generation_at("default", moment).await.unwrap();
    assert_eq!(commit(true).await, Some(1));
    assert_eq!(commit(true).await, None, "nothing has changed");
    let first = hand.clock.now();
    hand.clock.set_by(time::Duration::days(40));
    change("Countess");
    assert_eq!(commit(true).await, Some(2));
    let ahead = hand.clock.now();
    hand.clock.set_by(time::Duration::days(-40));
    assert_eq!((at(hand.clock.now()).await, changed().await), (Some(1), ahead));

    // If the clock is not confirmed, times continue from the last one.
    change("Programmer");
    assert_eq!(commit(false).await, Some(3));
    assert_eq!(
        (at(hand.clock.now()).await, changed().await),
        (Some(1), ahead + time::Duration::milliseconds(1))
    );
    // A confirmed clock makes a generation with the true time, although nothing has changed.
    assert_eq!(commit(true).await, Some(4));
    let dated = hand.clock.now();
    assert_eq!(commit(true).await, None, "once");
    change("Author");
    assert_eq!(commit(true).await, Some(5));
    let last = hand.clock.now();
    assert_eq!((at(first).await, at(dated).await, at(last).await), (Some(1), Some(4), Some(5)));
    assert_eq!(at(last - time::Duration::milliseconds(1)).await, Some(4));
    assert_eq!(at(ahead + time::Duration::days(1)).await, Some(5), "and it stays so");
    // A later change has a later time.
    assert_eq!(changed().await, ahead + time::Duration::milliseconds(3));
    let page = hand.ledger.changes("default", &ChangePosition::START, None, 100).await.unwrap();
    let generations: Vec<i64> = page.changes.iter().map(|change| change.generation).collect();
    assert!(generations.is_sorted() && generations.ends_with(&[2, 3, 5]), "{generations:?}");
    assert_eq!(hand.ledger.verify("default", None).await.unwrap().findings, []);
}
