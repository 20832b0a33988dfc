//! Versions of rosters and the people in them.

use std::collections::HashMap;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use time::OffsetDateTime;

use super::entities::{roster_decisions, roster_people, roster_versions};
use super::tombstones::tombstones_in;
use super::{RosterStore, corrupt, from_row, to_row};
use crate::clock::{after, from_millis, to_millis};
use crate::database::transaction::insert;
use crate::database::{AuditEntry, record_events};
use crate::ledger::{Ahead, Bearer, LedgerError};
use crate::limits;
use crate::roster::{Field, Person, Roster};
use crate::words::words;

words! {
    /// The state of a version.
    pub enum VersionState {
        /// Answers are made from it.
        InForce = "in_force",
        /// It waits for a person to accept it.
        Held = "held",
        /// A later version took its place.
        Replaced = "replaced",
        /// It was held. Then another version came into force, or the source had the people of the
        /// version in force again.
        Discarded = "discarded",
    }
}

/// A version to store.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// The name of the source.
    pub source: String,
    /// The SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Rows of the file.
    pub rows: usize,
    /// Rows without a readable address.
    pub without_address: usize,
    /// The fields that had a column.
    pub fields: Vec<Field>,
    /// When it was imported.
    pub at: OffsetDateTime,
    /// Who imported it.
    pub by: String,
    /// The version in force with which it was compared; 0 without one.
    pub base: u64,
    /// Why it is held, in sentences; empty if it comes into force at once.
    pub reasons: Vec<String>,
}

/// A stored version, without its people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVersion {
    /// The number; the first is 1.
    pub number: u64,
    /// The version in force with which it was compared; 0 without one.
    pub base: u64,
    /// The name of the source.
    pub source: String,
    /// The SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Rows of the file.
    pub rows: u64,
    /// Rows without a readable address.
    pub without_address: u64,
    /// The fields that had a column.
    pub fields: Vec<Field>,
    /// When it was imported.
    pub at: OffsetDateTime,
    /// Who imported it.
    pub by: String,
    /// Why it was held, in sentences.
    pub reasons: Vec<String>,
    /// When it came into force.
    pub in_force_at: Option<OffsetDateTime>,
    /// Who accepted it, if it was held.
    pub accepted_by: Option<String>,
    /// When the source last had exactly these people.
    pub confirmed_at: OffsetDateTime,
    /// The state now.
    pub state: VersionState,
    /// How often people were erased from the roster up to now.
    pub revision: u64,
}

/// The version among `versions` that was in force at a moment; without a moment, the one now.
#[must_use]
pub fn version_in_force(
    versions: &[StoredVersion],
    moment: Option<OffsetDateTime>,
) -> Option<&StoredVersion> {
    let begun = versions.iter().filter_map(|version| Some((version.in_force_at?, version)));
    let begun = begun.filter(|(from, _)| moment.is_none_or(|moment| *from <= moment));
    begun.max_by_key(|(from, version)| (*from, version.number)).map(|(_, version)| version)
}

/// The number of the version among `versions` that is held.
#[must_use]
pub fn held_version(versions: &[StoredVersion]) -> Option<u64> {
    let held = versions.iter().find(|version| version.state == VersionState::Held);
    held.map(|version| version.number)
}

/// The result of accepting a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It is in force now.
    Accepted,
    /// There is no such version.
    Unknown,
    /// It is or was in force already, or was discarded.
    NotHeld,
    /// Another version came into force after it was compared.
    Outdated {
        /// The version in force.
        in_force: u64,
    },
}

impl RosterStore {
    /// All versions of a workspace, newest first.
    ///
    /// # Errors
    /// [`LedgerError::Database`], [`LedgerError::Corrupt`].
    pub async fn versions(&self, workspace: &str) -> Result<Vec<StoredVersion>, LedgerError> {
        let rows = rows(&self.database.connection, workspace).await?;
        let in_force = in_force_of(&rows).cloned();
        let versions = rows.into_iter().map(|row| {
            let state = state_of(&row, in_force.as_ref());
            stored(row, state)
        });
        versions.collect()
    }

