//! Entitlements as rows: teams, roles, seats and permissions.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{Row, Rows, Selection, team_id};
use crate::directory::{Directory, Role, Team, User};

/// What kind of access an entitlement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntitlementType {
    /// A team.
    Team,
    /// A role, which bundles permissions.
    Role,
    /// A paid seat.
    Seat,
    /// A single permission, as far as the activity log tells.
    Permission,
}

impl EntitlementType {
    /// All types with their names.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Team, "team"),
        (Self::Role, "role"),
        (Self::Seat, "seat"),
        (Self::Permission, "permission"),
    ];
}

/// Something that a teammate can have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Entitlement {
    /// `team_…`, `role_…`, `seat_…` or `permission_…`.
    pub id: String,
    /// What kind of access it is.
    pub r#type: EntitlementType,
    /// What people call it.
    pub name: String,
    /// Intercom's own id or word.
    pub intercom_id: String,
    /// How many active teammates have it.
    pub member_count: usize,
    /// How a team's conversations are given out, in Intercom's words.
    pub distribution_method: Option<String>,
    /// How many conversations one member of the team may hold.
    pub assignment_limit: Option<i64>,
    /// When the bridge recorded the last change of the team or of its members; null for what is no
    /// team.
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

/// The only kind of seat that Intercom's API reports.
pub(super) const SEAT: &str = "inbox_seat";

/// Returns the person's entitlements other than teams, as (type, Intercom's id, name).
pub(super) fn held(user: &User) -> impl Iterator<Item = (EntitlementType, &str, &str)> {
    let role = user.role.iter().map(|role| {
        let Role { id, name } = &**role;
        (EntitlementType::Role, id.as_str(), name.as_deref().unwrap_or(id))
    });
    let seat = user
        .has_inbox_seat
        .filter(|seat| *seat)
        .map(|_| (EntitlementType::Seat, SEAT, "Inbox seat"));
    let permissions = user
        .permissions
        .iter()
        .flatten()
        .map(|name| (EntitlementType::Permission, name.as_str(), name.as_str()));
    role.chain(seat).chain(permissions)
}

/// Returns the id of an entitlement other than a team.
pub(super) fn id_of(kind: EntitlementType, id: &str) -> String {
    let (_, word) = EntitlementType::ALL[kind as usize];
    format!("{word}_{id}")
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
    let (first, second) = (called.next(), called.next());
    first.filter(|_| second.is_none()).map(|one| one.id)
}

/// Whether a text has the form of an entitlement id. A text without it was never resolved to an
/// entitlement.
pub(super) fn is_id(text: &str) -> bool {
    EntitlementType::ALL
        .iter()
        .any(|(_, word)| text.strip_prefix(word).is_some_and(|rest| rest.starts_with('_')))
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
        for (kind, id, name) in held(&person.user) {
            let (count, names) = counts.entry((kind, id)).or_default();
            *count += 1;
            names.insert(name);
        }
    }
    let entitlement =
        |((kind, id), (member_count, names)): (_, (usize, BTreeSet<&str>))| Entitlement {
            id: id_of(kind, id),
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
