//! `check`: configuration, database, Intercom; each line with what to do.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::{CommandError, print_line};
use crate::access::KeyRing;
use crate::app::{missing_file, stored_vault, without_password};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, WorkspaceConfig};
use crate::http::Certificates;
use crate::intercom::{self, Client, Since};
use crate::ledger::Ledger;

pub async fn run(config: Result<Config, ConfigError>, clock: Clock) -> Result<(), CommandError> {
    let mut report = Report::default();
    match config {
        Err(ConfigError(findings)) => findings.iter().for_each(|finding| report.failed("configuration", finding)),
        Ok(config) => {
            Report::ok("configuration", "every value can be used");
            config.warnings.iter().for_each(|warning| Report::warn("configuration", warning));
            check_certificate(&config, &mut report);
            check_database(&config, &mut report).await;
            for workspace in config.workspaces() {
                check_intercom(&config, &workspace, clock.clone(), &mut report).await;
            }
        }
    }
    match report.failures {
        0 => Ok(()),
        1 => Err(CommandError::new("one check failed; see above")),
        failures => Err(CommandError::new(format!("{failures} checks failed; see above"))),
    }
}

#[derive(Default)]
struct Report {
    failures: usize,
}

impl Report {
    fn line(state: &str, what: &str, detail: &str) {
        print_line(&format!("{state:8} {what:14} {detail}"));
    }

    fn ok(what: &str, detail: &str) {
        Self::line("ok", what, detail);
    }

    fn warn(what: &str, detail: &str) {
        Self::line("warning", what, detail);
    }

    fn failed(&mut self, what: &str, detail: &str) {
        self.failures += 1;
        Self::line("failed", what, detail);
    }
}

fn check_certificate(config: &Config, report: &mut Report) {
    let (bind, files) = (config.server.bind, config.server.tls_cert.as_ref().zip(config.server.tls_key.as_ref()));
    match files.map(|(chain, key)| Certificates::load(chain, key)) {
        Some(Ok(_)) => Report::ok("tls", "the certificate and its key can be used"),
        Some(Err(error)) => report.failed("tls", &error.to_string()),
        None if bind.ip().is_loopback() => Report::ok("tls", "not needed: the bridge listens on this machine alone"),
        None => Report::warn(
            "tls",
            &format!(
                "the bridge listens on {bind} in the clear; set server.tls_cert and server.tls_key, or put a proxy in front"
            ),
        ),
    }
}

/// Nothing is created: a key that is not there yet is made by the first start.
async fn check_encryption_key(config: &Config, ledger: &Ledger, report: &mut Report) {
    match stored_vault(config, ledger).await {
        Ok(None) => Report::warn(
            "encryption",
            "there is no encryption key yet; the first start makes one, or set access.encryption_key",
        ),
        Ok(Some(vault)) => match ledger.signing_keys().await {
            Ok(keys) => match KeyRing::open(&vault, &keys) {
                Ok(_) => Report::ok("encryption", "the encryption key opens what the database keeps sealed"),
                Err(error) => report.failed("encryption", &error.to_string()),
            },
            Err(error) => report.failed("encryption", &error.chain()),
        },
        Err(error) => report.failed("encryption", &error.to_string()),
    }
}

/// Nothing is created: a database that is not there yet is a warning for SQLite and a failure otherwise.
async fn check_database(config: &Config, report: &mut Report) {
    let url = config.database.url.expose_secret();
    let name = without_password(url);
    if missing_file(url).is_some() {
        return Report::warn("database", &format!("{name} does not exist yet; the first start makes it"));
    }
    let ledger = match Ledger::open(url).await {
        Ok(ledger) => ledger,
        Err(error) => {
            let detail = format!(
                "{name} cannot be used: {}; check DATABASE_URL, and that the database runs and lets the bridge in",
                error.chain()
            );
            return report.failed("database", &detail);
        }
    };
    match ledger.pending_migrations().await {
        Ok(0) => {
            Report::ok("database", &format!("{name} is up to date"));
            check_encryption_key(config, &ledger, report).await;
        }
        Ok(pending) => Report::warn(
            "database",
            &format!("{name} lacks {pending} migrations; the next start, or `migrate`, runs them"),
        ),
        Err(error) => report.failed("database", &format!("{name} cannot be read: {}", error.chain())),
    }
    ledger.close().await;
}

async fn check_intercom(config: &Config, workspace: &WorkspaceConfig, clock: Clock, report: &mut Report) {
    if config.workspaces().len() > 1 {
        Report::ok("workspace", &workspace.name);
    }
    let client = config
        .connection(workspace)
        .map_err(|error| error.to_string())
        .and_then(|connection| Client::new(connection, clock.clone()));
    let client = match client {
        Ok(client) => client,
        Err(why) => return report.failed("intercom", &why),
    };
    // An hour of the log is enough to know whether it may be read.
    let since = Since::Everything { log: clock.now() - Duration::from_hours(1) };
    match intercom::observe(&client, since, &|_| {}).await {
        Err(error) => report.failed("intercom", &format!("{error}; {}", error.remedy())),
        Ok(observation) => {
            let text = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
            let workspace = observation.workspace;
            Report::ok(
                "intercom",
                &format!(
                    "the token opens workspace {} ({}), hosted in {}",
                    text(workspace.name),
                    text(workspace.id),
                    text(workspace.region)
                ),
            );
            Report::ok(
                "admins",
                &format!("{} teammates and bots, {} teams", observation.users.len(), observation.groups.len()),
            );
            for warning in observation.warnings {
                Report::warn("import", &warning.detail);
            }
            let allowance = client.allowance();
            if let (Some(remaining), Some(limit)) = (allowance.remaining, allowance.limit) {
                Report::ok(
                    "rate limit",
                    &format!("{remaining} of {limit} calls are left in this window of 10 seconds"),
                );
            }
        }
    }
}
