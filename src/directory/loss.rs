//! What can be lost, and what was lost.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Activity, GroupId, RoleList, UserId};
use crate::clock;
use crate::limits;
use crate::words::words;

/// The key of a membership: its team and its person.
pub type Ends = (GroupId, UserId);

words! {
    /// What can be lost.
    pub enum LossKind {
        /// People who are gone.
        People = "people",
        /// Teams that are gone.
        Teams = "teams",
        /// Memberships that ended although the person is still there. The memberships of a leaver
        /// are not counted: the leaver is.
        Memberships = "memberships",
        /// People who lost their role or a permission, or whose role was replaced.
        Roles = "roles",
        /// Inbox seats.
        Seats = "seats",
        /// Addresses of people, which are their user names, that were removed or replaced.
        Emails = "emails",
        /// Names of people that were removed or replaced.
        Names = "names",
        /// Names of teams that were removed.
        TeamNames = "team_names",
    }
}

/// A limit that an import would exceed. A person must approve such an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exceeded {
    /// What would be removed.
    pub kind: LossKind,
    /// The number that would be removed, together with what earlier imports removed within
    /// `import.loss_window`.
    pub lost: usize,
    /// How many of `lost` were removed by earlier imports.
    pub earlier: usize,
    /// How many of `lost` are values that could not be read. The bridge keeps their last known
    /// values.
    pub unreadable: usize,
    /// The number before these removals.
    pub of: usize,
    /// The number that may be removed without approval.
    pub allowed: usize,
    /// The setting that has the limit.
    pub setting: String,
}

/// An item that was lost or that lost a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loser {
    /// A person.
    User(UserId),
    /// A team.
    Group(GroupId),
    /// A membership that ended.
    Membership(Ends),
}

/// How many items or values of each kind exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts([usize; LossKind::ALL.len()]);

impl Amounts {
    /// Returns the number of a kind.
    #[must_use]
    pub fn of(&self, kind: LossKind) -> usize {
        self.0[kind as usize]
    }

    /// Sets the number of a kind.
    pub fn set(&mut self, kind: LossKind, amount: usize) {
        self.0[kind as usize] = amount;
    }
}

/// The lost items and values, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses(BTreeMap<LossKind, BTreeSet<Loser>>);

impl Losses {
    /// Adds one loss.
    pub fn add(&mut self, kind: LossKind, loser: Loser) {
        self.0.entry(kind).or_default().insert(loser);
    }

    /// Returns the losers of a kind.
    pub fn of(&self, kind: LossKind) -> impl Iterator<Item = &Loser> {
        self.0.get(&kind).into_iter().flatten()
    }

    /// Returns the number of losers of a kind.
    #[must_use]
    pub fn count(&self, kind: LossKind) -> usize {
        self.0.get(&kind).map_or(0, BTreeSet::len)
    }

    /// Whether nothing is lost.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The items that only one of Intercom's two lists contains, if the lists disagree about many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disputed {
    /// People that teams name and the list of admins lacks.
    pub users: BTreeSet<UserId>,
    /// Teams that admins name and the list of teams lacks.
    pub groups: BTreeSet<GroupId>,
    /// Memberships that only one of the lists contains.
    pub memberships: BTreeSet<Ends>,
}

impl Disputed {
    /// Whether nothing is disputed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty() && self.memberships.is_empty()
    }
}

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
    /// The keys of permissions that entries of the activity log contain, with the time of the last
    /// entry in UNIX seconds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub permission_keys: BTreeMap<String, i64>,
}

impl Memory {
    /// Records when the list of roles was read, and which permissions the activity log names.
    /// `list` is `None` if the list was not read.
    pub fn note_catalogue(
        &mut self,
        list: Option<&RoleList>,
        activity: &[Activity],
        now: OffsetDateTime,
    ) {
        if let Some(list) = list {
            self.roles_read_at = (!list.roles.is_empty()).then_some(now);
        }
        self.note_permissions(activity, now);
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
        memory.note_catalogue(None, &entries, began);
        assert_eq!(keys(&memory), ["export_data", "manage_tags"]);
        let later = began + Duration::days(300);
        memory.note_catalogue(None, &[permission_change(later, &json!({"manage_tags": 1}))], later);
        memory.note_catalogue(None, &[], began + Duration::days(400));
        assert_eq!(keys(&memory), ["export_data", "manage_tags"]);
        memory.note_catalogue(None, &[], began + Duration::days(401));
        assert_eq!(keys(&memory), ["manage_tags"]);
        // An older entry that is read later changes nothing.
        memory.note_catalogue(None, &entries, began + Duration::days(401));
        assert_eq!(keys(&memory), ["manage_tags"]);
        memory.note_catalogue(None, &[], later + Duration::days(401));
        assert!(memory.permission_keys.is_empty());
    }

    #[test]
    fn many_permission_keys_are_bounded() {
        let now = datetime!(2026-03-01 08:00 UTC);
        let many: serde_json::Map<String, serde_json::Value> = (0..2 * limits::PERMISSION_KEYS)
            .map(|key| (format!("key_{key}"), json!(true)))
            .collect();
        let mut memory = Memory::default();
        memory.note_catalogue(None, &[permission_change(now, &many.into())], now);
        assert_eq!(memory.permission_keys.len(), limits::PERMISSION_KEYS);
    }
}
