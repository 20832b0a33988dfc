//! Assembles and runs the bridge: the server and each workspace's loops, which share the ledger.
//!
//! ```text
//! workspace   the loops of the importer and the publisher
//! supervisor  restarts loops that fail
//! access      keys, clients, connections, the audit trail
//! reload      settings, secrets and certificates, read again on SIGHUP
//! upkeep      erasure, expiry and folding of old records
//! open_files  the process's limit of open files
//! ```

mod access;
mod open_files;
mod reload;
mod supervisor;
mod upkeep;
mod workspace;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use access::{AccessLoop, audit_loop};
pub use access::{key_file, open_connection, open_tokens, stored_vault, trusted_issuers, vault};
pub use open_files::OpenFiles;
use reload::Reload;
pub use reload::Reloaded;
use supervisor::Supervisor;
pub use upkeep::keep_up;
use upkeep::upkeep_loop;
use workspace::Running;
pub use workspace::{importer_of, workspace_of};

use crate::access::{AccessError, AnonymousLimits, AuditTrail, ClientLogin, Tokens};
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::http::{
    self, CertificateError, Certificates, Connections, Freshness, Makers, Origin, Service,
    TaskName, Workspace,
};
use crate::ledger::{Ledger, LedgerError};
use crate::limits;
use crate::measures::Measures;
use crate::scim::{CursorKey, PageRules};

/// The number of resources on a page if the client sends no `count`.
const DEFAULT_COUNT: usize = 100;

/// A running bridge.
pub struct App {
    address: SocketAddr,
    service: Service,
    stop: watch::Sender<bool>,
    broken: watch::Receiver<bool>,
    reload: Reload,
    loops: Vec<JoinHandle<()>>,
    audit: (watch::Sender<bool>, JoinHandle<()>),
    servers: Vec<actix_web::dev::ServerHandle>,
    ops_address: Option<SocketAddr>,
}

/// Why the bridge cannot start. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database cannot be used.
    #[error(
        "the database {database} cannot be used: {why}; check DATABASE_URL, and that the database runs and lets the bridge in"
    )]
    Database {
        /// Its URL, without the password.
        database: String,
        /// The database's error.
        why: String,
    },
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {bind}: {why}; stop what listens there, or choose another address with BRIDGE_SERVER__BIND (demo: --port)"
    )]
    Listen {
        /// The address.
        bind: SocketAddr,
        /// The system's error.
        why: String,
    },
    /// The HTTP client for Intercom cannot be built.
    #[error("{0}")]
    Client(String),
    /// The signing keys or tokens cannot be used.
    #[error("keys and tokens cannot be used: {0}")]
    Access(AccessError),
    /// The file of the encryption key cannot be used.
    #[error(
        "the file {file} of the encryption key cannot be used: {why}; let the bridge read and write it, or set \
         access.encryption_key (BRIDGE_ACCESS__ENCRYPTION_KEY)"
    )]
    KeyFile {
        /// The path of the file.
        file: String,
        /// The system's error.
        why: String,
    },
    /// The threads that make large responses cannot be started.
    #[error(
        "the threads that make large answers cannot be started: {0}; let the bridge have more threads"
    )]
    Threads(String),
    /// The TLS certificate cannot be used.
    #[error(transparent)]
    Certificates(#[from] CertificateError),
}

impl StartError {
    fn key_file(file: &Path, why: String) -> Self {
        Self::KeyFile { file: file.display().to_string(), why }
    }

    fn database(config: &Config, error: &LedgerError) -> Self {
        Self::Database {
            database: without_password(config.database.url.expose_secret()),
            why: error.chain(),
        }
    }
}

/// Opens the ledger that the settings name and migrates it. Also returns the number of migrations
/// that were applied.
///
/// # Errors
/// [`StartError::Database`].
pub async fn open_ledger(config: &Config) -> Result<(Ledger, usize), StartError> {
    let url = config.database.url.expose_secret();
    let wrong = |error: LedgerError| StartError::database(config, &error);
    let ledger = Ledger::open(url).await.map_err(wrong)?;
    let migrations = ledger.migrate().await.map_err(wrong)?;
    Ok((ledger, migrations))
}

fn days(days: u32) -> Duration {
    Duration::from_hours(24) * days
}

