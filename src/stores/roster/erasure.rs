//! Erases people from rosters: on request, which leaves a tombstone, and when they left long ago.
//! Old versions are deleted, too.

use std::collections::HashSet;

use aws_lc_rs::hmac;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use time::OffsetDateTime;

use super::entities::{roster_decisions, roster_forgotten, roster_people, roster_versions};
use super::versions::{in_force_of, json, read_person, rows};
use super::{RosterStore, corrupt};
use crate::clock::to_millis;
use crate::database::{AuditEntry, record_events};
use crate::ledger::LedgerError;
use crate::limits;
use crate::roster::{Act, Address, Person, PersonKey, Verdict};

/// Stands for a text that was erased from a decision.
const ERASED: &str = "(erased)";

/// What an erasure erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Forgotten {
    /// Stored states of the person.
    pub people: u64,
    /// References of other people, as manager or owner.
    pub references: u64,
    /// Decisions that named the person.
    pub decisions: u64,
}

impl Forgotten {
    /// Whether there was nothing to erase.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.people + self.references + self.decisions == 0
    }
}

/// Keyed hashes of the keys that must not come back.
#[derive(Clone, Default)]
pub struct Tombstones {
    salt: Vec<u8>,
    hashes: HashSet<String>,
}

impl Tombstones {
    /// Whether this key was forgotten.
    #[must_use]
    pub fn has(&self, key: &PersonKey) -> bool {
        !self.hashes.is_empty() && self.hashes.contains(&hash(&self.salt, key))
    }
}

/// The hash of a key. Employee numbers are easily guessed, so whoever reads the database can test
/// a guess; the hash keeps them from being read.
fn hash(salt: &[u8], key: &PersonKey) -> String {
    let salt = hmac::Key::new(hmac::HMAC_SHA256, salt);
    hex::encode(hmac::sign(&salt, key.as_str().as_bytes()))
}

impl RosterStore {
    /// The tombstones of a workspace.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`], [`LedgerError::Corrupt`].
    pub async fn tombstones(&self, workspace: &str) -> Result<Tombstones, LedgerError> {
        tombstones_in(&self.database.connection, workspace).await
    }

    /// Erases a person from all versions and decisions, and leaves a tombstone, so that no later
    /// version brings the person back.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]; then nothing is erased.
    pub async fn forget(
        &self,
        workspace: &str,
        key: &PersonKey,
        by: &str,
        at: OffsetDateTime,
        events: impl FnOnce(&Forgotten) -> Vec<AuditEntry>,
    ) -> Result<Forgotten, LedgerError> {
        let db = self.changing(workspace).await?;
        let mut forgotten = erase_people(&db, workspace, &HashSet::from([key.clone()])).await?;
        forgotten.decisions = erase_from_decisions(&db, workspace, key).await?;
        bury(&db, workspace, key, by, at).await?;
        record_events(&db, events(&forgotten)).await?;
        db.commit().await?;
        Ok(forgotten)
    }

