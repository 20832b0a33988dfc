//! The connection to the database.

use std::sync::Arc;

use sea_orm::{ConnectOptions, DatabaseConnection};
use sqlx::Connection as _;

use super::error::{self, DatabaseError};
use super::file::DatabaseFile;
use super::transaction::is_busy;
use crate::clock::Clock;
use crate::limits;

/// A database: `sqlite://…` or `postgres://…`. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Database {
    /// The pool of connections.
    pub(crate) connection: DatabaseConnection,
    /// The database file as it was when it was opened. `None` for PostgreSQL, for databases in
    /// memory and for copies.
    file: Option<Arc<DatabaseFile>>,
}

impl Database {
    /// Connects to the database. Creates and changes no tables.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] if there is no such database or it refuses the connection.
    pub async fn open(url: &str) -> Result<Self, DatabaseError> {
        Self::connect_to(url, limits::DATABASE_CONNECTIONS).await
    }

    /// Like [`Database::open`], with a single connection of its own: for callers that must not wait
    /// for the connections of others.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`].
    pub async fn open_aside(url: &str) -> Result<Self, DatabaseError> {
        Self::connect_to(url, 1).await
    }

    async fn connect_to(url: &str, connections: u32) -> Result<Self, DatabaseError> {
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
            match sea_orm::Database::connect(options.clone()).await {
                // If several processes open a new SQLite file at once, one of them sets the journal
                // mode. The others fail without waiting, since the busy timeout does not apply to
                // that.
                Err(error) if attempts > 0 && is_busy(&error) => {
                    Clock::System.sleep(limits::MIGRATION_PAUSE).await;
                }
                Err(error) if error::no_connection_came_free(&error) => {
                    return Err(DatabaseError::Unreachable { why: why_not_reached(url).await });
                }
                connected => return Ok(Self::with(connected?)),
            }
        }
    }

    fn with(connection: DatabaseConnection) -> Self {
        let file = DatabaseFile::of(&connection).map(Arc::new);
        if file.is_some() {
            // If the file is deleted, the next connection must not create a new, empty one.
            let pool = connection.get_sqlite_connection_pool();
            pool.set_connect_options(
                pool.connect_options().as_ref().clone().create_if_missing(false),
            );
        }
        Self { connection, file }
    }

    /// A database whose file no other process has open, so that it is not watched.
    pub(super) fn unwatched(connection: DatabaseConnection) -> Self {
        Self { connection, file: None }
    }

    /// Checks that the database file is still the one that was opened.
    ///
    /// # Errors
    /// [`DatabaseError::FileGone`] if it was deleted or replaced. Then everything that is written
    /// would be lost.
    pub fn file_is_there(&self) -> Result<(), DatabaseError> {
        match &self.file {
            Some(file) if !file.is_there() => Err(DatabaseError::FileGone),
            _ => Ok(()),
        }
    }

    /// Closes all connections.
    pub async fn close(self) {
        if let Err(error) = self.connection.close().await {
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
        Some(Ok(_)) => "it responds again now; try again".to_owned(),
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
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let _ = options.open(file);
    }
}
