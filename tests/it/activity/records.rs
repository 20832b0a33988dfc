//! Every kind of entry as a record of OCSF and of ECS.
//!
//! `tests/oracles/activity.ocsf.ndjson` has the events of all kinds; `scripts/oracles` checks them
//! with the schema of OCSF. `cargo test --test it -- --ignored records` writes the file.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use intercom_scim_bridge::activity::{
    Context, Entry, KINDS, People, PersonName, ecs, kind_named, ocsf,
};
use intercom_scim_bridge::directory::{Activity, Actor, UserId, Workspace};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

const AT: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
const UNKNOWN: &str = "teleportation";

fn ida() -> Actor {
    Actor {
        kind: Some("admin".to_owned()),
        id: Some(UserId::new("7")),
        email: Some("ida@acme.example".to_owned()),
        ip: Some("198.51.100.30".to_owned()),
    }
}

fn entry(seq: i64, kind: &str, actor: Option<Actor>, metadata: Value) -> Entry {
    Entry {
        seq,
        recorded_at: AT + time::Duration::milliseconds(1_377),
        activity: Activity {
            id: format!("e{seq}"),
            at: AT,
            kind: kind.to_owned(),
            performed_by: actor,
            description: Some("Ida Berg did it.\u{7}".to_owned()),
            metadata: metadata.into(),
        },
    }
}

/// Details that could belong to any kind.
fn details() -> Value {
    json!({
        "admin": {"id": 8, "first_name": "Jon", "last_name": "Weiss"},
        "team": {"id": 9, "name": "Billing", "member_count": 3},
        "role": {"id": "4", "name": "Agent"},
        "app_package": {"id": "slack-3qt0", "name": "Slack"},
        "sign_in_method": "saml",
        "consent_id": 149_673,
        "before": {"value": true},
        "after": {"value": false},
    })
}

/// Entries of every kind: with all details, with none, and with those that decide.
fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut add = |kind: &str, actor, metadata| {
        entries.push(entry(i64::try_from(entries.len()).unwrap() + 1, kind, actor, metadata));
    };
    for kind in KINDS.iter().map(|kind| kind.name).chain([UNKNOWN]) {
        add(kind, Some(ida()), details());
        add(kind, None, json!({}));
    }
    let system =
        Actor { kind: Some("bot".to_owned()), id: None, ip: Some("?".to_owned()), ..ida() };
    add("role_change", Some(system), json!({"before": [1], "after": "x"}));
    for enabled in [true, false] {
        add("admin_two_factor_auth_change", Some(ida()), json!({"enabled": enabled}));
    }
    for (before, after) in [(false, true), (true, false)] {
        let permissions = |held: bool| json!({"permissions": {"export_data": held, "tags": true}});
        let metadata =
            json!({"admin": {"id": 8}, "before": permissions(before), "after": permissions(after)});
        add("admin_permission_change", Some(ida()), metadata);
    }
    for (before, after) in [(json!([]), json!([8])), (json!([8]), json!([]))] {
        let metadata = json!({
            "team": {"id": 9, "name": "Billing"},
            "before": {"admin_ids": before}, "after": {"admin_ids": after},
        });
        add("app_team_membership_modification", Some(ida()), metadata);
    }
    for method in ["google_oauth2", "email_password"] {
        add("admin_login_failure", Some(ida()), json!({"sign_in_method": method}));
    }
    entries
}

