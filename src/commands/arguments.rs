//! Parsers for arguments that several commands have: names, numbers, times, durations. Their errors
//! say what is expected.

#[cfg(any(feature = "simulator", test))]
use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use time::OffsetDateTime;

use super::error::CommandError;
use crate::limits;
use crate::moments::{self, Edge, Zone};
use crate::words::Words;

/// Parses a whole number within a range.
#[cfg(any(feature = "simulator", test))]
pub fn number<T: FromStr + PartialOrd + Display>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone
where
    RangeInclusive<T>: Clone,
{
    move |text| {
        let number = text.trim().parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            format!("must be a whole number from {} to {}", range.start(), range.end())
        })
    }
}

/// Parses one word of an enum. Help texts list all words.
pub fn word<T: Words + Send + Sync>() -> impl TypedValueParser<Value = T> {
    let words = T::VALUES.iter().map(|value| value.word());
    PossibleValuesParser::new(words)
        .try_map(|word| T::from_word(&word).ok_or_else(|| format!("must be one of {}", T::list())))
}

/// Parses a name for lists: not empty, not too long, and without control characters.
pub fn name(text: &str) -> Result<String, String> {
    let most = limits::NAME_CHARACTERS;
    let fits =
        (1..=most).contains(&text.trim().chars().count()) && !text.chars().any(char::is_control);
    if fits {
        Ok(text.trim().to_owned())
    } else {
        Err(format!("must have 1 to {most} characters, and no line breaks"))
    }
}

/// Checks a moment, and returns it unparsed: the moment that a date stands for depends on the time
/// zone, another argument.
pub fn moment(text: &str) -> Result<String, String> {
    match moments::read(text, Edge::Start, &Zone::UTC) {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!("must be {}", moments::FORMS)),
    }
}

/// Parses the name of a time zone.
pub fn zone(text: &str) -> Result<Zone, String> {
    Zone::named(text)
        .ok_or_else(|| "must be a time zone of the IANA database, such as Europe/Dublin".to_owned())
}

/// Parses an argument that [`moment`] has checked.
pub fn moment_of(
    text: Option<&str>,
    edge: Edge,
    zone: &Zone,
) -> Result<Option<OffsetDateTime>, CommandError> {
    let read = |text| {
        let written = moments::read(text, edge, zone).map(|written| written.moment);
        written.ok_or_else(|| CommandError::new(format!("{text} does not exist in that time zone")))
    };
    text.map(read).transpose()
}

/// The whole days of a limit, for messages.
pub fn days(limit: Duration) -> u64 {
    limit.as_secs() / 86_400
}

/// Parses a duration, from zero to [`limits::LONGEST_KEPT`].
pub fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= limits::LONGEST_KEPT => Ok(duration),
        _ => Err(format!(
            "must be a duration up to {}d, such as 12h or 400d",
            days(limits::LONGEST_KEPT)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_expected_form() {
        let admins = number(1..=10_u32);
        assert_eq!(admins(" 7 "), Ok(7));
        for text in ["0", "11", "-1", "many", "", "1.5", "99999999999999999999"] {
            assert_eq!(
                admins(text),
                Err("must be a whole number from 1 to 10".to_owned()),
                "{text}"
            );
        }
        assert_eq!(moment("2026-03-01").as_deref(), Ok("2026-03-01"));
        assert!(moment("yesterday").unwrap_err().contains("2026-03-01"));
        assert!(duration("2 fortnights").unwrap_err().contains("400d") && duration("400d").is_ok());
        assert!(zone("Dublin").unwrap_err().contains("Europe/Dublin"));
    }
}
