//! `attributes` and `excludedAttributes` (RFC 7644 §3.4.2.5, §3.9): which attributes a response
//! has.

use super::attribute::{Attribute, Returned};
use super::path::{self, AttributeName};
use super::schema::ResourceType;

/// The attributes of a resource type that a response has.
#[derive(Clone, Debug)]
pub struct Projection {
    /// Indexed by section of the type, then by attribute.
    shown: Vec<Vec<Visibility>>,
}

/// Which part of an attribute is returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Visibility {
    No,
    Whole,
    /// Only the sub-attributes with these indices.
    Some(Vec<usize>),
}

impl Visibility {
    /// Whether the sub-attribute with index `sub` is returned.
    pub(super) fn has(&self, sub: usize) -> bool {
        match self {
            Self::No => false,
            Self::Whole => true,
            Self::Some(places) => places.contains(&sub),
        }
    }
}

impl Projection {
    /// The attributes that are returned if the request selects none.
    #[must_use]
    pub fn default_of(resource_type: &ResourceType) -> Self {
        let shown = |attribute: &Attribute| {
            if attribute.returned == Returned::Request { Visibility::No } else { Visibility::Whole }
        };
        Self { shown: by_section(resource_type, shown) }
    }

    /// Returns the minimum set and the attributes in `names`. Names that the type does not have are
    /// ignored.
    ///
    /// RFC 7644 §3.9: "If specified, each resource returned MUST contain the minimum set of
    /// resource attributes and any attributes or sub-attributes explicitly requested by the
    /// "attributes" parameter."
    #[must_use]
    pub fn only<'n>(
        resource_type: &ResourceType,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        let always = |attribute: &Attribute| {
            if attribute.returned == Returned::Always { Visibility::Whole } else { Visibility::No }
        };
        let mut projection = Self { shown: by_section(resource_type, always) };
        for name in names {
            match path::find(resource_type, name) {
                Some(AttributeName::Section(section)) => {
                    projection.shown[section].fill(Visibility::Whole);
                }
                Some(AttributeName::Attribute(path)) => {
                    let shown = &mut projection.shown[path.section][path.attribute];
                    match (path.sub, &mut *shown) {
                        (None, _) => *shown = Visibility::Whole,
                        (Some(_), Visibility::Whole) => {}
                        (Some(sub), Visibility::Some(places)) => places.push(sub),
                        (Some(sub), Visibility::No) => *shown = Visibility::Some(vec![sub]),
                    }
                }
                None => {}
            }
        }
        projection
    }

    /// Returns the default set without the attributes in `names`. Names that the type does not have
    /// are ignored.
    ///
    /// RFC 7644 §3.9: "each resource returned MUST contain the minimum set of resource attributes.
    /// Additionally, the default set of attributes minus those attributes listed in
    /// "excludedAttributes" is returned."
    #[must_use]
    pub fn except<'n>(
        resource_type: &'static ResourceType,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        let mut projection = Self::default_of(resource_type);
        for name in names {
            match path::find(resource_type, name) {
                Some(AttributeName::Section(section)) => {
                    for (shown, attribute) in projection.shown[section]
                        .iter_mut()
                        .zip(resource_type.sections[section].attributes)
                    {
                        exclude(shown, attribute, None);
                    }
                }
                Some(AttributeName::Attribute(path)) => {
                    exclude(
                        &mut projection.shown[path.section][path.attribute],
                        path.resolve(resource_type).0,
                        path.sub,
                    );
                }
                None => {}
            }
        }
        projection
    }

    pub(super) fn shown(&self, section: usize, attribute: usize) -> &Visibility {
        &self.shown[section][attribute]
    }
}

fn by_section(
    resource_type: &ResourceType,
    shown: impl Fn(&Attribute) -> Visibility,
) -> Vec<Vec<Visibility>> {
    resource_type
        .sections
        .iter()
        .map(|section| section.attributes.iter().map(&shown).collect())
        .collect()
}

fn exclude(shown: &mut Visibility, attribute: &Attribute, sub: Option<usize>) {
    match (sub, &mut *shown) {
        _ if attribute.returned == Returned::Always => {}
        (None, _) => *shown = Visibility::No,
        (Some(sub), Visibility::Whole) => {
            *shown = Visibility::Some(
                (0..attribute.sub_attributes().len()).filter(|place| *place != sub).collect(),
            );
        }
        (Some(sub), Visibility::Some(places)) => places.retain(|place| *place != sub),
        (Some(_), Visibility::No) => {}
    }
}
