//! The table of all kinds of log entries that Intercom documents, in its API description 2.15,
//! 2.16 and Preview.
//!
//! An entry of the table has the name of the kind, whether it is read by default, its class and
//! activity in OCSF, its severity and outcome, its category and type in ECS, what it changes, and
//! its meaning.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::kind::{Class, Fetched, Group, Kind, Outcome, Severity};

/// Writes the table. Each group has its kinds.
macro_rules! kinds {
    ($($group:ident { $(
        $name:ident: $fetched:ident, $class:ident $activity:literal, $severity:ident $outcome:ident,
        $category:literal $types:literal $entity:literal $meaning:literal;
    )+ })+) => {
        /// All known kinds, by group.
        pub const KINDS: &[Kind] = &[$($(Kind {
            name: stringify!($name),
            group: Group::$group,
            meaning: $meaning,
            fetched: Fetched::$fetched,
            class: Class::$class,
            activity: $activity,
            severity: Severity::$severity,
            outcome: Outcome::$outcome,
            entity: $entity,
            ecs_category: $category,
            ecs_type: $types,
        }),+),+];
    };
}

/// What is known of a kind; [`Kind::UNKNOWN`] if this version does not know it.
#[must_use]
pub fn kind_named(name: &str) -> &'static Kind {
    static BY_NAME: LazyLock<HashMap<&str, &Kind>> =
        LazyLock::new(|| KINDS.iter().map(|kind| (kind.name, kind)).collect());
    BY_NAME.get(name).copied().unwrap_or(&Kind::UNKNOWN)
}

