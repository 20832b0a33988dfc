//! The connections of clients, below HTTP: limits, TLS, and the check of request heads.
//!
//! ```text
//! bare           bodies and headers of the HTTP library's own responses
//! connections    limits of open connections
//! guarded        the stream between the socket and TLS
//! heads          checks of request heads, before parsing
//! patience       time limits of slow clients
//! tls            the certificate
//! watched        the stream above TLS
//! ```

pub(crate) mod bare;
pub(crate) mod connections;
pub(crate) mod guarded;
pub(crate) mod heads;
pub(crate) mod patience;
pub(crate) mod tls;
pub(crate) mod watched;
