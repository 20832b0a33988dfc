//! The settings: from the built-in `config/default.toml`, a file, and the environment.
//!
//! All wrong values are reported at once: a value that cannot be read is recorded as a finding and
//! replaced by its default, and reading continues. Every finding names the key, the source of the
//! value, and what is allowed. It never contains the value, which may be a secret.

mod environment;
mod findings;
mod fingerprint;
mod lists;
mod reference;
mod values;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format, Toml};
use ipnet::IpNet;
use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;
use validator::Validate;

use environment::variables;
pub use environment::{open_to_others, wrong_log_filter};
use findings::{out_of_range, repair, source, unknown_keys, unreadable, what_is_allowed};
pub use fingerprint::Fingerprint;
pub use lists::{Issuer, WorkspaceConfig};
pub use reference::reference;
use values::{
    address_or_empty, api_version, client_id_or_empty, database_url, drain, erase_removed_after,
    file_or_empty, full_interval, lease, log_level_or_empty, loss_window, max_age, max_wait,
    networks, origin_or_empty, percent_or_empty, plain, poll_interval, region_or_empty,
    request_expiry, sealing_key_or_empty, secret_or_empty, texts, token_ttl, url_or_empty,
};
pub use values::{is_local, origin};

use crate::directory::{DEFAULT_WORKSPACE, Names};
use crate::intercom::{Connection, Region};
use crate::limits;

const DEFAULTS: &str = include_str!("../../config/default.toml");

/// All settings.
#[derive(Clone, Debug, Deserialize, Validate)]
pub struct Config {
    /// Where the bridge listens.
    #[validate(nested)]
    pub server: Server,
    /// Where the ledger is.
    pub database: Database,
    /// How Intercom is reached.
    pub intercom: Intercom,
    /// How imports are made.
    #[validate(nested)]
    pub import: Import,
    /// How fresh answers are.
    pub serve: Serve,
    /// How SCIM is served.
    #[validate(nested)]
    pub scim: Scim,
    /// What reviews of access look at.
    pub reviews: Reviews,
    /// Who may ask.
    #[validate(nested)]
    pub access: Access,
    /// How much may be asked.
    #[validate(nested)]
    pub limits: Limits,
    /// What is told to operators.
    pub telemetry: Telemetry,
    /// `[[workspaces]]`, as they are written; see [`Config::workspaces`].
    #[serde(skip)]
    pub listed_workspaces: Vec<WorkspaceConfig>,
    /// What is odd and does not stop the start.
    #[serde(skip)]
    pub warnings: Vec<String>,
    /// Tells which settings differ from those of another reading.
    #[serde(skip)]
    pub fingerprint: Fingerprint,
}

/// Section `server`.
#[derive(Clone, Debug, Deserialize, Validate)]
pub struct Server {
    /// Address and port to listen on.
    pub bind: SocketAddr,
    /// Where clients reach the bridge; none for the bind address.
    #[serde(deserialize_with = "origin_or_empty")]
    pub public_url: Option<Url>,
    /// Certificates, as PEM; none for plain HTTP.
    #[serde(deserialize_with = "file_or_empty")]
    pub tls_cert: Option<PathBuf>,
    /// The private key, as PEM.
    #[serde(deserialize_with = "file_or_empty")]
    pub tls_key: Option<PathBuf>,
    /// Who may say with `X-Forwarded-…` from where a request came.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Where probes and metrics are answered as well; none for the bind address alone.
    #[serde(deserialize_with = "address_or_empty")]
    pub ops_bind: Option<SocketAddr>,
    /// How long a bridge that is asked to stop goes on and tells its clients that it goes; none for
    /// not at all.
    #[serde(deserialize_with = "drain")]
    pub drain: Option<Duration>,
}

/// Section `access`.
#[derive(Clone, Debug, Deserialize, Validate)]
pub struct Access {
    /// Seals the secrets that the ledger keeps; none for one in a file beside the database.
    #[serde(deserialize_with = "sealing_key_or_empty")]
    pub encryption_key: Option<SecretString>,
    /// What they were sealed with before.
    #[serde(deserialize_with = "sealing_key_or_empty")]
    pub previous_encryption_key: Option<SecretString>,
    /// How long the tokens are good that OAuth clients get.
    #[serde(deserialize_with = "token_ttl")]
    pub token_ttl: Duration,
    /// How long the audit trail is kept, in days.
    #[serde(deserialize_with = "plain")]
    #[validate(range(min = 1, max = 36500))]
    pub audit_retention_days: u32,
    /// Whose tokens are taken too.
    #[serde(skip)]
    pub issuers: Vec<Issuer>,
}

