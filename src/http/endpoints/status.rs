//! Liveness, readiness and the status of workspaces.

use std::sync::Arc;

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::clock::{self, Clock};
use crate::directory::{Failure, Run, RunStatus};
use crate::http::errors::ApiError;
use crate::http::extract::caller::{Bearer, Caller, ImportRead, OptionalCaller};
use crate::http::request::negotiation::{JSON, preferred_form};
use crate::http::state::service::Service;
use crate::http::wire::ApiRefusals;
use crate::import::ConnectionState;
use crate::limits;
use crate::runtime::{TaskStatus, WorkspaceHandle};
use crate::scim::resource_types;

/// Returns 200 while the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "The process is alive.", body = Healthy)))]
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Healthy { status: "ok" })
}

/// Returns 200 if the bridge can answer requests for users and groups.
///
/// With a token, the response has the workspaces for which the token is valid, and their problems.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, description = "At least one workspace has a state to serve.", body = Readiness), (status = 503, description = "No workspace has a state to serve yet.", body = Readiness)),
)]
pub async fn readyz(service: Data<Service>, caller: OptionalCaller) -> HttpResponse {
    let has_snapshot = |workspace: &Arc<WorkspaceHandle>| workspace.live.served().is_some();
    let seen = caller.sees(&service);
    // One workspace with a snapshot is enough: the others can be imported later.
    let ready = if caller.is_anonymous() {
        service.workspaces.values().any(has_snapshot)
    } else {
        seen.iter().any(|workspace| has_snapshot(workspace))
    };
    let database = match seen.first() {
        Some(workspace) => {
            let answer = service.stores.ledger.generation(&workspace.name);
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

/// Returns the status of a workspace: its imports, its connection and the age of the served state.
#[utoipa::path(
    get, path = "/api/v1/status", tag = "status",
    responses(
        (status = 200, description = "The status of the workspace.", body = Status),
        ApiRefusals,
    ),
)]
pub async fn status(
    request: HttpRequest,
    caller: Caller<ImportRead>,
) -> Result<Json<Status>, ApiError> {
    preferred_form(&request, &[JSON])?;
    Ok(Json(Status::current(&caller.workspace, &caller.service).await))
}

/// Returns the status of every workspace for which the token is valid.
#[utoipa::path(
    get, path = "/api/v1/workspaces", operation_id = "list_workspaces", tag = "status",
    responses((status = 200, description = "The status of each workspace.", body = WorkspaceList), ApiRefusals),
)]
pub async fn workspaces(
    request: HttpRequest,
    caller: Bearer<ImportRead>,
) -> Result<Json<WorkspaceList>, ApiError> {
    preferred_form(&request, &[JSON])?;
    let all = &caller.service.workspaces;
    let principal = &caller.principal;
    let opened = all.values().filter(|workspace| principal.opens(&workspace.name));
    let mut items = Vec::new();
    for workspace in opened {
        items.push(Status::current(workspace, &caller.service).await);
    }
    Ok(Json(WorkspaceList { total: items.len(), items, next: None }))
}

/// All workspaces of the token.
#[derive(Serialize, ToSchema)]
pub struct WorkspaceList {
    /// The items, sorted by name.
    items: Vec<Status>,
    /// Always null: all items are on one page.
    next: Option<String>,
    /// The number of items.
    total: usize,
}

impl Status {
    async fn current(workspace: &WorkspaceHandle, service: &Service) -> Self {
        let WorkspaceHandle { name, live, health, .. } = workspace;
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
            roster_problems: roster_problems(workspace),
            notification_problems: notification_problems(service, name).await,
        }
    }
}

/// The process is alive.
#[derive(Serialize, ToSchema)]
pub struct Healthy {
    /// Always `ok`.
    status: &'static str,
}

/// The readiness of the bridge.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// `ready` or `not_ready`.
    status: &'static str,
    /// What to do; null if the bridge is ready.
    detail: Option<&'static str>,
    /// `up` or `down`; null without a token. While the database is down, reads continue from
    /// memory.
    database: Option<&'static str>,
    workspaces: Vec<WorkspaceReadiness>,
    /// The background tasks; empty without a token. A task that stops because of a fault in the
    /// bridge is restarted.
    tasks: Vec<TaskStatus>,
}

