//! The command line, run as an operator runs it.

mod history;

use std::net::TcpListener;

use migrations::Migrator;
use sea_orm_migration::MigratorTrait;
use serde_json::{Value, json};
use simulator::{Options, Simulator};

use crate::support::bridge::{Bridge, ENCRYPTION_KEY, dozen, free_port, http};
use crate::support::hand::TOKEN;
use crate::support::shell::Shell;
use crate::support::waiting::eventually;

pub fn shell(simulator: &Simulator) -> Shell {
    Shell::new().set("INTERCOM_BASE_URL", simulator.base_url()).set("INTERCOM_ACCESS_TOKEN", TOKEN)
}

pub fn dozen_simulated() -> Simulator {
    Simulator::start(dozen(), Options::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_serves_a_company_without_any_set_up_and_ends_cleanly() {
    let shell = Shell::new();
    let mut demo =
        shell.start(&["demo", "--port", "0", "--admins", "30", "--teams", "4", "--json"]);
    let line: Value = serde_json::from_str(&demo.line()).unwrap();
    let scim = line["scim_base_url"].as_str().unwrap();
    let token = line["access_token"].as_str().unwrap();
    assert!(line["api_base_url"].is_string() && line["intercom_base_url"].is_string());
    let users =
        Bridge::send(http().get(format!("{scim}/Users?count=0")).bearer_auth(token)).await.json();
    // The number includes the people who left within the last thirty days.
    assert!(users["totalResults"].as_u64() > Some(30), "{users}");
    let status = format!("{}/status", line["api_base_url"].as_str().unwrap());
    assert_eq!(
        Bridge::send(http().get(status).bearer_auth(token)).await.json()["connection"],
        json!("connected")
    );
    let ended = demo.interrupt();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        std::fs::read_dir(shell.directory.path()).unwrap().count(),
        0,
        "nothing is left behind"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_import_token_and_serve_share_one_database() {
    let simulator = dozen_simulated();
    let port = free_port();
    let shell = shell(&simulator).set("BRIDGE_SERVER__BIND", format!("127.0.0.1:{port}"));
    let migrated = shell.run(&["migrate"]);
    let all = Migrator::migrations().len();
    assert_eq!(
        (migrated.code, migrated.stdout),
        (Some(0), format!("sqlite://bridge.db is up to date; {all} migrations were run\n"))
    );

    let planned = shell.run(&["import", "full", "--dry-run"]);
    assert_eq!(planned.stdout.lines().filter(|line| line.starts_with("create   user")).count(), 12);
    let imported = shell.run(&["import", "full", "--json"]);
    let run: Value = serde_json::from_str(&imported.stdout).unwrap();
    assert_eq!(
        (imported.code, &run["status"], &run["generation"], &run["counts"]["users_created"]),
        (Some(0), &json!("succeeded"), &json!(1), &json!(12))
    );
    let again = shell.run(&["import", "incremental"]);
    assert!(
        again.stdout.starts_with("import 2 succeeded, 4 calls to Intercom (0 repeated)\n"),
        "{}",
        again.stdout
    );

    let issued = shell.run(&["token", "issue", "--scope", "scim.read import.read", "--ttl", "10m"]);
    let token = issued.stdout.trim_end();
    assert_eq!(
        (issued.code, token.split('.').count(), token.contains(char::is_whitespace)),
        (Some(0), 3, false)
    );
    let serving = shell.start(&["serve"]);
    let users = format!("http://127.0.0.1:{port}/scim/v2/Users?count=0");
    let answer = answered(&users, token).await;
    assert_eq!(answer["totalResults"], json!(12));
    let ended = serving.interrupt();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains(TOKEN) && !ended.stderr.contains(token), "no token in the log");
}

/// Repeats a request until a bridge listens, and returns the response.
pub async fn answered(url: &str, token: &str) -> Value {
    let response = eventually(&format!("a bridge listens at {url}"), async || {
        http().get(url).bearer_auth(token).send().await
    })
    .await;
    response.json().await.unwrap()
}

#[test]
fn a_database_password_is_never_shown_even_where_it_makes_the_address_unreadable() {
    for password in ["s3c/ret", "s3c#ret", "s3c?ret", "12/s3cret@x"] {
        let url = format!("postgres://ada:{password}@127.0.0.1:1/bridge");
        let ended = Shell::new().set("DATABASE_URL", url).run(&["migrate"]);
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains("database.url"), "{}", ended.stderr);
        assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("s3c"), "{}", ended.stderr);
    }
}

