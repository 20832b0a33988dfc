//! The command line: one file for each subcommand. Results go to stdout, messages and progress to
//! stderr.
//!
//! The other files are shared by several commands:
//!
//! ```text
//! actor      who runs a command                 error          why a command failed
//! arguments  parsers for arguments              trusted_clock  whether the clock can be trusted
//! hyphens    values that begin with a hyphen    verdict        the result of a verification
//! output     lines, tables, times
//! ```
//!
//! `backup` and `person` are subcommands of `ledger`. `manual` has `completions`, too.

mod actor;
mod arguments;
mod audit;
mod backup;
mod check;
mod client;
mod connect;
#[cfg(feature = "simulator")]
mod demo;
mod error;
mod hyphens;
mod import;
mod keys;
mod ledger;
mod login_link;
mod manual;
mod migrate;
mod openapi;
mod output;
mod person;
mod saviynt_package;
mod serve;
#[cfg(feature = "simulator")]
mod simulate;
mod token;
mod trusted_clock;
mod verdict;

use std::collections::HashMap;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use secrecy::ExposeSecret;
use time::OffsetDateTime;

use actor::{COMMAND_LINE, by_command, by_command_with, system_user};
pub use error::CommandError;
use output::{print_line, print_table, rfc3339, when, when_known};

use crate::app::{missing_file, open_stores};
use crate::clock::Clock;
#[cfg(feature = "simulator")]
use crate::config::wrong_log_filter;
use crate::config::{Config, ConfigError};
use crate::database::DatabaseError;
use crate::stores::{AuditStore, Stores};
use crate::telemetry;

/// Serves an Intercom workspace's teammates and teams as SCIM 2.0, with a durable ledger of every
/// change.
#[derive(Debug, Parser)]
#[command(version = crate::VERSION, propagate_version = true)]
pub struct CommandLine {
    /// The file with the settings. config/default.toml describes all of them.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try the bridge without any set-up: with a simulated Intercom, an import and a token.
    #[cfg(feature = "simulator")]
    Demo(demo::Arguments),
    /// Run the bridge.
    Serve,
    /// Run one import.
    Import(import::Arguments),
    /// Verify, export, prune, back up or restore the history; show or erase a person's data.
    Ledger(ledger::Arguments),
    /// Migrate the database's tables to this version.
    Migrate,
    /// Manage OAuth clients.
    #[command(subcommand)]
    Client(client::Command),
    /// Manage static bearer tokens, for clients without OAuth.
    #[command(subcommand)]
    Token(token::Command),
    /// Manage the keys that sign tokens.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Connect a workspace by OAuth: print the URL to open in a browser.
    Connect(connect::Connect),
    /// Disconnect a workspace that was connected by OAuth, and revoke its token.
    Disconnect(connect::Disconnect),
    /// Print a one-time sign-in link for the status page.
    LoginLink(login_link::Arguments),
    /// Export the audit trail.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Validate the configuration, and check the database, trusted issuers and Intercom.
    Check(check::Arguments),
    /// Write the configuration files for Saviynt EIC, filled in for this bridge.
    SaviyntPackage(saviynt_package::Arguments),
    /// Print the OpenAPI description.
    Openapi(openapi::Arguments),
    /// Print the completions for a shell.
    Completions(manual::Completions),
    /// Print the manual page.
    Manual,
    /// Run a simulated Intercom.
    #[cfg(feature = "simulator")]
    Simulate(simulate::Arguments),
}

