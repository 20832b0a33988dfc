//! TLS, and proxies in front.

use std::path::Path;

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::app::App;
use intercom_scim_bridge::clock::Clock;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::{Certificate, Client, Method, Version};
use serde_json::json;

use crate::support::bridge::{Bridge, config, dozen, http, token};
use crate::support::database::TestDatabase;
use crate::support::waiting::until;

/// Writes a certificate for 127.0.0.1 and its key, and gives a client that trusts it and nothing
/// else.
pub fn certificate(directory: &Path) -> Client {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(directory.join("key.pem"), signing_key.serialize_pem()).unwrap();
    std::fs::write(directory.join("cert.pem"), cert.pem()).unwrap();
    let trusted = Certificate::from_pem(cert.pem().as_bytes()).unwrap();
    Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_and_a_changed_certificate_is_shown() {
    let directory = tempfile::tempdir().unwrap();
    let cert = directory.path().join("cert.pem");
    let key = directory.path().join("key.pem");
    let client = certificate(directory.path());
    let bridge = Bridge::serving_with(dozen(), |config| {
        (config.server.tls_cert, config.server.tls_key) = (Some(cert.clone()), Some(key.clone()));
    })
    .await;
    let url = format!("https://{}", bridge.app.address());
    let user = client
        .get(format!("{url}/scim/v2/Users?count=1"))
        .bearer_auth(token(&bridge.app, &Scope::ALL));
    let user = user.send().await.unwrap();
    assert_eq!((user.status().as_u16(), user.version()), (200, Version::HTTP_11));
    for path in ["/healthz", "/scim/v2/Users", "/nowhere", "/docs/"] {
        let answer = client.get(format!("{url}{path}")).send().await.unwrap();
        assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000", "{path}");
    }
    let location =
        user.json::<serde_json::Value>().await.unwrap()["Resources"][0]["meta"]["location"].clone();
    assert!(location.as_str().unwrap().starts_with(&url), "{location}");
    let offering = client
        .get(format!("{url}/healthz"))
        .header("Connection", "Upgrade")
        .header("Upgrade", "h2c");
    let offering = offering.send().await.unwrap();
    assert_eq!(
        (offering.status().as_u16(), offering.headers().get("connection")),
        (200, None),
        "heads are checked here too"
    );
    let plain = http().get(format!("http://{}/healthz", bridge.app.address())).send().await;
    assert!(plain.is_err_and(|error| !error.is_timeout()), "no answer in the clear");

    let renewed = certificate(directory.path());
    let healthz = format!("{url}/healthz");
    until("the bridge uses the new certificate", async || {
        renewed.get(&healthz).send().await.is_ok()
    })
    .await;
    let fresh = Client::builder().no_proxy().build().unwrap();
    assert!(fresh.get(&healthz).send().await.is_err(), "nobody else trusts it");
    bridge.stop().await;
}

#[tokio::test]
async fn an_invalid_certificate_stops_the_start_with_a_remedy() {
    let directory = tempfile::tempdir().unwrap();
    certificate(directory.path());
    let other = tempfile::tempdir().unwrap();
    certificate(other.path());
    std::fs::write(directory.path().join("empty.pem"), "").unwrap();
    let file = |name: &str| directory.path().join(name);
    for (cert, key, expected) in [
        (file("missing.pem"), file("key.pem"), "server.tls_cert"),
        (file("empty.pem"), file("key.pem"), "server.tls_cert"),
        (file("cert.pem"), file("missing.pem"), "server.tls_key"),
        (file("cert.pem"), file("cert.pem"), "server.tls_key"),
        (file("cert.pem"), other.path().join("key.pem"), "server.tls_key is not the private key"),
    ] {
        let database = TestDatabase::sqlite();
        let mut config = config(&database, "http://127.0.0.1:9");
        (config.server.tls_cert, config.server.tls_key) = (Some(cert), Some(key));
        let error =
            App::start(&config, Clock::System).await.err().expect("it does not start").to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn a_trusted_proxy_says_how_the_bridge_was_reached_and_nobody_else_does() {
    let proxied = Bridge::starting_with(dozen(), |config| {
        config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let alone = Bridge::serving(dozen()).await;
    proxied.shows(1).await;
    let ask = async |bridge: &Bridge, path: &str| {
        let request = bridge.request(Method::GET, path).bearer_auth(&bridge.token);
        let request = request
            .header("X-Forwarded-Host", "bridge.example")
            .header("X-Forwarded-Proto", "https");
        Bridge::send(request.header("X-Forwarded-For", "203.0.113.7")).await
    };
    let id = proxied.get("/scim/v2/Users?count=1").await.json()["Resources"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/scim/v2/Users/{id}");
    let there = format!("https://bridge.example{path}");
    let plain = proxied.get(&path).await;
    let forwarded = ask(&proxied, &path).await;
    assert_eq!(forwarded.header("location"), there);
    assert_eq!(forwarded.header("etag"), plain.header("etag"), "the resource is the same");
    let mut same = plain.json();
    assert_eq!(same["meta"]["location"], json!(proxied.url(&path)));
    let rewritten = same.to_string().replace(&proxied.url(""), "https://bridge.example");
    same = serde_json::from_str(&rewritten).unwrap();
    assert_eq!(forwarded.json(), same, "and nothing else is different");
    for list in [
        "/scim/v2/Users?count=1",
        "/scim/v2/Groups?startIndex=2",
        "/scim/v2?count=3&attributes=displayName",
    ] {
        let plain = proxied.get(list).await;
        let forwarded = ask(&proxied, list).await;
        let rewritten = plain.text.replace(&proxied.url(""), "https://bridge.example");
        assert_eq!(forwarded.text, rewritten, "{list}");
        assert!(!forwarded.header("link").contains("127.0.0.1"));
    }
    assert_eq!(
        ask(&alone, &path).await.header("location"),
        alone.url(&path),
        "nobody is trusted there"
    );
    let metadata = ask(&proxied, "/.well-known/oauth-authorization-server").await.json();
    let endpoint = proxied.url("/oauth/token");
    assert_eq!(
        metadata["token_endpoint"],
        json!(endpoint),
        "where secrets go is never told by headers"
    );
    proxied.stop().await;
    alone.stop().await;
}
