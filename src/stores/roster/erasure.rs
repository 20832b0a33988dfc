//! Erases people from rosters: on request, which leaves a tombstone, and when they left long ago.
//! Old versions are deleted, too.

use std::collections::{BTreeSet, HashSet};

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use time::OffsetDateTime;

use super::entities::{roster_decisions, roster_people, roster_versions};
use super::tombstones::{bury, is_one_of, names_of};
use super::versions::{in_force_of, json, read_person, rows};
use super::{RosterStore, corrupt};
use crate::clock::to_millis;
use crate::database::{AuditEntry, record_events};
use crate::ledger::LedgerError;
use crate::limits;
use crate::roster::{Act, Decision, PersonKey, Verdict};

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

impl RosterStore {
    /// Erases a person from all versions and decisions, and leaves a tombstone, so that no later
    /// version brings the person back.
    ///
    /// # Errors
    /// [`LedgerError::Database`]; then nothing is erased.
    pub async fn forget(
        &self,
        workspace: &str,
        key: &PersonKey,
        by: &str,
        at: OffsetDateTime,
        events: impl FnOnce(&Forgotten) -> Vec<AuditEntry>,
    ) -> Result<Forgotten, LedgerError> {
        let db = self.changing(workspace).await?;
        let forgotten = erase(&db, workspace, &HashSet::from([key.clone()])).await?;
        bury(&db, workspace, key, by, at).await?;
        record_events(&db, events(&forgotten)).await?;
        db.commit().await?;
        Ok(forgotten)
    }

    /// Whether any version, held ones included, has a person with this key.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn has_person(&self, workspace: &str, key: &PersonKey) -> Result<bool, LedgerError> {
        use roster_people::Column;
        let found = roster_people::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Key.eq(key.as_str()))
            .one(&self.database.connection)
            .await?;
        Ok(found.is_some())
    }

    /// Erases people who left long ago from all versions and decisions, without tombstones.
    ///
    /// # Errors
    /// [`LedgerError::Database`]; then nothing is erased.
    pub async fn erase_ended(
        &self,
        workspace: &str,
        keys: &HashSet<PersonKey>,
        events: Vec<AuditEntry>,
    ) -> Result<(), LedgerError> {
        let db = self.changing(workspace).await?;
        erase(&db, workspace, keys).await?;
        record_events(&db, events).await?;
        db.commit().await?;
        Ok(())
    }

    /// Erases the person, the owner and the reason from all decisions about these accounts. The
    /// decisions themselves stay. Returns their number.
    ///
    /// # Errors
    /// [`LedgerError::Database`]; then nothing is erased.
    pub async fn erase_decisions_about(
        &self,
        workspace: &str,
        accounts: &BTreeSet<String>,
    ) -> Result<u64, LedgerError> {
        let db = self.changing(workspace).await?;
        let is_about = |decision: &Decision| accounts.contains(decision.account.as_str());
        let erased = erase_decisions(&db, workspace, |decision| {
            let concerned = is_about(decision);
            if concerned {
                blank(decision)?;
            }
            Ok(concerned)
        });
        let erased = erased.await?;
        if erased > 0 {
            next_revision(&db, workspace).await?;
        }
        db.commit().await?;
        Ok(erased)
    }

    /// The number of decisions about these accounts that [`RosterStore::erase_decisions_about`]
    /// would change.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn count_decisions_about(
        &self,
        workspace: &str,
        accounts: &BTreeSet<String>,
    ) -> Result<u64, LedgerError> {
        let entries = self.decisions(workspace, None).await?;
        let concerned = entries.iter().filter(|entry| match &entry.act {
            Act::Decide(decision) => {
                accounts.contains(decision.account.as_str()) && decision.why != ERASED
            }
            Act::Revoke(_) => false,
        });
        Ok(concerned.count() as u64)
    }

    /// The keys of the people of any version for whose addresses `is_wanted` is true.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub async fn keys_by_address(
        &self,
        workspace: &str,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<BTreeSet<PersonKey>, LedgerError> {
        use roster_people::Column;
        let mut keys = BTreeSet::new();
        let mut after = 0;
        loop {
            let page = roster_people::Entity::find()
                .filter(Column::Workspace.eq(workspace))
                .filter(Column::Id.gt(after))
                .order_by_asc(Column::Id)
                .limit(limits::SQL_VALUES as u64);
            let page = page.all(&self.database.connection).await?;
            let Some(last) = page.last() else { return Ok(keys) };
            after = last.id;
            for row in page {
                let person = read_person(&row.person)?;
                if person.emails.iter().any(|email| is_wanted(email.address.as_str())) {
                    keys.insert(person.key);
                }
            }
        }
    }

    /// Deletes all versions but the newest `keep`, the one that was in force at `since`, the one in
    /// force now, and those after them. Returns the number of deleted versions.
    ///
    /// # Errors
    /// [`LedgerError::Database`]; then nothing is deleted.
    pub async fn prune_versions(
        &self,
        workspace: &str,
        keep: usize,
        since: OffsetDateTime,
    ) -> Result<u64, LedgerError> {
        use roster_versions::Column;
        let before = rows(&self.database.connection, workspace).await?;
        if before.len() <= keep {
            return Ok(0);
        }
        let db = self.changing(workspace).await?;
        let known = rows(&db, workspace).await?;
        let in_force = in_force_of(&known).map_or(i64::MAX, |row| row.number);
        // The guard compares a new version with those within its window.
        let begin = to_millis(since);
        let earlier = known.iter().filter(|row| row.in_force_at.is_some_and(|at| at <= begin));
        let at_begin = earlier.max_by_key(|row| (row.in_force_at, row.number));
        let in_force = Ord::min(in_force, at_begin.map_or(0, |row| row.number));
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

/// Erases people from all versions, and from decisions.
async fn erase(
    db: &DatabaseTransaction,
    workspace: &str,
    keys: &HashSet<PersonKey>,
) -> Result<Forgotten, LedgerError> {
    let mut forgotten = Forgotten::default();
    let mut names = delete_people(db, workspace, keys, &mut forgotten).await?;
    let shared = erase_references(db, workspace, &names, &mut forgotten).await?;
    // A number or an address that another person has, too, names that person in a decision.
    names.retain(|name| !shared.contains(name));
    names.extend(keys.iter().map(|key| key.as_str().to_owned()));
    forgotten.decisions = erase_from_decisions(db, workspace, keys, &names).await?;
    if !forgotten.is_empty() {
        next_revision(db, workspace).await?;
    }
    Ok(forgotten)
}

/// Shows that people or reasons were erased: answers that were made before are not given again.
async fn next_revision(db: &DatabaseTransaction, workspace: &str) -> Result<(), LedgerError> {
    let revision = roster_versions::Column::Revision;
    roster_versions::Entity::update_many()
        .col_expr(revision, Expr::col(revision).add(1))
        .filter(roster_versions::Column::Workspace.eq(workspace))
        .exec(db)
        .await?;
    Ok(())
}

/// Deletes all states of these people. Returns the texts by which others refer to them.
async fn delete_people(
    db: &DatabaseTransaction,
    workspace: &str,
    keys: &HashSet<PersonKey>,
    forgotten: &mut Forgotten,
) -> Result<HashSet<String>, LedgerError> {
    use roster_people::Column;
    let mut names: HashSet<String> = keys.iter().map(|key| key.as_str().to_owned()).collect();
    let texts: Vec<String> = names.iter().cloned().collect();
    for texts in texts.chunks(limits::SQL_VALUES / 2) {
        let states = roster_people::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Key.is_in(texts));
        for row in states.all(db).await? {
            names.extend(names_of(&read_person(&row.person)?));
        }
        let deleted = roster_people::Entity::delete_many()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Key.is_in(texts))
            .exec(db)
            .await?;
        forgotten.people += deleted.rows_affected;
    }
    Ok(names)
}

