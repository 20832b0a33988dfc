//! The workspaces that the database has data of.

use sea_orm::{EntityTrait, QuerySelect};

use super::{Ledger, LedgerError};
use crate::database::entities::{generations, imports, lifecycle_requests, workspaces};

impl Ledger {
    /// The names of all workspaces that the ledger has data of, sorted.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn workspace_names(&self) -> Result<Vec<String>, LedgerError> {
        let db = &self.database.connection;
        let described =
            workspaces::Entity::find().select_only().column(workspaces::Column::Workspace);
        let mut names: Vec<String> = described.into_tuple().all(db).await?;
        let imported =
            imports::Entity::find().select_only().column(imports::Column::Workspace).distinct();
        names.extend(imported.into_tuple::<String>().all(db).await?);
        let generations = generations::Entity::find()
            .select_only()
            .column(generations::Column::Workspace)
            .distinct();
        names.extend(generations.into_tuple::<String>().all(db).await?);
        let requests = lifecycle_requests::Entity::find().select_only();
        let requests = requests.column(lifecycle_requests::Column::Workspace).distinct();
        names.extend(requests.into_tuple::<String>().all(db).await?);
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }
}
