//! Rules: the allowed values of a setting, in words and as a check. This file has the general
//! rules; `values` has those of single settings.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use figment::value::Value;

/// Reads a value; `None` if it is wrong.
type Read<T> = Box<dyn Fn(&Value) -> Option<T>>;

/// The allowed values of a setting.
pub(super) struct Rule<T> {
    /// The allowed values, as the rest of the sentence "It must be …".
    pub allowed: String,
    /// Whether a table without this key is refused.
    pub required: bool,
    /// Whether the value is a secret.
    pub secret: bool,
    /// The short name of the environment variable.
    pub variable: Option<&'static str>,
    read: Read<T>,
}

impl<T: 'static> Rule<T> {
    /// Makes a rule; `read` returns `None` for a wrong value.
    pub(super) fn new(
        allowed: impl Into<String>,
        read: impl Fn(&Value) -> Option<T> + 'static,
    ) -> Self {
        Self {
            allowed: allowed.into(),
            required: false,
            secret: false,
            variable: None,
            read: Box::new(read),
        }
    }

    /// Makes a rule for strings.
    pub(super) fn text(
        allowed: impl Into<String>,
        read: impl Fn(&str) -> Option<T> + 'static,
    ) -> Self {
        Self::new(allowed, move |value| read(value.as_str()?))
    }

    /// Reads a value; `None` if it is wrong.
    pub(super) fn read(&self, value: &Value) -> Option<T> {
        (self.read)(value)
    }

    /// Refuses a table without this key.
    pub(super) fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// Lets the value be read from a file.
    pub(super) fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// Gives the setting a short environment variable.
    pub(super) fn variable(self, name: &'static str) -> Self {
        Self { variable: Some(name), ..self }
    }

    /// Adds a remark to the allowed values.
    pub(super) fn note(self, note: &str) -> Self {
        Self { allowed: format!("{}{note}", self.allowed), ..self }
    }

    /// Also takes an empty string.
    pub(super) fn or_empty(self) -> Rule<Option<T>> {
        self.or_word("", "empty")
    }

    /// Also takes `off`.
    pub(super) fn or_off(self) -> Rule<Option<T>> {
        self.or_word("off", "off")
    }

    fn or_word(self, word: &'static str, name: &str) -> Rule<Option<T>> {
        let Self { allowed, required, secret, variable, read } = self;
        let is_word = move |text: &str| text.trim().eq_ignore_ascii_case(word);
        let allowed = format!("{allowed}; or {name}");
        let read = Box::new(move |value: &Value| {
            if value.as_str().is_some_and(is_word) { Some(None) } else { read(value).map(Some) }
        });
        Rule { allowed, required, secret, variable, read }
    }
}

/// A whole number within a range, or a string with one: environment variables are strings.
pub(super) fn whole<T>(range: RangeInclusive<T>) -> Rule<T>
where
    T: Copy + Display + PartialOrd + FromStr + TryFrom<i128> + 'static,
{
    let allowed = format!("a whole number from {} to {}", range.start(), range.end());
    let read = |value: &Value| match value {
        Value::String(_, text) => text.trim().parse().ok(),
        Value::Num(_, number) => {
            let signed = number.to_i128();
            let number = signed.or_else(|| i128::try_from(number.to_u128()?).ok())?;
            T::try_from(number).ok()
        }
        _ => None,
    };
    Rule::new(allowed, move |value| read(value).filter(|number| range.contains(number)))
}

/// A percentage.
pub(super) fn percent() -> Rule<u8> {
    whole(0..=100).note(", in percent")
}

/// True or false, or a string with one of these.
pub(super) fn boolean() -> Rule<bool> {
    Rule::new("true or false", |value| match value {
        Value::String(_, text) => text.trim().parse().ok(),
        Value::Bool(_, value) => Some(*value),
        _ => None,
    })
}

/// A duration within a range, written like `30s`, `5m`, `12h` or `7d`.
pub(super) fn duration(range: RangeInclusive<Duration>, example: &str) -> Rule<Duration> {
    let allowed = format!(
        "a duration from {} to {}, such as {example}",
        short(*range.start()),
        short(*range.end())
    );
    Rule::text(allowed, move |text| {
        humantime::parse_duration(text.trim()).ok().filter(|duration| range.contains(duration))
    })
}

/// Formats a duration as settings have it, in its largest whole unit. A day is `24h`.
fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        _ if seconds > 86_400 && seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// One of some words.
pub(super) fn one_of<T: Copy + 'static>(words: &'static [(&'static str, T)]) -> Rule<T> {
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    let allowed = match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.join(""),
    };
    Rule::text(allowed, |text| {
        words.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
    })
}

/// A value that is parsed from a string.
pub(super) fn parsed<T: FromStr + 'static>(allowed: &str) -> Rule<T> {
    Rule::text(allowed, |text| text.trim().parse().ok())
}

/// A string that is not empty. Surrounding blanks are removed.
pub(super) fn some_text(allowed: &str) -> Rule<String> {
    Rule::text(allowed, |text| {
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    })
}

/// The path of a file.
pub(super) fn file(allowed: &str) -> Rule<PathBuf> {
    Rule::text(allowed, |text| Some(PathBuf::from(text.trim())))
}

/// A list of strings, or one string with commas: environment variables are strings.
pub(super) fn texts(allowed: impl Into<String>) -> Rule<Vec<String>> {
    Rule::new(allowed, text_list)
}

/// The same as [`texts`], but not empty.
pub(super) fn some_texts(allowed: &str) -> Rule<Vec<String>> {
    Rule::new(allowed, |value| text_list(value).filter(|texts| !texts.is_empty()))
}

/// Reads the value of [`texts`].
pub(super) fn text_list(value: &Value) -> Option<Vec<String>> {
    let texts: Vec<&str> = match value {
        Value::Array(_, items) => items.iter().map(Value::as_str).collect::<Option<_>>()?,
        Value::String(_, text) => text.split(',').collect(),
        _ => return None,
    };
    let texts = texts.into_iter().map(str::trim).filter(|text| !text.is_empty());
    Some(texts.map(str::to_owned).collect())
}
