//! The schema table: every attribute's name, type, characteristics and getter. `/Schemas`, filters,
//! projection and rendering all use it, so the announced schema always matches the served data.
//!
//! Every attribute is `readOnly`, because this version of the bridge writes nothing to Intercom
//! (RFC 7643 §7 lets a service provider state its own characteristics).

use super::value::{GroupRef, Resource, UserRef, Value};
use super::{groups, users};

/// The URNs of the schemas and messages that the bridge uses.
pub mod urn {
    /// The User schema (RFC 7643 §4.1).
    pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
    /// The Group schema (RFC 7643 §4.2).
    pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
    /// The extension of User with attributes specific to Intercom.
    pub const INTERCOM_USER: &str = "urn:ietf:params:scim:schemas:extension:intercom:2.0:User";
    /// The extension of Group with attributes specific to Intercom.
    pub const INTERCOM_GROUP: &str = "urn:ietf:params:scim:schemas:extension:intercom:2.0:Group";
    /// The schema of `/ServiceProviderConfig` (RFC 7643 §5).
    pub const SERVICE_PROVIDER_CONFIG: &str =
        "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
    /// The schema of `/ResourceTypes` (RFC 7643 §6).
    pub const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
    /// The schema of `/Schemas` (RFC 7643 §7).
    pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
    /// The message for a list (RFC 7644 §3.4.2).
    pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
    /// The message for a query by POST (RFC 7644 §3.4.3).
    pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
    /// The message for an error (RFC 7644 §3.12).
    pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
}

/// A resource type and its endpoint (RFC 7643 §6).
#[derive(Debug)]
pub struct ResourceType {
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
        self.name == other.name
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

/// An attribute: its characteristics for `/Schemas`, and how to get its values.
#[derive(Debug)]
pub struct Attribute {
    /// The name as written in JSON. Names are compared without regard to case (RFC 7643 §2.1).
    pub name: &'static str,
    /// The type of the values.
    pub kind: Kind,
    /// Whether a resource always has the attribute.
    pub required: bool,
    /// Whether values are compared with regard to case.
    pub case_exact: bool,
    /// When the attribute is returned.
    pub returned: Returned,
    /// Whether values are unique.
    pub uniqueness: Uniqueness,
    /// The possible values, if the attribute has a fixed set.
    pub canonical_values: &'static [&'static str],
    /// The types of resources that a reference can point to.
    pub reference_types: &'static [&'static str],
    /// Human-readable text. For derived values it names the source.
    pub description: &'static str,
    /// Whether an empty list is written as `[]`. True for lists that clients expect to be present
    /// when they import.
    pub shown_when_empty: bool,
    /// The getters of the values.
    pub content: Content,
}

/// The type of an attribute's values (RFC 7643 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    String,
    /// A boolean.
    Boolean,
    /// An integer.
    Integer,
    /// A date and time.
    DateTime,
    /// A URI.
    Reference,
    /// A set of sub-attributes.
    Complex,
}

/// Whether values of an attribute are unique (RFC 7643 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    /// Two resources can have the same value.
    None,
    /// No two resources of this service provider have the same value.
    Server,
}

/// When an attribute is returned (RFC 7643 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// Always, even if excluded.
    Always,
    /// Unless excluded.
    Default,
    /// Only if requested.
    Request,
}