fn documents(document: fn(&Entry, &Context<'_>) -> Value) -> Vec<Value> {
    let person = |email: &str, name: &str| PersonName {
        email: Some(email.to_owned()),
        name: Some(name.to_owned()),
    };
    let people = People::from([
        (UserId::new("7"), person("ida@acme.example", "Ida Berg")),
        (UserId::new("8"), person("jon@acme.example", "Jon Weiss")),
    ]);
    let workspace = Workspace {
        id: Some("ab12cd34".to_owned()),
        name: Some("Acme Support".to_owned()),
        region: None,
    };
    let context = Context { workspace: &workspace, workspace_name: "default", people: &people };
    entries().iter().map(|entry| document(entry, &context)).collect()
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/activity.ocsf.ndjson")
}

fn lines(documents: &[Value]) -> String {
    documents.iter().fold(String::new(), |mut text, document| {
        let _ = writeln!(text, "{document}");
        text
    })
}

#[test]
#[ignore = "writes tests/oracles/activity.ocsf.ndjson"]
fn write_the_records() {
    std::fs::write(file(), lines(&documents(ocsf))).unwrap();
}

#[test]
fn the_events_that_are_checked_with_the_schema_are_those_of_this_version() {
    let checked = std::fs::read_to_string(file()).unwrap();
    assert_eq!(lines(&documents(ocsf)), checked, "see the comment of this file");
}

#[test]
fn every_kind_has_an_event_with_the_ids_of_its_class() {
    let events = documents(ocsf);
    for event in &events {
        let number = |name: &str| event[name].as_u64().unwrap_or_else(|| panic!("{name}: {event}"));
        let kind = kind_named(event["metadata"]["event_code"].as_str().unwrap());
        assert_eq!(number("class_uid"), u64::from(kind.class.uid()));
        assert_eq!(number("category_uid"), number("class_uid") / 1_000);
        assert_eq!(number("type_uid"), number("class_uid") * 100 + number("activity_id"));
        assert_eq!(number("time"), 1_772_366_400_000);
        assert!(event["activity_name"] != "Other" || number("activity_id") == 99, "{event}");
        assert_eq!(event["message"], "Ida Berg did it. ");
    }
    let codes: BTreeSet<&str> =
        events.iter().map(|event| event["metadata"]["event_code"].as_str().unwrap()).collect();
    assert_eq!(codes.len(), KINDS.len() + 1);
    let ids: BTreeSet<&str> =
        events.iter().map(|event| event["metadata"]["uid"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len(), "one entry is one event");
}

/// The fields of ECS 9.4.0 that documents use. Fields of our own are under `intercom`.
const FIELDS: &[&str] = &[
    "@timestamp",
    "ecs.version",
    "event.action",
    "event.category",
    "event.created",
    "event.dataset",
    "event.id",
    "event.kind",
    "event.module",
    "event.original",
    "event.outcome",
    "event.provider",
    "event.sequence",
    "event.severity",
    "event.type",
    "group.id",
    "group.name",
    "message",
    "observer.product",
    "observer.type",
    "observer.vendor",
    "observer.version",
    "organization.id",
    "organization.name",
    "related.ip",
    "related.user",
    "source.ip",
    "user.changes.roles",
    "user.effective.email",
    "user.effective.full_name",
    "user.effective.id",
    "user.effective.name",
    "user.email",
    "user.full_name",
    "user.id",
    "user.name",
    "user.target.email",
    "user.target.full_name",
    "user.target.group.id",
    "user.target.group.name",
    "user.target.id",
    "user.target.name",
];

/// The types that ECS 9.4.0 allows for each category.
const TYPES: &[(&str, &[&str])] = &[
    ("authentication", &["start", "end", "info"]),
    ("configuration", &["access", "change", "creation", "deletion", "info"]),
    ("database", &["access", "change", "info", "error"]),
    ("iam", &["admin", "change", "creation", "deletion", "group", "info", "user"]),
    ("package", &["access", "change", "deletion", "info", "installation", "start"]),
    ("session", &["start", "end", "info"]),
];

fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                fields(value, &path, found);
            }
        }
        _ => drop(found.insert(path.to_owned())),
    }
}

#[test]
fn every_kind_has_a_document_with_fields_and_words_of_ecs() {
    let mut found = BTreeSet::new();
    for document in documents(ecs) {
        fields(&document, "", &mut found);
        let words = |name: &str| -> Vec<String> {
            let words = document["event"][name].as_array().cloned().unwrap_or_default();
            words.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
        };
        for category in words("category") {
            let (_, allowed) = TYPES.iter().find(|(name, _)| *name == category).unwrap();
            for word in words("type") {
                assert!(allowed.contains(&&*word), "{category}: {word}");
            }
        }
        let original: Value =
            serde_json::from_str(document["event"]["original"].as_str().unwrap()).unwrap();
        assert_eq!(original["activity_type"], document["event"]["action"]);
    }
    found.retain(|field| !field.starts_with("intercom."));
    let known: BTreeSet<String> = FIELDS.iter().map(|field| (*field).to_owned()).collect();
    assert_eq!(found, known);
}
