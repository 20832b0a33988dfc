//! The HTTP edge: the only user of actix-web. One file a concern.
//!
//! ```text
//! server      listening, connections    heads      request heads, before they are parsed
//! admission   what is refused in any case
//! service     what all requests share   routes     which path goes where
//! caller      who asks: token, scope, workspace and rate, before any handler runs
//! body        what comes with a request origin     from where it came
//! scim        users and groups          discovery  what the bridge says of itself
//! freshness   how old an answer may be, and waiting for a newer one
//! accept      what a client accepts     negotiation  media types, versions and links
//! chunked_body a body of several chunks large      answers that are made apart, and while they are sent
//! connections how many there may be, and which gives way
//! patience    how long slow clients are waited for
//! imports     starting one, and runs    changes    the history as a log
//! tabular        accounts and access       reviews    the same, for access reviews
//! table       rows as CSV               parameters of all these
//! cells       the members of a row
//! refusals    writes                    lifecycle  what people must do
//! unsupported what Intercom could do of the writes, and where people can
//! oauth       tokens for clients        connect    a workspace, in a browser
//! audit       who asked what            webhooks   Intercom's pushes
//! status      health, readiness         metrics    for Prometheus
//! tasks       what runs in the background
//! openapi     the description           tls        the certificate
//! errors      every refusal becomes a body here, the framework's own included
//! guards      headers that every answer has  bare  the HTTP library's own answers get them too
//! request_id  what a request is called
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
