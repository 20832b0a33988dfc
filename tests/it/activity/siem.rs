//! The configurations in `config/siem`: their requests are answered by a bridge, and their fields
//! are those of the feed.

use std::path::{Path, PathBuf};

use intercom_scim_bridge::tabular::{ActivityRow, Row};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::support::bridge::{Bridge, dozen};

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/siem").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parsed(file: &str) -> Value {
    serde_json::from_str(&read(file)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connector_of_sentinel_follows_the_feed() {
    let bridge = Bridge::serving(dozen()).await;
    let connector = parsed("sentinel/connector.json");
    let properties = &connector["properties"];
    let (request, paging) = (&properties["request"], &properties["paging"]);
    let path = Url::parse(request["apiEndpoint"].as_str().unwrap()).unwrap().path().to_owned();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    // `yyyy-MM-ddTHH:mm:ssZ`
    let window = [
        (text(&request["startTimeAttributeName"]), "2020-01-01T00:00:00Z"),
        (text(&request["endTimeAttributeName"]), "2100-01-01T00:00:00Z"),
    ];
    let member = |body: &Value, path: &Value| body[text(path).strip_prefix("$.").unwrap()].clone();
    let (mut token, mut ids) = (None, Vec::new());
    for _ in 0..100 {
        let query: Vec<(String, String)> = window
            .iter()
            .map(|(name, value)| (name.clone(), (*value).to_owned()))
            .chain(token.map(|token| (text(&paging["nextPageParaName"]), token)))
            .chain([("limit".to_owned(), "4".to_owned())])
            .collect();
        let answer = bridge.request(Method::GET, &path).query(&query).bearer_auth(&bridge.token);
        let body = Bridge::send(answer).await.json();
        let events = member(&body, &properties["response"]["eventsJsonPaths"][0]);
        ids.extend(events.as_array().unwrap().iter().map(|event| text(&event["id"])));
        if member(&body, &paging["hasNextFlagJsonPath"]) == false {
            break;
        }
        token = Some(text(&member(&body, &paging["nextPageTokenJsonPath"])));
    }
    let all = bridge.get("/api/v1/activity?limit=1000").await.json();
    let all: Vec<String> =
        all["items"].as_array().unwrap().iter().map(|item| text(&item["id"])).collect();
    assert!(all.len() > 8);
    assert_eq!(ids, all);
    assert_eq!(properties["auth"]["Scope"], "activity.read");
    bridge.stop().await;
}

#[test]
fn the_rule_of_sentinel_and_the_schema_of_panther_have_the_columns_of_the_feed() {
    let rule = parsed("sentinel/rule.json");
    let columns = &rule["streamDeclarations"]["Custom-IntercomActivity"]["columns"];
    let names: Vec<Value> =
        columns.as_array().unwrap().iter().map(|column| column["name"].clone()).collect();
    assert_eq!(json!(names), json!(ActivityRow::COLUMNS));
    let schema = read("panther/Intercom.Activity.yml");
    let fields: Vec<&str> =
        schema.lines().filter_map(|line| line.strip_prefix("  - name: ")).collect();
    assert_eq!(fields, ActivityRow::COLUMNS);
}

#[test]
fn each_configuration_is_on_the_page() {
    let page = include_str!("../../../docs/clients/siem.md");
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config/siem");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(page.contains(&format!("config/siem/{name}")), "{name}");
    }
}