/// The getters of an attribute's values.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// One value.
    One(Getter),
    /// Several values.
    Many(Count, Getter),
    /// One set of sub-attributes.
    Complex(&'static [Attribute]),
    /// Several sets of sub-attributes. Their getters take the index of the set.
    ComplexMany(Count, &'static [Attribute]),
}

/// A function that returns one value. Its second argument is the index of the value in a
/// multi-valued attribute.
#[derive(Clone, Copy, Debug)]
pub enum Getter {
    /// For any resource.
    Any(for<'a> fn(Resource<'a>, usize) -> Value<'a>),
    /// For users.
    User(for<'a> fn(UserRef<'a>, usize) -> Value<'a>),
    /// For groups.
    Group(for<'a> fn(GroupRef<'a>, usize) -> Value<'a>),
}

/// A function that returns the number of values.
#[derive(Clone, Copy, Debug)]
pub enum Count {
    /// For any resource.
    Any(fn(Resource<'_>) -> usize),
    /// For users.
    User(fn(UserRef<'_>) -> usize),
    /// For groups.
    Group(fn(GroupRef<'_>) -> usize),
}

impl Getter {
    /// Calls the getter. Returns `Absent` for a resource of another type.
    pub(super) fn get<'a>(&self, resource: Resource<'a>, at: usize) -> Value<'a> {
        match (self, resource) {
            (Self::Any(get), resource) => get(resource, at),
            (Self::User(get), Resource::User(user)) => get(user, at),
            (Self::Group(get), Resource::Group(group)) => get(group, at),
            _ => Value::Absent,
        }
    }
}

impl Count {
    /// Calls the function. Returns 0 for a resource of another type.
    pub(super) fn count_in(&self, resource: Resource<'_>) -> usize {
        match (self, resource) {
            (Self::Any(count), resource) => count(resource),
            (Self::User(count), Resource::User(user)) => count(user),
            (Self::Group(count), Resource::Group(group)) => count(group),
            _ => 0,
        }
    }
}

impl Attribute {
    pub(super) const fn new(
        name: &'static str,
        kind: Kind,
        content: Content,
        description: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            required: false,
            case_exact: false,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            canonical_values: &[],
            reference_types: &[],
            description,
            shown_when_empty: false,
            content,
        }
    }

    pub(super) const fn of_user(
        name: &'static str,
        kind: Kind,
        get: for<'a> fn(UserRef<'a>, usize) -> Value<'a>,
        description: &'static str,
    ) -> Self {
        Self::new(name, kind, Content::One(Getter::User(get)), description)
    }

    pub(super) const fn of_group(
        name: &'static str,
        kind: Kind,
        get: for<'a> fn(GroupRef<'a>, usize) -> Value<'a>,
        description: &'static str,
    ) -> Self {
        Self::new(name, kind, Content::One(Getter::Group(get)), description)
    }

    pub(super) const fn of_any(
        name: &'static str,
        kind: Kind,
        get: for<'a> fn(Resource<'a>, usize) -> Value<'a>,
        description: &'static str,
    ) -> Self {
        Self::new(name, kind, Content::One(Getter::Any(get)), description)
    }

    pub(super) const fn complex(
        name: &'static str,
        sub: &'static [Self],
        description: &'static str,
    ) -> Self {
        Self::new(name, Kind::Complex, Content::Complex(sub), description)
    }

    pub(super) const fn complex_many(
        name: &'static str,
        count: Count,
        sub: &'static [Self],
        description: &'static str,
    ) -> Self {
        Self::new(name, Kind::Complex, Content::ComplexMany(count, sub), description)
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn case_exact(mut self) -> Self {
        self.case_exact = true;
        self
    }

    pub(super) const fn unique(mut self) -> Self {
        self.uniqueness = Uniqueness::Server;
        self
    }

    pub(super) const fn returned(mut self, returned: Returned) -> Self {
        self.returned = returned;
        self
    }

    pub(super) const fn words(mut self, words: &'static [&'static str]) -> Self {
        self.canonical_values = words;
        self
    }

    pub(super) const fn refers_to(mut self, types: &'static [&'static str]) -> Self {
        self.reference_types = types;
        self.case_exact = true;
        self
    }

    pub(super) const fn shown_when_empty(mut self) -> Self {
        self.shown_when_empty = true;
        self
    }

    /// Whether the attribute is multi-valued.
    #[must_use]
    pub fn multi_valued(&self) -> bool {
        matches!(self.content, Content::Many(..) | Content::ComplexMany(..))
    }

    /// The sub-attributes of a complex attribute; empty for a simple one.
    #[must_use]
    pub fn sub_attributes(&self) -> &'static [Self] {
        match self.content {
            Content::Complex(sub) | Content::ComplexMany(_, sub) => sub,
            Content::One(_) | Content::Many(..) => &[],
        }
    }
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

const HEAD: Section = Section {
    schema: None,
    extension: false,
    attributes: &[
        Attribute::new(
            SCHEMAS,
            Kind::Reference,
            Content::Many(
                Count::Any(|_| 2),
                Getter::Any(|resource, at| Value::text(schemas(resource)[at])),
            ),
            "The schemas whose attributes the resource has.",
        )
        .required()
        .case_exact()
        .returned(Returned::Always),
        Attribute::of_any(
            "id",
            Kind::String,
            |resource, _| Value::text(resource.id()),
            "Unique over users and groups, and never given twice.",
        )
        .required()
        .case_exact()
        .unique()
        .returned(Returned::Always),
        // RFC 7643 §3.1: externalId "MUST NOT be specified by the service provider". The attribute
        // is listed because clients search for the ids they assigned.
        Attribute::of_any(
            "externalId",
            Kind::String,
            |_, _| Value::Absent,
            "Never set: clients cannot write here.",
        )
        .case_exact(),
    ],
};

