//! Which settings differ between two readings.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use figment::Figment;
use figment::value::{Dict, Value};

/// The settings by their keys, each with a hash of its value under a key that is drawn at the start of the process: no value
/// can be told from it. `[[workspaces]]` is not in it; see [`super::Config::listed_workspaces`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(BTreeMap<String, u64>);

impl Fingerprint {
    pub(super) fn of(figment: &Figment) -> Self {
        static HASH: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let mut hashes = BTreeMap::new();
        for (section, value) in figment.extract::<Dict>().unwrap_or_default() {
            // Lists have no section around them.
            let Value::Dict(_, keys) = value else { continue };
            for (key, value) in keys {
                let written = serde_json::to_string(&value).unwrap_or_default();
                hashes.insert(format!("{section}.{key}"), HASH.hash_one(written));
            }
        }
        Self(hashes)
    }

    /// The keys whose values differ, or that only one of the two has.
    #[must_use]
    pub fn changed<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let mut keys: Vec<&str> = self.0.keys().chain(other.0.keys()).map(String::as_str).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|key| self.0.get(*key) != other.0.get(*key));
        keys
    }
}
