//! Bounds of what is read from Intercom.

use std::time::Duration;

/// The largest response body. 100,000 admins are about 45 MB of JSON. So this is five times the
/// largest workspace that the bridge is meant for, and still fits into a small machine.
pub const INTERCOM_BODY_BYTES: usize = 256 * 1024 * 1024;

/// The maximum number of entries in a list: ten times the largest workspace that the bridge is
/// measured with. A million empty entries compress to a few kilobytes.
pub const INTERCOM_ENTRIES: usize = 1_000_000;

/// The maximum number of elements of the lists within these entries: ids of teams and of members.
/// Forty for each of 100,000 teammates.
pub const INTERCOM_ELEMENTS: usize = 4_000_000;

/// The largest page of the activity log. A page has 250 entries; details are stored up to
/// [`INTERCOM_METADATA_BYTES`] each.
pub const INTERCOM_LOG_PAGE_BYTES: usize = 32 * 1024 * 1024;

/// The largest response other than a list: a workspace, an admin, a team, a token. One team may
/// contain all members.
pub const INTERCOM_RECORD_BYTES: usize = 4 * 1024 * 1024;

/// How many bytes of an error response are read.
pub const INTERCOM_REFUSAL_BYTES: usize = 256 * 1024;

/// The maximum number of members of a JSON object that are read. A teammate has about fifteen.
pub const INTERCOM_MEMBERS: usize = 200;

/// The longest accepted address, name, title or keyword of Intercom's, in bytes.
pub const INTERCOM_TEXT_BYTES: usize = 2_048;

/// The largest details of a log entry that are stored, in bytes.
pub const INTERCOM_METADATA_BYTES: usize = 64 * 1024;

/// The maximum number of pages of the list of admins, or of teams. Intercom sends each list as one
/// page; pages of its other lists have 150 entries.
pub const INTERCOM_LIST_PAGES: u32 = 1_000;

/// The longest access token that is accepted from Intercom. Its tokens have about 60 characters,
/// and the token must fit into a header line.
pub const INTERCOM_TOKEN_BYTES: usize = 4 * 1024;

/// The time-out for opening a connection to Intercom.
pub const INTERCOM_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long Intercom may send nothing during a response. This bounds each read, not the whole
/// response: a list of 100,000 admins may take long and still be sound.
pub const INTERCOM_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The time-out of a whole call: enough for a list of 100,000 admins over a slow line.
pub const INTERCOM_CALL_TIMEOUT: Duration = Duration::from_mins(10);

/// How often one call is attempted in all. Five attempts with the back-off below take some seconds,
/// or minutes if Intercom says when to retry. What lasts longer is an outage, and the schedule
/// tries again anyway.
pub const INTERCOM_ATTEMPTS: u32 = 5;

/// The first pause after a failed call; it doubles with each further failure.
pub const INTERCOM_BACKOFF_FIRST: Duration = Duration::from_millis(500);

/// The longest pause between two attempts. Intercom counts calls in windows of 10 seconds, so an
/// `X-RateLimit-Reset` further away than this is a mistake or another kind of limit.
pub const INTERCOM_BACKOFF_MAX: Duration = Duration::from_secs(30);

/// The longest time until the reset of the rate limit, by the clock of Intercom's own response,
/// that is believed.
pub const INTERCOM_RESET_MAX: Duration = Duration::from_mins(10);

/// The maximum number of data connectors, and of entries of the allowlist, that one import reads.
pub const OPTIONAL_ENTRIES: usize = 10_000;

/// The maximum number of pages of data connectors that one import reads.
pub const OPTIONAL_PAGES: usize = 100;

/// The maximum number of pages of the activity log that one import reads; 250 entries each. Beyond
/// it, the import continues with what it has and adds a warning, because the log explains access
/// but does not decide it.
pub const ACTIVITY_PAGES: u32 = 2_000;

/// The maximum size of the log entries that one import keeps, for the same reason: half a million
/// typical ones.
pub const ACTIVITY_BYTES: usize = 256 * 1024 * 1024;

/// How long one import reads the activity log at most, for the same reason.
pub const ACTIVITY_WAIT: Duration = Duration::from_mins(5);

/// How often a call for the activity log is attempted in all. Fewer times than other calls, because
/// asking for a shorter span may help instead.
pub const ACTIVITY_ATTEMPTS: u32 = 2;

/// The span of the activity log that one request covers, in seconds. Intercom has answered 500 to
/// longer spans of large workspaces; five days worked. After a span without entries the next one is
/// twice as long. A span that fails is requested again in shorter steps, down to the shortest.
pub const ACTIVITY_STEP: i64 = 5 * 24 * 60 * 60;
/// See [`ACTIVITY_STEP`].
pub const ACTIVITY_STEP_SHORT: i64 = 24 * 60 * 60;
/// See [`ACTIVITY_STEP`].
pub const ACTIVITY_STEP_SHORTEST: i64 = 5 * 60 * 60;

/// The number of shortest spans in a row that may fail before the rest is left for the next import.
pub const ACTIVITY_FAILURES: u32 = 2;

/// The number of entries requested per page of the activity log: Intercom's maximum.
pub const ACTIVITY_PER_PAGE: u32 = 250;

/// How much of the activity log is read again. Entries may be written a little late, and the clocks
/// of Intercom and the bridge differ. Entries are identified by id, so reading one twice is
/// harmless.
pub const ACTIVITY_OVERLAP: Duration = Duration::from_mins(10);

/// The maximum number of kinds of log entries that are read from Intercom's own list. It has about
/// a hundred.
pub const ACTIVITY_KINDS: usize = 1_000;
