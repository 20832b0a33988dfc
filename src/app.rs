//! Puts the bridge together and runs it: the importer's loop, the publisher's loop and the server, joined at
//! the ledger.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::access::{AccessError, Tokens, WebhookKey};
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
pub use crate::http::DEFAULT_WORKSPACE;
use crate::http::{self, Freshness, Service, Workspace, scim_base_url};
use crate::import::{Health, ImportOptions, Importer, Nudge, Schedule, Worker};
use crate::intercom::Client;
use crate::ledger::{Ledger, LedgerError, Notices};
use crate::limits;
use crate::publish::{Past, PublishOptions, Publisher};
use crate::scim::{CursorKey, PageRules};

/// How many resources a client gets that does not say how many it wants.
const DEFAULT_COUNT: usize = 100;

/// A running bridge.
pub struct App {
    address: SocketAddr,
    service: Service,
    stop: watch::Sender<bool>,
    loops: Vec<JoinHandle<()>>,
    server: actix_web::dev::ServerHandle,
}

/// Why the bridge cannot start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database.
    #[error(
        "the database {database} cannot be used: {why}; check DATABASE_URL, and that the database runs and lets the bridge in"
    )]
    Database {
        /// Which, without its password.
        database: String,
        /// What it said.
        why: String,
    },
    /// The address to listen on.
    #[error(
        "cannot listen on {bind}: {why}; stop what listens there, or choose another address with BRIDGE_SERVER__BIND (demo: --port)"
    )]
    Listen {
        /// Which.
        bind: SocketAddr,
        /// What the system said.
        why: String,
    },
    /// The client for Intercom.
    #[error("{0}")]
    Client(String),
    /// The signing key.
    #[error("{0}; was the table signing_keys changed by hand?")]
    Access(AccessError),
}

/// Opens the ledger that the settings name and brings its tables up to date.
///
/// # Errors
/// [`StartError::Database`].
pub async fn open_ledger(config: &Config) -> Result<(Ledger, usize), StartError> {
    let url = config.database.url.expose_secret();
    let wrong = |error: LedgerError| StartError::Database { database: without_password(url), why: error.chain() };
    let ledger = Ledger::open(url).await.map_err(wrong)?;
    let migrations = ledger.migrate().await.map_err(wrong)?;
    Ok((ledger, migrations))
}

/// Prepares imports of the configured workspace.
///
/// # Errors
/// [`StartError::Config`] without an access token.
pub fn importer(config: &Config, ledger: Ledger, clock: Clock) -> Result<Importer, StartError> {
    let client = Client::new(config.connection()?, clock.clone()).map_err(StartError::Client)?;
    let options = ImportOptions {
        max_removals: config.import.max_removals,
        activity_lookback: days(config.import.activity_lookback_days),
        include_bots: config.import.include_bots,
        lease: config.import.lease,
    };
    Ok(Importer::new(DEFAULT_WORKSPACE, Arc::new(client), ledger, clock, options))
}

fn days(days: u32) -> Duration {
    Duration::from_hours(24) * days
}

/// The file of a SQLite database that is not there yet, if it is one that opening would make.
#[must_use]
pub fn missing_file(url: &str) -> Option<&str> {
    let (file, mode) = url.strip_prefix("sqlite://")?.split_once('?')?;
    let creates = mode.contains("mode=rwc") && !file.is_empty() && !file.contains(":memory:");
    (creates && !std::path::Path::new(file).exists()).then_some(file)
}

/// A database's address as it may be shown.
#[must_use]
pub fn without_password(url: &str) -> String {
    match reqwest::Url::parse(url) {
        Ok(mut parsed) if parsed.has_host() => {
            let _ = parsed.set_password(None);
            let _ = parsed.set_username("");
            parsed.set_query(None);
            parsed.to_string()
        }
        // A file has no password.
        _ if url.starts_with("sqlite:") => url.split('?').next().unwrap_or_default().to_owned(),
        _ => "in DATABASE_URL".to_owned(),
    }
}

