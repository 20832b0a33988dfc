//! The attributes that every resource has (RFC 7643 §3.1).

use super::attribute::{Attribute, Content, Count, Getter, Kind, Returned};
use super::urn;
use super::value::Value;
use super::view::{Resource, ResourceKind};

/// The common attributes before those of the schemas.
pub(super) const HEAD: &[Attribute] = &[
    Attribute::new(
        SCHEMAS,
        Kind::Reference,
        Content::Many(
            Count::Any(|resource| schemas(resource).len()),
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
        "Unique among users and groups, and never reused.",
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
        "Never set, because clients cannot write to this service.",
    )
    .case_exact(),
];

/// The name of the `schemas` attribute. Its value in a response depends on which other attributes
/// the response has, so [`super::render`] writes it.
pub(super) const SCHEMAS: &str = "schemas";

/// The schemas of a complete resource. The Intercom extension is always included, since
/// `intercomId` is always present. The enterprise extension is included only on users that have one
/// of its attributes.
fn schemas(resource: Resource<'_>) -> &'static [&'static str] {
    let has_values = match resource {
        Resource::User(user) => user.enterprise().is_some_and(|facts| !facts.is_empty()),
        _ => false,
    };
    match resource.kind() {
        ResourceKind::User if has_values => &[urn::USER, urn::ENTERPRISE_USER, urn::INTERCOM_USER],
        ResourceKind::User => &[urn::USER, urn::INTERCOM_USER],
        ResourceKind::Group => &[urn::GROUP, urn::INTERCOM_GROUP],
        ResourceKind::Role => &[urn::OKTA_ROLE],
        ResourceKind::Seat | ResourceKind::Permission => &[urn::OKTA_ENTITLEMENT],
        ResourceKind::DraftRole => &[urn::DRAFT_ROLE],
        ResourceKind::DraftEntitlement => &[urn::DRAFT_ENTITLEMENT],
    }
}

/// The common attributes after those of the schemas.
pub(super) const TAIL: &[Attribute] = &[Attribute::complex(
    "meta",
    &[
        Attribute::of_any(
            "resourceType",
            Kind::String,
            |resource, _| Value::text(resource.kind().name()),
            "The name of the resource type, such as User or Group.",
        )
        .case_exact(),
        Attribute::of_any(
            "created",
            Kind::DateTime,
            |resource, _| created(resource),
            "When the teammate joined, if the activity log reports it; else when the bridge first saw the resource.",
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
            |resource, _| Value::text(resource.location()),
            "The URL of the resource.",
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
    "Metadata of the resource.",
)];

fn created(resource: Resource<'_>) -> Value<'_> {
    match resource {
        Resource::User(user) => {
            Value::Time(user.person.user.joined_at.unwrap_or(user.person.stamps.created))
        }
        Resource::Group(group) => Value::Time(group.team.stamps.created),
        Resource::Item(item) => item.item.stamps.map(|stamps| stamps.created).into(),
    }
}

fn last_modified(resource: Resource<'_>) -> Value<'_> {
    match resource {
        // A change in the roster changes the response, so a client that asks for what changed since
        // must get it.
        Resource::User(user) => {
            let changed_at = user.enterprise_record().map(|record| record.changed_at);
            let own = user.person.stamps.last_modified;
            Value::Time(changed_at.map_or(own, |at| own.max(at)))
        }
        Resource::Group(group) => Value::Time(group.team.stamps.last_modified),
        Resource::Item(item) => item.item.stamps.map(|stamps| stamps.last_modified).into(),
    }
}

fn version(resource: Resource<'_>) -> Value<'_> {
    Value::text(resource.version())
}
