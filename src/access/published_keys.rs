//! The keys that an issuer or a client publishes at a URL: fetched when they are needed, and kept.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use jsonwebtoken::Algorithm;
use tokio::sync::Mutex;

pub use reqwest::{Client as HttpClient, Url};

use super::AccessError;
use super::key_set::KeySet;
use crate::clock::Clock;
use crate::limits;

/// The keys at a URL.
pub struct PublishedKeys {
    url: Url,
    http: HttpClient,
    clock: Clock,
    keys: ArcSwapOption<FetchedKeys>,
    /// When they were last requested, on [`Clock::running`]. Locked during the request.
    last_request: Mutex<Option<Duration>>,
}

/// The keys as they were at one time.
pub struct FetchedKeys {
    /// The keys.
    pub set: KeySet,
    /// When they were fetched, on [`Clock::running`].
    pub fetched_at: Duration,
}

/// Returns a client for [`PublishedKeys`]. It follows no redirects: keys come only from the
/// configured URL.
///
/// # Errors
/// [`AccessError::Key`] if TLS cannot be set up.
pub fn http_client() -> Result<HttpClient, AccessError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that may build a client for published keys"
    )]
    let builder = HttpClient::builder();
    builder
        .user_agent(concat!("intercom-scim-bridge/", env!("CARGO_PKG_VERSION")))
        .timeout(limits::JWKS_WAIT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|_| AccessError::Key)
}

impl PublishedKeys {
    /// Prepares for fetching. Sends no request yet.
    #[must_use]
    pub fn new(url: Url, http: HttpClient, clock: Clock) -> Self {
        Self { url, http, clock, keys: ArcSwapOption::empty(), last_request: Mutex::default() }
    }

    /// Fetches the keys, as a check, and returns how many of them can be used.
    ///
    /// # Errors
    /// The reason, in a few words.
    pub async fn count(&self) -> Result<usize, &'static str> {
        self.read().await.map(|keys| keys.len())
    }

    /// Returns recent keys, if possible with one of this id and algorithm. However many unknown ids
    /// clients send, the keys are fetched at most once in [`limits::JWKS_PAUSE`]. `None` if they
    /// cannot be read, and are not known from before.
    pub async fn with(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Arc<FetchedKeys>> {
        let knows = |keys: &FetchedKeys| keys.set.candidates(id, algorithm).next().is_some();
        let age = |keys: &FetchedKeys| self.clock.running().saturating_sub(keys.fetched_at);
        let present = self.keys.load_full();
        if let Some(keys) = present.as_ref().filter(|keys| knows(keys)) {
            if age(keys) < limits::JWKS_MAX_AGE {
                return Some(Arc::clone(keys));
            }
            // One request fetches newer keys; the others use these meanwhile.
            if let Ok(last_request) = self.last_request.try_lock() {
                self.fetch(last_request).await;
            }
        } else {
            let last_request = self.last_request.lock().await;
            // Another request may have fetched them while this one waited.
            if !self.keys.load().as_deref().is_some_and(knows) {
                self.fetch(last_request).await;
            }
        }
        self.keys.load_full().filter(|keys| age(keys) < limits::JWKS_STALE)
    }

    /// Fetches the keys, unless that was tried a moment ago. On an error the known ones stay.
    async fn fetch(&self, mut last_request: tokio::sync::MutexGuard<'_, Option<Duration>>) {
        let now = self.clock.running();
        if last_request.is_some_and(|last| now.saturating_sub(last) < limits::JWKS_PAUSE) {
            return;
        }
        *last_request = Some(now);
        match self.read().await {
            Ok(set) => {
                tracing::info!(
                    host = self.url.host_str(),
                    keys = set.len(),
                    "published keys were read"
                );
                self.keys.store(Some(Arc::new(FetchedKeys { set, fetched_at: now })));
            }
            Err(why) => {
                tracing::warn!(
                    host = self.url.host_str(),
                    why,
                    "published keys cannot be read; known keys stay valid for a while"
                );
            }
        }
    }

    async fn read(&self) -> Result<KeySet, &'static str> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that may fetch published keys"
        )]
        let sent = self.http.get(self.url.clone()).send().await;
        let mut response = sent.map_err(|_| "no answer")?;
        if !response.status().is_success() {
            return Err("it answered with an error");
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| "the answer broke off")? {
            body.extend_from_slice(&chunk);
            if body.len() > limits::JWKS_BYTES {
                return Err("the answer is too large");
            }
        }
        KeySet::read(&body).map_err(|_| "the answer is not a JWKS")
    }
}

impl fmt::Debug for PublishedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishedKeys").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}
