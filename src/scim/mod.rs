//! SCIM 2.0 (RFC 7643, RFC 7644): the protocol, pure. No HTTP here, no clock, no database.
//!
//! ```text
//! schema     the one table: every attribute's name, type, rules and getter
//! users, groups   their parts of the table
//! picture    a workspace at one generation, ready to be asked
//! shelves    its answers, made before anybody asks
//! index      where a text is among them
//! path       attribute names as clients write them
//! filter     the filter language: parse, bind to the table, match
//! sort       `sortBy` and `sortOrder`
//! project    `attributes` and `excludedAttributes`
//! render     a resource as JSON, through the table
//! parameters of a URL, decoded
//! query      a question, as clients put it
//! page       the question about some types of resources, and its answer: filter, sort, page, project
//! cursor     how far a walk over a list has come, sealed
//! discovery  what the bridge says of itself, from the table
//! meta_schemas  the schemas of that
//! error      every refusal: status, scimType, sentence
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
mod picture;
mod project;
mod query;
mod render;
mod schema;
mod shelves;
mod sort;
mod users;
mod value;

pub use cursor::CursorKey;
pub use discovery::Discovery;
pub use error::ScimError;
pub use page::{Body, Next, Page, PageRules, Question, Walker, Window};
pub use picture::Picture;
pub use project::Projection;
pub use query::Query;
pub use schema::{Attribute, Kind, ResourceType, Returned, Schema, urn};
pub use value::{Resource, Value};

#[cfg(test)]
mod tests;

/// The types of resources that are served.
pub mod resource_types {
    use super::ResourceType;

    /// Teammates.
    pub const USER: &ResourceType = &super::schema::USER;
    /// Teams.
    pub const GROUP: &ResourceType = &super::schema::GROUP;
    /// Both.
    pub const ALL: &[&ResourceType] = &[USER, GROUP];
}
