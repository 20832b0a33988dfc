//! Tells whether the process that holds a lease is still alive, as far as the database can show it.
//!
//! A process that imports creates a *mark* that ends with the process, however it ends. It adds the
//! mark's name to its own name in the lease. On SQLite the mark is a locked file beside the
//! database file (`bridge.db.lock-…`): the operating system releases the lock when the process
//! ends. On PostgreSQL it is an advisory lock of a separate session: the server releases it when
//! the connection ends.
//!
//! A mark that is not locked any more shows that its process is gone. If there is no mark, or it
//! cannot be checked, nothing is known, and the lease ends by its time. If a mark is lost although
//! its process is alive (the server was restarted, the connection was cut), work is done twice and
//! nothing else happens: the fence decides who may commit.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, Statement};
use sqlx::{Connection, PgConnection};

use crate::clock::Clock;
use crate::database::entities::leases;
use crate::database::file::database_file;
use crate::limits;

/// The first key of the bridge's advisory locks: "ISCB".
const SPACE: i32 = 0x4953_4342;

/// Separates the name of a holder from that of its mark.
const SEPARATOR: char = '@';

/// Shows that this process is alive.
#[derive(Debug)]
pub(super) enum Mark {
    /// SQLite. The open file holds the lock.
    File { name: String, path: PathBuf, _locked: File },
    /// PostgreSQL. The session holds the lock.
    Session { name: i32, session: Option<Session> },
}

/// A connection whose `Debug` output is empty, since its options hold a password.
pub(super) struct Session(PgConnection);

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

impl Mark {
    /// Creates a mark. Returns `None` if that is not possible.
    pub(super) async fn leave(database: &DatabaseConnection) -> Option<Self> {
        match database.get_database_backend() {
            DbBackend::Sqlite => {
                let beside = database_file(database)?;
                let leased = leases::Entity::find().all(database).await.ok()?;
                let named: Vec<&str> =
                    leased.iter().filter_map(|lease| mark_name(&lease.holder)).collect();
                sweep(&beside, &named);
                Self::lock_file(&beside)
                    .inspect_err(|error| warn_without_mark(&error.to_string()))
                    .ok()
            }
            DbBackend::Postgres => {
                // If two processes draw the same number, only one of them gets the lock, and the
                // other draws again.
                for _ in 0..limits::MARK_ATTEMPTS {
                    let name = i32::from_be_bytes(random()?) & i32::MAX;
                    match lock_session(database, name, None).await {
                        Ok(Some(session)) => {
                            return Some(Self::Session { name, session: Some(session) });
                        }
                        Ok(None) => {}
                        Err(error) => {
                            warn_without_mark(&error.to_string());
                            return None;
                        }
                    }
                }
                None
            }
            _ => None,
        }
    }

    fn lock_file(database: &Path) -> std::io::Result<Self> {
        let name = format!(
            "{:016x}",
            u64::from_be_bytes(random().ok_or_else(|| std::io::Error::other("no randomness"))?)
        );
        let path = mark_file(database, &name);
        // The file is locked before it gets its name, so no process ever sees it unlocked while
        // this one lives.
        let draft = tempfile::Builder::new()
            .prefix(".")
            .tempfile_in(path.parent().unwrap_or(Path::new(".")))?;
        draft.as_file().try_lock().map_err(std::io::Error::from)?;
        let locked = draft.persist_noclobber(&path).map_err(|error| error.error)?;
        Ok(Self::File { name, path, _locked: locked })
    }

    /// The holder's name with that of the mark, as it is stored in the lease.
    pub(super) fn sign(&self, holder: &str) -> String {
        match self {
            Self::File { name, .. } => format!("{holder}{SEPARATOR}{name}"),
            Self::Session { name, .. } => format!("{holder}{SEPARATOR}{name}"),
        }
    }

    /// Takes the lock again, under the same name, if the connection was cut.
    pub(super) async fn keep(&mut self, database: &DatabaseConnection) {
        if let Self::Session { name, session } = self {
            match lock_session(database, *name, session.take()).await {
                Ok(locked) => *session = locked,
                Err(error) => warn_without_mark(&error.to_string()),
            }
        }
    }

