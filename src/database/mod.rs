//! The database: its connection, the rows of its tables, and what all transactions share. The
//! ledger and the stores are built on it; no other folder uses sea-orm.
//!
//! ```text
//! error        why the database could not be used
//! entities     the rows of the tables
//! transaction  options, time limits, insertion of many rows
//! audit_entry  entries of the audit trail, which are written with what they report
//! file         the file of a SQLite database
//! handle       the connection
//! pending      the migrations that a database lacks
//! copies       copies of SQLite databases
//! ```

pub(crate) mod audit_entry;
mod copies;
pub(crate) mod entities;
mod error;
pub(crate) mod file;
mod handle;
mod pending;
pub(crate) mod transaction;

pub use audit_entry::AuditEntry;
pub(crate) use audit_entry::record_events;
pub use copies::{CopyError, sqlite_file};
pub use error::DatabaseError;
pub use handle::Database;
