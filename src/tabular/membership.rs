//! Memberships as rows: which account has which entitlement.

use serde::Serialize;

use super::{Row, Rows, Selection};
use crate::directory::{
    Directory, EntitlementType, Person, Priority, account_id, held_by, held_without_teams,
    user_name,
};

/// One entitlement of one teammate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessMembership {
    /// The id of the account, a colon, and the id of the entitlement.
    pub id: String,
    /// The id of the account: `adm_` and Intercom's id of the admin.
    pub account_id: String,
    /// The teammate's sign-in address. If Intercom has none, the id of the account.
    pub user_name: String,
    /// The id of the entitlement: `team_…`, `role_…`, `seat_…` or `permission_…`.
    pub entitlement_id: String,
    /// The kind of the entitlement.
    pub entitlement_type: EntitlementType,
    /// The name of the entitlement, as Intercom shows it.
    pub entitlement_name: String,
    /// `primary` or `secondary`, in a team whose distribution method uses priorities; else null.
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
        let skip = selection.offset.saturating_sub(rows.total);
        let room = selection.limit - rows.items.len();
        // Memberships before the page are counted without building their rows.
        let count = if wanted.entitlement.is_some() {
            rows_of(directory, person).filter(is_wanted).count()
        } else {
            let teams = if kind(EntitlementType::Team) { person.teams.len() } else { 0 };
            teams + held_without_teams(&person.user).filter(|held| kind(held.kind)).count()
        };
        if skip < count && room > 0 {
            rows.items.extend(rows_of(directory, person).filter(is_wanted).skip(skip).take(room));
        }
        rows.total += count;
    }
    rows
}

fn rows_of<'a>(
    directory: &'a Directory,
    person: &'a Person,
) -> impl Iterator<Item = AccessMembership> + 'a {
    let account_id = account_id(&person.user.id);
    let user_name = user_name(&person.user);
    held_by(directory, person).map(move |held| {
        let entitlement_id = held.id();
        AccessMembership {
            id: format!("{account_id}:{entitlement_id}"),
            account_id: account_id.clone(),
            user_name: user_name.clone(),
            entitlement_type: held.kind,
            entitlement_name: held.name.unwrap_or(&entitlement_id).to_owned(),
            priority: held.priority.map(Priority::as_str),
            entitlement_id,
        }
    })
}
