//! The feed of Intercom's activity log: each entry once, in the order of recording, whatever
//! happens meanwhile.

mod api;
mod collector;
mod export;
mod records;
mod siem;

use std::collections::BTreeSet;
use std::time::Duration;

use intercom_scim_bridge::activity::{Entry, Order, Position};
use intercom_scim_bridge::directory::Activity;
use intercom_scim_bridge::ledger::{FeedAnswer, FeedPage, Ledger};
use sea_orm::ConnectionTrait;
use time::OffsetDateTime;

use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START, findings};
use crate::support::tampering::Tampering;

const DAY: Duration = Duration::from_hours(24);

on_both_databases!(
    an_entry_keeps_the_address_the_type_and_the_description_and_is_proved,
    entries_come_in_the_order_of_recording_and_late_ones_last,
    a_pruned_entry_does_not_return_and_a_reader_that_missed_it_is_informed,
    a_position_after_a_pruning_skips_only_what_was_pruned,
    a_period_of_recording_and_a_period_of_events_have_their_own_orders,
    a_page_with_a_filter_looks_at_a_limited_number_of_entries,
    whatever_the_limits_pages_add_up_to_the_same_entries,
    entries_of_an_earlier_version_get_numbers_and_keep_their_proof,
    entries_of_erased_people_lose_addresses_and_descriptions,
    two_bridges_that_import_at_the_same_time_give_each_entry_one_number,
);

fn every(_: &Activity) -> bool {
    true
}

/// The next page in the order of recording.
pub async fn page(ledger: &Ledger, since: Option<Position>, limit: usize) -> FeedPage {
    match ledger.feed("default", &Order::Recording, since, limit, &every).await.unwrap() {
        FeedAnswer::Page(page) => page,
        FeedAnswer::Pruned(position) => panic!("pruned; continue with {}", position.to_cursor()),
    }
}

/// All entries after a position, and the position after them.
async fn rest(ledger: &Ledger, mut since: Option<Position>) -> (Vec<Entry>, Position) {
    let mut all = Vec::new();
    loop {
        let page = page(ledger, since, 3).await;
        all.extend(page.entries);
        since = Some(page.next);
        if !page.more {
            return (all, page.next);
        }
    }
}

/// The entries of an order.
async fn in_order(ledger: &Ledger, order: &Order) -> Vec<Entry> {
    let (mut all, mut since) = (Vec::new(), None);
    loop {
        let answer = ledger.feed("default", order, since, 2, &every).await.unwrap();
        let FeedAnswer::Page(page) = answer else { panic!("{answer:?}") };
        assert!(page.next.is_in(order));
        all.extend(page.entries);
        since = Some(page.next);
        if !page.more {
            return all;
        }
    }
}

fn seconds(from_start: i64) -> i64 {
    START.unix_timestamp() + from_start
}

fn times(entries: &[Entry]) -> Vec<i64> {
    entries.iter().map(|entry| entry.activity.at.unix_timestamp() - seconds(0)).collect()
}

fn numbers(entries: &[Entry]) -> Vec<i64> {
    entries.iter().map(|entry| entry.seq).collect()
}

async fn an_entry_keeps_the_address_the_type_and_the_description_and_is_proved(
    database: TestDatabase,
) {
    let (hand, small) = Hand::small(database).await;
    hand.simulator.change(|workspace| workspace.sign_in(small.ada, "saml", seconds(10)));
    hand.full().await;
    let (entries, _) = rest(&hand.ledger, None).await;
    let entry = entries.iter().find(|entry| entry.activity.kind == "admin_login_success").unwrap();
    let actor = entry.activity.performed_by.as_ref().unwrap();
    assert_eq!(actor.kind.as_deref(), Some("admin"));
    assert!(actor.ip.as_ref().unwrap().starts_with("198.51.100."), "{actor:?}");
    assert_eq!(entry.activity.description.as_deref(), Some("admin login success happened."));
    assert_eq!(entry.recorded_at, hand.clock.now());
    assert_eq!(findings(&hand.ledger).await, [""; 0]);

    // Each of the new columns is covered.
    let connection = hand.database.connection().await;
    let tampering =
        Tampering { ledger: &hand.ledger, connection: &connection, tables: &["activity"] };
    for change in [
        "ip = '203.0.113.1'",
        "ip = NULL",
        "actor_type = 'bot'",
        "description = 'Nothing happened.'",
        "recorded_at = recorded_at + 1",
        "seq = seq + 1000",
        "digest_form = NULL",
    ] {
        let update = format!("UPDATE activity SET {change} WHERE kind = 'admin_login_success'");
        tampering.assert_found(&update, "activity: entry").await;
    }
    connection.close().await.unwrap();
}

