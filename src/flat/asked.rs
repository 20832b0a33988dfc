//! Whom a refused write is about, as far as its body tells: the person who does it by hand should not have to ask.

use serde_json::Value;

/// What a write asks for. The decision to refuse it was made before, without its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// For example `add_access`.
    pub operation: &'static str,
    /// The id of the account, team or entitlement.
    pub target: Option<String>,
    /// The id of the entitlement that the account is to get or to lose.
    pub entitlement: Option<String>,
    /// The sign-in address of whom it is about.
    pub user_name: Option<String>,
}

impl Asked {
    /// A write as its path tells it, made clearer by its body where that can be read. Connectors send all kinds of
    /// bodies, half of them wrong, so whatever is not understood is left as the path says.
    #[must_use]
    pub fn of(operation: &'static str, target: Option<&str>, entitlement: Option<&str>, body: &Value) -> Self {
        let mut asked = Self {
            operation,
            target: target.map(str::to_owned),
            entitlement: entitlement.map(str::to_owned),
            user_name: None,
        };
        match operation {
            "update_group" => asked.read_membership(body),
            "create_user" | "update_user" => {
                asked.user_name = user_name(body);
                if let Some(active) = sets_active(body).filter(|_| operation == "update_user") {
                    asked.operation = if active { "enable_account" } else { "disable_account" };
                }
            }
            _ => {
                asked.user_name = user_name(body);
                asked.target = asked.target.or_else(|| first_text(body, &["account_id", "accountID", "account"]));
                let named = || first_text(body, &["entitlement_id", "entitlementID", "entitlement"]);
                if operation.ends_with("_access") {
                    asked.entitlement = asked.entitlement.or_else(named);
                }
            }
        }
        asked
    }

    /// RFC 7644 §3.5.2: a PATCH that adds one member to a group or takes one out of it is about that member.
    fn read_membership(&mut self, body: &Value) {
        let mut found = None;
        for operation in operations(body) {
            let verb = match text_of(operation, "op").unwrap_or_default().to_ascii_lowercase().as_str() {
                "add" => "add_access",
                "remove" => "remove_access",
                _ => return,
            };
            let members = members(operation);
            let [member] = members.as_slice() else { return };
            if found.replace((verb, member.clone())).is_some() {
                return;
            }
        }
        if let Some((verb, member)) = found {
            let group = self.target.replace(member);
            (self.operation, self.entitlement) = (verb, group);
        }
    }
}

fn operations(body: &Value) -> impl Iterator<Item = &Value> {
    // `Operation` is a known mistake.
    let list = body.get("Operations").or_else(|| body.get("Operation"));
    list.and_then(Value::as_array).into_iter().flatten()
}

/// The members that an operation names: in its value, or in its path as `members[value eq "…"]`.
fn members(operation: &Value) -> Vec<String> {
    let path = text_of(operation, "path").unwrap_or_default();
    if let Some((_, filter)) = path.split_once('[') {
        return filter.split('"').nth(1).map(str::to_owned).into_iter().collect();
    }
    let value = operation.get("value");
    let list = if path.eq_ignore_ascii_case("members") { value } else { value.and_then(|value| value.get("members")) };
    let list = list.map(|list| list.as_array().map_or(std::slice::from_ref(list), Vec::as_slice)).unwrap_or_default();
    list.iter().filter_map(|member| member.as_str().map(str::to_owned).or_else(|| text_of(member, "value"))).collect()
}

/// Whether a user is to be active, in a whole resource or in a PATCH, as a boolean or as its word.
fn sets_active(body: &Value) -> Option<bool> {
    let patched = operations(body).find_map(|operation| {
        let by_path = text_of(operation, "path").is_some_and(|path| path.eq_ignore_ascii_case("active"));
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

    fn of_group(body: &Value) -> Asked {
        Asked::of("update_group", Some("team_1"), None, body)
    }

    fn access(operation: &'static str) -> Asked {
        let (target, entitlement) = (Some("adm_1".to_owned()), Some("team_1".to_owned()));
        Asked { operation, target, entitlement, user_name: None }
    }

    #[test]
    fn what_cannot_be_read_is_what_the_path_says() {
        for body in [json!(null), json!([]), json!("x"), json!({"Operations": "add"}), json!({"Operations": [7]})] {
            let asked = of_group(&body);
            assert_eq!((asked.operation, asked.target.as_deref()), ("update_group", Some("team_1")), "{body}");
        }
    }

    #[test]
    fn one_member_of_a_patch_is_whom_it_is_about() {
        for (operation, body) in [
            ("add_access", json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": "adm_1"}]}]})),
            ("add_access", json!({"Operation": [{"op": "Add", "value": {"members": [{"value": "adm_1"}]}}]})),
            ("remove_access", json!({"Operations": [{"op": "remove", "path": "members[value eq \"adm_1\"]"}]})),
            ("remove_access", json!({"Operations": [{"op": "Remove", "path": "members", "value": "adm_1"}]})),
        ] {
            assert_eq!(of_group(&body), access(operation), "{body}");
        }
        let two = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": "a"}, {"value": "b"}]}]});
        assert_eq!(of_group(&two).operation, "update_group");
    }

    #[test]
    fn a_user_that_is_switched_off_is_disabled_however_it_is_said() {
        for body in [
            json!({"Operations": [{"op": "replace", "path": "active", "value": false}]}),
            json!({"Operations": [{"op": "Replace", "value": {"active": "False"}}]}),
            json!({"userName": "ada@example.com", "active": false}),
        ] {
            assert_eq!(Asked::of("update_user", Some("adm_1"), None, &body).operation, "disable_account", "{body}");
        }
        let renamed = json!({"Operations": [{"op": "replace", "path": "displayName", "value": "Ada"}]});
        assert_eq!(Asked::of("update_user", Some("adm_1"), None, &renamed).operation, "update_user");
    }

    #[test]
    fn a_new_account_is_named_by_its_address() {
        for body in [
            json!({"userName": "ada@example.com", "active": true}),
            json!({"emails": [{"value": "ada@example.com"}]}),
            json!({"email": "ada@example.com"}),
        ] {
            let asked = Asked::of("create_user", None, None, &body);
            let found = (asked.operation, asked.user_name.as_deref());
            assert_eq!(found, ("create_user", Some("ada@example.com")), "{body}");
        }
    }

    #[test]
    fn access_is_named_in_the_body_where_the_path_does_not() {
        let body = json!({"account_id": "adm_1", "entitlement_id": "team_1"});
        assert_eq!(Asked::of("add_access", None, None, &body), access("add_access"));
        assert_eq!(Asked::of("remove_access", Some("adm_1"), Some("team_1"), &json!(null)), access("remove_access"));
    }

    proptest! {
        #[test]
        fn no_body_is_too_strange(text in ".{0,200}", operation in prop::sample::select(vec!["update_group", "update_user", "create_user", "add_access"])) {
            let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
            let _ = Asked::of(operation, Some("x"), None, &json!({"Operations": [body.clone(), {"op": "add", "value": body}]}));
        }
    }
}
