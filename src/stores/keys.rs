//! The encrypted keys that sign tokens. Only `access` can decrypt them.

use std::fmt;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, TransactionTrait,
};
use time::OffsetDateTime;

use super::AccessStore;
use crate::database::entities::{connections, signing_keys};
use crate::database::transaction::writing;
use crate::database::{AuditEntry, DatabaseError, record_events};

/// A private key of the bridge, encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// The `kid` of the tokens that it signs.
    pub id: String,
    /// The private key, PKCS #8 DER, encrypted.
    pub sealed: Vec<u8>,
    /// For a key that signs no more: until when its signatures are valid.
    pub verifies_until: Option<OffsetDateTime>,
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl AccessStore {
    /// All keys, oldest first.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn signing_keys(&self) -> Result<Vec<SealedKey>, DatabaseError> {
        let query = signing_keys::Entity::find()
            .order_by_asc(signing_keys::Column::CreatedAt)
            .order_by_asc(signing_keys::Column::Id);
        let rows = query.all(&self.database.connection).await?;
        Ok(rows
            .into_iter()
            .map(|row| SealedKey {
                id: row.id,
                sealed: row.sealed,
                verifies_until: row.verifies_until,
            })
            .collect())
    }

    /// Adds the first key. If two bridges start at the same time, both may add one. The older one
    /// signs.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn add_signing_key(
        &self,
        fresh: SealedKey,
        now: OffsetDateTime,
    ) -> Result<(), DatabaseError> {
        signing_keys::Entity::insert(row(fresh, now))
            .exec_without_returning(&self.database.connection)
            .await?;
        Ok(())
    }

    /// Replaces the keys that sign now by a new one. Their signatures stay valid until
    /// `verifies_until`. Deletes keys whose signatures are not valid any more.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn rotate_signing_key(
        &self,
        fresh: SealedKey,
        verifies_until: OffsetDateTime,
        events: Vec<AuditEntry>,
        now: OffsetDateTime,
    ) -> Result<(), DatabaseError> {
        use signing_keys::Column;
        let db = self.database.connection.begin_with_options(writing()).await?;
        let known = signing_keys::Entity::find().all(&db).await?;
        for key in known {
            // No earlier key stays valid longer than this rotation allows.
            let until =
                key.verifies_until.map_or(verifies_until, |until| until.min(verifies_until));
            if until <= now {
                signing_keys::Entity::delete_by_id(key.id).exec(&db).await?;
            } else {
                let retire = signing_keys::Entity::update_many()
                    .col_expr(Column::VerifiesUntil, Expr::value(until));
                retire.filter(Column::Id.eq(key.id)).exec(&db).await?;
            }
        }
        signing_keys::Entity::insert(row(fresh, now)).exec_without_returning(&db).await?;
        record_events(&db, events).await?;
        db.commit().await?;
        Ok(())
    }

    /// Replaces the encrypted form of a key.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn reseal_signing_key(&self, id: &str, sealed: Vec<u8>) -> Result<(), DatabaseError> {
        use signing_keys::Column;
        let update =
            signing_keys::Entity::update_many().col_expr(Column::Sealed, Expr::value(sealed));
        update.filter(Column::Id.eq(id)).exec(&self.database.connection).await?;
        Ok(())
    }

    /// Deletes all encrypted secrets: the keys, and the access tokens of connected workspaces.
    ///
    /// # Errors
    /// [`DatabaseError`]; then nothing is deleted.
    pub async fn forget_sealed(&self, events: Vec<AuditEntry>) -> Result<(), DatabaseError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        signing_keys::Entity::delete_many().exec(&db).await?;
        connections::Entity::delete_many().exec(&db).await?;
        record_events(&db, events).await?;
        db.commit().await?;
        Ok(())
    }
}

fn row(key: SealedKey, now: OffsetDateTime) -> signing_keys::ActiveModel {
    signing_keys::ActiveModel {
        id: Set(key.id),
        sealed: Set(key.sealed),
        created_at: Set(now),
        verifies_until: Set(key.verifies_until),
    }
}
