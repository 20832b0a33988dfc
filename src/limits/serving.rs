//! Bounds of connections, requests and responses.

use std::time::Duration;

/// How long the response to a refused write waits for the write to be recorded.
pub const REFUSAL_WAIT: Duration = Duration::from_secs(2);

/// How long the bridge waits for the body of a refused write, and how much of it is read, so that
/// the record can name the subject. A connector's body has a few hundred bytes and arrives with its
/// head.
pub const REFUSED_BODY_WAIT: Duration = Duration::from_secs(1);
/// See [`REFUSED_BODY_WAIT`].
pub const REFUSED_BODY_BYTES: usize = 64 * 1024;

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

/// The maximum number of items in a list of the import and change API, and the default.
pub const LIST_ITEMS: usize = 1_000;
/// See [`LIST_ITEMS`].
pub const LIST_ITEMS_USUAL: usize = 100;

/// The number of earlier states that stay in memory after they were read from the ledger. A walk
/// reads one state, page by page.
pub const KEPT_PAST: usize = 2;

/// How often a bridge checks for a generation that another process committed (the `import` command,
/// or a second bridge on the same database).
pub const GENERATION_POLL: Duration = Duration::from_secs(1);

/// The number of earlier generations kept in memory, so that a walk by cursor continues over the
/// list that it began with. What they share with the current one takes no extra memory, and they
/// keep no other prepared responses.
pub const KEPT_GENERATIONS: usize = 4;

/// How long an expensive query waits for the previous one of the same client.
pub const EXPENSIVE_WAIT: Duration = Duration::from_secs(10);

/// The longest id of an account, an entitlement or a request that is looked up.
pub const ID_BYTES: usize = 200;

/// Longest name of a time zone that is looked up; the longest of the IANA database has 32 letters.
pub const ZONE_NAME_BYTES: usize = 64;

/// The maximum length of a ticket's comment, and of the note when it is closed.
pub const COMMENT_BYTES: usize = 4_000;

/// The number of comparisons up to which a query is answered on the connection's thread: a fifth of
/// a millisecond's worth. Larger queries run on search threads.
pub const QUICK_EFFORT: usize = 5_000;

/// The length up to which a response body is sent at once: more than a page of a hundred users.
pub const SENT_AT_ONCE_BYTES: u64 = 192 * 1024;

/// Bytes of a longer body that are sent before other responses have their turn: some ten
/// microseconds' worth.
pub const SENDING_STEP_BYTES: usize = 32 * 1024;

/// The send buffer of a connection in the system, in bytes. Linux doubles it. Without a limit, it
/// grows to several megabytes for each client that does not read, and the system sends as much at
/// once when the client does.
pub const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// Bytes of a large response that are produced at once. A connection buffers a few such chunks, and
/// [`WRITE_BUFFER_BYTES`].
pub const ANSWER_CHUNK_BYTES: usize = 32 * 1024;

/// Rows that are serialised at once: about ten kilobytes.
pub const ROWS_AT_ONCE: usize = 32;

/// The maximum number of pages and exports of the console that are made, or not read yet, at a
/// time.
pub const CONSOLE_AT_A_TIME: usize = 8;

/// The maximum number of pages of lists that are in memory until their clients have read them. A
/// page of a thousand rows has less than a megabyte.
pub const PAGES_AT_A_TIME: usize = 64;

/// See [`PAGES_AT_A_TIME`]; the maximum for one client.
pub const PAGES_OF_A_CLIENT: usize = 4;

/// The niceness of the threads that build large responses, on the system's scale up to 19.
pub const LARGE_RESPONSE_NICENESS: i32 = 5;

/// How long a client waits for its turn to get an export.
pub const EXPORT_WAIT: Duration = Duration::from_mins(1);

/// How long in all the bridge waits for a client that does not read its response; see
/// [`READ_RATE`].
pub const READ_STALL: Duration = Duration::from_secs(30);

/// The average rate, in bytes per second, at which a client must read to be waited for any longer:
/// 256 kbit/s.
pub const READ_RATE: u64 = 32 * 1024;

/// How often operators are warned that there are too many connections.
pub const CONNECTION_WARNING_PAUSE: Duration = Duration::from_mins(1);

/// The number of connections beyond `limits.max_connections` that are accepted while all others are
/// busy and none can be closed. Further ones wait to be accepted.
pub const CONNECTIONS_BEYOND: usize = 64;

/// The maximum number of connections to `server.ops_bind`.
pub const OPS_CONNECTIONS: usize = 64;

/// File descriptors that a bridge uses besides its connections: for the database, the log, and
/// calls to Intercom.
pub const OTHER_FILES: u64 = 128;

/// The number of exports whose ETag, length and summary stay in memory.
pub const KNOWN_EXPORTS: usize = 4;

/// The number of rows on a page of a list of the console.
pub const PAGE_ROWS: usize = 100;

/// The number of latest imports, changes and requests that the overview shows, and of open requests
/// that the page of a person shows. The API has the rest.
pub const PAGE_LATEST: usize = 12;

/// The number of newest changes that the page of a person shows. The API has the rest.
pub const PAGE_HISTORY: usize = 500;

/// The number of imports in the charts of the overview. Only imports that changed something are
/// in them.
pub const PAGE_RUNS: u64 = 400;

/// The number of generations that are searched for the latest changes of the overview.
pub const PAGE_GENERATIONS: i64 = 10;

/// The number of people that a filter of the console may name.
pub const PAGE_NAMED: usize = 500;

/// How long a browser keeps the viewer's time zone, in days.
pub const TIME_ZONE_COOKIE_DAYS: i64 = 365;

/// The number of requests for changes on a page of the console.
pub const PAGE_REQUESTS: u64 = 100;

/// The number of imports on a page of the console.
pub const PAGE_IMPORTS: u64 = 50;

/// The number of entries of the audit trail on a page of the console.
pub const PAGE_AUDIT: usize = 100;

/// The maximum number of entries in an export of the audit trail.
pub const AUDIT_EXPORT: u64 = 50_000;

/// The maximum number of tokens on the page of clients.
pub const PAGE_TOKENS: usize = 500;

/// The number of access reviews on a page of the console.
pub const PAGE_REVIEWS: u64 = 100;

/// The number of accounts of a review on a page. Each has three fields in the form.
pub const PAGE_REVIEW_ITEMS: u64 = 50;
