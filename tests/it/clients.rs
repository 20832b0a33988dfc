//! What known clients send, and what each needs in the answer. The fixtures are written from the clients' public
//! documentation and source.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::support::bridge::{Bridge, dozen};

/// One request of a client, and what it needs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    what: String,
    #[serde(default)]
    method: Option<String>,
    /// Under `/scim/v2`, with names in braces for what is in the directory.
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    content_type: Option<String>,
    /// What must be where, by JSON pointer.
    expect: BTreeMap<String, Need>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Need {
    Integer,
    /// Not empty.
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

/// A person in a team, by the names that the fixtures use.
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
    let filled = names.iter().fold(fixture.to_owned(), |text, (name, value)| text.replace(name, value));
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
        assert_eq!(answer.status.as_u16(), exchange.status.unwrap_or(200), "{what}: {}", answer.text);
        // An error is SCIM's whatever the client accepts.
        let content_type = exchange.content_type.as_deref().unwrap_or("application/scim+json");
        assert_eq!(answer.header("content-type"), content_type, "{what}");
        let body = answer.json();
        for (pointer, need) in exchange.expect {
            assert!(need.is_met(body.pointer(&pointer)), "{what}: {pointer} is {:?}", body.pointer(&pointer));
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
);

/// How clients walk, each in its own arithmetic: they must all see everybody once.
#[tokio::test]
async fn every_way_of_paging_that_clients_are_known_for_sees_everybody_once() {
    type Step = fn(asked: usize, page: &Value) -> Option<usize>;
    fn number(page: &Value, name: &str) -> usize {
        usize::try_from(page[name].as_u64().unwrap()).unwrap()
    }
    // Where the next page begins; none at the end.
    let okta: Step = |asked, page| Some(asked + 5).filter(|next| *next <= number(page, "totalResults"));
    let saviynt: Step = |_, page| {
        let empty = page["Resources"].as_array().unwrap().is_empty();
        (!empty).then(|| number(page, "startIndex") + number(page, "itemsPerPage"))
    };
    let baton: Step =
        |asked, page| Some(asked + number(page, "itemsPerPage")).filter(|next| *next <= number(page, "totalResults"));
    let bridge = Bridge::serving(dozen()).await;
    for (client, step) in [("Okta", okta), ("Saviynt", saviynt), ("baton-scim", baton)] {
        let (mut seen, mut start) = (Vec::new(), Some(1));
        while let Some(at) = start {
            let page = bridge.get(&format!("/scim/v2/Users?startIndex={at}&count=5")).await.json();
            seen.extend(page["Resources"].as_array().unwrap().iter().map(|user| user["id"].to_string()));
            assert!(seen.len() <= 12, "{client}");
            start = step(at, &page);
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 12, "{client}");
    }
    bridge.stop().await;
}
