//! Data about a workspace that the ledger keeps beside the history.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Activity, LossKind, Losses, Observation, Role, RoleListState, UserId};
use crate::clock;
use crate::limits;

/// Data about a workspace that the ledger keeps beside the history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The workspace's bots. An admin that was once recorded as a bot stays one, even if its
    /// address changes.
    pub machines: BTreeSet<UserId>,
    /// The number of unreadable known values of each kind at the last approved import. It decreases
    /// when values become readable again.
    pub unreadable: BTreeMap<LossKind, usize>,
    /// Intercom's own list of the workspace's kinds of log entries, as the last full import read
    /// it.
    pub log_kinds: BTreeSet<String>,
    /// When Intercom's list of roles was last read.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub roles_read_at: Option<OffsetDateTime>,
    /// Whether Intercom refused the list of roles. Then only full imports ask for it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub roles_refused: bool,
    /// The names of roles, by id, that the list of admins had when the list of roles was last read.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub role_names: BTreeMap<String, BTreeSet<String>>,
    /// The ids of the newest log entries about roles when the list of roles was last read.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub role_entries: BTreeSet<String>,
    /// The keys of permissions that entries of the activity log contain, with the time of the last
    /// entry in UNIX seconds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub permission_keys: BTreeMap<String, i64>,
}

/// The kinds of log entries after which the list of roles is read again.
const ROLE_ENTRIES: [&str; 3] = ["role_creation", "role_change", "role_deletion"];

impl Memory {
    /// Whether an incremental import must read the list of roles: the log has a new entry about a
    /// role, or the list of admins has a role or a name that it did not have before.
    #[must_use]
    pub fn role_list_is_due(&self, observed: &Observation) -> bool {
        let is_known = |(role, name): (&Role, &String)| {
            self.role_names.get(&role.id).is_some_and(|names| names.contains(name))
        };
        let is_noted = |entry: &Activity| self.role_entries.contains(&entry.id);
        !self.roles_refused
            && (!role_entries(observed).all(is_noted) || !role_names(observed).all(is_known))
    }

    /// Records what later imports need of an observation: the kinds of log entries, the list of
    /// roles, and the permissions that the activity log names.
    pub fn note(&mut self, observed: &Observation) {
        if let Some(kinds) = &observed.log_kinds {
            self.log_kinds.clone_from(kinds);
        }
        if let Some(list) = &observed.roles {
            let has_roles = !list.roles.is_empty() || list.in_part;
            self.roles_read_at = has_roles.then_some(observed.taken_at);
            match list.state {
                RoleListState::Absent => {}
                RoleListState::Refused => self.roles_refused = true,
                RoleListState::Read => {
                    self.roles_refused = false;
                    self.role_names.clear();
                    for (role, name) in role_names(observed) {
                        let names = self.role_names.entry(role.id.clone()).or_default();
                        if !names.contains(name) {
                            names.insert(name.clone());
                        }
                    }
                    let newest = role_entries(observed).rev().take(limits::ROLE_ENTRIES);
                    self.role_entries = newest.map(|entry| entry.id.clone()).collect();
                }
            }
        }
        self.note_permissions(&observed.activity, observed.taken_at);
    }

    /// Records the keys of permissions in entries of the activity log, whether they are granted or
    /// not: each entry has all keys. Those that were not named for long are forgotten.
    fn note_permissions(&mut self, activity: &[Activity], now: OffsetDateTime) {
        for entry in activity.iter().filter(|entry| entry.kind == "admin_permission_change") {
            let metadata = entry.metadata.value();
            let maps = ["/before/permissions", "/after/permissions"];
            let maps = maps.iter().filter_map(|path| metadata.pointer(path)?.as_object());
            for key in maps.flat_map(|map| map.keys()).filter(|key| is_permission_key(key)) {
                let at = entry.at.unix_timestamp();
                let known = self.permission_keys.entry(key.clone()).or_insert(at);
                *known = at.max(*known);
            }
        }
        let oldest = clock::before(now, limits::PERMISSION_KEY_KEPT).unix_timestamp();
        self.permission_keys.retain(|_, at| *at >= oldest);
        while self.permission_keys.len() > limits::PERMISSION_KEYS {
            self.permission_keys.pop_last();
        }
    }

