//! `ledger backup` and `ledger restore`, with the steps of docs/operations.md.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use intercom_scim_bridge::database::Database;
use intercom_scim_bridge::directory::RunStatus;
use intercom_scim_bridge::ledger::Ledger;
use migrations::Migrator;
use sea_orm_migration::MigratorTrait;
use serde_json::{Value, json};
use simulator::{Fault, Options, Simulator};

use crate::support::bridge::{ENCRYPTION_KEY, dozen, free_port, http};
use crate::support::hand::TOKEN;
use crate::support::shell::{Running, Shell};
use crate::support::waiting::{eventually, until};

fn shell(simulator: &Simulator) -> Shell {
    Shell::new()
        .set("INTERCOM_BASE_URL", simulator.base_url())
        .set("INTERCOM_ACCESS_TOKEN", TOKEN)
        .set("BRIDGE_IMPORT__POLL_INTERVAL", "1s")
        .set("BRIDGE_IMPORT__LEASE", "1s")
}

fn simulated() -> Simulator {
    Simulator::start(dozen(), Options::default()).unwrap()
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

/// A name, what is changed in a copy of a good backup, and why restoring it is refused.
type Case<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);

/// Returns the names of the files in a directory, except the key.
fn names(shell: &Shell) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(shell.directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        // The key stays. The next start removes the lock file of a killed process.
        .filter(|name| name != "bridge.db.key" && !name.contains(".lock-"))
        .collect();
    names.sort();
    names
}

/// Waits until a bridge serves users, and returns their number.
async fn served(port: u16, token: &str) -> Value {
    let url = format!("http://127.0.0.1:{port}/scim/v2/Users?count=0");
    let response = eventually("a bridge serves users", async || {
        let response = http().get(&url).bearer_auth(token).send().await;
        let response = response.map_err(|error| error.to_string())?;
        if response.status() == 200 { Ok(response) } else { Err(response.status().to_string()) }
    });
    response.await.json::<Value>().await.unwrap()["totalResults"].clone()
}

