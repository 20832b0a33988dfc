//! What people do with access: invitations, roles, permissions, seats, sign-ins. Each action adds
//! an entry to the activity log, as in Intercom. Times are UNIX seconds.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::workspace::{Admin, Invitation, Role, Workspace};

/// The permissions in Intercom's log.
const PERMISSIONS: &[&str] = &[
    "access_billing_settings",
    "access_developer_hub",
    "access_product_settings",
    "access_reporting",
    "access_workspace_settings",
    "create_and_edit_bots",
    "export_data",
    "manage_apps_and_integrations",
    "manage_articles",
    "manage_inbox_rules",
    "manage_inbox_views",
    "manage_messages_settings",
    "manage_messenger_settings",
    "manage_saved_replies",
    "manage_tags",
    "manage_teammates",
    "reassign_conversations",
    "redact_conversation_parts",
    "send_messages",
];

impl Role {
    /// Creates a role.
    #[must_use]
    pub fn new(id: &str, name: &str) -> Self {
        Self { id: id.to_owned(), name: name.to_owned() }
    }

    /// The permissions that the role gives: all for `Admin`, few for others.
    fn permissions(&self) -> BTreeSet<String> {
        let granted: &[&str] = match self.name.as_str() {
            "Admin" => PERMISSIONS,
            "Support Lead" => {
                &["access_reporting", "manage_inbox_rules", "manage_tags", "reassign_conversations"]
            }
            "Billing" => &["access_billing_settings", "access_reporting"],
            "Read only" => &["access_reporting"],
            _ => &["manage_tags", "reassign_conversations", "send_messages"],
        };
        granted.iter().map(|name| (*name).to_owned()).collect()
    }
}

impl Workspace {
    /// Sends an invitation.
    pub fn invite(&mut self, email: &str, role: &Role, by: u64, at: i64) {
        let metadata = json!({"email": email, "role": {"id": role.id, "name": role.name}});
        self.invitations.insert(email.to_owned(), Invitation { role: role.clone(), sent_at: at });
        self.note(at, "admin_invite_creation", by, metadata);
    }

    /// Changes the role of an open invitation.
    pub fn change_invitation(&mut self, email: &str, role: &Role, by: u64, at: i64) {
        let Some(invitation) = self.invitations.get_mut(email) else { return };
        let before = std::mem::replace(&mut invitation.role, role.clone());
        let metadata = json!({
            "email": email,
            "before": {"role": {"id": before.id, "name": before.name}},
            "after": {"role": {"id": role.id, "name": role.name}},
        });
        self.note(at, "admin_invite_change", by, metadata);
    }

    /// Cancels an open invitation.
    pub fn cancel_invitation(&mut self, email: &str, by: u64, at: i64) {
        if self.invitations.remove(email).is_some() {
            self.note(at, "admin_invite_deletion", by, json!({"email": email}));
        }
    }

    /// Accepts an open invitation to the admin's address: the admin joins with its role. Returns
    /// the new id, or `None` without an invitation.
    pub fn accept_invitation(&mut self, admin: Admin, at: i64) -> Option<u64> {
        let role = self.invitations.remove(&admin.email)?.role;
        let permissions = role.permissions();
        Some(self.join(Admin { role: Some(role), permissions, ..admin }, at))
    }

    /// The addresses with an open invitation, and when each was sent.
    pub fn invitations(&self) -> impl Iterator<Item = (&str, i64)> {
        self.invitations.iter().map(|(email, invitation)| (email.as_str(), invitation.sent_at))
    }

    /// Adds an admin who accepted an invitation.
    pub fn join(&mut self, admin: Admin, at: i64) -> u64 {
        let id = self.add_admin(admin);
        let metadata = json!({"admin": self.named(id)});
        self.note(at, "app_admin_join", id, metadata);
        id
    }

    /// Removes an admin on behalf of `by`.
    pub fn remove_admin(&mut self, id: u64, by: u64, at: i64) {
        let metadata = json!({"admin": self.named(id)});
        if self.admins.remove(&id).is_some() {
            for team in self.teams.values_mut() {
                team.members.remove(&id);
            }
            self.note(at, "admin_deletion", by, metadata);
        }
    }

    /// Gives an admin another role, with its permissions.
    pub fn change_role(&mut self, id: u64, role: &Role, by: u64, at: i64) {
        let Some(admin) = self.admins.get_mut(&id) else { return };
        admin.role = Some(role.clone());
        self.replace_permissions(id, role.permissions(), by, at);
    }

    /// Sets an admin's permissions one by one.
    pub fn set_permissions(&mut self, id: u64, by: u64, granted: &[&str], at: i64) {
        let granted = granted.iter().map(|name| (*name).to_owned()).collect();
        self.replace_permissions(id, granted, by, at);
    }

