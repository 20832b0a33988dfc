//! The commands of `notifications`, and what `check` and `/api/v1/status` say of endpoints.

use intercom_scim_bridge::notifications::EndpointState;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{are_sign_ins, company, confirmed, endpoint, notifying, seconds, served, sign_ins};
use crate::support::bridge::{Bridge, ENCRYPTION_KEY};
use crate::support::hand::TOKEN;
use crate::support::receiver::{Receiver, Reply, SECRET};
use crate::support::shell::Shell;
use crate::support::waiting::until;

/// A shell with the settings of a bridge and of its endpoint.
fn shell(bridge: &Bridge, receiver: &Receiver) -> Shell {
    let shell = Shell::new()
        .set("DATABASE_URL", bridge.config.database.url.expose_secret())
        .set("INTERCOM_ACCESS_TOKEN", TOKEN)
        .set("INTERCOM_BASE_URL", bridge.simulator.base_url())
        .set("BRIDGE_ACCESS__ENCRYPTION_KEY", ENCRYPTION_KEY)
        .set("RUST_LOG", "off");
    let settings = format!(
        "[[notifications]]\nname = \"siem\"\nurl = \"{}\"\nsecret = \"{SECRET}\"\n\
         allow_private_addresses = true\n",
        receiver.url
    );
    std::fs::write(shell.directory.path().join("bridge.toml"), settings).unwrap();
    shell
}

