//! Entries as events of the Open Cybersecurity Schema Framework, version 1.8.0
//! (<https://schema.ocsf.io/1.8.0>).
//!
//! One entry is one event. What has no place in the schema is in `unmapped`, with all details.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::context::{Account, BRIDGE, Context, LOG_NAME, message, put};
use super::details::Details;
use super::kind::{Class, Kind, Outcome, Severity};
use super::{Entry, kind_named};
use crate::clock::to_millis;
use crate::directory::{UserId, id_text};

/// The version of the schema.
pub const OCSF_VERSION: &str = "1.8.0";

impl Class {
    /// The `class_uid`.
    #[must_use]
    pub const fn uid(self) -> u32 {
        match self {
            Self::Base => 0,
            Self::Account => 3001,
            Self::Authentication => 3002,
            Self::Entity => 3004,
            Self::Privileges => 3005,
            Self::Team => 3006,
            Self::WebResources => 6001,
            Self::Application => 6002,
        }
    }

    /// The caption of the class.
    const fn caption(self) -> &'static str {
        match self {
            Self::Base => "Base Event",
            Self::Account => "Account Change",
            Self::Authentication => "Authentication",
            Self::Entity => "Entity Management",
            Self::Privileges => "User Access Management",
            Self::Team => "Group Management",
            Self::WebResources => "Web Resources Activity",
            Self::Application => "Application Lifecycle",
        }
    }

    /// The caption of an activity of the class.
    #[expect(clippy::match_same_arms, reason = "one arm for each class and activity")]
    const fn activity_caption(self, activity: u8) -> &'static str {
        match (self, activity) {
            (Self::Account | Self::Entity | Self::WebResources, 1) => "Create",
            (Self::Account, 4) => "Password Reset",
            (Self::Account, 6) => "Delete",
            (Self::Account, 10) => "MFA Factor Enable",
            (Self::Account, 11) => "MFA Factor Disable",
            (Self::Authentication, 1) => "Logon",
            (Self::Authentication, 2) => "Logoff",
            (Self::Authentication, 7) => "Account Switch",
            (Self::Entity | Self::WebResources, 2) => "Read",
            (Self::Entity | Self::WebResources, 3) => "Update",
            (Self::Entity | Self::WebResources, 4) => "Delete",
            (Self::Privileges, 1) => "Assign Privileges",
            (Self::Privileges, 2) => "Revoke Privileges",
            (Self::Team, 3) => "Add User",
            (Self::Team, 4) => "Remove User",
            (Self::Team, 5) => "Delete",
            (Self::Team, 6) => "Create",
            (Self::WebResources, 6) => "Import",
            (Self::WebResources, 7) => "Export",
            (Self::Application, 1) => "Install",
            (Self::Application, 2) => "Remove",
            _ => "Other",
        }
    }
}

const fn severity_caption(severity: Severity) -> &'static str {
    match severity {
        Severity::Unknown => "Unknown",
        Severity::Informational => "Informational",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}

/// Returns the event of an entry.
#[must_use]
pub fn ocsf(entry: &Entry, context: &Context<'_>) -> Value {
    let kind = kind_named(&entry.activity.kind);
    let record = Record { entry, context, kind, details: Details::of(kind, &entry.activity) };
    let (class, activity) = (kind.class, record.details.activity);
    let mut event = Map::new();
    put(&mut event, "metadata", record.metadata());
    put(&mut event, "time", to_millis(entry.activity.at));
    put(&mut event, "class_uid", class.uid());
    put(&mut event, "class_name", class.caption());
    put(&mut event, "category_uid", class.uid() / 1_000);
    put(&mut event, "activity_id", activity);
    put(&mut event, "activity_name", class.activity_caption(activity));
    put(&mut event, "type_uid", class.uid() * 100 + u32::from(activity));
    put(&mut event, "severity_id", record.details.severity.id());
    put(&mut event, "severity", severity_caption(record.details.severity));
    put(&mut event, "message", message(entry, kind.meaning));
    let mut unmapped = record.unmapped();
    if class == Class::Base {
        put(&mut unmapped, "actor", json!(entry.activity.performed_by));
    } else {
        let (status, caption) = match kind.outcome {
            Outcome::Unknown => (0, "Unknown"),
            Outcome::Success => (1, "Success"),
            Outcome::Failure => (2, "Failure"),
        };
        put(&mut event, "status_id", status);
        put(&mut event, "status", caption);
        put(&mut event, "actor", record.actor().map(|user| json!({"user": user})));
        record.add_address(&mut event, &mut unmapped);
        record.add_members_of_class(&mut event, &mut unmapped);
    }
    if !unmapped.is_empty() {
        put(&mut event, "unmapped", unmapped);
    }
    Value::Object(event)
}

