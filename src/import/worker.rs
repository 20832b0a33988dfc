//! The import loop of one workspace: it imports by schedule, and on request.
//!
//! Whether a run satisfies a request is decided by the number of the run, and by the order of
//! requests and runs in this process. Ages are measured with a monotonic clock. The time of day
//! decides nothing, so clocks that differ or are set delay no import.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::Instrument;

use super::nudge::Ticket;
use super::{Health, Importer, Nudge};
use crate::clock::Clock;
use crate::directory::{ImportRequest, Mode, Run, RunId, RunStatus, Trigger};
use crate::ledger::{Lease, Ledger, LedgerError, Sightings};
use crate::limits;
use crate::measures::Measures;
use crate::spans;

/// Imports one workspace for as long as the bridge runs.
pub struct Worker {
    /// Runs the imports.
    pub importer: Importer,
    /// Holds the runs of all processes.
    pub ledger: Ledger,
    /// The requests for imports.
    pub nudge: Arc<Nudge>,
    /// The state of the imports, for readers.
    pub health: Arc<Health>,
    /// The newest successful runs of all processes, with the time at which this process first saw
    /// them.
    pub seen: Arc<Sightings>,
    /// The metrics.
    pub measures: Arc<Measures>,
    /// The clock.
    pub clock: Clock,
    /// When imports are due.
    pub schedule: Schedule,
}

/// The schedule of imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The interval of incremental imports; `None` switches them off.
    pub poll: Option<Duration>,
    /// The interval of full imports; `None` switches them off.
    pub full: Option<Duration>,
}

/// When the last full import succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LastFull {
    /// No full import has succeeded.
    Never,
    /// Its age; `None` if its recorded time lies in the future, so that the age is unknown.
    Ago(Option<Duration>),
}

impl Schedule {
    fn mode(self, last: LastFull) -> Mode {
        let due = match (last, self.full) {
            (LastFull::Never, _) => true,
            (LastFull::Ago(age), Some(full)) => age.is_none_or(|age| age >= full),
            (LastFull::Ago(_), None) => false,
        };
        if due { Mode::Full } else { Mode::Incremental }
    }

    /// Returns when the next import is due, after one that ended `now`. The pause doubles with each
    /// failure.
    fn next(self, failures: u32, last: LastFull, now: Duration) -> Option<Duration> {
        if failures > 0 {
            let pause = limits::IMPORT_RETRY_FIRST * 2u32.saturating_pow(failures - 1);
            return Some(now.saturating_add(pause.min(limits::IMPORT_RETRY_MAX)));
        }
        let poll = self.poll.map(|poll| now.saturating_add(poll));
        let full = self.full.map(|full| match last {
            LastFull::Never => now.saturating_add(full),
            LastFull::Ago(age) => now.saturating_add(full.saturating_sub(age.unwrap_or(full))),
        });
        [poll, full].into_iter().flatten().min()
    }
}

/// The next task of the loop.
#[derive(Clone)]
enum Job {
    /// An import, unless another run satisfies the request first.
    Import(ImportRequest, Wanted),
    /// The imports that are queued in the ledger.
    Queue,
}

/// Why an import is wanted. It determines which other runs satisfy the request.
#[derive(Clone, Copy)]
enum Wanted {
    /// A request: any run that began after it satisfies it.
    Requested(Ticket),
    /// The schedule: any run newer than this one satisfies it. This one was the newest known run
    /// when the due time was set.
    Due(RunId),
}

/// The result of a job.
enum Outcome {
    /// An import of this process ended, whatever its status.
    Ended(Box<Result<Run, LedgerError>>, Beginning),
    /// Another run satisfied the request.
    Elsewhere,
    /// No import is queued in the ledger.
    NothingQueued,
    /// The bridge is stopping.
    Stopping,
}

/// The beginning of an import of this process.
#[derive(Clone, Copy, Default)]
struct Beginning {
    /// The last ticket that was given out before the import began.
    ticket: Ticket,
    /// When the import began, on [`Clock::running`].
    at: Duration,
}

/// The last import of this process that succeeded. It satisfies the requests up to `ticket` that
/// need at most `mode`.
#[derive(Clone, Copy, Default)]
struct Done {
    /// The last ticket that was given out before the import began.
    ticket: Ticket,
    /// The mode of the import. `None` before the first success.
    mode: Option<Mode>,
}

