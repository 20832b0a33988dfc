//! Settings: the built-in `config/default.toml`, a file, the environment.
//!
//! Wrong values are found all at once: a value that cannot be read is noted, replaced by its default, and
//! the rest is read on. Every finding names the key, where the value came from, and what is allowed; never
//! the value, which may be a secret.

mod environment;
mod values;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;
use validator::Validate;

use environment::variables;
use values::{
    database_url, header_word, interval, lease, origin_or_empty, plain, region_or_empty, secret_or_empty, url_or_empty,
};

use crate::directory::Names;
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
    #[validate(nested)]
    pub intercom: Intercom,
    /// How imports are made.
    #[validate(nested)]
    pub import: Import,
    /// How fresh answers are.
    pub serve: Serve,
    /// How SCIM is served.
    #[validate(nested)]
    pub scim: Scim,
    /// What is told to operators.
    pub telemetry: Telemetry,
}

/// Section `server`.
#[derive(Clone, Debug, Deserialize, Validate)]
pub struct Server {
    /// Address and port to listen on.
    pub bind: SocketAddr,
    /// Where clients reach the bridge; none for the bind address.
    #[serde(deserialize_with = "origin_or_empty")]
    pub public_url: Option<Url>,
}

/// Section `database`.
#[derive(Clone, Debug, Deserialize)]
pub struct Database {
    /// `sqlite://…` or `postgres://…`; may hold a password.
    #[serde(deserialize_with = "database_url")]
    pub url: SecretString,
}

/// Section `intercom`.
#[derive(Clone, Debug, Deserialize, Validate)]
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
    /// The client secret of the workspace's app, which signs its webhooks; none when it is not set.
    #[serde(deserialize_with = "secret_or_empty")]
    pub client_secret: Option<SecretString>,
    /// Sent as `Intercom-Version`.
    #[serde(deserialize_with = "header_word")]
    #[validate(length(min = 1, max = 20))]
    pub api_version: String,
}

/// Section `import`.
#[derive(Clone, Debug, Deserialize, Validate)]
pub struct Import {
    /// How often changes are looked for.
    #[serde(deserialize_with = "interval")]
    pub poll_interval: Duration,
    /// How often everything is read anew.
    #[serde(deserialize_with = "interval")]
    pub full_interval: Duration,
    /// How long a process that has died keeps others from importing.
    #[serde(deserialize_with = "lease")]
    pub lease: Duration,
    /// In percent.
    #[serde(deserialize_with = "plain")]
    #[validate(range(max = 100))]
    pub max_removals: u8,
    /// In days.
    #[serde(deserialize_with = "plain")]
    #[validate(range(max = 3650))]
    pub activity_lookback_days: u32,
    /// How long those who are gone stay visible, in days.
    #[serde(deserialize_with = "plain")]
    #[validate(range(max = 36500))]
    pub retention_days: u32,
    /// Whether the workspace's machines are users too.
    #[serde(deserialize_with = "plain")]
    pub include_bots: bool,
}

/// Section `serve`.
#[derive(Clone, Debug, Deserialize)]
pub struct Serve {
    /// How old an answer may be before it makes the bridge look for changes.
    #[serde(deserialize_with = "interval")]
    pub max_age: Duration,
    /// Whether every question waits for what Intercom says now.
    #[serde(deserialize_with = "plain")]
    pub read_through: bool,
    /// How long a question waits for that.
    #[serde(deserialize_with = "interval")]
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

/// Section `telemetry`.
#[derive(Clone, Debug, Deserialize)]
pub struct Telemetry {
    /// How log lines look.
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Every key with what it takes.
const KEYS: &[(&str, &str)] = &[
    ("server.bind", "an address and a port, such as 127.0.0.1:8080"),
    ("server.public_url", "an http or https address without a path, such as https://bridge.example.com"),
    (
        "database.url",
        "sqlite://FILE?mode=rwc or postgres://USER:PASSWORD@HOST/NAME, with / ? # and @ of the password percent-encoded",
    ),
    ("intercom.access_token", "the access token of an app in Intercom's Developer Hub"),
    ("intercom.region", "us, eu or au"),
    ("intercom.base_url", "an http or https address, such as https://api.intercom.io"),
    ("intercom.client_secret", "the client secret of an app in Intercom's Developer Hub"),
    ("intercom.api_version", "a version of Intercom's API, such as 2.16"),
    ("import.poll_interval", "a duration of at least one second, such as 30s, 5m or 12h"),
    ("import.full_interval", "a duration of at least one second, such as 12h or 7d"),
    ("import.lease", "a duration from one second to ten minutes, such as 15s"),
    ("import.max_removals", "a whole number from 0 to 100, in percent"),
    ("import.activity_lookback_days", "a whole number from 0 to 3650"),
    ("import.retention_days", "a whole number from 0 to 36500"),
    ("import.include_bots", "true or false"),
    ("serve.max_age", "a duration of at least one second, such as 60s"),
    ("serve.read_through", "true or false"),
    ("serve.max_wait", "a duration of at least one second, such as 10s"),
    ("scim.max_results", "a whole number from 1 to 1000"),
    ("scim.cursor_pagination", "true or false"),
    ("scim.one_word_names", "repeat or given_only"),
    ("telemetry.log_format", "text or json"),
];

/// Everything that is wrong with the settings.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// The built-in settings alone.
    ///
    /// # Errors
    /// None that a test would let pass.
    pub fn defaults() -> Result<Self, ConfigError> {
        Self::load(None, std::iter::empty())
    }

