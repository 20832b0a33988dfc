//! The subject of a refused write, as far as its body reveals it: the person who makes the change
//! by hand should not have to ask.

use serde_json::Value;

use super::Operation;
use crate::directory::{EntitlementType, INBOX_SEAT, entitlement_id};

/// The change that a write asks for. The bridge decides to refuse a write before it reads the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedRequest {
    /// The operation.
    pub operation: Operation,
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
const RECORDED: [(&str, &str); 11] = [
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
        operation: Operation,
        target: Option<&str>,
        entitlement: Option<&str>,
        body: &Value,
    ) -> Self {
        let mut parsed = Self {
            operation,
            target: target.map(str::to_owned),
            entitlement: entitlement.map(str::to_owned),
            user_name: None,
            details: details(body),
        };
        match operation {
            Operation::UpdateGroup => parsed.read_membership(body),
            Operation::CreateGroup
            | Operation::RemoveGroup
            | Operation::ChangeCatalogue
            | Operation::Bulk => {}
            Operation::UpdateAccount => parsed.read_account(body),
            Operation::AddAccess | Operation::RemoveAccess => {
                parsed.read_names(body);
                parsed.entitlement = parsed.entitlement.or_else(|| {
                    first_text(body, &["entitlement_id", "entitlementID", "entitlement"])
                });
            }
            Operation::CreateAccount
            | Operation::EnableAccount
            | Operation::DisableAccount
            | Operation::RemoveAccount
            | Operation::ChangePassword
            | Operation::Other => parsed.read_names(body),
        }
        parsed
    }

    /// Reads which account a body names, if the path does not.
    fn read_names(&mut self, body: &Value) {
        self.user_name = user_name(body);
        if self.target.is_none() {
            self.target = first_text(body, &["account_id", "accountID", "account"]);
        }
    }

    /// Interprets a PUT or PATCH of an account: it may only switch it on or off, or add or remove
    /// one entitlement.
    fn read_account(&mut self, body: &Value) {
        self.user_name = user_name(body);
        let only_that = operations(body).count() == 1 && self.details.is_none();
        if sets_active(body) == Some(false) {
            self.operation = Operation::DisableAccount;
        } else if sets_active(body) == Some(true) && only_that {
            // Whole resources contain `active: true` too, whatever else they change.
            self.operation = Operation::EnableAccount;
        } else if let Some((operation, entitlement)) = changed_access(body) {
            self.operation = operation;
            self.entitlement = Some(entitlement);
        }
    }

    /// Interprets a PATCH of a group. RFC 7644 §3.5.2: a PATCH that adds or removes one member is a
    /// request about that member.
    fn read_membership(&mut self, body: &Value) {
        let Some(changes) = changes(body, &["members"]) else { return };
        match changes.as_slice() {
            [] => {}
            [change] => {
                self.operation = change.operation;
                self.entitlement = self.target.replace(change.value.clone());
            }
            several => {
                let each = several.iter().map(|change| {
                    let AccessChange { operation, value, .. } = change;
                    format!("{operation} {value}")
                });
                self.details = Some(each.collect::<Vec<_>>().join(", "));
            }
        }
    }
}

/// One addition or removal of a PATCH.
struct AccessChange<'a> {
    /// `AddAccess` or `RemoveAccess`.
    operation: Operation,
    /// The multi-valued attribute.
    attribute: &'a str,
    /// The value that is added to it or removed from it.
    value: String,
}

/// Returns the additions and removals of a PATCH; `None` if it does anything else.
fn changes<'a>(body: &Value, attributes: &[&'a str]) -> Option<Vec<AccessChange<'a>>> {
    let mut all = Vec::new();
    for patched in operations(body) {
        let operation = access_operation(patched)?;
        let (attribute, values) = attributes
            .iter()
            .find_map(|attribute| Some((*attribute, values(patched, attribute)?)))?;
        all.extend(values.into_iter().map(|value| AccessChange { operation, attribute, value }));
    }
    Some(all)
}

/// Returns the operation for an `add` or `remove`; `None` for any other `op`.
fn access_operation(patched: &Value) -> Option<Operation> {
    match text_of(patched, "op")?.to_ascii_lowercase().as_str() {
        "add" => Some(Operation::AddAccess),
        "remove" => Some(Operation::RemoveAccess),
        _ => None,
    }
}

