//! The identity provider's addresses, read by discovery (OpenID Connect Discovery 1.0 §4), and its
//! keys. Both are cached.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use reqwest::Url;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::error::SignInError;
use crate::access::published_keys::PublishedKeys;
use crate::clock::Clock;
use crate::limits;

/// What is known of the provider.
pub struct Provider {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: Url,
    /// Where codes are exchanged.
    pub token_endpoint: Url,
    /// Whether the bridge authenticates there by HTTP Basic; else in the form.
    pub takes_basic: bool,
    /// Its keys.
    pub keys: PublishedKeys,
    fetched_at: Duration,
}

/// The provider, fetched when it is needed and kept for a while.
pub struct ProviderCache {
    issuer: Url,
    http: reqwest::Client,
    clock: Clock,
    known: ArcSwapOption<Provider>,
    /// When discovery was last tried, on [`Clock::running`]. Locked during the request.
    last_request: Mutex<Option<Duration>>,
}

/// The discovery document (OpenID Connect Discovery 1.0 §3).
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

impl ProviderCache {
    pub fn new(issuer: Url, http: reqwest::Client, clock: Clock) -> Self {
        let known = ArcSwapOption::empty();
        Self { issuer, http, clock, known, last_request: Mutex::default() }
    }

    /// Whether this is the issuer of the settings. An address without a path is written with and
    /// without a slash at its end.
    pub fn is_issuer(&self, issuer: &str) -> bool {
        let configured = self.issuer.as_str();
        issuer == configured
            || self.issuer.path() == "/" && configured.strip_suffix('/') == Some(issuer)
    }

    /// The provider. If it does not answer now, what was known of it before.
    ///
    /// # Errors
    /// [`SignInError::Unavailable`].
    pub async fn get(&self) -> Result<Arc<Provider>, SignInError> {
        let is_fresh = |provider: &Provider| {
            let age = self.clock.running().saturating_sub(provider.fetched_at);
            age < limits::OIDC_DISCOVERY_MAX_AGE
        };
        if let Some(known) = self.known.load_full().filter(|known| is_fresh(known)) {
            return Ok(known);
        }
        let mut last_request = self.last_request.lock().await;
        let known = self.known.load_full();
        // Another request may have fetched it while this one waited.
        if let Some(known) = known.as_ref().filter(|known| is_fresh(known)) {
            return Ok(Arc::clone(known));
        }
        let now = self.clock.running();
        if last_request.is_some_and(|last| now.saturating_sub(last) < limits::JWKS_PAUSE) {
            return known.ok_or(SignInError::Unavailable("cannot be reached"));
        }
        *last_request = Some(now);
        match self.fetch(now).await {
            Ok(provider) => {
                let provider = Arc::new(provider);
                self.known.store(Some(Arc::clone(&provider)));
                Ok(provider)
            }
            Err(error) => {
                tracing::warn!(host = self.issuer.host_str(), %error, "the identity provider cannot be discovered");
                known.ok_or(error)
            }
        }
    }

    async fn fetch(&self, now: Duration) -> Result<Provider, SignInError> {
        let base = self.issuer.as_str().trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that may discover the identity provider"
        )]
        let sent = self.http.get(url).send().await;
        let answer = sent.map_err(|_| SignInError::Unavailable("does not answer"))?;
        if !answer.status().is_success() {
            return Err(SignInError::Unavailable("answers with an error"));
        }
        let body = bounded(answer).await?;
        let document: Document = serde_json::from_slice(&body)
            .map_err(|_| SignInError::Unavailable("describes itself in an unknown form"))?;
        // OpenID Connect Discovery §4.3: "The issuer value returned MUST be identical to the Issuer
        // URL that was used as the prefix".
        if !self.is_issuer(&document.issuer) {
            return Err(SignInError::Unavailable("names another issuer than the settings"));
        }
        let authorization_endpoint = self.safe(&document.authorization_endpoint)?;
        let token_endpoint = self.safe(&document.token_endpoint)?;
        let jwks_uri = self.safe(&document.jwks_uri)?;
        // OpenID Connect Discovery §3: the default is client_secret_basic.
        let methods = document.token_endpoint_auth_methods_supported;
        let takes_basic = methods
            .is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
        let keys = PublishedKeys::new(jwks_uri, self.http.clone(), self.clock.clone());
        Ok(Provider {
            issuer: document.issuer,
            authorization_endpoint,
            token_endpoint,
            takes_basic,
            keys,
            fetched_at: now,
        })
    }

    /// Parses an address over which codes and keys may be exchanged: one with https, or with http
    /// on this machine, if the issuer is configured so too.
    fn safe(&self, address: &str) -> Result<Url, SignInError> {
        let is_safe = |url: &Url| {
            let is_local =
                self.issuer.scheme() == "http" && url.host_str() == self.issuer.host_str();
            url.scheme() == "https" || url.scheme() == "http" && is_local
        };
        Url::parse(address)
            .ok()
            .filter(is_safe)
            .ok_or(SignInError::Unavailable("names an address without TLS"))
    }
}

/// Reads the body of an answer, up to a limit.
///
/// # Errors
/// [`SignInError::Unavailable`].
pub async fn bounded(mut answer: reqwest::Response) -> Result<Vec<u8>, SignInError> {
    let mut body = Vec::new();
    let broken = |_| SignInError::Unavailable("broke off its answer");
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        body.extend_from_slice(&chunk);
        if body.len() > limits::JWKS_BYTES {
            return Err(SignInError::Unavailable("sent an answer that is too large"));
        }
    }
    Ok(body)
}
