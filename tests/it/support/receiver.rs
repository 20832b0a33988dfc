//! A receiver of notifications that answers as the test says, and checks signatures by itself.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard};

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The secret that the receiver shares with the bridge.
pub const SECRET: &str = "whsec_bm90aWZpY2F0aW9ucy1vZi10aGUtdGVzdHM=";

/// The bytes of [`SECRET`].
const KEY: &[u8] = b"notifications-of-the-tests";

/// What the receiver answers to one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status.
    Status(u16),
    /// A status with `Retry-After`, in seconds.
    Later(u16, u32),
    /// A redirect to this URL.
    Redirect(String),
    /// Nothing. The connection stays open.
    Hang,
}

/// A request that the receiver got.
#[derive(Clone, Debug)]
pub struct Received {
    pub id: String,
    pub body: Value,
    /// Whether the receiver answered 2xx.
    pub confirmed: bool,
}

#[derive(Default)]
struct State {
    replies: Mutex<VecDeque<Reply>>,
    received: Mutex<Vec<Received>>,
}

pub struct Receiver {
    pub url: String,
    pub port: u16,
    state: Data<State>,
    server: actix_web::dev::ServerHandle,
}

impl Receiver {
    /// Starts a receiver that answers with these replies, and then always with 204.
    pub fn start(replies: &[Reply]) -> Self {
        super::secrets::keep(SECRET);
        let state = Data::new(State::default());
        lock(&state.replies).extend(replies.iter().cloned());
        Self::listening(TcpListener::bind("127.0.0.1:0").unwrap(), state)
    }

    /// Starts a receiver on a port that was used before.
    pub fn at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        Self::listening(listener, Data::new(State::default()))
    }

    fn listening(listener: TcpListener, state: Data<State>) -> Self {
        let port = listener.local_addr().unwrap().port();
        let shared = Data::clone(&state);
        let server = HttpServer::new(move || {
            App::new().app_data(Data::clone(&shared)).default_service(web::to(answer))
        })
        .workers(1)
        .shutdown_timeout(0)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url: format!("http://127.0.0.1:{port}/hook"), port, state, server: handle }
    }

    /// All requests so far.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.state.received).clone()
    }

    /// The requests that the receiver confirmed.
    pub fn confirmed(&self) -> Vec<Received> {
        self.received().into_iter().filter(|received| received.confirmed).collect()
    }

    pub async fn stop(self) {
        self.server.stop(false).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

async fn answer(request: HttpRequest, body: Bytes, state: Data<State>) -> HttpResponse {
    let reply = lock(&state.replies).pop_front().unwrap_or(Reply::Status(204));
    let header = |name: &str| request.headers().get(name).unwrap().to_str().unwrap().to_owned();
    let id = header("webhook-id");
    check_signature(&id, &header("webhook-timestamp"), &header("webhook-signature"), &body);
    assert_eq!(request.method(), "POST");
    assert_eq!(header("content-type"), "application/json");
    let status = match &reply {
        Reply::Status(status) | Reply::Later(status, _) => *status,
        Reply::Redirect(_) => 307,
        Reply::Hang => 0,
    };
    let body = serde_json::from_slice(&body).unwrap();
    let confirmed = (200..300).contains(&status);
    lock(&state.received).push(Received { id, body, confirmed });
    let mut response = match actix_web::http::StatusCode::from_u16(status) {
        Ok(status) => HttpResponse::build(status),
        Err(_) => std::future::pending().await,
    };
    match reply {
        Reply::Later(_, seconds) => response.insert_header(("retry-after", seconds.to_string())),
        Reply::Redirect(url) => response.insert_header(("location", url)),
        _ => &mut response,
    };
    response.finish()
}

/// Standard Webhooks: the signature is the Base64 of the HMAC with SHA-256 over id, timestamp and
/// body, joined by dots.
fn check_signature(id: &str, timestamp: &str, signature: &str, body: &[u8]) {
    let signature = signature.strip_prefix("v1,").unwrap();
    let signature = STANDARD.decode(signature).unwrap();
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY);
    hmac::verify(&key, &signed, &signature).expect("the signature fits");
    let now = intercom_scim_bridge::clock::Clock::System.now().unix_timestamp();
    assert!((now - timestamp.parse::<i64>().unwrap()).abs() < 300, "the timestamp is that of now");
}
