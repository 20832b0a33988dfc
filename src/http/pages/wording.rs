//! Changes in words, for people.

use serde_json::{Map, Value};

use crate::tabular::ChangeDocument;

/// Describes a change: one sentence for each attribute, or one for the whole.
pub fn describe(change: &ChangeDocument) -> Vec<String> {
    let empty = Map::new();
    let before = change.before.as_ref().unwrap_or(&empty);
    let after = change.after.as_ref().unwrap_or(&empty);
    let team = change.group_display_name.as_deref().or(change.group_id.as_deref());
    let team = team.unwrap_or("a team");
    match (change.r#type, change.action) {
        ("membership", "created") => vec![format!("Joined the team {team}{}", priority(after))],
        ("membership", "removed") => vec![format!("Left the team {team}")],
        ("membership", _) => vec![format!(
            "Priority in the team {team}: {} → {}",
            shown("priority", before.get("priority")),
            shown("priority", after.get("priority"))
        )],
        ("user", "created") => first("Joined the workspace", after),
        ("user", "restored") => first("Joined the workspace again", after),
        ("user", "removed") => vec!["Left the workspace".to_owned()],
        ("group", "created") => vec![format!("The team {team} was created")],
        ("group", "removed") => vec![format!("The team {team} was deleted")],
        _ => differences(before, after),
    }
}

/// The description of a new person, with the role that they begin with.
fn first(what: &str, after: &Map<String, Value>) -> Vec<String> {
    match after.get("role_name").and_then(Value::as_str) {
        Some(role) => vec![format!("{what}, with the role {role}")],
        None => vec![what.to_owned()],
    }
}

fn priority(after: &Map<String, Value>) -> String {
    match after.get("priority").and_then(Value::as_str) {
        Some(priority) => format!(", priority {priority}"),
        None => String::new(),
    }
}

fn differences(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let has_role_name = names.iter().any(|name| *name == "role_name");
    // The id says nothing to people when the name is known.
    names.retain(|name| !(has_role_name && *name == "role_id"));
    names.into_iter().flat_map(|name| difference(name, before.get(name), after.get(name))).collect()
}

fn difference(name: &str, before: Option<&Value>, after: Option<&Value>) -> Vec<String> {
    if name == "permissions" {
        return permissions(before, after);
    }
    vec![format!("{}: {} → {}", label(name), shown(name, before), shown(name, after))]
}

/// The permissions that were granted and revoked. If either list is unknown, this says only that.
fn permissions(before: Option<&Value>, after: Option<&Value>) -> Vec<String> {
    let list = |value: Option<&Value>| -> Option<Vec<String>> {
        let names = value?.as_array()?.iter();
        Some(names.filter_map(Value::as_str).map(str::to_owned).collect())
    };
    let (Some(before), Some(after)) = (list(before), list(after)) else {
        return vec![format!(
            "Permissions: {} → {}",
            shown("permissions", before),
            shown("permissions", after)
        )];
    };
    let only = |left: &[String], right: &[String]| -> Vec<String> {
        left.iter().filter(|name| !right.contains(name)).cloned().collect()
    };
    let lists = [
        ("Permissions granted", only(&after, &before)),
        ("Permissions revoked", only(&before, &after)),
    ];
    let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
    lists.map(|(what, names)| format!("{what}: {}", names.join(", "))).collect()
}

fn label(name: &str) -> &str {
    match name {
        "active" => "Access",
        "email" => "Address",
        "display_name" => "Name",
        "first_name" => "First name",
        "last_name" => "Last name",
        "title" => "Job title",
        "role_id" | "role_name" => "Role",
        "has_inbox_seat" => "Paid seat",
        "two_factor_auth" => "Second factor",
        "joined_at" => "Joined at",
        "removed_at" => "Removed at",
        "distribution_method" => "Distribution of conversations",
        "assignment_limit" => "Assignment limit",
        name => name,
    }
}

fn shown(name: &str, value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "unknown".to_owned(),
        Some(Value::Bool(value)) => match (name, value) {
            ("two_factor_auth", true) => "on",
            ("two_factor_auth", false) => "off",
            (_, true) => "yes",
            (_, false) => "no",
        }
        .to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(values)) if values.is_empty() => "none".to_owned(),
        Some(Value::Array(values)) => {
            values.iter().map(|value| shown(name, Some(value))).collect::<Vec<_>>().join(", ")
        }
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn change(
        kind: &'static str,
        action: &'static str,
        before: Value,
        after: Value,
    ) -> ChangeDocument {
        let members = |value: Value| value.as_object().cloned();
        ChangeDocument {
            cursor: String::new(),
            generation: 2,
            import_id: 2,
            at: datetime!(2026-03-01 12:00 UTC),
            r#type: kind,
            action,
            id: String::new(),
            user_id: Some("adm_1".to_owned()),
            user_display_name: None,
            user_email: None,
            group_id: Some("team_9".to_owned()),
            group_display_name: Some("Billing".to_owned()),
            before: members(before),
            after: members(after),
            actor: None,
            user_erased: false,
        }
    }

    #[test]
    fn memberships_are_named_by_their_team() {
        let words = |action, before, after| describe(&change("membership", action, before, after));
        assert_eq!(
            words("created", Value::Null, json!({"priority": "secondary"})),
            ["Joined the team Billing, priority secondary"]
        );
        assert_eq!(words("removed", json!({}), Value::Null), ["Left the team Billing"]);
        assert_eq!(
            words("updated", json!({"priority": null}), json!({"priority": "primary"})),
            ["Priority in the team Billing: unknown → primary"]
        );
    }

    #[test]
    fn each_attribute_of_a_person_has_its_sentence() {
        let before = json!({
            "role_id": "1", "role_name": "Agent", "has_inbox_seat": true,
            "two_factor_auth": null, "permissions": ["a", "b"],
        });
        let after = json!({
            "role_id": "2", "role_name": "Admin", "has_inbox_seat": false,
            "two_factor_auth": false, "permissions": ["b", "c"],
        });
        assert_eq!(
            describe(&change("user", "updated", before, after)),
            [
                "Paid seat: yes → no",
                "Permissions granted: c",
                "Permissions revoked: a",
                "Role: Agent → Admin",
                "Second factor: unknown → off",
            ]
        );
    }

    #[test]
    fn joining_and_leaving_are_said_in_one_sentence() {
        let words = |action, after| describe(&change("user", action, Value::Null, after));
        assert_eq!(
            words("created", json!({"role_name": "Agent"})),
            ["Joined the workspace, with the role Agent"]
        );
        assert_eq!(words("restored", json!({})), ["Joined the workspace again"]);
        assert_eq!(words("removed", Value::Null), ["Left the workspace"]);
    }
}
