//! How moments are written in all responses and exports. [`crate::moments`] parses them.
//!
//! All recorded times have whole milliseconds (see [`crate::clock`]), so a moment is written with
//! exactly three digits after the second, in UTC: `2026-03-01T12:00:00.000Z`. All texts have the
//! same length, and their order is the order of time. Nothing is cut off: a time from a response
//! means the same moment in a filter.

use std::fmt;

use serde::Serializer;
use time::{OffsetDateTime, UtcOffset};

/// The text of a moment, in ASCII.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateTimeText([u8; 24]);

/// Formats a moment (RFC 3339). Fractions of a millisecond are dropped, and a negative year is
/// written as 0.
#[must_use]
pub fn written(moment: OffsetDateTime) -> DateTimeText {
    let moment = moment.checked_to_offset(UtcOffset::UTC).unwrap_or(moment);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    digits(&mut text[0..4], u32::try_from(moment.year()).unwrap_or_default());
    digits(&mut text[5..7], u8::from(moment.month()).into());
    digits(&mut text[8..10], moment.day().into());
    digits(&mut text[11..13], moment.hour().into());
    digits(&mut text[14..16], moment.minute().into());
    digits(&mut text[17..19], moment.second().into());
    digits(&mut text[20..23], moment.millisecond().into());
    DateTimeText(text)
}

/// Writes the number into the places, with leading zeros.
fn digits(places: &mut [u8], mut number: u32) {
    for place in places.iter_mut().rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

impl DateTimeText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The text is ASCII, so this cannot fail.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for DateTimeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for DateTimeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Rounds a moment up to a whole millisecond. A recorded moment is at or after the result if and
/// only if it is at or after `moment`.
#[must_use]
pub fn whole_millis_from(moment: OffsetDateTime) -> OffsetDateTime {
    let beyond = moment.nanosecond() % 1_000_000;
    if beyond == 0 {
        return moment;
    }
    moment.checked_add(time::Duration::nanoseconds(i64::from(1_000_000 - beyond))).unwrap_or(moment)
}

/// For `#[serde(serialize_with = "crate::date_time::serialize")]`.
///
/// # Errors
/// Those of the serialiser.
pub fn serialize<S: Serializer>(moment: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(written(*moment).as_str())
}

/// The same for an optional moment.
pub mod option {
    use serde::Serializer;
    use time::OffsetDateTime;

    /// For `#[serde(serialize_with = "crate::date_time::option::serialize")]`.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(
        moment: &Option<OffsetDateTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match moment {
            Some(moment) => super::serialize(moment, serializer),
            None => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;
    use crate::moments::{DateTime, parse};

    #[test]
    fn a_moment_has_three_digits_after_the_second_and_is_in_utc() {
        for (moment, expected) in [
            (datetime!(2026-03-01 12:00 UTC), "2026-03-01T12:00:00.000Z"),
            (datetime!(2026-03-01 12:00:01.5 UTC), "2026-03-01T12:00:01.500Z"),
            (datetime!(2026-03-01 12:00:01.123456789 UTC), "2026-03-01T12:00:01.123Z"),
            (datetime!(2026-03-01 00:30 +02:00), "2026-02-28T22:30:00.000Z"),
            (datetime!(0001-01-01 0:00 UTC), "0001-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(written(moment).as_str(), expected);
        }
    }

    proptest! {
        #[test]
        fn formatted_times_parse_back_and_sort_in_the_order_of_time(
            first in -62_135_596_800_000_i64..253_402_300_799_999,
            second in -62_135_596_800_000_i64..253_402_300_799_999,
        ) {
            let moment = |millis: i64| OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).unwrap();
            let first = moment(first);
            let second = moment(second);
            let text = written(first);
            let other = written(second);
            prop_assert_eq!(parse(text.as_str()), Some(DateTime::Moment(first)));
            prop_assert_eq!(text.as_str().cmp(other.as_str()), first.cmp(&second));
        }

        #[test]
        fn recorded_moments_are_at_or_after_both_a_moment_and_the_whole_millisecond_from_it(
            nanos in 0_i128..4_000_000_000, recorded in 0_i128..4_000,
        ) {
            let moment = |nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap();
            let asked = moment(nanos);
            let recorded = moment(recorded * 1_000_000);
            prop_assert_eq!(recorded >= asked, recorded >= whole_millis_from(asked));
            prop_assert_eq!(parse(written(whole_millis_from(asked)).as_str()), Some(DateTime::Moment(whole_millis_from(asked))));
        }
    }
}