kinds! {
    Authentication {
        admin_login_success: Default, Authentication 1, Informational Success,
            "authentication" "start" "" "A teammate signed in.";
        admin_login_failure: Default, Authentication 1, Low Failure,
            "authentication" "start" "" "A sign-in was refused because of wrong credentials.";
        admin_unauthorized_sign_in_method: Default, Authentication 1, Medium Failure,
            "authentication" "start" ""
                "A sign-in was refused because the workspace does not allow its method.";
        admin_logout: Default, Authentication 2, Informational Success,
            "authentication" "end" "" "A teammate signed out.";
        admin_impersonation_start: Default, Authentication 7, High Success,
            "authentication session" "start" "" "Intercom's staff began to act as a teammate.";
        admin_impersonation_end: Default, Authentication 2, Low Success,
            "authentication session" "end" "" "Intercom's staff stopped acting as a teammate.";
        admin_impersonation_consent_approved: Default, Entity 1, Medium Success,
            "iam" "creation admin" "Impersonation consent"
                "A teammate allowed Intercom's staff to act as them.";
        admin_impersonation_consent_revoked: Default, Entity 4, Low Success,
            "iam" "deletion admin" "Impersonation consent"
                "A teammate withdrew the consent to act as them.";
        admin_password_reset_request: Default, Account 4, Low Unknown,
            "iam" "change user" "" "A password reset was requested.";
        admin_password_reset_success: Default, Account 4, Low Success,
            "iam" "change user" "" "A password was reset.";
        admin_two_factor_auth_change: Default, Account 99, Medium Success,
            "iam" "change user" ""
                "Two-factor authentication of a teammate was switched on or off.";
    }
    Access {
        app_admin_join: Default, Account 1, Low Success,
            "iam" "creation user" "" "An invited person joined the workspace.";
        admin_provisioned: Default, Account 1, Low Success,
            "iam" "creation user" "" "Intercom's own SCIM endpoint created a teammate.";
        admin_deletion: Default, Account 6, Low Success,
            "iam" "deletion user" "" "A teammate was removed.";
        admin_deprovisioned: Default, Account 6, Low Success,
            "iam" "deletion user" "" "Intercom's own SCIM endpoint removed a teammate.";
        admin_invite_creation: Default, Entity 1, Low Success,
            "iam" "creation user" "Invitation" "A person was invited to the workspace.";
        admin_invite_change: Default, Entity 3, Low Success,
            "iam" "change user" "Invitation" "The permissions of an invitation were changed.";
        admin_invite_deletion: Default, Entity 4, Informational Success,
            "iam" "deletion user" "Invitation" "An invitation was withdrawn.";
        admin_permission_change: Default, Privileges 99, Low Success,
            "iam" "change user" "" "The permissions of a teammate were changed.";
        role_creation: Default, Entity 1, Medium Success,
            "iam" "creation admin" "Role" "A role was created.";
        role_change: Default, Entity 3, Medium Success,
            "iam" "change admin" "Role" "A role was changed, for everyone who has it.";
        role_deletion: Default, Entity 4, Medium Success,
            "iam" "deletion admin" "Role" "A role was deleted.";
        seat_change: Default, Privileges 99, Low Success,
            "iam" "change user" "" "A teammate got another seat.";
        seat_revoke: Default, Privileges 2, Low Success,
            "iam" "change user" "" "A teammate lost a seat.";
        app_team_creation: Default, Team 6, Informational Success,
            "iam" "creation group" "" "A team was created.";
        app_team_deletion: Default, Team 5, Low Success,
            "iam" "deletion group" "" "A team was deleted.";
        app_team_membership_modification: Default, Team 99, Low Success,
            "iam" "change group" "" "The members of a team were changed.";
        team_assignment_limit_change: Default, Entity 3, Informational Success,
            "iam" "change group" "Team"
                "The number of conversations that a team may hold was changed.";
        inbox_access_change: Default, Entity 3, Medium Success,
            "configuration" "change" "Workspace setting"
                "The setting of who can see the inbox was changed.";
        admin_conversation_assignment_limit_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Teammate setting"
                "The number of conversations that a teammate may hold was changed.";
        admin_ticket_assignment_limit_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Teammate setting"
                "The number of tickets that a teammate may hold was changed.";
        admin_avatar_change: OnRequest, Entity 3, Informational Success,
            "iam" "change user" "Teammate setting" "The picture of a teammate was changed.";
        admin_away_mode_change: OnRequest, Entity 3, Informational Success,
            "iam" "change user" "Teammate setting" "A teammate was set away or back.";
        admin_occupancy_setting_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "The rule that decides when a teammate counts as idle was changed.";
        admin_occupancy_state_change: OnRequest, Entity 3, Informational Success,
            "iam" "info user" "Teammate setting"
                "A teammate became idle or occupied. A workspace has very many of these.";
    }
    Settings {
        security_settings_change: Default, Entity 3, High Success,
            "configuration" "change" "Workspace setting"
                "The security settings of the workspace were changed.";
        app_authentication_method_change: Default, Entity 3, High Success,
            "configuration" "change" "Workspace setting"
                "The allowed sign-in methods were changed.";
        app_google_sso_domain_change: Default, Entity 3, High Success,
            "configuration" "change" "Workspace setting"
                "The domain whose Google accounts may sign in was changed.";
        app_identity_verification_change: Default, Entity 3, High Success,
            "configuration" "change" "Workspace setting"
                "Whether the Messenger verifies its users was changed.";
        malicious_domains_setting_change: Default, Entity 3, Medium Success,
            "configuration" "change" "Workspace setting"
                "The treatment of links to malicious domains was changed.";
        trusted_domains_setting_change: Default, Entity 3, Medium Success,
            "configuration" "change" "Workspace setting"
                "The sites on which the Messenger may run were changed.";
        strip_inbound_email_links_change: Default, Entity 3, Medium Success,
            "configuration" "change" "Workspace setting"
                "Whether links are removed from inbound email was changed.";
        allowed_attachment_filetypes_setting_change: Default, Entity 3, Medium Success,
            "configuration" "change" "Workspace setting"
                "The file types that may be sent were changed.";
        user_file_attachments_setting_change: Default, Entity 3, Low Success,
            "configuration" "change" "Workspace setting"
                "Whether users may send files was changed.";
        user_media_attachments_setting_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "Whether users may send media was changed.";
        user_camera_attachments_setting_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "Whether users may send camera pictures was changed.";
        user_conversation_attachments_setting_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "Whether users may attach files in conversations was changed.";
        user_voice_notes_setting_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "Whether users may send voice notes was changed.";
        user_gifs_setting_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting" "Whether users may send GIFs was changed.";
        teammate_gifs_setting_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "Whether teammates may send GIFs was changed.";
        attach_uploads_inline_setting_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting" "How uploads are displayed was changed.";
        app_outbound_address_change: Default, Entity 3, Medium Success,
            "configuration" "change" "Workspace setting"
                "The address from which email is sent was changed.";
        app_name_change: Default, Entity 3, Low Success,
            "configuration" "change" "Workspace setting" "The name of the workspace was changed.";
        app_timezone_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "The time zone of the workspace was changed.";
        workspace_deletion_request: Default, Entity 4, Critical Success,
            "configuration" "deletion" "Workspace"
                "The deletion of the whole workspace was requested.";
        customer_facing_name_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting" "The name that customers see was changed.";
    }
    Apps {
        app_package_installation: Default, Application 1, Medium Success,
            "package" "installation" "" "An app was installed.";
        app_package_uninstallation: Default, Application 2, Low Success,
            "package" "deletion" "" "An app was removed.";
        app_package_token_regeneration: Default, Entity 3, High Success,
            "iam" "change admin" "App access token" "The access token of an app was regenerated.";
        oauth_token_revocation: Default, Entity 4, Low Success,
            "iam" "deletion admin" "OAuth token" "An OAuth token was revoked.";
        custom_authentication_token_creation: Default, Entity 1, Medium Success,
            "iam" "creation admin" "Authentication token"
                "A secret for calls of data connectors was stored.";
        messenger_api_secret_creation: Default, Entity 1, High Success,
            "iam" "creation admin" "Messenger API secret"
                "A secret that signs Messenger users was created.";
        messenger_api_secret_deletion: Default, Entity 4, Medium Success,
            "iam" "deletion admin" "Messenger API secret"
                "A secret that signs Messenger users was deleted.";
        app_webhook_creation: Default, Entity 1, Medium Success,
            "configuration" "creation" "Webhook"
                "A webhook was created, which sends data to another system.";
        app_webhook_deletion: Default, Entity 4, Low Success,
            "configuration" "deletion" "Webhook" "A webhook was deleted.";
        github_sync_disconnected: Default, Entity 4, Low Success,
            "configuration" "deletion" "Integration"
                "The synchronisation with GitHub was disconnected.";
    }
    Data {
        app_data_export: Default, WebResources 7, Medium Success,
            "database" "access" "Conversation data" "Messages or conversations were exported.";
        bulk_export: Default, WebResources 7, High Success,
            "database" "access" "Contact data" "Users or leads were exported.";
        conversation_pdf_export: Default, WebResources 7, Low Success,
            "database" "access" "Conversation" "A conversation was exported as PDF.";
        macro_usage_export: OnRequest, WebResources 7, Informational Success,
            "database" "access" "Report" "A report about macros was exported.";
        app_data_deletion: Default, WebResources 4, Medium Success,
            "database" "change" "Contact" "A user or lead was deleted.";
        bulk_delete: Default, WebResources 4, High Success,
            "database" "change" "Contact data" "Many users or leads were deleted.";
        conversation_part_deletion: Default, WebResources 4, Low Success,
            "database" "change" "Conversation part" "A reply or note was deleted.";
        conversation_deletion_schedule_creation: Default, Entity 1, Medium Success,
            "configuration" "creation" "Deletion schedule"
                "A schedule that deletes conversations was created.";
        conversation_deletion_schedule_update: Default, Entity 3, Medium Success,
            "configuration" "change" "Deletion schedule"
                "A schedule that deletes conversations was changed.";
        conversation_deletion_schedule_state_change: Default, Entity 3, Medium Success,
            "configuration" "change" "Deletion schedule"
                "A schedule that deletes conversations was switched on or off.";
        conversation_deletion_schedule_deletion: Default, Entity 4, Low Success,
            "configuration" "deletion" "Deletion schedule"
                "A schedule that deletes conversations was deleted.";
        content_redaction_rule_creation: Default, Entity 1, Informational Success,
            "configuration" "creation" "Redaction rule"
                "A rule that masks content of conversations was created.";
        content_redaction_rule_update: Default, Entity 3, Medium Success,
            "configuration" "change" "Redaction rule"
                "A rule that masks content of conversations was changed.";
        content_redaction_rule_deletion: Default, Entity 4, Medium Success,
            "configuration" "deletion" "Redaction rule"
                "A rule that masks content of conversations was deleted.";
        csv_import_creation: Default, WebResources 6, Low Unknown,
            "database" "change" "Contact data" "An import of contacts from CSV began.";
        csv_import_completion: Default, WebResources 6, Informational Success,
            "database" "change" "Contact data" "An import of contacts from CSV ended.";
        pii_data_revealed: Default, WebResources 2, Medium Success,
            "database" "access" "Conversation data"
                "Hidden personal data of a conversation was revealed.";
    }
    Content {
        message_state_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Message" "A message went live or was paused.";
        message_deletion: OnRequest, Entity 4, Informational Success,
            "configuration" "deletion" "Message" "A message was deleted.";
        campaign_state_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Campaign" "A campaign was started or stopped.";
        campaign_deletion: OnRequest, Entity 4, Informational Success,
            "configuration" "deletion" "Campaign" "A campaign was deleted.";
        series_creation: OnRequest, Entity 1, Informational Success,
            "configuration" "creation" "Series" "A series was created.";
        series_update: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Series" "A series was changed.";
        series_settings_update: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Series" "The settings of a series were changed.";
        series_status_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Series" "A series was started or stopped.";
        series_deletion: OnRequest, Entity 4, Informational Success,
            "configuration" "deletion" "Series" "A series was deleted.";
        ruleset_creation: OnRequest, Entity 1, Informational Success,
            "configuration" "creation" "Workflow" "A workflow was created.";
        ruleset_activation_title_preview: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workflow"
                "A workflow was probably activated; Intercom does not document it.";
        ruleset_deletion: OnRequest, Entity 4, Informational Success,
            "configuration" "deletion" "Workflow" "A workflow was deleted.";
        macro_creation: OnRequest, Entity 1, Informational Success,
            "configuration" "creation" "Macro" "A macro was created.";
        macro_update: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Macro" "A macro was changed.";
        macro_deletion: OnRequest, Entity 4, Informational Success,
            "configuration" "deletion" "Macro" "A macro was deleted.";
        conversation_topic_creation: OnRequest, Entity 1, Informational Success,
            "configuration" "creation" "Topic" "A conversation topic was created.";
        conversation_topic_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Topic" "A conversation topic was changed.";
        conversation_topic_deletion: OnRequest, Entity 4, Informational Success,
            "configuration" "deletion" "Topic" "A conversation topic was deleted.";
        articles_in_messenger_enabled_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "Whether the Messenger shows articles was changed.";
        help_center_settings_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "The settings of the Help Center were changed.";
        inbound_conversations_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting" "Who may start conversations was changed.";
        messenger_look_and_feel_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "The appearance of the Messenger was changed.";
        messenger_search_required_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "Whether users must search before they write was changed.";
        messenger_spaces_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "The spaces of the Messenger were changed.";
        search_browse_enabled_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "Whether users can search and browse articles was changed.";
        search_browse_required_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "Whether users must browse articles first was changed.";
        office_hours_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting" "The office hours were changed.";
        temporary_expectation_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "The notice about longer reply times was changed.";
        upfront_email_collection_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "Whether users are asked for their email address was changed.";
        welcome_message_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting" "The welcome message was changed.";
        automatic_away_mode_setting_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "The rule that sets teammates away was changed.";
        unassign_unsnoozed_at_capacity_setting_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "Reassignment of conversations of busy teammates was changed.";
        unassign_unsnoozed_when_away_setting_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "Reassignment of conversations of away teammates was changed.";
        hide_csat_from_agents_setting_change: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Workspace setting"
                "Whether teammates see customer ratings was changed.";
        inbox_bulk_action: OnRequest, Entity 3, Informational Success,
            "configuration" "change" "Conversation" "An action was applied to many conversations.";
        github_sync_cleanup_deleted_folder: OnRequest, Entity 4, Informational Success,
            "configuration" "deletion" "Content"
                "The synchronisation with GitHub removed a folder.";
    }
}
