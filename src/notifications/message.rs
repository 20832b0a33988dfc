//! One event as the body of a notification.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::activity::{Context, Entry, Format, Severity, ecs, ocsf};
use crate::clock::to_millis;
use crate::date_time;
use crate::directory::{Generation, RecordedChange};
use crate::posture::{self, CheckId};
use crate::tabular::{ActivityRow, ChangeDocument};

/// A message. Its id stays the same in every attempt and replay, so that a receiver can recognise
/// a message that it already has.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The value of the header `webhook-id`.
    pub id: String,
    /// The type of the event, such as `activity.admin_login_failure`.
    pub event: String,
    /// The body.
    pub body: Vec<u8>,
}

/// A finding of the posture that began to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFinding {
    /// Its number in the workspace.
    pub number: i64,
    /// Its id in the report.
    pub id: String,
    /// The check.
    pub check: CheckId,
    /// Its severity; `None` if it was not recorded.
    pub severity: Option<Severity>,
    /// When it began to fail.
    pub began_at: OffsetDateTime,
    /// The generation of that moment.
    pub began_generation: Generation,
}

impl Message {
    /// The message about a log entry.
    #[must_use]
    pub fn of_entry(entry: Entry, format: Format, context: &Context<'_>) -> Self {
        let activity = &entry.activity;
        let id = message_id(&["activity", context.workspace_name, &activity.id], activity.at);
        let event = format!("activity.{}", word(&activity.kind));
        let at = activity.at;
        let data = match format {
            Format::Native => json!(ActivityRow::of(entry, context.people)),
            Format::Ocsf => ocsf(&entry, context),
            Format::Ecs => ecs(&entry, context),
        };
        Self::new(id, event, context.workspace_name, at, data)
    }

    /// The message about a change.
    #[must_use]
    pub fn of_change(change: &RecordedChange, workspace: &str) -> Self {
        let document = ChangeDocument::from(change);
        let id = message_id(&["change", workspace, &document.cursor], change.at);
        let event = format!("change.{}.{}", document.r#type, document.action);
        Self::new(id, event, workspace, change.at, json!(document))
    }

    /// The message about a finding. It names no person: the report has the subject, for clients
    /// that may read it.
    #[must_use]
    pub fn of_finding(finding: &NewFinding, workspace: &str) -> Self {
        let check = posture::check(finding.check);
        let id = message_id(&["finding", workspace, &finding.id], finding.began_at);
        let data = json!({
            "cursor": format!("f{}", finding.number),
            "id": finding.id,
            "check": finding.check,
            "title": check.title,
            "severity": finding.severity.map_or(json!(check.severity), |severity| json!(severity)),
            "status": "fail",
            "remedy": check.remedy,
            "began_at": date_time::written(finding.began_at).to_string(),
            "began_generation": finding.began_generation,
        });
        Self::new(id, "posture.finding".to_owned(), workspace, finding.began_at, data)
    }

    /// A message that tests an endpoint.
    #[must_use]
    pub fn test(endpoint: &str, workspace: &str, now: OffsetDateTime) -> Self {
        let id = message_id(&["test", workspace, endpoint], now);
        let text = "This message tests the endpoint. It describes no event.";
        Self::new(id, "test".to_owned(), workspace, now, json!({"message": text}))
    }

    /// Standard Webhooks: a payload has `type`, `timestamp` (when the event occurred) and `data`.
    fn new(id: String, event: String, workspace: &str, at: OffsetDateTime, data: Value) -> Self {
        let mut body = Map::new();
        body.insert("type".to_owned(), json!(event));
        body.insert("timestamp".to_owned(), json!(date_time::written(at).to_string()));
        body.insert("workspace".to_owned(), json!(workspace));
        body.insert("data".to_owned(), data);
        Self { id, event, body: Value::Object(body).to_string().into_bytes() }
    }
}

/// The id of a message. It depends only on the event, so it is the same after a restart, in another
/// bridge, and in a replay. It has no dot, which separates the parts of the signed content.
fn message_id(parts: &[&str], at: OffsetDateTime) -> String {
    let mut text = parts.join("\n");
    text.push_str(&format!("\n{}", to_millis(at)));
    let hash = digest(&SHA256, text.as_bytes());
    format!("msg_{}", hex::encode(&hash.as_ref()[..16]))
}

/// Standard Webhooks: types have letters, digits, underscores and dots.
fn word(kind: &str) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    kind.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Activity, Workspace};

    fn entry(id: &str, kind: &str) -> Entry {
        let at = time::macros::datetime!(2026-11-27 12:00 UTC);
        let activity = Activity {
            id: id.to_owned(),
            kind: kind.to_owned(),
            at,
            performed_by: None,
            description: None,
            metadata: json!({}).into(),
        };
        Entry { seq: 1, recorded_at: at, activity }
    }

    fn message(entry: Entry) -> Message {
        let workspace = Workspace::default();
        let people = crate::activity::People::new();
        let context = Context { workspace: &workspace, workspace_name: "default", people: &people };
        Message::of_entry(entry, Format::Native, &context)
    }

    #[test]
    fn the_id_depends_on_the_event_and_not_on_its_number() {
        let first = message(entry("e1", "bulk_export"));
        let again = message(Entry { seq: 99, ..entry("e1", "bulk_export") });
        let other = message(entry("e2", "bulk_export"));
        assert_eq!(first.id, again.id);
        assert_ne!(first.id, other.id);
        assert!(first.id.starts_with("msg_") && !first.id.contains('.'), "{}", first.id);
    }

    #[test]
    fn a_body_has_the_members_of_standard_webhooks() {
        let message = message(entry("e1", "bulk_export"));
        let body: Value = serde_json::from_slice(&message.body).unwrap();
        assert_eq!(body["type"], "activity.bulk_export");
        assert_eq!(body["timestamp"], "2026-11-27T12:00:00.000Z");
        assert_eq!(body["workspace"], "default");
        assert_eq!(body["data"]["id"], "e1");
        let odd = self::message(entry("e1", "odd kind.of"));
        assert_eq!(odd.event, "activity.odd_kind_of");
    }
}
