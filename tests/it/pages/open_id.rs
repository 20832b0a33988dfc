//! Signing in to the console by an identity provider.

use std::collections::{BTreeMap, HashMap};

use intercom_scim_bridge::console::ConsoleRole;
use reqwest::{Method, Url};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{page, token_of};
use crate::audit::entries;
use crate::support::bridge::{Answer, Bridge, dozen};
use crate::support::issuer::Pair;
use crate::support::provider::{CLIENT, Provider, SECRET};
use crate::support::secrets;

async fn bridge(provider: &Provider) -> Bridge {
    let issuer: Url = provider.base.parse().unwrap();
    Bridge::serving_with(dozen(), |config| {
        let oidc = &mut config.console_oidc;
        oidc.issuer = Some(issuer);
        oidc.client_id = Some(CLIENT.to_owned());
        oidc.client_secret = Some(SecretString::from(SECRET));
        oidc.groups = BTreeMap::from([
            ("Support Leads".to_owned(), ConsoleRole::Reviewer),
            ("Operators".to_owned(), ConsoleRole::Admin),
        ]);
        oidc.email_domains =
            BTreeMap::from([("northwind.example".to_owned(), ConsoleRole::Viewer)]);
    })
    .await
}

/// A sign-in that a browser has begun.
struct Begun {
    /// The cookie of the sign-in.
    cookie: String,
    /// The parameters with which the browser arrives at the provider.
    request: HashMap<String, String>,
}

/// Sends a request whose answer has secrets in its headers.
async fn send(bridge: &Bridge, path: &str, cookie: &str) -> Answer {
    let answer = bridge.request(Method::GET, path).header("Cookie", cookie).send().await.unwrap();
    let status = answer.status();
    let headers = answer.headers().clone();
    Answer { status, headers, text: answer.text().await.unwrap() }
}

async fn begin(bridge: &Bridge) -> Begun {
    let answer = send(bridge, "/oidc/start", "").await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let location: Url = answer.header("location").parse().unwrap();
    assert!(location.path().ends_with("/authorize"), "{location}");
    let set = answer.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"] {
        assert!(set.contains(part), "{set}");
    }
    let cookie = set.split(';').next().unwrap().to_owned();
    secrets::keep(cookie.split('=').nth(1).unwrap());
    Begun { cookie, request: location.query_pairs().into_owned().collect() }
}

fn claims(bridge: &Bridge, provider: &Provider, begun: &Begun) -> Value {
    let now = bridge.app.service().clock.now().unix_timestamp();
    json!({
        "iss": provider.base, "aud": CLIENT, "sub": "00u1", "iat": now, "exp": now + 300,
        "nonce": begun.request["nonce"], "name": "Ada Lovelace",
        "email": "ada@northwind.example", "email_verified": true, "groups": ["Support Leads"],
    })
}

async fn finish(bridge: &Bridge, begun: &Begun, code: &str) -> Answer {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("code", code)
        .append_pair("state", &begun.request["state"])
        .finish();
    send(bridge, &format!("/oidc/callback?{query}"), &begun.cookie).await
}

