//! Entries as documents of the Elastic Common Schema, version 9.4.0
//! (<https://www.elastic.co/docs/reference/ecs>).

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::context::{Account, BRIDGE, Context, LOG_NAME, message, put};
use super::details::Details;
use super::kind::{Class, Outcome};
use super::{Entry, kind_named};
use crate::date_time;

/// The version of the schema.
pub const ECS_VERSION: &str = "9.4.0";

/// Returns the document of an entry.
#[must_use]
pub fn ecs(entry: &Entry, context: &Context<'_>) -> Value {
    let kind = kind_named(&entry.activity.kind);
    let details = Details::of(kind, &entry.activity);
    let actor = entry.activity.performed_by.as_ref();
    let account = actor.and_then(|actor| Account::of_actor(actor, context));
    let subject = details.subject.as_ref().map(|id| Account::of_subject(id, context));
    let ip = actor.and_then(|actor| actor.ip.as_deref()).filter(|ip| ip.parse::<IpAddr>().is_ok());
    let mut document = Map::new();
    put(&mut document, "@timestamp", time_text(entry.activity.at));
    put(&mut document, "ecs", json!({"version": ECS_VERSION}));
    put(&mut document, "message", message(entry, kind.meaning));
    put(&mut document, "event", event(entry, context, &details));
    put(&mut document, "organization", organization(context));
    put(&mut document, "user", users(kind.name, &details, account.as_ref(), subject.as_ref()));
    if kind.class == Class::Team || details.team.is_some() {
        put(&mut document, "group", group(&details));
    }
    if let Some(ip) = ip {
        put(&mut document, "source", json!({"ip": ip}));
    }
    put(&mut document, "related", related(account.as_ref(), subject.as_ref(), ip));
    let observer = json!({
        "vendor": BRIDGE, "product": BRIDGE, "type": "collector",
        "version": env!("CARGO_PKG_VERSION"),
    });
    put(&mut document, "observer", observer);
    // ECS has no fields for permissions, so these are fields of our own.
    let mut own = Map::new();
    put(&mut own, "group", kind.group.as_str());
    if kind.class == Class::Privileges {
        put(&mut own, "granted", json!(details.granted));
        put(&mut own, "revoked", json!(details.revoked));
    }
    // As text: the members of the details differ by kind, and two kinds may give one name
    // different types, which Elasticsearch would refuse.
    put(&mut own, "metadata", details.metadata.to_string());
    put(&mut document, "intercom", own);
    Value::Object(document)
}

fn event(entry: &Entry, context: &Context<'_>, details: &Details) -> Value {
    let kind = kind_named(&entry.activity.kind);
    let words = |list: &str| {
        if list.is_empty() { Value::Null } else { json!(list.split(' ').collect::<Vec<_>>()) }
    };
    let mut event = Map::new();
    put(&mut event, "kind", "event");
    put(&mut event, "module", "intercom");
    put(&mut event, "dataset", "intercom.activity");
    put(&mut event, "provider", LOG_NAME);
    put(&mut event, "id", context.record_id(entry));
    put(&mut event, "action", entry.activity.kind.clone());
    put(&mut event, "category", words(kind.ecs_category));
    put(&mut event, "type", words(kind.ecs_type));
    let outcome = match kind.outcome {
        Outcome::Unknown => "unknown",
        Outcome::Success => "success",
        Outcome::Failure => "failure",
    };
    put(&mut event, "outcome", outcome);
    put(&mut event, "severity", details.severity.id());
    put(&mut event, "sequence", entry.seq);
    put(&mut event, "created", time_text(entry.recorded_at));
    put(&mut event, "original", original(entry));
    Value::Object(event)
}

/// The entry as Intercom sent it, as far as the bridge keeps it.
fn original(entry: &Entry) -> String {
    let activity = &entry.activity;
    let mut original = json!({
        "id": activity.id,
        "created_at": activity.at.unix_timestamp(),
        "activity_type": activity.kind,
        "metadata": activity.metadata.value(),
    });
    if let Some(actor) = &activity.performed_by {
        original["performed_by"] = json!(actor);
    }
    if let Some(description) = &activity.description {
        original["activity_description"] = json!(description);
    }
    original.to_string()
}

fn organization(context: &Context<'_>) -> Value {
    let mut organization = Map::new();
    put(&mut organization, "id", context.workspace_id());
    put(&mut organization, "name", context.workspace.name.clone());
    Value::Object(organization)
}

/// The actor, with the teammate that the entry is about.
fn users(
    kind: &str,
    details: &Details,
    actor: Option<&Account>,
    subject: Option<&Account>,
) -> Value {
    let mut user = actor.map(members).unwrap_or_default();
    let is_other = subject.map(|subject| &subject.id) != actor.map(|actor| &actor.id);
    if let Some(subject) = subject.filter(|_| is_other) {
        // An impersonation begins with the rights of the teammate.
        let place = if kind.starts_with("admin_impersonation") { "effective" } else { "target" };
        let mut members = members(subject);
        if place == "target" && details.team.is_some() {
            put(&mut members, "group", group(details));
        }
        put(&mut user, place, members);
    }
    let changed = [&details.granted[..], &details.revoked].concat();
    if !changed.is_empty() {
        put(&mut user, "changes", json!({"roles": changed}));
    }
    if user.is_empty() { Value::Null } else { Value::Object(user) }
}

fn members(account: &Account) -> Map<String, Value> {
    let mut user = Map::new();
    put(&mut user, "id", account.id.clone());
    put(&mut user, "name", account.name());
    put(&mut user, "email", account.email.clone());
    put(&mut user, "full_name", account.full_name.clone());
    user
}

fn group(details: &Details) -> Value {
    let mut group = Map::new();
    if let Some(team) = &details.team {
        put(&mut group, "id", team.id.as_ref().map(ToString::to_string));
        put(&mut group, "name", team.name.clone());
    }
    if group.is_empty() { Value::Null } else { Value::Object(group) }
}

fn related(actor: Option<&Account>, subject: Option<&Account>, ip: Option<&str>) -> Value {
    let mut names: Vec<&str> =
        [actor, subject].into_iter().flatten().filter_map(Account::name).collect();
    names.dedup();
    let mut related = Map::new();
    if !names.is_empty() {
        put(&mut related, "user", json!(names));
    }
    if let Some(ip) = ip {
        put(&mut related, "ip", json!([ip]));
    }
    if related.is_empty() { Value::Null } else { Value::Object(related) }
}

fn time_text(at: time::OffsetDateTime) -> String {
    date_time::written(at).to_string()
}
