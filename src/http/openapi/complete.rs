//! Adds to the description what annotations of handlers cannot express: the schemas of SCIM
//! resources, the ways to authenticate, common error responses, and examples, which are real
//! responses.

use serde_json::{Map, Value, json};

use crate::access::Scope;
use crate::directory::CatalogueForm;
use crate::scim::{Discovery, PageRules};

/// Real responses, by operation and status. A test checks that the bridge still sends them.
const EXAMPLES: &str = include_str!("../../../openapi/examples.json");

/// The methods of a path item that are operations (OpenAPI 3.1 §4.8.9).
pub(super) const METHODS: [&str; 6] = ["get", "head", "post", "put", "patch", "delete"];

/// Returns the completed description.
pub(super) fn complete(mut document: Value) -> Value {
    if let Some(schemas) =
        document.pointer_mut("/components/schemas").and_then(Value::as_object_mut)
    {
        schemas.extend(scim_schemas());
    }
    document["components"]["securitySchemes"]["oauth2"] = oauth();
    let known = document["components"]["schemas"].clone();
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap_or_default();
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths {
            distinguish(item);
            for method in METHODS {
                let Some(operation) = item.get_mut(method) else { continue };
                describe_parameters(operation);
                refer(operation, &known);
                secure(operation, path);
                negotiate(operation, path);
                describe_scim(operation, path);
                let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
                illustrate(operation, &examples[id]);
            }
        }
    }
    document
}

/// Makes the operation ids of a path unique: one handler may serve several of its methods.
fn distinguish(item: &mut Value) {
    let mut known: Vec<String> = Vec::new();
    for method in METHODS {
        let Some(id) = item.pointer_mut(&format!("/{method}/operationId")) else { continue };
        let text = id.as_str().unwrap_or_default().to_owned();
        if known.contains(&text) {
            *id = json!(format!("{text}_by_{method}"));
        } else {
            known.push(text);
        }
    }
}

/// The security scheme for the bridge's own tokens, which Swagger UI uses to get one.
fn oauth() -> Value {
    let scopes: Map<String, Value> = Scope::ALL
        .iter()
        .map(|scope| (scope.as_str().to_owned(), json!(scope.meaning())))
        .collect();
    json!({
        "type": "oauth2",
        "description": "Client credentials (RFC 6749 §4.4). `intercom-scim-bridge client create` prints the id and the secret.",
        "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": scopes}},
    })
}

/// Adds the responses 429 and 400 to operations that require a token.
fn secure(operation: &mut Value, path: &str) {
    if operation.get("security").is_none() {
        return;
    }
    let refusal = |description: &str| refusal(path, description);
    if let Some(responses) = operation["responses"].as_object_mut() {
        let too_many =
            refusal("The client exceeds its rate limit. `Retry-After` says when to try again.");
        responses.entry("429").or_insert(too_many);
        let unreadable = refusal("The request is invalid.");
        responses.entry("400").or_insert(unreadable);
    }
}

/// An error response, in the form that the path has.
fn refusal(path: &str, description: &str) -> Value {
    let (content_type, schema) = if path.starts_with("/scim") {
        ("application/scim+json", "#/components/schemas/ScimErrorBody")
    } else {
        ("application/problem+json", "#/components/schemas/Problem")
    };
    json!({"description": description, "content": {content_type: {"schema": {"$ref": schema}}}})
}

/// Adds 406 to operations whose response has a body, and 415 to those that take a body.
fn negotiate(operation: &mut Value, path: &str) {
    let takes_body = operation.get("requestBody").is_some();
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    let has_body = responses
        .iter()
        .any(|(status, answer)| status.starts_with('2') && answer.get("content").is_some());
    // Clients of probes read only the status, so these ignore `Accept`.
    if has_body && !matches!(path, "/healthz" | "/readyz") {
        let why = "`Accept` allows none of the media types that the response can have.";
        responses.entry("406").or_insert(refusal(path, why));
    }
    if takes_body {
        let why = "The body has a `Content-Encoding`, which the bridge does not support, as `Accept-Encoding: identity` in the response says.";
        responses.entry("415").or_insert(refusal(path, why));
    }
}

