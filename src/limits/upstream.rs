//! Limits of what is read from Intercom.

use std::time::Duration;

/// Largest body accepted from Intercom: 100,000 admins are about 45 MB of JSON, so this leaves room
/// for five times the largest workspace we know how to serve and still fits a small machine.
pub const INTERCOM_BODY_BYTES: usize = 256 * 1024 * 1024;

/// Entries of a list that Intercom may send at once: ten times the largest workspace that the bridge is measured with.
/// Compressed, a million empty ones are a few kilobytes.
pub const INTERCOM_ENTRIES: usize = 1_000_000;

/// Elements of lists within these entries: ids of teams and of members. Forty for each of 100,000 teammates.
pub const INTERCOM_ELEMENTS: usize = 4_000_000;

/// Largest page of the activity log. It has 250 entries, whose details are kept up to [`INTERCOM_METADATA_BYTES`].
pub const INTERCOM_LOG_PAGE_BYTES: usize = 32 * 1024 * 1024;

/// Largest answer of Intercom's that is no list: a workspace, an admin, a team, a token. One team may have all members.
pub const INTERCOM_RECORD_BYTES: usize = 4 * 1024 * 1024;

/// How much of a refusal is read.
pub const INTERCOM_REFUSAL_BYTES: usize = 256 * 1024;

/// Members of a JSON object of Intercom's that are looked at. A teammate has about fifteen.
pub const INTERCOM_MEMBERS: usize = 200;

/// Largest text that is believed to be an address, a name, a title or a word of Intercom's, in bytes.
pub const INTERCOM_TEXT_BYTES: usize = 2_048;

/// Largest details of a log entry that are kept, in bytes.
pub const INTERCOM_METADATA_BYTES: usize = 64 * 1024;

/// Pages of the list of admins, or of teams, that are read. Intercom sends each whole; 150 entries a page is what it gives of
/// other lists.
pub const INTERCOM_LIST_PAGES: u32 = 1_000;

/// Longest access token taken from Intercom. Its tokens have some 60 characters, and a header line must hold them.
pub const INTERCOM_TOKEN_BYTES: usize = 4 * 1024;

/// How long Intercom may take to accept a connection.
pub const INTERCOM_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long Intercom may stay silent while it answers. It bounds each read, not the whole answer:
/// a list of 100,000 admins may take long and still be sound.
pub const INTERCOM_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How long one call may take in all: a list of 100,000 admins over a slow line, and not for ever.
pub const INTERCOM_CALL_TIMEOUT: Duration = Duration::from_mins(10);

/// How often one call is tried in all. Five tries with the back-off below span some seconds, and
/// minutes where Intercom names the moment to come back; what lasts longer is an outage, and the schedule tries again anyway.
pub const INTERCOM_ATTEMPTS: u32 = 5;

/// First wait after a failed call; it doubles with each further failure.
pub const INTERCOM_BACKOFF_FIRST: Duration = Duration::from_millis(500);

/// Longest wait between two tries of one call. Intercom counts calls in windows of 10 seconds, so a
/// `X-RateLimit-Reset` further away than this is a mistake or another kind of limit.
pub const INTERCOM_BACKOFF_MAX: Duration = Duration::from_secs(30);

/// Longest time until Intercom counts calls anew that is believed by the clock of its own answer.
pub const INTERCOM_RESET_MAX: Duration = Duration::from_mins(10);

/// Pages of the activity log read in one import; 250 entries each. Past it the import goes on with
/// what it has and says so, because the log explains access but does not decide it.
pub const ACTIVITY_PAGES: u32 = 2_000;

/// Bytes of entries of the activity log that one import keeps, for the same reason: half a million usual ones.
pub const ACTIVITY_BYTES: usize = 256 * 1024 * 1024;

/// How long one import reads the activity log, for the same reason.
pub const ACTIVITY_WAIT: Duration = Duration::from_mins(5);

/// How often a call for the activity log is tried in all: fewer times than others, since a shorter span may be what helps.
pub const ACTIVITY_ATTEMPTS: u32 = 2;

/// The span of the activity log that is asked for at once, in seconds. Intercom has answered 500 for longer ones where a
/// workspace is large, and five days worked. A span without entries doubles the next one; one that fails is asked for again
/// in shorter steps, down to the shortest.
pub const ACTIVITY_STEP: i64 = 5 * 24 * 60 * 60;
/// See [`ACTIVITY_STEP`].
pub const ACTIVITY_STEP_SHORT: i64 = 24 * 60 * 60;
/// See [`ACTIVITY_STEP`].
pub const ACTIVITY_STEP_SHORTEST: i64 = 5 * 60 * 60;

/// Shortest spans of the activity log in a row that may fail before the rest is left for the next import.
pub const ACTIVITY_FAILURES: u32 = 2;

/// Entries asked for on a page of the activity log: the most Intercom gives.
pub const ACTIVITY_PER_PAGE: u32 = 250;

/// Entries of the activity log may be written a little late, and the clocks of Intercom and the bridge differ; this
/// much is read again. Entries are known by id, so reading one twice is harmless.
pub const ACTIVITY_OVERLAP: Duration = Duration::from_mins(10);
