//! `ledger backup` and `ledger restore`: a copy of the whole database in one file, which is
//! verified before it is used.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, fcntl_lock};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use time::OffsetDateTime;
use time::macros::format_description;

use super::verdict::{document, summary};
use super::{CommandError, by_command, print_line};
use crate::access::{KeyRing, connection_purpose};
use crate::app::{key_file, missing_file, stored_vault, without_password};
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::{CopyError, Ledger, Verified, sqlite_file};

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
    let ledger = Ledger::open(url).await?;
    let copied = ledger.copy_into(path).await;
    ledger.close().await;
    copied.map_err(|error| {
        CommandError::new(format!("the database cannot be copied: {}", error.chain()))
    })?;
    draft.as_file().sync_all()?;

    let copy = check(config, draft.path(), file).await?;
    put(draft, file)?;
    let ledger = Ledger::open(url).await?;
    let event = by_command("ledger.backed_up", &name_of(file), &[], Clock::System.now());
    if let Err(error) = ledger.record_audit(event).await {
        // The copy is complete and valid, even if the audit entry cannot be written now.
        eprintln!(
            "warning: this backup could not be recorded in the audit trail: {}",
            error.chain()
        );
    }
    ledger.close().await;
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
    let opened = Ledger::open_copy(draft.path(), false).await;
    let ledger = opened.map_err(|error| cannot_be_used(file, &error))?;
    let prepared = async {
        ledger.migrate().await?;
        ledger
            .record_audit(by_command("ledger.restored", &name_of(file), &[], Clock::System.now()))
            .await
    };
    let prepared = prepared.await;
    ledger.close().await;
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

/// The content of a copy.
struct Copy {
    verified: Vec<(String, Verified)>,
    /// The number of migrations that it lacks.
    migrations: usize,
    key: Key,
}

/// Whether the encryption key of the settings opens the encrypted values of a copy.
enum Key {
    NotNeeded,
    Fits,
    Wrong(String),
}

/// Verifies a copy. `shown` is its name in messages.
async fn check(config: &Config, copy: &Path, shown: &Path) -> Result<Copy, CommandError> {
    let refused = |error: CopyError| cannot_be_used(shown, &error);
    let ledger = Ledger::open_copy(copy, true).await.map_err(refused)?;
    let looked = async {
        let migrations = ledger.inspect().await?;
        let verified = if migrations == 0 { verify(&ledger).await? } else { Vec::new() };
        Ok::<_, CopyError>((migrations, verified))
    };
    let looked = looked.await;
    let key = match &looked {
        Ok(_) => key_of(config, &ledger).await,
        Err(_) => Key::NotNeeded,
    };
    ledger.close().await;
    let (migrations, mut verified) = looked.map_err(refused)?;
    if migrations > 0 {
        // The copy has the tables of an earlier version. Migrate and verify a copy of it.
        let scratch = draft_beside(copy)?;
        fs::copy(copy, scratch.path())?;
        let ledger = Ledger::open_copy(scratch.path(), false).await.map_err(refused)?;
        let checked = async {
            ledger.migrate().await?;
            verify(&ledger).await
        };
        let checked = checked.await;
        ledger.close().await;
        verified = checked?;
    }
    Ok(Copy { verified, migrations, key })
}

fn cannot_be_used(file: &Path, error: &CopyError) -> CommandError {
    CommandError::new(format!("{} cannot be used: {error}", file.display()))
}

async fn verify(ledger: &Ledger) -> Result<Vec<(String, Verified)>, crate::ledger::LedgerError> {
    let mut verified = Vec::new();
    for workspace in ledger.workspace_names().await? {
        let of_workspace = ledger.verify(&workspace, None).await?;
        verified.push((workspace, of_workspace));
    }
    Ok(verified)
}

/// Checks whether the encryption key of the settings opens the encrypted values of a copy.
async fn key_of(config: &Config, ledger: &Ledger) -> Key {
    let opened = async {
        let (keys, connections) = match (ledger.signing_keys().await, ledger.connections().await) {
            (Ok(keys), Ok(connections)) => (keys, connections),
            (Err(error), _) | (_, Err(error)) => return Err(error.chain()),
        };
        if keys.is_empty() && connections.is_empty() {
            return Ok(false);
        }
        let vault = stored_vault(config, ledger).await.map_err(|error| error.to_string())?;
        let vault = vault.ok_or("there is none")?;
        KeyRing::open(&vault, &keys).map_err(|error| error.to_string())?;
        for connection in connections {
            let purpose = connection_purpose(&connection.workspace);
            vault.open(&purpose, &connection.sealed).map_err(|error| error.to_string())?;
        }
        Ok::<_, String>(true)
    };
    match opened.await {
        Ok(true) => Key::Fits,
        Ok(false) => Key::NotNeeded,
        Err(why) => Key::Wrong(why),
    }
}

impl Copy {
    fn refuse_findings(&self, file: &Path) -> Result<(), CommandError> {
        match self
            .verified
            .iter()
            .find_map(|(name, verified)| Some((name, verified.findings.first()?)))
        {
            None => Ok(()),
            Some((name, first)) => Err(CommandError::new(format!(
                "the history of workspace {name} in {} was altered: {}",
                file.display(),
                first.0
            ))),
        }
    }

