//! The state that all requests share.
//!
//! ```text
//! known_exports    the measurements of the latest exports
//! service          the running bridge, as requests see it
//! ```

pub(crate) mod known_exports;
pub(crate) mod service;