impl App {
    /// Starts everything. What was imported before is shown at once; the first import begins right away.
    ///
    /// # Errors
    /// Whatever keeps it from starting. A token that Intercom refuses does not: it is seen in the standing.
    pub async fn start(config: &Config, clock: Clock) -> Result<Self, StartError> {
        let (ledger, _) = open_ledger(config).await?;
        let importer = importer(config, ledger.clone(), clock.clone())?;
        let tokens = Tokens::open(&ledger, clock.clone()).await.map_err(StartError::Access)?;
        let listener = listen(config.server.bind)?;
        let address = listener.local_addr().unwrap_or(config.server.bind);
        let public_url = match config.server.public_url {
            Some(_) => config.public_url(),
            // Port 0 takes a free one, which only the listener knows.
            None => format!("http://{address}"),
        };
        let database = |error: LedgerError| StartError::Database {
            database: without_password(config.database.url.expose_secret()),
            why: error.chain(),
        };
        let publisher = Publisher::new(
            DEFAULT_WORKSPACE,
            PublishOptions {
                base_url: scim_base_url(&public_url, DEFAULT_WORKSPACE),
                names: config.scim.one_word_names,
                retention: days(config.import.retention_days),
            },
            ledger.clone(),
            clock.clone(),
        );
        publisher.refresh().await.map_err(database)?;
        let health = Arc::new(Health::default());
        let nudge = Arc::new(Nudge::default());
        let workspace = Workspace {
            name: DEFAULT_WORKSPACE.to_owned(),
            live: Arc::clone(publisher.live()),
            health: Arc::clone(&health),
            nudge: Arc::clone(&nudge),
            past: Past::new(DEFAULT_WORKSPACE, ledger.clone()),
            webhook_key: config.intercom.client_secret.as_ref().map(WebhookKey::new),
        };
        let workspace = Arc::new(workspace);
        let cursor_key = tokens.derive("cursors").and_then(|secret| CursorKey::new(&secret).ok_or(AccessError::Key));
        let service = Service {
            cursor_key: Arc::new(cursor_key.map_err(StartError::Access)?),
            tokens: Arc::new(tokens),
            ledger: ledger.clone(),
            clock: clock.clone(),
            page_rules: page_rules(config),
            freshness: Freshness {
                max_age: config.serve.max_age,
                read_through: config.serve.read_through,
                max_wait: config.serve.max_wait,
            },
            public_url,
            names: config.scim.one_word_names,
            retention: days(config.import.retention_days),
            workspaces: [(workspace.name.clone(), workspace)].into(),
        };
        let server = http::serve(listener, service.clone())
            .map_err(|error| StartError::Listen { bind: config.server.bind, why: error.to_string() })?;
        let handle = server.handle();
        let (stop, stopped) = watch::channel(false);
        let worker = Worker {
            importer,
            ledger: ledger.clone(),
            nudge,
            health: Arc::clone(&health),
            clock: clock.clone(),
            schedule: Schedule { poll: config.import.poll_interval, full: config.import.full_interval },
        };
        let shown = publisher.clone();
        let publish = async move || {
            if let Err(error) = shown.refresh().await {
                tracing::warn!(error = %error.chain(), "the ledger could not be read; what is shown stays");
            }
        };
        let loops = vec![
            run(async move {
                if let Err(error) = server.await {
                    tracing::error!(error = %error, "the server ended");
                }
            }),
            run(worker.run(publish, stopped.clone())),
            run(publish_loop(publisher, ledger, health, clock, stopped)),
        ];
        tracing::info!(address = %address, "listening");
        Ok(Self { address, service, stop, loops, server: handle })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What requests share.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Stops: no new requests, those under way are finished, an import under way is abandoned (it is in the
    /// ledger wholly or not at all). Bounded by [`limits::SHUTDOWN`].
    pub async fn stop(self) {
        tracing::info!("stopping");
        self.stop.send_replace(true);
        self.server.stop(true).await;
        for task in self.loops {
            // A task that panicked has said so already.
            let _ = task.await;
        }
        self.service.ledger.close().await;
    }
}

/// The one place where something is left to run by itself; [`App::stop`] waits for all of it.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may spawn")]
fn run(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}

fn listen(bind: SocketAddr) -> Result<TcpListener, StartError> {
    if !bind.ip().is_loopback() {
        tracing::warn!(address = %bind, "listening beyond this machine without TLS; put a proxy with TLS in front");
    }
    TcpListener::bind(bind).map_err(|error| StartError::Listen { bind, why: error.to_string() })
}

/// How large pages are, by the settings.
#[must_use]
pub fn page_rules(config: &Config) -> PageRules {
    let max_count = config.scim.max_results as usize;
    PageRules { default_count: DEFAULT_COUNT.min(max_count), max_count, cursors: config.scim.cursor_pagination }
}

/// Looks for generations and runs that another process recorded: when the database tells of one, and every
/// [`limits::GENERATION_POLL`].
async fn publish_loop(
    publisher: Publisher,
    ledger: Ledger,
    health: Arc<Health>,
    clock: Clock,
    mut stop: watch::Receiver<bool>,
) {
    let mut failing = false;
    let mut notices = None;
    loop {
        if notices.is_none() {
            // Without notices there is still the poll.
            notices = ledger.notices().await.ok();
        }
        let refreshed = async {
            publisher.refresh().await?;
            ledger.last_ended(publisher.workspace()).await
        };
        let failed = match refreshed.await {
            Ok(run) => {
                if let Some(run) = run {
                    health.learn(&run);
                }
                false
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(error = %error.chain(), "the ledger cannot be read; what is shown stays");
                }
                true
            }
        };
        if failing && !failed {
            tracing::info!("the ledger can be read again");
        }
        failing = failed;
        tokio::select! {
            () = clock.sleep(limits::GENERATION_POLL) => {}
            told = next_notice(&mut notices) => if told.is_err() { notices = None },
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
}

/// Waits for a notice; for ever, while nobody listens.
async fn next_notice(notices: &mut Option<Notices>) -> Result<(), LedgerError> {
    match notices {
        Some(notices) => notices.next().await,
        None => std::future::pending().await,
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
        assert_eq!(without_password("sqlite:///var/lib/bridge.db?mode=rwc"), "sqlite:///var/lib/bridge.db");
    }
}
