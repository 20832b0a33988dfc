//! What happens to notifications if the database, a pruning or TLS is in their way.

use intercom_scim_bridge::app::endpoint_of;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::config::NotificationConfig;
use intercom_scim_bridge::delivery::Sender;
use intercom_scim_bridge::notifications::{DeliveryFailure, EndpointState, Message};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{are_sign_ins, company, confirmed, endpoint, notifying, seconds, served, sign_ins};
use crate::support::bridge::Bridge;
use crate::support::receiver::{Receiver, Reply};
use crate::support::waiting::until;

/// A connection of its own to the bridge's database.
async fn database(bridge: &Bridge) -> DatabaseConnection {
    sea_orm::Database::connect(bridge.config.database.url.expose_secret()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_an_answer_cannot_be_recorded_the_message_is_not_sent_again() {
    for (first, failures) in [(Reply::Status(200), 0), (Reply::Status(503), 1)] {
        let receiver = Receiver::start(&[first]);
        let other = Receiver::start(&[]);
        let (workspace, [ada, _]) = company();
        let bridge = Bridge::serving_with(workspace, |config| {
            config.notifications.push(endpoint(&receiver.url));
            let name = "other".to_owned();
            let other = NotificationConfig { name, ..endpoint(&other.url) };
            config.notifications.push(other);
        })
        .await;
        let stores = bridge.app.service().stores.clone();
        served(&stores).await;
        until("the other endpoint is served", async || {
            stores.notifications.endpoint("default", "other").await.unwrap().is_some()
        })
        .await;
        let database = database(&bridge).await;
        let trigger = "CREATE TRIGGER broken BEFORE UPDATE ON notification_endpoints
            WHEN NEW.name = 'siem' BEGIN SELECT RAISE(ABORT, 'broken'); END";
        database.execute_unprepared(trigger).await.unwrap();
        let now = seconds();
        let times = [now - 40, now - 30, now - 20];
        // The other endpoint shows that rounds go by.
        for (count, at) in (1..).zip(times) {
            sign_ins(&bridge, ada, &[at]).await;
            confirmed(&other, count).await;
        }
        until("the message was sent", async || !receiver.received().is_empty()).await;
        assert_eq!(receiver.received().len(), 1);
        assert_eq!(served(&stores).await.delivered, 0);
        database.execute_unprepared("DROP TRIGGER broken").await.unwrap();
        are_sign_ins(&confirmed(&receiver, 3).await, &times);
        until("all are recorded", async || served(&stores).await.delivered == 3).await;
        assert_eq!(receiver.received().len(), 3 + failures);
        database.close().await.unwrap();
        bridge.stop().await;
        receiver.stop().await;
        other.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_cannot_be_read_are_shown_until_they_can_be_read() {
    // The pause keeps the entry waiting until it is damaged.
    let receiver = Receiver::start(&[Reply::Later(503, 3600)]);
    let (workspace, [ada, _]) = company();
    let bridge = notifying(workspace, endpoint(&receiver.url)).await;
    let at = seconds() - 10;
    sign_ins(&bridge, ada, &[at]).await;
    let stores = bridge.app.service().stores.clone();
    until("the attempt failed", async || served(&stores).await.standing.failures == 1).await;
    let database = database(&bridge).await;
    let of_last = "WHERE seq = (SELECT MAX(seq) FROM activity)";
    let damage = format!("UPDATE activity SET recorded_at = NULL {of_last}");
    database.execute_unprepared(&damage).await.unwrap();
    stores.notifications.restart("default", "siem", None, Vec::new()).await.unwrap();
    until("the damage is shown", async || {
        served(&stores).await.standing.state == EndpointState::Unreadable
    })
    .await;
    let problem = bridge.get("/api/v1/status").await.json()["notification_problems"][0].clone();
    assert_eq!(problem["code"], json!("notifications_unreadable"));
    assert!(problem["detail"].as_str().unwrap().contains("cannot be read"), "{problem}");
    let repair = format!("UPDATE activity SET recorded_at = {} {of_last}", seconds() * 1000);
    database.execute_unprepared(&repair).await.unwrap();
    are_sign_ins(&confirmed(&receiver, 1).await, &[at]);
    until("nothing is shown any more", async || {
        let status = bridge.get("/api/v1/status").await.json();
        status["notification_problems"] == json!([])
    })
    .await;
    database.close().await.unwrap();
    bridge.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_pruning_of_entries_that_wait_the_others_are_delivered() {
    let receiver = Receiver::start(&[Reply::Later(503, 3600)]);
    let (workspace, [ada, _]) = company();
    let bridge = notifying(workspace, endpoint(&receiver.url)).await;
    let now = seconds();
    sign_ins(&bridge, ada, &[now - 60, now - 10]).await;
    let stores = bridge.app.service().stores.clone();
    until("the attempt failed", async || served(&stores).await.standing.failures == 1).await;
    let clock = Clock::System;
    let before = time::OffsetDateTime::from_unix_timestamp(now - 30).unwrap();
    let ledger = &stores.ledger;
    let pruned = ledger.prune_activity("default", before, |_| Vec::new(), clock.now()).await;
    assert!(pruned.unwrap() >= 1);
    stores.notifications.restart("default", "siem", None, Vec::new()).await.unwrap();
    are_sign_ins(&confirmed(&receiver, 1).await, &[now - 10]);
    assert_eq!(receiver.received().len(), 2, "the refused message was pruned");
    bridge.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_tls_is_not_an_unreachable_receiver() {
    let receiver = Receiver::start(&[]);
    let clock = Clock::System;
    let message = Message::test("siem", "default", clock.now());
    // The receiver answers without TLS.
    let url = receiver.url.replace("http://", "https://");
    let sender = Sender::new(&endpoint_of(&endpoint(&url)), clock).unwrap();
    assert_eq!(sender.send(&message).await, Err(DeliveryFailure::Tls));
    receiver.stop().await;
}
