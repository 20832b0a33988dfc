//! Undocumented responses to the calls that only the checks of the posture need.

use intercom_scim_bridge::intercom::{IntercomError, read_data_connectors, read_ip_allowlist};
use serde_json::{Value, json};

use crate::intercom::client;
use crate::support::canned::serve;

#[tokio::test]
async fn entries_of_the_allowlist_that_are_no_addresses_are_not_kept() {
    let body =
        json!({"enabled": true, "ip_allowlist": ["10.0.0.0/8", "x".repeat(3_000), {"a": 1}]});
    let server = serve(&[("GET /ip_allowlist", &body.to_string())]);
    let list = read_ip_allowlist(&client(&server.base_url)).await.unwrap();
    assert_eq!(list.entries, ["10.0.0.0/8", "unreadable", "unreadable"]);
    server.stop().await;
}

fn is_malformed<T>(read: Result<T, IntercomError>) -> bool {
    read.is_err_and(|error| error.code() == "intercom_malformed")
}

#[tokio::test]
async fn lists_with_too_many_entries_are_not_read() {
    let list = json!({"enabled": true, "ip_allowlist": vec!["10.0.0.0/8"; 10_001]}).to_string();
    // Each page is the first of others.
    let connectors: Vec<Value> = (0..2_000).map(|id| json!({"id": id.to_string()})).collect();
    let next = json!({"page": 2, "starting_after": "more"});
    let page = json!({"data": connectors, "pages": {"next": next}}).to_string();
    let server = serve(&[("GET /ip_allowlist", &list), ("GET /data_connectors", &page)]);
    let client = client(&server.base_url);
    assert!(is_malformed(read_ip_allowlist(&client).await));
    assert!(is_malformed(read_data_connectors(&client).await));
    assert!(client.traffic().calls <= 7, "it stops after 10,000 connectors");
    server.stop().await;
}
