//! Health, readiness and standing.

use std::sync::Arc;

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::caller::{Bearer, Caller, ImportRead, Visitor};
use super::errors::ApiError;
use super::negotiation::{JSON, preferred_form};
use super::openapi::ApiRefusals;
use super::service::{Service, Workspace};
use super::tasks::TaskStanding;
use crate::import::ConnectionState;
use crate::ledger::{Failure, Run, RunStatus};
use crate::limits;
use crate::scim::resource_types;

/// Tells that the process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "The process answers", body = Healthy)))]
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Healthy { status: "ok" })
}

/// Tells whether the bridge can be asked; to those with a token, about the workspaces that it opens, and what is wrong with
/// them.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, description = "There is something to show", body = Readiness), (status = 503, description = "There is nothing yet", body = Readiness)),
)]
pub async fn readyz(service: Data<Service>, visitor: Visitor) -> HttpResponse {
    let has_picture = |workspace: &Arc<Workspace>| workspace.live.picture().is_some();
    let seen = visitor.sees(&service);
    // A workspace that was never imported keeps nobody from the others.
    let ready = if visitor.is_stranger() {
        service.workspaces.values().any(has_picture)
    } else {
        seen.iter().any(|workspace| has_picture(workspace))
    };
    let database = match seen.first() {
        Some(workspace) => {
            let answer = service.ledger.generation(&workspace.name);
            let answers = service.clock.within(limits::REFUSAL_WAIT, answer).await.is_some_and(|answer| answer.is_ok());
            Some(if answers { "up" } else { "down" })
        }
        None => None,
    };
    let now = service.clock.now();
    let tasks =
        service.tasks.standing(|name| seen.iter().any(|workspace| *workspace.name == *name), !visitor.is_stranger());
    let workspaces = seen.into_iter().map(|workspace| readiness(workspace, now)).collect();
    // Load balancers shall ask another one.
    let stopping = service.connections.are_stopping();
    let ready = ready && !stopping;
    // To strangers as well: it tells of no workspace.
    let detail = if stopping { Some("The bridge is stopping.") } else { None };
    let detail = detail.or((!ready).then_some(
        "No import has succeeded yet, so there is nothing to show. `intercom-scim-bridge check`, the log, and this address \
         with a token say why.",
    ));
    let body = Readiness { status: if ready { "ready" } else { "not_ready" }, detail, database, workspaces, tasks };
    if ready { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

/// Shows how a workspace's imports are going.
#[utoipa::path(
    get, path = "/api/v1/status", tag = "status", security(("bearer" = ["import.read"])),
    responses(
        (status = 200, description = "The workspace's standing", body = Status),
        ApiRefusals,
    ),
)]
pub async fn status(request: HttpRequest, caller: Caller<ImportRead>) -> Result<Json<Status>, ApiError> {
    preferred_form(&request, &[JSON])?;
    Ok(Json(Status::of(&caller.workspace, &caller.service)))
}

/// Shows how the imports of every workspace are going that the token opens.
#[utoipa::path(
    get, path = "/api/v1/workspaces", operation_id = "list_workspaces", tag = "status", security(("bearer" = ["import.read"])),
    responses((status = 200, description = "The workspaces' standings", body = WorkspaceList), ApiRefusals),
)]
pub async fn workspaces(request: HttpRequest, caller: Bearer<ImportRead>) -> Result<Json<WorkspaceList>, ApiError> {
    preferred_form(&request, &[JSON])?;
    let (all, principal) = (&caller.service.workspaces, &caller.principal);
    let opened = all.values().filter(|workspace| principal.opens(&workspace.name));
    let items: Vec<Status> = opened.map(|workspace| Status::of(workspace, &caller.service)).collect();
    Ok(Json(WorkspaceList { total: items.len(), items, next: None }))
}

/// Workspaces.
#[derive(Serialize, ToSchema)]
pub struct WorkspaceList {
    /// By name.
    items: Vec<Status>,
    /// Always null: all are on one page.
    next: Option<String>,
    /// How many there are.
    total: usize,
}

impl Status {
    fn of(workspace: &Workspace, service: &Service) -> Self {
        let Workspace { name, live, health, .. } = workspace;
        let standing = health.standing();
        let confirmed_at = live.confirmed_at();
        Self {
            workspace: name.to_string(),
            connection: standing.connection,
            problem: standing.problem,
            generation: live.picture().map(|picture| picture.edition().generation),
            users: live.picture().map(|picture| picture.count(resource_types::USER)),
            groups: live.picture().map(|picture| picture.count(resource_types::GROUP)),
            confirmed_at,
            age_seconds: confirmed_at.map(|at| (service.clock.now() - at).whole_seconds()),
            last_import: standing.last_run,
        }
    }
}

/// The process answers.
#[derive(Serialize, ToSchema)]
pub struct Healthy {
    /// Always `ok`.
    status: &'static str,
}

/// Whether the bridge can be asked.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// `ready` or `not_ready`.
    status: &'static str,
    /// What to do; null while it is ready.
    detail: Option<&'static str>,
    /// `up` or `down`, for those with a token. While it is down, what is shown stays.
    database: Option<&'static str>,
    workspaces: Vec<WorkspaceReadiness>,
    /// The tasks in the background, for those with a token: one that stops because of a fault is started again.
    tasks: Vec<TaskStanding>,
}

/// Whether one workspace can be asked.
#[derive(Serialize, ToSchema)]
pub struct WorkspaceReadiness {
    workspace: String,
    /// Whether there is something to show. What is shown may be old: see `problem`.
    ready: bool,
    connection: ConnectionState,
    /// How long ago Intercom last confirmed what is shown.
    age_seconds: Option<i64>,
    /// What came of the last import that ended since the bridge started.
    last_import: Option<RunStatus>,
    /// When it ended.
    #[serde(with = "crate::date_time::option")]
    last_import_at: Option<OffsetDateTime>,
    /// Why it is not ready, or not fresh, and what to do.
    problem: Option<Failure>,
}

fn readiness(workspace: &Workspace, now: OffsetDateTime) -> WorkspaceReadiness {
    let standing = workspace.health.standing();
    WorkspaceReadiness {
        workspace: workspace.name.to_string(),
        ready: workspace.live.picture().is_some(),
        connection: standing.connection,
        age_seconds: workspace.live.confirmed_at().map(|at| (now - at).whole_seconds()),
        last_import: standing.last_run.as_ref().map(|run| run.status),
        last_import_at: standing.last_run.as_ref().and_then(|run| run.finished_at),
        problem: standing.problem,
    }
}

/// How a workspace stands.
#[derive(Serialize, ToSchema)]
pub struct Status {
    workspace: String,
    connection: ConnectionState,
    /// What is wrong, and what to do.
    problem: Option<Failure>,
    /// The generation that is shown; null before the first import.
    generation: Option<i64>,
    /// How many users are shown, the removed ones among them.
    users: Option<usize>,
    /// How many groups are shown.
    groups: Option<usize>,
    /// When Intercom last confirmed what is shown.
    #[serde(with = "crate::date_time::option")]
    confirmed_at: Option<OffsetDateTime>,
    /// How long ago that was.
    age_seconds: Option<i64>,
    /// The last import that ended since the bridge started.
    last_import: Option<Run>,
}
