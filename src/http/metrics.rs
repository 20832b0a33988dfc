//! How it goes, for Prometheus.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::caller::Visitor;
use super::service::{Service, Workspace};
use crate::flat::OPERATIONS;
use crate::import::ConnectionState;
use crate::ledger::{Mode, RunStatus};
use crate::limits;
use crate::measures::{Measures, WorkspaceState};
use crate::scim::resource_types;

/// Shows measures in the text format of Prometheus (OpenMetrics): of the workspaces that the token opens, and without one of
/// none; of the whole process to those whose token opens all workspaces.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, description = "Measures", content_type = "application/openmetrics-text", body = String)))]
pub async fn metrics(service: Data<Service>, visitor: Visitor) -> HttpResponse {
    let seen = visitor.sees(&service);
    let all = !visitor.is_stranger() && seen.len() == service.workspaces.len();
    let (mut up, now) = (true, service.clock.now());
    for workspace in &seen {
        let open = async {
            let asked = service.ledger.open_requests(&workspace.name);
            service.clock.within(limits::REFUSAL_WAIT, asked).await.and_then(Result::ok)
        };
        // A database that is away is waited for once.
        let open = if up { open.await } else { None };
        up = open.is_some();
        let state = WorkspaceState {
            open_requests: open.map(|(count, _)| count),
            oldest_request: open.map(|(_, oldest)| oldest.map_or(0.0, |oldest| (now - oldest).as_seconds_f64())),
            ..state(&service, workspace)
        };
        service.measures.workspace(&workspace.name, &state);
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

/// Has the counters of a workspace begin at zero.
pub fn begin(measures: &Measures, workspace: &str) {
    let imports = Mode::ALL.iter().flat_map(|mode| RunStatus::ENDS.map(|end| (mode.as_str(), end.as_str())));
    measures.begin(workspace, imports, &OPERATIONS);
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
        oldest_request: None,
    }
}
