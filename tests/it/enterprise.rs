//! The values that a roster gives to users: since when they have them, and how they are served.

use std::collections::HashMap;
use std::time::Duration;

use intercom_scim_bridge::app::App;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::directory::{EnterpriseFacts, Manager, Names, UserId};
use intercom_scim_bridge::publish::{PublishOptions, Publisher};
use intercom_scim_bridge::roster::Completeness;
use intercom_scim_bridge::scim::Forms;
use serde_json::{Value, json};

use crate::on_both_databases;
use crate::roster::api::{addresses, put};
use crate::support::bridge::{Bridge, dozen};
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, Small};
use crate::support::waiting::{eventually, until};

on_both_databases!(
    values_have_the_time_at_which_they_were_first_seen,
    served_users_change_with_the_roster_and_only_then,
);

const URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn in_department(department: &str) -> EnterpriseFacts {
    EnterpriseFacts { department: Some(department.into()), ..EnterpriseFacts::default() }
}

fn id(number: u64) -> UserId {
    UserId::new(number.to_string())
}

async fn values_have_the_time_at_which_they_were_first_seen(database: TestDatabase) {
    let (hand, Small { ada, bo, .. }) = Hand::small(database).await;
    let store = &hand.stores.enterprise;
    let note = async |facts: &HashMap<UserId, EnterpriseFacts>| {
        hand.clock.advance(Duration::from_mins(1));
        let now = hand.clock.now();
        (store.note("default", facts, now).await.unwrap(), now)
    };
    let mut facts = HashMap::from([(id(ada), in_department("Care"))]);
    facts.insert(id(bo), in_department("Sales"));
    let (first, began) = note(&facts).await;
    assert!(first.values().all(|one| one.changed_at == began));
    let (again, _) = note(&facts).await;
    assert_eq!(again, first, "nothing changed");

    facts.insert(id(ada), in_department("Billing"));
    facts.remove(&id(bo));
    let (second, changed) = note(&facts).await;
    assert_eq!(second[&id(ada)].changed_at, changed);
    let gone = &second[&id(bo)];
    assert!(gone.facts.is_empty() && gone.changed_at == changed, "{gone:?}");
    let other = store.note("other", &facts, changed).await.unwrap();
    assert_eq!(other.len(), 1, "each workspace has values of its own");

    // A clock that was set back does not set times back.
    let early = store.note("default", &HashMap::new(), began).await.unwrap();
    assert!(early[&id(ada)].changed_at > changed);
    store.forget("default").await.unwrap();
    let (anew, now) = note(&facts).await;
    assert_eq!((anew.len(), anew[&id(ada)].changed_at), (1, now));
}

async fn served_users_change_with_the_roster_and_only_then(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let options = PublishOptions {
        base_url: "https://bridge.example/scim/v2".to_owned(),
        second_base_url: None,
        names: Names::default(),
        forms: Forms::default(),
        retention: Duration::from_hours(24),
        activity_lookback: Duration::ZERO,
        with_enterprise: true,
    };
    let publisher = Publisher::new("default", options, hand.ledger.clone(), hand.clock.clone());
    let shown = async |number: u64| -> Value {
        publisher.refresh().await.unwrap();
        let served = publisher.live().served().unwrap();
        let resource = served.by_id(&format!("adm_{number}")).unwrap();
        serde_json::from_slice(&served.response(resource)).unwrap()
    };
    let (ada, bo) = (shown(small.ada).await, shown(small.bo).await);
    assert!(!ada.to_string().contains(URN));

    hand.clock.advance(Duration::from_mins(5));
    let manager = Manager { account: Some(id(small.bo)), name: Some("Bo".into()) };
    let facts = EnterpriseFacts { manager: Some(manager), ..in_department("Care") };
    let facts = HashMap::from([(id(small.ada), facts)]);
    let noted = hand.stores.enterprise.note("default", &facts, hand.clock.now()).await.unwrap();
    publisher.set_enterprises(noted.clone());
    let later = shown(small.ada).await;
    assert_eq!(
        (&later[URN]["department"], &later[URN]["manager"]["value"]),
        (&json!("Care"), &json!(format!("adm_{}", small.bo)))
    );
    assert_ne!(later["meta"]["lastModified"], ada["meta"]["lastModified"]);
    assert_ne!(later["meta"]["version"], ada["meta"]["version"]);
    assert_eq!(shown(small.bo).await, bo, "the manager does not change");

    // The same values again change nothing.
    let before = publisher.live().served().unwrap();
    publisher.set_enterprises(noted);
    assert_eq!(shown(small.ada).await, later);
    assert!(std::sync::Arc::ptr_eq(&before, &publisher.live().served().unwrap()));
}

