//! Dates as rosters write them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{Date, Month};

/// Reads a date that can mean only one day: `2026-04-10` or `2026/04/10`, also with a time of day,
/// which is dropped. Other forms need a [`DateFormat`].
#[must_use]
pub fn read_date(text: &str) -> Option<Date> {
    let (day, rest) = text.trim().split_at_checked("2026-04-10".len())?;
    if !rest.is_empty() && !rest.starts_with(['T', 't', ' ']) {
        return None;
    }
    let separator = if day.contains('/') { '/' } else { '-' };
    let mut parts = day.split(separator);
    let year = parts.next()?;
    let month = parts.next()?;
    let day = parts.next()?;
    let exact = year.len() == 4 && month.len() == 2 && day.len() == 2 && parts.next().is_none();
    exact.then(|| calendar_date(number(year)?, number(month)?, number(day)?))?
}

/// Whether a cell stands for "no date". BambooHR's API writes `0000-00-00`.
#[must_use]
pub fn is_no_date(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text == "-" || text.starts_with("0000-00-00")
}

/// Writes a date as RFC 3339 does (`full-date`).
#[must_use]
pub fn written(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// A part of a [`DateFormat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Year,
    Month,
    MonthName,
    Day,
    Text(char),
}

/// The form of a source's dates, from the setting `roster.date_format`, for example `DD/MM/YYYY` or
/// `D-MMM-YYYY`. `YYYY` is the year, `MM` or `M` the month, `MMM` its English name (three letters),
/// `DD` or `D` the day. Each stands once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateFormat(Vec<Part>);

/// A [`DateFormat`] that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a date format has YYYY, MM (or M, or MMM for English names) and DD (or D) once each, with \
     other characters between them, for example DD/MM/YYYY"
)]
pub struct BadDateFormat;

impl DateFormat {
    /// Reads a format.
    ///
    /// # Errors
    /// [`BadDateFormat`] unless year, month and day stand in it once each and apart.
    pub fn read(text: &str) -> Result<Self, BadDateFormat> {
        let mut parts = Vec::new();
        let mut rest = text.trim();
        while let Some(first) = rest.chars().next() {
            let length = rest.chars().take_while(|letter| *letter == first).count();
            let part = match (first, length) {
                ('Y', 4) => Part::Year,
                ('M', 1 | 2) => Part::Month,
                ('M', 3) => Part::MonthName,
                ('D', 1 | 2) => Part::Day,
                ('Y' | 'M' | 'D', _) => return Err(BadDateFormat),
                _ => Part::Text(first),
            };
            let taken = if let Part::Text(letter) = part { letter.len_utf8() } else { length };
            parts.push(part);
            rest = rest.get(taken..).unwrap_or_default();
        }
        let count = |wanted: &[Part]| parts.iter().filter(|part| wanted.contains(part)).count();
        let once = count(&[Part::Year]) == 1
            && count(&[Part::Month, Part::MonthName]) == 1
            && count(&[Part::Day]) == 1;
        let apart =
            parts.windows(2).all(|two| two.iter().any(|part| matches!(part, Part::Text(_))));
        if once && apart { Ok(Self(parts)) } else { Err(BadDateFormat) }
    }

    /// Reads a date in this form; a time of day may follow after a blank.
    #[must_use]
    pub fn parse(&self, text: &str) -> Option<Date> {
        let mut rest = text.trim();
        let mut year = None;
        let mut month = None;
        let mut day = None;
        for part in &self.0 {
            match part {
                Part::Text(letter) => rest = rest.strip_prefix(*letter)?,
                Part::MonthName => {
                    let (name, after) = rest.split_at_checked(3)?;
                    month = Some(month_of(name)?);
                    rest = after;
                }
                Part::Year => year = Some(take_number(&mut rest, 4, 4)?),
                Part::Month => month = Some(take_number(&mut rest, 1, 2)?),
                Part::Day => day = Some(take_number(&mut rest, 1, 2)?),
            }
        }
        let ends = rest.is_empty() || rest.starts_with(' ');
        ends.then(|| calendar_date(year?, month?, day?))?
    }
}

impl<'de> Deserialize<'de> for DateFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).map_err(serde::de::Error::custom)
    }
}

