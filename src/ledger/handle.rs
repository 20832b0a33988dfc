//! The connection to the ledger's database.

use std::sync::Arc;

use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use sqlx::Connection as _;
use tokio::sync::Mutex;

use super::file::DatabaseFile;
use super::presence::Mark;
use super::transaction::is_busy;
use super::watched::Watched;
use super::{LedgerError, error};
use crate::clock::Clock;
use crate::limits;

/// A ledger in a database: `sqlite://…` or `postgres://…`.
#[derive(Clone)]
pub struct Ledger {
    pub(super) database: DatabaseConnection,
    /// Shows other processes that this one is alive. `None` before the first lease.
    pub(super) mark: Arc<Mutex<Option<Mark>>>,
    /// What this process has observed of other processes' leases and queued runs.
    pub(super) watched: Watched,
    /// The database file as it was when it was opened. `None` for PostgreSQL and for databases in
    /// memory.
    pub(super) file: Option<Arc<DatabaseFile>>,
}

impl Ledger {
    /// Connects to the database. Creates and changes no tables.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] if there is no such database or it refuses the connection.
    pub async fn open(url: &str) -> Result<Self, LedgerError> {
        Self::connect_to(url, limits::DATABASE_CONNECTIONS).await
    }

    /// Like [`Ledger::open`], with a single connection of its own: for callers that must not wait
    /// for the connections of others.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn open_aside(url: &str) -> Result<Self, LedgerError> {
        Self::connect_to(url, 1).await
    }

    async fn connect_to(url: &str, connections: u32) -> Result<Self, LedgerError> {
        keep_private(url);
        let mut options = ConnectOptions::new(url);
        options
            .acquire_timeout(limits::DATABASE_WAIT)
            .connect_timeout(limits::DATABASE_WAIT)
            .max_connections(connections)
            .sqlx_logging(false)
            // In WAL mode, readers never wait for a writer, and a commit survives a crash of the
            // process.
            .map_sqlx_sqlite_opts(|sqlite| {
                sqlite
                    .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                    .busy_timeout(limits::DATABASE_WAIT)
                    // Deleted data is overwritten with zeros, since it may be personal.
                    .pragma("secure_delete", "ON")
            });
        let mut attempts = limits::MIGRATION_ATTEMPTS;
        loop {
            attempts -= 1;
            match Database::connect(options.clone()).await {
                // If several processes open a new SQLite file at once, one of them sets the journal
                // mode. The others fail without waiting, since the busy timeout does not apply to
                // that.
                Err(error) if attempts > 0 && is_busy(&error) => {
                    Clock::System.sleep(limits::MIGRATION_PAUSE).await;
                }
                Err(error) if error::no_connection_came_free(&error) => {
                    return Err(LedgerError::Unreachable { why: why_not_reached(url).await });
                }
                connected => return Ok(Self::with(connected?)),
            }
        }
    }

    fn with(database: DatabaseConnection) -> Self {
        let file = DatabaseFile::of(&database).map(Arc::new);
        if file.is_some() {
            // If the file is deleted, the next connection must not create a new, empty one.
            let pool = database.get_sqlite_connection_pool();
            pool.set_connect_options(
                pool.connect_options().as_ref().clone().create_if_missing(false),
            );
        }
        Self { database, mark: Arc::default(), watched: Watched::default(), file }
    }

    /// Closes all connections.
    pub async fn close(self) {
        if let Some(mark) = self.mark.lock().await.take() {
            mark.remove().await;
        }
        if let Err(error) = self.database.close().await {
            tracing::warn!(error = %error, "the database connection did not close cleanly");
        }
    }
}

/// Finds out why no connection can be made. The pool retries until its timeout and does not report
/// the reason.
async fn why_not_reached(url: &str) -> String {
    let silent = error::why_unreachable(&sqlx::Error::PoolTimedOut);
    if !url.starts_with("postgres") {
        return silent;
    }
    match Clock::System.within(limits::DATABASE_WAIT, sqlx::PgConnection::connect(url)).await {
        None => silent,
        // The connection works now, so the operator need only try again.
        Some(Ok(_)) => "it answers again by now; try again".to_owned(),
        Some(Err(error)) => error::why_unreachable(&error),
    }
}

/// Creates a new SQLite file that only its owner can read: it will hold the signing key and
/// personal data. SQLite gives the files that it creates beside it the same permissions. If the
/// file cannot be created, opening it reports why.
fn keep_private(url: &str) {
    let Some((file, mode)) = url.strip_prefix("sqlite://").and_then(|rest| rest.split_once('?'))
    else {
        return;
    };
    if mode.contains("mode=rwc") && !file.contains('%') {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let _ = options.open(file);
    }
}
