//! Bounds of the database and of the history.

use std::time::Duration;

/// The number of results of an optional call that are compared when unchanged ones are folded.
pub const OBSERVATIONS_LOOKED_AT: u64 = 1_000;

/// The maximum difference between the clocks of Intercom and the bridge when a log entry is matched
/// with a change.
pub const CLOCK_DIFFERENCE: Duration = Duration::from_mins(1);

/// How far a recorded time may lie in the future and still be believed. Clocks that are set over
/// the network differ by less than a second. The rest is a margin for several bridges whose clocks
/// differ a little.
pub const STORED_AHEAD: Duration = Duration::from_mins(1);

/// How often a bridge checks for recorded times in the future, and how many of the newest runs and
/// generations it checks.
pub const TIMES_POLL: Duration = Duration::from_mins(1);
/// See [`TIMES_POLL`].
pub const TIMES_CHECKED: i64 = 10_000;

/// The maximum number of log entries searched for the actors of one page of changes: some for each
/// of a thousand changes.
pub const DEEDS_ON_A_PAGE: u64 = 20_000;

/// The maximum number of changes examined for one page if the actor of each must be determined.
/// This many take about a second.
pub const CHANGES_LOOKED_AT: usize = 20_000;

/// Generations read with one query while the history is walked. They are small; their changes are
/// read one generation after the other.
pub const GENERATIONS_AT_ONCE: u64 = 500;

/// Runs read with one query while the newest one before a moment is looked for.
pub const RUNS_AT_ONCE: u64 = 10;

/// The maximum number of findings that a check of the ledger reports. A ledger with more cannot be
/// repaired row by row.
pub const FINDINGS: usize = 100;

/// Records of the chain that a check of the ledger reads at once; each has about two hundred bytes.
pub const RECORDS_AT_ONCE: u64 = 1_000;

/// Values bound in one SQL statement. SQLite allows 32,766 and PostgreSQL 65,535; statements of
/// about a thousand rows are as fast as larger ones.
pub const SQL_VALUES: usize = 16_000;

/// Connections to the database: one for imports, one for publishing, one for notifications, and
/// some for requests that read the history or are refused. Requests for current data need none.
pub const DATABASE_CONNECTIONS: u32 = 8;

/// How long a statement may wait for a connection or, on SQLite, for another writer.
pub const DATABASE_WAIT: Duration = Duration::from_secs(5);

/// How often opening a database and migrating its tables is attempted in all, and the pause
/// between. Several processes that start at once on a new database may block each other for this
/// long.
pub const MIGRATION_ATTEMPTS: u32 = 10;
/// See [`MIGRATION_ATTEMPTS`].
pub const MIGRATION_PAUSE: Duration = Duration::from_millis(300);

/// How often SQLite is asked to empty its write-ahead log after an erasure, and the pause between.
/// A reader of an earlier state prevents it for the duration of its read.
pub const CHECKPOINT_ATTEMPTS: u32 = 20;
/// See [`CHECKPOINT_ATTEMPTS`].
pub const CHECKPOINT_PAUSE: Duration = Duration::from_millis(250);

/// The maximum number of people whose retention has ended that are erased in one round. The next
/// round follows soon.
pub const ERASED_AT_ONCE: u64 = 200;

/// How long runs without changes are kept one by one. After that, only the last one of each day
/// stays.
pub const RUNS_FOLDED_AFTER: Duration = Duration::from_hours(7 * 24);

/// The minimum number of runs to fold at once: fewer are not worth a record of their own.
pub const FOLDED_AT_LEAST: usize = 20;

/// How often the bridge checks for people whose retention has ended, for expired requests, and for
/// runs to fold.
pub const UPKEEP: Duration = Duration::from_mins(1);

/// How often the checks of the posture are evaluated to record which findings begin and end, if no
/// new generation is served before.
pub const POSTURE: Duration = Duration::from_mins(10);

/// The shortest time between two of these evaluations.
pub const POSTURE_PAUSE: Duration = Duration::from_secs(30);

/// The maximum length of the reason of an erasure, in characters.
pub const REASON_LETTERS: usize = 500;

/// How often a process tries to allocate the number of a run while other processes block it. On
/// SQLite each attempt waits for [`DATABASE_WAIT`], and the commit of a first import of 100,000
/// people takes a while.
pub const QUEUE_ATTEMPTS: u32 = 8;

/// How often the number of an advisory lock is drawn at random until no other process has it.
pub const MARK_ATTEMPTS: u32 = 5;

/// The maximum retention of history that a command accepts.
pub const LONGEST_KEPT: Duration = Duration::from_hours(36_500 * 24);

/// The maximum number of log entries that a page of the feed looks at, before it is sent although
/// it is not full. A page of a rare kind is then short or empty, and the client continues.
pub const ACTIVITY_SCANNED: usize = 10_000;

/// The number of log entries that a page of the feed reads at once.
pub const ACTIVITY_CHUNK: usize = 1_000;

/// The size of the details after which a page of log entries ends, in bytes. The details of a usual
/// entry have less than a kilobyte.
pub const ACTIVITY_PAGE_BYTES: usize = 4 * 1_024 * 1_024;