/// When the worker continues, on [`Clock::running`].
#[derive(Clone, Copy)]
struct Due {
    /// When the schedule's next import is due.
    next: Option<Duration>,
    /// The newest run that was known when `next` was set.
    known: RunId,
    /// When queued runs may be started. Later than now only if a run could not be recorded.
    queue: Duration,
}

impl Worker {
    /// Imports until `stop` becomes true. Calls `publish` after each import.
    pub async fn run(self: Arc<Self>, publish: impl AsyncFn(), mut stop: watch::Receiver<bool>) {
        self.importer.release_left_over().await;
        let now = self.clock.running();
        self.nudge.ask(ImportRequest::incremental(Trigger::Start), now);
        let mut job = self.nudge.take(now).map_or(Job::Queue, |(request, ticket)| {
            // Other requests may have come before this one.
            Job::Import(request, Wanted::Requested(ticket))
        });
        let mut due = Due { next: None, known: 0, queue: now };
        let mut done = Done::default();
        loop {
            let (failures, recorded) = match self.serve(&job, done, &mut stop).await {
                Outcome::Stopping => break,
                Outcome::NothingQueued => (None, true),
                Outcome::Elsewhere => {
                    publish().await;
                    if let Job::Import(_, Wanted::Requested(ticket)) = job {
                        self.nudge.ended(ticket);
                    }
                    (Some(0), true)
                }
                Outcome::Ended(outcome, began) => {
                    let failures = self.note(&outcome, began, &mut done);
                    publish().await;
                    self.nudge.ended(began.ticket);
                    if let Ok(run) = &*outcome
                        && run.queued_at.is_some()
                    {
                        // More than one may be queued.
                        self.nudge.serve_queue();
                        if run.status == RunStatus::Succeeded && matches!(job, Job::Import(..)) {
                            // The queued import ran instead of the requested one. Check again
                            // whether it satisfied the request.
                            continue;
                        }
                    }
                    (Some(failures), outcome.is_ok())
                }
            };
            if let Some(failures) = failures {
                let last_full = self.last_full().await.unwrap_or(LastFull::Never);
                let now = self.clock.running();
                let next = self.schedule.next(failures, last_full, now);
                let known = self.seen.newest().map_or(0, |newest| newest.run);
                due = Due { next, known, queue: if recorded { now } else { next.unwrap_or(now) } };
            }
            match self.next(due, &mut stop).await {
                Some(next) => job = next,
                None => break,
            }
        }
    }

    /// Records how an import ended. Returns the number of failures in a row.
    fn note(&self, outcome: &Result<Run, LedgerError>, began: Beginning, done: &mut Done) -> u32 {
        if let Err(error) = outcome {
            tracing::error!(workspace = self.importer.workspace(), error = %error.chain(), "an import could not be recorded");
        }
        if let Ok(run) = outcome
            && run.status == RunStatus::Succeeded
        {
            self.seen.made(run, began.at);
            self.nudge.did(run, began.ticket);
            *done = Done { ticket: began.ticket, mode: Some(run.mode) };
        }
        if let Ok(run) = outcome
            && run.mode == Mode::Incremental
            && run.counts.users_restored > 0
        {
            // The permissions of a restored person are only in the log, possibly before the
            // watermark.
            let full =
                ImportRequest { mode: Mode::Full, ..ImportRequest::incremental(Trigger::Schedule) };
            self.nudge.ask(full, self.clock.running());
        }
        self.measure(outcome, self.clock.running().saturating_sub(began.at));
        self.health.note(outcome.as_ref())
    }

    fn measure(&self, outcome: &Result<Run, LedgerError>, took: Duration) {
        let workspace = self.importer.workspace();
        match outcome {
            Ok(run) => {
                self.measures.imported(
                    workspace,
                    run.mode.as_str(),
                    run.status.as_str(),
                    Some(took.as_secs_f64()),
                );
            }
            Err(_) => self.measures.imported(workspace, "unknown", "not_recorded", None),
        }
    }

