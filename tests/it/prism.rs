//! Intercom's own OpenAPI description: as a mock for the bridge, and to validate the simulator.
//!
//! Most of these tests need Prism; see [`Prism`]. Without it they say so and are skipped.

use std::time::Duration;

use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::directory::Observation;
use intercom_scim_bridge::intercom::{Client, IntercomError, LogKinds, Since, observe};
use reqwest::Method;
use serde_json::json;
use simulator::{AvatarShape, Fault, Options, Simulator};

use crate::support::bridge::{Bridge, dozen, http};
use crate::support::hand::{START, TOKEN, connection};
use crate::support::prism::{DESCRIPTION, Prism};
use crate::support::shell::Shell;

async fn read(base_url: &str) -> Result<Observation, IntercomError> {
    let client = Client::new(connection(base_url), Clock::manual(START)).unwrap();
    observe(
        &client,
        Since::Everything { log: START - Duration::from_hours(24 * 365), known: None },
        &LogKinds::default(),
        &|_| {},
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_runs_on_the_examples_of_intercoms_own_description() {
    let Some(prism) = Prism::mock().await else { return };
    let shell =
        Shell::new().set("INTERCOM_BASE_URL", &prism.base_url).set("INTERCOM_ACCESS_TOKEN", TOKEN);
    let check = shell.run(&["check"]);
    assert_eq!(check.code, Some(0), "{}", check.stdout);
    let imported = shell.run(&["import", "full", "--json"]);
    let run: serde_json::Value = serde_json::from_str(&imported.stdout).unwrap();
    assert_eq!(
        (&run["status"], &run["counts"]["users_created"]),
        (&json!("succeeded"), &json!(1)),
        "{}",
        imported.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulator_keeps_to_intercoms_own_description() {
    let mut workspace = dozen();
    // The description has one known error: it declares an avatar as text, but real responses have
    // an object.
    workspace.avatar_shape = AvatarShape::Text;
    let ada = workspace.admins().next().unwrap().0;
    let team = workspace.add_team("Disputed", &[ada]);
    workspace.team_mut(team).unwrap().one_sided.push(999);
    (0..300)
        .for_each(|minute| workspace.sign_in(ada, "saml", START.unix_timestamp() - 60 * minute));
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    let Some(prism) = Prism::before(&simulator.base_url()).await else { return };

    // All calls of an import: the lists, the pages of the activity log, and single admins that
    // exist or do not.
    let through_prism = read(&prism.base_url).await.unwrap();
    assert_eq!(through_prism, read(&simulator.base_url()).await.unwrap());
    assert!(simulator.take_calls().contains(&"GET /admins/999".to_owned()));

    // The older call for the activity log, the event types, and the refusals.
    let ask = async |method: Method, path: &str, token: &str| {
        let request =
            http().request(method, format!("{}{path}", prism.base_url)).bearer_auth(token);
        Bridge::send(
            request.header("Accept", "application/json").header("Intercom-Version", "2.16"),
        )
        .await
    };
    for path in [
        "/admins/activity_logs?created_at_after=1700000000",
        "/admins/activity_log_event_types",
        "/admins",
        "/teams",
        "/me",
    ] {
        let answer = ask(Method::GET, path, TOKEN).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let refused = ask(Method::GET, path, "wrong").await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["type"]),
            (401, &json!("error.list")),
            "{path}: {}",
            refused.text
        );
    }
    for path in ["/admins/1", "/teams/1"] {
        let answer = ask(Method::GET, path, TOKEN).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["type"]),
            (404, &json!("error.list")),
            "{path}: {}",
            answer.text
        );
    }
    simulator.fail_from_now_on(Fault::Garbage, "/teams");
    let judged = ask(Method::GET, "/teams", TOKEN).await;
    assert!(!judged.status.is_success(), "the judge is awake: {}", judged.text);
}

#[test]
fn a_clone_by_anybody_has_intercoms_description_with_its_notice() {
    let description = std::fs::read_to_string(DESCRIPTION).unwrap();
    for notice in [
        "MIT License",
        "Copyright (c) 2022 Intercom",
        "The above copyright notice and this permission notice",
    ] {
        assert!(description.contains(notice), "{notice}");
    }
    for path in [
        "/me",
        "/admins",
        "/admins/{admin_id}",
        "/admins/activity_logs",
        "/admins/activity_logs/search",
        "/admins/activity_log_event_types",
        "/teams",
        "/teams/{team_id}",
    ] {
        assert!(description.contains(&format!("\n  {path}:\n")), "{path}");
    }
    // The scripts that run the tests read nothing outside the repository.
    let root = env!("CARGO_MANIFEST_DIR");
    for script in [".ci/run", "scripts/test", "scripts/with-postgres", "scripts/oracles"] {
        let script_text = std::fs::read_to_string(format!("{root}/{script}")).unwrap();
        assert!(!script_text.contains("$PWD/.."), "{script}");
    }
}
