//! Users and groups as clients see them.

mod responses;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Admin, Priority, Role, Workspace};

use crate::support::bridge::{Bridge, dozen};
use crate::support::hand::TOKEN;

/// A workspace of Ada with all attributes, Bo with only an address, and two teams, one of them
/// empty.
fn workspace() -> Workspace {
    let mut workspace = Workspace::new(TOKEN);
    let ada = workspace.join(
        Admin {
            name: "Maria del Carmen Lopez Garcia".to_owned(),
            email: "Ada@Example.com".to_owned(),
            job_title: Some("Team Lead".to_owned()),
            away: true,
            has_inbox_seat: true,
            role: Some(Role { id: "3".to_owned(), name: "Support Lead".to_owned() }),
            avatar_url: Some("https://static.intercomassets.com/avatars/1/picture.jpg".to_owned()),
            ..Admin::default()
        },
        1_772_000_000,
    );
    workspace.set_permissions(ada, ada, &["manage_teammates"], 1_772_000_100);
    workspace.set_two_factor(ada, true, 1_772_000_200);
    workspace.sign_in(ada, "saml", 1_772_000_300);
    let bo = workspace.add_admin(Admin {
        name: "Bo".to_owned(),
        email: "bo@example.com".to_owned(),
        ..Admin::default()
    });
    let support = workspace.add_team("Support", &[ada, bo]);
    let team = workspace.team_mut(support).unwrap();
    team.members.insert(ada, Some(Priority::Primary));
    team.members.insert(bo, Some(Priority::Secondary));
    team.distribution_method = Some("load_balanced".to_owned());
    team.assignment_limit = Some(10);
    workspace.add_team("Nobody's", &[]);
    workspace
}

/// Replaces values of a resource that differ between runs.
fn steady(mut value: Value, bridge: &Bridge) -> Value {
    fn walk(value: &mut Value, root: &str) {
        match value {
            Value::String(text) => *text = text.replace(root, "http://bridge"),
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, root)),
            Value::Object(members) => {
                for (name, member) in members {
                    if matches!(name.as_str(), "lastModified" | "version") {
                        *member = json!(format!("[{name}]"));
                    }
                    walk(member, root);
                }
            }
            _ => {}
        }
    }
    walk(&mut value, &bridge.url(""));
    value
}

async fn ids(bridge: &Bridge, path: &str) -> Vec<String> {
    let answer = bridge.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_teammate_is_a_user_with_all_values_of_intercom() {
    let bridge = Bridge::serving(workspace()).await;
    let all = ids(&bridge, "/scim/v2/Users").await;
    let mut ada = steady(bridge.get(&format!("/scim/v2/Users/{}", all[0])).await.json(), &bridge);
    insta::assert_json_snapshot!("user_with_everything", ada);
    assert_eq!(ada["meta"]["created"].take(), json!("2026-02-25T06:13:20.000Z"), "when she joined");

    let mut bo = steady(bridge.get(&format!("/scim/v2/Users/{}", all[1])).await.json(), &bridge);
    bo["meta"]["created"] = json!("[created]");
    insta::assert_json_snapshot!("user_with_nothing", bo);
    bridge.stop().await;
}

#[tokio::test]
async fn a_team_is_a_group_with_its_members() {
    let bridge = Bridge::serving(workspace()).await;
    let mut groups = steady(bridge.get("/scim/v2/Groups").await.json(), &bridge);
    groups["Resources"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(|group| group["meta"]["created"] = json!("[created]"));
    insta::assert_json_snapshot!("groups", groups);
    bridge.stop().await;
}

#[tokio::test]
async fn attributes_that_are_returned_on_request_are_in_the_response_if_requested() {
    let bridge = Bridge::serving(workspace()).await;
    let asked = "photos,urn:ietf:params:scim:schemas:extension:intercom:2.0:User:lastSignInMethod,NAME.familyname,nickName";
    let ada =
        bridge.get(&format!("/scim/v2/Users?count=1&attributes={asked}")).await.json()["Resources"]
            [0]
        .clone();
    let id = ada["id"].clone();
    assert_eq!(
        ada,
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:intercom:2.0:User"],
            "id": id,
            "name": {"familyName": "del Carmen Lopez Garcia"},
            "photos": [{"value": "https://static.intercomassets.com/avatars/1/picture.jpg", "type": "photo"}],
            "urn:ietf:params:scim:schemas:extension:intercom:2.0:User": {"lastSignInMethod": "saml"},
        }),
    );
    let group = bridge
        .get("/scim/v2/Groups?excludedAttributes=members,id,meta.version&count=1")
        .await
        .json();
    let group = &group["Resources"][0];
    assert!(group.get("members").is_none() && group["meta"].get("version").is_none());
    assert!(group["id"].is_string(), "id is always returned");
    let both = bridge.get("/scim/v2/Users?attributes=userName&excludedAttributes=emails").await;
    assert_eq!((both.status.as_u16(), &both.json()["scimType"]), (400, &json!("invalidValue")));
    bridge.stop().await;
}

