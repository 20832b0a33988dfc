//! The activity log of the workspace, and the facts about people that only the log gives.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use time::OffsetDateTime;

use super::text::folded;
use super::{GroupId, LastActivity, User, UserId, Volatile};

/// One entry of Intercom's activity log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Intercom's id of the entry.
    pub id: String,
    /// The time of the event.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The type of the event, as Intercom spells it, for example `admin_permission_change`.
    /// Intercom adds types without notice.
    pub kind: String,
    /// The admin who caused the event.
    pub performed_by: Option<Actor>,
    /// Intercom's sentence about the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Details; their shape depends on `kind`.
    pub metadata: Metadata,
}

/// JSON of any shape, stored as text: a log of many thousand entries then needs a tenth of the
/// memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Metadata(Box<str>);

impl From<Value> for Metadata {
    fn from(value: Value) -> Self {
        Self(value.to_string().into())
    }
}

impl Metadata {
    /// The length of the text in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Parses the stored text.
    #[must_use]
    pub fn value(&self) -> Value {
        // Parsing cannot fail: the text was serialised from a `Value`.
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

/// Facts about people, up to one moment, that only the activity log gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFacts {
    /// The time range for which the log was read without a gap; `None` if none of it was read.
    pub covered: Option<(OffsetDateTime, OffsetDateTime)>,
    /// The last known sign-in of each person.
    pub sign_ins: HashMap<UserId, SignIn>,
    /// The last known activity of each person, other than sign-ins. See
    /// [`LogFacts::last_activity`].
    pub activity: HashMap<UserId, LastActivity>,
    /// The times of invitations, oldest first, by email address as [`folded`] returns it.
    pub invitations: HashMap<String, Vec<OffsetDateTime>>,
}

/// A sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// The time of the sign-in.
    pub at: OffsetDateTime,
    /// The sign-in method, as Intercom spells it.
    pub method: Option<Box<str>>,
}

impl SignIn {
    /// Whether the sign-in went through an identity provider of the company. `None` if the method
    /// is missing or unknown. Intercom treats sign-in with Google as a method separate from SAML,
    /// so it counts as `false`.
    #[must_use]
    pub fn by_identity_provider(&self) -> Option<bool> {
        let method = self.method.as_ref()?.to_ascii_lowercase();
        let mut words = method.split(|letter: char| !letter.is_ascii_alphanumeric());
        if words
            .clone()
            .any(|word| ["saml", "saml2", "sso", "oidc", "okta", "onelogin"].contains(&word))
        {
            return Some(true);
        }
        words.any(|word| ["password", "google", "email"].contains(&word)).then_some(false)
    }
}

impl LogFacts {
    /// The `kind` of entries that record an invitation.
    pub const INVITATION: &'static str = "admin_invite_creation";
    /// The `kind` of entries that record a sign-in.
    pub const SIGN_IN: &'static str = "admin_login_success";

    /// Records an invitation for every email address in the entry's metadata. An invited person has
    /// no Intercom id yet.
    pub fn invited(&mut self, at: OffsetDateTime, metadata: &Value) {
        let mut open = vec![metadata];
        while let Some(value) = open.pop() {
            match value {
                Value::String(text) if text.contains('@') => {
                    let times =
                        self.invitations.entry(folded(text.trim()).into_owned()).or_default();
                    times.push(at);
                    times.sort();
                }
                Value::Array(items) => open.extend(items),
                Value::Object(members) => open.extend(members.values()),
                _ => {}
            }
        }
    }

    /// Returns the time of the last invitation of this address. If `joined_at` is known, later
    /// invitations do not count.
    #[must_use]
    pub fn invited_at(
        &self,
        email: &str,
        joined_at: Option<OffsetDateTime>,
    ) -> Option<OffsetDateTime> {
        let times = self.invitations.get(&*folded(email.trim()))?;
        times.iter().rev().find(|at| joined_at.is_none_or(|joined| **at <= joined)).copied()
    }
}

