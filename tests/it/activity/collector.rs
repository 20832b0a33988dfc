//! A collector follows the feed while everything else happens: imports, restarts, prunings.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use intercom_scim_bridge::activity::{Order, Position};
use intercom_scim_bridge::directory::Mode;
use intercom_scim_bridge::ledger::{FeedAnswer, Ledger};

use super::{every, seconds};
use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, Small, findings, request};
use crate::support::waiting::until;

on_both_databases!(a_collector_gets_every_entry_once_while_imports_restarts_and_prunings_happen,);

const DAY: Duration = Duration::from_hours(24);
const ROUNDS: i64 = 25;

/// Follows the feed with nothing but a cursor, which comes back as text each time. Returns the
/// number and the id of each entry.
async fn collect(ledger: &Ledger, is_over: &AtomicBool) -> Vec<(i64, String)> {
    let mut seen = Vec::new();
    let mut cursor = Position::START.to_cursor();
    until("everything is over, and the collector has read all of it", async || {
        let ending = is_over.load(Ordering::SeqCst);
        loop {
            let since = Position::from_cursor(&cursor);
            match ledger.feed("default", &Order::Recording, since, 4, &every).await.unwrap() {
                FeedAnswer::Page(page) => {
                    let entries = page.entries.into_iter();
                    seen.extend(entries.map(|entry| (entry.seq, entry.activity.id)));
                    cursor = page.next.to_cursor();
                    if !page.more {
                        return ending;
                    }
                }
                // Entries were pruned before they were read. All others still come.
                FeedAnswer::Pruned(position) => cursor = position.to_cursor(),
            }
        }
    })
    .await;
    seen
}

/// Imports, restarts and prunes, in turn.
async fn happen(hand: &Hand, small: &Small) {
    let other = hand.another_importer();
    for round in 0..ROUNDS {
        hand.simulator.change(|workspace| {
            // Some entries are new, and some are of the past and provided late.
            workspace.sign_in(small.ada, "saml", seconds(round * 60));
            workspace.sign_in(small.bo, "saml", seconds(round * 60 - 86_400 * 3));
        });
        hand.clock.advance(Duration::from_mins(1));
        match round % 5 {
            // Each importer is another process: what it remembers of the last import is gone.
            0 => {
                let restarted = hand.another_importer();
                Box::pin(restarted.run_once(&request(Mode::Incremental), &|_| {})).await.unwrap();
            }
            1 => {
                let full = request(Mode::Full);
                let (one, two) = tokio::join!(
                    Box::pin(hand.importer.run_once(&full, &|_| {})),
                    Box::pin(other.run_once(&full, &|_| {})),
                );
                assert!(one.unwrap().is_some() | two.unwrap().is_some());
            }
            2 => {
                let now = hand.clock.now();
                let before = now - 160 * DAY + DAY * u32::try_from(round * 2).unwrap();
                let none = |_| Vec::new();
                hand.ledger.prune_activity("default", before, none, now).await.unwrap();
            }
            _ => drop(hand.full().await),
        }
    }
}

async fn a_collector_gets_every_entry_once_while_imports_restarts_and_prunings_happen(
    database: TestDatabase,
) {
    let (hand, small) = Hand::small(database).await;
    // Old entries, which the prunings delete.
    hand.simulator.change(|workspace| {
        for day in 0..60 {
            workspace.sign_in(small.cy, "saml", seconds(-86_400 * (100 + day)));
        }
    });
    hand.full().await;
    let collectors = hand.database.ledger().await;
    let is_over = AtomicBool::new(false);
    let (seen, ()) = tokio::join!(collect(&collectors, &is_over), async {
        Box::pin(happen(&hand, &small)).await;
        is_over.store(true, Ordering::SeqCst);
    });
    let (recorded, _) = super::rest(&hand.ledger, None).await;
    assert!(seen.is_sorted_by(|(one, _), (other, _)| one < other), "once, and in order");
    let ids: BTreeSet<&String> = seen.iter().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), seen.len(), "no entry has two numbers");
    for entry in recorded {
        assert!(ids.contains(&entry.activity.id), "{entry:?} was skipped");
    }
    // What was pruned after it was read is not sent again by later imports.
    let position = hand.ledger.feed_end("default").await.unwrap();
    for keep in [105_u32, 90, 30] {
        let now = hand.clock.now();
        hand.ledger.prune_activity("default", now - keep * DAY, |_| Vec::new(), now).await.unwrap();
        hand.full().await;
        hand.incremental().await;
        assert_eq!(super::rest(&hand.ledger, Some(position)).await.0, []);
    }
    assert_eq!(findings(&hand.ledger).await, [""; 0]);
}
