//! Extractors: what handlers take from a request with the help of the shared state.
//!
//! ```text
//! body         bounded request bodies
//! caller       authentication and authorisation
//! freshness    the age of responses
//! ```

pub(crate) mod body;
pub(crate) mod caller;
pub(crate) mod freshness;
