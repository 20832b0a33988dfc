//! Every bound of the bridge that is not a setting, each with its reason.

mod upstream;

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

pub use upstream::*;

/// How far the clocks of Intercom and the bridge may be apart, where a log entry is looked for that tells of a change.
pub const CLOCK_DIFFERENCE: Duration = Duration::from_mins(1);

/// How far a recorded time may lie in the future and still be believed. Clocks that are set over the network differ by
/// less than a second; several bridges that are a little apart still understand each other.
pub const STORED_AHEAD: Duration = Duration::from_mins(1);

/// How often a bridge looks whether recorded times lie in the future, and of how many of the newest runs and generations.
pub const TIMES_POLL: Duration = Duration::from_mins(1);
/// See [`TIMES_POLL`].
pub const TIMES_LOOKED_AT: i64 = 10_000;

/// Imports that questions set off (`Cache-Control: no-cache`, `serve.read_through`, an answer that is too old) begin at
/// least so far apart, for each workspace. Those who ask in between share the next one.
pub const QUERY_PAUSE: Duration = Duration::from_secs(1);

/// Log entries that are looked at for who did what is on a page of changes: some for each of a thousand.
pub const DEEDS_ON_A_PAGE: u64 = 20_000;

/// Changes that are looked at for one page where each must be, to know who made it: that many take about a second.
pub const CHANGES_LOOKED_AT: usize = 20_000;

/// Generations looked at with one question while the history is walked over. They are small; their changes are read
/// one generation after the other.
pub const GENERATIONS_AT_ONCE: u64 = 500;

/// Single admins and teams read again when the two lists disagree. Two lists taken a second apart
/// disagree about a handful of people; more than this is how the workspace is, and is only warned of.
pub const REREADS: usize = 100;

/// Share of all memberships, in percent, about which the lists of admins and of teams may disagree after that. Beyond it (and
/// beyond [`DISPUTED_FEW`]) one of them is broken, and what the other one names is not taken as removed.
pub const DISPUTED_SHARE: usize = 10;
/// See [`DISPUTED_SHARE`].
pub const DISPUTED_FEW: usize = 2;

/// How often such a read is tried in all: fewer times than others, since the lists stand without it.
pub const REREAD_ATTEMPTS: u32 = 2;

/// Warnings kept with a run; the rest are counted. A warning for each of 100,000 admins helps nobody.
pub const RUN_WARNINGS: usize = 100;

/// Of them those of one kind, so that none hides the others.
pub const RUN_WARNINGS_OF_A_KIND: usize = 25;

/// Findings that a check of the ledger tells; a ledger with more is not to be mended row by row.
pub const FINDINGS: usize = 100;

/// Records of the chain that a check of the ledger reads at once; each has some two hundred bytes.
pub const RECORDS_AT_ONCE: u64 = 1_000;

/// Values bound in one SQL statement. SQLite allows 32,766 and PostgreSQL 65,535; statements of
/// about a thousand rows are as fast as larger ones.
pub const SQL_VALUES: usize = 16_000;

/// Connections to the database: one that imports, one that publishes, one that listens, and some for requests that ask
/// for history or are refused. Questions about what is shown need none.
pub const DATABASE_CONNECTIONS: u32 = 8;

/// How often opening a database and bringing its tables up to date is tried in all, and the pause between: as long as several processes that
/// start at once on a fresh database may be in each other's way.
pub const MIGRATION_ATTEMPTS: u32 = 10;
/// See [`MIGRATION_ATTEMPTS`].
pub const MIGRATION_PAUSE: Duration = Duration::from_millis(300);

/// How often SQLite is asked to empty its write-ahead log after an erasure, and the pause between: whoever reads an earlier
/// state keeps it from that, for as long as a reading takes.
pub const CHECKPOINT_ATTEMPTS: u32 = 20;
/// See [`CHECKPOINT_ATTEMPTS`].
pub const CHECKPOINT_PAUSE: Duration = Duration::from_millis(250);

/// People whose retention has ended and who are erased in one round; the next one is soon.
pub const ERASED_AT_ONCE: u64 = 200;

/// Runs that changed nothing are listed one by one for so long. After that, the last one of each day stays.
pub const RUNS_FOLDED_AFTER: Duration = Duration::from_hours(7 * 24);
/// Fewer are not worth a record of their own.
pub const FOLDED_AT_LEAST: usize = 20;

/// How often it is looked whether somebody's retention or a request's time has ended, and whether runs can be folded.
pub const UPKEEP: Duration = Duration::from_mins(1);

