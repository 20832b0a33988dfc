//! The command line: one file for each subcommand. Results go to stdout, messages and progress to
//! stderr.
//!
//! The other files are shared by several commands:
//!
//! ```text
//! actor      who runs a command                 error          why a command failed
//! arguments  parsers for arguments              hyphens        values that begin with a hyphen
//! last_use   when clients were last used        output         lines, tables, times
//! signals    requests to end the process        stores         opens the database
//! verdict    the result of a verification       trusted_clock  whether the clock can be trusted
//! ```
//!
//! `backup` and `person` are subcommands of `ledger`. `posture_record` and `posture_bundle` have
//! those of `posture`, and `posture_report` the report of both. `manual` also has `completions`.

mod activity;
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
mod last_use;
mod ledger;
mod login_link;
mod manual;
mod migrate;
mod notifications;
mod openapi;
mod output;
mod person;
mod posture;
mod posture_bundle;
mod posture_record;
mod posture_report;
mod roster;
mod saviynt_package;
mod serve;
mod signals;
#[cfg(feature = "simulator")]
mod simulate;
mod stores;
mod token;
mod trusted_clock;
mod verdict;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use error::CommandError;

use crate::clock::Clock;
#[cfg(feature = "simulator")]
use crate::config::wrong_log_filter;
use crate::config::{Config, ConfigError};
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
    /// Import the company's list of people, and decide whose account is whose.
    Roster(roster::Arguments),
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
    /// Print a one-time sign-in link for the console.
    LoginLink(login_link::Arguments),
    /// Export the entries of Intercom's activity log.
    #[command(subcommand)]
    Activity(activity::Command),
    /// Export the audit trail.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Validate the configuration, and check the database, trusted issuers and Intercom.
    Check(check::Arguments),
    /// Write the configuration files for Saviynt EIC, filled in for this bridge.
    SaviyntPackage(saviynt_package::Arguments),
    /// List, test, replay or resume the endpoints of outbound webhooks.
    #[command(subcommand)]
    Notifications(notifications::Command),
    /// Check whether the workspace is configured and used safely.
    Posture(posture::Arguments),
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
    /// Parses the arguments of the process. Prints help, version and errors, and then exits.
    #[must_use]
    pub fn read() -> Self {
        Self::read_from(&std::env::args_os().collect::<Vec<_>>())
            .unwrap_or_else(|error| error.exit())
    }

    fn read_from(arguments: &[OsString]) -> Result<Self, clap::Error> {
        let matches = hyphens::parse(Self::command(), arguments)?;
        Self::from_arg_matches(&matches)
    }

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
            Command::Completions(arguments) => manual::completions(Self::command(), arguments),
            Command::Manual => manual::manual(Self::command()),
            Command::Serve => serve::run(&self.settings(telemetry::USUAL)?, || self.load()).await,
            // Boxed: its size would otherwise be part of the future of every command.
            Command::Import(arguments) => {
                Box::pin(import::run(&self.settings("warn")?, arguments)).await
            }
            Command::Ledger(arguments) => ledger::run(&self.settings("warn")?, arguments).await,
            Command::Roster(arguments) => {
                Box::pin(roster::run(&self.settings("warn")?, arguments)).await
            }
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
            Command::Activity(command) => activity::run(&self.settings("warn")?, command).await,
            Command::Audit(command) => audit::run(&self.settings("warn")?, command).await,
            Command::Notifications(command) => {
                Box::pin(notifications::run(&self.settings("warn")?, command)).await
            }
            Command::Posture(arguments) => posture::run(&self.settings("warn")?, arguments).await,
            Command::SaviyntPackage(arguments) => {
                saviynt_package::run(&self.settings("warn")?, arguments).await
            }
            Command::Token(command) => token::run(&self.settings("warn")?, command).await,
            Command::Check(arguments) => {
                Box::pin(check::run(arguments, self.load(), Clock::System)).await
            }
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
