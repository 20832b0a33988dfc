//! Reading Intercom: recorded responses, calls that fail, and lists that disagree.

use std::sync::Arc;
use std::time::Duration;

use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::directory::{Observation, UserKind};
use intercom_scim_bridge::intercom::{
    Client, IntercomError, LogKinds, Progress, Region, Since, observe,
};
use secrecy::SecretString;
use simulator::{Fault, Options, Simulator, Workspace};

use crate::support::bridge::dozen;
use crate::support::canned;
use crate::support::hand::{START, TOKEN, connection};

const ADMINS: &str = include_str!("fixtures/intercom/admins.json");
const TEAMS: &str = include_str!("fixtures/intercom/teams.json");
const ME: &str = include_str!("fixtures/intercom/me.json");
const ACTIVITY: &str = include_str!("fixtures/intercom/activity_logs.json");

fn everything() -> Since {
    Since::Everything { log: START - Duration::from_hours(72), known: None }
}

pub async fn read(client: &Client) -> Result<Observation, IntercomError> {
    observe(client, everything(), &LogKinds::default(), &|_| {}).await
}

/// A server that responds with these lists of admins and teams, and with the fixtures for
/// everything else.
pub fn listing(admins: &str, teams: &str) -> canned::Canned {
    canned::serve(&[
        ("GET /me", ME),
        ("GET /admins", admins),
        ("GET /teams", teams),
        ("GET /admins/activity_logs", ACTIVITY),
    ])
}

pub fn client(base_url: &str) -> Client {
    Client::new(connection(base_url), Clock::manual(START)).unwrap()
}

/// A simulated Intercom of twelve teammates, and a client for it.
pub fn simulated(options: Options) -> (Simulator, Client) {
    let simulator = Simulator::start(dozen(), options).unwrap();
    let client = client(&simulator.base_url());
    (simulator, client)
}

#[tokio::test]
async fn recorded_responses_of_intercom_are_read_correctly() {
    // Responses in the form of real ones: the bot among the people, an empty priority level,
    // missing job titles and roles, ids as strings or as integers. Only the older call for the
    // activity log exists.
    let server = listing(ADMINS, TEAMS);
    let observation = read(&client(&server.base_url)).await.unwrap();
    insta::assert_json_snapshot!(summary(&observation));
    assert_eq!(observation.warnings, []);
    assert_eq!(
        observation.users.iter().filter(|seen| seen.user.kind() == UserKind::Bot).count(),
        1
    );
    assert_eq!(observation.without_bots().users.len(), 3);
    server.stop().await;
}

fn summary(observation: &Observation) -> serde_json::Value {
    serde_json::json!({
        "workspace": observation.workspace,
        "users": observation.users.iter().map(|seen| (&seen.user, &seen.volatile)).collect::<Vec<_>>(),
        "groups": observation.groups,
        "memberships": observation.memberships,
        "activity": observation.activity,
    })
}

