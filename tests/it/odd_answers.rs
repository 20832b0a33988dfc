//! Reading undocumented responses of Intercom: no teammate is lost, and a warning names the
//! problem.

mod activity_log;
mod optional;

use std::time::Duration;

use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::directory::Observation;
use intercom_scim_bridge::intercom::{Client, IntercomError, LogKinds, Region, Since, observe};
use serde_json::json;
use simulator::{Fault, Options, Simulator, Workspace};

use crate::intercom::{client, codes, listing, read, simulated};
use crate::support::bridge::dozen;
use crate::support::hand::{START, TOKEN, connection};

/// Reads a simulated Intercom that responds to `path` with `fault`.
async fn answering(path: &str, fault: Fault) -> Result<Observation, IntercomError> {
    let (simulator, client) = simulated(Options::default());
    simulator.fail_from_now_on(fault, path);
    let observation = read(&client).await;
    simulator.stop().await;
    observation
}

#[tokio::test]
async fn one_unreadable_record_does_not_stop_the_import() {
    // Half a surrogate pair, a wrong type, null, no id, a repeated admin, not an admin. All others
    // are read.
    let admins = r#"{"type":"admin.list","admins":[
        {"type":"admin","id":"1","email":"a@example.com","name":"A \ud83d"},
        {"type":"admin","id":"2","email":["b@example.com"],"name":"B","has_inbox_seat":"yes","team_ids":{}},
        null, {"type":"admin","email":"x@example.com"}, "7",
        {"type":"admin","id":"3","email":"c@example.com","name":"C"}, {"type":"admin","id":"3","email":"C@example.com","name":"C"},
        {"type":"contact","id":"1","email":"d@example.com"},
        {"type":"admin","id":"4","email":"e@example.com","id":"5","name":"E","team_ids":[9]}]}"#;
    let teams = r#"{"teams":[{"id":"9","name":"T","admin_ids":[1,null,5]},{"id":"9","name":"T","admin_ids":[1,5]}]}"#;
    let server = listing(admins, teams);
    let observation = read(&client(&server.base_url)).await.unwrap();
    let ids: Vec<&str> = observation.users.iter().map(|seen| seen.user.id.as_str()).collect();
    assert_eq!(ids, ["1", "2", "3", "5"]);
    assert!(observation.unknown.lists_in_part, "somebody could not be identified");
    assert_eq!(observation.memberships.len(), 2);
    let all: String = observation
        .warnings
        .iter()
        .flat_map(|warning| [warning.code.as_str(), " ", &warning.detail, "\n"])
        .collect();
    for expected in [
        "admin 1 has no readable `name`",
        "admin 2 has no readable `email`",
        "admin 3 is in the list twice",
        "entry 3 of /admins",
    ] {
        assert!(all.contains(expected), "{expected} is not in\n{all}");
    }
    assert!(!all.contains("example.com"), "no value is repeated:\n{all}");
    server.stop().await;
}

