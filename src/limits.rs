//! All bounds of the bridge that are not settings, each with its reason.

mod upstream;

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

pub use upstream::*;

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
pub const TIMES_LOOKED_AT: i64 = 10_000;

/// The minimum distance between imports that queries trigger (`Cache-Control: no-cache`,
/// `serve.read_through`, data that is too old), for each workspace. Requests in between share the
/// next import.
pub const QUERY_PAUSE: Duration = Duration::from_secs(1);

/// The maximum number of log entries searched for the actors of one page of changes: some for each
/// of a thousand changes.
pub const DEEDS_ON_A_PAGE: u64 = 20_000;

/// The maximum number of changes examined for one page if the actor of each must be determined.
/// This many take about a second.
pub const CHANGES_LOOKED_AT: usize = 20_000;

/// Generations read with one query while the history is walked. They are small; their changes are
/// read one generation after the other.
pub const GENERATIONS_AT_ONCE: u64 = 500;

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
/// 100,000 admins helps nobody.
pub const RUN_WARNINGS: usize = 100;

/// The maximum number of warnings of one kind among them, so that no kind hides the others.
pub const RUN_WARNINGS_OF_A_KIND: usize = 25;

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

/// The maximum length of the reason of an erasure, in characters.
pub const REASON_LETTERS: usize = 500;

/// How long the response to a refused write waits for the write to be recorded.
pub const REFUSAL_WAIT: Duration = Duration::from_secs(2);

/// How long a link to the status page is valid, and how long the session that it opens: a working
/// day.
pub const LOGIN_LINK: Duration = Duration::from_mins(10);
/// See [`LOGIN_LINK`].
pub const PAGE_SESSION: Duration = Duration::from_hours(8);

/// What the status page shows: the number of people on a page, and the number of latest imports,
/// changes and requests. The API has the rest.
pub const PAGE_PEOPLE: usize = 100;
/// See [`PAGE_PEOPLE`].
pub const PAGE_LATEST: usize = 12;
/// The number of imports in its charts: those that changed something.
pub const PAGE_RUNS: u64 = 400;
/// The number of generations that are searched for its latest changes.
pub const PAGE_GENERATIONS: i64 = 10;

/// How long the bridge waits for the body of a refused write, and how much of it is read, so that
/// the record can name the subject. A connector's body has a few hundred bytes and arrives with its
/// head.
pub const REFUSED_BODY_WAIT: Duration = Duration::from_secs(1);
/// See [`REFUSED_BODY_WAIT`].
pub const REFUSED_BODY_BYTES: usize = 64 * 1024;

/// How long a statement may wait for a connection or, on SQLite, for another writer.
pub const DATABASE_WAIT: Duration = Duration::from_secs(5);

/// The maximum length of path plus query in a request. A flat `or` over several hundred ids is a
/// legitimate filter of about 20 KB.
pub const REQUEST_TARGET_BYTES: usize = 32 * 1024;

/// The longest line of a request's head that is inspected before the HTTP library parses it: as
/// long as the longest head that it accepts.
pub const HEAD_LINE_BYTES: usize = 128 * 1024;

/// The largest accepted request body. No request that the bridge supports comes near; refused
/// writes are rejected unread.
pub const REQUEST_BODY_BYTES: usize = 256 * 1024;

/// Bytes of a response that are written at once: more than a page of a hundred users.
pub const WRITE_BUFFER_BYTES: usize = 256 * 1024;

/// How often the audit trail is written to the database. If the machine dies, this much of it is
/// lost.
pub const AUDIT_WRITE: Duration = Duration::from_secs(1);

/// The maximum number of distinct requests within that time that are recorded with the id in their
/// path. A client that reads items one by one sends more, and each is a row. Further requests are
/// counted together.
pub const AUDIT_DETAILED: usize = 256;

/// The maximum number of distinct requests without a valid token within that time that are recorded
/// with more than their status. Anybody can create such rows.
pub const AUDIT_STRANGERS: usize = 16;

/// The maximum number of distinct requests within that time that are recorded with their address.
/// Beyond twice as many, only the operation and the status are recorded.
pub const AUDIT_PENDING: usize = 2_048;

/// The maximum number of events that wait to be written while the database is busy.
pub const AUDIT_WAITING: usize = 10_000;

/// How long writing the trail may fail before the operator is warned. A first import of 100,000
/// people keeps SQLite busy for part of this time.
pub const AUDIT_PATIENCE: Duration = Duration::from_mins(1);

/// How often entries older than `access.audit_retention_days` are deleted from the audit trail.
pub const AUDIT_PRUNE: Duration = Duration::from_hours(1);

