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
    /// this or another bridge. Deletes the assertions that have expired.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`].
    pub async fn use_assertion(
        &self,
        client: &str,
        hash: &str,
        expires_at: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, DatabaseError> {
        use client_assertions::Column;
        let db = self.database.connection.begin_with_options(writing()).await?;
        let expired = client_assertions::Entity::delete_many().filter(Column::ExpiresAt.lt(now));
        expired.exec(&db).await?;
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
}
