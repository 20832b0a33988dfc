//! The changes that can be requested.

use crate::words::words;

words! {
    /// A change that a client can request.
    pub enum Operation {
        /// Add a teammate.
        CreateAccount = "create_account",
        /// Change the name, the address or another attribute of a teammate.
        UpdateAccount = "update_account",
        /// Bring a removed teammate back.
        EnableAccount = "enable_account",
        /// Suspend a teammate.
        DisableAccount = "disable_account",
        /// Remove a teammate.
        RemoveAccount = "remove_account",
        /// Set another password.
        ChangePassword = "change_password",
        /// Give a teammate a team, role, seat or permission.
        AddAccess = "add_access",
        /// Take a team, role, seat or permission from a teammate.
        RemoveAccess = "remove_access",
        /// Add a team.
        CreateGroup = "create_group",
        /// Change a team or its members.
        UpdateGroup = "update_group",
        /// Remove a team.
        RemoveGroup = "remove_group",
        /// Add, change or remove a role, a kind of seat or a permission of the workspace.
        ChangeCatalogue = "change_catalogue",
        /// Several changes in one SCIM bulk request (RFC 7644 §3.7).
        Bulk = "bulk",
        /// The change that the comment describes. Only a person can say when it is done.
        Other = "other",
    }
}
