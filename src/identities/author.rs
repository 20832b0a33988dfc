//! Who does something, for versions, decisions and the audit trail.

use time::OffsetDateTime;

use crate::database::AuditEntry;

/// Who does something.
#[derive(Clone, Debug)]
pub struct Author {
    /// The subject of the token, or the user of the command.
    pub by: String,
    /// An audit entry with the actor, the identity and the address. The rest is filled in.
    pub entry: AuditEntry,
}

impl Author {
    /// The bridge itself, for what it does without a request.
    #[must_use]
    pub fn bridge(at: OffsetDateTime) -> Self {
        let entry = AuditEntry { actor: Some("bridge".to_owned()), ..AuditEntry::event("", at) };
        Self { by: "bridge".to_owned(), entry }
    }

    /// Returns the audit entry of an event in a workspace.
    pub(super) fn event(
        &self,
        event: &str,
        workspace: &str,
        target: Option<String>,
        detail: String,
        at: OffsetDateTime,
    ) -> AuditEntry {
        AuditEntry {
            at,
            event: event.to_owned(),
            workspace: Some(workspace.to_owned()),
            target,
            detail: Some(detail),
            ..self.entry.clone()
        }
    }
}