#[tokio::test]
async fn a_teammate_is_found_by_user_name_in_any_case() {
    let bridge = Bridge::serving(workspace()).await;
    let all = ids(&bridge, "/scim/v2/Users").await;
    for filter in [
        "userName%20eq%20%22ada@example.com%22",
        "userName+eq+%22ADA@EXAMPLE.COM%22",
        "USERNAME%20Eq%20%22ada@example.com%22",
        "emails%5Btype+eq+%22work%22%5D.value+eq+%22ada@example.com%22",
        "urn:ietf:params:scim:schemas:core:2.0:User:userName+eq+%22ada@example.com%22",
        "title+pr+and+not+(userType+eq+%22Bot%22)",
        "roles.display+sw+%22support%22",
        "active+eq+true+and+meta.lastModified+gt+%220001-01-03T00:00:00.0000000Z%22+and+name.givenName+eq+%22maria%22",
    ] {
        assert_eq!(
            ids(&bridge, &format!("/scim/v2/Users?filter={filter}")).await,
            all[..1],
            "{filter}"
        );
    }
    assert_eq!(ids(&bridge, "/scim/v2/Users?filter=").await, all, "an empty filter is none");
    for nobody in ["userName+eq+%22nobody%22", "externalId+eq+%22x%22", "id+eq+%22ADM_1%22"] {
        let answer = bridge.get(&format!("/scim/v2/Users?filter={nobody}")).await.json();
        assert_eq!(
            (&answer["totalResults"], &answer["Resources"]),
            (&json!(0), &json!([])),
            "{nobody}"
        );
    }
    bridge.stop().await;
}

#[tokio::test]
async fn pages_count_from_one_and_together_are_the_whole() {
    let bridge = Bridge::serving(dozen()).await;
    let whole = ids(&bridge, "/scim/v2/Users").await;
    assert_eq!(whole.len(), 12);
    let mut pages = Vec::new();
    for start in [1, 6, 11] {
        pages.extend(ids(&bridge, &format!("/scim/v2/Users?startIndex={start}&count=5")).await);
    }
    assert_eq!(pages, whole);
    for (query, start, items) in [
        ("startIndex=0&count=2", 1, 2),
        ("startIndex=-3&count=2", 1, 2),
        ("startindex=12&count=5", 12, 1),
        ("startIndex=13&count=5", 13, 0),
        ("startIndex=99999999999", 99_999_999_999_u64, 0),
        ("count=0", 1, 0),
        ("count=-1", 1, 0),
        ("count=100000", 1, 12),
        ("aadOptscim062020", 1, 12),
    ] {
        let page = bridge.get(&format!("/scim/v2/Users?{query}")).await.json();
        assert_eq!(
            (
                &page["totalResults"],
                &page["startIndex"],
                &page["itemsPerPage"],
                page["Resources"].as_array().map(Vec::len)
            ),
            (&json!(12), &json!(start), &json!(items), Some(items)),
            "{query}"
        );
    }
    let one = ids(&bridge, "/scim/v2/Users?count=1").await.remove(0);
    let single =
        bridge.get(&format!("/scim/v2/Users/{one}?count=many&filter=bad&attributes=id")).await;
    assert_eq!(single.status, 200, "they mean nothing for one resource");
    assert_eq!(
        bridge.get("/scim/v2/Users?count=99999999999999999999").await.json()["itemsPerPage"],
        json!(12)
    );
    let wrong = bridge.get("/scim/v2/Users?count=many").await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["scimType"]), (400, &json!("invalidValue")));
    bridge.stop().await;
}

