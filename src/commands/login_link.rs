//! `login-link`: prints a URL that opens the console once.

use clap::Args;
use secrecy::ExposeSecret;
use time::OffsetDateTime;

use super::actor::{by_command, by_command_with, system_user};
use super::arguments::name;
use super::error::CommandError;
use super::output::print_line;
use super::stores::existing_stores;
use super::token::workspaces;
use crate::access::{CONSOLE, hash_of_random, random_secret};
use crate::clock::Clock;
use crate::config::Config;
use crate::console::{ConsoleRole, SignInMethod, SignedIn};
use crate::limits;
use crate::stores::PageSessionStore;
use crate::words::Words;

#[derive(Debug, Args)]
pub struct Arguments {
    /// A workspace that the console shows. Can be repeated. The default is all workspaces.
    #[arg(long)]
    workspace: Vec<String>,
    /// What the link permits: viewer (look), reviewer (also review access, decide whose an account
    /// is, and close requests) or admin (also release held imports and revoke clients).
    #[arg(long, default_value_t = ConsoleRole::Viewer, value_parser = role)]
    role: ConsoleRole,
    /// The name of the person who will use the link. The audit trail shows it for everything that
    /// the person does. The default is your system user.
    #[arg(long, value_parser = name)]
    name: Option<String>,
    /// End all sessions of the console and invalidate unused links, instead of printing a link.
    #[arg(long, conflicts_with_all = ["workspace", "role", "name"])]
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
    let person = SignedIn {
        name: arguments.name.clone().unwrap_or_else(system_user),
        role: arguments.role,
        method: SignInMethod::Link,
        workspaces: shown,
    };
    let link = create(&stores.page_sessions, &config.public_url(), &person, now).await?;
    stores.close().await;
    eprintln!(
        "Open this URL in a browser within ten minutes. It works once. The bridge must be running there.\nIt signs in {} with the role {}.",
        person.name, person.role
    );
    print_line(&link);
    Ok(())
}

/// Creates a sign-in link for a person. Returns its URL.
pub async fn create(
    store: &PageSessionStore,
    public_url: &str,
    person: &SignedIn,
    now: OffsetDateTime,
) -> Result<String, CommandError> {
    let secret = random_secret()?;
    let hash = hash_of_random(secret.expose_secret());
    let detail = format!("role {}, for {}", person.role, person.name);
    let events = by_command_with("page.link_made", CONSOLE, &person.workspaces, &detail, now);
    store.add_login_link(&hash, person, now + limits::LOGIN_LINK, events).await?;
    Ok(format!("{public_url}/login?link={}", secret.expose_secret()))
}

fn role(text: &str) -> Result<ConsoleRole, String> {
    ConsoleRole::from_word(text).ok_or_else(|| format!("must be one of {}", ConsoleRole::list()))
}