/// An entry on its way to an event.
struct Record<'a> {
    entry: &'a Entry,
    context: &'a Context<'a>,
    kind: &'static Kind,
    details: Details,
}

impl Record<'_> {
    fn metadata(&self) -> Value {
        let Entry { seq, recorded_at, activity } = self.entry;
        let mut metadata = json!({
            "version": OCSF_VERSION,
            "product": {"name": "Intercom", "vendor_name": "Intercom"},
            "uid": self.context.record_id(self.entry),
            "original_event_uid": activity.id,
            "event_code": activity.kind,
            "log_name": LOG_NAME,
            "log_provider": BRIDGE,
            "tenant_uid": self.context.workspace_id(),
            "original_time": activity.at.unix_timestamp().to_string(),
            "logged_time": to_millis(*recorded_at),
            "sequence": seq,
        });
        // Only this profile gives these classes an `actor`.
        if matches!(self.kind.class, Class::WebResources | Class::Application) {
            metadata["profiles"] = json!(["host"]);
        }
        metadata
    }

    /// What has no place in the schema.
    fn unmapped(&self) -> Map<String, Value> {
        let mut unmapped = Map::new();
        let empty = self.details.metadata.as_object().is_some_and(Map::is_empty);
        if !empty {
            put(&mut unmapped, "metadata", self.details.metadata.clone());
        }
        if self.kind.name == "admin_permission_change" {
            put(&mut unmapped, "granted", json!(self.details.granted));
            put(&mut unmapped, "revoked", json!(self.details.revoked));
        }
        unmapped
    }

    fn actor(&self) -> Option<Value> {
        let actor = self.entry.activity.performed_by.as_ref()?;
        Account::of_actor(actor, self.context).map(|account| user(&account))
    }

    fn add_address(&self, event: &mut Map<String, Value>, unmapped: &mut Map<String, Value>) {
        let actor = self.entry.activity.performed_by.as_ref();
        let Some(ip) = actor.and_then(|actor| actor.ip.as_deref()) else { return };
        let is_address = ip.parse::<IpAddr>().is_ok();
        if is_address && self.kind.class != Class::Application {
            put(event, "src_endpoint", json!({"ip": ip}));
        } else {
            put(unmapped, "src_ip", ip);
        }
    }

    fn add_members_of_class(
        &self,
        event: &mut Map<String, Value>,
        unmapped: &mut Map<String, Value>,
    ) {
        match self.kind.class {
            Class::Base => {}
            Class::Account => {
                self.add_user(event, unmapped);
                if let (Some(enabled), Some(user)) =
                    (self.details.two_factor_auth, event.get_mut("user"))
                {
                    user["has_mfa"] = json!(enabled);
                }
            }
            Class::Authentication => self.add_sign_in(event, unmapped),
            Class::Entity => self.add_entity(event),
            Class::Privileges => {
                self.add_user(event, unmapped);
                let mut changed = [&self.details.granted[..], &self.details.revoked].concat();
                if changed.is_empty() {
                    changed.push("unknown".to_owned());
                }
                put(event, "privileges", changed);
                put(event, "resources", json!([self.workspace()]));
            }
            Class::Team => {
                put(event, "group", self.group());
                if self.details.subject.is_some() {
                    self.add_user(event, unmapped);
                }
            }
            Class::WebResources => {
                let resource = json!({
                    "type": self.kind.entity,
                    "name": self.kind.entity,
                    "uid": self.context.workspace_id(),
                });
                put(event, "web_resources", json!([resource]));
            }
            Class::Application => put(event, "app", self.app()),
        }
    }

    /// Adds the teammate to whom it was done.
    fn add_user(&self, event: &mut Map<String, Value>, unmapped: &mut Map<String, Value>) {
        if let Some(id) = &self.details.subject {
            put(event, "user", user(&self.account(id)));
        } else {
            put(event, "user", json!({"name": "unknown"}));
            put(unmapped, "subject_known", false);
        }
    }

    /// A teammate. If it is the actor, with the address at the time of the event.
    fn account(&self, id: &UserId) -> Account {
        let actor = self.entry.activity.performed_by.as_ref();
        let own = actor.filter(|actor| actor.id.as_ref() == Some(id));
        own.and_then(|actor| Account::of_actor(actor, self.context))
            .unwrap_or_else(|| Account::of_subject(id, self.context))
    }

    fn add_sign_in(&self, event: &mut Map<String, Value>, unmapped: &mut Map<String, Value>) {
        // A refused sign-in may have an address and no id.
        let is_switch = self.kind.name.starts_with("admin_impersonation");
        match (&self.details.subject, self.actor()) {
            (None, Some(actor)) if !is_switch => put(event, "user", actor),
            _ => self.add_user(event, unmapped),
        }
        put(event, "service", json!({"name": "Intercom", "uid": self.context.workspace_id()}));
        if event.contains_key("src_endpoint") {
            put(event, "is_remote", true);
        }
        match self.kind.name {
            "admin_login_failure" => put(event, "status_detail", "wrong credentials"),
            "admin_unauthorized_sign_in_method" => {
                put(event, "status_detail", "the workspace does not allow this sign-in method");
            }
            "admin_impersonation_start" => {
                put(event, "account_switch_type_id", 2);
                put(event, "account_switch_type", "Impersonate");
            }
            _ => {}
        }
        let method = self.details.metadata.pointer("/sign_in_method").and_then(Value::as_str);
        if let Some(method) = method {
            let lower = method.to_ascii_lowercase();
            let (protocol, caption) = if lower.contains("saml") {
                (5, "SAML")
            } else if lower.contains("google") {
                (4, "OpenID")
            } else {
                (99, method)
            };
            put(event, "auth_protocol_id", protocol);
            put(event, "auth_protocol", caption);
        }
    }

    fn add_entity(&self, event: &mut Map<String, Value>) {
        let named = ["role", "team", "app_package", "webhook", "invite", "macro", "series"];
        let found = named.iter().find_map(|name| self.details.metadata.get(name)?.as_object());
        let text = |name: &str| found.and_then(|object| object.get(name)?.as_str());
        let mut entity = Map::new();
        put(&mut entity, "type_id", 99);
        put(&mut entity, "type", self.kind.entity);
        put(&mut entity, "name", text("name").unwrap_or_else(|| stem(self.kind.name)));
        put(&mut entity, "uid", found.and_then(|object| id_text(object.get("id")?)));
        let mut result = entity.clone();
        if let Some(before) = self.details.metadata.get("before") {
            put(&mut entity, "data", json!({"before": before}));
        }
        put(event, "entity", entity);
        if let Some(after) = self.details.metadata.get("after") {
            put(&mut result, "data", json!({"after": after}));
            put(event, "entity_result", result);
        }
    }

    fn workspace(&self) -> Value {
        let mut workspace = Map::new();
        put(&mut workspace, "type", "Workspace");
        put(&mut workspace, "uid", self.context.workspace_id());
        put(&mut workspace, "name", self.context.workspace.name.clone());
        Value::Object(workspace)
    }

    fn group(&self) -> Value {
        let mut group = Map::new();
        put(&mut group, "type", "Team");
        match &self.details.team {
            Some(team) => {
                put(&mut group, "uid", team.id.as_ref().map(ToString::to_string));
                put(&mut group, "name", team.name.clone());
            }
            None => put(&mut group, "name", "unknown"),
        }
        Value::Object(group)
    }

    fn app(&self) -> Value {
        let places = ["/app_package", "/app", "/package", ""];
        let text = |name: &str| {
            let member = |place: &&str| self.details.metadata.pointer(place)?.get(name);
            places.iter().find_map(member).and_then(id_text)
        };
        let mut app = Map::new();
        put(&mut app, "name", text("name").unwrap_or_else(|| "unknown".to_owned()));
        put(&mut app, "uid", text("id"));
        Value::Object(app)
    }
}

/// The name of a kind without its verb: `security_settings` of `security_settings_change`.
fn stem(kind: &str) -> &str {
    ["_change", "_creation", "_deletion", "_update", "_request", "_revocation", "_regeneration"]
        .iter()
        .find_map(|verb| kind.strip_suffix(verb))
        .unwrap_or(kind)
}

fn user(account: &Account) -> Value {
    let mut user = Map::new();
    put(&mut user, "uid", account.id.clone());
    put(&mut user, "name", account.name());
    put(&mut user, "email_addr", account.email.clone().filter(|email| email.contains('@')));
    put(&mut user, "full_name", account.full_name.clone());
    let (kind, caption) = if account.is_person { (1, "User") } else { (3, "System") };
    put(&mut user, "type_id", kind);
    put(&mut user, "type", caption);
    Value::Object(user)
}