fn run(shell: &Shell, arguments: &[&str]) -> (i32, String, String) {
    let all: Vec<&str> =
        ["--config", "bridge.toml"].into_iter().chain(arguments.iter().copied()).collect();
    let ended = shell.run(&all);
    (ended.code.unwrap(), ended.stdout, ended.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_410_disables_the_endpoint_until_a_person_resumes_it() {
    let receiver = Receiver::start(&[Reply::Status(410)]);
    let (workspace, [ada, _]) = company();
    let bridge = notifying(workspace, endpoint(&receiver.url)).await;
    let shell = shell(&bridge, &receiver);
    let now = seconds();
    let times = [now - 20, now - 10];
    sign_ins(&bridge, ada, &times).await;
    let stores = bridge.app.service().stores.clone();
    until("the endpoint is disabled", async || {
        served(&stores).await.standing.state == EndpointState::Disabled
    })
    .await;
    let problem = bridge.get("/api/v1/status").await.json()["notification_problems"][0].clone();
    assert_eq!(problem["code"], json!("notifications_disabled"));
    let stopped = "bridge_notification_stopped{workspace=\"default\",endpoint=\"siem\"} 1.0\n";
    assert!(bridge.get("/metrics").await.text.contains(stopped));
    let (_, checked, _) = run(&shell, &["check"]);
    assert!(checked.contains("the endpoint siem is disabled"), "{checked}");
    let (_, list, _) = run(&shell, &["notifications", "list"]);
    assert!(list.contains("disabled") && list.contains("410"), "{list}");
    assert_eq!(receiver.received().len(), 1, "nothing is sent to a disabled endpoint");

    let (code, said, _) = run(&shell, &["notifications", "resume", "siem"]);
    assert_eq!((code, said.contains("active again")), (0, true), "{said}");
    are_sign_ins(&confirmed(&receiver, 2).await, &times);
    let audited = run(&shell, &["audit", "export"]).1;
    assert!(audited.contains("notifications.resumed"), "{audited}");
    bridge.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_sends_the_events_after_a_position_again_with_the_same_ids() {
    let receiver = Receiver::start(&[]);
    let (workspace, [ada, _]) = company();
    let bridge = notifying(workspace, endpoint(&receiver.url)).await;
    let shell = shell(&bridge, &receiver);
    let now = seconds();
    sign_ins(&bridge, ada, &[now - 30, now - 20, now - 10]).await;
    let first = confirmed(&receiver, 3).await;
    let cursor = first[0].body["data"]["cursor"].as_str().unwrap().to_owned();
    let (code, _, said) = run(&shell, &["notifications", "replay", "siem", "--from", &cursor]);
    assert_eq!(code, 0, "{said}");
    let all = confirmed(&receiver, 5).await;
    for (again, before) in [(&all[3], &first[1]), (&all[4], &first[2])] {
        assert_eq!((&again.id, &again.body), (&before.id, &before.body));
    }
    // From a day: everything that was recorded since then, also the entries of the first import.
    run(&shell, &["notifications", "replay", "siem", "--from", "2020-01-01"]);
    until("all entries are sent again", async || {
        receiver.confirmed().iter().filter(|one| one.id == first[2].id).count() == 3
    })
    .await;
    let (code, _, said) = run(&shell, &["notifications", "replay", "siem", "--from", "soon"]);
    assert_eq!((code, said.contains("--from must be")), (2, true), "{said}");
    for beyond in ["s999999999", "s1-999999999"] {
        let (code, _, said) = run(&shell, &["notifications", "replay", "siem", "--from", beyond]);
        assert_eq!((code, said.contains("beyond the last event")), (2, true), "{said}");
    }
    let changes = intercom_scim_bridge::directory::ChangePosition::START.to_cursor();
    let (code, _, said) = run(&shell, &["notifications", "replay", "siem", "--from", &changes]);
    assert_eq!((code, said.contains("does not get")), (2, true), "{said}");
    let (_, listed, _) = run(&shell, &["notifications", "list", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["state"], json!("active"));
    assert_eq!(listed["deliveries"][0]["status"], json!(204));
    bridge.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_receiver_always_refuses_can_be_skipped() {
    let receiver = Receiver::start(&[Reply::Later(422, 3600)]);
    let (workspace, [ada, _]) = company();
    let bridge = notifying(workspace, endpoint(&receiver.url)).await;
    let shell = shell(&bridge, &receiver);
    let now = seconds();
    sign_ins(&bridge, ada, &[now - 20, now - 10]).await;
    let stores = bridge.app.service().stores.clone();
    until("the receiver refused", async || served(&stores).await.standing.failures == 1).await;
    let (code, said, problem) = run(&shell, &["notifications", "skip", "siem"]);
    assert_eq!(code, 0, "{problem}");
    are_sign_ins(&confirmed(&receiver, 1).await, &[now - 10]);
    let refused = &receiver.received()[0];
    assert!(said.contains(&refused.id), "{said}");
    let audited = run(&shell, &["audit", "export"]).1;
    assert!(audited.contains("notifications.skipped"), "{audited}");
    until("the delivery is recorded", async || served(&stores).await.delivered == 1).await;
    let (code, _, said) = run(&shell, &["notifications", "skip", "siem"]);
    assert_eq!((code, said.contains("no message waits")), (1, true), "{said}");
    bridge.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_shows_whether_the_receiver_confirms_it() {
    let receiver = Receiver::start(&[Reply::Status(204), Reply::Status(401)]);
    let (workspace, _) = company();
    let bridge = Bridge::serving(workspace).await;
    let shell = shell(&bridge, &receiver);
    let (code, said, _) = run(&shell, &["notifications", "test", "siem"]);
    assert_eq!((code, said.contains("confirmed msg_")), (0, true), "{said}");
    assert_eq!(receiver.received()[0].body["type"], json!("test"));
    let (code, _, said) = run(&shell, &["notifications", "test", "siem"]);
    assert_eq!((code, said.contains("answered 401")), (1, true), "{said}");
    let (code, _, said) = run(&shell, &["notifications", "test", "other"]);
    assert_eq!((code, said.contains("there is: siem")), (2, true), "{said}");
    let (code, _, said) = run(&shell, &["notifications", "resume", "siem"]);
    assert_eq!((code, said.contains("no bridge has served")), (1, true), "{said}");
    bridge.stop().await;
    receiver.stop().await;
}
