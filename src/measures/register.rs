//! The metrics at the start, and their names and descriptions, as Prometheus shows them.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::labels::{BuildLabels, ClosingLabels, TokenLabels};
use super::{ANSWER_SECONDS, CLOSING_REASONS, IMPORT_SECONDS, Measures, TOKEN_OUTCOMES, Value};

impl Default for Measures {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("bridge");
        let all = Self {
            requests: Family::default(),
            server_errors: Counter::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(ANSWER_SECONDS)),
            imports: Family::default(),
            import_seconds: Family::new_with_constructor(|| Histogram::new(IMPORT_SECONDS)),
            refused_writes: Family::default(),
            tokens: Family::default(),
            task_failures: Family::default(),
            intercom_calls: Family::default(),
            intercom_retries: Family::default(),
            intercom_rate_limited: Family::default(),
            rate_limit_left: Family::default(),
            connected: Family::default(),
            held: Family::default(),
            failures: Family::default(),
            age: Family::default(),
            time_ahead: Family::default(),
            clock_ahead: Family::default(),
            generation: Family::default(),
            users: Family::default(),
            groups: Family::default(),
            roles: Family::default(),
            entitlements: Family::default(),
            open_requests: Family::default(),
            oldest_request: Family::default(),
            roster_unmatched: Family::default(),
            roster_terminated: Family::default(),
            roster_ownerless: Family::default(),
            roster_age: Family::default(),
            roster_held: Family::default(),
            seats: Family::default(),
            seats_unused: Family::default(),
            seats_unknown: Family::default(),
            invitations: Family::default(),
            notifications: Family::default(),
            notification_failing: Family::default(),
            notification_stopped: Family::default(),
            posture_failing: Family::default(),
            posture_new: Family::default(),
            log_read_at: Family::default(),
            database_up: Value::default(),
            connections: Value::default(),
            connections_closed: Family::default(),
            registry: Registry::default(),
        };
        register(&all, &mut registry);
        Self { registry, ..all }
    }
}

/// Registers the metrics of `measures`: their names, descriptions and units.
fn register(measures: &Measures, registry: &mut Registry) {
    let build: Family<BuildLabels, Value> = Family::default();
    let labels = BuildLabels { version: env!("CARGO_PKG_VERSION"), commit: env!("BUILD_COMMIT") };
    build.get_or_create(&labels).set(1.0);
    registry.register("build_info", "Always 1; the labels identify the build", build);
    register_requests(measures, registry);
    register_imports(measures, registry);
    register_workspaces(measures, registry);
    register_rosters(measures, registry);
    register_seats(measures, registry);
    register_notifications(measures, registry);
    register_posture(measures, registry);
    registry.register(
        "task_failures",
        "Panics of background tasks; each task was started again",
        measures.task_failures.clone(),
    );
    registry.register(
        "database_up",
        "Whether the database is available (1 or 0)",
        measures.database_up.clone(),
    );
}

fn register_requests(measures: &Measures, registry: &mut Registry) {
    registry.register("http_requests", "HTTP responses sent", measures.requests.clone());
    // Without labels it exists from the start: Prometheus sees no increase in a counter that first
    // appears with a burst.
    registry.register(
        "http_server_errors",
        "HTTP responses with a 5xx status, except 501 (refused writes)",
        measures.server_errors.clone(),
    );
    registry.register_with_unit(
        "http_request_duration",
        "Time from the head of a request to the head of its response",
        Unit::Seconds,
        measures.request_seconds.clone(),
    );
    registry.register(
        "refused_writes",
        "SCIM writes refused by the bridge",
        measures.refused_writes.clone(),
    );
    registry.register("tokens", "Token requests of OAuth clients", measures.tokens.clone());
    registry.register("connections", "Open connections", measures.connections.clone());
    registry.register(
        "connections_closed",
        "Connections closed by the bridge: idle ones to make room (gave_way), beyond the limit of \
         their address (refused), or of clients that do not read (slow)",
        measures.connections_closed.clone(),
    );
    for reason in CLOSING_REASONS {
        measures.connections_closed.get_or_create_owned(&ClosingLabels { reason });
    }
    for outcome in TOKEN_OUTCOMES {
        measures.tokens.get_or_create_owned(&TokenLabels { outcome });
    }
}

fn register_imports(measures: &Measures, registry: &mut Registry) {
    registry.register("imports", "Imports of this process that ended", measures.imports.clone());
    registry.register_with_unit(
        "import_duration",
        "Duration of imports",
        Unit::Seconds,
        measures.import_seconds.clone(),
    );
    registry.register(
        "intercom_calls",
        "Calls to Intercom, including failed attempts",
        measures.intercom_calls.clone(),
    );
    registry.register(
        "intercom_retries",
        "Calls to Intercom that repeated a failed one",
        measures.intercom_retries.clone(),
    );
    registry.register(
        "intercom_rate_limited",
        "Calls that Intercom answered with 429",
        measures.intercom_rate_limited.clone(),
    );
}

