//! `ledger backup` and `ledger restore`: a copy of the whole database in one file, which is
//! verified before it is used.

mod copy;
mod files;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use copy::{Key, cannot_be_used, check};
use files::{
    beside, draft_beside, give_to_owner_of_directory, is_open, name_of, put, set_aside, taken,
};

use super::actor::by_command;
use super::error::CommandError;
use crate::app::{key_file, missing_file, without_password};
use crate::clock::Clock;
use crate::config::Config;
use crate::database::Database;
use crate::database::sqlite_file;
use crate::stores::{AuditStore, Stores};

/// Writes a copy of the database into a new file.
pub async fn backup(config: &Config, file: &Path, json: bool) -> Result<(), CommandError> {
    let url = config.database.url.expose_secret();
    let database =
        database_file(config, "pg_dump --format=custom --file=bridge.dump \"$DATABASE_URL\"")?;
    if missing_file(url).is_some() || !database.exists() {
        return Err(CommandError::new(format!(
            "there is no database at {}; run this command where the bridge runs, with its DATABASE_URL",
            database.display()
        )));
    }
    if taken(file) {
        return Err(CommandError::new(format!(
            "{} already exists and is not overwritten; choose another file",
            file.display()
        )));
    }
    let draft = draft_beside(file)?;
    let path = draft.path().to_str().ok_or_else(|| {
        CommandError::new(format!(
            "the path {} is not valid UTF-8; choose another file",
            file.display()
        ))
    })?;
    // Do not migrate: an operator who makes a backup before an upgrade wants the tables of the old
    // version.
    let database = Database::open(url).await?;
    let copied = database.copy_into(path).await;
    database.close().await;
    copied.map_err(|error| {
        CommandError::new(format!("the database cannot be copied: {}", error.chain()))
    })?;
    draft.as_file().sync_all()?;

    let copy = check(config, draft.path(), file).await?;
    put(draft, file)?;
    let database = Database::open(url).await?;
    let event = by_command("ledger.backed_up", &name_of(file), &[], Clock::System.now());
    if let Err(error) = AuditStore::new(database.clone()).record(event).await {
        // The copy is complete and valid, even if the audit entry cannot be written now.
        eprintln!(
            "warning: this backup could not be recorded in the audit trail: {}",
            error.chain()
        );
    }
    database.close().await;
    copy.print(file, json);
    let key = match (&config.access.encryption_key, key_file(url)) {
        (Some(_), _) | (None, None) => "access.encryption_key of the settings".to_owned(),
        (None, Some(key)) => format!("the file {}", key.display()),
    };
    match &copy.key {
        Key::Fits => eprintln!(
            "note: the secrets in it are encrypted with {key}; keep a copy of that too, in another place"
        ),
        Key::NotNeeded => {}
        Key::Wrong(why) => eprintln!("warning: {key} does not open the secrets in it: {why}"),
    }
    // A copy of an altered history is kept too: it is evidence.
    copy.refuse_findings(file).map_err(|error| {
        CommandError::new(format!(
            "{error}; the file is an exact copy, which `ledger restore` will refuse"
        ))
    })
}

/// Verifies a backup and installs it as the database.
pub async fn restore(
    config: &Config,
    file: &Path,
    key_lost: bool,
    json: bool,
) -> Result<(), CommandError> {
    let database = database_file(
        config,
        "pg_restore --clean --if-exists --dbname=\"$DATABASE_URL\" bridge.dump",
    )?;
    refuse_existing(&database)?;
    let mut source = open_backup(file)?;
    let mut draft = draft_beside(&database)?;
    give_to_owner_of_directory(draft.path());
    io::copy(&mut source, draft.as_file_mut())?;
    draft.as_file().sync_all()?;

    let copy = check(config, draft.path(), file).await?;
    copy.refuse_findings(file)?;
    copy.refuse_other_workspaces(config, file)?;
    if let Key::Wrong(why) = &copy.key
        && !key_lost
    {
        return Err(CommandError::new(format!(
            "the encryption key does not open the secrets in {}: {why}. Use the encryption key of \
             that time; if it is lost, say --key-lost",
            file.display()
        )));
    }
    let opened = Database::open_copy(draft.path(), false).await;
    let opened = opened.map_err(|error| cannot_be_used(file, &error))?;
    let stores = Stores::new(&opened);
    let event = by_command("ledger.restored", &name_of(file), &[], Clock::System.now());
    let prepared = async {
        stores.ledger.migrate().await?;
        Ok::<_, CommandError>(stores.audit.record(event).await?)
    };
    let prepared = prepared.await;
    stores.close().await;
    prepared?;
    draft.as_file().sync_all()?;
    set_aside(&database, Clock::System.now())?;
    put(draft, &database)?;
    copy.print(&database, json);
    if copy.migrations > 0 {
        eprintln!(
            "note: the backup is of an earlier version; {} migrations were run",
            copy.migrations
        );
    }
    if matches!(copy.key, Key::Wrong(_)) {
        eprintln!(
            "note: run `keys reset --yes` before the bridge starts, then issue tokens and connect workspaces again"
        );
    }
    Ok(())
}

/// Refuses to overwrite a database.
fn refuse_existing(database: &Path) -> Result<(), CommandError> {
    if is_open(database)? {
        return Err(CommandError::new(format!(
            "the database {} is in use; stop the bridge and its other commands first",
            database.display()
        )));
    }
    if taken(database) {
        let at = database.display();
        return Err(CommandError::new(format!(
            "there is a database at {at} already, and it is not overwritten; move it out of the way \
             first, with its other files (`mkdir before && mv {at} {at}-wal {at}-shm before/`; the \
             last two may not exist)"
        )));
    }
    Ok(())
}

/// Opens a backup. Refuses a database that was copied while it was in use.
fn open_backup(file: &Path) -> Result<File, CommandError> {
    let source = File::open(file).map_err(|error| {
        CommandError::new(format!("the backup {} cannot be read: {error}", file.display()))
    })?;
    if fs::metadata(beside(file, "-wal")).is_ok_and(|wal| wal.len() > 0) {
        return Err(CommandError::new(format!(
            "{file} is not a backup: part of its data is in {file}-wal, so it is a database in use, \
             or was copied while it was in use; use a file that `ledger backup` wrote",
            file = file.display()
        )));
    }
    Ok(source)
}

/// Returns the file of the database. For PostgreSQL, returns an error that names its own tool.
fn database_file(config: &Config, postgres: &str) -> Result<PathBuf, CommandError> {
    let url = config.database.url.expose_secret();
    sqlite_file(url).ok_or_else(|| {
        CommandError::new(if url.starts_with("sqlite:") {
            "the database is in memory: it is lost with its process, and there is nothing to copy"
                .to_owned()
        } else {
            format!(
                "{} is a PostgreSQL database; use PostgreSQL's tools: {postgres}",
                without_password(url)
            )
        })
    })
}
