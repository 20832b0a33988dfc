//! The connections of clients, below HTTP: limits, TLS, and the check of request heads.
//!
//! ```text
//! bare           headers of the HTTP library's own responses
//! connections    limits of open connections
//! heads          checks of request heads, before parsing
//! patience       time limits of slow clients
//! tls            the certificate
//! ```

pub(crate) mod bare;
pub(crate) mod connections;
pub(crate) mod heads;
pub(crate) mod patience;
pub(crate) mod tls;
