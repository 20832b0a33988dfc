//! Bounds of rosters and of the decisions about them.

use time::Duration;

/// The maximum size of a roster's file in bytes.
pub const ROSTER_BYTES: usize = 64 * 1_024 * 1_024;

/// The maximum size of a body with decisions, in bytes.
pub const DECISIONS_BYTES: usize = 4 * 1_024 * 1_024;

/// The maximum number of rows of a roster: more than the people of nearly every company.
pub const ROSTER_ROWS: usize = 200_000;

/// The maximum number of columns of a roster's file.
pub const ROSTER_COLUMNS: usize = 1_000;

/// The period within which the losses of several versions count together.
pub const ROSTER_LOSS_WINDOW: std::time::Duration = std::time::Duration::from_hours(24);

/// The maximum number of elements of a list in a record of JSON, such as addresses.
pub const ROSTER_LIST: usize = 1_000;

/// The maximum size of one cell in bytes. No name, address or department is longer; a cell that is
/// has a quote too many or too few before it.
pub const ROSTER_CELL_BYTES: usize = 4 * 1_024;

/// The maximum number of errors, and of warnings, that a report on a file lists; the rest are
/// counted.
pub const ROSTER_PROBLEMS: usize = 100;

/// The maximum number of people that are suggested for an account.
pub const ROSTER_SUGGESTIONS: usize = 3;

/// The maximum time for which a decision may be in force if it must end.
pub const DECISION_LASTS: Duration = Duration::days(365);

/// The maximum length of the reason of a decision, in characters.
pub const DECISION_REASON_CHARACTERS: usize = 1_000;

/// The number of evaluations of the roster that are cached for each workspace.
pub const KEPT_ASSESSMENTS: usize = 4;

/// How often a process checks whether another one changed the roster.
pub const ROSTER_POLL: std::time::Duration = std::time::Duration::from_secs(15);

/// After how long a process reads again since when accounts have their values of SCIM's enterprise
/// extension. Another process may have recorded others meanwhile.
pub const ENTERPRISE_POLL: std::time::Duration = std::time::Duration::from_mins(10);

/// The number of attempts to store a version while other processes store versions, too.
pub const ROSTER_ATTEMPTS: usize = 3;

/// How long the file of a roster may take to arrive.
pub const ROSTER_WAIT: std::time::Duration = std::time::Duration::from_mins(2);

/// The maximum number of rows that a preview of a file shows.
pub const ROSTER_PREVIEW: usize = 5;

/// The maximum number of pages that one pull reads.
pub const PULL_PAGES: usize = 10_000;

/// The number of people that a pull requests for each page of SCIM.
pub const PULL_PAGE: usize = 100;

/// The maximum size of one page of a pull, in bytes.
pub const PULL_PAGE_BYTES: usize = 16 * 1_024 * 1_024;

/// The maximum size of one person in a page of a pull, in bytes. Members that the bridge does not
/// read count, too, such as groups.
pub const PULL_PERSON_BYTES: usize = 1_024 * 1_024;

/// The maximum size of a response that is no page, in bytes: a token, or the description of a SCIM
/// server.
pub const PULL_ANSWER_BYTES: usize = 256 * 1_024;

/// The number of attempts for each page of a pull.
pub const PULL_ATTEMPTS: u32 = 4;

/// The pause after the first failed attempt of a page; it doubles after each further one.
pub const PULL_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// The longest pause between two attempts, whatever the server asks for.
pub const PULL_PAUSE_MAX: std::time::Duration = std::time::Duration::from_mins(2);

/// How long one call of a pull may take.
pub const PULL_CALL: std::time::Duration = std::time::Duration::from_mins(1);

/// How long after a failed pull the next one begins, if `roster.pull.interval` is longer.
pub const PULL_RETRY: std::time::Duration = std::time::Duration::from_mins(15);

/// How long a whole pull may take.
pub const PULL_WAIT: std::time::Duration = std::time::Duration::from_hours(1);
