//! Since when each account has its values of SCIM's enterprise extension. The values themselves are
//! in the roster; this table has only a hash of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, TransactionTrait};
use serde_json::json;
use time::OffsetDateTime;

use crate::database::entities::enterprise_stamps::{ActiveModel, Column, Entity, Model};
use crate::database::transaction::{insert, writing};
use crate::database::{Database, DatabaseError};
use crate::directory::{Enterprise, EnterpriseFacts, Enterprises, UserId};

/// Since when accounts have their values of the enterprise extension.
#[derive(Clone, Debug)]
pub struct EnterpriseStore {
    database: Database,
}

impl EnterpriseStore {
    /// The store in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Records the values that the roster gives to accounts now, and returns them with the time at
    /// which each was first seen. An account that had values before and has none now is returned
    /// with empty values.
    ///
    /// # Errors
    /// [`DatabaseError`]; then nothing is recorded.
    pub async fn note(
        &self,
        workspace: &str,
        facts: &HashMap<UserId, EnterpriseFacts>,
        now: OffsetDateTime,
    ) -> Result<Enterprises, DatabaseError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        let rows = Entity::find().filter(Column::Workspace.eq(workspace)).all(&db).await?;
        let known: HashMap<UserId, Model> =
            rows.into_iter().map(|row| (UserId::new(row.user_id.as_str()), row)).collect();
        let ids: HashSet<&UserId> = facts.keys().chain(known.keys()).collect();
        let (mut all, mut changed) = (Enterprises::new(), Vec::new());
        for id in ids {
            let facts = facts.get(id).cloned().unwrap_or_default();
            let hash = hash_of(workspace, id, &facts);
            let before = known.get(id);
            let changed_at = match before {
                Some(row) if row.digest == hash => row.changed_at,
                // The times of an account increase even if a clock was set back.
                Some(row) => now.max(row.changed_at.saturating_add(time::Duration::MILLISECOND)),
                None => now,
            };
            if before.is_none_or(|row| row.digest != hash) {
                changed.push(ActiveModel {
                    workspace: Set(workspace.to_owned()),
                    user_id: Set(id.to_string()),
                    digest: Set(hash),
                    changed_at: Set(changed_at),
                });
            }
            all.insert(id.clone(), Arc::new(Enterprise { facts, changed_at }));
        }
        let same = OnConflict::columns([Column::Workspace, Column::UserId])
            .update_columns([Column::Digest, Column::ChangedAt])
            .to_owned();
        insert(&db, changed, Some(same)).await?;
        db.commit().await?;
        Ok(all)
    }

    /// Forgets what [`EnterpriseStore::note`] recorded. If the extension is switched on later, all
    /// users that have it count as changed then, as their responses do.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn forget(&self, workspace: &str) -> Result<(), DatabaseError> {
        let rows = Entity::delete_many().filter(Column::Workspace.eq(workspace));
        rows.exec(&self.database.connection).await?;
        Ok(())
    }
}

/// A hash of the values of an account.
fn hash_of(workspace: &str, id: &UserId, facts: &EnterpriseFacts) -> String {
    let EnterpriseFacts { employee_number, department, manager } = facts;
    let manager = manager.as_ref().map(|manager| (&manager.account, &manager.name));
    let all = json!([workspace, id, employee_number, department, manager]).to_string();
    hex::encode(digest(&SHA256, all.as_bytes()))
}
