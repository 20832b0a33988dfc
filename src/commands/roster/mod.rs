//! `roster`: imports the company's list of people, and records decisions about accounts.
//!
//! ```text
//! context    what they share
//! import     reads a file or an identity provider
//! decisions  decisions about accounts
//! status     versions, and how many accounts have no person
//! ```

mod context;
mod decisions;
mod import;
mod status;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use serde_json::json;

use super::error::CommandError;
use super::output::print_line;
use super::stores::new_or_existing_stores;
use crate::app::{identities_of, workspace_of};
use crate::clock::Clock;
use crate::config::Config;
use crate::directory::DEFAULT_WORKSPACE;
use crate::identities::Identities;
pub use context::author;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The workspace.
    #[arg(long, global = true, default_value = DEFAULT_WORKSPACE)]
    workspace: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Import a list of people as the next version of the roster: CSV, JSON or NDJSON.
    Import(import::Arguments),
    /// Read the roster from the identity provider of [roster.pull] now.
    Pull(import::PullArguments),
    /// Print the versions of the roster, and how many accounts have no person.
    Status {
        /// Print the status as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put a version in force that is held.
    Accept {
        /// The number of the version.
        #[arg(value_name = "VERSION")]
        number: u64,
    },
    /// Erase a person from all versions of the roster and from decisions. Later imports leave the
    /// person out.
    Forget {
        /// The key of the person; of a person in the current roster, also another id or an address.
        #[arg(allow_hyphen_values = true, value_parser = NonEmptyStringValueParser::new())]
        key: String,
        /// Let later imports read the person again. The key must be the one that was forgotten.
        #[arg(long)]
        undo: bool,
        /// Print what was erased as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Decide whose account it is, or which class it has.
    Decide(decisions::DecideArguments),
    /// Revoke a decision.
    Revoke {
        /// The number of the decision.
        id: u64,
    },
    /// Print the decisions, or import many of them.
    #[command(subcommand)]
    Decisions(decisions::Command),
}

pub async fn run(config: &Config, arguments: &Arguments) -> Result<(), CommandError> {
    let workspace = workspace_of(config, &arguments.workspace)?;
    let stores = new_or_existing_stores(config).await?;
    let clock = Clock::System;
    let identities = identities_of(config, &workspace.name, &stores, &clock);
    let result = execute(config, &arguments.command, &identities).await;
    stores.close().await;
    result
}

async fn execute(
    config: &Config,
    command: &Command,
    identities: &Identities,
) -> Result<(), CommandError> {
    match command {
        Command::Import(arguments) => import::import(identities, arguments).await,
        Command::Pull(arguments) => import::pull(config, identities, arguments).await,
        Command::Status { json } => status::print(identities, *json).await,
        Command::Accept { number } => {
            identities.accept(*number, &author()).await?;
            print_line(&format!("version {number} of the roster is in force"));
            Ok(())
        }
        Command::Forget { key, undo: true, .. } => {
            identities.remember(key, &author()).await?;
            print_line("later imports read this person again");
            Ok(())
        }
        Command::Forget { key, json, .. } => forget(identities, key, *json).await,
        Command::Decide(arguments) => decisions::decide(identities, arguments).await,
        Command::Revoke { id } => {
            identities.revoke(*id, &author()).await?;
            print_line(&format!("decision {id} is revoked"));
            Ok(())
        }
        Command::Decisions(command) => decisions::run(identities, command).await,
    }
}

async fn forget(identities: &Identities, key: &str, json: bool) -> Result<(), CommandError> {
    let forgotten = identities.forget(key, &author()).await?;
    if json {
        print_line(&json!(forgotten).to_string());
        return Ok(());
    }
    print_line(&format!(
        "erased: {} states of the person, {} references of other people, {} decisions. Backups \
         and the source still have the data; see docs/privacy.md",
        forgotten.people, forgotten.references, forgotten.decisions
    ));
    Ok(())
}