    /// Reads the settings.
    ///
    /// # Errors
    /// All wrong values at once.
    pub fn load(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut wrong = Vec::new();
        let defaults = Figment::from(Toml::string(DEFAULTS));
        let mut figment = defaults.clone();
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        for variable in variables(environment, &mut wrong) {
            figment = figment.merge(variable);
        }
        let config = repair(figment.clone(), &defaults, file, &mut wrong)?;
        wrong.extend(unknown_keys(&figment));
        if let Err(errors) = config.validate() {
            wrong.extend(out_of_range(&figment, &errors));
        }
        wrong.sort();
        if wrong.is_empty() { Ok(config) } else { Err(ConfigError(wrong)) }
    }

    /// How Intercom is reached.
    ///
    /// # Errors
    /// When no access token is set.
    pub fn connection(&self) -> Result<Connection, ConfigError> {
        let access_token = self.intercom.access_token.clone().ok_or_else(|| {
            ConfigError(vec![
                "intercom.access_token is not set; set INTERCOM_ACCESS_TOKEN (or INTERCOM_ACCESS_TOKEN_FILE) to the access token of an \
                 app in Intercom's Developer Hub, or try `intercom-scim-bridge demo`, which needs none"
                    .to_owned(),
            ])
        })?;
        let region = self.intercom.region.unwrap_or(Region::Us);
        let base_url = match &self.intercom.base_url {
            Some(url) => url.clone(),
            None => Url::parse(region.base_url()).map_err(|_| ConfigError(vec![what_is_allowed("intercom.region")]))?,
        };
        Ok(Connection {
            access_token,
            // A base URL of one's own may be in any region, unless one is named too.
            region: self.intercom.region.or(self.intercom.base_url.is_none().then_some(region)),
            base_url,
            api_version: self.intercom.api_version.clone(),
            connect_timeout: limits::INTERCOM_CONNECT_TIMEOUT,
            read_timeout: limits::INTERCOM_READ_TIMEOUT,
        })
    }

    /// Where clients reach the bridge, without a slash at its end.
    #[must_use]
    pub fn public_url(&self) -> String {
        match &self.server.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.server.bind),
        }
    }
}

/// Reads on past wrong values: each is noted and replaced by its default. Bounded by the number of keys.
fn repair(
    mut figment: Figment,
    defaults: &Figment,
    file: Option<&Path>,
    wrong: &mut Vec<String>,
) -> Result<Config, ConfigError> {
    for _ in 0..=KEYS.len() {
        let error = match figment.extract::<Config>() {
            Ok(config) => return Ok(config),
            Err(error) => error,
        };
        let key = error.path.join(".");
        let Some(default) = defaults.find_value(&key).ok().filter(|_| !key.is_empty()) else {
            // Not about one key: a file that is missing or is no TOML.
            let name = file.map_or_else(String::new, |file| file.display().to_string());
            wrong.push(format!("the file {name} that --config names cannot be read: {}", first_line(&error)));
            break;
        };
        wrong.push(finding(&figment, &key));
        figment = figment.merge(Serialized::default(&key, default));
    }
    Err(ConfigError(std::mem::take(wrong)))
}

