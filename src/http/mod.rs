//! The HTTP server. Only this module uses actix-web, but for `app`, which keeps the handles of the
//! servers. Each of its rooms imports only rooms above it:
//!
//! ```text
//! request_id   the id of a request
//! errors       why a request is refused
//! connection   sockets: connection limits, TLS, the check of request heads
//! wire         parameters and bodies, as OpenAPI describes them
//! request      what a request says: headers, query parameters, origin
//! response     response bodies: chunks, tables, large responses
//! state        the state that all requests share
//! extract      what handlers take from a request: body, caller, freshness
//! endpoints    the handlers
//! pages        the console, for people
//! openapi      the OpenAPI description
//! middleware   what every request and every response passes
//! routes       the list of routes, and the router
//! server       the listeners
//! ```

mod connection;
mod endpoints;
mod errors;
mod extract;
mod middleware;
mod openapi;
mod pages;
mod request;
mod request_id;
mod response;
mod routes;
mod server;
mod state;
mod wire;

pub use connection::connections::Connections;
pub use connection::tls::{CertificateError, Certificates};
pub use endpoints::metrics::begin as begin_counting;
pub use request::origin::{Origin, UntrustedPeers};
pub use response::bundle;
pub use response::large::Makers;
pub use response::table::table as csv_table;
pub use routes::{openapi_collection, openapi_document};
pub use server::{serve, serve_ops};
pub use state::service::{Freshness, Service};
pub use wire::{RosterStatus, RosterVersion};
