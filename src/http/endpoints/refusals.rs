//! Writes. This version of the bridge does not write to Intercom, so it refuses every write and
//! records it for a person who makes the change by hand. [`Refusal`] says for each operation what
//! Intercom's API can do, which is often nothing.
//!
//! The client is authenticated and authorised first; then the write is refused, whatever the body
//! is, since clients send malformed ones. A readable body only adds to the record whom the write
//! concerns. The status is never 2xx: some clients take any 2xx as success.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use crate::access::random_reference;
use crate::http::errors::{ApiError, RequestContext};
use crate::http::extract::caller::{Caller, LifecycleWrite};
use crate::http::request::route_pattern::Pattern;
use crate::http::state::service::Service;
use crate::http::wire::{RefusedByApi, RefusedByScim};
use crate::ledger::NewRequest;
use crate::limits;
use crate::requests::{Operation, ParsedRequest, Refusal, RequestSource};
use crate::scim::ScimError;

/// Refuses a new teammate.
#[utoipa::path(
    post,
    path = "/scim/v2/Users",
    tag = "scim",
    security(("bearer" = ["lifecycle.write"])),
    request_body(content = Option<serde_json::Value>, content_type = "application/scim+json", description = "Whatever it is"),
    responses(RefusedByScim),
)]
pub async fn create_user(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::CreateAccount).await
}

/// Refuses a change of a teammate.
///
/// NB: RFC 7644 §3.5 asks every service provider for PUT; this version of the bridge writes nothing
/// to Intercom, and §3.12 has 501 for that.
#[utoipa::path(
    method(put, patch),
    path = "/scim/v2/Users/{id}",
    tag = "scim",
    security(("bearer" = ["lifecycle.write"])),
    params(("id" = String, Path, description = "`adm_` and Intercom's id of the admin")),
    request_body(content = Option<serde_json::Value>, content_type = "application/scim+json", description = "Whatever it is"),
    responses(RefusedByScim),
)]
pub async fn update_user(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::UpdateAccount).await
}

/// Refuses to remove a teammate.
#[utoipa::path(
    delete,
    path = "/scim/v2/Users/{id}",
    tag = "scim",
    security(("bearer" = ["lifecycle.write"])),
    params(("id" = String, Path, description = "`adm_` and Intercom's id of the admin")),
    responses(RefusedByScim),
)]
pub async fn delete_user(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::RemoveAccount).await
}

/// Refuses a new team.
#[utoipa::path(
    post,
    path = "/scim/v2/Groups",
    tag = "scim",
    security(("bearer" = ["lifecycle.write"])),
    request_body(content = Option<serde_json::Value>, content_type = "application/scim+json", description = "Whatever it is"),
    responses(RefusedByScim),
)]
pub async fn create_group(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::CreateGroup).await
}

/// Refuses a change of a team or of its members.
#[utoipa::path(
    method(put, patch),
    path = "/scim/v2/Groups/{id}",
    tag = "scim",
    security(("bearer" = ["lifecycle.write"])),
    params(("id" = String, Path, description = "`team_` and Intercom's id of the team")),
    request_body(content = Option<serde_json::Value>, content_type = "application/scim+json", description = "Whatever it is"),
    responses(RefusedByScim),
)]
pub async fn update_group(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::UpdateGroup).await
}

/// Refuses to remove a team.
#[utoipa::path(
    delete,
    path = "/scim/v2/Groups/{id}",
    tag = "scim",
    security(("bearer" = ["lifecycle.write"])),
    params(("id" = String, Path, description = "`team_` and Intercom's id of the team")),
    responses(RefusedByScim),
)]
pub async fn delete_group(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::RemoveGroup).await
}

/// Refuses a change of the teammate who asks (RFC 7644 §3.11).
#[utoipa::path(
    method(put, patch),
    path = "/scim/v2/Me",
    tag = "scim",
    security(("bearer" = ["lifecycle.write"])),
    request_body(content = Option<serde_json::Value>, content_type = "application/scim+json", description = "Whatever it is"),
    responses(RefusedByScim),
)]
pub async fn update_me(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::UpdateAccount).await
}

/// Refuses to remove the teammate who asks.
#[utoipa::path(
    delete,
    path = "/scim/v2/Me",
    tag = "scim",
    security(("bearer" = ["lifecycle.write"])),
    responses(RefusedByScim),
)]
pub async fn delete_me(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::RemoveAccount).await
}

