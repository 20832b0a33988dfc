//! All times in all responses have the same form.

use intercom_scim_bridge::http::openapi_document;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::bridge::{Answer, Bridge, dozen, start_import};

/// Returns each text that begins like a time: the 24 characters of a time, and the one after it.
fn moments(text: &str) -> Vec<String> {
    let form = "0000-00-00T";
    let letters: Vec<char> = text.replace("%3A", ":").chars().collect();
    let begins = |place: &usize| {
        form.chars().zip(&letters[*place..]).all(|(form, found)| match form {
            '0' => found.is_ascii_digit(),
            form => *found == form,
        })
    };
    let starts = (0..letters.len().saturating_sub(form.len())).filter(begins);
    starts.map(|place| letters[place..letters.len().min(place + 25)].iter().collect()).collect()
}

/// Whether the text is a time such as `2026-03-01T12:00:00.000Z`, followed by no character that
/// could belong to it.
fn is_well_formed(moment: &str) -> bool {
    let form = "0000-00-00T00:00:00.000Z";
    let fits = form.chars().zip(moment.chars()).all(|(form, found)| match form {
        '0' => found.is_ascii_digit(),
        form => found == form,
    });
    fits && moment.len() >= form.len()
        && !moment[form.len()..].starts_with(|next: char| next.is_alphanumeric())
}

#[test]
fn a_time_of_any_other_form_is_noticed() {
    assert_eq!(moments("a 2026-03-01T12:00:00Z, 2026-03-01 and 2026-03-01T12:00:00.000Z").len(), 2);
    assert!(is_well_formed("2026-03-01T12:00:00.000Z\""));
    for other in [
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:00.1Z",
        "2026-03-01T12:00:00.000+00:00",
        "2026-03-01T12:00",
    ] {
        assert!(!is_well_formed(other), "{other}");
    }
}

/// The ids with which the paths of the description are filled in.
struct Ids {
    person: String,
    team: String,
    ticket: String,
}

/// Returns the paths of all GET operations, and some more with parameters.
fn paths(ids: &Ids) -> Vec<String> {
    let extension = "urn:ietf:params:scim:schemas:extension:intercom:2.0:User";
    let description: Value = serde_json::from_str(&openapi_document()).unwrap();
    let described = description["paths"].as_object().unwrap().iter();
    let mut paths: Vec<String> = described
        .filter(|(path, operations)| operations.get("get").is_some() && *path != "/openapi.json")
        .map(|(path, _)| {
            let id = match path.as_str() {
                path if path.contains("/Users/") => &ids.person,
                path if path.contains("/Groups/") => &ids.team,
                path if path.contains("/requests/") => &ids.ticket,
                _ => "1",
            };
            path.replace("{id}", id).replace("{workspace}", "default").replace("{name}", "User")
        })
        .collect();
    paths.extend([
        format!("/scim/v2/Users?attributes={extension},meta.created"),
        "/api/v1/accounts?include_removed=true&limit=1&modified_since=2020-01-01T00:00:00.0000001Z"
            .to_owned(),
        "/api/v1/memberships?limit=1&modified_since=900d".to_owned(),
        "/api/v1/lifecycle/requests?status=done".to_owned(),
        "/api/v1/lifecycle/requests?limit=1".to_owned(),
    ]);
    paths
}

/// Returns the headers and the body of a response as one text.
fn as_text(answer: &Answer) -> String {
    let headers = answer.headers.values().map(|value| value.to_str().unwrap());
    format!("{}\n{}", headers.collect::<Vec<_>>().join("\n"), answer.text)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_times_in_all_responses_have_the_same_form() {
    let bridge = Bridge::serving(dozen()).await;
    let (person, team) = bridge.simulator.change(|workspace| {
        let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
        // One teammate leaves with an entry in the activity log, so that the change has an actor;
        // one signs in; a team is new.
        workspace.remove_admin(people[1], people[0], 1_772_366_500);
        workspace.sign_in(people[0], "saml", 1_772_366_600);
        let team = workspace.add_team("Newcomers", &people[2..4]);
        (format!("adm_{}", people[1]), format!("team_{team}"))
    });
    assert_eq!(start_import(&bridge, "", "wait=30").await.json()["status"], json!("succeeded"));
    let post = async |path: &str, body: Value| {
        let request = bridge.request(Method::POST, path).bearer_auth(&bridge.token);
        Bridge::send(request.header("Content-Type", "application/json").body(body.to_string()))
            .await
    };
    let ticket = json!({"operation": "remove_account", "target": person, "comment": "Task 4711"});
    let ticket = post("/api/v1/lifecycle/requests", ticket).await.json();
    let ids = Ids { person, team, ticket: ticket["id"].as_str().unwrap().to_owned() };
    let done = post(&format!("/api/v1/lifecycle/requests/{}/done", ids.ticket), json!({})).await;
    let refused = post("/scim/v2/Users", json!({"userName": "x@example.com"})).await;
    let searched = post("/scim/v2/.search", json!({})).await;
    let mut answers: Vec<(String, String)> =
        [("done", done), ("refused", refused), ("searched", searched)]
            .map(|(what, answer)| (what.to_owned(), answer.text))
            .to_vec();
    for path in paths(&ids) {
        for accept in ["application/json", "text/csv"] {
            let request = bridge.request(Method::GET, &path).bearer_auth(&bridge.token);
            let answer = Bridge::send(request.header("Accept", accept)).await;
            answers.push((format!("{path} {accept}"), as_text(&answer)));
        }
    }
    let mut with_times = 0;
    for (what, answer) in &answers {
        let found = moments(answer);
        with_times += usize::from(!found.is_empty());
        for moment in found {
            assert!(is_well_formed(&moment), "{what}: {moment}");
        }
    }
    assert!(with_times >= 25, "only {with_times} of {} responses have a time", answers.len());
    bridge.stop().await;
}
