//! What can be done in the console, and the role that each action needs.

use super::ConsoleRole;
use crate::words::words;

words! {
    /// Something that a person can do in the console, beyond looking at it.
    pub enum ConsoleAction {
        /// Read the audit trail.
        ReadAudit = "read_audit",
        /// List OAuth clients and tokens.
        ReadClients = "read_clients",
        /// Start an import.
        StartImport = "start_import",
        /// Commit a held import, although it removes more than the settings permit.
        ReleaseImport = "release_import",
        /// Record that a held import is not to be committed.
        KeepImport = "keep_import",
        /// Close a request for a change as done or declined.
        CloseRequest = "close_request",
        /// Disable an OAuth client.
        DisableClient = "disable_client",
        /// Revoke a token.
        RevokeToken = "revoke_token",
        /// Decide whose an account is, or which class it has; revoke such a decision.
        DecideIdentity = "decide_identity",
        /// Begin, decide, sign or discard an access review.
        Review = "review",
    }
}

impl ConsoleAction {
    /// The smallest role that may do this.
    #[must_use]
    pub const fn needs(self) -> ConsoleRole {
        match self {
            Self::StartImport
            | Self::CloseRequest
            | Self::DecideIdentity
            | Self::Review
            | Self::ReadAudit => ConsoleRole::Reviewer,
            Self::ReleaseImport
            | Self::KeepImport
            | Self::ReadClients
            | Self::DisableClient
            | Self::RevokeToken => ConsoleRole::Admin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_includes_the_ones_before_it_and_no_action_is_open_to_viewers() {
        assert!(ConsoleRole::Viewer < ConsoleRole::Reviewer);
        assert!(ConsoleRole::Reviewer < ConsoleRole::Admin);
        for action in ConsoleAction::ALL {
            assert!(action.needs() > ConsoleRole::Viewer, "{action}");
        }
    }
}
