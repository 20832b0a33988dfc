//! The database edge: what Intercom said, when, and what changed. The only user of sea-orm.
//!
//! Everything is keyed by workspace. People, teams and memberships are kept as versions, each true
//! from one generation up to another; the current state, the history and the state at any past moment
//! are all queries over them. A generation never changes once it is committed, so whatever is read
//! "at generation n" is the same however often and by whomever it is read.
//!
//! ```text
//! entities  the tables' rows            rows     rows to domain and back
//! lease     who may import              runs     the record of imports
//! commit    a plan, in one transaction  chain    the hash that ties generations together
//! read      the state at a generation   changes  what each generation changed
//! evidence  what proves the rest        digests  of what it proves
//! verify    is all of it there          prune    what need not be kept
//! copies    backups of SQLite files
//! notice    other processes' commits    audit    who asked what
//! presence  whether a holder is there   queue    runs that wait for another to end
//! keys      what signs tokens, sealed   clients  OAuth clients, issued tokens
//! connections  Intercom's tokens, sealed         lifecycle  what people must do
//! question  which changes are asked for walk     the changes that fit
//! count     how many there are          names    what people and teams were called then
//! facts     what the log tells of people losses    what was lost since a generation
//! sightings how long ago runs were         times     recorded times that lie in the future
//! watched   leases and queues, as they were seen
//! salted    digests over salted values salting  of older rows, too
//! person    what names a person         erase    personal data is taken out
//! scrub     the file holds no trace     fold     runs that changed nothing
//! found     what was there before there were records
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
pub use lifecycle::{Closing, NewRequest, RecordedRequest, RequestEnd, RequestQuestion};
pub use notice::Notices;
pub use person::Person;
pub use prune::Pruned;
pub use question::{ActorQuestion, ChangeQuestion};
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
    /// Shows others that this process is there; none before it first takes a lease.
    mark: Arc<Mutex<Option<presence::Mark>>>,
    /// What this process has seen of others.
    watched: watched::Watched,
    /// The file as it was opened; none for PostgreSQL.
    file: Option<Arc<scrub::DatabaseFile>>,
}

impl Ledger {
    /// Connects; nothing is created or changed.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when there is no such database or it does not let us in.
    pub async fn open(url: &str) -> Result<Self, LedgerError> {
        Self::connect_to(url, limits::DATABASE_CONNECTIONS).await
    }

    /// The same, with one connection and no more: for what must not wait until others have done with theirs.
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
            // Readers never wait for a writer, and a commit survives the death of the process.
            .map_sqlx_sqlite_opts(|sqlite| {
                sqlite
                    .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                    .busy_timeout(limits::DATABASE_WAIT)
                    // What is deleted is overwritten: it may be personal data.
                    .pragma("secure_delete", "ON")
            });
        let mut attempts = limits::MIGRATION_ATTEMPTS;
        loop {
            attempts -= 1;
            match Database::connect(options.clone()).await {
                // Of several that open a fresh SQLite file at once, one sets its journal mode; that waits for nobody.
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
            // A file that somebody deletes is not made anew, empty, by the next connection.
            let pool = database.get_sqlite_connection_pool();
            pool.set_connect_options(pool.connect_options().as_ref().clone().create_if_missing(false));
        }
        Self { database, mark: Arc::default(), watched: watched::Watched::default(), file }
    }

    /// Brings the tables up to date and tells how many migrations that took.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when a migration cannot be run.
    pub async fn migrate(&self) -> Result<usize, LedgerError> {
        let mut attempts = limits::MIGRATION_ATTEMPTS;
        loop {
            let migrated = self.migrate_once().await;
            attempts -= 1;
            match migrated {
                // Another process may be at it: what one of two does, the other finds done.
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

    /// How many migrations the database lacks; nothing is changed.
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

/// Why no connection can be made: the pool tries until its time is up, and keeps the reason to itself.
async fn why_not_reached(url: &str) -> String {
    let silent = error::why_unreachable(&sqlx::Error::PoolTimedOut);
    if !url.starts_with("postgres") {
        return silent;
    }
    match Clock::System.within(limits::DATABASE_WAIT, sqlx::PgConnection::connect(url)).await {
        None => silent,
        // It came back just now: trying again will do.
        Some(Ok(_)) => "it answers again by now; try again".to_owned(),
        Some(Err(error)) => error::why_unreachable(&error),
    }
}

/// Makes a new SQLite file readable for its owner alone: it will hold the signing key and everybody's data. The files
/// that SQLite puts beside it take its permissions. Where it cannot be made, opening it says why.
fn keep_private(url: &str) {
    let Some((file, mode)) = url.strip_prefix("sqlite://").and_then(|rest| rest.split_once('?')) else { return };
    if mode.contains("mode=rwc") && !file.contains('%') {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let _ = options.open(file);
    }
}
