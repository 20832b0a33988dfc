//! The catalogue: the roles, seats and permissions that the people of a workspace can have.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::{
    Directory, EntitlementType, INBOX_SEAT, INBOX_SEAT_NAME, ListedRole, Recorded, Stamps,
};

/// How the SCIM service shows the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CatalogueForm {
    /// Not at all.
    #[default]
    Off,
    /// As Okta Identity Governance reads it: `Role`, and two types with the schema `Entitlement`.
    Okta,
    /// As draft-ietf-scim-roles-entitlements-01 describes it: `Role` and `Entitlement`.
    Draft,
}

/// The roles, seats and permissions of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// The roles by id, then the kinds of seats, then the permissions by key.
    items: Vec<CatalogueItem>,
    /// The number of roles.
    roles: usize,
    /// The number of kinds of seats.
    seats: usize,
    /// The number of permissions, at the end, that have the id of a seat.
    shadowed: usize,
}

/// A role, a kind of seat or a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueItem {
    /// What it is.
    pub kind: EntitlementType,
    /// The id: the value that users carry.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// Intercom's description of a role.
    pub description: Option<String>,
    /// When a role was first recorded and last changed, if Intercom lists roles.
    pub stamps: Option<Stamps>,
}

impl Catalogue {
    /// The catalogue of a directory: the roles that Intercom lists, the permissions that the activity
    /// log has named lately, and everything that people have.
    ///
    /// A role has the name of the list, as in the records of the people who have it.
    #[must_use]
    pub fn of(directory: &Directory) -> Self {
        let mut roles: BTreeMap<&str, (Option<&str>, Option<&Recorded<ListedRole>>)> =
            BTreeMap::new();
        let mut permissions: BTreeSet<&str> =
            directory.permission_keys.iter().map(String::as_str).collect();
        for user in directory.people.iter().map(|person| &person.user) {
            if let Some(role) = &user.role {
                // A colleague's record may have a name that this one lacks.
                let (name, _) = roles.entry(&role.id).or_default();
                *name = name.or(role.name.as_deref());
            }
            permissions.extend(user.permissions.iter().flatten().map(String::as_str));
        }
        // NB: a permission with the id of a seat would give the list of all entitlements two items
        // with one id. It is in the list of permissions alone, at the end.
        let shadowed = usize::from(permissions.remove(INBOX_SEAT));
        for listed in &*directory.roles {
            roles.entry(&listed.value.id).or_default().1 = Some(listed);
        }
        let roles = roles.into_iter().map(|(id, (name, listed))| of_role(id, name, listed));
        let mut items: Vec<CatalogueItem> = roles.collect();
        // Ids are numbers, so a longer one is greater.
        items.sort_by(|a, b| (a.id.len(), &a.id).cmp(&(b.id.len(), &b.id)));
        let roles = items.len();
        items.push(unversioned(EntitlementType::Seat, INBOX_SEAT, INBOX_SEAT_NAME));
        items.extend(
            permissions
                .into_iter()
                .chain([INBOX_SEAT].into_iter().take(shadowed))
                .map(|key| unversioned(EntitlementType::Permission, key, &permission_name(key))),
        );
        Self { items, roles, seats: 1, shadowed }
    }

    /// The roles.
    #[must_use]
    pub fn roles(&self) -> &[CatalogueItem] {
        &self.items[..self.roles]
    }

    /// The kinds of seats.
    #[must_use]
    pub fn seats(&self) -> &[CatalogueItem] {
        &self.items[self.roles..self.roles + self.seats]
    }

    /// The permissions.
    #[must_use]
    pub fn permissions(&self) -> &[CatalogueItem] {
        &self.items[self.roles + self.seats..]
    }

    /// The kinds of seats, then the permissions. No two have the same id.
    #[must_use]
    pub fn entitlements(&self) -> &[CatalogueItem] {
        &self.items[self.roles..self.items.len() - self.shadowed]
    }
}

fn of_role(id: &str, name: Option<&str>, listed: Option<&Recorded<ListedRole>>) -> CatalogueItem {
    let name = listed.map(|listed| listed.value.name.as_str()).or(name);
    CatalogueItem {
        kind: EntitlementType::Role,
        id: id.to_owned(),
        name: name.unwrap_or(id).to_owned(),
        description: listed.and_then(|listed| listed.value.description.clone()),
        stamps: listed.map(|listed| listed.stamps),
    }
}

fn unversioned(kind: EntitlementType, id: &str, name: &str) -> CatalogueItem {
    let (id, name) = (id.to_owned(), name.to_owned());
    CatalogueItem { kind, id, name, description: None, stamps: None }
}

/// The names of permissions that a mere replacement of the underscores would not give.
const PERMISSION_NAMES: [(&str, &str); 6] = [
    ("access_developer_hub", "Access Developer Hub"),
    ("manage_messages_settings", "Manage message settings"),
    ("manage_messenger_settings", "Manage Messenger settings"),
    ("manage_saved_replies", "Manage macros (saved replies)"),
    ("manage_teammates", "Manage teammates, seats and permissions"),
    ("redact_conversation_parts", "Redact parts of conversations"),
];

/// The name of a permission for people. Intercom has only keys, such as `export_data`.
#[must_use]
pub fn permission_name(key: &str) -> Cow<'_, str> {
    if let Some((_, name)) = PERMISSION_NAMES.iter().find(|(known, _)| *known == key) {
        return Cow::Borrowed(name);
    }
    let words = key.replace(['_', '-'], " ");
    let mut letters = words.trim().chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect::<String>().into(),
        None => Cow::Borrowed(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_has_a_name_whatever_its_key_is() {
        for (key, name) in [
            ("export_data", "Export data"),
            ("access_developer_hub", "Access Developer Hub"),
            ("fin-copilot", "Fin copilot"),
            ("_x", "X"),
            ("ärger", "Ärger"),
            ("___", "___"),
            ("", ""),
        ] {
            assert_eq!(permission_name(key), name, "{key}");
        }
    }
}