#[tokio::test]
async fn a_list_that_may_be_a_part_of_the_whole_says_so() {
    let one = r#"{"type":"admin","id":"1","email":"a@example.com","team_ids":[]}"#;
    for rest in [
        r#""has_more":true"#,
        r#""total_count":40"#,
        r#""pages":{"type":"pages","next":null,"page":1,"total_pages":2}"#,
        r#""pages":{"next":"https://api.intercom.io/admins?page=2"}"#,
        r#""pages":{"next":{"starting_after":"x"}}"#,
        r#""pages":[1,2]"#,
        r#""links":{"next":"/admins?page=2"}"#,
        r#""next_page":"https://api.intercom.io/admins?page=2""#,
        r#""hasMore":true"#,
        r#""total_count":40.5"#,
        r#""total_count":4e30"#,
        r#""meta":{"total":"40"}"#,
        r#""pages":{"next":null,"starting_after":"x"}"#,
    ] {
        let body = format!(r#"{{"type":"admin.list","admins":[{one}],{rest}}}"#);
        let (simulator, client) = simulated(Options::default());
        simulator
            .fail_from_now_on(Fault::json(200, r#"{"type":"team.list","teams":[]}"#), "/teams");
        simulator.fail_from_now_on(Fault::json(200, &body), "/admins");
        let observation = read(&client).await.unwrap();
        assert!(observation.unknown.lists_in_part, "{rest}");
        assert!(
            codes(&observation).contains(&"list_incomplete"),
            "{rest}: {:?}",
            observation.warnings
        );
        simulator.stop().await;
    }
}

#[tokio::test]
async fn a_list_in_pages_is_followed_to_its_end() {
    let admin = |id: u32| {
        format!(r#"{{"type":"admin","id":"{id}","email":"p{id}@example.com","team_ids":[]}}"#)
    };
    for next in [r#""https://api.intercom.io/admins?page=2&per_page=1""#, r#"{"page":2}"#, "2"] {
        let (simulator, client) = simulated(Options::default());
        simulator
            .fail_from_now_on(Fault::json(200, r#"{"type":"team.list","teams":[]}"#), "/teams");
        let page = |id: u32, next: &str| {
            format!(
                r#"{{"admins":[{}],"pages":{{"page":{id},"total_pages":2,"next":{next}}},"total_count":2,"has_more":{}}}"#,
                admin(id),
                id == 1
            )
        };
        simulator.fail(Fault::json(200, &page(1, next)), "/admins", 1);
        simulator.fail(Fault::json(200, &page(2, "null")), "/admins", 1);
        let observation = read(&client).await.unwrap();
        assert_eq!(
            (observation.users.len(), observation.unknown.lists_in_part),
            (2, false),
            "{next}"
        );
        simulator.stop().await;
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_read_makes_the_list_a_part_of_the_whole() {
    let (simulator, client) = simulated(Options::default());
    let body = r#"{"admins":[{"id":"1","email":"a@example.com","team_ids":[]}],"pages":{"next":{"page":2}}}"#;
    simulator.fail_from_now_on(Fault::json(200, r#"{"type":"team.list","teams":[]}"#), "/teams");
    simulator.fail(Fault::json(200, body), "/admins", 1);
    simulator.fail_from_now_on(Fault::json(403, r#"{"errors":[{"code":"forbidden"}]}"#), "/admins");
    let observation = read(&client).await.unwrap();
    assert_eq!((observation.users.len(), observation.unknown.lists_in_part), (1, true));
    simulator.stop().await;
}

#[tokio::test]
async fn responses_that_are_not_json_are_retried() {
    let html = |status| Fault::Answer(status, b"<html>Ada</html>".to_vec(), "text/html");
    let empty = |status| Fault::Answer(status, Vec::new(), "text/html");
    let faults =
        [200, 202, 204, 301, 302, 304, 307, 400, 401, 402, 403, 404, 406, 410, 421, 451].map(empty);
    for fault in faults
        .into_iter()
        .chain([200, 404, 500, 520].map(html))
        .chain([Fault::json(200, " "), Fault::json(200, "{\"teams\":[")])
    {
        let (simulator, client) = simulated(Options::default());
        simulator.fail(fault.clone(), "/teams", 1);
        let observation = read(&client).await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(observation.groups.len(), 3, "{fault:?}");
        simulator.stop().await;
    }
    let error = answering("/admins", html(200)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Intercom could not be reached for /admins: the response (200) is not from Intercom's API: it is not JSON"
    );
}

#[tokio::test]
async fn a_missing_permission_is_no_bad_token() {
    for (path, permission) in [("/admins", "\"Read admins\""), ("/teams", "\"Read admins\"")] {
        for (status, code) in
            [(401, "token_unauthorized"), (403, "action_forbidden"), (403, "forbidden")]
        {
            let fault = Fault::json(
                status,
                &format!(r#"{{"type":"error.list","errors":[{{"code":"{code}"}}]}}"#),
            );
            let error = answering(path, fault).await.unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains(permission) && text.contains(path) && text.contains(code),
                "{text}"
            );
            assert!(error.remedy().contains("create a new access token"), "{}", error.remedy());
            assert_eq!(error.code(), "intercom_permission_missing");
        }
    }
    let revoked = Fault::json(401, r#"{"type":"error.list","errors":[{"code":"token_revoked"}]}"#);
    assert_eq!(answering("", revoked).await.unwrap_err().code(), "intercom_unauthorized");
    let elsewhere = r#"{"type":"error.list","errors":[{"code":"region_mismatch","message":"Your workspace is hosted in Europe but you connected to United States"}]}"#;
    let error = answering("", Fault::json(403, elsewhere)).await.unwrap_err();
    assert!(error.to_string().contains("hosted in EU"), "{error}");
    assert_eq!(error.remedy(), "set INTERCOM_REGION=eu");
}

#[tokio::test]
async fn a_single_read_that_tells_nothing_leaves_the_lists_as_they_are() {
    let list = |code: &str| format!(r#"{{"type":"error.list","errors":[{{"code":"{code}"}}]}}"#);
    for fault in [
        Fault::json(400, &list("parameter_invalid")),
        Fault::json(401, &list("token_unauthorized")),
        Fault::json(403, &list("forbidden")),
        Fault::json(404, &list("admin_not_found")),
        Fault::Status(500),
        Fault::Garbage,
        Fault::json(200, "[]"),
        Fault::json(200, r#"{"type":"admin","id":"77777","email":"x@example.com"}"#),
        Fault::json(200, r#"{"type":"team","name":"T"}"#),
        Fault::json(200, r#"{"type":"contact"}"#),
    ] {
        let mut workspace = Workspace::new(TOKEN);
        let ada = workspace.add_teammate("Ada Lovelace");
        let support = workspace.add_team("Support", &[]);
        workspace.let_admin_list_lag();
        workspace.team_mut(support).unwrap().members.insert(ada, None);
        let simulator = Simulator::start(workspace, Options::default()).unwrap();
        for path in [
            "/admins/1",
            "/admins/2",
            "/admins/3",
            "/admins/4",
            "/admins/5",
            "/admins/6",
            "/admins/7",
            "/admins/8",
            "/admins/9",
            "/teams/",
        ] {
            simulator.fail_from_now_on(fault.clone(), path);
        }
        let observation = read(&client(&simulator.base_url()))
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(
            (observation.users.len(), observation.groups.len(), observation.memberships.len()),
            (1, 1, 1),
            "{fault:?}"
        );
        assert!(
            codes(&observation).contains(&"reread_failed"),
            "{fault:?}: {:?}",
            observation.warnings
        );
        simulator.stop().await;
    }
}

#[tokio::test]
async fn members_of_a_team_that_is_listed_three_times_are_never_those_of_the_last_entry() {
    let admin = |id: u32, teams: &str| {
        format!(
            r#"{{"type":"admin","id":"{id}","email":"p{id}@example.com","name":"P","team_ids":[{teams}]}}"#
        )
    };
    let admins = format!(r#"{{"admins":[{},{},{}]}}"#, admin(1, "9"), admin(2, "9"), admin(3, ""));
    let team = |name: &str, ids: &str| {
        format!(r#"{{"type":"team","id":"9","name":"{name}","admin_ids":[{ids}]}}"#)
    };
    let teams =
        format!(r#"{{"teams":[{},{},{}]}}"#, team("A", "1,2"), team("B", "1"), team("C", "3"));
    let server = listing(&admins, &teams);
    let observation = read(&client(&server.base_url)).await.unwrap();
    let members: Vec<&str> = observation.memberships.iter().map(|one| one.user.as_str()).collect();
    assert_eq!(members, ["1", "2"], "the people's own lists tell, and nobody is taken out");
    assert_eq!(observation.groups[0].name.as_deref(), Some("A"));
    assert!(observation.unknown.members.contains(&observation.groups[0].id));
    server.stop().await;
}

#[tokio::test]
async fn a_text_that_is_not_admin_makes_no_person_whatever_is_wrong_with_it() {
    let long = "x".repeat(5_000);
    let entries: Vec<String> = [r"admin\ud83d", &long, "contact", "ADMIN"]
        .iter()
        .zip(1..)
        .map(|(kind, id)| {
            format!(r#"{{"type":"{kind}","id":"{id}","email":"p{id}@example.com","team_ids":[]}}"#)
        })
        .collect();
    let admins = format!(
        r#"{{"admins":[{},{{"type":7,"id":"5","email":"p5@example.com"}},{{"id":1e3,"type":"admin"}}]}}"#,
        entries.join(",")
    );
    let observation = answering("/admins", Fault::json(200, &admins)).await.unwrap();
    let ids: Vec<&str> = observation.users.iter().map(|seen| seen.user.id.as_str()).collect();
    assert_eq!(ids, ["4", "5"]);
    assert!(observation.unknown.lists_in_part, "1e3 is no id");
}

#[tokio::test]
async fn odd_responses_of_me_stop_no_import_of_a_known_workspace() {
    let list = |code: &str| format!(r#"{{"type":"error.list","errors":[{{"code":"{code}"}}]}}"#);
    let known = intercom_scim_bridge::directory::Workspace {
        id: Some("abc".to_owned()),
        ..Default::default()
    };
    for (fault, stops) in [
        (Fault::json(404, &list("not_found")), false),
        (Fault::json(418, "{}"), false),
        (Fault::Status(500), false),
        (Fault::Garbage, false),
        (Fault::json(200, r#"{"type":"admin","app":null}"#), false),
        (Fault::json(401, &list("token_revoked")), true),
        (Fault::json(403, &list("forbidden")), true),
    ] {
        let (simulator, client) = simulated(Options::default());
        simulator.fail_from_now_on(fault.clone(), "/me");
        let ask = |known| {
            let since = Since::Everything { log: START - Duration::from_hours(72), known };
            let client = &client;
            async move { observe(client, since, &LogKinds::default(), &|_| {}).await }
        };
        assert!(ask(None).await.is_err(), "{fault:?}");
        let observed = ask(Some(known.clone())).await;
        assert_eq!(observed.is_err(), stops, "{fault:?}");
        if let Ok(observation) = observed {
            assert_eq!(
                (observation.users.len(), &observation.workspace),
                (13, &known),
                "{fault:?}"
            );
            assert_eq!(codes(&observation), ["workspace_unknown"]);
        }
        simulator.stop().await;
    }
}

#[tokio::test]
async fn odd_values_of_the_workspace_stop_no_import() {
    for app in [
        r#"{"id_code":41,"name":"T","region":"US"}"#,
        r#"{"id_code":null,"name":["T"],"region":"us-east-1"}"#,
        r#"{"id_code":"a b","region":7}"#,
        "{}",
    ] {
        let observation =
            answering("/me", Fault::json(200, &format!(r#"{{"type":"admin","app":{app}}}"#)))
                .await
                .unwrap();
        assert_eq!(observation.users.len(), 13, "{app}");
    }
    let error =
        answering("/me", Fault::json(200, r#"{"type":"admin","app":null}"#)).await.unwrap_err();
    assert!(error.to_string().ends_with("`app`, which names the workspace, is missing"), "{error}");
}

#[tokio::test]
async fn a_response_with_too_many_entries_is_cut_off_while_it_arrives() {
    let entries = |one: &str, count: usize| one.repeat(count);
    let ids =
        format!(r#"{{"id":"1","email":"a@example.com","team_ids":[{}0]}},"#, "1,".repeat(500_000));
    // The simulator compresses the responses: eight million empty entries take about twenty
    // kilobytes.
    for (path, body, limit) in [
        ("/admins", format!(r#"{{"admins":[{}{{}}]}}"#, entries("{},", 8_000_000)), "1000000"),
        ("/teams", format!(r#"{{"teams":[{}0]}}"#, entries("0,", 3_000_000)), "1000000"),
        ("/admins", format!(r#"{{"admins":[{}null]}}"#, entries(&ids, 9)), "4000000"),
    ] {
        let error = answering(path, Fault::json(200, &body)).await.unwrap_err();
        assert_eq!(error.code(), "intercom_too_large", "{error}");
        assert!(error.to_string().contains(limit), "{error}");
    }
    // Single records, pages of the activity log and error responses have smaller limits.
    let long =
        format!(r#"{{"type":"admin","app":{{"id_code":"x"}},"name":"{}"}}"#, "x".repeat(5_000_000));
    assert_eq!(
        answering("/me", Fault::json(200, &long)).await.unwrap_err().code(),
        "intercom_too_large"
    );
    let page = format!(r#"{{"activity_logs":[],"more":"{}"}}"#, "x".repeat(34_000_000));
    let observation = answering("/admins/activity_logs", Fault::json(200, &page)).await.unwrap();
    assert_eq!(codes(&observation), ["activity_log_unavailable"]);
    let refusal = format!(
        r#"{{"errors":[{{"code":"unauthorized","message":"{}"}}]}}"#,
        "x".repeat(5_000_000)
    );
    assert!(answering("/admins", Fault::json(401, &refusal)).await.is_err());
}

#[tokio::test]
async fn an_error_inside_a_success_says_as_much_as_one_of_its_own() {
    let list = |code: &str, message: &str| {
        let errors = json!([{"code": code, "message": message}]);
        Fault::json(200, &json!({"type": "error.list", "errors": errors}).to_string())
    };
    let limited = answering("/admins", list("rate_limit_exceeded", "x")).await.unwrap_err();
    let IntercomError::RateLimited { retry_after, .. } = &limited else { panic!("{limited}") };
    assert!(!retry_after.is_zero() && !limited.to_string().ends_with(" 0 s"), "{limited}");

    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let mut connection = connection(&simulator.base_url());
    connection.region = Some(Region::Us);
    let client = Client::new(connection, Clock::manual(START)).unwrap();
    let place = "Your workspace is hosted in Europe but you connected to United States";
    simulator.fail_from_now_on(list("region_mismatch", place), "/admins");
    let mismatch = read(&client).await.unwrap_err();
    assert!(
        mismatch.to_string().contains("is hosted in EU, but the bridge is configured for US"),
        "{mismatch}"
    );
    simulator.stop().await;
}