/// Section `limits`.
#[derive(Clone, Debug, Deserialize, Validate)]
pub struct Limits {
    /// For each client; 0 for any number.
    #[serde(deserialize_with = "plain")]
    #[validate(range(max = 1_000_000))]
    pub requests_per_second: u32,
    /// At once, after a rest; 0 for any number.
    #[serde(deserialize_with = "plain")]
    #[validate(range(max = 1_000_000))]
    pub burst: u32,
    /// At a time, of all clients.
    #[serde(deserialize_with = "plain")]
    #[validate(range(min = 1, max = 1_000_000))]
    pub max_connections: usize,
    /// How long a request may wait for a person; none for any time.
    #[serde(deserialize_with = "request_expiry")]
    pub request_expiry: Option<Duration>,
    /// Of one address, which is no trusted proxy's; 0 for any number.
    #[serde(deserialize_with = "plain")]
    #[validate(range(max = 1_000_000))]
    pub max_connections_per_address: usize,
    /// At a time, of all clients.
    #[serde(deserialize_with = "plain")]
    #[validate(range(min = 1, max = 1_000))]
    pub max_exports: usize,
}

/// Section `database`.
#[derive(Clone, Debug, Deserialize)]
pub struct Database {
    /// `sqlite://…` or `postgres://…`; may hold a password.
    #[serde(deserialize_with = "database_url")]
    pub url: SecretString,
}

/// Section `intercom`.
#[derive(Clone, Debug, Deserialize)]
pub struct Intercom {
    /// The token of the workspace's app; none when it is not set.
    #[serde(deserialize_with = "secret_or_empty")]
    pub access_token: Option<SecretString>,
    /// Where the workspace is hosted, if somebody said so.
    #[serde(deserialize_with = "region_or_empty")]
    pub region: Option<Region>,
    /// Root of the API, if it is not the region's.
    #[serde(deserialize_with = "url_or_empty")]
    pub base_url: Option<Url>,
    /// The client id of the app through which workspaces are connected; none when it is not set.
    #[serde(deserialize_with = "client_id_or_empty")]
    pub client_id: Option<String>,
    /// The client secret of the workspace's app, which signs its webhooks; none when it is not set.
    #[serde(deserialize_with = "secret_or_empty")]
    pub client_secret: Option<SecretString>,
    /// Sent as `Intercom-Version`.
    #[serde(deserialize_with = "api_version")]
    pub api_version: String,
}

/// Section `import`.
#[derive(Clone, Debug, Deserialize, Validate)]
pub struct Import {
    /// How often changes are looked for; none for never by the clock.
    #[serde(deserialize_with = "poll_interval")]
    pub poll_interval: Option<Duration>,
    /// How often everything is read anew; none for never by the clock.
    #[serde(deserialize_with = "full_interval")]
    pub full_interval: Option<Duration>,
    /// How long a process that has died keeps others from importing.
    #[serde(deserialize_with = "lease")]
    pub lease: Duration,
    /// In percent.
    #[serde(deserialize_with = "plain")]
    #[validate(range(max = 100))]
    pub max_removals: u8,
    /// In percent; none for the share of people.
    #[serde(deserialize_with = "percent_or_empty")]
    pub max_team_removals: Option<u8>,
    /// See [`Import::max_team_removals`].
    #[serde(deserialize_with = "percent_or_empty")]
    pub max_membership_removals: Option<u8>,
    /// See [`Import::max_team_removals`].
    #[serde(deserialize_with = "percent_or_empty")]
    pub max_role_losses: Option<u8>,
    /// See [`Import::max_team_removals`].
    #[serde(deserialize_with = "percent_or_empty")]
    pub max_seat_losses: Option<u8>,
    /// See [`Import::max_team_removals`].
    #[serde(deserialize_with = "percent_or_empty")]
    pub max_identifier_losses: Option<u8>,
    /// So many always pass.
    #[serde(deserialize_with = "plain")]
    #[validate(range(max = 100_000))]
    pub small_losses: usize,
    /// How long losses add up.
    #[serde(deserialize_with = "loss_window")]
    pub loss_window: Duration,
    /// In days.
    #[serde(deserialize_with = "plain")]
    #[validate(range(max = 3650))]
    pub activity_lookback_days: u32,
    /// How long those who are gone stay visible, in days.
    #[serde(deserialize_with = "plain")]
    #[validate(range(max = 36500))]
    pub retention_days: u32,
    /// After how long the personal data of those who are gone is erased; none for never.
    #[serde(deserialize_with = "erase_removed_after")]
    pub erase_removed_after: Option<Duration>,
    /// Whether the workspace's machines are users too.
    #[serde(deserialize_with = "plain")]
    pub include_bots: bool,
}

