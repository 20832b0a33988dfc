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
