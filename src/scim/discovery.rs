//! The discovery documents (RFC 7644 §4), generated once from the schema table.

use serde_json::{Value, json};

use super::attribute::{Attribute, Kind, Returned, Uniqueness};
use super::meta_schemas;
use super::page::PageRules;
use super::schema::{ResourceType, Schema, resource_types};
use super::urn;
use crate::directory::CatalogueForm;

/// The documents of the discovery endpoints for one base URL.
#[derive(Debug)]
pub struct Discovery {
    service_provider_config: Value,
    resource_types: Vec<(String, Value)>,
    schemas: Vec<(String, Value)>,
}

impl Discovery {
    /// Builds the documents. `base_url` is the root of a workspace's SCIM service, without a
    /// trailing slash. `form` is that of its catalogue. `with_enterprise`: users have the enterprise
    /// extension.
    #[must_use]
    pub fn new(
        base_url: &str,
        rules: PageRules,
        form: CatalogueForm,
        with_enterprise: bool,
    ) -> Self {
        let types = resource_types::all(form, with_enterprise);
        let served =
            types.iter().flat_map(|kind| kind.schema().into_iter().chain(kind.extensions()));
        let mut served: Vec<&Schema> = served.collect();
        // Two types of Okta's form have the same schema.
        served.dedup_by_key(|schema| schema.id);
        let schemas = served.into_iter().chain([
            &meta_schemas::SERVICE_PROVIDER_CONFIG,
            &meta_schemas::RESOURCE_TYPE,
            &meta_schemas::SCHEMA,
        ]);
        let mut schemas: Vec<(String, Value)> = schemas
            .map(|schema| (schema.id.to_owned(), schema_document(base_url, schema)))
            .collect();
        if form == CatalogueForm::Draft {
            let config = schemas.iter_mut().find(|(id, _)| id == urn::SERVICE_PROVIDER_CONFIG);
            if let Some(Value::Array(attributes)) =
                config.and_then(|(_, document)| document.get_mut("attributes"))
            {
                attributes.push(attribute(&meta_schemas::ROLES_AND_ENTITLEMENTS));
            }
        }
        Self {
            service_provider_config: service_provider_config(base_url, rules, form),
            resource_types: types
                .iter()
                .map(|kind| (kind.name.to_owned(), resource_type(base_url, kind)))
                .collect(),
            schemas,
        }
    }

    /// The document at `/ServiceProviderConfig`.
    #[must_use]
    pub fn service_provider_config(&self) -> &Value {
        &self.service_provider_config
    }

    /// The list at `/ResourceTypes`. RFC 7644 §4: paging and sorting "SHALL be ignored", so the
    /// list is always complete.
    #[must_use]
    pub fn resource_types(&self) -> Value {
        list(&self.resource_types)
    }

    /// The document at `/ResourceTypes/{name}`; names are compared without regard to case.
    #[must_use]
    pub fn resource_type(&self, name: &str) -> Option<&Value> {
        find(&self.resource_types, name)
    }

    /// The complete list at `/Schemas`.
    #[must_use]
    pub fn schemas(&self) -> Value {
        list(&self.schemas)
    }

    /// The document at `/Schemas/{urn}`; URNs are compared without regard to case.
    #[must_use]
    pub fn schema(&self, id: &str) -> Option<&Value> {
        find(&self.schemas, id)
    }
}

fn find<'d>(documents: &'d [(String, Value)], key: &str) -> Option<&'d Value> {
    documents.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, document)| document)
}

fn list(documents: &[(String, Value)]) -> Value {
    let count = documents.len();
    let resources: Vec<&Value> = documents.iter().map(|(_, document)| document).collect();
    json!({"schemas": [urn::LIST_RESPONSE], "totalResults": count, "startIndex": 1, "itemsPerPage": count, "Resources": resources})
}

/// The service provider configuration (RFC 7643 §5). It announces no write operation, since the
/// bridge has none.
fn service_provider_config(base_url: &str, rules: PageRules, form: CatalogueForm) -> Value {
    let mut config = json!({
        "schemas": [urn::SERVICE_PROVIDER_CONFIG],
        "patch": {"supported": false},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": rules.max_count},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "OAuth Bearer Token",
            "description": "A token issued by this bridge, in the Authorization header",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": {"resourceType": "ServiceProviderConfig", "location": format!("{base_url}/ServiceProviderConfig")},
    });
    // RFC 9865 §4. NB: without `cursorTimeout`. A cursor expires when several newer generations
    // were published, not after a fixed time.
    if rules.cursors {
        config["pagination"] = json!({
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": rules.default_count,
            "maxPageSize": rules.max_count,
        });
    }
    // draft-ietf-scim-roles-entitlements-01 §3.
    if form == CatalogueForm::Draft {
        config["RolesAndEntitlements"] = json!({
            "roles": {
                "supported": true,
                "multipleRolesSupported": false,
                "primarySupported": true,
                "typeSupported": false,
                "types": [],
            },
            "entitlements": {
                "supported": true,
                "multipleEntitlementsSupported": true,
                "primarySupported": false,
                "typeSupported": true,
                "types": ["seat", "permission"],
            },
        });
    }
    config
}

/// A resource type document (RFC 7643 §6).
fn resource_type(base_url: &str, kind: &ResourceType) -> Value {
    // RFC 7643 §6, required: with true, "a resource of this type MUST include this schema
    // extension". Every full resource has the Intercom extension, but with `true` a client might not
    // send a write request that lacks it, and so never see why writes are refused.
    let extensions: Vec<Value> =
        kind.extensions().map(|schema| json!({"schema": schema.id, "required": false})).collect();
    json!({
        "schemas": [urn::RESOURCE_TYPE],
        "id": kind.name,
        "name": kind.name,
        "endpoint": kind.endpoint,
        "description": kind.description,
        "schema": kind.schema().map(|schema| schema.id),
        "schemaExtensions": extensions,
        "meta": {"resourceType": "ResourceType", "location": format!("{base_url}/ResourceTypes/{}", kind.name)},
    })
}

/// A schema document (RFC 7643 §7).
fn schema_document(base_url: &str, schema: &Schema) -> Value {
    json!({
        "schemas": [urn::SCHEMA],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": schema.attributes.iter().map(attribute).collect::<Vec<_>>(),
        "meta": {"resourceType": "Schema", "location": format!("{base_url}/Schemas/{}", schema.id)},
    })
}

fn attribute(attribute: &Attribute) -> Value {
    let mut document = json!({
        "name": attribute.name,
        "type": match attribute.kind {
            Kind::String => "string",
            Kind::Boolean => "boolean",
            Kind::Integer => "integer",
            Kind::DateTime => "dateTime",
            Kind::Reference => "reference",
            Kind::Complex => "complex",
        },
        "multiValued": attribute.multi_valued(),
        "description": attribute.description,
        "required": attribute.required,
        "mutability": "readOnly",
        "returned": match attribute.returned {
            Returned::Always => "always",
            Returned::Default => "default",
            Returned::Request => "request",
        },
        "uniqueness": match attribute.uniqueness {
            Uniqueness::None => "none",
            Uniqueness::Server => "server",
        },
        "caseExact": attribute.case_exact,
    });
    if !attribute.canonical_values.is_empty() {
        document["canonicalValues"] = json!(attribute.canonical_values);
    }
    if !attribute.reference_types.is_empty() {
        document["referenceTypes"] = json!(attribute.reference_types);
    }
    if attribute.kind == Kind::Complex {
        document["subAttributes"] =
            attribute.sub_attributes().iter().map(self::attribute).collect();
    }
    document
}
