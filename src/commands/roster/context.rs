//! What the subcommands of `roster` share: who runs them, files, and errors.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::clock::Clock;
use crate::commands::actor::{COMMAND_LINE, system_user};
use crate::commands::error::CommandError;
use crate::database::AuditEntry;
use crate::identities::{Author, IdentityError};
use crate::limits;

/// The user of this command, as author of what it does.
pub fn author() -> Author {
    let by = system_user();
    let entry = AuditEntry {
        actor: Some(COMMAND_LINE.to_owned()),
        identity: Some(by.clone()),
        ..AuditEntry::event("", Clock::System.now())
    };
    Author { by, entry }
}

/// Reads a file, or stdin for `-`, of at most one byte more than a roster may have.
pub fn read_file(file: &Path) -> Result<Vec<u8>, CommandError> {
    let failed = |error: std::io::Error| {
        CommandError::new(format!("{} cannot be read: {error}", file.display()))
    };
    let mut bytes = Vec::new();
    let most = limits::ROSTER_BYTES as u64 + 1;
    if file == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let opened = std::fs::File::open(file).map_err(failed)?;
        opened.take(most).read_to_end(&mut bytes).map_err(failed)?;
    }
    Ok(bytes)
}

/// The argument of a file: a path, or `-` for stdin.
#[derive(Debug, Args)]
pub struct FileArgument {
    /// The file; - for standard input.
    #[arg(allow_hyphen_values = true)]
    pub file: PathBuf,
}

impl From<IdentityError> for CommandError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Ledger(error) => error.into(),
            IdentityError::Decision(_) | IdentityError::DecisionFile(_) => {
                Self::wrong_use(error.to_string())
            }
            error => Self::new(error.to_string()),
        }
    }
}
