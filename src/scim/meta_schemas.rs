//! The schemas of the discovery documents themselves (RFC 7643 §8.7.2). Some clients request them
//! under `/Schemas` and fail without them.

use super::attribute::{Attribute, Content, Count, Getter, Kind};
use super::schema::Schema;
use super::urn;
use super::value::Value;

/// A placeholder: discovery documents are not rendered through the table, so no getter is called.
const NONE: Getter = Getter::Any(|_, _| Value::Absent);
const NO_VALUES: Count = Count::Any(|_| 0);

const fn one(name: &'static str, kind: Kind, description: &'static str) -> Attribute {
    Attribute::new(name, kind, Content::One(NONE), description)
}

const fn word(
    name: &'static str,
    words: &'static [&'static str],
    description: &'static str,
) -> Attribute {
    one(name, Kind::String, description).words(words).case_exact()
}

const fn flag(name: &'static str, description: &'static str) -> Attribute {
    one(name, Kind::Boolean, description).required()
}

const fn number(name: &'static str, description: &'static str) -> Attribute {
    one(name, Kind::Integer, description)
}

const fn many(name: &'static str, description: &'static str) -> Attribute {
    Attribute::new(name, Kind::String, Content::Many(NO_VALUES, NONE), description).case_exact()
}

const fn several(
    name: &'static str,
    sub: &'static [Attribute],
    description: &'static str,
) -> Attribute {
    Attribute::complex_many(name, NO_VALUES, sub, description)
}

const fn uri(name: &'static str, description: &'static str) -> Attribute {
    one(name, Kind::Reference, description).refers_to(&["uri"])
}

const fn page(name: &'static str, description: &'static str) -> Attribute {
    one(name, Kind::Reference, description).refers_to(&["external"])
}

const SUPPORTED: &[Attribute] = &[flag("supported", "Whether the service provider supports this.")];

/// The schema of `/ServiceProviderConfig` (RFC 7643 §5), with `pagination` of RFC 9865 §4.
pub(super) static SERVICE_PROVIDER_CONFIG: Schema = Schema {
    id: urn::SERVICE_PROVIDER_CONFIG,
    name: "Service Provider Configuration",
    description: "The features that the service provider supports",
    attributes: &[
        page("documentationUri", "The URL of the documentation."),
        Attribute::complex("patch", SUPPORTED, "The PATCH method.").required(),
        Attribute::complex(
            "bulk",
            &[
                flag("supported", "Whether the service provider supports this."),
                number("maxOperations", "The maximum number of operations in one request.")
                    .required(),
                number("maxPayloadSize", "The maximum size of a request in bytes.").required(),
            ],
            "Several operations in one request.",
        )
        .required(),
        Attribute::complex(
            "filter",
            &[
                flag("supported", "Whether the service provider supports this."),
                number("maxResults", "The maximum number of resources in one response.").required(),
            ],
            "Filters in queries.",
        )
        .required(),
        Attribute::complex("changePassword", SUPPORTED, "Changes of passwords.").required(),
        Attribute::complex("sort", SUPPORTED, "Sorting.").required(),
        Attribute::complex("etag", SUPPORTED, "Versions of resources.").required(),
        several(
            "authenticationSchemes",
            &[
                word(
                    "type",
                    &["oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"],
                    "The authentication scheme.",
                )
                .required(),
                one("name", Kind::String, "The human-readable name.").required(),
                one("description", Kind::String, "The human-readable description.").required(),
                page("specUri", "The URL of the specification of the scheme."),
                page("documentationUri", "The URL of the documentation."),
                one("primary", Kind::Boolean, "Whether it is the preferred one."),
            ],
            "The supported authentication schemes.",
        )
        .required(),
        Attribute::complex(
            "pagination",
            &[
                flag("cursor", "Whether clients can page by cursor."),
                flag("index", "Whether clients can page by index."),
                word(
                    "defaultPaginationMethod",
                    &["cursor", "index"],
                    "The method if the client does not choose one.",
                ),
                number("defaultPageSize", "The page size if the client does not choose one."),
                number("maxPageSize", "The maximum page size."),
                number("cursorTimeout", "The lifetime of a cursor in seconds."),
            ],
            "The pagination of lists.",
        ),
    ],
};

