//! The catalogue over SCIM: roles, seats and permissions, in each form and below both base URLs.

use std::collections::{BTreeMap, BTreeSet};

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::config::Config;
use intercom_scim_bridge::directory::CatalogueForm;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::Role;

use crate::support::bridge::{Answer, Bridge, dozen, start_import, token};
use crate::support::waiting::until;

const OKTA_ROLE: &str = "urn:okta:scim:schemas:core:1.0:Role";
const OKTA_ENTITLEMENT: &str = "urn:okta:scim:schemas:core:1.0:Entitlement";

async fn serving(change: impl FnOnce(&mut Config)) -> Bridge {
    let bridge = Bridge::starting_with(dozen(), change).await;
    bridge.shows(1).await;
    bridge
}

async fn okta() -> Bridge {
    serving(|config| config.scim.roles_and_entitlements = CatalogueForm::Okta).await
}

/// All resources of a list, page by page. The numbers of each page must be integers.
async fn all(bridge: &Bridge, path: &str) -> Vec<Value> {
    let mut resources: Vec<Value> = Vec::new();
    loop {
        let page = bridge.get(&format!("{path}?count=5&startIndex={}", resources.len() + 1)).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        let page = page.json();
        let number = |name: &str| {
            page[name].as_u64().unwrap_or_else(|| panic!("{path}: {name} is no integer: {page}"))
        };
        assert_eq!(number("startIndex"), resources.len() as u64 + 1);
        let shown = page["Resources"].as_array().unwrap_or_else(|| panic!("{path}: no Resources"));
        assert_eq!(number("itemsPerPage"), shown.len() as u64);
        resources.extend(shown.iter().cloned());
        if shown.is_empty() || resources.len() as u64 == number("totalResults") {
            assert_eq!(resources.len() as u64, number("totalResults"));
            return resources;
        }
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}"))
}

/// Reads as Okta does: the resource types, each list of roles and entitlements, then the users.
/// Each value that a user carries must be in the list of its type, under the same name.
///
/// `base` is the base URL in locations: a path that names the default workspace shows the same as
/// one that names none.
async fn assert_okta_form(bridge: &Bridge, root: &str, base: &str) {
    let types = bridge.get(&format!("{root}/ResourceTypes")).await.json();
    let types = types["Resources"].as_array().unwrap().clone();
    let names: Vec<&str> = types.iter().map(|kind| text(kind, "name")).collect();
    assert_eq!(names, ["User", "Group", "Role", "seat", "permission"]);
    let schemas = bridge.get(&format!("{root}/Schemas")).await.json();
    let schemas: Vec<&str> =
        schemas["Resources"].as_array().unwrap().iter().map(|schema| text(schema, "id")).collect();
    assert_eq!(schemas.iter().collect::<BTreeSet<_>>().len(), schemas.len(), "{schemas:?}");
    let mut lists: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for kind in &types {
        assert_eq!(kind["id"], kind["name"]);
        let location = format!("{}/ResourceTypes/{}", bridge.url(base), text(kind, "name"));
        assert_eq!(kind["meta"]["location"], json!(location));
        let schema = text(kind, "schema");
        assert!(schemas.contains(&schema), "{schema} is not in /Schemas");
        if ![OKTA_ROLE, OKTA_ENTITLEMENT].contains(&schema) {
            continue;
        }
        let endpoint = format!("{root}{}", text(kind, "endpoint"));
        let resources = all(bridge, &endpoint).await;
        let mut by_id = BTreeMap::new();
        for resource in resources {
            assert_eq!(resource["schemas"], json!([schema]));
            assert!(!text(&resource, "displayName").is_empty());
            if schema == OKTA_ENTITLEMENT {
                assert_eq!(resource["type"], kind["name"]);
            }
            let id = text(&resource, "id").to_owned();
            assert_eq!(resource["meta"]["resourceType"], kind["name"]);
            let location = format!("{}{}/{id}", bridge.url(base), text(kind, "endpoint"));
            assert_eq!(resource["meta"]["location"], json!(location));
            let one = bridge.get(&format!("{endpoint}/{id}")).await;
            assert_eq!((one.status.as_u16(), one.json()), (200, resource.clone()));
            assert!(by_id.insert(id, resource).is_none(), "an id comes twice");
        }
        lists.insert(text(kind, "name").to_owned(), by_id);
    }
    let (mut roles, mut entitlements) = (0, 0);
    for user in all(bridge, &format!("{root}/Users")).await {
        assert!(text(&user["meta"], "location").starts_with(&bridge.url(base)));
        for role in user["roles"].as_array().into_iter().flatten() {
            roles += 1;
            assert_eq!(role["display"], lists["Role"][text(role, "value")]["displayName"]);
        }
        for entitlement in user["entitlements"].as_array().into_iter().flatten() {
            entitlements += 1;
            let listed = &lists[text(entitlement, "type")][text(entitlement, "value")];
            assert_eq!(entitlement["display"], listed["displayName"]);
        }
    }
    assert!(roles > 3 && entitlements > 3, "{roles} {entitlements}");
    let both = all(bridge, &format!("{root}/Entitlements")).await;
    assert_eq!(both.len(), lists["seat"].len() + lists["permission"].len());
}

