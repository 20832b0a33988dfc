//! How moments are written in all responses and exports, and how they are parsed in SCIM filters.
//!
//! All recorded times have whole milliseconds (see [`crate::clock`]), so a moment is written with
//! exactly three digits after the second, in UTC: `2026-03-01T12:00:00.000Z`. All texts have the
//! same length, and their order is the order of time. Nothing is cut off: a time from a response
//! means the same moment in a filter.

use std::fmt;

use serde::Serializer;
use time::format_description::well_known::Rfc3339;
use time::macros::time;
use time::{Date, Month, OffsetDateTime, UtcOffset};

/// The text of a moment, in ASCII.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written([u8; 24]);

/// Formats a moment (RFC 3339). Fractions of a millisecond are dropped, and a negative year is
/// written as 0.
#[must_use]
pub fn written(moment: OffsetDateTime) -> Written {
    let moment = moment.checked_to_offset(UtcOffset::UTC).unwrap_or(moment);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    digits(&mut text[0..4], u32::try_from(moment.year()).unwrap_or_default());
    digits(&mut text[5..7], u8::from(moment.month()).into());
    digits(&mut text[8..10], moment.day().into());
    digits(&mut text[11..13], moment.hour().into());
    digits(&mut text[14..16], moment.minute().into());
    digits(&mut text[17..19], moment.second().into());
    digits(&mut text[20..23], moment.millisecond().into());
    Written(text)
}

