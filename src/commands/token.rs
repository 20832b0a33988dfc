//! `token`: tokens for clients that cannot use OAuth.

use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::actor::{by_command, by_command_with};
use super::arguments::{days, name};
use super::error::CommandError;
use super::last_use::{last_uses, print_last_use_note};
use super::output::{print_line, print_table, rfc3339, when, when_known};
use super::stores::{existing_stores, new_or_existing_stores};
use crate::access::{Grant, Scope};
use crate::app::{open_tokens, workspace_of};
use crate::clock::Clock;
use crate::config::Config;
use crate::limits;
use crate::stores::{IssuedToken, Stores};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Issue an access token and print it on stdout.
    Issue(Issue),
    /// List all issued tokens. The tokens themselves are not stored.
    List {
        /// Print the list as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token. It becomes invalid within a second.
    Revoke {
        /// The id of the token, as shown by `token list`.
        id: String,
    },
}

#[derive(Debug, Args)]
pub struct Issue {
    /// The scopes of the token, separated by spaces: scim.read, import.read, activity.read,
    /// import.run, lifecycle.write, posture.read, roster.read, roster.write, admin.
    #[arg(long, default_value = "scim.read")]
    scope: Scopes,
    /// The lifetime, such as 1h, 30d or 365d.
    #[arg(long, default_value = "1h", value_parser = ttl)]
    ttl: Duration,
    /// A workspace that the token gives access to. Can be repeated. Can be omitted if only one is
    /// configured.
    #[arg(long)]
    workspace: Vec<String>,
    /// The user or system of the token, as shown in the audit trail and in recorded requests.
    #[arg(long, default_value = "token", value_parser = name)]
    subject: String,
}

fn ttl(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(ttl) if (Duration::from_secs(1)..=limits::LONGEST_OVERLAP).contains(&ttl) => Ok(ttl),
        _ => Err(format!(
            "must be a duration from 1s to {}d, such as 1h or 30d",
            days(limits::LONGEST_OVERLAP)
        )),
    }
}

/// Parses how long the previous secret or key stays valid.
pub fn overlap(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(overlap) if overlap <= limits::LONGEST_OVERLAP => Ok(overlap),
        _ => Err(format!(
            "must be a duration up to {}d, such as 24h; 0s for none",
            days(limits::LONGEST_OVERLAP)
        )),
    }
}

/// A list of at least one scope in one argument.
#[derive(Clone, Debug)]
pub struct Scopes(pub Vec<Scope>);

impl FromStr for Scopes {
    type Err = String;

    fn from_str(list: &str) -> Result<Self, String> {
        let scopes = Scope::parse_list(list).map_err(|unknown| unknown.to_string())?;
        if scopes.is_empty() {
            Err("name at least one scope, such as scim.read".to_owned())
        } else {
            Ok(Self(scopes))
        }
    }
}

/// Returns the named workspaces; the only one in the settings if none is named.
pub fn workspaces(config: &Config, named: &[String]) -> Result<Vec<String>, CommandError> {
    for name in named {
        workspace_of(config, name)?;
    }
    let all = config.workspace_names();
    match (named, all.as_slice()) {
        ([], [only]) => Ok(vec![only.clone()]),
        ([], _) => Err(CommandError::new(format!(
            "choose workspaces with --workspace; these are configured: {}",
            all.join(", ")
        ))),
        (named, _) => {
            let mut once = named.to_vec();
            once.sort();
            once.dedup();
            Ok(once)
        }
    }
}

pub async fn run(config: &Config, command: &Command) -> Result<(), CommandError> {
    let stores = match command {
        Command::Issue(_) => new_or_existing_stores(config).await?,
        _ => existing_stores(config).await?,
    };
    let result = match command {
        Command::Issue(issue) => issue_token(config, &stores, issue).await,
        Command::List { json } => list(config, &stores, *json).await,
        Command::Revoke { id } => revoke(&stores, id).await,
    };
    stores.close().await;
    result
}

async fn issue_token(config: &Config, stores: &Stores, issue: &Issue) -> Result<(), CommandError> {
    let tokens = open_tokens(config, &stores.access, &config.public_url(), &Clock::System).await?;
    let grant = Grant {
        subject: issue.subject.clone(),
        client: None,
        scopes: issue.scope.0.clone(),
        workspaces: workspaces(config, &issue.workspace)?,
        ttl: issue.ttl,
    };
    let issued = tokens.issue(&grant)?;
    let recorded = IssuedToken {
        id: issued.id.clone(),
        key_id: issued.key_id.clone(),
        subject: grant.subject,
        scope: Scope::list(&grant.scopes),
        workspaces: grant.workspaces,
        issued_at: issued.issued_at,
        expires_at: issued.expires_at,
        revoked_at: None,
    };
    let detail = format!("scope {}; subject {}", recorded.scope, recorded.subject);
    let event = by_command_with(
        "token.issued",
        &issued.id,
        &recorded.workspaces,
        &detail,
        issued.issued_at,
    );
    stores.access.add_token(&recorded, event).await?;
    eprintln!(
        "The token's id is {}. It is valid until {}. Revoke it with `token revoke {}`.",
        issued.id,
        when(issued.expires_at),
        issued.id
    );
    print_line(issued.expose());
    Ok(())
}

async fn list(config: &Config, stores: &Stores, json: bool) -> Result<(), CommandError> {
    let tokens = stores.access.tokens().await?;
    let now = Clock::System.now();
    let uses =
        last_uses(&stores.audit, "token", tokens.iter().map(|token| token.id.as_str())).await?;
    if json {
        let shown = tokens.iter().map(|token| {
            let mut shown = json!(token);
            shown["last_used_at"] = json!(rfc3339(uses.get(&token.id).copied()));
            shown
        });
        print_line(&shown.collect::<Value>().to_string());
        return Ok(());
    }
    if tokens.is_empty() {
        eprintln!("There are no tokens yet; issue one with `token issue`.");
        return Ok(());
    }
    let keys = stores.access.signing_keys().await?;
    let rows: Vec<[String; 8]> = tokens
        .into_iter()
        .map(|token| {
            let key = keys.iter().find(|key| key.id == token.key_id);
            let ends = key
                .and_then(|key| key.verifies_until)
                .map_or(token.expires_at, |until| until.min(token.expires_at));
            let state = match token.revoked_at {
                Some(at) => format!("revoked {}", when(at)),
                None if key.is_none() => "ended with its key".to_owned(),
                None if ends <= now => "expired".to_owned(),
                None => "active".to_owned(),
            };
            [
                token.subject,
                state,
                token.scope,
                token.workspaces.join(","),
                when(token.issued_at),
                when(ends),
                when_known(uses.get(&token.id).copied()),
                token.id,
            ]
        })
        .collect();
    print_table(
        ["SUBJECT", "STATE", "SCOPE", "WORKSPACES", "ISSUED", "EXPIRES", "LAST USED", "ID"],
        &rows,
    );
    print_last_use_note(config);
    Ok(())
}

async fn revoke(stores: &Stores, id: &str) -> Result<(), CommandError> {
    let now = Clock::System.now();
    let known = stores.access.tokens().await?.into_iter().find(|token| token.id == id);
    let token = known.ok_or_else(|| {
        CommandError::new(format!("there is no token `{id}`; `token list` shows all"))
    })?;
    if stores
        .access
        .revoke_token(id, by_command("token.revoked", id, &token.workspaces, now), now)
        .await?
    {
        eprintln!("{id} is revoked; it becomes invalid within a second.");
    } else {
        eprintln!("{id} was already revoked.");
    }
    Ok(())
}
