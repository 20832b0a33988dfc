//! `token issue`: prints a token for a client that can only hold one.

use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{CommandError, print_line};
use crate::access::{Grant, Scope, Tokens, UnknownScope};
use crate::app::{DEFAULT_WORKSPACE, open_ledger};
use crate::clock::Clock;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a new access token, alone, on stdout.
    Issue(Issue),
}

#[derive(Debug, Args)]
pub struct Issue {
    /// What it may do, separated by spaces: scim.read, import.read, import.run, lifecycle.write, admin.
    #[arg(long, default_value = "scim.read")]
    scope: Scopes,
    /// How long it is good for, such as 1h, 30d or 365d.
    #[arg(long, default_value = "1h", value_parser = ttl)]
    ttl: Duration,
    /// Which workspace it opens.
    #[arg(long, default_value = DEFAULT_WORKSPACE)]
    workspace: String,
    /// Whom it is for; appears in the record of refused writes.
    #[arg(long, default_value = "token")]
    subject: String,
}

/// Longer ones are as good as never ending, and a token cannot be taken back.
const LONGEST_TTL: Duration = Duration::from_hours(10 * 365 * 24);

fn ttl(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(ttl) if (Duration::from_secs(1)..=LONGEST_TTL).contains(&ttl) => Ok(ttl),
        _ => Err("must be a duration from 1s to 3650d, such as 1h or 30d".to_owned()),
    }
}

/// A list of scopes in one argument.
#[derive(Clone, Debug)]
struct Scopes(Vec<Scope>);

impl FromStr for Scopes {
    type Err = UnknownScope;

    fn from_str(list: &str) -> Result<Self, UnknownScope> {
        Scope::parse_list(list).map(Self)
    }
}

pub async fn run(config: &Config, command: &Command) -> Result<(), CommandError> {
    let Command::Issue(issue) = command;
    if issue.workspace != DEFAULT_WORKSPACE {
        return Err(CommandError::new(format!(
            "there is no workspace `{}`; there is: {DEFAULT_WORKSPACE}",
            issue.workspace
        )));
    }
    let (ledger, _) = open_ledger(config).await?;
    let tokens = Tokens::open(&ledger, Clock::System).await.map_err(|error| CommandError::new(error.to_string()))?;
    let grant = Grant {
        subject: issue.subject.clone(),
        scopes: issue.scope.0.clone(),
        workspaces: vec![issue.workspace.clone()],
        ttl: issue.ttl,
    };
    let token = tokens.issue(&grant).map_err(|error| CommandError::new(error.to_string()))?;
    ledger.close().await;
    print_line(&token);
    Ok(())
}
