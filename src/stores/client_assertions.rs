//! The assertions (RFC 7523) by which OAuth clients have authenticated, so that each is accepted
//! once. The database has only hashes of their ids.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, TransactionTrait};
use time::OffsetDateTime;

use super::AccessStore;
use crate::database::DatabaseError;
use crate::database::entities::client_assertions;
use crate::database::transaction::writing;

impl AccessStore {
    /// Records that a client has authenticated by an assertion. Returns false if it already had, at
    /// another bridge.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`].
    pub async fn use_assertion(
        &self,
        client: &str,
        hash: &str,
        expires_at: OffsetDateTime,
    ) -> Result<bool, DatabaseError> {
        use client_assertions::Column;
        let db = self.database.connection.begin_with_options(writing()).await?;
        let row = client_assertions::ActiveModel {
            client_id: Set(client.to_owned()),
            hash: Set(hash.to_owned()),
            expires_at: Set(expires_at),
        };
        let once = OnConflict::columns([Column::ClientId, Column::Hash]).do_nothing().to_owned();
        let inserted = client_assertions::Entity::insert(row).on_conflict(once);
        let inserted = inserted.exec_without_returning(&db).await?;
        db.commit().await?;
        Ok(inserted > 0)
    }

    /// Deletes the assertions that expired before a time. Then they could be used again, so the
    /// caller makes sure that no bridge accepts them any more, whatever its clock says.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`].
    pub async fn forget_old_assertions(&self, before: OffsetDateTime) -> Result<(), DatabaseError> {
        let expired = client_assertions::Column::ExpiresAt.lt(before);
        let expired = client_assertions::Entity::delete_many().filter(expired);
        expired.exec(&self.database.connection).await?;
        Ok(())
    }
}