    /// The number of the newest decision or revocation; 0 without one.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn newest_decision(&self, workspace: &str) -> Result<u64, LedgerError> {
        newest_decision(&self.database.connection, workspace).await
    }

    /// The people of a version; `None` if it was deleted meanwhile.
    ///
    /// # Errors
    /// [`LedgerError::Database`], [`LedgerError::Corrupt`].
    pub async fn roster(
        &self,
        workspace: &str,
        version: u64,
    ) -> Result<Option<Roster>, LedgerError> {
        use roster_people::Column;
        let number = to_row(version);
        let people = roster_people::Entity::find()
            .select_only()
            .column(Column::Person)
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::FromVersion.lte(number))
            .filter(
                Condition::any().add(Column::ToVersion.is_null()).add(Column::ToVersion.gt(number)),
            );
        let people: Vec<String> = people.into_tuple().all(&self.database.connection).await?;
        let people = people.iter().map(|person| read_person(person)).collect::<Result<_, _>>()?;
        // A version and its people are deleted in one transaction. So if the version is still
        // there, its people were there too when they were read.
        let still = roster_versions::Entity::find()
            .filter(roster_versions::Column::Workspace.eq(workspace))
            .filter(roster_versions::Column::Number.eq(number))
            .count(&self.database.connection)
            .await?;
        Ok((still > 0).then(|| Roster::new(version, people)))
    }

    /// The time that lies farthest in the future, beyond [`limits::STORED_AHEAD`], of the versions
    /// of a workspace.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn times_ahead(
        &self,
        workspace: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Ahead>, LedgerError> {
        let limit = to_millis(after(now, limits::STORED_AHEAD));
        let rows = rows(&self.database.connection, workspace).await?;
        let latest = |row: &roster_versions::Model| {
            [Some(row.at), Some(row.confirmed_at), row.in_force_at].into_iter().flatten().max()
        };
        let ahead = rows.iter().filter_map(|row| Some((latest(row)?, row.number)));
        let farthest = ahead.filter(|(at, _)| *at > limit).max();
        Ok(farthest.map(|(at, number)| Ahead {
            bearer: Bearer::Roster(from_row(number)),
            at: from_millis(at),
        }))
    }

    /// Stores the version after `newest`, the newest that the caller knows, and adds `events` to
    /// the audit trail. Returns the number; `None` if another version was stored meanwhile, or if a
    /// person in it was forgotten meanwhile. Then the caller makes the version again.
    ///
    /// # Errors
    /// [`LedgerError::Database`]; then nothing is stored.
    pub async fn add_version(
        &self,
        workspace: &str,
        newest: u64,
        version: NewVersion,
        people: &[Person],
        events: Vec<AuditEntry>,
    ) -> Result<Option<u64>, LedgerError> {
        let db = self.changing(workspace).await?;
        let known = rows(&db, workspace).await?;
        let is_newest = known.first().map_or(0, |row| row.number) == to_row(newest);
        let in_force = in_force_of(&known).map_or(0, |row| row.number);
        if !is_newest || in_force != to_row(version.base) {
            return Ok(None);
        }
        // The caller read the tombstones before this transaction. Since then a person may have
        // been forgotten, who would come back with this version.
        let tombstones = tombstones_in(&db, workspace).await?;
        if people.iter().any(|person| tombstones.concerns(person)) {
            return Ok(None);
        }
        let number = to_row(newest) + 1;
        store_people(&db, workspace, number, people).await?;
        let at = to_millis(version.at);
        let from = next_in_force_at(&known, at);
        let row = roster_versions::ActiveModel {
            workspace: Set(workspace.to_owned()),
            number: Set(number),
            base: Set((version.base > 0).then(|| to_row(version.base))),
            source: Set(version.source),
            sha256: Set(version.sha256),
            rows: Set(i64::try_from(version.rows).unwrap_or(i64::MAX)),
            without_address: Set(i64::try_from(version.without_address).unwrap_or(i64::MAX)),
            fields: Set(json(&version.fields)?),
            at: Set(at),
            by: Set(version.by),
            in_force_at: Set(version.reasons.is_empty().then_some(from)),
            reasons: Set(json(&version.reasons)?),
            accepted_by: Set(None),
            confirmed_at: Set(at),
            confirmation: Set(next_confirmation(&known)),
            // Answers about the past are kept by the revision of the version in force. It never
            // falls, so that no answer from before an erasure is given again.
            revision: Set(known.iter().map(|row| row.revision).max().unwrap_or_default()),
        };
        roster_versions::Entity::insert(row).exec_without_returning(&db).await?;
        record_events(&db, events).await?;
        db.commit().await?;
        Ok(Some(from_row(number)))
    }

    /// Records that the source still has exactly the people of a version.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn confirm(
        &self,
        workspace: &str,
        version: u64,
        at: OffsetDateTime,
        events: Vec<AuditEntry>,
    ) -> Result<(), LedgerError> {
        use roster_versions::Column;
        let db = self.changing(workspace).await?;
        let confirmation = next_confirmation(&rows(&db, workspace).await?);
        roster_versions::Entity::update_many()
            .col_expr(Column::ConfirmedAt, Expr::value(to_millis(at)))
            .col_expr(Column::Confirmation, Expr::value(confirmation))
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Number.eq(to_row(version)))
            .exec(&db)
            .await?;
        record_events(&db, events).await?;
        db.commit().await?;
        Ok(())
    }

    /// Puts a held version in force.
    ///
    /// # Errors
    /// [`LedgerError::Database`]; then nothing is changed.
    pub async fn accept(
        &self,
        workspace: &str,
        version: u64,
        by: &str,
        at: OffsetDateTime,
        events: Vec<AuditEntry>,
    ) -> Result<Acceptance, LedgerError> {
        use roster_versions::Column;
        let db = self.changing(workspace).await?;
        let known = rows(&db, workspace).await?;
        let number = to_row(version);
        let in_force = in_force_of(&known);
        let Some(row) = known.iter().find(|row| row.number == number) else {
            return Ok(Acceptance::Unknown);
        };
        if row.in_force_at.is_some() {
            return Ok(Acceptance::NotHeld);
        }
        let in_force_number = in_force.map_or(0, |row| row.number);
        if row.base.unwrap_or_default() != in_force_number {
            return Ok(Acceptance::Outdated { in_force: from_row(in_force_number) });
        }
        if state_of(row, in_force) != VersionState::Held {
            return Ok(Acceptance::NotHeld);
        }
        let from = next_in_force_at(&known, to_millis(at));
        roster_versions::Entity::update_many()
            .col_expr(Column::InForceAt, Expr::value(from))
            .col_expr(Column::AcceptedBy, Expr::value(by))
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Number.eq(number))
            .exec(&db)
            .await?;
        record_events(&db, events).await?;
        db.commit().await?;
        Ok(Acceptance::Accepted)
    }
}