/// A bridge that serves the extension, on an address of its own.
async fn bridge() -> Bridge {
    Bridge::serving_with(dozen(), |config| {
        config.roster.complete = Some(Completeness::All);
        config.scim.enterprise_from_roster = true;
        config.server.public_url = Some("https://bridge.example.com".parse().unwrap());
    })
    .await
}

/// A roster of all accounts. The first person is the manager of all others.
fn roster(addresses: &[String], department: &str) -> String {
    let row = |(number, address): (usize, &String)| {
        let manager = if number == 0 { "" } else { &addresses[0] };
        format!("000{number},Person {number},{address},{department},{manager}\n")
    };
    let rows: String = addresses.iter().enumerate().map(row).collect();
    format!("employee number,name,email,department,manager email\n{rows}")
}

/// The users, in the order of their ids, once the second one has this department.
async fn users(bridge: &Bridge, department: &str) -> Vec<Value> {
    eventually("users with values of the roster", async || {
        let users = bridge.get("/scim/v2/Users?sortBy=id").await.json();
        let users = users["Resources"].as_array().unwrap().clone();
        let is_shown = users[1][URN]["department"] == department;
        if is_shown { Ok(users) } else { Err(users[1].clone()) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn users_have_the_values_of_the_roster_in_force_and_keep_them_across_a_restart() {
    let bridge = bridge().await;
    let addresses = addresses(&bridge).await;
    let before = bridge.get("/scim/v2/Users?sortBy=id").await;
    assert!(!before.text.contains(URN), "without a roster, no user has the extension");
    assert!(bridge.get("/scim/v2/ResourceTypes").await.text.contains(URN));
    assert!(bridge.get("/scim/v2/Schemas").await.text.contains("employeeNumber"));
    let walk = bridge.get("/scim/v2/Users?cursor=&count=5").await.json();
    let next = format!("/scim/v2/Users?cursor={}&count=5", walk["nextCursor"].as_str().unwrap());
    assert_eq!(bridge.get(&next).await.status, 200);

    put(&bridge, "", roster(&addresses, "Care")).await;
    let first = users(&bridge, "Care").await;
    let manager = &first[1][URN]["manager"];
    assert_eq!(manager["displayName"], "Person 0");
    assert_eq!(first.iter().filter(|user| user["id"] == manager["value"]).count(), 1);
    assert!(manager["$ref"].as_str().unwrap().ends_with(manager["value"].as_str().unwrap()));
    let filter = format!("/scim/v2/Users?filter={URN}:employeeNumber%20eq%20%220001%22");
    assert_eq!(bridge.get(&filter).await.json()["totalResults"], 1);
    let all = bridge.get("/scim/v2/Users").await;
    assert!(!all.text.contains("externalId"), "{}", all.text);
    // A walk goes over one list, and that list has changed.
    let expired = bridge.get(&next).await;
    assert_eq!(
        (expired.status.as_u16(), &expired.json()["scimType"]),
        (400, &json!("expiredCursor"))
    );

    // A bridge that starts now serves the same.
    let other = Box::pin(App::start(&bridge.config, Clock::System)).await.unwrap();
    let served = other.service().workspaces["default"].live.served().unwrap();
    for user in &first {
        let resource = served.by_id(user["id"].as_str().unwrap()).unwrap();
        let again: Value = serde_json::from_slice(&served.response(resource)).unwrap();
        assert_eq!(again, *user);
    }
    other.stop().await;

    put(&bridge, "", roster(&addresses, "Billing")).await;
    let second = users(&bridge, "Billing").await;
    for (before, after) in first.iter().zip(&second) {
        assert_ne!(before["meta"]["version"], after["meta"]["version"]);
        let time = |user: &Value| user["meta"]["lastModified"].as_str().unwrap().to_owned();
        assert!(time(after) > time(before), "{after}");
    }
    // A person who is forgotten is in no user any more.
    bridge.app.service().workspaces["default"]
        .identities
        .forget("0001", &intercom_scim_bridge::identities::Author::bridge(Clock::System.now()))
        .await
        .unwrap();
    until("a user without values", async || {
        let users = bridge.get("/scim/v2/Users").await;
        !users.text.contains("\"0001\"")
    })
    .await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_a_roster_changes_nothing_over_scim() {
    let bridge = crate::roster::api::bridge().await;
    let before = bridge.get("/scim/v2/Users").await.text;
    put(&bridge, "", roster(&addresses(&bridge).await, "Care")).await;
    let identities = &bridge.app.service().workspaces["default"].identities;
    until("the roster was evaluated", async || {
        identities.standing().is_some_and(|standing| standing.version == 1)
    })
    .await;
    assert_eq!(bridge.get("/scim/v2/Users").await.text, before);
    for path in ["/scim/v2/Schemas", "/scim/v2/ResourceTypes"] {
        assert!(!bridge.get(path).await.text.contains(URN), "{path}");
    }
    bridge.stop().await;
}
