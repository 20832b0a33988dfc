//! Bounds of outbound webhooks.

use std::time::Duration;

/// How long the connection to a receiver may take.
pub const NOTIFICATION_CONNECT: Duration = Duration::from_secs(10);

/// How many bytes of a receiver's answer are read, so that the connection can be used again.
pub const NOTIFICATION_ANSWER_BYTES: usize = 16 * 1024;

/// How long the rest of a receiver's answer may take after the status has confirmed the message.
pub const NOTIFICATION_ANSWER_REST: Duration = Duration::from_secs(1);

/// The shortest and the longest pause after a failed attempt. The pauses double.
pub const NOTIFICATION_RETRY_FIRST: Duration = Duration::from_secs(1);
/// See [`NOTIFICATION_RETRY_FIRST`].
pub const NOTIFICATION_RETRY_MAX: Duration = Duration::from_mins(15);

/// The longest pause that a receiver can ask for.
pub const NOTIFICATION_RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// An endpoint that has failed for this long is paused.
pub const NOTIFICATION_PAUSE_AFTER: Duration = Duration::from_hours(24);

/// How often a paused endpoint is tried.
pub const NOTIFICATION_PAUSED_RETRY: Duration = Duration::from_hours(6);

/// How often new events are looked for.
pub const NOTIFICATION_POLL: Duration = Duration::from_secs(1);

/// How many events are read at once.
pub const NOTIFICATION_PAGE: usize = 100;

/// How many pages are read at most to find the first message that waits.
pub const NOTIFICATION_PAGES_SKIPPED: usize = 10_000;

/// How many deliveries are kept for each endpoint.
pub const NOTIFICATION_DELIVERIES_KEPT: i64 = 1_000;

/// The greatest number of endpoints: each is served by itself, and reads the database.
pub const NOTIFICATION_ENDPOINTS: usize = 50;

/// How often the bridge that delivers renews its lease. The lease lasts for several of these
/// ([`LEASE_USUAL`](super::LEASE_USUAL)); each is a write to the database.
pub const NOTIFICATION_RENEWAL: Duration = Duration::from_secs(3);

/// How long a stopping bridge waits for the answers of receivers. A message without an answer is
/// sent again after the restart.
pub const NOTIFICATION_STOP: Duration = Duration::from_secs(8);