/// Returns the file of a SQLite database that does not exist yet and that opening the database
/// would create.
#[must_use]
pub fn missing_file(url: &str) -> Option<&str> {
    let (file, mode) = url.strip_prefix("sqlite://")?.split_once('?')?;
    let creates = mode.contains("mode=rwc") && !file.is_empty() && !file.contains(":memory:");
    (creates && !Path::new(file).exists()).then_some(file)
}

/// Returns a database URL without user name, password and query, for logs and errors.
#[must_use]
pub fn without_password(url: &str) -> String {
    match reqwest::Url::parse(url) {
        Ok(mut parsed) if parsed.has_host() => {
            let _ = parsed.set_password(None);
            let _ = parsed.set_username("");
            parsed.set_query(None);
            parsed.to_string()
        }
        // The URL of a SQLite file contains no password.
        _ if url.starts_with("sqlite:") => url.split('?').next().unwrap_or_default().to_owned(),
        _ => "in DATABASE_URL".to_owned(),
    }
}

impl App {
    /// Starts the bridge. It serves what was imported before at once; the first imports begin
    /// immediately.
    ///
    /// # Errors
    /// [`StartError`]. A token that Intercom refuses does not prevent the start: the workspace's
    /// status shows it.
    pub async fn start(config: &Config, clock: Clock) -> Result<Self, StartError> {
        config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        OpenFiles::raised().too_few(config).inspect(|why| tracing::warn!("{why}"));
        let (ledger, _) = open_ledger(config).await?;
        for workspace in config.workspaces() {
            let taken = ledger.take_from_earlier_versions(&workspace.name, clock.now()).await;
            taken.map_err(|error| StartError::database(config, &error))?;
        }
        let certificates = config.server.tls_cert.as_ref().zip(config.server.tls_key.as_ref());
        let certificates = certificates
            .map(|(chain, key)| Certificates::load(chain, key))
            .transpose()?
            .map(Arc::new);
        let listener = listen(config)?;
        let ops_listener = config.server.ops_bind.map(bind).transpose()?;
        let ops_address = ops_listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let makers = Makers::start(config.limits.max_exports, clock.clone());
        let makers = Arc::new(makers.map_err(|error| StartError::Threads(error.to_string()))?);
        let address = listener.local_addr().unwrap_or(config.server.bind);
        let public_url = match config.server.public_url {
            Some(_) => config.public_url(),
            // With port 0 the system chooses a free port, which only the listener knows.
            None => config.url_of(address),
        };
        let tokens = Arc::new(open_tokens(config, &ledger, &public_url, &clock).await?);
        let (mut running, measures) = (Vec::new(), Arc::new(Measures::default()));
        for workspace in config.workspaces() {
            let prepared =
                Running::prepare(config, &workspace, &public_url, &ledger, &clock, &measures);
            running.push(prepared.await?);
        }
        let workspaces: Vec<Arc<Workspace>> =
            running.iter().map(|running| Arc::clone(&running.workspace)).collect();
        let aside = Ledger::open_aside(config.database.url.expose_secret()).await;
        let aside = aside.map_err(|error| StartError::database(config, &error))?;
        let mut access =
            AccessLoop::new(Arc::clone(&tokens), workspaces.clone(), aside, clock.clone());
        access.refresh_connections().await.map_err(StartError::Access)?;
        let service = service(
            config,
            tokens,
            (&ledger, &clock, measures),
            (public_url, makers),
            workspaces.clone(),
        )?;
        let server = http::serve(
            listener,
            service.clone(),
            config.limits.max_connections,
            certificates.clone(),
        )
        .map_err(|error| StartError::Listen { bind: config.server.bind, why: error.to_string() })?;
        let mut servers = vec![server.handle()];
        let (stop, stopped) = watch::channel(false);
        let (tasks, measures) = (Arc::clone(&service.tasks), Arc::clone(&service.measures));
        let supervisor = Supervisor { tasks, measures, clock: clock.clone() };
        let mut loops: Vec<JoinHandle<()>> =
            running.into_iter().flat_map(|running| running.keep(&supervisor, &stopped)).collect();
        loops.push(keep_access(&supervisor, access, &stopped));
        let reload = Reload::new(config, certificates.clone());
        let upkeep = {
            let (ledger, workspaces, config) = (ledger.clone(), workspaces.clone(), config.clone());
            let (clock, stopping) = (clock.clone(), stopped.clone());
            move || {
                upkeep_loop(
                    ledger.clone(),
                    workspaces.clone(),
                    config.clone(),
                    clock.clone(),
                    stopping.clone(),
                )
            }
        };
        loops.push(supervisor.keep(of_all("upkeep"), stopped.clone(), || {}, upkeep));
        if let Some(certificates) = certificates {
            let (clock, stopping) = (clock.clone(), stopped.clone());
            let watch = move || Arc::clone(&certificates).watch(clock.clone(), stopping.clone());
            loops.push(supervisor.keep(of_all("certificates"), stopped.clone(), || {}, watch));
        }
        if let Some((listener, bind)) = ops_listener.zip(config.server.ops_bind) {
            let ops = http::serve_ops(listener, service.clone())
                .map_err(|error| StartError::Listen { bind, why: error.to_string() })?;
            // Stopped after the main server, so that probes are answered until its last request has
            // been.
            servers.push(ops.handle());
            loops.push(run(async {
                if let Err(error) = ops.await {
                    tracing::error!(error = %error, "the listener for probes and metrics ended");
                }
            }));
        }
        let (ended, broken) = watch::channel(false);
        loops.push(supervisor.watch(of_all("server"), stopped, ended, async {
            if let Err(error) = server.await {
                tracing::error!(error = %error, "the server ended");
            }
        }));
        // The audit trail is written until the last request has been answered.
        let (end_audit, audit_ends) = watch::channel(false);
        let (trail, config) = (Arc::clone(&service.trail), config.clone());
        let ends = audit_ends.clone();
        let write = move || {
            let (trail, ledger, workspaces) =
                (Arc::clone(&trail), ledger.clone(), workspaces.clone());
            audit_loop(trail, ledger, workspaces, config.clone(), clock.clone(), audit_ends.clone())
        };
        let audit = supervisor.keep(of_all("audit_trail"), ends, || {}, write);
        tracing::info!(address = %address, "listening");
        Ok(Self {
            address,
            service,
            stop,
            broken,
            reload,
            loops,
            audit: (end_audit, audit),
            servers,
            ops_address,
        })
    }