    /// Whether any version, held ones included, has a person with this key.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn has_person(&self, workspace: &str, key: &PersonKey) -> Result<bool, LedgerError> {
        use roster_people::Column;
        let found = roster_people::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Key.eq(key.as_str()))
            .one(&self.database.connection)
            .await?;
        Ok(found.is_some())
    }

    /// Removes the tombstone of a key. Returns false if there is none.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`].
    pub async fn remember(
        &self,
        workspace: &str,
        key: &PersonKey,
        events: Vec<AuditEntry>,
    ) -> Result<bool, LedgerError> {
        use roster_forgotten::Column;
        let db = self.changing(workspace).await?;
        let tombstones = tombstones_in(&db, workspace).await?;
        if !tombstones.has(key) {
            return Ok(false);
        }
        roster_forgotten::Entity::delete_many()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Hash.eq(hash(&tombstones.salt, key)))
            .exec(&db)
            .await?;
        record_events(&db, events).await?;
        db.commit().await?;
        Ok(true)
    }

    /// Erases people who left long ago from all versions, without tombstones.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]; then nothing is erased.
    pub async fn erase_ended(
        &self,
        workspace: &str,
        keys: HashSet<PersonKey>,
        events: Vec<AuditEntry>,
    ) -> Result<u64, LedgerError> {
        if keys.is_empty() {
            return Ok(0);
        }
        let db = self.changing(workspace).await?;
        let erased = erase_people(&db, workspace, &keys).await?;
        record_events(&db, events).await?;
        db.commit().await?;
        Ok(erased.people)
    }

    /// Deletes all versions but the newest `keep`, the one in force, and those since then. Returns
    /// the number of deleted versions.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`]; then nothing is deleted.
    pub async fn prune_versions(&self, workspace: &str, keep: usize) -> Result<u64, LedgerError> {
        use roster_versions::Column;
        let before = rows(&self.database.connection, workspace).await?;
        if before.len() <= keep {
            return Ok(0);
        }
        let db = self.changing(workspace).await?;
        let known = rows(&db, workspace).await?;
        let in_force = in_force_of(&known, None).map_or(i64::MAX, |row| row.number);
        let oldest = known.iter().take(keep).map(|row| row.number).min().unwrap_or(i64::MAX);
        let oldest = Ord::min(oldest, in_force);
        let deleted = roster_versions::Entity::delete_many()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Number.lt(oldest))
            .exec(&db)
            .await?;
        roster_people::Entity::delete_many()
            .filter(roster_people::Column::Workspace.eq(workspace))
            .filter(roster_people::Column::ToVersion.lte(oldest))
            .exec(&db)
            .await?;
        db.commit().await?;
        Ok(deleted.rows_affected)
    }
}

async fn tombstones_in(
    db: &impl sea_orm::ConnectionTrait,
    workspace: &str,
) -> Result<Tombstones, LedgerError> {
    use roster_forgotten::Column;
    let all = roster_forgotten::Entity::find().filter(Column::Workspace.eq(workspace));
    let all = all.order_by_asc(Column::Number).all(db).await?;
    let salt = all.first().map(|row| hex::decode(&row.salt)).transpose();
    Ok(Tombstones {
        salt: salt.map_err(|_| corrupt("a tombstone of a roster"))?.unwrap_or_default(),
        hashes: all.into_iter().map(|row| row.hash).collect(),
    })
}