#[tokio::test]
async fn discovery_tells_the_truth_and_asks_for_no_token() {
    let bridge = Bridge::serving(workspace()).await;
    let open = async |path: &str| Bridge::send(bridge.request(Method::GET, path)).await;
    for (name, path) in [
        ("service_provider_config", "/scim/v2/ServiceProviderConfig"),
        ("resource_types", "/scim/v2/ResourceTypes"),
        ("schemas", "/scim/v2/Schemas"),
    ] {
        let answer = open(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, "application/scim+json")
        );
        insta::assert_json_snapshot!(name, steady(answer.json(), &bridge));
        assert_eq!(
            open(&format!("{path}?startIndex=2&count=1")).await.text,
            answer.text,
            "paging is ignored"
        );
        assert_eq!(open(&format!("{path}?filter=id+pr")).await.status, 403);
        for none in ["?filter=", "?filter", "?FILTER=%20", "?filter=&count="] {
            assert_eq!(
                open(&format!("{path}{none}")).await.text,
                answer.text,
                "an empty filter is none: {none}"
            );
        }
        let write = Bridge::send(bridge.request(Method::PATCH, path)).await;
        assert_eq!((write.status.as_u16(), write.header("allow")), (405, "GET, HEAD, OPTIONS"));
    }
    for (path, status) in [
        ("/scim/v2/ResourceTypes/User", 200),
        ("/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", 200),
        ("/scim/v2/Schemas/urn:ietf:params:scim:schemas:extension:intercom:2.0:Group", 200),
        ("/scim/v2/ResourceTypes/Robot", 404),
        ("/scim/v2/Schemas/urn:x", 404),
    ] {
        assert_eq!(open(path).await.status.as_u16(), status, "{path}");
    }
    bridge.stop().await;
}

