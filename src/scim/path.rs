//! Attribute names as clients write them, found in the table.
//!
//! RFC 7644 §3.10: "All operations share a common scheme for referencing simple and complex attributes."
//! `userName`, `name.familyName`, `urn:…:User:userName`, `urn:…:intercom:2.0:User:intercomId`, in any case.

use super::schema::{Attribute, ResourceType};

/// An attribute of a type of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// Which section of the type.
    pub section: usize,
    /// Which attribute of the section.
    pub attribute: usize,
    /// Which sub-attribute, if one is named.
    pub sub: Option<usize>,
}

/// What a name can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// One attribute or sub-attribute.
    Attribute(Path),
    /// All that a schema has: its URN alone.
    Section(usize),
}

impl Path {
    /// The attribute, and the sub-attribute if one is named.
    pub fn resolve(self, resource_type: &'static ResourceType) -> (&'static Attribute, Option<&'static Attribute>) {
        let attribute = &resource_type.sections[self.section].attributes[self.attribute];
        (attribute, self.sub.map(|sub| &attribute.sub_attributes()[sub]))
    }
}

/// Finds a name in the table of a type. None when the type has no such attribute.
///
/// RFC 7643 §2.1: "Attribute names are case insensitive".
pub fn find(resource_type: &ResourceType, name: &str) -> Option<Named> {
    // The `2.0` in a URN is no sub-attribute, so URNs are cut off before dots are looked at.
    for (place, section) in resource_type.sections.iter().enumerate() {
        let Some(schema) = section.schema else { continue };
        let Some(prefix) = name.get(..schema.id.len()).filter(|prefix| prefix.eq_ignore_ascii_case(schema.id)) else {
            continue;
        };
        match &name[prefix.len()..] {
            "" => return Some(Named::Section(place)),
            // RFC 7643 §3.1: the common attributes are of every schema, and so may carry its URN.
            rest => {
                let rest = rest.strip_prefix(':')?;
                return in_section(resource_type, place, rest)
                    .or_else(|| common(resource_type, rest))
                    .map(Named::Attribute);
            }
        }
    }
    let core = resource_type.sections.iter().position(|section| section.schema.is_some() && !section.extension)?;
    in_section(resource_type, core, name).or_else(|| common(resource_type, name)).map(Named::Attribute)
}

fn common(resource_type: &ResourceType, name: &str) -> Option<Path> {
    let sections = resource_type.sections.iter().enumerate().filter(|(_, section)| section.schema.is_none());
    sections.map(|(place, _)| place).find_map(|place| in_section(resource_type, place, name))
}

fn in_section(resource_type: &ResourceType, section: usize, name: &str) -> Option<Path> {
    let (name, sub) = name.split_once('.').map_or((name, None), |(name, sub)| (name, Some(sub)));
    let attributes = resource_type.sections[section].attributes;
    let attribute = position(attributes, name)?;
    let sub = sub.map(|sub| position(attributes[attribute].sub_attributes(), sub).ok_or(())).transpose().ok()?;
    Some(Path { section, attribute, sub })
}

/// The place of a name among attributes.
pub fn position(attributes: &[Attribute], name: &str) -> Option<usize> {
    attributes.iter().position(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::schema::USER;

    fn found(name: &str) -> Option<String> {
        match find(&USER, name)? {
            Named::Section(section) => USER.sections[section].schema.map(|schema| schema.id.to_owned()),
            Named::Attribute(path) => {
                let (attribute, sub) = path.resolve(&USER);
                Some(sub.map_or(attribute.name.to_owned(), |sub| format!("{}.{}", attribute.name, sub.name)))
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
    fn what_the_table_does_not_have_is_not_found() {
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
        assert_eq!(find(&USER, "urn:ietf:params:scim:schemas:core:2.0:Users:userName"), None);
    }
}
