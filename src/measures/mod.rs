//! All Prometheus metrics. `register` has their names and descriptions, `labels` their labels, and
//! `text` writes them in the format of Prometheus. `notifications` and `posture` change those of
//! notifications and of the posture.
//!
//! Counters and histograms are updated where the events happen; gauges are set on each scrape
//! (`http::endpoints::metrics`).

mod labels;
mod notifications;
mod posture;
mod register;
mod text;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use labels::{
    AttemptLabels, ClosingLabels, EndpointLabels, ImportLabels, RequestLabels, RouteLabels,
    SeverityLabels, Shared, TaskLabels, TokenLabels, WorkspaceLabels, WriteLabels,
};
pub use notifications::EndpointFigures;
pub use posture::PostureFigures;

type Value = Gauge<f64, AtomicU64>;
type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The reasons why the bridge closes connections: an idle one is closed in favour of a new one, an
/// address has too many, a client does not read.
const CLOSING_REASONS: [&str; 3] = ["gave_way", "refused", "slow"];

/// The outcomes of token requests.
pub const TOKEN_OUTCOMES: [&str; 2] = ["issued", "refused"];

/// Buckets from half a millisecond to ten seconds: responses from memory, and those that wait for
/// Intercom.
const ANSWER_SECONDS: [f64; 12] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// Buckets from a quarter of a second to ten minutes.
const IMPORT_SECONDS: [f64; 10] = [0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0];

/// All metrics of a process.
#[derive(Debug)]
pub struct Measures {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    server_errors: Counter,
    request_seconds: Histograms<RouteLabels>,
    imports: Family<ImportLabels, Counter>,
    import_seconds: Histograms<WorkspaceLabels>,
    refused_writes: Family<WriteLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    task_failures: Family<TaskLabels, Counter>,
    intercom_calls: Family<WorkspaceLabels, Counter>,
    intercom_retries: Family<WorkspaceLabels, Counter>,
    intercom_rate_limited: Family<WorkspaceLabels, Counter>,
    rate_limit_left: Family<WorkspaceLabels, Value>,
    connected: Family<WorkspaceLabels, Value>,
    held: Family<WorkspaceLabels, Value>,
    failures: Family<WorkspaceLabels, Value>,
    age: Family<WorkspaceLabels, Value>,
    time_ahead: Family<WorkspaceLabels, Value>,
    clock_ahead: Family<WorkspaceLabels, Value>,
    generation: Family<WorkspaceLabels, Value>,
    users: Family<WorkspaceLabels, Value>,
    groups: Family<WorkspaceLabels, Value>,
    roles: Family<WorkspaceLabels, Value>,
    entitlements: Family<WorkspaceLabels, Value>,
    open_requests: Family<WorkspaceLabels, Value>,
    oldest_request: Family<WorkspaceLabels, Value>,
    roster_unmatched: Family<WorkspaceLabels, Value>,
    roster_terminated: Family<WorkspaceLabels, Value>,
    roster_ownerless: Family<WorkspaceLabels, Value>,
    roster_age: Family<WorkspaceLabels, Value>,
    roster_held: Family<WorkspaceLabels, Value>,
    seats: Family<WorkspaceLabels, Value>,
    seats_unused: Family<WorkspaceLabels, Value>,
    seats_unknown: Family<WorkspaceLabels, Value>,
    invitations: Family<WorkspaceLabels, Value>,
    notifications: Family<AttemptLabels, Counter>,
    notification_failing: Family<EndpointLabels, Value>,
    notification_stopped: Family<EndpointLabels, Value>,
    posture_failing: Family<SeverityLabels, Value>,
    posture_new: Family<WorkspaceLabels, Counter>,
    log_read_at: Family<WorkspaceLabels, Value>,
    database_up: Value,
    connections: Value,
    connections_closed: Family<ClosingLabels, Counter>,
}

