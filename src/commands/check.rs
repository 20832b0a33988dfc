//! `check`: checks the configuration, certificate, database, issuers and Intercom. Each line says
//! what to do.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::json;

use super::{CommandError, print_line, when};
use crate::access::{Issuer, KeyRing, PROXY_NOT_TRUSTED, connection_purpose};
use crate::app::{OpenFiles, missing_file, stored_vault, trusted_issuers, without_password};
use crate::clock::{self, Clock};
use crate::config::{Config, ConfigError, WorkspaceConfig, is_local};
use crate::directory::Observation;
use crate::http::Certificates;
use crate::intercom::{self, Client, Permission, RateBudget, Since};
use crate::ledger::{AuditEntry, AuditQuestion, Ledger};
use crate::limits;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Print the results as JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(
    arguments: &Arguments,
    config: Result<Config, ConfigError>,
    clock: Clock,
) -> Result<(), CommandError> {
    let mut report = Report { json: arguments.json, ..Report::default() };
    match config {
        Err(ConfigError(findings)) => {
            findings.iter().for_each(|finding| report.failed("configuration", finding))
        }
        Ok(config) => {
            report.ok("configuration", "all settings are valid");
            config.warnings.iter().for_each(|warning| report.warn("configuration", warning));
            check_certificate(&config, &mut report);
            check_proxy(&config, &mut report);
            check_open_files(&config, &mut report);
            check_database(&config, &clock, &mut report).await;
            check_issuers(&config, &clock, &mut report).await;
            let workspaces = config.workspaces();
            for workspace in &workspaces {
                report.workspace = (workspaces.len() > 1).then(|| workspace.name.clone());
                check_webhooks(workspace, &mut report);
                check_intercom(&config, workspace, clock.clone(), &mut report).await;
            }
        }
    }
    report.end()
}

/// The result of one check.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Failed,
}

#[derive(Serialize)]
struct Finding {
    state: State,
    check: &'static str,
    workspace: Option<String>,
    detail: String,
}

#[derive(Default)]
struct Report {
    json: bool,
    /// The workspace of the current checks, if there are several.
    workspace: Option<String>,
    findings: Vec<Finding>,
}

impl Report {
    /// Adds a finding. Text output is printed at once, because the next check may take a while.
    fn find(&mut self, state: State, check: &'static str, detail: &str) {
        let finding =
            Finding { state, check, workspace: self.workspace.clone(), detail: detail.to_owned() };
        if !self.json {
            let word = match state {
                State::Ok => "ok",
                State::Warning => "warning",
                State::Failed => "failed",
            };
            let workspace =
                finding.workspace.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
            print_line(&format!("{word:8} {check:14} {workspace}{detail}"));
        }
        self.findings.push(finding);
    }

    fn ok(&mut self, check: &'static str, detail: &str) {
        self.find(State::Ok, check, detail);
    }

    fn warn(&mut self, check: &'static str, detail: &str) {
        self.find(State::Warning, check, detail);
    }

    fn failed(&mut self, check: &'static str, detail: &str) {
        self.find(State::Failed, check, detail);
    }

    fn end(self) -> Result<(), CommandError> {
        let failures =
            self.findings.iter().filter(|finding| finding.state == State::Failed).count();
        if self.json {
            print_line(&json!({"failed": failures, "checks": self.findings}).to_string());
        }
        match failures {
            0 => Ok(()),
            1 => Err(CommandError::new("one check failed; see above")),
            failures => Err(CommandError::new(format!("{failures} checks failed; see above"))),
        }
    }
}

fn check_open_files(config: &Config, report: &mut Report) {
    match OpenFiles::raised().too_few(config) {
        None => report.ok("open files", "the limit suffices for limits.max_connections"),
        Some(why) => report.warn("open files", &why),
    }
}

