//! Bounds of times in queries, which have to be exact on SQLite too.
//!
//! SQLite compares times as texts, and there "…05.5Z" comes before "…05Z". So it is exact only for
//! times of whole seconds.

use time::{Duration, OffsetDateTime, UtcOffset};

/// Drops the fraction of a second. Intercom's entries have whole seconds, and SQLite compares those
/// correctly as texts.
pub(super) fn whole_second(moment: OffsetDateTime) -> OffsetDateTime {
    moment.replace_nanosecond(0).unwrap_or(moment)
}

/// Rounds up to a whole second, for bounds that entries must be before, or not before.
pub(super) fn next_whole_second(moment: OffsetDateTime) -> OffsetDateTime {
    let whole = whole_second(moment);
    if whole < moment { whole.saturating_add(Duration::SECOND) } else { whole }
}

/// Returns an upper bound for a query about times that have fractions: one second more. The exact
/// comparison must follow the query.
pub(super) fn a_second_after(moment: OffsetDateTime) -> OffsetDateTime {
    moment.checked_to_offset(UtcOffset::UTC).unwrap_or(moment).saturating_add(Duration::SECOND)
}
