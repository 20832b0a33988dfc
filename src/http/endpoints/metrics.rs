//! The metrics endpoint for Prometheus.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::clock;
use crate::directory::{Mode, RunStatus, pending_invitations};
use crate::http::errors::ApiError;
use crate::http::extract::caller::OptionalCaller;
use crate::http::request::negotiation::preferred_form;
use crate::http::state::service::Service;
use crate::import::ConnectionState;
use crate::limits;
use crate::measures::{EndpointFigures, Measures, RosterFigures, SeatFigures, WorkspaceState};
use crate::notifications::EndpointState;
use crate::requests::Operation;
use crate::runtime::WorkspaceHandle;
use crate::scim::{ResourceType, resource_types};
use crate::tabular::{KnownLog, seat_totals};

/// The media type of OpenMetrics 1.0.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The media type of Prometheus' older text format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Returns metrics for Prometheus, as OpenMetrics or (`Accept: text/plain`) in Prometheus's older
/// text format.
///
/// The response has the metrics of the workspaces for which the token is valid, and none without a
/// token. Metrics of the whole process require a token that is valid for all workspaces.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, description = "Metrics.", content((String = "application/openmetrics-text"), (String = "text/plain")))))]
pub async fn metrics(
    request: HttpRequest,
    service: Data<Service>,
    caller: OptionalCaller,
) -> Result<HttpResponse, ApiError> {
    let form = preferred_form(&request, &[OPEN_METRICS, PROMETHEUS])?;
    let seen = caller.sees(&service);
    let all = !caller.is_anonymous() && seen.len() == service.workspaces.len();
    let mut up = true;
    let now = service.clock.now();
    for workspace in &seen {
        let open = async {
            let asked = service.stores.requests.open(&workspace.name);
            service.clock.within(limits::REFUSAL_WAIT, asked).await.and_then(Result::ok)
        };
        // If the database does not answer, only the first workspace waits for it.
        let open = if up { open.await } else { None };
        up = open.is_some();
        let invitations = if up { invitations(&service, workspace).await } else { None };
        let state = WorkspaceState {
            invitations,
            open_requests: open.map(|(count, _)| count),
            oldest_request: open.map(|(_, oldest)| {
                oldest.map_or(0.0, |oldest| (now - oldest).as_seconds_f64().max(0.0))
            }),
            ..state(&service, workspace)
        };
        service.measures.workspace(&workspace.name, &state);
        if up {
            up = measure_endpoints(&service, &workspace.name).await;
        }
    }
    service.measures.database(up);
    let connections = service.connections.standing();
    service.measures.connections(
        connections.open,
        connections.gave_way,
        connections.refused,
        connections.slow,
    );
    let text =
        service.measures.text(|name| seen.iter().any(|workspace| *workspace.name == *name), all);
    // Writing to a `String` cannot fail.
    let text = text.map_err(|_| ApiError::Internal)?;
    let text = if form == OPEN_METRICS { text } else { older_format(&text) };
    Ok(HttpResponse::Ok().content_type(form).body(text))
}

/// Sets the gauges of the endpoints of outbound webhooks. Returns whether the database answered.
async fn measure_endpoints(service: &Service, workspace: &str) -> bool {
    if service.endpoints.is_empty() {
        return true;
    }
    let read = service.stores.notifications.endpoints(workspace);
    let read = service.clock.within(limits::REFUSAL_WAIT, read).await.and_then(Result::ok);
    let Some(stored) = read else { return false };
    for stored in stored.iter().filter(|one| service.has_endpoint(workspace, &one.name)) {
        let standing = &stored.standing;
        let failing = standing.failing_since.and_then(|at| clock::age(service.clock.now(), at));
        let figures = EndpointFigures {
            failing: failing.unwrap_or_default().as_secs_f64(),
            is_stopped: standing.state != EndpointState::Active,
        };
        service.measures.endpoint(workspace, &stored.name, figures);
    }
    true
}