fn check_certificate(config: &Config, report: &mut Report) {
    let bind = config.server.bind;
    let files = config.server.tls_cert.as_ref().zip(config.server.tls_key.as_ref());
    match files.map(|(chain, key)| Certificates::load(chain, key)) {
        Some(Ok(_)) => report.ok("tls", "the certificate and its key can be used"),
        Some(Err(error)) => report.failed("tls", &error.to_string()),
        None if bind.ip().is_loopback() => report.ok("tls", "not needed: the bridge listens only on this machine"),
        None if has_tls_in_front(config) => report.ok(
            "tls",
            &format!(
                "the bridge listens on {bind} without TLS; according to server.public_url, a proxy in \
                 front of it terminates TLS, or it is used only on this machine"
            ),
        ),
        None => report.warn(
            "tls",
            &format!(
                "the bridge listens on {bind} without TLS; set server.tls_cert and server.tls_key, or \
                 put a proxy with TLS in front"
            ),
        ),
    }
}

/// Whether clients reach the bridge through TLS, or only from this machine.
fn has_tls_in_front(config: &Config) -> bool {
    config.server.public_url.as_ref().is_some_and(|url| url.scheme() == "https" || is_local(url))
}

/// Reports if the settings suggest a proxy in front of the bridge that `server.trusted_proxies`
/// does not name.
fn check_proxy(config: &Config, report: &mut Report) {
    let server = &config.server;
    let named = server.trusted_proxies.len();
    let by_tls_elsewhere = server.tls_cert.is_none()
        && server.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    if named > 0 {
        report.ok(
            "proxy",
            &format!("server.trusted_proxies has {named} addresses or networks, whose X-Forwarded-… headers are believed"),
        );
    } else if by_tls_elsewhere {
        report.warn(
            "proxy",
            "server.public_url is https and the bridge does not terminate TLS, so there is a proxy in \
             front, but server.trusted_proxies is empty: the audit trail shows the proxy's address \
             for all clients, and they share one limit for invalid tokens and secrets; set \
             server.trusted_proxies (BRIDGE_SERVER__TRUSTED_PROXIES) to the address of the proxy, as \
             the bridge sees it",
        );
    }
}

/// Reports proxy headers that the bridge received from untrusted addresses.
async fn check_seen_proxies(config: &Config, ledger: &Ledger, clock: &Clock, report: &mut Report) {
    let since = clock::before(clock.now(), limits::UNTRUSTED_PROXY_TOLD);
    let event = Some(PROXY_NOT_TRUSTED.to_owned());
    let question =
        AuditQuestion { since: Some(since), event, everything: true, ..AuditQuestion::default() };
    // Errors of the database are reported by its own check.
    let seen = ledger.audit(&question, limits::LIST_ITEMS as u64).await.unwrap_or_default();
    let mut latest: BTreeMap<IpAddr, AuditEntry> = BTreeMap::new();
    for entry in seen {
        let address = entry.address.as_deref().and_then(|address| address.parse().ok());
        if let Some(address) = address.filter(|address| !is_trusted(config, *address)) {
            latest.insert(address, entry);
        }
    }
    for (address, entry) in latest.iter().take(limits::UNTRUSTED_PROXIES) {
        report.warn(
            "proxy",
            &format!(
                "on {} the bridge received a request from {address} with proxy headers ({}) and ignored \
                 them, because server.trusted_proxies does not contain that address; if it is your \
                 proxy, add it to server.trusted_proxies (BRIDGE_SERVER__TRUSTED_PROXIES); if not, \
                 the client forged them and you need to do nothing",
                when(entry.at),
                entry.detail.as_deref().unwrap_or("unknown"),
            ),
        );
    }
}

fn is_trusted(config: &Config, address: IpAddr) -> bool {
    config.server.trusted_proxies.iter().any(|network| network.contains(&address))
}

/// Checks the encryption key. Creates nothing: the first start creates a missing key.
async fn check_encryption_key(config: &Config, ledger: &Ledger, report: &mut Report) {
    match stored_vault(config, ledger).await {
        Ok(None) => report.ok(
            "encryption",
            "there is no encryption key yet; the first start creates one, or set access.encryption_key",
        ),
        Ok(Some(vault)) => match ledger.signing_keys().await {
            Ok(keys) => match KeyRing::open(&vault, &keys) {
                Ok(_) => report.ok("encryption", "the encryption key opens the secrets in the database"),
                Err(error) => report.failed("encryption", &error.to_string()),
            },
            Err(error) => report.failed("encryption", &error.chain()),
        },
        Err(error) => report.failed("encryption", &error.to_string()),
    }
}