/// The metrics of one route, looked up once instead of for each response. Each thread has its own.
#[derive(Debug)]
pub struct RouteMeasures {
    route: Shared,
    seconds: Histogram,
    requests: Family<RequestLabels, Counter>,
    server_errors: Counter,
    /// The last counter: most responses have the same method and status as the one before.
    last: RefCell<Option<(&'static str, u16, Counter)>>,
}

impl RouteMeasures {
    /// Counts a response.
    pub fn answered(&self, method: &'static str, status: u16, took: Duration) {
        self.seconds.observe(took.as_secs_f64());
        // A refused write (501) is not a failure of the bridge.
        if status >= 500 && status != 501 {
            self.server_errors.inc();
        }
        let mut last = self.last.borrow_mut();
        let same = last.take().filter(|(last_method, last_status, _)| {
            (*last_method, *last_status) == (method, status)
        });
        let (.., counter) = last.insert(same.unwrap_or_else(|| {
            let labels = RequestLabels { method, route: self.route.clone(), status };
            (method, status, self.requests.get_or_create_owned(&labels))
        }));
        counter.inc();
    }
}

/// The state of a workspace, for its gauges.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WorkspaceState {
    /// Whether the last import succeeded.
    pub connected: bool,
    /// Whether the last import is held and waits for approval.
    pub held: bool,
    /// The number of failed imports since the last success.
    pub failures: u32,
    /// How long ago Intercom last confirmed the served state, in seconds.
    pub age: Option<f64>,
    /// The served generation; 0 before the first import.
    pub generation: i64,
    /// The number of served users, including removed ones.
    pub users: usize,
    /// The number of served groups.
    pub groups: usize,
    /// The number of served roles; 0 if the settings show none.
    pub roles: usize,
    /// The number of served kinds of seats and permissions; 0 if the settings show none.
    pub entitlements: usize,
    /// The number of calls to Intercom since the start, including failed attempts.
    pub intercom_calls: u64,
    /// The number of calls that repeated a failed one.
    pub intercom_retries: u64,
    /// The number of calls that Intercom answered with 429.
    pub intercom_rate_limited: u64,
    /// The number of calls left in Intercom's window of ten seconds.
    pub rate_limit_left: Option<u64>,
    /// How many seconds the latest recorded time lies in the future; 0 if none does.
    pub time_ahead: i64,
    /// How many seconds this machine's clock is ahead of Intercom's; negative if behind.
    pub clock_ahead: Option<i64>,
    /// The number of requests that wait for a person; `None` while the database is unavailable.
    pub open_requests: Option<u64>,
    /// The age of the oldest of them in seconds; 0 if there is none.
    pub oldest_request: Option<f64>,
    /// The figures of the roster; `None` without a roster.
    pub roster: Option<RosterFigures>,
    /// The figures of the paid seats; `None` before the first import.
    pub seats: Option<SeatFigures>,
    /// The number of pending invitations; `None` if the activity log was not read, and while the
    /// database is unavailable.
    pub invitations: Option<f64>,
}

/// The figures of a workspace's paid seats.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SeatFigures {
    /// Seats that teammates hold.
    pub held: f64,
    /// Those that were not used for `seats.unused_after`.
    pub unused: f64,
    /// Those of which that is unknown.
    pub unknown: f64,
}

/// The figures of a workspace's roster.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RosterFigures {
    /// Active accounts without a person.
    pub unmatched: f64,
    /// Active accounts of people who have left.
    pub terminated_active: f64,
    /// Service accounts without an active owner.
    pub ownerless: f64,
    /// How long ago the source had exactly these people, in seconds; `None` if that is unknown.
    pub age: Option<f64>,
    /// 1 if a version is held, else 0.
    pub held: f64,
}

