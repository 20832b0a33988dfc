//! The state that all requests share.
//!
//! ```text
//! service    the running bridge and its workspaces, as requests see them
//! tasks      the state of background tasks
//! ```

pub(crate) mod service;
pub(crate) mod tasks;
