//! Intercom's list of roles: read, recorded in versions, served, and never in the way of an import.

use std::sync::Arc;
use std::time::Duration;

use intercom_scim_bridge::activity::WantedKinds;
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

    /// The number of calls for the list of roles since the last time.
    fn calls_of_roles(&self) -> usize {
        let calls = self.hand.simulator.take_calls();
        calls.iter().filter(|call| *call == "GET /roles").count()
    }

    /// Adds a role that nobody has, with its entry in the activity log.
    fn change_role(&self) {
        let now = self.hand.clock.now().unix_timestamp();
        self.hand.simulator.change(|workspace| {
            workspace.list_role(&Role::new("8", "Reviewer"), None);
            workspace.create_item(simulator::Item::Role, "Reviewer", self.small.ada, now);
        });
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
    a_list_without_a_response_stays_for_a_week_and_fails_no_import,
    a_refused_list_leaves_the_roles_of_teammates_until_a_full_import,
    the_name_of_the_list_stays_whether_an_import_reads_the_list_or_not,
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

async fn a_list_without_a_response_stays_for_a_week_and_fails_no_import(database: TestDatabase) {
    let reading = Reading::begin(database).await;
    reading.import(Mode::Full).await;
    let known = reading.now().await;
    for fault in [Fault::Status(500), Fault::RateLimit(1), Fault::CutOff] {
        reading.hand.simulator.fail(fault.clone(), "/roles", 100);
        let run = reading.import(Mode::Full).await;
        assert_eq!(codes(&run), ["roles_partial"], "{fault:?}");
        assert_eq!(reading.now().await, known, "{fault:?}: the last list stays");
        reading.hand.simulator.heal();
    }
    reading.hand.simulator.fail(Fault::Status(500), "/roles", 1000);
    // A clock that is set back makes no list too old.
    reading.hand.clock.set_by(time::Duration::days(-30));
    reading.import(Mode::Full).await;
    assert_eq!(reading.now().await, known, "the age of the list is unknown");
    reading.hand.clock.set_by(time::Duration::days(30));
    reading.hand.clock.advance(Duration::from_hours(8 * 24));
    reading.import(Mode::Full).await;
    assert_eq!(reading.now().await, [], "a week is over");
    reading.hand.simulator.heal();
    reading.import(Mode::Full).await;
    assert_eq!(reading.now().await, known);
    reading.assert_verified().await;
}

async fn a_refused_list_leaves_the_roles_of_teammates_until_a_full_import(database: TestDatabase) {
    let reading = Reading::begin(database).await;
    let page = b"<html>no such page</html>".to_vec();
    for fault in [
        Fault::Forbidden,
        Fault::Status(400),
        Fault::Status(404),
        Fault::Status(406),
        Fault::Answer(404, page, "text/html"),
        Fault::json(200, r#"{"type":"list","data":{}}"#),
    ] {
        reading.import(Mode::Full).await;
        let known = reading.now().await;
        assert!(known.len() >= 2, "{fault:?}: {known:?}");
        reading.hand.simulator.fail(fault.clone(), "/roles", 1000);
        reading.calls_of_roles();
        let run = reading.import(Mode::Full).await;
        assert_eq!(codes(&run), ["roles_partial"], "{fault:?}");
        assert_eq!(reading.calls_of_roles(), 1, "{fault:?}: a refusal is not repeated");
        assert_eq!(reading.now().await, [], "{fault:?}");
        // Also a change of a role makes no incremental import ask again.
        reading.change_role();
        let run = reading.import(Mode::Incremental).await;
        assert_eq!((codes(&run), reading.calls_of_roles()), (Vec::new(), 0), "{fault:?}");
        reading.hand.simulator.heal();
    }
    reading.assert_verified().await;
}

fn codes(run: &Run) -> Vec<&str> {
    run.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

async fn the_name_of_the_list_stays_whether_an_import_reads_the_list_or_not(
    database: TestDatabase,
) {
    let reading = Reading::begin(database).await;
    // The list of admins calls the role "Agent".
    reading.hand.simulator.change(|workspace| {
        workspace.list_role(&Role::new("2", "Support agent"), None);
    });
    let first = reading.import(Mode::Full).await.generation;
    assert!(first.is_some());
    for mode in [Mode::Incremental, Mode::Full, Mode::Incremental, Mode::Incremental] {
        reading.calls_of_roles();
        assert_eq!(reading.import(mode).await.generation, None, "{mode:?}");
        assert_eq!(reading.calls_of_roles(), usize::from(mode == Mode::Full), "{mode:?}");
    }
    reading.hand.simulator.fail(Fault::Status(500), "/roles", 100);
    assert_eq!(reading.import(Mode::Full).await.generation, None, "the last list stays");
    reading.hand.simulator.heal();
    let snapshot = reading.hand.recorded().await;
    let names = snapshot.users.iter().filter_map(|(user, _)| user.value.role.as_deref());
    let names: Vec<Option<&str>> = names.map(|role| role.name.as_deref()).collect();
    assert_eq!(names, [Some("Support agent"); 2]);

    reading.calls_of_roles();
    // A new name in the list of admins makes the next import read the list of roles.
    reading.hand.simulator.change(|workspace| {
        workspace.list_role(&Role::new("2", "Helper"), None);
        for id in [reading.small.ada, reading.small.bo] {
            workspace.admin_mut(id).unwrap().role = Some(Role::new("2", "Helper"));
        }
    });
    let run = reading.import(Mode::Incremental).await;
    assert_eq!((run.counts.users_updated, reading.calls_of_roles()), (2, 1));
    assert!(reading.now().await.contains(&listed("2", "Helper", None)));
    assert_eq!(reading.import(Mode::Full).await.generation, None);
    reading.assert_verified().await;
}

#[tokio::test]
async fn one_log_entry_about_a_role_makes_one_incremental_import_read_the_list() {
    let reading = Reading::begin(TestDatabase::sqlite()).await;
    reading.import(Mode::Full).await;
    reading.change_role();
    reading.calls_of_roles();
    reading.import(Mode::Incremental).await;
    assert_eq!(reading.calls_of_roles(), 1);
    assert!(reading.now().await.contains(&listed("8", "Reviewer", None)));
    for _ in 0..3 {
        // The same entry is read again, since the next import reads ten minutes of the log again.
        reading.import(Mode::Incremental).await;
        assert_eq!(reading.calls_of_roles(), 0);
    }
}

#[tokio::test]
async fn changes_of_roles_are_noticed_whichever_kinds_of_log_entries_are_wanted() {
    let mut reading = Reading::begin(TestDatabase::sqlite()).await;
    let wanted = WantedKinds::parse(&["bulk_export".to_owned()]).unwrap();
    let options = ImportOptions { roles: true, activity_kinds: wanted, ..OPTIONS };
    reading.importer = reading.hand.importer_with(options);
    reading.import(Mode::Full).await;
    reading.change_role();
    reading.calls_of_roles();
    reading.import(Mode::Incremental).await;
    assert_eq!(reading.calls_of_roles(), 1);
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
