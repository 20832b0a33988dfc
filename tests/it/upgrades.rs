//! Databases of released versions are upgraded, and keep their history and its proof.
//!
//! `fixtures/upgrades/VERSION` has the database of each released version as SQL, once of SQLite
//! and once of PostgreSQL: five imports with joiners and leavers, an erasure, a client, a token, a
//! refused write and a ticket. Beside it is what that version printed: `ledger export`, and the
//! head of `ledger verify`.

use std::path::{Path, PathBuf};

use sea_orm::ConnectionTrait;
use serde_json::Value;
use simulator::{Options, Simulator};

use crate::support::bridge::{ENCRYPTION_KEY, dozen};
use crate::support::database::TestDatabase;
use crate::support::hand::TOKEN;
use crate::support::shell::Shell;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The folders of the released versions whose databases are kept.
fn versions() -> Vec<PathBuf> {
    let folder = Path::new(ROOT).join("tests/it/fixtures/upgrades");
    let mut versions: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    versions.sort();
    versions
}

/// Whether `now` has everything of `before`. Objects may have more members.
fn keeps(before: &Value, now: &Value) -> bool {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            before.iter().all(|(name, value)| now.get(name).is_some_and(|now| keeps(value, now)))
        }
        (Value::Array(before), Value::Array(now)) => {
            before.len() == now.len()
                && before.iter().zip(now).all(|(before, now)| keeps(before, now))
        }
        (before, now) => before == now,
    }
}

async fn upgrade(version: &Path, kind: &str, database: &TestDatabase) {
    let read =
        |ending: &str| std::fs::read_to_string(version.join(format!("{kind}.{ending}"))).unwrap();
    let connection = database.connection().await;
    connection.execute_unprepared(&read("sql")).await.unwrap();
    connection.close().await.unwrap();
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let shell = Shell::new()
        .set("DATABASE_URL", &database.url)
        .set("INTERCOM_BASE_URL", simulator.base_url())
        .set("INTERCOM_ACCESS_TOKEN", TOKEN)
        .set("BRIDGE_ACCESS__ENCRYPTION_KEY", ENCRYPTION_KEY);
    let run = |arguments: &[&str]| {
        let ended = shell.run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        ended.stdout
    };
    run(&["migrate"]);
    let head = read("head");
    run(&["ledger", "verify", "--head", head.trim()]);
    let exported = run(&["ledger", "export"]);
    let before = read("ndjson");
    assert_eq!(exported.lines().count(), before.lines().count());
    for (before, now) in before.lines().zip(exported.lines()) {
        let parse = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        assert!(keeps(&parse(before), &parse(now)), "{before}\n{now}");
    }
    // The upgraded database is used: signing keys open, and the next import continues.
    assert!(run(&["client", "list"]).contains("saviynt"));
    run(&["token", "issue", "--scope", "scim.read", "--ttl", "1h", "--subject", "upgraded"]);
    run(&["import", "full", "--allow-removals"]);
    run(&["ledger", "verify", "--head", head.trim()]);
    // The first import with this version also records the roles that Intercom lists.
    assert!(run(&["ledger", "export", "--type", "role"]).contains("\"Auditor\""));
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_each_released_version_is_upgraded_on_sqlite() {
    for version in versions() {
        upgrade(&version, "sqlite", &TestDatabase::sqlite()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_each_released_version_is_upgraded_on_postgres() {
    for version in versions() {
        let Some(database) = TestDatabase::postgres().await else {
            return eprintln!("skipped: TEST_POSTGRES_URL is not set (./scripts/test sets it)");
        };
        upgrade(&version, "postgres", &database).await;
    }
}

#[test]
fn the_database_of_each_released_version_is_kept() {
    let changelog = std::fs::read_to_string(Path::new(ROOT).join("CHANGELOG.md")).unwrap();
    let released: Vec<&str> = changelog
        .lines()
        .filter_map(|line| line.strip_prefix("## ")?.split_once(" - "))
        .map(|(version, _)| version)
        .collect();
    let kept: Vec<String> = versions()
        .iter()
        .map(|version| version.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert!(!kept.is_empty());
    for version in released {
        assert!(kept.iter().any(|kept| kept == version), "no database of {version} is kept");
    }
}
