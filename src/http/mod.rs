//! The HTTP edge: the only user of actix-web. One file a concern.
//!
//! ```text
//! service     what all requests share
//! routes      which path goes where
//! caller      who asks: token, scope and workspace, before any handler runs
//! scim        users and groups     discovery  what the bridge says of itself
//! freshness   how old an answer may be, and waiting for a newer one
//! negotiation media types, versions and links
//! pieces      a body of several pieces
//! refusals    writes               status     health, readiness, standing
//! errors      every refusal becomes a body here, the framework's own included
//! ```

mod caller;
mod discovery;
mod errors;
mod freshness;
mod negotiation;
mod openapi;
mod pieces;
mod refusals;
mod routes;
mod scim;
mod service;
mod status;

pub use openapi::document as openapi_document;
pub use routes::serve;
pub use service::{DEFAULT_WORKSPACE, Freshness, Service, Workspace, scim_base_url};
