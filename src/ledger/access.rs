//! What belongs to access: the key that signs tokens, and the record of refused writes.

use std::fmt;

use sea_orm::{ActiveValue::Set, EntityTrait, QueryOrder};
use time::OffsetDateTime;

use super::entities::{refused_writes, signing_keys};
use super::{Ledger, LedgerError};

/// A private key of the bridge.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// `kid` in the tokens it signs.
    pub id: String,
    /// The private key, PKCS #8 DER.
    pub pkcs8: Vec<u8>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

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
    /// The bridge's signing key: the oldest one there is. Where there is none, `fresh` becomes it; of two
    /// bridges that start at once, both end up with the same.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn signing_key(&self, fresh: SigningKey, now: OffsetDateTime) -> Result<SigningKey, LedgerError> {
        let oldest = signing_keys::Entity::find()
            .order_by_asc(signing_keys::Column::CreatedAt)
            .order_by_asc(signing_keys::Column::Id);
        if let Some(row) = oldest.clone().one(&self.database).await? {
            return Ok(SigningKey { id: row.id, pkcs8: row.pkcs8 });
        }
        let row = signing_keys::ActiveModel { id: Set(fresh.id), pkcs8: Set(fresh.pkcs8), created_at: Set(now) };
        signing_keys::Entity::insert(row).exec_without_returning(&self.database).await?;
        let row = oldest.one(&self.database).await?;
        row.map(|row| SigningKey { id: row.id, pkcs8: row.pkcs8 })
            .ok_or_else(|| LedgerError::Corrupt { what: "signing_keys is empty after a key was written".to_owned() })
    }

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
        use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
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
