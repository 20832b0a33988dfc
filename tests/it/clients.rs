//! What known clients send, and what each needs in the response. The fixtures follow the clients'
//! public documentation and source code.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::support::bridge::{Bridge, dozen};
use crate::support::eic::path;

/// One request of a client, and what it needs in the response.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    what: String,
    #[serde(default)]
    method: Option<String>,
    /// The path below `/scim/v2`. Names in braces stand for values of the directory.
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    content_type: Option<String>,
    /// The required values, by JSON pointer.
    expect: BTreeMap<String, Need>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Need {
    Integer,
    /// A text that is not empty.
    Text,
    Boolean,
    Array,
    Absent,
    Is(Value),
}

impl Need {
    fn is_met(&self, found: Option<&Value>) -> bool {
        match (self, found) {
            (Self::Absent, found) => found.is_none(),
            (_, None) => false,
            (Self::Integer, Some(found)) => found.is_u64(),
            (Self::Text, Some(found)) => found.as_str().is_some_and(|text| !text.is_empty()),
            (Self::Boolean, Some(found)) => found.is_boolean(),
            (Self::Array, Some(found)) => found.is_array(),
            (Self::Is(expected), Some(found)) => found == expected,
        }
    }
}

/// The values of a person in a team, by the names that the fixtures use.
async fn somebody(bridge: &Bridge) -> Vec<(&'static str, String)> {
    let users = bridge.get("/scim/v2/Users?filter=groups+pr&count=1").await.json();
    let user = &users["Resources"][0];
    let group = &user["groups"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    vec![
        ("{user_id}", text(&user["id"])),
        ("{member_id}", text(&user["id"])),
        ("{user_name}", text(&user["userName"])),
        ("{USER_NAME}", text(&user["userName"]).to_uppercase()),
        ("{group_id}", text(&group["value"])),
        ("{group_name}", text(&group["display"]).replace(' ', "%20")),
    ]
}

async fn replay(client: &str, fixture: &str) {
    let bridge = Bridge::serving(dozen()).await;
    let names = somebody(&bridge).await;
    let filled =
        names.iter().fold(fixture.to_owned(), |text, (name, value)| text.replace(name, value));
    let exchanges: Vec<Exchange> = serde_json::from_str(&filled).unwrap();
    assert!(!exchanges.is_empty());
    for exchange in exchanges {
        let what = format!("{client}: {}", exchange.what);
        let method = exchange.method.as_deref().unwrap_or("GET").parse::<Method>().unwrap();
        let mut request = bridge.request(method, &format!("/scim/v2{}", exchange.path));
        if !exchange.headers.contains_key("Authorization") {
            request = request.bearer_auth(&bridge.token);
        }
        for (name, value) in &exchange.headers {
            request = request.header(name, value);
        }
        if let Some(body) = exchange.body {
            request = request.body(body);
        }
        let answer = Bridge::send(request).await;
        assert_eq!(
            answer.status.as_u16(),
            exchange.status.unwrap_or(200),
            "{what}: {}",
            answer.text
        );
        // An error has SCIM's media type, whatever the client accepts.
        let content_type = exchange.content_type.as_deref().unwrap_or("application/scim+json");
        assert_eq!(answer.header("content-type"), content_type, "{what}");
        let body = answer.json();
        for (pointer, need) in exchange.expect {
            assert!(
                need.is_met(body.pointer(&pointer)),
                "{what}: {pointer} is {:?}",
                body.pointer(&pointer)
            );
        }
    }
    bridge.stop().await;
}

macro_rules! replayed {
    ($($name:ident: $client:literal),* $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            replay($client, include_str!(concat!("fixtures/clients/", $client, ".json"))).await;
        }
    )*};
}

replayed!(
    okta_finds_what_it_needs: "okta",
    entra_finds_what_it_needs: "entra",
    sailpoint_finds_what_it_needs: "sailpoint",
    midpoint_finds_what_it_needs: "midpoint",
    conductorone_finds_what_it_needs: "conductorone",
    saviynt_finds_what_it_needs: "saviynt",
    one_identity_finds_what_it_needs: "one-identity",
);

/// Reads the page of the documentation about a client.
fn pages() -> Vec<(String, String)> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/clients");
    let mut pages: Vec<(String, String)> = std::fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                std::fs::read_to_string(path).unwrap(),
            )
        })
        .collect();
    pages.sort();
    pages
}

fn blocks<'p>(page: &'p str, kind: &str) -> Vec<&'p str> {
    page.split(&format!("```{kind}\n"))
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