/// Converts OpenMetrics to Prometheus' older text format. There, a counter is declared with the
/// name of its samples (with `_total`), and there are no `# UNIT` and `# EOF` lines.
fn older_format(text: &str) -> String {
    let counters: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let line = |line: &str| {
        let described = ["# TYPE ", "# HELP "]
            .into_iter()
            .find_map(|mark| Some((mark, line.strip_prefix(mark)?)));
        match described.and_then(|(mark, rest)| Some((mark, rest.split_once(' ')?))) {
            Some((mark, (name, rest))) if counters.contains(&name) => {
                format!("{mark}{name}_total {rest}\n")
            }
            _ => format!("{line}\n"),
        }
    };
    text.lines().filter(|line| !line.starts_with("# UNIT ") && *line != "# EOF").map(line).collect()
}

/// Creates the counters of a workspace at zero.
pub fn begin(measures: &Measures, workspace: &str) {
    let imports =
        Mode::ALL.iter().flat_map(|mode| RunStatus::ENDS.map(|end| (mode.as_str(), end.as_str())));
    measures.begin(workspace, imports, &Operation::ALL.map(Operation::as_str));
}

fn state(service: &Service, workspace: &WorkspaceHandle) -> WorkspaceState {
    let standing = workspace.health.standing();
    let served = workspace.live.served();
    let count = |kind| served.as_ref().map_or(0, |served| served.count(kind));
    let count_all = |kinds: &[&'static ResourceType]| kinds.iter().map(|kind| count(kind)).sum();
    let form = service.forms.shown();
    let traffic = workspace.connector.traffic();
    WorkspaceState {
        connected: standing.connection == ConnectionState::Connected,
        held: standing.last_run.as_ref().is_some_and(|run| run.status == RunStatus::Held),
        failures: standing.failures,
        age: workspace.live.age(service.clock.running()).map(|age| age.as_secs_f64()),
        generation: served.as_ref().map_or(0, |served| served.snapshot_id().generation),
        users: count(resource_types::USER),
        groups: count(resource_types::GROUP),
        roles: count_all(resource_types::roles(form)),
        entitlements: count_all(resource_types::entitlements(form)),
        intercom_calls: traffic.calls,
        intercom_retries: traffic.retries,
        intercom_rate_limited: traffic.rate_limited,
        rate_limit_left: workspace.connector.rate_limit_left(),
        time_ahead: standing.times.ahead,
        clock_ahead: workspace.connector.clock_ahead(),
        open_requests: None,
        oldest_request: None,
        roster: roster(service, workspace),
        seats: seats(service, workspace),
        invitations: None,
    }
}

/// The figures of the paid seats; `None` before the first import.
#[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^52")]
fn seats(service: &Service, workspace: &WorkspaceHandle) -> Option<SeatFigures> {
    let served = workspace.live.served()?;
    let covered = workspace.live.shown().log_covered;
    let known = KnownLog { covered, moment: service.clock.now() };
    let totals = seat_totals(served.directory(), known, service.unused_after_days);
    Some(SeatFigures {
        held: totals.seats as f64,
        unused: totals.unused as f64,
        unknown: totals.unknown as f64,
    })
}

/// The number of pending invitations; `None` if it is unknown.
#[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^52")]
async fn invitations(service: &Service, workspace: &WorkspaceHandle) -> Option<f64> {
    let served = workspace.live.served()?;
    let (_, until) = workspace.live.shown().log_covered?;
    let read = service.stores.ledger.invitation_events(&workspace.name, until);
    let events = service.clock.within(limits::REFUSAL_WAIT, read).await?.ok()?;
    Some(pending_invitations(&events, served.directory()).pending.len() as f64)
}

/// The figures of the roster; `None` without a roster.
#[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^52")]
fn roster(service: &Service, workspace: &WorkspaceHandle) -> Option<RosterFigures> {
    let standing = workspace.identities.standing()?;
    let age = clock::age(service.clock.now(), standing.confirmed_at);
    Some(RosterFigures {
        unmatched: standing.unmatched as f64,
        terminated_active: standing.terminated_active as f64,
        ownerless: standing.ownerless as f64,
        age: age.map(|age| age.as_secs_f64()),
        held: f64::from(u8::from(standing.held.is_some())),
    })
}
