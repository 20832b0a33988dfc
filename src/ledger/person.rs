//! A person, and where rows name them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::erased_fields::request_field;
use super::salted::{ACTIVITY_FIELDS, ERASED, REQUEST_FIELDS};
use crate::database::entities::{activity, lifecycle_requests};
use crate::directory::text::folded;

/// A person, with all the ids, addresses and names that the ledger has for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownPerson {
    /// Intercom's ids of the admin.
    pub ids: BTreeSet<String>,
    /// Those of `ids` that belong to an active admin in the latest generation.
    pub active: BTreeSet<String>,
    /// Email addresses, as [`normalised`] returns them.
    pub(super) addresses: BTreeSet<String>,
    /// Names, as [`normalised`] returns them.
    pub(super) names: BTreeSet<String>,
}

/// The prefixes of log entry kinds that record only a sign-in, a sign-out or presence.
const SESSIONS: [&str; 4] =
    ["admin_login", "admin_logout", "admin_occupancy", "admin_unauthorized_sign_in"];

/// Whether log entries of this kind record nothing but a session: a sign-in, a sign-out or
/// presence.
pub(super) fn is_session_kind(kind: &str) -> bool {
    SESSIONS.iter().any(|session| kind.starts_with(session))
}

impl KnownPerson {
    /// Whether the ledger has neither an id nor an address for the person.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.ids.is_empty() && self.addresses.is_empty()
    }

    /// Adds the ids, addresses and names of `other`, so that one search finds both.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.ids.extend(other.ids);
        self.active.extend(other.active);
        self.addresses.extend(other.addresses);
        self.names.extend(other.names);
        self
    }

    /// Whether a text contains an address or a name of the person as a separate word. Case and
    /// Unicode form are ignored.
    #[must_use]
    pub fn is_named_in(&self, text: &str) -> bool {
        let text = folded(text);
        let word = |letter: char| letter.is_alphanumeric();
        self.addresses.iter().any(|address| {
            stands_alone(
                &text,
                address,
                |letter| word(letter) || "._+-%".contains(letter),
                |letter| word(letter) || letter == '-',
            )
        }) || self.names.iter().any(|name| stands_alone(&text, name, word, word))
    }

    /// Whether an address is one of the person's. Case and Unicode form are ignored.
    #[must_use]
    pub fn has_address(&self, address: &str) -> bool {
        normalised(address).is_some_and(|address| self.addresses.contains(&address))
    }

    pub(super) fn is_id(&self, value: Option<&str>) -> bool {
        value.is_some_and(|id| self.ids.contains(id))
    }

    /// Whether the person did what the log entry records, or is its subject.
    pub(super) fn is_in(&self, row: &activity::Model) -> bool {
        self.is_id(row.performed_by_id.as_deref()) || self.is_id(row.subject_id.as_deref())
    }

    /// The fields of a log entry that hold the person's data. An entry about a session has no other
    /// use, so the ids go as well.
    pub(super) fn fields_of_entry(&self, row: &activity::Model) -> Vec<&'static str> {
        let acted = self.is_id(row.performed_by_id.as_deref());
        let about = self.is_id(row.subject_id.as_deref());
        let has_address =
            row.performed_by_email.as_deref().is_some_and(|email| self.is_named_in(email));
        let of_themselves =
            is_session_kind(&row.kind) && (about || acted && row.subject_id.is_none());
        let details =
            row.metadata != json!({}) && (about || self.is_mentioned_in(&row.metadata, acted));
        let described = row
            .description
            .as_deref()
            .is_some_and(|text| acted || about || has_address || self.is_named_in(text));
        let holds = |field: &str| match field {
            "actor" => of_themselves && acted,
            "subject" => of_themselves && about,
            "email" => row.performed_by_email.is_some() && (acted || has_address),
            "ip" => row.ip.is_some() && (acted || has_address || of_themselves),
            "description" => described,
            _ => details,
        };
        ACTIVITY_FIELDS.into_iter().filter(|field| holds(field)).collect()
    }

    /// Whether a JSON value names the person. If the person `acted`, an IP address in it counts as
    /// theirs.
    pub(super) fn is_mentioned_in(&self, details: &Value, acted: bool) -> bool {
        let mut open = vec![details];
        while let Some(value) = open.pop() {
            match value {
                Value::String(text)
                    if self.is_named_in(text) || acted && text.parse::<IpAddr>().is_ok() =>
                {
                    return true;
                }
                Value::Array(items) => open.extend(items),
                Value::Object(members) => {
                    let id = members.get("id").or_else(|| members.get("admin_id"));
                    let id = id.map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
                    let says_more =
                        members.iter().any(|(name, value)| name != "type" && value.is_string());
                    if self.is_id(id.as_deref()) && says_more {
                        return true;
                    }
                    open.extend(members.values());
                }
                _ => {}
            }
        }
        false
    }

    /// Whether a request is about the person's account.
    pub(super) fn is_about(&self, row: &lifecycle_requests::Model) -> bool {
        let target =
            row.target.as_deref().map(|target| target.strip_prefix("adm_").unwrap_or(target));
        self.is_id(target)
            || [&row.target, &row.user_name]
                .into_iter()
                .flatten()
                .any(|text| self.is_named_in(text))
    }

    /// The fields of a request that hold the person's data.
    pub(super) fn fields_of_request(&self, row: &lifecycle_requests::Model) -> Vec<&'static str> {
        let about = self.is_about(row);
        let holds = |field: &str| {
            let value = request_field(row, field).filter(|value| *value != ERASED);
            value.is_some_and(|value| {
                about && matches!(field, "user_name" | "comment" | "note")
                    || self.is_named_in(value)
            })
        };
        REQUEST_FIELDS.into_iter().filter(|field| holds(field)).collect()
    }
}

