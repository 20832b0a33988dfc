//! Rules of `[[notifications]]`.

use figment::value::Value;
use reqwest::Url;
use secrecy::SecretString;

use super::rules::{Rule, text_list};
use crate::activity::{Format, Group, Severity};
use crate::notifications::{SecretError, Secrets};
use crate::words::Words;

/// The name of an endpoint.
pub(super) fn endpoint_name() -> Rule<String> {
    let allowed = "1 to 63 lower-case letters, digits and hyphens, and different from the names of \
                   the other endpoints";
    Rule::text(allowed, |name| {
        let fits = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        (fits && (1..=63).contains(&name.len())).then(|| name.to_owned())
    })
}

/// The URL of an endpoint. It may have a query, but no credentials: receivers check signatures.
pub(super) fn endpoint_url() -> Rule<Url> {
    let allowed = "an https URL, such as https://hooks.example.com/intercom; http only with \
                   allow_private_addresses";
    Rule::text(allowed, |text| {
        let url = Url::parse(text.trim()).ok()?;
        let is_bare =
            url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        (matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare).then_some(url)
    })
}

/// The secrets that sign messages.
pub(super) fn endpoint_secret() -> Rule<SecretString> {
    Rule::text(SecretError.to_string(), |text| {
        Secrets::read(text.trim()).ok().map(|_| SecretString::from(text.trim()))
    })
}

/// A list of words of an enum.
fn words<T: Words>() -> Rule<Vec<T>> {
    Rule::new(format!("a list of {}, or one string with commas", T::list()), |value: &Value| {
        text_list(value)?.iter().map(|word| T::from_word(word)).collect()
    })
}

/// The severities of log entries and findings.
pub(super) fn severities() -> Rule<Vec<Severity>> {
    words()
}

/// The subjects of log entries.
pub(super) fn groups() -> Rule<Vec<Group>> {
    words()
}

/// The form of log entries.
pub(super) fn activity_format() -> Rule<Format> {
    Rule::text(Format::list(), Format::from_word)
}