/// The rows of all versions, newest first.
pub(super) async fn rows(
    db: &impl ConnectionTrait,
    workspace: &str,
) -> Result<Vec<roster_versions::Model>, LedgerError> {
    use roster_versions::Column;
    let all = roster_versions::Entity::find().filter(Column::Workspace.eq(workspace));
    Ok(all.order_by_desc(Column::Number).all(db).await?)
}

/// The version that came into force last.
pub(super) fn in_force_of(rows: &[roster_versions::Model]) -> Option<&roster_versions::Model> {
    let begun = rows.iter().filter_map(|row| Some((row.in_force_at?, row)));
    begun.max_by_key(|(from, row)| (*from, row.number)).map(|(_, row)| row)
}

/// When a version comes into force at `at`: after the one before it, whatever the clock says.
fn next_in_force_at(known: &[roster_versions::Model], at: i64) -> i64 {
    let last = known.iter().filter_map(|row| row.in_force_at).max();
    last.map_or(at, |last| at.max(last + 1))
}

/// The number of the next confirmation. Confirmations are ordered by it, whatever the clocks say.
fn next_confirmation(known: &[roster_versions::Model]) -> i64 {
    known.iter().map(|row| row.confirmation).max().unwrap_or_default() + 1
}

/// The state of a version, given the one in force now.
fn state_of(
    row: &roster_versions::Model,
    in_force: Option<&roster_versions::Model>,
) -> VersionState {
    let number = in_force.map_or(0, |row| row.number);
    match row.in_force_at {
        Some(_) if row.number == number => VersionState::InForce,
        Some(_) => VersionState::Replaced,
        None => {
            let is_next = row.number > number && row.base.unwrap_or_default() == number;
            // If the source had the people of the version in force again since, it has recovered,
            // and nobody needs to accept what it had in between.
            let is_latest = in_force.is_none_or(|now| row.confirmation >= now.confirmation);
            if is_next && is_latest { VersionState::Held } else { VersionState::Discarded }
        }
    }
}

