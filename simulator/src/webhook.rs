//! Webhooks: notifications that Intercom sends to an app, signed with the app's client secret.

use std::time::Duration;

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use serde_json::{Value, json};

use crate::workspace::Workspace;

/// Intercom waits this long for a response.
const PATIENCE: Duration = Duration::from_secs(5);

/// A notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification(Value);

impl Notification {
    /// Creates the notification with this number about an event at `now`, in UNIX seconds. Its item
    /// is the newest entry of the log.
    pub(crate) fn new(workspace: &Workspace, topic: &str, number: u32, now: i64) -> Self {
        let item = workspace.log.last().map_or(Value::Null, crate::wire::entry_object);
        Self(json!({
            "type": "notification_event",
            "id": format!("notif_{number:08}"),
            "topic": topic,
            "app_id": workspace.id_code,
            "created_at": now,
            "delivery_attempts": 1,
            "first_sent_at": now,
            "data": {"type": "notification_event_data", "item": item},
        }))
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.0["topic"].as_str().unwrap_or_default()
    }
}

/// The address to which an app's notifications are sent.
pub struct Subscription {
    url: String,
    key: Key,
    http: reqwest::Client,
}

impl Subscription {
    /// Subscribes `url`. Notifications are signed with `client_secret`.
    ///
    /// # Errors
    /// If no HTTP client can be made.
    pub fn new(url: String, client_secret: &str) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, client_secret.as_bytes());
        Ok(Self { url, key, http })
    }

    /// Sends a notification once. NB: Intercom sends it again after a minute if that fails.
    ///
    /// # Errors
    /// If there was no response, or one with an error status.
    pub async fn send(&self, notification: &Notification) -> Result<(), reqwest::Error> {
        let body = notification.0.to_string();
        let tag = sign(&self.key, body.as_bytes());
        let signature = format!("sha1={}", hex::encode(tag));
        let request = self.http.post(&self.url).header("X-Hub-Signature", signature);
        let request = request.header("Content-Type", "application/json").body(body);
        request.send().await?.error_for_status()?;
        Ok(())
    }
}
