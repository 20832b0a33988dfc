//! Starts imports and lists runs.

use std::sync::Arc;

use actix_web::http::header::LOCATION;
use actix_web::web::Json;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::base_urls::api_base_url;
use crate::directory::{ImportRequest, Mode, Run, RunId, RunStatus, Trigger};
use crate::http::errors::ApiError;
use crate::http::extract::body::{Body, parse_object_or_default};
use crate::http::extract::caller::{Caller, ImportRead, ImportRun};
use crate::http::request::negotiation::{JSON, preferred_form};
use crate::http::request::parameters::{Parameters, preferred_wait};
use crate::http::response::chunks::Chunks;
use crate::http::wire::{ApiRefusals, BodyRefusals, ParameterRefusals, Problem, RunParameters};
use crate::ledger::LedgerError;
use crate::limits;

/// The options of an import.
#[derive(Debug, Default, Deserialize, ToSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct NewImport {
    /// The default is `incremental`.
    mode: Option<Mode>,
    /// Allows this import to remove more than `import.max_removals` and related settings permit.
    /// Set it after you have checked the removals.
    allow_removals: bool,
}

/// Requests an import.
///
/// The import is queued and begins when no other import is running. A running import does not
/// satisfy the request, because it may have read Intercom before the change that the client wants
/// to see. At most one import of each mode is queued; a further request of the same mode returns
/// the queued run.
#[utoipa::path(
    post, path = "/api/v1/imports", operation_id = "start_import", tag = "imports",
    request_body(content = Option<NewImport>, description = "Optional. The default is an incremental import."),
    params(("Prefer" = Option<String>, Header, description = "`wait=N` (RFC 7240 §4.3): the response is sent when the import has ended, or after N seconds, at most 60.")),
    responses(
        (status = 200, description = "The run has ended. `status` says how.", body = Run),
        (status = 202, description = "The run is queued or running. `Location` is the URL of the run.", body = Run),
        (status = 400, description = "The body is invalid.", content_type = "application/problem+json", body = Problem),
        BodyRefusals,
        ApiRefusals,
    ),
)]
pub async fn start(
    request: HttpRequest,
    caller: Caller<ImportRun>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    // Refuses an unsuitable `Accept` before the import is queued.
    preferred_form(&request, &[JSON])?;
    let wanted: NewImport = parse_object_or_default(&body.0, NEW_IMPORT)?;
    let import = ImportRequest {
        mode: wanted.mode.unwrap_or(Mode::Incremental),
        trigger: Trigger::Api,
        requested_by: Some(caller.principal.subject.clone()),
        allow_removals: wanted.allow_removals,
    };
    let clock = &caller.service.clock;
    let mut run = accepted(&caller, &import).await?;
    let wait = preferred_wait(&request, limits::IMPORT_WAIT);
    if let Some(wait) = wait {
        // At the time-out, `run` holds the last state that was read.
        clock.within(wait, ended(&caller, &import, &mut run)).await.transpose()?;
    }
    let workspace = &caller.workspace.name;
    let location =
        format!("{}/imports/{}", api_base_url(&caller.service.origin.url(), workspace), run.id);
    let mut response = if is_open(&run) { HttpResponse::Accepted() } else { HttpResponse::Ok() };
    if let Some(wait) = wait {
        response.insert_header(("Preference-Applied", format!("wait={}", wait.as_secs())));
    }
    Ok(response.insert_header((LOCATION, location)).json(run))
}

const NEW_IMPORT: &str = r#"the body must be JSON such as {"mode": "full", "allow_removals": false}; mode is full or incremental"#;

/// Queues a run and returns it. A run that has begun already is not enough, because it may have
/// read Intercom before the request was made. If no run is under way, this waits a moment until the
/// new run has begun.
async fn accepted(caller: &Caller<ImportRun>, import: &ImportRequest) -> Result<Run, ApiError> {
    let clock = &caller.service.clock;
    let ledger = &caller.service.stores.ledger;
    let workspace = &caller.workspace;
    let busy = ledger.run_under_way(&workspace.name, clock).await?.is_some();
    let queued = ledger.queue_run(&workspace.name, import, clock).await?;
    workspace.nudge.serve_queue();
    if busy {
        return Ok(queued);
    }
    let mut run = queued;
    let begun = async {
        while run.status == RunStatus::Queued {
            clock.sleep(limits::RUN_POLL).await;
            run = run_by_id(caller, run.id).await?;
        }
        Ok::<(), ApiError>(())
    };
    clock.within(limits::IMPORT_START_WAIT, begun).await.transpose()?;
    Ok(run)
}

