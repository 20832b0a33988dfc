//! Why a command failed.

use std::fmt;

use crate::access::AccessError;
use crate::app::StartError;
use crate::config::ConfigError;
use crate::database::DatabaseError;
use crate::ledger::LedgerError;

/// The reason why a command failed, as text for people, and the exit code.
#[derive(Debug)]
pub struct CommandError(String, u8);

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl CommandError {
    /// Creates the error of a command that failed.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self(what.into(), 1)
    }

    /// Creates the error of a command that was used wrongly.
    pub(super) fn wrong_use(what: impl Into<String>) -> Self {
        Self(what.into(), 2)
    }

    /// Creates the error of a command whose result has an exit code of its own.
    pub(super) fn with_code(what: impl Into<String>, code: u8) -> Self {
        Self(what.into(), code)
    }

    /// The exit code: 1 failed, 2 wrong use; `posture` has others.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.1
    }
}

impl From<StartError> for CommandError {
    fn from(error: StartError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<AccessError> for CommandError {
    fn from(error: AccessError) -> Self {
        Self::new(error.chain())
    }
}

impl From<LedgerError> for CommandError {
    fn from(error: LedgerError) -> Self {
        Self::new(format!("the ledger cannot be used: {}; check the database", error.chain()))
    }
}

impl From<DatabaseError> for CommandError {
    fn from(error: DatabaseError) -> Self {
        LedgerError::from(error).into()
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}
