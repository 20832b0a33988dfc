//! How long removed teammates stay visible.

use std::sync::Arc;
use std::time::Duration;

use intercom_scim_bridge::directory::Names;
use intercom_scim_bridge::publish::{PublishOptions, Publisher};
use intercom_scim_bridge::scim::{Forms, ServedSnapshot, resource_types};

use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START};

const DAY: Duration = Duration::from_hours(24);

on_both_databases!(
    a_leaver_is_visible_until_the_retention_ends_and_then_only_in_the_ledger,
    a_returning_person_is_served_again,
    a_clock_that_is_set_forward_hides_nobody_for_good,
);

fn publisher(hand: &Hand) -> Publisher {
    let options = PublishOptions {
        base_url: "https://bridge.example/scim/v2".to_owned(),
        second_base_url: None,
        names: Names::default(),
        forms: Forms::default(),
        retention: 30 * DAY,
        activity_lookback: Duration::ZERO,
        with_enterprise: false,
    };
    Publisher::new("default", options, hand.ledger.clone(), hand.clock.clone())
}

async fn shown(publisher: &Publisher) -> Arc<ServedSnapshot> {
    publisher.refresh().await.unwrap();
    publisher.live().served().unwrap()
}

fn names(served: &Arc<ServedSnapshot>) -> String {
    let users = served.all(resource_types::USER);
    users
        .map(|user| format!("{}{}", user.name(), if user.is_active() { "" } else { " (gone)" }))
        .collect::<Vec<_>>()
        .join(", ")
}

async fn a_leaver_is_visible_until_the_retention_ends_and_then_only_in_the_ledger(
    database: TestDatabase,
) {
    let (hand, small) = Hand::small(database).await;
    let publisher = publisher(&hand);
    hand.full().await;
    assert_eq!(
        names(&shown(&publisher).await),
        "ada.lovelace@example.com, bo.diddley@example.com, cy.twombly@example.com"
    );
    hand.simulator
        .change(|workspace| workspace.remove_admin(small.bo, small.ada, START.unix_timestamp()));
    hand.full().await;
    let with_bo = "ada.lovelace@example.com, bo.diddley@example.com (gone), cy.twombly@example.com";
    let first = shown(&publisher).await;
    assert_eq!(names(&first), with_bo);
    hand.clock.advance(29 * DAY + Duration::from_hours(23));
    assert_eq!(names(&shown(&publisher).await), with_bo);
    hand.clock.advance(Duration::from_hours(1));
    let after = shown(&publisher).await;
    assert_eq!(names(&after), "ada.lovelace@example.com, cy.twombly@example.com");

    // The same generation has another list now. A walk that began over the first list continues
    // over it.
    assert_eq!(after.snapshot_id().generation, first.snapshot_id().generation);
    assert_ne!(after.snapshot_id(), first.snapshot_id());
    assert_eq!(names(&publisher.live().served_at(first.snapshot_id()).unwrap()), with_bo);
    // The ledger keeps Bo, and a bridge that starts now omits him at once.
    assert_eq!(hand.recorded().await.users.len(), 3);
    let restarted = self::publisher(&hand);
    assert_eq!(shown(&restarted).await.snapshot_id(), after.snapshot_id());
    assert_eq!(hand.full().await.generation, None);
}

async fn a_returning_person_is_served_again(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    let publisher = publisher(&hand);
    hand.full().await;
    let bo = hand
        .simulator
        .change(|workspace| workspace.admins().find(|(id, _)| *id == small.bo).unwrap().1.clone());
    hand.simulator
        .change(|workspace| workspace.remove_admin(small.bo, small.ada, START.unix_timestamp()));
    hand.full().await;
    hand.clock.advance(31 * DAY);
    assert_eq!(shown(&publisher).await.count(resource_types::USER), 2);
    hand.simulator.change(|workspace| workspace.put_back(small.bo, bo));
    assert_eq!(hand.full().await.counts.users_restored, 1);
    let served = shown(&publisher).await;
    assert_eq!(
        names(&served),
        "ada.lovelace@example.com, bo.diddley@example.com, cy.twombly@example.com"
    );
    assert_eq!(served.snapshot_id().left_out, 0);
}

async fn a_clock_that_is_set_forward_hides_nobody_for_good(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    let running = publisher(&hand);
    hand.full().await;
    hand.simulator
        .change(|workspace| workspace.remove_admin(small.bo, small.ada, START.unix_timestamp()));
    hand.full().await;
    let with_bo = names(&shown(&running).await);
    hand.clock.set_by(time::Duration::days(40));
    assert_eq!(names(&shown(&running).await), with_bo, "no time has passed");
    // A bridge that starts now cannot know that, and learns it once the clock is corrected.
    let started = publisher(&hand);
    assert_eq!(shown(&started).await.count(resource_types::USER), 2);
    hand.clock.set_by(time::Duration::days(-40));
    assert_eq!(names(&shown(&started).await), with_bo);
    hand.clock.advance(30 * DAY);
    for publisher in [&running, &started] {
        assert_eq!(
            shown(publisher).await.count(resource_types::USER),
            2,
            "who left long ago is not shown"
        );
    }
}
