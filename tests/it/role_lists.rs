//! Intercom's list of roles: read, recorded in versions, served, and never in the way of an import.

use std::sync::Arc;
use std::time::Duration;

use intercom_scim_bridge::directory::{Mode, Run, RunStatus, Snapshot};
use intercom_scim_bridge::import::{ImportOptions, Importer};
use intercom_scim_bridge::intercom::Client;
use reqwest::Method;
use simulator::{Fault, Role};

use crate::on_both_databases;
use crate::support::bridge::{Bridge, dozen, start_import};
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, OPTIONS, Small, connection, request};

/// A workspace whose importer reads roles: Ada and Bo are agents, and nobody is an auditor.
struct Reading {
    hand: Hand,
    importer: Importer,
    small: Small,
}

impl Reading {
    async fn begin(database: TestDatabase) -> Self {
        let (hand, small) = Hand::small(database).await;
        hand.simulator.change(|workspace| {
            let agent = Role::new("2", "Agent");
            for id in [small.ada, small.bo] {
                workspace.admin_mut(id).unwrap().role = Some(agent.clone());
            }
            workspace.list_role(&agent, Some("Answers customers"));
            workspace.list_role(&Role::new("6", "Auditor"), None);
        });
        let connection = connection(&hand.simulator.base_url());
        let client = Arc::new(Client::new(connection, hand.clock.clone()).unwrap());
        let options = ImportOptions { roles: true, ..OPTIONS };
        let importer =
            Importer::new("default", client, hand.ledger.clone(), hand.clock.clone(), options);
        Self { hand, importer, small }
    }

    async fn import(&self, mode: Mode) -> Run {
        self.hand.clock.advance(Duration::from_mins(1));
        let run = Box::pin(self.importer.run_once(&request(mode), &|_| {})).await.unwrap().unwrap();
        assert_eq!(run.status, RunStatus::Succeeded, "{:?}", run.error);
        run
    }

    async fn at(&self, generation: i64) -> Vec<(String, String, Option<String>)> {
        let snapshot: Snapshot = self.hand.ledger.snapshot("default", generation).await.unwrap();
        let role = |role: &intercom_scim_bridge::directory::Recorded<_>| {
            let role: &intercom_scim_bridge::directory::ListedRole = &role.value;
            (role.id.clone(), role.name.clone(), role.description.clone())
        };
        snapshot.roles.iter().map(role).collect()
    }

    async fn now(&self) -> Vec<(String, String, Option<String>)> {
        self.at(self.hand.ledger.generation("default").await.unwrap()).await
    }

    async fn assert_verified(&self) {
        let verified = self.hand.ledger.verify("default", None).await.unwrap();
        assert!(verified.findings.is_empty(), "{:?}", verified.findings);
    }
}

fn listed(id: &str, name: &str, description: Option<&str>) -> (String, String, Option<String>) {
    (id.to_owned(), name.to_owned(), description.map(str::to_owned))
}

on_both_databases!(
    roles_are_recorded_in_versions_that_the_chain_covers,
    a_list_that_cannot_be_read_stays_for_a_week_and_fails_no_import,
);

async fn roles_are_recorded_in_versions_that_the_chain_covers(database: TestDatabase) {
    let reading = Reading::begin(database).await;
    let first = reading.import(Mode::Full).await.generation.unwrap();
    let before =
        vec![listed("2", "Agent", Some("Answers customers")), listed("6", "Auditor", None)];
    assert_eq!(reading.now().await, before);
    assert_eq!(reading.import(Mode::Full).await.generation, None, "nothing changed");

    // A role is renamed, one is removed, and one is new: in one generation.
    reading.hand.simulator.change(|workspace| {
        let renamed = Role::new("2", "Support agent");
        for id in [reading.small.ada, reading.small.bo] {
            workspace.admin_mut(id).unwrap().role = Some(renamed.clone());
        }
        workspace.list_role(&renamed, Some("Answers customers"));
        workspace.unlist_role("6");
        workspace.list_role(&Role::new("7", "Contractor"), Some("Comes and goes"));
    });
    let second = reading.import(Mode::Full).await;
    assert_eq!(second.generation, Some(first + 1));
    assert_eq!(second.counts.users_updated, 2, "a renamed role moves the versions of its holders");
    let after = vec![
        listed("2", "Support agent", Some("Answers customers")),
        listed("7", "Contractor", Some("Comes and goes")),
    ];
    assert_eq!(reading.now().await, after);
    assert_eq!(reading.at(first).await, before, "the past stays as it was");
    reading.assert_verified().await;

    // Only the description changes: a generation of its own, in which no person changes.
    reading.hand.simulator.change(|workspace| {
        workspace.list_role(&Role::new("7", "Contractor"), None);
    });
    let third = reading.import(Mode::Full).await;
    assert_eq!((third.generation, third.counts.users_updated), (Some(first + 2), 0));
    reading.assert_verified().await;
    let snapshot = reading.hand.ledger.latest("default").await.unwrap();
    let contractor = snapshot.roles.iter().find(|role| role.value.id == "7").unwrap();
    assert!(contractor.stamps.created < contractor.stamps.last_modified);
}