async fn newest_decision(db: &impl ConnectionTrait, workspace: &str) -> Result<u64, LedgerError> {
    use roster_decisions::Column;
    let newest = roster_decisions::Entity::find()
        .select_only()
        .column(Column::Number)
        .filter(Column::Workspace.eq(workspace))
        .order_by_desc(Column::Number);
    let newest: Option<i64> = newest.into_tuple().one(db).await?;
    Ok(newest.map_or(0, from_row))
}

fn stored(row: roster_versions::Model, state: VersionState) -> Result<StoredVersion, LedgerError> {
    let unreadable = |_| corrupt(&format!("version {} of a roster", row.number));
    Ok(StoredVersion {
        number: from_row(row.number),
        base: row.base.map_or(0, from_row),
        fields: serde_json::from_str(&row.fields).map_err(unreadable)?,
        reasons: serde_json::from_str(&row.reasons).map_err(unreadable)?,
        source: row.source,
        sha256: row.sha256,
        rows: from_row(row.rows),
        without_address: from_row(row.without_address),
        at: from_millis(row.at),
        by: row.by,
        in_force_at: row.in_force_at.map(from_millis),
        accepted_by: row.accepted_by,
        confirmed_at: from_millis(row.confirmed_at),
        state,
        revision: from_row(row.revision),
    })
}

/// Stores the people of version `number`: those who are the same in the version before are not
/// stored again.
async fn store_people(
    db: &DatabaseTransaction,
    workspace: &str,
    number: i64,
    people: &[Person],
) -> Result<(), LedgerError> {
    use roster_people::Column;
    let open = roster_people::Entity::find()
        .select_only()
        .columns([Column::Id, Column::Key, Column::Person])
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::ToVersion.is_null());
    let open: Vec<(i64, String, String)> = open.into_tuple().all(db).await?;
    let mut open: HashMap<String, (i64, String)> =
        open.into_iter().map(|(id, key, person)| (key, (id, person))).collect();
    let mut added = Vec::new();
    for person in people {
        let written = json(person)?;
        let key = person.key.as_str();
        if open.get(key).is_some_and(|(_, before)| *before == written) {
            open.remove(key);
            continue;
        }
        added.push(roster_people::ActiveModel {
            id: NotSet,
            workspace: Set(workspace.to_owned()),
            key: Set(key.to_owned()),
            from_version: Set(number),
            to_version: Set(None),
            person: Set(written),
        });
    }
    let ended: Vec<i64> = open.into_values().map(|(id, _)| id).collect();
    for ids in ended.chunks(limits::SQL_VALUES / 2) {
        roster_people::Entity::update_many()
            .col_expr(Column::ToVersion, Expr::value(number))
            .filter(Column::Id.is_in(ids.iter().copied()))
            .exec(db)
            .await?;
    }
    insert(db, added, None).await?;
    Ok(())
}

pub(super) fn read_person(text: &str) -> Result<Person, LedgerError> {
    serde_json::from_str(text).map_err(|_| corrupt("a person of a roster"))
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, LedgerError> {
    serde_json::to_string(value).map_err(|_| corrupt("a value of a roster"))
}
