//! Resolves attribute names, as clients write them, in the schema table.
//!
//! RFC 7644 §3.10: "All operations share a common scheme for referencing simple and complex
//! attributes." Examples: `userName`, `name.familyName`, `urn:…:User:userName`,
//! `urn:…:intercom:2.0:User:intercomId`. Case does not matter.

use super::attribute::Attribute;
use super::schema::ResourceType;

/// The path of an attribute within a resource type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The index of the section in the type.
    pub section: usize,
    /// The index of the attribute in the section.
    pub attribute: usize,
    /// The index of the sub-attribute, if the name has one.
    pub sub: Option<usize>,
}

/// What a name refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeName {
    /// One attribute or sub-attribute.
    Attribute(Path),
    /// All attributes of a schema: the name is its URN alone.
    Section(usize),
}

impl Path {
    /// Returns the attribute, and the sub-attribute if the path has one.
    pub fn resolve(
        self,
        resource_type: &'static ResourceType,
    ) -> (&'static Attribute, Option<&'static Attribute>) {
        let attribute = &resource_type.sections[self.section].attributes[self.attribute];
        (attribute, self.sub.map(|sub| &attribute.sub_attributes()[sub]))
    }
}

/// Resolves a name in the table of a resource type. Returns `None` if the type has no such
/// attribute.
///
/// RFC 7643 §2.1: "Attribute names are case insensitive".
pub fn find(resource_type: &ResourceType, name: &str) -> Option<AttributeName> {
    // The dot in a URN's `2.0` does not separate a sub-attribute, so the URN is removed before the
    // name is split at dots.
    for (place, section) in resource_type.sections.iter().enumerate() {
        let Some(schema) = section.schema else { continue };
        let Some(prefix) =
            name.get(..schema.id.len()).filter(|prefix| prefix.eq_ignore_ascii_case(schema.id))
        else {
            continue;
        };
        match &name[prefix.len()..] {
            "" => return Some(AttributeName::Section(place)),
            // RFC 7643 §3.1: the common attributes are part of every schema, so they may be
            // prefixed with its URN.
            rest => {
                let rest = rest.strip_prefix(':')?;
                return in_section(resource_type, place, rest)
                    .or_else(|| common(resource_type, rest))
                    .map(AttributeName::Attribute);
            }
        }
    }
    let core = resource_type
        .sections
        .iter()
        .position(|section| section.schema.is_some() && !section.extension)?;
    in_section(resource_type, core, name)
        .or_else(|| common(resource_type, name))
        .map(AttributeName::Attribute)
}

fn common(resource_type: &ResourceType, name: &str) -> Option<Path> {
    let sections =
        resource_type.sections.iter().enumerate().filter(|(_, section)| section.schema.is_none());
    sections.map(|(place, _)| place).find_map(|place| in_section(resource_type, place, name))
}

fn in_section(resource_type: &ResourceType, section: usize, name: &str) -> Option<Path> {
    let (name, sub) = name.split_once('.').map_or((name, None), |(name, sub)| (name, Some(sub)));
    let attributes = resource_type.sections[section].attributes;
    let attribute = position(attributes, name)?;
    let sub = match sub {
        Some(sub) => Some(position(attributes[attribute].sub_attributes(), sub)?),
        None => None,
    };
    Some(Path { section, attribute, sub })
}

/// The index of the attribute with this name, in any case.
pub fn position(attributes: &[Attribute], name: &str) -> Option<usize> {
    attributes.iter().position(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schema::resource_types::USER;

    fn found(name: &str) -> Option<String> {
        match find(USER, name)? {
            AttributeName::Section(section) => {
                USER.sections[section].schema.map(|schema| schema.id.to_owned())
            }
            AttributeName::Attribute(path) => {
                let (attribute, sub) = path.resolve(USER);
                Some(sub.map_or(attribute.name.to_owned(), |sub| {
                    format!("{}.{}", attribute.name, sub.name)
                }))
            }
        }
    }

    #[test]
    fn names_are_found_in_any_case_with_and_without_their_urn() {
        for (name, expected) in [
            ("userName", "userName"),
            ("USERNAME", "userName"),
            ("name.familyname", "name.familyName"),
            ("emails", "emails"),
            ("id", "id"),
            ("meta.lastModified", "meta.lastModified"),
            ("groups.$ref", "groups.$ref"),
            ("urn:ietf:params:scim:schemas:core:2.0:User:userName", "userName"),
            ("URN:IETF:PARAMS:SCIM:SCHEMAS:CORE:2.0:USER:name.givenName", "name.givenName"),
            ("urn:ietf:params:scim:schemas:core:2.0:User:id", "id"),
            ("urn:ietf:params:scim:schemas:extension:intercom:2.0:User:intercomId", "intercomId"),
            (
                "urn:ietf:params:scim:schemas:extension:intercom:2.0:User",
                "urn:ietf:params:scim:schemas:extension:intercom:2.0:User",
            ),
        ] {
            assert_eq!(found(name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn unknown_attributes_are_not_found() {
        for name in [
            "",
            "nickName",
            "name.",
            "name.nope",
            "userName.value",
            "intercomId",
            ".",
            "urn:ietf:params:scim:schemas:core:2.0:User:",
        ] {
            assert_eq!(found(name), None, "{name}");
        }
        assert_eq!(find(USER, "urn:ietf:params:scim:schemas:core:2.0:Users:userName"), None);
    }
}
