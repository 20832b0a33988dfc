//! Which scope each operation requires. The tests go over the OpenAPI description, which is made
//! from the same list of routes as the router, so a new route is covered at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::http::openapi_document;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::support::bridge::{Answer, Bridge, dozen, token, token_for};

/// Why an action of the console is public: `tests/it/pages/acting.rs` checks each of them.
const ACTS: &str = "needs a session, its token in the form, and a role";

/// The operations that need no token, and why.
const PUBLIC: &[(&str, &str)] = &[
    ("GET /", "shows nothing without a session"),
    ("GET /.well-known/jwks.json", "public keys"),
    ("GET /.well-known/oauth-authorization-server", "RFC 8414"),
    ("GET /changes", "shows nothing without a session"),
    ("GET /changes/export", "shows nothing without a session"),
    ("GET /audit", "shows nothing without a session"),
    ("GET /audit/export", "shows nothing without a session"),
    ("GET /clients", "shows nothing without a session"),
    ("GET /connect/intercom", "needs a ticket"),
    ("GET /connect/intercom/callback", "needs a state and a session"),
    ("GET /healthz", "says only that the process answers"),
    ("GET /imports", "shows nothing without a session"),
    ("GET /login", "needs a link, and shows nothing"),
    ("GET /metrics", "names no workspace without a token"),
    ("GET /oidc/callback", "needs the cookie and the state of a sign-in"),
    ("GET /oidc/start", "leads to the identity provider"),
    ("GET /openapi.json", "describes the product and no workspace"),
    ("GET /people", "shows nothing without a session"),
    ("GET /people/export", "shows nothing without a session"),
    ("GET /people/{id}", "shows nothing without a session"),
    ("GET /readyz", "names no workspace without a token"),
    ("GET /requests", "shows nothing without a session"),
    ("GET /reviews", "shows nothing without a session"),
    ("GET /reviews/{id}", "shows nothing without a session"),
    ("GET /reviews/{id}/bundle", "shows nothing without a session"),
    ("GET /scim/v2/ResourceTypes", "RFC 7644 §4"),
    ("GET /scim/v2/ResourceTypes/{name}", "RFC 7644 §4"),
    ("GET /scim/v2/Schemas", "RFC 7644 §4"),
    ("GET /scim/v2/Schemas/{name}", "RFC 7644 §4"),
    ("GET /compare", "shows nothing without a session"),
    ("GET /compare/export", "shows nothing without a session"),
    ("GET /seats", "shows nothing without a session"),
    ("GET /seats/export", "shows nothing without a session"),
    ("GET /activity", "shows nothing without a session"),
    ("GET /activity/export", "shows nothing without a session"),
    ("GET /identities", "shows nothing without a session"),
    ("GET /identities/export", "shows nothing without a session"),
    ("GET /posture", "shows nothing without a session"),
    ("GET /posture/export", "shows nothing without a session"),
    ("GET /teams/{id}", "shows nothing without a session"),
    ("GET /teams", "shows nothing without a session"),
    ("GET /time-zone", "shows nothing without a session"),
    ("GET /scim/v2/ServiceProviderConfig", "RFC 7644 §4"),
    ("HEAD /webhooks/intercom/{workspace}", "says the same of every workspace"),
    ("POST /clients/disable", ACTS),
    ("POST /clients/revoke", ACTS),
    ("POST /identities/decide", ACTS),
    ("POST /identities/undo", ACTS),
    ("POST /imports/keep", ACTS),
    ("POST /imports/release", ACTS),
    ("POST /imports/start", ACTS),
    ("POST /login", "needs a link"),
    ("POST /logout", "ends a session"),
    ("POST /time-zone", "keeps how times are written in the browser"),
    ("POST /oauth/token", "needs the client's secret"),
    ("POST /requests/close", ACTS),
    ("POST /reviews/begin", ACTS),
    ("POST /reviews/{id}/decide", ACTS),
    ("POST /reviews/{id}/discard", ACTS),
    ("POST /reviews/{id}/sign", ACTS),
    ("POST /webhooks/intercom/{workspace}", "needs a signature"),
];

/// The paths that concern the bridge, not one workspace.
const ABOUT_NO_WORKSPACE: &str = "/api/v1/workspaces";

