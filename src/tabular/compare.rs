//! The difference between two states of a workspace: who joined, who left, and which access people
//! gained and lost.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Row;
use crate::directory::{Directory, Link, Person, Team, account_id, team_id};
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
            Some(earlier) => {
                let earlier = In { directory: before, person: earlier };
                compare_person(&earlier, &In { directory: after, person }, &mut found);
            }
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
struct In<'a> {
    directory: &'a Directory,
    person: &'a Person,
}

fn compare_person(earlier: &In<'_>, later: &In<'_>, found: &mut Vec<Difference>) {
    // A role that could not be read is no other role.
    if let (Some(was), Some(is)) = (role(earlier.person), role(later.person))
        && was != is
    {
        let changed = difference(later.person, DifferenceKind::Changed, DifferenceOf::Role);
        found.push(Difference { before: Some(was), after: Some(is), ..changed });
    }
    let mut compare = |of: DifferenceOf, before: &Items, after: &Items| {
        gained_and_lost(later.person, of, before, after, found);
    };
    compare(DifferenceOf::Team, &teams(earlier), &teams(later));
    if let (Some(were), Some(are)) = (permissions(earlier.person), permissions(later.person)) {
        compare(DifferenceOf::Permission, &were, &are);
    }
    if let (Some(had), Some(has)) = (seats(earlier.person), seats(later.person)) {
        compare(DifferenceOf::Seat, &had, &has);
    }
}

/// The names of items, by key.
type Items = BTreeMap<String, String>;

/// Adds what only one of two sets has, by the keys: a team with a new name is the same team.
fn gained_and_lost(
    person: &Person,
    of: DifferenceOf,
    before: &Items,
    after: &Items,
    found: &mut Vec<Difference>,
) {
    for (_, name) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
        let lost = difference(person, DifferenceKind::Lost, of);
        found.push(Difference { before: Some(name.clone()), ..lost });
    }
    for (_, name) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
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

fn teams(of: &In<'_>) -> Items {
    let place = |link: &Link| of.directory.teams.get(link.place as usize);
    let item = |team: &Team| {
        let id = team_id(&team.group.id);
        (id.clone(), team.group.name.clone().unwrap_or(id))
    };
    of.person.teams.iter().filter_map(place).map(item).collect()
}

/// `None` if the permissions are unknown.
fn permissions(person: &Person) -> Option<Items> {
    let names = person.user.permissions.as_ref()?.iter();
    Some(names.map(|name| (name.clone(), name.replace('_', " "))).collect())
}

/// The paid seat; `None` if it is unknown whether there is one.
fn seats(person: &Person) -> Option<Items> {
    let has = person.user.has_inbox_seat?;
    Some(has.then(|| (String::new(), "Paid seat".to_owned())).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::*;
    use crate::directory::{
        Group, GroupId, Membership, Recorded, Role, Snapshot, Stamps, User, UserId, Volatile,
    };

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn user(id: &str, role: Option<&str>) -> User {
        let role =
            role.map(|name| Role { id: name.to_owned(), name: Some(name.to_owned()) }.into());
        User { role, name: Some(format!("Person {id}")), ..User::new(UserId::new(id)) }
    }

    /// A directory with these people, and a team with these members.
    fn directory(people: Vec<User>, team: &str, members: &[&str]) -> Directory {
        let stamps = Stamps { created: NOW, last_modified: NOW };
        let recorded = |value| (Recorded { value, stamps }, Volatile::default());
        let group = Group {
            id: GroupId::new("9"),
            name: Some(team.to_owned()),
            distribution_method: None,
            assignment_limit: None,
        };
        let membership = |user: &&str| Membership {
            group: GroupId::new("9"),
            user: UserId::new(*user),
            priority: None,
        };
        let snapshot = Snapshot {
            generation: 1,
            users: people.into_iter().map(recorded).collect(),
            groups: vec![Recorded { value: group, stamps }],
            memberships: members.iter().map(membership).collect(),
            ..Snapshot::default()
        };
        Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None)
    }

    #[test]
    fn each_person_has_what_they_gained_and_lost() {
        let permitted = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            Some(names.into())
        };
        let mut ada = user("1", Some("Agent"));
        ada.permissions = permitted(&["export_data", "manage_teams"]);
        ada.has_inbox_seat = Some(true);
        let (bo, mut cy, dee) = (user("2", Some("Agent")), user("3", None), user("4", None));
        let before = directory(vec![ada.clone(), bo.clone(), cy.clone()], "Billing", &["1", "2"]);
        ada.role = user("1", Some("Admin")).role;
        ada.permissions = permitted(&["manage_teams", "see_reports"]);
        ada.has_inbox_seat = Some(false);
        // A role that is known now and was unknown is no change of access.
        cy.role = user("3", Some("Agent")).role;
        let left = User { active: false, ..bo };
        let after = directory(vec![ada, left, cy, dee], "Payments", &["1", "3"]);
        let words: Vec<String> = compare(&before, &after)
            .iter()
            .map(|one| {
                let value = |value: &Option<String>| value.clone().unwrap_or_default();
                let (before, after) = (value(&one.before), value(&one.after));
                format!("{} {} {}: {before} > {after}", one.account_id, one.change, one.of)
            })
            .collect();
        assert_eq!(
            words,
            [
                "adm_4 joined account:  > ",
                "adm_2 left account: Agent > ",
                "adm_1 gained permission:  > see reports",
                "adm_3 gained team:  > Payments",
                "adm_1 lost permission: export data > ",
                "adm_1 lost seat: Paid seat > ",
                "adm_1 changed role: Agent > Admin",
            ]
        );
        assert!(compare(&after, &after).is_empty());
    }
}