fn month_of(name: &str) -> Option<u16> {
    const NAMES: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let place = NAMES.iter().position(|month| month.eq_ignore_ascii_case(name))?;
    u16::try_from(place + 1).ok()
}

/// Takes a number of `least` to `most` digits from the start of `rest`.
fn take_number(rest: &mut &str, least: usize, most: usize) -> Option<u16> {
    let length = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (digits, after) = rest.split_at_checked(length)?;
    *rest = after;
    (length >= least).then(|| number(digits))?
}

fn number(digits: &str) -> Option<u16> {
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())?
}

fn calendar_date(year: u16, month: u16, day: u16) -> Option<Date> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    (year > 0)
        .then(|| Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok())?
}

/// For `#[serde(with = "…")]` on an optional date.
pub mod option {
    use super::{Date, Deserialize, Deserializer, Serialize, Serializer, read_date, written};

    /// Writes the date as RFC 3339 does.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(date: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
        date.map(written).serialize(serializer)
    }

    /// Reads what [`serialize`] writes.
    ///
    /// # Errors
    /// Those of the deserialiser, and if the text is not a date.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Date>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| read_date(&text).ok_or_else(|| serde::de::Error::custom("not a date")))
            .transpose()
    }
}

impl fmt::Display for DateFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Year => f.write_str("YYYY")?,
                Part::Month => f.write_str("MM")?,
                Part::MonthName => f.write_str("MMM")?,
                Part::Day => f.write_str("DD")?,
                Part::Text(letter) => write!(f, "{letter}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::date;

    use super::*;

    #[test]
    fn a_date_is_read_without_a_format_only_if_it_can_mean_one_day() {
        let day = Some(date!(2026 - 04 - 10));
        for text in [
            "2026-04-10",
            "2026/04/10",
            "2026/04/10 04:05:20",
            " 2026-04-10T04:05:20Z ",
            "2026-04-10 00:00:00.0",
        ] {
            assert_eq!(read_date(text), day, "{text}");
        }
        for text in [
            "",
            "03/04/2026",
            "10.04.2026",
            "2026-4-10",
            "2026-04",
            "2026-02-30",
            "2026-04-10x",
            "20260410",
            "Never logged in",
            "46122",
            "0000-01-01",
        ] {
            assert_eq!(read_date(text), None, "{text}");
        }
    }

    #[test]
    fn a_format_of_the_settings_reads_other_dates() {
        let day = Some(date!(2026 - 04 - 03));
        for (format, text) in [
            ("DD/MM/YYYY", "03/04/2026"),
            ("MM/DD/YYYY", "4/3/2026"),
            ("D.M.YYYY", "3.4.2026"),
            ("DD-MMM-YYYY", "03-Apr-2026"),
            ("DD/MM/YYYY", "03/04/2026 10:15"),
        ] {
            assert_eq!(DateFormat::read(format).unwrap().parse(text), day, "{format} {text}");
        }
        let format = DateFormat::read("DD/MM/YYYY").unwrap();
        for text in ["", "2026-04-03", "31/02/2026", "03/04/26", "03/04/20261", "a/b/c"] {
            assert_eq!(format.parse(text), None, "{text}");
        }
        for format in ["", "DD/MM", "YYYYMMDD", "DD/MM/YY", "DD/MM/YYYY/DD", "%d/%m/%Y"] {
            assert_eq!(DateFormat::read(format), Err(BadDateFormat), "{format}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(day in 1_721_426_i32..5_373_484) {
            let day = Date::from_julian_day(day).unwrap();
            prop_assert_eq!(read_date(&written(day)), Some(day));
            let format = DateFormat::read("DD.MM.YYYY").unwrap();
            let text = format!("{:02}.{}.{:04}", day.day(), u8::from(day.month()), day.year());
            prop_assert_eq!(format.parse(&text), Some(day));
        }

        #[test]
        fn no_text_makes_reading_panic(text in "\\PC{0,20}", format in "[YMD/ é]{0,12}") {
            let _ = read_date(&text);
            if let Ok(format) = DateFormat::read(&format) {
                let _ = format.parse(&text);
            }
        }
    }
}