/// How long a client may take to send the head of its request, and how long for the body. Slower
/// clients are likely attackers.
pub const HEAD_WAIT: Duration = Duration::from_secs(5);
/// See [`HEAD_WAIT`].
pub const BODY_WAIT: Duration = Duration::from_secs(10);

/// How long a connection may be idle between requests. Longer than the idle time-out of most
/// clients, which is a minute.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long the bridge waits for a client to close its side of a connection that the bridge ends.
pub const DISCONNECT_WAIT: Duration = Duration::from_secs(1);

/// The time-out of a TLS handshake.
pub const TLS_WAIT: Duration = Duration::from_secs(5);

/// How often the bridge checks whether the certificate files have changed.
pub const TLS_POLL: Duration = Duration::from_secs(2);

/// The longest bearer token that is parsed. The bridge's own have about 500 bytes.
pub const BEARER_TOKEN_BYTES: usize = 8 * 1024;

/// The shortest and longest pause of `serve` after a failed import.
pub const IMPORT_RETRY_FIRST: Duration = Duration::from_secs(5);
/// See [`IMPORT_RETRY_FIRST`].
pub const IMPORT_RETRY_MAX: Duration = Duration::from_mins(5);

/// The maximum number of items in a list of the import and change API, and the default.
pub const LIST_ITEMS: usize = 1_000;
/// See [`LIST_ITEMS`].
pub const LIST_ITEMS_USUAL: usize = 100;

/// How long a client that requested an import may wait for its end.
pub const IMPORT_WAIT: Duration = Duration::from_mins(1);

/// How long it waits for the beginning of its import if none is running: an idle bridge starts at
/// once. After that, the response says that the import is queued.
pub const IMPORT_START_WAIT: Duration = Duration::from_secs(2);

/// How often a process tries to allocate the number of a run while other processes block it. On
/// SQLite each attempt waits for [`DATABASE_WAIT`], and the commit of a first import of 100,000
/// people takes a while.
pub const QUEUE_ATTEMPTS: u32 = 8;

/// How long a run stays queued. Only if no bridge runs does one wait for long; then a person should
/// check again before removals are allowed.
pub const QUEUED_MAX: Duration = Duration::from_hours(1);

/// The maximum number of queued imports that the `import` command runs before its own: one of each
/// mode, and those queued meanwhile.
pub const QUEUED_FIRST: u32 = 10;

/// How often the number of an advisory lock is drawn at random until no other process has it.
pub const MARK_ATTEMPTS: u32 = 5;

/// The shortest and longest pause before a background task is restarted after a panic.
pub const TASK_RETRY_FIRST: Duration = Duration::from_secs(1);
/// See [`TASK_RETRY_FIRST`].
pub const TASK_RETRY_MAX: Duration = Duration::from_mins(5);
/// After a task has run for this long without a panic, its pauses start again from the shortest.
pub const TASK_CALM: Duration = Duration::from_mins(10);

/// The allowed values of the setting `import.poll_interval`; likewise below.
pub const POLL_INTERVAL: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(30 * 24);
/// `import.full_interval`.
pub const FULL_INTERVAL: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(365 * 24);
/// `import.lease`.
pub const LEASE: RangeInclusive<Duration> = Duration::from_secs(1)..=LEASE_MAX;
/// `import.loss_window`.
pub const LOSS_WINDOW: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(365 * 24);
/// `import.erase_removed_after`.
pub const ERASE_REMOVED_AFTER: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(36_500 * 24);
/// `limits.request_expiry`.
pub const REQUEST_EXPIRY: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(3_650 * 24);
/// `serve.max_age`.
pub const MAX_AGE: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(365 * 24);
/// `serve.max_wait`.
pub const MAX_WAIT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(5);
/// `access.token_ttl`.
pub const TOKEN_TTL: RangeInclusive<Duration> = Duration::from_secs(1)..=TOKEN_TTL_MAX;
/// `access.issuers[].leeway`.
pub const LEEWAY: RangeInclusive<Duration> = Duration::from_secs(1)..=TOKEN_LEEWAY_MAX;

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

/// How long the import may wait after a webhook that concerns nobody's access: such webhooks, for
/// sign-ins and away mode, come by the hundred.
pub const VOLATILE_DELAY: Duration = Duration::from_mins(1);

/// How long the import may wait after a webhook about a log entry, so that following webhooks share
/// it.
pub const LOG_EVENT_DELAY: Duration = Duration::from_secs(5);

