//! The record of refused writes.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;

use super::entities::refused_writes;
use super::{Ledger, LedgerError};

/// A write that was asked for and refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedWrite {
    /// Which workspace was to be changed.
    pub workspace: String,
    /// When.
    pub at: OffsetDateTime,
    /// The request's id, as in its answer's `X-Request-Id`.
    pub request_id: String,
    /// The subject of the token.
    pub requester: String,
    /// The HTTP method.
    pub method: String,
    /// What was asked for, for example `create_user`.
    pub operation: String,
    /// The id of what was to be changed, if it was named.
    pub target: Option<String>,
}

impl Ledger {
    /// Records a refused write.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn record_refusal(&self, refused: RefusedWrite) -> Result<(), LedgerError> {
        let row = refused_writes::ActiveModel {
            workspace: Set(refused.workspace),
            at: Set(refused.at),
            request_id: Set(refused.request_id),
            requester: Set(refused.requester),
            method: Set(refused.method),
            operation: Set(refused.operation),
            target: Set(refused.target),
            ..Default::default()
        };
        refused_writes::Entity::insert(row).exec_without_returning(&self.database).await?;
        Ok(())
    }

    /// The refused writes of a workspace, newest first.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn refused_writes(&self, workspace: &str, most: u64) -> Result<Vec<RefusedWrite>, LedgerError> {
        let query = refused_writes::Entity::find().filter(refused_writes::Column::Workspace.eq(workspace));
        let rows = query.order_by_desc(refused_writes::Column::Id).limit(most).all(&self.database).await?;
        Ok(rows
            .into_iter()
            .map(|row| RefusedWrite {
                workspace: row.workspace,
                at: row.at,
                request_id: row.request_id,
                requester: row.requester,
                method: row.method,
                operation: row.operation,
                target: row.target,
            })
            .collect())
    }
}
