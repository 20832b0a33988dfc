//! One attempt to deliver a message.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
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
        if let Some(failure) =
            DeliveryFailure::of_status(status, self.retry_after(response.headers()))
        {
            return Err(failure);
        }
        // The message is confirmed already, so a slow rest of the answer holds up nothing.
        self.clock.within(limits::NOTIFICATION_ANSWER_REST, drain(response)).await;
        Ok(status)
    }

    /// The wait that a receiver asks for.
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        // The receiver's clock may differ from this one.
        let now = text(DATE).and_then(|date| httpdate::parse_http_date(date.trim()).ok());
        wait(text(RETRY_AFTER)?, now.unwrap_or_else(|| self.clock.now().into()))
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
        None => tls_failure(error).unwrap_or(DeliveryFailure::Unreachable),
    }
}

/// The failure of TLS that an error of the client contains.
fn tls_failure(error: &reqwest::Error) -> Option<DeliveryFailure> {
    let mut cause = error.source();
    while let Some(error) = cause {
        match error.downcast_ref::<rustls::Error>() {
            Some(rustls::Error::InvalidCertificate(_)) => {
                return Some(DeliveryFailure::Certificate);
            }
            Some(_) => return Some(DeliveryFailure::Tls),
            None => {}
        }
        // The source of an I/O error is not the error that it wraps, but the source of that one.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// RFC 9110 §10.2.3: `Retry-After` is "either an HTTP-date or a number of seconds to delay after
/// receiving the response". No wait for a date that is over.
fn wait(retry_after: &str, now: SystemTime) -> Option<Duration> {
    let text = retry_after.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_can_ask_for_a_wait_in_seconds_or_until_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (text, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            ("Sun Nov  6 08:50:37 1994", Some(60)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(wait(text, now), expected.map(Duration::from_secs), "{text}");
        }
    }
}
