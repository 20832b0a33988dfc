//! The verification of a copy of the database.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::files::draft_beside;
use crate::access::{KeyRing, connection_purpose};
use crate::app::stored_vault;
use crate::commands::error::CommandError;
use crate::commands::output::print_line;
use crate::commands::verdict::{document, summary};
use crate::config::Config;
use crate::database::{CopyError, Database};
use crate::ledger::{Ledger, LedgerError, Verified};
use crate::stores::Stores;

/// The content of a copy.
pub struct Copy {
    verified: Vec<(String, Verified)>,
    /// The number of migrations that it lacks.
    pub migrations: usize,
    /// Whether the encryption key opens its secrets.
    pub key: Key,
}

/// Whether the encryption key of the settings opens the encrypted values of a copy.
pub enum Key {
    NotNeeded,
    Fits,
    Wrong(String),
}

/// Verifies a copy. `shown` is its name in messages.
pub async fn check(config: &Config, copy: &Path, shown: &Path) -> Result<Copy, CommandError> {
    let refused = |error: CopyError| cannot_be_used(shown, &error);
    let unreadable = |error: LedgerError| {
        let error = error.chain();
        CommandError::new(format!("{} cannot be used: it cannot be read: {error}", shown.display()))
    };
    let database = Database::open_copy(copy, true).await.map_err(refused)?;
    let stores = Stores::new(&database);
    let checked = async {
        let migrations = database.inspect().await.map_err(refused)?;
        let verified = match migrations {
            0 => verify(&stores.ledger).await.map_err(unreadable)?,
            _ => Vec::new(),
        };
        Ok::<_, CommandError>((migrations, verified, key_of(config, &stores).await))
    };
    let checked = checked.await;
    stores.close().await;
    let (migrations, mut verified, key) = checked?;
    if migrations > 0 {
        // The copy has the tables of an earlier version. Migrate and verify a copy of it.
        let scratch = draft_beside(copy)?;
        fs::copy(copy, scratch.path())?;
        let database = Database::open_copy(scratch.path(), false).await.map_err(refused)?;
        let ledger = Ledger::new(database);
        let checked = async {
            ledger.migrate().await?;
            verify(&ledger).await
        };
        let checked = checked.await;
        ledger.close().await;
        verified = checked?;
    }
    Ok(Copy { verified, migrations, key })
}

pub fn cannot_be_used(file: &Path, error: &CopyError) -> CommandError {
    CommandError::new(format!("{} cannot be used: {error}", file.display()))
}

async fn verify(ledger: &Ledger) -> Result<Vec<(String, Verified)>, LedgerError> {
    let mut verified = Vec::new();
    for workspace in ledger.workspace_names().await? {
        let result = ledger.verify(&workspace, None).await?;
        verified.push((workspace, result));
    }
    Ok(verified)
}

/// Checks whether the encryption key of the settings opens the encrypted values of a copy.
async fn key_of(config: &Config, stores: &Stores) -> Key {
    let opened = async {
        let (keys, connections) =
            match (stores.access.signing_keys().await, stores.connections.all().await) {
                (Ok(keys), Ok(connections)) => (keys, connections),
                (Err(error), _) | (_, Err(error)) => return Err(error.chain()),
            };
        if keys.is_empty() && connections.is_empty() {
            return Ok(false);
        }
        let vault =
            stored_vault(config, &stores.access).await.map_err(|error| error.to_string())?;
        let vault = vault.ok_or("there is none")?;
        KeyRing::open(&vault, &keys).map_err(|error| error.to_string())?;
        for connection in connections {
            let purpose = connection_purpose(&connection.workspace);
            vault.open(&purpose, &connection.sealed).map_err(|error| error.to_string())?;
        }
        Ok::<_, String>(true)
    };
    match opened.await {
        Ok(true) => Key::Fits,
        Ok(false) => Key::NotNeeded,
        Err(why) => Key::Wrong(why),
    }
}

impl Copy {
    /// Refuses a copy whose history was altered.
    pub fn refuse_findings(&self, file: &Path) -> Result<(), CommandError> {
        match self
            .verified
            .iter()
            .find_map(|(name, verified)| Some((name, verified.findings.first()?)))
        {
            None => Ok(()),
            Some((name, first)) => Err(CommandError::new(format!(
                "the history of workspace {name} in {} was altered: {}",
                file.display(),
                first.0
            ))),
        }
    }

    /// Refuses a backup none of whose workspaces is in the settings: it belongs to another bridge.
    pub fn refuse_other_workspaces(
        &self,
        config: &Config,
        file: &Path,
    ) -> Result<(), CommandError> {
        let known = config.workspace_names();
        let others: Vec<&str> = self
            .verified
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| !known.iter().any(|known| known == name))
            .collect();
        if others.is_empty() {
            return Ok(());
        }
        if others.len() == self.verified.len() {
            return Err(CommandError::new(format!(
                "{} belongs to another bridge: it contains the workspaces {}, and the settings contain {}; check --config",
                file.display(),
                others.join(", "),
                known.join(", ")
            )));
        }
        eprintln!(
            "note: the settings do not contain these workspaces of the backup: {}",
            others.join(", ")
        );
        Ok(())
    }

    /// Prints the result of the verification.
    pub fn print(&self, file: &Path, json: bool) {
        if json {
            let named_document = |(name, verified): &(String, Verified)| {
                let mut named = document(verified);
                named["workspace"] = json!(name);
                named
            };
            let workspaces: Vec<Value> = self.verified.iter().map(named_document).collect();
            print_line(
                &json!({"file": file.display().to_string(), "workspaces": workspaces}).to_string(),
            );
            return;
        }
        print_line(&format!("{} is written and verified", file.display()));
        for (name, verified) in &self.verified {
            print_line(&format!("{name}: {}", summary(verified)));
            print_line(&format!("{name}: head {}", verified.head));
        }
    }
}