/// Checks the database. Creates nothing: the first start creates a missing SQLite database; any
/// other missing database is a failure.
async fn check_database(config: &Config, clock: &Clock, report: &mut Report) {
    let url = config.database.url.expose_secret();
    let name = without_password(url);
    if missing_file(url).is_some() {
        return report
            .ok("database", &format!("{name} does not exist yet; the first start creates it"));
    }
    let ledger = match Ledger::open(url).await {
        Ok(ledger) => ledger,
        Err(error) => {
            let detail = format!(
                "{name} cannot be used: {}; check DATABASE_URL, and that the database runs and accepts the bridge's connection",
                error.chain()
            );
            return report.failed("database", &detail);
        }
    };
    match ledger.pending_migrations().await {
        Ok(0) => {
            report.ok("database", &format!("{name} is up to date"));
            check_times(config, &ledger, clock, report).await;
            check_encryption_key(config, &ledger, report).await;
            check_seen_proxies(config, &ledger, clock, report).await;
        }
        Ok(pending) => report.warn(
            "database",
            &format!("{name} lacks {pending} migrations; the next start, or `migrate`, runs them"),
        ),
        Err(error) => {
            report.failed("database", &format!("{name} cannot be read: {}", error.chain()))
        }
    }
    ledger.close().await;
}

/// Reports recorded times that lie in the future.
async fn check_times(config: &Config, ledger: &Ledger, clock: &Clock, report: &mut Report) {
    let now = clock.now();
    let workspaces = config.workspaces();
    for workspace in &workspaces {
        let of = if workspaces.len() > 1 {
            format!("workspace {}: ", workspace.name)
        } else {
            String::new()
        };
        match ledger.times_ahead(&workspace.name, now).await {
            Ok(None) => report.ok("times", &format!("{of}no recorded time lies in the future")),
            Ok(Some(ahead)) => {
                let failure = ahead.failure(now);
                report.warn("times", &format!("{of}{}; {}", failure.detail, failure.remedy));
            }
            Err(error) => report.failed("times", &format!("{of}{}", error.chain())),
        }
    }
}

/// Checks the trusted issuers. The bridge starts without them; tokens of an issuer whose keys
/// cannot be read are refused.
async fn check_issuers(config: &Config, clock: &Clock, report: &mut Report) {
    for trusted in trusted_issuers(config) {
        let name = trusted.issuer.clone();
        let looked = match Issuer::new(trusted, clock.clone()) {
            Ok(issuer) => issuer.look().await,
            Err(_) => Err("TLS cannot be set up"),
        };
        match looked {
            Ok(0) => report
                .failed("issuer", &format!("{name} publishes no usable key; check its jwks_url")),
            Ok(keys) => report.ok("issuer", &format!("{name} publishes {keys} usable keys")),
            Err(why) => {
                report.failed(
                    "issuer",
                    &format!("the keys of {name} cannot be read: {why}; check its jwks_url"),
                );
            }
        }
    }
}

fn check_webhooks(workspace: &WorkspaceConfig, report: &mut Report) {
    if workspace.client_secret.is_some() {
        report.ok("webhooks", "the client secret is set, so Intercom's webhooks are accepted");
    } else {
        let detail = "not used: there is no client secret, so changes wait for the next poll; set INTERCOM_CLIENT_SECRET to \
                      use them";
        report.ok("webhooks", detail);
    }
}