/// The admin who caused an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The type of the actor, as Intercom spells it, for example `admin`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Intercom's admin id.
    pub id: Option<UserId>,
    /// The email address at the time of the event.
    pub email: Option<String>,
    /// The IP address from which the actor acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
}

impl Activity {
    /// Removes every IP address: that of the actor, and those in the description and the details.
    pub fn remove_addresses(&mut self) {
        if let Some(actor) = &mut self.performed_by {
            actor.ip = None;
        }
        if let Some(description) = &mut self.description
            && let Some(without) = without_addresses(description)
        {
            *description = without;
        }
        let mut metadata = self.metadata.value();
        if remove_addresses(&mut metadata) {
            self.metadata = metadata.into();
        }
    }

    /// Returns the id of the team that the metadata names.
    #[must_use]
    pub fn team(&self) -> Option<GroupId> {
        named(&self.metadata.value(), "/team/id").map(GroupId::new)
    }

    /// Returns the id of the person that the entry is about. This is the admin that the metadata
    /// names. If it names none and the event concerns the actor's own account, this is the actor.
    #[must_use]
    pub fn subject(&self) -> Option<UserId> {
        named(&self.metadata.value(), "/admin/id").map(UserId::new).or_else(|| {
            match self.kind.as_str() {
                "app_admin_join" | "admin_login_success" | "admin_two_factor_auth_change" => {
                    self.performed_by.as_ref().and_then(|actor| actor.id.clone())
                }
                _ => None,
            }
        })
    }

    /// Applies the entry to the data of its subject. Entries must be applied oldest first: the
    /// newest value wins. Applying an entry twice changes nothing. Values that the entry does not
    /// contain stay as they are.
    pub fn tell(&self, user: &mut User, volatile: &mut Volatile) {
        let metadata = self.metadata.value();
        let text =
            |pointer: &str| metadata.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        if let (Some(first), Some(last)) = (text("/admin/first_name"), text("/admin/last_name")) {
            user.first_name = Some(first);
            user.last_name = Some(last);
        }
        match self.kind.as_str() {
            "app_admin_join" | "admin_provisioned" => user.joined_at = Some(self.at),
            "admin_deletion" | "admin_deprovisioned" if !user.active => {
                user.removed_at = Some(self.at);
            }
            // The person was removed and is active again: the permissions from before the removal
            // no longer hold.
            "admin_deletion" | "admin_deprovisioned" => user.permissions = None,
            "admin_permission_change" if user.active => {
                if let Some(granted) = granted_permissions(&metadata, "/after/permissions") {
                    user.permissions = Some(granted.into_iter().collect());
                }
            }
            "admin_two_factor_auth_change" => {
                user.two_factor_auth = two_factor_auth(&metadata).or(user.two_factor_auth);
            }
            "admin_login_success"
                if volatile.last_sign_in_at.is_none_or(|last| last <= self.at) =>
            {
                volatile.last_sign_in_at = Some(self.at);
                volatile.last_sign_in_method = text("/sign_in_method").map(Into::into);
            }
            _ => {}
        }
    }
}

/// Replaces an IP address in a text.
const ADDRESS_REMOVED: &str = "[address removed]";

/// Returns the text without IP addresses; `None` if it has none.
fn without_addresses(text: &str) -> Option<String> {
    let part_of_address = |letter: char| letter.is_ascii_hexdigit() || matches!(letter, '.' | ':');
    let mut found = false;
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(part_of_address) {
        let length = rest[begin..].find(|letter| !part_of_address(letter));
        let (before, from) = rest.split_at(begin);
        let (word, after) = from.split_at(length.unwrap_or(from.len()));
        let bare = word.trim_end_matches(['.', ':']);
        let is_address = bare.len() > 2
            && bare.parse::<IpAddr>().is_ok()
            && !before.ends_with(|letter: char| letter.is_alphanumeric())
            && !after.starts_with(|letter: char| letter.is_alphanumeric());
        written.push_str(before);
        if is_address {
            found = true;
            written.push_str(ADDRESS_REMOVED);
            written.push_str(&word[bare.len()..]);
        } else {
            written.push_str(word);
        }
        rest = after;
    }
    written.push_str(rest);
    found.then_some(written)
}