/// Every member of every resource is declared in the schemas.
#[tokio::test]
async fn everything_that_is_served_is_in_the_schemas() {
    fn check(schemas: &Value, attributes: &Value, object: &Value, at: &str) {
        for (name, value) in object.as_object().unwrap() {
            if matches!(name.as_str(), "schemas" | "id" | "meta") && at.is_empty() {
                continue;
            }
            if let Some(schema) = schemas["Resources"]
                .as_array()
                .unwrap()
                .iter()
                .find(|schema| schema["id"] == json!(name))
            {
                check(schemas, &schema["attributes"], value, name);
                continue;
            }
            let known = attributes
                .as_array()
                .unwrap()
                .iter()
                .find(|attribute| attribute["name"] == json!(name));
            let attribute =
                known.unwrap_or_else(|| panic!("{at}.{name} is served and not announced"));
            let values = if attribute["multiValued"] == json!(true) {
                value.as_array().unwrap().clone()
            } else {
                vec![value.clone()]
            };
            for value in values {
                match attribute["type"].as_str().unwrap() {
                    "complex" => {
                        check(
                            schemas,
                            &attribute["subAttributes"],
                            &value,
                            &format!("{at}.{name}"),
                        );
                    }
                    "boolean" => assert!(value.is_boolean(), "{at}.{name}"),
                    "integer" => assert!(value.is_i64(), "{at}.{name}"),
                    _ => assert!(value.is_string(), "{at}.{name}"),
                }
            }
        }
    }
    let bridge = Bridge::serving(workspace()).await;
    let schemas = bridge.get("/scim/v2/Schemas").await.json();
    for (path, core) in [("/scim/v2/Users", "User"), ("/scim/v2/Groups", "Group")] {
        let core = schemas["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .find(|schema| schema["name"] == json!(core))
            .unwrap();
        for resource in bridge.get(path).await.json()["Resources"].as_array().unwrap() {
            check(&schemas, &core["attributes"], resource, "");
        }
    }
    bridge.stop().await;
}

#[tokio::test]
async fn every_error_on_a_scim_path_has_the_body_of_the_rfc() {
    let bridge = Bridge::serving(workspace()).await;
    let one = format!("/scim/v2/Users/{}", ids(&bridge, "/scim/v2/Users").await[0]);
    let long = format!("/scim/v2/Users?filter={}", "x".repeat(40_000));
    let mut seen = Vec::new();
    for (method, path) in [
        (Method::GET, "/scim/v2/Users/adm_0"),
        (Method::GET, "/scim/v2/Users/team_0"),
        (Method::GET, "/scim/v2/Nonsense"),
        (Method::GET, "/scim/v2/Users/adm_0/emails"),
        (Method::GET, "/workspaces/default/scim/v2/Users/adm_0"),
        (Method::GET, "/%73cim/v2/Users/adm_0"),
        (Method::GET, "/scim/v1/Users"),
        (Method::GET, "/workspaces/other/scim/v2/Users"),
        (Method::GET, "/scim/v2/Users?filter=userName+eq"),
        (Method::GET, "/scim/v2/Users?filter=userName+eq+true"),
        (Method::GET, "/scim/v2/Users?filter=nickName+eq+%22x%22"),
        (Method::GET, "/scim/v2/Users?filter=name+eq+%22x%22"),
        (Method::GET, "/scim/v2/Users?filter=active+gt+true"),
        (Method::GET, "/scim/v2/Users?filter=meta.created+gt+%22yesterday%22"),
        (Method::GET, "/scim/v2/Users?startIndex=one"),
        (Method::PUT, "/scim/v2/Users"),
        (Method::POST, &one),
        (Method::from_bytes(b"PURGE").unwrap(), &one),
        (Method::GET, "/scim/v2/Users?sortBy=shoeSize"),
        (Method::GET, "/scim/v2/Users?sortBy=name"),
        (Method::GET, "/scim/v2/Users?sortBy=userName&sortOrder=up"),
        (Method::GET, "/scim/v2/Users?attributes=userName&excludedAttributes=emails"),
        (Method::GET, "/scim/v2/Users?cursor=made-up"),
        (Method::GET, "/scim/v2/Users?cursor&startIndex=1"),
        (Method::GET, "/scim/v2/Me"),
        (Method::GET, "/scim/v2/Users/.search"),
        (Method::GET, "/scim/v2/Bulk"),
        (Method::POST, "/scim/v2/Bulk"),
        (Method::GET, &long),
    ] {
        let answer = bridge.ask(method.clone(), path).await;
        assert_eq!(answer.header("content-type"), "application/scim+json", "{method} {path}");
        assert!(!answer.header("x-request-id").is_empty());
        let body = answer.json();
        assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        assert_eq!(body["status"], json!(answer.status.as_u16().to_string()));
        let path = path.replace(&one, "/scim/v2/Users/{id}");
        let shown: String = path.chars().take(70).collect();
        seen.push(format!(
            "{method} {shown}\n  {} {} {}{}",
            answer.status.as_u16(),
            body["scimType"].as_str().unwrap_or("-"),
            body["detail"].as_str().unwrap(),
            if answer.header("allow").is_empty() {
                String::new()
            } else {
                format!("\n  Allow: {}", answer.header("allow"))
            },
        ));
    }
    insta::assert_snapshot!(seen.join("\n"));
    bridge.stop().await;
}

#[tokio::test]
async fn trailing_slashes_and_bodies_on_get_are_tolerated() {
    let bridge = Bridge::serving(workspace()).await;
    assert_eq!(bridge.get("/scim/v2/Users/").await.status, 200);
    assert_eq!(bridge.get("/scim/v2/ServiceProviderConfig/").await.status, 200);
    let with_body = bridge
        .request(Method::GET, "/scim/v2/Users")
        .bearer_auth(&bridge.token)
        .header("Content-Type", "application/json");
    assert_eq!(Bridge::send(with_body.body("null")).await.status, 200);
    let options = bridge.ask(Method::OPTIONS, "/scim/v2/Users").await;
    assert_eq!(
        (options.status.as_u16(), options.header("allow")),
        (204, "GET, HEAD, OPTIONS, POST")
    );
    bridge.stop().await;
}

#[tokio::test]
async fn a_workspace_is_also_there_by_its_name() {
    let bridge = Bridge::serving(workspace()).await;
    assert_eq!(
        bridge.get("/workspaces/default/scim/v2/Users").await.text,
        bridge.get("/scim/v2/Users").await.text
    );
    bridge.stop().await;
}