async fn entries_come_in_the_order_of_recording_and_late_ones_last(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.simulator.change(|workspace| {
        for at in [30, 10, 20] {
            workspace.sign_in(small.ada, "saml", seconds(at));
        }
    });
    hand.full().await;
    let (first, position) = rest(&hand.ledger, None).await;
    assert_eq!(times(&first)[first.len() - 3..], [10, 20, 30]);
    // Nothing is new: the position stays, and nothing comes twice.
    hand.full().await;
    assert_eq!(
        page(&hand.ledger, Some(position), 9).await,
        FeedPage { entries: Vec::new(), next: position, more: false }
    );
    // Intercom provides an entry late.
    hand.simulator.change(|workspace| workspace.sign_in(small.bo, "saml", seconds(15)));
    hand.full().await;
    let (late, after) = rest(&hand.ledger, Some(position)).await;
    assert_eq!(times(&late), [15]);
    assert_eq!(rest(&hand.ledger, Some(after)).await.0, []);
    // From the beginning, each entry comes once.
    let (all, _) = rest(&hand.ledger, None).await;
    assert_eq!(all.len(), first.len() + 1);
    assert!(numbers(&all).is_sorted_by(|a, b| a < b), "{:?}", numbers(&all));
    assert_eq!(hand.ledger.feed_end("default").await.unwrap(), after);
}

async fn a_pruned_entry_does_not_return_and_a_reader_that_missed_it_is_informed(
    database: TestDatabase,
) {
    let (hand, small) = Hand::small(database).await;
    hand.simulator.change(|workspace| {
        workspace.sign_in(small.ada, "saml", seconds(0) - 86_400 * 100);
        workspace.sign_in(small.ada, "saml", seconds(0) - 86_400 * 10);
    });
    hand.full().await;
    let (all, end) = rest(&hand.ledger, None).await;
    let first = Position::Recording { seq: 0, known_pruned: 0 };
    let now = hand.clock.now();
    let pruned = hand.ledger.prune_activity("default", now - 50 * DAY, |_| Vec::new(), now).await;
    assert!(pruned.unwrap() >= 1);
    assert_eq!(findings(&hand.ledger).await, [""; 0]);
    // A full import reads the whole log again.
    hand.full().await;
    let (left, again) = rest(&hand.ledger, None).await;
    assert!(left.len() < all.len() && left.iter().all(|entry| all.contains(entry)), "{left:?}");
    assert_eq!(again_seq(again), again_seq(end));
    assert_eq!(rest(&hand.ledger, Some(end)).await.0, []);
    // A reader that had not read the entry is told, and continues with those that are left.
    let answer = hand.ledger.feed("default", &Order::Recording, Some(first), 9, &every).await;
    let FeedAnswer::Pruned(position) = answer.unwrap() else { panic!("the entry is gone") };
    assert_eq!(Position::from_cursor(&position.to_cursor()), Some(position));
    assert_eq!(rest(&hand.ledger, Some(position)).await.0, left);
    // Even if everything is pruned, no number is given twice.
    let later = hand.clock.now();
    hand.ledger.prune_activity("default", later + DAY, |_| Vec::new(), later).await.unwrap();
    let new = later.unix_timestamp() + 2 * 86_400;
    hand.clock.advance(3 * DAY);
    hand.simulator.change(|workspace| workspace.sign_in(small.ada, "saml", new));
    hand.full().await;
    let (new, _) = rest(&hand.ledger, None).await;
    assert_eq!(new.len(), 1);
    assert!(new[0].seq > again_seq(end));
    assert_eq!(findings(&hand.ledger).await, [""; 0]);
}

fn again_seq(position: Position) -> i64 {
    match position {
        Position::Recording { seq, .. } => seq,
        other => panic!("{other:?}"),
    }
}

async fn a_position_after_a_pruning_skips_only_what_was_pruned(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let (_, before) = rest(&hand.ledger, None).await;
    // The older event is recorded last.
    hand.simulator.change(|workspace| workspace.sign_in(small.ada, "saml", seconds(-60)));
    hand.full().await;
    hand.simulator.change(|workspace| workspace.sign_in(small.bo, "saml", seconds(-86_400 * 60)));
    hand.full().await;
    let now = hand.clock.now();
    hand.ledger.prune_activity("default", now - 50 * DAY, |_| Vec::new(), now).await.unwrap();
    let answer = hand.ledger.feed("default", &Order::Recording, Some(before), 9, &every).await;
    let FeedAnswer::Pruned(position) = answer.unwrap() else { panic!("the entry is gone") };
    // Also page by page, the entry that is left is read.
    let next = page(&hand.ledger, Some(position), 1).await;
    assert_eq!(times(&next.entries), [-60]);
    assert_eq!(page(&hand.ledger, Some(next.next), 1).await.entries, []);
}