/// Moves descriptions from the schema of a parameter to the parameter itself.
fn describe_parameters(operation: &mut Value) {
    for parameter in
        operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten()
    {
        let described = parameter.get("description").is_some();
        let description = parameter
            .get_mut("schema")
            .and_then(Value::as_object_mut)
            .and_then(|schema| schema.remove("description"));
        if let Some(description) = description.filter(|_| !described) {
            parameter["description"] = description;
        }
    }
}

/// Replaces repeated schemas by references to the named ones.
fn refer(operation: &mut Value, known: &Value) {
    let answers = operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
        .filter_map(|(_, answer)| answer.get_mut("content"));
    for (_, content) in answers.filter_map(Value::as_object_mut).flatten() {
        let named = known.as_object().and_then(|known| {
            known.iter().find(|(_, schema)| content.get("schema") == Some(schema))
        });
        if let Some((name, _)) = named {
            content["schema"] = json!({"$ref": format!("#/components/schemas/{name}")});
        }
    }
}

/// Sets the schema of SCIM responses to that of their resources.
fn describe_scim(operation: &mut Value, path: &str) {
    let Some(below) = path.strip_prefix("/scim/v2") else { return };
    let schema = match below {
        "/Users/{id}" | "/Me" => "User",
        "/Groups/{id}" => "Group",
        "/Users" | "/Users/.search" => "ListOfUsers",
        "/Groups" | "/Groups/.search" => "ListOfGroups",
        "" | "/.search" => "ListOfResources",
        "/Roles/{id}" => "ScimRole",
        "/Roles" | "/Roles/.search" => "ListOfRoles",
        "/Entitlements/{id}" | "/Seats/{id}" | "/Permissions/{id}" => "ScimEntitlement",
        "/Entitlements"
        | "/Entitlements/.search"
        | "/Seats"
        | "/Seats/.search"
        | "/Permissions"
        | "/Permissions/.search" => "ListOfEntitlements",
        _ => return,
    };
    let pointer = "/responses/200/content/application~1scim+json/schema";
    if let Some(described) = operation.pointer_mut(pointer) {
        *described = json!({"$ref": format!("#/components/schemas/{schema}")});
    }
}

/// Adds examples to the responses of an operation.
fn illustrate(operation: &mut Value, examples: &Value) {
    for (status, example) in examples.as_object().into_iter().flatten() {
        let content = operation
            .pointer_mut(&format!("/responses/{status}/content"))
            .and_then(Value::as_object_mut);
        let json =
            content.and_then(|content| content.iter_mut().find(|(kind, _)| kind.ends_with("json")));
        if let Some((_, described)) = json {
            described["example"] = example.clone();
        }
    }
}