/// Removes the managers and owners with these names from all people. Returns the names that other
/// people have, too.
async fn erase_references(
    db: &DatabaseTransaction,
    workspace: &str,
    names: &HashSet<String>,
    forgotten: &mut Forgotten,
) -> Result<HashSet<String>, LedgerError> {
    use roster_people::Column;
    let mut shared = HashSet::new();
    let mut after = 0;
    loop {
        let page = roster_people::Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Id.gt(after))
            .order_by_asc(Column::Id)
            .limit(limits::SQL_VALUES as u64);
        let page = page.all(db).await?;
        let Some(last) = page.last() else { return Ok(shared) };
        after = last.id;
        for row in page {
            let mut person = read_person(&row.person)?;
            let own = names_of(&person).into_iter().chain([row.key]);
            shared.extend(own.filter(|name| names.contains(name)));
            let names_one = |text: Option<&str>| text.is_some_and(|text| is_one_of(names, text));
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
}

/// Removes people from decisions. The entries stay, without the key, the owner and the reason. An
/// owner is stored as it was typed: a key, a number or an address.
async fn erase_from_decisions(
    db: &DatabaseTransaction,
    workspace: &str,
    keys: &HashSet<PersonKey>,
    names: &HashSet<String>,
) -> Result<u64, LedgerError> {
    erase_decisions(db, workspace, |decision| {
        let concerned = match &decision.verdict {
            Verdict::Is { person_key } | Verdict::IsNot { person_key } => keys.contains(person_key),
            Verdict::Class { owner, .. } => {
                owner.as_deref().is_some_and(|owner| is_one_of(names, owner))
            }
        };
        if concerned {
            blank(decision)?;
        }
        Ok(concerned)
    })
    .await
}

/// Removes the person, the owner and the reason from a decision.
fn blank(decision: &mut Decision) -> Result<(), LedgerError> {
    match &mut decision.verdict {
        Verdict::Is { person_key } | Verdict::IsNot { person_key } => {
            *person_key =
                PersonKey::new(ERASED).ok_or_else(|| corrupt("the mark of an erased key"))?;
        }
        Verdict::Class { owner: Some(owner), .. } => ERASED.clone_into(owner),
        Verdict::Class { owner: None, .. } => {}
    }
    ERASED.clone_into(&mut decision.why);
    Ok(())
}

/// Stores the decisions that `change` changes. It returns whether it concerns a decision. Returns
/// the number of those that differ now.
async fn erase_decisions(
    db: &DatabaseTransaction,
    workspace: &str,
    change: impl Fn(&mut Decision) -> Result<bool, LedgerError>,
) -> Result<u64, LedgerError> {
    use roster_decisions::Column;
    let mut erased = 0;
    let all = roster_decisions::Entity::find()
        .filter(Column::Workspace.eq(workspace))
        .filter(Column::Account.is_not_null());
    for row in all.all(db).await? {
        let act = serde_json::from_str(&row.act).map_err(|_| corrupt("a decision of a roster"))?;
        let Act::Decide(mut decision) = act else { continue };
        if !change(&mut decision)? {
            continue;
        }
        let written = json(&Act::Decide(decision))?;
        if written == row.act {
            continue;
        }
        roster_decisions::Entity::update_many()
            .col_expr(Column::Act, Expr::value(written))
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Number.eq(row.number))
            .exec(db)
            .await?;
        erased += 1;
    }
    Ok(erased)
}
