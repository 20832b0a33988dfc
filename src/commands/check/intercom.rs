//! `check`: the access token, Intercom's rate limit, and the clock.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::report::Report;
use crate::access::connection_purpose;
use crate::app::{missing_file, stored_vault};
use crate::clock::{self, Clock};
use crate::config::{Config, WorkspaceConfig};
use crate::database::Database;
use crate::directory::Observation;
use crate::intercom::{self, Client, IntercomError, LogKinds, Permission, RateBudget, Since};
use crate::limits;
use crate::stores::{AccessStore, ConnectionStore};

/// Checks whether Intercom can be read with the token of a workspace.
pub async fn check_intercom(
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
    let kinds = LogKinds { wanted: config.activity.types.clone(), listed: None, read_list: true };
    match intercom::observe(&client, since, &kinds, &|_| {}).await {
        Err(error) => report.failed("intercom", &format!("{error}; {}", error.remedy())),
        Ok(observation) => {
            report_observation(&observation, report);
            report_optional(config, &client, report).await;
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

/// Reports whether the token can read what only the checks of the posture need.
async fn report_optional(config: &Config, client: &Client, report: &mut Report) {
    let mut say =
        |about: &'static str, permission: &str, read: Result<String, IntercomError>| match read {
            Ok(detail) => report.ok(about, &detail),
            Err(error) => {
                let detail = format!("{error}; the token needs the permission for {permission}");
                report.warn(about, &detail);
            }
        };
    if config.posture.read_ip_allowlist {
        let read = intercom::read_ip_allowlist(client).await;
        let detail = read.map(|list| {
            format!("{} entries, {}", list.entries.len(), if list.enabled { "on" } else { "off" })
        });
        say("REST API allowlist", "the IP allowlist (scope manage_ip_allowlist)", detail);
    }
    if config.posture.read_data_connectors {
        let read = intercom::read_data_connectors(client).await;
        let detail = read.map(|all| format!("{} data connectors", all.len()));
        say("data connectors", "data connectors", detail);
    }
    if config.posture.read_identity_verification {
        let read = intercom::read_identity_verification(client).await;
        let detail = read.map(|flag| match flag {
            Some(true) => "on".to_owned(),
            Some(false) => "off".to_owned(),
            None => "Intercom does not say".to_owned(),
        });
        say("identity verification", "reading the workspace", detail);
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
    let read = async |database: &Database| {
        if database.pending_migrations().await.map_err(|error| error.chain())? > 0 {
            return Ok(None);
        }
        let connections =
            ConnectionStore::new(database.clone()).all().await.map_err(|error| error.chain())?;
        let Some(connection) =
            connections.into_iter().find(|connection| connection.workspace == workspace)
        else {
            return Ok(None);
        };
        let vault = stored_vault(config, &AccessStore::new(database.clone()))
            .await
            .map_err(|error| error.to_string())?;
        let vault = vault.ok_or("there is no encryption key that opens its token")?;
        let token = vault
            .open(&connection_purpose(workspace), &connection.sealed)
            .map_err(|error| error.to_string())?;
        Ok(Some(SecretString::from(String::from_utf8_lossy(token.expose_secret()).into_owned())))
    };
    let database = Database::open(url).await.map_err(|error| error.chain())?;
    let token = read(&database).await;
    database.close().await;
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