/// Largest reason of an erasure, in letters.
pub const REASON_LETTERS: usize = 500;

/// How long the answer to a refused write waits for its record.
pub const REFUSAL_WAIT: Duration = Duration::from_secs(2);

/// How long a link to the status page is good, and how long the session that it becomes: a working day.
pub const LOGIN_LINK: Duration = Duration::from_mins(10);
/// See [`LOGIN_LINK`].
pub const PAGE_SESSION: Duration = Duration::from_hours(8);

/// What the status page shows: people on a page, and of imports, changes and requests the latest ones. More is in the API.
pub const PAGE_PEOPLE: usize = 100;
/// See [`PAGE_PEOPLE`].
pub const PAGE_LATEST: usize = 12;
/// Imports that its charts look at: those that changed something.
pub const PAGE_RUNS: u64 = 400;
/// Generations that its latest changes are looked for in.
pub const PAGE_GENERATIONS: i64 = 10;

/// How long a refused write's body is waited for, and how much of it is read, so that the record can say whom it is about.
/// A connector's body is a few hundred bytes and comes with its head.
pub const REFUSED_BODY_WAIT: Duration = Duration::from_secs(1);
/// See [`REFUSED_BODY_WAIT`].
pub const REFUSED_BODY_BYTES: usize = 64 * 1024;

/// How long a statement may wait for a connection or, on SQLite, for another writer.
pub const DATABASE_WAIT: Duration = Duration::from_secs(5);

/// Longest path plus query accepted from a client. A flat `or` over several hundred ids is a
/// legitimate filter of about 20 KB.
pub const REQUEST_TARGET_BYTES: usize = 32 * 1024;

/// Longest line of a request's head that is looked at before the HTTP library reads it: as long as the longest head that it
/// reads at all.
pub const HEAD_LINE_BYTES: usize = 128 * 1024;

/// Largest request body accepted. Nothing this bridge accepts comes near; writes are refused unread.
pub const REQUEST_BODY_BYTES: usize = 256 * 1024;

/// Bytes of an answer that are written at once: a page of a hundred users and more.
pub const WRITE_BUFFER_BYTES: usize = 256 * 1024;

/// How often the audit trail is written down: so much of it is lost if the machine dies.
pub const AUDIT_WRITE: Duration = Duration::from_secs(1);

/// Different requests in that time that are told apart by the id in their path. A client that reads one by one asks for
/// more, and each is a row; beyond, they are counted together.
pub const AUDIT_DETAILED: usize = 256;

/// Different requests in that time of those who show no good token, which are told apart by more than their status: each
/// is a row that anybody can make.
pub const AUDIT_STRANGERS: usize = 16;

/// Different requests in that time that are told apart by their address; beyond twice as many, by nothing but what was
/// asked and answered.
pub const AUDIT_PENDING: usize = 2_048;

/// Events that wait to be written down while the database is busy.
pub const AUDIT_WAITING: usize = 10_000;

/// How long the trail cannot be written before somebody is told: a first import of 100,000 people keeps SQLite busy for
/// some of it.
pub const AUDIT_PATIENCE: Duration = Duration::from_mins(1);

/// How often what is older than `access.audit_retention_days` is taken out of the audit trail.
pub const AUDIT_PRUNE: Duration = Duration::from_hours(1);

/// How long a client may take to send its request's head, and how long its body. Slower ones are after something else.
pub const HEAD_WAIT: Duration = Duration::from_secs(5);
/// See [`HEAD_WAIT`].
pub const BODY_WAIT: Duration = Duration::from_secs(10);

/// How long a connection may be idle between requests: longer than clients keep theirs, which is a minute mostly.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a client that is sent off may take to close its side of the connection.
pub const DISCONNECT_WAIT: Duration = Duration::from_secs(1);

/// How long the handshake of TLS may take.
pub const TLS_WAIT: Duration = Duration::from_secs(5);

/// How often the files of the certificate are looked at.
pub const TLS_POLL: Duration = Duration::from_secs(2);

/// Largest bearer token looked at. Ours are about 500 bytes.
pub const BEARER_TOKEN_BYTES: usize = 8 * 1024;

/// Shortest and longest pause of `serve` after an import that failed.
pub const IMPORT_RETRY_FIRST: Duration = Duration::from_secs(5);
/// See [`IMPORT_RETRY_FIRST`].
pub const IMPORT_RETRY_MAX: Duration = Duration::from_mins(5);

