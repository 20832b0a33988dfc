//! The settings that are lists of tables: `[[workspaces]]`, `[[access.issuers]]`,
//! `[[notifications]]` and `[[posture.exceptions]]`.

use std::path::Path;
use std::time::Duration;

use figment::Figment;
use figment::value::Value;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::environment::secret_in;
use super::findings::suggestion;
use super::sections::{
    ExceptionTable, Issuer, NotificationTable, WorkspaceTable, allowed, setting,
};
use super::setting::{Values, source};
use crate::activity::{Format, Group, WantedKinds, kind_named};
use crate::intercom::Region;
use crate::limits;
use crate::notifications::{Filter, SecretError, Secrets};
use crate::posture::Exception;

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

/// Reads `[[workspaces]]`.
pub(super) fn workspaces(
    figment: &Figment,
    wrong: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Vec<WorkspaceConfig> {
    let mut all: Vec<WorkspaceConfig> = Vec::new();
    for Item { label, value } in tables(figment, "workspaces", WorkspaceTable::read, wrong) {
        if all.iter().any(|other| other.name == value.name) {
            wrong.push(format!("{label}.name must be {}", allowed("workspaces[].name")));
        }
        let access_token = Secret {
            label: format!("{label}.access_token"),
            value: value.access_token,
            file: value.access_token_file.as_deref(),
        };
        let client_secret = Secret {
            label: format!("{label}.client_secret"),
            value: value.client_secret,
            file: value.client_secret_file.as_deref(),
        };
        all.push(WorkspaceConfig {
            access_token: access_token.read(wrong, warnings),
            client_secret: client_secret.read(wrong, warnings),
            name: value.name,
            region: value.region,
            base_url: value.base_url,
            client_id: value.client_id,
        });
    }
    all
}

/// A secret that is written in a table or in a file.
struct Secret<'a> {
    label: String,
    value: Option<SecretString>,
    file: Option<&'a Path>,
}

impl Secret<'_> {
    fn read(self, wrong: &mut Vec<String>, warnings: &mut Vec<String>) -> Option<SecretString> {
        let Self { label, value, file } = self;
        let Some(file) = file else { return value };
        if value.is_some() {
            wrong.push(format!("{label} and {label}_file are both set; set one of them"));
            return None;
        }
        match secret_in(file, &label, warnings) {
            Ok(secret) => Some(secret.into()),
            Err(error) => {
                wrong.push(format!("{label}_file cannot be read: {error}"));
                None
            }
        }
    }
}

/// Reads `[[access.issuers]]`. `names` are the names of the workspaces.
pub(super) fn issuers(figment: &Figment, names: &[String], wrong: &mut Vec<String>) -> Vec<Issuer> {
    let mut all: Vec<Issuer> = Vec::new();
    for Item { label, value: issuer } in tables(figment, "access.issuers", Issuer::read, wrong) {
        if all.iter().any(|other| other.issuer == issuer.issuer) {
            wrong.push(format!("{label}.issuer must be {}", allowed("access.issuers[].issuer")));
        }
        if issuer.workspaces.iter().any(|name| !names.contains(name)) {
            let allowed = allowed("access.issuers[].workspaces");
            wrong.push(format!("{label}.workspaces must be {allowed}: {}", names.join(", ")));
        }
        all.push(issuer);
    }
    all
}

/// The settings of one endpoint of outbound webhooks.
#[derive(Clone, Debug)]
pub struct NotificationConfig {
    /// Its name.
    pub name: String,
    /// Where messages are sent.
    pub url: Url,
    /// The secrets that sign them.
    pub secrets: Secrets,
    /// The workspace whose events are sent.
    pub workspace: String,
    /// Which events are sent.
    pub filter: Filter,
    /// The form of log entries.
    pub format: Format,
    /// How long the receiver may take to answer.
    pub timeout: Duration,
    /// Whether private addresses are allowed.
    pub allows_private: bool,
}

