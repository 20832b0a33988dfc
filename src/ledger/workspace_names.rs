//! The workspaces that the database has data of.

use std::collections::BTreeSet;

use sea_orm::{DatabaseConnection, DbErr, EntityTrait, QuerySelect};

use super::{Ledger, LedgerError};
use crate::database::entities::{generations, imports, lifecycle_requests, workspaces};

impl Ledger {
    /// The names of all workspaces that the ledger has data of, sorted.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn workspace_names(&self) -> Result<Vec<String>, LedgerError> {
        let db = &self.database.connection;
        let mut names: BTreeSet<String> = BTreeSet::new();
        names.extend(named_in::<workspaces::Entity>(db, workspaces::Column::Workspace).await?);
        names.extend(named_in::<imports::Entity>(db, imports::Column::Workspace).await?);
        names.extend(named_in::<generations::Entity>(db, generations::Column::Workspace).await?);
        let requests = lifecycle_requests::Column::Workspace;
        names.extend(named_in::<lifecycle_requests::Entity>(db, requests).await?);
        Ok(names.into_iter().collect())
    }
}

/// The workspaces that a table has rows of.
async fn named_in<E: EntityTrait>(
    db: &DatabaseConnection,
    workspace: E::Column,
) -> Result<Vec<String>, DbErr> {
    E::find().select_only().column(workspace).distinct().into_tuple().all(db).await
}
