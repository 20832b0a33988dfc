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
    pub(crate) cursor: String,
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) r#type: String,
    pub(crate) group: Group,
    pub(crate) severity: Severity,
    #[serde(with = "crate::date_time")]
    pub(crate) at: OffsetDateTime,
    #[serde(with = "crate::date_time")]
    pub(crate) recorded_at: OffsetDateTime,
    pub(crate) actor_id: Option<String>,
    pub(crate) actor_type: Option<String>,
    pub(crate) actor_email: Option<String>,
    pub(crate) actor_display_name: Option<String>,
    pub(crate) actor_ip: Option<String>,
    pub(crate) subject_id: Option<String>,
    pub(crate) subject_email: Option<String>,
    pub(crate) subject_display_name: Option<String>,
    pub(crate) team_id: Option<String>,
    pub(crate) team_display_name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Value,
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
