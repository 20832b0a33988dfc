//! What full imports read of Intercom only for the checks of the posture. It is not part of the
//! generations: nothing is served from it.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    TransactionTrait,
};
use serde_json::Value;
use time::OffsetDateTime;

use super::seconds::a_second_after;
use super::{Ledger, LedgerError};
use crate::database::entities::posture_observations;
use crate::database::transaction::{insert, writing};
use crate::words::words;

words! {
    /// What a full import reads beside people, teams and the log.
    pub enum ObservedThing {
        /// The allowlist of the REST API.
        IpAllowlist = "ip_allowlist",
        /// The data connectors.
        DataConnectors = "data_connectors",
        /// Whether the Messenger verifies the identity of its users.
        IdentityVerification = "identity_verification",
    }
}

/// The result of an optional call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedValue {
    /// When.
    pub at: OffsetDateTime,
    /// `{"value": …}`, or `{"code": …}` for a call that failed.
    pub body: Value,
}

impl Ledger {
    /// Records the results of optional calls.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn record_observations(
        &self,
        workspace: &str,
        at: OffsetDateTime,
        values: Vec<(ObservedThing, Value)>,
    ) -> Result<(), LedgerError> {
        if values.is_empty() {
            return Ok(());
        }
        let row = |(thing, body): (ObservedThing, Value)| posture_observations::ActiveModel {
            workspace: Set(workspace.to_owned()),
            thing: Set(thing.as_str().to_owned()),
            at: Set(at),
            body: Set(body),
        };
        let db = self.database.connection.begin_with_options(writing()).await?;
        insert(&db, values.into_iter().map(row).collect(), None).await?;
        Ok(db.commit().await?)
    }

    /// The last result of an optional call up to a moment.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn last_observation(
        &self,
        workspace: &str,
        thing: ObservedThing,
        moment: OffsetDateTime,
    ) -> Result<Option<ObservedValue>, LedgerError> {
        use posture_observations::Column;
        // The exact comparison follows below. Imports are minutes apart, so a few rows are enough.
        let query = posture_observations::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Thing.eq(thing.as_str()))
            .filter(Column::At.lte(a_second_after(moment)))
            .order_by_desc(Column::At)
            .limit(10);
        let rows = query.all(&self.database.connection).await?.into_iter();
        let last = rows.filter(|row| row.at <= moment).max_by_key(|row| row.at);
        Ok(last.map(|row| ObservedValue { at: row.at, body: row.body }))
    }
}
