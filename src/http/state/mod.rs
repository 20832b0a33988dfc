//! The state that all requests share.
//!
//! ```text
//! known_exports    the measurements of the latest exports
//! service          the running bridge and its workspaces, as requests see them
//! tasks            the state of background tasks
//! ```

pub(crate) mod known_exports;
pub(crate) mod service;
pub(crate) mod tasks;