/// Adds a tombstone. All of a workspace have the salt of the first.
async fn bury(
    db: &DatabaseTransaction,
    workspace: &str,
    key: &PersonKey,
    by: &str,
    at: OffsetDateTime,
) -> Result<(), LedgerError> {
    use roster_forgotten::Column;
    let mut tombstones = tombstones_in(db, workspace).await?;
    if tombstones.has(key) {
        return Ok(());
    }
    if tombstones.salt.is_empty() {
        let mut salt = [0; 32];
        aws_lc_rs::rand::fill(&mut salt).map_err(|_| corrupt("no random numbers"))?;
        tombstones.salt = salt.to_vec();
    }
    let last: Option<i64> = roster_forgotten::Entity::find()
        .select_only()
        .column(Column::Number)
        .filter(Column::Workspace.eq(workspace))
        .order_by_desc(Column::Number)
        .into_tuple()
        .one(db)
        .await?;
    let row = roster_forgotten::ActiveModel {
        workspace: Set(workspace.to_owned()),
        number: Set(last.unwrap_or_default() + 1),
        hash: Set(hash(&tombstones.salt, key)),
        salt: Set(hex::encode(&tombstones.salt)),
        at: Set(to_millis(at)),
        by: Set(by.to_owned()),
    };
    roster_forgotten::Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Deletes all states of these people, and removes what names them as manager or owner.
async fn erase_people(
    db: &DatabaseTransaction,
    workspace: &str,
    keys: &HashSet<PersonKey>,
) -> Result<Forgotten, LedgerError> {
    use roster_people::Column;
    let all = || roster_people::Entity::find().filter(Column::Workspace.eq(workspace));
    let mut forgotten = Forgotten::default();
    let mut names: HashSet<String> = keys.iter().map(|key| key.as_str().to_owned()).collect();
    let texts: Vec<String> = names.iter().cloned().collect();
    for texts in texts.chunks(limits::SQL_VALUES / 2) {
        for row in all().filter(Column::Key.is_in(texts)).all(db).await? {
            names.extend(names_of(&read_person(&row.person)?));
        }
        let deleted = roster_people::Entity::delete_many()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Key.is_in(texts))
            .exec(db)
            .await?;
        forgotten.people += deleted.rows_affected;
    }
    let mut after = 0;
    loop {
        let page = all().filter(Column::Id.gt(after)).order_by_asc(Column::Id);
        let page = page.limit(limits::SQL_VALUES as u64).all(db).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for row in page {
            let mut person = read_person(&row.person)?;
            let names_one = |text: Option<&str>| text.is_some_and(|text| names.contains(text));
            let is_manager = names_one(person.manager.as_deref());
            let is_owner = names_one(person.owner.as_deref());
            if !is_manager && !is_owner {
                continue;
            }
            person.manager = person.manager.filter(|_| !is_manager);
            person.owner = person.owner.filter(|_| !is_owner);
            roster_people::Entity::update_many()
                .col_expr(Column::Person, Expr::value(json(&person)?))
                .filter(Column::Id.eq(row.id))
                .exec(db)
                .await?;
            forgotten.references += 1;
        }
    }
    if !forgotten.is_empty() {
        let revision = roster_versions::Column::Revision;
        roster_versions::Entity::update_many()
            .col_expr(revision, Expr::col(revision).add(1))
            .filter(roster_versions::Column::Workspace.eq(workspace))
            .exec(db)
            .await?;
    }
    Ok(forgotten)
}

/// The texts by which others refer to a person.
fn names_of(person: &Person) -> Vec<String> {
    let ids = [&person.employee_number, &person.source_id];
    let ids = ids.into_iter().flatten().map(ToString::to_string);
    ids.chain(person.emails.iter().map(|email| email.address.to_string())).collect()
}

/// Removes a person from decisions. The entries stay, without the key, the owner and the reason.
async fn erase_from_decisions(
    db: &DatabaseTransaction,
    workspace: &str,
    key: &PersonKey,
) -> Result<u64, LedgerError> {
    use roster_decisions::Column;
    let mut erased = 0;
    let all = roster_decisions::Entity::find().filter(
        Condition::all().add(Column::Workspace.eq(workspace)).add(Column::Account.is_not_null()),
    );
    let nobody = PersonKey::new(ERASED).ok_or_else(|| corrupt("the mark of an erased key"))?;
    for row in all.all(db).await? {
        let act = serde_json::from_str(&row.act).map_err(|_| corrupt("a decision of a roster"))?;
        let Act::Decide(mut decision) = act else { continue };
        let names_key = |text: &str| {
            PersonKey::new(text).is_some_and(|named| named == *key)
                || Address::read(text).is_some_and(|address| address.as_str() == key.as_str())
        };
        match &mut decision.verdict {
            Verdict::Is { person_key } | Verdict::IsNot { person_key } if *person_key == *key => {
                *person_key = nobody.clone();
            }
            Verdict::Class { owner: Some(owner), .. } if names_key(owner) => {
                ERASED.clone_into(owner);
            }
            _ => continue,
        }
        ERASED.clone_into(&mut decision.why);
        roster_decisions::Entity::update_many()
            .col_expr(Column::Act, Expr::value(json(&Act::Decide(decision))?))
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Number.eq(row.number))
            .exec(db)
            .await?;
        erased += 1;
    }
    Ok(erased)
}
