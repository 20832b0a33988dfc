//! The command line: one file per subcommand. Results go to stdout, messages and progress to
//! stderr.

mod arguments;
mod audit;
mod backup;
mod check;
mod client;
mod connect;
#[cfg(feature = "simulator")]
mod demo;
mod hyphens;
mod import;
mod keys;
mod ledger;
mod login_link;
mod manual;
mod migrate;
mod openapi;
mod person;
mod saviynt_package;
mod serve;
#[cfg(feature = "simulator")]
mod simulate;
mod token;
mod verdict;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use secrecy::ExposeSecret;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::access::AccessError;
use crate::app::{StartError, missing_file, open_ledger};
use crate::clock::Clock;
#[cfg(feature = "simulator")]
use crate::config::wrong_log_filter;
use crate::config::{Config, ConfigError};
use crate::ledger::{AuditEntry, Ledger, LedgerError};
use crate::limits;
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

/// The reason why a command failed, as text for people, and the exit code.
#[derive(Debug)]
pub struct CommandError(String, u8);

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl CommandError {
    fn new(what: impl Into<String>) -> Self {
        Self(what.into(), 1)
    }

    /// Creates the error of a command that was used wrongly.
    fn wrong_use(what: impl Into<String>) -> Self {
        Self(what.into(), 2)
    }

    /// The exit code: 1 failed, 2 wrong use.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.1
    }
}

impl From<StartError> for CommandError {
    fn from(error: StartError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<AccessError> for CommandError {
    fn from(error: AccessError) -> Self {
        Self::new(error.chain())
    }
}

impl From<LedgerError> for CommandError {
    fn from(error: LedgerError) -> Self {
        Self::new(format!("the ledger cannot be used: {}; check the database", error.chain()))
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
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
                demo::run(arguments).await
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

/// The actor of actions from the command line.
const COMMAND_LINE: &str = "command line";

/// Returns the operating system's name of the user who runs the command: `system user ada`. With
/// `sudo` that is root, so the name of the original user is added.
fn system_user() -> String {
    let printable = |name: String| -> String {
        name.chars()
            .filter(|letter| !letter.is_control())
            .take(limits::SYSTEM_USER_LETTERS)
            .collect()
    };
    let user = match whoami::username() {
        Ok(name) if !name.trim().is_empty() => printable(name),
        // In a container the user id may have no name.
        _ => {
            user_number().map_or_else(|| "unknown".to_owned(), |number| format!("number {number}"))
        }
    };
    let by = std::env::var_os("SUDO_USER")
        .and_then(|name| name.into_string().ok())
        .filter(|name| !name.is_empty());
    let by = by.map_or_else(String::new, |by| format!(" (sudo by {})", printable(by)));
    format!("system user {user}{by}")
}

/// Returns the user id of the process.
fn user_number() -> Option<u32> {
    let process = std::fs::metadata("/proc/self").ok()?;
    Some(std::os::unix::fs::MetadataExt::uid(&process))
}

/// Opens an existing ledger. Commands that read or change an existing one must not create a new one
/// in the wrong directory.
async fn existing_ledger(config: &Config) -> Result<Ledger, CommandError> {
    if let Some(file) = missing_file(config.database.url.expose_secret()) {
        return Err(CommandError::new(format!(
            "there is no database at {file}; run this command where the bridge runs, with its DATABASE_URL"
        )));
    }
    Ok(open_ledger(config).await?.0)
}

/// Opens the ledger, or creates it. Prints a note if it is created, because this may be the wrong
/// directory.
async fn new_or_existing_ledger(config: &Config) -> Result<Ledger, CommandError> {
    if let Some(file) = missing_file(config.database.url.expose_secret()) {
        eprintln!(
            "note: there was no database, so a new one was created at {file}; check that the bridge runs here"
        );
    }
    Ok(open_ledger(config).await?.0)
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

/// The same as [`by_command`], with a detail.
fn by_command_with(
    event: &str,
    target: &str,
    workspaces: &[String],
    detail: &str,
    now: OffsetDateTime,
) -> Vec<AuditEntry> {
    let entries = by_command(event, target, workspaces, now).into_iter();
    entries.map(|entry| AuditEntry { detail: Some(detail.to_owned()), ..entry }).collect()
}

/// Returns the audit entries of an action from the command line: one for each affected workspace,
/// or one without a workspace.
fn by_command(
    event: &str,
    target: &str,
    workspaces: &[String],
    now: OffsetDateTime,
) -> Vec<AuditEntry> {
    let entry = |workspace: Option<String>| AuditEntry {
        workspace,
        actor: Some(COMMAND_LINE.to_owned()),
        identity: Some(system_user()),
        target: Some(target.to_owned()),
        ..AuditEntry::event(event, now)
    };
    match workspaces {
        [] => vec![entry(None)],
        all => all.iter().map(|workspace| entry(Some(workspace.clone()))).collect(),
    }
}

/// Formats a time for people, to the minute.
fn when(moment: OffsetDateTime) -> String {
    // Formatting cannot fail: a time has all these parts.
    moment.format(format_description!("[year]-[month]-[day] [hour]:[minute]Z")).unwrap_or_default()
}

/// Formats a time for people; a dash for `None`.
fn when_known(moment: Option<OffsetDateTime>) -> String {
    moment.map_or_else(|| "-".to_owned(), when)
}

/// Prints a table; each column is as wide as its widest cell.
fn print_table<const COLUMNS: usize>(header: [&str; COLUMNS], rows: &[[String; COLUMNS]]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let line = |cells: [&str; COLUMNS]| {
        let padded: Vec<String> =
            cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        print_line(padded.join("  ").trim_end());
    };
    line(header);
    for row in rows {
        line(std::array::from_fn(|column| row[column].as_str()));
    }
}

/// Returns when each of these last used the bridge, according to the audit trail. `kind` is the
/// prefix of the id in the trail: `client` or `token`.
async fn last_uses(
    ledger: &Ledger,
    kind: &str,
    ids: impl Iterator<Item = &str>,
) -> Result<HashMap<String, OffsetDateTime>, LedgerError> {
    let identities: Vec<String> = ids.map(|id| format!("{kind} {id}")).collect();
    let uses = ledger.last_uses(&identities).await?;
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

/// Formats a time of a list for JSON.
fn rfc3339(moment: Option<OffsetDateTime>) -> Option<String> {
    moment.and_then(|moment| moment.format(&Rfc3339).ok())
}

/// Writes a line to stdout. A closed pipe is not an error.
fn print_line(line: &str) {
    use std::io::Write;
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
