//! The commands that verify, export and prune the history.

use serde_json::{Value, json};

use super::{dozen_simulated, shell};
use crate::support::shell::Shell;

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_commands_need_a_database_and_accept_an_empty_one() {
    let simulator = dozen_simulated();
    let shell = shell(&simulator);
    for command in [
        &["ledger", "verify"][..],
        &["ledger", "export"],
        &["ledger", "prune", "--keep", "1d", "--yes"],
    ] {
        let nowhere = shell.run(command);
        assert_eq!(nowhere.code, Some(1), "{command:?}");
        assert!(nowhere.stderr.contains("there is no database at bridge.db"), "{}", nowhere.stderr);
    }
    assert_eq!(shell.run(&["migrate"]).code, Some(0));
    let empty = shell.run(&["ledger", "verify"]);
    let verdict =
        "complete and unaltered: no generation yet; 0 runs; 0 activity entries; 0 requests\n";
    assert!(empty.code == Some(0) && empty.stdout.starts_with(verdict), "{}", empty.stdout);
    assert!(
        empty.stdout.ends_with("there is no head yet: nothing was recorded\n"),
        "{}",
        empty.stdout
    );
    assert_eq!(shell.run(&["ledger", "export"]).stdout, "");
    simulator.stop().await;
}

/// Runs a full import, and returns the verification as JSON.
fn import_and_verify(shell: &Shell) -> Value {
    assert_eq!(shell.run(&["import", "full"]).code, Some(0));
    let verified: Value =
        serde_json::from_str(&shell.run(&["ledger", "verify", "--json"]).stdout).unwrap();
    assert_eq!((&verified["generations"], &verified["findings"]), (&json!(1), &json!([])));
    verified
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_exported_from_the_shell() {
    let simulator = dozen_simulated();
    let shell = shell(&simulator);
    let verified = import_and_verify(&shell);
    let export = |arguments: &[&str]| -> Vec<Value> {
        let exported = shell.run(&[&["ledger", "export"], arguments].concat());
        assert_eq!(exported.code, Some(0), "{}", exported.stderr);
        exported.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = export(&[]);
    // Changes of roles are exported only on request, like over the API.
    let roles = export(&["--type", "role"]);
    assert!(!roles.is_empty() && all.iter().all(|change| change["type"] != "role"));
    assert_eq!((all.len() + roles.len()) as u64, verified["versions"].as_u64().unwrap());
    assert_eq!(export(&["--since", all[3]["cursor"].as_str().unwrap()]), all[4..]);
    assert!(export(&["--type", "group"]).iter().all(|change| change["type"] == json!("group")));
    assert_eq!(shell.run(&["ledger", "export", "--since", "x"]).code, Some(1));
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_verified_from_the_shell_up_to_an_earlier_head() {
    let simulator = dozen_simulated();
    let shell = shell(&simulator);
    let verified = import_and_verify(&shell);
    let head = verified["head"].as_str().unwrap();
    assert_eq!(
        (&verified["verdict"], &verified["head_generation"]),
        (&json!("complete_and_unaltered"), &json!(1))
    );
    let today = &verified["last"]["at"].as_str().unwrap()[..10];
    let words = shell.run(&["ledger", "verify"]).stdout;
    let first = words.lines().next().unwrap();
    let last = words.lines().last().unwrap();
    assert!(
        first.starts_with(&format!("complete and unaltered: generation 1, {today}; 1 run; ")),
        "{words}"
    );
    assert!(last.starts_with(&format!("head {head} (generation 1, {today}T")), "{words}");
    simulator.change(|workspace| workspace.add_teammate("New Comer"));
    assert_eq!(shell.run(&["import", "full"]).code, Some(0));
    let known = shell.run(&["ledger", "verify", "--head", head]);
    for expected in [
        "complete and unaltered: generations 1\u{2013}2, ",
        "the history contains the hash of --head: generation 1, ",
    ] {
        assert!(known.stdout.contains(expected), "{}", known.stdout);
    }
    let known: Value =
        serde_json::from_str(&shell.run(&["ledger", "verify", "--json", "--head", head]).stdout)
            .unwrap();
    assert_eq!(
        (&known["asked_head"]["generation"], &known["head_generation"]),
        (&json!(1), &json!(2))
    );
    let other = shell.run(&["ledger", "verify", "--head", "another"]);
    assert_eq!(other.code, Some(1));
    assert!(
        other.stderr.contains("no generation and no record has the hash of --head"),
        "{}",
        other.stderr
    );
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_or_id_that_begins_with_a_hyphen_is_not_an_option() {
    let simulator = dozen_simulated();
    let shell = shell(&simulator);
    import_and_verify(&shell);
    assert_eq!(shell.run(&["ledger", "verify", "--head", ""]).code, Some(2), "it is empty");
    // One hash or id in 64 begins with a hyphen.
    assert_eq!(shell.run(&["ledger", "verify", "--head", "-another"]).code, Some(1));
    assert_eq!(shell.run(&["token", "revoke", "-another"]).code, Some(1));
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_pruned_only_on_confirmation_and_only_as_far_as_requested() {
    let simulator = dozen_simulated();
    let shell = shell(&simulator);
    for _ in 0..2 {
        assert_eq!(shell.run(&["import", "full"]).code, Some(0));
    }
    simulator.change(|workspace| {
        let teammate = workspace.admins().map(|(id, _)| id).next().unwrap();
        workspace.admin_mut(teammate).unwrap().job_title = Some("Countess".to_owned());
    });
    assert_eq!(shell.run(&["import", "full"]).code, Some(0));
    let asked = shell.run(&["ledger", "prune", "--keep", "0s"]);
    assert_eq!((asked.code, asked.stdout.as_str()), (Some(2), ""), "nobody is there to be asked");
    assert!(asked.stderr.contains("use --yes to confirm, or --dry-run"), "{}", asked.stderr);
    let json = |arguments: &[&str]| -> Value {
        let ended =
            shell.run(&[&["ledger", "prune", "--keep", "0s", "--json"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap()
    };
    let would = json(&["--dry-run"]);
    assert_eq!(
        (&would["versions"], &would["dry_run"], &would["generation"]),
        (&json!(1), &json!(true), &json!(2))
    );
    let said = shell.run(&["ledger", "prune", "--keep", "0s", "--dry-run"]).stdout;
    assert!(
        said.starts_with("1 versions, ")
            && said.contains(" would be deleted; the history would begin"),
        "{said}"
    );
    let pruned = json(&["--yes"]);
    for count in ["versions", "activity", "runs", "requests", "generation"] {
        assert_eq!(pruned[count], would[count], "{count}");
    }
    assert_eq!(json(&["--dry-run"])["versions"], json!(0));
    let verified = shell.run(&["ledger", "verify"]);
    assert!(
        verified.code == Some(0) && verified.stdout.contains("the history was last pruned on"),
        "{}",
        verified.stdout
    );
    assert_eq!(shell.run(&["ledger", "prune"]).code, Some(2));
    simulator.stop().await;
}
