//! A simulated identity provider: OpenID Connect with discovery, codes with PKCE, and ID tokens.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::issuer::Pair;

pub const CLIENT: &str = "bridge";
pub const SECRET: &str = "the-secret-of-the-bridge";

/// A code that the provider gave out.
struct Code {
    challenge: String,
    redirect_uri: String,
    id_token: String,
}

#[derive(Default)]
struct State {
    base: String,
    keys: Vec<Value>,
    codes: HashMap<String, Code>,
    discovered: u32,
    down: bool,
}

pub struct Provider {
    pub base: String,
    pub pair: Pair,
    state: Arc<Mutex<State>>,
    server: actix_web::dev::ServerHandle,
}

impl Provider {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let pair = Pair::ec("one");
        let state = State { base: base.clone(), keys: vec![pair.jwk()], ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let data = Data::new(Arc::clone(&state));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::clone(&data))
                .route("/.well-known/openid-configuration", web::get().to(discovery))
                .route("/keys", web::get().to(keys))
                .route("/token", web::post().to(token))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { base, pair, state, server: handle }
    }

    /// A person signs in there: remembers a code for this authorization request.
    pub fn sign_in(&self, code: &str, request: &HashMap<String, String>, id_token: String) {
        assert_eq!(request["response_type"], "code");
        assert_eq!(request["client_id"], CLIENT);
        assert_eq!(request["code_challenge_method"], "S256");
        assert!(request["scope"].split(' ').any(|scope| scope == "openid"), "{request:?}");
        let code_given = Code {
            challenge: request["code_challenge"].clone(),
            redirect_uri: request["redirect_uri"].clone(),
            id_token,
        };
        self.state.lock().unwrap().codes.insert(code.to_owned(), code_given);
    }

    pub fn discovered(&self) -> u32 {
        self.state.lock().unwrap().discovered
    }

    pub fn set_down(&self, down: bool) {
        self.state.lock().unwrap().down = down;
    }

    pub async fn stop(self) {
        self.server.stop(true).await;
    }
}

type Shared = Data<Arc<Mutex<State>>>;

async fn discovery(state: Shared) -> HttpResponse {
    let mut state = state.lock().unwrap();
    state.discovered += 1;
    if state.down {
        return HttpResponse::InternalServerError().finish();
    }
    let base = &state.base;
    HttpResponse::Ok().json(json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/keys"),
    }))
}

async fn keys(state: Shared) -> HttpResponse {
    HttpResponse::Ok().json(json!({"keys": state.lock().unwrap().keys}))
}

/// Gives the ID token for a code, once, to the client that proves itself and has the verifier.
async fn token(request: HttpRequest, state: Shared, body: Bytes) -> HttpResponse {
    let refused = |error: &str| HttpResponse::BadRequest().json(json!({"error": error}));
    let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let expected = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
    let given = request.headers().get("Authorization").and_then(|value| value.to_str().ok());
    if given != Some(&*expected) {
        return refused("invalid_client");
    }
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    let Some(code) = state.lock().unwrap().codes.remove(&field("code")) else {
        return refused("invalid_grant");
    };
    let hash = digest(&SHA256, field("code_verifier").as_bytes());
    let fits = URL_SAFE_NO_PAD.encode(hash) == code.challenge
        && field("redirect_uri") == code.redirect_uri
        && field("grant_type") == "authorization_code";
    if !fits {
        return refused("invalid_grant");
    }
    HttpResponse::Ok()
        .json(json!({"access_token": "unused", "token_type": "Bearer", "id_token": code.id_token}))
}