#[tokio::test]
async fn what_users_carry_is_listed_in_oktas_form_below_both_base_urls() {
    let bridge = serving(|config| {
        config.scim.roles_and_entitlements = CatalogueForm::Okta;
        config.scim.okta_path = true;
    })
    .await;
    assert_okta_form(&bridge, "/scim/v2", "/scim/v2").await;
    assert_okta_form(&bridge, "/scim/okta/v2", "/scim/okta/v2").await;
    assert_okta_form(&bridge, "/workspaces/default/scim/okta/v2", "/scim/okta/v2").await;
    bridge.stop().await;
}

/// Imports everything, and waits until the result is served.
async fn import(bridge: &Bridge) {
    let run = start_import(bridge, r#"{"mode":"full"}"#, "wait=30").await.json();
    assert_eq!(run["status"], "succeeded", "{run}");
}

#[tokio::test]
async fn what_users_carry_stays_in_its_list_when_roles_are_renamed_and_people_leave() {
    let bridge = serving(|config| {
        config.scim.roles_and_entitlements = CatalogueForm::Okta;
        config.scim.okta_path = true;
    })
    .await;
    let role_names = async || -> Vec<String> {
        let roles = all(&bridge, "/scim/okta/v2/Roles").await;
        roles.iter().map(|role| text(role, "displayName").to_owned()).collect()
    };
    let before = all(&bridge, "/scim/okta/v2/Users").await;
    // A role is renamed, and one that only a leaver had is in no list any more.
    let renamed = bridge.simulator.change(|workspace| {
        let roles: Vec<(u64, Role)> =
            workspace.admins().filter_map(|(id, admin)| Some((id, admin.role.clone()?))).collect();
        let leaver = roles.last().unwrap().0;
        let old = &roles[0].1;
        let new = Role::new(&old.id, "Renamed role");
        for (id, _) in roles.iter().filter(|(_, role)| role.id == old.id) {
            workspace.admin_mut(*id).unwrap().role = Some(new.clone());
        }
        workspace.list_role(&new, None);
        workspace.admin_mut(leaver).unwrap().role = Some(Role::new("77", "Only one had it"));
        (old.id.clone(), leaver)
    });
    import(&bridge).await;
    assert_okta_form(&bridge, "/scim/v2", "/scim/v2").await;
    assert_okta_form(&bridge, "/scim/okta/v2", "/scim/okta/v2").await;
    let names = role_names().await;
    assert!(names.contains(&"Renamed role".to_owned()), "{names:?}");
    assert!(names.contains(&"Only one had it".to_owned()), "{names:?}");
    let versions = |users: &[Value]| -> BTreeMap<String, Value> {
        let version = |user: &Value| (text(user, "id").to_owned(), user["meta"]["version"].clone());
        users.iter().map(version).collect()
    };
    let after = all(&bridge, "/scim/okta/v2/Users").await;
    let (old, new) = (versions(&before), versions(&after));
    for user in &after {
        let role = user["roles"][0]["value"].as_str();
        let is_changed = role.is_some_and(|role| role == renamed.0 || role == "77");
        let id = text(user, "id");
        assert_eq!(old[id] != new[id], is_changed, "{user}");
    }

    let now = bridge.app.service().clock.now().unix_timestamp();
    bridge.simulator.change(|workspace| workspace.remove_admin(renamed.1, renamed.1, now));
    import(&bridge).await;
    assert_okta_form(&bridge, "/scim/okta/v2", "/scim/okta/v2").await;
    assert!(!role_names().await.contains(&"Only one had it".to_owned()));
    bridge.stop().await;
}

#[tokio::test]
async fn a_permission_that_the_log_names_is_listed_though_nobody_changes() {
    let bridge = okta().await;
    import(&bridge).await;
    let ids = async || -> Vec<String> {
        let listed = all(&bridge, "/scim/v2/Permissions").await;
        listed.iter().map(|item| text(item, "id").to_owned()).collect()
    };
    let before = ids().await;
    let keys = ["a+b/c%d", "inbox_seat", "new_permission"];
    let now = bridge.app.service().clock.now().unix_timestamp();
    bridge.simulator.change(|workspace| {
        let map = json!({"permissions": {keys[0]: false, keys[1]: false, keys[2]: false}});
        let by = workspace.admins().next().unwrap().0;
        // It is about an account that is in no list.
        let change = json!({"admin": {"id": 1}, "before": map, "after": map});
        workspace.note(now, "admin_permission_change", by, change);
    });
    let run = start_import(&bridge, r#"{"mode":"incremental"}"#, "wait=30").await.json();
    assert_eq!((&run["status"], &run["generation"]), (&json!("succeeded"), &Value::Null), "{run}");
    until("the new permissions are listed", async || {
        ids().await.len() == before.len() + keys.len()
    })
    .await;
    for item in all(&bridge, "/scim/v2/Permissions").await {
        let location = text(&item["meta"], "location").to_owned();
        let found = bridge.get(location.strip_prefix(&bridge.url("")).unwrap()).await;
        assert_eq!((found.status.as_u16(), found.json()), (200, item));
    }
    bridge.stop().await;
}

#[tokio::test]
async fn both_base_urls_serve_the_same_bytes_but_for_their_urls() {
    let bridge = serving(|config| {
        config.scim.roles_and_entitlements = CatalogueForm::Okta;
        config.scim.okta_path = true;
    })
    .await;
    for path in ["Users?count=100", "Groups?count=100", "Roles", "Seats", "Permissions", ""] {
        let main = bridge.get(&format!("/scim/v2/{path}").replace("v2/?", "v2?")).await;
        let second = bridge.get(&format!("/scim/okta/v2/{path}")).await;
        assert_eq!((main.status.as_u16(), second.status.as_u16()), (200, 200), "{path}");
        assert_eq!(second.text.replace("/scim/okta/v2", "/scim/v2"), main.text, "{path}");
    }
    bridge.stop().await;
}

/// A strict client reads only the first two resource types, and refuses members that it does not
/// know. It must see the same in each form.
#[tokio::test]
async fn a_client_that_takes_the_first_two_resource_types_reads_the_same_in_each_form() {
    let plain = serving(|_| {}).await;
    let users = all(&plain, "/scim/v2/Users").await;
    for form in [CatalogueForm::Okta, CatalogueForm::Draft] {
        let bridge = serving(|config| {
            config.scim.roles_and_entitlements = form;
            config.scim.okta_path = true;
        })
        .await;
        for root in ["/scim/v2", "/scim/okta/v2"] {
            let types = bridge.get(&format!("{root}/ResourceTypes")).await.json();
            let plain_types = plain.get("/scim/v2/ResourceTypes").await.json();
            for place in 0..2 {
                let kind = &types["Resources"][place];
                let plain_kind = &plain_types["Resources"][place];
                for member in ["id", "name", "endpoint", "schema", "schemaExtensions"] {
                    assert_eq!(kind[member], plain_kind[member]);
                }
                let schema = text(kind, "schema");
                let found = bridge.get(&format!("{root}/Schemas/{schema}")).await.json();
                let expected = plain.get(&format!("/scim/v2/Schemas/{schema}")).await.json();
                assert_eq!(found["attributes"], expected["attributes"]);
            }
            let found = all(&bridge, &format!("{root}/Users")).await;
            let of = |users: &[Value]| -> Vec<(Value, Value, Value)> {
                let values = |user: &Value| {
                    (user["id"].clone(), user["roles"].clone(), user["entitlements"].clone())
                };
                users.iter().map(values).collect()
            };
            assert_eq!(of(&found), of(&users));
        }
        bridge.stop().await;
    }
    plain.stop().await;
}

#[tokio::test]
async fn the_form_of_the_draft_and_oktas_are_served_side_by_side() {
    let bridge = serving(|config| {
        config.scim.roles_and_entitlements = CatalogueForm::Draft;
        config.scim.okta_path = true;
    })
    .await;
    assert_okta_form(&bridge, "/scim/okta/v2", "/scim/okta/v2").await;
    let of_draft = all(&bridge, "/scim/v2/Entitlements").await;
    let of_okta = all(&bridge, "/scim/okta/v2/Entitlements").await;
    assert_eq!(of_draft.len(), of_okta.len());
    for (draft, okta) in of_draft.iter().zip(&of_okta) {
        assert_eq!((&draft["value"], &draft["display"]), (&okta["id"], &okta["displayName"]));
        assert_eq!(draft["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:Entitlement"]));
    }
    bridge.stop().await;
}

#[tokio::test]
async fn without_the_setting_nothing_of_it_exists() {
    let bridge = serving(|_| {}).await;
    for path in ["Roles", "Roles/1", "Entitlements", "Seats", "Seats/inbox_seat", "Permissions"] {
        for root in ["/scim/v2", "/scim/okta/v2", "/workspaces/default/scim/v2"] {
            let path = format!("{root}/{path}");
            for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS]
            {
                let answer = bridge.ask(method.clone(), &path).await;
                assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
                assert_eq!(answer.header("content-type"), "application/scim+json");
            }
        }
    }
    assert_eq!(bridge.get("/scim/okta/v2/Users").await.status, 404);
    let types = bridge.get("/scim/v2/ResourceTypes").await.json();
    assert_eq!(types["totalResults"], 2);
    assert!(!bridge.get("/scim/v2/Schemas").await.text.contains(":Role"));
    let config = bridge.get("/scim/v2/ServiceProviderConfig").await.json();
    assert_eq!(config.get("RolesAndEntitlements"), None);
    assert_eq!(bridge.get("/scim/v2").await.json()["totalResults"], 15);
    bridge.stop().await;
}

