//! What the newest held import of a workspace would remove, so that a person can see it before they
//! release the import. Only ids are stored: an erasure has nothing to remove here.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, TransactionTrait};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Ledger, LedgerError};
use crate::database::entities::held_imports;
use crate::database::transaction::{patience, writing};
use crate::directory::{GroupId, Loser, LossKind, Losses, RunId, UserId};
use crate::limits;

/// One loss of a held import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLoss {
    /// What is lost.
    pub kind: LossKind,
    /// The person who loses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The team that is lost, or whose member is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
}

impl HeldLoss {
    /// The losses as a list, by kind. At most [`limits::HELD_LOSSES`].
    fn list(losses: &Losses) -> Vec<Self> {
        let all = LossKind::ALL.into_iter().flat_map(|kind| {
            losses.of(kind).map(move |loser| match loser.clone() {
                Loser::User(user) => Self { kind, user: Some(user), group: None },
                Loser::Group(group) => Self { kind, user: None, group: Some(group) },
                Loser::Membership((group, user)) => {
                    Self { kind, user: Some(user), group: Some(group) }
                }
            })
        });
        all.take(limits::HELD_LOSSES).collect()
    }
}

impl Ledger {
    /// Stores what a held import would remove. Those of earlier held imports are deleted.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn note_held(
        &self,
        workspace: &str,
        run: RunId,
        losses: &Losses,
    ) -> Result<(), LedgerError> {
        let db = self.database.connection.begin_with_options(writing()).await?;
        patience(&db, limits::DATABASE_WAIT, limits::DATABASE_WAIT).await?;
        held_imports::Entity::delete_many()
            .filter(held_imports::Column::Workspace.eq(workspace))
            .exec(&db)
            .await?;
        let row = held_imports::ActiveModel {
            workspace: Set(workspace.to_owned()),
            run: Set(run),
            losses: Set(json!(HeldLoss::list(losses))),
        };
        held_imports::Entity::insert(row).exec_without_returning(&db).await?;
        Ok(db.commit().await?)
    }

    /// What a held import would remove; `None` if it is not the newest held import, or an earlier
    /// version of the bridge held it.
    ///
    /// # Errors
    /// [`LedgerError::Database`], or [`LedgerError::Corrupt`] for a row the bridge did not write.
    pub async fn held_losses(
        &self,
        workspace: &str,
        run: RunId,
    ) -> Result<Option<Vec<HeldLoss>>, LedgerError> {
        let row = held_imports::Entity::find_by_id((workspace.to_owned(), run))
            .one(&self.database.connection)
            .await?;
        let corrupt = |_| LedgerError::Corrupt { what: format!("held_imports of run {run}") };
        row.map(|row| serde_json::from_value(row.losses).map_err(corrupt)).transpose()
    }
}
