//! Imports: starting one, and how they went.

use actix_web::http::header::LOCATION;
use actix_web::web::Json;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::body::Body;
use super::caller::{Caller, ImportRead, ImportRun};
use super::errors::ApiError;
use super::negotiation::{JSON, preferred_form};
use super::openapi::{ApiRefusals, Problem, RunParameters};
use super::parameters::{Parameters, preferred_wait, wrong};
use super::service::api_base_url;
use crate::import::ImportRequest;
use crate::ledger::{Mode, Run, RunId, RunStatus, Trigger};
use crate::limits;
use crate::scim::ScimError;

/// What to import.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewImport {
    /// `incremental`, where it is left out.
    mode: Option<Mode>,
    /// Whether somebody looked and lets an import through that removes more than `import.max_removals`.
    allow_removals: bool,
}

/// Starts an import. One that is under way and reads as much is given instead of a second.
#[utoipa::path(
    post, path = "/api/v1/imports", operation_id = "start_import", tag = "imports", security(("bearer" = ["import.run"])),
    request_body(content = Option<NewImport>, description = "May be left out, for an incremental import"),
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: answers when the import has ended, or after N seconds; at most 60")),
    responses(
        (status = 200, description = "It has ended already, well or not", body = Run),
        (status = 202, description = "It is under way; `Location` tells how it goes", body = Run),
        (status = 400, description = "The body cannot be read", content_type = "application/problem+json", body = Problem),
        (status = 413, description = "The body is too large", content_type = "application/problem+json", body = Problem),
        (status = 409, description = "An import is under way that does less; ask again when it has ended", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn start(request: HttpRequest, caller: Caller<ImportRun>, body: Body) -> Result<HttpResponse, ApiError> {
    // Before anything is begun.
    preferred_form(&request, &[JSON])?;
    let wanted = read(&body.0)?;
    let (service, workspace) = (&caller.service, &caller.workspace);
    let import = ImportRequest {
        mode: wanted.mode.unwrap_or(Mode::Incremental),
        trigger: Trigger::Api,
        requested_by: Some(caller.principal.subject.clone()),
        allow_removals: wanted.allow_removals,
    };
    let run = under_way(&caller, &import).await?;
    let wait = preferred_wait(&request, limits::IMPORT_WAIT);
    let run = match wait {
        Some(wait) => service.clock.within(wait, ended(&caller, &import, run.id)).await.transpose()?.unwrap_or(run),
        None => run,
    };
    let location =
        format!("{}/imports/{}", api_base_url(&caller.service.origin.url_for(&request), &workspace.name), run.id);
    let mut response = if run.status == RunStatus::Running { HttpResponse::Accepted() } else { HttpResponse::Ok() };
    if let Some(wait) = wait {
        response.insert_header(("Preference-Applied", format!("wait={}", wait.as_secs())));
    }
    Ok(response.insert_header((LOCATION, location)).json(run))
}

fn read(body: &[u8]) -> Result<NewImport, ApiError> {
    if matches!(body.trim_ascii(), b"" | b"null") {
        return Ok(NewImport::default());
    }
    // A list would do for a struct of serde's.
    let object =
        serde_json::from_slice(body).and_then(|object: Map<String, Value>| NewImport::deserialize(Value::from(object)));
    object.map_err(|_| {
        wrong(
            r#"the body must be JSON such as {"mode": "full", "allow_removals": false}; mode is full or incremental"#
                .to_owned(),
        )
    })
}

/// The run that does what is wanted: the one that is under way, else one that begins now.
async fn under_way(caller: &Caller<ImportRun>, import: &ImportRequest) -> Result<Run, ApiError> {
    let (service, workspace) = (&caller.service, &caller.workspace);
    let now = service.clock.now();
    match service.ledger.run_under_way(&workspace.name, now).await? {
        Some(run) if does(&run, import) => Ok(run),
        Some(_) => Err(ApiError::import_under_way()),
        None => {
            workspace.nudge.ask(import.clone(), now);
            started(caller, import, now).await
        }
    }
}

/// Whether a run does what is wanted.
fn does(run: &Run, import: &ImportRequest) -> bool {
    run.mode >= import.mode && (run.allow_removals || !import.allow_removals)
}

/// The run that begins now, here or in another process.
async fn started(
    caller: &Caller<ImportRun>,
    import: &ImportRequest,
    asked_at: OffsetDateTime,
) -> Result<Run, ApiError> {
    let (service, workspace) = (&caller.service, &caller.workspace);
    let patience = asked_at + limits::IMPORT_START_WAIT;
    while service.clock.now() < patience {
        let newest = service.ledger.runs(&workspace.name, None, 1).await?.into_iter().next();
        if let Some(run) = newest.filter(|run| run.started_at >= asked_at && does(run, import)) {
            return Ok(run);
        }
        service.clock.sleep(limits::RUN_POLL).await;
    }
    Err(ApiError::import_waits())
}

/// The run, once it has ended. When the process that runs it dies, another run takes its place.
async fn ended(caller: &Caller<ImportRun>, import: &ImportRequest, mut id: RunId) -> Result<Run, ApiError> {
    let (service, workspace) = (&caller.service, &caller.workspace.name);
    loop {
        // Asked first: a run that ends meanwhile is not taken for dead.
        let alive = service.ledger.run_under_way(workspace, service.clock.now()).await?.is_some();
        let run = service.ledger.run(workspace, id).await?.ok_or(ScimError::Internal)?;
        match run.status {
            RunStatus::Running if alive => {}
            RunStatus::Running | RunStatus::Interrupted => id = under_way(caller, import).await?.id,
            _ => {
                // Who has waited for an import sees what it recorded.
                let recorded = run.generation.unwrap_or(0);
                caller.workspace.live.shows(|shown| shown.generation >= recorded).await;
                return Ok(run);
            }
        }
        service.clock.sleep(limits::RUN_POLL).await;
    }
}

/// Some runs.
#[derive(Serialize, ToSchema)]
pub struct RunList {
    /// Newest first.
    items: Vec<Run>,
    /// Where earlier ones are; null where there are none.
    next: Option<String>,
    /// How many there are in all.
    total: u64,
    /// How many items a page has at the most: `limit`, up to 1000.
    limit: usize,
}

/// Lists runs, newest first.
#[utoipa::path(
    get, path = "/api/v1/imports", operation_id = "list_imports", tag = "imports", security(("bearer" = ["import.read"])), params(RunParameters),
    responses(
        (status = 200, description = "Runs", body = RunList),
        (status = 400, description = "A parameter cannot be read", content_type = "application/problem+json", body = Problem),
        ApiRefusals,
    ),
)]
pub async fn list(request: HttpRequest, caller: Caller<ImportRead>) -> Result<Json<RunList>, ApiError> {
    preferred_form(&request, &[JSON])?;
    let parameters = Parameters::of(&request, &["limit", "before"])?;
    let limit = parameters.limit(&request)?;
    let before = parameters.number("before", 1..=RunId::MAX, RunId::MAX)?;
    let (ledger, workspace) = (&caller.service.ledger, &caller.workspace.name);
    // One more than wanted tells whether there are more.
    let mut items = ledger.runs(workspace, Some(before), limit as u64 + 1).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more).map(|run| run.id.to_string());
    let next =
        last.map(|last| parameters.link(&request, &caller.service.origin.url_for(&request), &[("before", last)]));
    Ok(Json(RunList { items, next, total: ledger.count_runs(workspace).await?, limit }))
}

/// Shows one run.
#[utoipa::path(
    get, path = "/api/v1/imports/{id}", operation_id = "get_import", tag = "imports", security(("bearer" = ["import.read"])),
    params(("id" = i64, Path, description = "The run's number")),
    responses((status = 200, description = "The run", body = Run), ApiRefusals),
)]
pub async fn get(request: HttpRequest, caller: Caller<ImportRead>) -> Result<Json<Run>, ApiError> {
    preferred_form(&request, &[JSON])?;
    let not_found = || ScimError::NotFound { what: "this import".to_owned() };
    let id = request.match_info().get("id").and_then(|id| id.parse().ok()).ok_or_else(not_found)?;
    let run = caller.service.ledger.run(&caller.workspace.name, id).await?;
    Ok(Json(run.ok_or_else(not_found)?))
}