    fn replace_permissions(&mut self, id: u64, granted: BTreeSet<String>, by: u64, at: i64) {
        let Some(admin) = self.admins.get_mut(&id) else { return };
        let before = std::mem::replace(&mut admin.permissions, granted);
        let granted = admin.permissions.clone();
        let shown = |granted: &BTreeSet<String>| -> Map<String, Value> {
            let known = PERMISSIONS.iter().map(|name| (*name).to_owned());
            known
                .chain(granted.iter().cloned())
                .map(|name| {
                    let has = granted.contains(&name);
                    (name, json!(has))
                })
                .collect()
        };
        let metadata = json!({
            "admin": self.named(id),
            "before": {"permissions": shown(&before), "conversation_access": {}},
            "after": {
                "permissions": shown(&granted),
                "conversation_access": {"access_type": "all"},
            },
        });
        self.note(at, "admin_permission_change", by, metadata);
    }

    /// Gives an admin the paid inbox seat, or takes it.
    pub fn set_seat(&mut self, id: u64, seat: bool, by: u64, at: i64) {
        let Some(admin) = self.admins.get_mut(&id).filter(|admin| admin.has_inbox_seat != seat)
        else {
            return;
        };
        admin.has_inbox_seat = seat;
        let seats = |seat: bool| if seat { json!(["core"]) } else { json!([]) };
        let metadata = json!({
            "admin": self.named(id), "before": seats(!seat), "after": seats(seat),
        });
        self.note(at, if seat { "seat_change" } else { "seat_revoke" }, by, metadata);
    }

    /// Turns an admin's two-factor authentication on or off.
    pub fn set_two_factor(&mut self, id: u64, enabled: bool, at: i64) {
        if let Some(admin) = self.admins.get_mut(&id) {
            admin.two_factor = enabled;
        }
        self.note(at, "admin_two_factor_auth_change", id, json!({"enabled": enabled}));
    }

    /// Turns an admin's away mode on or off.
    pub fn set_away(&mut self, id: u64, away: bool, at: i64) {
        let Some(admin) = self.admins.get_mut(&id).filter(|admin| admin.away != away) else {
            return;
        };
        admin.away = away;
        let metadata = json!({
            "away_mode": away,
            "away_status_reason": null,
            "reassign_conversations": false,
            "auto_changed": false,
            "source": "inbox",
        });
        self.note(at, "admin_away_mode_change", id, metadata);
    }

    /// An admin signs in.
    pub fn sign_in(&mut self, id: u64, method: &str, at: i64) {
        self.note(at, "admin_login_success", id, json!({"sign_in_method": method}));
    }

    /// An admin's sign-in fails: wrong credentials.
    pub fn fail_sign_in(&mut self, id: u64, method: &str, at: i64) {
        self.note(at, "admin_login_failure", id, json!({"sign_in_method": method}));
    }

    /// An admin's sign-in is refused: the workspace does not allow the method.
    pub fn refuse_sign_in_method(&mut self, id: u64, method: &str, at: i64) {
        let metadata = json!({"sign_in_method": method});
        self.note(at, "admin_unauthorized_sign_in_method", id, metadata);
    }

    /// An admin signs out.
    pub fn sign_out(&mut self, id: u64, at: i64) {
        self.note(at, "admin_logout", id, json!({}));
    }

    /// An admin asks for a new password and sets it five minutes later.
    pub fn reset_password(&mut self, id: u64, at: i64) {
        self.note(at, "admin_password_reset_request", id, json!({}));
        self.note(at + 300, "admin_password_reset_success", id, json!({}));
    }

    /// An admin lets Intercom's staff act as them. They do, for half an hour, and the admin
    /// withdraws the consent an hour later.
    pub fn be_impersonated(&mut self, id: u64, at: i64) {
        let consent = json!({"consent_id": self.log.len(), "expired_at": at + 86_400});
        self.note(at, "admin_impersonation_consent_approved", id, consent.clone());
        self.note(at + 600, "admin_impersonation_start", id, consent.clone());
        self.note(at + 2_400, "admin_impersonation_end", id, consent.clone());
        self.note(at + 3_600, "admin_impersonation_consent_revoked", id, consent);
    }

    /// An admin as the log's metadata names them.
    fn named(&self, id: u64) -> Value {
        let name = self.admins.get(&id).map_or("", |admin| admin.name.as_str());
        let (first, last) = name.split_once(' ').unwrap_or((name, ""));
        json!({"id": id, "first_name": first, "last_name": last})
    }
}