/// A strict client that refuses unknown resource types, and Okta, on one bridge.
#[tokio::test]
async fn the_second_base_url_leaves_the_first_one_as_it_was() {
    let plain = serving(|_| {}).await;
    let bridge = serving(|config| config.scim.okta_path = true).await;
    for path in ["ResourceTypes", "Schemas", "ServiceProviderConfig"] {
        let without = plain.get(&format!("/scim/v2/{path}")).await.text;
        let with = bridge.get(&format!("/scim/v2/{path}")).await.text;
        assert_eq!(without.replace(&plain.url(""), ""), with.replace(&bridge.url(""), ""));
    }
    assert_eq!(bridge.get("/scim/v2/Roles").await.status, 404);
    assert_okta_form(&bridge, "/scim/okta/v2", "/scim/okta/v2").await;
    // The version of a user does not depend on the base URL.
    let user = bridge.get("/scim/v2/Users?count=1").await.json()["Resources"][0].clone();
    let id = text(&user, "id");
    let there = bridge.get(&format!("/scim/okta/v2/Users/{id}")).await;
    assert_eq!(there.json()["meta"]["version"], user["meta"]["version"]);
    let filter = format!("userName%20eq%20%22{}%22", text(&user, "userName"));
    let found = bridge.get(&format!("/scim/okta/v2/Users?filter={filter}")).await.json();
    assert_eq!(found["Resources"][0]["id"], user["id"]);
    plain.stop().await;
    bridge.stop().await;
}

