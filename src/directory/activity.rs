//! The workspace's audit trail, and what it tells of people that the lists do not.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use time::OffsetDateTime;

use super::{GroupId, User, UserId, Volatile};

/// One entry of Intercom's activity log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Intercom's id of the entry.
    pub id: String,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What happened, in Intercom's word, for example `admin_permission_change`. New words appear
    /// without notice.
    pub kind: String,
    /// Who did it.
    pub performed_by: Option<Actor>,
    /// Details, whose shape depends on the kind.
    pub metadata: Metadata,
}

/// JSON of any shape, kept as text: a log of many thousand entries takes a tenth of the room so.
#[derive(Clone, PartialEq, Eq)]
pub struct Metadata(Box<str>);

impl From<Value> for Metadata {
    fn from(value: Value) -> Self {
        Self(value.to_string().into())
    }
}

impl Metadata {
    /// The JSON.
    #[must_use]
    pub fn value(&self) -> Value {
        // It was made from a value.
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

/// Who did something in the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Intercom's admin id.
    pub id: Option<UserId>,
    /// The address at that time.
    pub email: Option<String>,
}

impl Activity {
    /// The team that the entry's metadata names.
    #[must_use]
    pub fn team(&self) -> Option<GroupId> {
        named(&self.metadata.value(), "/team/id").map(GroupId::new)
    }

    /// The person the entry is about: the one its metadata names, else, for what people do to their
    /// own account, the one who did it.
    #[must_use]
    pub fn subject(&self) -> Option<UserId> {
        named(&self.metadata.value(), "/admin/id").map(UserId::new).or_else(|| match self.kind.as_str() {
            "app_admin_join" | "admin_login_success" | "admin_two_factor_auth_change" => {
                self.performed_by.as_ref().and_then(|actor| actor.id.clone())
            }
            _ => None,
        })
    }

    /// Adds what the entry tells to what is known of its subject. Entries are taken oldest first, so
    /// the last word stands; taking one twice changes nothing. What it does not tell is left alone.
    pub fn tell(&self, user: &mut User, volatile: &mut Volatile) {
        let metadata = self.metadata.value();
        let text = |pointer: &str| metadata.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        if let (Some(first), Some(last)) = (text("/admin/first_name"), text("/admin/last_name")) {
            user.first_name = Some(first);
            user.last_name = Some(last);
        }
        match self.kind.as_str() {
            "app_admin_join" | "admin_provisioned" => user.joined_at = Some(self.at),
            "admin_deletion" | "admin_deprovisioned" if !user.active => user.removed_at = Some(self.at),
            // Somebody who left and is back has nothing of before.
            "admin_deletion" | "admin_deprovisioned" => user.permissions = None,
            "admin_permission_change" if user.active => {
                if let Some(Value::Object(permissions)) = metadata.pointer("/after/permissions") {
                    let mut granted: Vec<String> = permissions
                        .iter()
                        .filter(|(_, granted)| **granted == Value::Bool(true))
                        .map(|(name, _)| name.clone())
                        .collect();
                    granted.sort();
                    user.permissions = Some(granted.into());
                }
            }
            "admin_two_factor_auth_change" => {
                let told =
                    ["/enabled", "/after", "/after/enabled"].iter().find_map(|at| metadata.pointer(at)?.as_bool());
                user.two_factor_auth = told.or(user.two_factor_auth);
            }
            "admin_login_success" if volatile.last_sign_in_at.is_none_or(|last| last <= self.at) => {
                volatile.last_sign_in_at = Some(self.at);
                volatile.last_sign_in_method = text("/sign_in_method").map(Into::into);
            }
            _ => {}
        }
    }
}

/// The id at a place in the metadata; Intercom writes ids as texts and as numbers.
fn named(metadata: &Value, pointer: &str) -> Option<String> {
    match metadata.pointer(pointer)? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn entry(kind: &str, at: OffsetDateTime, metadata: Value) -> Activity {
        let performed_by = Some(Actor { id: Some(UserId::new("7")), email: None });
        Activity { id: kind.to_owned(), at, kind: kind.to_owned(), performed_by, metadata: metadata.into() }
    }

    fn told(entries: &[Activity]) -> (User, Volatile) {
        let (mut user, mut volatile) = (User::new(UserId::new("7")), Volatile::default());
        for entry in entries {
            entry.tell(&mut user, &mut volatile);
        }
        (user, volatile)
    }

    #[test]
    fn an_unknown_kind_tells_nothing_and_does_no_harm() {
        let (user, volatile) = told(&[entry("teleportation", datetime!(2026-01-01 0:00 UTC), json!({"after": 3}))]);
        assert_eq!(user, User::new(UserId::new("7")));
        assert_eq!(volatile, Volatile::default());
    }

    #[test]
    fn a_permission_change_tells_the_granted_permissions_and_the_name() {
        let (user, _) = told(&[entry(
            "admin_permission_change",
            datetime!(2026-01-01 0:00 UTC),
            json!({
                "admin": {"id": 7, "first_name": "Sam", "last_name": "Carter"},
                "before": {"permissions": {"export_data": false}},
                "after": {"permissions": {"manage_teammates": true, "export_data": true, "manage_tags": false}},
            }),
        )]);
        assert_eq!(user.permissions, Some(["export_data", "manage_teammates"].map(str::to_owned).into()));
        assert_eq!((user.first_name.as_deref(), user.last_name.as_deref()), (Some("Sam"), Some("Carter")));
    }

    #[test]
    fn the_last_sign_in_stands_whatever_order_and_however_often_it_is_told() {
        let early =
            entry("admin_login_success", datetime!(2026-01-01 0:00 UTC), json!({"sign_in_method": "email_password"}));
        let late =
            entry("admin_login_success", datetime!(2026-01-02 0:00 UTC), json!({"sign_in_method": "google_oauth2"}));
        let once = told(&[early.clone(), late.clone()]);
        assert_eq!(once.1.last_sign_in_method.as_deref(), Some("google_oauth2"));
        assert_eq!(told(&[late.clone(), early.clone(), late, early]), once);
    }

    #[test]
    fn two_factor_state_that_the_entry_does_not_tell_stays_unknown() {
        let at = datetime!(2026-01-01 0:00 UTC);
        assert_eq!(told(&[entry("admin_two_factor_auth_change", at, json!({}))]).0.two_factor_auth, None);
        assert_eq!(
            told(&[entry("admin_two_factor_auth_change", at, json!({"enabled": true}))]).0.two_factor_auth,
            Some(true)
        );
    }

    #[test]
    fn the_subject_is_whom_the_metadata_names_else_who_acted_on_the_own_account() {
        let at = datetime!(2026-01-01 0:00 UTC);
        let subject = |kind, metadata| entry(kind, at, metadata).subject().map(|id| id.to_string());
        assert_eq!(subject("admin_deletion", json!({"admin": {"id": 12}})), Some("12".to_owned()));
        assert_eq!(subject("admin_deletion", json!({"admin": {"id": "12"}})), Some("12".to_owned()));
        assert_eq!(subject("admin_login_success", json!({})), Some("7".to_owned()));
        assert_eq!(subject("app_name_change", json!({})), None);
    }
}