#[test]
fn invalid_settings_stop_every_command_and_are_reported_together() {
    let shell = Shell::new()
        .set("BRIDGE_SERVER__BIND", "nowhere")
        .set("INTERCOM_REGION", "moon")
        .set("DATABASE_URL", "mysql://x");
    for command in [&["serve"][..], &["import", "full"], &["migrate"], &["token", "issue"]] {
        let ended = shell.run(command);
        assert_eq!(ended.code, Some(1), "{command:?}");
        for key in ["server.bind", "intercom.region", "database.url"] {
            assert!(ended.stderr.contains(key), "{command:?}: {}", ended.stderr);
        }
        assert!(ended.stdout.is_empty());
    }
}

#[test]
fn wrong_use_has_an_exit_code_of_its_own() {
    let shell = Shell::new();
    for command in [
        &["dance"][..],
        &["import", "half"],
        &["token", "issue", "--scope", "scim.write"],
        &["demo", "--port", "99999"],
        &[],
    ] {
        assert_eq!(shell.run(command).code, Some(2), "{command:?}");
    }
    let scope = shell.run(&["token", "issue", "--scope", "scim.write"]);
    assert!(
        scope.stderr.contains("`scim.write` is not a scope; the scopes are scim.read"),
        "{}",
        scope.stderr
    );
}

