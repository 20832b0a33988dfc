//! The one table: every attribute's name, type, rules and getter. `/Schemas`, filters, projection and
//! rendering all go through it, so what is announced is what is served.
//!
//! Everything is `readOnly`, because this version of the bridge writes nothing to Intercom
//! (RFC 7643 §7 lets a service provider state its own characteristics).

use super::value::{GroupRef, Resource, UserRef, Value};
use super::{groups, users};

/// The URNs of the schemas and messages in use.
pub mod urn {
    /// RFC 7643 §4.1.
    pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
    /// RFC 7643 §4.2.
    pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
    /// What only Intercom knows of a teammate.
    pub const INTERCOM_USER: &str = "urn:ietf:params:scim:schemas:extension:intercom:2.0:User";
    /// What only Intercom knows of a team.
    pub const INTERCOM_GROUP: &str = "urn:ietf:params:scim:schemas:extension:intercom:2.0:Group";
    /// RFC 7643 §5.
    pub const SERVICE_PROVIDER_CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
    /// RFC 7643 §6.
    pub const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
    /// RFC 7643 §7.
    pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
    /// RFC 7644 §3.4.2.
    pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
    /// RFC 7644 §3.4.3.
    pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
    /// RFC 7644 §3.12.
    pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
}

/// A kind of resource and where it is served (RFC 7643 §6).
#[derive(Debug)]
pub struct ResourceType {
    /// `User` or `Group`.
    pub name: &'static str,
    /// Relative to the base URL.
    pub endpoint: &'static str,
    /// For people.
    pub description: &'static str,
    /// The schema and its extensions, with the common attributes before and after, in the order they
    /// are written.
    pub sections: &'static [Section],
}

impl PartialEq for ResourceType {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Attributes that stand together.
#[derive(Debug)]
pub struct Section {
    /// The schema they belong to; none for the attributes that every resource has (RFC 7643 §3.1).
    pub schema: Option<&'static Schema>,
    /// Whether they stand in an object of their own under the schema's URN (RFC 7643 §3.3).
    pub extension: bool,
    /// The attributes.
    pub attributes: &'static [Attribute],
}

/// A schema (RFC 7643 §7).
#[derive(Debug)]
pub struct Schema {
    /// Its URN.
    pub id: &'static str,
    /// For people.
    pub name: &'static str,
    /// For people.
    pub description: &'static str,
    /// Its attributes.
    pub attributes: &'static [Attribute],
}

/// An attribute: what `/Schemas` says of it, and how to get its values.
#[derive(Debug)]
pub struct Attribute {
    /// As it is written in JSON; names are compared without regard to case (RFC 7643 §2.1).
    pub name: &'static str,
    /// The type of its values.
    pub kind: Kind,
    /// Whether a resource always has it.
    pub required: bool,
    /// Whether `A` and `a` differ in its values.
    pub case_exact: bool,
    /// When it is in an answer.
    pub returned: Returned,
    /// Whether two resources can share a value.
    pub uniqueness: Uniqueness,
    /// The words it may have, where they are few.
    pub canonical_values: &'static [&'static str],
    /// What a reference leads to.
    pub reference_types: &'static [&'static str],
    /// For people; derived values say what from.
    pub description: &'static str,
    /// Whether an empty list is written as `[]`: importers look for these lists.
    pub shown_when_empty: bool,
    /// How to get the values.
    pub content: Content,
}

/// The type of an attribute's values (RFC 7643 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    String,
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// A moment.
    DateTime,
    /// A URI.
    Reference,
    /// Sub-attributes.
    Complex,
}

/// Whether two resources can share a value (RFC 7643 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    /// They can.
    None,
    /// No two of this service provider do.
    Server,
}

/// When an attribute is in an answer (RFC 7643 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// Even if it was excluded.
    Always,
    /// Unless it was excluded.
    Default,
    /// Only if it was asked for.
    Request,
}

