//! Attributes: their characteristics (RFC 7643 §7), and how to get their values.
//!
//! Every attribute is `readOnly`, because this version of the bridge writes nothing to Intercom
//! (RFC 7643 §7 lets a service provider state its own characteristics).

use super::value::Value;
use super::view::{GroupRef, ItemRef, Resource, UserRef};

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
    /// For roles, seats and permissions.
    Item(for<'a> fn(ItemRef<'a>, usize) -> Value<'a>),
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
            (Self::Item(get), Resource::Item(item)) => get(item, at),
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

    pub(super) const fn of_item(
        name: &'static str,
        kind: Kind,
        get: for<'a> fn(ItemRef<'a>, usize) -> Value<'a>,
        description: &'static str,
    ) -> Self {
        Self::new(name, kind, Content::One(Getter::Item(get)), description)
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