    /// Waits until the server has ended, which only a fault of the bridge causes. The caller must
    /// then stop the bridge and end the process, so that the service manager restarts it.
    pub async fn broken(&self) {
        // A dropped sender means that the server's task has ended, too.
        let _ = self.broken.clone().wait_for(|broken| *broken).await;
    }

    /// Applies changes of the settings, of files with secrets and of the certificate, as far as
    /// that is possible without a restart, and logs the outcome. `read` are the settings, read
    /// again.
    pub fn reload(&self, read: Result<Config, ConfigError>) -> Reloaded {
        self.reload.again(&self.service, read)
    }

    /// The address that the bridge listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the separate listener for probes and metrics, if there is one.
    #[must_use]
    pub fn ops_address(&self) -> Option<SocketAddr> {
        self.ops_address
    }

    /// Serves on for at most `most`, or until no connection is open. Each response closes its
    /// connection, so that no client that reuses connections is in the middle of a request when the
    /// bridge stops.
    pub async fn drain(&self, most: Duration) {
        tracing::info!("stopping: clients are told that their connections end");
        let (connections, clock) = (&self.service.connections, &self.service.clock);
        connections.begin_to_stop();
        let gone = async {
            while connections.standing().open > 0 {
                clock.sleep(limits::DRAIN_POLL).await;
            }
        };
        clock.within(most, gone).await;
    }

    /// The state that all requests share.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Stops the bridge. New requests are refused, and those in progress are finished. An import in
    /// progress is abandoned: the ledger has all of it or nothing. Takes at most [`limits::STOP`],
    /// even if the database does not answer.
    pub async fn stop(self) {
        tracing::info!("stopping");
        let clock = self.service.clock.clone();
        if clock.within(limits::STOP, self.ended()).await.is_none() {
            tracing::warn!(
                "not everything ended in time, and is left; does the database answer? An import is in it wholly or not at all"
            );
        }
    }

    async fn ended(self) {
        self.stop.send_replace(true);
        self.service.connections.begin_to_stop();
        for server in &self.servers {
            server.stop(true).await;
        }
        for task in self.loops {
            // The supervisor has already logged failures.
            let _ = task.await;
        }
        let (end, audit) = self.audit;
        end.send_replace(true);
        let _ = audit.await;
        self.service.ledger.close().await;
    }
}

/// Spawns a task. All tasks are spawned here, and [`App::stop`] waits for them.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may spawn")]
fn run(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}

/// The name of a task that runs once for all workspaces.
fn of_all(task: &'static str) -> TaskName {
    TaskName { task, workspace: None }
}

