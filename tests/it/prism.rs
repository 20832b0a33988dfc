//! Intercom's own OpenAPI description as a stand-in, and as the judge of ours.
//!
//! These tests need Prism and the description; see [`Prism`]. Without them they say so and are skipped.

use std::time::Duration;

use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::directory::Observation;
use intercom_scim_bridge::intercom::{Client, IntercomError, Since, observe};
use reqwest::Method;
use serde_json::json;
use simulator::{AvatarShape, Fault, Options, Simulator};

use crate::support::bridge::{Bridge, dozen, http};
use crate::support::hand::{START, TOKEN, connection};
use crate::support::prism::Prism;
use crate::support::shell::Shell;

async fn read(base_url: &str) -> Result<Observation, IntercomError> {
    let client = Client::new(connection(base_url), Clock::manual(START)).unwrap();
    observe(&client, Since::Everything { log: START - Duration::from_hours(24 * 365) }, &|_| {}).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_runs_on_the_examples_of_intercoms_own_description() {
    let Some(prism) = Prism::mock().await else { return };
    let shell = Shell::new().set("INTERCOM_BASE_URL", &prism.base_url).set("INTERCOM_ACCESS_TOKEN", TOKEN);
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
    // The one known fault of the description: it calls an avatar a text, and live answers give an object.
    workspace.avatar_shape = AvatarShape::Text;
    let ada = workspace.admins().next().unwrap().0;
    let team = workspace.add_team("Disputed", &[ada]);
    workspace.team_mut(team).unwrap().one_sided.push(999);
    (0..300).for_each(|minute| workspace.sign_in(ada, "saml", START.unix_timestamp() - 60 * minute));
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    let Some(prism) = Prism::before(&simulator.base_url()).await else { return };

    // All that an import asks: the lists, the log's pages, single reads of what is there and of what is not.
    let through_prism = read(&prism.base_url).await.unwrap();
    assert_eq!(through_prism, read(&simulator.base_url()).await.unwrap());
    assert!(simulator.take_calls().contains(&"GET /admins/999".to_owned()));

    // The older log call, the event types, and the refusals.
    let ask = async |method: Method, path: &str, token: &str| {
        let request = http().request(method, format!("{}{path}", prism.base_url)).bearer_auth(token);
        Bridge::send(request.header("Accept", "application/json").header("Intercom-Version", "2.16")).await
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
