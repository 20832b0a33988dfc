//! Puts the bridge together and runs it: the importer's loop, the publisher's loop and the server, joined at
//! the ledger.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::access::{AccessError, Tokens};
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
pub use crate::http::DEFAULT_WORKSPACE;
use crate::http::{self, Freshness, Service, Workspace, scim_base_url};
use crate::import::{Health, ImportOptions, Importer, Nudge};
use crate::intercom::Client;
use crate::ledger::{Ledger, LedgerError, Mode, Run, Trigger};
use crate::limits;
use crate::publish::{PublishOptions, Publisher};
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
    };
    Ok(Importer::new(DEFAULT_WORKSPACE, Arc::new(client), ledger, clock, options))
}

fn days(days: u32) -> Duration {
    Duration::from_hours(24) * days
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
        let left_behind = ledger.interrupt_runs(DEFAULT_WORKSPACE, clock.now()).await.map_err(database)?;
        if left_behind > 0 {
            tracing::warn!(
                workspace = DEFAULT_WORKSPACE,
                runs = left_behind,
                "imports of an ended process were marked as interrupted"
            );
        }
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
            workspaces: [(workspace.name.clone(), workspace)].into(),
        };
        let server = http::serve(listener, service.clone())
            .map_err(|error| StartError::Listen { bind: config.server.bind, why: error.to_string() })?;
        let handle = server.handle();
        let known_health = Arc::clone(&health);
        let (stop, stopped) = watch::channel(false);
        let schedule = Schedule { poll: config.import.poll_interval, full: config.import.full_interval };
        let loops = vec![
            run(async move {
                if let Err(error) = server.await {
                    tracing::error!(error = %error, "the server ended");
                }
            }),
            run(import_loop(
                ImportLoop {
                    importer,
                    publisher: publisher.clone(),
                    health,
                    nudge,
                    ledger,
                    clock: clock.clone(),
                    schedule,
                },
                stopped.clone(),
            )),
            run(publish_loop(publisher, known_health, clock, stopped)),
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

/// When imports are due.
#[derive(Clone, Copy)]
struct Schedule {
    poll: Duration,
    full: Duration,
}

impl Schedule {
    fn mode(self, last_full: Option<OffsetDateTime>, now: OffsetDateTime) -> Mode {
        if last_full.is_none_or(|last| now - last >= self.full) { Mode::Full } else { Mode::Incremental }
    }

    /// How long to wait for the next import; longer and longer while they fail.
    fn pause(self, failures: u32) -> Duration {
        match failures {
            0 => self.poll,
            failures => (limits::IMPORT_RETRY_FIRST * 2u32.saturating_pow(failures - 1)).min(limits::IMPORT_RETRY_MAX),
        }
    }
}

/// What the import loop of a workspace works with.
struct ImportLoop {
    importer: Importer,
    publisher: Publisher,
    health: Arc<Health>,
    nudge: Arc<Nudge>,
    ledger: Ledger,
    clock: Clock,
    schedule: Schedule,
}

async fn import_loop(of: ImportLoop, mut stop: watch::Receiver<bool>) {
    let ImportLoop { importer, publisher, health, nudge, ledger, clock, schedule } = of;
    let mut last_full = None;
    let mut trigger = Trigger::Start;
    loop {
        let started_at = clock.now();
        let mode = schedule.mode(last_full, started_at);
        let outcome = tokio::select! {
            outcome = importer.run(mode, trigger, false, &|_| {}) => outcome,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let failures = health.note(outcome.as_ref());
        match outcome {
            Ok(Run { error: None, .. }) if mode == Mode::Full => last_full = Some(started_at),
            Ok(_) => {}
            Err(error) => {
                tracing::error!(workspace = importer.workspace(), error = %error.chain(), "an import could not be recorded");
            }
        }
        if let Err(error) = publisher.refresh().await {
            tracing::warn!(workspace = importer.workspace(), error = %error.chain(), "the ledger could not be read; what is shown stays");
        }
        nudge.ended(started_at);
        trigger = tokio::select! {
            () = clock.sleep(schedule.pause(failures)) => Trigger::Schedule,
            // While imports fail, questions do not make them more frequent.
            () = nudge.asked(), if failures == 0 => Trigger::Query,
            _ = stop.wait_for(|stop| *stop) => break,
        };
    }
    if let Err(error) = ledger.interrupt_runs(importer.workspace(), clock.now()).await {
        tracing::warn!(error = %error.chain(), "the abandoned import will be marked at the next start");
    }
}

/// Looks for generations that another process committed.
async fn publish_loop(publisher: Publisher, health: Arc<Health>, clock: Clock, mut stop: watch::Receiver<bool>) {
    let mut failing = false;
    loop {
        tokio::select! {
            () = clock.sleep(limits::GENERATION_POLL) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
        let failed = match publisher.refresh().await {
            Ok(success) => {
                if let Some(run) = success {
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

    #[test]
    fn failing_imports_are_tried_again_ever_later_but_not_too_late() {
        let schedule = Schedule { poll: Duration::from_mins(1), full: Duration::from_hours(1) };
        assert_eq!(schedule.pause(0), Duration::from_mins(1));
        let pauses: Vec<u64> = (1..=9).map(|failures| schedule.pause(failures).as_secs()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(schedule.pause(u32::MAX), limits::IMPORT_RETRY_MAX);
    }

    #[test]
    fn everything_is_read_anew_when_it_is_time() {
        let schedule = Schedule { poll: Duration::from_mins(1), full: Duration::from_hours(1) };
        let start = OffsetDateTime::UNIX_EPOCH;
        assert_eq!(schedule.mode(None, start), Mode::Full);
        assert_eq!(schedule.mode(Some(start), start + Duration::from_secs(3599)), Mode::Incremental);
        assert_eq!(schedule.mode(Some(start), start + Duration::from_hours(1)), Mode::Full);
    }
}
