//! `keys`: the keys that sign the bridge's own tokens.

use std::time::Duration;

use clap::Subcommand;

use super::token::overlap;
use super::{COMMAND_LINE, CommandError, by_command, existing_ledger, system_user, when};
use crate::app::open_tokens;
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::{AuditEntry, Ledger};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign with a fresh key from now on. What was signed before stays good for a while.
    Rotate {
        /// How long, such as 90d; 0s if somebody else may know the key. Where it is left out: as
        /// long as the longest of the tokens that were issued.
        #[arg(long, value_parser = overlap)]
        overlap: Option<Duration>,
    },
    /// The encryption key is lost: forget every secret that was sealed with it. All tokens end, and
    /// workspaces that were connected by OAuth must be connected anew.
    Reset {
        /// That this is meant.
        #[arg(long)]
        yes: bool,
    },
}

pub async fn run(config: &Config, command: &Command) -> Result<(), CommandError> {
    let ledger = existing_ledger(config).await?;
    let result = match command {
        Command::Rotate { overlap } => rotate(config, &ledger, *overlap).await,
        Command::Reset { yes: true } => reset(&ledger).await,
        Command::Reset { yes: false } => Err(CommandError::new(
            "this ends all tokens and all connections by OAuth; say --yes if the encryption key is really lost",
        )),
    };
    ledger.close().await;
    result
}

async fn rotate(
    config: &Config,
    ledger: &Ledger,
    overlap: Option<Duration>,
) -> Result<(), CommandError> {
    let (clock, now) = (Clock::System, Clock::System.now());
    let tokens = open_tokens(config, ledger, &config.public_url(), &clock).await?;
    let until = if let Some(overlap) = overlap {
        now + overlap
    } else {
        let issued = ledger.tokens().await?.into_iter().filter(|token| token.revoked_at.is_none());
        let last = issued.map(|token| token.expires_at).max();
        last.unwrap_or(now).max(now + config.access.token_ttl)
    };
    let (actor, identity) = (Some(COMMAND_LINE.to_owned()), Some(system_user()));
    let event = AuditEntry { actor, identity, ..AuditEntry::event("keys.rotated", now) };
    let id = tokens.rotate(ledger, until, event).await?;
    eprintln!(
        "The key {id} signs from now on; what was signed before is good until {}.",
        when(until)
    );
    Ok(())
}

async fn reset(ledger: &Ledger) -> Result<(), CommandError> {
    ledger.forget_sealed(by_command("keys.reset", "all", &[], Clock::System.now())).await?;
    eprintln!(
        "Every sealed secret is forgotten. Start the bridge, issue tokens, and run `connect` where it was used."
    );
    Ok(())
}