/// Replaces the IP addresses in all texts of a JSON value. Returns whether there were any.
fn remove_addresses(value: &mut Value) -> bool {
    match value {
        Value::String(text) => match without_addresses(text) {
            Some(without) => {
                *text = without;
                true
            }
            None => false,
        },
        Value::Array(values) => {
            values.iter_mut().map(remove_addresses).filter(|found| *found).count() > 0
        }
        Value::Object(members) => {
            members.values_mut().map(remove_addresses).filter(|found| *found).count() > 0
        }
        _ => false,
    }
}

/// Returns whether two-factor authentication is on after an `admin_two_factor_auth_change`; `None`
/// if its metadata does not say so in a known form.
#[must_use]
pub fn two_factor_auth(metadata: &Value) -> Option<bool> {
    let places = ["/enabled", "/after", "/after/enabled"];
    places.iter().find_map(|place| metadata.pointer(place)?.as_bool())
}

/// Returns the granted permissions in the map at this JSON pointer; `None` if there is no map.
#[must_use]
pub fn granted_permissions(metadata: &Value, pointer: &str) -> Option<BTreeSet<String>> {
    let permissions = metadata.pointer(pointer)?.as_object()?;
    let granted = permissions.iter().filter(|(_, granted)| **granted == Value::Bool(true));
    Some(granted.map(|(name, _)| name.clone()).collect())
}

/// Returns the id at this JSON pointer.
fn named(metadata: &Value, pointer: &str) -> Option<String> {
    id_text(metadata.pointer(pointer)?)
}

