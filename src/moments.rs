//! Parses the moments that people and clients write. Pure.
//!
//! There is one syntax: RFC 3339, also with a space in place of `T`, without seconds, without an
//! offset, or as a date alone. [`read`] is for the flat API and the command line, where a date may
//! belong to a time zone. [`parse`] is for filters of SCIM.

use std::sync::LazyLock;

use jiff::civil::{self, Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use time::OffsetDateTime;
use time::macros::time;

use crate::limits;

/// The built-in tz database. It is the same on every machine, and no file is read.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The accepted forms, for error texts.
pub const FORMS: &str =
    "a date such as 2026-03-01, or a moment such as 2026-03-01T23:59:59Z or 2026-03-01T23:59+01:00";

/// A time zone.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Returns the zone with this name in the IANA database, such as `Europe/Dublin`, ignoring
    /// case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if name.len() > limits::ZONE_NAME_BYTES {
            return None;
        }
        ZONES.get(name).ok().map(Self)
    }

    /// Returns the names of all time zones of the database, sorted.
    pub fn names() -> impl Iterator<Item = String> {
        ZONES.available().map(|name| name.as_str().to_owned())
    }

    /// Returns the name of this zone, spelled as in the IANA database.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Returns a moment with the offset that this zone has then.
    #[must_use]
    pub fn local(&self, moment: OffsetDateTime) -> OffsetDateTime {
        let offset = jiff::Timestamp::from_second(moment.unix_timestamp())
            .map_or(0, |timestamp| self.0.to_offset(timestamp).seconds());
        let offset = time::UtcOffset::from_whole_seconds(offset).unwrap_or(time::UtcOffset::UTC);
        moment.checked_to_offset(offset).unwrap_or(moment)
    }

    /// Returns the day on which a moment lies in this zone.
    #[must_use]
    pub fn date_at(&self, moment: OffsetDateTime) -> time::Date {
        self.local(moment).date()
    }

    /// Returns the first moment after a day in this zone; `None` at the end of the calendar.
    #[must_use]
    pub fn end_of(&self, day: time::Date) -> Option<OffsetDateTime> {
        let month = i8::try_from(u8::from(day.month())).ok()?;
        let year = i16::try_from(day.year()).ok()?;
        end_of(Date::new(year, month, i8::try_from(day.day()).ok()?).ok()?, self)
    }
}

/// The moment that a date without a time stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The first moment of the day: for "since".
    Start,
    /// The first moment after the day: for "before", which then includes the whole day.
    End,
    /// The last millisecond of the day: for "as of", since the bridge records whole milliseconds.
    Last,
}

/// A parsed moment, and whether it was written as a date alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsedMoment {
    /// The moment.
    pub moment: OffsetDateTime,
    /// Whether it was a date without a time.
    pub is_day: bool,
}

/// A date or time in a filter of SCIM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateTime {
    /// A moment.
    Moment(OffsetDateTime),
    /// A date without a time of day: the whole day in UTC.
    Day(time::Date),
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

/// Parses a moment; `None` if the text is none. In a query string a `+` that was not
/// percent-encoded has become a space, so a space counts as `+`.
///
/// A local time that a change of clocks skips is moved forward by the length of the gap. Of a local
/// time that occurs twice, [`Edge::Start`] takes the first and the other edges take the second. The
/// seconds, and the colon of the offset, may be missing. Hour 24 is refused: as the end of a period
/// it would mean the next day in ISO 8601 and the same day for Java's `kk`.
#[must_use]
pub fn read(text: &str, edge: Edge, zone: &Zone) -> Option<ParsedMoment> {
    let Parts { date, time } = parts(text, Hour24::Refused)?;
    let moment = match (time, edge) {
        (None, Edge::Start) => start_of(date, zone)?,
        (None, Edge::End) => end_of(date, zone)?,
        (None, Edge::Last) => end_of(date, zone)?.checked_sub(time::Duration::milliseconds(1))?,
        (Some((time, Some(offset))), _) => in_utc(date.to_datetime(time))?.checked_sub(offset)?,
        (Some((time, None)), _) => in_zone(date.to_datetime(time), edge, zone)?,
    };
    Some(ParsedMoment { moment, is_day: time.is_none() })
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
    let Parts { date, time } = parts(text, Hour24::IsHourZero)?;
    let midnight = in_utc(date.to_datetime(Time::midnight()))?;
    let Some((time, offset)) = time else { return Some(DateTime::Day(midnight.date())) };
    let moment = in_utc(date.to_datetime(time))?;
    Some(DateTime::Moment(match offset {
        // A moment after the last one that the type can hold is later than all recorded ones, and
        // so is the last one.
        Some(offset) => moment.checked_sub(offset).unwrap_or(moment),
        None => moment,
    }))
}

