//! Bounds of tokens, secrets, issuers, anonymous requests and the audit trail.

use std::num::NonZeroU32;
use std::time::Duration;

/// The maximum length of a name that people give: of a token, a client, the source of a roster.
pub const NAME_CHARACTERS: usize = 100;

/// How long a sign-in link of the console is valid.
pub const LOGIN_LINK: Duration = Duration::from_mins(10);
/// How long the session that it starts is valid: a working day.
pub const PAGE_SESSION: Duration = Duration::from_hours(8);

/// How often the audit trail is written to the database. If the machine dies, this much of it is
/// lost.
pub const AUDIT_WRITE: Duration = Duration::from_secs(1);

/// The maximum number of distinct requests within that time that are recorded with the id in their
/// path. A client that reads items one by one sends more, and each is a row. Further requests are
/// counted together.
pub const AUDIT_DETAILED: usize = 256;

/// The maximum number of distinct requests without a valid token within that time that are recorded
/// with more than their status. Any client can create such rows.
pub const AUDIT_ANONYMOUS: usize = 16;

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

/// The longest bearer token that is parsed. The bridge's own have about 500 bytes.
pub const BEARER_TOKEN_BYTES: usize = 8 * 1024;

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
pub const ANONYMOUS_REQUESTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(199);
/// See [`ANONYMOUS_REQUESTS`].
pub const ANONYMOUS_PAUSE: Duration = Duration::from_millis(50);

/// The maximum number of untrusted addresses that are reported for sending proxy headers.
pub const UNTRUSTED_PROXIES: usize = 8;

/// How far back `check` searches for such reports.
pub const UNTRUSTED_PROXY_TOLD: Duration = Duration::from_hours(30 * 24);

/// The number of unauthenticated addresses that are tracked at a time.
pub const ANONYMOUS_CLIENTS: usize = 10_000;

/// The longest name of an operating system user that is recorded.
pub const SYSTEM_USER_LETTERS: usize = 64;

/// The longest subject of a trusted issuer's token. An email address has at most 254 characters.
pub const SUBJECT_BYTES: usize = 256;

/// The longest lifetime of a token, and the longest overlap of secrets, that a command accepts.
pub const LONGEST_OVERLAP: Duration = Duration::from_hours(10 * 365 * 24);

/// The longest lifetime of the tokens of OAuth clients, which can get a new one at any time.
pub const TOKEN_TTL_MAX: Duration = Duration::from_hours(24);

/// The longest client id that is looked up; the bridge's own are shorter.
pub const CLIENT_ID_BYTES: usize = 128;

/// The most keys that a client may register, and the most of a file with keys that is read.
pub const CLIENT_KEYS: usize = 16;
/// See [`CLIENT_KEYS`].
pub const CLIENT_KEYS_BYTES: u64 = 64 * 1024;

/// How far in the future the `exp` of a client's assertion may be. So long each is remembered.
pub const ASSERTION_LIFETIME: Duration = Duration::from_hours(1);

/// The largest body of a token request.
pub const TOKEN_REQUEST_BYTES: usize = 8 * 1024;

/// How long an attempt to connect a workspace stays valid.
pub const CONNECT_TICKET: Duration = Duration::from_mins(10);

/// The tolerated difference between the clocks of the bridge and of a token's issuer.
pub const TOKEN_LEEWAY: Duration = Duration::from_secs(30);

/// The maximum tolerance that can be configured: with more, an expired token would stay valid for
/// long.
pub const TOKEN_LEEWAY_MAX: Duration = Duration::from_mins(5);

/// How long a person has to sign in at the identity provider.
pub const SIGN_IN_ATTEMPT: Duration = Duration::from_mins(10);

/// How long the identity provider's addresses are kept before they are read again.
pub const OIDC_DISCOVERY_MAX_AGE: Duration = Duration::from_hours(1);

/// The accepted difference between the clocks of the identity provider and of the bridge.
pub const OIDC_LEEWAY: Duration = Duration::from_secs(30);