#[tokio::test]
async fn the_form_of_the_draft_has_its_urns_its_values_and_its_member_of_the_configuration() {
    let bridge = serving(|config| config.scim.roles_and_entitlements = CatalogueForm::Draft).await;
    let types = bridge.get("/scim/v2/ResourceTypes").await.json();
    let types: Vec<(&str, &str, &str)> = types["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| (text(kind, "name"), text(kind, "endpoint"), text(kind, "schema")))
        .collect();
    assert_eq!(
        types[2..],
        [
            ("Role", "/Roles", "urn:ietf:params:scim:schemas:core:2.0:Role"),
            ("Entitlement", "/Entitlements", "urn:ietf:params:scim:schemas:core:2.0:Entitlement"),
        ]
    );
    let config = bridge.get("/scim/v2/ServiceProviderConfig").await.json();
    assert_eq!(config["RolesAndEntitlements"]["roles"]["multipleRolesSupported"], false);
    assert_eq!(
        config["RolesAndEntitlements"]["entitlements"]["types"],
        json!(["seat", "permission"])
    );
    let schemas = bridge.get("/scim/v2/Schemas").await.json();
    let schemas = schemas["Resources"].as_array().unwrap();
    let of_config =
        schemas.iter().find(|schema| text(schema, "name") == "Service Provider Configuration");
    assert!(of_config.unwrap().to_string().contains("multipleEntitlementsSupported"));
    let roles = all(&bridge, "/scim/v2/Roles").await;
    let entitlements = all(&bridge, "/scim/v2/Entitlements").await;
    for item in roles.iter().chain(&entitlements) {
        assert_eq!(item["id"], item["value"]);
        assert!(!text(item, "display").is_empty() && item["supported"] == true, "{item}");
    }
    assert_eq!(entitlements[0]["value"], "inbox_seat");
    let values = |list: &[Value]| -> BTreeSet<String> {
        list.iter().map(|item| text(item, "value").to_owned()).collect()
    };
    for user in all(&bridge, "/scim/v2/Users").await {
        for (member, listed) in [("roles", &roles), ("entitlements", &entitlements)] {
            let carried = user[member].as_array().cloned().unwrap_or_default();
            assert!(values(&carried).is_subset(&values(listed)), "{user}");
        }
    }
    for path in ["Seats", "Permissions", "Seats/inbox_seat"] {
        assert_eq!(bridge.get(&format!("/scim/v2/{path}")).await.status, 404, "{path}");
    }
    bridge.stop().await;
}

/// Walks through the entitlements by cursor, one a page. Returns their number.
async fn walked(bridge: &Bridge) -> u64 {
    let mut seen = 0;
    let mut path = "/scim/v2/Entitlements?count=1&cursor=".to_owned();
    loop {
        let page = bridge.get(&path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        seen += page.json()["Resources"].as_array().unwrap().len() as u64;
        let Some(next) = page.json()["nextCursor"].as_str().map(str::to_owned) else {
            return seen;
        };
        assert!(page.header("link").contains("/scim/v2/Entitlements?"), "{}", page.header("link"));
        path = format!("/scim/v2/Entitlements?count=1&cursor={next}");
    }
}

#[tokio::test]
async fn lists_are_filtered_sorted_projected_paged_and_searched_like_users() {
    let bridge = okta().await;
    let count = async |path: &str| -> u64 {
        let answer = bridge.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()["totalResults"].as_u64().unwrap()
    };
    let roles = all(&bridge, "/scim/v2/Roles").await;
    let (id, name) = (text(&roles[0], "id"), text(&roles[0], "displayName"));
    let name = name.replace(' ', "%20");
    for filter in [
        format!("id%20eq%20%22{id}%22"),
        format!("displayName%20eq%20%22{}%22", name.to_uppercase()),
        format!("{OKTA_ROLE}:displayName%20eq%20%22{name}%22"),
    ] {
        assert_eq!(count(&format!("/scim/v2/Roles?filter={filter}")).await, 1, "{filter}");
    }
    assert_eq!(count("/scim/v2/Entitlements?filter=type%20eq%20%22seat%22").await, 1);
    assert_eq!(count("/scim/v2/Seats?filter=id%20eq%20%22inbox_seat%22").await, 1);
    assert_eq!(bridge.get("/scim/v2/Roles?filter=userName%20pr").await.status, 400);
    assert_eq!(
        count("/scim/v2").await,
        15 + roles.len() as u64 + count("/scim/v2/Entitlements").await
    );

    let sorted = bridge.get("/scim/v2/Roles?sortBy=displayName&sortOrder=descending").await.json();
    let names: Vec<&str> = sorted["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| text(role, "displayName"))
        .collect();
    assert!(names.len() > 1 && names.is_sorted_by(|a, b| a >= b), "{names:?}");

    let only = bridge.get(&format!("/scim/v2/Roles/{id}?attributes=displayName")).await.json();
    let members: BTreeSet<&str> = only.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, BTreeSet::from(["schemas", "id", "displayName"]));

    assert_eq!(walked(&bridge).await, count("/scim/v2/Entitlements").await);

    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": format!("id eq \"{id}\""),
    });
    let request = bridge
        .request(Method::POST, "/scim/v2/Roles/.search")
        .bearer_auth(&bridge.token)
        .header("Content-Type", "application/scim+json")
        .body(search.to_string());
    assert_eq!(Bridge::send(request).await.json()["Resources"][0]["id"], json!(id));

    let one = bridge.get(&format!("/scim/v2/Roles/{id}")).await;
    let again = bridge
        .request(Method::GET, &format!("/scim/v2/Roles/{id}"))
        .bearer_auth(&bridge.token)
        .header("If-None-Match", one.header("etag"));
    assert_eq!(Bridge::send(again).await.status, 304);
    bridge.stop().await;
}

#[tokio::test]
async fn writes_are_refused_with_the_place_where_roles_are_made() {
    let bridge = okta().await;
    for (method, path) in [
        (Method::POST, "/scim/v2/Roles"),
        (Method::PUT, "/scim/v2/Roles/1"),
        (Method::PATCH, "/scim/v2/Seats/inbox_seat"),
        (Method::DELETE, "/scim/v2/Permissions/export_data"),
        (Method::POST, "/scim/v2/Entitlements"),
    ] {
        let answer: Answer = bridge.ask(method.clone(), path).await;
        assert_eq!(answer.status, 501, "{method} {path}: {}", answer.text);
        assert!(answer.text.contains("Teammates > Roles"), "{}", answer.text);
        let reader = token(&bridge.app, &[Scope::ScimRead]);
        let request = bridge.request(method.clone(), path).bearer_auth(reader);
        assert_eq!(Bridge::send(request).await.status, 403, "{method} {path}");
    }
    bridge.stop().await;
}
