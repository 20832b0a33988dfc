//! Writes. Intercom's API has no call that makes, changes, disables or removes a teammate, or that changes a
//! seat, a role or (outside preview) a team's members, so every write is refused, and recorded for the person
//! who will do it by hand.
//!
//! First who asks, then whether they may, then the refusal; the body is never read, because clients send
//! broken ones. Never a 2xx: some clients take any for done.

use actix_web::http::Method;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::caller::{Caller, LifecycleWrite};
use super::errors::{ApiError, Facts};
use super::openapi::ApiRefusals;
use super::service::Service;
use crate::access::random_reference;
use crate::ledger::NewRequest;
use crate::limits;
use crate::scim::ScimError;

const TEAMMATES: &str = "Make the change in Intercom under Settings > Workspace > Teammates, or, where the plan has it, \
                         through Intercom's own SCIM provisioning; the bridge will show it after the next import.";
const TEAMS: &str =
    "Make the change in Intercom under Settings > Inbox > Teams; the bridge will show it after the next import.";

/// Refuses a SCIM write to users or groups.
///
/// NB: RFC 7644 §3.5 asks every service provider for PUT; what the bridge stands for cannot be written, and
/// §3.12 has 501 for that.
pub async fn refuse_scim(request: HttpRequest, caller: Caller<LifecycleWrite>) -> Result<HttpResponse, ApiError> {
    let group = request.match_pattern().is_some_and(|pattern| pattern.contains("/Groups"));
    let operation = match (request.method(), group) {
        (&Method::POST, false) => "create_user",
        (&Method::POST, true) => "create_group",
        (&Method::DELETE, false) => "delete_user",
        (&Method::DELETE, true) => "delete_group",
        (_, false) => "update_user",
        (_, true) => "update_group",
    };
    refuse(&request, &caller, operation, if group { TEAMS } else { TEAMMATES }).await
}

/// Refuses what a REST connector asks of accounts.
#[utoipa::path(
    post, path = "/api/v1/lifecycle/accounts", tag = "lifecycle", security(("bearer" = ["lifecycle.write"])),
    responses(
        (
            status = 501,
            description = "Always, for those who may ask: Intercom's API cannot make the change; `remedy` says where it can be made",
            content_type = "application/problem+json",
            body = serde_json::Value,
        ),
        ApiRefusals,
    ),
)]
pub async fn refuse_account(request: HttpRequest, caller: Caller<LifecycleWrite>) -> Result<HttpResponse, ApiError> {
    let operation = match (request.method(), request.match_info().get("operation")) {
        (_, Some("enable")) => "enable_account",
        (_, Some("disable")) => "disable_account",
        (_, Some("password")) => "change_password",
        (&Method::DELETE, _) => "remove_account",
        (&Method::POST, None) => "create_account",
        _ => "update_account",
    };
    refuse(&request, &caller, operation, TEAMMATES).await
}

/// Refuses what a REST connector asks of access: teams, roles and seats.
#[utoipa::path(
    post, path = "/api/v1/lifecycle/access", tag = "lifecycle", security(("bearer" = ["lifecycle.write"])),
    responses(
        (
            status = 501,
            description = "Always, for those who may ask: Intercom's API cannot make the change; `remedy` says where it can be made",
            content_type = "application/problem+json",
            body = serde_json::Value,
        ),
        ApiRefusals,
    ),
)]
pub async fn refuse_access(request: HttpRequest, caller: Caller<LifecycleWrite>) -> Result<HttpResponse, ApiError> {
    let removing = request.method() == Method::DELETE || request.match_info().get("operation") == Some("remove");
    refuse(&request, &caller, if removing { "remove_access" } else { "add_access" }, TEAMS).await
}

/// Refuses several writes at once (RFC 7644 §3.7), whatever they are.
pub async fn refuse_bulk(request: HttpRequest, caller: Caller<LifecycleWrite>) -> Result<HttpResponse, ApiError> {
    refuse(&request, &caller, "run_bulk_operations", TEAMMATES).await
}

async fn refuse(
    request: &HttpRequest,
    caller: &Caller<LifecycleWrite>,
    operation: &'static str,
    remedy: &'static str,
) -> Result<HttpResponse, ApiError> {
    let service: &Data<Service> = &caller.service;
    let reference = random_reference().map_err(|_| ScimError::Internal)?;
    let refused = NewRequest {
        reference: reference.clone(),
        source: "refused",
        entitlement: None,
        user_name: None,
        comment: None,
        workspace: caller.workspace.name.to_string(),
        at: service.clock.now(),
        request_id: Facts::of(request, |facts| facts.request_id.clone()).unwrap_or_default(),
        requester: caller.principal.subject.to_string(),
        method: request.method().to_string(),
        operation: operation.to_owned(),
        target: request.match_info().get("id").map(fit_for_a_record),
    };
    // The client's answer does not hang on the record, nor wait long for it.
    let recorded = match service.clock.within(limits::REFUSAL_WAIT, service.ledger.record_request(refused)).await {
        Some(Ok(())) => Some(reference),
        Some(Err(error)) => {
            tracing::error!(error = %error.chain(), operation, "a refused write could not be recorded");
            None
        }
        None => {
            tracing::error!(operation, "a refused write could not be recorded: the database is busy");
            None
        }
    };
    let what = operation.replace('_', " ");
    Err(ApiError::UnsupportedWrite {
        operation,
        detail: format!("Intercom's API cannot {what}, so nothing was changed."),
        remedy,
        recorded,
    })
}

/// An id from a path, as it is recorded: whatever it was, it does no harm there.
fn fit_for_a_record(id: &str) -> String {
    id.chars().filter(|letter| !letter.is_control()).take(100).collect()
}
