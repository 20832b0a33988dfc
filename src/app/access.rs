//! Keys, clients, connections and the audit trail: opened at the start, and read again regularly,
//! because other processes change the database too.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use tokio::sync::watch;

use super::upkeep::is_ahead;
use super::{StartError, days};
use crate::access::{
    AccessError, AuditTrail, OpenId, OpenIdSettings, TokenOptions, Tokens, TrustedIssuer, Vault,
    connection_purpose,
};
use crate::clock::{self, Clock};
use crate::config::{Config, open_to_others};
use crate::database::Database;
use crate::directory::{ImportRequest, Trigger};
use crate::limits;
use crate::runtime::WorkspaceHandle;
use crate::stores::{AccessStore, ConnectionStore, SealedConnection, Stores};

/// Returns the vault that opens the sealed secrets in the database. Without a key in the settings
/// it uses a key file, which the first start creates.
///
/// # Errors
/// [`StartError::Access`], [`StartError::KeyFile`].
pub async fn vault(config: &Config, store: &AccessStore) -> Result<Vault, StartError> {
    if let Some(vault) = stored_vault(config, store).await? {
        return Ok(vault);
    }
    let fresh = match key_file(config.database.url.expose_secret()) {
        Some(file) => {
            make_key(&file).map_err(|error| StartError::key_file(&file, error.to_string()))?
        }
        // An in-memory database ends with the process, so its key need not be kept.
        None => Vault::fresh_key().map_err(AccessError::Sealed).map_err(StartError::Access)?,
    };
    Vault::new(&fresh, None).map_err(AccessError::Sealed).map_err(StartError::Access)
}

/// Returns the same vault as [`vault`], or `None` if its key does not exist yet. Creates nothing.
///
/// # Errors
/// As for [`vault`].
pub async fn stored_vault(
    config: &Config,
    store: &AccessStore,
) -> Result<Option<Vault>, StartError> {
    let previous = config.access.previous_encryption_key.as_ref();
    let file = key_file(config.database.url.expose_secret());
    let key = match (&config.access.encryption_key, file) {
        (Some(key), _) => key.clone(),
        (None, None) => return Ok(None),
        (None, Some(file)) => match std::fs::read_to_string(&file) {
            Ok(key) => {
                if let Some(warning) = open_to_others(&file, "access.encryption_key") {
                    tracing::warn!("{warning}");
                }
                key.into()
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // A new key could not open the secrets that the database has.
                let known = store
                    .signing_keys()
                    .await
                    .map_err(|error| StartError::database(config, &error.into()))?;
                let why = "it is not there, and the database has secrets that were sealed with it";
                return if known.is_empty() {
                    Ok(None)
                } else {
                    Err(StartError::key_file(&file, why.to_owned()))
                };
            }
            Err(error) => return Err(StartError::key_file(&file, error.to_string())),
        },
    };
    Vault::new(&key, previous).map(Some).map_err(AccessError::Sealed).map_err(StartError::Access)
}

/// Returns the path of the key file that is used without a key in the settings: beside a SQLite
/// database, else in the working directory. `None` for an in-memory database.
#[must_use]
pub fn key_file(database: &str) -> Option<PathBuf> {
    match database.strip_prefix("sqlite:") {
        None => Some(PathBuf::from("bridge.key")),
        Some(_) if database.contains(":memory:") || database.contains("mode=memory") => None,
        Some(rest) => {
            let file = rest.trim_start_matches("//").split('?').next().unwrap_or_default();
            Some(PathBuf::from(format!("{file}.key")))
        }
    }
}

/// Creates the key file, complete from the start and readable by its owner only. If another process
/// was first, reads its key.
fn make_key(file: &Path) -> std::io::Result<SecretString> {
    let directory =
        file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let key = Vault::fresh_key().map_err(std::io::Error::other)?;
    let mut draft = tempfile::NamedTempFile::new_in(directory)?;
    writeln!(draft, "{}", key.expose_secret())?;
    draft.as_file().sync_all()?;
    match draft.persist_noclobber(file) {
        Ok(_) => {
            tracing::warn!(file = %file.display(), "an encryption key was created; keep a copy of it, separate from the database's backups");
            Ok(key)
        }
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
            std::fs::read_to_string(file).map(Into::into)
        }
        Err(error) => Err(error.error),
    }
}

/// The trusted issuers of the settings.
#[must_use]
pub fn trusted_issuers(config: &Config) -> Vec<TrustedIssuer> {
    let trusted = config.issuers.iter().map(|issuer| TrustedIssuer {
        issuer: issuer.issuer.clone(),
        jwks_url: issuer.jwks_url.clone(),
        audiences: issuer.audience.clone(),
        algorithms: issuer.algorithms.clone(),
        leeway: issuer.leeway,
        subject_claim: issuer.subject_claim.clone(),
        scope_claim: issuer.scope_claim.clone(),
        scopes: issuer.scopes.clone(),
        workspaces: issuer.workspaces.clone(),
    });
    trusted.collect()
}

