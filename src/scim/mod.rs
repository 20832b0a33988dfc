//! SCIM 2.0 (RFC 7643, RFC 7644): the protocol as pure functions. This module uses no HTTP library,
//! clock or database.
//!
//! ```text
//! schema        the schema table: every attribute's name, type, characteristics and getter
//! users         the attributes of User in the table
//! groups        the attributes of Group in the table
//! value         resources, and the values that getters return
//! served snapshot       the served snapshot: a workspace at one generation, prepared for requests
//! response_cache    blocks of prepared responses
//! index         a hash index from strings to positions
//! path          resolves attribute names as clients write them
//! filter        the filter language: parse, bind to the table, match
//! sort          `sortBy` and `sortOrder`
//! project       `attributes` and `excludedAttributes`
//! render        renders a resource as JSON, using the table
//! parameters    decodes the parameters of a URL
//! query         parses a client's query
//! page          a query that is bound to resource types, and its response: filter, sort, page, project
//! cursor        encrypted positions in a list
//! discovery     the discovery documents, generated from the table
//! meta_schemas  the schemas of the discovery documents
//! error         error responses: status, scimType, detail
//! ```

mod cursor;
mod discovery;
mod error;
pub mod filter;
mod groups;
mod index;
mod meta_schemas;
mod page;
mod parameters;
mod path;
mod project;
mod query;
mod render;
mod response_cache;
mod schema;
mod served;
mod sort;
mod users;
mod value;

pub use cursor::CursorKey;
pub use discovery::Discovery;
pub use error::ScimError;
pub use page::{Body, Next, Page, PageRules, Question, Walker, Window};
pub use project::Projection;
pub use query::Query;
pub use schema::{Attribute, Kind, ResourceType, Returned, Schema, urn};
pub use served::ServedSnapshot;
pub use value::{Resource, Value};

#[cfg(test)]
mod tests;

/// The resource types that the bridge serves.
pub mod resource_types {
    use super::ResourceType;

    /// Users: teammates.
    pub const USER: &ResourceType = &super::schema::USER;
    /// Groups: teams.
    pub const GROUP: &ResourceType = &super::schema::GROUP;
    /// Users and groups, in the order of lists over both.
    pub const ALL: &[&ResourceType] = &[USER, GROUP];
}
