//! The demo: its history, what it prints, and that it keeps changing.

use std::collections::BTreeSet;
use std::process::Command;

use intercom_scim_bridge::clock::Clock;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use time::{Date, Duration};

use crate::support::bridge::{Bridge, http};
use crate::support::secrets;
use crate::support::shell::{Running, Shell};
use crate::support::waiting::until;

const SMALL: [&str; 7] = ["demo", "--port", "0", "--admins", "40", "--teams", "4"];

/// A running demo, with the line of JSON that it printed.
struct Demo {
    running: Running,
    line: Value,
}

impl Demo {
    fn start(shell: &Shell, more: &[&str]) -> Self {
        let mut running = shell.start(&[&SMALL, more].concat());
        let line = serde_json::from_str(&running.line()).unwrap();
        Self { running, line }
    }

    fn text(&self, member: &str) -> &str {
        self.line[member].as_str().unwrap_or_else(|| panic!("{member}: {}", self.line))
    }

    async fn get(&self, path: &str) -> Value {
        let request = http().get(format!("{}{path}", self.text("api_base_url")));
        Bridge::send(request.bearer_auth(self.text("access_token"))).await.json()
    }

    /// Returns all changes, oldest first.
    async fn changes(&self) -> Vec<Value> {
        let mut changes = Vec::new();
        let mut path = "/changes?limit=1000".to_owned();
        for _ in 0..20 {
            let page = self.get(&path).await;
            let items = page["items"].as_array().unwrap();
            changes.extend(items.iter().cloned());
            if items.len() < 1_000 {
                return changes;
            }
            let cursor = items.last().unwrap()["cursor"].as_str().unwrap();
            path = format!("/changes?limit=1000&since={cursor}");
        }
        panic!("the changes do not end");
    }

    async fn active_users(&self) -> Value {
        let request = http().get(format!("{}/Users", self.text("scim_base_url")));
        let request = request.query(&[("filter", "active eq true"), ("count", "0")]);
        Bridge::send(request.bearer_auth(self.text("access_token"))).await.json()["totalResults"]
            .clone()
    }
}

