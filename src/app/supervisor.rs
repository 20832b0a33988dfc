//! Keeps background tasks running: a task that stops because of a fault is logged, counted and
//! started again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};

use super::run;
use crate::clock::Clock;
use crate::limits;
use crate::measures::Measures;
use crate::runtime::{TaskName, Tasks};

/// Keeps background tasks running.
#[derive(Clone)]
pub(super) struct Supervisor {
    /// The state of every task, as `/readyz` shows it.
    pub tasks: Arc<Tasks>,
    /// The metrics that count failures.
    pub measures: Arc<Measures>,
    /// The clock.
    pub clock: Clock,
}

/// The wait before a task is started again.
#[derive(Debug, Default)]
struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Returns the pause before the next start of a task that failed after it `ran` for so long. It
    /// doubles with each failure, and starts anew after a run of [`limits::TASK_CALM`].
    fn pause(&mut self, ran: Duration) -> Duration {
        if ran >= limits::TASK_CALM {
            self.failures = 0;
        }
        let pause = limits::TASK_RETRY_FIRST.saturating_mul(2u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        pause.min(limits::TASK_RETRY_MAX)
    }
}

impl Supervisor {
    /// Runs the task that `start` returns until `stop` is true. If the task panics or ends by
    /// itself, the failure is logged, counted and shown, `failed` is called, and the task is
    /// started again after a pause.
    pub fn keep<T>(
        &self,
        name: TaskName,
        mut stop: watch::Receiver<bool>,
        failed: impl Fn() + Send + 'static,
        mut start: impl FnMut() -> T + Send + 'static,
    ) -> JoinHandle<()>
    where
        T: Future<Output = ()> + Send + 'static,
    {
        self.begin(&name);
        let supervisor = self.clone();
        run(async move {
            let mut backoff = Backoff::default();
            loop {
                let began = supervisor.clock.running();
                // In a task of its own, so that a panic ends only that one and is returned here.
                let ended = run(injected_fault(&name, start())).await;
                if is_to_stop(&stop) {
                    break;
                }
                let pause = backoff.pause(supervisor.clock.running().saturating_sub(began));
                supervisor.record_failure(&name, ended, Some(pause));
                failed();
                tokio::select! {
                    () = supervisor.clock.sleep(pause) => {}
                    _ = stop.wait_for(|stop| *stop) => break,
                }
                supervisor.tasks.started(&name);
            }
        })
    }

    /// Runs a task that cannot be started again. If it ends before `stop` is true, `failed` becomes
    /// true.
    pub fn watch<T>(
        &self,
        name: TaskName,
        stop: watch::Receiver<bool>,
        failed: watch::Sender<bool>,
        task: T,
    ) -> JoinHandle<()>
    where
        T: Future<Output = ()> + Send + 'static,
    {
        self.begin(&name);
        let supervisor = self.clone();
        run(async move {
            let ended = run(injected_fault(&name, task)).await;
            if !is_to_stop(&stop) {
                supervisor.record_failure(&name, ended, None);
                failed.send_replace(true);
            }
        })
    }

    /// Shows the task as running and creates its failure counter at 0: alerts need a change from 0
    /// to notice a failure.
    fn begin(&self, name: &TaskName) {
        self.tasks.started(name);
        self.measures.task(name.task, name.workspace.as_deref());
    }

    /// Logs, counts and shows a failure. `pause` is the time until the next start; `None` if there
    /// is none.
    fn record_failure(
        &self,
        name: &TaskName,
        ended: Result<(), JoinError>,
        pause: Option<Duration>,
    ) {
        log_failure(name, ended.is_err_and(|error| error.is_panic()), pause);
        self.measures.task_failed(name.task, name.workspace.as_deref());
        self.tasks.failed(name, self.clock.now());
    }
}

/// Returns the task as it is. Only in unit tests it can be made to panic; see `tests::fault`.
#[cfg(not(test))]
fn injected_fault<T: Future<Output = ()> + Send + 'static>(
    _: &TaskName,
    task: T,
) -> impl Future<Output = ()> + Send + 'static + use<T> {
    task
}
#[cfg(test)]
use tests::injected_fault;

