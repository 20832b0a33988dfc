//! The audit trail, for those who look after the bridge.

use actix_web::http::header::LINK;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::caller::{Admin, Caller};
use super::errors::ApiError;
use super::negotiation::accepts_lines;
use super::openapi::{ApiRefusals, AuditParameters, Problem};
use super::parameters::Parameters;
use crate::ledger::{AuditEntry, AuditQuestion};
use crate::limits;

/// Some entries.
#[derive(Serialize, ToSchema)]
pub struct AuditList {
    /// Oldest first.
    items: Vec<AuditEntry>,
    /// The next page; null where there is none now.
    next: Option<String>,
}

/// Shows who asked what, when, from where and with which answer, and what was done to clients, tokens, keys and
/// connections. What concerns no single workspace is shown to tokens that open all of them.
#[utoipa::path(
    get, path = "/api/v1/audit", operation_id = "list_audit", tag = "access", security(("bearer" = ["admin"])), params(AuditParameters),
    responses(
        (
            status = 200, description = "Entries, oldest first; as NDJSON, one a line",
            content((AuditList = "application/json"), (String = "application/x-ndjson")),
        ),
        (status = 400, description = "A parameter cannot be read", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn list(request: HttpRequest, caller: Caller<Admin>) -> Result<HttpResponse, ApiError> {
    let parameters = Parameters::of(&request, &["since", "until", "actor", "event", "after", "limit"])?;
    let service = &caller.service;
    let question = AuditQuestion {
        workspace: Some(caller.workspace.name.to_string()),
        everything: service.workspaces.keys().all(|name| caller.principal.opens(name)),
        after: parameters.number("after", 0..=i64::MAX, 0)?,
        since: parameters.moment("since")?,
        until: parameters.moment("until")?,
        actor: parameters.text("actor").map(str::to_owned),
        event: parameters.text("event").map(str::to_owned),
    };
    let limit = parameters.number("limit", 1..=limits::LIST_ITEMS, limits::LIST_ITEMS_USUAL)?;
    // One more than wanted tells whether there are more.
    let mut items = service.ledger.audit(&question, limit as u64 + 1).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more).map(|entry| entry.id.to_string());
    let next = last.map(|last| parameters.link(&request, &caller.public_url(&request), &[("after", last)]));
    if accepts_lines(&request) {
        let lines: String = items.iter().flat_map(|entry| [json!(entry).to_string(), "\n".to_owned()]).collect();
        let mut response = HttpResponse::Ok();
        if let Some(next) = next {
            response.insert_header((LINK, format!("<{next}>; rel=\"next\"")));
        }
        return Ok(response.content_type("application/x-ndjson").body(lines));
    }
    Ok(HttpResponse::Ok().json(AuditList { items, next }))
}
