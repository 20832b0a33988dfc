//! The settings: their defaults, a file, and the environment.
//!
//! `sections` is the table of settings: it states the meaning, type, default and allowed values of
//! each key once. `config/default.toml` and `docs/configuration.md` are generated from it.
//!
//! ```text
//! sections     the table of settings               rules        the allowed values of a setting
//! setting      one entry of the table              values       rules of single settings
//! environment  settings from `BRIDGE_…` variables  lists        the lists of tables
//! findings     messages about wrong settings       reference    the generated files
//! roster_values, notification_values, posture_values  rules of those sections
//! fingerprint  compares two readings
//! ```
//!
//! All wrong values are reported at once: a wrong value is recorded as a finding, and reading
//! continues with its default. Every finding names the key, the source of the value, and what is
//! allowed. It never contains the value, which may be a secret.

mod environment;
mod findings;
mod fingerprint;
mod lists;
mod notification_values;
mod posture_values;
mod reference;
mod roster_values;
mod rules;
mod sections;
mod setting;
#[cfg(test)]
mod tests;
mod values;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Value};
use reqwest::Url;

pub(crate) use environment::open_to_others;
use environment::variables;
use findings::{not_a_section, unknown_keys, unreadable};
pub use fingerprint::SettingsFingerprint;
pub use lists::{NotificationConfig, WorkspaceConfig};
use reference::defaults;
pub use reference::{default_file, reference};
pub use sections::{
    Access, Activity, ConsoleOidc, Database, Import, Intercom, Issuer, Limits, LogFormat, Posture,
    Reviews, Roster, RosterPull, Scim, Seats, Serve, Server, Telemetry,
};
use setting::{Values, source};
pub(crate) use values::{is_local, origin, wrong_log_filter};

use crate::directory::DEFAULT_WORKSPACE;
use crate::intercom::{Connection, Region};
use crate::limits;
use crate::posture::Exception;
use crate::roster::PullKind;

