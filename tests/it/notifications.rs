//! Outbound webhooks: a receiver gets every event at least once and in order, whatever it answers
//! and whoever restarts.

mod commands;
mod faults;
mod sources;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::Duration;

use intercom_scim_bridge::activity::Format;
use intercom_scim_bridge::app::App;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::config::{Config, NotificationConfig};
use intercom_scim_bridge::directory::{ImportRequest, Trigger};
use intercom_scim_bridge::notifications::{EndpointState, Filter, Secrets};
use intercom_scim_bridge::stores::{StoredEndpoint, Stores};
use serde_json::json;
use simulator::{Options, Simulator, Workspace};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::on_both_databases;
use crate::support::bridge::{Bridge, config, start_import};
use crate::support::database::TestDatabase;
use crate::support::hand::TOKEN;
use crate::support::receiver::{Received, Receiver, Reply, SECRET};
use crate::support::secrets;
use crate::support::waiting::{eventually, until};

on_both_databases!(
    a_restart_continues_where_the_last_bridge_ended,
    of_two_bridges_one_delivers_and_the_other_takes_over,
);

/// The secret in the URL of the receiver.
const URL_SECRET: &str = "sig-of-the-receiver-7d1f";

/// An endpoint that gets all log entries.
pub fn endpoint(url: &str) -> NotificationConfig {
    secrets::keep(URL_SECRET);
    NotificationConfig {
        name: "siem".to_owned(),
        url: format!("{url}?sig={URL_SECRET}").parse().unwrap(),
        secrets: Secrets::read(SECRET).unwrap(),
        workspace: "default".to_owned(),
        filter: Filter { activity: true, ..Filter::default() },
        format: Format::Native,
        timeout: Duration::from_secs(1),
        allows_private: true,
    }
}

/// Two teammates.
fn company() -> (Workspace, [u64; 2]) {
    let mut workspace = Workspace::new(TOKEN);
    let ada = workspace.add_teammate("Ada Lovelace");
    let bo = workspace.add_teammate("Bo Diddley");
    (workspace, [ada, bo])
}

fn seconds() -> i64 {
    Clock::System.now().unix_timestamp()
}

/// The endpoint as it is stored, once a bridge serves it.
async fn served(stores: &Stores) -> StoredEndpoint {
    eventually("the endpoint is served", async || {
        stores.notifications.endpoint("default", "siem").await.unwrap().ok_or("not yet")
    })
    .await
}

/// A bridge that serves the endpoint.
async fn notifying(workspace: Workspace, endpoint: NotificationConfig) -> Bridge {
    let bridge =
        Bridge::serving_with(workspace, |config| config.notifications.push(endpoint)).await;
    served(&bridge.app.service().stores).await;
    bridge
}

/// Waits until the receiver has confirmed this many messages.
async fn confirmed(receiver: &Receiver, count: usize) -> Vec<Received> {
    eventually(&format!("{count} messages are confirmed"), async || {
        let confirmed = receiver.confirmed();
        if confirmed.len() >= count { Ok(confirmed) } else { Err(receiver.received()) }
    })
    .await
}

/// Asserts that the messages are about the sign-ins with these times, each once and in order.
fn are_sign_ins(messages: &[Received], times: &[i64]) {
    let at = |message: &Received| {
        assert_eq!(message.body["type"], json!("activity.admin_login_success"));
        assert_eq!(message.body["workspace"], json!("default"));
        let at = message.body["data"]["at"].as_str().unwrap();
        OffsetDateTime::parse(at, &Rfc3339).unwrap().unix_timestamp()
    };
    assert_eq!(messages.iter().map(at).collect::<Vec<_>>(), times);
    let ids: BTreeSet<&str> = messages.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(ids.len(), messages.len(), "no message is doubled");
}

