//! Records and findings of the posture, if the clocks of hosts differ.

use std::collections::BTreeSet;

use intercom_scim_bridge::assessment::recorded;
use intercom_scim_bridge::ledger::ObservedThing;
use intercom_scim_bridge::posture::{Act, BadRecord, CheckId, ExceptedSubject, ReasonCode};
use intercom_scim_bridge::stores::NotedFinding;
use serde_json::json;

use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START};

on_both_databases!(
    a_record_of_a_host_that_is_ahead_counts_at_once,
    findings_are_ordered_by_generation_whatever_the_clocks_say,
    the_last_reading_is_the_one_that_was_recorded_last,
    old_readings_that_changed_nothing_are_folded,
);

const HOUR: time::Duration = time::Duration::HOUR;

async fn a_record_of_a_host_that_is_ahead_counts_at_once(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let record = async |act: &Act| {
        let act = serde_json::to_value(act).unwrap();
        let store = &hand.stores.posture;
        store.record("default", START + HOUR, "mia", act, |_| Vec::new()).await.unwrap()
    };
    let exception = Act::Exception {
        check: CheckId::Acc2,
        subject: ExceptedSubject::read("adm_1").unwrap(),
        reason_code: ReasonCode::Planned,
        reason: "On leave".to_owned(),
        until: START + HOUR * 48,
        ticket: None,
    };
    assert_eq!(record(&exception).await, 1);
    let revocation = Act::Revocation { number: 1 };
    let now = async || recorded(&hand.stores, "default", None).await.unwrap();
    assert_eq!(revocation.check(&now().await, START), Ok(()));
    assert_eq!(recorded(&hand.stores, "default", Some(START)).await.unwrap(), []);
    assert_eq!(record(&revocation).await, 2);
    assert_eq!(revocation.check(&now().await, START), Err(BadRecord::NothingToRevoke(1)));
    hand.simulator.stop().await;
}

async fn findings_are_ordered_by_generation_whatever_the_clocks_say(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let store = &hand.stores.posture;
    let note_with = async |at, generation, ids: &[&str], unknown: &BTreeSet<&str>| {
        let finding = |id: &&str| NotedFinding {
            id: (*id).to_owned(),
            check: "IC-ACC-2",
            severity: "medium",
            is_excepted: false,
        };
        let findings = ids.iter().map(finding).collect();
        store.note_findings("default", at, generation, &findings, unknown).await.unwrap()
    };
    let none = BTreeSet::new();
    let record = async |at, generation, ids: &[&str]| note_with(at, generation, ids, &none).await;
    assert_eq!(record(START + HOUR, 1, &["a"]).await, Some(1));
    // The host whose clock is right goes on.
    assert_eq!(record(START, 2, &["a", "b"]).await, Some(1));
    let now = store.findings_began("default", None).await.unwrap();
    assert_eq!((now["a"], now["b"]), ((START + HOUR, 1), (START, 2)));
    assert_eq!(record(START + HOUR, 1, &["a"]).await, None, "a host that serves an old generation");
    assert_eq!(store.findings_began("default", None).await.unwrap().len(), 2);
    // A check that cannot be evaluated ends no finding: it goes on with its first time.
    let unknown = BTreeSet::from(["IC-ACC-2"]);
    assert_eq!(note_with(START + HOUR * 2, 3, &[], &unknown).await, Some(0));
    assert_eq!(record(START + HOUR * 3, 4, &["a", "b"]).await, Some(0));
    assert_eq!(store.findings_began("default", None).await.unwrap()["b"], (START, 2));
    hand.simulator.stop().await;
}

async fn the_last_reading_is_the_one_that_was_recorded_last(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let thing = ObservedThing::IpAllowlist;
    for (ahead, value) in [(HOUR, 1), (time::Duration::ZERO, 2), (time::Duration::ZERO, 3)] {
        let values = vec![(thing, json!({"value": value}))];
        hand.ledger.record_observations("default", START + ahead, values).await.unwrap();
        let last = hand.ledger.last_observation("default", thing, None).await.unwrap().unwrap();
        assert_eq!(last.body, json!({"value": value}));
    }
    assert_eq!(hand.ledger.last_observation("default", thing, Some(START)).await.unwrap(), None);
    hand.simulator.stop().await;
}

async fn old_readings_that_changed_nothing_are_folded(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let thing = ObservedThing::DataConnectors;
    let at = |hours: i32| START + HOUR * hours;
    for (hours, value) in (0..).zip([1, 1, 1, 1, 2, 1, 1, 1]) {
        let values = vec![(thing, json!({"value": value}))];
        hand.ledger.record_observations("default", at(hours), values).await.unwrap();
    }
    assert_eq!(hand.ledger.fold_observations("default", at(7)).await.unwrap(), 2);
    assert_eq!(hand.ledger.fold_observations("default", at(7)).await.unwrap(), 0);
    for (hours, value) in (0..).zip([1, 1, 1, 1, 2, 1, 1, 1]) {
        let then = hand.ledger.last_observation("default", thing, Some(at(hours))).await;
        assert_eq!(then.unwrap().unwrap().body, json!({"value": value}), "{hours}");
    }
    assert_eq!(hand.ledger.fold_observations("default", at(8)).await.unwrap(), 1);
    hand.simulator.stop().await;
}
