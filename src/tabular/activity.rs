//! Log entries as rows.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::Row;
use crate::activity::{Details, Entry, Group, People, Position, Severity, kind_named};
use crate::directory::{account_id, team_id};

/// An entry of Intercom's activity log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActivityRow {
    cursor: String,
    seq: i64,
    id: String,
    r#type: String,
    group: Group,
    severity: Severity,
    #[serde(with = "crate::date_time")]
    at: OffsetDateTime,
    #[serde(with = "crate::date_time")]
    recorded_at: OffsetDateTime,
    actor_id: Option<String>,
    actor_type: Option<String>,
    actor_email: Option<String>,
    actor_display_name: Option<String>,
    actor_ip: Option<String>,
    subject_id: Option<String>,
    subject_email: Option<String>,
    subject_display_name: Option<String>,
    team_id: Option<String>,
    team_display_name: Option<String>,
    description: Option<String>,
    metadata: Value,
}

impl Row for ActivityRow {
    const COLUMNS: &'static [&'static str] = &[
        "cursor",
        "seq",
        "id",
        "type",
        "group",
        "severity",
        "at",
        "recorded_at",
        "actor_id",
        "actor_type",
        "actor_email",
        "actor_display_name",
        "actor_ip",
        "subject_id",
        "subject_email",
        "subject_display_name",
        "team_id",
        "team_display_name",
        "description",
        "metadata",
    ];
}

impl ActivityRow {
    /// Makes the row of an entry. `people` has the teammates that it names.
    #[must_use]
    pub fn of(entry: Entry, people: &People) -> Self {
        let Entry { seq, recorded_at, activity } = entry;
        let kind = kind_named(&activity.kind);
        let Details { subject, team, severity, metadata, .. } = Details::of(kind, &activity);
        let known = subject.as_ref().and_then(|id| people.get(id)).cloned().unwrap_or_default();
        let actor = activity.performed_by.unwrap_or_default();
        let of_actor = actor.id.as_ref().and_then(|id| people.get(id)).cloned().unwrap_or_default();
        Self {
            cursor: Position::Recording { seq, known_pruned: 0 }.to_cursor(),
            seq,
            id: activity.id,
            group: kind.group,
            severity,
            r#type: activity.kind,
            at: activity.at,
            recorded_at,
            actor_id: actor.id.as_ref().map(account_id),
            actor_type: actor.kind,
            actor_email: actor.email.or(of_actor.email),
            actor_display_name: of_actor.name,
            actor_ip: actor.ip,
            subject_id: subject.as_ref().map(account_id),
            subject_email: known.email,
            subject_display_name: known.name,
            team_id: team.as_ref().and_then(|team| team.id.as_ref()).map(team_id),
            team_display_name: team.and_then(|team| team.name),
            description: activity.description,
            metadata,
        }
    }
}
