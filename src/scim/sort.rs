//! Sorting (RFC 7644 §3.4.2.3).

use std::cmp::Ordering;

use time::OffsetDateTime;

use super::attribute::{Attribute, Content, Getter, Kind};
use super::error::ScimError;
use super::path::{self, AttributeName};
use super::schema::ResourceType;
use super::value::Value;
use super::view::Resource;
use crate::directory::text::comparable;

/// `sortBy` and `sortOrder` of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sort {
    /// The attribute's name as the client wrote it.
    pub by: String,
    /// Whether `sortOrder` is `descending`.
    pub descending: bool,
}

/// A [`Sort`] that is bound to attributes.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The sort attribute of each resource type that has it.
    sources: Vec<(&'static ResourceType, Source)>,
    descending: bool,
}

/// The attribute by which resources of one type are sorted.
#[derive(Clone, Copy, Debug)]
struct Source {
    attribute: &'static Attribute,
    sub: Option<&'static Attribute>,
}

/// A sort key, comparable with the keys of the same attribute.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Boolean(bool),
    Integer(i64),
    Time(OffsetDateTime),
    Text(String),
}

impl Sort {
    /// Resolves the attribute in the tables of the resource types that the query searches.
    ///
    /// # Errors
    /// [`ScimError::InvalidValue`] for an attribute that none of the types has, or a complex one
    /// without a sub-attribute to sort by.
    pub fn bind(&self, types: &[&'static ResourceType]) -> Result<Order, ScimError> {
        let mut sources = Vec::with_capacity(types.len());
        for kind in types {
            sources.extend(self.source(kind)?.map(|source| (*kind, source)));
        }
        if sources.is_empty() {
            return Err(ScimError::InvalidValue {
                why: format!("sortBy: no such attribute: `{}`", self.by),
            });
        }
        Ok(Order { sources, descending: self.descending })
    }

    /// Returns `None` if the type has no such attribute.
    fn source(&self, kind: &'static ResourceType) -> Result<Option<Source>, ScimError> {
        let Some(AttributeName::Attribute(path)) = path::find(kind, &self.by) else {
            return Ok(None);
        };
        let (attribute, sub) = path.resolve(kind);
        // RFC 7644 §3.4.2.3: "If the attribute is complex, the attribute name must be a path to a
        // sub-attribute". A multi-valued attribute is sorted by its `value`.
        let sub = match (attribute.content, sub) {
            (Content::ComplexMany(_, subs), None) => {
                path::position(subs, "value").map(|place| &subs[place])
            }
            (_, sub) => sub,
        };
        if attribute.kind == Kind::Complex && sub.is_none() {
            return Err(ScimError::InvalidValue {
                why: format!("sortBy: `{}` is complex; name one of its sub-attributes", self.by),
            });
        }
        Ok(Some(Source { attribute, sub }))
    }
}

impl Order {
    /// Sorts resources. The sort is stable: resources with equal keys keep their order by id. This
    /// makes the order total, so pages neither overlap nor have gaps.
    pub fn apply(&self, resources: &mut Vec<Resource<'_>>) {
        let key = |resource: &Resource<'_>| {
            let source = self.sources.iter().find(|(kind, _)| *kind == resource.resource_type());
            source.and_then(|(_, source)| source.key(*resource))
        };
        let mut keyed: Vec<(Option<Key>, Resource<'_>)> =
            resources.drain(..).map(|resource| (key(&resource), resource)).collect();
        keyed.sort_by(|(a, _), (b, _)| {
            if self.descending {
                compare(b.as_ref(), a.as_ref())
            } else {
                compare(a.as_ref(), b.as_ref())
            }
        });
        resources.extend(keyed.into_iter().map(|(_, resource)| resource));
    }
}

/// RFC 7644 §3.4.2.3: "if it is "ascending" … resources without a value for the attribute" come
/// last. In descending order they come first.
fn compare(a: Option<&Key>, b: Option<&Key>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.cmp(b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

impl Source {
    fn key(self, resource: Resource<'_>) -> Option<Key> {
        let leaf = self.sub.unwrap_or(self.attribute);
        let (Content::One(getter) | Content::Many(_, getter)) = leaf.content else { return None };
        match getter.get(resource, self.place(resource)?) {
            Value::Absent => None,
            Value::Boolean(value) => Some(Key::Boolean(value)),
            Value::Integer(value) => Some(Key::Integer(value)),
            Value::Time(value) => Some(Key::Time(value)),
            Value::Text(text) => Some(Key::Text(comparable(&text, leaf.case_exact).into_owned())),
        }
    }

    /// The index of the value to sort by. RFC 7644 §3.4.2.3: of a multi-valued attribute "the value
    /// of the primary … or else the first value".
    fn place(self, resource: Resource<'_>) -> Option<usize> {
        let count = match self.attribute.content {
            Content::One(_) | Content::Complex(_) => return Some(0),
            Content::Many(count, _) | Content::ComplexMany(count, _) => count.count_in(resource),
        };
        let primary: Option<Getter> =
            self.attribute.sub_attributes().iter().find(|sub| sub.name == "primary").and_then(
                |sub| match sub.content {
                    Content::One(getter) => Some(getter),
                    _ => None,
                },
            );
        let is_primary = |at: &usize| {
            primary.is_some_and(|getter| getter.get(resource, *at) == Value::Boolean(true))
        };
        (0..count).find(is_primary).or((count > 0).then_some(0))
    }
}