/// The number of earlier states that stay in memory after they were read from the ledger. A walk
/// reads one state, page by page.
pub const KEPT_PAST: usize = 2;

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

/// How often a bridge checks for a generation that another process committed (the `import` command,
/// or a second bridge on the same database).
pub const GENERATION_POLL: Duration = Duration::from_secs(1);

/// The number of earlier generations kept in memory, so that a walk by cursor continues over the
/// list that it began with. Values that they share with the current one take no extra memory, and
/// they keep no prepared responses.
pub const KEPT_GENERATIONS: usize = 4;

/// The number of verified tokens that are cached. Verifying a signature takes longer than answering
/// a request. There are far fewer clients than this.
pub const REMEMBERED_TOKENS: usize = 1_000;

/// How often a bridge checks whether another process changed keys, clients, tokens or connections.
/// So every bridge refuses a disabled client within a second.
pub const ACCESS_POLL: Duration = Duration::from_millis(400);

/// The largest JWKS that is read from an issuer. Entra's, with certificates, has about 20 KB.
pub const JWKS_BYTES: usize = 512 * 1024;

/// The time-out for reading an issuer's keys. Requests with its tokens wait meanwhile.
pub const JWKS_WAIT: Duration = Duration::from_secs(5);

/// The age at which an issuer's keys are read again, and tokens verified with them are verified
/// again. Issuers announce new keys days ahead, and a withdrawn key is trusted no longer than this.
pub const JWKS_MAX_AGE: Duration = Duration::from_hours(1);

/// How long keys stay trusted if they cannot be read again: an outage of the issuer must not become
/// one of the bridge.
pub const JWKS_STALE: Duration = Duration::from_hours(24);

/// The minimum time between reads of an issuer's keys, however many unknown keys tokens name.
pub const JWKS_PAUSE: Duration = Duration::from_secs(30);

/// How long an expensive query waits for the previous one of the same client.
pub const EXPENSIVE_WAIT: Duration = Duration::from_secs(10);

/// The number of client secrets that are hashed in parallel. Each takes a core and 19 MiB for some
/// hundredths of a second.
pub const SECRETS_AT_A_TIME: usize = 2;

/// How long a client waits for its turn to have its secret verified.
pub const SECRET_WAIT: Duration = Duration::from_secs(5);

/// The number of parallel database look-ups for unauthenticated requests: clients by id, sessions
/// and links by hash.
pub const LOOKUPS_AT_A_TIME: usize = 4;

/// The rate limit for token requests of one client with a valid secret: the burst, and the interval
/// in which one more is allowed. A token lasts for an hour; this is for clients that do not reuse
/// theirs.
pub const LOGINS: NonZeroU32 = NonZeroU32::MIN.saturating_add(239);
/// See [`LOGINS`].
pub const LOGIN_PAUSE: Duration = Duration::from_millis(100);

/// The rate limit for secrets of one client from one address that lack the bridge's tag, and so may
/// be guesses: the burst, and the interval in which one more is allowed.
pub const LOGIN_TRIES: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);
/// See [`LOGIN_TRIES`].
pub const LOGIN_TRY_PAUSE: Duration = Duration::from_secs(1);

/// The number of wrong secrets of a client that are cached, so that repeating them costs nothing.
pub const REMEMBERED_WRONG_SECRETS: usize = 16;

/// The rate limit for requests of one address whose token, secret, signature, session or link was
/// verified and is not valid: the burst, and the interval in which one more is allowed. Further
/// ones get 429. Requests with valid credentials never count.
pub const STRANGER_REQUESTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(199);
/// See [`STRANGER_REQUESTS`].
pub const STRANGER_PAUSE: Duration = Duration::from_millis(50);

/// The maximum number of untrusted addresses that are reported for sending proxy headers.
pub const UNTRUSTED_PROXIES: usize = 8;

/// How far back `check` searches for them.
pub const UNTRUSTED_PROXY_TOLD: Duration = Duration::from_hours(30 * 24);

/// The number of unauthenticated addresses that are tracked at a time.
pub const STRANGERS: usize = 10_000;

/// The longest id of an account, an entitlement or a request that is looked up.
pub const ID_BYTES: usize = 200;

/// The size limits of a simulated company: people, and teams. The company and its directory are in
/// memory.
pub const SIMULATED_PEOPLE: u32 = 200_000;
/// See [`SIMULATED_PEOPLE`].
pub const SIMULATED_TEAMS: u32 = 10_000;

/// The longest name of an operating system user that is recorded.
pub const SYSTEM_USER_LETTERS: usize = 64;