/// Items of a list of the import and change API: at the most, and when the client does not say.
pub const LIST_ITEMS: usize = 1_000;
/// See [`LIST_ITEMS`].
pub const LIST_ITEMS_USUAL: usize = 100;

/// How long a client that asked for an import may wait for its end.
pub const IMPORT_WAIT: Duration = Duration::from_mins(1);

/// How long it waits for the beginning of its import, where none is under way: a bridge that is idle begins at once. Beyond,
/// the answer says that it is queued.
pub const IMPORT_START_WAIT: Duration = Duration::from_secs(2);

/// How often a number for a run is tried to be had, while other processes are in the way: on SQLite each try waits for
/// [`DATABASE_WAIT`], and the commit of a first import of 100,000 people takes a while.
pub const QUEUE_ATTEMPTS: u32 = 8;

/// How long a run stays queued. Only while no bridge runs does one wait for long, and then a person should look again before
/// removals are let through.
pub const QUEUED_MAX: Duration = Duration::from_hours(1);

/// Queued imports that the `import` command runs before its own: one of each mode, and those queued meanwhile.
pub const QUEUED_FIRST: u32 = 10;

/// How often the number of an advisory lock is drawn that no other process has.
pub const MARK_ATTEMPTS: u32 = 5;

/// Shortest and longest pause before a background task is started again that a panic ended.
pub const TASK_RETRY_FIRST: Duration = Duration::from_secs(1);
/// See [`TASK_RETRY_FIRST`].
pub const TASK_RETRY_MAX: Duration = Duration::from_mins(5);
/// A task that ran for so long had recovered: the pauses begin anew.
pub const TASK_CALM: Duration = Duration::from_mins(10);

/// What durations in the settings may be: `import.poll_interval`.
pub const POLL_INTERVAL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(30 * 24);
/// `import.full_interval`.
pub const FULL_INTERVAL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(365 * 24);
/// `import.lease`.
pub const LEASE: RangeInclusive<Duration> = Duration::from_secs(1)..=LEASE_MAX;
/// `import.loss_window`.
pub const LOSS_WINDOW: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(365 * 24);
/// `import.erase_removed_after`.
pub const ERASE_REMOVED_AFTER: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(36_500 * 24);
/// `limits.request_expiry`.
pub const REQUEST_EXPIRY: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(3_650 * 24);
/// `serve.max_age`.
pub const MAX_AGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(365 * 24);
/// `serve.max_wait`.
pub const MAX_WAIT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(5);
/// `access.token_ttl`.
pub const TOKEN_TTL: RangeInclusive<Duration> = Duration::from_secs(1)..=TOKEN_TTL_MAX;
/// `access.issuers[].leeway`.
pub const LEEWAY: RangeInclusive<Duration> = Duration::from_secs(1)..=TOKEN_LEEWAY_MAX;

/// How often the ledger is asked meanwhile.
pub const RUN_POLL: Duration = Duration::from_millis(100);

/// How long the import behind a webhook about somebody who joined or left waits, so that those which come together share it.
/// A leaver is to be gone within two seconds.
pub const WEBHOOK_DELAY: Duration = Duration::from_millis(300);

/// Webhooks of one kind that follow each other before they count as a burst. Somebody who tidies up a workspace by hand
/// makes fewer.
pub const WEBHOOK_BURST: u32 = 8;

/// How far apart the imports of a burst of webhooks are, and how long none must come for the burst to be over.
pub const WEBHOOK_PAUSE: Duration = Duration::from_secs(15);

/// How long the import behind a webhook may wait that tells of nobody's access: sign-ins and breaks come by the
/// hundred.
pub const VOLATILE_DELAY: Duration = Duration::from_mins(1);

/// How long the import behind a log event's webhook may wait, so that those which follow share it.
pub const LOG_EVENT_DELAY: Duration = Duration::from_secs(5);

/// Earlier states that are kept once they were read from the ledger. A walk asks for one state, page by page.
pub const KEPT_PAST: usize = 2;

/// People and teams that differ, up to which an incremental import plans from those alone, and a new generation is read
/// by those alone. More are read faster with everything else.
pub const PLANNED_IN_PART: usize = 5_000;

/// How often an import under way shows that it is alive, and tells how far it has come. Leases last for several of these.
pub const HEARTBEAT: Duration = Duration::from_secs(1);

/// Longest lease.
pub const LEASE_MAX: Duration = Duration::from_mins(10);

/// How long a lease must stand still for a process that takes none itself, before it counts as ended: the usual
/// `import.lease`.
pub const LEASE_USUAL: Duration = Duration::from_secs(15);