/// Whether the task is to stop. A dropped sender means so, too.
fn is_to_stop(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

fn log_failure(name: &TaskName, panicked: bool, pause: Option<Duration>) {
    let why = if panicked { "panic" } else { "it ended" };
    let task = name.task;
    let workspace = name.workspace.as_deref();
    if let Some(pause) = pause {
        let again_in_seconds = pause.as_secs();
        tracing::error!(
            task,
            workspace,
            why,
            again_in_seconds,
            "a background task stopped because of a fault in the bridge and will be restarted; please report it"
        );
    } else {
        tracing::error!(
            task,
            workspace,
            why,
            "a background task stopped because of a fault in the bridge, which cannot continue without it; please report it"
        );
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// The name of the task that is to panic now; empty for none. Only the tests that run a whole
    /// bridge in a process of its own set it.
    static FAULT: LazyLock<watch::Sender<String>> = LazyLock::new(watch::Sender::default);

    /// Makes the running task with this name panic, once.
    pub(crate) fn fault(task: &str) {
        FAULT.send_replace(task.to_owned());
    }

    /// Runs the task until it ends, or until [`fault`] makes it panic.
    pub(super) fn injected_fault<T: Future<Output = ()> + Send + 'static>(
        name: &TaskName,
        task: T,
    ) -> impl Future<Output = ()> + Send + 'static + use<T> {
        let (name, mut faults) = (name.task, FAULT.subscribe());
        async move {
            // Dropped at once: the value stays locked while its reference lives.
            let told = async { drop(faults.wait_for(|fault| fault == name).await) };
            tokio::select! {
                () = task => {}
                () = told => {
                    FAULT.send_replace(String::new());
                    panic!("a fault that a test injected");
                }
            }
        }
    }

    const PUBLISHER: TaskName = TaskName { task: "publisher", workspace: None };

    fn supervisor() -> Supervisor {
        // This clock is advanced by hand: sleeping takes no real time.
        let clock = Clock::manual(time::OffsetDateTime::UNIX_EPOCH);
        Supervisor { tasks: Arc::default(), measures: Arc::default(), clock }
    }

    fn failures(supervisor: &Supervisor) -> String {
        let text = supervisor.measures.text(|_| true, true).unwrap();
        text.lines().filter(|line| line.starts_with("bridge_task_failures_total")).collect()
    }

    fn standing(supervisor: &Supervisor) -> serde_json::Value {
        serde_json::json!(supervisor.tasks.standing(|_| true, true))
    }

    #[test]
    fn a_task_that_fails_again_and_again_is_started_ever_later_but_not_too_late() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u64> =
            (0..11).map(|_| backoff.pause(Duration::from_secs(1)).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(backoff.pause(limits::TASK_CALM).as_secs(), 1, "it had recovered");
        let mut forever = Backoff { failures: u32::MAX };
        assert_eq!(forever.pause(Duration::ZERO), limits::TASK_RETRY_MAX);
    }

    #[tokio::test]
    async fn a_task_that_panics_or_ends_is_counted_shown_and_started_again() {
        let supervisor = supervisor();
        let (stop, stopped) = watch::channel(false);
        let told = Arc::new(AtomicU32::new(0));
        let starts = Arc::new(AtomicU32::new(0));
        let tell = Arc::clone(&told);
        let count = Arc::clone(&starts);
        let until = stopped.clone();
        let (running, mut third) = watch::channel(false);
        let task = supervisor.keep(
            PUBLISHER,
            stopped.clone(),
            move || {
                tell.fetch_add(1, Ordering::SeqCst);
            },
            move || {
                let start = count.fetch_add(1, Ordering::SeqCst);
                let mut until = until.clone();
                let running = running.clone();
                async move {
                    match start {
                        0 => panic!("the first time"),
                        1 => {}
                        _ => {
                            running.send_replace(true);
                            let _ = until.wait_for(|stop| *stop).await;
                        }
                    }
                }
            },
        );
        assert_eq!(
            failures(&supervisor),
            "bridge_task_failures_total{task=\"publisher\"} 0",
            "there from the start"
        );
        third.wait_for(|running| *running).await.unwrap();
        assert_eq!((told.load(Ordering::SeqCst), starts.load(Ordering::SeqCst)), (2, 3));
        assert_eq!(failures(&supervisor), "bridge_task_failures_total{task=\"publisher\"} 2");
        let shown = standing(&supervisor);
        assert_eq!((&shown[0]["state"], &shown[0]["failures"]), (&"running".into(), &2.into()));
        assert!(shown[0]["last_failure_at"].is_string());

        stop.send_replace(true);
        task.await.unwrap();
        assert_eq!(
            failures(&supervisor),
            "bridge_task_failures_total{task=\"publisher\"} 2",
            "stopping is not a failure"
        );
    }

    #[tokio::test]
    async fn a_task_that_fails_whenever_it_is_started_can_be_stopped() {
        let supervisor = supervisor();
        let (stop, stopped) = watch::channel(false);
        let (failed, mut often) = watch::channel(0);
        let task = supervisor.keep(
            PUBLISHER,
            stopped,
            move || failed.send_modify(|failures| *failures += 1),
            || async { panic!("always") },
        );
        often.wait_for(|failures| *failures >= 5).await.unwrap();
        stop.send_replace(true);
        task.await.unwrap();
    }

    #[tokio::test]
    async fn a_task_that_cannot_be_restarted_ends_the_bridge() {
        let supervisor = supervisor();
        let (_stop, stopped) = watch::channel(false);
        let (failed, mut ended) = watch::channel(false);
        let server = TaskName { task: "server", workspace: None };
        let task = supervisor.watch(server, stopped, failed, async { panic!("once") });
        ended.wait_for(|failed| *failed).await.unwrap();
        task.await.unwrap();
        assert_eq!(standing(&supervisor)[0]["state"], "restarting");
    }
}
