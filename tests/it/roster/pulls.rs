//! Rosters that are pulled from identity providers, each with a stand-in.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::web::{self, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::identities::pull::{PullCredentials, PullError, PullSource, Puller};
use intercom_scim_bridge::roster::{Completeness, PullKind};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::api::addresses;
use crate::support::bridge::{Bridge, dozen};
use crate::support::secrets;
use crate::support::waiting::eventually;

/// Makes the response of a stand-in from the method with path and query, and from the value of
/// `Authorization`: a status, the value of `Link`, and a body.
type Answers = dyn Fn(&str, &str) -> (u16, Option<String>, Value) + Send + Sync;

/// A stand-in for an identity provider.
struct Provider {
    url: String,
    calls: Arc<AtomicUsize>,
    server: actix_web::dev::ServerHandle,
}

impl Provider {
    /// `answers` makes each response; see [`Answers`].
    fn start(
        answers: impl Fn(&str, &str) -> (u16, Option<String>, Value) + Send + Sync + 'static,
    ) -> Self {
        let answers: Arc<Answers> = Arc::new(answers);
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::new(Arc::clone(&answers)))
                .app_data(Data::new(Arc::clone(&counted)))
                .default_service(web::to(answer))
        });
        let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, calls, server: handle }
    }

    async fn stop(self) {
        self.server.stop(true).await;
    }
}

async fn answer(
    request: HttpRequest,
    answers: Data<Arc<Answers>>,
    calls: Data<Arc<AtomicUsize>>,
) -> HttpResponse {
    calls.fetch_add(1, Ordering::SeqCst);
    let authorization = request.headers().get("authorization");
    let authorization = authorization.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked = format!("{} {}", request.method(), request.uri());
    let (status, link, body) = answers(&asked, authorization);
    let mut response = HttpResponse::build(status.try_into().unwrap());
    if let Some(link) = link {
        response.insert_header(("Link", link));
    }
    response.json(body)
}

fn puller(url: &str, kind: PullKind, completeness: Completeness) -> Puller {
    let token = SecretString::from(secrets::keep("token-of-the-provider"));
    let credentials = PullCredentials::Token(token);
    let source = PullSource { url: url.parse().unwrap(), kind, credentials, source: "idp".into() };
    Puller::new(source, completeness, Clock::System).unwrap()
}

async fn pulled(url: &str, kind: PullKind) -> Result<Value, PullError> {
    let bytes = puller(url, kind, Completeness::Current).pull().await?;
    Ok(serde_json::from_slice(&bytes).unwrap())
}

fn scim_user(number: usize) -> Value {
    json!({"id": format!("u{number}"), "userName": format!("p{number}@acme.example"), "active": true})
}

