//! The body of a SCIM search.

use utoipa::ToSchema;

use super::parameters::{count, start_index};

/// A SearchRequest (RFC 7644 §3.4.3).
#[expect(dead_code, reason = "it describes the body; `scim::Query` reads it")]
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SearchRequest {
    /// `urn:ietf:params:scim:api:messages:2.0:SearchRequest`. Optional.
    #[schema(value_type = Option<Vec<String>>, example = json!(["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]))]
    schemas: Option<Vec<String>>,
    /// Like the query parameter of the same name.
    #[schema(example = "active eq true")]
    filter: Option<String>,
    /// Like the query parameter of the same name.
    #[schema(example = "userName")]
    sort_by: Option<String>,
    /// `ascending` (the default) or `descending`.
    #[schema(example = "ascending")]
    sort_order: Option<String>,
    #[schema(schema_with = start_index, required = false)]
    start_index: Option<i64>,
    /// Like the query parameter of the same name.
    cursor: Option<String>,
    #[schema(schema_with = count, required = false)]
    count: Option<i64>,
    /// The attributes to return. A string with names separated by commas is accepted too.
    attributes: Option<Vec<String>>,
    /// The attributes to leave out. A string with names separated by commas is accepted too.
    excluded_attributes: Option<Vec<String>>,
}
