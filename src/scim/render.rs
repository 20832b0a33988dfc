//! Renders a resource as JSON, using the schema table.

use bytes::Bytes;

use super::attribute::{Attribute, Content};
use super::common_attributes::SCHEMAS;
use super::project::{Projection, Visibility};
use super::schema::Section;
use super::value::Value;
use super::view::Resource;
use crate::date_time;

/// Returns a response body with one resource.
pub(super) fn body(resource: Resource<'_>, projection: &Projection) -> Bytes {
    let mut body = Vec::new();
    self::resource(&mut body, resource, projection);
    body.into()
}

/// Writes a resource. Unassigned attributes are omitted (RFC 7643 §2.5: "Unassigned attributes …
/// are equivalent to being … not present").
pub(super) fn resource(out: &mut Vec<u8>, resource: Resource<'_>, projection: &Projection) {
    let mut object = Object::open(out);
    for (place, section) in resource.resource_type().sections.iter().enumerate() {
        match section.schema.filter(|_| section.extension) {
            None => attributes(&mut object, resource, projection, place, section.attributes),
            Some(schema) => object.nested(schema.id, |extension| {
                attributes(extension, resource, projection, place, section.attributes);
            }),
        }
    }
    object.close();
}

fn attributes(
    object: &mut Object<'_>,
    resource: Resource<'_>,
    projection: &Projection,
    section: usize,
    all: &[Attribute],
) {
    for (place, attribute) in all.iter().enumerate() {
        let shown = projection.shown(section, place);
        if *shown == Visibility::No {
            continue;
        }
        if attribute.name == SCHEMAS {
            object.name(SCHEMAS);
            schemas(object.out, resource, projection);
            continue;
        }
        match attribute.content {
            Content::One(getter) => object.value(attribute.name, &getter.get(resource, 0)),
            Content::Complex(sub) => {
                object.nested(attribute.name, |inner| subs(inner, resource, shown, sub, 0));
            }
            Content::Many(count, getter) => {
                let count = count.count_in(resource);
                if count > 0 || attribute.shown_when_empty {
                    object.list(attribute.name, count, |out, at| {
                        write_value(out, &getter.get(resource, at));
                    });
                }
            }
            Content::ComplexMany(count, sub) => {
                let count = count.count_in(resource);
                if count > 0 || attribute.shown_when_empty {
                    object.list(attribute.name, count, |out, at| {
                        let mut inner = Object::open(out);
                        subs(&mut inner, resource, shown, sub, at);
                        inner.close();
                    });
                }
            }
        }
    }
}

/// Writes the `schemas` attribute. RFC 7643 §3, schemas: "URIs that are used to indicate the
/// namespaces of the SCIM schemas that define the attributes present in the current JSON
/// structure". The type's own schema is always included, since `id` is always present and "common
/// attributes … are considered to be part of every base resource schema" (RFC 7643 §3.1). An
/// extension is included if its container is present.
fn schemas(out: &mut Vec<u8>, resource: Resource<'_>, projection: &Projection) {
    let sections = resource.resource_type().sections.iter().enumerate();
    let present = sections.filter(|(place, section)| {
        !section.extension || is_present(resource, projection, *place, section)
    });
    let mut before = b'[';
    for schema in present.filter_map(|(_, section)| section.schema) {
        out.push(before);
        write_text(out, schema.id);
        before = b',';
    }
    out.push(b']');
}

/// Whether the response has any attribute of a section.
fn is_present(
    resource: Resource<'_>,
    projection: &Projection,
    place: usize,
    section: &Section,
) -> bool {
    section.attributes.iter().enumerate().any(|(at, attribute)| {
        let shown = projection.shown(place, at);
        *shown != Visibility::No
            && match attribute.content {
                Content::One(getter) => getter.get(resource, 0) != Value::Absent,
                Content::Many(count, _) | Content::ComplexMany(count, _) => {
                    count.count_in(resource) > 0 || attribute.shown_when_empty
                }
                Content::Complex(all) => {
                    all.iter().enumerate().any(|(at, sub)| match sub.content {
                        Content::One(getter) => {
                            shown.has(at) && getter.get(resource, 0) != Value::Absent
                        }
                        _ => false,
                    })
                }
            }
    })
}

fn subs(
    object: &mut Object<'_>,
    resource: Resource<'_>,
    shown: &Visibility,
    all: &[Attribute],
    at: usize,
) {
    for (place, sub) in all.iter().enumerate() {
        if let (true, Content::One(getter)) = (shown.has(place), sub.content) {
            object.value(sub.name, &getter.get(resource, at));
        }
    }
}

/// A JSON object that is being written.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    fn close(self) {
        self.out.push(b'}');
    }

    fn name(&mut self, name: &str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        // Attribute names and URNs in the table need no escapes.
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn value(&mut self, name: &str, value: &Value<'_>) {
        if *value != Value::Absent {
            self.name(name);
            write_value(self.out, value);
        }
    }

    fn list(&mut self, name: &str, count: usize, mut write: impl FnMut(&mut Vec<u8>, usize)) {
        self.name(name);
        self.out.push(b'[');
        for at in 0..count {
            if at > 0 {
                self.out.push(b',');
            }
            write(self.out, at);
        }
        self.out.push(b']');
    }

    /// Writes a nested object, or nothing if it would be empty.
    fn nested(&mut self, name: &str, write: impl FnOnce(&mut Object<'_>)) {
        let before = self.out.len();
        let was_empty = self.empty;
        self.name(name);
        let mut inner = Object::open(self.out);
        write(&mut inner);
        if inner.empty {
            self.out.truncate(before);
            self.empty = was_empty;
        } else {
            inner.close();
        }
    }
}

fn write_value(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Absent => out.extend_from_slice(b"null"),
        Value::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::Integer(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Time(time) => {
            out.push(b'"');
            out.extend_from_slice(date_time::written(*time).as_str().as_bytes());
            out.push(b'"');
        }
        Value::Text(text) => write_text(out, text),
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    // Writing a string into a Vec cannot fail.
    let _ = serde_json::to_writer(out, text);
}
