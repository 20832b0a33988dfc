//! Renders the state as Intercom's JSON. An object's own id is a string; ids in lists of other
//! objects are integers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::workspace::{Admin, AvatarShape, Entry, Priority, Team, Workspace};

pub fn me(workspace: &Workspace) -> Value {
    let first = workspace.admins().next();
    let mut me = json!({
        "type": "admin",
        "id": first.map_or(0, |(id, _)| id).to_string(),
        "name": first.map_or("", |(_, admin)| admin.name.as_str()),
        "email": first.map_or("", |(_, admin)| admin.email.as_str()),
        "email_verified": true,
        "has_inbox_seat": first.is_some_and(|(_, admin)| admin.has_inbox_seat),
        "app": {
            "type": "app",
            "id_code": workspace.id_code,
            "name": workspace.name,
            "region": workspace.region,
            "timezone": "Europe/Dublin",
            "created_at": 1_661_876_617,
            "secure": true,
            "identity_verification": true,
        },
    });
    if let Some(url) = first.and_then(|(_, admin)| admin.avatar_url.as_deref()) {
        me["avatar"] = json!({"type": "avatar", "image_url": url});
    }
    me
}

pub fn admin_list(workspace: &Workspace, display_avatar: bool) -> Value {
    let by_admin =
        workspace.lagging_admins.clone().unwrap_or_else(|| workspace.memberships_by_admin());
    let admins: Vec<Value> = workspace
        .admins()
        .map(|(id, admin)| admin_object(workspace, id, admin, &by_admin, display_avatar))
        .collect();
    json!({"type": "admin.list", "admins": admins})
}

pub fn single_admin(workspace: &Workspace, id: u64) -> Option<Value> {
    let admin = workspace.admins.get(&id)?;
    Some(admin_object(workspace, id, admin, &workspace.memberships_by_admin(), true))
}

fn admin_object(
    workspace: &Workspace,
    id: u64,
    admin: &Admin,
    by_admin: &BTreeMap<u64, Vec<u64>>,
    display_avatar: bool,
) -> Value {
    let teams = by_admin.get(&id).cloned().unwrap_or_default();
    let with = |level| -> Vec<u64> {
        let has = |team: &&u64| {
            workspace.teams.get(team).and_then(|team| team.members.get(&id).copied())
                == Some(Some(level))
        };
        teams.iter().filter(has).copied().collect()
    };
    let priority = if teams.is_empty() {
        json!({})
    } else {
        json!({"primary_team_ids": with(Priority::Primary), "secondary_team_ids": with(Priority::Secondary)})
    };
    let mut object = json!({
        "type": "admin",
        "id": id.to_string(),
        "name": admin.name,
        "email": admin.email,
        "away_mode_enabled": admin.away,
        "away_mode_reassign": false,
        "away_status_reason_id": null,
        "has_inbox_seat": admin.has_inbox_seat,
        "team_ids": teams,
        "team_priority_level": priority,
    });
    if let Some(title) = &admin.job_title {
        object["job_title"] = json!(title);
    }
    if let Some(role) = &admin.role {
        object["role"] = json!({"type": "role", "id": role.id, "name": role.name});
    }
    if display_avatar {
        object["avatar"] = match (&admin.avatar_url, workspace.avatar_shape) {
            (None, _) => Value::Null,
            (Some(url), AvatarShape::Text) => json!(url),
            (Some(url), AvatarShape::Object) => json!({"type": "avatar", "image_url": url}),
        };
    }
    object
}

/// `GET /roles`: the listed roles, and those that admins have.
pub fn role_list(workspace: &Workspace) -> Value {
    let held = workspace.admins.values().filter_map(|admin| admin.role.as_ref());
    let mut roles: BTreeMap<&str, (&str, Option<&str>)> =
        held.map(|role| (role.id.as_str(), (role.name.as_str(), None))).collect();
    for (id, (name, description)) in &workspace.listed_roles {
        roles.insert(id, (name, description.as_deref()));
    }
    let role = |(id, (name, description)): (&str, (&str, Option<&str>))| json!({"type": "role", "id": id, "name": name, "description": description});
    let roles: Vec<Value> = roles.into_iter().map(role).collect();
    json!({"type": "list", "data": roles})
}

pub fn team_list(workspace: &Workspace) -> Value {
    let teams: Vec<Value> = workspace.teams().map(|(id, team)| team_object(id, team)).collect();
    json!({"type": "team.list", "teams": teams})
}

pub fn single_team(workspace: &Workspace, id: u64) -> Option<Value> {
    workspace.teams.get(&id).map(|team| team_object(id, team))
}

