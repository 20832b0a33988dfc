//! SIGHUP: what is read again while the bridge runs.

use std::time::Duration;

use intercom_scim_bridge::app::Reloaded;
use intercom_scim_bridge::config::{Config, ConfigError};
use intercom_scim_bridge::roster::Completeness;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::commands::{answered, dozen_simulated, shell};
use crate::support::bridge::{Bridge, dozen, free_port, http, signature, signature_by};
use crate::support::hand::TOKEN;
use crate::support::secrets;
use crate::support::waiting::{eventually, until};
use crate::tls::certificate;

const FRESH: &str = "dG9rOmZyZXNoLWFmdGVyLXNpZ2h1cA==";

/// A bridge with TLS, whose certificate file can be replaced.
struct Encrypted {
    bridge: Bridge,
    directory: tempfile::TempDir,
}

const NEW_SECRET: &str = "another-client-secret";

impl Encrypted {
    async fn serving() -> Self {
        secrets::keep(FRESH);
        let directory = tempfile::tempdir().unwrap();
        certificate(directory.path());
        let bridge = Bridge::serving_with(dozen(), |config| {
            config.server.tls_cert = Some(directory.path().join("cert.pem"));
            config.server.tls_key = Some(directory.path().join("key.pem"));
        })
        .await;
        Self { bridge, directory }
    }

    fn reload(&self, config: &Config) -> Reloaded {
        self.bridge.app.reload(Ok(config.clone()))
    }

    /// Reloads another certificate, access token and client secret. Returns these settings, and a
    /// client that trusts the new certificate alone.
    fn reload_others(&self) -> (Config, Client) {
        let mut config = self.bridge.config.clone();
        config.intercom.access_token = Some(FRESH.into());
        config.intercom.client_secret = Some(NEW_SECRET.into());
        let trusting = certificate(self.directory.path());
        let taken = self.reload(&config);
        assert_eq!(
            taken.taken,
            [
                "the TLS certificate",
                "the access token of workspace default",
                "the client secret of workspace default"
            ]
        );
        assert!(taken.after_restart.is_empty() && taken.refused.is_empty(), "{taken:?}");
        (config, trusting)
    }

    async fn healthz(&self, client: &Client) -> reqwest::Response {
        let url = format!("https://{}/healthz", self.bridge.app.address());
        client.get(&url).send().await.unwrap()
    }