async fn a_period_of_recording_and_a_period_of_events_have_their_own_orders(
    database: TestDatabase,
) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let begin = millis(hand.clock.now()) + 1;
    for at in [300, 100, 200] {
        hand.simulator.change(|workspace| workspace.sign_in(small.ada, "saml", seconds(at)));
        hand.full().await;
    }
    let end = millis(hand.clock.now());
    let recorded = |from, to| Order::Recorded { from, to };
    let all = in_order(&hand.ledger, &recorded(begin, end + 1)).await;
    assert_eq!(times(&all), [300, 100, 200]);
    // Periods that meet miss nothing and repeat nothing. The end is excluded.
    let mut tiled = Vec::new();
    for from in (begin..=end).step_by(45_000) {
        tiled.extend(in_order(&hand.ledger, &recorded(from, from + 45_000)).await);
    }
    assert_eq!(tiled, all);
    assert_eq!(times(&in_order(&hand.ledger, &recorded(begin, end)).await), [300, 100]);
    let moment = |at| Some(OffsetDateTime::from_unix_timestamp(seconds(at)).unwrap());
    let occurred = |from, to| Order::Occurred { from: moment(from), to: moment(to) };
    assert_eq!(times(&in_order(&hand.ledger, &occurred(100, 301)).await), [100, 200, 300]);
    assert_eq!(times(&in_order(&hand.ledger, &occurred(101, 300)).await), [200]);
    let half = moment(100).map(|at| at + Duration::from_millis(500));
    let after = Order::Occurred { from: half, to: None };
    assert_eq!(times(&in_order(&hand.ledger, &after).await), [200, 300]);
    // From the time of recording on, in the order of recording.
    let since = hand.ledger.feed_from("default", end).await.unwrap();
    assert_eq!(times(&rest(&hand.ledger, Some(since)).await.0), [200]);
}

fn millis(moment: OffsetDateTime) -> i64 {
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).unwrap()
}

async fn a_page_with_a_filter_looks_at_a_limited_number_of_entries(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.simulator.change(|workspace| {
        for at in 0..12_500 {
            workspace.sign_in(small.ada, "saml", seconds(at));
        }
        workspace.fail_sign_in(small.ada, "saml", seconds(12_501));
    });
    hand.clock.advance(DAY);
    hand.full().await;
    let failed = |entry: &Activity| entry.kind == "admin_login_failure";
    let mut since = None;
    let mut pages = Vec::new();
    loop {
        let answer = hand.ledger.feed("default", &Order::Recording, since, 5, &failed).await;
        let FeedAnswer::Page(page) = answer.unwrap() else { panic!("nothing was pruned") };
        pages.push(page.entries.len());
        since = Some(page.next);
        if !page.more {
            break;
        }
    }
    assert_eq!(pages, [0, 1], "the first page ends before the entry that matches");
}

async fn whatever_the_limits_pages_add_up_to_the_same_entries(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    for round in 0..4 {
        hand.simulator.change(|workspace| {
            for at in 0..7 {
                // Several entries of one second, and of one import.
                workspace.sign_in(small.ada, "saml", seconds(at / 3 - round));
                workspace.fail_sign_in(small.bo, "saml", seconds(at / 2 + round));
            }
        });
        hand.full().await;
    }
    let (all, _) = rest(&hand.ledger, None).await;
    let ids = |entries: &[Entry]| -> BTreeSet<String> {
        entries.iter().map(|entry| entry.activity.id.clone()).collect()
    };
    let failed = |entry: &Activity| entry.kind == "admin_login_failure";
    let orders = [
        Order::Recording,
        Order::Recorded { from: 0, to: i64::MAX },
        Order::Occurred { from: None, to: None },
    ];
    // Limits without a pattern, the same in each run.
    let mut number = 7_usize;
    for order in orders {
        for filter in [&every as &(dyn Fn(&Activity) -> bool + Sync), &failed] {
            let expected: Vec<Entry> =
                all.iter().filter(|entry| filter(&entry.activity)).cloned().collect();
            for _ in 0..6 {
                let (mut read, mut cursor) = (Vec::new(), None::<String>);
                loop {
                    let since = cursor.as_deref().and_then(Position::from_cursor);
                    number = number * 31 % 1_009;
                    let limit = 1 + number % 9;
                    let answer = hand.ledger.feed("default", &order, since, limit, filter).await;
                    let FeedAnswer::Page(page) = answer.unwrap() else { panic!("not pruned") };
                    assert!(page.entries.len() <= limit);
                    read.extend(page.entries);
                    cursor = Some(page.next.to_cursor());
                    if !page.more {
                        break;
                    }
                }
                assert_eq!(read.len(), expected.len(), "{order:?}: each entry once");
                assert_eq!(ids(&read), ids(&expected), "{order:?}");
            }
        }
    }
}

