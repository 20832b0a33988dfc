//! Memberships as rows: which account has which entitlement.

use serde::Serialize;
use utoipa::ToSchema;

use super::entitlement::{EntitlementType, held, id_of};
use super::{Row, Rows, Selection, account_id, team_id};
use crate::directory::{Directory, Person, Priority};

/// That a teammate has an entitlement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccessMembership {
    /// The account's and the entitlement's id, with a colon between.
    pub id: String,
    /// The teammate.
    pub account_id: String,
    /// The teammate's sign-in address; the id, for a teammate without one.
    pub user_name: String,
    /// The team, role, seat or permission.
    pub entitlement_id: String,
    /// What kind of access it is.
    pub entitlement_type: EntitlementType,
    /// What people call it.
    pub entitlement_name: String,
    /// `primary` or `secondary`, in a team that makes a difference.
    pub priority: Option<&'static str>,
}

impl Row for AccessMembership {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "account_id",
        "user_name",
        "entitlement_id",
        "entitlement_type",
        "entitlement_name",
        "priority",
    ];
}

/// The memberships that a client wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MembershipSelection<'a> {
    /// Only memberships of entitlements of this type.
    pub kind: Option<EntitlementType>,
    /// Only memberships of the account with this id.
    pub account: Option<&'a str>,
    /// Only memberships of the entitlement with this id.
    pub entitlement: Option<&'a str>,
}

/// Returns the memberships, sorted by account; for each account, teams come first. With
/// `modified_since`, returns all memberships of the accounts that changed since. A membership that
/// such an account has lost is absent.
#[must_use]
pub fn memberships(
    directory: &Directory,
    wanted: MembershipSelection<'_>,
    selection: Selection,
) -> Rows<AccessMembership> {
    // A removed teammate has no access.
    let selection = Selection { include_removed: false, ..selection };
    let of_account =
        |person: &&Person| wanted.account.is_none_or(|id| account_id(&person.user.id) == id);
    let kind = |one: EntitlementType| wanted.kind.is_none_or(|kind| kind == one);
    let is_wanted = |one: &AccessMembership| {
        kind(one.entitlement_type) && wanted.entitlement.is_none_or(|id| id == one.entitlement_id)
    };
    let mut rows = Rows { items: Vec::new(), total: 0 };
    for person in
        directory.people.iter().filter(|person| selection.takes(person)).filter(of_account)
    {
        let (skip, room) =
            (selection.offset.saturating_sub(rows.total), selection.limit - rows.items.len());
        // Memberships before the page are counted without building their rows.
        let count = if wanted.entitlement.is_some() {
            of_person(directory, person).filter(is_wanted).count()
        } else {
            let teams = if kind(EntitlementType::Team) { person.teams.len() } else { 0 };
            teams + held(&person.user).filter(|(one, ..)| kind(*one)).count()
        };
        if skip < count && room > 0 {
            rows.items.extend(of_person(directory, person).filter(is_wanted).skip(skip).take(room));
        }
        rows.total += count;
    }
    rows
}

/// Whether the person has the entitlement with this id.
pub(super) fn has(directory: &Directory, person: &Person, entitlement: &str) -> bool {
    // A removed teammate has no access.
    person.user.active && of_person(directory, person).any(|one| one.entitlement_id == entitlement)
}

fn of_person<'a>(
    directory: &'a Directory,
    person: &'a Person,
) -> impl Iterator<Item = AccessMembership> + 'a {
    let account_id = account_id(&person.user.id);
    let membership = move |entitlement_id: String,
                           entitlement_type,
                           entitlement_name: &str,
                           priority: Option<Priority>| {
        AccessMembership {
            id: format!("{account_id}:{entitlement_id}"),
            account_id: account_id.clone(),
            user_name: person.user.email.clone().unwrap_or_else(|| account_id.clone()),
            entitlement_id,
            entitlement_type,
            entitlement_name: entitlement_name.to_owned(),
            priority: priority.map(Priority::as_str),
        }
    };
    let other = membership.clone();
    let teams = person
        .teams
        .iter()
        .filter_map(|link| Some((directory.teams.get(link.place as usize)?, link.priority)));
    let teams = teams.map(move |(team, priority)| {
        let id = team_id(&team.group.id);
        let name = team.group.name.clone().unwrap_or_else(|| id.clone());
        membership(id, EntitlementType::Team, &name, priority)
    });
    teams.chain(
        held(&person.user).map(move |(kind, id, name)| other(id_of(kind, id), kind, name, None)),
    )
}
