//! What a request says: its headers, query parameters and origin.
//!
//! ```text
//! accept           the client's Accept header
//! context          what is known about the request
//! negotiation      media types, versions and links
//! origin           where a request came from
//! parameters       query parameters
//! query            decoding of query strings and forms
//! route_pattern    the pattern of a path
//! ```

pub(crate) mod accept;
pub(crate) mod context;
pub(crate) mod negotiation;
pub(crate) mod origin;
pub(crate) mod parameters;
pub(crate) mod query;
pub(crate) mod route_pattern;
