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

const SUPPORTED: &[Attribute] = &[flag("supported", "Whether the service provider does this.")];

/// The schema of `/ServiceProviderConfig` (RFC 7643 §5), with `pagination` of RFC 9865 §4.
pub(super) static SERVICE_PROVIDER_CONFIG: Schema = Schema {
    id: urn::SERVICE_PROVIDER_CONFIG,
    name: "Service Provider Configuration",
    description: "What the service provider does",
    attributes: &[
        page("documentationUri", "Where people can read about it."),
        Attribute::complex("patch", SUPPORTED, "Changes by PATCH.").required(),
        Attribute::complex(
            "bulk",
            &[
                flag("supported", "Whether the service provider does this."),
                number("maxOperations", "How many operations one request may hold.").required(),
                number("maxPayloadSize", "How many bytes one request may have.").required(),
            ],
            "Several operations in one request.",
        )
        .required(),
        Attribute::complex(
            "filter",
            &[
                flag("supported", "Whether the service provider does this."),
                number("maxResults", "How many resources one answer may hold.").required(),
            ],
            "Filters in queries.",
        )
        .required(),
        Attribute::complex("changePassword", SUPPORTED, "Changes of passwords.").required(),
        Attribute::complex("sort", SUPPORTED, "Sorted answers.").required(),
        Attribute::complex("etag", SUPPORTED, "Versions of resources.").required(),
        several(
            "authenticationSchemes",
            &[
                word(
                    "type",
                    &["oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"],
                    "Which scheme.",
                )
                .required(),
                one("name", Kind::String, "For people.").required(),
                one("description", Kind::String, "For people.").required(),
                page("specUri", "Where the scheme is specified."),
                page("documentationUri", "Where people can read about it."),
                one("primary", Kind::Boolean, "Whether it is the preferred one."),
            ],
            "How clients prove who they are.",
        )
        .required(),
        Attribute::complex(
            "pagination",
            &[
                flag("cursor", "Whether lists can be walked over by cursor."),
                flag("index", "Whether lists can be walked over by index."),
                word(
                    "defaultPaginationMethod",
                    &["cursor", "index"],
                    "What is done where the client does not say.",
                ),
                number(
                    "defaultPageSize",
                    "How many resources a page holds where the client does not say.",
                ),
                number("maxPageSize", "How many resources a page holds at the most."),
                number("cursorTimeout", "For how many seconds a cursor is good."),
            ],
            "How long lists are cut into pages.",
        ),
    ],
};

/// The schema of `/ResourceTypes` (RFC 7643 §6).
pub(super) static RESOURCE_TYPE: Schema = Schema {
    id: urn::RESOURCE_TYPE,
    name: "Resource Type",
    description: "A type of resource and where it is served",
    attributes: &[
        one("name", Kind::String, "The name of the type, as in meta.resourceType.")
            .required()
            .case_exact(),
        one("description", Kind::String, "For people."),
        uri("endpoint", "Where resources of the type are, relative to the base URL.").required(),
        uri("schema", "The type's own schema.").required(),
        several(
            "schemaExtensions",
            &[
                uri("schema", "A schema that extends the type.").required(),
                flag("required", "Whether every resource of the type has it."),
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
        one("name", Kind::String, "For people.").required(),
        one("description", Kind::String, "For people."),
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
                    "The parts of a complex attribute.",
                ),
            ],
            "The attributes.",
        )
        .required(),
    ],
};

const NAME: Attribute =
    one("name", Kind::String, "As it is written in JSON.").required().case_exact();
const TYPE: Attribute = word(
    "type",
    &["string", "complex", "boolean", "decimal", "integer", "dateTime", "reference", "binary"],
    "The type of its values.",
)
.required();
const MULTI_VALUED: Attribute = flag("multiValued", "Whether it may have several values.");
const DESCRIPTION: Attribute = one("description", Kind::String, "For people.");
const REQUIRED: Attribute = flag("required", "Whether a resource always has it.");
const CANONICAL_VALUES: Attribute = many("canonicalValues", "The words it may have.");
const CASE_EXACT: Attribute =
    one("caseExact", Kind::Boolean, "Whether A and a differ in its values.");
const MUTABILITY: Attribute = word(
    "mutability",
    &["readOnly", "readWrite", "immutable", "writeOnly"],
    "Whether clients can set it.",
);
const RETURNED: Attribute =
    word("returned", &["always", "never", "default", "request"], "When it is in an answer.");
const UNIQUENESS: Attribute =
    word("uniqueness", &["none", "server", "global"], "Whether two resources can share a value.");
const REFERENCE_TYPES: Attribute = many("referenceTypes", "What a reference leads to.");
