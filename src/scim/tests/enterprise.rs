//! The enterprise extension, with values of a roster.

use std::sync::Arc;

use super::*;
use crate::directory::{CatalogueForm, Enterprise, EnterpriseFacts, Enterprises, Manager};
use crate::scim::Forms;

const URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const CHANGED: OffsetDateTime = datetime!(2026-04-01 12:00 UTC);

fn facts(number: &str, department: &str, manager: Option<(Option<&str>, &str)>) -> EnterpriseFacts {
    let manager = manager.map(|(account, name)| Manager {
        account: account.map(UserId::new),
        name: Some(name.into()),
    });
    EnterpriseFacts {
        employee_number: Some(number.into()),
        department: Some(department.into()),
        manager,
    }
}

/// Ada's manager is Bo; Bo's manager has no account; Eve had values and has none any more.
fn roster() -> Enterprises {
    [
        ("1", facts("007", "Care", Some((Some("2"), "Bo Boss")))),
        ("2", facts("010", "Sales", Some((None, "Olga Owner")))),
        // An account that is not among the users.
        ("3", facts("011", "Care", Some((Some("999"), "Gone")))),
        ("5", EnterpriseFacts::default()),
    ]
    .into_iter()
    .map(|(id, facts)| {
        let enterprise = Enterprise { facts, changed_at: CHANGED };
        (UserId::new(id), Arc::new(enterprise))
    })
    .collect()
}

fn with_roster(enterprises: &Enterprises, previous: Option<&ServedSnapshot>) -> ServedSnapshot {
    let base_url = "https://bridge.example/scim/v2";
    let directory = directory(snapshot(1));
    let names = Names::default();
    let forms = Forms::default();
    ServedSnapshot::with_enterprise(directory, base_url, names, forms, enterprises, previous)
}

fn user(served: &ServedSnapshot, id: &str) -> Value {
    serde_json::from_slice(&served.response(served.by_id(&format!("adm_{id}")).unwrap())).unwrap()
}

fn asked(parameters: &[(&str, &str)]) -> Value {
    let served = with_roster(&roster(), None);
    json(&ask_of(&served, resource_types::users(true), parameters, "test").unwrap())
}

#[test]
fn only_users_with_values_have_the_extension() {
    let served = with_roster(&roster(), None);
    let ada = user(&served, "1");
    assert_eq!(ada["schemas"][1], URN);
    assert_eq!(
        ada[URN],
        serde_json::json!({
            "employeeNumber": "007",
            "department": "Care",
            "manager": {
                "value": "adm_2",
                "$ref": "https://bridge.example/scim/v2/Users/adm_2",
                "displayName": "Bo Boss",
            },
        })
    );
    // RFC 7643 §4.3: `manager.value` is the id of a User, so it is absent where there is none.
    let manager = |id| user(&served, id)[URN]["manager"].clone();
    assert_eq!(manager("2"), serde_json::json!({"displayName": "Olga Owner"}));
    assert_eq!(manager("3"), serde_json::json!({"displayName": "Gone"}));
    for without in ["4", "5"] {
        let user = user(&served, without);
        assert!(!user.to_string().contains(URN), "{user}");
        assert_eq!(user["schemas"].as_array().unwrap().len(), 2);
    }
    assert!(
        !served
            .all(USER)
            .any(|user| { String::from_utf8_lossy(&served.response(user)).contains("externalId") })
    );
}

#[test]
fn filters_sorting_and_projection_know_the_extension_only_while_it_is_on() {
    let filter = format!("{URN}:department eq \"care\"");
    assert_eq!(ids(&asked(&[("filter", &filter)])), ["1", "3"]);
    let filter = format!("{URN}:manager.value eq \"adm_2\"");
    assert_eq!(ids(&asked(&[("filter", &filter)])), ["1"]);
    let filter = format!("{URN}:employeeNumber pr");
    assert_eq!(ids(&asked(&[("filter", &filter)])), ["1", "2", "3"]);
    let filter = format!("schemas eq \"{URN}\"");
    assert_eq!(ids(&asked(&[("filter", &filter)])), ["1", "2", "3"]);
    let by = format!("{URN}:department");
    let sorted = ids(&asked(&[("sortBy", &by), ("sortOrder", "descending")]));
    let places: Vec<usize> =
        ["2", "1"].iter().map(|id| sorted.iter().position(|one| one == id).unwrap()).collect();
    assert!(places[0] < places[1], "{sorted:?}");
    let only = asked(&[("attributes", URN), ("count", "1")]);
    let only = only["Resources"][0].as_object().unwrap().clone();
    assert_eq!(only.keys().map(String::as_str).collect::<Vec<_>>(), ["id", "schemas", URN]);

    // Without the extension, these are not attributes.
    let filter = format!("{URN}:department eq \"care\"");
    assert!(ask(&[USER], &[("filter", &filter)]).is_err());
    let documents = |on| {
        let discovery = Discovery::new("https://bridge.example", RULES, CatalogueForm::Off, on);
        (discovery.schemas().to_string(), discovery.resource_types().to_string())
    };
    let (schemas, types) = documents(false);
    assert!(!schemas.contains(URN) && !types.contains(URN));
    let (schemas, types) = documents(true);
    assert!(schemas.contains("employeeNumber"));
    assert!(types.contains(&format!("{{\"required\":false,\"schema\":\"{URN}\"}}")), "{types}");
}

#[test]
fn a_change_in_the_roster_changes_the_users_that_it_concerns_and_no_others() {
    let first = with_roster(&roster(), None);
    let mut later = roster();
    let moved = Enterprise {
        facts: facts("007", "Billing", None),
        changed_at: CHANGED + time::Duration::DAY,
    };
    later.insert(UserId::new("1"), Arc::new(moved));
    let second = with_roster(&later, Some(&first));
    let meta = |served: &ServedSnapshot, id: &str| user(served, id)["meta"].clone();
    assert_eq!(meta(&first, "1")["lastModified"], "2026-04-01T12:00:00.000Z");
    assert_eq!(meta(&second, "1")["lastModified"], "2026-04-02T12:00:00.000Z");
    assert_ne!(meta(&first, "1")["version"], meta(&second, "1")["version"]);
    for same in ["2", "3", "4", "5", "12"] {
        assert_eq!(meta(&first, same), meta(&second, same), "{same}");
    }
    // Eve's values went away, and that is a change too.
    assert_eq!(meta(&first, "5")["lastModified"], "2026-04-01T12:00:00.000Z");
    // Without the extension, the roster changes nothing.
    assert_eq!(meta(&served(), "1")["lastModified"], "2026-03-01T12:00:00.000Z");
    // A snapshot that was built step by step equals one that was built at once.
    let at_once = with_roster(&later, None);
    for resource in second.all(USER) {
        let other = at_once.by_id(&resource.id()).unwrap();
        assert_eq!(second.response(resource), at_once.response(other));
    }
}