async fn check_intercom(
    config: &Config,
    workspace: &WorkspaceConfig,
    clock: Clock,
    report: &mut Report,
) {
    let mut connection = match config.connection(workspace) {
        Ok(connection) => connection,
        Err(error) => return report.failed("intercom", &error.to_string()),
    };
    if connection.access_token.is_none() {
        match stored_token(config, &workspace.name).await {
            Ok(Some(token)) => connection.access_token = Some(token),
            Ok(None) => {
                return report.ok(
                    "intercom",
                    &format!(
                        "not connected yet: `connect --workspace {}` prints the URL at which an \
                         Intercom admin authorises the bridge",
                        workspace.name
                    ),
                );
            }
            Err(why) => return report.failed("intercom", &why),
        }
    }
    let client = match Client::new(connection, clock.clone()) {
        Ok(client) => client,
        Err(why) => return report.failed("intercom", &why),
    };
    // An hour of the log is enough to find out whether the token may read it.
    let since = Since::Everything { log: clock.now() - Duration::from_hours(1), known: None };
    match intercom::observe(&client, since, &|_| {}).await {
        Err(error) => report.failed("intercom", &format!("{error}; {}", error.remedy())),
        Ok(observation) => {
            report_observation(&observation, report);
            report_allowance(&client.allowance(), report);
        }
    }
}

/// Reports what the token can read.
fn report_observation(observation: &Observation, report: &mut Report) {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    let workspace = &observation.workspace;
    report.ok(
        "intercom",
        &format!(
            "the token opens workspace {} ({}), hosted in {}",
            text(&workspace.name),
            text(&workspace.id),
            text(&workspace.region)
        ),
    );
    report.ok(
        "admins",
        &format!(
            "{} teammates and bots, {} teams; the token has the permission \"{}\"",
            observation.users.len(),
            observation.groups.len(),
            Permission::ReadAdmins
        ),
    );
    if observation.log_read_to.is_some() {
        let detail = format!("the token has the permission \"{}\"", Permission::ReadActivityLogs);
        report.ok("activity log", &detail);
    }
    for warning in observation.warnings.iter().take(limits::RUN_WARNINGS_OF_A_KIND) {
        let about = match warning.code.as_str() {
            code if code.starts_with("activity_") => "activity log",
            "wrong_region" | "workspace_unknown" => "intercom",
            _ => "import",
        };
        report.warn(about, &warning.detail);
    }
    let more = observation.warnings.len().saturating_sub(limits::RUN_WARNINGS_OF_A_KIND);
    if more > 0 {
        report.warn("import", &format!("{more} more warnings; each import records its own"));
    }
}

/// Reports the rate limit and the clock, as seen in Intercom's responses.
fn report_allowance(allowance: &RateBudget, report: &mut Report) {
    if let (Some(remaining), Some(limit)) = (allowance.remaining, allowance.limit) {
        report.ok(
            "rate limit",
            &format!("{remaining} of {limit} calls are left in this window of 10 seconds"),
        );
    }
    if let Some(ahead) = allowance.clock_ahead {
        check_clock(ahead, report);
    }
}

/// Returns the token of a workspace that was connected by OAuth; `None` if it was not. Changes
/// nothing.
async fn stored_token(config: &Config, workspace: &str) -> Result<Option<SecretString>, String> {
    let url = config.database.url.expose_secret();
    if missing_file(url).is_some() {
        return Ok(None);
    }
    let read = async |ledger: &Ledger| {
        if ledger.pending_migrations().await.map_err(|error| error.chain())? > 0 {
            return Ok(None);
        }
        let connections = ledger.connections().await.map_err(|error| error.chain())?;
        let Some(connection) =
            connections.into_iter().find(|connection| connection.workspace == workspace)
        else {
            return Ok(None);
        };
        let vault = stored_vault(config, ledger).await.map_err(|error| error.to_string())?;
        let vault = vault.ok_or("there is no encryption key that opens its token")?;
        let token = vault
            .open(&connection_purpose(workspace), &connection.sealed)
            .map_err(|error| error.to_string())?;
        Ok(Some(SecretString::from(String::from_utf8_lossy(token.expose_secret()).into_owned())))
    };
    let ledger = Ledger::open(url).await.map_err(|error| error.chain())?;
    let token = read(&ledger).await;
    ledger.close().await;
    token
}

/// Reports a wrong clock. Log entries are matched with changes by time, and tokens and leases
/// expire by time.
fn check_clock(ahead: i64, report: &mut Report) {
    if clock::agree(ahead) {
        report.ok("clock", "this machine's clock agrees with Intercom's");
    } else {
        let detail = format!(
            "this machine's clock is {ahead} s ahead of Intercom's (negative: behind); synchronise it with NTP"
        );
        report.warn("clock", &detail);
    }
}
