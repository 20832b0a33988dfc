//! The file of a SQLite database.

use std::path::PathBuf;

use sea_orm::{DatabaseConnection, DbBackend};

/// The file of a SQLite database, as it was when it was opened.
#[derive(Debug)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    /// The device and the inode of the file.
    identity: (u64, u64),
}

impl DatabaseFile {
    /// Returns `None` for a database in memory and for PostgreSQL.
    pub fn of(database: &DatabaseConnection) -> Option<Self> {
        if database.get_database_backend() != DbBackend::Sqlite {
            return None;
        }
        let path = database_file(database)?;
        let identity = identity(&path)?;
        Some(Self { path, identity })
    }

    /// Whether the file is still the one that was opened.
    pub fn is_there(&self) -> bool {
        identity(&self.path) == Some(self.identity)
    }
}

fn identity(path: &std::path::Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// The file of the database as a canonical path. `None` if the database is in memory.
pub(crate) fn database_file(database: &DatabaseConnection) -> Option<PathBuf> {
    let options = database.get_sqlite_connection_pool().connect_options();
    options.get_filename().canonicalize().ok()
}
