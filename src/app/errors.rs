//! Why the bridge cannot start.

use std::net::SocketAddr;
use std::path::Path;

use secrecy::ExposeSecret;

use super::database_url::without_password;
use crate::access::AccessError;
use crate::config::{Config, ConfigError};
use crate::http::CertificateError;
use crate::ledger::LedgerError;

/// Why the bridge cannot start. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database cannot be used.
    #[error(
        "the database {database} cannot be used: {why}; check DATABASE_URL, and that the database runs and accepts the bridge's connection"
    )]
    Database {
        /// Its URL, without the password.
        database: String,
        /// The database's error.
        why: String,
    },
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {bind}: {why}; stop the other program, or choose another address with BRIDGE_SERVER__BIND (demo: --port)"
    )]
    Listen {
        /// The address.
        bind: SocketAddr,
        /// The system's error.
        why: String,
    },
    /// The HTTP client for Intercom cannot be built.
    #[error("{0}")]
    Client(String),
    /// The signing keys or tokens cannot be used.
    #[error("keys and tokens cannot be used: {0}")]
    Access(AccessError),
    /// The file of the encryption key cannot be used.
    #[error(
        "the file {file} of the encryption key cannot be used: {why}; let the bridge read and write it, or set \
         access.encryption_key (BRIDGE_ACCESS__ENCRYPTION_KEY)"
    )]
    KeyFile {
        /// The path of the file.
        file: String,
        /// The system's error.
        why: String,
    },
    /// The threads that make large responses cannot be started.
    #[error(
        "the threads that make large responses cannot be started: {0}; raise the limit of threads for the bridge"
    )]
    Threads(String),
    /// The TLS certificate cannot be used.
    #[error(transparent)]
    Certificates(#[from] CertificateError),
}

impl StartError {
    pub(super) fn key_file(file: &Path, why: String) -> Self {
        Self::KeyFile { file: file.display().to_string(), why }
    }

    pub(super) fn database(config: &Config, error: &LedgerError) -> Self {
        Self::Database {
            database: without_password(config.database.url.expose_secret()),
            why: error.chain(),
        }
    }
}
