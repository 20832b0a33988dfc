//! Pending invitations as rows.

use serde::Serialize;
use time::OffsetDateTime;

use super::{Row, days_since};
use crate::directory::{Invitation, Workspace, account_id};

/// An invitation that nobody has accepted or withdrawn, as far as Intercom's activity log shows. A
/// value that the log does not contain is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvitationRow {
    /// The id: `inv_` and the id of the entry of the activity log that records the invitation
    /// first. A number follows if one entry records several.
    pub id: String,
    /// Intercom's id of the workspace.
    pub workspace_id: Option<String>,
    /// `invited`, or `unknown` if the log does not name the address in a form that the bridge can
    /// read. Then it is unknown whether the person has joined.
    pub status: &'static str,
    /// The invited address.
    pub email: Option<String>,
    /// The name of the role that the person will have.
    pub role_name: Option<String>,
    /// When the invitation was sent first. Null if the log has only a later change of it.
    #[serde(with = "crate::date_time::option")]
    pub invited_at: Option<OffsetDateTime>,
    /// When it was sent last.
    #[serde(with = "crate::date_time::option")]
    pub last_sent_at: Option<OffsetDateTime>,
    /// When its role or permissions were last changed.
    #[serde(with = "crate::date_time::option")]
    pub changed_at: Option<OffsetDateTime>,
    /// Whole days since it was sent last.
    pub days_pending: Option<i64>,
    /// The id of the teammate who sent it last.
    pub invited_by_id: Option<String>,
    /// That teammate's address at that time.
    pub invited_by_email: Option<String>,
    /// Intercom's id of the newest entry of the activity log about it.
    pub activity_id: String,
}

impl Row for InvitationRow {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "workspace_id",
        "status",
        "email",
        "role_name",
        "invited_at",
        "last_sent_at",
        "changed_at",
        "days_pending",
        "invited_by_id",
        "invited_by_email",
        "activity_id",
    ];
}

impl InvitationRow {
    /// Returns the row of an invitation at a moment.
    #[must_use]
    pub fn new(invitation: &Invitation, workspace: &Workspace, moment: OffsetDateTime) -> Self {
        let by = invitation.invited_by.as_ref();
        Self {
            id: invitation.id.clone(),
            workspace_id: workspace.id.clone(),
            status: if invitation.email.is_some() { "invited" } else { "unknown" },
            email: invitation.email.clone(),
            role_name: invitation.role.clone(),
            invited_at: invitation.invited_at,
            last_sent_at: invitation.last_sent_at,
            changed_at: invitation.changed_at,
            days_pending: invitation.last_sent_at.and_then(|at| days_since(at, moment)),
            invited_by_id: by.and_then(|actor| actor.id.as_ref()).map(account_id),
            invited_by_email: by.and_then(|actor| actor.email.clone()),
            activity_id: invitation.entry.clone(),
        }
    }
}
