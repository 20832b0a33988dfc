//! The body of a SCIM search.

use utoipa::ToSchema;

use super::parameters::{count, start_index};

/// A question in a body (RFC 7644 §3.4.3).
#[expect(dead_code, reason = "it describes the body; `scim::Query` reads it")]
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SearchRequest {
    /// `urn:ietf:params:scim:api:messages:2.0:SearchRequest`; may be left out.
    #[schema(value_type = Option<Vec<String>>, example = json!(["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]))]
    schemas: Option<Vec<String>>,
    /// As in the URL.
    #[schema(example = "active eq true")]
    filter: Option<String>,
    /// As in the URL.
    #[schema(example = "userName")]
    sort_by: Option<String>,
    /// `ascending`, where it is left out, or `descending`.
    #[schema(example = "ascending")]
    sort_order: Option<String>,
    #[schema(schema_with = start_index, required = false)]
    start_index: Option<i64>,
    /// As in the URL.
    cursor: Option<String>,
    #[schema(schema_with = count, required = false)]
    count: Option<i64>,
    /// Only these attributes. One text with commas between the names is read, too.
    attributes: Option<Vec<String>>,
    /// All but these attributes. One text with commas between the names is read, too.
    excluded_attributes: Option<Vec<String>>,
}
