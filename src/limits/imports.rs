//! Bounds of imports: what triggers them, what they read again, and the lease.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The minimum distance between imports that queries trigger (`Cache-Control: no-cache`,
/// `serve.read_through`, data that is too old), for each workspace. Requests in between share the
/// next import.
pub const QUERY_PAUSE: Duration = Duration::from_secs(1);

/// The maximum number of admins and teams that are read again one by one if the two lists disagree.
/// Two lists that were read a second apart disagree about a handful of people. If they disagree
/// about more than this, that is how the workspace is, and it is only a warning.
pub const REREADS: usize = 100;

/// The share of all memberships, in percent, about which the lists of admins and of teams may still
/// disagree after that. Beyond it (and beyond [`DISPUTED_FEW`]), one of the lists is broken, and
/// what only the other one contains is not taken as removed.
pub const DISPUTED_SHARE: usize = 10;
/// See [`DISPUTED_SHARE`].
pub const DISPUTED_FEW: usize = 2;

/// How often such a single read is attempted in all. Fewer times than other reads, because the
/// lists suffice without it.
pub const REREAD_ATTEMPTS: u32 = 2;

/// The maximum number of warnings kept with a run; the rest are counted. A warning for each of
/// 100,000 admins is of no use.
pub const RUN_WARNINGS: usize = 100;

/// The maximum number of warnings of one kind among them, so that no kind hides the others.
pub const RUN_WARNINGS_OF_A_KIND: usize = 25;

/// The shortest and longest pause of `serve` after a failed import.
pub const IMPORT_RETRY_FIRST: Duration = Duration::from_secs(5);
/// See [`IMPORT_RETRY_FIRST`].
pub const IMPORT_RETRY_MAX: Duration = Duration::from_mins(5);

/// How long a client that requested an import may wait for its end.
pub const IMPORT_WAIT: Duration = Duration::from_mins(1);

/// How long it waits for the beginning of its import if none is running: an idle bridge starts at
/// once. After that, the response says that the import is queued.
pub const IMPORT_START_WAIT: Duration = Duration::from_secs(2);

/// How long a run stays queued. Only if no bridge runs does one wait for long; then a person should
/// check again before removals are allowed.
pub const QUEUED_MAX: Duration = Duration::from_hours(1);

/// The maximum number of queued imports that the `import` command runs before its own: one of each
/// mode, and those queued meanwhile.
pub const QUEUED_FIRST: u32 = 10;

/// How often the ledger is polled while a client waits for its import.
pub const RUN_POLL: Duration = Duration::from_millis(100);

/// How long the import waits after a webhook about a person who joined or left, so that webhooks
/// that come together share it. A removed person must be gone within two seconds.
pub const WEBHOOK_DELAY: Duration = Duration::from_millis(300);

/// The number of webhooks of one kind in succession before they count as a burst. An operator who
/// works on a workspace by hand causes fewer.
pub const WEBHOOK_BURST: u32 = 8;

/// The distance between imports during a burst of webhooks, and how long no webhook must come for
/// the burst to be over.
pub const WEBHOOK_PAUSE: Duration = Duration::from_secs(15);

/// How long the import may wait after a webhook that cannot change access: such webhooks, for
/// sign-ins and away mode, come by the hundred.
pub const VOLATILE_DELAY: Duration = Duration::from_mins(1);

/// How long the import may wait after a webhook about a log entry, so that following webhooks share
/// it.
pub const LOG_EVENT_DELAY: Duration = Duration::from_secs(5);

/// If at most this many people and teams differ, an incremental import plans from those alone, and
/// a new generation is read by those alone. More are read faster together with everything else.
pub const PLANNED_IN_PART: usize = 5_000;

/// How often a running import renews its lease and records its progress. A lease lasts for several
/// of these.
pub const HEARTBEAT: Duration = Duration::from_secs(1);

/// The longest duration of a lease.
pub const LEASE_MAX: Duration = Duration::from_mins(10);

/// How long a lease must stay unrenewed before a process that takes none itself considers it ended:
/// the default of `import.lease`.
pub const LEASE_USUAL: Duration = Duration::from_secs(15);

/// How often a process checks whether another process's import has ended, so that its own can
/// begin.
pub const LEASE_POLL: Duration = Duration::from_millis(250);

/// How long the `import` command waits for the end of another process's import.
pub const LEASE_PATIENCE: Duration = Duration::from_mins(10);

/// How often something may happen in the workspace of the demo.
pub const DEMO_PACE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);

/// The size limits of a simulated company: people, and teams. The company and its directory are in
/// memory.
pub const SIMULATED_PEOPLE: u32 = 200_000;
/// See [`SIMULATED_PEOPLE`].
pub const SIMULATED_TEAMS: u32 = 10_000;

/// How long the last list of roles stays valid if it cannot be read again.
pub const ROLES_KEPT: Duration = Duration::from_hours(7 * 24);

/// How long the key of a permission that nobody has stays in the catalogue after the activity log
/// named it.
pub const PERMISSION_KEY_KEPT: Duration = Duration::from_hours(400 * 24);

/// The most keys of permissions that are remembered. Intercom has a few dozen.
pub const PERMISSION_KEYS: usize = 1_000;

/// The longest key of a permission.
pub const PERMISSION_KEY_BYTES: usize = 128;

/// The most roles of a workspace that are read.
pub const ROLES: usize = 10_000;

/// The maximum number of losses of a held import that are stored, for people to look at before they
/// release it.
pub const HELD_LOSSES: usize = 10_000;

/// How many log entries about roles are remembered, so that one entry makes only one import read
/// the list of roles. There are a few in the ten minutes that are read again.
pub const ROLE_ENTRIES: usize = 100;
