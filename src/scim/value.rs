//! Resources, and the attribute values that the getters of the schema table return.

use std::borrow::Cow;

use time::OffsetDateTime;

use super::schema::{self, ResourceType};
use super::served::ServedSnapshot;
use crate::directory::{Person, Team};

/// A resource of a served snapshot.
#[derive(Clone, Copy)]
pub enum Resource<'a> {
    /// A user.
    User(UserRef<'a>),
    /// A group.
    Group(GroupRef<'a>),
}

/// A user, with the served snapshot that it belongs to.
#[derive(Clone, Copy)]
pub struct UserRef<'a> {
    pub(super) served: &'a ServedSnapshot,
    pub(super) person: &'a Person,
    pub(super) place: usize,
}

/// A group, with the served snapshot that it belongs to.
#[derive(Clone, Copy)]
pub struct GroupRef<'a> {
    pub(super) served: &'a ServedSnapshot,
    pub(super) team: &'a Team,
    pub(super) place: usize,
}

/// One value of a simple attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Unassigned (RFC 7643 §2.5).
    Absent,
    /// A string or a reference.
    Text(Cow<'a, str>),
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A dateTime.
    Time(OffsetDateTime),
}

impl<'a> Value<'a> {
    /// A string borrowed from the served snapshot.
    pub(super) fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// A string built by the getter.
    pub(super) fn made(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }

    /// An optional string; `Absent` for `None`.
    pub(super) fn maybe(text: Option<&'a str>) -> Self {
        text.map_or(Self::Absent, Self::text)
    }
}

impl From<Option<bool>> for Value<'_> {
    fn from(value: Option<bool>) -> Self {
        value.map_or(Self::Absent, Self::Boolean)
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::Absent, Self::Integer)
    }
}

impl From<Option<OffsetDateTime>> for Value<'_> {
    fn from(value: Option<OffsetDateTime>) -> Self {
        value.map_or(Self::Absent, Self::Time)
    }
}

impl<'a> Resource<'a> {
    /// The resource type.
    #[must_use]
    pub fn resource_type(self) -> &'static ResourceType {
        match self {
            Self::User(_) => &schema::USER,
            Self::Group(_) => &schema::GROUP,
        }
    }

    /// The human-readable name: the userName of a user, the displayName of a group. Both default to
    /// the SCIM id.
    #[must_use]
    pub fn name(self) -> &'a str {
        match self {
            Self::User(user) => user.person.user.email.as_deref().unwrap_or_else(|| self.id()),
            Self::Group(group) => group.team.group.name.as_deref().unwrap_or_else(|| self.id()),
        }
    }

    /// Whether the user is active. Always true for a group.
    #[must_use]
    pub fn is_active(self) -> bool {
        match self {
            Self::User(user) => user.person.user.active,
            Self::Group(_) => true,
        }
    }

    /// The served snapshot that the resource belongs to.
    pub(super) fn served(self) -> &'a ServedSnapshot {
        match self {
            Self::User(user) => user.served,
            Self::Group(group) => group.served,
        }
    }

    /// The URL of the resource: `meta.location`, and `$ref` in other resources.
    #[must_use]
    pub fn location(self) -> String {
        [self.served().base_url(), self.resource_type().endpoint, "/", self.id()].concat()
    }
}