/// Refuses several writes at once (RFC 7644 §3.7), whatever they are.
#[utoipa::path(
    post,
    path = "/scim/v2/Bulk",
    tag = "scim",
    security(("bearer" = ["lifecycle.write"])),
    request_body(content = Option<serde_json::Value>, content_type = "application/scim+json", description = "Whatever it is"),
    responses(RefusedByScim),
)]
pub async fn run_bulk_operations(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::Bulk).await
}

/// Refuses a new account.
#[utoipa::path(
    post,
    path = "/api/v1/lifecycle/accounts",
    tag = "lifecycle",
    security(("bearer" = ["lifecycle.write"])),
    request_body(content = Option<serde_json::Value>, content_type = "application/json", description = "Whatever it is"),
    responses(RefusedByApi),
)]
pub async fn create_account(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::CreateAccount).await
}

/// Refuses a change of an account.
#[utoipa::path(
    method(post, put, patch),
    path = "/api/v1/lifecycle/accounts/{id}",
    tag = "lifecycle",
    security(("bearer" = ["lifecycle.write"])),
    params(("id" = String, Path, description = "`adm_` and Intercom's id of the admin")),
    request_body(content = Option<serde_json::Value>, content_type = "application/json", description = "Whatever it is"),
    responses(RefusedByApi),
)]
pub async fn update_account(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::UpdateAccount).await
}

/// Refuses to remove an account.
#[utoipa::path(
    delete,
    path = "/api/v1/lifecycle/accounts/{id}",
    tag = "lifecycle",
    security(("bearer" = ["lifecycle.write"])),
    params(("id" = String, Path, description = "`adm_` and Intercom's id of the admin")),
    responses(RefusedByApi),
)]
pub async fn remove_account(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::RemoveAccount).await
}

/// Refuses to enable an account.
#[utoipa::path(
    method(post, put, patch),
    path = "/api/v1/lifecycle/accounts/{id}/enable",
    tag = "lifecycle",
    security(("bearer" = ["lifecycle.write"])),
    params(("id" = String, Path, description = "`adm_` and Intercom's id of the admin")),
    request_body(content = Option<serde_json::Value>, content_type = "application/json", description = "Whatever it is"),
    responses(RefusedByApi),
)]
pub async fn enable_account(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::EnableAccount).await
}

/// Refuses to disable an account.
#[utoipa::path(
    method(post, put, patch),
    path = "/api/v1/lifecycle/accounts/{id}/disable",
    tag = "lifecycle",
    security(("bearer" = ["lifecycle.write"])),
    params(("id" = String, Path, description = "`adm_` and Intercom's id of the admin")),
    request_body(content = Option<serde_json::Value>, content_type = "application/json", description = "Whatever it is"),
    responses(RefusedByApi),
)]
pub async fn disable_account(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::DisableAccount).await
}

/// Refuses another password: teammates have theirs with Intercom, or with whoever signs them in
/// there.
#[utoipa::path(
    method(post, put, patch),
    path = "/api/v1/lifecycle/accounts/{id}/password",
    tag = "lifecycle",
    security(("bearer" = ["lifecycle.write"])),
    params(("id" = String, Path, description = "`adm_` and Intercom's id of the admin")),
    request_body(content = Option<serde_json::Value>, content_type = "application/json", description = "Whatever it is"),
    responses(RefusedByApi),
)]
pub async fn change_password(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::ChangePassword).await
}

/// Refuses to give access: to a team, a role, a seat or a permission. The body names `account_id`
/// and `entitlement_id`.
#[utoipa::path(
    method(post, put, patch),
    path = "/api/v1/lifecycle/access",
    tag = "lifecycle",
    security(("bearer" = ["lifecycle.write"])),
    request_body(content = Option<serde_json::Value>, content_type = "application/json", description = "Whatever it is"),
    responses(RefusedByApi),
)]
pub async fn add_access(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::AddAccess).await
}

/// Refuses to take access away. The body names `account_id` and `entitlement_id`.
#[utoipa::path(
    delete,
    path = "/api/v1/lifecycle/access",
    tag = "lifecycle",
    security(("bearer" = ["lifecycle.write"])),
    responses(RefusedByApi),
)]
pub async fn remove_access(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::RemoveAccess).await
}