/// Longest name of a time zone that is looked up; the longest of the IANA database has 32 letters.
pub const ZONE_NAME_BYTES: usize = 64;

/// The maximum length of a ticket's comment, and of the note when it is closed.
pub const COMMENT_BYTES: usize = 4_000;

/// The longest subject of a trusted issuer's token. An email address has at most 254 characters.
pub const SUBJECT_BYTES: usize = 256;

/// The maximum retention of history that a command accepts.
pub const LONGEST_KEPT: Duration = Duration::from_hours(36_500 * 24);

/// The longest lifetime of a token, and the longest overlap of secrets, that a command accepts.
pub const LONGEST_OVERLAP: Duration = Duration::from_hours(10 * 365 * 24);

/// The longest lifetime of the tokens of OAuth clients, which can get a new one at any time.
pub const TOKEN_TTL_MAX: Duration = Duration::from_hours(24);

/// The maximum nesting depth of JSON from outside. It is the limit of the JSON library, whose
/// parser is recursive. Nothing that the bridge reads is deeper than five.
pub const JSON_DEPTH: usize = 128;

/// The longest client id that is looked up; the bridge's own are shorter.
pub const CLIENT_ID_BYTES: usize = 128;

/// The largest body of a token request.
pub const TOKEN_REQUEST_BYTES: usize = 8 * 1024;

/// How long an attempt to connect a workspace stays valid.
pub const CONNECT_TICKET: Duration = Duration::from_mins(10);

/// The number of comparisons up to which a query is answered on the request's thread: a few
/// milliseconds' worth. Larger queries run on a thread of their own.
pub const QUICK_EFFORT: usize = 50_000;

/// How long a stopping bridge waits for running requests and a running import.
pub const SHUTDOWN: Duration = Duration::from_secs(10);

/// How long stopping may take in all, after `server.drain`: those requests, and then the last
/// writes to the database.
pub const STOP: Duration = Duration::from_secs(15);

/// How long a stopping bridge waits for the trace collector.
pub const TRACES_END: Duration = Duration::from_secs(2);

/// The tolerated difference between the clocks of the bridge and of a token's issuer.
pub const TOKEN_LEEWAY: Duration = Duration::from_secs(30);

/// The maximum tolerance that can be configured: with more, an expired token would stay valid for
/// long.
pub const TOKEN_LEEWAY_MAX: Duration = Duration::from_mins(5);

/// Bytes of a large response that are produced at once. A connection buffers a few such chunks, and
/// [`WRITE_BUFFER_BYTES`].
pub const ANSWER_CHUNK_BYTES: usize = 32 * 1024;

/// Rows that are serialised at once: about ten kilobytes.
pub const ROWS_AT_ONCE: usize = 32;

/// The maximum number of threads that build pages of lists.
pub const PAGE_THREADS: usize = 4;

/// The maximum number of pages of lists that are in memory until their clients have read them. A
/// page of a thousand rows has less than a megabyte.
pub const PAGES_AT_A_TIME: usize = 64;

/// The same for one client.
pub const PAGES_OF_A_CLIENT: usize = 4;

/// The niceness of the threads that build exports, on the system's scale up to 19.
pub const EXPORT_NICENESS: i32 = 5;

/// How long a client waits for its turn to get an export.
pub const EXPORT_WAIT: Duration = Duration::from_mins(1);

/// How long in all the bridge waits for a client that does not read its response; see
/// [`READ_RATE`].
pub const READ_STALL: Duration = Duration::from_secs(30);

/// The average rate, in bytes per second, at which a client must read to be waited for any longer:
/// 256 kbit/s.
pub const READ_RATE: u64 = 32 * 1024;

/// How often operators are warned that there are too many connections.
pub const CONNECTIONS_TOLD: Duration = Duration::from_mins(1);

/// The number of connections beyond `limits.max_connections` that are accepted while all others are
/// busy and none can be closed. Further ones wait to be accepted.
pub const CONNECTIONS_BEYOND: usize = 64;

/// The maximum number of connections to `server.ops_bind`.
pub const OPS_CONNECTIONS: usize = 64;

/// File descriptors that a bridge uses besides its connections: for the database, the log, and
/// calls to Intercom.
pub const OTHER_FILES: u64 = 128;

/// How often a stopping bridge checks whether all connections are closed.
pub const DRAIN_POLL: Duration = Duration::from_millis(20);

/// The allowed values of the setting `server.drain`.
pub const DRAIN: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(5);

/// The number of exports whose ETag, length and summary stay in memory.
pub const KNOWN_EXPORTS: usize = 4;