#[tokio::test]
async fn requests_in_the_documentation_of_clients_are_answered() {
    let bridge = Bridge::serving(dozen()).await;
    let mut names = somebody(&bridge).await;
    let now = bridge.app.service().clock.now() - std::time::Duration::from_millis(1);
    names.push(("{now}", now.format(&time::format_description::well_known::Rfc3339).unwrap()));
    let index = pages().into_iter().find(|(name, _)| name == "README.md").unwrap().1;
    let mut asked = 0;
    for (name, page) in
        pages().iter().filter(|(name, _)| name != "README.md" && name != "saviynt.md")
    {
        assert!(index.contains(&format!("({name})")), "{name} is not in the index");
        let blocks = blocks(page, "http");
        assert!(!blocks.is_empty(), "{name} does not say what is asked");
        for line in blocks.iter().flat_map(|block| block.lines()) {
            let names_somebody =
                line.contains("filter=") && line.to_lowercase().contains("{user_name}");
            let line =
                names.iter().fold(line.to_owned(), |line, (name, value)| line.replace(name, value));
            let path = line.strip_prefix("GET ").unwrap_or_else(|| panic!("{name}: {line}"));
            let answer = bridge.get(path).await;
            assert_eq!(answer.status, 200, "{name}: {line}: {}", answer.text);
            if path.contains("/Users?") || path.contains("/Groups?") {
                assert!(answer.json()["Resources"].is_array(), "{name}: {line}");
            }
            if names_somebody {
                assert_eq!(answer.json()["totalResults"], 1, "{name}: {line}");
            }
            asked += 1;
        }
    }
    assert!(asked > 40, "{asked}");
    bridge.stop().await;
}

#[tokio::test]
async fn the_columns_that_the_exports_page_names_are_there() {
    let bridge = Bridge::serving(dozen()).await;
    let account = bridge.get("/api/v1/accounts?limit=1").await.json()["items"][0].clone();
    let page = include_str!("../../docs/clients/exports.md");
    let mut columns = 0;
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let column = row.split('|').nth(2).unwrap().split('`').nth(1).unwrap();
        assert!(account.as_object().unwrap().contains_key(column), "{column}");
        columns += 1;
    }
    assert_eq!(columns, 14);
    bridge.stop().await;
}

/// Returns the values of baton-scim's configuration by their path, such as `user.firstName`.
fn baton() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut above: Vec<&str> = Vec::new();
    for line in include_str!("../../config/conductorone/baton-scim.yaml").lines() {
        let text = line.trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (name, value) = text.split_once(':').unwrap();
        above.truncate((line.len() - text.len()) / 2);
        above.push(name);
        found.insert(above.join("."), value.trim().trim_matches('"').to_owned());
    }
    found
}

/// Reads the bridge as baton-scim does.
struct BatonScim<'a> {
    bridge: &'a Bridge,
    config: &'a BTreeMap<String, String>,
}

impl BatonScim<'_> {
    async fn get(&self, path: &str) -> Value {
        let accept = if self.config["hasScimHeader"] == "true" {
            "application/scim+json"
        } else {
            "application/json"
        };
        let request =
            self.bridge.request(Method::GET, &format!("/scim/v2/{path}")).header("Accept", accept);
        let request = request.header("Content-Type", "application/json").body("null");
        let answer = Bridge::send(request.bearer_auth(&self.bridge.token)).await;
        assert_eq!(answer.status, 200, "{path}");
        answer.json()
    }

    /// Returns the value at the path that a setting names.
    fn value(&self, resource: &Value, setting: &str) -> Value {
        at(resource, &self.config[setting])
    }

    /// Reads all resources of a kind, page by page.
    async fn list(&self, path: &str) -> Vec<Value> {
        let mut resources = Vec::new();
        let mut returned = 0;
        loop {
            let page = self.get(&format!("{path}?count=5&startIndex={}", returned + 1)).await;
            resources.extend(page["Resources"].as_array().unwrap().clone());
            let number =
                |name: &str| self.value(&page, &format!("pagination.{name}")).as_u64().unwrap();
            assert_eq!(number("startIndex"), returned + 1);
            returned += number("itemsPerPage");
            if returned >= number("totalResults") {
                return resources;
            }
        }
    }

    /// Asserts that a resource has the attributes that the configuration names.
    fn assert_has_its_attributes(&self, kind: &str, resource: &Value) {
        let fields = self
            .config
            .iter()
            .filter(|(name, path)| name.starts_with(&format!("{kind}.")) && !path.is_empty())
            .filter(|(name, path)| !name.contains("members.id") && !path.contains("[?"));
        for (name, path) in fields {
            let found = at(resource, path);
            assert!(!found.is_null(), "{name}");
            assert!(
                name != "user.active" || found.is_boolean(),
                "baton-scim reads a string as inactive"
            );
        }
        if kind == "group" {
            let members = self.value(resource, "group.members.path");
            for member in members.as_array().into_iter().flatten() {
                assert!(self.value(member, "group.members.id").is_string());
            }
        }
    }
}

