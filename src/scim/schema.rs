//! The schema table: the resource types, their schemas, and all attributes. `/Schemas`, filters,
//! projection and rendering use it, so the announced schema always matches the served data.

use super::attribute::Attribute;
use super::common_attributes::{HEAD, TAIL};
use super::view::{Resource, ResourceKind, View};
use super::{groups, items, urn, users};
use crate::directory::CatalogueForm;

/// A resource type and its endpoint (RFC 7643 §6).
#[derive(Debug)]
pub struct ResourceType {
    /// The kind of its resources.
    pub kind: ResourceKind,
    /// The name, such as `User`. It is the id too.
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

impl View {
    /// The resource type of a kind, as this view shows it.
    pub(super) fn resource_type(&self, kind: ResourceKind) -> &'static ResourceType {
        match kind {
            ResourceKind::User => resource_types::user(self.has_enterprise()),
            ResourceKind::Group => &GROUP,
            ResourceKind::Role => &ROLE,
            ResourceKind::Seat => &SEAT,
            ResourceKind::Permission => &PERMISSION,
            ResourceKind::DraftRole => &DRAFT_ROLE,
            ResourceKind::DraftEntitlement => &DRAFT_ENTITLEMENT,
        }
    }
}

impl Resource<'_> {
    /// The resource type.
    #[must_use]
    pub fn resource_type(self) -> &'static ResourceType {
        self.view().resource_type(self.kind())
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

