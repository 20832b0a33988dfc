//! Whether the process that holds a lease is still there, where the database can tell.
//!
//! A process that imports leaves a *mark* that ends with it, however it ends, and writes the mark's name beside its own
//! in the lease. On SQLite the mark is a locked file beside the database's (`bridge.db.lock-…`): the operating system
//! takes the lock away when the process is gone. On PostgreSQL it is an advisory lock of a session of its own: the server
//! takes it away when the connection is gone.
//!
//! A mark that nobody holds any more shows that its process is gone. Where there is no mark, or it cannot be looked at,
//! nothing is known, and the lease ends by its time. A mark that is lost although its process lives (a server that was
//! restarted, a connection that was cut) costs double work and nothing else: the fence decides who may commit.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, Statement};
use sqlx::{Connection, PgConnection};

use super::entities::leases;
use crate::clock::Clock;
use crate::limits;

/// What advisory locks of the bridge begin with: "ISCB".
const SPACE: i32 = 0x4953_4342;

/// What stands between the name of a holder and that of its mark.
const SEPARATOR: char = '@';

/// What shows that this process is there.
#[derive(Debug)]
pub(super) enum Mark {
    /// SQLite. The lock is the open file's.
    File { name: String, path: PathBuf, _locked: File },
    /// PostgreSQL. The lock is the session's.
    Session { name: i32, session: Option<Session> },
}

/// A connection of which nothing is printed.
pub(super) struct Session(PgConnection);

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

impl Mark {
    /// Leaves a mark; none where that is not possible.
    pub(super) async fn leave(database: &DatabaseConnection) -> Option<Self> {
        match database.get_database_backend() {
            DbBackend::Sqlite => {
                let beside = database_file(database)?;
                let leased = leases::Entity::find().all(database).await.ok()?;
                let named: Vec<&str> = leased.iter().filter_map(|lease| mark_of(&lease.holder)).collect();
                sweep(&beside, &named);
                Self::lock_file(&beside).inspect_err(|error| told(&error.to_string())).ok()
            }
            DbBackend::Postgres => {
                // Two processes that draw the same number are told apart by the lock.
                for _ in 0..limits::MARK_ATTEMPTS {
                    let name = i32::from_be_bytes(random()?) & i32::MAX;
                    match lock_session(database, name, None).await {
                        Ok(Some(session)) => return Some(Self::Session { name, session: Some(session) }),
                        Ok(None) => {}
                        Err(error) => {
                            told(&error.to_string());
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
        let name =
            format!("{:016x}", u64::from_be_bytes(random().ok_or_else(|| std::io::Error::other("no randomness"))?));
        let path = file_of(database, &name);
        // Locked before it has its name: nobody sees it unlocked while this process lives.
        let draft = tempfile::Builder::new().prefix(".").tempfile_in(path.parent().unwrap_or(Path::new(".")))?;
        draft.as_file().try_lock().map_err(std::io::Error::from)?;
        let locked = draft.persist_noclobber(&path).map_err(|error| error.error)?;
        Ok(Self::File { name, path, _locked: locked })
    }

    /// The holder's name with that of the mark.
    pub(super) fn sign(&self, holder: &str) -> String {
        match self {
            Self::File { name, .. } => format!("{holder}{SEPARATOR}{name}"),
            Self::Session { name, .. } => format!("{holder}{SEPARATOR}{name}"),
        }
    }

    /// Leaves the mark again, under the same name, where its connection was cut.
    pub(super) async fn keep(&mut self, database: &DatabaseConnection) {
        if let Self::Session { name, session } = self {
            match lock_session(database, *name, session.take()).await {
                Ok(locked) => *session = locked,
                Err(error) => told(&error.to_string()),
            }
        }
    }

    /// Takes the mark away.
    pub(super) async fn remove(self) {
        match self {
            Self::File { path, .. } => drop(std::fs::remove_file(path)),
            Self::Session { session: Some(session), .. } => drop(session.0.close().await),
            Self::Session { session: None, .. } => {}
        }
    }
}

/// Whether a holder is gone for certain.
pub(super) async fn is_gone(
    database: &DatabaseConnection,
    db: &impl ConnectionTrait,
    holder: &str,
) -> Result<bool, DbErr> {
    let Some(name) = mark_of(holder) else { return Ok(false) };
    match db.get_database_backend() {
        DbBackend::Sqlite => Ok(database_file(database).is_some_and(|beside| is_free(&file_of(&beside, name)))),
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

/// Whether any session of this database holds a lock.
const HELD: &str = "EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 \
                    AND classid = $1::int4::oid AND objid = $2::int4::oid \
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";

/// Sees to it that the lock is held: by the session that is given, or by a new one. None where a new one cannot have it.
async fn lock_session(
    database: &DatabaseConnection,
    name: i32,
    session: Option<Session>,
) -> Result<Option<Session>, sqlx::Error> {
    let fresh = session.is_none();
    let locking = async {
        let Some(Session(mut connection)) = session else { return lock_new_session(database, name).await };
        // A server that was restarted, or a pool of connections in between, may have let go of it.
        let sql = format!("SELECT CASE WHEN {HELD} THEN TRUE ELSE pg_try_advisory_lock($1::int4, $2::int4) END");
        match sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(SPACE).bind(name).fetch_one(&mut connection).await {
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

async fn lock_new_session(database: &DatabaseConnection, name: i32) -> Result<Option<Session>, sqlx::Error> {
    let options = database.get_postgres_connection_pool().connect_options();
    let mut connection = PgConnection::connect_with(&options).await?;
    let lock = sqlx::query_scalar("SELECT pg_try_advisory_lock($1::int4, $2::int4)").bind(SPACE).bind(name);
    let locked: bool = lock.fetch_one(&mut connection).await?;
    Ok(locked.then_some(Session(connection)))
}

fn mark_of(holder: &str) -> Option<&str> {
    holder.rsplit_once(SEPARATOR).map(|(_, mark)| mark)
}

/// The file of the database, whatever way leads to it; none where it is in memory.
fn database_file(database: &DatabaseConnection) -> Option<PathBuf> {
    let options = database.get_sqlite_connection_pool().connect_options();
    options.get_filename().canonicalize().ok()
}

fn file_of(database: &Path, name: &str) -> PathBuf {
    let mut file = database.as_os_str().to_owned();
    file.push(LOCK);
    file.push(name);
    file.into()
}

/// What stands between the name of the database's file and that of a mark.
const LOCK: &str = ".lock-";

/// Whether a file is there that nobody has locked.
fn is_free(path: &Path) -> bool {
    // Shared, so that those who look do not take each other for its owner.
    File::open(path).is_ok_and(|file| file.try_lock_shared().is_ok())
}

/// Takes away the files of processes that are gone, but for those that a lease names.
fn sweep(database: &Path, named: &[&str]) {
    let Some((directory, file)) = database.parent().zip(database.file_name().and_then(|name| name.to_str())) else {
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

fn told(error: &str) {
    tracing::warn!(error, "other processes cannot see when this one ends; after a crash they wait for import.lease");
}