/// How a time with hour 24 is parsed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hour24 {
    /// As hour 0 of the same day.
    IsHourZero,
    /// Not at all.
    Refused,
}

/// The parts of a written moment: a date, and perhaps a time, which may have an offset.
struct Parts {
    date: Date,
    time: Option<(Time, Option<time::Duration>)>,
}

fn parts(text: &str, hour_24: Hour24) -> Option<Parts> {
    let text = text.trim();
    let (date, rest) = text.split_at_checked(10)?;
    let date = date_of(date)?;
    if rest.is_empty() {
        return Some(Parts { date, time: None });
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, offset) = match rest.find(['Z', 'z', '+', '-', ' ']) {
        Some(at) => (&rest[..at], Some(offset_of(&rest[at..])?)),
        None => (rest, None),
    };
    Some(Parts { date, time: Some((time_of(time, hour_24)?, offset)) })
}

/// RFC 3339 §5.6, `full-date`.
fn date_of(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    let date = || {
        Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?)
            .ok()
    };
    parts.next().is_none().then(date)?
}

/// RFC 3339 §5.6, `partial-time`; the seconds may be missing. A leap second is read as second 59.
fn time_of(text: &str, hour_24: Hour24) -> Option<Time> {
    let mut parts = text.splitn(3, ':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let (second, nanosecond) = match parts.next() {
        None => (0, 0),
        Some(text) => {
            let (second, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
            let all_digits =
                !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
            let nanosecond =
                format!("{:0<9.9}", Some(fraction).filter(|_| all_digits)?).parse().ok()?;
            (digits(second, 2)?, nanosecond)
        }
    };
    let hour = if hour == 24 && hour_24 == Hour24::IsHourZero { 0 } else { hour };
    let second = if second == 60 { 59 } else { second };
    let small = |number: u16| i8::try_from(number).ok();
    Time::new(small(hour)?, small(minute)?, small(second)?, nanosecond).ok()
}

/// RFC 3339 §5.6, `time-offset`; the colon, and the minutes, may be missing.
fn offset_of(text: &str) -> Option<time::Duration> {
    if text.eq_ignore_ascii_case("z") {
        return Some(time::Duration::ZERO);
    }
    let (sign, rest) = text.split_at_checked(1)?;
    let rest = rest.replacen(':', "", 1);
    let (hours, minutes) = match rest.len() {
        2 => (digits(&rest, 2)?, 0),
        4 => (digits(&rest[..2], 2)?, digits(rest.get(2..)?, 2)?),
        _ => return None,
    };
    let ahead = time::Duration::minutes(i64::from(hours) * 60 + i64::from(minutes));
    (hours < 24 && minutes < 60).then_some(if sign == "-" { -ahead } else { ahead })
}

/// Parses a number of exactly `count` ASCII digits.
fn digits(text: &str, count: usize) -> Option<u16> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

fn start_of(date: Date, zone: &Zone) -> Option<OffsetDateTime> {
    in_zone(date.to_datetime(Time::midnight()), Edge::Start, zone)
}

fn end_of(date: Date, zone: &Zone) -> Option<OffsetDateTime> {
    match date.tomorrow() {
        Ok(tomorrow) => start_of(tomorrow, zone),
        // There is no day after the last one that the type can hold.
        Err(_) => in_utc(date.to_datetime(Time::MAX)),
    }
}

/// Returns the moment of a local time in the zone.
fn in_zone(local: civil::DateTime, edge: Edge, zone: &Zone) -> Option<OffsetDateTime> {
    if zone.0 == TimeZone::UTC {
        return in_utc(local);
    }
    let found = zone.0.to_ambiguous_timestamp(local);
    let timestamp = match (found.offset(), edge) {
        (AmbiguousOffset::Fold { .. }, Edge::End | Edge::Last) => found.later(),
        (AmbiguousOffset::Fold { .. }, Edge::Start) => found.earlier(),
        _ => found.compatible(),
    };
    OffsetDateTime::from_unix_timestamp_nanos(timestamp.ok()?.as_nanosecond()).ok()
}

fn in_utc(local: civil::DateTime) -> Option<OffsetDateTime> {
    let small = |number: i8| u8::try_from(number).ok();
    let month = time::Month::try_from(small(local.month())?).ok()?;
    let date =
        time::Date::from_calendar_date(local.year().into(), month, small(local.day())?).ok()?;
    let nanosecond = u32::try_from(local.subsec_nanosecond()).ok()?;
    let hour = small(local.hour())?;
    let minute = small(local.minute())?;
    let second = small(local.second())?;
    Some(date.with_hms_nano(hour, minute, second, nanosecond).ok()?.assume_utc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::UtcOffset;
    use time::format_description::well_known::Rfc3339;
    use time::macros::{date, datetime};

    use super::*;

    fn moment(text: &str, edge: Edge, zone: &str) -> Option<OffsetDateTime> {
        read(text, edge, &Zone::named(zone).unwrap()).map(|written| written.moment)
    }

    #[test]
    fn a_date_is_its_day_in_the_zone_that_is_named() {
        let edges = |text, zone| {
            [Edge::Start, Edge::End, Edge::Last].map(|edge| moment(text, edge, zone).unwrap())
        };
        assert_eq!(
            edges("2026-03-01", "UTC"),
            [
                datetime!(2026-03-01 0:00 UTC),
                datetime!(2026-03-02 0:00 UTC),
                datetime!(2026-03-01 23:59:59.999 UTC)
            ]
        );
        assert_eq!(
            edges("2026-07-01", "Europe/Dublin")[..2],
            [datetime!(2026-06-30 23:00 UTC), datetime!(2026-07-01 23:00 UTC)]
        );
        assert_eq!(
            moment("2026-07-01", Edge::Start, "europe/dublin"),
            Some(datetime!(2026-06-30 23:00 UTC))
        );
        assert_eq!(
            moment("2026-01-01", Edge::Start, "Asia/Kolkata"),
            Some(datetime!(2025-12-31 18:30 UTC))
        );
    }

    #[test]
    fn days_that_change_their_clocks_are_longer_or_shorter_and_leave_nothing_out() {
        // Dublin's clocks go forward on 29 March and back on 25 October 2026.
        for (day, hours) in [("2026-03-29", 23), ("2026-10-25", 25), ("2026-05-01", 24)] {
            let length = moment(day, Edge::End, "Europe/Dublin").unwrap()
                - moment(day, Edge::Start, "Europe/Dublin").unwrap();
            assert_eq!(length.whole_hours(), hours, "{day}");
        }
        let dublin = "Europe/Dublin";
        let havana = "America/Havana";
        for (text, edge, zone, expected) in [
            // 1:30 is skipped on the first day and occurs twice on the second.
            ("2026-03-29T01:30", Edge::Start, dublin, datetime!(2026-03-29 1:30 UTC)),
            ("2026-10-25T01:30", Edge::Start, dublin, datetime!(2026-10-25 0:30 UTC)),
            ("2026-10-25T01:30", Edge::End, dublin, datetime!(2026-10-25 1:30 UTC)),
            // In Cuba, midnight itself is skipped on one day and occurs twice on another.
            ("2026-03-08", Edge::Start, havana, datetime!(2026-03-08 5:00 UTC)),
            ("2026-11-01", Edge::Start, havana, datetime!(2026-11-01 4:00 UTC)),
            ("2026-10-31", Edge::End, havana, datetime!(2026-11-01 4:00 UTC)),
        ] {
            assert_eq!(moment(text, edge, zone), Some(expected), "{text} {edge:?}");
        }
    }

    #[test]
    fn a_moment_lies_on_the_day_that_the_clocks_of_the_zone_show() {
        let dublin = Zone::named("Europe/Dublin").unwrap();
        let day = |moment| dublin.date_at(moment);
        assert_eq!(day(datetime!(2026-07-01 22:59:59.999 UTC)), date!(2026 - 07 - 01));
        assert_eq!(day(datetime!(2026-07-01 23:00 UTC)), date!(2026 - 07 - 02));
        assert_eq!(day(datetime!(2026-01-01 23:30 UTC)), date!(2026 - 01 - 01));
        let end = dublin.end_of(date!(2026 - 07 - 01));
        assert_eq!(end, Some(datetime!(2026-07-01 23:00 UTC)));
    }

    #[test]
    fn only_unambiguous_times_are_read() {
        for text in [
            "2026-03-01T12:30:00Z",
            "2026-03-01t12:30:00z",
            "2026-03-01T12:30Z",
            "2026-03-01 12:30",
            "2026-03-01T12:30",
            "2026-03-01T12:30:00.000Z",
            "2026-03-01T13:30:00+01:00",
            "2026-03-01T13:30:00 01:00",
            "2026-03-01T13:30+0100",
            "2026-03-01T13:30+01",
            "2026-03-01T07:00:00-05:30",
        ] {
            assert_eq!(
                moment(text, Edge::Start, "UTC"),
                Some(datetime!(2026-03-01 12:30 UTC)),
                "{text}"
            );
        }
        for text in [
            "",
            "now",
            "2026",
            "2026-03",
            "2026-3-1",
            "01.03.2026",
            "2026-02-30",
            "2026-13-01",
            "2026-03-01T",
            "2026-03-01Z",
            "2026-03-01T24:00:00Z",
            "2026-03-01T12",
            "2026-03-01T12:60Z",
            "2026-03-01T12:00:00+25:00",
            "2026-03-01T12:00:00+1",
            "2026-03-01T12:00:00.Z",
            "2026-03-01X12:00",
            "２０２６-03-01",
            "2026-03-01T12:00:00Zz",
            "9999-12-31T23:00:00-05:00",
        ] {
            assert_eq!(moment(text, Edge::Start, "UTC"), None, "{text}");
        }
        assert!(
            moment("9999-12-31", Edge::End, "UTC").is_some()
                && moment("0000-01-01", Edge::Start, "UTC").is_some()
        );
    }

    #[test]
    fn a_zone_is_one_of_the_databases_and_no_path() {
        for name in [
            "",
            "Mars/Olympus",
            "../../etc/passwd",
            "/etc/localtime",
            "+01:00",
            &"x".repeat(10_000),
        ] {
            assert!(Zone::named(name).is_none(), "{name}");
        }
    }

    #[test]
    fn times_of_clients_are_read_if_they_are_unambiguous() {
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
    fn ambiguous_and_malformed_times_are_not_read() {
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

    #[test]
    fn both_parsers_read_the_same_syntax_but_for_hour_24() {
        let leap = datetime!(2026-03-01 12:30:59 UTC);
        for text in ["2026-03-01T12:30:60Z", "2026-03-01 12:30:60", "2026-03-01T13:30:60 01:00"] {
            assert_eq!(parse(text), Some(DateTime::Moment(leap)), "{text}");
            assert_eq!(moment(text, Edge::Start, "UTC"), Some(leap), "{text}");
        }
        assert_eq!(parse("2026-03-01T24:30Z"), parse("2026-03-01T00:30Z"));
        assert_eq!(moment("2026-03-01T24:30Z", Edge::Start, "UTC"), None);
        assert_eq!(parse("2026-03-01T12:30:61Z"), None);
    }

    proptest! {
        #[test]
        fn both_parsers_read_a_time_as_the_same_moment(
            day in "[0-9]{4}-[01][0-9]-[0-3][0-9]", rest in "([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,12})?)?([Zz]|[+ -][0-9]{2}(:?[0-9]{2})?)?)?",
        ) {
            let text = format!("{day}{rest}");
            if let Some(ParsedMoment { moment, is_day }) = read(&text, Edge::Start, &Zone::UTC) {
                let parsed = parse(&text);
                prop_assert_eq!(parsed.map(DateTime::start), Some(moment));
                prop_assert_eq!(matches!(parsed, Some(DateTime::Day(_))), is_day);
            }
        }

        #[test]
        fn no_text_makes_parsing_panic(text in "\\PC{0,30}", digits in "[0-9T:+ Z.-]{0,30}") {
            let _ = (parse(&text), parse(&digits));
        }

        #[test]
        fn whatever_is_written_as_rfc_3339_is_read_as_that_moment(seconds in -62_000_000_000_i64..253_000_000_000, millis in 0_i64..1_000, offset in -23_i8..=23) {
            let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap() + time::Duration::milliseconds(millis);
            let written = moment.to_offset(UtcOffset::from_hms(offset, 0, 0).unwrap());
            if let Ok(text) = written.format(&Rfc3339) {
                prop_assert_eq!(read(&text, Edge::Start, &Zone::UTC).map(|read| read.moment), Some(moment));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}") {
            for edge in [Edge::Start, Edge::End, Edge::Last] {
                let _ = read(&text, edge, &Zone::UTC);
            }
        }
    }
}
