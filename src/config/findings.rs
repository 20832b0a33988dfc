//! Findings about wrong settings: each names the key, its allowed values, and the source of the
//! value.

use std::path::Path;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Provider};
use strsim::damerau_levenshtein;

use super::sections::{setting, settings};
use super::setting::{source, source_of};

/// Returns why a settings file cannot be read: it is missing, or a line of it is not TOML. The
/// message never contains the text of the line, which may be a secret.
pub(super) fn unreadable(file: &Path) -> Option<String> {
    let wrong =
        |why: &str| format!("the file {} of --config cannot be read: {why}", file.display());
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return Some(wrong(&error.to_string())),
    };
    let error = Toml::string(&text).data().err()?.to_string();
    // The error consists of `TOML parse error at line 3, column 8`, the line with its number, a
    // marker line, and the reason.
    let is_excerpt = |line: &&str| {
        let line = line.trim_start_matches(|letter: char| letter == ' ' || letter.is_ascii_digit());
        line.starts_with('|')
    };
    let reason: Vec<&str> = error
        .lines()
        .filter(|line| !is_excerpt(line) && !line.trim().is_empty())
        .map(str::trim)
        .collect();
    Some(wrong(&reason.join(": ")))
}

/// Returns the finding about a section that is not a table.
pub(super) fn not_a_section(figment: &Figment, name: &str, value: &Value) -> String {
    let source = source_of(figment, value);
    format!("{name} (from {source}) must be a section with keys, [{name}]")
}

/// Returns the findings about keys that are not settings.
pub(super) fn unknown_keys(figment: &Figment) -> Vec<String> {
    let mut unknown = Vec::new();
    let is_section = |key: &str| settings().iter().any(|setting| setting.section() == key);
    for (section, value) in figment.extract::<Dict>().unwrap_or_default() {
        let keys: Vec<String> = match &value {
            Value::Dict(_, keys) => keys
                .iter()
                .flat_map(|(key, value)| {
                    let key = format!("{section}.{key}");
                    match value {
                        // A section within a section: `roster.pull`.
                        Value::Dict(_, keys) if is_section(&key) => {
                            keys.keys().map(|inner| format!("{key}.{inner}")).collect()
                        }
                        _ if is_section(&key) => Vec::new(),
                        _ => vec![key],
                    }
                })
                .collect(),
            // `not_a_section` reports a section that is not a table.
            _ if is_section(&section) => Vec::new(),
            _ => vec![section],
        };
        let is_list = |key: &str| {
            settings().iter().any(|setting| setting.section().strip_suffix("[]") == Some(key))
        };
        for key in keys.iter().filter(|key| !is_list(key) && setting(key).is_none()) {
            let source = source(figment, key);
            let suggestion = suggestion(key);
            unknown
                .push(format!("{key} (from {source}) is not a setting of this bridge{suggestion}"));
        }
    }
    unknown
}

/// Returns the suggestion of the most similar key, as the end of a sentence: the same name in
/// another section, or the nearest name. For a key of a list's tables, only other keys of the same
/// list are suggested. Empty if none is similar.
pub(super) fn suggestion(key: &str) -> String {
    let name = |key: &str| key.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let section = |key: &str| key.rsplit_once('.').map(|(section, _)| section.to_ascii_lowercase());
    let is_of_a_list = section(key).is_some_and(|section| section.ends_with("[]"));
    let keys = settings()
        .iter()
        .map(|setting| setting.key)
        .filter(|known| !is_of_a_list || section(known) == section(key));
    let lowered = key.to_ascii_lowercase();
    let distance = |known: &str| {
        // Covers both a right key in the wrong section and a misspelt key.
        let whole = damerau_levenshtein(known, &lowered);
        let last = damerau_levenshtein(&name(known), &name(key));
        let longer = name(key).starts_with(&name(known)) || name(known).starts_with(&name(key));
        match name(known) == name(key) {
            true => 0,
            false if longer && section(known) == section(key) => 1,
            false => whole.min(last + 1),
        }
    };
    let nearest = keys.map(|known| (distance(known), known)).min_by_key(|(distance, _)| *distance);
    // Up to a third of the letters may be wrong. For short words this excludes accidental
    // similarity.
    let is_similar =
        |(distance, _): &(usize, &str)| *distance == 0 || *distance <= name(key).len() / 3;
    nearest
        .filter(is_similar)
        .map_or_else(String::new, |(_, known)| format!("; did you mean {known}?"))
}