/// The paths that the source files of the router contain, and why no operation of the description
/// has them.
const NOT_DESCRIBED: &[(&str, &str)] = &[
    ("/scim/v2", "the root of SCIM"),
    ("/scim/okta/v2", "the second root of SCIM, with the same paths"),
    ("/workspaces/{workspace}/scim/okta/v2", "the same for a workspace by name"),
    ("/api/v1", "the root of the import and change API"),
    (
        "/workspaces/{workspace}/scim/v2",
        "the same for a workspace by name, as the description says",
    ),
    ("/workspaces/{workspace}/api/v1", "the same for a workspace by name"),
    ("/scim/{version:v[0-9.]+}{rest:(/.*)?}", "refuses other versions of SCIM"),
    ("/docs", "redirects to /docs/"),
    ("/docs/", "redirects to the viewer"),
    ("/docs/{_:.*}", "shows the description"),
    ("/status.css", "the style sheet of the console"),
    ("/favicon.svg", "the icon of the console"),
];

const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Returns the scope that each operation requires, by path and method; `None` if it needs no token.
fn described() -> BTreeMap<String, BTreeMap<String, Option<Scope>>> {
    let description: Value = serde_json::from_str(&openapi_document()).unwrap();
    assert!(description.get("security").is_none(), "what each operation needs stands there");
    let mut all: BTreeMap<String, BTreeMap<String, Option<Scope>>> = BTreeMap::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in &METHODS {
            let Some(operation) = item.get(method.as_str().to_lowercase()) else { continue };
            let ways = operation
                .get("security")
                .and_then(Value::as_array)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let scopes: BTreeSet<&str> = ways
                .iter()
                .flat_map(|way| way.as_object().unwrap().values())
                .map(|scopes| {
                    let [scope] = scopes.as_array().unwrap().as_slice() else {
                        panic!("{method} {path}: {scopes}")
                    };
                    scope.as_str().unwrap()
                })
                .collect();
            assert!(scopes.len() <= 1, "{method} {path}: {scopes:?}");
            let scope = scopes.first().map(|scope| scope.parse().unwrap());
            all.entry(path.clone()).or_default().insert(method.to_string(), scope);
        }
    }
    all
}

/// Returns a path with its parameters filled in.
fn filled(path: &str) -> String {
    let name = if path.contains("Schemas") {
        "urn:ietf:params:scim:schemas:core:2.0:User"
    } else {
        "User"
    };
    path.replace("{id}", "adm_1")
        .replace("{entitlement}", "team_1")
        .replace("{name}", name)
        .replace("{workspace}", "default")
}

async fn ask(bridge: &Bridge, method: &Method, path: &str, token: Option<&str>) -> Answer {
    let request = bridge.request(method.clone(), path);
    Bridge::send(token.into_iter().fold(request, RequestBuilder::bearer_auth)).await
}

#[test]
fn what_needs_no_token_is_on_a_list_that_says_why() {
    let described = described();
    let open: BTreeSet<String> = described
        .iter()
        .flat_map(|(path, methods)| {
            methods.iter().map(move |(method, scope)| (format!("{method} {path}"), scope))
        })
        .filter(|(_, scope)| scope.is_none())
        .map(|(operation, _)| operation)
        .collect();
    let listed: BTreeSet<String> =
        PUBLIC.iter().map(|(operation, _)| (*operation).to_owned()).collect();
    assert_eq!(
        open, listed,
        "take a `Caller` with a scope in the handler, or list the operation in PUBLIC and say why"
    );
}

/// An operation that needs a scope.
struct SecuredOperation {
    /// Its methods: GET with HEAD, or one other method.
    methods: Vec<Method>,
    path: String,
    scope: &'static str,
    has_workspace: bool,
}

