//! The steps of a sign-in.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::error::SignInError;
use super::granted;
use super::id_token::{self, Expected};
use super::provider::{Provider, ProviderCache, bounded};
use super::settings::{OpenIdPerson, OpenIdSettings};
use crate::access::error::AccessError;
use crate::access::published_keys::http_client;
use crate::access::secrets::{derived_secret, hash_of_random, is_same_secret};
use crate::clock::Clock;
use crate::limits;

/// Signs people in by an identity provider.
pub struct OpenId {
    settings: OpenIdSettings,
    http: reqwest::Client,
    clock: Clock,
    provider: ProviderCache,
}

impl fmt::Debug for OpenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenId")
            .field("issuer", &self.settings.issuer.as_str())
            .finish_non_exhaustive()
    }
}

/// The secret of one sign-in, and what is derived from it.
struct Attempt<'a>(&'a str);

impl Attempt<'_> {
    fn state(&self) -> String {
        derived_secret(self.0, "state")
    }

    fn nonce(&self) -> String {
        derived_secret(self.0, "nonce")
    }

    /// RFC 7636 §4.1: 43 to 128 unreserved characters.
    fn verifier(&self) -> String {
        derived_secret(self.0, "verifier")
    }

    /// RFC 7636 §4.2: "code_challenge = BASE64URL-ENCODE(SHA256(ASCII(code_verifier)))".
    fn challenge(&self) -> String {
        hash_of_random(&self.verifier())
    }
}

/// The answer of the token endpoint (OpenID Connect Core §3.1.3.3). The access token is not used.
#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

/// A refusal of the token endpoint (RFC 6749 §5.2).
#[derive(Default, Deserialize)]
struct TokenRefused {
    #[serde(default)]
    error: String,
}

impl OpenId {
    /// Prepares the sign-in. Sends no request yet.
    ///
    /// # Errors
    /// [`AccessError::Key`] if TLS cannot be set up.
    pub fn new(settings: OpenIdSettings, clock: Clock) -> Result<Self, AccessError> {
        let http = http_client()?;
        let provider = ProviderCache::new(settings.issuer.clone(), http.clone(), clock.clone());
        Ok(Self { settings, http, clock, provider })
    }

    /// The address to which the browser is sent to sign in. `secret` belongs to this sign-in and is
    /// in a cookie of the browser.
    ///
    /// # Errors
    /// [`SignInError::Unavailable`].
    pub async fn authorization_url(
        &self,
        secret: &str,
        redirect_uri: &str,
    ) -> Result<Url, SignInError> {
        let provider = self.provider.get().await?;
        let attempt = Attempt(secret);
        let mut url = provider.authorization_endpoint.clone();
        let scope: Vec<&str> =
            ["openid"].into_iter().chain(self.settings.scopes.iter().map(String::as_str)).collect();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &scope.join(" "))
            .append_pair("state", &attempt.state())
            .append_pair("nonce", &attempt.nonce())
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Whether the `state` of a response belongs to the sign-in with this secret.
    #[must_use]
    pub fn is_state(secret: &str, state: &str) -> bool {
        is_same_secret(&Attempt(secret).state(), state)
    }

    /// Whether the `iss` of a response is the provider's. RFC 9207 §2.4: "the client MUST compare
    /// the result to the issuer identifier of the authorization server where the authorization
    /// request was sent to".
    #[must_use]
    pub fn is_issuer(&self, issuer: &str) -> bool {
        self.provider.is_issuer(issuer)
    }

    /// Exchanges the code for an ID token, checks the token, and returns the person.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn sign_in(
        &self,
        secret: &str,
        code: &str,
        redirect_uri: &str,
    ) -> Result<OpenIdPerson, SignInError> {
        let provider = self.provider.get().await?;
        let attempt = Attempt(secret);
        let token = self.exchange(&provider, &attempt, code, redirect_uri).await?;
        let nonce = attempt.nonce();
        let expected = Expected {
            issuer: &provider.issuer,
            client_id: &self.settings.client_id,
            nonce: &nonce,
            now: self.clock.now().unix_timestamp(),
        };
        let claims = id_token::verify(&token, &provider.keys, &expected).await?;
        granted::person(&claims, &self.settings)
    }

    /// Sends the code to the token endpoint. Returns the ID token.
    async fn exchange(
        &self,
        provider: &Provider,
        attempt: &Attempt<'_>,
        code: &str,
        redirect_uri: &str,
    ) -> Result<String, SignInError> {
        let verifier = attempt.verifier();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("client_id", &self.settings.client_id),
            ("code_verifier", &verifier),
        ];
        let secret = self.settings.client_secret.as_ref().map(SecretString::expose_secret);
        let mut request = self.http.post(provider.token_endpoint.clone());
        match secret {
            Some(secret) if provider.takes_basic => {
                request = request.header("Authorization", basic(&self.settings.client_id, secret));
            }
            Some(secret) => form.push(("client_secret", secret)),
            None => {}
        }
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that may send codes to the identity provider"
        )]
        let sent = request
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Accept", "application/json")
            .body(body)
            .send()
            .await;
        let answer = sent.map_err(|_| SignInError::Unavailable("does not answer"))?;
        let status = answer.status();
        let body = bounded(answer).await?;
        if !status.is_success() {
            let refused: TokenRefused = serde_json::from_slice(&body).unwrap_or_default();
            tracing::warn!(status = status.as_u16(), error = %word(&refused.error), "the identity provider refused a code");
            return Err(match refused.error.as_str() {
                "invalid_grant" => SignInError::CodeRefused,
                _ => SignInError::ClientRefused,
            });
        }
        let answer: TokenAnswer = serde_json::from_slice(&body)
            .map_err(|_| SignInError::Unavailable("sent no ID token"))?;
        if answer.id_token.len() > limits::BEARER_TOKEN_BYTES {
            return Err(SignInError::Unavailable("sent an ID token that is too long"));
        }
        Ok(answer.id_token)
    }
}

/// RFC 6749 §2.3.1: client id and secret are form-encoded before they are joined.
fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

/// An error code of the provider, for the log; other texts may contain anything.
fn word(code: &str) -> &str {
    let is_word = (1..=64).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_word { code } else { "unknown" }
}