/// Lets a teammate sign in, each time a second later, and imports that.
async fn sign_ins(bridge: &Bridge, person: u64, times: &[i64]) {
    bridge.simulator.change(|workspace| {
        for at in times {
            workspace.sign_in(person, "saml", *at);
        }
    });
    assert_eq!(start_import(bridge, "", "wait=30").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_new_log_entry_is_delivered_once_in_order_and_signed() {
    let receiver = Receiver::start(&[]);
    let (workspace, [ada, bo]) = company();
    let bridge = notifying(workspace, endpoint(&receiver.url)).await;
    assert_eq!(receiver.received().len(), 0, "what was recorded before is not sent");
    let now = seconds();
    let first: Vec<i64> = (0..5).map(|second| now - 60 + second).collect();
    let second: Vec<i64> = (0..5).map(|second| now - 30 + second).collect();
    sign_ins(&bridge, ada, &first).await;
    sign_ins(&bridge, bo, &second).await;
    let messages = confirmed(&receiver, 10).await;
    are_sign_ins(&messages, &[first, second].concat());
    assert_eq!(receiver.received().len(), 10);
    let person = &messages[9].body["data"];
    assert_eq!(person["actor_display_name"], json!("Bo Diddley"));
    assert!(person["cursor"].as_str().unwrap().starts_with('s'));
    // A delivery is recorded after the receiver has confirmed it.
    let stores = bridge.app.service().stores.clone();
    until("all are recorded", async || served(&stores).await.delivered == 10).await;
    bridge.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_hangs_or_redirects_loses_nothing() {
    let elsewhere = Receiver::start(&[]);
    let receiver = Receiver::start(&[
        Reply::Status(500),
        Reply::Hang,
        Reply::Status(200),
        Reply::Redirect(elsewhere.url.clone()),
        Reply::Later(429, 1),
        Reply::Status(404),
    ]);
    let (workspace, [ada, _]) = company();
    let bridge = notifying(workspace, endpoint(&receiver.url)).await;
    let now = seconds();
    let times = [now - 30, now - 20, now - 10];
    sign_ins(&bridge, ada, &times).await;
    let messages = confirmed(&receiver, 3).await;
    are_sign_ins(&messages, &times);
    let attempts = receiver.received();
    assert_eq!(attempts.len(), 8, "5 attempts failed: {attempts:?}");
    assert!(elsewhere.received().is_empty(), "no redirect is followed");
    // Each attempt of a message has the same id and the same body.
    for one in &attempts {
        let same = messages.iter().find(|message| message.id == one.id).unwrap();
        assert_eq!(same.body, one.body);
    }
    // No message was sent before the one before it was confirmed.
    let order: Vec<&str> = attempts.iter().map(|one| one.id.as_str()).collect();
    let mut groups = order.clone();
    groups.dedup();
    assert_eq!(groups.len(), 3, "{order:?}");
    for (outcome, count) in [("delivered", 3), ("failed", 5)] {
        let labels = format!("workspace=\"default\",endpoint=\"siem\",outcome=\"{outcome}\"");
        let sample = format!("bridge_notifications_total{{{labels}}} {count}\n");
        until(&sample, async || bridge.get("/metrics").await.text.contains(&sample)).await;
    }
    bridge.stop().await;
    receiver.stop().await;
    elsewhere.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_down_gets_everything_when_it_is_back() {
    let gone = Receiver::start(&[]);
    let (url, port) = (gone.url.clone(), gone.port);
    gone.stop().await;
    let (workspace, [ada, _]) = company();
    let bridge = notifying(workspace, endpoint(&url)).await;
    let now = seconds();
    let times = [now - 30, now - 20];
    sign_ins(&bridge, ada, &times).await;
    let failing = eventually("the failure is shown", async || {
        let status = bridge.get("/api/v1/status").await.json();
        let problems = status["notification_problems"].as_array().unwrap().clone();
        problems.first().cloned().ok_or(status)
    })
    .await;
    assert_eq!(failing["code"], json!("notifications_fail"));
    assert!(failing["detail"].as_str().unwrap().contains("could not be reached"), "{failing}");
    let receiver = Receiver::at(port);
    are_sign_ins(&confirmed(&receiver, 2).await, &times);
    until("the failure is over", async || {
        let status = bridge.get("/api/v1/status").await.json();
        status["notification_problems"] == json!([])
    })
    .await;
    bridge.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_not_reached_unless_that_is_allowed() {
    // A connection that is made waits here, whatever it sends.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    // Once as an address, and once as a name that is resolved.
    for host in ["127.0.0.1", "localhost"] {
        let (workspace, [ada, _]) = company();
        let url = format!("https://{host}:{port}/hook");
        let refused = NotificationConfig { allows_private: false, ..endpoint(&url) };
        let bridge = notifying(workspace, refused).await;
        sign_ins(&bridge, ada, &[seconds() - 5]).await;
        let stores = bridge.app.service().stores.clone();
        let standing = eventually("the attempt failed", async || {
            let standing = served(&stores).await.standing;
            if standing.failures > 0 { Ok(standing) } else { Err(standing) }
        })
        .await;
        assert_eq!(standing.state, EndpointState::Active);
        let problem = standing.problem.unwrap();
        assert!(problem.contains("allow_private_addresses"), "{host}: {problem}");
        bridge.stop().await;
    }
    let connection = listener.accept();
    assert!(connection.is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
}

/// The settings of a bridge on this database that serves the endpoint.
fn settings(database: &TestDatabase, simulator: &Simulator, receiver: &Receiver) -> Config {
    let mut config = config(database, &simulator.base_url());
    config.notifications.push(endpoint(&receiver.url));
    config
}

/// Starts a bridge and waits until its first import is over.
async fn started(config: &Config, imports: usize) -> App {
    let app = Box::pin(App::start(config, Clock::System)).await.unwrap();
    let ledger = app.service().stores.ledger.clone();
    until("the import is over", async || {
        let runs = ledger.runs("default", None, 100).await.unwrap();
        let ended = runs.iter().filter(|run| run.finished_at.is_some());
        ended.count() >= imports
    })
    .await;
    app
}

async fn a_restart_continues_where_the_last_bridge_ended(database: TestDatabase) {
    // The receiver confirms one message, and then fails until the bridge has stopped.
    let failures = [Reply::Status(503), Reply::Status(503), Reply::Status(503)];
    let receiver = Receiver::start(&[&[Reply::Status(200)], &failures[..]].concat());
    let (workspace, [ada, _]) = company();
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    let config = settings(&database, &simulator, &receiver);
    let app = started(&config, 1).await;
    served(&app.service().stores).await;
    app.stop().await;
    let now = seconds();
    let times = [now - 40, now - 30, now - 20, now - 10];
    simulator.change(|workspace| {
        for at in times {
            workspace.sign_in(ada, "saml", at);
        }
    });
    // What is recorded while nobody delivers is delivered after the start.
    let app = started(&config, 2).await;
    until("an attempt failed", async || receiver.received().len() >= 2).await;
    app.stop().await;
    let app = started(&config, 3).await;
    are_sign_ins(&confirmed(&receiver, 4).await, &times);
    app.stop().await;
    let app = started(&config, 4).await;
    let stored = served(&app.service().stores).await;
    assert_eq!(stored.delivered, 4);
    assert_eq!(receiver.confirmed().len(), 4, "nothing is sent twice after a restart");
    app.stop().await;
    receiver.stop().await;
    simulator.stop().await;
}

async fn of_two_bridges_one_delivers_and_the_other_takes_over(database: TestDatabase) {
    let receiver = Receiver::start(&[]);
    let (workspace, [ada, bo]) = company();
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    let config = settings(&database, &simulator, &receiver);
    let here = started(&config, 1).await;
    let there = started(&config, 2).await;
    served(&here.service().stores).await;
    let now = seconds();
    let import = async |app: &App, person: u64, at: i64| {
        simulator.change(|workspace| workspace.sign_in(person, "saml", at));
        let workspace = &app.service().workspaces["default"];
        let request = ImportRequest::incremental(Trigger::Api);
        workspace.nudge.ask(request, app.service().clock.running());
    };
    import(&here, ada, now - 30).await;
    confirmed(&receiver, 1).await;
    // The second bridge continues, whichever of them delivered.
    here.stop().await;
    import(&there, bo, now - 20).await;
    let messages = confirmed(&receiver, 2).await;
    are_sign_ins(&messages, &[now - 30, now - 20]);
    assert_eq!(receiver.received().len(), 2);
    there.stop().await;
    receiver.stop().await;
    simulator.stop().await;
}
