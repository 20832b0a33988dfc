//! Compares the settings of two readings.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use figment::Figment;
use figment::value::{Dict, Value};

use super::sections::setting;

/// The keys of all settings, each with a hash of its value. The hash is keyed with a random key of
/// the process, so that no value can be derived from it. `[[workspaces]]` is not included; see
/// [`super::Config::listed_workspaces`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsFingerprint(BTreeMap<String, u64>);

impl SettingsFingerprint {
    pub(super) fn new(figment: &Figment) -> Self {
        static HASH: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let mut hashes = BTreeMap::new();
        for (section, value) in figment.extract::<Dict>().unwrap_or_default() {
            let written = |value: &Value| serde_json::to_string(value).unwrap_or_default();
            let Value::Dict(_, keys) = value else {
                // A list that is in no section.
                if section != "workspaces" {
                    hashes.insert(section, HASH.hash_one(written(&value)));
                }
                continue;
            };
            for (key, value) in keys {
                let key = format!("{section}.{key}");
                match &value {
                    // A section within a section: `roster.pull`.
                    Value::Dict(_, inner) if setting(&key).is_none() => {
                        hashes.extend(inner.iter().map(|(name, value)| {
                            (format!("{key}.{name}"), HASH.hash_one(written(value)))
                        }));
                    }
                    value => {
                        hashes.insert(key, HASH.hash_one(written(value)));
                    }
                }
            }
        }
        Self(hashes)
    }

    /// Returns the keys whose values differ, or that only one of the two contains.
    #[must_use]
    pub fn changed<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let mut keys: Vec<&str> = self.0.keys().chain(other.0.keys()).map(String::as_str).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|key| self.0.get(*key) != other.0.get(*key));
        keys
    }
}
