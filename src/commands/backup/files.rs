//! The files of a SQLite database: temporary files, locks, and files that an earlier database left.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, fcntl_lock};
use tempfile::NamedTempFile;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::commands::error::CommandError;

/// Creates a temporary file in the directory of `file`, readable only by its owner. It is deleted
/// unless it is renamed by [`put`].
pub fn draft_beside(file: &Path) -> Result<NamedTempFile, CommandError> {
    let directory = directory_of(file);
    NamedTempFile::new_in(directory).map_err(|error| {
        CommandError::new(format!("cannot write to {}: {error}", directory.display()))
    })
}

/// If root restores, gives the file to the owner of the directory, which is the bridge's user.
/// Other users cannot change the owner, and need not.
pub fn give_to_owner_of_directory(file: &Path) {
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
pub fn put(draft: NamedTempFile, file: &Path) -> Result<(), CommandError> {
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

/// Whether this path exists, even as a dangling link.
pub fn taken(file: &Path) -> bool {
    fs::symlink_metadata(file).is_ok()
}

pub fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

pub fn name_of(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Whether a process has the database open. In WAL mode, each such process holds a lock on the file
/// `-shm`.
pub fn is_open(database: &Path) -> Result<bool, CommandError> {
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
pub fn set_aside(database: &Path, now: OffsetDateTime) -> Result<(), CommandError> {
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
