//! What a teammate can have: teams, roles, seats and permissions; and the ids under which clients
//! know accounts and entitlements.

use super::{Directory, GroupId, Person, Priority, Role, User, UserId};
use crate::words::words;

words! {
    /// What kind of access an entitlement is.
    pub enum EntitlementType {
        /// A team.
        Team = "team",
        /// A role, which bundles permissions.
        Role = "role",
        /// A paid seat.
        Seat = "seat",
        /// A single permission. Only those that the activity log names are known.
        Permission = "permission",
    }
}

/// The only kind of seat that Intercom's API reports.
pub const INBOX_SEAT: &str = "inbox_seat";
/// Its name for people.
pub const INBOX_SEAT_NAME: &str = "Inbox seat";

/// An entitlement of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldEntitlement<'d> {
    /// What kind of access it is.
    pub kind: EntitlementType,
    /// Intercom's id or word for it.
    pub intercom_id: &'d str,
    /// Its display name; `None` for a team without a name.
    pub name: Option<&'d str>,
    /// The person's priority level in a team that has them.
    pub priority: Option<Priority>,
}

impl HeldEntitlement<'_> {
    /// The id under which clients know the entitlement.
    #[must_use]
    pub fn id(&self) -> String {
        entitlement_id(self.kind, self.intercom_id)
    }
}

/// Returns the entitlements of a user other than teams: role, seat, permissions.
pub fn held_without_teams(user: &User) -> impl Iterator<Item = HeldEntitlement<'_>> {
    let held = |kind, intercom_id, name| HeldEntitlement {
        kind,
        intercom_id,
        name: Some(name),
        priority: None,
    };
    let role = user.role.iter().map(move |role| {
        let Role { id, name } = &**role;
        held(EntitlementType::Role, id.as_str(), name.as_deref().unwrap_or(id))
    });
    let seat = user
        .has_inbox_seat
        .filter(|has_seat| *has_seat)
        .map(|_| held(EntitlementType::Seat, INBOX_SEAT, INBOX_SEAT_NAME));
    let permissions = user
        .permissions
        .iter()
        .flatten()
        .map(move |name| held(EntitlementType::Permission, name.as_str(), name.as_str()));
    role.chain(seat).chain(permissions)
}

/// Returns the entitlements of a person, teams first.
pub fn held_by<'d>(
    directory: &'d Directory,
    person: &'d Person,
) -> impl Iterator<Item = HeldEntitlement<'d>> + 'd {
    let teams = person.teams.iter().filter_map(|link| {
        let team = directory.teams.get(link.place as usize)?;
        Some(HeldEntitlement {
            kind: EntitlementType::Team,
            intercom_id: team.group.id.as_str(),
            name: team.group.name.as_deref(),
            priority: link.priority,
        })
    });
    teams.chain(held_without_teams(&person.user))
}

/// Whether the person has the entitlement with this id. Removed people have none.
#[must_use]
pub fn has_entitlement(directory: &Directory, person: &Person, id: &str) -> bool {
    person.user.active && held_by(directory, person).any(|held| held.id() == id)
}

/// Returns the id of an entitlement: `team_…`, `role_…`, `seat_…` or `permission_…`.
#[must_use]
pub fn entitlement_id(kind: EntitlementType, intercom_id: &str) -> String {
    format!("{kind}_{intercom_id}")
}

/// Whether a text has the form of an entitlement id. A text without it was never resolved to an
/// entitlement.
#[must_use]
pub fn is_entitlement_id(text: &str) -> bool {
    EntitlementType::ALL
        .iter()
        .any(|kind| text.strip_prefix(kind.as_str()).is_some_and(|rest| rest.starts_with('_')))
}

/// Returns the id of a teammate's account; the same as in SCIM.
#[must_use]
pub fn account_id(id: &UserId) -> String {
    format!("adm_{id}")
}

/// Returns the user name of a teammate: the sign-in address. If Intercom has none, it is the id of
/// the account.
#[must_use]
pub fn user_name(user: &User) -> String {
    user.email.clone().unwrap_or_else(|| account_id(&user.id))
}

/// Returns the id of a team; the same as in SCIM.
#[must_use]
pub fn team_id(id: &GroupId) -> String {
    format!("team_{id}")
}