fn team_object(id: u64, team: &Team) -> Value {
    let with = |level| -> Vec<u64> {
        team.members
            .iter()
            .filter(|(_, priority)| **priority == Some(level))
            .map(|(id, _)| *id)
            .collect()
    };
    let members: Vec<u64> = team.members.keys().chain(&team.one_sided).copied().collect();
    let mut object =
        json!({"type": "team", "id": id.to_string(), "name": team.name, "admin_ids": members});
    let levels = (with(Priority::Primary), with(Priority::Secondary));
    if !levels.0.is_empty() || !levels.1.is_empty() {
        object["admin_priority_level"] =
            json!({"primary_admin_ids": levels.0, "secondary_admin_ids": levels.1});
    }
    if let Some(method) = &team.distribution_method {
        object["distribution_method"] = json!(method);
    }
    if let Some(limit) = team.assignment_limit {
        object["assignment_limit"] = json!(limit);
    }
    object
}

/// Renders a page of the activity log. `entries` are those on the page, `total` is the number on
/// all pages, and `next` gives the reference to the page with a number.
pub fn activity_page<'a>(
    entries: impl Iterator<Item = &'a Entry>,
    total: usize,
    page: usize,
    per_page: usize,
    next: impl Fn(usize) -> Value,
) -> Value {
    let total_pages = total.div_ceil(per_page).max(1);
    let shown: Vec<Value> = entries.map(entry_object).collect();
    let next = if page < total_pages { next(page + 1) } else { Value::Null };
    json!({
        "type": "activity_log.list",
        "pages": {"type": "pages", "next": next, "page": page, "per_page": per_page, "total_pages": total_pages},
        "activity_logs": shown,
    })
}

/// Renders an entry of the activity log. Each person has an IP address.
pub fn entry_object(entry: &Entry) -> Value {
    let ip = format!("198.51.100.{}", 1 + entry.performed_by % 250);
    json!({
        "id": entry.id,
        "performed_by": {"type": "admin", "id": entry.performed_by.to_string(), "email": entry.performed_by_email, "ip": ip},
        "metadata": entry.metadata,
        "created_at": entry.created_at,
        "activity_type": entry.activity_type,
        "activity_description": format!("{} happened.", entry.activity_type.replace('_', " ")),
    })
}

/// The types of log entries that the simulator writes.
const EVENT_TYPES: &[&str] = &[
    "admin_away_mode_change",
    "admin_deletion",
    "admin_impersonation_consent_approved",
    "admin_impersonation_consent_revoked",
    "admin_impersonation_end",
    "admin_impersonation_start",
    "admin_invite_change",
    "admin_invite_creation",
    "admin_invite_deletion",
    "admin_login_failure",
    "admin_login_success",
    "admin_logout",
    "admin_password_reset_request",
    "admin_password_reset_success",
    "admin_permission_change",
    "admin_two_factor_auth_change",
    "admin_unauthorized_sign_in_method",
    "allowed_attachment_filetypes_setting_change",
    "app_admin_join",
    "app_authentication_method_change",
    "app_data_deletion",
    "app_data_export",
    "app_google_sso_domain_change",
    "app_identity_verification_change",
    "app_name_change",
    "app_outbound_address_change",
    "app_package_installation",
    "app_package_token_regeneration",
    "app_package_uninstallation",
    "app_team_creation",
    "app_team_deletion",
    "app_team_membership_modification",
    "app_webhook_creation",
    "app_webhook_deletion",
    "bulk_delete",
    "bulk_export",
    "content_redaction_rule_creation",
    "content_redaction_rule_deletion",
    "content_redaction_rule_update",
    "conversation_deletion_schedule_creation",
    "conversation_deletion_schedule_deletion",
    "conversation_deletion_schedule_state_change",
    "conversation_deletion_schedule_update",
    "conversation_part_deletion",
    "conversation_pdf_export",
    "csv_import_completion",
    "csv_import_creation",
    "custom_authentication_token_creation",
    "inbox_access_change",
    "malicious_domains_setting_change",
    "messenger_api_secret_creation",
    "messenger_api_secret_deletion",
    "oauth_token_revocation",
    "role_change",
    "role_creation",
    "role_deletion",
    "seat_change",
    "seat_revoke",
    "security_settings_change",
    "strip_inbound_email_links_change",
    "team_assignment_limit_change",
    "trusted_domains_setting_change",
    "user_file_attachments_setting_change",
];

/// Renders the list of the workspace's types of log entries: those that the simulator writes by
/// itself, and those that its log has.
pub fn event_types(workspace: &Workspace) -> Value {
    let known = EVENT_TYPES.iter().copied();
    let logged = workspace.log.iter().map(|entry| entry.activity_type.as_str());
    let types: BTreeSet<&str> = known.chain(logged).collect();
    json!({"type": "activity_log_event_type.list", "event_types": types})
}

/// Renders an error response.
pub fn error(code: &str, message: &str, request: u64) -> Value {
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("error.list"));
    object
        .insert("request_id".to_owned(), json!(format!("00000000-0000-4000-8000-{request:012x}")));
    object.insert("errors".to_owned(), json!([{"code": code, "message": message}]));
    Value::Object(object)
}
