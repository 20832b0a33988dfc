//! Settings from environment variables.

use std::path::Path;

use figment::providers::Serialized;
use figment::value::{Dict, Map};
use figment::{Metadata, Profile, Provider};
use strsim::damerau_levenshtein;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::findings::KEYS;

/// The short names of common settings, by key.
pub(super) const EXPECTED: &[(&str, &str)] = &[
    ("DATABASE_URL", "database.url"),
    ("INTERCOM_ACCESS_TOKEN", "intercom.access_token"),
    ("INTERCOM_CLIENT_ID", "intercom.client_id"),
    ("INTERCOM_CLIENT_SECRET", "intercom.client_secret"),
    ("INTERCOM_REGION", "intercom.region"),
    ("INTERCOM_BASE_URL", "intercom.base_url"),
];

/// The keys whose values can be read from a file (`…_FILE`).
pub(super) const SECRETS: &[&str] = &[
    "database.url",
    "intercom.access_token",
    "intercom.client_secret",
    "access.encryption_key",
    "access.previous_encryption_key",
];

/// Returns a warning if other users can read or write a file that contains a secret.
#[must_use]
pub fn open_to_others(file: &Path, key: &str) -> Option<String> {
    #[cfg(unix)]
    {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).ok()?.permissions());
        let file = file.display();
        (mode & 0o027 != 0).then(|| {
            format!(
                "the file {file} of {key} can be read by everybody on this machine, or written by others than its owner; \
                 `chmod 600 {file}` keeps it to its owner, and 440 to a group"
            )
        })
    }
    #[cfg(not(unix))]
    None
}

/// Reads a secret from a file. Adds a warning if other users can read or write the file.
pub(super) fn secret_in(
    file: &str,
    key: &str,
    warnings: &mut Vec<String>,
) -> std::io::Result<String> {
    let content = std::fs::read_to_string(file)?;
    warnings.extend(open_to_others(Path::new(file), key));
    Ok(content.trim_end_matches(['\r', '\n']).to_owned())
}

/// One environment variable. Values stay strings: `2.10` is a version, not the number 2.1.
pub(super) struct Variable {
    name: String,
    key: String,
    value: String,
}

impl Provider for Variable {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("environment variable {}", self.name))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Serialized::default(&self.key, &self.value).data()
    }
}

/// Returns the name of the variable for a key.
pub(super) fn variable_of(key: &str) -> String {
    format!("BRIDGE_{}", key.replace('.', "__").to_ascii_uppercase())
}

/// Returns what is wrong with a log filter such as `RUST_LOG`. The logging library takes any
/// unknown word for the name of a module, and would then log nothing.
#[must_use]
pub fn wrong_log_filter(filter: &str) -> Option<String> {
    let allowed = "a level (error, warn, info, debug, trace, off), or modules with levels, such as \
                   info,intercom_scim_bridge=debug";
    let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
    let ours = |word: &str| word.starts_with("intercom_scim_bridge");
    let fits = |part: &str| match part.rsplit_once('=') {
        // Brackets and braces select spans; the library checks them.
        _ if part.contains(['[', ']', '{', '}']) => true,
        Some((module, level)) => !module.trim().is_empty() && is_level(level.trim()),
        None => is_level(part) || ours(part),
    };
    let mut parts = filter.split(',').map(str::trim).filter(|part| !part.is_empty());
    let readable = EnvFilter::builder().parse(filter).is_ok() && parts.all(fits);
    (!readable).then(|| format!("RUST_LOG (from the environment) must be {allowed}"))
}

/// Returns the variables that are settings, by increasing precedence.
pub(super) fn variables(
    environment: impl Iterator<Item = (String, String)>,
    wrong: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Vec<Variable> {
    let (mut own, mut expected) = (Vec::new(), Vec::new());
    for (name, value) in environment {
        let (plain, in_file) = match name.strip_suffix("_FILE") {
            Some(plain) => (plain.to_owned(), true),
            None => (name.clone(), false),
        };
        let known = EXPECTED
            .iter()
            .find(|(variable, _)| *variable == plain)
            .map(|(_, key)| (*key).to_owned());
        let prefixed = plain.strip_prefix("BRIDGE_").and_then(|rest| rest.split_once("__"));
        let Some(key) = known.clone().or_else(|| {
            prefixed.map(|(section, key)| format!("{section}.{key}").to_ascii_lowercase())
        }) else {
            if name.starts_with("BRIDGE_") {
                let hint = KEYS
                    .iter()
                    .map(|(key, _)| variable_of(key))
                    .find(|known| known.replace("__", "_") == name);
                let hint =
                    hint.map_or_else(String::new, |known| format!("; did you mean {known}?"));
                wrong.push(format!(
                    "environment variable {name} is no setting of this bridge; they are BRIDGE_ + section + __ + key, such as BRIDGE_SERVER__BIND{hint}"
                ));
            } else if let Some((meant, _)) =
                EXPECTED.iter().find(|(known, _)| damerau_levenshtein(known, &plain) <= 2)
            {
                // The variable may belong to another program, so this is only a warning.
                warnings
                    .push(format!("environment variable {name} is no setting of this bridge; did you mean {meant}?"));
            }
            continue;
        };
        // An empty variable counts as unset.
        if value.is_empty() {
            continue;
        }
        if in_file && !SECRETS.contains(&key.as_str()) {
            let secrets = SECRETS.join(", ");
            wrong.push(format!(
                "environment variable {name} is no setting of this bridge; what can stand in a file is {secrets}"
            ));
            continue;
        }
        let value = if in_file {
            match secret_in(&value, &key, warnings) {
                Ok(secret) => secret,
                Err(error) => {
                    wrong.push(format!(
                        "{key} (from the file that environment variable {name} names) cannot be read: {error}"
                    ));
                    continue;
                }
            }
        } else {
            value
        };
        let variable = Variable { name, key, value };
        if known.is_some() { expected.push(variable) } else { own.push(variable) }
    }
    own.sort_by(|a, b| a.name.cmp(&b.name));
    own.into_iter().chain(expected).collect()
}
