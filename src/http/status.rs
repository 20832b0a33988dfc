//! Health, readiness and standing.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::caller::{Caller, ImportRead};
use super::openapi::ApiRefusals;
use super::service::{Service, Workspace};
use crate::import::ConnectionState;
use crate::ledger::{Failure, Run};
use crate::scim::resource_types;

/// Tells that the process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "The process answers", body = Healthy)))]
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Healthy { status: "ok" })
}

/// Tells whether every workspace can be asked, and what is wrong with those that cannot or are not fresh.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, description = "Every workspace can be asked", body = Readiness), (status = 503, description = "One cannot yet", body = Readiness)),
)]
pub async fn readyz(service: Data<Service>) -> HttpResponse {
    let workspaces: Vec<WorkspaceReadiness> =
        service.workspaces.values().map(|workspace| readiness(workspace)).collect();
    let ready = workspaces.iter().all(|workspace| workspace.ready);
    let body = Readiness { status: if ready { "ready" } else { "not_ready" }, workspaces };
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
pub async fn status(caller: Caller<ImportRead>) -> Json<Status> {
    let Workspace { name, live, health, .. } = &*caller.workspace;
    let standing = health.standing();
    let confirmed_at = live.confirmed_at();
    Json(Status {
        workspace: name.clone(),
        connection: standing.connection,
        problem: standing.problem,
        generation: live.picture().map(|picture| picture.edition().generation),
        users: live.picture().map(|picture| picture.count(resource_types::USER)),
        groups: live.picture().map(|picture| picture.count(resource_types::GROUP)),
        confirmed_at,
        age_seconds: confirmed_at.map(|at| (caller.service.clock.now() - at).whole_seconds()),
        last_import: standing.last_run,
    })
}

/// The process answers.
#[derive(Serialize, ToSchema)]
pub struct Healthy {
    /// Always `ok`.
    status: &'static str,
}

/// Whether every workspace can be asked.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// `ready` or `not_ready`.
    status: &'static str,
    workspaces: Vec<WorkspaceReadiness>,
}

/// Whether one workspace can be asked.
#[derive(Serialize, ToSchema)]
pub struct WorkspaceReadiness {
    workspace: String,
    /// Whether there is something to show. What is shown may be old: see `problem`.
    ready: bool,
    connection: ConnectionState,
    /// Why it is not ready, or not fresh, and what to do.
    problem: Option<Failure>,
}

fn readiness(workspace: &Workspace) -> WorkspaceReadiness {
    let standing = workspace.health.standing();
    WorkspaceReadiness {
        workspace: workspace.name.clone(),
        ready: workspace.live.picture().is_some(),
        connection: standing.connection,
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
    #[serde(with = "time::serde::rfc3339::option")]
    confirmed_at: Option<OffsetDateTime>,
    /// How long ago that was.
    age_seconds: Option<i64>,
    /// The last import that ended since the bridge started.
    last_import: Option<Run>,
}