/// The enterprise extension of User (RFC 7643 §4.3).
const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// JSON Schemas of users, groups, roles, entitlements and lists of them, made from the `/Schemas`
/// documents.
fn scim_schemas() -> Map<String, Value> {
    let announced = announced_schemas();
    let attributes = |id: &str| -> Map<String, Value> {
        let schema = announced.iter().find(|schema| schema["id"] == id);
        properties(schema.map_or(&Value::Null, |schema| &schema["attributes"]))
    };
    let mut schemas = Map::new();
    for name in ["User", "Group"] {
        let extension = format!("urn:ietf:params:scim:schemas:extension:intercom:2.0:{name}");
        let mut all = attributes(&format!("urn:ietf:params:scim:schemas:core:2.0:{name}"));
        all.extend([
            ("schemas".to_owned(), json!({"type": "array", "items": {"type": "string"}})),
            ("id".to_owned(), json!({"type": "string"})),
            ("meta".to_owned(), meta()),
            (extension.clone(), object(attributes(&extension))),
        ]);
        if name == "User" {
            // Only with the setting `scim.enterprise_from_roster`.
            all.insert(ENTERPRISE_USER.to_owned(), object(attributes(ENTERPRISE_USER)));
        }
        let mut resource = object(all);
        // A projection (`attributes=`) keeps only these in any case.
        resource["required"] = json!(["schemas", "id"]);
        schemas.insert(name.to_owned(), resource);
    }
    for name in ["Role", "Entitlement"] {
        // The attributes of both forms.
        let mut all = attributes(&format!("urn:okta:scim:schemas:core:1.0:{name}"));
        all.extend(attributes(&format!("urn:ietf:params:scim:schemas:core:2.0:{name}")));
        all.extend([
            ("schemas".to_owned(), json!({"type": "array", "items": {"type": "string"}})),
            ("id".to_owned(), json!({"type": "string"})),
            ("meta".to_owned(), meta()),
        ]);
        let mut resource = object(all);
        resource["required"] = json!(["schemas", "id"]);
        schemas.insert(format!("Scim{name}"), resource);
    }
    for (name, of) in [
        ("ListOfUsers", &["User"][..]),
        ("ListOfGroups", &["Group"]),
        ("ListOfRoles", &["ScimRole"]),
        ("ListOfEntitlements", &["ScimEntitlement"]),
        ("ListOfResources", &["User", "Group", "ScimRole", "ScimEntitlement"]),
    ] {
        let of: Vec<Value> =
            of.iter().map(|name| json!({"$ref": format!("#/components/schemas/{name}")})).collect();
        schemas.insert(name.to_owned(), list(&json!({"anyOf": of})));
    }
    schemas
}

/// The schemas that `/Schemas` announces in any form of the catalogue.
fn announced_schemas() -> Vec<Value> {
    let rules = PageRules { default_count: 100, max_count: 1_000, cursors: true };
    let announced = |form| {
        let discovery = Discovery::new("https://bridge.example.com/scim/v2", rules, form, true);
        discovery.schemas()["Resources"].as_array().cloned().unwrap_or_default()
    };
    [CatalogueForm::Okta, CatalogueForm::Draft].into_iter().flat_map(announced).collect()
}

fn meta() -> Value {
    let moment = json!({"type": "string", "format": "date-time"});
    json!({"type": "object", "additionalProperties": false, "properties": {
        "resourceType": {"type": "string"}, "created": moment, "lastModified": moment,
        "location": {"type": "string", "format": "uri"}, "version": {"type": "string"},
    }})
}

/// The schema of a ListResponse (RFC 7644 §3.4.2), with the members that RFC 9865 adds.
fn list(items: &Value) -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["schemas", "totalResults", "itemsPerPage", "Resources"],
        "properties": {
            "schemas": {"type": "array", "items": {"type": "string"}},
            "totalResults": count,
            "startIndex": {"type": "integer", "minimum": 1},
            "itemsPerPage": count,
            "nextCursor": {"type": "string"},
            "previousCursor": {"type": "string"},
            "Resources": {"type": "array", "items": items},
        },
    })
}

fn object(properties: Map<String, Value>) -> Value {
    let mut schema = json!({"type": "object", "additionalProperties": false});
    schema["properties"] = Value::Object(properties);
    schema
}

fn properties(attributes: &Value) -> Map<String, Value> {
    let one = |attribute: &Value| {
        let name = attribute["name"].as_str()?;
        let mut schema = match attribute["type"].as_str()? {
            "complex" => object(properties(&attribute["subAttributes"])),
            "boolean" => json!({"type": "boolean"}),
            "integer" => json!({"type": "integer"}),
            "dateTime" => json!({"type": "string", "format": "date-time"}),
            "reference" => json!({"type": "string", "format": "uri"}),
            _ => json!({"type": "string"}),
        };
        if attribute["multiValued"] == true {
            schema = json!({"type": "array", "items": schema});
        }
        schema["description"] = attribute["description"].clone();
        Some((name.to_owned(), schema))
    };
    attributes.as_array().into_iter().flatten().filter_map(one).collect()
}
