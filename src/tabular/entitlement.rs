//! Entitlements as rows: teams, roles, seats and permissions.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use time::OffsetDateTime;

use super::{Row, Rows, Selection};
use crate::directory::{
    Directory, EntitlementType, HeldEntitlement, Team, entitlement_id, held_without_teams, team_id,
};

/// An entitlement: a team, role, seat or permission that a teammate can have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entitlement {
    /// The id of the entitlement: `team_…`, `role_…`, `seat_…` or `permission_…`.
    pub id: String,
    /// The kind of the entitlement.
    pub r#type: EntitlementType,
    /// The name of the entitlement, as Intercom shows it.
    pub name: String,
    /// Intercom's id or name of the entitlement.
    pub intercom_id: String,
    /// The number of active teammates who have the entitlement.
    pub member_count: usize,
    /// How Intercom assigns the team's conversations, in Intercom's terms.
    pub distribution_method: Option<String>,
    /// The maximum number of open conversations that Intercom assigns to one member of the team.
    pub assignment_limit: Option<i64>,
    /// When the bridge recorded the last change of the team or its members. Null for roles, seats
    /// and permissions.
    #[serde(with = "crate::date_time::option")]
    pub last_modified_at: Option<OffsetDateTime>,
}

impl Row for Entitlement {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "type",
        "name",
        "intercom_id",
        "member_count",
        "distribution_method",
        "assignment_limit",
        "last_modified_at",
    ];
}

/// Returns the entitlements of a directory: teams sorted by id, then the roles, seats and
/// permissions that at least one active teammate has. With `modified_since`, only teams that
/// changed since: for the others no time of change is known.
#[must_use]
pub fn entitlements(
    directory: &Directory,
    kind: Option<EntitlementType>,
    selection: Selection,
) -> Rows<Entitlement> {
    let changed = |team: &&Team| {
        selection.modified_since.is_none_or(|since| team.stamps.last_modified >= since)
    };
    let others = if selection.modified_since.is_none() { others(directory) } else { Vec::new() };
    let all = directory.teams.iter().filter(changed).map(of_team).chain(others);
    let all: Vec<Entitlement> =
        all.filter(|one| kind.is_none_or(|kind| kind == one.r#type)).collect();
    selection.page(all.iter(), Entitlement::clone)
}

/// Returns the id of the entitlement with this id, name or Intercom id. The text may also be a list
/// of one in brackets. `None` if there is no such entitlement, or more than one.
#[must_use]
pub fn entitlement_named(directory: &Directory, name: &str) -> Option<String> {
    let name = name.trim().trim_start_matches('[').trim_end_matches(']').trim();
    let all =
        entitlements(directory, None, Selection { limit: usize::MAX, ..Selection::default() })
            .items;
    if all.iter().any(|one| one.id == name) {
        return Some(name.to_owned());
    }
    let mut called = all.into_iter().filter(|one| one.name == name || one.intercom_id == name);
    let first = called.next();
    let second = called.next();
    first.filter(|_| second.is_none()).map(|one| one.id)
}

fn of_team(team: &Team) -> Entitlement {
    let id = team_id(&team.group.id);
    Entitlement {
        r#type: EntitlementType::Team,
        name: team.group.name.clone().unwrap_or_else(|| id.clone()),
        intercom_id: team.group.id.to_string(),
        member_count: team.members.len(),
        distribution_method: team.group.distribution_method.clone(),
        assignment_limit: team.group.assignment_limit,
        last_modified_at: Some(team.stamps.last_modified),
        id,
    }
}

fn others(directory: &Directory) -> Vec<Entitlement> {
    let mut counts: BTreeMap<(EntitlementType, &str), (usize, BTreeSet<&str>)> = BTreeMap::new();
    for person in directory.people.iter().filter(|person| person.user.active) {
        for held in held_without_teams(&person.user) {
            let HeldEntitlement { kind, intercom_id, name, .. } = held;
            let (count, names) = counts.entry((kind, intercom_id)).or_default();
            *count += 1;
            names.extend(name);
        }
    }
    let entitlement =
        |((kind, id), (member_count, names)): (_, (usize, BTreeSet<&str>))| Entitlement {
            id: entitlement_id(kind, id),
            r#type: kind,
            // A role that was renamed during a reading has two names; either will do.
            name: names.first().map_or_else(String::new, ToString::to_string),
            intercom_id: id.to_owned(),
            member_count,
            distribution_method: None,
            assignment_limit: None,
            last_modified_at: None,
        };
    counts.into_iter().map(entitlement).collect()
}