fn at(value: &Value, path: &str) -> Value {
    path::at(value, path).cloned().unwrap_or_else(|| panic!("no {path}: {value}"))
}

/// Each path and each member that the configuration of baton-http names is one of the flat views.
#[tokio::test]
async fn the_configuration_of_baton_http_names_only_what_the_flat_views_have() {
    let bridge = Bridge::serving(dozen()).await;
    let config = include_str!("../../config/conductorone/baton-http.yaml");
    let values = config.lines().filter_map(|line| line.split_once(": ")).map(|(_, value)| value);
    let values: Vec<&str> = values.map(|value| value.trim().trim_matches('"')).collect();
    assert!(values.contains(&"https://bridge.example.com/api/v1"));
    let mut rows: Vec<Value> = Vec::new();
    for value in &values {
        // The filter of a template depends on a resource.
        let path = match value.strip_prefix("tmpl:") {
            Some(template) => template.split('?').next().unwrap(),
            None => value,
        };
        if path.starts_with('/') && !path.contains(' ') {
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = bridge.get(&format!("/api/v1{path}{separator}limit=1&offset=0")).await;
            assert_eq!(page.status, 200, "{path}: {}", page.text);
            rows.push(page.json()["items"][0].clone());
        }
    }
    assert_eq!(rows.len(), 3, "accounts, entitlements and memberships");
    let mut members = 0;
    let quoted =
        config.lines().filter_map(|line| line.trim().split_once('"')).map(|(_, rest)| rest);
    for member in quoted.filter_map(|value| value.strip_prefix('.')) {
        let name: String = member
            .chars()
            .take_while(|letter| letter.is_ascii_lowercase() || *letter == '_')
            .collect();
        assert!(rows.iter().any(|row| row.get(&name).is_some()), "{name}");
        members += 1;
    }
    assert!(members > 12, "{members}");
    bridge.stop().await;
}

/// Reads like baton-scim: pages by `startIndex`, then each resource by itself. The attributes that
/// the configuration names must be present.
#[tokio::test]
async fn baton_scim_reads_everybody_with_the_configuration_that_is_shipped() {
    let bridge = Bridge::serving(dozen()).await;
    let config = baton();
    assert_eq!(config["apiEndpoint"], "https://bridge.example.com/scim/v2/");
    assert_eq!(
        (config["auth.authType"].as_str(), config["auth.apiKeyPrefix"].as_str()),
        ("apiKey", "Bearer")
    );
    let baton = BatonScim { bridge: &bridge, config: &config };
    for (path, kind, count) in [("Users", "user", 12), ("Groups", "group", 3)] {
        let listed = baton.list(path).await;
        assert_eq!(listed.len(), count);
        for resource in listed {
            let id = baton.value(&resource, &format!("{kind}.id"));
            let one = baton.get(&format!("{path}/{}", id.as_str().unwrap())).await;
            baton.assert_has_its_attributes(kind, &one);
        }
    }
    bridge.stop().await;
}

/// Clients compute `startIndex` in different ways. Each must see every user exactly once.
#[tokio::test]
async fn every_way_of_paging_that_clients_are_known_for_sees_everybody_once() {
    type Step = fn(asked: usize, page: &Value) -> Option<usize>;
    fn number(page: &Value, name: &str) -> usize {
        usize::try_from(page[name].as_u64().unwrap()).unwrap()
    }
    // The `startIndex` of the next page; `None` at the end.
    let okta: Step =
        |asked, page| Some(asked + 5).filter(|next| *next <= number(page, "totalResults"));
    let saviynt: Step = |_, page| {
        let empty = page["Resources"].as_array().unwrap().is_empty();
        (!empty).then(|| number(page, "startIndex") + number(page, "itemsPerPage"))
    };
    let baton: Step = |asked, page| {
        Some(asked + number(page, "itemsPerPage"))
            .filter(|next| *next <= number(page, "totalResults"))
    };
    let bridge = Bridge::serving(dozen()).await;
    for (client, step) in [("Okta", okta), ("Saviynt", saviynt), ("baton-scim", baton)] {
        let mut seen = Vec::new();
        let mut start = Some(1);
        while let Some(at) = start {
            let page = bridge.get(&format!("/scim/v2/Users?startIndex={at}&count=5")).await.json();
            seen.extend(
                page["Resources"].as_array().unwrap().iter().map(|user| user["id"].to_string()),
            );
            assert!(seen.len() <= 12, "{client}");
            start = step(at, &page);
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 12, "{client}");
    }
    bridge.stop().await;
}
