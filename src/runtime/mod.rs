//! What the background tasks and the requests share while the bridge runs.
//!
//! ```text
//! workspace  the handle of a workspace
//! tasks      the state of the background tasks
//! ```

mod tasks;
mod workspace;

pub use tasks::{TaskName, TaskState, TaskStatus, Tasks};
pub use workspace::WorkspaceHandle;