/// Section `serve`.
#[derive(Clone, Debug, Deserialize)]
pub struct Serve {
    /// How old an answer may be before it makes the bridge look for changes; none for any age.
    #[serde(deserialize_with = "max_age")]
    pub max_age: Option<Duration>,
    /// Whether every question waits for what Intercom says now.
    #[serde(deserialize_with = "plain")]
    pub read_through: bool,
    /// How long a question waits for that.
    #[serde(deserialize_with = "max_wait")]
    pub max_wait: Duration,
}

/// Section `scim`.
#[derive(Clone, Debug, Deserialize, Validate)]
pub struct Scim {
    /// Largest page.
    #[serde(deserialize_with = "plain")]
    #[validate(range(min = 1, max = 1000))]
    pub max_results: u32,
    /// Whether clients may walk over lists by cursor.
    #[serde(deserialize_with = "plain")]
    pub cursor_pagination: bool,
    /// How names of one word are split.
    pub one_word_names: Names,
}

/// Section `reviews`.
#[derive(Clone, Debug, Deserialize)]
pub struct Reviews {
    /// Names of roles whose holders are privileged; the case of letters does not matter.
    #[serde(deserialize_with = "texts")]
    pub privileged_roles: Vec<String>,
}

/// Section `telemetry`.
#[derive(Clone, Debug, Deserialize)]
pub struct Telemetry {
    /// How much is logged where `RUST_LOG` does not say so: a level, or modules with levels; none
    /// for the usual.
    #[serde(deserialize_with = "log_level_or_empty")]
    pub log_level: Option<String>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Where spans go, by OTLP over HTTP; none for nowhere.
    #[serde(deserialize_with = "url_or_empty")]
    pub otlp_endpoint: Option<Url>,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// All findings about wrong settings.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Returns the built-in settings.
    ///
    /// # Errors
    /// None: a test checks the built-in settings.
    pub fn defaults() -> Result<Self, ConfigError> {
        Self::load(None, std::iter::empty())
    }

