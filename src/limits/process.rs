//! Bounds of background tasks, and of stopping the process.

use std::time::Duration;

/// The shortest and longest pause before a background task is restarted after a panic.
pub const TASK_RETRY_FIRST: Duration = Duration::from_secs(1);
/// See [`TASK_RETRY_FIRST`].
pub const TASK_RETRY_MAX: Duration = Duration::from_mins(5);

/// After a task has run for this long without a panic, its pauses start again from the shortest.
pub const TASK_CALM: Duration = Duration::from_mins(10);

/// How long a stopping bridge waits for running requests and a running import.
pub const SHUTDOWN: Duration = Duration::from_secs(10);

/// How long stopping may take in all, after `server.drain`: those requests, and then the last
/// writes to the database.
pub const STOP: Duration = Duration::from_secs(15);

/// How long a stopping bridge waits for the trace collector.
pub const TRACES_END: Duration = Duration::from_secs(2);

/// How often a stopping bridge checks whether all connections are closed.
pub const DRAIN_POLL: Duration = Duration::from_millis(20);
