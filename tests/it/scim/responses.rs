//! What HTTP adds to SCIM resources: conditional requests, HEAD and media types.

use reqwest::Method;
use serde_json::json;

use super::{ids, workspace};
use crate::support::bridge::{Answer, Bridge};

#[tokio::test]
async fn a_response_that_did_not_change_is_not_sent_again() {
    let bridge = Bridge::serving(workspace()).await;
    let path = format!("/scim/v2/Users/{}", ids(&bridge, "/scim/v2/Users").await[0]);
    let user = bridge.get(&path).await;
    let version = user.header("etag").to_owned();
    assert!(version.starts_with("W/\""));
    assert_eq!(user.json()["meta"]["version"], json!(version));
    assert_eq!(user.json()["meta"]["location"], json!(bridge.url(&path)));
    assert_eq!(
        (user.header("location"), user.header("content-location")),
        (bridge.url(&path).as_str(), bridge.url(&path).as_str())
    );
    assert_eq!(
        bridge.get(&format!("{path}?attributes=userName")).await.header("etag"),
        version,
        "of the resource, not of the part"
    );
    for tag in
        [version.as_str(), version.trim_start_matches("W/"), "*", &format!("\"x\", {version}")]
    {
        let again = Bridge::send(
            bridge
                .request(Method::GET, &path)
                .bearer_auth(&bridge.token)
                .header("If-None-Match", tag),
        )
        .await;
        assert_eq!(
            (again.status.as_u16(), again.text.as_str(), again.header("etag")),
            (304, "", version.as_str()),
            "{tag}"
        );
        assert_eq!(again.header("content-location"), bridge.url(&path));
    }
    let other = Bridge::send(
        bridge
            .request(Method::GET, &path)
            .bearer_auth(&bridge.token)
            .header("If-None-Match", "W/\"x\""),
    )
    .await;
    assert_eq!(other.status, 200);
    bridge.stop().await;
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let bridge = Bridge::serving(workspace()).await;
    let one = format!("/scim/v2/Users/{}", ids(&bridge, "/scim/v2/Users").await[0]);
    for path in [
        "/scim/v2/Users",
        &one,
        "/scim/v2/Groups",
        "/scim/v2/ServiceProviderConfig",
        "/scim/v2/Schemas",
    ] {
        let get = bridge.get(path).await;
        let head = bridge.ask(Method::HEAD, path).await;
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert_eq!(head.header("content-length"), get.text.len().to_string(), "{path}");
    }
    bridge.stop().await;
}

#[tokio::test]
async fn the_answer_has_the_media_type_that_was_asked_for() {
    let bridge = Bridge::serving(workspace()).await;
    let accepting = async |accept: Option<&str>| -> Answer {
        let request = bridge.request(Method::GET, "/scim/v2/Users").bearer_auth(&bridge.token);
        Bridge::send(
            accept.into_iter().fold(request, |request, accept| request.header("Accept", accept)),
        )
        .await
    };
    for (accept, expected) in [
        (None, "application/scim+json"),
        (Some("*/*"), "application/scim+json"),
        (Some("application/scim+json, application/json;q=0.5"), "application/scim+json"),
        (Some("application/json"), "application/json"),
        (Some("text/html, application/json; charset=utf-8"), "application/json"),
    ] {
        assert_eq!(accepting(accept).await.header("content-type"), expected, "{accept:?}");
    }
    let json = accepting(Some("application/scim+json;q=0, application/json")).await;
    assert_eq!(json.header("content-type"), "application/json");
    assert_eq!(accepting(Some("*/*;q=0")).await.status, 406);
    let refused = accepting(Some("text/html")).await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("content-type")),
        (406, "application/scim+json")
    );
    bridge.stop().await;
}