async fn entries_of_an_earlier_version_get_numbers_and_keep_their_proof(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.simulator.change(|workspace| workspace.sign_in(small.ada, "saml", seconds(5)));
    hand.full().await;
    let tables = hand.database.connection().await;
    // As an earlier version recorded them. It does not know the new columns.
    let earlier = "UPDATE activity SET seq = NULL, recorded_at = NULL";
    tables.execute_unprepared(earlier).await.unwrap();
    let (none, position) = rest(&hand.ledger, None).await;
    assert_eq!((none.len(), position), (0, Position::START));
    // The next import numbers them, before its own entries.
    hand.simulator.change(|workspace| workspace.sign_in(small.bo, "saml", seconds(6)));
    let ended = hand.clock.now();
    hand.incremental().await;
    let (all, _) = rest(&hand.ledger, None).await;
    assert_eq!(numbers(&all), (1..=i64::try_from(all.len()).unwrap()).collect::<Vec<_>>());
    assert_eq!(times(&all)[all.len() - 2..], [5, 6]);
    assert_eq!(all[0].recorded_at.unix_timestamp(), ended.unix_timestamp());
    // A start numbers them, too.
    tables.execute_unprepared(earlier).await.unwrap();
    hand.ledger.migrate().await.unwrap();
    assert_eq!(rest(&hand.ledger, None).await.0.len(), all.len());
    tables.close().await.unwrap();
}

async fn entries_of_erased_people_lose_addresses_and_descriptions(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    hand.simulator.change(|workspace| {
        workspace.note(seconds(5), "bulk_export", small.bo, serde_json::json!({"count": 3}));
        workspace.remove_admin(small.bo, small.ada, seconds(10));
    });
    hand.allowing_removals(intercom_scim_bridge::directory::Mode::Full).await;
    let person = hand.ledger.find_person("default", &small.bo.to_string()).await.unwrap();
    let now = hand.clock.now();
    hand.ledger.erase("default", &person, "asked", |_| Vec::new(), now).await.unwrap();
    assert_eq!(findings(&hand.ledger).await, [""; 0]);
    let (all, _) = rest(&hand.ledger, None).await;
    let export = all.iter().find(|entry| entry.activity.kind == "bulk_export").unwrap();
    let actor = export.activity.performed_by.as_ref().unwrap();
    assert_eq!((&actor.email, &actor.ip, &export.activity.description), (&None, &None, &None));
    assert!(actor.id.is_some(), "who did what stays known by the id");
    // An entry that Intercom provides late is recorded without them.
    hand.simulator.change(|workspace| {
        workspace.note(seconds(7), "bulk_export", small.bo, serde_json::json!({"count": 4}));
    });
    hand.full().await;
    let (all, _) = rest(&hand.ledger, None).await;
    let late = &all.last().unwrap().activity;
    assert_eq!(late.at.unix_timestamp(), seconds(7));
    let actor = late.performed_by.as_ref().unwrap();
    assert_eq!((&actor.email, &actor.ip, &late.description), (&None, &None, &None));
    assert_eq!(findings(&hand.ledger).await, [""; 0]);
}

async fn two_bridges_that_import_at_the_same_time_give_each_entry_one_number(
    database: TestDatabase,
) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let (mut seen, mut position) = rest(&hand.ledger, None).await;
    let known = seen.len();
    let other = hand.another_importer();
    for round in 0..8 {
        hand.simulator.change(|workspace| workspace.sign_in(small.ada, "saml", seconds(round)));
        let request = crate::support::hand::request(intercom_scim_bridge::directory::Mode::Full);
        // One of them may find that the other imports.
        let (one, two, (entries, next)) = tokio::join!(
            Box::pin(hand.importer.run_once(&request, &|_| {})),
            Box::pin(other.run_once(&request, &|_| {})),
            rest(&hand.ledger, Some(position)),
        );
        assert!(one.unwrap().is_some() | two.unwrap().is_some());
        seen.extend(entries);
        position = next;
    }
    seen.extend(rest(&hand.ledger, Some(position)).await.0);
    assert_eq!(seen.len(), known + 8);
    assert!(numbers(&seen).is_sorted_by(|a, b| a < b), "{:?}", numbers(&seen));
    assert_eq!(rest(&hand.ledger, None).await.0, seen);
    assert_eq!(findings(&hand.ledger).await, [""; 0]);
}