/// The name of the `schemas` attribute. Its value in a response depends on which other attributes
/// the response has, so [`super::render`] writes it.
pub(super) const SCHEMAS: &str = "schemas";

/// The schemas of a complete resource. The extension is always included, since `intercomId` is
/// always present.
fn schemas(resource: Resource<'_>) -> [&'static str; 2] {
    match resource {
        Resource::User(_) => [urn::USER, urn::INTERCOM_USER],
        Resource::Group(_) => [urn::GROUP, urn::INTERCOM_GROUP],
    }
}

const TAIL: Section = Section {
    schema: None,
    extension: false,
    attributes: &[Attribute::complex(
        "meta",
        &[
            Attribute::of_any(
                "resourceType",
                Kind::String,
                |resource, _| Value::text(resource.resource_type().name),
                "User or Group.",
            )
            .case_exact(),
            Attribute::of_any(
                "created",
                Kind::DateTime,
                |resource, _| created(resource),
                "When the teammate joined, where the activity log tells; else when the bridge first saw the resource.",
            ),
            Attribute::of_any(
                "lastModified",
                Kind::DateTime,
                |resource, _| last_modified(resource),
                "When the bridge recorded the last change of the resource or of its memberships.",
            ),
            Attribute::of_any(
                "location",
                Kind::Reference,
                |resource, _| Value::made(resource.location()),
                "Where the resource is.",
            )
            .refers_to(&["uri"]),
            Attribute::of_any(
                "version",
                Kind::String,
                |resource, _| version(resource),
                "A weak ETag of the resource.",
            )
            .case_exact(),
        ],
        "What the bridge says of the resource.",
    )],
};

fn created(resource: Resource<'_>) -> Value<'_> {
    Value::Time(match resource {
        Resource::User(user) => user.person.user.joined_at.unwrap_or(user.person.stamps.created),
        Resource::Group(group) => group.team.stamps.created,
    })
}

fn last_modified(resource: Resource<'_>) -> Value<'_> {
    Value::Time(match resource {
        Resource::User(user) => user.person.stamps.last_modified,
        Resource::Group(group) => group.team.stamps.last_modified,
    })
}

fn version(resource: Resource<'_>) -> Value<'_> {
    Value::text(resource.version())
}

/// The User resource type.
pub static USER: ResourceType = ResourceType {
    name: "User",
    endpoint: "/Users",
    description: "Teammates of the Intercom workspace",
    sections: &[
        HEAD,
        Section { schema: Some(&USER_SCHEMA), extension: false, attributes: users::ATTRIBUTES },
        Section {
            schema: Some(&INTERCOM_USER_SCHEMA),
            extension: true,
            attributes: users::INTERCOM_ATTRIBUTES,
        },
        TAIL,
    ],
};

/// The Group resource type.
pub static GROUP: ResourceType = ResourceType {
    name: "Group",
    endpoint: "/Groups",
    description: "Teams of the Intercom workspace",
    sections: &[
        HEAD,
        Section { schema: Some(&GROUP_SCHEMA), extension: false, attributes: groups::ATTRIBUTES },
        Section {
            schema: Some(&INTERCOM_GROUP_SCHEMA),
            extension: true,
            attributes: groups::INTERCOM_ATTRIBUTES,
        },
        TAIL,
    ],
};

/// All resource types that the bridge serves.
pub static RESOURCE_TYPES: [&ResourceType; 2] = [&USER, &GROUP];

static USER_SCHEMA: Schema = Schema {
    id: urn::USER,
    name: "User",
    description: "User Account",
    attributes: users::ATTRIBUTES,
};
static INTERCOM_USER_SCHEMA: Schema = Schema {
    id: urn::INTERCOM_USER,
    name: "Intercom User",
    description: "What only Intercom knows of a teammate",
    attributes: users::INTERCOM_ATTRIBUTES,
};
static GROUP_SCHEMA: Schema =
    Schema { id: urn::GROUP, name: "Group", description: "Group", attributes: groups::ATTRIBUTES };
static INTERCOM_GROUP_SCHEMA: Schema = Schema {
    id: urn::INTERCOM_GROUP,
    name: "Intercom Group",
    description: "What only Intercom knows of a team",
    attributes: groups::INTERCOM_ATTRIBUTES,
};
