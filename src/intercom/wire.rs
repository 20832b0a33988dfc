//! Intercom's JSON as it comes: everything optional, unknown members and unknown words tolerated.
//! What must be there is checked by [`super::vet`], which can say where it is missing.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `GET /me`: the admin whom the token stands for, with the workspace.
#[derive(Debug, Deserialize)]
pub struct Me {
    pub app: Option<App>,
}

/// A workspace.
#[derive(Debug, Deserialize)]
pub struct App {
    pub id_code: Option<String>,
    pub name: Option<String>,
    pub region: Option<String>,
}

/// `GET /admins`: every admin in one answer.
#[derive(Debug, Deserialize)]
pub struct AdminList {
    pub admins: Option<Vec<Option<Admin>>>,
}

/// A teammate. Ids of teams come as integers.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Admin {
    pub id: Option<Id>,
    pub name: Option<String>,
    pub email: Option<String>,
    pub job_title: Option<String>,
    pub away_mode_enabled: Option<bool>,
    pub away_mode_reassign: Option<bool>,
    pub away_status_reason_id: Option<i64>,
    pub has_inbox_seat: Option<bool>,
    pub team_ids: Option<Vec<Id>>,
    pub team_priority_level: Option<TeamPriority>,
    pub role: Option<Role>,
    pub avatar: Option<Avatar>,
}

/// `{}` for those in no team.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct TeamPriority {
    pub primary_team_ids: Option<Vec<Id>>,
    pub secondary_team_ids: Option<Vec<Id>>,
}

/// Absent where an admin has none.
#[derive(Clone, Debug, Deserialize)]
pub struct Role {
    pub id: Option<Id>,
    pub name: Option<String>,
}

/// Intercom's description says a text; live answers give an object.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Avatar {
    Text(String),
    Object { image_url: Option<String> },
}

impl Avatar {
    pub fn into_url(self) -> Option<String> {
        match self {
            Self::Text(url) => Some(url),
            Self::Object { image_url } => image_url,
        }
    }
}

/// `GET /teams`: every team in one answer.
#[derive(Debug, Deserialize)]
pub struct TeamList {
    pub teams: Option<Vec<Option<Team>>>,
}

/// A team. Ids of admins come as integers.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Team {
    pub id: Option<Id>,
    pub name: Option<String>,
    pub admin_ids: Option<Vec<Id>>,
    pub admin_priority_level: Option<AdminPriority>,
    pub assignment_limit: Option<i64>,
    pub distribution_method: Option<String>,
}

/// Who gets a team's conversations first.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct AdminPriority {
    pub primary_admin_ids: Option<Vec<Id>>,
    pub secondary_admin_ids: Option<Vec<Id>>,
}

/// A page of the activity log, newest entry first. Entries stay raw: one that cannot be read must not
/// hide the others.
#[derive(Debug, Deserialize)]
pub struct ActivityPage {
    pub activity_logs: Option<Vec<Value>>,
    pub pages: Option<Pages>,
}

/// Where in a list a page stands.
#[expect(clippy::struct_field_names, reason = "Intercom's names")]
#[derive(Debug, Deserialize)]
pub struct Pages {
    pub page: Option<u32>,
    pub total_pages: Option<u32>,
    /// Null at the end; else a URL (older API versions) or a cursor object (newer).
    pub next: Option<Value>,
}

/// An entry of the activity log.
#[expect(clippy::struct_field_names, reason = "Intercom's names")]
#[derive(Debug, Deserialize)]
pub struct Activity {
    pub id: Id,
    pub created_at: i64,
    pub activity_type: String,
    pub performed_by: Option<PerformedBy>,
    #[serde(default)]
    pub metadata: Value,
}

/// Who did it.
#[derive(Debug, Deserialize)]
pub struct PerformedBy {
    pub id: Option<Id>,
    pub email: Option<String>,
}

/// Body of `POST /admins/activity_logs/search` (2.16 and later).
#[derive(Debug, Serialize)]
pub struct ActivitySearch {
    pub created_at_after: i64,
    pub event_types: &'static [&'static str],
    pub page: u32,
    pub per_page: u32,
}

/// Every refusal: `{"type":"error.list","errors":[{"code":…,"message":…}]}`.
#[derive(Debug, Deserialize)]
pub struct ErrorList {
    pub errors: Vec<ErrorEntry>,
}

/// One reason of a refusal.
#[derive(Debug, Deserialize)]
pub struct ErrorEntry {
    pub code: Option<String>,
}

/// An id, which Intercom writes as a string in some places and as an integer in others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id(pub String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrInteger;
        impl Visitor<'_> for TextOrInteger {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id: a string or an integer")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
                Ok(Id(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Id, E> {
                Ok(Id(number.to_string()))
            }
        }
        deserializer.deserialize_any(TextOrInteger)
    }
}
