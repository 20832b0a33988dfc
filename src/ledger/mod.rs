//! The database layer: what Intercom said, when, and what changed. The only user of sea-orm.
//!
//! Everything is keyed by workspace. People, teams and memberships are stored as versions, each
//! true from one generation up to another. The current state, the history and the state at any past
//! moment are all queries over them. A generation never changes once it is committed, so every read
//! "at generation n" returns the same.
//!
//! ```text
//! entities     rows of the tables               rows       rows to domain values and back
//! lease        who may import                   presence   whether a lease holder is alive
//! watched      leases and queues, as observed   queue      runs that wait for another to end
//! runs         the record of imports            sightings  how long ago runs were
//! commit       a plan, in one transaction       chain      the hash chain over generations
//! read         the state at a generation        versions   what the version tables share
//! changes      what each generation changed     question   which changes are wanted
//! walk         reads the wanted changes         count      counts them
//! names        names at the time of a change    facts      what the activity log says of people
//! losses       losses since a generation        times      recorded times in the future
//! evidence     the chain of records             digests    the digests in it
//! salted       salted digests                   salting    adds salts to older rows
//! found        takes older rows into the chain  fold       folds runs that changed nothing
//! person       what is known of a person        erase      erases personal data
//! prune        deletes old history              scrub      removes traces from the file
//! verify       verifies the ledger, with `verify_records` and `verify_erasures`
//! audit        the audit trail                  notice     notices of other processes' commits
//! clients      OAuth clients, issued tokens     keys       encrypted signing keys
//! connections  Intercom's tokens, encrypted     sessions   access to the status page
//! lifecycle    requests for changes             copies     copies of SQLite files
//! ```

mod audit;
mod chain;
mod changes;
mod clients;
mod commit;
mod connections;
mod copies;
mod count;
mod digests;
mod entities;
mod erase;
mod error;
mod evidence;
mod facts;
mod fold;
mod found;
mod keys;
mod lease;
mod lifecycle;
mod losses;
mod names;
mod notice;
mod person;
mod presence;
mod prune;
mod question;
mod queue;
mod read;
mod rows;
mod runs;
mod salted;
mod salting;
mod scrub;
mod sessions;
mod sightings;
mod times;
mod verify;
mod verify_erasures;
mod verify_records;
mod versions;
mod walk;
mod watched;

use std::sync::Arc;

use migrations::Migrator;
use sea_orm::{ConnectOptions, Database, DatabaseConnection};
use sea_orm_migration::MigratorTrait;
use sqlx::Connection as _;
use tokio::sync::Mutex;

pub use audit::{AuditEntry, AuditQuestion};
pub use changes::{ChangeKind, ChangePage, ChangePosition, RecordedChange};
pub use clients::{IssuedToken, OAuthClient, Revocations, Rotation};
pub use commit::Committed;
pub use connections::{ConnectProof, SealedConnection};
pub use copies::{CopyError, sqlite_file};
pub use erase::Erased;
pub use error::LedgerError;
pub use fold::Folded;
pub use keys::SealedKey;
pub use lease::Lease;
pub use lifecycle::{Closing, NewRequest, RequestQuestion};
pub use notice::Notices;
pub use person::Person;
pub use prune::Pruned;
pub use question::{ActorQuestion, ChangeQuestion};
pub use queue::ImportRequest;
pub use runs::{Failure, Mode, Run, RunId, RunStatus, Trigger};
pub use salted::ERASED;
pub use sightings::{Sighting, Sightings};
pub use times::{Ahead, Bearer};
pub use verify::{Finding, Moment, TakenAsFound, Verified};
pub use verify_erasures::ErasedSoFar;

use crate::clock::Clock;
use crate::limits;

/// A ledger in a database: `sqlite://…` or `postgres://…`.
#[derive(Clone)]
pub struct Ledger {
    database: DatabaseConnection,
    /// Shows other processes that this one is alive. `None` before the first lease.
    mark: Arc<Mutex<Option<presence::Mark>>>,
    /// What this process has observed of other processes' leases and queued runs.
    watched: watched::Watched,
    /// The database file as it was when it was opened. `None` for PostgreSQL and for databases in
    /// memory.
    file: Option<Arc<scrub::DatabaseFile>>,
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
                Err(error) if attempts > 0 && lease::is_busy(&error) => {
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
        let file = scrub::DatabaseFile::of(&database).map(Arc::new);
        if file.is_some() {
            // If the file is deleted, the next connection must not create a new, empty one.
            let pool = database.get_sqlite_connection_pool();
            pool.set_connect_options(
                pool.connect_options().as_ref().clone().create_if_missing(false),
            );
        }
        Self { database, mark: Arc::default(), watched: watched::Watched::default(), file }
    }

    /// Runs the pending migrations and returns how many there were.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when a migration cannot be run.
    pub async fn migrate(&self) -> Result<usize, LedgerError> {
        let mut attempts = limits::MIGRATION_ATTEMPTS;
        loop {
            let migrated = self.migrate_once().await;
            attempts -= 1;
            match migrated {
                // Another process may be running them. The retry then finds them done.
                Err(_) if attempts > 0 => Clock::System.sleep(limits::MIGRATION_PAUSE).await,
                migrated => return migrated,
            }
        }
    }

    async fn migrate_once(&self) -> Result<usize, LedgerError> {
        let pending = Migrator::get_pending_migrations(&self.database).await?.len();
        Migrator::up(&self.database, None).await?;
        self.take_what_is_due().await?;
        self.salt_older_rows().await?;
        Ok(pending)
    }

    /// Returns how many migrations are pending, and changes nothing.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when the database cannot be read.
    pub async fn pending_migrations(&self) -> Result<usize, LedgerError> {
        Ok(Migrator::get_pending_migrations_read_only(&self.database).await?.len())
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
