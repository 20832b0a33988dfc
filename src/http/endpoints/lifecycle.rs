//! Requests for changes that a person must make in Intercom: refused writes and tickets.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::Json;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::access::{Scope, random_reference};
use crate::base_urls::api_base_url;
use crate::http::errors::ApiError;
use crate::http::extract::body::{Body, parse_object, parse_object_or_default, text_of_at_most};
use crate::http::extract::caller::{Admin, Caller, ImportRead, LifecycleWrite};
use crate::http::request::context::RequestContext;
use crate::http::request::negotiation::{JSON, preferred_form};
use crate::http::request::parameters::{Parameters, wrong};
use crate::http::response::page;
use crate::http::wire::{
    ApiRefusals, BodyRefusals, LifecycleRequest, ParameterRefusals, Problem, RequestParameters,
};
use crate::ledger::LedgerError;
use crate::limits;
use crate::publish::close_as_seen;
use crate::requests::{Operation, Request, RequestEnd, RequestSource, seen_done};
use crate::stores::{Closing, NewRequest, RequestQuestion};
use crate::tabular::entitlement_named;
use crate::words::Words;

/// A page of requests.
#[derive(Serialize, ToSchema)]
pub struct RequestList {
    /// The items, newest first.
    items: Vec<LifecycleRequest>,
    /// The URL of the page with earlier items; null on the last page.
    next: Option<String>,
    /// The number of matching items on this page and later pages.
    total: u64,
    /// The maximum number of items of this page: the `limit` of the request, at most 1000.
    limit: usize,
}

/// A new request for a change that a person must make.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewTicket {
    /// The operation, such as `remove_account`. With `other`, the comment describes the change.
    #[schema(value_type = Operation)]
    operation: String,
    /// The id of the account: `adm_…`. `target` or `user_name` is required.
    #[validate(custom(function = "text_of_at_most::<{ limits::ID_BYTES }>"))]
    target: Option<String>,
    /// The id of the entitlement, or its name if that is unique. Only for `add_access` and
    /// `remove_access`.
    #[validate(custom(function = "text_of_at_most::<{ limits::COMMENT_BYTES }>"))]
    entitlement: Option<String>,
    /// The sign-in address of the teammate. `target` or `user_name` is required.
    #[validate(custom(function = "text_of_at_most::<{ limits::SUBJECT_BYTES }>"))]
    user_name: Option<String>,
    /// A comment for the person who makes the change. At most 4,000 bytes.
    #[validate(custom(function = "text_of_at_most::<{ limits::COMMENT_BYTES }>"))]
    comment: Option<String>,
}

/// How a request was closed.
#[derive(Debug, Default, Deserialize, ToSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Done {
    /// How the change was made, or why not. At most 4,000 bytes.
    #[validate(custom(function = "text_of_at_most::<{ limits::COMMENT_BYTES }>"))]
    note: Option<String>,
    /// Whether the change will not be made. The state is then `declined`, else `done`.
    declined: bool,
}

