//! `login-link`: prints a URL that opens the console once.

use clap::Args;
use secrecy::ExposeSecret;
use time::OffsetDateTime;

use super::actor::by_command;
use super::error::CommandError;
use super::output::print_line;
use super::stores::existing_stores;
use super::token::workspaces;
use crate::access::{CONSOLE, hash_of_random, random_secret};
use crate::clock::Clock;
use crate::config::Config;
use crate::limits;
use crate::stores::PageSessionStore;

#[derive(Debug, Args)]
pub struct Arguments {
    /// A workspace that the console shows. Can be repeated. The default is all workspaces.
    #[arg(long)]
    workspace: Vec<String>,
    /// End all sessions of the console and invalidate unused links, instead of printing a link.
    #[arg(long, conflicts_with = "workspace")]
    end_sessions: bool,
}

pub async fn run(config: &Config, arguments: &Arguments) -> Result<(), CommandError> {
    let shown = if arguments.workspace.is_empty() {
        config.workspace_names()
    } else {
        workspaces(config, &arguments.workspace)?
    };
    let stores = existing_stores(config).await?;
    let now = Clock::System.now();
    if arguments.end_sessions {
        let ended = stores
            .page_sessions
            .end_all(by_command("page.sessions_ended", CONSOLE, &shown, now))
            .await?;
        stores.close().await;
        print_line(&format!("ended: {ended}"));
        return Ok(());
    }
    let link = create(&stores.page_sessions, &config.public_url(), &shown, now).await?;
    stores.close().await;
    eprintln!(
        "Open this URL in a browser within ten minutes. It works once. The bridge must be running there."
    );
    print_line(&link);
    Ok(())
}

/// Creates a sign-in link for the console of these workspaces. Returns its URL.
pub async fn create(
    store: &PageSessionStore,
    public_url: &str,
    workspaces: &[String],
    now: OffsetDateTime,
) -> Result<String, CommandError> {
    let secret = random_secret()?;
    let hash = hash_of_random(secret.expose_secret());
    let events = by_command("page.link_made", CONSOLE, workspaces, now);
    store.add_login_link(&hash, workspaces, now + limits::LOGIN_LINK, events).await?;
    Ok(format!("{public_url}/login?link={}", secret.expose_secret()))
}