/// Makes a backup of the database of a running bridge. It is complete, private, and not
/// overwritten.
fn back_up_while_running(shell: &Shell) {
    let made = shell.run(&["ledger", "backup", "backup.db"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(
        made.stdout.contains("default: complete and unaltered: generation 1, "),
        "{}",
        made.stdout
    );
    assert!(made.stderr.contains("bridge.db.key; keep a copy of that too"), "{}", made.stderr);
    assert_eq!(mode(&shell.directory.path().join("backup.db")), 0o600);
    let names = names(shell);
    assert!(!names.iter().any(|name| name.starts_with("backup.db-")), "{names:?}");
    let again = shell.run(&["ledger", "backup", "backup.db"]);
    assert!(again.code == Some(1) && again.stderr.contains("already exists"), "{}", again.stderr);
}

/// Kills a bridge during an import that has a change.
async fn kill_during_an_import(bridge: Running, shell: &Shell, simulator: &Simulator) {
    let database = shell.directory.path().join("bridge.db");
    let ledger = Ledger::new(
        Database::open(&format!("sqlite://{}?mode=rwc", database.display())).await.unwrap(),
    );
    simulator.change(|workspace| workspace.add_teammate("New Comer"));
    simulator.fail_from_now_on(Fault::Slow(Duration::from_secs(5)), "/teams");
    until("an import begins", async || {
        ledger.runs("default", None, 1).await.unwrap()[0].status == RunStatus::Running
    })
    .await;
    ledger.close().await;
    bridge.signal("KILL");
    drop(bridge);
    simulator.heal();
    assert!(shell.directory.path().join("bridge.db-wal").exists(), "what a kill leaves behind");
}

/// Restores the backup, after the database was moved away as the error says.
fn restore_the_backup(shell: &Shell) {
    let there = shell.run(&["ledger", "restore", "backup.db"]);
    assert_eq!(there.code, Some(1));
    assert!(
        there.stderr.contains("it is not overwritten; move it out of the way first"),
        "{}",
        there.stderr
    );
    let steps = "mkdir before && mv bridge.db bridge.db-wal bridge.db-shm before/";
    let moved = std::process::Command::new("bash")
        .args(["-c", steps])
        .current_dir(shell.directory.path())
        .status()
        .unwrap();
    assert!(moved.success());
    let restored = shell.run(&["ledger", "restore", "backup.db"]);
    assert_eq!(restored.code, Some(0), "{}", restored.stderr);
    assert!(
        restored.stdout.starts_with("bridge.db is written and verified\n"),
        "{}",
        restored.stdout
    );
    assert_eq!(names(shell), ["backup.db", "before", "bridge.db"]);
    assert_eq!(mode(&shell.directory.path().join("bridge.db")), 0o600);
    let head =
        restored.stdout.lines().find_map(|line| line.strip_prefix("default: head ")).unwrap();
    assert_eq!(shell.run(&["ledger", "verify", "--head", head]).code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_during_an_import_the_backup_is_restored_and_the_bridge_imports_the_rest() {
    let simulator = simulated();
    let port = free_port();
    let shell = shell(&simulator).set("BRIDGE_SERVER__BIND", format!("127.0.0.1:{port}"));
    let token = shell.run(&["token", "issue", "--scope", "scim.read", "--ttl", "10m"]).stdout;
    let bridge = shell.start(&["serve"]);
    assert_eq!(served(port, token.trim()).await, json!(12));
    back_up_while_running(&shell);
    kill_during_an_import(bridge, &shell, &simulator).await;
    restore_the_backup(&shell);

    // The bridge serves the state of the backup, accepts the same tokens, and imports what it
    // missed.
    let bridge = shell.start(&["serve"]);
    until("the change since the backup is imported", async || {
        served(port, token.trim()).await == json!(13)
    })
    .await;
    let running = shell.run(&["ledger", "restore", "backup.db"]);
    assert!(
        running.code == Some(1) && running.stderr.contains("is in use; stop the bridge"),
        "{}",
        running.stderr
    );
    assert_eq!(bridge.interrupt().code, Some(0));
    let verified = shell.run(&["ledger", "verify"]);
    assert!(verified.code == Some(0), "{}{}", verified.stdout, verified.stderr);
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_write_ahead_log_of_a_killed_bridge_does_not_get_into_a_restored_database() {
    let simulator = simulated();
    let port = free_port();
    let shell = shell(&simulator).set("BRIDGE_SERVER__BIND", format!("127.0.0.1:{port}"));
    let token = shell.run(&["token", "issue", "--scope", "scim.read"]).stdout;
    let bridge = shell.start(&["serve"]);
    assert_eq!(served(port, token.trim()).await, json!(12));
    assert_eq!(shell.run(&["ledger", "backup", "backup.db"]).code, Some(0));
    let database = shell.directory.path().join("bridge.db");
    // An operator moves the database away while the bridge runs.
    fs::rename(&database, shell.directory.path().join("moved.db")).unwrap();
    let running = shell.run(&["ledger", "restore", "backup.db"]);
    assert!(
        running.code == Some(1) && running.stderr.contains("is in use; stop the bridge"),
        "{}",
        running.stderr
    );
    bridge.signal("KILL");
    drop(bridge);
    let left = fs::metadata(shell.directory.path().join("bridge.db-wal")).unwrap().len();
    assert!(left > 0);
    let restored = shell.run(&["ledger", "restore", "backup.db"]);
    assert_eq!(restored.code, Some(0), "{}", restored.stderr);
    assert!(restored.stderr.contains("belongs to an earlier database"), "{}", restored.stderr);
    let names = names(&shell);
    assert!(!names.iter().any(|name| name.starts_with("bridge.db-")), "{names:?}");
    let kept = names.iter().find(|name| name.starts_with("bridge.db.of-before-")).unwrap();
    assert_eq!(
        fs::metadata(shell.directory.path().join(kept)).unwrap().len(),
        left,
        "nothing is thrown away"
    );
    assert_eq!(shell.run(&["ledger", "verify"]).code, Some(0));
    simulator.stop().await;
}

/// A backup, the shell of the bridge that made it, and its key.
struct Backup {
    source: Shell,
    file: PathBuf,
    key: Vec<u8>,
}

impl Backup {
    fn new(simulator: &Simulator) -> Self {
        let source = shell(simulator);
        assert_eq!(source.run(&["token", "issue", "--scope", "scim.read"]).code, Some(0));
        assert_eq!(source.run(&["import", "full"]).code, Some(0));
        let made: Value =
            serde_json::from_str(&source.run(&["ledger", "backup", "backup.db", "--json"]).stdout)
                .unwrap();
        assert_eq!(made["workspaces"][0]["verdict"], json!("complete_and_unaltered"));
        let file = source.directory.path().join("backup.db");
        let key = fs::read(source.directory.path().join("bridge.db.key")).unwrap();
        Self { source, file, key }
    }

    fn path(&self) -> &str {
        self.file.to_str().unwrap()
    }

    /// Writes the key of the backup beside the database of a shell.
    fn give_key_to(&self, target: &Shell) {
        fs::write(target.directory.path().join("bridge.db.key"), &self.key).unwrap();
    }
}

/// Asserts that a backup is not restored and that no file is left behind. Returns the error.
fn refused(target: &Shell, arguments: &[&str]) -> String {
    let ended = target.run(&[&["ledger", "restore"], arguments].concat());
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{arguments:?}");
    assert!(!target.directory.path().join("bridge.db").exists());
    let names = names(target);
    assert!(!names.iter().any(|name| name.starts_with('.')), "{names:?}");
    ended.stderr
}

/// Executes a statement on a SQLite file.
fn sql(file: &Path, statement: &str) {
    let url = format!("sqlite://{}", file.display());
    tokio::task::block_in_place(|| {
        tokio::runtime::Handle::current().block_on(async {
            let connection = sea_orm::Database::connect(&url).await.unwrap();
            sea_orm::ConnectionTrait::execute_unprepared(&connection, statement).await.unwrap();
            connection.close().await.unwrap();
        });
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_without_its_key_is_refused_unless_the_key_is_lost() {
    let simulator = simulated();
    let backup = Backup::new(&simulator);
    let without = refused(&shell(&simulator), &[backup.path()]);
    assert!(without.contains("it is not there, and the database has secrets"));
    let other = shell(&simulator).set("BRIDGE_ACCESS__ENCRYPTION_KEY", ENCRYPTION_KEY);
    let error = refused(&other, &[backup.path()]);
    assert!(
        error.contains("was sealed with another encryption key") && error.contains("--key-lost"),
        "{error}"
    );
    let lost = other.run(&["ledger", "restore", "--key-lost", backup.path()]);
    assert!(lost.code == Some(0) && lost.stderr.contains("keys reset --yes"), "{}", lost.stderr);
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_or_damaged_backup_is_refused_with_the_reason() {
    let simulator = simulated();
    let backup = Backup::new(&simulator);
    let target = shell(&simulator);
    backup.give_key_to(&target);
    let cases: [Case<'_>; 8] = [
        (
            "text.db",
            &|file| fs::write(file, "not a database at all").unwrap(),
            "it is not a database of this bridge",
        ),
        ("empty.db", &|file| fs::write(file, "").unwrap(), "it is not a database of this bridge"),
        (
            "other.db",
            &|file| sql(file, "DROP TABLE imports"),
            "it is not a database of this bridge",
        ),
        (
            "newer.db",
            &|file| sql(file, "INSERT INTO seaql_migrations VALUES ('m29990101_000001_later', 0)"),
            "newer version",
        ),
        (
            "altered.db",
            &|file| sql(file, "UPDATE imports SET requested_by = 'eve'"),
            "imports: run 1 was changed",
        ),
        (
            "damaged.db",
            &|file| {
                let mut bytes = fs::read(file).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle..middle + 8192].fill(0xa5);
                fs::write(file, bytes).unwrap();
            },
            "damaged",
        ),
        (
            "cut.db",
            &|file| fs::File::options().write(true).open(file).unwrap().set_len(20_000).unwrap(),
            "damaged",
        ),
        (
            "raw.db",
            &|file| fs::write(format!("{}-wal", file.display()), "more").unwrap(),
            "is not a backup",
        ),
    ];
    for (name, change, reason) in cases {
        let file = target.directory.path().join(name);
        fs::copy(&backup.file, &file).unwrap();
        change(&file);
        let error = refused(&target, &[name]);
        assert!(error.contains(reason), "{name}: {error}");
    }
    assert!(refused(&target, &["nowhere.db"]).contains("cannot be read"));
    // The unchanged backup is restored.
    assert_eq!(target.run(&["ledger", "restore", backup.path()]).code, Some(0));
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_other_workspaces_is_refused() {
    let simulator = simulated();
    let backup = Backup::new(&simulator);
    let target = Shell::new().set("INTERCOM_BASE_URL", simulator.base_url());
    backup.give_key_to(&target);
    let config = "[[workspaces]]\nname = \"emea\"\naccess_token = \"a\"\n";
    fs::write(target.directory.path().join("emea.toml"), config).unwrap();
    let error = refused(&target, &["--config", "emea.toml", backup.path()]);
    assert!(
        error.contains("contains the workspaces default, and the settings contain emea"),
        "{error}"
    );
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_database_is_backed_up_with_a_warning_and_not_restored() {
    let simulator = simulated();
    let backup = Backup::new(&simulator);
    let target = shell(&simulator);
    backup.give_key_to(&target);
    let directory = backup.source.directory.path();
    sql(&directory.join("bridge.db"), "UPDATE imports SET requested_by = 'eve'");
    let altered = backup.source.run(&["ledger", "backup", "evidence.db"]);
    assert!(
        altered.code == Some(1) && altered.stderr.contains("imports: run 1 was changed"),
        "{}",
        altered.stderr
    );
    let evidence = directory.join("evidence.db");
    let error = refused(&target, &[evidence.to_str().unwrap()]);
    assert!(error.contains("imports: run 1 was changed"));
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_before_an_upgrade_is_made_as_it_is_and_restored_up_to_date() {
    let shell = Shell::new();
    let database = shell.directory.path().join("bridge.db");
    let connection =
        sea_orm::Database::connect(format!("sqlite://{}?mode=rwc", database.display()))
            .await
            .unwrap();
    let before = include_str!("support/before_records.sql");
    sea_orm::ConnectionTrait::execute_unprepared(&connection, before).await.unwrap();
    connection.close().await.unwrap();
    let made = shell.run(&["ledger", "backup", "old.db"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(
        made.stdout.contains("complete and unaltered: generations 1\u{2013}2, "),
        "{}",
        made.stdout
    );
    let pending =
        Database::open_copy(&database, true).await.unwrap().pending_migrations().await.unwrap();
    let applied = before.matches("INSERT INTO seaql_migrations").count();
    assert_eq!(pending, Migrator::migrations().len() - applied, "a backup changes no tables");
    fs::remove_file(&database).unwrap();
    let restored = shell.run(&["ledger", "restore", "old.db"]);
    assert!(
        restored.code == Some(0)
            && restored.stderr.contains(&format!("{pending} migrations were run")),
        "{}",
        restored.stderr
    );
    assert_eq!(shell.run(&["ledger", "verify"]).code, Some(0));
}

#[test]
fn postgresql_is_pointed_to_its_own_tools() {
    let shell = Shell::new().set("DATABASE_URL", "postgres://ada:s3cret@127.0.0.1:1/bridge");
    for (command, tool) in
        [("backup", "pg_dump --format=custom"), ("restore", "pg_restore --clean")]
    {
        let refused = shell.run(&["ledger", command, "file"]);
        assert_eq!(refused.code, Some(1));
        assert!(
            refused.stderr.contains(tool) && !refused.stderr.contains("s3cret"),
            "{}",
            refused.stderr
        );
    }
    let memory =
        Shell::new().set("DATABASE_URL", "sqlite::memory:").run(&["ledger", "backup", "file"]);
    assert!(memory.code == Some(1) && memory.stderr.contains("in memory"), "{}", memory.stderr);
    let nowhere = Shell::new().run(&["ledger", "backup", "file"]);
    assert!(
        nowhere.code == Some(1) && nowhere.stderr.contains("there is no database at bridge.db"),
        "{}",
        nowhere.stderr
    );
}