/// Writes the number into the places, with leading zeros.
fn digits(places: &mut [u8], mut number: u32) {
    for place in places.iter_mut().rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

impl Written {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The text is ASCII, so this cannot fail.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Written {
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

/// A date or time that a client wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateTime {
    /// A moment.
    Moment(OffsetDateTime),
    /// A date without a time of day: the whole day in UTC.
    Day(Date),
}

impl DateTime {
    /// Returns the moment, or the first moment of the day.
    #[must_use]
    pub fn start(self) -> OffsetDateTime {
        match self {
            Self::Moment(moment) => moment,
            Self::Day(day) => day.midnight().assume_utc(),
        }
    }

    /// Returns the moment, or the last moment of the day.
    #[must_use]
    pub fn end(self) -> OffsetDateTime {
        match self {
            Self::Moment(moment) => moment,
            Self::Day(day) => day.with_time(time!(23:59:59.999_999_999)).assume_utc(),
        }
    }
}

/// Parses a client's xsd:dateTime (RFC 7643 §2.3.5, RFC 3339) with any offset and any number of
/// fraction digits.
///
/// NB: other forms that clients send are accepted if they are unambiguous. The seconds may be
/// missing. The offset may be missing (then it is UTC), or written as `+0200` or `+02`. A space may
/// stand in place of `T`; a `+` that was not escaped in a URL arrives as a space, too. Hour 24 is
/// read as hour 0 of the same day, as Java's `kk` writes it; so a client that asks what changed
/// since then misses nothing. A date may stand alone.
#[must_use]
pub fn parse(text: &str) -> Option<DateTime> {
    let text = text.trim();
    let (day, rest) = text.split_at_checked("2026-03-01".len())?;
    let date = date(day)?;
    let Some(separator) = rest.bytes().next() else { return Some(DateTime::Day(date)) };
    if !matches!(separator, b'T' | b't' | b' ') {
        return None;
    }
    let rest = &rest[1..];
    let (clock, offset) = rest.split_at(rest.find(['Z', 'z', '+', '-', ' ']).unwrap_or(rest.len()));
    let clock = clock
        .strip_prefix("24:")
        .map_or_else(|| clock.to_owned(), |minutes| format!("00:{minutes}"));
    let clock = match clock.len() {
        // Only hours and minutes.
        5 => format!("{clock}:00"),
        _ => clock,
    };
    let offset = offset_of(offset)?;
    OffsetDateTime::parse(&format!("{day}T{clock}{offset}"), &Rfc3339).ok().map(DateTime::Moment)
}

/// `2026-03-01`
fn date(text: &str) -> Option<Date> {
    let [year, month, day]: [&str; 3] = text.split('-').collect::<Vec<_>>().try_into().ok()?;
    let number = |text: &str, length: usize| {
        let digits = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u16>().ok()).flatten()
    };
    let month = Month::try_from(u8::try_from(number(month, 2)?).ok()?).ok()?;
    Date::from_calendar_date(
        i32::from(number(year, 4)?),
        month,
        u8::try_from(number(day, 2)?).ok()?,
    )
    .ok()
}

/// Converts an offset to the form of RFC 3339.
fn offset_of(text: &str) -> Option<String> {
    if matches!(text, "" | "Z" | "z") {
        return Some("Z".to_owned());
    }
    let (sign, digits) = text.split_at_checked(1)?;
    let sign = if sign == " " { "+" } else { sign };
    if !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') {
        return None;
    }
    match (digits.len(), digits.contains(':')) {
        (5, true) => Some(format!("{sign}{digits}")),
        (4, false) => Some(format!("{sign}{}:{}", &digits[..2], &digits[2..])),
        (2, false) => Some(format!("{sign}{digits}:00")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

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

    #[test]
    fn what_clients_write_is_read_where_it_can_mean_only_one_thing() {
        let noon = datetime!(2026-03-01 12:00 UTC);
        for text in [
            "2026-03-01T12:00:00Z",
            "2026-03-01t12:00:00z",
            "2026-03-01T12:00:00.000Z",
            "2026-03-01T12:00:00.0000000Z",
            "2026-03-01T14:00:00+02:00",
            "2026-03-01T14:00:00 02:00",
            "2026-03-01T14:00:00+0200",
            "2026-03-01T14:00:00 0200",
            "2026-03-01T14:00:00.000+0200",
            "2026-03-01T14:00:00+02",
            "2026-03-01T07:30:00-0430",
            "2026-03-01T12:00Z",
            "2026-03-01T12:00",
            "2026-03-01T14:00+0200",
            "2026-03-01T12:00:00",
            "2026-03-01 12:00:00",
            "2026-03-01 12:00:00Z",
            "2026-03-01 12:00",
            " 2026-03-01T12:00:00Z ",
        ] {
            assert_eq!(parse(text), Some(DateTime::Moment(noon)), "{text}");
        }
        let day = DateTime::Day(noon.date());
        assert_eq!((parse("2026-03-01"), day.start()), (Some(day), datetime!(2026-03-01 0:00 UTC)));
        assert_eq!(day.end(), datetime!(2026-03-01 23:59:59.999_999_999 UTC));
        assert_eq!(
            parse("2026-03-01T24:30:00"),
            Some(DateTime::Moment(datetime!(2026-03-01 0:30 UTC)))
        );
        assert_eq!(
            parse("0001-01-03T00:00:00.0000000Z"),
            Some(DateTime::Moment(datetime!(0001-01-03 0:00 UTC)))
        );
    }

    #[test]
    fn what_could_mean_several_things_or_nothing_is_not_read() {
        for text in [
            "",
            "yesterday",
            "2026",
            "2026-03",
            "03/01/2026",
            "01-03-2026",
            "2026-3-1",
            "20260301",
            "2026-13-01",
            "2026-02-30",
            "2026-03-01T",
            "2026-03-01T12",
            "2026-03-01T12Z",
            "2026-03-01T12:0",
            "2026-03-01T25:00:00Z",
            "2026-03-01T12:60:00Z",
            "2026-03-01T12:00:00+2",
            "2026-03-01T12:00:00+020",
            "2026-03-01T12:00:00+02:00:00",
            "2026-03-01T12:00:00 UTC",
            "2026-03-01T12:00:00ZZ",
            "2026-03-01x12:00:00Z",
            "２０２６-03-01T12:00:00Z",
            "1772366400",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same_moment_and_is_in_the_order_of_time(
            first in -62_135_596_800_000_i64..253_402_300_799_999,
            second in -62_135_596_800_000_i64..253_402_300_799_999,
        ) {
            let moment = |millis: i64| OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).unwrap();
            let (first, second) = (moment(first), moment(second));
            let (text, other) = (written(first), written(second));
            prop_assert_eq!(parse(text.as_str()), Some(DateTime::Moment(first)));
            prop_assert_eq!(text.as_str().cmp(other.as_str()), first.cmp(&second));
        }

        #[test]
        fn recorded_moments_are_at_or_after_both_a_moment_and_the_whole_millisecond_from_it(
            nanos in 0_i128..4_000_000_000, recorded in 0_i128..4_000,
        ) {
            let moment = |nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap();
            let (asked, recorded) = (moment(nanos), moment(recorded * 1_000_000));
            prop_assert_eq!(recorded >= asked, recorded >= whole_millis_from(asked));
            prop_assert_eq!(parse(written(whole_millis_from(asked)).as_str()), Some(DateTime::Moment(whole_millis_from(asked))));
        }

        #[test]
        fn no_text_makes_reading_panic(text in "\\PC{0,30}", digits in "[0-9T:+ Z.-]{0,30}") {
            let _ = (parse(&text), parse(&digits));
        }
    }
}
