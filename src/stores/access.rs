//! The store of everything that gives access to the API. `clients` and `keys` have its methods.

use crate::database::Database;

/// OAuth clients, issued tokens, and the keys that sign tokens.
#[derive(Clone, Debug)]
pub struct AccessStore {
    pub(super) database: Database,
}

impl AccessStore {
    /// The store in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}