/// The readiness of a workspace.
#[derive(Serialize, ToSchema)]
pub struct WorkspaceReadiness {
    workspace: String,
    /// Whether the bridge has a state of the workspace to serve. The state may be old: see
    /// `problem` and `age_seconds`.
    ready: bool,
    connection: ConnectionState,
    /// The age of the served state in seconds: the time since the bridge last read Intercom and
    /// found it to be current. Null if unknown.
    age_seconds: Option<u64>,
    /// The status of the last import that ended since the bridge started.
    last_import: Option<RunStatus>,
    /// When that import ended. Null if that time is in the future.
    #[serde(with = "crate::date_time::option")]
    last_import_at: Option<OffsetDateTime>,
    /// Why the workspace is not ready or not current, with a remedy; null if there is no problem.
    problem: Option<Failure>,
    /// Problems with times: recorded times in the future, or a wrong clock of this machine. Each
    /// has a remedy.
    time_problems: Vec<Failure>,
}

fn readiness(workspace: &WorkspaceHandle, clock: &Clock) -> WorkspaceReadiness {
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

/// The status of a workspace.
#[derive(Serialize, ToSchema)]
pub struct Status {
    workspace: String,
    connection: ConnectionState,
    /// The current problem, with its remedy; null if there is none.
    problem: Option<Failure>,
    /// The generation that is served; null before the first import.
    generation: Option<i64>,
    /// The number of users that are served, including removed ones.
    users: Option<usize>,
    /// The number of groups that are served.
    groups: Option<usize>,
    /// When the bridge last read Intercom and found the served state to be current. Null if that
    /// time is in the future.
    #[serde(with = "crate::date_time::option")]
    confirmed_at: Option<OffsetDateTime>,
    /// The age of the served state, in seconds: the time since `confirmed_at`. Null if unknown.
    age_seconds: Option<u64>,
    /// The last import that ended since the bridge started.
    last_import: Option<Run>,
    /// Problems with times: recorded times in the future, or a wrong clock of this machine. Each
    /// has a remedy.
    time_problems: Vec<Failure>,
    /// Problems with the roster: it is held, too old, or could not be pulled. Each has a remedy.
    roster_problems: Vec<Failure>,
    /// Problems with the endpoints of outbound webhooks: they fail, are paused or disabled, or their events cannot be read. Each
    /// has a remedy. Empty while the database does not answer.
    notification_problems: Vec<Failure>,
}

/// What is wrong with the endpoints of outbound webhooks of a workspace.
async fn notification_problems(service: &Service, workspace: &str) -> Vec<Failure> {
    if service.endpoints.is_empty() {
        return Vec::new();
    }
    let read = service.stores.notifications.endpoints(workspace);
    let read = service.clock.within(limits::REFUSAL_WAIT, read).await.and_then(Result::ok);
    let stored = read.unwrap_or_default().into_iter();
    let named = stored.filter(|stored| service.has_endpoint(workspace, &stored.name));
    named.filter_map(|stored| stored.standing.failure_of(&stored.name)).collect()
}

/// What is wrong with the roster of a workspace.
fn roster_problems(workspace: &WorkspaceHandle) -> Vec<Failure> {
    let identities = &workspace.identities;
    let mut problems = Vec::new();
    let mut add = |code: &str, detail: String, remedy: &str| {
        problems.push(Failure { code: code.to_owned(), detail, remedy: remedy.to_owned() });
    };
    if let Some(standing) = identities.standing() {
        if let Some(held) = standing.held {
            add(
                "roster_held",
                format!("version {held} of the roster is held, and the one before stays in force"),
                "check the reasons with `roster status`; then run `roster accept`, or import a \
                 better file",
            );
        }
        if standing.version > 0 && identities.is_stale(standing.confirmed_at) {
            add(
                "roster_old",
                "the roster is older than roster.max_age".to_owned(),
                "import a current roster, or check the pull",
            );
        }
    }
    if let Some(failure) = identities.pull_failure() {
        add(
            "roster_pull_failed",
            format!("the roster could not be pulled: {}", failure.why),
            "the version in force stays; the pull is retried",
        );
    }
    problems
}
