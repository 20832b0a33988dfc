//! Tombstones: keyed hashes of the keys of people who were erased on request and must not come
//! back.

use std::collections::HashSet;

use aws_lc_rs::hmac;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use time::OffsetDateTime;

use super::entities::roster_forgotten;
use super::{RosterStore, corrupt};
use crate::clock::to_millis;
use crate::database::{AuditEntry, record_events};
use crate::ledger::LedgerError;
use crate::roster::{Act, Address, Person, PersonKey, Verdict};

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

    /// Whether a text, such as the manager of a person, is a forgotten key.
    #[must_use]
    pub fn has_text(&self, text: &str) -> bool {
        !self.hashes.is_empty() && normal_forms(text).iter().any(|key| self.has(key))
    }

    /// Whether a person was forgotten, or names a forgotten person as manager or owner.
    #[must_use]
    pub fn concerns(&self, person: &Person) -> bool {
        let names_one = |text: Option<&str>| text.is_some_and(|text| self.has_text(text));
        self.has(&person.key)
            || names_one(person.manager.as_deref())
            || names_one(person.owner.as_deref())
    }

    /// Whether an act is a decision that names a forgotten person.
    #[must_use]
    pub fn concerns_act(&self, act: &Act) -> bool {
        let Act::Decide(decision) = act else { return false };
        match &decision.verdict {
            Verdict::Is { person_key } | Verdict::IsNot { person_key } => self.has(person_key),
            Verdict::Class { owner, .. } => {
                owner.as_deref().is_some_and(|owner| self.has_text(owner))
            }
        }
    }

    /// Removes forgotten people, and what names them as manager or owner of others. Returns the
    /// number of removed people.
    pub fn leave_out(&self, people: &mut Vec<Person>) -> usize {
        if self.hashes.is_empty() {
            return 0;
        }
        let before = people.len();
        let mut names = HashSet::new();
        people.retain(|person| {
            let is_forgotten = self.has(&person.key);
            if is_forgotten {
                names.extend(names_of(person));
            }
            !is_forgotten
        });
        // A number or an address that another person has, too, names that person.
        for person in people.iter() {
            names.remove(person.key.as_str());
            for name in names_of(person) {
                names.remove(&name);
            }
        }
        let is_forgotten = |text: &str| self.has_text(text) || is_one_of(&names, text);
        for person in people.iter_mut() {
            person.manager = person.manager.take().filter(|text| !is_forgotten(text));
            person.owner = person.owner.take().filter(|text| !is_forgotten(text));
        }
        before - people.len()
    }
}

/// The hash of a key. Employee numbers are easily guessed, so whoever reads the database can test
/// a guess; the hash keeps them from being read.
fn hash(salt: &[u8], key: &PersonKey) -> String {
    let salt = hmac::Key::new(hmac::HMAC_SHA256, salt);
    hex::encode(hmac::sign(&salt, key.as_str().as_bytes()))
}

/// The numbers and addresses by which others refer to a person. The key is not among them.
pub(super) fn names_of(person: &Person) -> Vec<String> {
    let ids = [&person.employee_number, &person.source_id];
    let ids = ids.into_iter().flatten().map(ToString::to_string);
    ids.chain(person.emails.iter().map(|email| email.address.to_string())).collect()
}

/// Whether a text, as it was typed, is one of these names.
pub(super) fn is_one_of(names: &HashSet<String>, text: &str) -> bool {
    names.contains(text) || normal_forms(text).iter().any(|form| names.contains(form.as_str()))
}

/// The normal forms of a text: as an id, and as an address if it is one.
fn normal_forms(text: &str) -> Vec<PersonKey> {
    let id = PersonKey::new(text);
    let address = Address::read(text).and_then(|address| PersonKey::new(address.as_str()));
    id.into_iter().chain(address).collect()
}

impl RosterStore {
    /// The tombstones of a workspace.
    ///
    /// # Errors
    /// [`LedgerError::Database`], [`LedgerError::Corrupt`].
    pub async fn tombstones(&self, workspace: &str) -> Result<Tombstones, LedgerError> {
        tombstones_in(&self.database.connection, workspace).await
    }

    /// Removes the tombstone of a key. Returns false if there is none.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
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
}

/// The tombstones of a workspace, as a transaction sees them.
pub(super) async fn tombstones_in(
    db: &impl ConnectionTrait,
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
pub(super) async fn bury(
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn person(key: &str, number: &str, manager: &str) -> Person {
        let mut person = Person::new(PersonKey::new(key).unwrap(), Arc::from("hr"));
        person.employee_number = Some(number.into());
        person.manager = Some(manager.into());
        person
    }

    #[test]
    fn a_forgotten_person_is_left_out_and_so_is_what_names_the_person() {
        let salt = vec![7; 32];
        let forgotten = PersonKey::new("mia@acme.example").unwrap();
        let tombstones = Tombstones { hashes: HashSet::from([hash(&salt, &forgotten)]), salt };
        let mut people = vec![
            person("mia@acme.example", "9", "1"),
            person("a", "1", " Mia@Acme.example"),
            person("b", "2", "9"),
            person("c", "3", "1"),
        ];
        assert!(tombstones.concerns(&people[1]));
        assert_eq!(tombstones.leave_out(&mut people), 1);
        let managers: Vec<Option<&str>> =
            people.iter().map(|person| person.manager.as_deref()).collect();
        assert_eq!(managers, [None, None, Some("1")]);
        // Another person has the number of the forgotten one, too.
        let mut people = vec![person("mia@acme.example", "9", "1"), person("b", "9", "9")];
        assert_eq!(tombstones.leave_out(&mut people), 1);
        assert_eq!(people[0].manager.as_deref(), Some("9"));
    }
}
