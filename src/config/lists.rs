//! The settings that are lists of tables: `[[workspaces]]` and `[[access.issuers]]`.

use std::collections::BTreeMap;
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};

use super::ConfigError;
use super::environment::secret_in;
use super::findings::{KEYS, meant, repair, source, what_is_allowed};
use super::values::{
    client_id_or_empty, is_local, leeway, region_or_empty, secret_or_empty, text_or_empty, texts,
    url_or_empty,
};
use crate::access::{Scope, SigningAlgorithm};
use crate::intercom::Region;

/// The settings of one workspace.
#[derive(Clone, Debug)]
pub struct WorkspaceConfig {
    /// The name in paths and tokens.
    pub name: String,
    /// The access token of its app; `None` if it is connected by OAuth.
    pub access_token: Option<SecretString>,
    /// The region that hosts it, if configured.
    pub region: Option<Region>,
    /// The root of the API, if it is not that of the region.
    pub base_url: Option<Url>,
    /// The client id of the app by which it is connected.
    pub client_id: Option<String>,
    /// The client secret of that app, which also signs its webhooks.
    pub client_secret: Option<SecretString>,
}

impl WorkspaceConfig {
    /// Whether the settings have an app by which it can be connected.
    #[must_use]
    pub fn can_be_connected(&self) -> bool {
        self.client_id.is_some() && self.client_secret.is_some()
    }

    /// Fills missing values from another workspace.
    pub(super) fn or(&self, other: &Self) -> Self {
        let named_place = self.region.is_some() || self.base_url.is_some();
        Self {
            region: if named_place { self.region } else { other.region },
            base_url: if named_place { self.base_url.clone() } else { other.base_url.clone() },
            client_id: self.client_id.clone().or_else(|| other.client_id.clone()),
            client_secret: self.client_secret.clone().or_else(|| other.client_secret.clone()),
            ..self.clone()
        }
    }
}

/// A trusted issuer; see [`crate::access::TrustedIssuer`].
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "they are those of `TrustedIssuer`")]
pub struct Issuer {
    #[serde(deserialize_with = "required")]
    pub issuer: String,
    #[serde(deserialize_with = "jwks_url")]
    pub jwks_url: Url,
    #[serde(rename = "audience", deserialize_with = "some_texts")]
    pub audiences: Vec<String>,
    #[serde(deserialize_with = "algorithms")]
    pub algorithms: Vec<SigningAlgorithm>,
    #[serde(deserialize_with = "leeway")]
    pub leeway: Duration,
    #[serde(deserialize_with = "required")]
    pub subject_claim: String,
    #[serde(deserialize_with = "required")]
    pub scope_claim: String,
    #[serde(deserialize_with = "scopes")]
    pub scopes: BTreeMap<String, Vec<Scope>>,
    #[serde(deserialize_with = "some_texts")]
    pub workspaces: Vec<String>,
}

/// One table of `[[workspaces]]`, as it is written.
#[derive(Deserialize)]
struct WorkspaceTable {
    #[serde(deserialize_with = "workspace_name")]
    name: String,
    #[serde(deserialize_with = "secret_or_empty")]
    access_token: Option<SecretString>,
    #[serde(deserialize_with = "text_or_empty")]
    access_token_file: Option<String>,
    #[serde(deserialize_with = "region_or_empty")]
    region: Option<Region>,
    #[serde(deserialize_with = "url_or_empty")]
    base_url: Option<Url>,
    #[serde(deserialize_with = "client_id_or_empty")]
    client_id: Option<String>,
    #[serde(deserialize_with = "secret_or_empty")]
    client_secret: Option<SecretString>,
    #[serde(deserialize_with = "text_or_empty")]
    client_secret_file: Option<String>,
}

/// The defaults of a table; `name` is required.
const NO_WORKSPACE: &str = r#"
name = "unnamed"
access_token = ""
access_token_file = ""
region = ""
base_url = ""
client_id = ""
client_secret = ""
client_secret_file = ""
"#;

const NO_ISSUER: &str = r#"
issuer = "unnamed"
jwks_url = "https://unnamed.invalid/"
audience = ["unnamed"]
algorithms = ["RS256", "ES256", "EdDSA"]
leeway = "30s"
subject_claim = "sub"
scope_claim = "scope"
workspaces = ["default"]
[scopes]
"#;

