//! The subject of a refused write, as far as its body reveals it: the person who makes the change
//! by hand should not have to ask.

use serde_json::Value;

use super::entitlement::{EntitlementType, SEAT, id_of};

/// The change that a write asks for, in the words of [`super::OPERATIONS`]. The bridge decides to
/// refuse a write before it reads the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParsedRequest {
    /// The operation, for example `add_access`.
    pub operation: &'static str,
    /// The id of the account, team or entitlement.
    pub target: Option<String>,
    /// The id of the entitlement to add to or remove from the account.
    pub entitlement: Option<String>,
    /// The sign-in address of the account.
    pub user_name: Option<String>,
    /// Other requested values, for a person to read; never a password.
    pub details: Option<String>,
}

/// The values of a body that may be recorded: JSON pointer and label. Everything else that a client
/// sends is left out.
const TOLD: [(&str, &str); 11] = [
    ("/displayName", "name"),
    ("/display_name", "name"),
    ("/name/formatted", "name"),
    ("/name/givenName", "given name"),
    ("/given_name", "given name"),
    ("/name/familyName", "family name"),
    ("/family_name", "family name"),
    ("/title", "title"),
    ("/userName", "address"),
    ("/user_name", "address"),
    ("/comment", "comment"),
];

impl ParsedRequest {
    /// Interprets a write by its path, refined by its body where that can be parsed. Connectors
    /// send many kinds of bodies, often invalid ones. What cannot be interpreted leaves the result
    /// as the path implies it.
    #[must_use]
    pub fn from_write(
        operation: &'static str,
        target: Option<&str>,
        entitlement: Option<&str>,
        body: &Value,
    ) -> Self {
        let mut asked = Self {
            operation,
            target: target.map(str::to_owned),
            entitlement: entitlement.map(str::to_owned),
            user_name: None,
            details: details(body),
        };
        match operation {
            "update_group" => asked.read_membership(body),
            "create_group" | "remove_group" | "bulk" => {}
            "update_account" => {
                asked.user_name = user_name(body);
                let only_that = operations(body).count() == 1 && asked.details.is_none();
                if sets_active(body) == Some(false) {
                    asked.operation = "disable_account";
                } else if sets_active(body) == Some(true) && only_that {
                    // Whole resources contain `active: true` too, whatever else they change.
                    asked.operation = "enable_account";
                } else if let Some((verb, entitlement)) = gives_access(body) {
                    (asked.operation, asked.entitlement) = (verb, Some(entitlement));
                }
            }
            _ => {
                asked.user_name = user_name(body);
                asked.target = asked
                    .target
                    .or_else(|| first_text(body, &["account_id", "accountID", "account"]));
                let named =
                    || first_text(body, &["entitlement_id", "entitlementID", "entitlement"]);
                if operation.ends_with("_access") {
                    asked.entitlement = asked.entitlement.or_else(named);
                }
            }
        }
        asked
    }

    /// Interprets a PATCH of a group. RFC 7644 §3.5.2: a PATCH that adds or removes one member is a
    /// request about that member.
    fn read_membership(&mut self, body: &Value) {
        let Some(changes) = changes(body, &["members"]) else { return };
        match changes.as_slice() {
            [] => {}
            [(verb, _, member)] => {
                let group = self.target.replace(member.clone());
                (self.operation, self.entitlement) = (verb, group);
            }
            several => {
                let told: Vec<String> =
                    several.iter().map(|(verb, _, member)| format!("{verb} {member}")).collect();
                self.details = Some(told.join(", "));
            }
        }
    }
}

/// Returns the additions and removals of a PATCH as (operation, attribute, value); `None` if it
/// does anything else.
fn changes<'a>(
    body: &Value,
    attributes: &[&'a str],
) -> Option<Vec<(&'static str, &'a str, String)>> {
    let mut all = Vec::new();
    for operation in operations(body) {
        let verb = verb(operation)?;
        let found = attributes
            .iter()
            .find_map(|attribute| Some((*attribute, values(operation, attribute)?)))?;
        all.extend(found.1.into_iter().map(|value| (verb, found.0, value)));
    }
    Some(all)
}

/// Returns the operation for an `add` or `remove`; `None` for any other `op`.
fn verb(operation: &Value) -> Option<&'static str> {
    match text_of(operation, "op")?.to_ascii_lowercase().as_str() {
        "add" => Some("add_access"),
        "remove" => Some("remove_access"),
        _ => None,
    }
}

/// Returns the one role, seat or permission that a PATCH of a user adds or removes.
fn gives_access(body: &Value) -> Option<(&'static str, String)> {
    let changes = changes(body, &["roles", "entitlements"])?;
    let [(verb, attribute, value)] = changes.as_slice() else { return None };
    let kind = match (*attribute, value.as_str()) {
        ("roles", _) => EntitlementType::Role,
        (_, SEAT) => EntitlementType::Seat,
        _ => EntitlementType::Permission,
    };
    Some((verb, id_of(kind, value)))
}

