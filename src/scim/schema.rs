//! The schema table: the resource types, their schemas, and all attributes. `/Schemas`, filters,
//! projection and rendering use it, so the announced schema always matches the served data.

use super::attribute::Attribute;
use super::common_attributes::{HEAD, TAIL};
use super::view::{Resource, ResourceKind};
use super::{groups, urn, users};

/// A resource type and its endpoint (RFC 7643 §6).
#[derive(Debug)]
pub struct ResourceType {
    /// The kind of its resources.
    pub kind: ResourceKind,
    /// The name: `User` or `Group`.
    pub name: &'static str,
    /// The path relative to the base URL.
    pub endpoint: &'static str,
    /// Human-readable text.
    pub description: &'static str,
    /// The sections in the order in which they are written: common attributes, the schema, its
    /// extensions, common attributes.
    pub sections: &'static [Section],
}

impl PartialEq for ResourceType {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// A group of attributes with the same schema.
#[derive(Debug)]
pub struct Section {
    /// The schema that the attributes belong to; `None` for the common attributes (RFC 7643 §3.1).
    pub schema: Option<&'static Schema>,
    /// Whether the attributes are in an object of their own under the schema's URN (RFC 7643 §3.3).
    pub extension: bool,
    /// The attributes.
    pub attributes: &'static [Attribute],
}

/// A schema (RFC 7643 §7).
#[derive(Debug)]
pub struct Schema {
    /// The URN.
    pub id: &'static str,
    /// Human-readable text.
    pub name: &'static str,
    /// Human-readable text.
    pub description: &'static str,
    /// The attributes.
    pub attributes: &'static [Attribute],
}

impl ResourceType {
    /// The type's own schema.
    #[must_use]
    pub fn schema(&self) -> Option<&'static Schema> {
        self.sections.iter().filter(|section| !section.extension).find_map(|section| section.schema)
    }

    /// The extensions of the type.
    pub fn extensions(&self) -> impl Iterator<Item = &'static Schema> {
        self.sections
            .iter()
            .filter(|section| section.extension)
            .filter_map(|section| section.schema)
    }
}

impl ResourceKind {
    /// The resource type.
    pub(super) fn resource_type(self) -> &'static ResourceType {
        match self {
            Self::User => &USER,
            Self::Group => &GROUP,
        }
    }
}

impl Resource<'_> {
    /// The resource type.
    #[must_use]
    pub fn resource_type(self) -> &'static ResourceType {
        self.kind().resource_type()
    }
}

/// The section of common attributes.
const fn common(attributes: &'static [Attribute]) -> Section {
    Section { schema: None, extension: false, attributes }
}

static USER: ResourceType = ResourceType {
    kind: ResourceKind::User,
    name: ResourceKind::User.name(),
    endpoint: ResourceKind::User.endpoint(),
    description: "Teammates of the Intercom workspace",
    sections: &[
        common(HEAD),
        Section { schema: Some(&USER_SCHEMA), extension: false, attributes: users::ATTRIBUTES },
        Section {
            schema: Some(&INTERCOM_USER_SCHEMA),
            extension: true,
            attributes: users::INTERCOM_ATTRIBUTES,
        },
        common(TAIL),
    ],
};

static GROUP: ResourceType = ResourceType {
    kind: ResourceKind::Group,
    name: ResourceKind::Group.name(),
    endpoint: ResourceKind::Group.endpoint(),
    description: "Teams of the Intercom workspace",
    sections: &[
        common(HEAD),
        Section { schema: Some(&GROUP_SCHEMA), extension: false, attributes: groups::ATTRIBUTES },
        Section {
            schema: Some(&INTERCOM_GROUP_SCHEMA),
            extension: true,
            attributes: groups::INTERCOM_ATTRIBUTES,
        },
        common(TAIL),
    ],
};

/// The resource types that the bridge serves.
pub mod resource_types {
    use super::ResourceType;

    /// Users: teammates.
    pub const USER: &ResourceType = &super::USER;
    /// Groups: teams.
    pub const GROUP: &ResourceType = &super::GROUP;
    /// Users and groups, in the order of lists over both.
    pub const ALL: &[&ResourceType] = &[USER, GROUP];
}

static USER_SCHEMA: Schema = Schema {
    id: urn::USER,
    name: "User",
    description: "User Account",
    attributes: users::ATTRIBUTES,
};
static INTERCOM_USER_SCHEMA: Schema = Schema {
    id: urn::INTERCOM_USER,
    name: "Intercom User",
    description: "Attributes of a teammate that are specific to Intercom",
    attributes: users::INTERCOM_ATTRIBUTES,
};
static GROUP_SCHEMA: Schema =
    Schema { id: urn::GROUP, name: "Group", description: "Group", attributes: groups::ATTRIBUTES };
static INTERCOM_GROUP_SCHEMA: Schema = Schema {
    id: urn::INTERCOM_GROUP,
    name: "Intercom Group",
    description: "Attributes of a team that are specific to Intercom",
    attributes: groups::INTERCOM_ATTRIBUTES,
};