/// Whether `text` contains `word` where neither neighbouring character satisfies `before` or
/// `after`, that is: as a separate word.
fn stands_alone(
    text: &str,
    word: &str,
    before: impl Fn(char) -> bool,
    after: impl Fn(char) -> bool,
) -> bool {
    !word.is_empty()
        && text.match_indices(word).any(|(start, _)| {
            !text[..start].chars().next_back().is_some_and(&before)
                && !text[start + word.len()..].chars().next().is_some_and(&after)
        })
}

/// Returns an address or a name in the form in which it is compared. `None` if it is blank or
/// erased.
pub(super) fn normalised(text: &str) -> Option<String> {
    let text = folded(text.trim()).into_owned();
    (!text.is_empty() && text != ERASED).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> KnownPerson {
        KnownPerson {
            ids: BTreeSet::from(["7".to_owned()]),
            active: BTreeSet::new(),
            addresses: BTreeSet::from(["ada@example.com".to_owned()]),
            names: BTreeSet::from(["ada lovelace".to_owned()]),
        }
    }

    #[test]
    fn a_person_is_named_by_whole_words_alone() {
        for text in [
            "Ada@Example.com",
            "issuer okta ada@example.com",
            "<ada@example.com>.",
            "ask ADA LOVELACE, please",
        ] {
            assert!(ada().is_named_in(text), "{text}");
        }
        for text in [
            "canada@example.com",
            "ada@example.com-x",
            "ada@example.community",
            "Ada",
            "ada lovelaces",
            "",
        ] {
            assert!(!ada().is_named_in(text), "{text}");
        }
    }

    #[test]
    fn details_tell_of_a_person_by_id_by_name_and_by_where_they_were() {
        let mentioned = |details: Value, acted| ada().is_mentioned_in(&details, acted);
        assert!(mentioned(json!({"admins": [{"id": 7, "first_name": "A."}]}), false));
        assert!(mentioned(json!({"invitee": {"emails": ["ada@example.com"]}}), false));
        assert!(mentioned(json!({"from": "192.0.2.7"}), true));
        assert!(!mentioned(json!({"from": "192.0.2.7"}), false), "that is where somebody else was");
        assert!(!mentioned(
            json!({"admin": {"id": 8, "first_name": "Bo"}, "after": {"id": 7}}),
            true
        ));
    }
}
