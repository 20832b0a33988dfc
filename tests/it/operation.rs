//! For operators: errors about settings and databases, lists of clients and tokens, and dates on
//! the command line.

use serde_json::{Value, json};

use crate::commands::{answered, dozen_simulated, shell};
use crate::support::bridge::free_port;
use crate::support::secrets;
use crate::support::shell::Shell;

#[test]
fn an_unreachable_database_is_reported_with_the_reason() {
    for (url, why) in [
        (
            "postgres://ada:s3cret@127.0.0.1:1/bridge",
            "nothing listens at its address (connection refused)",
        ),
        ("sqlite:///nowhere/at/all.db?mode=rwc", "unable to open database file"),
    ] {
        let shell = Shell::new().set("DATABASE_URL", url);
        for (command, said) in [
            (&["migrate"][..], shell.run(&["migrate"]).stderr),
            (&["check"], shell.run(&["check"]).stdout),
        ] {
            if command == ["check"] && url.starts_with("sqlite") {
                continue;
            }
            assert!(
                said.contains(why) && said.contains("check DATABASE_URL"),
                "{command:?}: {said}"
            );
            for hidden in ["s3cret", "ada", "pool", "Pool"] {
                assert!(!said.contains(hidden), "{hidden}: {said}");
            }
        }
    }
}

#[test]
fn invalid_numbers_and_dates_are_refused_with_the_expected_form() {
    let shell = Shell::new();
    for (command, expected) in [
        (&["demo", "--admins", "many"][..], "must be a whole number from 1 to 200000"),
        (&["demo", "--admins", "0"], "must be a whole number from 1 to 200000"),
        (&["demo", "--admins", "4000000000"], "must be a whole number from 1 to 200000"),
        (&["demo", "--admins", "99999999999999999999"], "must be a whole number from 1 to 200000"),
        (&["demo", "--teams", "-1"], "must be a whole number from 0 to 10000"),
        (&["demo", "--port", "99999"], "must be a whole number from 0 to 65535"),
        (&["simulate", "--newcomers", "1e9"], "must be a whole number from 0 to 200000"),
        (&["simulate", "--teams", "10001"], "must be a whole number from 0 to 10000"),
        (&["audit", "export", "--since", "yesterday"], "must be a date such as 2026-03-01"),
        (&["audit", "export", "--until", "2026-02-30"], "must be a date such as 2026-03-01"),
        (&["audit", "export", "--tz", "Dublin"], "such as Europe/Dublin"),
        (&["ledger", "export", "--until", "soon"], "must be a date such as 2026-03-01"),
        (&["ledger", "prune", "--keep", "forever"], "such as 12h or 400d"),
        (&["token", "issue", "--ttl", "a year"], "must be a duration from 1s to 3650d"),
    ] {
        let ended = shell.run(command);
        assert!(
            ended.code == Some(2) && ended.stderr.contains(expected),
            "{command:?}: {}",
            ended.stderr
        );
    }
}

