//! `import --dry-run` of an import that would be held: every kind of loss, with names and counts.

use serde_json::{Value, json};
use simulator::{Admin, Fault, Options, Role, Simulator, Workspace};

use crate::commands::shell;
use crate::support::hand::TOKEN;

/// Each kind of loss: its name, how many are lost, and of how many.
const LOSSES: [(&str, usize, usize); 8] = [
    ("people", 10, 80),
    ("teams", 6, 40),
    ("memberships", 12, 80),
    ("roles", 11, 80),
    ("seats", 9, 80),
    ("emails", 13, 80),
    ("names", 14, 80),
    ("team_names", 7, 40),
];

/// Eighty people in forty teams of two.
fn company() -> (Workspace, Vec<u64>, Vec<u64>) {
    let mut workspace = Workspace::new(TOKEN);
    let role = Role { id: "7".to_owned(), name: "Agent".to_owned() };
    let person = |number: usize| Admin {
        name: format!("Person {number}"),
        email: format!("p{number}@example.com"),
        has_inbox_seat: true,
        role: Some(role.clone()),
        ..Admin::default()
    };
    let people: Vec<u64> = (0..80).map(|number| workspace.add_admin(person(number))).collect();
    let teams = people.chunks(2).enumerate();
    let teams =
        teams.map(|(number, members)| workspace.add_team(&format!("Team {number}"), members));
    let teams = teams.collect();
    (workspace, people, teams)
}

/// The list of teams. Seven of them have no name any more.
fn without_seven_names(workspace: &Workspace, teams: &[u64]) -> Fault {
    let entries: Vec<Value> = workspace
        .teams()
        .map(|(id, team)| {
            let members: Vec<u64> = team.members.keys().copied().collect();
            let name = if teams[20..27].contains(&id) { Value::Null } else { json!(team.name) };
            json!({"type": "team", "id": id.to_string(), "name": name, "admin_ids": members})
        })
        .collect();
    Fault::json(200, &json!({"type": "team.list", "teams": entries}).to_string())
}

fn lose_all_kinds(simulator: &Simulator, people: &[u64], teams: &[u64]) {
    let fault = simulator.change(|workspace| {
        people[..10].iter().for_each(|id| workspace.remove_admin(*id, people[79], 0));
        // The members of these teams lose a membership, and stay.
        teams[34..].iter().for_each(|id| workspace.remove_team(*id));
        let mut change = |range: std::ops::Range<usize>, deed: &dyn Fn(&mut Admin)| {
            people[range].iter().for_each(|id| deed(workspace.admin_mut(*id).unwrap()));
        };
        change(10..21, &|admin| admin.role = None);
        change(21..30, &|admin| admin.has_inbox_seat = false);
        change(30..43, &|admin| admin.email = format!("other-{}", admin.email));
        change(43..57, &|admin| admin.name = format!("Other {}", admin.name));
        without_seven_names(workspace, teams)
    });
    simulator.fail_from_now_on(fault, "/teams");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_prints_who_would_lose_what_of_every_kind() {
    let (workspace, people, teams) = company();
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    let shell = shell(&simulator);
    assert_eq!(shell.run(&["import", "full"]).code, Some(0));
    lose_all_kinds(&simulator, &people, &teams);
    let imports = || shell.run(&["ledger", "verify"]).stdout;
    let before = imports();

    let printed = shell.run(&["import", "full", "--dry-run"]);
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    let lines: Vec<&str> = printed.stdout.lines().collect();
    let held = lines.iter().find(|line| line.starts_with("the import would be held: ")).unwrap();
    for (kind, lost, of) in LOSSES {
        let of_kind: Vec<&&str> = lines
            .iter()
            .filter(|line| line.split_whitespace().take(2).eq(["lose", kind]))
            .collect();
        assert_eq!(of_kind.len(), lost, "{kind}: {of_kind:?}");
        assert!(held.contains(&format!("{lost} of {of} ")), "{kind}: {held}");
        for line in of_kind {
            let person = line.contains("@example.com (Person ");
            let team = line.contains(" (Team ");
            let expected = match kind {
                "teams" | "team_names" => (false, true),
                "memberships" => (true, true),
                _ => (true, false),
            };
            assert_eq!((person, team), expected, "{line}");
        }
    }
    // Names and addresses are those from before the change.
    assert!(printed.stdout.contains("p30@example.com (Person 30)"), "{}", printed.stdout);
    assert!(!lines.iter().any(|line| line.starts_with("lose") && line.contains("ther")));

    let printed = shell.run(&["import", "full", "--dry-run", "--json"]);
    let document: Value = serde_json::from_str(&printed.stdout).unwrap();
    let held_by = document["held_by"].as_array().unwrap();
    assert_eq!(held_by.len(), LOSSES.len(), "{document}");
    for (kind, lost, of) in LOSSES {
        let by = held_by.iter().find(|by| by["kind"] == json!(kind)).unwrap();
        assert_eq!((&by["lost"], &by["of"]), (&json!(lost), &json!(of)), "{kind}");
        let losers = by["losers"].as_array().unwrap();
        assert_eq!(losers.len(), lost, "{kind}");
        for loser in losers {
            let named = |key: &str| loser[key].is_string();
            let person = named("user") && named("email") && named("name");
            assert!(person || named("group") && named("group_name"), "{kind}: {loser}");
        }
    }
    assert_eq!(imports(), before, "nothing is recorded");
    simulator.stop().await;
}
