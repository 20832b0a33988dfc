//! What every request and every response passes.
//!
//! ```text
//! admission     requests that are refused in any case
//! headers       headers of every response
//! request_id    the id of a request
//! undrained     request bodies that no handler read
//! ```

pub(crate) mod admission;
pub(crate) mod headers;
pub(crate) mod request_id;
pub(crate) mod undrained;