/// Returns the text of an id. Intercom writes ids as strings and as numbers.
#[must_use]
pub fn id_text(value: &Value) -> Option<String> {
    match value {
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
        let performed_by = Some(Actor { id: Some(UserId::new("7")), ..Actor::default() });
        Activity {
            description: None,
            id: kind.to_owned(),
            at,
            kind: kind.to_owned(),
            performed_by,
            metadata: metadata.into(),
        }
    }

    fn told(entries: &[Activity]) -> (User, Volatile) {
        let mut user = User::new(UserId::new("7"));
        let mut volatile = Volatile::default();
        for entry in entries {
            entry.tell(&mut user, &mut volatile);
        }
        (user, volatile)
    }

    #[test]
    fn an_invitation_is_found_whatever_the_case_and_the_unicode_form_of_the_address() {
        let mut facts = LogFacts::default();
        let at = datetime!(2026-01-01 0:00 UTC);
        facts.invited(at, &json!({"emails": [" Zoe\u{301}@Example.com "]}));
        for address in ["zo\u{E9}@example.com", "ZOE\u{301}@example.com"] {
            assert_eq!(facts.invited_at(address, None), Some(at), "{address}");
        }
        assert_eq!(facts.invited_at("zoe@example.com", None), None);
    }

    #[test]
    fn addresses_are_removed_wherever_an_entry_has_them() {
        let mut entry = entry(
            "admin_login_success",
            datetime!(2026-01-01 0:00 UTC),
            json!({"from": "203.0.113.9", "more": ["via 2001:db8::7.", {"ip": "::1"}], "version": "1.2.3"}),
        );
        entry.performed_by = Some(Actor { ip: Some("203.0.113.9".to_owned()), ..Actor::default() });
        entry.description =
            Some("Ada signed in from 203.0.113.9. At 10:30, with 1.2.3.".to_owned());
        entry.remove_addresses();
        assert_eq!(entry.performed_by, Some(Actor::default()));
        assert_eq!(
            entry.description.as_deref(),
            Some("Ada signed in from [address removed]. At 10:30, with 1.2.3.")
        );
        let without = json!({"from": "[address removed]",
            "more": ["via [address removed].", {"ip": "[address removed]"}], "version": "1.2.3"});
        assert_eq!(entry.metadata.value(), without);
    }

    #[test]
    fn an_unknown_kind_changes_nothing() {
        let (user, volatile) =
            told(&[entry("teleportation", datetime!(2026-01-01 0:00 UTC), json!({"after": 3}))]);
        assert_eq!(user, User::new(UserId::new("7")));
        assert_eq!(volatile, Volatile::default());
    }

    #[test]
    fn a_permission_change_sets_permissions_and_name() {
        let (user, _) = told(&[entry(
            "admin_permission_change",
            datetime!(2026-01-01 0:00 UTC),
            json!({
                "admin": {"id": 7, "first_name": "Sam", "last_name": "Carter"},
                "before": {"permissions": {"export_data": false}},
                "after": {"permissions": {"manage_teammates": true, "export_data": true, "manage_tags": false}},
            }),
        )]);
        assert_eq!(
            user.permissions,
            Some(["export_data", "manage_teammates"].map(str::to_owned).into())
        );
        assert_eq!(
            (user.first_name.as_deref(), user.last_name.as_deref()),
            (Some("Sam"), Some("Carter"))
        );
    }

    #[test]
    fn the_last_sign_in_is_independent_of_order_and_repetition() {
        let early = entry(
            "admin_login_success",
            datetime!(2026-01-01 0:00 UTC),
            json!({"sign_in_method": "email_password"}),
        );
        let late = entry(
            "admin_login_success",
            datetime!(2026-01-02 0:00 UTC),
            json!({"sign_in_method": "google_oauth2"}),
        );
        let once = told(&[early.clone(), late.clone()]);
        assert_eq!(once.1.last_sign_in_method.as_deref(), Some("google_oauth2"));
        assert_eq!(told(&[late.clone(), early.clone(), late, early]), once);
    }

    #[test]
    fn an_unclear_two_factor_entry_leaves_the_state_unknown() {
        let at = datetime!(2026-01-01 0:00 UTC);
        assert_eq!(
            told(&[entry("admin_two_factor_auth_change", at, json!({}))]).0.two_factor_auth,
            None
        );
        assert_eq!(
            told(&[entry("admin_two_factor_auth_change", at, json!({"enabled": true}))])
                .0
                .two_factor_auth,
            Some(true)
        );
    }

    #[test]
    fn an_invitation_is_found_by_the_address_that_it_names_and_the_last_before_joining_counts() {
        let day = |day| datetime!(2026-01-01 0:00 UTC).replace_day(day).unwrap();
        let mut facts = LogFacts::default();
        facts.invited(day(9), &json!({"invitee": {"emails": ["Ada@Example.com"]}, "role": 3}));
        facts.invited(day(2), &json!({"email": "ada@example.com"}));
        assert_eq!(facts.invited_at("ADA@example.com", None), Some(day(9)));
        assert_eq!(facts.invited_at("ada@example.com", Some(day(5))), Some(day(2)));
        assert_eq!(facts.invited_at("ada@example.com", Some(day(1))), None);
        assert_eq!(facts.invited_at("bo@example.com", None), None);
    }

    #[test]
    fn an_unknown_sign_in_method_is_not_single_sign_on() {
        let by = |method: &str| SignIn {
            at: datetime!(2026-01-01 0:00 UTC),
            method: Some(method.into()),
        };
        for (method, expected) in [
            ("saml", Some(true)),
            ("SAML_SSO", Some(true)),
            ("custom-sso", Some(true)),
            ("email_password", Some(false)),
            ("google_oauth2", Some(false)),
            ("passkey", None),
            ("", None),
        ] {
            assert_eq!(by(method).by_identity_provider(), expected, "{method}");
        }
    }

    #[test]
    fn the_subject_is_the_named_person_or_else_the_performer() {
        let at = datetime!(2026-01-01 0:00 UTC);
        let subject = |kind, metadata| entry(kind, at, metadata).subject().map(|id| id.to_string());
        assert_eq!(subject("admin_deletion", json!({"admin": {"id": 12}})), Some("12".to_owned()));
        assert_eq!(
            subject("admin_deletion", json!({"admin": {"id": "12"}})),
            Some("12".to_owned())
        );
        assert_eq!(subject("admin_login_success", json!({})), Some("7".to_owned()));
        assert_eq!(subject("app_name_change", json!({})), None);
    }
}
