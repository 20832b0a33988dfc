//! The HTTP server. Only this module uses actix-web. Each file has one concern:
//!
//! ```text
//! server         listeners                               heads         checks of request heads, before parsing
//! connections    limits of open connections              patience      time limits of slow clients
//! tls            the certificate                         service       the state that all requests share
//! routes         which handler serves which path         admission     requests that are refused in any case
//! caller         authentication and authorisation        origin        where a request came from
//! body           bounded request bodies                  undrained     request bodies that no handler read
//! parameters     query parameters                        accept        the client's Accept header
//! negotiation    media types, versions and links         request_id    the id of a request
//! errors         bodies of refusals, and the middleware  guards        headers of every response
//! bare           the same headers on the HTTP library's own responses
//! chunked_body   response bodies of several chunks       large         large responses, made on threads of their own
//! scim           users and groups                        discovery     SCIM's discovery endpoints
//! freshness      the age of responses                    refusals      writes, which are refused
//! unsupported    the texts of refused writes             lifecycle     requests that people carry out
//! imports        runs, and starting one                  changes       the history as a log
//! tabular        accounts, entitlements, memberships     reviews       accounts for access reviews
//! table          rows as CSV                             cells         the members of a row
//! audit          the audit trail                         webhooks      Intercom's webhooks
//! oauth          tokens for OAuth clients                connect       connecting a workspace in a browser
//! status         liveness, readiness, status             metrics       metrics for Prometheus
//! tasks          the state of background tasks           pages         the status page
//! openapi        the OpenAPI description                 wire          parameters and bodies, as OpenAPI describes them
//! route_pattern  the pattern of a request's path
//! ```

mod accept;
mod admission;
mod audit;
mod bare;
mod body;
mod caller;
mod cells;
mod changes;
mod chunked_body;
mod connect;
mod connections;
mod discovery;
mod errors;
mod freshness;
mod guards;
mod heads;
mod imports;
mod large;
mod lifecycle;
mod metrics;
mod negotiation;
mod oauth;
mod openapi;
mod origin;
mod pages;
mod parameters;
mod patience;
mod refusals;
mod request_id;
mod reviews;
mod route_pattern;
mod routes;
mod scim;
mod server;
mod service;
mod status;
mod table;
mod tabular;
mod tasks;
mod tls;
mod undrained;
mod unsupported;
mod webhooks;
mod wire;

pub use changes::document as change_document;
pub use connections::Connections;
pub use large::Makers;
pub use lifecycle::settle as settle_requests;
pub use metrics::begin as begin_counting;
pub use openapi::{collection as openapi_collection, document as openapi_document};
pub use origin::{Origin, UntrustedPeers};
pub use server::{serve, serve_ops};
pub use service::{Freshness, Service, Workspace, api_base_url, scim_base_url};
pub use tasks::{TaskName, TaskStanding, TaskState, Tasks};
pub use tls::{CertificateError, Certificates};
