//! What full imports read of Intercom only for the checks of the posture. It is not part of the
//! generations: nothing is served from it.

use std::time::Duration;

use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, TransactionTrait,
};
use serde_json::Value;
use time::OffsetDateTime;

use super::seconds::a_second_after;
use super::{Ledger, LedgerError};
use crate::clock::after;
use crate::database::entities::posture_observations;
use crate::database::transaction::{insert, writing};
use crate::limits;
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
    /// Records the results of optional calls. The later of two results always has the later time,
    /// even if a clock was ahead before or was set back.
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
        let db = self.database.connection.begin_with_options(writing()).await?;
        let mut rows = Vec::with_capacity(values.len());
        for (thing, body) in values {
            let last = last_of(&db, workspace, thing, None).await?;
            let earliest = last.map(|last| after(last.at, Duration::from_millis(1)));
            rows.push(posture_observations::ActiveModel {
                workspace: Set(workspace.to_owned()),
                thing: Set(thing.as_str().to_owned()),
                at: Set(earliest.map_or(at, |earliest| Ord::max(at, earliest))),
                body: Set(body),
            });
        }
        insert(&db, rows, None).await?;
        Ok(db.commit().await?)
    }

    /// Deletes the results before a moment that are the same as the one before and the one after.
    /// Returns how many.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn fold_observations(
        &self,
        workspace: &str,
        before: OffsetDateTime,
    ) -> Result<u64, LedgerError> {
        use posture_observations::Column;
        let mut folded = 0;
        for thing in ObservedThing::ALL {
            let of_thing = Column::Workspace.eq(workspace).and(Column::Thing.eq(thing.as_str()));
            let query = posture_observations::Entity::find()
                .filter(of_thing.clone())
                .filter(Column::At.lt(before))
                .order_by_desc(Column::At)
                .limit(limits::OBSERVATIONS_LOOKED_AT);
            let rows = query.all(&self.database.connection).await?;
            let same = rows.windows(3).filter_map(|three| match three {
                [after, row, before] if after.body == row.body && row.body == before.body => {
                    Some(row.at)
                }
                _ => None,
            });
            let same: Vec<OffsetDateTime> = same.collect();
            for times in same.chunks(limits::SQL_VALUES / 2) {
                let delete = posture_observations::Entity::delete_many()
                    .filter(of_thing.clone())
                    .filter(Column::At.is_in(times.iter().copied()));
                folded += delete.exec(&self.database.connection).await?.rows_affected;
            }
        }
        Ok(folded)
    }

    /// The last result of an optional call; with `as_of` up to that moment of the past.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn last_observation(
        &self,
        workspace: &str,
        thing: ObservedThing,
        as_of: Option<OffsetDateTime>,
    ) -> Result<Option<ObservedValue>, LedgerError> {
        last_of(&self.database.connection, workspace, thing, as_of).await
    }
}

async fn last_of(
    db: &impl ConnectionTrait,
    workspace: &str,
    thing: ObservedThing,
    as_of: Option<OffsetDateTime>,
) -> Result<Option<ObservedValue>, LedgerError> {
    use posture_observations::Column;
    // The exact comparison follows below. Imports are minutes apart, so a few rows are enough.
    let mut query = posture_observations::Entity::find()
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Thing.eq(thing.as_str()))
        .order_by_desc(Column::At)
        .limit(10);
    if let Some(moment) = as_of {
        query = query.filter(Column::At.lte(a_second_after(moment)));
    }
    let rows = query.all(db).await?.into_iter();
    let rows = rows.filter(|row| as_of.is_none_or(|moment| row.at <= moment));
    let last = rows.max_by_key(|row| row.at);
    Ok(last.map(|row| ObservedValue { at: row.at, body: row.body }))
}
