//! `check`: configuration, database, Intercom; each line with what to do.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::{CommandError, print_line};
use crate::app::{missing_file, without_password};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, WorkspaceConfig};
use crate::intercom::{self, Client, Since};
use crate::ledger::Ledger;

pub async fn run(config: Result<Config, ConfigError>, clock: Clock) -> Result<(), CommandError> {
    let mut report = Report::default();
    match config {
        Err(ConfigError(findings)) => findings.iter().for_each(|finding| report.failed("configuration", finding)),
        Ok(config) => {
            Report::ok("configuration", "every value can be used");
            config.warnings.iter().for_each(|warning| Report::warn("configuration", warning));
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
        Ok(0) => Report::ok("database", &format!("{name} is up to date")),
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
