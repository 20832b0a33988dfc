//! The difference between two states of a workspace: who joined, who left, and which access people
//! gained and lost.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Row;
use crate::directory::{Directory, Person, account_id, team_id};
use crate::words::words;

words! {
    /// What became of a person or of a part of their access.
    pub enum DifferenceKind {
        /// The person has access now, and had none before.
        Joined = "joined",
        /// The person had access before, and has none now.
        Left = "left",
        /// The person has more access than before.
        Gained = "gained",
        /// The person has less access than before.
        Lost = "lost",
        /// The person has another role than before.
        Changed = "changed",
    }
}

words! {
    /// What differs.
    pub enum DifferenceOf {
        /// The account as a whole.
        Account = "account",
        /// The role.
        Role = "role",
        /// A membership in a team.
        Team = "team",
        /// A permission.
        Permission = "permission",
        /// The paid seat.
        Seat = "seat",
    }
}

/// One difference, of one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What became of it.
    pub change: DifferenceKind,
    /// The id of the account.
    pub account_id: String,
    /// The name, in the later state that has the person.
    pub display_name: Option<String>,
    /// The address, in the later state that has the person.
    pub email: Option<String>,
    /// What differs.
    pub of: DifferenceOf,
    /// The value before: of an account the role.
    pub before: Option<String>,
    /// The value after: of an account the role.
    pub after: Option<String>,
}

impl Row for Difference {
    const COLUMNS: &'static [&'static str] =
        &["change", "account_id", "display_name", "email", "of", "before", "after"];
}

/// Compares two states. Sorted by the kind of difference, then by the id of the account.
#[must_use]
pub fn compare(before: &Directory, after: &Directory) -> Vec<Difference> {
    let active = |person: &&Person| person.user.active;
    let mut found = Vec::new();
    for person in after.people.iter().filter(active) {
        match before.person(&person.user.id).filter(active) {
            None => {
                let role = role(person);
                let joined = difference(person, DifferenceKind::Joined, DifferenceOf::Account);
                found.push(Difference { after: role, ..joined });
            }
            Some(earlier) => compare_person((before, earlier), (after, person), &mut found),
        }
    }
    for person in before.people.iter().filter(active) {
        let later = after.person(&person.user.id);
        if !later.is_some_and(|later| later.user.active) {
            // An erasure may have removed the name since, so the later state is preferred.
            let named = later.unwrap_or(person);
            let left = difference(named, DifferenceKind::Left, DifferenceOf::Account);
            found.push(Difference { before: role(person), ..left });
        }
    }
    found.sort_by_key(|difference| difference.change);
    found
}

/// A person in one of the states.
type In<'a> = (&'a Directory, &'a Person);

fn compare_person((before, earlier): In<'_>, (after, later): In<'_>, found: &mut Vec<Difference>) {
    // A role that could not be read is no other role.
    if let (Some(was), Some(is)) = (role(earlier), role(later))
        && was != is
    {
        let changed = difference(later, DifferenceKind::Changed, DifferenceOf::Role);
        found.push(Difference { before: Some(was), after: Some(is), ..changed });
    }
    let (were, are) = (teams(before, earlier), teams(after, later));
    gained_and_lost(later, DifferenceOf::Team, (&were, &are), found);
    if let (Some(were), Some(are)) = (permissions(earlier), permissions(later)) {
        gained_and_lost(later, DifferenceOf::Permission, (&were, &are), found);
    }
    if let (Some(had), Some(has)) = (earlier.user.has_inbox_seat, later.user.has_inbox_seat) {
        let seats = |has: bool| has.then(|| (String::new(), "Paid seat".to_owned()));
        let (had, has) = (seats(had).into_iter().collect(), seats(has).into_iter().collect());
        gained_and_lost(later, DifferenceOf::Seat, (&had, &has), found);
    }
}

/// The key of an item and its name.
type Items = BTreeSet<(String, String)>;

/// Adds what only one of two sets has, by the keys: a team with a new name is the same team.
fn gained_and_lost(
    person: &Person,
    of: DifferenceOf,
    (before, after): (&Items, &Items),
    found: &mut Vec<Difference>,
) {
    let is_in = |items: &Items, key: &String| items.iter().any(|(other, _)| other == key);
    for (_, name) in before.iter().filter(|(key, _)| !is_in(after, key)) {
        let lost = difference(person, DifferenceKind::Lost, of);
        found.push(Difference { before: Some(name.clone()), ..lost });
    }
    for (_, name) in after.iter().filter(|(key, _)| !is_in(before, key)) {
        let gained = difference(person, DifferenceKind::Gained, of);
        found.push(Difference { after: Some(name.clone()), ..gained });
    }
}

fn difference(person: &Person, change: DifferenceKind, of: DifferenceOf) -> Difference {
    Difference {
        change,
        account_id: account_id(&person.user.id),
        display_name: person.user.name.clone(),
        email: person.user.email.clone(),
        of,
        before: None,
        after: None,
    }
}

fn role(person: &Person) -> Option<String> {
    person.user.role.as_ref().map(|role| role.name.clone().unwrap_or_else(|| role.id.clone()))
}

fn teams(directory: &Directory, person: &Person) -> Items {
    let teams = person.teams.iter().filter_map(|link| directory.teams.get(link.place as usize));
    let item = |team: &crate::directory::Team| {
        let id = team_id(&team.group.id);
        (id.clone(), team.group.name.clone().unwrap_or(id))
    };
    teams.map(|team| item(team)).collect()
}

fn permissions(person: &Person) -> Option<Items> {
    let names = person.user.permissions.as_ref()?.iter();
    Some(names.map(|name| (name.to_string(), name.replace('_', " "))).collect())
}