/// Starts the task that reloads keys, clients and connections from the ledger.
fn keep_access(
    supervisor: &Supervisor,
    access: AccessLoop,
    stopped: &watch::Receiver<bool>,
) -> JoinHandle<()> {
    let (access, stopping) = (Arc::new(Mutex::new(access)), stopped.clone());
    let poll = move || {
        let (access, stopping) = (Arc::clone(&access), stopping.clone());
        async move { access.lock().await.run(stopping).await }
    };
    supervisor.keep(of_all("access"), stopped.clone(), || {}, poll)
}

fn listen(config: &Config) -> Result<TcpListener, StartError> {
    let (bind, plain) = (config.server.bind, config.server.tls_cert.is_none());
    if plain && !bind.ip().is_loopback() {
        tracing::warn!(
            address = %bind,
            "LISTENING BEYOND THIS MACHINE WITHOUT TLS: tokens and people's data cross the network in the clear. Set \
             server.tls_cert and server.tls_key, or listen on loopback behind a proxy with TLS"
        );
    }
    self::bind(bind)
}

fn bind(bind: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(bind).map_err(|error| StartError::Listen { bind, why: error.to_string() })
}

/// Builds the state that all requests share.
fn service(
    config: &Config,
    tokens: Arc<Tokens>,
    (ledger, clock, measures): (&Ledger, &Clock, Arc<Measures>),
    (public_url, makers): (String, Arc<Makers>),
    workspaces: Vec<Arc<Workspace>>,
) -> Result<Service, StartError> {
    let cursors = tokens
        .vault()
        .derive("cursors")
        .map_err(AccessError::Sealed)
        .map_err(StartError::Access)?;
    Ok(Service {
        cursor_key: Arc::new(CursorKey::new(&cursors).ok_or(StartError::Access(AccessError::Key))?),
        login: Arc::new(
            ClientLogin::new(Arc::clone(tokens.vault()), clock.clone())
                .map_err(StartError::Access)?,
        ),
        tokens,
        token_ttl: config.access.token_ttl,
        strangers: Arc::new(match config.limits.requests_per_second {
            0 => AnonymousLimits::unlimited(clock.clone()),
            _ => AnonymousLimits::new(
                limits::STRANGER_REQUESTS,
                limits::STRANGER_PAUSE,
                clock.clone(),
            ),
        }),
        trail: Arc::new(AuditTrail::new(clock.clone())),
        measures,
        ledger: ledger.clone(),
        clock: clock.clone(),
        page_rules: page_rules(config),
        freshness: Freshness {
            max_age: config.serve.max_age,
            read_through: config.serve.read_through,
            max_wait: config.serve.max_wait,
        },
        origin: Origin {
            public_url,
            trusted_proxies: config.server.trusted_proxies.as_slice().into(),
            may_be_forwarded: config.server.public_url.is_none(),
            has_tls: config.server.tls_cert.is_some(),
            untrusted: Arc::default(),
        },
        connections: Connections::new(
            config.limits.max_connections,
            config.limits.max_connections_per_address,
            config.server.trusted_proxies.as_slice().into(),
            clock.clone(),
        ),
        makers,
        known_exports: Arc::default(),
        tasks: Arc::default(),
        names: config.scim.one_word_names,
        retention: days(config.import.retention_days),
        privileged_roles: config.reviews.privileged_roles.as_slice().into(),
        activity_lookback: days(config.import.activity_lookback_days),
        workspaces: workspaces
            .into_iter()
            .map(|workspace| (workspace.name.to_string(), workspace))
            .collect(),
    })
}

/// The page sizes that the settings give.
#[must_use]
pub fn page_rules(config: &Config) -> PageRules {
    let max_count = config.scim.max_results as usize;
    PageRules {
        default_count: DEFAULT_COUNT.min(max_count),
        max_count,
        cursors: config.scim.cursor_pagination,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        assert_eq!(
            without_password("postgres://ada:secret@db.example:5432/bridge?sslmode=require"),
            "postgres://db.example:5432/bridge"
        );
        assert_eq!(without_password("sqlite://bridge.db?mode=rwc"), "sqlite://bridge.db");
        assert_eq!(without_password("postgres://ada:se/cret@db.example/bridge"), "in DATABASE_URL");
        assert_eq!(
            without_password("sqlite:///var/lib/bridge.db?mode=rwc"),
            "sqlite:///var/lib/bridge.db"
        );
    }
}