/// Refuses to give an account access.
#[utoipa::path(
    method(post, put, patch),
    path = "/api/v1/lifecycle/access/{id}/{entitlement}",
    tag = "lifecycle",
    security(("bearer" = ["lifecycle.write"])),
    params(("id" = String, Path, description = "`adm_` and Intercom's id of the admin"), ("entitlement" = String, Path, description = "`team_…`, `role_…`, `seat_…` or `permission_…`")),
    request_body(content = Option<serde_json::Value>, content_type = "application/json", description = "Whatever it is"),
    responses(RefusedByApi),
)]
pub async fn add_access_of_account(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::AddAccess).await
}

/// Refuses to take access away from an account.
#[utoipa::path(
    delete,
    path = "/api/v1/lifecycle/access/{id}/{entitlement}",
    tag = "lifecycle",
    security(("bearer" = ["lifecycle.write"])),
    params(("id" = String, Path, description = "`adm_` and Intercom's id of the admin"), ("entitlement" = String, Path, description = "`team_…`, `role_…`, `seat_…` or `permission_…`")),
    responses(RefusedByApi),
)]
pub async fn remove_access_of_account(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, body, Operation::RemoveAccess).await
}

async fn refuse(
    request: &HttpRequest,
    caller: &Caller<LifecycleWrite>,
    body: Payload,
    operation: Operation,
) -> Result<HttpResponse, ApiError> {
    let service: &Data<Service> = &caller.service;
    let reference = random_reference().map_err(|_| ScimError::Internal)?;
    let known = Pattern::matched(request);
    let pattern = known.map_or("", Pattern::of_every_workspace);
    let (id, entitlement) =
        (known.and_then(|pattern| pattern.id(request)), request.match_info().get("entitlement"));
    if pattern.contains("{id}") && id.is_none() {
        return Err(ScimError::NotFound { what: "this path".to_owned() }.into());
    }
    let mut parsed =
        ParsedRequest::from_write(operation, id, entitlement, &readable(service, body).await);
    if pattern == "/scim/v2/Me" {
        // The target is the caller, whatever the body says.
        parsed.user_name = Some(caller.principal.subject.clone());
    }
    let refused = NewRequest {
        reference,
        source: RequestSource::Refused,
        comment: parsed
            .details
            .as_deref()
            .map(|text| text.chars().take(limits::COMMENT_BYTES / 4).collect()),
        workspace: caller.workspace.name.to_string(),
        at: service.clock.now(),
        request_id: RequestContext::with(request, |context| context.request_id.clone())
            .unwrap_or_default(),
        requester: caller.principal.subject.clone(),
        method: request.method().to_string(),
        operation: parsed.operation,
        target: parsed.target.as_deref().map(fit_for_a_record),
        entitlement: parsed.entitlement.as_deref().map(fit_for_a_record),
        user_name: parsed.user_name.as_deref().map(fit_for_a_record),
    };
    // The response does not depend on the record, and waits for it only briefly.
    let record = Box::pin(service.ledger.record_request(refused));
    let recorded = match service.clock.within(limits::REFUSAL_WAIT, record).await {
        Some(Ok(reference)) => Some(reference),
        Some(Err(error)) => {
            tracing::error!(error = %error.chain(), %operation, "a refused write could not be recorded");
            None
        }
        None => {
            tracing::error!(
                %operation,
                "a refused write could not be recorded: the database is busy"
            );
            None
        }
    };
    service.measures.refused(&caller.workspace.name, operation.as_str());
    let Refusal { detail, remedy } = operation.refusal();
    Err(ApiError::UnsupportedWrite { operation, detail, remedy, recorded })
}

/// The body as JSON, if it arrives soon, is not too long and can be parsed; else null.
async fn readable(service: &Service, body: Payload) -> Value {
    let read = service
        .clock
        .within(limits::REFUSED_BODY_WAIT, body.to_bytes_limited(limits::REFUSED_BODY_BYTES))
        .await;
    match read {
        Some(Ok(Ok(bytes))) => serde_json::from_slice(&bytes).unwrap_or_default(),
        _ => Value::Null,
    }
}

/// Makes a text of a path or a body safe to record: without control characters, and not too long.
fn fit_for_a_record(text: &str) -> String {
    let mut fit: String = text.trim().chars().filter(|letter| !letter.is_control()).collect();
    if fit.len() > limits::SUBJECT_BYTES {
        // The ellipsis shows that the text is incomplete.
        fit.truncate(fit.floor_char_boundary(limits::SUBJECT_BYTES - "…".len()));
        fit.push('…');
    }
    fit
}
