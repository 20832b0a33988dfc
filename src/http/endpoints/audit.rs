//! The audit trail, for operators.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use crate::database::AuditEntry;
use crate::http::errors::ApiError;
use crate::http::extract::caller::{Admin, Caller};
use crate::http::request::negotiation::{JSON, LINES, preferred_form, set_next_link};
use crate::http::request::parameters::{Parameters, wrong};
use crate::http::response::chunks::Chunks;
use crate::http::state::service::Service;
use crate::http::wire::{ApiRefusals, AuditParameters, ParameterRefusals};
use crate::moments::Edge;
use crate::stores::AuditQuestion;

/// An audit entry and its position.
#[derive(Serialize, ToSchema)]
pub struct AuditDocument {
    /// The position of this entry, for the parameter `after`. It is opaque.
    cursor: String,
    #[serde(flatten)]
    entry: AuditEntry,
}

/// A page of audit entries.
#[derive(Serialize, ToSchema)]
pub struct AuditList {
    /// The items, oldest first.
    items: Vec<AuditDocument>,
    /// The URL of the next page; null if there are no more entries yet.
    next: Option<String>,
    /// The maximum number of items of this page: the `limit` of the request, at most 1000.
    limit: usize,
}

/// Lists the audit trail, oldest first.
///
/// The audit trail contains all requests (who, what, when, from where, and the status), and all
/// events of clients, tokens, keys and connections. Entries that concern no single workspace are
/// returned only for tokens that are valid for all workspaces.
#[utoipa::path(
    get, path = "/api/v1/audit", operation_id = "list_audit", tag = "access", params(AuditParameters),
    responses(
        (
            status = 200, description = "Entries, oldest first. NDJSON has one entry on each line.",
            content((AuditList = "application/json"), (String = "application/x-ndjson")),
        ),
        ParameterRefusals,
        ApiRefusals,
    ),
)]
pub async fn list(request: HttpRequest, caller: Caller<Admin>) -> Result<HttpResponse, ApiError> {
    let parameters =
        Parameters::parse(&request, &["since", "until", "tz", "actor", "event", "after", "limit"])?;
    let form = preferred_form(&request, &[JSON, LINES])?;
    let service = &caller.service;
    let question = AuditQuestion {
        workspace: Some(caller.workspace.name.to_string()),
        everything: service.workspaces.keys().all(|name| caller.principal.opens(name)),
        after: place(service, parameters.text("after"))?,
        since: parameters.moment("since", Edge::Start)?,
        until: parameters.moment("until", Edge::End)?,
        actor: parameters.text("actor").map(str::to_owned),
        event: parameters.text("event").map(str::to_owned),
    };
    let limit = parameters.limit()?;
    let makers = &caller.service.makers;
    let turn = makers.page_turn(&caller.principal.allowance).await?;
    let reader = Data::clone(service);
    let read = makers.page(async move {
        // One more than the page holds, to see whether there are more.
        let mut entries = reader.stores.audit.entries(&question, limit as u64 + 1).await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let document =
            |entry: AuditEntry| Ok(AuditDocument { cursor: cursor(&reader, entry.id)?, entry });
        let items: Result<Vec<AuditDocument>, ApiError> =
            entries.into_iter().map(document).collect();
        Ok::<_, ApiError>((items?, more))
    });
    let (items, more) = read.await??;
    let last = items.last().filter(|_| more).map(|entry| entry.cursor.clone());
    let next = last
        .map(|last| parameters.link(&request, &caller.service.origin.url(), &[("after", last)]));
    if form == LINES {
        let page = Chunks::lines(items.into_iter());
        let mut response =
            HttpResponse::Ok().content_type(LINES).body(makers.body(turn, page).await?);
        if let Some(next) = next {
            set_next_link(&mut response, &next);
        }
        return Ok(response);
    }
    let page = Chunks::json(&AuditList { items: Vec::new(), next, limit }, items.into_iter())?;
    Ok(HttpResponse::Ok().content_type(JSON).body(makers.body(turn, page).await?))
}

/// The purpose for which cursors are encrypted. The ids of entries in clear text would reveal how
/// much happens in other workspaces.
const PLACE: &str = "audit";

/// The position of an entry, for clients.
pub fn cursor(service: &Service, id: i64) -> Result<String, ApiError> {
    let sealed =
        service.tokens.vault().seal(PLACE, &id.to_be_bytes()).map_err(|_| ApiError::Internal)?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// The id of the entry at a position.
pub fn place(service: &Service, cursor: Option<&str>) -> Result<i64, ApiError> {
    let Some(cursor) = cursor else { return Ok(0) };
    let sealed = URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
    let opened = service.tokens.vault().open(PLACE, &sealed).ok();
    let place =
        opened.and_then(|bytes| bytes.expose_secret().try_into().ok().map(i64::from_be_bytes));
    place.ok_or_else(|| {
        wrong(
            "after must be the `cursor` of an entry; leave it out to begin at the start".to_owned(),
        )
    })
}