#[test]
fn without_an_access_token_it_says_which_variable_to_set() {
    for command in [&["serve"][..], &["import", "full"]] {
        let ended = Shell::new().run(command);
        assert_eq!(ended.code, Some(1));
        assert!(
            ended.stderr.contains("set INTERCOM_ACCESS_TOKEN") && ended.stderr.contains("demo"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn an_unreachable_database_is_named_without_its_password() {
    for (url, shown) in [
        (
            "postgres://ada:s3cret@127.0.0.1:1/bridge",
            "the database postgres://127.0.0.1:1/bridge cannot be used",
        ),
        (
            "sqlite:///nowhere/at/all.db?mode=rwc",
            "the database sqlite:///nowhere/at/all.db cannot be used",
        ),
    ] {
        let ended =
            Shell::new().set("DATABASE_URL", url).set("INTERCOM_ACCESS_TOKEN", "t").run(&["serve"]);
        assert_eq!((ended.code, ended.stderr.lines().count()), (Some(1), 1), "{}", ended.stderr);
        assert!(
            ended.stderr.contains(shown) && ended.stderr.contains("check DATABASE_URL"),
            "{}",
            ended.stderr
        );
        assert!(!ended.stderr.contains("s3cret"));
    }
}

#[test]
fn a_port_in_use_is_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = Shell::new()
        .set("BRIDGE_SERVER__BIND", &address)
        .set("INTERCOM_ACCESS_TOKEN", "t")
        .run(&["serve"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(&format!("cannot listen on {address}")), "{}", ended.stderr);
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = Shell::new().run(&["demo", "--port", &port, "--admins", "3"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--port"), "{}", ended.stderr);
    let ended = Shell::new().run(&["simulate", "--port", &port, "--admins", "3"]);
    assert_eq!(ended.code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_stops_import_and_check_with_what_to_do_and_a_wrong_region_is_a_warning() {
    let simulator = dozen_simulated();
    let wrong_token = Shell::new()
        .set("INTERCOM_BASE_URL", simulator.base_url())
        .set("INTERCOM_ACCESS_TOKEN", "wr0ng");
    let wrong_region = shell(&simulator).set("INTERCOM_REGION", "eu");
    for (shell, code, expected) in [
        (
            &wrong_token,
            1,
            "Intercom refused the access token for /me (401 unauthorized); check INTERCOM_ACCESS_TOKEN",
        ),
        (
            &wrong_region,
            0,
            "the workspace is hosted in US, but the bridge is configured for EU; set INTERCOM_REGION=us",
        ),
    ] {
        let import = shell.run(&["import", "full"]);
        assert_eq!(import.code, Some(code));
        assert!(
            format!("{}{}", import.stdout, import.stderr).contains(expected),
            "{}{}",
            import.stdout,
            import.stderr
        );
        let check = shell.run(&["check"]);
        assert_eq!(check.code, Some(code));
        assert!(check.stdout.contains(expected), "{}", check.stdout);
        assert!(!format!("{}{}{}", import.stdout, import.stderr, check.stdout).contains("wr0ng"));
    }
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_finds_what_would_stop_the_start() {
    let simulator = dozen_simulated();
    let ready = shell(&simulator).set("BRIDGE_SERVER__BIND", "127.0.0.1:0");
    assert_eq!(ready.run(&["token", "issue"]).code, Some(0));
    let fine = ready.run(&["check"]);
    assert!(
        fine.code == Some(0) && fine.stdout.contains("opens the secrets in the database"),
        "{}",
        fine.stdout
    );
    std::fs::remove_file(ready.directory.path().join("bridge.db.key")).unwrap();
    let lost = ready.run(&["check"]);
    assert!(
        lost.code == Some(1)
            && lost.stdout.contains("it is not there, and the database has secrets"),
        "{}",
        lost.stdout
    );
    let other = ready.set("BRIDGE_ACCESS__ENCRYPTION_KEY", ENCRYPTION_KEY);
    let other = other.run(&["check"]);
    assert!(
        other.code == Some(1) && other.stdout.contains("access.previous_encryption_key"),
        "{}",
        other.stdout
    );
    let tls = shell(&simulator)
        .set("BRIDGE_SERVER__TLS_CERT", "missing.pem")
        .set("BRIDGE_SERVER__TLS_KEY", "missing.pem");
    let tls = tls.run(&["check"]);
    assert!(
        tls.code == Some(1) && tls.stdout.contains("server.tls_cert (missing.pem) cannot be used"),
        "{}",
        tls.stdout
    );
    // `check` only reads the address; it does not listen there.
    let open = shell(&simulator).set("BRIDGE_SERVER__BIND", "0.0.0.0:0").run(&["check"]);
    assert!(open.stdout.contains("listens on 0.0.0.0:0 without TLS"), "{}", open.stdout);
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_reports_each_part_on_a_line() {
    let simulator = dozen_simulated();
    let shell = shell(&simulator);
    let before = shell.run(&["check"]);
    assert_eq!(before.code, Some(0), "{}", before.stdout);
    assert!(before.stdout.contains("does not exist yet"), "{}", before.stdout);
    assert!(!shell.directory.path().join("bridge.db").exists(), "a check changes nothing");
    shell.run(&["migrate"]);
    simulator.fail_from_now_on(simulator::Fault::Forbidden, "/admins/activity_logs");
    let after = shell.run(&["check"]);
    let states: Vec<(&str, &str)> =
        after.stdout.lines().map(|line| (line[..9].trim(), line[9..24].trim())).collect();
    assert_eq!(
        states,
        [
            ("ok", "configuration"),
            ("ok", "tls"),
            ("ok", "open files"),
            ("ok", "database"),
            ("ok", "times"),
            ("ok", "encryption"),
            ("ok", "webhooks"),
            ("ok", "intercom"),
            ("ok", "admins"),
            ("warning", "activity log"),
            ("ok", "rate limit"),
            ("ok", "clock")
        ],
        "{}",
        after.stdout
    );
    simulator.heal();
    let config = "[[access.issuers]]\nissuer = \"https://login.example.com/\"\njwks_url = \"http://127.0.0.1:9/keys\"\naudience = \"x\"\n";
    std::fs::write(shell.directory.path().join("issuer.toml"), config).unwrap();
    let told = shell.run(&["check", "--json", "--config", "issuer.toml"]);
    assert_eq!(told.code, Some(1));
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let of = |check: &str| {
        told["checks"].as_array().unwrap().iter().find(|one| one["check"] == check).unwrap()
    };
    assert_eq!(
        (&told["failed"], &of("issuer")["state"], &of("activity log")["state"]),
        (&1.into(), &"failed".into(), &"ok".into())
    );
    assert!(
        of("issuer")["detail"].as_str().unwrap().contains("cannot be read: no answer"),
        "{told}"
    );
    let broken = Shell::new().set("INTERCOM_REGION", "moon").run(&["check"]);
    assert_eq!(broken.code, Some(1));
    assert!(
        broken.stdout.starts_with("failed   configuration  intercom.region"),
        "{}",
        broken.stdout
    );
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_held_fails_and_says_how_to_let_it_through() {
    let mut workspace = simulator::Workspace::new(TOKEN);
    let ids: Vec<u64> =
        (0..20).map(|number| workspace.add_teammate(&format!("Teammate {number}"))).collect();
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    let shell = shell(&simulator);
    assert_eq!(shell.run(&["import", "full"]).code, Some(0));
    simulator
        .change(|workspace| ids[..8].iter().for_each(|id| workspace.remove_admin(*id, ids[19], 0)));
    let held = shell.run(&["import", "full"]);
    assert_eq!(held.code, Some(1));
    assert!(
        held.stderr.contains("the import is held: 8 of 20 teammates")
            && held.stderr.contains("--allow-removals"),
        "{}",
        held.stderr
    );
    assert_eq!(shell.run(&["import", "full", "--allow-removals"]).code, Some(0));
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn simulate_prints_what_to_set_and_fails_to_order() {
    let port = free_port().to_string();
    let mut simulate = Shell::new().start(&[
        "simulate",
        "--port",
        &port,
        "--admins",
        "5",
        "--teams",
        "2",
        "--faults",
        "status=503@/teamsx1",
    ]);
    let base_url = simulate.line().replace("INTERCOM_BASE_URL=", "");
    let token = simulate.line().replace("INTERCOM_ACCESS_TOKEN=", "");
    let teams = async || {
        Bridge::send(http().get(format!("{base_url}/teams")).bearer_auth(&token))
            .await
            .status
            .as_u16()
    };
    assert_eq!((teams().await, teams().await), (503, 200));
    assert_eq!(simulate.interrupt().code, Some(0));
}

#[test]
fn the_description_is_printed() {
    let ended = Shell::new().run(&["openapi"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.stdout, intercom_scim_bridge::http::openapi_document());
}

#[test]
fn manual_completions_and_version_tell_of_every_command() {
    let shell = Shell::new();
    let help = shell.run(&["--help"]).stdout;
    let listed = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    let commands: Vec<&str> = listed
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() >= 15, "{commands:?}");
    let manual = shell.run(&["manual"]);
    assert!(
        manual.code == Some(0) && manual.stdout.contains(".TH intercom-scim-bridge 1"),
        "{}",
        manual.stdout
    );
    for command in &commands {
        assert!(
            manual.stdout.contains(&format!(".SH {}\n", command.to_uppercase().replace('-', " "))),
            "{command}"
        );
    }
    for of in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let completions = shell.run(&["completions", of]).stdout;
        assert!(
            commands.iter().all(|command| completions.contains(command)),
            "{of}: {completions}"
        );
    }
    assert_eq!(shell.run(&["completions", "none"]).code, Some(2));
    let version = shell.run(&["--version"]).stdout;
    assert!(
        version.starts_with(concat!("intercom-scim-bridge ", env!("CARGO_PKG_VERSION"), " (")),
        "{version}"
    );
}