    /// Removes the mark.
    pub(super) async fn remove(self) {
        match self {
            Self::File { path, .. } => drop(std::fs::remove_file(path)),
            Self::Session { session: Some(session), .. } => drop(session.0.close().await),
            Self::Session { session: None, .. } => {}
        }
    }
}

/// Whether the holder is certainly gone.
pub(super) async fn is_gone(
    database: &DatabaseConnection,
    db: &impl ConnectionTrait,
    holder: &str,
) -> Result<bool, DbErr> {
    let Some(name) = mark_name(holder) else { return Ok(false) };
    match db.get_database_backend() {
        DbBackend::Sqlite => {
            Ok(database_file(database).is_some_and(|beside| is_free(&mark_file(&beside, name))))
        }
        DbBackend::Postgres => {
            let Ok(name) = name.parse::<i32>() else { return Ok(false) };
            let held = Statement::from_sql_and_values(
                DbBackend::Postgres,
                format!("SELECT {HELD} AS held"),
                [SPACE.into(), name.into()],
            );
            let row = db.query_one_raw(held).await?;
            Ok(row.map(|row| row.try_get::<bool>("", "held")).transpose()? == Some(false))
        }
        _ => Ok(false),
    }
}

/// SQL: whether any session of this database holds the lock.
const HELD: &str = "EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 \
                    AND classid = $1::int4::oid AND objid = $2::int4::oid \
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";

/// Ensures that the lock is held, by the given session or by a new one. Returns `None` if a new
/// session cannot get it.
async fn lock_session(
    database: &DatabaseConnection,
    name: i32,
    session: Option<Session>,
) -> Result<Option<Session>, sqlx::Error> {
    let fresh = session.is_none();
    let locking = async {
        let Some(Session(mut connection)) = session else {
            return lock_new_session(database, name).await;
        };
        // The server may have been restarted, or a connection pooler may have released the lock.
        let sql = format!(
            "SELECT CASE WHEN {HELD} THEN TRUE ELSE pg_try_advisory_lock($1::int4, $2::int4) END"
        );
        match sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(SPACE)
            .bind(name)
            .fetch_one(&mut connection)
            .await
        {
            Ok::<bool, _>(_) => Ok(Some(Session(connection))),
            Err(_) => lock_new_session(database, name).await,
        }
    };
    match Clock::System.within(limits::DATABASE_WAIT, locking).await {
        Some(locked) => locked,
        None if fresh => Err(sqlx::Error::PoolTimedOut),
        None => Ok(None),
    }
}

async fn lock_new_session(
    database: &DatabaseConnection,
    name: i32,
) -> Result<Option<Session>, sqlx::Error> {
    let options = database.get_postgres_connection_pool().connect_options();
    let mut connection = PgConnection::connect_with(&options).await?;
    let lock = sqlx::query_scalar("SELECT pg_try_advisory_lock($1::int4, $2::int4)")
        .bind(SPACE)
        .bind(name);
    let locked: bool = lock.fetch_one(&mut connection).await?;
    Ok(locked.then_some(Session(connection)))
}

fn mark_name(holder: &str) -> Option<&str> {
    holder.rsplit_once(SEPARATOR).map(|(_, mark)| mark)
}

fn mark_file(database: &Path, name: &str) -> PathBuf {
    let mut file = database.as_os_str().to_owned();
    file.push(LOCK);
    file.push(name);
    file.into()
}

/// Separates the name of the database file from that of a mark.
const LOCK: &str = ".lock-";

/// Whether the file exists and no process has locked it.
fn is_free(path: &Path) -> bool {
    // A shared lock, so that processes that check at the same time do not take each other for the
    // owner.
    File::open(path).is_ok_and(|file| file.try_lock_shared().is_ok())
}

/// Removes the files of processes that are gone, except those that a lease names.
fn sweep(database: &Path, named: &[&str]) {
    let Some((directory, file)) =
        database.parent().zip(database.file_name().and_then(|name| name.to_str()))
    else {
        return;
    };
    let start = format!("{file}{LOCK}");
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if let Some(mark) = name.to_str().and_then(|name| name.strip_prefix(&start))
            && !named.contains(&mark)
            && is_free(&entry.path())
        {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).ok().map(|()| bytes)
}

fn warn_without_mark(error: &str) {
    tracing::warn!(
        error,
        "other processes cannot see when this one ends; after a crash they wait for import.lease"
    );
}
