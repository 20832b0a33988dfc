//! Several workspaces in one bridge.

use std::collections::BTreeSet;

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::app::App;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::config::WorkspaceConfig;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Company, Fault, Options, Simulator, seed};

use crate::support::bridge::{Answer, Bridge, CLIENT_SECRET, config, http, path_of, token_for};
use crate::support::database::TestDatabase;
use crate::support::secrets;

struct Two {
    app: App,
    emea: Simulator,
    apac: Simulator,
    _database: TestDatabase,
}

const EMEA: &str = "token-of-the-workspace-emea";
const APAC: &str = "token-of-the-workspace-apac";

impl Two {
    async fn starting(prepare: impl FnOnce(&Simulator, &Simulator)) -> Self {
        let database = TestDatabase::sqlite();
        let company = |token: &str, seed_: u64, name: &str| {
            let company = Company { admins: 12, teams: 3, seed: seed_, now: 1_772_366_400 };
            let mut workspace = seed(company, secrets::keep(token));
            (workspace.id_code, workspace.name) = (format!("id{seed_}"), name.to_owned());
            Simulator::start(workspace, Options::default()).unwrap()
        };
        let emea = company(EMEA, 7, "Acme Europe");
        let apac = company(APAC, 8, "Acme Asia");
        prepare(&emea, &apac);
        let mut config = config(&database, "http://127.0.0.1:9");
        config.intercom.access_token = None;
        config.listed_workspaces = [("emea", EMEA, &emea), ("apac", APAC, &apac)]
            .map(|(name, token, simulator)| WorkspaceConfig {
                name: name.to_owned(),
                access_token: Some(token.into()),
                region: None,
                base_url: Some(simulator.base_url().parse().unwrap()),
                client_id: None,
                client_secret: Some(CLIENT_SECRET.into()),
            })
            .to_vec();
        let app = App::start(&config, Clock::System).await.unwrap();
        Self { app, emea, apac, _database: database }
    }

    async fn shows(&self, workspace: &str) {
        self.app.service().workspaces[workspace].live.shows(|shown| shown.generation > 0).await;
    }

    async fn ask(&self, method: Method, path: &str, token: &str) -> Answer {
        let request = http().request(method, format!("http://{}{path}", self.app.address()));
        Bridge::send(request.bearer_auth(token)).await
    }

    async fn stop(self) {
        self.app.stop().await;
        self.emea.stop().await;
        self.apac.stop().await;
    }
}