/// Returns the names, titles and the like in a body as one line.
fn details(body: &Value) -> Option<String> {
    let patched = operations(body).filter_map(|operation| {
        let value = operation.get("value")?;
        let pointer =
            format!("/{}", text_of(operation, "path").unwrap_or_default().replace('.', "/"));
        let named = TOLD.iter().find(|(known, _)| known.eq_ignore_ascii_case(&pointer));
        Some(named.map_or_else(
            || told(value),
            |(_, name)| value.as_str().map(|text| format!("{name}: {text}")),
        ))
    });
    let all: Vec<String> = patched.flatten().chain(told(body)).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn told(body: &Value) -> Option<String> {
    let text = |(pointer, name): &(&str, &str)| {
        let text = body.pointer(pointer)?.as_str().filter(|text| !text.is_empty())?;
        Some(format!("{name}: {text}"))
    };
    let all: Vec<String> = TOLD.iter().filter_map(text).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn operations(body: &Value) -> impl Iterator<Item = &Value> {
    // Some clients send `Operation` by mistake.
    let list = body.get("Operations").or_else(|| body.get("Operation"));
    list.and_then(Value::as_array).into_iter().flatten()
}

/// Returns the values of a multi-valued attribute in an operation: from its `value`, or from its
/// path as in `members[value eq "…"]`. `None` if the operation is about another attribute or cannot
/// be parsed completely.
fn values(operation: &Value, attribute: &str) -> Option<Vec<String>> {
    let path = text_of(operation, "path").unwrap_or_default();
    if let Some((named, filter)) = path.split_once('[') {
        let quoted = filter.strip_prefix("value eq \"")?.strip_suffix("\"]")?;
        let one = named.eq_ignore_ascii_case(attribute) && !quoted.contains('"');
        return one.then(|| vec![quoted.to_owned()]);
    }
    let value = operation.get("value")?;
    let list = match path.as_str() {
        "" => value.get(attribute)?,
        path if path.eq_ignore_ascii_case(attribute) => value,
        _ => return None,
    };
    let list = list.as_array().map_or(std::slice::from_ref(list), Vec::as_slice);
    list.iter()
        .map(|one| one.as_str().map(str::to_owned).or_else(|| text_of(one, "value")))
        .collect()
}

/// Returns the requested `active` value, from a whole resource or a PATCH, as a boolean or as a
/// string.
fn sets_active(body: &Value) -> Option<bool> {
    let patched = operations(body).find_map(|operation| {
        let by_path =
            text_of(operation, "path").is_some_and(|path| path.eq_ignore_ascii_case("active"));
        let value = operation.get("value")?;
        truth(if by_path { value } else { value.get("active")? })
    });
    patched.or_else(|| truth(body.get("active")?))
}

fn truth(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| value.as_str()?.to_ascii_lowercase().parse().ok())
}

fn user_name(body: &Value) -> Option<String> {
    let named = first_text(body, &["userName", "user_name", "username", "email", "login"]);
    named.or_else(|| text_of(body.get("emails")?.get(0)?, "value"))
}

fn first_text(body: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| text_of(body, name))
}