/// Lists requests for changes that a person must make in Intercom: refused writes and tickets,
/// newest first.
#[utoipa::path(
    get, path = "/api/v1/lifecycle/requests", operation_id = "list_lifecycle_requests", tag = "lifecycle",
    params(RequestParameters),
    responses(
        (
            status = 200, description = "Requests, newest first. CSV has a header row, and NDJSON one request on each line. The URL of their next page is in `Link`.",
            content((RequestList = "application/json"), (LifecycleRequest = "application/x-ndjson"), (String = "text/csv")),
        ),
        ParameterRefusals,
        ApiRefusals,
    ),
)]
pub async fn list(
    request: HttpRequest,
    caller: Caller<ImportRead>,
) -> Result<HttpResponse, ApiError> {
    let parameters =
        Parameters::parse(&request, &["state", "operation", "target", "before", "limit"])?;
    let limit = parameters.limit()?;
    let text = |name: &str| parameters.text(name).map(str::to_owned);
    let question = RequestQuestion {
        state: parameters.one_of("state")?,
        operation: parameters.one_of("operation")?,
        target: text("target"),
        before: text("before"),
    };
    let requests = &caller.service.stores.requests;
    let workspace = &caller.workspace.name;
    if let Some(before) = &question.before
        && requests.get(workspace, before).await?.is_none()
    {
        return Err(wrong(
            "before must be the id of a request; leave it out to begin with the newest".to_owned(),
        ));
    }
    let makers = &caller.service.makers;
    let turn = makers.page_turn(&caller.principal.allowance).await?;
    let requests = requests.clone();
    let workspace = Arc::clone(workspace);
    let read = makers.page(async move {
        let (rows, total) = requests.list(&workspace, &question, limit as u64).await?;
        Ok::<_, LedgerError>((
            rows.into_iter().map(LifecycleRequest::from).collect::<Vec<_>>(),
            total,
        ))
    });
    let (items, total) = read.await??;
    let oldest =
        items.last().filter(|_| total > items.len() as u64).map(|last| last.reference.clone());
    let next = oldest.map(|oldest| {
        parameters.link(&request, &caller.service.origin.url(), &[("before", oldest)])
    });
    let list = RequestList { items: Vec::new(), next, total, limit };
    page::answer(&request, HttpResponse::Ok(), makers, turn, items, list.next.as_deref(), &list)
        .await
}

/// Returns a request for a change.
#[utoipa::path(
    get, path = "/api/v1/lifecycle/requests/{id}", operation_id = "get_lifecycle_request", tag = "lifecycle",
    params(("id" = String, Path, description = "The id of the request: `req_…`.")),
    responses((status = 200, description = "The request.", body = LifecycleRequest), ApiRefusals),
)]
pub async fn get(
    request: HttpRequest,
    caller: Caller<ImportRead>,
) -> Result<Json<LifecycleRequest>, ApiError> {
    preferred_form(&request, &[JSON])?;
    Ok(Json(request_by_id(&request, &caller).await?.into()))
}

/// Records a request for a change that a person must make in Intercom (a ticket).
///
/// The request becomes `done` when an import finds the change, or when a person closes it.
#[utoipa::path(
    post, path = "/api/v1/lifecycle/requests", operation_id = "create_lifecycle_request", tag = "lifecycle",
    request_body = NewTicket,
    responses(
        (status = 201, description = "The request is recorded. `Location` is the URL of the request.", body = LifecycleRequest),
        (status = 400, description = "The body is invalid.", content_type = "application/problem+json", body = Problem),
        BodyRefusals,
        ApiRefusals,
    ),
)]
pub async fn create(
    request: HttpRequest,
    caller: Caller<LifecycleWrite>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[JSON])?;
    let (operation, ticket) = parse_ticket(&body.0)?;
    let service = &caller.service;
    let workspace = &caller.workspace;
    let reference = random_reference().map_err(|_| ApiError::Internal)?;
    let named = workspace.live.served().zip(ticket.entitlement.as_deref());
    let resolved = named.and_then(|(served, name)| entitlement_named(served.directory(), name));
    let as_sent = ticket.entitlement.clone();
    let new = NewRequest {
        reference: reference.clone(),
        workspace: workspace.name.to_string(),
        at: service.clock.now(),
        source: RequestSource::Ticket,
        requester: caller.principal.subject.clone(),
        request_id: RequestContext::id().unwrap_or_default(),
        method: request.method().to_string(),
        operation,
        target: ticket.target,
        entitlement: resolved.or(ticket.entitlement),
        user_name: ticket.user_name,
        comment: ticket.comment,
    };
    service.stores.requests.record(new).await?;
    let recorded = async || {
        let recorded = service.stores.requests.get(&workspace.name, &reference).await?;
        recorded.ok_or(ApiError::Internal)
    };
    let mut request_made = recorded().await?;
    // A request for a state that is reached already is closed at once.
    if let Some(served) = workspace.live.served()
        && !seen_done(served.directory(), std::slice::from_ref(&request_made)).is_empty()
    {
        let generation = served.snapshot_id().generation;
        let now = service.clock.now();
        close_as_seen(&service.stores.requests, &workspace.name, generation, &reference, now)
            .await?;
    }
    if caller.principal.scopes.contains(&Scope::ImportRead) {
        request_made = recorded().await?;
    } else {
        // Without `import.read`, the response must not reveal the directory: neither the id of the
        // entitlement nor that the request is done already.
        request_made.entitlement = as_sent;
    }
    let url = api_base_url(&caller.service.origin.url(), &workspace.name);
    let location = format!("{url}/lifecycle/requests/{reference}");
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, location))
        .json(LifecycleRequest::from(request_made)))
}

