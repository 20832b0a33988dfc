//! Erasure of people who were invited and never joined.

use serde_json::json;

use crate::erasure::{erase, everything};
use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START, findings};

on_both_databases!(the_address_of_an_invited_person_is_erased_for_good,);

async fn the_address_of_an_invited_person_is_erased_for_good(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    let at = START.unix_timestamp();
    hand.simulator.change(|workspace| {
        for (seconds, guest) in [(300, "guest@example.com"), (200, "other@example.com")] {
            let details = json!({"email": guest});
            workspace.note(at - seconds, "admin_invite_creation", small.ada, details);
        }
    });
    hand.full().await;
    let invited = async || {
        let events = hand.ledger.invitation_events("default", hand.clock.now()).await.unwrap();
        events.into_iter().flat_map(|event| event.addresses).collect::<Vec<_>>()
    };
    assert_eq!(invited().await, ["guest@example.com", "other@example.com"]);
    let erased = erase(&hand, "Guest@example.com").await;
    assert_eq!((erased.activity, erased.versions), (1, 0));
    // The next full import reads the entry again.
    hand.full().await;
    assert_eq!(invited().await, ["other@example.com"]);
    let connection = hand.database.connection().await;
    assert!(!everything(&connection).await.contains("guest@example.com"));
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
}
