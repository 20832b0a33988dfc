//! Intercom's pushes. Each only says that something has changed: what, the next import finds out. So one that comes
//! twice, late, out of order or not at all does no harm.

use std::sync::LazyLock;
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::body::Body;
use super::caller::workspace_name;
use super::errors::ApiError;
use super::openapi::Problem;
use super::service::Service;
use crate::access::{WebhookKey, random_secret};
use crate::import::ImportRequest;
use crate::ledger::Trigger;
use crate::limits;
use crate::scim::ScimError;

/// What is read of a notification.
#[derive(Deserialize)]
struct Notification {
    topic: Option<String>,
    /// Intercom's id of the workspace.
    app_id: Option<String>,
}

/// Takes a notification of Intercom's and looks what has changed.
///
/// It is answered before the look, since Intercom waits five seconds and then sends it again.
#[utoipa::path(
    post, path = "/webhooks/intercom/{workspace}", operation_id = "receive_webhook", tag = "webhooks",
    params(
        ("workspace" = String, Path, description = "The workspace's name in the bridge; `default`, where there is one"),
        ("X-Hub-Signature" = String, Header, description = "`sha1=` and the HMAC-SHA1 of the body under the app's client secret"),
    ),
    request_body(content = serde_json::Value, description = "The notification, as Intercom sends it"),
    responses(
        (status = 200, description = "Taken; topics that tell nothing of access are ignored"),
        (status = 400, description = "The body is no notification", content_type = "application/problem+json", body = Problem),
        (status = 401, description = "The signature does not fit", content_type = "application/problem+json", body = Problem),
        (status = 408, description = "The body did not come in time", content_type = "application/problem+json", body = Problem),
        (status = 413, description = "The body is too large", content_type = "application/problem+json", body = Problem),
        (status = 429, description = "Too many of one address; `Retry-After` says when to come again", content_type = "application/problem+json", body = Problem),
    ),
)]
pub async fn intercom(request: HttpRequest, service: Data<Service>, body: Body) -> Result<HttpResponse, ApiError> {
    service.stranger("webhook", &request)?;
    let name = workspace_name(&request);
    // A workspace that there is not, one without a secret and a wrong signature look the same.
    let workspace = service.workspaces.get(name).filter(|workspace| workspace.webhook_key.is_some());
    let key = workspace.and_then(|workspace| workspace.webhook_key.as_ref());
    // Where there is no key, the body is hashed all the same: nobody shall tell by the time.
    let fits = key.unwrap_or(&NOBODY).signed(signature(&request), &body.0);
    let workspace = workspace.filter(|_| fits);
    let workspace = workspace.ok_or_else(|| {
        tracing::warn!(
            "a webhook whose signature does not fit was refused; is INTERCOM_CLIENT_SECRET the client secret of the app that sends it?"
        );
        ApiError::bad_signature()
    })?;
    // A list would do for a struct of serde's.
    let notification = serde_json::from_slice(&body.0)
        .and_then(|object: Map<String, Value>| Notification::deserialize(Value::from(object)))
        .map_err(|_| ScimError::InvalidSyntax { why: "the body is no notification of Intercom's".to_owned() })?;
    let known = workspace.live.picture().and_then(|picture| picture.workspace().id.clone());
    let topic = notification.topic.as_deref().unwrap_or_default();
    let patience = match topic {
        // One client secret may sign for several workspaces.
        _ if matches!((&known, &notification.app_id), (Some(known), Some(sent)) if known != sent) => None,
        "admin.added_to_workspace" | "admin.removed_from_workspace" => Some(Duration::ZERO),
        // Sign-ins are events of the log too, and there are many of them.
        "admin.activity_log_event.created" => Some(limits::LOG_EVENT_DELAY),
        // These change nobody's access, and there are many of them.
        "admin.away_mode_updated" | "admin.logged_in" | "admin.logged_out" => Some(limits::VOLATILE_DELAY),
        _ => None,
    };
    tracing::info!(workspace = %workspace.name, topic = known_topic(topic), acted_on = patience.is_some(), "webhook received");
    if let Some(patience) = patience {
        workspace.nudge.ask_within(patience, ImportRequest::incremental(Trigger::Webhook), service.clock.now());
    }
    Ok(HttpResponse::Ok().finish())
}

/// A key that signs nothing.
static NOBODY: LazyLock<WebhookKey> = LazyLock::new(|| WebhookKey::new(&random_secret().unwrap_or_default()));

fn signature(request: &HttpRequest) -> &str {
    request.headers().get("x-hub-signature").and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Topics are words of a few dozen letters; what is not is not logged.
fn known_topic(topic: &str) -> &str {
    let word = topic.len() <= 64 && topic.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_'));
    if word { topic } else { "unreadable" }
}