/// Reads `[[notifications]]`. `names` are the names of the workspaces.
pub(super) fn notifications(
    figment: &Figment,
    names: &[String],
    wrong: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Vec<NotificationConfig> {
    let mut all: Vec<NotificationConfig> = Vec::new();
    let items = tables(figment, "notifications", NotificationTable::read, wrong);
    for Item { label, value: table } in items {
        if all.iter().any(|other| other.name == table.name) {
            wrong.push(format!("{label}.name must be {}", allowed("notifications[].name")));
        }
        if table.url.scheme() == "http" && !table.allow_private_addresses {
            wrong.push(format!("{label}.url must be {}", allowed("notifications[].url")));
        }
        if !(table.activity || table.changes || table.posture) {
            wrong.push(format!("{label} sends nothing: set activity, changes or posture to true"));
        }
        let workspace = workspace_of_endpoint(&label, &table, names, wrong);
        let secrets = secrets_of_endpoint(&label, &table, wrong, warnings);
        let (Some(workspace), Some(secrets)) = (workspace, secrets) else { continue };
        all.push(NotificationConfig {
            name: table.name,
            url: table.url,
            secrets,
            workspace,
            filter: Filter {
                activity: table.activity,
                types: table.types,
                groups: table.groups,
                severities: table.severities,
                changes: table.changes,
                posture: table.posture,
            },
            format: table.format,
            timeout: table.timeout,
            allows_private: table.allow_private_addresses,
        });
    }
    if all.len() > limits::NOTIFICATION_ENDPOINTS {
        let most = limits::NOTIFICATION_ENDPOINTS;
        wrong.push(format!(
            "there are {} [[notifications]]; at most {most} are possible",
            all.len()
        ));
    }
    all
}

/// Warns of types of log entries that an endpoint never gets. `read` are the types that the bridge
/// reads.
pub(super) fn types_without_entries(
    endpoints: &[NotificationConfig],
    read: &WantedKinds,
) -> Vec<String> {
    let mut warnings = Vec::new();
    for endpoint in endpoints {
        let name = &endpoint.name;
        for kind in &endpoint.filter.types {
            if !endpoint.filter.activity {
                warnings.push(format!(
                    "types of the endpoint {name} in [[notifications]] has no effect without \
                     activity = true"
                ));
                break;
            }
            if !read.includes(kind) {
                warnings.push(format!(
                    "the endpoint {name} in [[notifications]] wants log entries of the type \
                     {kind}, which the bridge does not read; add the type to activity.types"
                ));
            } else if kind_named(kind).group == Group::Unknown {
                warnings.push(format!(
                    "the endpoint {name} in [[notifications]] wants log entries of the type \
                     {kind}, which this version of the bridge does not know; check the spelling"
                ));
            }
        }
    }
    warnings
}

fn workspace_of_endpoint(
    label: &str,
    table: &NotificationTable,
    names: &[String],
    wrong: &mut Vec<String>,
) -> Option<String> {
    let chosen = match (&table.workspace, names) {
        (Some(name), names) => names.iter().find(|known| *known == name),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    if chosen.is_none() {
        let names = names.join(", ");
        wrong.push(format!("{label}.workspace must be the name of a workspace: {names}"));
    }
    chosen.cloned()
}

fn secrets_of_endpoint(
    label: &str,
    table: &NotificationTable,
    wrong: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Option<Secrets> {
    let label = format!("{label}.secret");
    let before = wrong.len();
    let secret = Secret {
        label: label.clone(),
        value: table.secret.clone(),
        file: table.secret_file.as_deref(),
    };
    let secret = secret.read(wrong, warnings);
    let secrets = secret.and_then(|secret| Secrets::read(secret.expose_secret().trim()).ok());
    if secrets.is_none() && wrong.len() == before {
        wrong.push(format!("{label} (or {label}_file) must be {SecretError}"));
    }
    secrets
}

/// Reads `[[posture.exceptions]]`.
pub(super) fn exceptions(figment: &Figment, wrong: &mut Vec<String>) -> Vec<Exception> {
    let items = tables(figment, "posture.exceptions", ExceptionTable::read, wrong);
    items
        .into_iter()
        .map(|Item { value: table, .. }| Exception {
            number: None,
            check: table.check,
            subject: table.subject,
            reason_code: table.reason_code,
            reason: table.reason,
            by: table.by,
            since: None,
            until: table.until,
            revoked_at: None,
            ticket: table.ticket,
        })
        .collect()
}

/// A table of a list, with its label in findings: `workspaces[1]`.
struct Item<T> {
    label: String,
    value: T,
}

/// Reads the tables of a list. A table with findings is left out: its defaults must not be used in
/// place of the wrong values.
fn tables<T>(
    figment: &Figment,
    list: &str,
    read: impl Fn(&mut Values<'_>) -> Option<T>,
    wrong: &mut Vec<String>,
) -> Vec<Item<T>> {
    let items = match figment.find_value(list) {
        Err(_) => return Vec::new(),
        Ok(Value::Array(_, items)) => items,
        Ok(_) => {
            let source = source(figment, list);
            wrong.push(format!("{list} (from {source}) must be tables, each under [[{list}]]"));
            return Vec::new();
        }
    };
    let mut all = Vec::new();
    for (number, item) in (1..).zip(items) {
        let label = format!("{list}[{number}]");
        let Value::Dict(_, table) = item else {
            wrong.push(format!("{label} must be a table, under [[{list}]]"));
            continue;
        };
        for key in table.keys() {
            let full = format!("{list}[].{key}");
            if setting(&full).is_none() {
                let suggestion = suggestion(&full).replace("[]", "");
                wrong.push(format!("{label}.{key} is not a setting of this bridge{suggestion}"));
            }
        }
        let mut values = Values::new(figment, label.clone(), &table);
        let value = read(&mut values);
        if let Some(value) = value.filter(|_| values.findings.is_empty()) {
            all.push(Item { label, value });
        }
        wrong.append(&mut values.findings);
    }
    all
}