/// Whether a run has not ended.
fn is_open(run: &Run) -> bool {
    matches!(run.status, RunStatus::Queued | RunStatus::Running)
}

async fn run_by_id(caller: &Caller<ImportRun>, id: RunId) -> Result<Run, ApiError> {
    caller.service.stores.ledger.run(&caller.workspace.name, id).await?.ok_or(ApiError::Internal)
}

/// Waits until the run has ended. If the process that runs it dies, `run` is replaced by a new run.
async fn ended(
    caller: &Caller<ImportRun>,
    import: &ImportRequest,
    run: &mut Run,
) -> Result<(), ApiError> {
    let service = &caller.service;
    let workspace = &caller.workspace.name;
    loop {
        // Before the run is read: a run that ends in between is not mistaken for one whose process
        // died.
        let alive = service.stores.ledger.run_under_way(workspace, &service.clock).await?.is_some();
        *run = run_by_id(caller, run.id).await?;
        match run.status {
            RunStatus::Queued => {}
            RunStatus::Running if alive => {}
            RunStatus::Running | RunStatus::Interrupted => *run = accepted(caller, import).await?,
            _ => {
                // The client may now read what the import recorded.
                let recorded = run.generation.unwrap_or(0);
                caller.workspace.live.shows(|shown| shown.generation >= recorded).await;
                return Ok(());
            }
        }
        service.clock.sleep(limits::RUN_POLL).await;
    }
}

/// A page of runs.
#[derive(Serialize, ToSchema)]
pub struct RunList {
    /// The items, newest first.
    items: Vec<Run>,
    /// The URL of the page with earlier items; null on the last page.
    next: Option<String>,
    /// The number of all items.
    total: u64,
    /// The maximum number of items of this page: the `limit` of the request, at most 1000.
    limit: usize,
}

/// Lists import runs, newest first.
#[utoipa::path(
    get, path = "/api/v1/imports", operation_id = "list_imports", tag = "imports", params(RunParameters),
    responses(
        (status = 200, description = "Runs, newest first.", body = RunList),
        ParameterRefusals,
        ApiRefusals,
    ),
)]
pub async fn list(
    request: HttpRequest,
    caller: Caller<ImportRead>,
) -> Result<HttpResponse, ApiError> {
    preferred_form(&request, &[JSON])?;
    let parameters = Parameters::parse(&request, &["limit", "before"])?;
    let limit = parameters.limit()?;
    let before = parameters.number("before", 1..=RunId::MAX, RunId::MAX)?;
    let makers = &caller.service.makers;
    let turn = makers.page_turn(&caller.principal.allowance).await?;
    let ledger = caller.service.stores.ledger.clone();
    let workspace = Arc::clone(&caller.workspace.name);
    let read = makers.page(async move {
        // One more than the page holds, to see whether there are more.
        let items = ledger.runs(&workspace, Some(before), limit as u64 + 1).await?;
        Ok::<_, LedgerError>((items, ledger.count_runs(&workspace).await?))
    });
    let (mut items, total) = read.await??;
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more).map(|run| run.id.to_string());
    let next = last
        .map(|last| parameters.link(&request, &caller.service.origin.url(), &[("before", last)]));
    let page = Chunks::json(&RunList { items: Vec::new(), next, total, limit }, items.into_iter())?;
    Ok(HttpResponse::Ok().content_type(JSON).body(makers.body(turn, page).await?))
}

/// Returns an import run.
#[utoipa::path(
    get, path = "/api/v1/imports/{id}", operation_id = "get_import", tag = "imports",
    params(("id" = i64, Path, description = "The number of the run.")),
    responses((status = 200, description = "The run.", body = Run), ApiRefusals),
)]
pub async fn get(request: HttpRequest, caller: Caller<ImportRead>) -> Result<Json<Run>, ApiError> {
    preferred_form(&request, &[JSON])?;
    let not_found = || ApiError::NotFound { what: "this import".to_owned() };
    let id = request.match_info().get("id").and_then(|id| id.parse().ok()).ok_or_else(not_found)?;
    let run = caller.service.stores.ledger.run(&caller.workspace.name, id).await?;
    Ok(Json(run.ok_or_else(not_found)?))
}