/// All settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// The listeners.
    pub server: Server,
    /// The ledger.
    pub database: Database,
    /// The API of the workspace.
    pub intercom: Intercom,
    /// When imports run, and what they may remove.
    pub import: Import,
    /// The feed of Intercom's activity log.
    pub activity: Activity,
    /// How fresh responses are.
    pub serve: Serve,
    /// The SCIM endpoints.
    pub scim: Scim,
    /// Reviews of access.
    pub reviews: Reviews,
    /// Section `seats`.
    pub seats: Seats,
    /// What the checks of the posture expect.
    pub posture: Posture,
    /// The company's list of people.
    pub roster: Roster,
    /// From where the roster is read on a schedule.
    pub roster_pull: RosterPull,
    /// The clients of the bridge.
    pub access: Access,
    /// Sign-in to the console by an identity provider.
    pub console_oidc: ConsoleOidc,
    /// How much clients may use.
    pub limits: Limits,
    /// Logs and traces.
    pub telemetry: Telemetry,
    /// `[[access.issuers]]`.
    pub issuers: Vec<Issuer>,
    /// `[[notifications]]`.
    pub notifications: Vec<NotificationConfig>,
    /// `[[posture.exceptions]]`.
    pub exceptions: Vec<Exception>,
    /// `[[workspaces]]` as written; see [`Config::workspaces`].
    pub listed_workspaces: Vec<WorkspaceConfig>,
    /// Settings that are probably mistakes but do not prevent the start.
    pub warnings: Vec<String>,
    /// Shows which settings differ from those of another reading.
    pub fingerprint: SettingsFingerprint,
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
    /// Returns the default settings.
    ///
    /// # Errors
    /// None: a test checks the defaults.
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
        let mut warnings = Vec::new();
        let mut figment = defaults();
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
        for variable in variables(environment.into_iter(), &mut wrong, &mut warnings) {
            figment = figment.merge(variable);
        }
        wrong.extend(unknown_keys(&figment));
        let Some(mut config) = Self::read(&figment, &mut wrong) else {
            return Err(ConfigError(wrong));
        };
        config.listed_workspaces = lists::workspaces(&figment, &mut wrong, &mut warnings);
        config.issuers = lists::issuers(&figment, &config.workspace_names(), &mut wrong);
        let names = config.workspace_names();
        config.notifications = lists::notifications(&figment, &names, &mut wrong, &mut warnings);
        config.exceptions = lists::exceptions(&figment, &mut wrong);
        config.find_contradictions(&figment, &mut wrong);
        config.find_oddities(&figment, file, &mut warnings);
        config.warnings = warnings;
        config.fingerprint = SettingsFingerprint::new(&figment);
        wrong.sort();
        if wrong.is_empty() { Ok(config) } else { Err(ConfigError(wrong)) }
    }

    /// Reads the sections, without the lists. `None` if a default is wrong, which a test excludes.
    fn read(figment: &Figment, wrong: &mut Vec<String>) -> Option<Self> {
        fn section<T>(
            figment: &Figment,
            name: &str,
            wrong: &mut Vec<String>,
            read: impl Fn(&mut Values<'_>) -> Option<T>,
        ) -> Option<T> {
            let nothing = Dict::new();
            let value = figment.find_value(name).ok();
            let table = value.as_ref().and_then(Value::as_dict);
            if let Some(value) = value.as_ref().filter(|_| table.is_none()) {
                wrong.push(not_a_section(figment, name, value));
            }
            let mut values = Values::new(figment, name.to_owned(), table.unwrap_or(&nothing));
            let section = read(&mut values);
            wrong.append(&mut values.findings);
            section
        }
        Some(Self {
            server: section(figment, "server", wrong, Server::read)?,
            database: section(figment, "database", wrong, Database::read)?,
            intercom: section(figment, "intercom", wrong, Intercom::read)?,
            import: section(figment, "import", wrong, Import::read)?,
            activity: section(figment, "activity", wrong, Activity::read)?,
            serve: section(figment, "serve", wrong, Serve::read)?,
            scim: section(figment, "scim", wrong, Scim::read)?,
            reviews: section(figment, "reviews", wrong, Reviews::read)?,
            seats: section(figment, "seats", wrong, Seats::read)?,
            posture: section(figment, "posture", wrong, Posture::read)?,
            roster: section(figment, "roster", wrong, Roster::read)?,
            roster_pull: section(figment, "roster.pull", wrong, RosterPull::read)?,
            access: section(figment, "access", wrong, Access::read)?,
            console_oidc: section(figment, "console.oidc", wrong, ConsoleOidc::read)?,
            limits: section(figment, "limits", wrong, Limits::read)?,
            telemetry: section(figment, "telemetry", wrong, Telemetry::read)?,
            issuers: Vec::new(),
            notifications: Vec::new(),
            exceptions: Vec::new(),
            listed_workspaces: Vec::new(),
            warnings: Vec::new(),
            fingerprint: SettingsFingerprint::default(),
        })
    }

    /// Finds settings that contradict each other.
    fn find_contradictions(&self, figment: &Figment, wrong: &mut Vec<String>) {
        let is_listed =
            self.listed_workspaces.iter().any(|listed| listed.name == DEFAULT_WORKSPACE);
        if self.intercom.access_token.is_some() && is_listed {
            wrong.push(format!(
                "intercom.access_token (from {}) and a table of [[workspaces]] both configure the \
                 workspace default; remove one of them",
                source(figment, "intercom.access_token")
            ));
        }
        if self.server.tls_cert.is_some() != self.server.tls_key.is_some() {
            wrong.push(
                "server.tls_cert and server.tls_key go together: set both, or neither".to_owned(),
            );
        }
        wrong.extend(self.wrong_pull());
        wrong.extend(self.wrong_sign_in());
    }

    /// Returns what is wrong with the settings of the sign-in to the console together.
    fn wrong_sign_in(&self) -> Option<String> {
        let oidc = &self.console_oidc;
        oidc.issuer.as_ref()?;
        let names = self.workspace_names();
        let unknown = oidc.workspaces.iter().flatten().find(|name| !names.contains(*name));
        if oidc.client_id.is_none() {
            Some("console.oidc.client_id is needed with console.oidc.issuer".to_owned())
        } else if oidc.groups.is_empty() && oidc.email_domains.is_empty() {
            Some(
                "console.oidc.groups or console.oidc.email_domains is needed with \
                 console.oidc.issuer: without them nobody gets a role"
                    .to_owned(),
            )
        } else {
            unknown.map(|name| {
                format!("console.oidc.workspaces names `{name}`, which is not configured; the workspaces are {}", names.join(", "))
            })
        }
    }

    /// Returns what is wrong with the settings of the pull together.
    fn wrong_pull(&self) -> Option<String> {
        let RosterPull { url, token, client_id, client_secret, token_url, kind, .. } =
            &self.roster_pull;
        url.as_ref()?;
        let parts = [client_id.is_some(), client_secret.is_some(), token_url.is_some()];
        let has_all = parts.iter().all(|is_set| *is_set);
        let has_some = parts.iter().any(|is_set| *is_set);
        let wrong = if has_some != has_all {
            "roster.pull.client_id, client_secret and token_url go together: set all three, or none"
        } else if has_all == token.is_some() {
            "roster.pull.url needs a way to sign in: set either roster.pull.token, or client_id, \
             client_secret and token_url"
        } else if has_all && *kind == PullKind::OktaApi {
            "roster.pull.kind okta_api needs roster.pull.token, an API token of Okta"
        } else if self.roster.complete.is_none() {
            "roster.complete is needed with roster.pull.url: current or all"
        } else {
            return None;
        };
        Some(wrong.to_owned())
    }

    /// Finds settings that are valid, but probably mistakes.
    fn find_oddities(&self, figment: &Figment, file: Option<&Path>, warnings: &mut Vec<String>) {
        let key = self.server.tls_key.as_deref();
        warnings.extend(key.and_then(|file| open_to_others(file, "server.tls_key")));
        if let Some(file) = file {
            let name = file.display().to_string();
            let mut secrets = sections::settings().iter().filter(|setting| setting.secret);
            if secrets.any(|secret| source(figment, secret.key) == name) {
                warnings.extend(open_to_others(file, "--config, which contains a secret,"));
            }
        }
        match (self.seats.price, &self.seats.currency) {
            (Some(_), None) => warnings.push(
                "seats.price is set and seats.currency is not: the costs in /api/v1/seats have no \
                 currency; set it, for example to USD"
                    .to_owned(),
            ),
            (None, Some(_)) => {
                warnings.push("seats.currency has no effect without seats.price".to_owned());
            }
            _ => {}
        }
        if self.scim.enterprise_from_roster && self.roster.complete.is_none() {
            warnings.push(
                "scim.enterprise_from_roster has no effect without a roster: set roster.complete, \
                 and import one"
                    .to_owned(),
            );
        }
        warnings.extend(lists::types_without_entries(&self.notifications, &self.activity.types));
        let visible = Duration::from_hours(24) * self.import.retention_days;
        if self.import.erase_removed_after.is_some_and(|after| after < visible) {
            warnings.push(
                "import.erase_removed_after is shorter than import.retention_days: clients that \
                 poll late see only the ids of removed teammates"
                    .to_owned(),
            );
        }
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

    /// Returns the names of [`Self::workspaces`].
    #[must_use]
    pub fn workspace_names(&self) -> Vec<String> {
        self.workspaces().into_iter().map(|workspace| workspace.name).collect()
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
            let demo = if cfg!(feature = "simulator") {
                "; or try `intercom-scim-bridge demo`, which needs none"
            } else {
                ""
            };
            return Err(ConfigError(vec![format!(
                "{what} to the access token of an app in Intercom's Developer Hub. Or set \
                 client_id and client_secret to those of an app and run \
                 `intercom-scim-bridge connect`{demo}"
            )]));
        }
        let region = workspace.region.unwrap_or(Region::Us);
        let base_url = match &workspace.base_url {
            Some(url) => url.clone(),
            None => Url::parse(region.base_url())
                .map_err(|_| ConfigError(vec![sections::allowed("intercom.region").to_owned()]))?,
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
                address.set_ip(Ipv4Addr::LOCALHOST.into());
            }
            SocketAddr::V6(all) if all.ip().is_unspecified() => {
                address.set_ip(Ipv6Addr::LOCALHOST.into());
            }
            _ => {}
        }
        format!("{}://{address}", if self.server.tls_cert.is_some() { "https" } else { "http" })
    }
}