fn register_workspaces(measures: &Measures, registry: &mut Registry) {
    for (name, help, gauge) in [
        (
            "intercom_rate_limit_left",
            "Calls left in Intercom's rate limit window of ten seconds",
            &measures.rate_limit_left,
        ),
        (
            "connected",
            "Whether the last import succeeded (1 or 0); 0 also while removals wait because a list was incomplete",
            &measures.connected,
        ),
        (
            "import_held",
            "Whether the last import is held until a person approves its removals (1 or 0)",
            &measures.held,
        ),
        ("import_failures", "Failed imports since the last successful one", &measures.failures),
        ("data_age_seconds", "Time since Intercom last confirmed the served data", &measures.age),
        (
            "recorded_time_ahead_seconds",
            "How far the latest recorded time lies in the future; 0 if none does",
            &measures.time_ahead,
        ),
        (
            "clock_ahead_of_intercom_seconds",
            "How far this machine's clock is ahead of Intercom's; negative if it is behind",
            &measures.clock_ahead,
        ),
        ("generation", "The served generation; 0 before the first import", &measures.generation),
        ("users", "Served users, including removed ones", &measures.users),
        ("groups", "Served groups", &measures.groups),
        (
            "roles",
            "Served roles, also those that nobody has; 0 if the settings show none",
            &measures.roles,
        ),
        (
            "entitlements",
            "Served kinds of seats and permissions; 0 if the settings show none",
            &measures.entitlements,
        ),
        (
            "lifecycle_requests_open",
            "Lifecycle requests that wait for a person",
            &measures.open_requests,
        ),
        (
            "lifecycle_oldest_request_seconds",
            "Age of the oldest open lifecycle request; 0 if there is none",
            &measures.oldest_request,
        ),
    ] {
        registry.register(name, help, gauge.clone());
    }
}

fn register_seats(measures: &Measures, registry: &mut Registry) {
    for (name, help, gauge) in [
        ("seats", "Paid seats that teammates hold", &measures.seats),
        (
            "seats_unused",
            "Paid seats whose holder was not active for the time of seats.unused_after",
            &measures.seats_unused,
        ),
        (
            "seats_unknown",
            "Paid seats of which the activity log does not show whether they were used",
            &measures.seats_unknown,
        ),
        (
            "invitations_pending",
            "Invitations that were neither accepted nor withdrawn",
            &measures.invitations,
        ),
    ] {
        registry.register(name, help, gauge.clone());
    }
}

fn register_rosters(measures: &Measures, registry: &mut Registry) {
    for (name, help, gauge) in [
        (
            "roster_unmatched_accounts",
            "Active accounts without a person in the roster",
            &measures.roster_unmatched,
        ),
        (
            "roster_terminated_active_accounts",
            "Active accounts of people who have left according to the roster",
            &measures.roster_terminated,
        ),
        (
            "roster_ownerless_accounts",
            "Active service accounts without an active owner",
            &measures.roster_ownerless,
        ),
        (
            "roster_age_seconds",
            "Time since the source last had exactly the people of the roster in force",
            &measures.roster_age,
        ),
        (
            "roster_held",
            "Whether a version of the roster is held until a person accepts it (1 or 0)",
            &measures.roster_held,
        ),
    ] {
        registry.register(name, help, gauge.clone());
    }
}

fn register_notifications(measures: &Measures, registry: &mut Registry) {
    registry.register(
        "notifications",
        "Attempts of this process to deliver a notification",
        measures.notifications.clone(),
    );
    registry.register(
        "notification_failing_seconds",
        "Time since the first of the present failures of an endpoint; 0 if it does not fail",
        measures.notification_failing.clone(),
    );
    registry.register(
        "notification_stopped",
        "Whether an endpoint is paused after long failure, disabled because it answered 410, or its events cannot be read (1 or 0)",
        measures.notification_stopped.clone(),
    );
}

fn register_posture(measures: &Measures, registry: &mut Registry) {
    registry.register(
        "posture_failing_checks",
        "Failing checks of the posture, without excepted ones",
        measures.posture_failing.clone(),
    );
    registry.register(
        "posture_new_findings",
        "Findings of the posture that began to fail",
        measures.posture_new.clone(),
    );
    registry.register(
        "activity_log_read_timestamp_seconds",
        "When Intercom's activity log was last read, as Unix time",
        measures.log_read_at.clone(),
    );
}
