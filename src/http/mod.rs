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
//! imports     starting one, and runs  changes    the history as a log
//! flat        accounts and access as rows, now and then
//! parameters  of these three          webhooks   Intercom's pushes
//! refusals    writes               status     health, readiness, standing
//! metrics     for Prometheus       openapi    the description
//! errors      every refusal becomes a body here, the framework's own included
//! ```

mod caller;
mod changes;
mod discovery;
mod errors;
mod flat;
mod freshness;
mod imports;
mod metrics;
mod negotiation;
mod openapi;
mod parameters;
mod pieces;
mod refusals;
mod routes;
mod scim;
mod service;
mod status;
mod webhooks;

pub use changes::document as change_document;
pub use openapi::document as openapi_document;
pub use routes::serve;
pub use service::{DEFAULT_WORKSPACE, Freshness, Service, Workspace, api_base_url, scim_base_url};
