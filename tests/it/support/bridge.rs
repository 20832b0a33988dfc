//! A running bridge beside a simulated Intercom, and a client for it.

use std::pin::Pin;
use std::time::Duration;

use intercom_scim_bridge::access::{Grant, Scope, client_id, client_secret};
use intercom_scim_bridge::app::App;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::config::Config;
use intercom_scim_bridge::directory::CatalogueForm;
use intercom_scim_bridge::stores::OAuthClient;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use simulator::{Options, Simulator, Workspace};

use super::database::TestDatabase;
use super::hand::TOKEN;
use super::secrets;

pub struct Bridge {
    pub app: App,
    pub simulator: Simulator,
    pub token: String,
    pub config: Config,
    http: reqwest::Client,
    _database: TestDatabase,
}

/// A response with its body.
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    async fn read(response: Response) -> Self {
        let status = response.status();
        let headers = response.headers().clone();
        let answers_with_secrets = response.url().path() == "/oauth/token";
        let answer = Self { status, headers, text: response.text().await.unwrap() };
        if !answers_with_secrets {
            secrets::scan("an answer", &format!("{:?} {}", answer.headers, answer.text));
        }
        answer
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The client secret of the app that sends webhooks.
pub const CLIENT_SECRET: &str = "c3c7a1f0-sign-webhooks";

/// The `X-Hub-Signature` of a webhook.
pub fn signature(body: impl AsRef<[u8]>) -> String {
    signature_by(CLIENT_SECRET, body)
}

/// The `X-Hub-Signature` of a webhook by an app with this client secret.
pub fn signature_by(secret: &str, body: impl AsRef<[u8]>) -> String {
    use aws_lc_rs::hmac;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let tag = hmac::sign(&key, body.as_ref());
    format!("sha1={}", hex::encode(tag))
}

/// The key that encrypts secrets in the ledger.
pub const ENCRYPTION_KEY: &str = "dGVzdHMtc2VhbC13aXRoLXRoaXMtdGVzdC1rZXktMzI=";

pub fn config(database: &TestDatabase, intercom: &str) -> Config {
    for secret in [TOKEN, CLIENT_SECRET, ENCRYPTION_KEY] {
        secrets::keep(secret);
    }
    let mut config = Config::defaults().unwrap();
    config.server.bind = "127.0.0.1:0".parse().unwrap();
    config.database.url = SecretString::from(database.url.clone());
    config.intercom.access_token = Some(SecretString::from(TOKEN));
    config.access.encryption_key = Some(SecretString::from(ENCRYPTION_KEY));
    config.intercom.client_secret = Some(SecretString::from(CLIENT_SECRET));
    config.intercom.base_url = Some(intercom.parse().unwrap());
    // So that the schedule starts no import during a test: tests start their imports themselves.
    config.import.poll_interval = Some(Duration::from_hours(1));
    config
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

impl Bridge {
    pub async fn serving(workspace: Workspace) -> Self {
        let bridge = Self::starting(workspace).await;
        bridge.shows(1).await;
        bridge
    }

    /// Starts a bridge with other settings, and waits for its first served snapshot.
    pub async fn serving_with(workspace: Workspace, change: impl FnOnce(&mut Config)) -> Self {
        let bridge = Self::starting_with(workspace, change).await;
        bridge.shows(1).await;
        bridge
    }

    /// Starts a bridge that does not limit the rate of requests, and that has every path of the
    /// OpenAPI description: also those of roles, seats and permissions.
    pub async fn serving_every_path(workspace: Workspace) -> Self {
        let change = |config: &mut Config| {
            config.limits.requests_per_second = 0;
            config.scim.roles_and_entitlements = CatalogueForm::Okta;
        };
        Self::serving_with(workspace, change).await
    }

    /// Starts a bridge, and does not wait for its first served snapshot.
    pub async fn starting(workspace: Workspace) -> Self {
        Self::starting_with(workspace, |_| {}).await
    }

    /// The same, with other settings.
    pub async fn starting_with(workspace: Workspace, change: impl FnOnce(&mut Config)) -> Self {
        let database = TestDatabase::sqlite();
        let simulator = Simulator::start(workspace, Options::default()).unwrap();
        let mut config = config(&database, &simulator.base_url());
        change(&mut config);
        let app = Box::pin(App::start(&config, Clock::System)).await.unwrap();
        let token = token(&app, &Scope::ALL);
        Self { app, simulator, token, http: http(), config, _database: database }
    }

    /// Waits until this generation, or a later one, is served.
    pub async fn shows(&self, generation: i64) {
        let live = &self.app.service().workspaces["default"].live;
        tokio::time::timeout(
            Duration::from_secs(20),
            live.shows(|shown| shown.generation >= generation),
        )
        .await
        .expect("a served snapshot within 20 seconds");
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.app.address())
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    pub async fn send(request: RequestBuilder) -> Answer {
        Answer::read(request.send().await.unwrap()).await
    }

    /// Sends a request with a token of all scopes.
    pub async fn ask(&self, method: Method, path: &str) -> Answer {
        Self::send(self.request(method, path).bearer_auth(&self.token)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).await
    }

    // Boxed: it holds the whole bridge, which would make the future of each test large.
    pub fn stop(self) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(async move {
            self.app.stop().await;
            self.simulator.stop().await;
        })
    }
}

pub fn token(app: &App, scopes: &[Scope]) -> String {
    token_for(app, scopes, &["default"])
}

pub fn token_for(app: &App, scopes: &[Scope], workspaces: &[&str]) -> String {
    let grant = Grant {
        subject: "test".to_owned(),
        client: None,
        scopes: scopes.to_vec(),
        workspaces: workspaces.iter().map(|name| (*name).to_owned()).collect(),
        ttl: Duration::from_hours(1),
    };
    secrets::keep(app.service().tokens.issue(&grant).unwrap().expose())
}

/// Adds an OAuth client, and returns its id and secret.
pub async fn client(app: &App, scope: &str, workspaces: &[&str]) -> (String, String) {
    let (secret, secret_hash) = client_secret().unwrap();
    let client = OAuthClient {
        id: client_id("test").unwrap(),
        name: "Test".to_owned(),
        secret_hash,
        previous: None,
        scope: scope.to_owned(),
        workspaces: workspaces.iter().map(|name| (*name).to_owned()).collect(),
        created_at: app.service().clock.now(),
        rotated_at: None,
        disabled_at: None,
    };
    app.service().stores.access.add_client(&client, Vec::new()).await.unwrap();
    let secret = secrets::keep_client(&client.id, secret.expose_secret());
    (client.id, secret)
}

/// Requests an import.
pub async fn start_import(bridge: &Bridge, body: &str, prefer: &str) -> Answer {
    let request = bridge.request(Method::POST, "/api/v1/imports").bearer_auth(&bridge.token);
    Bridge::send(request.header("Prefer", prefer).body(body.to_owned())).await
}

/// Returns path and query of a link.
pub fn path_of(url: &Value) -> String {
    let url = reqwest::Url::parse(url.as_str().unwrap()).unwrap();
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

/// A workspace of twelve teammates, the same in each run.
pub fn dozen() -> Workspace {
    let company = simulator::Company { admins: 12, teams: 3, seed: 7, now: 1_772_366_400 };
    simulator::seed(company, TOKEN)
}