/// What is wrong with a file and where; the lines after the first would show its content.
fn first_line(error: &figment::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn finding(figment: &Figment, key: &str) -> String {
    format!("{key} (from {}) must be {}", source(figment, key), what_is_allowed(key))
}

fn what_is_allowed(key: &str) -> String {
    KEYS.iter()
        .find(|(known, _)| *known == key)
        .map_or_else(|| "another value".to_owned(), |(_, allowed)| (*allowed).to_owned())
}

fn source(figment: &Figment, key: &str) -> String {
    let Some(metadata) = figment.find_metadata(key) else { return "the configuration".to_owned() };
    match &metadata.source {
        Some(source) => source.to_string(),
        None => metadata.name.to_string(),
    }
}

fn unknown_keys(figment: &Figment) -> Vec<String> {
    let mut unknown = Vec::new();
    for (section, value) in figment.extract::<Dict>().unwrap_or_default() {
        let keys: Vec<String> = match &value {
            Value::Dict(_, keys) => keys.keys().map(|key| format!("{section}.{key}")).collect(),
            _ => vec![section],
        };
        for key in keys.into_iter().filter(|key| KEYS.iter().all(|(known, _)| known != key)) {
            let name = key.rsplit('.').next().unwrap_or_default();
            let meant = KEYS.iter().find(|(known, _)| known.ends_with(&format!(".{name}")));
            let hint = meant.map_or_else(String::new, |(known, _)| format!("; did you mean {known}?"));
            unknown.push(format!("{key} (from {}) is no setting of this bridge{hint}", source(figment, &key)));
        }
    }
    unknown
}

fn out_of_range(figment: &Figment, errors: &validator::ValidationErrors) -> Vec<String> {
    let mut wrong = Vec::new();
    for (section, kind) in errors.errors() {
        if let validator::ValidationErrorsKind::Struct(fields) = kind {
            wrong.extend(fields.errors().keys().map(|field| finding(figment, &format!("{section}.{field}"))));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn load(environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::load(None, environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn the_built_in_settings_are_whole_and_right() {
        let config = Config::defaults().unwrap();
        assert_eq!(config.server.bind.to_string(), "127.0.0.1:8080");
        assert_eq!(config.public_url(), "http://127.0.0.1:8080");
        let Value::Dict(_, sections) = Value::from(Figment::from(Toml::string(DEFAULTS)).extract::<Dict>().unwrap())
        else {
            panic!()
        };
        let keys: usize = sections.values().map(|section| section.as_dict().unwrap().len()).sum();
        assert_eq!(keys, KEYS.len(), "every key is in the file, and has its text");
    }

    #[test]
    fn the_expected_variables_win_over_the_prefixed_ones_and_both_over_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bridge.toml");
        std::fs::write(&file, "[server]\nbind = \"127.0.0.1:1\"\n[scim]\nmax_results = 7\n").unwrap();
        let environment = [
            ("BRIDGE_SERVER__BIND", "127.0.0.1:2"),
            ("BRIDGE_DATABASE__URL", "sqlite://a"),
            ("DATABASE_URL", "sqlite://b"),
            ("BRIDGE_INTERCOM__API_VERSION", "2.10"),
            ("BRIDGE_IMPORT__MAX_REMOVALS", "25"),
            ("INTERCOM_REGION", "EU"),
        ];
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
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
    fn a_secret_can_stand_in_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "dG9rOg==\n").unwrap();
        let config = load(&[("INTERCOM_ACCESS_TOKEN_FILE", file.to_str().unwrap())]).unwrap();
        assert_eq!(config.connection().unwrap().access_token.expose_secret(), "dG9rOg==");
        assert!(!format!("{config:?}").contains("dG9rOg=="));
        let missing = load(&[("INTERCOM_ACCESS_TOKEN_FILE", "/nowhere/token")]).unwrap_err();
        assert!(missing.0[0].contains("INTERCOM_ACCESS_TOKEN_FILE"), "{missing}");
    }

    #[test]
    fn a_file_that_is_missing_or_no_toml_is_named() {
        let missing = Config::load(Some(Path::new("/nowhere/bridge.toml")), std::iter::empty()).unwrap_err();
        assert!(missing.0[0].contains("/nowhere/bridge.toml"), "{missing}");
    }

    #[test]
    fn the_region_is_checked_unless_only_an_address_is_given() {
        let token = ("INTERCOM_ACCESS_TOKEN", "t");
        assert!(load(&[]).unwrap().connection().is_err());
        assert_eq!(load(&[token]).unwrap().connection().unwrap().region, Some(Region::Us));
        let own = load(&[token, ("INTERCOM_BASE_URL", "http://127.0.0.1:9")]).unwrap().connection().unwrap();
        assert_eq!((own.region, own.base_url.as_str()), (None, "http://127.0.0.1:9/"));
    }
}
