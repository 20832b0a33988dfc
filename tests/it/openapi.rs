//! The OpenAPI description.

use intercom_scim_bridge::http::openapi_document;

#[test]
fn the_checked_in_description_is_the_one_that_the_code_makes() {
    let checked_in =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/bridge.json")).unwrap_or_default();
    assert!(
        checked_in == openapi_document(),
        "openapi/bridge.json is out of date; run `cargo run -- openapi > openapi/bridge.json`"
    );
}

#[test]
fn each_operation_has_an_id_of_its_own() {
    let description: serde_json::Value = serde_json::from_str(&openapi_document()).unwrap();
    let paths = description["paths"].as_object().unwrap().values();
    let ids: Vec<&str> = paths
        .flat_map(|path| path.as_object().unwrap().values())
        .filter_map(|operation| operation["operationId"].as_str())
        .collect();
    let different: std::collections::BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(different.len(), ids.len(), "{ids:?}");
}
