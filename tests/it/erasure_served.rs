//! Erasures while bridges run: a past state in the cache does not show the erased person any more.

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::app::App;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::date_time::written;
use reqwest::Method;
use serde_json::json;
use simulator::{Options, Simulator};

use crate::on_both_databases;
use crate::support::bridge::{self, Answer, Bridge, dozen, http};
use crate::support::database::TestDatabase;
use crate::support::waiting::eventually;

on_both_databases!(a_cached_past_state_does_not_show_a_person_who_was_erased_since);

/// A running bridge and a token for it.
struct Serving {
    app: App,
    token: String,
}

impl Serving {
    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let url = format!("http://{}{path}", self.app.address());
        let mut request = http().request(method, url).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Bridge::send(request).await
    }

    async fn get(&self, path: &str, accept: &str) -> Answer {
        self.ask(Method::GET, path, &[("Accept", accept)]).await
    }
}

/// The same query in every format.
const FORMS: [(&str, &str); 7] = [
    ("/api/v1/accounts?limit=1000", "application/json"),
    ("/api/v1/accounts?limit=1000&include_removed=true", "text/csv"),
    ("/api/v1/entitlements?limit=1000", "application/json"),
    ("/api/v1/memberships?limit=1000", "text/csv"),
    ("/api/v1/memberships?limit=1000", "application/json"),
    ("/api/v1/reviews/accounts?", "application/json"),
    ("/api/v1/reviews/accounts?", "text/csv"),
];

/// A teammate who leaves and is erased while a client knows a state from before.
struct Leaver {
    id: u64,
    email: String,
    name: String,
    /// The parameter of a query for the state before the leaving.
    as_of: String,
}

impl Leaver {
    fn is_in(&self, answer: &Answer) -> bool {
        answer.text.contains(&self.email) || answer.text.contains(&self.name)
    }

    /// Whether the past state has the personal data of the leaver, in each form and by each filter.
    async fn is_shown_by(&self, serving: &Serving) -> Vec<bool> {
        let as_of = &self.as_of;
        let mut shown = Vec::new();
        for (path, accept) in FORMS {
            let separator = if path.ends_with('?') { "" } else { "&" };
            let answer = serving.get(&format!("{path}{separator}{as_of}"), accept).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            shown.push(self.is_in(&answer));
        }
        // A client that knows the address finds no account by it.
        for filter in [format!("user_name={}", self.email), format!("user_name=adm_{}", self.id)] {
            let found = serving.get(&format!("/api/v1/accounts?{filter}&{as_of}"), "*/*").await;
            assert_eq!(found.status, 200, "{}", found.text);
            shown.push(self.is_in(&found));
        }
        shown
    }
}

/// Starts two bridges on one database.
async fn two_bridges(database: &TestDatabase, simulator: &Simulator) -> Vec<Serving> {
    let config = bridge::config(database, &simulator.base_url());
    let mut bridges = Vec::new();
    for _ in 0..2 {
        let app = App::start(&config, Clock::System).await.unwrap();
        let token = bridge::token(&app, &Scope::ALL);
        app.service().workspaces["default"].live.shows(|shown| shown.generation == 1).await;
        bridges.push(Serving { app, token });
    }
    bridges
}

/// Asserts that an erased person stays hidden from a client that knew it, and that all others are
/// still shown.
async fn assert_erased(serving: &Serving, leaver: &Leaver, etag: &str) {
    let Leaver { id, email, as_of, .. } = leaver;
    assert!(!leaver.is_shown_by(serving).await.contains(&true));
    let accounts = serving.get(&format!("/api/v1/accounts?limit=1000&{as_of}"), "*/*").await;
    let accounts = accounts.json()["items"].as_array().unwrap().clone();
    let of_person = accounts.iter().find(|item| item["id"] == json!(format!("adm_{id}")));
    assert_eq!((accounts.len(), &of_person.unwrap()["email"]), (12, &json!(null)));
    let user = format!("/scim/v2/Users/adm_{id}");
    let again = serving.ask(Method::GET, &user, &[("If-None-Match", etag)]).await;
    assert_eq!(again.status, 200, "the version that the client has is no longer valid");
    assert!(again.header("etag") != etag && !again.text.contains(email), "{}", again.text);
    assert!(!leaver.is_in(&serving.get("/scim/v2/Users?count=1000", "*/*").await));
    let filter = format!("/scim/v2/Users?filter=userName%20eq%20%22{email}%22");
    assert_eq!(serving.get(&filter, "*/*").await.json()["totalResults"], json!(0));
}

async fn a_cached_past_state_does_not_show_a_person_who_was_erased_since(database: TestDatabase) {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let bridges = two_bridges(&database, &simulator).await;
    let leaver = simulator.change(|workspace| {
        let (id, admin) = workspace.admins().nth(3).unwrap();
        let as_of = format!("as_of={}", written(Clock::System.now()));
        Leaver { id, email: admin.email.clone(), name: admin.name.clone(), as_of }
    });
    let user = format!("/scim/v2/Users/adm_{}", leaver.id);
    let etag = bridges[0].get(&user, "*/*").await.header("etag").to_owned();
    simulator.change(|workspace| {
        let other = workspace.admins().next().unwrap().0;
        workspace.remove_admin(leaver.id, other, 1_772_366_500);
    });
    let import = bridges[0].ask(Method::POST, "/api/v1/imports", &[("Prefer", "wait=30")]).await;
    assert_eq!(import.json()["status"], json!("succeeded"));
    for serving in &bridges {
        let before = leaver.is_shown_by(serving).await;
        assert!(before.contains(&true) && before[0] && before[5], "it is in the cache: {before:?}");
    }

    // Another process erases the person, as the command does.
    let ledger = database.ledger().await;
    let person = ledger.find_person("default", &format!("adm_{}", leaver.id)).await.unwrap();
    let now = Clock::System.now();
    ledger.erase("default", &person, "ticket 4711", |_| Vec::new(), now).await.unwrap();
    for serving in &bridges {
        eventually("the erased person is no longer shown", async || {
            let answers = leaver.is_shown_by(serving).await;
            if answers.contains(&true) { Err(answers) } else { Ok(()) }
        })
        .await;
        assert_erased(serving, &leaver, &etag).await;
    }
    for serving in bridges {
        serving.app.stop().await;
    }
    assert_eq!(ledger.verify("default", None).await.unwrap().findings, []);
    simulator.stop().await;
}
