//! Intercom's webhooks. A notification only causes an import, which reads what has changed. So a
//! notification may be duplicated, late, out of order or lost without harm.

use std::fmt;
use std::sync::LazyLock;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::access::{WebhookKey, random_secret};
use crate::directory::{ImportRequest, Trigger};
use crate::http::errors::ApiError;
use crate::http::extract::body::Body;
use crate::http::extract::caller::workspace_name;
use crate::http::state::service::Service;
use crate::http::wire::{BodyRefusals, Problem};
use crate::import::Announced;

/// The members of a notification that the bridge reads. All others are ignored, so that no change
/// by Intercom stops webhooks.
#[derive(Debug, Default, PartialEq)]
struct Notification {
    topic: Option<String>,
    /// Intercom's id of the workspace, as a string.
    app_id: Option<String>,
}

impl Notification {
    /// Parses a body whose signature was verified; `None` if it is not a JSON object.
    fn read(body: &[u8]) -> Option<Self> {
        // RFC 8259 §8.1: parsers may ignore a byte order mark.
        serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).ok()
    }

    /// What the notification announces. `None` if its topic causes no import, or if it is for
    /// another workspace than the one with this id.
    fn announces(&self, workspace: Option<&str>) -> Option<Announced> {
        // One client secret may sign for several workspaces.
        if workspace.zip(self.app_id.as_deref()).is_some_and(|(known, sent)| known != sent) {
            return None;
        }
        match self.topic.as_deref()? {
            "admin.added_to_workspace" | "admin.removed_from_workspace" => Some(Announced::Access),
            "admin.activity_log_event.created" => Some(Announced::LogEntry),
            "admin.away_mode_updated" | "admin.logged_in" | "admin.logged_out" => {
                Some(Announced::Volatile)
            }
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Notification {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Notification;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut members: A,
            ) -> Result<Notification, A::Error> {
                let mut read = Notification::default();
                while let Some(name) = members.next_key::<String>()? {
                    match name.as_str() {
                        "topic" => read.topic = text(members.next_value()?),
                        "app_id" => read.app_id = text(members.next_value()?),
                        _ => {
                            members.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(read)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Reads a string, or a number as a string: Intercom writes ids both ways.
fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Confirms the webhook's URL. Intercom sends this request before it accepts the URL.
///
/// The response is the same for every name, so that it does not reveal which workspaces exist.
#[utoipa::path(
    head, path = "/webhooks/intercom/{workspace}", operation_id = "validate_webhook", tag = "webhooks",
    params(("workspace" = String, Path, description = "The name of the workspace in the bridge. It is `default` if there is only one.")),
    responses((status = 200, description = "The response for every name.")),
)]
pub async fn validate() -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// Receives a notification from Intercom, and starts an import.
///
/// The response is sent before the import, because Intercom repeats a notification that is not
/// answered within five seconds.
#[utoipa::path(
    post, path = "/webhooks/intercom/{workspace}", operation_id = "receive_webhook", tag = "webhooks",
    params(
        ("workspace" = String, Path, description = "The name of the workspace in the bridge. It is `default` if there is only one."),
        ("X-Hub-Signature" = String, Header, description = "`sha1=` and the HMAC-SHA1 of the body, with the app's client secret as the key."),
    ),
    request_body(content = serde_json::Value, description = "Intercom's notification."),
    responses(
        (status = 200, description = "The notification is accepted. Topics that cannot change access are ignored."),
        (status = 400, description = "The signature is valid, but the body is not a JSON object.", content_type = "application/problem+json", body = Problem),
        (status = 401, description = "The signature is invalid.", content_type = "application/problem+json", body = Problem),
        (status = 429, description = "Too many notifications with invalid signatures from one address. `Retry-After` says when to try again. Notifications with a valid signature are never refused for this reason.", content_type = "application/problem+json", body = Problem),
        BodyRefusals,
    ),
)]
pub async fn intercom(
    request: HttpRequest,
    service: Data<Service>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let name = workspace_name(&request);
    // An unknown workspace, a workspace without a secret and a wrong signature get the same
    // response.
    let workspace = service.workspaces.get(name);
    let key = workspace.and_then(|workspace| workspace.webhook_key.load_full());
    // Without a key the body is hashed all the same, so that the response time reveals nothing.
    let fits =
        key.as_deref().unwrap_or(&NOBODY).signed(signature(&request), &body.0) && key.is_some();
    let Some(workspace) = workspace.filter(|_| fits) else {
        // The rate limit applies to wrong signatures only. Behind a proxy Intercom may share its
        // address with attackers, and it pauses webhooks that are refused.
        service.count_invalid_credential("webhook")?;
        tracing::warn!(
            "a webhook with an invalid signature was refused; check that INTERCOM_CLIENT_SECRET is the client secret of the app that sends it"
        );
        return Err(ApiError::bad_signature());
    };
    let notification = Notification::read(&body.0).ok_or_else(|| ApiError::InvalidSyntax {
        why: "the signature fits, but the body is not a JSON object such as Intercom sends to \
             webhooks"
            .to_owned(),
    })?;
    let served = workspace.live.served();
    let announced =
        notification.announces(served.as_ref().and_then(|served| served.workspace().id.as_deref()));
    let topic = known_topic(notification.topic.as_deref().unwrap_or_default());
    tracing::info!(workspace = %workspace.name, topic, acted_on = announced.is_some(), "webhook received");
    if let Some(announced) = announced {
        let now = service.clock.running();
        let wait = workspace.bursts.wait(announced, now);
        workspace.nudge.ask_within(wait, ImportRequest::incremental(Trigger::Webhook), now);
    }
    Ok(HttpResponse::Ok().finish())
}

/// A random key, which no signature matches.
static NOBODY: LazyLock<WebhookKey> =
    LazyLock::new(|| WebhookKey::new(&random_secret().unwrap_or_default()));

fn signature(request: &HttpRequest) -> &str {
    request
        .headers()
        .get("x-hub-signature")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// The topic as it is logged: `unreadable`, unless it has the form of Intercom's topics.
fn known_topic(topic: &str) -> &str {
    let word = topic.len() <= 64
        && topic.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_'));
    if word { topic } else { "unreadable" }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn announced(body: &str, workspace: &str) -> Option<Announced> {
        Notification::read(body.as_bytes()).unwrap().announces(Some(workspace))
    }

    #[test]
    fn the_id_of_the_workspace_is_compared_as_text() {
        let body = |app_id: &str| {
            format!(r#"{{"topic": "admin.added_to_workspace", "app_id": {app_id}}}"#)
        };
        for (app_id, workspace, acted_on) in [
            (r#""wjw5eps7""#, "wjw5eps7", true),
            (r#""an0ther1""#, "wjw5eps7", false),
            ("4711", "4711", true),
            (r#""4711""#, "4711", true),
            ("18446744073709551615", "18446744073709551615", true),
            ("4712", "4711", false),
            // Without a readable id the notification counts: an unnecessary import does no harm.
            ("null", "4711", true),
            ("{}", "4711", true),
        ] {
            assert_eq!(
                announced(&body(app_id), workspace).is_some(),
                acted_on,
                "{app_id} {workspace}"
            );
        }
    }

    #[test]
    fn only_needed_members_are_read() {
        let access = Some(Announced::Access);
        for (body, expected) in [
            ("{}", None),
            (r#"{"topic": null, "app_id": null, "data": null}"#, None),
            (r#"{"topic": ["admin.added_to_workspace"]}"#, None),
            (r#"{"topic": "conversation.created", "data": {}}"#, None),
            (r#"{"topic": "admin.added_to_workspace"}"#, access),
            ("\u{feff}{\"topic\": \"admin.added_to_workspace\"}", access),
            // Half of a surrogate pair.
            (
                r#"{"data": {"item": {"name": "Ada \ud83d"}}, "topic": "admin.added_to_workspace"}"#,
                access,
            ),
            (r#"{"topic": "ping", "topic": "admin.added_to_workspace"}"#, access),
            (
                r#"{"topic": "admin.removed_from_workspace", "data": [], "created_at": "soon"}"#,
                access,
            ),
        ] {
            assert_eq!(announced(body, "wjw5eps7"), expected, "{body}");
        }
        let not_utf8 = b"{\"data\": \"\xff\xfe\", \"topic\": \"admin.logged_in\"}";
        assert_eq!(
            Notification::read(not_utf8).unwrap().announces(None),
            Some(Announced::Volatile)
        );
        for no_object in
            ["", "no JSON", "[]", "null", "7", r#"["admin.added_to_workspace", "x"]"#, "{} {}"]
        {
            assert_eq!(Notification::read(no_object.as_bytes()), None, "{no_object}");
        }
    }

    proptest! {
        #[test]
        fn no_body_causes_a_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Notification::read(&body);
        }
    }
}
