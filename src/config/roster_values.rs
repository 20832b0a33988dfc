//! Rules of the settings of sections `roster` and `roster.pull`.

use std::collections::BTreeMap;

use figment::value::{Dict, Value};

use super::rules::{Rule, one_of, text_list};
use crate::limits;
use crate::moments::Zone;
use crate::roster::dates::DateFormat;
use crate::roster::{
    AddressPattern, Class, ColumnMapping, Completeness, EquivalentDomains, Field, PullKind,
};
use crate::words::Words;

/// Whom a roster contains.
pub(super) fn completeness() -> Rule<Completeness> {
    one_of(&[("current", Completeness::Current), ("all", Completeness::All)])
}

/// The kind of a pull.
pub(super) fn pull_kind() -> Rule<PullKind> {
    one_of(&[
        ("scim", PullKind::Scim),
        ("entra_scim", PullKind::EntraScim),
        ("okta_api", PullKind::OktaApi),
    ])
}

/// A time zone.
pub(super) fn time_zone() -> Rule<Zone> {
    let allowed = "a time zone of the IANA database, such as Europe/Dublin";
    Rule::text(allowed, |text| Zone::named(text.trim()))
}

/// The form of dates.
pub(super) fn date_format() -> Rule<DateFormat> {
    let allowed = "a form of dates with YYYY, MM (or M, or MMM) and DD (or D) once each, such as \
                   DD/MM/YYYY";
    Rule::text(allowed, |text| DateFormat::read(text).ok())
}

/// Separators of tags: punctuation, since any other character belongs to a name.
pub(super) fn tag_separators() -> Rule<String> {
    let allowed = "characters such as + or +-, without letters, digits, blanks, dots and @";
    Rule::text(allowed, |text| {
        let fits = |letter: char| letter.is_ascii_punctuation() && !matches!(letter, '.' | '@');
        let text = text.trim();
        text.chars().all(fits).then(|| text.to_owned())
    })
}

/// A short text that is sent to another program, or shown as a name.
pub(super) fn plain_text(allowed: &str) -> Rule<String> {
    Rule::text(allowed, |text| {
        let text = text.trim();
        let fits = (1..=limits::SUBJECT_BYTES).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| text.to_owned())
    })
}

/// Sets of domains: a list of lists, or one string with commas between the domains of a set and
/// semicolons between sets.
pub(super) fn equivalent_domains() -> Rule<EquivalentDomains> {
    let allowed = "a list of lists of domains, such as [[\"acme.com\", \"acme.co.uk\"]], or one \
                   string, such as \"acme.com,acme.co.uk; shop.example,shop.test\"";
    Rule::new(allowed, |value| {
        let sets: Vec<Vec<String>> = match value {
            Value::String(_, text) => {
                text.split(';').map(|set| text_list(&Value::from(set))).collect::<Option<_>>()?
            }
            Value::Array(_, sets) => sets
                .iter()
                .map(|set| text_list(set).filter(|_| set.as_str().is_none()))
                .collect::<Option<_>>()?,
            _ => return None,
        };
        EquivalentDomains::new(&sets).ok()
    })
}

/// Addresses of service accounts.
pub(super) fn service_accounts() -> Rule<Vec<AddressPattern>> {
    let allowed = "a list of addresses, such as [\"support@*\", \"api@acme.com\"], or one string \
                   with commas; *@* is not allowed";
    Rule::new(allowed, |value| {
        text_list(value)?.iter().map(|text| AddressPattern::read(text)).collect()
    })
}

/// The titles of columns, by field.
pub(super) fn columns() -> Rule<ColumnMapping> {
    let allowed = format!(
        "a table from fields to titles, such as email = \"Work Email\", or one string, such as \
         \"email=Work Email, key=Worker ID\"; the fields are {}",
        Field::list()
    );
    Rule::new(allowed, |value| {
        let pairs = pairs(value)?.into_iter();
        pairs.map(|(field, title)| Some((Field::from_word(&field)?, title))).collect()
    })
}

/// Words for classes. The class `bot` is not allowed: only the bridge itself says which account is
/// Intercom's own bot.
pub(super) fn classes() -> Rule<BTreeMap<String, Class>> {
    let allowed = "a table from words to classes, such as salaried_ft = \"employee\", or one \
                   string, such as \"salaried_ft=employee\"; the classes are employee, contractor, \
                   service and unknown";
    Rule::new(allowed, |value| {
        let class = |word: &str| Class::from_word(word).filter(|class| *class != Class::Bot);
        let pairs = pairs(value)?.into_iter();
        pairs.map(|(word, class_word)| Some((word, class(&class_word)?))).collect()
    })
}

/// Reads a table of strings, or one string of pairs: environment variables are strings.
fn pairs(value: &Value) -> Option<Vec<(String, String)>> {
    let of_table = |table: &Dict| -> Option<Vec<(String, String)>> {
        table.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    };
    match value {
        Value::Dict(_, table) => of_table(table),
        Value::String(_, text) => text
            .split(',')
            .filter(|pair| !pair.trim().is_empty())
            .map(|pair| {
                let (key, value) = pair.split_once('=')?;
                Some((key.trim().to_owned(), value.trim().to_owned()))
            })
            .collect(),
        _ => None,
    }
}