/// [`USER`] with the enterprise extension.
static USER_WITH_ENTERPRISE: ResourceType = ResourceType {
    kind: ResourceKind::User,
    name: ResourceKind::User.name(),
    endpoint: ResourceKind::User.endpoint(),
    description: "Teammates of the Intercom workspace",
    sections: &[
        common(HEAD),
        Section { schema: Some(&USER_SCHEMA), extension: false, attributes: users::ATTRIBUTES },
        Section {
            schema: Some(&ENTERPRISE_USER_SCHEMA),
            extension: true,
            attributes: users::ENTERPRISE_ATTRIBUTES,
        },
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

/// A resource type of the catalogue. It has no extension.
macro_rules! of_catalogue {
    ($name:ident, $kind:ident, $schema:ident, $description:literal) => {
        static $name: ResourceType = ResourceType {
            kind: ResourceKind::$kind,
            name: ResourceKind::$kind.name(),
            endpoint: ResourceKind::$kind.endpoint(),
            description: $description,
            sections: &[
                common(HEAD),
                Section {
                    schema: Some(&$schema),
                    extension: false,
                    attributes: $schema.attributes,
                },
                common(TAIL),
            ],
        };
    };
}

of_catalogue!(ROLE, Role, OKTA_ROLE_SCHEMA, "Roles of the workspace");
of_catalogue!(SEAT, Seat, OKTA_ENTITLEMENT_SCHEMA, "Paid seats");
of_catalogue!(
    PERMISSION,
    Permission,
    OKTA_ENTITLEMENT_SCHEMA,
    "Permissions, as far as the activity log reports them"
);
of_catalogue!(DRAFT_ROLE, DraftRole, DRAFT_ROLE_SCHEMA, "Roles of the workspace");
of_catalogue!(
    DRAFT_ENTITLEMENT,
    DraftEntitlement,
    DRAFT_ENTITLEMENT_SCHEMA,
    "Paid seats, and permissions as far as the activity log reports them"
);

/// The resource types that the bridge serves.
pub mod resource_types {
    use super::{CatalogueForm, ResourceType};

    /// Users: teammates.
    pub const USER: &ResourceType = &super::USER;
    /// Groups: teams.
    pub const GROUP: &ResourceType = &super::GROUP;
    /// Users and groups, in the order of lists over both.
    pub const ALL: &[&ResourceType] = &[USER, GROUP];

    const OKTA_ROLES: &[&ResourceType] = &[&super::ROLE];
    const OKTA_SEATS: &[&ResourceType] = &[&super::SEAT];
    const OKTA_PERMISSIONS: &[&ResourceType] = &[&super::PERMISSION];
    const OKTA_ENTITLEMENTS: &[&ResourceType] = &[&super::SEAT, &super::PERMISSION];
    const DRAFT_ROLES: &[&ResourceType] = &[&super::DRAFT_ROLE];
    const DRAFT_ENTITLEMENTS: &[&ResourceType] = &[&super::DRAFT_ENTITLEMENT];
    const OKTA: &[&ResourceType] = &[USER, GROUP, &super::ROLE, &super::SEAT, &super::PERMISSION];
    const DRAFT: &[&ResourceType] = &[USER, GROUP, &super::DRAFT_ROLE, &super::DRAFT_ENTITLEMENT];

    /// Users with the enterprise extension.
    const ENTERPRISE_USER: &ResourceType = &super::USER_WITH_ENTERPRISE;
    const ALL_WITH_ENTERPRISE: &[&ResourceType] = &[ENTERPRISE_USER, GROUP];
    const OKTA_WITH_ENTERPRISE: &[&ResourceType] =
        &[ENTERPRISE_USER, GROUP, &super::ROLE, &super::SEAT, &super::PERMISSION];
    const DRAFT_WITH_ENTERPRISE: &[&ResourceType] =
        &[ENTERPRISE_USER, GROUP, &super::DRAFT_ROLE, &super::DRAFT_ENTITLEMENT];

    /// Users, with or without the enterprise extension (`scim.enterprise_from_roster`).
    #[must_use]
    pub const fn user(with_enterprise: bool) -> &'static ResourceType {
        if with_enterprise { ENTERPRISE_USER } else { USER }
    }

    /// The same as [`user`], as a list.
    #[must_use]
    pub const fn users(with_enterprise: bool) -> &'static [&'static ResourceType] {
        if with_enterprise { &[ENTERPRISE_USER] } else { &[USER] }
    }

    /// All resource types of a form, users and groups first: some clients use only the first two.
    /// `with_enterprise`: users have the enterprise extension.
    #[must_use]
    pub const fn all(
        form: CatalogueForm,
        with_enterprise: bool,
    ) -> &'static [&'static ResourceType] {
        match (form, with_enterprise) {
            (CatalogueForm::Off, false) => ALL,
            (CatalogueForm::Off, true) => ALL_WITH_ENTERPRISE,
            (CatalogueForm::Okta, false) => OKTA,
            (CatalogueForm::Okta, true) => OKTA_WITH_ENTERPRISE,
            (CatalogueForm::Draft, false) => DRAFT,
            (CatalogueForm::Draft, true) => DRAFT_WITH_ENTERPRISE,
        }
    }

    /// The resource types of `/Roles`.
    #[must_use]
    pub const fn roles(form: CatalogueForm) -> &'static [&'static ResourceType] {
        match form {
            CatalogueForm::Off => &[],
            CatalogueForm::Okta => OKTA_ROLES,
            CatalogueForm::Draft => DRAFT_ROLES,
        }
    }

    /// The resource types of `/Entitlements`. Okta's form has one for seats and one for
    /// permissions, and none of both: Okta would import them twice.
    #[must_use]
    pub const fn entitlements(form: CatalogueForm) -> &'static [&'static ResourceType] {
        match form {
            CatalogueForm::Off => &[],
            CatalogueForm::Okta => OKTA_ENTITLEMENTS,
            CatalogueForm::Draft => DRAFT_ENTITLEMENTS,
        }
    }

    /// The resource types of `/Seats`, which only Okta's form has.
    #[must_use]
    pub const fn seats(form: CatalogueForm) -> &'static [&'static ResourceType] {
        match form {
            CatalogueForm::Okta => OKTA_SEATS,
            _ => &[],
        }
    }

    /// The resource types of `/Permissions`, which only Okta's form has.
    #[must_use]
    pub const fn permissions(form: CatalogueForm) -> &'static [&'static ResourceType] {
        match form {
            CatalogueForm::Okta => OKTA_PERMISSIONS,
            _ => &[],
        }
    }

    /// Whether a form has a path of the catalogue, such as `/Roles/{id}`.
    #[must_use]
    pub fn has_path(form: CatalogueForm, path: &str) -> bool {
        let lists = [roles(form), entitlements(form), seats(form), permissions(form)];
        lists.iter().any(|types| !types.is_empty() && path.starts_with(endpoint(types)))
    }

    /// The endpoint of a list over these types; empty for the root.
    #[must_use]
    pub fn endpoint(types: &[&'static ResourceType]) -> &'static str {
        match types {
            [kind] => kind.endpoint,
            types if types == entitlements(CatalogueForm::Okta) => "/Entitlements",
            _ => "",
        }
    }
}

static USER_SCHEMA: Schema = Schema {
    id: urn::USER,
    name: "User",
    description: "User Account",
    attributes: users::ATTRIBUTES,
};
static ENTERPRISE_USER_SCHEMA: Schema = Schema {
    id: urn::ENTERPRISE_USER,
    name: "Enterprise User",
    description: "What the company's roster says of a teammate",
    attributes: users::ENTERPRISE_ATTRIBUTES,
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

static OKTA_ROLE_SCHEMA: Schema = Schema {
    id: urn::OKTA_ROLE,
    name: "Role",
    description: "A role, as Okta Identity Governance reads it",
    attributes: items::OKTA_ROLE,
};

static OKTA_ENTITLEMENT_SCHEMA: Schema = Schema {
    id: urn::OKTA_ENTITLEMENT,
    name: "Entitlement",
    description: "A seat or a permission, as Okta Identity Governance reads it",
    attributes: items::OKTA_ENTITLEMENT,
};

static DRAFT_ROLE_SCHEMA: Schema = Schema {
    id: urn::DRAFT_ROLE,
    name: "Role",
    description: "Experimental: a role (draft-ietf-scim-roles-entitlements-01)",
    attributes: items::DRAFT_ROLE,
};

static DRAFT_ENTITLEMENT_SCHEMA: Schema = Schema {
    id: urn::DRAFT_ENTITLEMENT,
    name: "Entitlement",
    description: "Experimental: a seat or a permission (draft-ietf-scim-roles-entitlements-01)",
    attributes: items::DRAFT_ENTITLEMENT,
};