/// How often a process looks whether another one's import has ended, so that its own can begin.
pub const LEASE_POLL: Duration = Duration::from_millis(250);

/// How long the `import` command waits for the end of another process's import.
pub const LEASE_PATIENCE: Duration = Duration::from_mins(10);

/// How often a bridge looks for a generation that another process committed (the `import` command,
/// or a second bridge on the same database).
pub const GENERATION_POLL: Duration = Duration::from_secs(1);

/// Generations kept beside the one that is shown, so that a walk by cursor can go on over the list it began with.
/// What they share with it takes no room twice, and of the rest they keep no answers.
pub const KEPT_GENERATIONS: usize = 4;

/// Verified tokens that are remembered. Checking a signature takes longer than answering a question; there are
/// far fewer clients than this.
pub const REMEMBERED_TOKENS: usize = 1_000;

/// How often a bridge looks whether keys, clients, tokens or connections were changed by another process: a client that
/// is disabled gets nothing any more after a second, on every bridge.
pub const ACCESS_POLL: Duration = Duration::from_millis(400);

/// Largest set of an issuer's public keys that is read. Entra's, with certificates, has about 20 KB.
pub const JWKS_BYTES: usize = 512 * 1024;

/// How long an issuer may take to send its keys; requests with its tokens wait meanwhile.
pub const JWKS_WAIT: Duration = Duration::from_secs(5);

/// Past this age an issuer's keys are read again, and tokens verified by them are verified again: issuers announce new
/// keys days ahead, and a withdrawn one is believed no longer than this.
pub const JWKS_MAX_AGE: Duration = Duration::from_hours(1);

/// How long keys are believed that cannot be read again: an outage of the issuer's is none of the bridge's.
pub const JWKS_STALE: Duration = Duration::from_hours(24);

/// An issuer is asked for its keys no more often than this, however many unknown ones tokens name.
pub const JWKS_PAUSE: Duration = Duration::from_secs(30);

/// How long a question that takes long waits for the one before it of the same client.
pub const EXPENSIVE_WAIT: Duration = Duration::from_secs(10);

/// Client secrets that are hashed at a time: each takes a core and 19 MiB for some hundredths of a second.
pub const SECRETS_AT_A_TIME: usize = 2;

/// How long a client waits for its turn to have its secret looked at.
pub const SECRET_WAIT: Duration = Duration::from_secs(5);

/// Lookups in the database at a time for those who may be anybody: clients by their id, sessions and links by their hash.
pub const LOOKUPS_AT_A_TIME: usize = 4;

/// Tokens of one client that show a right secret: so many at once, and afterwards one each time this passes. A token lasts for
/// an hour; this is for clients that do not keep theirs.
pub const LOGINS: NonZeroU32 = NonZeroU32::MIN.saturating_add(239);
/// See [`LOGINS`].
pub const LOGIN_PAUSE: Duration = Duration::from_millis(100);

/// Tries of secrets of one client from one address that do not bear the bridge's tag, and so may be guesses: so many at once,
/// and afterwards one each time this passes.
pub const LOGIN_TRIES: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);
/// See [`LOGIN_TRIES`].
pub const LOGIN_TRY_PAUSE: Duration = Duration::from_secs(1);

/// Earlier secrets of a client that are remembered as wrong, so that they cost nothing again.
pub const REMEMBERED_WRONG_SECRETS: usize = 16;

/// Requests of one address whose token, secret, signature, session or link was looked at and is not good: so many at once, and
/// afterwards one each time this passes. Beyond, they are answered 429. Those with a good one never count.
pub const STRANGER_REQUESTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(199);
/// See [`STRANGER_REQUESTS`].
pub const STRANGER_PAUSE: Duration = Duration::from_millis(50);

/// Addresses that are told of for sending headers of a proxy without being trusted.
pub const UNTRUSTED_PROXIES: usize = 8;

/// How far back `check` looks for them.
pub const UNTRUSTED_PROXY_TOLD: Duration = Duration::from_hours(30 * 24);

/// Addresses without a token that are told apart at a time.
pub const STRANGERS: usize = 10_000;

/// Longest id of an account, an entitlement or a request that is looked at.
pub const ID_BYTES: usize = 200;

/// Largest simulated company: people, and teams. It is made and kept in memory, as its directory is.
pub const SIMULATED_PEOPLE: u32 = 200_000;
/// See [`SIMULATED_PEOPLE`].
pub const SIMULATED_TEAMS: u32 = 10_000;

/// Longest name of somebody at the operating system that is written down.
pub const SYSTEM_USER_LETTERS: usize = 64;

