//! One attempt to deliver a message.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Response, Url};

use super::endpoint::Endpoint;
use super::guard::{GuardedResolver, check_host, refused};
use crate::clock::Clock;
use crate::limits;
use crate::notifications::{DeliveryFailure, Message, Secrets};

/// Sends messages to one endpoint.
pub struct Sender {
    http: reqwest::Client,
    url: Url,
    secrets: Secrets,
    allows_private: bool,
    clock: Clock,
}

impl Sender {
    /// The sender of an endpoint.
    ///
    /// # Errors
    /// A sentence, if TLS cannot be set up.
    pub fn new(endpoint: &Endpoint, clock: Clock) -> Result<Self, String> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that may build a client for receivers of notifications"
        )]
        let http = reqwest::Client::builder()
            .user_agent(concat!("intercom-scim-bridge/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits::NOTIFICATION_CONNECT)
            .timeout(endpoint.timeout)
            // A redirect could lead to any address.
            .redirect(reqwest::redirect::Policy::none())
            // A proxy would choose the address to which the connection is made.
            .no_proxy()
            .dns_resolver(Arc::new(GuardedResolver { allows_private: endpoint.allows_private }))
            .build()
            .map_err(|_| {
                "the TLS library could not be set up; are the system's CA certificates installed?"
                    .to_owned()
            })?;
        Ok(Self {
            http,
            url: endpoint.url.clone(),
            secrets: endpoint.secrets.clone(),
            allows_private: endpoint.allows_private,
            clock,
        })
    }

    /// Sends a message. Returns the status with which the receiver confirmed it.
    ///
    /// Standard Webhooks: the headers are `webhook-id`, `webhook-timestamp` (of the attempt, in
    /// seconds) and `webhook-signature`. Any status 2xx confirms the message.
    ///
    /// # Errors
    /// Why the message was not confirmed.
    #[expect(clippy::disallowed_methods, reason = "the receiver is not Intercom")]
    pub async fn send(&self, message: &Message) -> Result<u16, DeliveryFailure> {
        check_host(&self.url, self.allows_private)?;
        let timestamp = self.clock.now().unix_timestamp();
        let signature = self.secrets.signature(&message.id, timestamp, &message.body);
        let response = self
            .http
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(message.body.clone())
            .send()
            .await
            .map_err(|error| failure(&error))?;
        let status = response.status().as_u16();
        if let Some(failure) = DeliveryFailure::of_status(status, retry_after(&response)) {
            return Err(failure);
        }
        drain(response).await;
        Ok(status)
    }
}

/// Reads the answer, so that the connection can be used again. A longer one, or one that is never
/// complete, is cut off: the message is confirmed already.
async fn drain(mut response: Response) {
    let mut read = 0;
    while read <= limits::NOTIFICATION_ANSWER_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => read += chunk.len(),
            Ok(None) | Err(_) => break,
        }
    }
}

fn failure(error: &reqwest::Error) -> DeliveryFailure {
    match refused(error) {
        Some(failure) => failure,
        None if error.is_timeout() => DeliveryFailure::Timeout,
        None => DeliveryFailure::Unreachable,
    }
}

/// RFC 9110 §10.2.3: the seconds to wait. A date is ignored.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