/// The member of `/ServiceProviderConfig` that draft-ietf-scim-roles-entitlements-01 §3 adds.
pub(super) static ROLES_AND_ENTITLEMENTS: Attribute = Attribute::complex(
    "RolesAndEntitlements",
    &[
        Attribute::complex(
            "roles",
            &[
                flag("supported", "Whether the service provider has `/Roles`."),
                flag("multipleRolesSupported", "Whether a user can have several roles."),
                flag("primarySupported", "Whether `primary` of a role is used."),
                flag("typeSupported", "Whether `type` of a role is used."),
                many("types", "The types of roles."),
            ],
            "Roles.",
        ),
        Attribute::complex(
            "entitlements",
            &[
                flag("supported", "Whether the service provider has `/Entitlements`."),
                flag("multipleEntitlementsSupported", "Whether a user can have several."),
                flag("primarySupported", "Whether `primary` of an entitlement is used."),
                flag("typeSupported", "Whether `type` of an entitlement is used."),
                many("types", "The types of entitlements."),
            ],
            "Entitlements.",
        ),
    ],
    "Experimental: roles and entitlements as resources.",
);

/// The schema of `/ResourceTypes` (RFC 7643 §6).
pub(super) static RESOURCE_TYPE: Schema = Schema {
    id: urn::RESOURCE_TYPE,
    name: "Resource Type",
    description: "A resource type and its endpoint",
    attributes: &[
        one("name", Kind::String, "The name of the type, as in meta.resourceType.")
            .required()
            .case_exact(),
        one("description", Kind::String, "The human-readable description."),
        uri("endpoint", "The endpoint of the type, relative to the base URL.").required(),
        uri("schema", "The type's own schema.").required(),
        several(
            "schemaExtensions",
            &[
                uri("schema", "A schema that extends the type.").required(),
                flag("required", "Whether every resource of the type has the extension."),
            ],
            "The schemas that extend the type.",
        ),
    ],
};

/// The schema of `/Schemas` (RFC 7643 §7).
pub(super) static SCHEMA: Schema = Schema {
    id: urn::SCHEMA,
    name: "Schema",
    description: "The attributes that a schema has",
    attributes: &[
        one("name", Kind::String, "The human-readable name.").required(),
        one("description", Kind::String, "The human-readable description."),
        several(
            "attributes",
            &[
                NAME,
                TYPE,
                MULTI_VALUED,
                DESCRIPTION,
                REQUIRED,
                CANONICAL_VALUES,
                CASE_EXACT,
                MUTABILITY,
                RETURNED,
                UNIQUENESS,
                REFERENCE_TYPES,
                several(
                    "subAttributes",
                    &[
                        NAME,
                        TYPE,
                        MULTI_VALUED,
                        DESCRIPTION,
                        REQUIRED,
                        CANONICAL_VALUES,
                        CASE_EXACT,
                        MUTABILITY,
                        RETURNED,
                        UNIQUENESS,
                        REFERENCE_TYPES,
                    ],
                    "The sub-attributes of a complex attribute.",
                ),
            ],
            "The attributes.",
        )
        .required(),
    ],
};

const NAME: Attribute =
    one("name", Kind::String, "The name as written in JSON.").required().case_exact();
const TYPE: Attribute = word(
    "type",
    &["string", "complex", "boolean", "decimal", "integer", "dateTime", "reference", "binary"],
    "The type of its values.",
)
.required();
const MULTI_VALUED: Attribute =
    flag("multiValued", "Whether the attribute can have several values.");
const DESCRIPTION: Attribute = one("description", Kind::String, "The human-readable description.");
const REQUIRED: Attribute = flag("required", "Whether a resource always has the attribute.");
const CANONICAL_VALUES: Attribute = many("canonicalValues", "The canonical values.");
const CASE_EXACT: Attribute =
    one("caseExact", Kind::Boolean, "Whether values are compared with regard to case.");
const MUTABILITY: Attribute = word(
    "mutability",
    &["readOnly", "readWrite", "immutable", "writeOnly"],
    "Whether clients can write the attribute.",
);
const RETURNED: Attribute =
    word("returned", &["always", "never", "default", "request"], "When the attribute is returned.");
const UNIQUENESS: Attribute =
    word("uniqueness", &["none", "server", "global"], "Whether two resources can share a value.");
const REFERENCE_TYPES: Attribute = many("referenceTypes", "What a reference leads to.");