/// Two workspaces that are served, and a token for both.
async fn served() -> (Two, String) {
    let two = Two::starting(|_, _| {}).await;
    two.shows("emea").await;
    two.shows("apac").await;
    let both = token_for(&two.app, &Scope::ALL, &["emea", "apac"]);
    (two, both)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_workspace_has_its_own_people() {
    let (two, both) = served().await;
    let mut names = Vec::new();
    for (workspace, id) in [("emea", "id7"), ("apac", "id8")] {
        let users = two
            .ask(Method::GET, &format!("/workspaces/{workspace}/scim/v2/Users?count=20"), &both)
            .await
            .json();
        assert_eq!(users["totalResults"], json!(12));
        let location = &users["Resources"][0]["meta"]["location"];
        let path = path_of(location);
        assert!(path.starts_with(&format!("/workspaces/{workspace}/scim/v2/Users/")), "{location}");
        assert_eq!(
            users["Resources"][0]["urn:ietf:params:scim:schemas:extension:intercom:2.0:User"]["workspaceId"],
            json!(id)
        );
        assert_eq!(two.ask(Method::GET, &path, &both).await.status, 200);
        let resources = users["Resources"].as_array().unwrap();
        names.push(
            resources.iter().map(|user| user["userName"].to_string()).collect::<BTreeSet<String>>(),
        );
    }
    assert_ne!(names[0], names[1]);
    // There is no default workspace, and the response does not reveal that.
    assert_eq!(two.ask(Method::GET, "/scim/v2/Users", &both).await.status, 404);
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_workspace_has_its_own_history_and_metrics() {
    let (two, both) = served().await;
    let mut ids = Vec::new();
    for workspace in ["emea", "apac"] {
        let runs = two
            .ask(Method::GET, &format!("/workspaces/{workspace}/api/v1/imports"), &both)
            .await
            .json();
        assert_eq!(
            (&runs["total"], &runs["items"][0]["workspace"]),
            (&json!(1), &json!(workspace))
        );
        ids.push(runs["items"][0]["id"].as_i64().unwrap());
        let metrics = two.ask(Method::GET, "/metrics", &both).await.text;
        assert!(
            metrics.contains(&format!("bridge_users{{workspace=\"{workspace}\"}} 12")),
            "{metrics}"
        );
    }
    // The ids of runs of one workspace reveal nothing about the other.
    assert!(ids[0].abs_diff(ids[1]) > 1 << 30, "{ids:?}");
    assert!(ids.iter().all(|id| *id < 1 << 53), "{ids:?}");
    let listed = two.ask(Method::GET, "/api/v1/workspaces", &both).await.json();
    assert_eq!((&listed["total"], &listed["items"][0]["workspace"]), (&json!(2), &json!("apac")));
    two.stop().await;
}

/// Returns every operation of the description, for a workspace.
fn operations(workspace: &str) -> Vec<(Method, String)> {
    let description: Value = serde_json::from_str(
        &std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/bridge.json"))
            .unwrap(),
    )
    .unwrap();
    let mut all = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        let about = if path.starts_with("/scim/v2") || path.starts_with("/api/v1") {
            format!("/workspaces/{workspace}{path}")
        } else {
            path.replace("{workspace}", workspace)
        };
        let path = about.replace("{id}", "adm_1").replace("{name}", "User");
        for method in methods.as_object().unwrap().keys() {
            if let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) {
                all.push((method, path.clone()));
            }
        }
        // Also methods that the description does not have for this path.
        all.extend(
            [Method::GET, Method::POST, Method::PATCH, Method::DELETE, Method::OPTIONS]
                .map(|method| (method, path.clone())),
        );
    }
    for path in ["/scim/v2/Bulk", "/scim/v2/Nothing", "/api/v1/nothing", "/nothing", ""] {
        let path = format!("/workspaces/{workspace}{path}");
        all.extend([Method::GET, Method::POST].map(|method| (method, path.clone())));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_one_cannot_tell_whether_another_exists() {
    let two = Two::starting(|_, _| {}).await;
    two.shows("emea").await;
    two.shows("apac").await;
    let emea = token_for(&two.app, &Scope::ALL, &["emea"]);
    let none = "no token at all, but something".to_owned();
    let exists = operations("apac");
    let does_not = operations("nowhere");
    assert!(exists.len() > 100, "{}", exists.len());
    for token in [&emea, &none] {
        for ((method, path), (_, other)) in exists.iter().zip(&does_not) {
            let answer = two.ask(method.clone(), path, token).await;
            let twin = two.ask(method.clone(), other, token).await;
            let seen = |answer: &Answer| {
                let mut headers: Vec<(String, String)> = answer
                    .headers
                    .iter()
                    .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
                    .map(|(name, value)| {
                        (name.to_string(), value.to_str().unwrap().replace("nowhere", "apac"))
                    })
                    .collect();
                headers.retain(|(name, _)| name != "content-length");
                headers.sort();
                // The response to a refused request contains only the name that the request itself
                // has.
                let lines = answer.text.lines().filter(|line| !line.contains("age_seconds"));
                (answer.status, headers, lines.collect::<String>().replace("nowhere", "apac"))
            };
            // Discovery is the same for all workspaces, except for the name in the request.
            assert_eq!(seen(&answer), seen(&twin), "{method} {path}");
            assert!(
                !answer.text.contains("Acme Asia") && !answer.text.contains("id8"),
                "{method} {path}: {}",
                answer.text
            );
        }
    }
    // A bridge with one workspace responds the same.
    let one = Bridge::serving(crate::support::bridge::dozen()).await;
    for path in ["/readyz", "/metrics", "/healthz", "/.well-known/oauth-authorization-server"] {
        let alone =
            Bridge::send(one.request(Method::GET, path)).await.text.replace(&one.url(""), "");
        let there = two
            .ask(Method::GET, path, &none)
            .await
            .text
            .replace(&format!("http://{}", two.app.address()), "");
        assert_eq!(alone, there, "{path}");
    }
    one.stop().await;
    for path in ["/readyz", "/metrics", "/api/v1/workspaces", "/openapi.json"] {
        let told = two.ask(Method::GET, path, &emea).await.text;
        assert!(!told.contains("apac"), "{path}: {told}");
        let told = two.ask(Method::GET, path, &none).await.text;
        assert!(!told.contains("apac") && !told.contains("emea"), "{path}: {told}");
    }
    assert_eq!(two.ask(Method::GET, "/readyz", &none).await.status, 200);
    // A token for one workspace is valid under its name.
    assert_eq!(two.ask(Method::GET, "/workspaces/emea/scim/v2/Users", &emea).await.status, 200);
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_fails_slows_no_other() {
    let two = Two::starting(|_, apac| apac.fail_from_now_on(Fault::TimeOut, "")).await;
    two.shows("emea").await;
    let both = token_for(&two.app, &Scope::ALL, &["emea", "apac"]);
    for round in 2..5 {
        two.emea.change(|workspace| workspace.add_teammate(&format!("Joiner {round}")));
        let run = Bridge::send(
            http()
                .post(format!("http://{}/workspaces/emea/api/v1/imports", two.app.address()))
                .header("Prefer", "wait=30")
                .bearer_auth(&both),
        )
        .await
        .json();
        assert_eq!((&run["status"], &run["generation"]), (&json!("succeeded"), &json!(round)));
    }
    let standings = two.ask(Method::GET, "/api/v1/workspaces", &both).await.json();
    assert_eq!(
        standings["items"][0]["generation"],
        json!(null),
        "apac still waits for its first answer"
    );
    assert_eq!(standings["items"][1]["connection"], json!("connected"));
    assert_eq!(two.ask(Method::GET, "/workspaces/apac/scim/v2/Users", &both).await.status, 503);
    assert_eq!(two.ask(Method::GET, "/readyz", &both).await.status, 200, "the others can be asked");
    two.apac.heal();
    two.stop().await;
}