/// What signs people in to the console; `None` without `console.oidc.issuer`.
///
/// # Errors
/// [`AccessError::Key`] if TLS cannot be set up.
pub fn open_id(config: &Config, clock: &Clock) -> Result<Option<Arc<OpenId>>, AccessError> {
    let oidc = &config.console_oidc;
    // The settings were checked together (`Config::load`).
    let (Some(issuer), Some(client_id)) = (&oidc.issuer, &oidc.client_id) else { return Ok(None) };
    let settings = OpenIdSettings {
        issuer: issuer.clone(),
        client_id: client_id.clone(),
        client_secret: oidc.client_secret.clone(),
        scopes: oidc.scopes.clone(),
        groups_claim: oidc.groups_claim.clone(),
        groups: oidc.groups.clone(),
        email_domains: oidc.email_domains.clone(),
        workspaces: oidc.workspaces.clone().unwrap_or_else(|| config.workspace_names()),
    };
    OpenId::new(settings, clock.clone()).map(Arc::new).map(Some)
}

/// Opens the service that issues and verifies tokens: the bridge's keys, and the trusted issuers.
///
/// # Errors
/// [`StartError::Access`], [`StartError::KeyFile`].
pub async fn open_tokens(
    config: &Config,
    store: &AccessStore,
    issuer: &str,
    clock: &Clock,
) -> Result<Tokens, StartError> {
    let options = TokenOptions {
        vault: Arc::new(vault(config, store).await?),
        issuer: issuer.to_owned(),
        trusted: trusted_issuers(config),
        requests_per_second: config.limits.requests_per_second,
        burst: config.limits.burst,
    };
    Tokens::open(store, options, clock.clone()).await.map_err(StartError::Access)
}

/// Opens the access token of a connection. A token that the previous encryption key sealed is
/// sealed with the current one.
///
/// # Errors
/// If the token cannot be opened, or the database cannot be written.
pub async fn open_connection(
    vault: &Vault,
    store: &ConnectionStore,
    connection: &SealedConnection,
) -> Result<SecretString, AccessError> {
    let purpose = connection_purpose(&connection.workspace);
    let token = vault.open(&purpose, &connection.sealed)?;
    if !vault.is_current(&connection.sealed) {
        let sealed = vault.seal(&purpose, token.expose_secret())?;
        store.reseal(connection, sealed).await?;
    }
    Ok(String::from_utf8_lossy(token.expose_secret()).into_owned().into())
}

/// Reads tokens and connections from the database again, at intervals.
pub(super) struct AccessLoop {
    pub tokens: Arc<Tokens>,
    pub workspaces: Vec<Arc<WorkspaceHandle>>,
    /// With a connection of its own, so that a disabled client is noticed even if all others are
    /// busy.
    database: Database,
    access: AccessStore,
    connections: ConnectionStore,
    pub clock: Clock,
    /// For each workspace whose token is in use, when it was connected.
    connected: HashMap<Arc<str>, OffsetDateTime>,
}

impl AccessLoop {
    pub fn new(
        tokens: Arc<Tokens>,
        workspaces: Vec<Arc<WorkspaceHandle>>,
        database: Database,
        clock: Clock,
    ) -> Self {
        let access = AccessStore::new(database.clone());
        let connections = ConnectionStore::new(database.clone());
        let connected = HashMap::new();
        Self { tokens, workspaces, database, access, connections, clock, connected }
    }

    /// Gives each workspace the token that it was connected with, and removes it from disconnected
    /// workspaces.
    pub async fn refresh_connections(&mut self) -> Result<(), AccessError> {
        let connections = self.connections.all().await?;
        for workspace in self.workspaces.iter().filter(|workspace| workspace.connector.by_oauth()) {
            let connection =
                connections.iter().find(|connection| *connection.workspace == *workspace.name);
            if self.connected.get(&workspace.name)
                == connection.map(|connection| &connection.connected_at)
            {
                continue;
            }
            let token = match connection {
                Some(connection) => {
                    match open_connection(self.tokens.vault(), &self.connections, connection).await
                    {
                        Ok(token) => Some(token),
                        Err(AccessError::Sealed(error)) => {
                            // The other workspaces still get theirs.
                            tracing::error!(workspace = %workspace.name, error = %error, "the access token of a connected workspace cannot be decrypted");
                            None
                        }
                        Err(error) => return Err(error),
                    }
                }
                None => None,
            };
            if let Err(why) = workspace.connector.take(token.as_ref()) {
                tracing::error!(workspace = %workspace.name, why, "the access token of a connected workspace cannot be used; connect the workspace again");
            }
            match connection {
                Some(connection) => {
                    self.connected.insert(Arc::clone(&workspace.name), connection.connected_at)
                }
                None => self.connected.remove(&workspace.name),
            };
            tracing::info!(workspace = %workspace.name, connected = connection.is_some(), "the connection to Intercom has changed");
            workspace.nudge.ask(ImportRequest::incremental(Trigger::Start), self.clock.running());
        }
        Ok(())
    }

