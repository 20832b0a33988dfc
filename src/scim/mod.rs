//! SCIM 2.0 (RFC 7643, RFC 7644): the protocol as pure functions. This module uses no HTTP library,
//! clock or database.
//!
//! ```text
//! urn                the URNs of schemas and messages
//! value              the values of attributes
//! etag               the versions of resources
//! view               the directory as resources, with ids, versions and URLs
//! enterprise         what a roster adds to users
//! attribute          the characteristics of an attribute, and how to get its values
//! common_attributes  the attributes of every resource: schemas, id, externalId, meta
//! users, groups      the attributes of User and Group
//! items              the attributes of roles, seats and permissions
//! schema             the schema table: resource types and all their attributes
//! path               resolves attribute names as clients write them
//! project            `attributes` and `excludedAttributes`
//! render             renders a resource as JSON, using the table
//! response_cache     the responses that are prepared for each generation
//! index              a hash index from strings to positions
//! snapshot           the served snapshot: a workspace at one generation, prepared for requests
//! filter             the filter language: parse, bind to the table, match
//! sort               `sortBy` and `sortOrder`
//! query              parses a client's query
//! cursor             encrypted positions in a list
//! page               binds a query to resource types, and makes its response
//! effort             how much work a query takes
//! meta_schemas       the schemas of the discovery documents
//! discovery          the discovery documents, generated from the table
//! error              error responses: status, scimType, detail
//! ```
//!
//! Each module imports only modules above it, and `error`.

mod attribute;
mod common_attributes;
mod cursor;
mod discovery;
mod effort;
mod enterprise;
mod error;
mod etag;
pub mod filter;
mod groups;
mod index;
mod items;
mod meta_schemas;
mod page;
mod path;
mod project;
mod query;
mod render;
mod response_cache;
mod schema;
mod snapshot;
mod sort;
mod urn;
mod users;
mod value;
mod view;

pub use cursor::CursorKey;
pub use discovery::Discovery;
pub use error::{ScimError, error_body};
pub use page::{Body, Next, Page, PageRules, Question, Walker, Window};
pub use query::Query;
pub use schema::{ResourceType, resource_types};
pub use snapshot::{ListId, ServedSnapshot};
pub use view::{Forms, Resource};

#[cfg(test)]
mod tests;
