//! The values of attributes.

use std::borrow::Cow;

use time::OffsetDateTime;

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
    /// A string.
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
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