    /// Refreshes tokens and connections every [`limits::ACCESS_POLL`], until `stop` is true.
    pub async fn run(&mut self, mut stop: watch::Receiver<bool>) {
        let mut failing = false;
        loop {
            tokio::select! {
                () = self.clock.sleep(limits::ACCESS_POLL) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            let refreshed = match self.tokens.refresh(&self.access).await {
                Ok(()) => self.refresh_connections().await,
                error => error,
            };
            if let Err(error) = &refreshed
                && !failing
            {
                tracing::warn!(error = %error.chain(), "keys, clients and connections cannot be read; the last ones read are still used");
            }
            failing = refreshed.is_err();
        }
        self.database.clone().close().await;
    }
}

/// Writes the audit trail to the database, every [`limits::AUDIT_WRITE`] and at the end. Deletes
/// entries that are older than the settings allow, unless this machine's clock may be ahead.
pub(super) async fn audit_loop(
    trail: Arc<AuditTrail>,
    stores: Stores,
    workspaces: Vec<Arc<WorkspaceHandle>>,
    config: Config,
    clock: Clock,
    mut stop: watch::Receiver<bool>,
) {
    // Since when writing has failed (on `Clock::running`), and whether that was logged.
    let mut failing: Option<(Duration, bool)> = None;
    let mut pruned: Option<Duration> = None;
    loop {
        let stopping = tokio::select! {
            () = clock.sleep(limits::AUDIT_WRITE) => false,
            _ = stop.wait_for(|stop| *stop) => true,
        };
        let written = trail.write(&stores.audit).await;
        let now = clock.running();
        failing = match (written, failing) {
            (Ok(()), _) => None,
            (Err(error), Some((since, false)))
                if now.saturating_sub(since) > limits::AUDIT_PATIENCE || stopping =>
            {
                tracing::error!(error = %error.chain(), "the audit trail cannot be written; its entries are kept in memory until it can");
                Some((since, true))
            }
            (Err(_), known) => known.or(Some((now, false))),
        };
        if stopping {
            break;
        }
        // Nothing is deleted before one workspace's Intercom has confirmed the clock.
        let ahead =
            workspaces.iter().filter_map(|workspace| workspace.connector.clock_ahead_now()).max();
        let is_due = pruned.is_none_or(|last| now.saturating_sub(last) > limits::AUDIT_PRUNE);
        if let (true, Some(ahead)) = (is_due, ahead) {
            pruned = Some(now);
            if is_ahead(ahead) {
                // Deleted entries cannot be restored.
                tracing::warn!(
                    "this machine's clock is ahead of Intercom's, so nothing is deleted from the audit trail"
                );
                continue;
            }
            let now = clock.now();
            let before = clock::before(now, days(config.access.audit_retention_days));
            let tidied = async {
                stores.audit.prune(before).await?;
                stores.connections.forget_old_tickets(now).await?;
                // The clock of another bridge, which still accepts them, may be behind.
                let before = clock::before(now, limits::CLOCK_DIFFERENCE * 2);
                stores.access.forget_old_assertions(before).await?;
                stores.page_sessions.forget_old(now).await
            };
            if let Err(error) = tidied.await {
                tracing::warn!(error = %error.chain(), "old entries of the audit trail could not be deleted");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::SealedKey;

    #[test]
    fn the_key_is_beside_the_database() {
        let file = |url| key_file(url).map(|file| file.display().to_string());
        assert_eq!(
            file("sqlite:///var/lib/bridge/bridge.db?mode=rwc").as_deref(),
            Some("/var/lib/bridge/bridge.db.key")
        );
        assert_eq!(file("sqlite://bridge.db").as_deref(), Some("bridge.db.key"));
        assert_eq!(file("postgres://db/bridge").as_deref(), Some("bridge.key"));
        assert_eq!(file("sqlite::memory:"), None);
    }

    #[tokio::test]
    async fn the_first_start_makes_a_key_and_the_next_one_finds_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::defaults().unwrap();
        let file = directory.path().join("bridge.db");
        config.database.url = format!("sqlite://{}?mode=rwc", file.display()).into();
        let database = Database::open(config.database.url.expose_secret()).await.unwrap();
        let Stores { ledger, access, .. } = Stores::new(&database);
        ledger.migrate().await.unwrap();
        let sealed = vault(&config, &access).await.unwrap().seal("x", b"secret").unwrap();
        assert_eq!(
            vault(&config, &access).await.unwrap().open("x", &sealed).unwrap().expose_secret(),
            b"secret"
        );
        let key = directory.path().join("bridge.db.key");
        let metadata = std::fs::metadata(&key).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&key, "nothing").unwrap();
        assert!(
            vault(&config, &access)
                .await
                .unwrap_err()
                .to_string()
                .contains("openssl rand -base64 32")
        );

        // Once something was sealed with it, a missing key is not replaced by a new one.
        let sealed = SealedKey { id: "k".to_owned(), sealed, verifies_until: None };
        access.add_signing_key(sealed, Clock::System.now()).await.unwrap();
        std::fs::remove_file(&key).unwrap();
        assert!(vault(&config, &access).await.unwrap_err().to_string().contains("it is not there"));
        assert!(!key.exists());
    }
}