impl CommandLine {
    /// Runs the command.
    ///
    /// # Errors
    /// What failed, and what to do about it.
    pub async fn run(self) -> Result<(), CommandError> {
        match &self.command {
            #[cfg(feature = "simulator")]
            Command::Demo(arguments) => {
                check_log_filter()?;
                Box::pin(demo::run(arguments)).await
            }
            #[cfg(feature = "simulator")]
            Command::Simulate(arguments) => simulate::run(arguments).await,
            Command::Openapi(arguments) => openapi::run(arguments),
            Command::Completions(arguments) => manual::completions(arguments),
            Command::Manual => manual::manual(),
            Command::Serve => serve::run(&self.settings(telemetry::USUAL)?, || self.load()).await,
            Command::Import(arguments) => import::run(&self.settings("warn")?, arguments).await,
            Command::Ledger(arguments) => ledger::run(&self.settings("warn")?, arguments).await,
            Command::Migrate => migrate::run(&self.settings("warn")?).await,
            Command::Client(command) => client::run(&self.settings("warn")?, command).await,
            Command::Keys(command) => keys::run(&self.settings("warn")?, command).await,
            Command::Connect(arguments) => {
                connect::connect(&self.settings("warn")?, arguments).await
            }
            Command::Disconnect(arguments) => {
                connect::disconnect(&self.settings("warn")?, arguments).await
            }
            Command::LoginLink(arguments) => {
                login_link::run(&self.settings("warn")?, arguments).await
            }
            Command::Audit(command) => audit::run(&self.settings("warn")?, command).await,
            Command::SaviyntPackage(arguments) => {
                saviynt_package::run(&self.settings("warn")?, arguments).await
            }
            Command::Token(command) => token::run(&self.settings("warn")?, command).await,
            Command::Check(arguments) => check::run(arguments, self.load(), Clock::System).await,
        }
    }

    /// Reads the settings and starts logging.
    fn settings(&self, usual_log: &str) -> Result<Config, ConfigError> {
        let config = self.load()?;
        telemetry::init(&config.telemetry, usual_log);
        Ok(config)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the environment is handed to the configuration here, and read nowhere else"
    )]
    fn load(&self) -> Result<Config, ConfigError> {
        // Variables that are not Unicode cannot be settings of the bridge.
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Config::load(self.config.as_deref(), environment)
    }
}

/// Waits for a request to end the process: Ctrl-C or SIGTERM.
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

/// Checks `RUST_LOG` for `demo`, which has no other settings.
#[cfg(feature = "simulator")]
#[expect(
    clippy::disallowed_methods,
    reason = "this setting is the logging library's, and is only looked at"
)]
fn check_log_filter() -> Result<(), CommandError> {
    let wrong = std::env::var("RUST_LOG").ok().as_deref().and_then(wrong_log_filter);
    wrong.map_or(Ok(()), |why| Err(CommandError::new(why)))
}

/// Opens an existing database. Commands that read or change an existing one must not create a new one
/// in the wrong directory.
async fn existing_stores(config: &Config) -> Result<Stores, CommandError> {
    if let Some(file) = missing_file(config.database.url.expose_secret()) {
        return Err(CommandError::new(format!(
            "there is no database at {file}; run this command where the bridge runs, with its DATABASE_URL"
        )));
    }
    Ok(open_stores(config).await?.0)
}

/// Opens the database, or creates it. Prints a note if it is created, because this may be the wrong
/// directory.
async fn new_or_existing_stores(config: &Config) -> Result<Stores, CommandError> {
    if let Some(file) = missing_file(config.database.url.expose_secret()) {
        eprintln!(
            "note: there was no database, so a new one was created at {file}; check that the bridge runs here"
        );
    }
    Ok(open_stores(config).await?.0)
}

/// Parses a name for lists: not empty, not too long, and without control characters.
fn name(text: &str) -> Result<String, String> {
    let fit =
        (1..=100).contains(&text.trim().chars().count()) && !text.chars().any(char::is_control);
    if fit {
        Ok(text.trim().to_owned())
    } else {
        Err("must have 1 to 100 letters, and no line breaks".to_owned())
    }
}

/// Returns when each of these last used the bridge, according to the audit trail. `kind` is the
/// prefix of the id in the trail: `client` or `token`.
async fn last_uses(
    store: &AuditStore,
    kind: &str,
    ids: impl Iterator<Item = &str>,
) -> Result<HashMap<String, OffsetDateTime>, DatabaseError> {
    let identities: Vec<String> = ids.map(|id| format!("{kind} {id}")).collect();
    let uses = store.last_uses(&identities).await?;
    let id = |identity: String| {
        identity.split_once(' ').map(|(_, id)| id.to_owned()).unwrap_or_default()
    };
    Ok(uses.into_iter().map(|(identity, at)| (id(identity), at)).collect())
}

/// Prints how far back the last use is known.
fn print_last_use_note(config: &Config) {
    eprintln!(
        "LAST USED is known for the last {} days (access.audit_retention_days); - means not used since then.",
        config.access.audit_retention_days
    );
}
