//! `connect` and `disconnect`: connect a workspace by OAuth.

use clap::Args;
use secrecy::ExposeSecret;

use super::actor::by_command;
use super::error::CommandError;
use super::output::print_line;
use super::stores::existing_stores;
use crate::access::{hash_of_random, random_secret};
use crate::app::{importer_of, open_connection, vault, workspace_of};
use crate::clock::Clock;
use crate::config::Config;
use crate::directory::DEFAULT_WORKSPACE;
use crate::import::ConnectError;
use crate::intercom::IntercomError;
use crate::limits;
use crate::stores::ConnectionStore;

#[derive(Debug, Args)]
pub struct Connect {
    /// The workspace.
    #[arg(long, default_value = DEFAULT_WORKSPACE)]
    workspace: String,
}

#[derive(Debug, Args)]
pub struct Disconnect {
    /// The workspace.
    #[arg(long, default_value = DEFAULT_WORKSPACE)]
    workspace: String,
    /// Delete the token even if Intercom cannot be reached to revoke it.
    #[arg(long)]
    force: bool,
}

/// Prints the URL where an operator authorises the app.
pub async fn connect(config: &Config, arguments: &Connect) -> Result<(), CommandError> {
    let workspace = workspace_of(config, &arguments.workspace)?;
    let stores = existing_stores(config).await?;
    let (_, connector) = importer_of(config, &workspace, &stores.ledger, &Clock::System)?;
    if !connector.by_oauth() {
        return Err(CommandError::new(ConnectError::NoApp.to_string()));
    }
    let ticket = random_secret()?;
    let now = Clock::System.now();
    let hash = hash_of_random(ticket.expose_secret());
    let event = by_command(
        "workspace.connect_begun",
        &workspace.name,
        std::slice::from_ref(&workspace.name),
        now,
    );
    stores.connections.begin(&workspace.name, &hash, now + limits::CONNECT_TICKET, event).await?;
    stores.close().await;
    eprintln!(
        "Open this URL in a browser within ten minutes. It works once. The bridge must be running there."
    );
    print_line(&format!(
        "{}/connect/intercom?ticket={}",
        config.public_url(),
        ticket.expose_secret()
    ));
    Ok(())
}

/// Revokes the token at Intercom and deletes it.
pub async fn disconnect(config: &Config, arguments: &Disconnect) -> Result<(), CommandError> {
    let workspace = workspace_of(config, &arguments.workspace)?;
    let stores = existing_stores(config).await?;
    let connections = stores.connections.all().await?;
    let Some(connection) =
        connections.into_iter().find(|connection| connection.workspace == workspace.name)
    else {
        return Err(CommandError::new(format!(
            "the workspace {} is not connected by OAuth",
            workspace.name
        )));
    };
    if !arguments.force {
        let (_, connector) = importer_of(config, &workspace, &stores.ledger, &Clock::System)?;
        let token = open_connection(
            &vault(config, &stores.access).await?,
            &stores.connections,
            &connection,
        )
        .await?;
        connector.take(Some(&token)).map_err(CommandError::new)?;
        match connector.uninstall().await {
            // The token is already invalid.
            Ok(()) | Err(IntercomError::Unauthorized { .. }) => {}
            Err(error) => {
                return Err(CommandError::new(format!(
                    "Intercom did not revoke the token ({error}), so nothing was changed; try again, or use \
                     --force and uninstall the app in Intercom's settings"
                )));
            }
        }
    }
    forget(&stores.connections, &workspace.name).await?;
    stores.close().await;
    eprintln!("{} is disconnected; the imported data stays.", workspace.name);
    Ok(())
}

async fn forget(store: &ConnectionStore, workspace: &str) -> Result<(), CommandError> {
    let event = by_command(
        "workspace.disconnected",
        workspace,
        &[workspace.to_owned()],
        Clock::System.now(),
    );
    store.disconnect(workspace, event).await?;
    Ok(())
}