/// Returns the described operations that need a scope.
fn secured() -> Vec<SecuredOperation> {
    let mut operations = Vec::new();
    for (path, methods) in described() {
        for (method, scope) in methods {
            let Some(scope) = scope.map(Scope::as_str) else { continue };
            let methods = if method == "GET" {
                vec![Method::GET, Method::HEAD]
            } else {
                vec![method.parse().unwrap()]
            };
            let has_workspace = path != ABOUT_NO_WORKSPACE;
            operations.push(SecuredOperation {
                methods,
                path: filled(&path),
                scope,
                has_workspace,
            });
        }
    }
    assert!(operations.len() > 50, "{}", operations.len());
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_refuses_requests_without_a_token_and_tokens_without_its_scope() {
    let bridge = Bridge::serving_every_path(dozen()).await;
    let no_scope = token(&bridge.app, &[]);
    let (only, all_but): (BTreeMap<_, _>, BTreeMap<_, _>) = Scope::ALL
        .into_iter()
        .map(|scope| {
            let others: Vec<Scope> =
                Scope::ALL.into_iter().filter(|other| *other != scope).collect();
            let named = |token: String| (scope.as_str(), token);
            (named(token(&bridge.app, &[scope])), named(token(&bridge.app, &others)))
        })
        .unzip();
    for SecuredOperation { methods, path: plain, scope, has_workspace } in secured() {
        let named = has_workspace.then(|| format!("/workspaces/default{plain}"));
        let paths: Vec<&String> = named.iter().chain([&plain]).collect();
        for (method, path) in
            methods.iter().flat_map(|method| paths.iter().map(move |path| (method, *path)))
        {
            let what = format!("{method} {path}");
            let answer = ask(&bridge, method, path, None).await;
            assert_eq!(answer.status, 401, "{what} without a token: {}", answer.text);
            assert!(answer.header("www-authenticate").starts_with("Bearer "), "{what}");
            let answer = ask(&bridge, method, path, Some("no.good.token")).await;
            assert_eq!(answer.status, 401, "{what}");
            for token in [&no_scope, &all_but[scope]] {
                let answer = ask(&bridge, method, path, Some(token)).await;
                assert_eq!(answer.status, 403, "{what} without {scope}: {}", answer.text);
                let challenge = answer.header("www-authenticate");
                assert!(challenge.contains(&format!("scope=\"{scope}\"")), "{what}: {challenge}");
            }
            let answer = ask(&bridge, method, path, Some(&only[scope])).await;
            assert!(
                !matches!(answer.status.as_u16(), 401 | 403),
                "{what} with {scope}: {}",
                answer.text
            );
        }
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_for_a_workspace_of_others_as_for_one_that_does_not_exist() {
    let bridge = Bridge::serving_every_path(dozen()).await;
    let no_scope = token(&bridge.app, &[]);
    let all_scopes = token(&bridge.app, &Scope::ALL);
    let of_another = token_for(&bridge.app, &Scope::ALL, &["elsewhere"]);
    for SecuredOperation { methods, path: plain, has_workspace, .. } in secured() {
        if !has_workspace {
            continue;
        }
        let elsewhere = format!("/workspaces/elsewhere{plain}");
        for method in &methods {
            for (path, token) in [
                (&elsewhere, &all_scopes),
                (&elsewhere, &of_another),
                (&plain, &of_another),
                (&elsewhere, &no_scope),
            ] {
                let answer = ask(&bridge, method, path, Some(token)).await;
                assert_eq!(
                    answer.status, 404,
                    "{method} {path} of another workspace: {}",
                    answer.text
                );
                assert!(
                    *method == Method::HEAD || answer.text.contains("this workspace"),
                    "{}",
                    answer.text
                );
            }
            let answer = ask(&bridge, method, &elsewhere, None).await;
            assert_eq!(answer.status, 401, "{method} {elsewhere}");
        }
    }
    bridge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn undescribed_methods_are_not_allowed() {
    let bridge = Bridge::serving_every_path(dozen()).await;
    for (path, methods) in described() {
        let plain = filled(&path);
        let options = ask(&bridge, &Method::OPTIONS, &plain, None).await;
        assert_eq!(options.status, 204, "OPTIONS {path}");
        let without_head = |names: BTreeSet<String>| -> BTreeSet<String> {
            names.into_iter().filter(|name| !matches!(name.as_str(), "HEAD" | "OPTIONS")).collect()
        };
        let allowed =
            without_head(options.header("allow").split(", ").map(str::to_owned).collect());
        assert_eq!(allowed, without_head(methods.keys().cloned().collect()), "OPTIONS {path}");
        for method in METHODS {
            // RFC 9110 §9.3.2: HEAD is GET without a body. Not every path has it.
            if methods.contains_key(method.as_str())
                || method == Method::HEAD && methods.contains_key("GET")
            {
                continue;
            }
            for token in [None, Some(bridge.token.as_str())] {
                let answer = ask(&bridge, &method, &plain, token).await;
                assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text);
            }
        }
    }
    bridge.stop().await;
}

/// Returns all string literals that begin with a slash. Comments are left out.
fn paths_in(code: &str) -> BTreeSet<&str> {
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|text| text.starts_with('/'))
        .collect()
}

#[test]
fn the_description_has_every_route_but_those_on_a_list_that_says_why() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http"));
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let list = read(&root.join("routes/mod.rs"));
    let router = read(&root.join("routes/router.rs"));
    let listed: BTreeSet<&str> = NOT_DESCRIBED.iter().map(|(path, _)| *path).collect();
    let found: BTreeSet<&str> = paths_in(&list).union(&paths_in(&router)).copied().collect();
    assert_eq!(found, listed, "a route is made from a handler's `#[utoipa::path]`");
    // No other file makes routes.
    for path in crate::tidy::files("src/http", ".rs") {
        if path.starts_with(root.join("routes")) {
            continue;
        }
        let code = read(&path);
        for makes_routes in ["web::resource(", "web::scope(", ".service(", "web::route("] {
            assert!(!code.contains(makes_routes), "{}: {makes_routes}", path.display());
        }
    }
}
