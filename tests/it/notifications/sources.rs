//! Which events an endpoint gets: log entries, changes and findings.

use std::collections::BTreeSet;
use std::time::Duration;

use intercom_scim_bridge::activity::{Format, Severity};
use intercom_scim_bridge::config::NotificationConfig;
use intercom_scim_bridge::notifications::Filter;
use intercom_scim_bridge::stores::NotedFinding;
use serde_json::json;

use super::{company, confirmed, endpoint, notifying, seconds, sign_ins};
use crate::support::bridge::start_import;
use crate::support::receiver::Receiver;

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_gets_only_the_events_of_its_filter() {
    let receiver = Receiver::start(&[]);
    let (workspace, [ada, bo]) = company();
    let filter = Filter {
        activity: true,
        severities: vec![Severity::High, Severity::Critical],
        ..Filter::default()
    };
    let siem = NotificationConfig { filter, ..endpoint(&receiver.url) };
    let bridge = notifying(workspace, siem).await;
    let now = seconds();
    bridge.simulator.change(|workspace| {
        workspace.sign_in(ada, "saml", now - 40);
        workspace.note(now - 30, "bulk_export", bo, json!({"count": 12}));
        workspace.sign_in(bo, "saml", now - 20);
    });
    sign_ins(&bridge, ada, &[now - 10]).await;
    let messages = confirmed(&receiver, 1).await;
    assert_eq!(messages[0].body["type"], json!("activity.bulk_export"));
    assert_eq!(messages[0].body["data"]["severity"], json!("high"));
    // The next entry shows that no other one waits.
    bridge.simulator.change(|workspace| {
        workspace.note(now - 5, "security_settings_change", ada, json!({}));
    });
    start_import(&bridge, "", "wait=30").await;
    let messages = confirmed(&receiver, 2).await;
    assert_eq!(messages[1].body["type"], json!("activity.security_settings_change"));
    assert_eq!(receiver.received().len(), 2);
    bridge.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_and_new_findings_are_delivered_and_excepted_ones_are_not() {
    let receiver = Receiver::start(&[]);
    let (workspace, [ada, bo]) = company();
    let filter = Filter { changes: true, posture: true, ..Filter::default() };
    let bridge =
        notifying(workspace, NotificationConfig { filter, ..endpoint(&receiver.url) }).await;
    let now = seconds();
    bridge.simulator.change(|workspace| workspace.remove_admin(bo, ada, now - 5));
    start_import(&bridge, "", "wait=30").await;
    let removed = &confirmed(&receiver, 1).await[0].body;
    assert_eq!(removed["type"], json!("change.user.removed"));
    assert_eq!(removed["data"]["user_id"], json!(format!("adm_{bo}")));
    assert_eq!(removed["data"]["actor"]["id"], json!(format!("adm_{ada}")));

    let service = bridge.app.service();
    let finding = |id: &str, is_excepted| NotedFinding {
        id: id.to_owned(),
        check: "IC-ACC-2",
        severity: "medium",
        is_excepted,
    };
    // Later than whatever the bridge itself has noted.
    let note = async |minutes: u64, findings: [NotedFinding; 2]| {
        let at = service.clock.now() + Duration::from_mins(minutes);
        let (store, findings, none) = (&service.stores.posture, findings.into(), BTreeSet::new());
        store.note_findings("default", at, 1_000, &findings, &none).await.unwrap()
    };
    let before = service.stores.posture.last_finding("default").await.unwrap();
    assert_eq!(note(1, [finding("one", false), finding("accepted", true)]).await, Some(1));
    assert_eq!(service.stores.posture.last_finding("default").await.unwrap(), before + 1);
    let mine = async |count: usize| {
        let about = |one: &crate::support::receiver::Received| {
            one.body["data"]["check"] == json!("IC-ACC-2")
        };
        crate::support::waiting::eventually("the findings are delivered", async || {
            let mine: Vec<_> = receiver.confirmed().into_iter().filter(about).collect();
            if mine.len() == count { Ok(mine) } else { Err(mine) }
        })
        .await
    };
    let first = mine(1).await.remove(0).body;
    assert_eq!(first["type"], json!("posture.finding"));
    assert_eq!(first["data"]["id"], json!("one"));
    assert_eq!(first["data"]["status"], json!("fail"));
    assert!(first["data"]["remedy"].as_str().unwrap().len() > 10);
    // When the exception is over, the finding is new.
    assert_eq!(note(2, [finding("one", false), finding("accepted", false)]).await, Some(1));
    assert_eq!(mine(2).await[1].body["data"]["id"], json!("accepted"));
    assert_eq!(note(3, [finding("one", false), finding("accepted", false)]).await, Some(0));
    bridge.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn log_entries_can_be_sent_as_ocsf_or_ecs() {
    for (format, member) in [(Format::Ocsf, "class_uid"), (Format::Ecs, "event")] {
        let receiver = Receiver::start(&[]);
        let (workspace, [ada, _]) = company();
        let siem = NotificationConfig { format, ..endpoint(&receiver.url) };
        let bridge = notifying(workspace, siem).await;
        sign_ins(&bridge, ada, &[seconds() - 5]).await;
        let message = &confirmed(&receiver, 1).await[0].body;
        assert_eq!(message["type"], json!("activity.admin_login_success"));
        assert!(!message["data"][member].is_null(), "{message}");
        bridge.stop().await;
        receiver.stop().await;
    }
}
