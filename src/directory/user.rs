//! People.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{ActivitySource, LastActivity};

/// Intercom's id of an admin, for example `4423433`. Ids sort numerically: shorter ids first.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(Box<str>);

/// Implements constructor, accessor, ordering and formatting for an id type.
macro_rules! intercom_id {
    ($name:ident) => {
        impl $name {
            /// Creates an id from Intercom's text.
            pub fn new(id: impl Into<Box<str>>) -> Self {
                Self(id.into())
            }

            /// The id as Intercom writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                (self.0.len(), &self.0).cmp(&(other.0.len(), &other.0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(super) use intercom_id;

intercom_id!(UserId);

/// A person with access to the workspace, and that access. All fields are access: every change of
/// one makes a new version in the ledger. Values that Intercom did not give are `None`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct User {
    /// Intercom's admin id.
    pub id: UserId,
    /// Whether the person is in the workspace. Intercom has no suspended state: a teammate is
    /// either present or removed.
    pub active: bool,
    /// The sign-in address. It is compared without regard to case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The full name, as the person wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The first name, from the activity log; see [`User::name_parts`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// The last name, from the activity log; see [`User::name_parts`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// The job title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_title: Option<Arc<str>>,
    /// Whether the person holds a paid inbox seat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_inbox_seat: Option<bool>,
    /// The role that bundles the person's permissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Arc<Role>>,
    /// The names of the granted permissions, sorted; from the activity log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Box<[String]>>,
    /// Whether sign-in requires a second factor; from the activity log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub two_factor_auth: Option<bool>,
    /// When the person joined; from the activity log.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub joined_at: Option<OffsetDateTime>,
    /// When the person was removed; from the activity log.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub removed_at: Option<OffsetDateTime>,
    /// Whether the ledger's personal data of the person was erased: the address, the names and the
    /// title are unknown because of that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
}

/// A role of the workspace, for example "Support Agent".
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Role {
    /// Intercom's id of the role.
    pub id: String,
    /// The name of the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Values of a person that are not access. They are not versioned, so that a lunch break is not a
/// change to review.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Volatile {
    /// Whether away mode is on.
    pub away_mode_enabled: Option<bool>,
    /// Whether new conversations are reassigned to others while the person is away.
    pub away_mode_reassign: Option<bool>,
    /// Intercom's id of the reason given for being away.
    pub away_status_reason_id: Option<i64>,
    /// The URL of the person's avatar image.
    pub avatar_url: Option<String>,
    /// The last sign-in that the activity log covers.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_sign_in_at: Option<OffsetDateTime>,
    /// The method of that sign-in, as Intercom spells it, for example `google_oauth2`.
    pub last_sign_in_method: Option<Box<str>>,
    /// The last activity other than a sign-in that the activity log covers. See
    /// [`Volatile::last_activity`].
    #[serde(default)]
    pub last_other_activity: Option<LastActivity>,
}

impl Volatile {
    /// Returns the last activity that the activity log covers, sign-ins included.
    #[must_use]
    pub fn last_activity(&self) -> Option<LastActivity> {
        let sign_in =
            self.last_sign_in_at.map(|at| LastActivity { at, source: ActivitySource::SignIn });
        LastActivity::newer(self.last_other_activity, sign_in)
    }

    /// Adds an activity. Order and repetition do not matter. Sign-ins are ignored: those have
    /// members of their own.
    pub fn note_activity(&mut self, activity: LastActivity) {
        if activity.source != ActivitySource::SignIn {
            self.last_other_activity =
                LastActivity::newer(self.last_other_activity, Some(activity));
        }
    }
}

// Every person's `User` and `Volatile` are in memory, each in an `Arc` with two counters (16
// bytes). Allocators would round anything larger up to 256 and 128 bytes.
const _: () = assert!(size_of::<User>() + 16 <= 224 && size_of::<Volatile>() + 16 <= 112);

/// Whether an account belongs to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserKind {
    /// A person.
    Teammate,
    /// The bot that every workspace has (Operator, or Fin).
    Bot,
}

/// How names of one word are split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// The word is the given name and the family name: some importers refuse an empty one.
    #[default]
    Repeat,
    /// The word is the given name, and there is no family name.
    GivenOnly,
}

/// A name split into two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameParts<'a> {
    /// The given name or names.
    pub given: &'a str,
    /// The family name or names; `None` in a name of one word.
    pub family: Option<&'a str>,
}

impl User {
    /// Creates an active person of whom only the id is known.
    #[must_use]
    pub fn new(id: UserId) -> Self {
        Self {
            id,
            active: true,
            email: None,
            name: None,
            first_name: None,
            last_name: None,
            job_title: None,
            has_inbox_seat: None,
            role: None,
            permissions: None,
            two_factor_auth: None,
            joined_at: None,
            removed_at: None,
            erased: false,
        }
    }