/// Reads `[[workspaces]]`.
pub(super) fn workspaces(
    figment: &Figment,
    wrong: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Vec<WorkspaceConfig> {
    let mut all: Vec<WorkspaceConfig> = Vec::new();
    for (label, table) in
        list::<WorkspaceTable>(figment, "workspaces", NO_WORKSPACE, &["name"], wrong)
    {
        if all.iter().any(|other| other.name == table.name) {
            wrong.push(format!("{label}.name must be {}", what_is_allowed("workspaces[].name")));
        }
        let mut secret =
            |key: &str, plain: Option<SecretString>, file: Option<String>| match (plain, file) {
                (Some(_), Some(_)) => {
                    wrong.push(format!(
                        "{label}.{key} and {label}.{key}_file are both set; set one of them"
                    ));
                    None
                }
                (plain, None) => plain,
                (None, Some(file)) => match secret_in(&file, &format!("{label}.{key}"), warnings) {
                    Ok(secret) => Some(secret.into()),
                    Err(error) => {
                        wrong.push(format!("{label}.{key}_file cannot be read: {error}"));
                        None
                    }
                },
            };
        all.push(WorkspaceConfig {
            access_token: secret("access_token", table.access_token, table.access_token_file),
            client_secret: secret("client_secret", table.client_secret, table.client_secret_file),
            name: table.name,
            region: table.region,
            base_url: table.base_url,
            client_id: table.client_id,
        });
    }
    all
}

/// Reads `[[access.issuers]]`. `names` are the names of the workspaces.
pub(super) fn issuers(figment: &Figment, names: &[String], wrong: &mut Vec<String>) -> Vec<Issuer> {
    let required = ["issuer", "jwks_url", "audience"];
    let mut all: Vec<Issuer> = Vec::new();
    for (label, issuer) in list::<Issuer>(figment, "access.issuers", NO_ISSUER, &required, wrong) {
        if all.iter().any(|other| other.issuer == issuer.issuer) {
            wrong.push(format!(
                "{label}.issuer must be {}",
                what_is_allowed("access.issuers[].issuer")
            ));
        }
        if issuer.workspaces.iter().any(|name| !names.contains(name)) {
            let there_are = names.join(", ");
            wrong.push(format!("{label}.workspaces must be a list of names of workspaces that there are: {there_are}"));
        }
        all.push(issuer);
    }
    all
}

/// Reads the tables of a list. Returns each with its label in findings.
fn list<T: DeserializeOwned>(
    figment: &Figment,
    path: &str,
    defaults: &str,
    required: &[&str],
    wrong: &mut Vec<String>,
) -> Vec<(String, T)> {
    let items = match figment.find_value(path) {
        Err(_) => return Vec::new(),
        Ok(Value::Array(_, items)) => items,
        Ok(_) => {
            wrong.push(format!(
                "{path} (from {}) must be tables, each under [[{path}]]",
                source(figment, path)
            ));
            return Vec::new();
        }
    };
    let defaults = Figment::from(Toml::string(defaults));
    let mut read = Vec::new();
    for (number, item) in (1..).zip(items) {
        let label = format!("{path}[{number}]");
        let Value::Dict(_, table) = item else {
            wrong.push(format!("{label} must be a table, under [[{path}]]"));
            continue;
        };
        let known =
            |key: &&String| KEYS.iter().any(|(known, _)| *known == format!("{path}[].{key}"));
        wrong.extend(table.keys().filter(|key| !known(key)).map(|key| {
            let hint = meant(&format!("{path}[].{key}"));
            format!("{label}.{key} is no setting of this bridge{}", hint.replace("[]", ""))
        }));
        let allowed = |key: &str| what_is_allowed(&format!("{path}[].{key}"));
        let missing = required.iter().filter(|key| !table.contains_key(**key));
        let mut findings: Vec<String> = missing
            .map(|key| format!("{label}.{key} is missing; it must be {}", allowed(key)))
            .collect();
        let mut found = Vec::new();
        let whole = defaults.clone().merge(Serialized::defaults(Dict::from_iter(table)));
        let item = repair::<T>(whole, &defaults, &mut found)
            .map_err(|ConfigError(rest)| found.extend(rest));
        // Findings of `repair` begin with the bare key: `region (from …) must be …`.
        findings.extend(found.iter().filter_map(|finding| {
            let key = finding.split(' ').next()?.split('.').next()?;
            Some(format!("{label}.{key} (from {}) must be {}", source(figment, path), allowed(key)))
        }));
        // A table with findings is left out: its defaults must not be used in place of the wrong
        // values.
        if let Some(item) = item.ok().filter(|_| findings.is_empty()) {
            read.push((label, item));
        }
        wrong.append(&mut findings);
    }
    read
}

fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text_or_empty(deserializer)?.ok_or_else(|| D::Error::custom("empty"))
}

fn some_texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = texts(deserializer)?;
    if texts.is_empty() { Err(D::Error::custom("empty")) } else { Ok(texts) }
}

fn workspace_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let letters =
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if letters && (1..=63).contains(&name.len()) {
        Ok(name)
    } else {
        Err(D::Error::custom("no name"))
    }
}

/// Requires https, except for a local address: keys read over plain HTTP could be forged.
fn jwks_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let url = Url::parse(&required(deserializer)?).map_err(|_| D::Error::custom("no address"))?;
    let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_local(&url);
    if is_safe { Ok(url) } else { Err(D::Error::custom("no https")) }
}

fn algorithms<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<SigningAlgorithm>, D::Error> {
    some_texts(deserializer)?.iter().map(|word| word.parse().map_err(D::Error::custom)).collect()
}

fn scopes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Vec<Scope>>, D::Error> {
    let words = BTreeMap::<String, String>::deserialize(deserializer)?;
    let read = |(word, list): (String, String)| {
        Ok((word, Scope::parse_list(&list).map_err(D::Error::custom)?))
    };
    words.into_iter().map(read).collect()
}
