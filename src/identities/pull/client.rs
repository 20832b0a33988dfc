//! Requests to an identity provider.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::error::PullError;
use super::source::{PullCredentials, PullSource};
use crate::clock::Clock;
use crate::limits;
use crate::roster::{PullKind, member};

/// The media types that a pull reads.
const MEDIA_TYPES: &str = "application/scim+json, application/json";

/// A client for one identity provider.
pub(super) struct PullClient {
    http: reqwest::Client,
    root: Url,
    kind: PullKind,
    credentials: Mutex<PullCredentials>,
    authorization: Mutex<Option<HeaderValue>>,
    clock: Clock,
}

/// A response.
pub(super) struct Answer {
    pub body: Vec<u8>,
    /// The URL of the next page (RFC 8288).
    pub next: Option<String>,
}

impl PullClient {
    pub(super) fn new(source: &PullSource, clock: Clock) -> Result<Self, String> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that may build a client for identity providers"
        )]
        let http = reqwest::Client::builder()
            .user_agent(concat!("intercom-scim-bridge/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits::INTERCOM_CONNECT_TIMEOUT)
            .read_timeout(limits::INTERCOM_READ_TIMEOUT)
            .timeout(limits::PULL_CALL)
            // Following a redirect would send the token to an address that the operator did not
            // configure.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| {
                "the TLS library could not be set up; are the system's CA certificates installed?"
                    .to_owned()
            })?;
        let mut root = source.url.clone();
        if !root.path().ends_with('/') {
            let path = format!("{}/", root.path());
            root.set_path(&path);
        }
        Ok(Self {
            http,
            root,
            kind: source.kind,
            credentials: Mutex::new(source.credentials.clone()),
            authorization: Mutex::default(),
            clock,
        })
    }

    /// Signs in with other credentials from the next pull on.
    pub(super) fn take(&self, credentials: PullCredentials) {
        *self.credentials.lock().unwrap_or_else(PoisonError::into_inner) = credentials;
    }

    fn credentials(&self) -> PullCredentials {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gets a token, if tokens are issued for client credentials.
    pub(super) async fn sign_in(&self) -> Result<(), PullError> {
        let header = match &self.credentials() {
            PullCredentials::Token(token) => {
                // Okta's API tokens have a scheme of their own.
                let scheme = if self.kind == PullKind::OktaApi { "SSWS" } else { "Bearer" };
                authorization(scheme, token)?
            }
            PullCredentials::Client { id, secret, token_url, scope } => {
                let token = self.token(id, secret, token_url, scope.as_deref()).await?;
                authorization("Bearer", &token)?
            }
        };
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(header);
        Ok(())
    }

    /// RFC 6749 §4.4.2: the access token request of a client.
    async fn token(
        &self,
        id: &str,
        secret: &SecretString,
        token_url: &Url,
        scope: Option<&str>,
    ) -> Result<SecretString, PullError> {
        let what = "the token";
        let mut form = token_url.clone();
        form.query_pairs_mut()
            .clear()
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", id)
            .append_pair("client_secret", secret.expose_secret())
            .extend_pairs(scope.map(|scope| ("scope", scope)));
        let body = form.query().unwrap_or_default().to_owned();
        let send = || {
            self.http
                .post(token_url.clone())
                .header(ACCEPT, "application/json")
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body.clone())
        };
        let answer = self.repeated(what, limits::PULL_ANSWER_BYTES, send).await?;
        let malformed = || PullError::Malformed { what: what.to_owned() };
        let body: Value = serde_json::from_slice(&answer.body).map_err(|_| malformed())?;
        let token = member(&body, "access_token").and_then(Value::as_str).ok_or_else(malformed)?;
        Ok(SecretString::from(token))
    }

    /// Sends `GET path?query`. The response may have `max` bytes.
    pub(super) async fn get(
        &self,
        path: &str,
        query: &[(&'static str, String)],
        max: usize,
    ) -> Result<Answer, PullError> {
        let mut url = self.root.join(path).map_err(|_| PullError::ForeignPage)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.get_url(path, &url, max).await
    }

    /// Sends a GET request for the next page. It must be below the same root: the token is sent
    /// there.
    pub(super) async fn get_next(&self, next: &str) -> Result<Answer, PullError> {
        let url = self.root.join(next).map_err(|_| PullError::ForeignPage)?;
        let is_own = url.origin() == self.root.origin() && url.path().starts_with(self.root.path());
        if !is_own {
            return Err(PullError::ForeignPage);
        }
        self.get_url("the next page", &url, limits::PULL_PAGE_BYTES).await
    }

    async fn get_url(&self, what: &str, url: &Url, max: usize) -> Result<Answer, PullError> {
        let header = self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let send = || {
            let request = self.http.get(url.clone()).header(ACCEPT, MEDIA_TYPES);
            match &header {
                Some(header) => request.header(AUTHORIZATION, header.clone()),
                None => request,
            }
        };
        self.repeated(what, max, send).await
    }

    /// Sends a request until it succeeds, fails for good, or has used up its attempts.
    #[expect(clippy::disallowed_methods, reason = "the source of a roster is not Intercom")]
    async fn repeated(
        &self,
        what: &str,
        max: usize,
        send: impl Fn() -> reqwest::RequestBuilder,
    ) -> Result<Answer, PullError> {
        let mut attempt = 1;
        loop {
            let (error, pause) = match send().send().await {
                Ok(response) => {
                    let status = response.status();
                    if status.is_success() {
                        return read(what, max, response).await;
                    }
                    let is_transient =
                        status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
                    let pause = retry_after(response.headers());
                    let error = refusal(what, status);
                    if !is_transient {
                        return Err(error);
                    }
                    (error, pause)
                }
                Err(error) => (unreachable(what, &error), None),
            };
            if attempt >= limits::PULL_ATTEMPTS {
                return Err(error);
            }
            let usual = limits::PULL_PAUSE * 2_u32.saturating_pow(attempt - 1);
            let pause = pause.unwrap_or(usual).min(limits::PULL_PAUSE_MAX);
            tracing::warn!(error = %error, attempt, "a request for the roster failed and is repeated");
            self.clock.sleep(pause).await;
            attempt += 1;
        }
    }
}

fn authorization(scheme: &str, token: &SecretString) -> Result<HeaderValue, PullError> {
    let value = HeaderValue::from_str(&format!("{scheme} {}", token.expose_secret()));
    let mut value = value.map_err(|_| PullError::Malformed { what: "the token".to_owned() })?;
    value.set_sensitive(true);
    Ok(value)
}

fn refusal(what: &str, status: StatusCode) -> PullError {
    let what = what.to_owned();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            PullError::Refused { what, status: status.as_u16() }
        }
        _ => PullError::Status { what, status: status.as_u16() },
    }
}