#[tokio::test]
async fn a_list_that_is_not_there_is_an_error_and_not_an_empty_workspace() {
    for (admins, expected) in [
        (r#"{"type":"admin.list"}"#, "`admins` is not a list"),
        (r#"{"admins":null}"#, "`admins` is not a list"),
        (r#"{"admins":{"1":{}}}"#, "`admins` is not a list"),
        ("[]", "it is not the JSON that Intercom documents"),
    ] {
        let server =
            canned::serve(&[("GET /me", ME), ("GET /admins", admins), ("GET /teams", TEAMS)]);
        let error = read(&client(&server.base_url)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("Intercom's response for /admins cannot be read: {expected}")
        );
        assert!(!error.is_transient());
        server.stop().await;
    }
}

pub fn codes(observation: &Observation) -> Vec<&str> {
    observation.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

#[tokio::test]
async fn unknown_fields_and_words_are_no_obstacle() {
    let admins = r#"{"type":"admin.list","total":1,"admins":[{"type":"admin","id":7,"email":"x@y.z","mood":{"now":"fine"},
        "role":{"type":"role","id":3,"name":null},"avatar":"https://example.com/a.png","team_ids":null}]}"#;
    let teams = r#"{"teams":[{"id":"1","name":"T","admin_ids":[],"distribution_method":"by_lot","assignment_limit":null}]}"#;
    let server = listing(admins, teams);
    let observation = read(&client(&server.base_url)).await.unwrap();
    assert_eq!(observation.users[0].user.id.as_str(), "7");
    assert_eq!(
        observation.users[0].volatile.avatar_url.as_deref(),
        Some("https://example.com/a.png")
    );
    assert_eq!(observation.groups[0].distribution_method.as_deref(), Some("by_lot"));
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_fails_for_a_moment_is_tried_again() {
    for fault in [
        Fault::Status(500),
        Fault::Status(503),
        Fault::Status(408),
        Fault::CutOff,
        Fault::RateLimit(3),
    ] {
        let (simulator, client) = simulated(Options::default());
        simulator.fail(fault.clone(), "/admins", 2);
        let observation = read(&client).await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(observation.users.len(), 13);
        assert_eq!(client.traffic().retries, 2, "{fault:?}");
        simulator.stop().await;
    }
}

#[tokio::test]
async fn a_call_that_keeps_failing_is_given_up_after_five_tries() {
    for (fault, message) in [
        (
            Fault::Status(502),
            "Intercom could not be reached for /me: the response was 502 server_error",
        ),
        (Fault::CutOff, "Intercom could not be reached for /me: the response ended early"),
        (Fault::RateLimit(7), "Intercom's rate limit is exhausted for /me; it resets in"),
    ] {
        let (simulator, client) = simulated(Options::default());
        simulator.fail_from_now_on(fault, "/me");
        let error = read(&client).await.unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert!(error.is_transient());
        assert_eq!(client.traffic().calls, 5);
        simulator.stop().await;
    }
}

#[tokio::test]
async fn silence_is_a_time_out_and_a_slow_answer_is_not() {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let mut impatient = connection(&simulator.base_url());
    impatient.read_timeout = Duration::from_millis(300);
    let client = Client::new(impatient, Clock::manual(START)).unwrap();
    simulator.fail(Fault::Slow(Duration::from_millis(50)), "/admins", 1);
    read(&client).await.unwrap();
    assert_eq!(client.traffic().retries, 0);
    simulator.fail(Fault::TimeOut, "/teams", 1);
    read(&client).await.unwrap();
    assert_eq!(client.traffic().retries, 1);
}

#[tokio::test]
async fn a_refused_connection_is_reported() {
    let error = read(&client("http://127.0.0.1:1")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Intercom could not be reached for /me: no connection (check the address, and whether the network allows it)"
    );
}

#[tokio::test]
async fn the_rate_limit_is_waited_for_and_not_run_into() {
    let clock = simulator::Clock::manual(START.unix_timestamp());
    let (simulator, client) =
        simulated(Options { calls_per_window: 20, clock: clock.clone(), ..Options::default() });
    for round in 1..=12 {
        // The clock of the simulator follows that of the client, which moves when the client waits.
        clock.advance((client.clock().now().unix_timestamp() - clock.now()).max(0));
        read(&client).await.unwrap_or_else(|error| panic!("round {round}: {error}"));
    }
    assert_eq!(client.traffic().retries, 0, "no call was refused");
    assert!(client.clock().now() > START, "the client held calls back");
    simulator.stop().await;
}

#[tokio::test]
async fn a_refused_token_is_not_tried_again_and_says_what_to_do() {
    let (simulator, client) = simulated(Options::default());
    simulator.fail_from_now_on(Fault::Unauthorized, "");
    let error = read(&client).await.unwrap_err();
    assert_eq!(
        error,
        IntercomError::Unauthorized { resource: "/me".to_owned(), code: "unauthorized".to_owned() }
    );
    assert!(
        error.remedy().contains("INTERCOM_ACCESS_TOKEN")
            && error.remedy().contains("INTERCOM_REGION")
    );
    assert_eq!(client.traffic().calls, 1);
    simulator.stop().await;
}

#[tokio::test]
async fn a_workspace_of_another_region_that_answers_all_the_same_is_read_with_a_warning() {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let mut european = connection(&simulator.base_url());
    european.region = Some(Region::Eu);
    let client = Client::new(european, Clock::manual(START)).unwrap();
    let observation = read(&client).await.unwrap();
    assert_eq!((observation.users.len(), codes(&observation)), (13, vec!["wrong_region"]));
    assert_eq!(
        observation.warnings[0].detail,
        "the workspace is hosted in US, but the bridge is configured for EU; set INTERCOM_REGION=us"
    );
    simulator.stop().await;
}

#[tokio::test]
async fn a_log_that_may_not_be_read_is_a_warning() {
    let (simulator, client) = simulated(Options::default());
    simulator.fail_from_now_on(Fault::Forbidden, "/admins/activity_logs");
    let observation = read(&client).await.unwrap();
    assert_eq!(observation.users.len(), 13);
    assert_eq!(*observation.activity, []);
    assert_eq!(
        observation.warnings.iter().map(|warning| warning.code.as_str()).collect::<Vec<_>>(),
        ["activity_log_forbidden"]
    );
    simulator.stop().await;
}

#[tokio::test]
async fn all_pages_of_the_log_are_read_oldest_first_by_either_call() {
    let mut workspace = Workspace::new(TOKEN);
    let ada = workspace.add_teammate("Ada Lovelace");
    (0..600).for_each(|minute| {
        workspace.sign_in(ada, "saml", START.unix_timestamp() - 60 * (600 - minute));
    });
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    let by_search = read(&client(&simulator.base_url())).await.unwrap().activity;
    assert_eq!(simulator.take_calls().iter().filter(|call| call.ends_with("/search")).count(), 3);
    assert_eq!(by_search.len(), 600);
    assert!(by_search.is_sorted_by_key(|entry| entry.at));
    // The plain list instead of the search, with twenty entries per page, by cursors (newer) or by
    // URLs (older).
    simulator.fail_from_now_on(Fault::Status(404), "/admins/activity_logs/search");
    for version in ["2.16", "2.18", "Preview", "2.9"] {
        let mut connection = connection(&simulator.base_url());
        connection.api_version = version.to_owned();
        let by_list =
            read(&Client::new(connection, Clock::manual(START)).unwrap()).await.unwrap().activity;
        assert_eq!(by_list, by_search, "{version}");
    }
    simulator.stop().await;
}

#[tokio::test]
async fn where_the_lists_disagree_for_a_moment_they_are_read_again() {
    let mut workspace = Workspace::new(TOKEN);
    let ada = workspace.add_teammate("Ada Lovelace");
    let support = workspace.add_team("Support", &[]);
    workspace.let_admin_list_lag();
    workspace.team_mut(support).unwrap().members.insert(ada, None);
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    let observation = read(&client(&simulator.base_url())).await.unwrap();
    assert_eq!((observation.memberships.len(), observation.warnings.as_slice()), (1, &[][..]));
    let calls = simulator.take_calls();
    assert!(
        calls.contains(&format!("GET /teams/{support}"))
            && calls.contains(&format!("GET /admins/{ada}")),
        "{calls:?}"
    );
    simulator.stop().await;
}

#[tokio::test]
async fn a_team_with_an_unknown_member_is_read_again_and_then_causes_a_warning() {
    let mut workspace = Workspace::new(TOKEN);
    let ada = workspace.add_teammate("Ada Lovelace");
    let support = workspace.add_team("Support", &[ada]);
    workspace.team_mut(support).unwrap().one_sided.push(999);
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    let observation = read(&client(&simulator.base_url())).await.unwrap();
    assert_eq!(observation.memberships.len(), 1);
    assert_eq!(observation.warnings.len(), 1);
    assert_eq!(
        observation.warnings[0].detail,
        format!(
            "team {support} lists admin 999, who does not exist in Intercom; the membership is ignored"
        )
    );
    assert!(simulator.take_calls().contains(&"GET /admins/999".to_owned()));
    simulator.stop().await;
}

#[tokio::test]
async fn a_reading_tells_how_far_it_has_come() {
    let (simulator, client) = simulated(Options::default());
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    observe(&client, everything(), &LogKinds::default(), &move |progress| {
        noted.lock().unwrap().push(progress);
    })
    .await
    .unwrap();
    assert_eq!(
        *seen.lock().unwrap(),
        [Progress::Workspace, Progress::Admins, Progress::Teams, Progress::Activity { page: 1 }]
    );
    simulator.stop().await;
}

#[tokio::test]
async fn neither_error_nor_debug_print_holds_the_token() {
    let secret = "c2VjcmV0LXRva2Vu";
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let mut wrong = connection(&simulator.base_url());
    wrong.access_token = Some(SecretString::from(secret));
    let client = Client::new(wrong, Clock::manual(START)).unwrap();
    let error = read(&client).await.unwrap_err();
    for text in [format!("{error}"), format!("{error:?}"), error.remedy(), format!("{client:?}")] {
        assert!(!text.contains(secret), "{text}");
    }
    simulator.stop().await;
}

#[tokio::test]
async fn a_hundred_thousand_admins_are_read() {
    let company =
        simulator::Company { admins: 100_000, teams: 50, seed: 1, now: START.unix_timestamp() };
    let mut workspace = simulator::seed(company, TOKEN);
    workspace.forget_log();
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    let mut patient = connection(&simulator.base_url());
    patient.read_timeout = Duration::from_mins(2);
    let observation = read(&Client::new(patient, Clock::manual(START)).unwrap()).await.unwrap();
    assert_eq!(observation.users.len(), 100_001);
    assert_eq!(observation.warnings, []);
    simulator.stop().await;
}

#[tokio::test]
async fn the_simulators_log_is_paged_within_the_period_by_either_call() {
    let (simulator, _) = simulated(Options::default());
    simulator.change(|workspace| {
        let actor = workspace.admins().next().unwrap().0;
        for at in 0..60 {
            workspace.note(2_000_000_000 + at, "admin_login_success", actor, serde_json::json!({}));
        }
    });
    let token = |request: reqwest::RequestBuilder| request.bearer_auth(TOKEN);
    let from = 2_000_000_000_i64;
    let to = 2_000_000_044_i64;
    let times = |page: &serde_json::Value| -> Vec<i64> {
        let entries = page["activity_logs"].as_array().unwrap();
        entries.iter().map(|entry| entry["created_at"].as_i64().unwrap()).collect()
    };
    let expected: Vec<i64> = (from..=to).rev().collect();

    // Older versions: the next page is a URL.
    let http = crate::support::bridge::http();
    let mut url = format!(
        "{}/admins/activity_logs?created_at_after={from}&created_at_before={to}",
        simulator.base_url()
    );
    let mut seen = Vec::new();
    for _ in 0..10 {
        let request = token(http.get(&url)).header("Intercom-Version", "2.15");
        let page: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
        seen.extend(times(&page));
        match page["pages"]["next"].as_str() {
            Some(next) => url = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, expected);

    // The search: the next page is a cursor.
    let mut body =
        serde_json::json!({"created_at_after": from, "created_at_before": to, "per_page": 20});
    let url = format!("{}/admins/activity_logs/search", simulator.base_url());
    let mut seen = Vec::new();
    for _ in 0..10 {
        let request = token(http.post(&url)).body(body.to_string());
        let page: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
        seen.extend(times(&page));
        match &page["pages"]["next"]["starting_after"] {
            serde_json::Value::Null => break,
            next => body["starting_after"] = next.clone(),
        }
    }
    assert_eq!(seen, expected);
    simulator.stop().await;
}