fn session(answer: &Answer) -> Option<String> {
    let all = answer.headers.get_all("set-cookie").iter();
    let mut all = all.filter_map(|value| value.to_str().ok());
    let cookie = all.find(|cookie| cookie.starts_with("bridge_session="))?;
    assert!(cookie.contains("SameSite=Strict") && cookie.contains("HttpOnly"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    secrets::keep(cookie.split('=').nth(1).unwrap());
    Some(cookie)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_by_the_identity_provider_with_the_role_of_a_group() {
    let provider = Provider::start();
    let bridge = bridge(&provider).await;
    let signed_out = page(&bridge, "/", "").await.text;
    assert!(signed_out.contains("href=\"/oidc/start\""), "{signed_out}");
    let begun = begin(&bridge).await;
    assert!(begun.request["redirect_uri"].ends_with("/oidc/callback"));
    let token = provider.pair.sign(&claims(&bridge, &provider, &begun));
    provider.sign_in("code-1", &begun.request, token);
    let answer = finish(&bridge, &begun, "code-1").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    // A page of the bridge leads on: on a redirect from the provider, the browser would not send
    // the cookie of the session.
    assert!(answer.text.contains("http-equiv=\"refresh\""), "{}", answer.text);
    let cookie = session(&answer).expect("a session");
    let imports = page(&bridge, "/imports", &cookie).await;
    assert!(imports.text.contains("Ada Lovelace (ada@northwind.example)"), "{}", imports.text);
    assert!(imports.text.contains("Start an import"), "a reviewer: {}", imports.text);
    let begun_entry = entries(&bridge, "&event=page.session_begun", |_| true).await;
    assert_eq!(begun_entry[0]["actor"], "Ada Lovelace (ada@northwind.example)");
    assert_eq!(begun_entry[0]["detail"], "role reviewer, subject 00u1");

    // The same answer again, with the same code or another one, is refused.
    let replayed = finish(&bridge, &begun, "code-1").await;
    assert_eq!(replayed.status, 400, "{}", replayed.text);
    assert!(session(&replayed).is_none());

    // Signing out ends the session.
    let end = bridge.request(Method::POST, "/logout").header("Cookie", &cookie);
    let out = Bridge::send(end.body(format!("csrf={}", token_of(&imports)))).await;
    assert_eq!(out.status, 303);
    assert!(page(&bridge, "/imports", &cookie).await.text.contains("/oidc/start"));
    assert_eq!(provider.discovered(), 1, "discovery is kept");
    bridge.stop().await;
    provider.stop().await;
}

type Change = fn(&mut Value);

/// Changes of an ID token, and why the sign-in is then refused.
const WRONG_CLAIMS: [(&str, Change, &str); 15] = [
    ("another nonce", |claims| claims["nonce"] = json!("other"), "another sign-in"),
    ("no nonce", |claims| claims["nonce"] = Value::Null, "another sign-in"),
    ("another audience", |claims| claims["aud"] = json!("other"), "another application"),
    ("several audiences", |claims| claims["aud"] = json!([CLIENT, "x"]), "another application"),
    ("another party", |claims| claims["azp"] = json!("other"), "another application"),
    ("another issuer", |claims| claims["iss"] = json!("https://evil.example"), "another issuer"),
    ("expired", |claims| claims["exp"] = json!(1_700_000_000), "expired"),
    ("no expiry", |claims| claims["exp"] = Value::Null, "when it expires"),
    ("from the future", |claims| claims["iat"] = json!(9_000_000_000_i64), "not valid yet"),
    ("not valid yet", |claims| claims["nbf"] = json!(9_000_000_000_i64), "not valid yet"),
    ("no subject", |claims| claims["sub"] = json!(""), "who you are"),
    (
        "no group",
        |claims| {
            claims["groups"] = json!(["Others"]);
            claims["email"] = json!("ada@elsewhere.example");
        },
        "none of your groups",
    ),
    (
        "no groups at all",
        |claims| {
            claims["groups"] = Value::Null;
            claims["email"] = Value::Null;
        },
        "none of your groups",
    ),
    (
        "address not verified",
        |claims| {
            claims["groups"] = json!([]);
            claims["email_verified"] = json!(false);
        },
        "not verified your e-mail address",
    ),
    (
        "unknown whether verified",
        |claims| {
            claims["groups"] = json!([]);
            claims["email_verified"] = Value::Null;
        },
        "not verified your e-mail address",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_that_is_wrong_in_any_way_is_refused_with_the_reason() {
    let provider = Provider::start();
    let bridge = bridge(&provider).await;
    for (what, change, why) in WRONG_CLAIMS {
        let begun = begin(&bridge).await;
        let mut claims = claims(&bridge, &provider, &begun);
        change(&mut claims);
        provider.sign_in("code", &begun.request, provider.pair.sign(&claims));
        let answer = finish(&bridge, &begun, "code").await;
        assert_eq!(answer.status, 403, "{what}: {}", answer.text);
        assert!(answer.text.contains(why), "{what}: {}", answer.text);
        assert!(session(&answer).is_none(), "{what}");
    }
    bridge.stop().await;
    provider.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_id_token_is_refused() {
    let provider = Provider::start();
    let bridge = bridge(&provider).await;
    let stranger = Pair::ec("one");
    let unknown = Pair::ec("two");
    for what in ["none", "hmac", "signature", "key", "crit", "nonsense"] {
        let begun = begin(&bridge).await;
        let claims = claims(&bridge, &provider, &begun);
        let text = claims.to_string();
        let head = |alg: &str| json!({"alg": alg, "typ": "JWT", "kid": "one"}).to_string();
        let unsigned = provider.pair.forge(&head("none"), &text);
        let token = match what {
            // Without a signature, as RFC 7519 §6 writes it.
            "none" => format!("{}.", unsigned.rsplit_once('.').unwrap().0),
            "hmac" => provider.pair.forge(&head("HS256"), &text),
            "signature" => stranger.sign(&claims),
            "key" => unknown.sign(&claims),
            "crit" => provider
                .pair
                .forge(&json!({"alg": "ES256", "kid": "one", "crit": ["exp"]}).to_string(), &text),
            _ => "no token".to_owned(),
        };
        provider.sign_in("code", &begun.request, token);
        let answer = finish(&bridge, &begun, "code").await;
        assert_eq!(answer.status, 403, "{what}: {}", answer.text);
        assert!(answer.text.contains("is not valid"), "{what}: {}", answer.text);
        assert!(session(&answer).is_none(), "{what}");
    }
    bridge.stop().await;
    provider.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_browser_that_began_can_finish_and_only_with_its_state_and_code() {
    let provider = Provider::start();
    let bridge = bridge(&provider).await;
    let begun = begin(&bridge).await;
    let other = begin(&bridge).await;
    assert_ne!(begun.request["state"], other.request["state"]);
    assert_ne!(begun.request["nonce"], other.request["nonce"]);
    let token = provider.pair.sign(&claims(&bridge, &provider, &begun));
    provider.sign_in("code", &begun.request, token);
    let state = &begun.request["state"];
    for (cookie, query) in [
        ("", format!("code=code&state={state}")),
        (other.cookie.as_str(), format!("code=code&state={state}")),
        (begun.cookie.as_str(), "code=code&state=wrong".to_owned()),
        (begun.cookie.as_str(), "code=code".to_owned()),
    ] {
        let answer = send(&bridge, &format!("/oidc/callback?{query}"), cookie).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        assert!(session(&answer).is_none());
    }
    // A code of another person's sign-in has another challenge.
    let stolen = finish(&bridge, &other, "code").await;
    assert_eq!(stolen.status, 403, "{}", stolen.text);
    assert!(stolen.text.contains("did not accept the sign-in"), "{}", stolen.text);
    // The provider says that the person cancelled; and a response of another issuer (RFC 9207).
    let query = format!("error=access_denied&state={state}");
    let cancelled = send(&bridge, &format!("/oidc/callback?{query}"), &begun.cookie).await;
    assert_eq!(cancelled.status, 403);
    assert!(cancelled.text.contains("cancelled"), "{}", cancelled.text);
    let mixed = begin(&bridge).await;
    let query = format!("code=x&iss=https://evil.example&state={}", mixed.request["state"]);
    let mixed = send(&bridge, &format!("/oidc/callback?{query}"), &mixed.cookie).await;
    assert!(mixed.text.contains("another issuer"), "{}", mixed.text);
    bridge.stop().await;
    provider.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verified_address_gives_the_role_of_its_domain_and_the_largest_role_counts() {
    let provider = Provider::start();
    let bridge = bridge(&provider).await;
    let cases: [(Change, &str); 3] = [
        (|claims| claims["groups"] = Value::Null, "viewer"),
        (|claims| claims["groups"] = json!(["Support Leads", "Operators"]), "admin"),
        (|claims| claims["groups"] = json!("Operators"), "admin"),
    ];
    for (change, role) in cases {
        let begun = begin(&bridge).await;
        let mut claims = claims(&bridge, &provider, &begun);
        change(&mut claims);
        provider.sign_in("code", &begun.request, provider.pair.sign(&claims));
        let answer = finish(&bridge, &begun, "code").await;
        let cookie = session(&answer).unwrap_or_else(|| panic!("{role}: {}", answer.text));
        let shown = page(&bridge, "/people", &cookie).await.text;
        assert!(shown.contains(&format!(" · {role}")), "{role}: {shown}");
    }
    bridge.stop().await;
    provider.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_is_named_in_plain_words_and_none_is_needed() {
    let provider = Provider::start();
    provider.set_down(true);
    let down = bridge(&provider).await;
    let answer = send(&down, "/oidc/start", "").await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(answer.text.contains("The identity provider"), "{}", answer.text);
    down.stop().await;
    provider.stop().await;
    let without = Bridge::serving(dozen()).await;
    assert_eq!(send(&without, "/oidc/start", "").await.status, 404);
    assert_eq!(send(&without, "/oidc/callback?code=x&state=y", "").await.status, 404);
    assert!(!page(&without, "/", "").await.text.contains("/oidc/start"));
    without.stop().await;
}
