//! The workspace's configuration: settings, roles, apps, secrets and rules; and exports and
//! deletions of data. Only the activity log shows them. Times are UNIX seconds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::workspace::Workspace;

/// The state of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    settings: BTreeMap<Setting, Value>,
    items: BTreeSet<(Item, String)>,
}

/// A setting of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// Whether everyone needs a second factor.
    RequiredTwoFactor,
    /// The allowed ways of signing in.
    SignInMethods,
    /// The domain whose Google accounts may sign in.
    GoogleDomain,
    /// Whether the Messenger requires proof of its users' identity.
    IdentityVerification,
    /// Who may see the inbox.
    InboxAccess,
    /// What happens to links to malicious domains.
    MaliciousDomains,
    /// The domains on which the Messenger may run.
    TrustedDomains,
    /// Whether links are removed from incoming mail.
    InboundLinks,
    /// The types of files that may be sent.
    AttachmentTypes,
    /// Whether users may send files.
    UserAttachments,
    /// The address from which mail is sent.
    OutboundAddress,
    /// The name of the workspace.
    Name,
}

impl Setting {
    /// All settings.
    pub const ALL: [Self; 12] = [
        Self::RequiredTwoFactor,
        Self::SignInMethods,
        Self::GoogleDomain,
        Self::IdentityVerification,
        Self::InboxAccess,
        Self::MaliciousDomains,
        Self::TrustedDomains,
        Self::InboundLinks,
        Self::AttachmentTypes,
        Self::UserAttachments,
        Self::OutboundAddress,
        Self::Name,
    ];

    /// The type of its log entries, and its name there.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::RequiredTwoFactor => ("security_settings_change", "require_two_factor_auth"),
            Self::SignInMethods => ("app_authentication_method_change", "sign_in_methods"),
            Self::GoogleDomain => ("app_google_sso_domain_change", "google_sso_domain"),
            Self::IdentityVerification => {
                ("app_identity_verification_change", "identity_verification")
            }
            Self::InboxAccess => ("inbox_access_change", "inbox_access"),
            Self::MaliciousDomains => ("malicious_domains_setting_change", "malicious_domains"),
            Self::TrustedDomains => ("trusted_domains_setting_change", "trusted_domains"),
            Self::InboundLinks => ("strip_inbound_email_links_change", "strip_inbound_email_links"),
            Self::AttachmentTypes => {
                ("allowed_attachment_filetypes_setting_change", "allowed_attachment_filetypes")
            }
            Self::UserAttachments => {
                ("user_file_attachments_setting_change", "user_file_attachments")
            }
            Self::OutboundAddress => ("app_outbound_address_change", "outbound_address"),
            Self::Name => ("app_name_change", "name"),
        }
    }
}

/// A kind of item that people create, change and delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// A role.
    Role,
    /// An app. Changing it makes a new access token.
    App,
    /// A secret for calls of data connectors.
    AuthenticationToken,
    /// A secret that signs Messenger users.
    MessengerSecret,
    /// A webhook.
    Webhook,
    /// A pattern that is masked in conversations.
    RedactionRule,
    /// A schedule by which conversations are deleted.
    DeletionSchedule,
}

impl Item {
    /// The types of the log entries for creation, change and deletion.
    fn kinds(self) -> [Option<&'static str>; 3] {
        match self {
            Self::Role => [Some("role_creation"), Some("role_change"), Some("role_deletion")],
            Self::App => [
                Some("app_package_installation"),
                Some("app_package_token_regeneration"),
                Some("app_package_uninstallation"),
            ],
            Self::AuthenticationToken => [Some("custom_authentication_token_creation"), None, None],
            Self::MessengerSecret => {
                [Some("messenger_api_secret_creation"), None, Some("messenger_api_secret_deletion")]
            }
            Self::Webhook => [Some("app_webhook_creation"), None, Some("app_webhook_deletion")],
            Self::RedactionRule => [
                Some("content_redaction_rule_creation"),
                Some("content_redaction_rule_update"),
                Some("content_redaction_rule_deletion"),
            ],
            Self::DeletionSchedule => [
                Some("conversation_deletion_schedule_creation"),
                Some("conversation_deletion_schedule_update"),
                Some("conversation_deletion_schedule_deletion"),
            ],
        }
    }
}

