//! Decisions about accounts. They are appended, and numbered without gaps.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use time::OffsetDateTime;

use super::entities::roster_decisions;
use super::tombstones::tombstones_in;
use super::versions::json;
use super::{RosterStore, corrupt, from_row, to_row};
use crate::clock::{from_millis, to_millis};
use crate::database::transaction::insert;
use crate::database::{AuditEntry, record_events};
use crate::ledger::LedgerError;
use crate::roster::{Act, DecisionId, Entry};

impl RosterStore {
    /// All decisions and revocations, oldest first; with `as_of` those that were recorded by that
    /// moment of the past. Numbers order them, because clocks may be wrong: for now, each entry
    /// counts, even one with a time in the future.
    ///
    /// # Errors
    /// [`LedgerError::Database`], [`LedgerError::Corrupt`].
    pub async fn decisions(
        &self,
        workspace: &str,
        as_of: Option<OffsetDateTime>,
    ) -> Result<Vec<Entry>, LedgerError> {
        use roster_decisions::Column;
        let rows = roster_decisions::Entity::find().filter(Column::Workspace.eq(workspace));
        let rows = rows.order_by_asc(Column::Number).all(&self.database.connection).await?;
        let until = as_of.map_or(i64::MAX, to_millis);
        rows.into_iter().filter(|row| row.at <= until).map(entry).collect()
    }

    /// Appends entries, and the audit entries that `events` makes of their numbers. Returns the
    /// numbers; `None` if others were appended after `newest`, the newest that the caller knows, or
    /// if a person in them was forgotten meanwhile. Then the caller checks them again.
    ///
    /// # Errors
    /// [`LedgerError::Database`]; then nothing is appended.
    pub async fn append_decisions(
        &self,
        workspace: &str,
        newest: DecisionId,
        acts: Vec<Act>,
        by: &str,
        at: OffsetDateTime,
        events: impl FnOnce(&[DecisionId]) -> Vec<AuditEntry>,
    ) -> Result<Option<Vec<DecisionId>>, LedgerError> {
        use roster_decisions::Column;
        let db = self.changing(workspace).await?;
        let last = roster_decisions::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .order_by_desc(Column::Number)
            .one(&db)
            .await?;
        if last.as_ref().map_or(0, |row| from_row(row.number)) != newest {
            return Ok(None);
        }
        let tombstones = tombstones_in(&db, workspace).await?;
        if acts.iter().any(|act| tombstones.concerns_act(act)) {
            return Ok(None);
        }
        // An entry is never older than the one before it, whatever the clock says.
        let at = to_millis(at).max(last.map_or(i64::MIN, |row| row.at));
        let mut numbers = Vec::with_capacity(acts.len());
        let mut rows = Vec::with_capacity(acts.len());
        for (number, act) in (newest + 1..).zip(acts) {
            let account = match &act {
                Act::Decide(decision) => Some(decision.account.as_str().to_owned()),
                Act::Revoke(_) => None,
            };
            numbers.push(number);
            rows.push(roster_decisions::ActiveModel {
                workspace: Set(workspace.to_owned()),
                number: Set(to_row(number)),
                at: Set(at),
                by: Set(by.to_owned()),
                account: Set(account),
                act: Set(json(&act)?),
            });
        }
        insert(&db, rows, None).await?;
        record_events(&db, events(&numbers)).await?;
        db.commit().await?;
        Ok(Some(numbers))
    }
}

fn entry(row: roster_decisions::Model) -> Result<Entry, LedgerError> {
    let act = serde_json::from_str(&row.act)
        .map_err(|_| corrupt(&format!("decision {} of a roster", row.number)))?;
    Ok(Entry { number: from_row(row.number), at: from_millis(row.at), by: row.by, act })
}
