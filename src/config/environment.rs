//! Settings from environment variables.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use figment::providers::Serialized;
use figment::value::{Dict, Map};
use figment::{Metadata, Profile, Provider};
use strsim::damerau_levenshtein;

use super::sections::{setting, settings};
use super::setting::Setting;

/// Returns a warning if other users can read or write a file that contains a secret. The file's
/// group may read it if the bridge itself needs that, because another user owns the file: mounted
/// secrets of Kubernetes and files of a service's group are so.
#[must_use]
pub fn open_to_others(file: &Path, key: &str) -> Option<String> {
    let metadata = std::fs::metadata(file).ok()?;
    let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
    who_else(metadata.mode(), is_own).map(|who| {
        let file = file.display();
        format!(
            "the file {file} of {key} can be {who}; restrict it to its owner with `chmod 600 {file}`"
        )
    })
}

/// Returns who can read or write a file with this mode besides its owner, if nobody should.
/// `is_own`: the user of this process owns the file, so that it needs no permission of the group.
fn who_else(mode: u32, is_own: bool) -> Option<&'static str> {
    match mode {
        _ if mode & 0o007 != 0 => Some("read or written by everybody on this machine"),
        _ if mode & 0o020 != 0 => Some("written by its group"),
        _ if mode & 0o040 != 0 && is_own => Some("read by its group"),
        _ => None,
    }
}

/// Reads a secret from a file. Adds a warning if other users can read or write the file.
pub(super) fn secret_in(
    file: &Path,
    key: &str,
    warnings: &mut Vec<String>,
) -> std::io::Result<String> {
    let content = std::fs::read_to_string(file)?;
    warnings.extend(open_to_others(file, key));
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

/// Returns the variables that are settings, by increasing precedence: first those with the prefix,
/// then those with a short name.
pub(super) fn variables(
    environment: impl Iterator<Item = (String, String)>,
    wrong: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Vec<Variable> {
    let mut prefixed = Vec::new();
    let mut short = Vec::new();
    for (name, value) in environment {
        let plain = name.strip_suffix("_FILE").unwrap_or(&name);
        let is_short = key_of_short(plain).is_some();
        let Some(key) = key_of_short(plain).or_else(|| key_of_prefixed(plain)) else {
            unknown_variable(&name, plain, wrong, warnings);
            continue;
        };
        // An empty variable counts as unset.
        if value.is_empty() {
            continue;
        }
        let is_file = plain != name;
        let value =
            if is_file { from_file(&name, &value, &key, wrong, warnings) } else { Some(value) };
        let Some(value) = value else { continue };
        let variable = Variable { name, key, value };
        if is_short { short.push(variable) } else { prefixed.push(variable) }
    }
    prefixed.sort_by(|a, b| a.name.cmp(&b.name));
    prefixed.into_iter().chain(short).collect()
}

/// Returns the key of a variable with a short name, such as `DATABASE_URL`.
fn key_of_short(variable: &str) -> Option<String> {
    let setting = settings().iter().find(|setting| setting.variable == Some(variable))?;
    Some(setting.key.to_owned())
}

/// Returns the key of a variable such as `BRIDGE_SERVER__BIND`.
fn key_of_prefixed(variable: &str) -> Option<String> {
    let path = variable.strip_prefix("BRIDGE_").filter(|path| path.contains("__"))?;
    Some(path.replace("__", ".").to_ascii_lowercase())
}

/// Reports a variable that is not a setting but looks like one.
fn unknown_variable(name: &str, plain: &str, wrong: &mut Vec<String>, warnings: &mut Vec<String>) {
    if name.starts_with("BRIDGE_") {
        let mut known = settings().iter().map(Setting::prefixed_variable);
        let known = known.find(|known| known.replace("__", "_") == name);
        let suggestion = known.map_or_else(String::new, |known| format!("; did you mean {known}?"));
        wrong.push(format!(
            "environment variable {name} is not a setting of this bridge; their names are BRIDGE_ + \
             section + __ + key, such as BRIDGE_SERVER__BIND{suggestion}"
        ));
        return;
    }
    let mut short = settings().iter().filter_map(|setting| setting.variable);
    if let Some(known) = short.find(|known| damerau_levenshtein(known, plain) <= 2) {
        // The variable may belong to another program, so this is only a warning.
        warnings.push(format!(
            "environment variable {name} is not a setting of this bridge; did you mean {known}?"
        ));
    }
}

/// Reads the secret from the file that a variable `…_FILE` names. A failure becomes a finding.
fn from_file(
    name: &str,
    file: &str,
    key: &str,
    wrong: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Option<String> {
    if !setting(key).is_some_and(|setting| setting.secret) {
        let secrets = settings().iter().filter(|setting| setting.secret);
        let secrets: Vec<&str> = secrets.map(|setting| setting.key).collect();
        wrong.push(format!(
            "environment variable {name} is not a setting of this bridge; only these can be read \
             from a file: {}",
            secrets.join(", ")
        ));
        return None;
    }
    match secret_in(Path::new(file), key, warnings) {
        Ok(secret) => Some(secret),
        Err(error) => {
            wrong.push(format!(
                "{key} (from the file named by environment variable {name}) cannot be read: {error}"
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_can_read_a_secret_besides_its_owner_is_named() {
        for mode in [0o600, 0o400, 0o700] {
            assert_eq!((who_else(mode, true), who_else(mode, false)), (None, None), "{mode:o}");
        }
        assert_eq!(who_else(0o640, true), Some("read by its group"));
        assert_eq!(who_else(0o440, false), None, "the bridge itself reads it by its group");
        for is_own in [true, false] {
            assert_eq!(who_else(0o660, is_own), Some("written by its group"));
            for mode in [0o644, 0o604, 0o602, 0o601, 0o666] {
                assert!(who_else(mode, is_own).unwrap().contains("everybody"), "{mode:o}");
            }
        }
    }

    #[test]
    fn a_file_that_a_group_can_read_causes_a_warning_with_a_remedy() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, warned) in [(0o600, false), (0o640, true), (0o604, true)] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(file.path(), permissions).unwrap();
            let warning = open_to_others(file.path(), "intercom.access_token");
            assert_eq!(warning.is_some(), warned, "{mode:o}");
            assert!(warning.is_none_or(|text| text.contains("`chmod 600 ")), "{mode:o}");
        }
    }
}