/// Runs `migrate` with a file of settings, and returns the error.
fn refused(shell: &Shell, settings: &str) -> String {
    std::fs::write(shell.directory.path().join("bridge.toml"), settings).unwrap();
    let ended = shell.run(&["migrate", "--config", "bridge.toml"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    ended.stderr
}

#[test]
fn invalid_settings_are_refused_together_with_suggestions() {
    let shell = Shell::new()
        .set("RUST_LOG", "loud")
        .set("BRIDGE_SERVER_BIND", "127.0.0.1:1")
        .set("INTERCOM_ACCESS_TOKEN", "to ken");
    let error = refused(
        &shell,
        "[intercom]\napi_version = \"latest\"\nclient_id = \"<your app>\"\n\
         [acess]\ntoken_ttl = \"1h\"\n\
         [import]\npoll_intervall = \"5m\"\n\
         [access]\nencryption_key = \"s3cret\"\n",
    );
    for expected in [
        "intercom.api_version (from bridge.toml) must be a version of Intercom's API from 2.0 on, such as 2.16, or Preview",
        "intercom.client_id (from bridge.toml) must be",
        "acess.token_ttl (from bridge.toml) is not a setting of this bridge; did you mean access.token_ttl?",
        "import.poll_intervall (from bridge.toml) is not a setting of this bridge; did you mean import.poll_interval?",
        "access.encryption_key (from bridge.toml) must be 32 random bytes as Base64",
        "RUST_LOG (from the environment) must be a level",
        "did you mean BRIDGE_SERVER__BIND?",
        "intercom.access_token (from environment variable INTERCOM_ACCESS_TOKEN) must be",
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
    for hidden in ["s3cret", "to ken", "your app", "loud"] {
        assert!(!error.contains(hidden), "{error}");
    }
}

#[test]
fn invalid_toml_is_refused_with_its_line_together_with_other_errors() {
    for (text, line, reason) in [
        ("[server]\nbind = \n", "line 2", "string"),
        ("[server\nbind = \"x\"\n", "line 1", "]"),
        ("[intercom]\naccess_token = s3cret\n", "line 2", "string"),
        ("[server]\nbind = \"a\"\nbind = \"b\"\n", "line 3", "duplicate"),
        ("[intercom]\naccess_token = \"s3cret\n", "line 2", "string"),
    ] {
        let error = refused(&Shell::new().set("INTERCOM_REGION", "moon"), text);
        assert!(
            error.contains("bridge.toml") && error.contains(line) && error.contains("column"),
            "{text}: {error}"
        );
        assert!(error.contains(reason) && error.contains("intercom.region"), "{text}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn log_levels_are_checked_before_a_command_runs() {
    for level in ["debug", "INFO", "off", "warn,sqlx=debug", "intercom_scim_bridge=trace,info", ""]
    {
        let ended = Shell::new().set("RUST_LOG", level).run(&["migrate"]);
        assert_eq!(ended.code, Some(0), "{level}: {}", ended.stderr);
    }
    let demo = Shell::new().set("RUST_LOG", "nonsense").run(&["demo", "--port", "0"]);
    assert!(demo.code == Some(1) && demo.stderr.contains("RUST_LOG"), "{}", demo.stderr);
}

/// Creates the client `Saviynt EIC`, and returns its id.
fn create_client(shell: &Shell) -> String {
    let made = shell.run(&["client", "create", "--name", "Saviynt EIC", "--json"]);
    let made: Value = serde_json::from_str(&made.stdout).unwrap();
    let id = made["client_id"].as_str().unwrap();
    secrets::keep_client(id, made["client_secret"].as_str().unwrap());
    id.to_owned()
}

/// Runs a command that prints JSON.
fn json_of(shell: &Shell, arguments: &[&str]) -> Value {
    serde_json::from_str(&shell.run(arguments).stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_listed_under_headers_with_dates_and_their_last_use() {
    let simulator = dozen_simulated();
    let port = free_port();
    let shell = shell(&simulator).set("BRIDGE_SERVER__BIND", format!("127.0.0.1:{port}"));
    let token = shell.run(&["token", "issue", "--subject", "prometheus", "--ttl", "30d"]);
    let token = secrets::keep(token.stdout.trim_end());
    let before = shell.run(&["token", "list"]).stdout;
    let [header, row] = before.lines().collect::<Vec<_>>()[..] else { panic!("{before}") };
    for column in
        ["SUBJECT", "STATE", "SCOPE", "WORKSPACES", "ISSUED", "EXPIRES", "LAST USED", "ID"]
    {
        assert!(header.contains(column), "{header}");
    }
    // Each cell is under its heading.
    let cell = |column: &str, next: &str| {
        let from = header.find(column).unwrap();
        let to = header.find(next).unwrap();
        row[from..to].trim().to_owned()
    };
    assert_eq!(
        (cell("SUBJECT", "STATE"), cell("STATE", "SCOPE")),
        ("prometheus".to_owned(), "active".to_owned())
    );
    assert_eq!(cell("LAST USED", "ID"), "-");

    let serving = shell.start(&["serve"]);
    answered(&format!("http://127.0.0.1:{port}/scim/v2/Users?count=0"), &token).await;
    assert_eq!(serving.interrupt().code, Some(0));
    let used = json_of(&shell, &["token", "list", "--json"]);
    assert!(used[0]["last_used_at"].as_str() >= used[0]["issued_at"].as_str(), "{used}");
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_listed_under_headers_and_have_different_names() {
    let simulator = dozen_simulated();
    let shell = shell(&simulator);
    let id = create_client(&shell);
    for name in ["Saviynt EIC", "saviynt eic", " Saviynt EIC "] {
        let again = shell.run(&["client", "create", "--name", name]);
        assert!(
            again.code == Some(1) && again.stderr.contains("already") && again.stdout.is_empty(),
            "{}",
            again.stderr
        );
    }
    let clients = shell.run(&["client", "list"]).stdout;
    for expected in ["NAME", "CREATED", "ROTATED", "LAST USED", "Saviynt EIC", "active", &id] {
        assert!(clients.contains(expected), "{clients}");
    }
    let listed = json_of(&shell, &["client", "list", "--json"]);
    assert_eq!((&listed[0]["last_used_at"], listed.as_array().unwrap().len()), (&Value::Null, 1));
    // The name of a disabled client is free again.
    assert_eq!(shell.run(&["client", "disable", &id]).code, Some(0));
    create_client(&shell);
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ran_a_command_is_in_the_audit_trail_and_a_date_is_enough_to_ask_for_it() {
    let simulator = dozen_simulated();
    let shell = shell(&simulator).set("SUDO_USER", "grace");
    assert_eq!(shell.run(&["token", "issue", "--ttl", "10m"]).code, Some(0));
    assert_eq!(shell.run(&["keys", "rotate"]).code, Some(0));
    let imported: Value =
        serde_json::from_str(&shell.run(&["import", "full", "--json"]).stdout).unwrap();
    let export = |arguments: &[&str]| -> Vec<Value> {
        let ended = shell.run(&[&["audit", "export"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let today = time::OffsetDateTime::now_utc().date().to_string();
    let all = export(&["--since", &today]);
    let named: Vec<(&Value, &Value)> =
        all.iter().map(|entry| (&entry["event"], &entry["actor"])).collect();
    assert_eq!(
        named,
        [
            (&json!("token.issued"), &json!("command line")),
            (&json!("keys.rotated"), &json!("command line"))
        ]
    );
    for who in all.iter().map(|entry| &entry["identity"]).chain([&imported["requested_by"]]) {
        let who = who.as_str().unwrap();
        assert!(who.starts_with("system user ") && who.ends_with("(sudo by grace)"), "{who}");
    }
    assert_eq!(export(&["--since", "2026-03-01", "--until", &today, "--tz", "UTC"]).len(), 2);
    assert_eq!(export(&["--until", "2026-03-01"]).len(), 0);
    let changes = |arguments: &[&str]| {
        shell.run(&[&["ledger", "export"], arguments].concat()).stdout.lines().count()
    };
    assert!(changes(&["--since", &today]) > 12);
    assert_eq!(
        (changes(&["--until", "2026-03-01"]), changes(&["--since", "2999-01-01T00:00:00Z"])),
        (0, 0)
    );
    simulator.stop().await;
}
