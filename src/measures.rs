//! All Prometheus metrics, with their names.
//!
//! Counters and histograms are updated where the events happen; gauges are set on each scrape
//! (`http::metrics`).

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{
    EncodeLabel, EncodeLabelSet, EncodeLabelValue, LabelSetEncoder, LabelValueEncoder,
};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// A label value that is shared instead of copied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shared(Arc<str>);

impl EncodeLabelValue for Shared {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        encoder.write_str(&self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    method: &'static str,
    route: Shared,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    route: Shared,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfWorkspace {
    workspace: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfImport {
    workspace: String,
    mode: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfWrite {
    workspace: String,
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfToken {
    outcome: &'static str,
}

/// A task of one workspace or, without the label, of the whole process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct OfTask {
    workspace: Option<String>,
    task: &'static str,
}

impl EncodeLabelSet for OfTask {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        if let Some(workspace) = &self.workspace {
            ("workspace", workspace.as_str()).encode(encoder.encode_label())?;
        }
        ("task", self.task).encode(encoder.encode_label())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfBuild {
    version: &'static str,
    commit: &'static str,
}

type Value = Gauge<f64, AtomicU64>;
type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The reason why the bridge closed a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfEnd {
    reason: &'static str,
}

/// The reasons why the bridge closes connections: an idle one is closed in favour of a new one, an
/// address has too many, a client does not read.
const CONNECTION_ENDS: [&str; 3] = ["gave_way", "refused", "slow"];

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
    requests: Family<Answer, Counter>,
    server_errors: Counter,
    request_seconds: Histograms<OfRoute>,
    imports: Family<OfImport, Counter>,
    import_seconds: Histograms<OfWorkspace>,
    refused_writes: Family<OfWrite, Counter>,
    tokens: Family<OfToken, Counter>,
    task_failures: Family<OfTask, Counter>,
    intercom_calls: Family<OfWorkspace, Counter>,
    intercom_retries: Family<OfWorkspace, Counter>,
    intercom_rate_limited: Family<OfWorkspace, Counter>,
    rate_limit_left: Family<OfWorkspace, Value>,
    connected: Family<OfWorkspace, Value>,
    held: Family<OfWorkspace, Value>,
    failures: Family<OfWorkspace, Value>,
    age: Family<OfWorkspace, Value>,
    time_ahead: Family<OfWorkspace, Value>,
    clock_ahead: Family<OfWorkspace, Value>,
    generation: Family<OfWorkspace, Value>,
    users: Family<OfWorkspace, Value>,
    groups: Family<OfWorkspace, Value>,
    open_requests: Family<OfWorkspace, Value>,
    oldest_request: Family<OfWorkspace, Value>,
    database_up: Value,
    connections: Value,
    connections_closed: Family<OfEnd, Counter>,
}

/// The metrics of one route, looked up once instead of for each response. Each thread has its own.
#[derive(Debug)]
pub struct RouteMeasures {
    route: Shared,
    seconds: Histogram,
    requests: Family<Answer, Counter>,
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
        let same = last.take().filter(|(of, with, _)| (*of, *with) == (method, status));
        let (.., counter) = last.insert(same.unwrap_or_else(|| {
            let answer = Answer { method, route: self.route.clone(), status };
            (method, status, self.requests.get_or_create_owned(&answer))
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
}

impl Default for Measures {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("bridge");
        let build: Family<OfBuild, Value> = Family::default();
        build
            .get_or_create(&OfBuild {
                version: env!("CARGO_PKG_VERSION"),
                commit: env!("BUILD_COMMIT"),
            })
            .set(1.0);
        registry.register("build_info", "Always 1; which bridge it is", build);
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
            open_requests: Family::default(),
            oldest_request: Family::default(),
            database_up: Value::default(),
            connections: Value::default(),
            connections_closed: Family::default(),
            registry: Registry::default(),
        };
        all.register(&mut registry);
        Self { registry, ..all }
    }
}

impl Measures {
    /// Registers the metrics with their names and descriptions.
    fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "Requests that were answered", self.requests.clone());
        // Without labels it exists from the start: Prometheus sees no increase in a counter that
        // first appears with a burst.
        registry.register(
            "http_server_errors",
            "Answers with 5xx, but for 501, with which writes are refused",
            self.server_errors.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "How long their answers took, without sending the body",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        registry.register("imports", "Imports of this process that ended", self.imports.clone());
        registry.register_with_unit(
            "import_duration",
            "How long they took",
            Unit::Seconds,
            self.import_seconds.clone(),
        );
        registry.register(
            "refused_writes",
            "Writes that the bridge refused",
            self.refused_writes.clone(),
        );
        registry.register("tokens", "Tokens that OAuth clients asked for", self.tokens.clone());
        registry.register(
            "task_failures",
            "How often a background task stopped because of a fault in the bridge, and was started again",
            self.task_failures.clone(),
        );
        registry.register(
            "intercom_calls",
            "Calls to Intercom, failed tries among them",
            self.intercom_calls.clone(),
        );
        registry.register(
            "intercom_retries",
            "Calls that repeated a failed one",
            self.intercom_retries.clone(),
        );
        registry.register(
            "intercom_rate_limited",
            "Calls answered with 429",
            self.intercom_rate_limited.clone(),
        );
        for (name, help, gauge) in [
            (
                "intercom_rate_limit_left",
                "Calls that are left in Intercom's window of ten seconds",
                &self.rate_limit_left,
            ),
            ("connected", "Whether the last import succeeded (1 or 0)", &self.connected),
            (
                "import_held",
                "Whether the last import waits for somebody to let its removals through (1 or 0)",
                &self.held,
            ),
            (
                "import_failures",
                "Imports that did not succeed since the last that did",
                &self.failures,
            ),
            ("data_age_seconds", "How long ago Intercom last confirmed what is shown", &self.age),
            (
                "recorded_time_ahead_seconds",
                "How far the recorded time lies ahead that lies farthest in the future; 0 where none does",
                &self.time_ahead,
            ),
            (
                "clock_ahead_of_intercom_seconds",
                "How far this machine's clock is ahead of Intercom's; less than 0: behind",
                &self.clock_ahead,
            ),
            (
                "generation",
                "The generation that is shown; 0 before the first import",
                &self.generation,
            ),
            ("users", "Users that are shown, the removed ones among them", &self.users),
            ("groups", "Groups that are shown", &self.groups),
            ("lifecycle_requests_open", "Requests that wait for a person", &self.open_requests),
            (
                "lifecycle_oldest_request_seconds",
                "How long the oldest of them waits; 0 where none does",
                &self.oldest_request,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
        registry.register(
            "database_up",
            "Whether the database answers (1 or 0)",
            self.database_up.clone(),
        );
        registry.register("connections", "Connections that are open", self.connections.clone());
        registry.register(
            "connections_closed",
            "Connections that the bridge closed: idle ones that gave way, those of addresses that have used up their share, \
             and those whose clients do not read",
            self.connections_closed.clone(),
        );
        for reason in CONNECTION_ENDS {
            self.connections_closed.get_or_create_owned(&OfEnd { reason });
        }
        for outcome in TOKEN_OUTCOMES {
            self.tokens.get_or_create_owned(&OfToken { outcome });
        }
    }

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
            self.imports.get_or_create_owned(&OfImport { workspace: of(), mode, outcome });
        }
        for operation in operations {
            self.refused_writes.get_or_create_owned(&OfWrite { workspace: of(), operation });
        }
        for family in [&self.intercom_calls, &self.intercom_retries, &self.intercom_rate_limited] {
            family.get_or_create_owned(&OfWorkspace { workspace: of() });
        }
    }

    /// Returns the metrics of a route. The route is the pattern of a path, the same for all
    /// workspaces.
    #[must_use]
    pub fn of_route(&self, route: Arc<str>) -> RouteMeasures {
        let route = Shared(route);
        let seconds = self.request_seconds.get_or_create_owned(&OfRoute { route: route.clone() });
        let (requests, server_errors) = (self.requests.clone(), self.server_errors.clone());
        RouteMeasures { route, seconds, requests, server_errors, last: RefCell::default() }
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
        self.imports.get_or_create(&OfImport { workspace: workspace.clone(), mode, outcome }).inc();
        if let Some(took) = took {
            self.import_seconds.get_or_create(&OfWorkspace { workspace }).observe(took);
        }
    }

    /// Counts a refused write.
    pub fn refused(&self, workspace: &str, operation: &'static str) {
        self.refused_writes
            .get_or_create(&OfWrite { workspace: workspace.to_owned(), operation })
            .inc();
    }

    /// Sets the number of open connections, and the numbers of those that the bridge has closed
    /// since the start, by reason; see `CONNECTION_ENDS`.
    pub fn connections(&self, open: usize, gave_way: u64, refused: u64, slow: u64) {
        self.connections.set(u32::try_from(open).map_or(f64::MAX, f64::from));
        for (reason, count) in CONNECTION_ENDS.into_iter().zip([gave_way, refused, slow]) {
            let counter = self.connections_closed.get_or_create(&OfEnd { reason });
            counter.inner().store(count, Ordering::Relaxed);
        }
    }

    /// Counts a token request of an OAuth client.
    pub fn token(&self, outcome: &'static str) {
        self.tokens.get_or_create(&OfToken { outcome }).inc();
    }

    /// Creates the counter of a background task, of one workspace or of the whole process.
    pub fn task(&self, task: &'static str, workspace: Option<&str>) {
        drop(
            self.task_failures
                .get_or_create(&OfTask { workspace: workspace.map(str::to_owned), task }),
        );
    }

    /// Counts a panic of a background task.
    pub fn task_failed(&self, task: &'static str, workspace: Option<&str>) {
        self.task_failures
            .get_or_create(&OfTask { workspace: workspace.map(str::to_owned), task })
            .inc();
    }

    /// Sets whether the database answers.
    pub fn database(&self, up: bool) {
        self.database_up.set(f64::from(u8::from(up)));
    }

    /// Sets the gauges of a workspace.
    #[expect(clippy::cast_precision_loss, reason = "no count here reaches 2^52")]
    pub fn workspace(&self, name: &str, state: &WorkspaceState) {
        let of = OfWorkspace { workspace: name.to_owned() };
        let set = |family: &Family<OfWorkspace, Value>, value: f64| {
            family.get_or_create(&of).set(value);
        };
        set(&self.connected, f64::from(u8::from(state.connected)));
        set(&self.held, f64::from(u8::from(state.held)));
        set(&self.failures, f64::from(state.failures));
        set(&self.generation, state.generation as f64);
        set(&self.users, state.users as f64);
        set(&self.groups, state.groups as f64);
        if let Some(age) = state.age {
            set(&self.age, age);
        }
        set(&self.time_ahead, state.time_ahead as f64);
        if let Some(ahead) = state.clock_ahead {
            set(&self.clock_ahead, ahead as f64);
        }
        if let Some(left) = state.rate_limit_left {
            set(&self.rate_limit_left, left as f64);
        }
        if let Some(open) = state.open_requests {
            set(&self.open_requests, open as f64);
        }
        if let Some(oldest) = state.oldest_request {
            set(&self.oldest_request, oldest);
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

    /// Returns the metrics in the text format of Prometheus (OpenMetrics): those of the workspaces
    /// for which `sees` returns true and, with `all`, those of the whole process.
    ///
    /// # Errors
    /// None in practice: writing into a `String` cannot fail.
    pub fn text(&self, sees: impl Fn(&str) -> bool, all: bool) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        let (mut shown, mut heading) = (String::new(), Vec::new());
        let mut was_sample = false;
        for line in text.lines() {
            if line.starts_with('#') {
                // Metrics that only other workspaces have must not even be named.
                if std::mem::take(&mut was_sample) {
                    heading.clear();
                }
                heading.push(line);
                continue;
            }
            was_sample = true;
            // Names of workspaces contain no character that would be escaped.
            let workspace =
                line.split_once("workspace=\"").and_then(|(_, rest)| rest.split('"').next());
            if workspace.map_or(all, &sees) {
                for line in heading.drain(..).chain([line]) {
                    writeln!(shown, "{line}")?;
                }
            }
        }
        shown.push_str("# EOF\n");
        Ok(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_another_workspace_or_of_all_is_not_shown() {
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
