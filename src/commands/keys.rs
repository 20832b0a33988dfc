//! `keys`: the keys that sign the bridge's own tokens.

use std::time::Duration;

use clap::Subcommand;

use super::actor::{COMMAND_LINE, by_command, system_user};
use super::error::CommandError;
use super::output::when;
use super::stores::existing_stores;
use super::token::overlap;
use super::trusted_clock::{Comparison, compare};
use crate::app::open_tokens;
use crate::clock::Clock;
use crate::config::Config;
use crate::database::AuditEntry;
use crate::directory::DEFAULT_WORKSPACE;
use crate::stores::Stores;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign new tokens with a new key. Tokens signed with the previous key stay valid for a while.
    Rotate {
        /// How long the previous key stays valid, such as 90d. Use 0s if the key may be known to
        /// others. The default is the longest lifetime of the issued tokens.
        #[arg(long, value_parser = overlap)]
        overlap: Option<Duration>,
    },
    /// Delete every secret that was encrypted with a lost encryption key. All tokens become
    /// invalid, and workspaces that were connected by OAuth must be connected again.
    Reset {
        /// Confirm that the key is lost.
        #[arg(long)]
        yes: bool,
    },
}

pub async fn run(config: &Config, command: &Command) -> Result<(), CommandError> {
    let stores = existing_stores(config).await?;
    let result = match command {
        Command::Rotate { overlap } => rotate(config, &stores, *overlap).await,
        Command::Reset { yes: true } => reset(&stores).await,
        Command::Reset { yes: false } => Err(CommandError::new(
            "this invalidates all tokens and all OAuth connections; use --yes if the encryption key is really lost",
        )),
    };
    stores.close().await;
    result
}

async fn rotate(
    config: &Config,
    stores: &Stores,
    overlap: Option<Duration>,
) -> Result<(), CommandError> {
    let clock = Clock::System;
    let now = clock.now();
    let ends_all = overlap.is_some_and(|overlap| overlap.is_zero());
    if !ends_all
        && let Comparison::Differs(ahead) = compare(config, DEFAULT_WORKSPACE, &clock).await
    {
        return Err(CommandError::new(format!(
            "this machine's clock is {ahead} s ahead of Intercom's (less than 0: behind), and earlier \
             keys would end at the wrong time: set the clock and run the command again, or say \
             --overlap 0s to end them now"
        )));
    }
    let tokens = open_tokens(config, &stores.access, &config.public_url(), &clock).await?;
    let until = if let Some(overlap) = overlap {
        now + overlap
    } else {
        let issued =
            stores.access.tokens().await?.into_iter().filter(|token| token.revoked_at.is_none());
        let last = issued.map(|token| token.expires_at).max();
        last.unwrap_or(now).max(now + config.access.token_ttl)
    };
    let actor = Some(COMMAND_LINE.to_owned());
    let identity = Some(system_user());
    let event = AuditEntry { actor, identity, ..AuditEntry::event("keys.rotated", now) };
    let id = tokens.rotate(&stores.access, until, event).await?;
    eprintln!(
        "New tokens are signed with the key {id}. Tokens signed with the previous key are valid until {}.",
        when(until)
    );
    Ok(())
}

async fn reset(stores: &Stores) -> Result<(), CommandError> {
    stores.access.forget_sealed(by_command("keys.reset", "all", &[], Clock::System.now())).await?;
    eprintln!(
        "All encrypted secrets are deleted. Start the bridge, issue tokens, and run `connect` for workspaces that used it."
    );
    Ok(())
}
