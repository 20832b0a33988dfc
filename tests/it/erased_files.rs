//! A SQLite file has no trace of what was erased or pruned. Erasure in ledgers of earlier versions,
//! and by command.

use std::time::Duration;

use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::database::Database;
use intercom_scim_bridge::directory::{Change, Membership, Mode, Plan, RunStatus, User};
use intercom_scim_bridge::ledger::Ledger;
use sea_orm::ConnectionTrait;
use serde_json::json;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::erasure::{BO, TRACES, erase, erased_event, history};
use crate::support::bridge::{Bridge, dozen};
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, Small, findings, request};
use crate::support::shell::Shell;
use crate::support::tampering::Tampering;
use crate::support::waiting::eventually;

/// Reads the files of a SQLite database.
pub fn file_bytes(url: &str) -> Vec<u8> {
    let file = url.trim_start_matches("sqlite://").split('?').next().unwrap();
    let read = |ending: &str| std::fs::read(format!("{file}{ending}")).unwrap_or_default();
    [read(""), read("-wal"), read("-shm")].concat()
}

pub fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_holds_no_trace_of_who_was_erased() {
    let (hand, _) = history(TestDatabase::sqlite()).await;
    assert!(holds(&file_bytes(&hand.database.url), BO));
    erase(&hand, BO).await;
    assert!(hand.ledger.scrub_is_due().await.unwrap());
    hand.ledger.scrub().await.unwrap();
    assert!(!hand.ledger.scrub_is_due().await.unwrap());
    let bytes = file_bytes(&hand.database.url);
    for trace in TRACES {
        assert!(!holds(&bytes, trace), "{trace}");
    }
    assert!(holds(&bytes, "ada.lovelace@example.com"));
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_holds_no_trace_of_what_was_pruned() {
    let (hand, small) = Hand::small(TestDatabase::sqlite()).await;
    for number in 0..20 {
        hand.simulator.change(|workspace| {
            workspace.admin_mut(small.ada).unwrap().name = format!("Ada Former{number}x");
        });
        hand.full().await;
    }
    assert!(holds(&file_bytes(&hand.database.url), "Former3x"));
    hand.clock.advance(Duration::from_hours(1));
    hand.ledger.prune("default", hand.clock.now(), |_| Vec::new(), hand.clock.now()).await.unwrap();
    hand.ledger.scrub().await.unwrap();
    let bytes = file_bytes(&hand.database.url);
    assert!(!holds(&bytes, "Former3x") && holds(&bytes, "Former19x"));
}

const BEFORE_RECORDS: &str = include_str!("support/before_records.sql");
const HEAD_OF_BEFORE: &str = "DwzstMjQDj9ORei4DsB_kl90lWTnkxl_RWtneaGdKSE";

/// Upgrades a ledger in which a row was changed by hand. The verification still finds the change:
/// the upgrade does not salt the changed value. Then the change is undone.
async fn upgrade_after_a_change_by_hand(database: &TestDatabase) -> Ledger {
    let set_job_title = async |title: &str| {
        let connection = database.connection().await;
        let statement =
            format!("UPDATE user_versions SET job_title = '{title}' WHERE user_id = '4423436'");
        connection.execute_unprepared(&statement).await.unwrap();
        connection.close().await.unwrap();
    };
    let connection = database.connection().await;
    connection.execute_unprepared(BEFORE_RECORDS).await.unwrap();
    connection.close().await.unwrap();
    set_job_title("Spy").await;
    let ledger = database.ledger().await;
    assert_eq!(findings(&ledger).await, ["user_versions: 4423436 from generation 1 was changed"]);
    set_job_title("Team Lead").await;
    assert_eq!(findings(&ledger).await, Vec::<String>::new());
    ledger
}

/// Records that Viktor left the workspace.
async fn remove_viktor(ledger: &Ledger, now: OffsetDateTime) {
    let recorded = ledger.latest("default").await.unwrap();
    let (viktor, _) =
        recorded.users.iter().find(|(user, _)| user.value.id.as_str() == VIKTOR).unwrap();
    let gone = User {
        active: false,
        has_inbox_seat: None,
        role: None,
        permissions: None,
        ..viktor.value.clone()
    };
    let of_viktor = |one: &&Membership| one.user.as_str() == VIKTOR;
    let ended = recorded.memberships.iter().filter(of_viktor);
    let plan = Plan {
        workspace: recorded.workspace.clone(),
        users: vec![Change::Removed { before: viktor.value.clone(), after: Some(gone) }],
        memberships: ended
            .map(|one| Change::Removed { before: one.clone(), after: None })
            .collect(),
        ..Plan::nothing(recorded.generation)
    };
    let clock = Clock::manual(now);
    let lease =
        ledger.lease("default", "test", Duration::from_mins(1), &clock).await.unwrap().unwrap();
    let mut run = ledger.start_run(&lease, &request(Mode::Full), &clock).await.unwrap();
    run.status = RunStatus::Succeeded;
    ledger.commit(&lease, &run, &plan, || now).await.unwrap();
    ledger.release(&lease, now).await.unwrap();
}

/// The id of Viktor in the ledger of an earlier version.
const VIKTOR: &str = "4423437";

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_erased_from_a_ledger_of_an_earlier_version_and_the_rest_is_proved() {
    let database = TestDatabase::sqlite();
    let ledger = upgrade_after_a_change_by_hand(&database).await;
    let now = datetime!(2026-12-01 12:00 UTC);
    remove_viktor(&ledger, now).await;
    let address = "viktor.byrne3@northwind.example";
    let person = ledger.find_person("default", address).await.unwrap();
    let erased = ledger.erase("default", &person, "x", erased_event, now).await.unwrap();
    assert_eq!((erased.versions, erased.versions_without_salt), (3, 2));
    ledger.scrub().await.unwrap();
    let bytes = file_bytes(&database.url);
    assert!(
        !holds(&bytes, address)
            && !holds(&bytes, "Byrne")
            && holds(&bytes, "marta.iyer1@northwind.example")
    );
    let verified = ledger.verify("default", Some(HEAD_OF_BEFORE)).await.unwrap();
    assert_eq!((verified.findings.as_slice(), verified.known_head), (&[][..], Some(true)));
    let connection = database.connection().await;
    let tampering = Tampering {
        ledger: &ledger,
        connection: &connection,
        tables: &["user_versions", "restatements", "activity"],
    };
    for deed in [
        "UPDATE user_versions SET two_factor_auth = false \
         WHERE user_id = '4423437' AND from_generation = 1",
        "UPDATE user_versions SET role_name = 'Owner' WHERE user_id = '4423436'",
        "UPDATE restatements SET digest = 's.x' WHERE kind = 'user' AND key = '4423437 1'",
        "UPDATE activity SET kind = 'seat_change' WHERE kind = 'app_admin_join'",
    ] {
        assert!(!tampering.change(deed).await.findings.is_empty(), "{deed}");
    }
    assert_eq!(findings(&ledger).await, Vec::<String>::new());
}

/// Makes a shell whose database has the history of Bo, and returns the URL of the database too.
fn shell_with_history() -> (Shell, Small, String) {
    let shell = Shell::new();
    let database = shell.directory.path().join("bridge.db");
    let url = format!("sqlite://{}?mode=rwc", database.display());
    let shell = shell.set("DATABASE_URL", &url).set("INTERCOM_ACCESS_TOKEN", "unused");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let small = runtime.block_on(async {
        let (hand, small) = history(TestDatabase::sqlite()).await;
        let origin = Database::open(&hand.database.url).await.unwrap();
        origin.copy_into(&database.display().to_string()).await.unwrap();
        small
    });
    (shell, small, url)
}

#[test]
fn the_shell_shows_what_is_recorded_about_a_person() {
    let (shell, small, _) = shell_with_history();
    let shown = shell.run(&["ledger", "person", BO]);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    let all: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(all["ids"], json!([small.bo.to_string()]));
    assert_eq!(all["versions"].as_array().unwrap().len(), 3);
    assert_eq!(all["requests"].as_array().unwrap().len(), 3);
    assert!(
        all["activity"].as_array().unwrap().len() >= 5
            && all["audit"].as_array().unwrap().len() == 1
    );
}

#[test]
fn the_shell_refuses_an_erasure_with_what_to_do_first() {
    let (shell, small, _) = shell_with_history();
    let active = shell.run(&["ledger", "erase", &format!("adm_{}", small.ada), "--reason", "x"]);
    assert_eq!(active.code, Some(1));
    assert!(active.stderr.contains("remove the teammate in Intercom"), "{}", active.stderr);
    let naming = shell.run(&["ledger", "erase", BO, "--reason", "Bo B. Diddley asked for it"]);
    assert_eq!(naming.code, Some(2), "{}", naming.stderr);
    let unknown = shell.run(&["ledger", "erase", "adm_99", "--reason", "x"]);
    assert_eq!(unknown.code, Some(1), "{}", unknown.stderr);
}

#[test]
fn the_shell_erases_a_person_and_records_the_erasure() {
    let (shell, small, url) = shell_with_history();
    let would = shell.run(&["ledger", "erase", BO, "--reason", "ticket 4711", "--dry-run"]);
    assert!(
        would.stdout.contains("would be erased") && holds(&file_bytes(&url), BO),
        "{}",
        would.stdout
    );
    let erased = shell.run(&["ledger", "erase", BO, "--reason", "ticket 4711"]);
    assert_eq!(erased.code, Some(0), "{}", erased.stderr);
    let bytes = file_bytes(&url);
    for trace in TRACES {
        assert!(!holds(&bytes, trace), "{trace}");
    }
    for command in [&["ledger", "person", BO][..], &["ledger", "erase", BO, "--reason", "again"]] {
        let unknown = shell.run(command);
        assert!(
            unknown.code == Some(1) && unknown.stderr.contains("has no such person"),
            "{}",
            unknown.stderr
        );
    }
    let id = small.bo.to_string();
    let again = shell.run(&["ledger", "erase", &id, "--reason", "again", "--json"]);
    assert!(again.code == Some(0) && again.stdout.contains("\"versions\":0"), "{}", again.stderr);
    let verified = shell.run(&["ledger", "verify"]);
    assert!(
        verified.code == Some(0) && verified.stdout.contains("personal data was erased 1 time"),
        "{}",
        verified.stdout
    );
    let audit = shell.run(&["audit", "export"]);
    assert!(
        audit.stdout.contains("ledger.erased") && audit.stdout.contains("ticket 4711"),
        "{}",
        audit.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_runs_erases_who_has_been_gone_for_the_time_of_the_settings() {
    let bridge = Bridge::serving_with(dozen(), |config| {
        config.import.erase_removed_after = Some(Duration::from_secs(1));
    })
    .await;
    let (id, email) = bridge.simulator.change(|workspace| {
        let (id, admin) = workspace.admins().nth(3).unwrap();
        (id, admin.email.clone())
    });
    let before = bridge.get("/api/v1/accounts?limit=1000").await.text;
    assert!(before.contains(&email));
    bridge.simulator.change(|workspace| {
        let other = workspace.admins().next().unwrap().0;
        workspace.remove_admin(id, other, 1_772_366_500);
    });
    let import =
        bridge.request(reqwest::Method::POST, "/api/v1/imports").header("Prefer", "wait=30");
    assert_eq!(
        Bridge::send(import.bearer_auth(&bridge.token)).await.json()["status"],
        json!("succeeded")
    );
    let path = format!("/api/v1/accounts?include_removed=true&user_name=adm_{id}");
    let account = eventually("the account is erased", async || {
        let accounts = bridge.get(&path).await.json();
        let account = accounts["items"]
            .as_array()
            .and_then(|items| items.iter().find(|item| item["id"] == json!(format!("adm_{id}"))))
            .cloned()
            .unwrap_or_default();
        if account["erased"] == json!(true) { Ok(account) } else { Err(account) }
    })
    .await;
    assert_eq!(
        (&account["erased"], &account["email"], &account["active"]),
        (&json!(true), &json!(null), &json!(false))
    );
    let user = bridge.get(&format!("/scim/v2/Users/adm_{id}")).await;
    assert_eq!(user.json()["userName"], json!(format!("adm_{id}")));
    assert_eq!(
        user.json()["urn:ietf:params:scim:schemas:extension:intercom:2.0:User"]["erased"],
        json!(true)
    );
    for path in [
        "/scim/v2/Users",
        "/api/v1/changes",
        "/api/v1/accounts?include_removed=true",
        "/api/v1/reviews/accounts",
    ] {
        let shown = bridge.get(path).await;
        assert!(shown.status == 200 && !shown.text.contains(&email), "{path}");
    }
    let changes = bridge.get(&format!("/api/v1/changes?person=adm_{id}")).await.json();
    assert!(
        changes["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|change| change["user_erased"] == json!(true))
    );
    bridge.stop().await;
}
