//! The commands of the roster, run as in a shell.

use serde_json::{Value, json};

use crate::commands::{dozen_simulated, shell};
use crate::support::shell::Shell;

/// A shell whose database has an import of the directory. The file `people.csv` in its directory is
/// a roster with one person for each account.
fn prepared() -> (Shell, simulator::Simulator) {
    let simulator = dozen_simulated();
    let shell = shell(&simulator).set("BRIDGE_ROSTER__COMPLETE", "all");
    assert_eq!(shell.run(&["import", "full"]).code, Some(0));
    let addresses: Vec<String> = simulator
        .change(|workspace| workspace.admins().map(|(_, admin)| admin.email.clone()).collect());
    let rows: String = addresses
        .iter()
        .zip(1..)
        .map(|(address, number)| format!("{number},Person {number},{address},Secret Street\n"))
        .collect();
    let file = shell.directory.path().join("people.csv");
    std::fs::write(file, format!("Badge,Full Name,Email,Street\n{rows}")).unwrap();
    (shell, simulator)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_what_was_understood_and_stores_nothing() {
    let (shell, simulator) = prepared();
    let shell = shell.set("BRIDGE_ROSTER__COLUMNS__KEY", "Badge");
    let dry = shell.run(&["roster", "import", "people.csv", "--dry-run"]);
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    assert!(dry.stdout.contains("column Badge: mapped key\n"), "{}", dry.stdout);
    assert!(dry.stdout.contains(": dropped\n") && !dry.stdout.contains("Secret Street"));
    assert_eq!(dry.stdout.lines().filter(|line| line.starts_with("row: key ")).count(), 5);
    assert!(dry.stdout.contains("version 1 would be in force"), "{}", dry.stdout);
    let status = shell.run(&["roster", "status", "--json"]);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let nothing = json!({"in_force": null, "held": null, "pull_problem": null, "versions": []});
    assert_eq!(status, nothing);
    let imported = shell.run(&["roster", "import", "people.csv", "--source", "hr", "--json"]);
    let imported: Value = serde_json::from_str(&imported.stdout).unwrap();
    assert_eq!((&imported["result"], &imported["version"]), (&json!("in_force"), &json!(1)));
    let status = shell.run(&["roster", "status"]);
    assert!(status.stdout.contains("12 active accounts: 0 without a person"), "{}", status.stdout);
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_columns_are_not_recognised_ends_with_2_and_stores_nothing() {
    let (shell, simulator) = prepared();
    let file = shell.directory.path().join("odd.csv");
    std::fs::write(file, "Name,Team\nIda Secretname,Support\n").unwrap();
    let refused = shell.run(&["roster", "import", "odd.csv"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("email addresses"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("Secretname") && !refused.stdout.contains("Secretname"));
    let missing = shell.run(&["roster", "import", "missing.csv"]);
    assert!(missing.code == Some(1) && missing.stderr.contains("missing.csv cannot be read"));
    let wrong = shell.set("BRIDGE_ROSTER__CLASSES__ROBOT", "bot");
    let wrong = wrong.run(&["roster", "status"]);
    assert!(wrong.stderr.contains("roster.classes"), "{}", wrong.stderr);
    assert_eq!(wrong.code, Some(1));
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_made_revoked_and_imported_and_a_person_is_forgotten() {
    let (shell, simulator) = prepared();
    let shell = shell.set("BRIDGE_ROSTER__COLUMNS", "key=Badge");
    assert_eq!(shell.run(&["roster", "import", "people.csv"]).code, Some(0));
    let address = simulator.change(|workspace| workspace.admins().next().unwrap().1.email.clone());
    let decided = shell.run(&["roster", "decide", &address, "--is", "2", "--why", "Asked"]);
    assert_eq!((decided.code, decided.stdout.as_str()), (Some(0), "decision 1 is recorded\n"));
    let endless = shell.run(&["roster", "decide", &address, "--is-not", "2", "--why", "Asked"]);
    assert!(endless.code == Some(2) && endless.stderr.contains("`until` is required"));
    let file = shell.directory.path().join("decisions.csv");
    std::fs::write(file, format!("account,person,why\n{address},3,Asked again\n")).unwrap();
    let imported = shell.run(&["roster", "decisions", "import", "decisions.csv"]);
    assert_eq!(imported.stdout, "1 decisions are recorded\n", "{}", imported.stderr);
    assert_eq!(shell.run(&["roster", "revoke", "2"]).stdout, "decision 2 is revoked\n");
    let listed = shell.run(&["roster", "decisions", "list", "--json"]).stdout;
    let states: Vec<Value> = listed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["state"].clone())
        .collect();
    assert_eq!(states, [json!("revoked"), json!("replaced")]);
    let forgotten = shell.run(&["roster", "forget", "2", "--json"]);
    let forgotten: Value = serde_json::from_str(&forgotten.stdout).unwrap();
    assert_eq!(forgotten, json!({"people": 1, "references": 0, "decisions": 1}));
    assert_eq!(shell.run(&["roster", "forget", "2", "--undo"]).code, Some(0));
    let accepted = shell.run(&["roster", "accept", "7"]);
    assert!(accepted.code == Some(1) && accepted.stderr.contains("there is no version 7"));
    let pull = shell.run(&["roster", "pull"]);
    assert!(pull.code == Some(2) && pull.stderr.contains("roster.pull.url"), "{}", pull.stderr);
    let audit = shell.run(&["audit", "export"]).stdout;
    assert!(audit.contains("roster.forgotten") && audit.contains("system user"), "{audit}");
    simulator.stop().await;
}