/// What is done with data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataUse {
    /// Messages or conversations are exported.
    ConversationExport,
    /// Users or leads are exported.
    ContactExport,
    /// One conversation is exported as PDF.
    PdfExport,
    /// A user or lead is deleted.
    ContactDeletion,
    /// Many users or leads are deleted.
    BulkDeletion,
    /// A reply or note is deleted.
    ReplyDeletion,
}

impl DataUse {
    /// All uses.
    pub const ALL: [Self; 6] = [
        Self::ConversationExport,
        Self::ContactExport,
        Self::PdfExport,
        Self::ContactDeletion,
        Self::BulkDeletion,
        Self::ReplyDeletion,
    ];

    fn kind(self) -> &'static str {
        match self {
            Self::ConversationExport => "app_data_export",
            Self::ContactExport => "bulk_export",
            Self::PdfExport => "conversation_pdf_export",
            Self::ContactDeletion => "app_data_deletion",
            Self::BulkDeletion => "bulk_delete",
            Self::ReplyDeletion => "conversation_part_deletion",
        }
    }
}

impl Workspace {
    /// Changes a setting on behalf of `by`.
    pub fn change_setting(&mut self, setting: Setting, value: &Value, by: u64, at: i64) {
        let before = self.configuration.settings.insert(setting, value.clone());
        if before.as_ref() == Some(value) {
            return;
        }
        let (kind, name) = setting.names();
        if setting == Setting::Name
            && let Some(name) = value.as_str()
        {
            name.clone_into(&mut self.name);
        }
        let metadata = json!({"changes": {name: {"before": before, "after": value}}});
        self.note(at, kind, by, metadata);
    }

    /// Creates an item with a name on behalf of `by`.
    pub fn create_item(&mut self, item: Item, name: &str, by: u64, at: i64) {
        if self.configuration.items.insert((item, name.to_owned())) {
            self.note_item(item.kinds()[0], name, by, at);
        }
    }

    /// Changes an item on behalf of `by`.
    pub fn change_item(&mut self, item: Item, name: &str, by: u64, at: i64) {
        if self.configuration.items.contains(&(item, name.to_owned())) {
            self.note_item(item.kinds()[1], name, by, at);
        }
    }

    /// Deletes an item on behalf of `by`.
    pub fn delete_item(&mut self, item: Item, name: &str, by: u64, at: i64) {
        if self.configuration.items.remove(&(item, name.to_owned())) {
            self.note_item(item.kinds()[2], name, by, at);
        }
    }

    /// Switches a schedule that deletes conversations on or off.
    pub fn switch_deletion_schedule(&mut self, name: &str, on: bool, by: u64, at: i64) {
        if self.configuration.items.contains(&(Item::DeletionSchedule, name.to_owned())) {
            let metadata = json!({"name": name, "enabled": on});
            self.note(at, "conversation_deletion_schedule_state_change", by, metadata);
        }
    }

    fn note_item(&mut self, kind: Option<&str>, name: &str, by: u64, at: i64) {
        if let Some(kind) = kind {
            self.note(at, kind, by, json!({"name": name}));
        }
    }

    /// Revokes an app's OAuth token on behalf of `by`.
    pub fn revoke_oauth_token(&mut self, app: &str, by: u64, at: i64) {
        self.note(at, "oauth_token_revocation", by, json!({"app": {"name": app}}));
    }

    /// Exports or deletes data on behalf of `by`.
    pub fn use_data(&mut self, what: DataUse, count: u32, by: u64, at: i64) {
        self.note(at, what.kind(), by, json!({"count": count}));
    }

    /// Imports contacts from a CSV file on behalf of `by`. It takes ten minutes.
    pub fn import_csv(&mut self, file: &str, by: u64, at: i64) {
        self.note(at, "csv_import_creation", by, json!({"file_name": file}));
        self.note(at + 600, "csv_import_completion", by, json!({"file_name": file}));
    }
}