    /// Sends a webhook with a signature, and returns the status.
    async fn webhook(&self, client: &Client, signature: String) -> StatusCode {
        let url = format!("https://{}/webhooks/intercom/default", self.bridge.app.address());
        let request = client.post(url).header("X-Hub-Signature", signature).body("{}");
        request.send().await.unwrap().status()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_settings_are_applied_once() {
    let encrypted = Encrypted::serving().await;
    let same = encrypted.reload(&encrypted.bridge.config);
    assert_eq!(same, Reloaded::default(), "nothing has changed");
    let (config, trusting) = encrypted.reload_others();
    assert_eq!(encrypted.healthz(&trusting).await.status(), 200, "the new certificate is used");
    assert_eq!(
        encrypted.healthz(&trusting).await.headers()["strict-transport-security"],
        "max-age=31536000"
    );
    let by_previous = encrypted.webhook(&trusting, signature("{}")).await;
    assert_eq!(by_previous, 401, "signed with the previous secret");
    assert_eq!(encrypted.webhook(&trusting, signature_by(NEW_SECRET, "{}")).await, 200);
    assert_eq!(encrypted.reload(&config), Reloaded::default(), "it is applied once");
    encrypted.bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_invalid_settings_change_nothing_in_a_running_bridge() {
    let encrypted = Encrypted::serving().await;
    let (mut config, trusting) = encrypted.reload_others();
    config.intercom.access_token = Some("line\nbreak".into());
    config.intercom.client_secret = None;
    std::fs::write(encrypted.directory.path().join("cert.pem"), "no certificate").unwrap();
    let refused = encrypted.reload(&config);
    assert!(refused.taken.is_empty() && refused.refused.len() == 3, "{refused:?}");
    assert!(
        refused.refused[0].contains("server.tls_cert")
            && refused.refused[0].ends_with("the previous TLS certificate is still used")
    );
    assert!(refused.refused[1].contains("the previous one is still used"), "{refused:?}");
    assert_eq!(encrypted.healthz(&trusting).await.status(), 200);
    assert_eq!(encrypted.webhook(&trusting, signature_by(NEW_SECRET, "{}")).await, 200);
    let unreadable = ConfigError(vec!["server.bind must be an address".to_owned()]);
    let unreadable = encrypted.bridge.app.reload(Err(unreadable));
    assert!(
        unreadable.refused[1].starts_with("server.bind must be an address; no setting was applied")
    );
    encrypted.bridge.stop().await;
}

#[tokio::test]
async fn other_settings_are_named_and_no_value_is_shown() {
    let bridge = Bridge::serving(dozen()).await;
    let read = |more: &[(&str, &str)]| {
        let mut all = vec![
            ("INTERCOM_ACCESS_TOKEN", TOKEN),
            ("INTERCOM_CLIENT_SECRET", "c3c7a1f0-sign-webhooks"),
        ];
        all.extend_from_slice(more);
        Config::load(
            None,
            all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
        .unwrap()
    };
    let base =
        read(&[("INTERCOM_BASE_URL", bridge.config.intercom.base_url.as_ref().unwrap().as_str())]);
    let fresh = read(&[
        ("INTERCOM_BASE_URL", "http://127.0.0.1:9/s3cret"),
        ("BRIDGE_SERVER__BIND", "127.0.0.1:9999"),
        ("DATABASE_URL", "postgres://ada:s3cret@db/bridge"),
    ]);
    let changed = base.fingerprint.changed(&fresh.fingerprint);
    assert_eq!(changed, ["database.url", "intercom.base_url", "server.bind"]);
    assert!(base.fingerprint.changed(&base.clone().fingerprint).is_empty());
    assert!(!format!("{:?}", fresh.fingerprint).contains("s3cret"));
    let said = bridge.app.reload(Ok(fresh));
    for key in ["region, base_url or client_id of workspace default", "database.url", "server.bind"]
    {
        assert!(said.after_restart.iter().any(|named| named == key), "{key}: {said:?}");
    }
    assert!(!format!("{said:?}").contains("s3cret"));
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signal_has_a_running_bridge_read_its_files_again() {
    let simulator = dozen_simulated();
    let port = free_port();
    let shell = shell(&simulator);
    let directory = shell.directory.path().to_owned();
    let file = |name: &str| directory.join(name);
    std::fs::write(file("token"), TOKEN).unwrap();
    std::fs::write(
        file("bridge.toml"),
        "[telemetry]\nlog_level = \"warn\"\n[import]\npoll_interval = \"1h\"\n",
    )
    .unwrap();
    let shell = shell
        .set("BRIDGE_SERVER__BIND", format!("127.0.0.1:{port}"))
        .set("INTERCOM_ACCESS_TOKEN", "")
        .set("INTERCOM_ACCESS_TOKEN_FILE", "token");
    let issued = shell.run(&["token", "issue", "--scope", "import.read", "--ttl", "10m"]);
    let token = secrets::keep(issued.stdout.trim());
    let serving = shell.start(&["serve", "--config", "bridge.toml"]);
    let status = format!("http://127.0.0.1:{port}/api/v1/status");
    answered(&status, &token).await;
    connection(&status, &token, "connected").await;

    // From now on, Intercom accepts only another token.
    secrets::keep(FRESH);
    simulator.change(|workspace| workspace.access_token = FRESH.to_owned());
    std::fs::write(file("token"), "not a token, with blanks").unwrap();
    serving.signal("HUP");
    std::fs::write(file("token"), format!("{FRESH}\n")).unwrap();
    let more = "[telemetry]\nlog_level = \"info,intercom_scim_bridge=debug\"\n[import]\npoll_interval = \"1h\"\n[server]\npublic_url = \"http://127.0.0.1:1\"\n";
    std::fs::write(file("bridge.toml"), more).unwrap();
    // Two signals may arrive as one. Each makes the bridge read the current files.
    serving.signal("HUP");
    until("the bridge calls Intercom with the new token", async || {
        let calls = simulator.take_calls();
        // The bridge tries the new token at once, and Intercom accepts only that one.
        calls.iter().any(|call| call.contains("/me") || call.contains("/admins"))
    })
    .await;
    connection(&status, &token, "connected").await;
    let ended = serving.interrupt();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for said in
        ["the access token of workspace default", "telemetry.log_level", "server.public_url"]
    {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    assert!(
        ended.stderr.contains("request answered"),
        "as much is logged as the file says: {}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("with blanks"));
    simulator.stop().await;
}

/// Waits until the bridge reports this connection to Intercom.
async fn connection(url: &str, token: &str, expected: &str) {
    eventually(&format!("the connection is {expected}"), async || {
        let response = http().get(url).bearer_auth(token).send().await.unwrap();
        let status: Value = response.json().await.unwrap();
        if status["connection"] == json!(expected) { Ok(()) } else { Err(status) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_the_pull_is_applied_without_a_restart() {
    let source = Bridge::serving(dozen()).await;
    let url = source.url("/scim/v2").parse().unwrap();
    let bridge = Bridge::serving_with(dozen(), |config| {
        config.roster.complete = Some(Completeness::Current);
        config.roster_pull.url = Some(url);
        config.roster_pull.token = Some(secrets::keep("not-the-token").into());
        config.roster_pull.interval = Some(Duration::from_millis(1));
    })
    .await;
    let roster = async || bridge.get("/api/v1/roster").await.json();
    until("a pull has failed", async || roster().await["pull_problem"].is_string()).await;
    let mut config = bridge.config.clone();
    config.roster_pull.token = Some(source.token.clone().into());
    let reloaded = bridge.app.reload(Ok(config.clone()));
    assert_eq!(reloaded.taken, ["roster.pull.token"], "{reloaded:?}");
    assert!(reloaded.after_restart.is_empty() && reloaded.refused.is_empty(), "{reloaded:?}");
    assert_eq!(bridge.app.reload(Ok(config.clone())), Reloaded::default(), "it is applied once");
    until("the roster is pulled", async || roster().await["in_force"].is_object()).await;
    config.roster_pull.token = None;
    let refused = bridge.app.reload(Ok(config)).refused;
    assert!(refused[0].starts_with("roster.pull.token is missing"), "{refused:?}");
    bridge.stop().await;
    source.stop().await;
}
