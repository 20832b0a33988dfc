//! Rosters that shrink with each version.

use std::time::Duration;

use intercom_scim_bridge::identities::ImportOutcome;

use super::story::{FIRST, Story};
use crate::on_both_databases;
use crate::support::database::TestDatabase;

on_both_databases!(a_list_that_shrinks_a_little_with_each_version_is_held);

/// The first roster with more people.
fn roster(more: usize) -> String {
    let row = |number: usize| {
        format!("{number},P {number},p{number}@acme.example,employee,2020-01-01,,9\n")
    };
    FIRST.to_owned() + &(100..100 + more).map(row).collect::<String>()
}

async fn a_list_that_shrinks_a_little_with_each_version_is_held(database: TestDatabase) {
    let story = Story::begin(database).await;
    let in_force = |version| ImportOutcome::InForce { version };
    assert_eq!(story.import(&roster(60)).await, in_force(1));
    for (version, more) in [(2, 55), (3, 50)] {
        story.clock.advance(Duration::from_hours(1));
        assert_eq!(story.import(&roster(more)).await, in_force(version));
    }
    // Each loses five people, and together they lose more than a fifth.
    let held = story.import(&roster(45)).await;
    let ImportOutcome::Held { version: 4, reasons } = held else { panic!("{held:?}") };
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(reasons[0].contains("active people are left"), "{reasons:?}");
    // The upkeep keeps the versions that are compared, although only two are to be kept.
    story.identities.keep_up(&story.directory).await.unwrap();
    assert_eq!(story.states().await.len(), 4);
    // What a person accepted is where the comparison begins.
    story.identities.accept(4, &story.author).await.unwrap();
    assert_eq!(story.import(&roster(40)).await, in_force(5));
    // After a day, earlier losses do not count.
    story.clock.advance(Duration::from_hours(25));
    assert_eq!(story.import(&roster(35)).await, in_force(6));
}