    /// Refuses a backup none of whose workspaces is in the settings: it belongs to another bridge.
    fn refuse_other_workspaces(&self, config: &Config, file: &Path) -> Result<(), CommandError> {
        let known: Vec<String> =
            config.workspaces().into_iter().map(|workspace| workspace.name).collect();
        let others: Vec<&str> = self
            .verified
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| !known.iter().any(|known| known == name))
            .collect();
        if others.is_empty() {
            return Ok(());
        }
        if others.len() == self.verified.len() {
            return Err(CommandError::new(format!(
                "{} belongs to another bridge: it contains the workspaces {}, and the settings contain {}; check --config",
                file.display(),
                others.join(", "),
                known.join(", ")
            )));
        }
        eprintln!(
            "note: the settings do not contain these workspaces of the backup: {}",
            others.join(", ")
        );
        Ok(())
    }

    fn print(&self, file: &Path, json: bool) {
        if json {
            let of = |(name, verified): &(String, Verified)| {
                let mut of_workspace = document(verified);
                of_workspace["workspace"] = json!(name);
                of_workspace
            };
            let workspaces: Vec<Value> = self.verified.iter().map(of).collect();
            print_line(
                &json!({"file": file.display().to_string(), "workspaces": workspaces}).to_string(),
            );
            return;
        }
        print_line(&format!("{} is written and verified", file.display()));
        for (name, verified) in &self.verified {
            print_line(&format!("{name}: {}", summary(verified)));
            print_line(&format!("{name}: head {}", verified.head));
        }
    }
}

/// Creates a temporary file in the directory of `file`, readable only by its owner. It is deleted
/// unless it is renamed by [`put`].
fn draft_beside(file: &Path) -> Result<NamedTempFile, CommandError> {
    let directory = directory_of(file);
    NamedTempFile::new_in(directory).map_err(|error| {
        CommandError::new(format!("cannot write to {}: {error}", directory.display()))
    })
}

/// If root restores, gives the file to the owner of the directory, which is the bridge's user.
/// Other users cannot change the owner, and need not.
fn give_to_owner_of_directory(file: &Path) {
    if let (Ok(directory), Ok(own)) = (fs::metadata(directory_of(file)), fs::metadata(file))
        && directory.uid() != own.uid()
    {
        let _ = chown(file, Some(directory.uid()), Some(directory.gid()));
    }
}

fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Renames a temporary file to its final name, unless that exists. Syncs the directory, so that the
/// name survives a crash.
fn put(draft: NamedTempFile, file: &Path) -> Result<(), CommandError> {
    draft.persist_noclobber(file).map_err(|error| {
        CommandError::new(format!(
            "{} cannot be written: {}; nothing was changed",
            file.display(),
            error.error
        ))
    })?;
    File::open(directory_of(file))?.sync_all()?;
    Ok(())
}

/// Whether this name exists, even as a dangling link.
fn taken(file: &Path) -> bool {
    fs::symlink_metadata(file).is_ok()
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn name_of(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Whether a process has the database open. In WAL mode, each such process holds a lock on the file
/// `-shm`.
fn is_open(database: &Path) -> Result<bool, CommandError> {
    let shared = beside(database, "-shm");
    let file = match File::options().read(true).write(true).open(&shared) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => {
            return Err(CommandError::new(format!(
                "{} cannot be opened: {error}",
                shared.display()
            )));
        }
    };
    match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        // The lock is released when the file is closed.
        Ok(()) => Ok(false),
        Err(error) if [rustix::io::Errno::AGAIN, rustix::io::Errno::ACCESS].contains(&error) => {
            Ok(true)
        }
        Err(error) => Err(CommandError::new(format!(
            "{} cannot be locked: {}",
            shared.display(),
            io::Error::from(error)
        ))),
    }
}

/// Moves aside the files that an earlier database left: SQLite would treat them as part of the new
/// one. Files that may hold data are renamed, not deleted.
fn set_aside(database: &Path, now: OffsetDateTime) -> Result<(), CommandError> {
    for ending in ["-wal", "-journal", "-shm"] {
        let left = beside(database, ending);
        let Ok(metadata) = fs::symlink_metadata(&left) else { continue };
        if ending == "-shm" || metadata.len() == 0 {
            fs::remove_file(&left)?;
            continue;
        }
        // Formatting cannot fail: a time has all these parts.
        let stamp = now
            .format(format_description!("[year][month][day]T[hour][minute][second]Z"))
            .unwrap_or_default();
        let kept = beside(database, &format!(".of-before-{stamp}{ending}"));
        if taken(&kept) {
            return Err(CommandError::new(format!(
                "{} already exists; move it elsewhere",
                left.display()
            )));
        }
        fs::rename(&left, &kept)?;
        eprintln!(
            "note: {} belongs to an earlier database; it was renamed to {}",
            left.display(),
            kept.display()
        );
    }
    Ok(())
}
