//! Extractors: what handlers take from a request with the help of the shared state.
//!
//! ```text
//! body            bounded request bodies
//! caller          authentication and authorisation
//! freshness       the age of responses
//! required_scope  the scope that a handler's parameters require
//! ```

pub(crate) mod body;
pub(crate) mod caller;
pub(crate) mod freshness;
pub(crate) mod required_scope;
