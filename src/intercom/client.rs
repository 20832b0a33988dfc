//! HTTP calls to Intercom: token, API version, time-outs, retries, pacing.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tracing::Instrument;

use super::answer::{self, NO_CODE, Refusal, malformed};
use super::error::{IntercomError, Outage};
use super::pacing::RateBudget;
use super::region::Region;
use super::scan::{Scan, TooMuch};
use super::wire::{Object, Text};

use crate::clock::Clock;
use crate::limits;
use crate::spans;

/// The settings for reaching a workspace.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The access token of the workspace's app; `None` until an operator connects the workspace.
    pub access_token: Option<SecretString>,
    /// The root of the API.
    pub base_url: Url,
    /// The configured region; compared with the one that Intercom reports.
    pub region: Option<Region>,
    /// The value of the `Intercom-Version` header, for example `2.16`.
    pub api_version: String,
    /// See [`limits::INTERCOM_CONNECT_TIMEOUT`].
    pub connect_timeout: Duration,
    /// See [`limits::INTERCOM_READ_TIMEOUT`].
    pub read_timeout: Duration,
}

/// A client for one workspace's Intercom API. It keeps connections open and reuses them.
pub struct Client {
    http: reqwest::Client,
    connection: Connection,
    authorization: ArcSwapOption<HeaderValue>,
    /// The number of the current token, counted from 1.
    token_number: AtomicU64,
    clock: Clock,
    allowance: Mutex<RateBudget>,
    calls: AtomicU64,
    retries: AtomicU64,
    rate_limited: AtomicU64,
}

/// Counts of the requests to Intercom since the client was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// All requests, including failed attempts.
    pub calls: u64,
    /// Requests that repeated a failed one.
    pub retries: u64,
    /// Requests that Intercom answered with 429.
    pub rate_limited: u64,
}