/// Longest name of a time zone that is looked up; the longest of the IANA database has 32 letters.
pub const ZONE_NAME_BYTES: usize = 64;

/// Longest comment of a ticket, and longest note of who did what it asks.
pub const COMMENT_BYTES: usize = 4_000;

/// Longest subject of a trusted issuer's token: an address of mail has 254 letters at the most.
pub const SUBJECT_BYTES: usize = 256;

/// Longest time that history can be kept for by a command.
pub const LONGEST_KEPT: Duration = Duration::from_hours(36_500 * 24);

/// Longest time that somebody can say a token or an overlap of secrets is to last.
pub const LONGEST_OVERLAP: Duration = Duration::from_hours(10 * 365 * 24);

/// Longest time that tokens of OAuth clients last: they can have a new one at any time.
pub const TOKEN_TTL_MAX: Duration = Duration::from_hours(24);

/// How deep JSON may be nested that comes from outside. It is the bound of the JSON library, whose depth is that of the
/// stack; nothing that the bridge reads is deeper than five.
pub const JSON_DEPTH: usize = 128;

/// Longest id of a client that is looked up; the bridge's own are shorter.
pub const CLIENT_ID_BYTES: usize = 128;

/// Largest body of a question for a token.
pub const TOKEN_REQUEST_BYTES: usize = 8 * 1024;

/// How long a way of connecting a workspace stays open.
pub const CONNECT_TICKET: Duration = Duration::from_mins(10);

/// Comparisons that a question may need and still be answered on the spot, a few milliseconds' worth. Beyond, it is
/// answered on a thread of its own.
pub const QUICK_EFFORT: usize = 50_000;

/// How long a stopping bridge lets requests and an import under way finish.
pub const SHUTDOWN: Duration = Duration::from_secs(10);

/// How long stopping may take in all, after `server.drain`: those requests, and then what the database is asked last.
pub const STOP: Duration = Duration::from_secs(15);

/// How long a collector of traces is waited for at the end.
pub const TRACES_END: Duration = Duration::from_secs(2);

/// How far the clocks of the bridge and of a token's issuer may be apart.
pub const TOKEN_LEEWAY: Duration = Duration::from_secs(30);

/// The most that somebody can say it is: beyond, a token that ended would be good for long.
pub const TOKEN_LEEWAY_MAX: Duration = Duration::from_mins(5);

/// Bytes of a large answer that are made at once. A connection holds a few of them, and [`WRITE_BUFFER_BYTES`].
pub const ANSWER_CHUNK_BYTES: usize = 32 * 1024;

/// Rows that are written at once: some ten kilobytes.
pub const ROWS_AT_ONCE: usize = 32;

/// Threads that make pages of lists, at the most.
pub const PAGE_THREADS: usize = 4;

/// Pages of lists that are held until their clients have read them, in all. A page of a thousand rows has less than a
/// megabyte.
pub const PAGES_AT_A_TIME: usize = 64;

/// Pages of lists that are held for one client.
pub const PAGES_OF_A_CLIENT: usize = 4;

/// How much the threads that make exports stand back for others, on the system's scale up to 19.
pub const EXPORT_NICENESS: i32 = 5;

/// How long a client waits for its turn to get an export.
pub const EXPORT_WAIT: Duration = Duration::from_mins(1);

/// How long a client that does not read its answer is waited for, in all; see [`READ_RATE`].
pub const READ_STALL: Duration = Duration::from_secs(30);

/// Bytes a second at which a client has to read, on average, to be waited for any longer: 256 kbit/s.
pub const READ_RATE: u64 = 32 * 1024;

/// How often operators are told that connections are too many.
pub const CONNECTIONS_TOLD: Duration = Duration::from_mins(1);

/// Connections beyond `limits.max_connections` that are there while all of them are at work, and none can give way. More wait
/// to be accepted.
pub const CONNECTIONS_BEYOND: usize = 64;

/// Connections of `server.ops_bind` at a time.
pub const OPS_CONNECTIONS: usize = 64;

/// Files that a bridge has open beside its connections: the database's, the log's, and those of calls to Intercom.
pub const OTHER_FILES: u64 = 128;

/// How often a stopping bridge looks whether all connections are gone.
pub const DRAIN_POLL: Duration = Duration::from_millis(20);

/// What durations in the settings may be: `server.drain`.
pub const DRAIN: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(5);

/// Exports of which it is known what they are, while they stay the same.
pub const KNOWN_EXPORTS: usize = 4;