#[tokio::test(flavor = "multi_thread")]
async fn another_bridge_is_the_scim_server_of_a_scheduled_pull() {
    let source = Bridge::serving(dozen()).await;
    let (url, token) = (source.url("/scim/v2"), source.token.clone());
    let bridge = Bridge::serving_with(dozen(), |config| {
        config.roster.complete = Some(Completeness::Current);
        config.roster_pull.url = Some(url.parse().unwrap());
        config.roster_pull.token = Some(SecretString::from(token));
    })
    .await;
    let status = eventually("the roster is pulled", async || {
        let status = bridge.get("/api/v1/roster").await.json();
        if status["in_force"].is_object() { Ok(status) } else { Err(status) }
    })
    .await;
    assert_eq!(status["versions"][0]["rows"], 12);
    assert_eq!(status["versions"][0]["by"], "bridge");
    assert_eq!(status["in_force"]["unmatched"], 0);
    source.stop().await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_index_paging_is_read_to_its_end() {
    let provider = Provider::start(|asked, authorization| {
        assert_eq!(authorization, "Bearer token-of-the-provider");
        let start = asked.split("startIndex=").nth(1).and_then(|text| text.parse().ok());
        match start {
            None => (404, None, json!({})),
            // `attributes` is not supported.
            Some(_) if asked.contains("attributes=") => (400, None, json!({})),
            Some(start) => {
                let start: usize = start;
                let users: Vec<Value> = (start..(start + 2).min(6)).map(scim_user).collect();
                (200, None, json!({"totalResults": 5, "Resources": users}))
            }
        }
    });
    let people = pulled(&provider.url, PullKind::Scim).await.unwrap();
    assert_eq!(people.as_array().unwrap().len(), 5);
    assert_eq!(people[0], json!({"id": "u1", "username": "p1@acme.example", "status": "active"}));
    provider.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_ends_early_changes_or_names_another_server_is_refused() {
    let incomplete = Provider::start(|asked, _| {
        let first = asked.contains("startIndex=1");
        let users = if first { vec![scim_user(1)] } else { vec![] };
        let status = if asked.contains("ServiceProviderConfig") { 404 } else { 200 };
        (status, None, json!({"totalResults": 5, "Resources": users}))
    });
    let error = pulled(&incomplete.url, PullKind::Scim).await.unwrap_err();
    assert_eq!(error, PullError::Incomplete { read: 1, total: 5 });
    incomplete.stop().await;

    let changing = Provider::start(|asked, _| {
        let total = if asked.contains("startIndex=1") { 3 } else { 4 };
        let status = if asked.contains("ServiceProviderConfig") { 404 } else { 200 };
        (status, None, json!({"totalResults": total, "Resources": [scim_user(total)]}))
    });
    assert_eq!(pulled(&changing.url, PullKind::Scim).await.unwrap_err(), PullError::Changing);
    changing.stop().await;

    let foreign = Provider::start(|_, _| {
        let link = "<http://127.0.0.1:1/api/v1/users>; rel=\"next\"".to_owned();
        (200, Some(link), json!([{"id": "1", "status": "ACTIVE", "profile": {}}]))
    });
    assert_eq!(pulled(&foreign.url, PullKind::OktaApi).await.unwrap_err(), PullError::ForeignPage);
    foreign.stop().await;

    let refusing = Provider::start(|_, _| (401, None, json!({})));
    let error = pulled(&refusing.url, PullKind::Scim).await.unwrap_err();
    assert!(matches!(error, PullError::Refused { status: 401, .. }), "{error}");
    assert_eq!(refusing.calls.load(Ordering::SeqCst), 1);
    refusing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_repeats_people_is_refused() {
    // The list shifts by one person between the two pages, so person 3 is never sent.
    let shifting = Provider::start(|asked, _| {
        let numbers = if asked.contains("startIndex=1") { [1, 2] } else { [2, 4] };
        let status = if asked.contains("ServiceProviderConfig") { 404 } else { 200 };
        (status, None, json!({"totalResults": 4, "Resources": numbers.map(scim_user)}))
    });
    assert_eq!(pulled(&shifting.url, PullKind::Scim).await.unwrap_err(), PullError::Changing);
    shifting.stop().await;

    // The same cursor names the next page for ever; or other cursors name the same page.
    for is_stuck in [true, false] {
        let repeating = Provider::start(move |asked, _| {
            if asked.contains("ServiceProviderConfig") {
                return (200, None, json!({"pagination": {"cursor": true}}));
            }
            let first = asked.ends_with("cursor=");
            let number = if is_stuck && !first { 2 } else { 1 };
            let next = if is_stuck || first { "one" } else { "two" };
            (200, None, json!({"Resources": [scim_user(number)], "nextCursor": next}))
        });
        assert_eq!(pulled(&repeating.url, PullKind::Scim).await.unwrap_err(), PullError::Repeating);
        repeating.stop().await;
    }

    let okta = Provider::start(|_, _| {
        let link = "</api/v1/users?limit=200&after=1>; rel=\"next\"".to_owned();
        (200, Some(link), json!([{"id": "1", "status": "ACTIVE", "profile": {}}]))
    });
    assert_eq!(pulled(&okta.url, PullKind::OktaApi).await.unwrap_err(), PullError::Repeating);
    okta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entra_is_read_by_cursor_with_tokens_for_client_credentials() {
    let provider = Provider::start(|asked, authorization| {
        if asked == "POST /token" {
            return (200, None, json!({"access_token": "issued", "token_type": "Bearer"}));
        }
        assert_eq!(authorization, "Bearer issued");
        assert!(asked.starts_with("GET /rp/scim/users?"), "{asked}");
        let user = |id: &str, active: bool| {
            json!({
                "id": id, "userName": format!("{id}@acme.example"), "active": active,
                "emails": [{"type": "proxyAddress", "value": format!("smtp:{id}@old.example")}],
            })
        };
        if asked.contains("cursor=two") {
            (200, None, json!({"resources": [user("b", false), user("a", true)]}))
        } else {
            (200, None, json!({"resources": [user("a", true)], "nextCursor": "two"}))
        }
    });
    let credentials = PullCredentials::Client {
        id: "app".to_owned(),
        secret: SecretString::from(secrets::keep("secret-of-the-app")),
        token_url: format!("{}/token", provider.url).parse().unwrap(),
        scope: Some("https://graph.microsoft.com/.default".to_owned()),
    };
    let url = format!("{}/rp/scim", provider.url).parse().unwrap();
    let source =
        PullSource { url, kind: PullKind::EntraScim, credentials, source: "entra".to_owned() };
    let puller = Puller::new(source, Completeness::Current, Clock::System).unwrap();
    let people: Value = serde_json::from_slice(&puller.pull().await.unwrap()).unwrap();
    let statuses: Vec<&str> = people
        .as_array()
        .unwrap()
        .iter()
        .map(|person| person["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["active", "ended"]);
    assert_eq!(people[0]["aliases"], "smtp:a@old.example");
    provider.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn okta_is_read_page_by_page_and_with_deprovisioned_people_if_all_are_wanted() {
    let provider = Provider::start(|asked, authorization| {
        assert_eq!(authorization, "SSWS token-of-the-provider");
        let user = |id: &str, status: &str| {
            json!({"id": id, "status": status, "profile": {
                "login": format!("{id}@acme.example"), "email": format!("{id}@acme.example"),
                "employeeNumber": format!("00{id}")}})
        };
        if asked.contains("DEPROVISIONED") {
            return (200, None, json!([user("3", "DEPROVISIONED")]));
        }
        if asked.contains("after=1") {
            return (200, None, json!([user("2", "SUSPENDED")]));
        }
        let link = "</api/v1/users?limit=200&after=1>; rel=\"next\"".to_owned();
        (200, Some(link), json!([user("1", "ACTIVE")]))
    });
    let count = async |completeness| {
        let bytes = puller(&provider.url, PullKind::OktaApi, completeness).pull().await.unwrap();
        serde_json::from_slice::<Vec<Value>>(&bytes).unwrap().len()
    };
    assert_eq!(count(Completeness::Current).await, 2);
    assert_eq!(count(Completeness::All).await, 3);
    provider.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_half_way_stores_nothing_and_is_reported() {
    let provider = Provider::start(|asked, _| {
        if asked.contains("ServiceProviderConfig") {
            (200, None, json!({"pagination": {"cursor": true}}))
        } else if asked.contains("cursor=half") {
            (403, None, json!({}))
        } else {
            let users: Vec<Value> = (0..50).map(scim_user).collect();
            (200, None, json!({"totalResults": 100, "Resources": users, "nextCursor": "half"}))
        }
    });
    let url = provider.url.parse().unwrap();
    let bridge = Bridge::serving_with(dozen(), |config| {
        config.roster.complete = Some(Completeness::Current);
        config.roster_pull.url = Some(url);
        config.roster_pull.token = Some(SecretString::from(secrets::keep("token-of-the-pull")));
    })
    .await;
    let status = eventually("the failure is reported", async || {
        let status = bridge.get("/api/v1/status").await.json();
        let problem = status["roster_problems"][0].clone();
        if problem["code"] == "roster_pull_failed" { Ok(problem) } else { Err(status) }
    })
    .await;
    assert!(status["detail"].as_str().unwrap().contains("403"), "{status}");
    let roster = bridge.get("/api/v1/roster").await.json();
    assert_eq!((&roster["versions"], &roster["in_force"]), (&json!([]), &Value::Null));
    assert_eq!(addresses(&bridge).await.len(), 12);
    provider.stop().await;
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_sends_is_bounded() {
    let page = |people: usize| json!({"Resources": vec![json!({"": 0}); people]});
    let long = |bytes: usize| "x".repeat(bytes);
    let cases = [
        (json!({}), page(200_001), PullError::TooMany { max: 200_000 }),
        (
            json!({}),
            json!({"Resources": [], "more": long(16 * 1024 * 1024)}),
            PullError::TooLarge { what: "Users".to_owned(), max: 16 * 1024 * 1024 },
        ),
        (
            json!({}),
            json!({"Resources": [{"id": "1", "groups": long(1024 * 1024)}]}),
            PullError::TooLarge { what: "Users for a person".to_owned(), max: 1024 * 1024 },
        ),
        (
            json!({"documentationUri": long(256 * 1024)}),
            page(1),
            PullError::TooLarge { what: "ServiceProviderConfig".to_owned(), max: 256 * 1024 },
        ),
    ];
    for (config, page, expected) in cases {
        let provider = Provider::start(move |asked, _| {
            let is_config = asked.contains("ServiceProviderConfig");
            (200, None, if is_config { config.clone() } else { page.clone() })
        });
        assert_eq!(pulled(&provider.url, PullKind::Scim).await.unwrap_err(), expected);
        provider.stop().await;
    }
    let provider =
        Provider::start(|_, _| (200, None, json!({"access_token": "x".repeat(262_144)})));
    let credentials = PullCredentials::Client {
        id: "app".to_owned(),
        secret: SecretString::from(secrets::keep("secret-of-the-app")),
        token_url: format!("{}/token", provider.url).parse().unwrap(),
        scope: None,
    };
    let url = provider.url.parse().unwrap();
    let source = PullSource { url, kind: PullKind::Scim, credentials, source: "idp".to_owned() };
    let puller = Puller::new(source, Completeness::Current, Clock::System).unwrap();
    let expected = PullError::TooLarge { what: "the token".to_owned(), max: 256 * 1024 };
    assert_eq!(puller.pull().await.unwrap_err(), expected);
    assert_eq!(provider.calls.load(Ordering::SeqCst), 1);
    provider.stop().await;
}