fn days_ago(days: i64) -> Date {
    (Clock::System.now() - Duration::days(days)).date()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_begins_with_ninety_days_of_history() {
    let demo = Demo::start(&Shell::new(), &["--json"]);
    let changes = demo.changes().await;
    let with = |kind: &str, action: &str| -> Vec<&Value> {
        changes
            .iter()
            .filter(|change| change["type"] == kind && change["action"] == action)
            .collect()
    };

    let days: BTreeSet<&str> =
        changes.iter().map(|change| &change["at"].as_str().unwrap()[..10]).collect();
    assert!(days.len() >= 13, "{days:?}");
    assert!(**days.first().unwrap() <= *days_ago(89).to_string(), "{days:?}");

    let removals = with("user", "removed");
    assert!(removals.len() >= 6, "{}", removals.len());
    let removers: BTreeSet<&str> =
        removals.iter().filter_map(|removal| removal["actor"]["display_name"].as_str()).collect();
    assert!(removers.contains("Grace Okonkwo") && removers.len() >= 2, "{removers:?}");
    assert!(removals.iter().all(|removal| removal["actor"]["activity_type"] == "admin_deletion"));

    // A person came back under a new id. An agent had the role of an admin for two weeks.
    let names = |changes: &[&Value], name: &str| {
        changes.iter().filter(|change| change["user_display_name"] == name).count()
    };
    assert_eq!(names(&with("user", "created"), "Marek Wójcik"), 2);
    assert_eq!(names(&removals, "Marek Wójcik"), 1);
    let roles: Vec<&Value> = with("user", "updated")
        .into_iter()
        .filter(|change| change["user_display_name"] == "田中 花子")
        .filter(|change| change["after"].to_string().contains("role"))
        .collect();
    assert_eq!(roles.len(), 2, "{roles:?}");
    assert!(roles.iter().all(|change| change["actor"]["id"].is_string()), "{roles:?}");
    assert_eq!(with("group", "removed").len(), 1);
    assert!(with("group", "updated").len() >= 2);

    // The number of people with access is the one of `--admins`.
    assert_eq!(demo.active_users().await, json!(40));
    let imports = demo.get("/imports?limit=100").await;
    let imports = imports["items"].as_array().unwrap();
    assert!(
        imports.len() >= 14 && imports.iter().all(|run| run["status"] == "succeeded"),
        "{imports:?}"
    );
    let status = demo.get("/status").await;
    assert_eq!(status["connection"], json!("connected"), "{status}");
    assert_eq!(demo.running.interrupt().stderr, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_can_be_queried_and_reviewed() {
    let demo = Demo::start(&Shell::new(), &["--json"]);
    let at = |days: i64| format!("/accounts?limit=1000&as_of={}", days_ago(days));
    let month = demo.get(&at(30)).await;
    let two_months = demo.get(&at(60)).await;
    assert!(month["items"].as_array().unwrap().len() > 30, "{month}");
    assert!(!two_months["items"].as_array().unwrap().is_empty(), "{two_months}");
    assert_ne!(month["items"], two_months["items"]);

    let review = demo.get(&format!("/reviews/accounts?since={}", days_ago(45))).await;
    let summary = &review["summary"];
    for known in ["added", "removed", "changed", "privileged", "dormant", "without_mfa", "sso"] {
        assert!(summary[known].as_u64().is_some_and(|number| number > 0), "{known}: {summary}");
    }
    let invited = review.to_string().contains("\"invited_at\":\"20");
    assert!(invited, "an invitation is known");
    assert!(summary["invited"].as_u64().is_some_and(|number| number > 0), "{summary}");
    let invitations = demo.get("/invitations").await;
    let addresses = invitations["items"].to_string();
    assert!(addresses.contains("night.shift@northwind.example"), "{invitations}");
    assert!(!addresses.contains("intern@northwind.example"), "it was withdrawn: {invitations}");
    let seats = demo.get("/seats?use=unused").await;
    assert!(seats["unused"].as_u64().is_some_and(|number| number > 0), "{seats}");
    assert!(seats["unused"].as_u64() < seats["seats"].as_u64(), "{seats}");
    assert_eq!(demo.running.interrupt().code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_gives_the_same_history_and_its_ledger_verifies() {
    let shell = Shell::new();
    let temporary = shell.directory.path().display().to_string();
    let shell = shell.set("TMPDIR", &temporary);
    let story = |changes: Vec<Value>| -> Vec<String> {
        let told = |change: Value| {
            let actor = [&change["actor"]["email"], &change["actor"]["activity_type"]];
            json!([change["type"], change["action"], change["id"], change["user_email"], actor])
        };
        changes.into_iter().map(|change| told(change).to_string()).collect()
    };
    let first = Demo::start(&shell, &["--json", "--seed", "11"]);
    let database = std::fs::read_dir(&temporary)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("demo.db"))
        .find(|file| file.exists())
        .expect("the database is in the temporary directory");
    let verified = Shell::new()
        .set("DATABASE_URL", format!("sqlite://{}", database.display()))
        .run(&["ledger", "verify"]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    let told = story(first.changes().await);
    assert_eq!(first.running.interrupt().code, Some(0));

    let again = Demo::start(&shell, &["--json", "--seed", "11"]);
    assert_eq!(story(again.changes().await), told);
    let other = Demo::start(&shell, &["--json", "--seed", "12"]);
    assert_ne!(story(other.changes().await), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_keeps_changing_unless_it_is_quiet() {
    // With `--json`, for scripts, the demo makes no changes.
    let quiet = Demo::start(&Shell::new(), &["--json", "--every", "1s"]);
    let before = quiet.changes().await.len();

    let mut alive = Shell::new().start(&[&SMALL, &["--every", "1s"][..]].concat());
    let printed = guide(&mut alive);
    let api = api_base_url(&printed);
    let token = token(&printed);
    let runs = || async {
        let request = http().get(format!("{api}/imports?limit=1000")).bearer_auth(&token);
        Bridge::send(request).await.json()["items"].as_array().unwrap().clone()
    };
    // Webhooks cause imports, which record changes.
    until("an import that a webhook caused recorded a change", async || {
        runs().await.iter().any(|run| run["trigger"] == "webhook" && run["generation"].is_number())
    })
    .await;
    let all = runs().await;
    assert!(all.iter().all(|run| run["status"] != "failed" && run["status"] != "held"), "{all:?}");
    assert_eq!(alive.interrupt().code, Some(0));

    assert_eq!(quiet.changes().await.len(), before);
    assert_eq!(quiet.running.interrupt().code, Some(0));
}

/// Reads the lines that a demo prints at its start.
fn guide(demo: &mut Running) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.len() < 200 {
        let line = demo.line();
        lines.push(line);
        if lines.last().is_some_and(|line| line.contains("Ctrl-C")) {
            break;
        }
    }
    secrets::keep(&token(&lines));
    lines
}

fn token(lines: &[String]) -> String {
    let line = lines.iter().find_map(|line| line.strip_prefix("TOKEN='")).unwrap();
    line.trim_end_matches('\'').to_owned()
}

fn api_base_url(lines: &[String]) -> String {
    let scim = lines.iter().find(|line| line.ends_with("/scim/v2")).unwrap();
    scim.replace("/scim/v2", "/api/v1")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_that_the_demo_prints_works_and_shows_something() {
    let mut demo = Shell::new().start(&["demo", "--port", "0", "--admins", "25", "--quiet"]);
    let lines = guide(&mut demo);
    let place = |text: &str| {
        lines
            .iter()
            .position(|line| line.contains(text))
            .unwrap_or_else(|| panic!("{text}: {lines:?}"))
    };
    let order = [
        place("/login?link="),
        place("/scim/v2"),
        place("TOKEN='"),
        place("curl "),
        place("Read on"),
    ];
    assert!(order.is_sorted(), "{order:?}");

    // The link signs in to the status page.
    let link = &lines[place("/login?link=")];
    let (address, secret) = link.split_once("?link=").unwrap();
    // The first page only has a form with the link.
    assert!(Bridge::send(http().get(link)).await.text.contains("<form"));
    let form = http().post(address).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let taken = form.body(format!("link={secret}")).send().await.unwrap();
    assert_eq!(taken.status(), 303);
    let cookie = taken.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    secrets::keep(cookie.split_once('=').unwrap().1);
    for (path, shown) in [("/", "<svg"), ("/people", "Grace Okonkwo")] {
        let page = http().get(address.replace("/login", path)).header("Cookie", cookie);
        let page = Bridge::send(page).await.text;
        assert!(page.contains(shown), "{page}");
    }

    let commands: Vec<&String> = lines.iter().filter(|line| line.starts_with("curl ")).collect();
    assert_eq!(commands.len(), 6);
    let answers: Vec<String> = commands
        .iter()
        .map(|command| {
            let script = format!("TOKEN='{}'\n{command}", token(&lines));
            let output = Command::new("bash").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command}");
            String::from_utf8(output.stdout).unwrap()
        })
        .collect();
    let leavers: Value = serde_json::from_str(&answers[0]).unwrap();
    assert!(leavers["totalResults"].as_u64().unwrap() > 0, "{leavers}");
    assert!(leavers["Resources"][0]["active"] == false, "{leavers}");
    assert!(answers[1].lines().count() > 20, "{}", answers[1]);
    let removals = &answers[2];
    assert!(removals.lines().count() > 2 && removals.contains("admin_deletion"), "{removals}");
    // Columns of the view, and a person who has left.
    assert!(answers[3].starts_with("account_id,"), "{}", answers[3]);
    assert!(answers[3].lines().count() > 1, "{}", answers[3]);
    let refused: Value = serde_json::from_str(&answers[4]).unwrap();
    assert!(
        refused["status"] == "501" && refused["detail"].as_str().unwrap().len() > 40,
        "{refused}"
    );
    assert!(answers[5].lines().count() > 20, "{}", answers[5]);
    assert_eq!(demo.interrupt().code, Some(0));
}

#[test]
fn the_demo_says_its_bounds() {
    let shell = Shell::new();
    for (arguments, expected) in [
        (["--admins", "200001"], "must be a whole number from 1 to 200000"),
        (["--teams", "10001"], "must be a whole number from 0 to 10000"),
        (["--every", "1ms"], "must be a duration from 1s to 1h"),
        (["--every", "often"], "must be a duration from 1s to 1h"),
    ] {
        let ended = shell.run(&[&["demo"], &arguments[..]].concat());
        assert!(ended.code == Some(2) && ended.stderr.contains(expected), "{}", ended.stderr);
    }
    let help = shell.run(&["demo", "--help"]).stdout;
    for bounds in ["1 to 200000", "0 to 10000", "1s to 1h"] {
        assert!(help.contains(bounds), "{bounds}: {help}");
    }
}
