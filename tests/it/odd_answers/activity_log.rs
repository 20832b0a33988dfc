//! Reading the activity log of Intercom if it fails or its responses are undocumented.

use std::time::Duration;

use intercom_scim_bridge::intercom::{LogKinds, Since, observe};
use simulator::{Fault, Options, Simulator, Workspace};

use super::answering;
use crate::intercom::{client, codes};
use crate::support::hand::{START, TOKEN};

#[tokio::test]
async fn faults_of_the_activity_log_never_hide_people_and_teams() {
    let entry = |id: &str| {
        format!(
            r#"{{"id":"{id}","created_at":1700000000,"activity_type":"admin_login_success","performed_by":{{"id":"1"}},"metadata":{{}}}}"#
        )
    };
    let log =
        |rest: &str| Fault::json(200, &format!(r#"{{"activity_logs":[{}]{rest}}}"#, entry("e1")));
    let list = |code: &str| {
        format!(r#"{{"type":"error.list","errors":[{{"code":"{code}","message":"Ada"}}]}}"#)
    };
    for (fault, code) in [
        (Fault::json(401, &list("token_unauthorized")), "activity_log_forbidden"),
        (Fault::json(403, &list("action_forbidden")), "activity_log_forbidden"),
        (Fault::json(403, &list("api_plan_restricted")), "activity_log_forbidden"),
        (Fault::json(404, &list("parameter_not_found")), "activity_log_missing"),
        (Fault::json(402, &list("payment_required")), "activity_log_unavailable"),
        (Fault::json(422, &list("parameter_invalid")), "activity_log_unavailable"),
        (Fault::json(200, &list("server_error")), "activity_log_unavailable"),
        (Fault::Status(503), "activity_log_unavailable"),
        (Fault::Status(408), "activity_log_unavailable"),
        (Fault::RateLimit(1), "activity_log_unavailable"),
        (Fault::CutOff, "activity_log_unavailable"),
        (Fault::Garbage, "activity_log_unavailable"),
        (Fault::Answer(204, Vec::new(), "text/plain"), "activity_log_unavailable"),
        (Fault::json(200, r#"{"activity_logs":null}"#), "activity_log_unavailable"),
        (Fault::json(200, "[1,2]"), "activity_log_unavailable"),
        (
            Fault::json(401, r#"{"errors":[{"code":"token_unauthorized","message":"\ud83d"}]}"#),
            "activity_log_forbidden",
        ),
        (Fault::json(418, r#"{"type":"error.list"}"#), "activity_log_unavailable"),
        (log(r#","pages":[1,2]"#), "activity_log_pages_unreadable"),
        (log(r#","pages":"1 of 3""#), "activity_log_pages_unreadable"),
        (
            log(
                r#","pages":{"page":1,"total_pages":5,"next":"https://api.intercom.io/admins/activity_logs?page=2"}"#,
            ),
            "activity_log_stuck",
        ),
        (log(r#","pages":{"next":{"starting_after":"x"}}"#), "activity_log_stuck"),
    ] {
        let observation = answering("/admins/activity_logs", fault.clone())
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!((observation.users.len(), observation.groups.len()), (13, 3), "{fault:?}");
        assert_eq!(codes(&observation), [code], "{fault:?}");
        assert_eq!(observation.log_read_to, None, "{fault:?}: nothing is taken for read");
        let detail = &observation.warnings[0].detail;
        assert!(
            detail.contains("/admins/activity_logs")
                && !detail.contains("Ada")
                && detail.len() < 600,
            "{detail}"
        );
        assert_eq!(
            observation.activity.len(),
            usize::from(code.ends_with("stuck") || code.ends_with("unreadable")),
            "what could be read is kept"
        );
    }
}

#[tokio::test]
async fn one_entry_of_the_log_that_cannot_be_read_hides_no_other() {
    let body = r#"{"activity_logs":[null, 7, {"id":"1"}, {"id":"2","created_at":"soon","activity_type":"x"},
        {"id":3,"created_at":"1700000000","activity_type":"admin_deletion","metadata":{"admin":{"id":7,"first_name":"half \ud83d"}}},
        {"id":"4","created_at":1700000001,"activity_type":"brand_new","performed_by":"system","metadata":null},
        {"id":"5","created_at":99999999999999,"activity_type":"x"}],"pages":{"page":null,"total_pages":"1","next":null}}"#;
    let observation = answering("/admins/activity_logs", Fault::json(200, body)).await.unwrap();
    let read: Vec<&str> = observation.activity.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(read, ["3", "4"]);
    assert_eq!(observation.activity[0].subject().map(|id| id.to_string()).as_deref(), Some("7"));
    assert_eq!(codes(&observation), ["activity_unreadable"]);
    assert!(observation.warnings[0].detail.starts_with("5 entries"), "{:?}", observation.warnings);
    assert_eq!(
        observation.log_read_to,
        Some(observation.taken_at),
        "they would be no better next time"
    );
}

#[tokio::test]
async fn a_log_that_fails_in_the_midst_is_kept_up_to_there() {
    let mut workspace = Workspace::new(TOKEN);
    let ada = workspace.add_teammate("Ada Lovelace");
    let begin = START.unix_timestamp() - 30 * 24 * 3600;
    (0..30).for_each(|day| workspace.sign_in(ada, "saml", begin + day * 24 * 3600 + 60));
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    let client = client(&simulator.base_url());
    simulator.fail(Fault::Slow(Duration::ZERO), "/admins/activity_logs", 3);
    simulator.fail_from_now_on(Fault::Status(500), "/admins/activity_logs");
    let since = Since::Everything { log: START - Duration::from_hours(30 * 24), known: None };
    let observation = observe(&client, since, &LogKinds::default(), &|_| {}).await.unwrap();
    let read_to = observation.log_read_to.expect("some of it was read");
    assert!(read_to > START - Duration::from_hours(30 * 24) && read_to < START);
    let kept =
        observation.activity.iter().filter(|entry| entry.kind == "admin_login_success").count();
    assert!((1..30).contains(&kept), "{kept}");
    simulator.stop().await;
}

#[tokio::test]
async fn a_page_of_the_log_that_another_span_had_is_not_stuck() {
    // The page before the last one fails once. The shorter spans then return entries that are
    // already known.
    let mut workspace = Workspace::new(TOKEN);
    let ada = workspace.add_teammate("Ada Lovelace");
    let begin = START.unix_timestamp() - 5 * 24 * 3600;
    (0..700).for_each(|number| workspace.sign_in(ada, "saml", begin + 4 * 24 * 3600 + number * 60));
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    let client = client(&simulator.base_url());
    simulator.fail(Fault::Slow(Duration::ZERO), "/admins/activity_logs", 2);
    simulator.fail(Fault::Status(500), "/admins/activity_logs", 2);
    let since = Since::Everything { log: START - Duration::from_hours(5 * 24), known: None };
    let observation = observe(&client, since, &LogKinds::default(), &|_| {}).await.unwrap();
    assert_eq!(codes(&observation), [] as [&str; 0]);
    assert_eq!(observation.log_read_to, Some(observation.taken_at));
    assert!(observation.activity.len() >= 700, "{}", observation.activity.len());
    simulator.stop().await;
}
