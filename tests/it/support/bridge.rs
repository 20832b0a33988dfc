//! A whole bridge before a simulator, and a client that asks it.

use std::time::Duration;

use intercom_scim_bridge::access::{Grant, Scope};
use intercom_scim_bridge::app::App;
use intercom_scim_bridge::clock::Clock;
use intercom_scim_bridge::config::Config;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::SecretString;
use serde_json::Value;
use simulator::{Options, Simulator, Workspace};

use super::database::TestDatabase;
use super::hand::TOKEN;

pub struct Bridge {
    pub app: App,
    pub simulator: Simulator,
    pub token: String,
    http: reqwest::Client,
    _database: TestDatabase,
}

/// An answer, read.
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    async fn read(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
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

pub fn config(database: &TestDatabase, intercom: &str) -> Config {
    let mut config = Config::defaults().unwrap();
    config.server.bind = "127.0.0.1:0".parse().unwrap();
    config.database.url = SecretString::from(database.url.clone());
    config.intercom.access_token = Some(SecretString::from(TOKEN));
    config.intercom.client_secret = Some(SecretString::from(CLIENT_SECRET));
    config.intercom.base_url = Some(intercom.parse().unwrap());
    // Tests that want an import say so; nothing happens by the clock.
    config.import.poll_interval = Duration::from_hours(1);
    config
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

impl Bridge {
    pub async fn serving(workspace: Workspace) -> Self {
        let bridge = Self::starting(workspace).await;
        bridge.shows(1).await;
        bridge
    }

    /// Does not wait for the first picture.
    pub async fn starting(workspace: Workspace) -> Self {
        let database = TestDatabase::sqlite();
        let simulator = Simulator::start(workspace, Options::default()).unwrap();
        let app = App::start(&config(&database, &simulator.base_url()), Clock::System).await.unwrap();
        let token = token(&app, &Scope::ALL);
        Self { app, simulator, token, http: http(), _database: database }
    }

    /// Waits until at least that generation is shown.
    pub async fn shows(&self, generation: i64) {
        let live = &self.app.service().workspaces["default"].live;
        tokio::time::timeout(Duration::from_secs(20), live.shows(|shown| shown.generation >= generation))
            .await
            .expect("a picture within 20 seconds");
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

    /// With a token that may do everything.
    pub async fn ask(&self, method: Method, path: &str) -> Answer {
        Self::send(self.request(method, path).bearer_auth(&self.token)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).await
    }

    pub async fn stop(self) {
        self.app.stop().await;
        self.simulator.stop().await;
    }
}

pub fn token(app: &App, scopes: &[Scope]) -> String {
    let grant = Grant {
        subject: "test".to_owned(),
        scopes: scopes.to_vec(),
        workspaces: vec!["default".to_owned()],
        ttl: Duration::from_hours(1),
    };
    app.service().tokens.issue(&grant).unwrap()
}

/// A company of a dozen, always the same.
pub fn dozen() -> Workspace {
    let company = simulator::Company { admins: 12, teams: 3, seed: 7, now: 1_772_366_400 };
    simulator::seed(company, TOKEN)
}
