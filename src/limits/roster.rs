//! Bounds of rosters and of the decisions about them.

use time::Duration;

/// The maximum size of a roster's file in bytes.
pub const ROSTER_BYTES: usize = 64 * 1_024 * 1_024;

/// The maximum number of rows of a roster: more than the people of nearly every company.
pub const ROSTER_ROWS: usize = 200_000;

/// The maximum number of columns of a roster's file.
pub const ROSTER_COLUMNS: usize = 1_000;

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