    /// Reads the settings from the file and the environment.
    ///
    /// # Errors
    /// All findings about wrong values.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut wrong = Vec::new();
        let defaults = Figment::from(Toml::string(DEFAULTS));
        let mut figment = defaults.clone();
        if let Some(file) = file {
            match unreadable(file) {
                // Continue, so that wrong values in the environment are reported too.
                Some(why) => wrong.push(why),
                None => figment = figment.merge(Toml::file_exact(file)),
            }
        }
        let environment: Vec<(String, String)> = environment.collect();
        let log = environment.iter().find(|(name, _)| name == "RUST_LOG");
        wrong.extend(log.and_then(|(_, filter)| wrong_log_filter(filter)));
        let mut warnings = Vec::new();
        for variable in variables(environment.into_iter(), &mut wrong, &mut warnings) {
            figment = figment.merge(variable);
        }
        let mut config: Self = repair(figment.clone(), &defaults, &mut wrong)?;
        wrong.extend(unknown_keys(&figment));
        if let Err(errors) = config.validate() {
            wrong.extend(out_of_range(&figment, &errors));
        }
        config.listed_workspaces = lists::workspaces(&figment, &mut wrong, &mut warnings);
        if config.intercom.access_token.is_some()
            && config.listed_workspaces.iter().any(|listed| listed.name == DEFAULT_WORKSPACE)
        {
            wrong.push(format!(
                "intercom.access_token (from {}) and a table of [[workspaces]] are both for the workspace default; take one out",
                source(&figment, "intercom.access_token")
            ));
        }
        let names: Vec<String> =
            config.workspaces().into_iter().map(|workspace| workspace.name).collect();
        config.access.issuers = lists::issuers(&figment, &names, &mut wrong);
        if config.server.tls_cert.is_some() != config.server.tls_key.is_some() {
            wrong.push(
                "server.tls_cert and server.tls_key go together: set both, or neither".to_owned(),
            );
        }
        warnings.extend(
            config
                .server
                .tls_key
                .as_deref()
                .and_then(|file| open_to_others(file, "server.tls_key")),
        );
        if let Some(file) = file
            && environment::SECRETS
                .iter()
                .any(|key| source(&figment, key) == file.display().to_string())
        {
            warnings.extend(open_to_others(file, "--config, which has a secret in it,"));
        }
        let kept = Duration::from_hours(24) * config.import.retention_days;
        if config.import.erase_removed_after.is_some_and(|after| after < kept) {
            warnings.push(
                "import.erase_removed_after is shorter than import.retention_days: clients that come late see removed teammates \
                 by id alone"
                    .to_owned(),
            );
        }
        config.warnings = warnings;
        config.fingerprint = Fingerprint::of(&figment);
        wrong.sort();
        if wrong.is_empty() { Ok(config) } else { Err(ConfigError(wrong)) }
    }

    /// Returns all workspaces: those of `[[workspaces]]`, and the one that section `intercom`
    /// describes. Values that a table omits are taken from that section, except the token.
    #[must_use]
    pub fn workspaces(&self) -> Vec<WorkspaceConfig> {
        let plain = WorkspaceConfig {
            name: DEFAULT_WORKSPACE.to_owned(),
            access_token: self.intercom.access_token.clone(),
            region: self.intercom.region,
            base_url: self.intercom.base_url.clone(),
            client_id: self.intercom.client_id.clone(),
            client_secret: self.intercom.client_secret.clone(),
        };
        let mut all: Vec<WorkspaceConfig> =
            self.listed_workspaces.iter().map(|listed| listed.or(&plain)).collect();
        let listed = all.iter().any(|workspace| workspace.name == DEFAULT_WORKSPACE);
        if !listed && (all.is_empty() || plain.access_token.is_some()) {
            all.insert(0, plain);
        }
        all
    }

    /// Returns the settings for reaching a workspace's Intercom API.
    ///
    /// # Errors
    /// If the workspace has neither an access token nor an app by which it could be connected.
    pub fn connection(&self, workspace: &WorkspaceConfig) -> Result<Connection, ConfigError> {
        if workspace.access_token.is_none() && !workspace.can_be_connected() {
            let what = if workspace.name == DEFAULT_WORKSPACE && self.listed_workspaces.is_empty() {
                "intercom.access_token is not set; set INTERCOM_ACCESS_TOKEN (or INTERCOM_ACCESS_TOKEN_FILE)".to_owned()
            } else {
                format!(
                    "workspaces[{}].access_token is not set; set it (or access_token_file)",
                    workspace.name
                )
            };
            return Err(ConfigError(vec![format!(
                "{what} to the access token of an app in Intercom's Developer Hub, or client_id and client_secret to those of \
                 an app and run `intercom-scim-bridge connect`; or try `intercom-scim-bridge demo`, which needs none"
            )]));
        }
        let region = workspace.region.unwrap_or(Region::Us);
        let base_url = match &workspace.base_url {
            Some(url) => url.clone(),
            None => Url::parse(region.base_url())
                .map_err(|_| ConfigError(vec![what_is_allowed("intercom.region")]))?,
        };
        Ok(Connection {
            access_token: workspace.access_token.clone(),
            // A custom base URL may be in any region, so no region is expected unless one is
            // configured too.
            region: workspace.region.or(workspace.base_url.is_none().then_some(region)),
            base_url,
            api_version: self.intercom.api_version.clone(),
            connect_timeout: limits::INTERCOM_CONNECT_TIMEOUT,
            read_timeout: limits::INTERCOM_READ_TIMEOUT,
        })
    }

    /// Returns the public URL of the bridge, without a trailing slash.
    #[must_use]
    pub fn public_url(&self) -> String {
        match &self.server.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => self.url_of(self.server.bind),
        }
    }

    /// Returns the URL of the bridge when it listens on this address. The unspecified address
    /// includes loopback, and `http://0.0.0.0` is not a valid target, so it becomes the loopback
    /// address.
    #[must_use]
    pub fn url_of(&self, mut address: SocketAddr) -> String {
        match address {
            SocketAddr::V4(all) if all.ip().is_unspecified() => {
                address.set_ip(Ipv4Addr::LOCALHOST.into())
            }
            SocketAddr::V6(all) if all.ip().is_unspecified() => {
                address.set_ip(Ipv6Addr::LOCALHOST.into())
            }
            _ => {}
        }
        format!("{}://{address}", if self.server.tls_cert.is_some() { "https" } else { "http" })
    }
}