    /// Returns whether this is a person or the workspace's bot. Only its address identifies the
    /// bot: `operator+<app id>@intercom.io`.
    #[must_use]
    pub fn kind(&self) -> UserKind {
        if self.email.as_deref().is_some_and(is_machine_address) {
            UserKind::Bot
        } else {
            UserKind::Teammate
        }
    }

    /// Splits the name, which Intercom stores as one text. If the activity log gave first and last
    /// name and together they still equal that text, it is split between them; otherwise at its
    /// last space.
    #[must_use]
    pub fn name_parts(&self) -> Option<NameParts<'_>> {
        let name = self.name.as_deref()?.trim();
        if let (Some(given), Some(family)) = (self.first_name.as_deref(), self.last_name.as_deref())
            && !given.is_empty()
            && !family.is_empty()
            && name.split_whitespace().eq(given.split_whitespace().chain(family.split_whitespace()))
        {
            return Some(NameParts { given, family: Some(family) });
        }
        match name.rsplit_once(char::is_whitespace) {
            Some((given, family)) => {
                Some(NameParts { given: given.trim_end(), family: Some(family) })
            }
            None if name.is_empty() => None,
            None => Some(NameParts { given: name, family: None }),
        }
    }
}

/// Whether this is the address of a workspace's bot: `operator+<app id>@intercom.io`.
#[must_use]
pub fn is_machine_address(email: &str) -> bool {
    let email = email.trim().to_ascii_lowercase();
    email.starts_with("operator+") && email.ends_with("@intercom.io")
}

impl User {
    /// Returns given and family name as responses show them; see [`Names`].
    #[must_use]
    pub fn given_and_family(&self, names: Names) -> (Option<&str>, Option<&str>) {
        let Some(NameParts { given, family }) = self.name_parts() else { return (None, None) };
        let family = match names {
            Names::Repeat => Some(family.unwrap_or(given)),
            Names::GivenOnly => family,
        };
        (Some(given), family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(
        name: &str,
        first: Option<&str>,
        last: Option<&str>,
    ) -> Option<(String, Option<String>)> {
        let mut user = User::new(UserId::new("1"));
        user.name = Some(name.to_owned());
        user.first_name = first.map(str::to_owned);
        user.last_name = last.map(str::to_owned);
        user.name_parts().map(|parts| (parts.given.to_owned(), parts.family.map(str::to_owned)))
    }

    fn parts(given: &str, family: &str) -> (String, Option<String>) {
        (given.to_owned(), Some(family.to_owned()))
    }

    #[test]
    fn a_name_is_split_at_its_last_space() {
        assert_eq!(named("Ada Lovelace", None, None), Some(parts("Ada", "Lovelace")));
        assert_eq!(named(" Anna  Maria   Neri ", None, None), Some(parts("Anna  Maria", "Neri")));
    }

    #[test]
    fn the_activity_log_tells_where_to_split_as_long_as_the_name_is_still_that_one() {
        let first = Some("Maria");
        let last = Some("Lopez Garcia");
        assert_eq!(named("Maria Lopez Garcia", first, last), Some(parts("Maria", "Lopez Garcia")));
        assert_eq!(named("Maria Lopez Smith", first, last), Some(parts("Maria Lopez", "Smith")));
    }

    #[test]
    fn a_name_of_one_word_has_no_family_part_and_no_name_has_none() {
        assert_eq!(named("Cher", None, None), Some(("Cher".to_owned(), None)));
        assert_eq!(named("Duran Duran", None, None), Some(parts("Duran", "Duran")));
        assert_eq!(named("  ", None, None), None);
        assert_eq!(User::new(UserId::new("1")).name_parts(), None);
    }

    #[test]
    fn only_the_operator_address_is_a_bot() {
        let mut user = User::new(UserId::new("1"));
        for (email, kind) in [
            ("operator+wjw5eps7@intercom.io", UserKind::Bot),
            ("Operator+ABC@Intercom.io", UserKind::Bot),
            ("operator@intercom.io", UserKind::Teammate),
            ("operator+abc@example.com", UserKind::Teammate),
        ] {
            user.email = Some(email.to_owned());
            assert_eq!(user.kind(), kind, "{email}");
        }
    }

    #[test]
    fn ids_order_as_numbers() {
        let mut ids = ["10", "9", "100", "1"].map(UserId::new);
        ids.sort();
        assert_eq!(ids.map(|id| id.to_string()), ["1", "9", "10", "100"]);
    }
}
