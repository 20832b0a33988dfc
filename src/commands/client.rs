//! `client`: OAuth clients.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::actor::{by_command, by_command_with};
use super::arguments::name;
use super::error::CommandError;
use super::last_use::{last_uses, print_last_use_note};
use super::output::{print_line, print_table, rfc3339, when, when_known};
use super::stores::{existing_stores, new_or_existing_stores};
use super::token::{Scopes, overlap, workspaces};
use crate::access::{
    AccessError, ClientKeys, Scope, authentication_method, client_id, client_secret,
    client_secret_of,
};
use crate::app::{key_file, stored_vault, vault};
use crate::clock::Clock;
use crate::config::Config;
use crate::limits;
use crate::stores::{OAuthClient, Stores};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a client and print its id and secret. The secret is shown only once. With --jwks or
    /// --jwks-url the client has no secret: it signs a JWT for each token request (private_key_jwt).
    Create(Create),
    /// List all clients.
    List {
        /// Print the list as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Permanently disable a client. Its tokens become invalid within a second.
    Disable {
        /// The id of the client.
        id: String,
    },
    /// Give a client a new secret and print it. It is shown only once. The previous secret stays
    /// valid for a while. With --jwks or --jwks-url the client gets these public keys instead.
    Rotate {
        /// The id of the client.
        id: String,
        /// How long the previous secret stays valid, such as 24h. Use 0s if the secret may be known
        /// to others: its tokens then become invalid too.
        #[arg(long, default_value = "24h", value_parser = overlap)]
        overlap: Duration,
        #[command(flatten)]
        keys: Keys,
        /// Print the id and the secret as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub struct Create {
    /// The name in lists and logs.
    #[arg(long, value_parser = name)]
    name: String,
    /// The scopes that its tokens may have, separated by spaces: scim.read, import.read,
    /// activity.read, import.run, lifecycle.write, posture.read, roster.read, roster.write, admin.
    #[arg(long, default_value = "scim.read")]
    scope: Scopes,
    /// A workspace that its tokens give access to. Can be repeated. Can be omitted if only one is
    /// configured.
    #[arg(long)]
    workspace: Vec<String>,
    #[command(flatten)]
    keys: Keys,
    /// Print the id and the secret as JSON.
    #[arg(long)]
    json: bool,
}

/// The public keys of a client that signs JWTs.
#[derive(Debug, Args)]
pub struct Keys {
    /// A file with the client's public keys: a JWK Set or a JWK (RFC 7517). The algorithms are
    /// RS256, PS256, ES256 and EdDSA.
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_url")]
    jwks: Option<PathBuf>,
    /// The https URL where the client publishes its public keys as a JWK Set.
    #[arg(long, value_name = "URL")]
    jwks_url: Option<String>,
}

impl Keys {
    /// What the database stores for these keys; `None` if no option names any.
    fn stored(&self) -> Result<Option<String>, CommandError> {
        if let Some(url) = &self.jwks_url {
            let stored = ClientKeys::stored_url(url);
            return stored.map(Some).map_err(|error| {
                CommandError::new(format!("--jwks-url `{url}` cannot be used: {error}"))
            });
        }
        let Some(file) = &self.jwks else { return Ok(None) };
        let text = read_keys(file).map_err(|error| {
            CommandError::new(format!("the keys in {} cannot be read: {error}", file.display()))
        })?;
        ClientKeys::stored_set(&text).map(Some).map_err(|error| {
            CommandError::new(format!("the keys in {} cannot be used: {error}", file.display()))
        })
    }
}

/// Reads a file of at most [`limits::CLIENT_KEYS_BYTES`].
fn read_keys(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read =
        std::fs::File::open(file)?.take(limits::CLIENT_KEYS_BYTES + 1).read_to_string(&mut text)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > limits::CLIENT_KEYS_BYTES {
        return Err(std::io::Error::other(format!(
            "it is larger than {} KiB",
            limits::CLIENT_KEYS_BYTES / 1024
        )));
    }
    Ok(text)
}

pub async fn run(config: &Config, command: &Command) -> Result<(), CommandError> {
    let stores = match command {
        Command::Create(_) => new_or_existing_stores(config).await?,
        _ => existing_stores(config).await?,
    };
    let result = match command {
        Command::Create(create) => make(config, &stores, create).await,
        Command::List { json } => list(config, &stores, *json).await,
        Command::Disable { id } => disable(&stores, id).await,
        Command::Rotate { id, overlap, keys, json } => {
            let credential = Credential::new(config, &stores, id, keys).await;
            match credential {
                Ok(credential) => rotate(&stores, id, &credential, *overlap, *json).await,
                Err(error) => Err(error),
            }
        }
    };
    stores.close().await;
    result
}

async fn make(config: &Config, stores: &Stores, create: &Create) -> Result<(), CommandError> {
    let now = Clock::System.now();
    let id = client_id(&create.name)?;
    let credential = Credential::new(config, stores, &id, &create.keys).await?;
    let client = OAuthClient {
        id,
        name: create.name.clone(),
        secret_hash: credential.stored.clone(),
        previous: None,
        scope: Scope::list(&create.scope.0),
        workspaces: workspaces(config, &create.workspace)?,
        created_at: now,
        rotated_at: None,
        disabled_at: None,
    };
    let detail = format!("scope {}", client.scope);
    let events = by_command_with("client.created", &client.id, &client.workspaces, &detail, now);
    if !stores.access.add_named_client(&client, events).await? {
        return Err(CommandError::new(format!(
            "there already is a client named `{}`, so none was created; choose another --name, disable \
             that client with `client disable` (`client list` shows its id), or give it a new secret \
             with `client rotate`",
            client.name
        )));
    }
    credential.show(&client.id, create.json);
    Ok(())
}

/// The new secret or keys of a client.
struct Credential {
    /// The secret, which is shown once; `None` for keys.
    secret: Option<SecretString>,
    /// What the database stores.
    stored: String,
}

impl Credential {
    /// The keys that the options name, else a new secret.
    async fn new(
        config: &Config,
        stores: &Stores,
        id: &str,
        keys: &Keys,
    ) -> Result<Self, CommandError> {
        if let Some(keys) = keys.stored()? {
            return Ok(Self { secret: None, stored: keys });
        }
        let (secret, hash) = fresh_secret(config, stores, id).await?;
        Ok(Self { secret: Some(secret), stored: hash })
    }

    fn show(&self, id: &str, json: bool) {
        let secret = self.secret.as_ref().map(SecretString::expose_secret);
        match (json, secret) {
            (true, Some(secret)) => {
                print_line(&json!({"client_id": id, "client_secret": secret}).to_string());
            }
            (true, None) => print_line(&json!({"client_id": id}).to_string()),
            (false, Some(secret)) => {
                print_line(&format!("client_id     {id}\nclient_secret {secret}"));
                eprintln!("The secret is not stored and cannot be shown again.");
            }
            (false, None) => {
                print_line(&format!("client_id     {id}"));
                eprintln!("The client authenticates with its private key (private_key_jwt).");
            }
        }
    }
}

async fn list(config: &Config, stores: &Stores, json: bool) -> Result<(), CommandError> {
    let clients = stores.access.clients().await?;
    let uses =
        last_uses(&stores.audit, "client", clients.iter().map(|client| client.id.as_str())).await?;
    if json {
        let shown = clients.iter().map(|client| {
            let mut shown = json!(client);
            shown["last_used_at"] = json!(rfc3339(uses.get(&client.id).copied()));
            shown["authentication"] = json!(authentication_method(&client.secret_hash));
            shown
        });
        print_line(&shown.collect::<Value>().to_string());
        return Ok(());
    }
    if clients.is_empty() {
        eprintln!("There are no clients yet; create one with `client create --name NAME`.");
        return Ok(());
    }
    let rows: Vec<[String; 8]> = clients
        .into_iter()
        .map(|client| {
            let state = client
                .disabled_at
                .map_or_else(|| "active".to_owned(), |at| format!("disabled {}", when(at)));
            [
                client.name,
                state,
                client.scope,
                client.workspaces.join(","),
                when(client.created_at),
                when_known(client.rotated_at),
                when_known(uses.get(&client.id).copied()),
                client.id,
            ]
        })
        .collect();
    print_table(
        ["NAME", "STATE", "SCOPE", "WORKSPACES", "CREATED", "ROTATED", "LAST USED", "ID"],
        &rows,
    );
    print_last_use_note(config);
    Ok(())
}

async fn disable(stores: &Stores, id: &str) -> Result<(), CommandError> {
    let client = known(stores, id).await?;
    let now = Clock::System.now();
    if stores
        .access
        .disable_client(id, by_command("client.disabled", id, &client.workspaces, now), now)
        .await?
    {
        eprintln!("{id} is disabled; its tokens become invalid within a second.");
    } else {
        eprintln!("{id} was already disabled.");
    }
    Ok(())
}

async fn rotate(
    stores: &Stores,
    id: &str,
    credential: &Credential,
    overlap: Duration,
    json: bool,
) -> Result<(), CommandError> {
    let client = known(stores, id).await?;
    let now = Clock::System.now();
    if client.disabled_at.is_some() {
        return Err(CommandError::new(format!("{id} is disabled; create a new client instead")));
    }
    if credential.stored == client.secret_hash {
        return Err(CommandError::new(format!("{id} already has these keys; nothing was changed")));
    }
    let event = by_command("client.rotated", id, &client.workspaces, now);
    stores.access.rotate_client(&client, &credential.stored, now + overlap, event, now).await?;
    credential.show(id, json);
    if overlap.is_zero() {
        eprintln!(
            "The previous secret or key is invalid; tokens that were obtained with it become invalid within a second."
        );
    }
    Ok(())
}

/// Creates a secret that carries the bridge's tag; without the encryption key, one that does not.
async fn fresh_secret(
    config: &Config,
    stores: &Stores,
    id: &str,
) -> Result<(SecretString, String), AccessError> {
    // For a SQLite database, the key is created in the file where the bridge looks for it.
    // Otherwise only the bridge creates it.
    let url = config.database.url.expose_secret();
    let made_here = url.starts_with("sqlite:") && key_file(url).is_some();
    let vault = match stored_vault(config, &stores.access).await {
        Ok(None) if made_here => vault(config, &stores.access).await.ok(),
        known => known.ok().flatten(),
    };
    match vault {
        Some(vault) => client_secret_of(id, &vault),
        None => client_secret(),
    }
}

async fn known(stores: &Stores, id: &str) -> Result<OAuthClient, CommandError> {
    let unknown =
        || CommandError::new(format!("there is no client `{id}`; `client list` shows all"));
    stores.access.client(id).await?.ok_or_else(unknown)
}
