//! How it goes, for Prometheus.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::caller::Visitor;
use super::service::{Service, Workspace};
use crate::import::ConnectionState;
use crate::ledger::RunStatus;
use crate::limits;
use crate::measures::WorkspaceState;
use crate::scim::resource_types;

/// Shows measures in the text format of Prometheus (OpenMetrics): of the workspaces that the token opens, and without one of
/// none; of the whole process to those whose token opens all workspaces.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, description = "Measures", content_type = "application/openmetrics-text", body = String)))]
pub async fn metrics(service: Data<Service>, visitor: Visitor) -> HttpResponse {
    let seen = visitor.sees(&service);
    let all = !visitor.is_stranger() && seen.len() == service.workspaces.len();
    let mut up = true;
    for workspace in &seen {
        let open =
            service.clock.within(limits::REFUSAL_WAIT, service.ledger.count_open_requests(&workspace.name)).await;
        let open = open.and_then(Result::ok);
        up &= open.is_some();
        service
            .measures
            .workspace(&workspace.name, &WorkspaceState { open_requests: open, ..state(&service, workspace) });
    }
    service.measures.database(up);
    match service.measures.text(|name| seen.iter().any(|workspace| *workspace.name == *name), all) {
        Ok(text) => {
            HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text)
        }
        // Writing into a text cannot fail.
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

fn state(service: &Service, workspace: &Workspace) -> WorkspaceState {
    let standing = workspace.health.standing();
    let picture = workspace.live.picture();
    let count = |kind| picture.as_ref().map_or(0, |picture| picture.count(kind));
    let traffic = workspace.connector.traffic();
    WorkspaceState {
        connected: standing.connection == ConnectionState::Connected,
        held: standing.last_run.as_ref().is_some_and(|run| run.status == RunStatus::Held),
        failures: standing.failures,
        age: workspace.live.confirmed_at().map(|at| (service.clock.now() - at).as_seconds_f64()),
        generation: picture.as_ref().map_or(0, |picture| picture.edition().generation),
        users: count(resource_types::USER),
        groups: count(resource_types::GROUP),
        intercom_calls: traffic.calls,
        intercom_retries: traffic.retries,
        intercom_rate_limited: traffic.rate_limited,
        rate_limit_left: workspace.connector.rate_limit_left(),
        open_requests: None,
    }
}