fn text_of(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn of_group(body: &Value) -> ParsedRequest {
        ParsedRequest::from_write("update_group", Some("team_1"), None, body)
    }

    fn access(operation: &'static str) -> ParsedRequest {
        let (target, entitlement) = (Some("adm_1".to_owned()), Some("team_1".to_owned()));
        ParsedRequest { operation, target, entitlement, ..ParsedRequest::default() }
    }

    #[test]
    fn what_cannot_be_read_is_what_the_path_says() {
        for body in [
            json!(null),
            json!([]),
            json!("x"),
            json!({"Operations": "add"}),
            json!({"Operations": [7]}),
        ] {
            let asked = of_group(&body);
            assert_eq!(
                (asked.operation, asked.target.as_deref()),
                ("update_group", Some("team_1")),
                "{body}"
            );
        }
    }

    #[test]
    fn one_member_of_a_patch_is_whom_it_is_about() {
        for (operation, body) in [
            (
                "add_access",
                json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": "adm_1"}]}]}),
            ),
            (
                "add_access",
                json!({"Operation": [{"op": "Add", "value": {"members": [{"value": "adm_1"}]}}]}),
            ),
            (
                "remove_access",
                json!({"Operations": [{"op": "remove", "path": "members[value eq \"adm_1\"]"}]}),
            ),
            (
                "remove_access",
                json!({"Operations": [{"op": "Remove", "path": "members", "value": "adm_1"}]}),
            ),
        ] {
            assert_eq!(of_group(&body), access(operation), "{body}");
        }
        for path in [
            "members[value eq \"adm_1\" or value eq \"adm_2\"]",
            "members[value ne \"adm_1\"]",
            "emails[type eq \"adm_1\"]",
        ] {
            let body = json!({"Operations": [{"op": "remove", "path": path}]});
            assert_eq!(of_group(&body).operation, "update_group", "{path}");
        }
        let half = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": "adm_1"}, {"display": "x"}]}]});
        assert_eq!(of_group(&half).operation, "update_group");
        let two = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": "a"}, {"value": "b"}]}]});
        let asked = of_group(&two);
        assert_eq!(
            (asked.operation, asked.details.as_deref()),
            ("update_group", Some("add_access a, add_access b"))
        );
    }

    #[test]
    fn a_user_that_is_switched_off_is_disabled_however_it_is_said() {
        for body in [
            json!({"Operations": [{"op": "replace", "path": "active", "value": false}]}),
            json!({"Operations": [{"op": "Replace", "value": {"active": "False"}}]}),
            json!({"userName": "ada@example.com", "active": false}),
        ] {
            assert_eq!(
                ParsedRequest::from_write("update_account", Some("adm_1"), None, &body).operation,
                "disable_account",
                "{body}"
            );
        }
        let enabled = json!({"Operations": [{"op": "replace", "path": "active", "value": true}]});
        assert_eq!(
            ParsedRequest::from_write("update_account", Some("adm_1"), None, &enabled).operation,
            "enable_account"
        );
        for more in [
            json!({"userName": "ada@example.com", "active": true, "title": "Lead"}),
            json!({"Operations": [
                {"op": "replace", "path": "displayName", "value": "Ada"},
                {"op": "replace", "path": "active", "value": true},
            ]}),
        ] {
            assert_eq!(
                ParsedRequest::from_write("update_account", Some("adm_1"), None, &more).operation,
                "update_account",
                "{more}"
            );
        }
        let renamed =
            json!({"Operations": [{"op": "replace", "path": "displayName", "value": "Ada"}]});
        assert_eq!(
            ParsedRequest::from_write("update_account", Some("adm_1"), None, &renamed).operation,
            "update_account"
        );
    }

    #[test]
    fn a_new_account_is_named_by_its_address() {
        for body in [
            json!({"userName": "ada@example.com", "active": true}),
            json!({"emails": [{"value": "ada@example.com"}]}),
            json!({"email": "ada@example.com"}),
        ] {
            let asked = ParsedRequest::from_write("create_account", None, None, &body);
            let found = (asked.operation, asked.user_name.as_deref());
            assert_eq!(found, ("create_account", Some("ada@example.com")), "{body}");
        }
    }

    #[test]
    fn roles_seats_and_permissions_of_a_user_are_access_too() {
        let add = |attribute: &str, value: &str| {
            let body = json!({"Operations": [{"op": "add", "path": attribute, "value": [{"value": value}]}]});
            let asked = ParsedRequest::from_write("update_account", Some("adm_1"), None, &body);
            (asked.operation, asked.entitlement)
        };
        assert_eq!(add("roles", "2"), ("add_access", Some("role_2".to_owned())));
        assert_eq!(
            add("entitlements", "inbox_seat"),
            ("add_access", Some("seat_inbox_seat".to_owned()))
        );
        assert_eq!(
            add("entitlements", "export_data"),
            ("add_access", Some("permission_export_data".to_owned()))
        );
        let body = json!({"Operations": [{"op": "Remove", "path": "roles[value eq \"2\"]"}]});
        assert_eq!(
            ParsedRequest::from_write("update_account", Some("adm_1"), None, &body).operation,
            "remove_access"
        );
    }

    #[test]
    fn names_are_told_and_passwords_never() {
        let body = json!({"userName": "a@example.com", "password": "hunter2", "name": {"givenName": "Ada"}, "title": "Agent"});
        let told = ParsedRequest::from_write("create_account", None, None, &body).details.unwrap();
        assert_eq!(told, "given name: Ada, title: Agent, address: a@example.com");
        let body = json!({"Operations": [
            {"op": "replace", "path": "password", "value": "hunter2"},
            {"op": "replace", "path": "displayName", "value": "Ada L."},
            {"op": "replace", "value": {"title": "Lead", "password": "hunter2"}},
        ]});
        assert_eq!(
            ParsedRequest::from_write("update_account", None, None, &body).details.unwrap(),
            "name: Ada L., title: Lead"
        );
        assert_eq!(
            ParsedRequest::from_write(
                "change_password",
                None,
                None,
                &json!({"password": "hunter2"})
            )
            .details,
            None
        );
    }

    #[test]
    fn access_is_named_in_the_body_where_the_path_does_not() {
        let body = json!({"account_id": "adm_1", "entitlement_id": "team_1"});
        assert_eq!(
            ParsedRequest::from_write("add_access", None, None, &body),
            access("add_access")
        );
        assert_eq!(
            ParsedRequest::from_write("remove_access", Some("adm_1"), Some("team_1"), &json!(null)),
            access("remove_access")
        );
    }

    proptest! {
        #[test]
        fn no_body_is_too_strange(text in ".{0,200}", operation in prop::sample::select(vec!["update_group", "update_account", "create_account", "add_access"])) {
            let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
            let _ = ParsedRequest::from_write(operation, Some("x"), None, &json!({"Operations": [body.clone(), {"op": "add", "value": body}]}));
        }
    }
}