#[tokio::test]
async fn a_changed_row_of_a_role_is_found() {
    let reading = Reading::begin(TestDatabase::sqlite()).await;
    reading.import(Mode::Full).await;
    reading.assert_verified().await;
    let url = reading.hand.database.url.clone();
    let db = sea_orm::Database::connect(url).await.unwrap();
    for (change, finding) in [
        (
            "UPDATE role_versions SET name = 'Owner' WHERE role_id = '2'",
            "2 from generation 1 was changed",
        ),
        ("DELETE FROM role_versions WHERE role_id = '6'", "versions began in generation 1"),
    ] {
        sea_orm::ConnectionTrait::execute_unprepared(&db, change).await.unwrap();
        let verified = reading.hand.ledger.verify("default", None).await.unwrap();
        let found = verified
            .findings
            .iter()
            .any(|found| found.0.starts_with("role_versions: ") && found.0.contains(finding));
        assert!(found, "{:?}", verified.findings);
    }
    db.close().await.unwrap();
}

async fn a_list_that_cannot_be_read_stays_for_a_week_and_fails_no_import(database: TestDatabase) {
    let reading = Reading::begin(database).await;
    reading.import(Mode::Full).await;
    let known = reading.now().await;
    for fault in [Fault::Forbidden, Fault::Status(404), Fault::Status(500), Fault::Status(400)] {
        reading.hand.simulator.fail(fault.clone(), "/roles", 100);
        let run = reading.import(Mode::Full).await;
        let codes: Vec<&str> = run.warnings.iter().map(|warning| warning.code.as_str()).collect();
        assert_eq!(codes, ["roles_partial"], "{fault:?}");
        assert_eq!(reading.now().await, known, "{fault:?}: the last list stays");
        reading.hand.simulator.heal();
    }
    // Incremental imports do not ask for it.
    let _ = reading.hand.simulator.take_calls();
    reading.import(Mode::Incremental).await;
    assert!(!reading.hand.simulator.take_calls().contains(&"GET /roles".to_owned()));

    reading.hand.simulator.fail(Fault::Forbidden, "/roles", 100);
    reading.hand.clock.advance(Duration::from_hours(8 * 24));
    reading.import(Mode::Full).await;
    assert_eq!(reading.now().await, [], "a week is over");
    reading.hand.simulator.heal();
    reading.import(Mode::Full).await;
    assert_eq!(reading.now().await, known);
    reading.assert_verified().await;
}

#[tokio::test]
async fn an_incremental_import_reads_the_list_when_the_log_says_that_a_role_changed() {
    let reading = Reading::begin(TestDatabase::sqlite()).await;
    reading.import(Mode::Full).await;
    let now = reading.hand.clock.now().unix_timestamp();
    reading.hand.simulator.change(|workspace| {
        workspace.list_role(&Role::new("8", "Reviewer"), None);
        workspace.create_item(simulator::Item::Role, "Reviewer", reading.small.ada, now);
    });
    let _ = reading.hand.simulator.take_calls();
    reading.import(Mode::Incremental).await;
    assert!(reading.hand.simulator.take_calls().contains(&"GET /roles".to_owned()));
    assert!(reading.now().await.contains(&listed("8", "Reviewer", None)));
}

#[tokio::test]
async fn the_flat_view_has_roles_that_nobody_has_and_says_where_each_is_known_from() {
    let bridge = Bridge::serving(dozen()).await;
    let answer = bridge.get("/api/v1/roles").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let roles = answer.json()["items"].as_array().unwrap().clone();
    let auditor = roles.iter().find(|role| role["name"] == "Auditor").unwrap();
    assert_eq!((&auditor["members"], &auditor["source"]), (&0.into(), &"list".into()));
    assert!(auditor["first_seen_at"].is_string());
    let accounts = bridge.get("/api/v1/accounts").await.json();
    for role in &roles {
        let holders = accounts["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|account| account["active"] == true && account["role_id"] == role["id"]);
        assert_eq!(role["members"], holders.count(), "{role}");
    }
    let request = bridge.request(Method::GET, "/api/v1/roles").bearer_auth(&bridge.token);
    let csv = Bridge::send(request.header("Accept", "text/csv")).await;
    assert!(csv.text.starts_with("id,entitlement_id,name,description,members,"), "{}", csv.text);
    bridge.stop().await;

    // Without the list, the roles are those that teammates have.
    let plain = Bridge::starting_with(dozen(), |config| config.intercom.roles = false).await;
    plain.shows(1).await;
    let roles = plain.get("/api/v1/roles").await.json()["items"].as_array().unwrap().clone();
    assert!(!roles.is_empty());
    for role in &roles {
        assert_eq!(role["source"], "admin");
        assert!(role["members"].as_u64().unwrap() > 0 && role["first_seen_at"].is_null());
    }
    plain.stop().await;
}

#[tokio::test]
async fn changes_of_roles_are_listed_only_for_clients_that_ask_for_them() {
    let bridge = Bridge::serving(dozen()).await;
    let types = async |path: &str| -> Vec<String> {
        let answer = bridge.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let items = answer.json()["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["type"].as_str().unwrap().to_owned()).collect()
    };
    let all = types("/api/v1/changes?limit=1000").await;
    assert!(all.len() > 12 && !all.contains(&"role".to_owned()), "{all:?}");
    assert_eq!(types("/api/v1/changes?type=role").await, vec!["role"; 6]);

    bridge.simulator.change(|workspace| {
        workspace.list_role(&Role::new("6", "External auditor"), Some("Reads reports"));
    });
    let run = start_import(&bridge, r#"{"mode":"full"}"#, "wait=30").await.json();
    assert_eq!(run["status"], "succeeded", "{run}");
    let changes = bridge.get("/api/v1/changes?type=role&action=updated").await.json();
    let change = &changes["items"][0];
    assert_eq!((&change["id"], &change["user_id"]), (&"role_6".into(), &serde_json::Value::Null));
    assert_eq!(change["before"]["name"], "Auditor");
    assert_eq!(change["after"]["description"], "Reads reports");
    bridge.stop().await;
}