/// Returns the one role, seat or permission that a PATCH of a user adds or removes.
fn changed_access(body: &Value) -> Option<(Operation, String)> {
    let changes = changes(body, &["roles", "entitlements"])?;
    let [change] = changes.as_slice() else { return None };
    let kind = match (change.attribute, change.value.as_str()) {
        ("roles", _) => EntitlementType::Role,
        (_, INBOX_SEAT) => EntitlementType::Seat,
        _ => EntitlementType::Permission,
    };
    Some((change.operation, entitlement_id(kind, &change.value)))
}

/// Returns the names, titles and the like in a body as one line.
fn details(body: &Value) -> Option<String> {
    let patched = operations(body).filter_map(|operation| {
        let value = operation.get("value")?;
        let pointer =
            format!("/{}", text_of(operation, "path").unwrap_or_default().replace('.', "/"));
        let named = RECORDED.iter().find(|(known, _)| known.eq_ignore_ascii_case(&pointer));
        Some(named.map_or_else(
            || named_values(value),
            |(_, name)| value.as_str().map(|text| format!("{name}: {text}")),
        ))
    });
    let all: Vec<String> = patched.flatten().chain(named_values(body)).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Returns the values of a resource that may be recorded, with their labels, as one line.
fn named_values(body: &Value) -> Option<String> {
    let text = |(pointer, name): &(&str, &str)| {
        let text = body.pointer(pointer)?.as_str().filter(|text| !text.is_empty())?;
        Some(format!("{name}: {text}"))
    };
    let all: Vec<String> = RECORDED.iter().filter_map(text).collect();
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
        ParsedRequest::from_write(Operation::UpdateGroup, Some("team_1"), None, body)
    }

    fn access(operation: Operation) -> ParsedRequest {
        ParsedRequest {
            operation,
            target: Some("adm_1".to_owned()),
            entitlement: Some("team_1".to_owned()),
            user_name: None,
            details: None,
        }
    }

    #[test]
    fn an_unreadable_body_leaves_the_facts_of_the_path() {
        for body in [
            json!(null),
            json!([]),
            json!("x"),
            json!({"Operations": "add"}),
            json!({"Operations": [7]}),
        ] {
            let parsed = of_group(&body);
            assert_eq!(
                (parsed.operation, parsed.target.as_deref()),
                (Operation::UpdateGroup, Some("team_1")),
                "{body}"
            );
        }
    }

    #[test]
    fn a_patch_of_one_member_is_a_request_about_that_member() {
        for (operation, body) in [
            (
                Operation::AddAccess,
                json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": "adm_1"}]}]}),
            ),
            (
                Operation::AddAccess,
                json!({"Operation": [{"op": "Add", "value": {"members": [{"value": "adm_1"}]}}]}),
            ),
            (
                Operation::RemoveAccess,
                json!({"Operations": [{"op": "remove", "path": "members[value eq \"adm_1\"]"}]}),
            ),
            (
                Operation::RemoveAccess,
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
            assert_eq!(of_group(&body).operation, Operation::UpdateGroup, "{path}");
        }
        let half = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": "adm_1"}, {"display": "x"}]}]});
        assert_eq!(of_group(&half).operation, Operation::UpdateGroup);
        let two = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": "a"}, {"value": "b"}]}]});
        let parsed = of_group(&two);
        assert_eq!(
            (parsed.operation, parsed.details.as_deref()),
            (Operation::UpdateGroup, Some("add_access a, add_access b"))
        );
    }

    #[test]
    fn every_form_of_active_false_disables_the_account() {
        for body in [
            json!({"Operations": [{"op": "replace", "path": "active", "value": false}]}),
            json!({"Operations": [{"op": "Replace", "value": {"active": "False"}}]}),
            json!({"userName": "ada@example.com", "active": false}),
        ] {
            assert_eq!(
                ParsedRequest::from_write(Operation::UpdateAccount, Some("adm_1"), None, &body)
                    .operation,
                Operation::DisableAccount,
                "{body}"
            );
        }
        let enabled = json!({"Operations": [{"op": "replace", "path": "active", "value": true}]});
        assert_eq!(
            ParsedRequest::from_write(Operation::UpdateAccount, Some("adm_1"), None, &enabled)
                .operation,
            Operation::EnableAccount
        );
        for more in [
            json!({"userName": "ada@example.com", "active": true, "title": "Lead"}),
            json!({"Operations": [
                {"op": "replace", "path": "displayName", "value": "Ada"},
                {"op": "replace", "path": "active", "value": true},
            ]}),
        ] {
            assert_eq!(
                ParsedRequest::from_write(Operation::UpdateAccount, Some("adm_1"), None, &more)
                    .operation,
                Operation::UpdateAccount,
                "{more}"
            );
        }
        let renamed =
            json!({"Operations": [{"op": "replace", "path": "displayName", "value": "Ada"}]});
        assert_eq!(
            ParsedRequest::from_write(Operation::UpdateAccount, Some("adm_1"), None, &renamed)
                .operation,
            Operation::UpdateAccount
        );
    }

    #[test]
    fn a_new_account_is_named_by_its_address() {
        for body in [
            json!({"userName": "ada@example.com", "active": true}),
            json!({"emails": [{"value": "ada@example.com"}]}),
            json!({"email": "ada@example.com"}),
        ] {
            let parsed = ParsedRequest::from_write(Operation::CreateAccount, None, None, &body);
            let found = (parsed.operation, parsed.user_name.as_deref());
            assert_eq!(found, (Operation::CreateAccount, Some("ada@example.com")), "{body}");
        }
    }

    #[test]
    fn roles_seats_and_permissions_of_a_user_are_access_too() {
        let add = |attribute: &str, value: &str| {
            let body = json!({"Operations": [{"op": "add", "path": attribute, "value": [{"value": value}]}]});
            let parsed =
                ParsedRequest::from_write(Operation::UpdateAccount, Some("adm_1"), None, &body);
            (parsed.operation, parsed.entitlement)
        };
        assert_eq!(add("roles", "2"), (Operation::AddAccess, Some("role_2".to_owned())));
        assert_eq!(
            add("entitlements", "inbox_seat"),
            (Operation::AddAccess, Some("seat_inbox_seat".to_owned()))
        );
        assert_eq!(
            add("entitlements", "export_data"),
            (Operation::AddAccess, Some("permission_export_data".to_owned()))
        );
        let body = json!({"Operations": [{"op": "Remove", "path": "roles[value eq \"2\"]"}]});
        assert_eq!(
            ParsedRequest::from_write(Operation::UpdateAccount, Some("adm_1"), None, &body)
                .operation,
            Operation::RemoveAccess
        );
    }

    #[test]
    fn names_are_recorded_and_passwords_never() {
        let body = json!({"userName": "a@example.com", "password": "hunter2", "name": {"givenName": "Ada"}, "title": "Agent"});
        let details =
            ParsedRequest::from_write(Operation::CreateAccount, None, None, &body).details.unwrap();
        assert_eq!(details, "given name: Ada, title: Agent, address: a@example.com");
        let body = json!({"Operations": [
            {"op": "replace", "path": "password", "value": "hunter2"},
            {"op": "replace", "path": "displayName", "value": "Ada L."},
            {"op": "replace", "value": {"title": "Lead", "password": "hunter2"}},
        ]});
        assert_eq!(
            ParsedRequest::from_write(Operation::UpdateAccount, None, None, &body).details.unwrap(),
            "name: Ada L., title: Lead"
        );
        assert_eq!(
            ParsedRequest::from_write(
                Operation::ChangePassword,
                None,
                None,
                &json!({"password": "hunter2"})
            )
            .details,
            None
        );
    }

    #[test]
    fn the_body_names_the_access_if_the_path_does_not() {
        let body = json!({"account_id": "adm_1", "entitlement_id": "team_1"});
        assert_eq!(
            ParsedRequest::from_write(Operation::AddAccess, None, None, &body),
            access(Operation::AddAccess)
        );
        assert_eq!(
            ParsedRequest::from_write(
                Operation::RemoveAccess,
                Some("adm_1"),
                Some("team_1"),
                &json!(null)
            ),
            access(Operation::RemoveAccess)
        );
    }

    proptest! {
        #[test]
        fn no_body_causes_a_panic(text in ".{0,200}", operation in prop::sample::select(vec![Operation::UpdateGroup, Operation::UpdateAccount, Operation::CreateAccount, Operation::AddAccess])) {
            let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
            let _ = ParsedRequest::from_write(operation, Some("x"), None, &json!({"Operations": [body.clone(), {"op": "add", "value": body}]}));
        }
    }
}