#[cfg(test)]
mod tests {
    use figment::value::{Dict, Value};
    use secrecy::ExposeSecret;

    use super::findings::KEYS;
    use super::*;

    fn connection(config: &Config) -> Result<Connection, ConfigError> {
        config.connection(&config.workspaces()[0])
    }

    fn load(environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::load(
            None,
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn the_built_in_settings_are_whole_and_right() {
        let config = Config::defaults().unwrap();
        assert_eq!(config.server.bind.to_string(), "127.0.0.1:8080");
        assert_eq!(config.public_url(), "http://127.0.0.1:8080");
        let Value::Dict(_, sections) =
            Value::from(Figment::from(Toml::string(DEFAULTS)).extract::<Dict>().unwrap())
        else {
            panic!()
        };
        let keys: usize = sections.values().map(|section| section.as_dict().unwrap().len()).sum();
        let (listed, plain): (Vec<&str>, Vec<&str>) =
            KEYS.iter().map(|(key, _)| *key).partition(|key| key.contains("[]"));
        assert_eq!(keys, plain.len(), "every key is in the file, and has its text");
        for key in listed {
            let (list, name) = key.split_once("[].").unwrap();
            // The finding about a secret from a file names the file.
            let shown =
                [format!("# {name} = "), format!("# {name}_file = "), format!("[{list}.{name}]")];
            assert!(shown.iter().any(|line| DEFAULTS.contains(line)), "{key} is in the file");
        }
    }

    #[test]
    fn the_expected_variables_win_over_the_prefixed_ones_and_both_over_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bridge.toml");
        std::fs::write(&file, "[server]\nbind = \"127.0.0.1:1\"\n[scim]\nmax_results = 7\n")
            .unwrap();
        let environment = [
            ("BRIDGE_SERVER__BIND", "127.0.0.1:2"),
            ("BRIDGE_DATABASE__URL", "sqlite://a"),
            ("DATABASE_URL", "sqlite://b"),
            ("BRIDGE_INTERCOM__API_VERSION", "2.10"),
            ("BRIDGE_IMPORT__MAX_REMOVALS", "25"),
            ("INTERCOM_REGION", "EU"),
        ];
        let environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = Config::load(Some(&file), environment).unwrap();
        assert_eq!(config.server.bind.port(), 2);
        assert_eq!(config.database.url.expose_secret(), "sqlite://b");
        assert_eq!(config.scim.max_results, 7);
        assert_eq!(config.intercom.api_version, "2.10");
        assert_eq!(config.import.max_removals, 25);
        assert_eq!(config.intercom.region, Some(Region::Eu));
    }

    #[test]
    fn all_wrong_values_are_found_at_once_each_with_its_source_and_what_is_allowed() {
        let wrong = load(&[
            ("BRIDGE_SERVER__BIND", "everywhere"),
            ("DATABASE_URL", "mysql://root:sesame@db"),
            ("INTERCOM_REGION", "mars"),
            ("BRIDGE_IMPORT__MAX_REMOVALS", "200"),
            ("BRIDGE_IMPORT__POLL_INTERVAL", "often"),
            ("BRIDGE_SCIM__MAX_RESULTS", "0"),
            ("BRIDGE_SERVER__BINDING", "127.0.0.1:1"),
            ("BRIDGE_SERVER_BIND", "127.0.0.1:1"),
            ("BRIDGE_SERVER__BIND_FILE", "/nowhere"),
            ("BRIDGE_SERVER__PUBLIC_URL", "https://ada:sesame@bridge.example"),
            ("BRIDGE_INTERCOM__API_VERSION", "2\n16"),
            ("BRIDGE_SERVER__POLL_INTERVAL", "1m"),
        ]);
        let message = wrong.unwrap_err().to_string();
        assert!(!message.contains("sesame") && !message.contains("mars"), "no value is repeated");
        insta::assert_snapshot!(message);
    }

    #[test]
    fn every_duration_has_a_range_and_some_can_be_off() {
        let variable = |key: &str| format!("BRIDGE_{}", key.to_uppercase().replace('.', "__"));
        for (key, least, most, can_be_off) in [
            ("import.poll_interval", "1s", "30d", true),
            ("import.full_interval", "1s", "365d", true),
            ("import.lease", "1s", "10m", false),
            ("server.drain", "1s", "5m", true),
            ("serve.max_age", "1s", "365d", true),
            ("serve.max_wait", "1s", "5m", false),
            ("access.token_ttl", "1s", "24h", false),
        ] {
            for fine in [least, most] {
                assert!(load(&[(&variable(key), fine)]).is_ok(), "{key} = {fine}");
            }
            let more = format!("{most} 1s");
            for wrong in [
                "0s",
                "999ms",
                &more,
                "9999y",
                "18446744073709551615s",
                "99999999999999999999y",
                "-5m",
                "5",
            ] {
                let error = load(&[(&variable(key), wrong)]).unwrap_err().to_string();
                assert!(
                    error.starts_with(&format!("{key} (from environment variable ")),
                    "{wrong}: {error}"
                );
                assert!(error.contains("a duration from one second to "), "{error}");
            }
            for off in ["off", "Off", " OFF "] {
                assert_eq!(load(&[(&variable(key), off)]).is_ok(), can_be_off, "{key} = {off}");
            }
        }
        let off =
            load(&[("BRIDGE_IMPORT__POLL_INTERVAL", "off"), ("BRIDGE_SERVE__MAX_AGE", "off")])
                .unwrap();
        assert_eq!((off.import.poll_interval, off.serve.max_age), (None, None));
    }

    #[test]
    fn a_secret_can_stand_in_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "dG9rOg==\n").unwrap();
        let config = load(&[("INTERCOM_ACCESS_TOKEN_FILE", file.to_str().unwrap())]).unwrap();
        assert_eq!(connection(&config).unwrap().access_token.unwrap().expose_secret(), "dG9rOg==");
        assert!(!format!("{config:?}").contains("dG9rOg=="));
        let missing = load(&[("INTERCOM_ACCESS_TOKEN_FILE", "/nowhere/token")]).unwrap_err();
        assert!(missing.0[0].contains("INTERCOM_ACCESS_TOKEN_FILE"), "{missing}");
    }

    #[test]
    fn a_file_that_is_missing_or_no_toml_is_named() {
        let missing =
            Config::load(Some(Path::new("/nowhere/bridge.toml")), std::iter::empty()).unwrap_err();
        assert!(missing.0[0].contains("/nowhere/bridge.toml"), "{missing}");
    }

    #[test]
    fn a_version_of_the_api_and_a_client_id_are_what_intercom_has() {
        for (version, read) in [
            ("2.0", "2.0"),
            ("2.18", "2.18"),
            (" 2.9 ", "2.9"),
            ("preview", "Preview"),
            ("Unstable", "Unstable"),
        ] {
            let config = load(&[("BRIDGE_INTERCOM__API_VERSION", version)]).unwrap();
            assert_eq!(config.intercom.api_version, read);
        }
        for version in
            ["2", "2.", "2.x", "v2.16", "1.4", "3.0", "2.160", "2.1.6", "latest", "2 16", "-"]
        {
            let wrong = load(&[("BRIDGE_INTERCOM__API_VERSION", version)]).unwrap_err();
            assert!(wrong.0[0].starts_with("intercom.api_version"), "{version}: {wrong}");
        }
        for id in ["f1c3a5c0-0000-4000-8000-3b1d6c8f9a20", "app_1.x"] {
            assert_eq!(
                load(&[("INTERCOM_CLIENT_ID", id)]).unwrap().intercom.client_id.as_deref(),
                Some(id)
            );
        }
        for id in ["<client id>", "a b", "id?x=1", "…", &"x".repeat(200)] {
            let wrong = load(&[("INTERCOM_CLIENT_ID", id)]).unwrap_err();
            assert!(wrong.0[0].starts_with("intercom.client_id"), "{id}: {wrong}");
        }
        for key in ["nonsense", "dG9vIHNob3J0", "ключ"] {
            let wrong = load(&[("BRIDGE_ACCESS__ENCRYPTION_KEY", key)]).unwrap_err();
            assert!(wrong.0[0].starts_with("access.encryption_key"), "{key}: {wrong}");
        }
    }

    #[test]
    fn how_much_is_logged_is_a_level_or_modules_with_levels_and_never_a_word_that_means_nothing() {
        for filter in [
            "",
            "info",
            "DEBUG",
            "off",
            "3",
            "info,sqlx=warn",
            "intercom_scim_bridge",
            "warn,intercom_scim_bridge::http=trace",
        ] {
            assert_eq!(wrong_log_filter(filter), None, "{filter}");
            assert!(load(&[("BRIDGE_TELEMETRY__LOG_LEVEL", filter)]).is_ok(), "{filter}");
        }
        for filter in
            ["verbose", "info,debgu", "info=", "sqlx=loud", "=info", "[", "everything please"]
        {
            assert!(wrong_log_filter(filter).is_some(), "{filter}");
            let error = load(&[("BRIDGE_TELEMETRY__LOG_LEVEL", filter)]).unwrap_err().to_string();
            assert!(error.starts_with("telemetry.log_level"), "{error}");
        }
    }

    #[test]
    fn a_key_that_is_nearly_one_is_named_and_anything_else_is_not_guessed_at() {
        let said = |key: &str| load(&[(key, "x")]).unwrap_err().to_string();
        for (variable, meant) in [
            ("BRIDGE_IMPORT__POLL_INTERVALL", "import.poll_interval"),
            ("BRIDGE_SEVER__BIND", "server.bind"),
            ("BRIDGE_SCIM__POLL_INTERVAL", "import.poll_interval"),
            ("BRIDGE_ACCESS__TOKEN_TLT", "access.token_ttl"),
            ("BRIDGE_SERVER_PUBLIC_URL", "BRIDGE_SERVER__PUBLIC_URL"),
        ] {
            assert!(
                said(variable).contains(&format!("did you mean {meant}?")),
                "{}",
                said(variable)
            );
        }
        assert!(
            !said("BRIDGE_SERVER__WATERMELON").contains("did you mean"),
            "{}",
            said("BRIDGE_SERVER__WATERMELON")
        );
        let close = load(&[("INTERCOM_ACESS_TOKEN", "x"), ("INTERCOM_WEATHER", "y")]).unwrap();
        assert_eq!(close.warnings.len(), 1, "{:?}", close.warnings);
    }

    #[test]
    fn the_region_is_checked_unless_only_an_address_is_given() {
        let token = ("INTERCOM_ACCESS_TOKEN", "t");
        assert!(connection(&load(&[]).unwrap()).is_err());
        assert_eq!(connection(&load(&[token]).unwrap()).unwrap().region, Some(Region::Us));
        let own = connection(&load(&[token, ("INTERCOM_BASE_URL", "http://127.0.0.1:9")]).unwrap())
            .unwrap();
        assert_eq!((own.region, own.base_url.as_str()), (None, "http://127.0.0.1:9/"));
    }

    fn from_file(text: &str) -> Result<Config, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bridge.toml");
        std::fs::write(&file, text).unwrap();
        let loaded = Config::load(Some(&file), std::iter::empty());
        loaded.map_err(|ConfigError(wrong)| {
            let place = directory.path().display().to_string();
            ConfigError(wrong.into_iter().map(|finding| finding.replace(&place, "")).collect())
        })
    }

    #[test]
    fn workspaces_take_from_the_section_intercom_what_they_leave_out_but_for_the_token() {
        let listed = r#"
            [intercom]
            region = "eu"
            client_id = "app"
            client_secret = "sesame"
            [[workspaces]]
            name = "emea"
            access_token = "a"
            [[workspaces]]
            name = "us-sales"
            region = "us"
            client_id = "other"
        "#;
        let config = from_file(listed).unwrap();
        let all = config.workspaces();
        let seen = all
            .iter()
            .map(|one| (one.name.as_str(), one.region.unwrap(), one.client_id.as_deref().unwrap()));
        assert_eq!(
            seen.collect::<Vec<_>>(),
            [("emea", Region::Eu, "app"), ("us-sales", Region::Us, "other")]
        );
        assert!(
            all[0].access_token.is_some()
                && all[1].access_token.is_none()
                && all[1].can_be_connected()
        );
        assert!(all.iter().all(|one| config.connection(one).is_ok()));
        assert!(!format!("{config:?}").contains("sesame"));
        let with_default =
            from_file(&listed.replace("client_id = \"app\"", "access_token = \"d\"")).unwrap();
        assert_eq!(with_default.workspaces()[0].name, "default");
    }

    #[test]
    fn issuers_are_read_with_what_is_usual_where_they_say_nothing() {
        let config = from_file(
            r#"
            [[access.issuers]]
            issuer = "https://login.example/"
            jwks_url = "https://login.example/keys"
            audience = "bridge"
            [access.issuers.scopes]
            auditor = "scim.read import.read"
            [[access.issuers]]
            issuer = "https://other.example/"
            jwks_url = "http://127.0.0.1:9/keys"
            audience = ["a", "b"]
            algorithms = ["ES256"]
            leeway = "5s"
        "#,
        )
        .unwrap();
        let [first, second] = &config.access.issuers[..] else { panic!("two") };
        assert_eq!(
            (first.algorithms.len(), first.leeway, first.scope_claim.as_str()),
            (3, Duration::from_secs(30), "scope")
        );
        assert_eq!(first.scopes["auditor"].len(), 2);
        assert_eq!(
            (second.audiences.len(), second.algorithms.len(), second.scopes.len()),
            (2, 1, 0)
        );
    }

    #[test]
    fn all_that_is_wrong_in_lists_is_found_too() {
        let wrong = from_file(
            r#"
            [server]
            tls_cert = "cert.pem"
            trusted_proxies = ["everybody"]
            [access]
            token_ttl = "2d"
            [[workspaces]]
            name = "EMEA"
            region = "mars"
            token = "sesame"
            [[workspaces]]
            name = "a"
            access_token = "x"
            access_token_file = "/nowhere"
            client_secret_file = "/nowhere"
            [[workspaces]]
            name = "a"
            [[workspaces]]
            region = "us"
            [[access.issuers]]
            issuer = "https://login.example/"
            jwks_url = "http://login.example/keys"
            algorithms = ["HS256"]
            leeway = "1h"
            workspaces = ["b"]
            [access.issuers.scopes]
            auditor = "scim.raed"
        "#,
        );
        let message = wrong.unwrap_err().to_string();
        assert!(!message.contains("sesame"));
        insta::assert_snapshot!(message);
    }

    #[test]
    fn a_section_that_is_none_hides_nothing_else_that_is_wrong() {
        let wrong = from_file(
            "server = 3\n[[workspaces]]\nname = \"a\"\nacess_token = \"x\"\n[scim]\nmax_results = 0\n",
        );
        let message = wrong.unwrap_err().to_string();
        for expected in [
            "must be a section with keys in it, [server]",
            "workspaces[1].acess_token is no setting of this bridge; did you mean workspaces.access_token?",
            "scim.max_results",
        ] {
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_in_a_file_that_others_can_read_is_warned_of() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "dG9rOg==\n").unwrap();
        for (mode, warned) in [(0o600, 0), (0o440, 0), (0o400, 0), (0o644, 1), (0o660, 1)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let config = load(&[("INTERCOM_ACCESS_TOKEN_FILE", file.to_str().unwrap())]).unwrap();
            assert_eq!(config.warnings.len(), warned, "{mode:o}");
            assert!(config.warnings.iter().all(|warning| warning.contains("chmod 600")));
        }
    }
}