/// Names the kind of a failure: the library's own text has the URL.
fn unreachable(what: &str, error: &reqwest::Error) -> PullError {
    let why = if error.is_timeout() {
        "it did not answer in time"
    } else if error.is_connect() {
        "the connection could not be made"
    } else {
        "the connection ended early"
    };
    PullError::Unreachable { what: what.to_owned(), why }
}

/// Reads a body of a bounded size.
async fn read(what: &str, max: usize, mut response: Response) -> Result<Answer, PullError> {
    let next = next_link(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(what, &error))? {
        if body.len() + chunk.len() > max {
            return Err(PullError::TooLarge { what: what.to_owned(), max });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { body, next })
}

/// RFC 9110 §10.2.3: the seconds to wait.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Returns the target of the link `rel="next"` (RFC 8288).
fn next_link(headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all(reqwest::header::LINK).iter();
    let mut links = links.filter_map(|value| value.to_str().ok()).flat_map(split_links);
    links.find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim().to_ascii_lowercase();
            parameter.replace(['"', ' '], "") == "rel=next"
        });
        is_next.then(|| target.to_owned())
    })
}

/// Splits the value of `Link` at the commas between links. URLs (between `<` and `>`) and quoted
/// parameters may have commas, too.
fn split_links(value: &str) -> impl Iterator<Item = &str> {
    let mut is_in_url = false;
    let mut is_quoted = false;
    value.split(move |letter: char| {
        match letter {
            '<' if !is_quoted => is_in_url = true,
            '>' if !is_quoted => is_in_url = false,
            '"' if !is_in_url => is_quoted = !is_quoted,
            _ => {}
        }
        letter == ',' && !is_in_url && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_link_with_that_relation() {
        let mut headers = HeaderMap::new();
        headers.append("link", HeaderValue::from_static("<https://a.example/1>; rel=\"self\""));
        headers.append("link", HeaderValue::from_static("<https://a.example/2>; rel=\"next\""));
        assert_eq!(next_link(&headers).as_deref(), Some("https://a.example/2"));
        assert_eq!(next_link(&HeaderMap::new()), None);
    }

    #[test]
    fn commas_in_urls_and_quoted_parameters_do_not_separate_links() {
        for (value, expected) in [
            (
                "<https://a.example/1?f=a,b>; rel=\"self\", \
                 <https://a.example/2?f=a,b>; rel=\"next\"",
                Some("https://a.example/2?f=a,b"),
            ),
            ("<https://a.example/1>; title=\"a, b\"; rel=\"next\"", Some("https://a.example/1")),
            ("<https://a.example/1>; rel=\"self\"", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.append("link", HeaderValue::from_static(value));
            assert_eq!(next_link(&headers).as_deref(), expected, "{value}");
        }
    }
}
