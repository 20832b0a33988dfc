//! Liveness, readiness and the status of workspaces.

use std::sync::Arc;

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::clock::{self, Clock};
use crate::http::errors::ApiError;
use crate::http::extract::caller::{Bearer, Caller, ImportRead, OptionalCaller};
use crate::http::request::negotiation::{JSON, preferred_form};
use crate::http::state::service::{Service, Workspace};
use crate::http::state::tasks::TaskStanding;
use crate::http::wire::ApiRefusals;
use crate::import::ConnectionState;
use crate::ledger::{Failure, Run, RunStatus};
use crate::limits;
use crate::scim::resource_types;

/// Tells that the process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "The process answers", body = Healthy)))]
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Healthy { status: "ok" })
}

/// Tells whether the bridge can be asked; to those with a token, about the workspaces that it
/// opens, and what is wrong with them.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, description = "There is something to show", body = Readiness), (status = 503, description = "There is nothing yet", body = Readiness)),
)]
pub async fn readyz(service: Data<Service>, caller: OptionalCaller) -> HttpResponse {
    let has_snapshot = |workspace: &Arc<Workspace>| workspace.live.served().is_some();
    let seen = caller.sees(&service);
    // One workspace with a snapshot is enough: the others can be imported later.
    let ready = if caller.is_anonymous() {
        service.workspaces.values().any(has_snapshot)
    } else {
        seen.iter().any(|workspace| has_snapshot(workspace))
    };
    let database = match seen.first() {
        Some(workspace) => {
            let answer = service.ledger.generation(&workspace.name);
            let answers = service
                .clock
                .within(limits::REFUSAL_WAIT, answer)
                .await
                .is_some_and(|answer| answer.is_ok());
            Some(if answers { "up" } else { "down" })
        }
        None => None,
    };
    let tasks = service.tasks.standing(
        |name| seen.iter().any(|workspace| *workspace.name == *name),
        !caller.is_anonymous(),
    );
    let workspaces =
        seen.into_iter().map(|workspace| readiness(workspace, &service.clock)).collect();
    // While stopping it is not ready, so that load balancers choose another instance.
    let stopping = service.connections.are_stopping();
    let ready = ready && !stopping;
    // Anonymous clients see this text as well: it reveals nothing about workspaces.
    let detail = if stopping { Some("The bridge is stopping.") } else { None };
    let detail = detail.or((!ready).then_some(
        "No import has succeeded yet, so there is nothing to show. `intercom-scim-bridge check`, the log, and this address \
         with a token say why.",
    ));
    let body = Readiness {
        status: if ready { "ready" } else { "not_ready" },
        detail,
        database,
        workspaces,
        tasks,
    };
    if ready {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable().json(body)
    }
}

/// Shows how a workspace's imports are going.
#[utoipa::path(
    get, path = "/api/v1/status", tag = "status",
    responses(
        (status = 200, description = "The workspace's standing", body = Status),
        ApiRefusals,
    ),
)]
pub async fn status(
    request: HttpRequest,
    caller: Caller<ImportRead>,
) -> Result<Json<Status>, ApiError> {
    preferred_form(&request, &[JSON])?;
    Ok(Json(Status::current(&caller.workspace, &caller.service)))
}

/// Shows how the imports of every workspace are going that the token opens.
#[utoipa::path(
    get, path = "/api/v1/workspaces", operation_id = "list_workspaces", tag = "status",
    responses((status = 200, description = "The workspaces' standings", body = WorkspaceList), ApiRefusals),
)]
pub async fn workspaces(
    request: HttpRequest,
    caller: Bearer<ImportRead>,
) -> Result<Json<WorkspaceList>, ApiError> {
    preferred_form(&request, &[JSON])?;
    let (all, principal) = (&caller.service.workspaces, &caller.principal);
    let opened = all.values().filter(|workspace| principal.opens(&workspace.name));
    let items: Vec<Status> =
        opened.map(|workspace| Status::current(workspace, &caller.service)).collect();
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
    fn current(workspace: &Workspace, service: &Service) -> Self {
        let Workspace { name, live, health, .. } = workspace;
        let standing = health.standing();
        let shown = live.shown();
        // A time in the future counts as unknown.
        let confirmed_at =
            shown.confirmed_at.filter(|at| clock::age(service.clock.now(), *at).is_some());
        Self {
            workspace: name.to_string(),
            connection: standing.connection,
            problem: standing.problem,
            generation: live.served().map(|served| served.snapshot_id().generation),
            users: live.served().map(|served| served.count(resource_types::USER)),
            groups: live.served().map(|served| served.count(resource_types::GROUP)),
            confirmed_at,
            age_seconds: shown.age(service.clock.running()).map(|age| age.as_secs()),
            last_import: standing.last_run,
            time_problems: standing.times.problems,
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
    /// The tasks in the background, for those with a token: one that stops because of a fault is
    /// started again.
    tasks: Vec<TaskStanding>,
}

/// Whether one workspace can be asked.
#[derive(Serialize, ToSchema)]
pub struct WorkspaceReadiness {
    workspace: String,
    /// Whether there is something to show. What is shown may be old: see `problem`.
    ready: bool,
    connection: ConnectionState,
    /// How long ago Intercom last confirmed what is shown; null where nobody knows.
    age_seconds: Option<u64>,
    /// What came of the last import that ended since the bridge started.
    last_import: Option<RunStatus>,
    /// When it ended; null where its time lies in the future.
    #[serde(with = "crate::date_time::option")]
    last_import_at: Option<OffsetDateTime>,
    /// Why it is not ready, or not fresh, and what to do.
    problem: Option<Failure>,
    /// What is wrong with times: recorded ones that lie in the future, or this machine's clock.
    /// Each with what to do.
    time_problems: Vec<Failure>,
}

fn readiness(workspace: &Workspace, clock: &Clock) -> WorkspaceReadiness {
    let standing = workspace.health.standing();
    WorkspaceReadiness {
        workspace: workspace.name.to_string(),
        ready: workspace.live.served().is_some(),
        connection: standing.connection,
        age_seconds: workspace.live.age(clock.running()).map(|age| age.as_secs()),
        last_import: standing.last_run.as_ref().map(|run| run.status),
        last_import_at: standing
            .last_run
            .as_ref()
            .and_then(|run| run.finished_at)
            .filter(|at| clock::age(clock.now(), *at).is_some()),
        problem: standing.problem,
        time_problems: standing.times.problems,
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
    /// When Intercom last confirmed what is shown; null where that time lies in the future.
    #[serde(with = "crate::date_time::option")]
    confirmed_at: Option<OffsetDateTime>,
    /// How long ago that was; null where nobody knows.
    age_seconds: Option<u64>,
    /// The last import that ended since the bridge started.
    last_import: Option<Run>,
    /// What is wrong with times: recorded ones that lie in the future, or this machine's clock.
    /// Each with what to do.
    time_problems: Vec<Failure>,
}