impl Client {
    /// Creates a client. Makes no call.
    ///
    /// # Errors
    /// A sentence, if the token contains characters that are not allowed in a header, or if TLS
    /// cannot be set up.
    pub fn new(connection: Connection, clock: Clock) -> Result<Self, String> {
        let authorization = connection.access_token.as_ref().map(bearer).transpose()?.map(Arc::new);
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that may build a client for Intercom"
        )]
        let http = reqwest::Client::builder()
            .user_agent(concat!("intercom-scim-bridge/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(connection.connect_timeout)
            .read_timeout(connection.read_timeout)
            .timeout(limits::INTERCOM_CALL_TIMEOUT)
            // Following a redirect would send the token to an address that the operator did not
            // configure.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| {
                "the TLS library could not be set up; are the system's CA certificates installed?"
                    .to_owned()
            })?;
        Ok(Self {
            http,
            connection,
            authorization: ArcSwapOption::new(authorization),
            token_number: AtomicU64::new(1),
            clock,
            allowance: Mutex::default(),
            calls: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            rate_limited: AtomicU64::new(0),
        })
    }

    /// Replaces the token for all further calls; `None` removes it.
    ///
    /// # Errors
    /// A sentence, if the token contains characters that are not allowed in a header.
    pub fn set_token(&self, token: Option<&SecretString>) -> Result<(), String> {
        self.authorization.store(token.map(bearer).transpose()?.map(Arc::new));
        self.token_number.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// Returns the number of the current token, counted from 1. A different token may belong to a
    /// different workspace.
    #[must_use]
    pub fn token_number(&self) -> u64 {
        self.token_number.load(Ordering::SeqCst)
    }

    /// Returns the settings of the connection.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the clock that the client uses for waiting.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns the last known state of Intercom's rate limit.
    #[must_use]
    pub fn allowance(&self) -> RateBudget {
        *self.allowance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the counts of requests so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        Traffic {
            calls: self.calls.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            rate_limited: self.rate_limited.load(Ordering::Relaxed),
        }
    }

    /// Sends `GET path?query` and parses the response with `read`.
    pub(super) async fn get<T>(
        &self,
        path: &str,
        query: &[(String, String)],
        attempts: u32,
        read: impl Fn(&Object<'_>) -> Result<T, IntercomError>,
    ) -> Result<T, IntercomError> {
        let call = Call { query, ..Call::new(Method::GET, path, attempts) };
        self.call(call, |status, text| read(&answer::object(path, status, text)?)).await
    }

    /// Sends `GET path?query` with another version of the API than the configured one, and parses the
    /// response with `read`. The response may be JSON of any kind. A refusal is not repeated, also
    /// if a gateway sends it: the version may not exist.
    pub(super) async fn get_as<T>(
        &self,
        path: &str,
        query: &[(String, String)],
        version: &'static str,
        read: impl Fn(StatusCode, &Text) -> Result<T, IntercomError>,
    ) -> Result<T, IntercomError> {
        let call = Call {
            query,
            version: Some(version),
            is_repeated: |error| error.is_transient() && !error.is_refusal(),
            ..Call::new(Method::GET, path, limits::INTERCOM_ATTEMPTS)
        };
        self.call(call, read).await
    }

    /// Sends a `POST path` that only searches, and parses the response with `read`. The call
    /// changes nothing, so it may be repeated.
    pub(super) async fn search<T>(
        &self,
        path: &str,
        body: &impl Serialize,
        attempts: u32,
        read: impl Fn(&Object<'_>) -> Result<T, IntercomError>,
    ) -> Result<T, IntercomError> {
        let body = json_body(path, body)?;
        let call = Call { body: Some(body), ..Call::new(Method::POST, path, attempts) };
        self.call(call, |status, text| read(&answer::object(path, status, text)?)).await
    }

    /// Repeats a call until it succeeds, fails permanently, or has used up its attempts.
    async fn call<T>(
        &self,
        call: Call<'_>,
        read: impl Fn(StatusCode, &Text) -> Result<T, IntercomError>,
    ) -> Result<T, IntercomError> {
        let mut attempt = 1;
        loop {
            self.clock
                .sleep_if(self.allowance().hold(&self.clock).min(limits::INTERCOM_BACKOFF_MAX))
                .await;
            self.calls.fetch_add(1, Ordering::Relaxed);
            match self.attempt(&call, &read).await {
                Err(error) if (call.is_repeated)(&error) && attempt < call.attempts => {
                    let pause = pause_after(&error, attempt);
                    tracing::warn!(error = %error, attempt, pause_ms = pause.as_millis(), "a call to Intercom failed and is tried again");
                    self.clock.sleep_if(pause).await;
                    self.retries.fetch_add(1, Ordering::Relaxed);
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn attempt<T>(
        &self,
        call: &Call<'_>,
        read: impl Fn(StatusCode, &Text) -> Result<T, IntercomError>,
    ) -> Result<T, IntercomError> {
        let version = call.version.unwrap_or(&self.connection.api_version);
        let request = self.request_as(&call.method, call.path, version).query(call.query);
        let request = self.with_token(request)?;
        let (status, text) = self.send(request, call.path, call.body.clone()).await?;
        read(status, &text).map_err(|error| self.completed(error))
    }

    /// Asks Intercom for the time, and returns how many seconds this machine's clock is ahead;
    /// negative if behind. Every response has a time, also one that refuses the call, so no token
    /// is needed.
    ///
    /// # Errors
    /// The reason why there was no response, or none with a time.
    pub async fn compare_clocks(&self) -> Result<i64, IntercomError> {
        const PATH: &str = "/me";
        let mut request = self.request(&Method::GET, PATH);
        if let Some(authorization) = self.authorization.load_full() {
            request = request.header(AUTHORIZATION, (*authorization).clone());
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        let answered = self.send(request, PATH, None).await;
        match (self.allowance().clock_ahead, answered) {
            (Some(ahead), _) => Ok(ahead),
            (None, Err(error)) => Err(error),
            (None, Ok(_)) => Err(malformed(PATH, "its Date header is missing or cannot be read")),
        }
    }

    /// Returns how many seconds this machine's clock is now ahead of Intercom's; negative if
    /// behind. It is computed from the last response and the monotonic clock. Unlike
    /// [`RateBudget::clock_ahead`], it notices a clock that was set since that response.
    #[must_use]
    pub fn clock_ahead_now(&self) -> Option<i64> {
        self.allowance().clock_ahead_now(&self.clock)
    }

    /// Adds what only the client knows to the error of a response with a success status: how long
    /// to wait, and the configured region. [`Client::send`] does this for other responses.
    fn completed(&self, error: IntercomError) -> IntercomError {
        match error {
            IntercomError::RateLimited { resource, .. } => self.limited(resource),
            IntercomError::WrongRegion { actual, .. } => {
                IntercomError::WrongRegion { configured: self.connection.region, actual }
            }
            error => error,
        }
    }

    /// Counts a response that says that the rate limit is exceeded, and returns its error.
    fn limited(&self, resource: String) -> IntercomError {
        self.rate_limited.fetch_add(1, Ordering::Relaxed);
        let retry_after = self.allowance().until_reset(&self.clock);
        IntercomError::RateLimited { resource, retry_after }
    }

    fn request(&self, method: &Method, path: &str) -> RequestBuilder {
        self.request_as(method, path, &self.connection.api_version)
    }

    fn request_as(&self, method: &Method, path: &str, version: &str) -> RequestBuilder {
        let mut url = self.connection.base_url.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        let request = self.http.request(method.clone(), url).header(ACCEPT, "application/json");
        request.header("Intercom-Version", version)
    }

    /// Adds the workspace's token to a request.
    fn with_token(&self, request: RequestBuilder) -> Result<RequestBuilder, IntercomError> {
        let authorization = self.authorization.load_full().ok_or(IntercomError::NotConnected)?;
        Ok(request.header(AUTHORIZATION, (*authorization).clone()))
    }

    /// Sends a `POST path` that changes something, once, and returns the response body.
    /// `with_token` says whether the workspace's token is sent; if not, the credentials are in the
    /// body.
    pub(super) async fn post_once(
        &self,
        path: &str,
        body: &impl Serialize,
        with_token: bool,
    ) -> Result<Vec<u8>, IntercomError> {
        let mut request = self.request(&Method::POST, path);
        if with_token {
            request = self.with_token(request)?;
        }
        let body = json_body(path, body)?;
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.send(request, path, Some(body)).await.map(|(_, text)| text.text.into_bytes())
    }

    /// Sends a request and returns the text of a success response. Any other status becomes an
    /// error.
    async fn send(
        &self,
        mut request: RequestBuilder,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<(StatusCode, Text), IntercomError> {
        let posts = body.is_some();
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let span = spans::intercom_call(if posts { "POST" } else { "GET" }, path);
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that may call Intercom"
        )]
        let response =
            request.send().instrument(span).await.map_err(|error| unavailable(path, &error))?;
        self.allowance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .note(response.headers(), &self.clock);
        let status = response.status();
        let charset = response.headers().get(CONTENT_TYPE).and_then(answer::charset);
        let body = read_body(response, path).await?;
        if status.is_success() {
            return Ok((status, answer::text(body, charset.as_deref(), path)?));
        }
        let refusal = Refusal::parse(body);
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(self.limited(path.to_owned()));
        }
        Err(self.refused(path, status.as_u16(), refusal))
    }

    /// Maps an error response to an [`IntercomError`].
    fn refused(&self, path: &str, status: u16, refusal: Option<Refusal>) -> IntercomError {
        let resource = path.to_owned();
        let Some(Refusal { code, hosted_in }) = refusal else {
            let outage = match status {
                408 | 500.. => Outage::Answered { status, code: NO_CODE.to_owned() },
                _ => Outage::NotIntercom {
                    status,
                    what: "it does not have the form of an error of Intercom's",
                },
            };
            return IntercomError::Unavailable { resource, outage };
        };
        match status {
            403 if code == "region_mismatch" => {
                IntercomError::WrongRegion { configured: self.connection.region, actual: hosted_in }
            }
            401 => IntercomError::Unauthorized { resource, code },
            403 => IntercomError::Forbidden { resource, code },
            404 => IntercomError::NotFound { resource, code },
            408 | 500.. => {
                IntercomError::Unavailable { resource, outage: Outage::Answered { status, code } }
            }
            _ => IntercomError::Refused { resource, status, code },
        }
    }
}

/// A request to Intercom.
struct Call<'a> {
    method: Method,
    path: &'a str,
    query: &'a [(String, String)],
    body: Option<Vec<u8>>,
    /// The maximum number of attempts.
    attempts: u32,
    /// The version of the API, if it is not the configured one.
    version: Option<&'static str>,
    /// Whether the call is repeated after an error.
    is_repeated: fn(&IntercomError) -> bool,
}

impl<'a> Call<'a> {
    /// A call without a query and a body, of the configured version. It is repeated after each
    /// error that may soon pass.
    fn new(method: Method, path: &'a str, attempts: u32) -> Self {
        let is_repeated = IntercomError::is_transient;
        Self { method, path, query: &[], body: None, attempts, version: None, is_repeated }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("connection", &self.connection)
            .field("allowance", &self.allowance())
            .finish_non_exhaustive()
    }
}

/// Serialises the body of a request.
fn json_body(path: &str, body: &impl Serialize) -> Result<Vec<u8>, IntercomError> {
    serde_json::to_vec(body)
        .map_err(|_| malformed(path, "the request cannot be serialised as JSON"))
}

fn bearer(token: &SecretString) -> Result<HeaderValue, String> {
    let mut header =
        HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).map_err(|_| {
            "the Intercom access token holds characters that no token has; paste it again"
                .to_owned()
        })?;
    header.set_sensitive(true);
    Ok(header)
}

/// Reads a decompressed body up to the size limit of the resource. Stops with an error as soon as
/// it contains too many list elements. An error response is truncated instead.
async fn read_body(mut response: Response, path: &str) -> Result<Vec<u8>, IntercomError> {
    let resource = || path.to_owned();
    let succeeded = response.status().is_success();
    let limit = if succeeded { most_bytes(path) } else { limits::INTERCOM_REFUSAL_BYTES };
    let mut body = Vec::new();
    let mut scan = Scan::default();
    while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(path, &error))? {
        if body.len() + chunk.len() > limit {
            if succeeded {
                return Err(IntercomError::TooLarge { resource: resource(), limit });
            }
            break;
        }
        scan.take(&chunk).map_err(|TooMuch { most }| IntercomError::TooMany {
            resource: resource(),
            limit: most,
        })?;
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Returns the size limit of a resource's response.
fn most_bytes(path: &str) -> usize {
    match path {
        "/admins" | "/teams" => limits::INTERCOM_BODY_BYTES,
        _ if path.starts_with("/admins/activity_logs") => limits::INTERCOM_LOG_PAGE_BYTES,
        _ => limits::INTERCOM_RECORD_BYTES,
    }
}

/// Maps a transport error, without the URL in it.
fn unavailable(path: &str, error: &reqwest::Error) -> IntercomError {
    let outage = if error.is_timeout() {
        Outage::TimedOut
    } else if error.is_connect() {
        Outage::NoConnection
    } else if error.is_body() || error.is_decode() {
        Outage::CutOff
    } else {
        Outage::Broken
    };
    IntercomError::Unavailable { resource: path.to_owned(), outage }
}

/// Returns the pause before the next attempt: until the rate limit resets if that time is known,
/// else an exponential back-off. Both have jitter, so that several bridges do not retry at the same
/// instant.
fn pause_after(error: &IntercomError, attempt: u32) -> Duration {
    let backoff = limits::INTERCOM_BACKOFF_FIRST * 2u32.saturating_pow(attempt - 1);
    let wait = match error {
        IntercomError::RateLimited { retry_after, .. } if !retry_after.is_zero() => {
            *retry_after + jitter(limits::INTERCOM_BACKOFF_FIRST)
        }
        _ => backoff / 2 + jitter(backoff / 2),
    };
    wait.min(limits::INTERCOM_BACKOFF_MAX)
}

/// Returns a random duration up to `most`.
fn jitter(most: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness, the wait has no jitter.
    let _ = aws_lc_rs::rand::fill(&mut byte);
    most * u32::from(byte[0]) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_bounded() {
        let resource = || "/admins".to_owned();
        let down = IntercomError::Unavailable { resource: resource(), outage: Outage::Broken };
        for attempt in 1..=40 {
            let pause = pause_after(&down, attempt);
            assert!(pause <= limits::INTERCOM_BACKOFF_MAX);
            assert!(
                attempt > 6 || pause >= limits::INTERCOM_BACKOFF_FIRST * 2u32.pow(attempt - 1) / 2
            );
        }
        let limited = IntercomError::RateLimited {
            resource: resource(),
            retry_after: Duration::from_secs(8),
        };
        assert!(pause_after(&limited, 1) >= Duration::from_secs(8));
    }

    #[test]
    fn the_token_is_in_no_debug_print() {
        let connection = Connection {
            access_token: Some(SecretString::from("dG9rOnNlY3JldA")),
            base_url: Url::parse("http://127.0.0.1:1").unwrap(),
            region: None,
            api_version: "2.16".to_owned(),
            connect_timeout: Duration::from_secs(1),
            read_timeout: Duration::from_secs(1),
        };
        let client = Client::new(connection, Clock::System).unwrap();
        assert!(!format!("{client:?}").contains("dG9rOnNlY3JldA"));
    }
}