    /// Waits for the next job: a queued import, a request, or the schedule. Returns `None` when the
    /// bridge stops.
    async fn next(&self, due: Due, stop: &mut watch::Receiver<bool>) -> Option<Job> {
        loop {
            let now = self.clock.running();
            if due.queue <= now && self.nudge.take_queue() {
                return Some(Job::Queue);
            }
            if let Some((request, ticket)) = self.nudge.take(now) {
                return Some(Job::Import(request, Wanted::Requested(ticket)));
            }
            if due.next.is_some_and(|due| due <= now) {
                return Some(Job::Import(
                    ImportRequest::incremental(Trigger::Schedule),
                    Wanted::Due(due.known),
                ));
            }
            let queue = self.nudge.queue_waits().then_some(due.queue);
            let wake = [due.next, self.nudge.due(), queue].into_iter().flatten().min();
            let sleep = async {
                match wake {
                    Some(wake) => self.clock.sleep(wake.saturating_sub(now)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep => {}
                () = self.nudge.asked() => {}
                _ = stop.wait_for(|stop| *stop) => return None,
            }
        }
    }

    /// Runs a job as soon as no other process imports the workspace.
    async fn serve(&self, job: &Job, done: Done, stop: &mut watch::Receiver<bool>) -> Outcome {
        // A run of another process with a higher number began after the request, and satisfies it.
        let newest = match self.ledger.newest_number(self.importer.workspace()).await {
            Ok(newest) => newest,
            Err(error) => return Outcome::Ended(Box::new(Err(error)), self.beginning()),
        };
        loop {
            let lease = tokio::select! {
                lease = self.lease(job, done, newest) => lease,
                _ = stop.wait_for(|stop| *stop) => return Outcome::Stopping,
            };
            let (lease, request) = match lease {
                Ok(Leased::Held(lease, request)) => (lease, request),
                Ok(Leased::Done(outcome)) => return outcome,
                Ok(Leased::Later(pause)) => {
                    // Another process imports. It may have read Intercom before this request was
                    // made, so wait for its end.
                    tokio::select! {
                        () = self.clock.sleep(pause) => continue,
                        _ = stop.wait_for(|stop| *stop) => return Outcome::Stopping,
                    }
                }
                Err(error) => return Outcome::Ended(Box::new(Err(error)), self.beginning()),
            };
            let began = self.beginning();
            let outcome = tokio::select! {
                outcome = self.importer.run(&lease, &request, &|_| {}).instrument(spans::import(self.importer.workspace(), request.mode.as_str())) => Outcome::Ended(Box::new(outcome), began),
                _ = stop.wait_for(|stop| *stop) => Outcome::Stopping,
            };
            // If the run did not end, this marks it as interrupted.
            self.importer.release(&lease).await;
            return outcome;
        }
    }

    fn beginning(&self) -> Beginning {
        let at = self.clock.running();
        Beginning { ticket: self.nudge.begins(at), at }
    }

    /// Returns when the last full import succeeded.
    async fn last_full(&self) -> Result<LastFull, LedgerError> {
        let run = self.ledger.last_success(self.importer.workspace(), Some(Mode::Full)).await?;
        let seen = self.seen.see_full(run.as_ref(), &self.clock);
        Ok(seen.map_or(LastFull::Never, |seen| LastFull::Ago(seen.age(self.clock.running()))))
    }

    /// Takes the lease, unless another run has satisfied the job. `newest` is the number of the
    /// newest run at the time when the job began.
    async fn lease(&self, job: &Job, done: Done, newest: RunId) -> Result<Leased, LedgerError> {
        let workspace = self.importer.workspace();
        let due = self.schedule.mode(self.last_full().await?);
        let request = match job {
            Job::Queue if !self.ledger.has_queued(workspace, &self.clock).await? => {
                return Ok(Leased::Done(Outcome::NothingQueued));
            }
            // The queued run itself holds the requester and the mode.
            Job::Queue => ImportRequest { mode: due, ..ImportRequest::incremental(Trigger::Api) },
            Job::Import(request, wanted) => {
                let request = ImportRequest { mode: request.mode.max(due), ..request.clone() };
                let last = self.ledger.last_success(workspace, None).await?;
                let age = self
                    .seen
                    .see(last.as_ref(), &self.clock)
                    .and_then(|seen| seen.age(self.clock.running()));
                let is_done = match *wanted {
                    Wanted::Requested(ticket)
                        if done.ticket >= ticket && done.mode >= Some(request.mode) =>
                    {
                        true
                    }
                    Wanted::Requested(_) => {
                        last.is_some_and(|last| last.id > newest && last.mode >= request.mode)
                    }
                    Wanted::Due(known) => {
                        let fresh =
                            self.schedule.poll.is_none_or(|poll| age.is_some_and(|age| age < poll));
                        fresh
                            && last.is_some_and(|last| last.id > known && last.mode >= request.mode)
                    }
                };
                if is_done && !request.allow_removals {
                    return Ok(Leased::Done(Outcome::Elsewhere));
                }
                // Requests that clients' queries trigger are frequent, on other bridges too.
                let pause =
                    age.map_or(Duration::ZERO, |age| limits::QUERY_PAUSE.saturating_sub(age));
                if request.trigger == Trigger::Query && !pause.is_zero() {
                    return Ok(Leased::Later(pause));
                }
                request
            }
        };
        let Some(lease) = self.importer.lease().await? else {
            return Ok(Leased::Later(limits::LEASE_POLL));
        };
        // Another process may have started and ended the queued import in the meantime.
        if matches!(job, Job::Queue)
            && !self.ledger.has_queued(workspace, &self.clock).await.unwrap_or(true)
        {
            self.importer.release(&lease).await;
            return Ok(Leased::Done(Outcome::NothingQueued));
        }
        Ok(Leased::Held(lease, request))
    }
}

/// The result of trying to take the lease.
enum Leased {
    /// This process holds the lease, for this import.
    Held(Lease, ImportRequest),
    /// Another process holds it, or it is too early: try again after this pause.
    Later(Duration),
    /// No lease is needed: the job is done.
    Done(Outcome),
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOURLY: Schedule =
        Schedule { poll: Some(Duration::from_mins(1)), full: Some(Duration::from_hours(1)) };
    const NOW: Duration = Duration::from_hours(100);

    fn ago(age: Duration) -> LastFull {
        LastFull::Ago(Some(age))
    }

    #[test]
    fn failing_imports_are_tried_again_ever_later_but_not_too_late() {
        assert_eq!(HOURLY.next(0, ago(Duration::ZERO), NOW), Some(NOW + Duration::from_mins(1)));
        for schedule in [HOURLY, Schedule { poll: None, full: None }] {
            let pause = |failures| {
                schedule.next(failures, LastFull::Never, NOW).unwrap().saturating_sub(NOW).as_secs()
            };
            let pauses: Vec<u64> = (1..=9).map(pause).collect();
            assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
            assert_eq!(pause(u32::MAX), 300);
        }
    }

    #[test]
    fn a_disabled_import_is_never_due() {
        let off = Schedule { poll: None, full: None };
        assert_eq!(off.next(0, ago(Duration::ZERO), NOW), None);
        assert_eq!(off.mode(LastFull::Never), Mode::Full, "there must be one");
        assert_eq!(off.mode(ago(Duration::MAX)), Mode::Incremental);
        for poll in [None, Some(Duration::from_hours(24))] {
            let schedule = Schedule { poll, ..HOURLY };
            let due = Some(NOW + Duration::from_mins(20));
            assert_eq!(
                schedule.next(0, ago(Duration::from_mins(40)), NOW),
                due,
                "a full import waits for no poll"
            );
            assert_eq!(
                schedule.next(0, ago(Duration::from_hours(2)), NOW),
                Some(NOW),
                "and is made up for"
            );
        }
    }

    #[test]
    fn no_schedule_reaches_beyond_the_end_of_time() {
        let endless = Schedule { poll: Some(Duration::MAX), full: Some(Duration::MAX) };
        assert_eq!(endless.mode(ago(Duration::ZERO)), Mode::Incremental);
        assert!(endless.next(0, ago(Duration::ZERO), NOW).unwrap() > NOW);
    }

    #[test]
    fn everything_is_read_anew_when_it_is_time() {
        assert_eq!(HOURLY.mode(LastFull::Never), Mode::Full);
        assert_eq!(HOURLY.mode(ago(Duration::from_secs(3599))), Mode::Incremental);
        assert_eq!(HOURLY.mode(ago(Duration::from_hours(1))), Mode::Full);
    }

    #[test]
    fn a_full_import_of_unknown_age_is_due_now() {
        assert_eq!(HOURLY.mode(LastFull::Ago(None)), Mode::Full);
        assert_eq!(HOURLY.next(0, LastFull::Ago(None), NOW), Some(NOW));
        assert_eq!(
            Schedule { full: None, ..HOURLY }.mode(LastFull::Ago(None)),
            Mode::Incremental,
            "but not if it is off"
        );
    }
}