/// How to get an attribute's values.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// One value.
    One(Getter),
    /// Several values.
    Many(Count, Getter),
    /// One set of sub-attributes.
    Complex(&'static [Attribute]),
    /// Several sets; the getters of the sub-attributes take which one.
    ComplexMany(Count, &'static [Attribute]),
}

/// Gets one value; the number tells which, in an attribute that has several.
#[derive(Clone, Copy, Debug)]
pub enum Getter {
    /// Of any resource.
    Any(for<'a> fn(Resource<'a>, usize) -> Value<'a>),
    /// Of users.
    User(for<'a> fn(UserRef<'a>, usize) -> Value<'a>),
    /// Of groups.
    Group(for<'a> fn(GroupRef<'a>, usize) -> Value<'a>),
}

/// Tells how many values there are.
#[derive(Clone, Copy, Debug)]
pub enum Count {
    /// Of any resource.
    Any(fn(Resource<'_>) -> usize),
    /// Of users.
    User(fn(UserRef<'_>) -> usize),
    /// Of groups.
    Group(fn(GroupRef<'_>) -> usize),
}

impl Getter {
    /// Calls the getter; what a resource of another type has is nothing.
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
    /// Calls the counter; what a resource of another type has is nothing.
    pub(super) fn of(&self, resource: Resource<'_>) -> usize {
        match (self, resource) {
            (Self::Any(count), resource) => count(resource),
            (Self::User(count), Resource::User(user)) => count(user),
            (Self::Group(count), Resource::Group(group)) => count(group),
            _ => 0,
        }
    }
}

impl Attribute {
    pub(super) const fn new(name: &'static str, kind: Kind, content: Content, description: &'static str) -> Self {
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

    pub(super) const fn complex(name: &'static str, sub: &'static [Self], description: &'static str) -> Self {
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

    /// Whether it may have several values.
    #[must_use]
    pub fn multi_valued(&self) -> bool {
        matches!(self.content, Content::Many(..) | Content::ComplexMany(..))
    }

    /// The sub-attributes of a complex attribute; none of a simple one.
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

    /// The schemas that extend it.
    pub fn extensions(&self) -> impl Iterator<Item = &'static Schema> {
        self.sections.iter().filter(|section| section.extension).filter_map(|section| section.schema)
    }
}

const HEAD: Section = Section {
    schema: None,
    extension: false,
    attributes: &[
        Attribute::new(
            SCHEMAS,
            Kind::Reference,
            Content::Many(Count::Any(|_| 2), Getter::Any(|resource, at| Value::text(schemas(resource)[at]))),
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
        // RFC 7643 §3.1: externalId "MUST NOT be specified by the service provider"; clients look for theirs.
        Attribute::of_any("externalId", Kind::String, |_, _| Value::Absent, "Never set: clients cannot write here.")
            .case_exact(),
    ],
};

/// The attribute that names the schemas of a resource. What it says in an answer depends on what else is in the answer, so
/// [`super::render`] writes it.
pub(super) const SCHEMAS: &str = "schemas";

/// What a whole resource has: the extension too, since `intercomId` is always there.
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
            Attribute::of_any("version", Kind::String, |resource, _| version(resource), "A weak ETag of the resource.")
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

/// People.
pub static USER: ResourceType = ResourceType {
    name: "User",
    endpoint: "/Users",
    description: "Teammates of the Intercom workspace",
    sections: &[
        HEAD,
        Section { schema: Some(&USER_SCHEMA), extension: false, attributes: users::ATTRIBUTES },
        Section { schema: Some(&INTERCOM_USER_SCHEMA), extension: true, attributes: users::INTERCOM_ATTRIBUTES },
        TAIL,
    ],
};

/// Teams.
pub static GROUP: ResourceType = ResourceType {
    name: "Group",
    endpoint: "/Groups",
    description: "Teams of the Intercom workspace",
    sections: &[
        HEAD,
        Section { schema: Some(&GROUP_SCHEMA), extension: false, attributes: groups::ATTRIBUTES },
        Section { schema: Some(&INTERCOM_GROUP_SCHEMA), extension: true, attributes: groups::INTERCOM_ATTRIBUTES },
        TAIL,
    ],
};

/// Every type of resource that is served.
pub static RESOURCE_TYPES: [&ResourceType; 2] = [&USER, &GROUP];

static USER_SCHEMA: Schema =
    Schema { id: urn::USER, name: "User", description: "User Account", attributes: users::ATTRIBUTES };
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