/// Parses a new ticket and its operation.
fn parse_ticket(body: &[u8]) -> Result<(Operation, NewTicket), ApiError> {
    let mut ticket: NewTicket = parse_object(body, TICKET)?;
    for text in
        [&mut ticket.target, &mut ticket.entitlement, &mut ticket.user_name, &mut ticket.comment]
    {
        // Forms send an empty text, or "null", for a field that does not apply.
        *text = text.take().filter(|text| !matches!(text.trim(), "" | "null"));
    }
    let Some(operation) = Operation::from_word(&ticket.operation) else {
        return Err(wrong(format!("operation must be one of {}", Operation::list())));
    };
    if ticket.target.is_none() && ticket.user_name.is_none() {
        return Err(wrong("send target (the id of the account), user_name, or both".to_owned()));
    }
    Ok((operation, ticket))
}

/// Closes a request, as done or declined.
#[utoipa::path(
    post, path = "/api/v1/lifecycle/requests/{id}/done", operation_id = "close_lifecycle_request", tag = "lifecycle",
    params(("id" = String, Path, description = "The id of the request: `req_…`.")),
    request_body(content = Option<Done>, description = "Optional."),
    responses(
        (status = 200, description = "The closed request.", body = LifecycleRequest),
        (status = 400, description = "The body is invalid.", content_type = "application/problem+json", body = Problem),
        (status = 409, description = "The request is closed already.", content_type = "application/problem+json", body = Problem),
        BodyRefusals,
        ApiRefusals,
    ),
)]
pub async fn done(
    request: HttpRequest,
    caller: Caller<Admin>,
    body: Body,
) -> Result<Json<LifecycleRequest>, ApiError> {
    preferred_form(&request, &[JSON])?;
    let said: Done = parse_object_or_default(&body.0, DONE)?;
    let known_request = request_by_id(&request, &caller).await?;
    let requests = &caller.service.stores.requests;
    let workspace = &caller.workspace.name;
    let by = caller.principal.subject.clone();
    let at = caller.service.clock.now();
    let end = if said.declined { RequestEnd::Declined } else { RequestEnd::Done };
    let closing = Closing { by, note: said.note, end, at };
    if !requests.close(workspace, &known_request.reference, closing).await? {
        return Err(ApiError::Problem {
            status: StatusCode::CONFLICT,
            code: "already_done",
            detail: "this request is closed already; GET it to see who closed it".to_owned(),
        });
    }
    Ok(Json(request_by_id(&request, &caller).await?.into()))
}

const TICKET: &str = r#"the body must be JSON such as {"operation": "remove_account", "target": "adm_1", "user_name": "…", "comment": "…"}"#;
const DONE: &str = r#"the body must be JSON such as {"note": "…"}"#;

/// The request whose id is in the path.
async fn request_by_id<S>(request: &HttpRequest, caller: &Caller<S>) -> Result<Request, ApiError> {
    let reference = request.match_info().get("id").unwrap_or_default();
    let valid = Some(reference)
        .filter(|reference| reference.len() <= limits::ID_BYTES && !reference.contains('\0'));
    let found = match valid {
        Some(reference) => {
            caller.service.stores.requests.get(&caller.workspace.name, reference).await?
        }
        None => None,
    };
    found.ok_or_else(|| ApiError::NotFound { what: "this request".to_owned() })
}
