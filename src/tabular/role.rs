//! Roles as rows.

use std::collections::BTreeMap;

use serde::Serialize;
use time::OffsetDateTime;

use super::{Row, Rows, Selection};
use crate::directory::{Catalogue, CatalogueItem, Directory, EntitlementType, entitlement_id};
use crate::words::words;

words! {
    /// Where a role is known from.
    pub enum RoleSource {
        /// Intercom's list of roles.
        List = "list",
        /// Only the records of teammates who have it.
        Admin = "admin",
    }
}

/// A role of the workspace, whether a teammate has it or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkspaceRole {
    /// Intercom's id of the role.
    pub id: String,
    /// The id of the role among the entitlements: `role_…`.
    pub entitlement_id: String,
    /// The name of the role.
    pub name: String,
    /// What Intercom says of the role; null if it says nothing.
    pub description: Option<String>,
    /// The number of active teammates who have the role.
    pub members: usize,
    /// `list` if Intercom's list of roles has it, `admin` if only records of teammates do.
    pub source: RoleSource,
    /// When the bridge first read the role in Intercom's list. Null if the list does not have it.
    #[serde(with = "crate::date_time::option")]
    pub first_seen_at: Option<OffsetDateTime>,
    /// When the bridge recorded the last change of the role. Null if the list does not have it.
    #[serde(with = "crate::date_time::option")]
    pub last_modified_at: Option<OffsetDateTime>,
}

impl Row for WorkspaceRole {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "entitlement_id",
        "name",
        "description",
        "members",
        "source",
        "first_seen_at",
        "last_modified_at",
    ];
}

/// Returns the roles of a directory, by id. With `modified_since`, only those of Intercom's list that
/// changed since.
#[must_use]
pub fn roles(directory: &Directory, selection: Selection) -> Rows<WorkspaceRole> {
    let mut members: BTreeMap<&str, usize> = BTreeMap::new();
    for person in directory.people.iter().filter(|person| person.user.active) {
        if let Some(role) = &person.user.role {
            *members.entry(&role.id).or_default() += 1;
        }
    }
    let catalogue = Catalogue::of(directory);
    let changed = |item: &&CatalogueItem| {
        selection
            .modified_since
            .is_none_or(|since| item.stamps.is_some_and(|stamps| stamps.last_modified >= since))
    };
    let row = |item: &CatalogueItem| WorkspaceRole {
        id: item.id.clone(),
        entitlement_id: entitlement_id(EntitlementType::Role, &item.id),
        name: item.name.clone(),
        description: item.description.clone(),
        members: members.get(item.id.as_str()).copied().unwrap_or_default(),
        source: if item.stamps.is_some() { RoleSource::List } else { RoleSource::Admin },
        first_seen_at: item.stamps.map(|stamps| stamps.created),
        last_modified_at: item.stamps.map(|stamps| stamps.last_modified),
    };
    selection.page(catalogue.roles().iter().filter(changed), row)
}