impl Measures {
    /// Creates the counters of a workspace with the value zero: Prometheus sees no increase in a
    /// counter that first appears with a burst.
    pub fn begin(
        &self,
        workspace: &str,
        imports: impl Iterator<Item = (&'static str, &'static str)>,
        operations: &[&'static str],
    ) {
        let of = || workspace.to_owned();
        for (mode, outcome) in imports {
            self.imports.get_or_create_owned(&ImportLabels { workspace: of(), mode, outcome });
        }
        for operation in operations {
            self.refused_writes.get_or_create_owned(&WriteLabels { workspace: of(), operation });
        }
        for family in [
            &self.intercom_calls,
            &self.intercom_retries,
            &self.intercom_rate_limited,
            &self.posture_new,
        ] {
            family.get_or_create_owned(&WorkspaceLabels { workspace: of() });
        }
    }

    /// Returns the metrics of a route. The route is the pattern of a path, the same for all
    /// workspaces.
    #[must_use]
    pub fn of_route(&self, route: Arc<str>) -> RouteMeasures {
        let route = Shared(route);
        let seconds =
            self.request_seconds.get_or_create_owned(&RouteLabels { route: route.clone() });
        RouteMeasures {
            route,
            seconds,
            requests: self.requests.clone(),
            server_errors: self.server_errors.clone(),
            last: RefCell::default(),
        }
    }

    /// Counts an import that ended.
    pub fn imported(
        &self,
        workspace: &str,
        mode: &'static str,
        outcome: &'static str,
        took: Option<f64>,
    ) {
        let workspace = workspace.to_owned();
        self.imports
            .get_or_create(&ImportLabels { workspace: workspace.clone(), mode, outcome })
            .inc();
        if let Some(took) = took {
            self.import_seconds.get_or_create(&WorkspaceLabels { workspace }).observe(took);
        }
    }

    /// Counts a refused write.
    pub fn refused(&self, workspace: &str, operation: &'static str) {
        self.refused_writes
            .get_or_create(&WriteLabels { workspace: workspace.to_owned(), operation })
            .inc();
    }

    /// Sets the number of open connections, and the numbers of those that the bridge has closed
    /// since the start, by reason; see `CLOSING_REASONS`.
    pub fn connections(&self, open: usize, gave_way: u64, refused: u64, slow: u64) {
        self.connections.set(u32::try_from(open).map_or(f64::MAX, f64::from));
        for (reason, count) in CLOSING_REASONS.into_iter().zip([gave_way, refused, slow]) {
            let counter = self.connections_closed.get_or_create(&ClosingLabels { reason });
            counter.inner().store(count, Ordering::Relaxed);
        }
    }

    /// Counts a token request of an OAuth client.
    pub fn token(&self, outcome: &'static str) {
        self.tokens.get_or_create(&TokenLabels { outcome }).inc();
    }

    /// Creates the counter of a background task, of one workspace or of the whole process.
    pub fn task(&self, task: &'static str, workspace: Option<&str>) {
        drop(
            self.task_failures
                .get_or_create(&TaskLabels { workspace: workspace.map(str::to_owned), task }),
        );
    }

    /// Counts a panic of a background task.
    pub fn task_failed(&self, task: &'static str, workspace: Option<&str>) {
        self.task_failures
            .get_or_create(&TaskLabels { workspace: workspace.map(str::to_owned), task })
            .inc();
    }

    /// Sets whether the database answers.
    pub fn database(&self, up: bool) {
        self.database_up.set(f64::from(u8::from(up)));
    }

    /// Sets the gauges of a workspace.
    #[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^52")]
    pub fn workspace(&self, name: &str, state: &WorkspaceState) {
        let of = WorkspaceLabels { workspace: name.to_owned() };
        let set = |family: &Family<WorkspaceLabels, Value>, value: f64| {
            family.get_or_create(&of).set(value);
        };
        set(&self.connected, f64::from(u8::from(state.connected)));
        set(&self.held, f64::from(u8::from(state.held)));
        set(&self.failures, f64::from(state.failures));
        set(&self.generation, state.generation as f64);
        set(&self.users, state.users as f64);
        set(&self.groups, state.groups as f64);
        set(&self.roles, state.roles as f64);
        set(&self.entitlements, state.entitlements as f64);
        set(&self.time_ahead, state.time_ahead as f64);
        for (family, value) in [
            (&self.age, state.age),
            (&self.clock_ahead, state.clock_ahead.map(|seconds| seconds as f64)),
            (&self.rate_limit_left, state.rate_limit_left.map(|calls| calls as f64)),
            (&self.open_requests, state.open_requests.map(|requests| requests as f64)),
            (&self.oldest_request, state.oldest_request),
            (&self.roster_unmatched, state.roster.map(|roster| roster.unmatched)),
            (&self.roster_terminated, state.roster.map(|roster| roster.terminated_active)),
            (&self.roster_ownerless, state.roster.map(|roster| roster.ownerless)),
            (&self.roster_age, state.roster.and_then(|roster| roster.age)),
            (&self.roster_held, state.roster.map(|roster| roster.held)),
            (&self.seats, state.seats.map(|seats| seats.held)),
            (&self.seats_unused, state.seats.map(|seats| seats.unused)),
            (&self.seats_unknown, state.seats.map(|seats| seats.unknown)),
            (&self.invitations, state.invitations),
        ] {
            match value {
                Some(value) => set(family, value),
                // An old value would look like the present one.
                None => drop(family.remove(&of)),
            }
        }
        for (family, count) in [
            (&self.intercom_calls, state.intercom_calls),
            (&self.intercom_retries, state.intercom_retries),
            (&self.intercom_rate_limited, state.intercom_rate_limited),
        ] {
            // The client counts these, and the counts only grow.
            family.get_or_create(&of).inner().store(count, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_of_other_workspaces_and_of_the_bridge_are_hidden() {
        let measures = Measures::default();
        measures.workspace(
            "mine",
            &WorkspaceState { users: 3, intercom_calls: 7, ..WorkspaceState::default() },
        );
        measures.workspace("yours", &WorkspaceState { users: 4, ..WorkspaceState::default() });
        measures.imported("yours", "full", "succeeded", Some(1.0));
        measures.of_route("/scim/v2/Users".into()).answered("GET", 200, Duration::from_millis(2));
        let text = measures.text(|name| name == "mine", false).unwrap();
        assert!(text.contains("bridge_users{workspace=\"mine\"} 3.0\n"), "{text}");
        assert!(text.contains("bridge_intercom_calls_total{workspace=\"mine\"} 7\n"), "{text}");
        assert!(!text.contains("yours") && !text.contains("/scim/v2/Users"), "{text}");
        assert!(
            text.ends_with("# EOF\n")
                && !text.contains("http_requests")
                && text.contains("# HELP bridge_users ")
        );
        assert_eq!(measures.text(|_| false, false).unwrap(), "# EOF\n");
        let text = measures.text(|_| true, true).unwrap();
        let counted = "bridge_http_requests_total{method=\"GET\",route=\"/scim/v2/Users\",status=\"200\"} 1\n";
        assert!(text.contains(counted) && text.contains("yours"), "{text}");
        assert!(
            text.contains("bridge_http_request_duration_seconds_bucket{le=\"0.0025\",route=\"/scim/v2/Users\"} 1\n")
        );
    }

    #[test]
    fn answers_that_are_the_bridges_mistake_are_counted_from_zero() {
        let measures = Measures::default();
        let errors = || {
            let text = measures.text(|_| true, true).unwrap();
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("bridge_http_server_errors_total "))
                .map(str::to_owned);
            line.unwrap()
        };
        assert_eq!(errors(), "0");
        let route = measures.of_route("/scim/v2/Users".into());
        for status in [200, 404, 429, 500, 501, 503] {
            route.answered("GET", status, Duration::ZERO);
        }
        assert_eq!(errors(), "2");
    }

    #[test]
    fn every_metric_is_registered_with_a_description_and_on_the_dashboard() {
        // With samples: the encoder leaves out metrics without any.
        let measures = Measures::default();
        measures.workspace(
            "w",
            &WorkspaceState {
                age: Some(1.0),
                clock_ahead: Some(0),
                rate_limit_left: Some(1),
                open_requests: Some(0),
                oldest_request: Some(0.0),
                roster: Some(RosterFigures { age: Some(0.0), ..RosterFigures::default() }),
                seats: Some(SeatFigures::default()),
                invitations: Some(0.0),
                ..WorkspaceState::default()
            },
        );
        measures.imported("w", "full", "succeeded", Some(1.0));
        measures.notification("w", "siem", "delivered");
        measures.endpoint("w", "siem", EndpointFigures::default());
        measures.posture(
            "w",
            &PostureFigures { failing: vec![("high", 1)], log_read_at: Some(0), new_findings: 1 },
        );
        measures.refused("w", "create_user");
        measures.task("importer", Some("w"));
        measures.of_route("/scim/v2/Users".into()).answered("GET", 200, Duration::ZERO);
        let text = measures.text(|_| true, true).unwrap();
        let dashboard = include_str!("../../config/grafana/dashboard.json");
        let mut count = 0;
        for line in text.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
            let (name, description) = line.split_once(' ').unwrap();
            assert!(dashboard.contains(name), "{name} is on no panel");
            assert!(description.len() > 10, "{name} has a description");
            count += 1;
        }
        // Each field is a metric; `registry` stands for `build_info`.
        let source = include_str!("mod.rs");
        let fields = source.split("pub struct Measures {\n").nth(1).unwrap();
        let fields = fields.split("\n}").next().unwrap().lines().count();
        assert_eq!(count, fields, "each metric is registered, and has a sample in this test");
    }

    #[test]
    fn a_gauge_whose_value_becomes_unknown_is_not_shown_any_more() {
        let measures = Measures::default();
        let known = WorkspaceState {
            age: Some(5.0),
            clock_ahead: Some(-3),
            rate_limit_left: Some(900),
            open_requests: Some(2),
            oldest_request: Some(60.0),
            ..WorkspaceState::default()
        };
        let names = [
            "bridge_data_age_seconds",
            "bridge_clock_ahead_of_intercom_seconds",
            "bridge_intercom_rate_limit_left",
            "bridge_lifecycle_requests_open",
            "bridge_lifecycle_oldest_request_seconds",
        ];
        let shown = || {
            let text = measures.text(|_| true, true).unwrap();
            names.map(|name| text.contains(&format!("{name}{{workspace=\"w\"}}")))
        };
        measures.workspace("w", &known);
        assert_eq!(shown(), [true; 5]);
        measures.workspace("w", &WorkspaceState::default());
        assert_eq!(shown(), [false; 5]);
        measures.workspace("w", &known);
        assert_eq!(shown(), [true; 5]);
    }

    #[test]
    fn counts_only_grow_whoever_looks() {
        let measures = Measures::default();
        for calls in [1, 5] {
            measures.workspace(
                "w",
                &WorkspaceState { intercom_calls: calls, ..WorkspaceState::default() },
            );
            let text = measures.text(|_| true, true).unwrap();
            assert!(
                text.contains(&format!("bridge_intercom_calls_total{{workspace=\"w\"}} {calls}\n")),
                "{text}"
            );
        }
    }
}