    /// Returns how many unreadable values of a kind exceed the approved number.
    #[must_use]
    pub fn beyond(&self, kind: LossKind, unreadable: usize) -> usize {
        unreadable.saturating_sub(self.unreadable.get(&kind).copied().unwrap_or(0))
    }

    /// Records the unreadable values of an import that is committed. `let_through` means that a
    /// person approved them.
    pub fn note_unreadable(&mut self, unreadable: &Losses, let_through: bool) {
        for kind in LossKind::ALL {
            let now = unreadable.count(kind);
            let known = self.unreadable.get(&kind).copied().unwrap_or(0);
            let accepted = if let_through { now } else { known.min(now) };
            if accepted == 0 {
                self.unreadable.remove(&kind);
            } else {
                self.unreadable.insert(kind, accepted);
            }
        }
    }
}

/// The entries of the activity log about roles, oldest first.
fn role_entries(observed: &Observation) -> impl DoubleEndedIterator<Item = &Activity> {
    observed.activity.iter().filter(|entry| ROLE_ENTRIES.contains(&entry.kind.as_str()))
}

/// The roles that the list of admins names, with their names, once for each holder.
fn role_names(observed: &Observation) -> impl Iterator<Item = (&Role, &String)> {
    let roles = observed.users.iter().filter_map(|seen| seen.user.role.as_deref());
    roles.filter_map(|role| Some((role, role.name.as_ref()?)))
}

/// Whether a text may be the key of a permission.
fn is_permission_key(key: &str) -> bool {
    (1..=limits::PERMISSION_KEY_BYTES).contains(&key.len()) && !key.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    fn permission_change(at: OffsetDateTime, before: &serde_json::Value) -> Activity {
        let metadata = json!({"before": {"permissions": before}, "after": {"permissions": {}}});
        Activity {
            id: at.to_string(),
            at,
            kind: "admin_permission_change".to_owned(),
            performed_by: None,
            description: None,
            metadata: metadata.into(),
        }
    }

    #[test]
    fn permissions_stay_in_the_catalogue_for_400_days_after_the_log_names_them() {
        let began = datetime!(2026-03-01 08:00 UTC);
        let mut memory = Memory::default();
        let keys =
            |memory: &Memory| -> Vec<String> { memory.permission_keys.keys().cloned().collect() };
        // A key counts whether the permission is granted or not.
        let entries = [
            permission_change(began, &json!({"export_data": true, "manage_tags": false})),
            permission_change(began, &json!({"": true, "a\nb": true, ("x".repeat(200)): true})),
        ];
        memory.note_permissions(&entries, began);
        assert_eq!(keys(&memory), ["export_data", "manage_tags"]);
        let later = began + Duration::days(300);
        memory.note_permissions(&[permission_change(later, &json!({"manage_tags": 1}))], later);
        memory.note_permissions(&[], began + Duration::days(400));
        assert_eq!(keys(&memory), ["export_data", "manage_tags"]);
        memory.note_permissions(&[], began + Duration::days(401));
        assert_eq!(keys(&memory), ["manage_tags"]);
        // An older entry that is read later changes nothing.
        memory.note_permissions(&entries, began + Duration::days(401));
        assert_eq!(keys(&memory), ["manage_tags"]);
        memory.note_permissions(&[], later + Duration::days(401));
        assert!(memory.permission_keys.is_empty());
    }

    #[test]
    fn many_permission_keys_are_bounded() {
        let now = datetime!(2026-03-01 08:00 UTC);
        let many: serde_json::Map<String, serde_json::Value> = (0..2 * limits::PERMISSION_KEYS)
            .map(|key| (format!("key_{key}"), json!(true)))
            .collect();
        let mut memory = Memory::default();
        memory.note_permissions(&[permission_change(now, &many.into())], now);
        assert_eq!(memory.permission_keys.len(), limits::PERMISSION_KEYS);
    }
}
