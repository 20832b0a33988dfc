//! The one consumer of a workspace's nudges: it imports by the clock and whenever somebody asks.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;
use tracing::Instrument;

use super::{Health, ImportRequest, Importer, Nudge};
use crate::clock::{Clock, after, before};
use crate::ledger::{Lease, Ledger, LedgerError, Mode, Run, RunStatus, Trigger};
use crate::limits;
use crate::measures::Measures;
use crate::spans;

/// Imports one workspace for as long as the bridge runs.
pub struct Worker {
    /// Does the work.
    pub importer: Importer,
    /// Where everybody's runs are recorded.
    pub ledger: Ledger,
    /// What others ask for.
    pub nudge: Arc<Nudge>,
    /// How it is going.
    pub health: Arc<Health>,
    /// Where they are counted.
    pub measures: Arc<Measures>,
    /// The time.
    pub clock: Clock,
    /// When imports are due.
    pub schedule: Schedule,
}

/// When imports are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How often changes are looked for; none for never.
    pub poll: Option<Duration>,
    /// How often everything is read anew; none for never.
    pub full: Option<Duration>,
}

impl Schedule {
    fn mode(self, last_full: Option<OffsetDateTime>, now: OffsetDateTime) -> Mode {
        let due = match (last_full, self.full) {
            (None, _) => true,
            (Some(last), Some(full)) => after(last, full) <= now,
            (Some(_), None) => false,
        };
        if due { Mode::Full } else { Mode::Incremental }
    }

    /// When the next import is due by the clock, after one that ended `now`; later and later while they fail.
    fn next(self, failures: u32, last_full: Option<OffsetDateTime>, now: OffsetDateTime) -> Option<OffsetDateTime> {
        if failures > 0 {
            let pause = limits::IMPORT_RETRY_FIRST * 2u32.saturating_pow(failures - 1);
            return Some(after(now, pause.min(limits::IMPORT_RETRY_MAX)));
        }
        let poll = self.poll.map(|poll| after(now, poll));
        let full = self.full.map(|full| after(last_full.unwrap_or(now), full).max(now));
        [poll, full].into_iter().flatten().min()
    }
}

/// What is to be done next.
#[derive(Clone)]
enum Job {
    /// An import, unless one of anybody's that began after that moment has done it.
    Import(ImportRequest, OffsetDateTime),
    /// What is queued in the ledger.
    Queue,
}

/// What came of it.
enum Outcome {
    /// An import of ours ended, well or not.
    Ended(Box<Result<Run, LedgerError>>),
    /// Another process has done, or is doing, what was wanted.
    Elsewhere,
    /// Nothing is queued any more.
    NothingQueued,
    /// The bridge is to stop.
    Stopping,
}

/// When the worker goes on.
#[derive(Clone, Copy)]
struct Due {
    /// When the last import began.
    last_attempt: OffsetDateTime,
    /// When one is due by the clock.
    next: Option<OffsetDateTime>,
    /// From when on queued runs are looked at: not at once, where one could not be recorded.
    queue: OffsetDateTime,
}

impl Worker {
    /// Imports until it is told to stop. `publish` is called after each import.
    pub async fn run(self: Arc<Self>, publish: impl AsyncFn(), mut stop: watch::Receiver<bool>) {
        self.importer.release_left_over().await;
        let mut job = Job::Import(ImportRequest::incremental(Trigger::Start), self.clock.now());
        let mut due = Due { last_attempt: self.clock.now(), next: None, queue: self.clock.now() };
        loop {
            let started_at = self.clock.now();
            let (failures, recorded) = match self.serve(&job, &mut stop).await {
                Outcome::Stopping => break,
                Outcome::NothingQueued => (None, true),
                Outcome::Elsewhere => {
                    publish().await;
                    (Some(0), true)
                }
                Outcome::Ended(outcome) => {
                    let failures = self.note(&outcome);
                    publish().await;
                    if let Ok(run) = &*outcome
                        && run.queued_at.is_some()
                    {
                        // Another one may have been queued.
                        self.nudge.serve_queue();
                        if run.status == RunStatus::Succeeded && matches!(job, Job::Import(..)) {
                            // The queue came first. Whether that did what was wanted is looked at again.
                            self.nudge.ended(started_at);
                            continue;
                        }
                    }
                    (Some(failures), outcome.is_ok())
                }
            };
            if let Some(failures) = failures {
                self.nudge.ended(started_at);
                let (last_full, now) = (self.last_full().await.unwrap_or_default(), self.clock.now());
                let next = self.schedule.next(failures, last_full, now);
                due = Due { last_attempt: started_at, next, queue: if recorded { now } else { next.unwrap_or(now) } };
            }
            match self.next(due, &mut stop).await {
                Some(next) => job = next,
                None => break,
            }
        }
    }

    /// Takes note of how an import ended, and tells how many have failed in a row.
    fn note(&self, outcome: &Result<Run, LedgerError>) -> u32 {
        if let Err(error) = outcome {
            tracing::error!(workspace = self.importer.workspace(), error = %error.chain(), "an import could not be recorded");
        }
        if let Ok(run) = outcome
            && run.mode == Mode::Incremental
            && run.counts.users_restored > 0
        {
            // Of who is back, only the whole log tells what they may do.
            let full = ImportRequest { mode: Mode::Full, ..ImportRequest::incremental(Trigger::Schedule) };
            self.nudge.ask(full, self.clock.now());
        }
        self.measure(outcome);
        self.health.note(outcome.as_ref())
    }

    fn measure(&self, outcome: &Result<Run, LedgerError>) {
        let workspace = self.importer.workspace();
        match outcome {
            Ok(run) => {
                let took = run.finished_at.map(|finished| (finished - run.started_at).as_seconds_f64());
                self.measures.imported(workspace, run.mode.as_str(), run.status.as_str(), took);
            }
            Err(_) => self.measures.imported(workspace, "unknown", "not_recorded", None),
        }
    }

    /// Waits for the next import that is wanted: one that is queued, the schedule's when it is due, or somebody's before.
    async fn next(&self, due: Due, stop: &mut watch::Receiver<bool>) -> Option<Job> {
        loop {
            let now = self.clock.now();
            if due.queue <= now && self.nudge.take_queue() {
                return Some(Job::Queue);
            }
            if let Some((request, asked_at)) = self.nudge.take(now) {
                return Some(Job::Import(request, asked_at));
            }
            if due.next.is_some_and(|due| due <= now) {
                let poll = self.schedule.poll.map(|poll| before(now, poll));
                let fresh_enough = poll.map_or(due.last_attempt, |poll| due.last_attempt.max(poll));
                return Some(Job::Import(ImportRequest::incremental(Trigger::Schedule), fresh_enough));
            }
            let queue = self.nudge.queue_waits().then_some(due.queue);
            let wake = [due.next, self.nudge.due(), queue].into_iter().flatten().min();
            let sleep = async {
                match wake {
                    Some(wake) => self.clock.sleep((wake - now).try_into().unwrap_or_default()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep => {
                    // Slept to the end; only a clock that was set back can show less.
                    if wake == due.next && wake.is_some_and(|due| self.clock.now() < due) {
                        let request = ImportRequest::incremental(Trigger::Schedule);
                        return Some(Job::Import(request, due.last_attempt));
                    }
                }
                () = self.nudge.asked() => {}
                _ = stop.wait_for(|stop| *stop) => return None,
            }
        }
    }

    /// Does a job, as soon as nobody else imports the workspace.
    async fn serve(&self, job: &Job, stop: &mut watch::Receiver<bool>) -> Outcome {
        loop {
            let lease = tokio::select! {
                lease = self.lease(job) => lease,
                _ = stop.wait_for(|stop| *stop) => return Outcome::Stopping,
            };
            let (lease, request) = match lease {
                Ok(Leased::Held(lease, request)) => (lease, request),
                Ok(Leased::Done(outcome)) => return outcome,
                Ok(Leased::Elsewhere) => {
                    // Somebody else imports. What they read they may have read before this was asked for.
                    tokio::select! {
                        () = self.clock.sleep(limits::LEASE_POLL) => continue,
                        _ = stop.wait_for(|stop| *stop) => return Outcome::Stopping,
                    }
                }
                Err(error) => return Outcome::Ended(Box::new(Err(error))),
            };
            let outcome = tokio::select! {
                outcome = self.importer.run(&lease, &request, &|_| {}).instrument(spans::import(self.importer.workspace(), request.mode.as_str())) => Outcome::Ended(Box::new(outcome)),
                _ = stop.wait_for(|stop| *stop) => Outcome::Stopping,
            };
            // Marks the run as interrupted, if it was.
            self.importer.release(&lease).await;
            return outcome;
        }
    }

    /// When the last full import began that succeeded.
    async fn last_full(&self) -> Result<Option<OffsetDateTime>, LedgerError> {
        let run = self.ledger.last_success(self.importer.workspace(), Some(Mode::Full)).await?;
        Ok(run.map(|run| run.started_at))
    }

    /// Takes the lease, unless another process has done what is wanted.
    async fn lease(&self, job: &Job) -> Result<Leased, LedgerError> {
        let workspace = self.importer.workspace();
        let due = self.schedule.mode(self.last_full().await?, self.clock.now());
        let request = match job {
            Job::Queue if !self.ledger.has_queued(workspace).await? => {
                return Ok(Leased::Done(Outcome::NothingQueued));
            }
            // Who asked, and for what, stands with the queued run.
            Job::Queue => ImportRequest { mode: due, ..ImportRequest::incremental(Trigger::Api) },
            Job::Import(request, fresh_enough) => {
                let request = ImportRequest { mode: request.mode.max(due), ..request.clone() };
                if let Some(done) = self.ledger.last_success(workspace, None).await?
                    && done.started_at > *fresh_enough
                    && done.mode >= request.mode
                    && !request.allow_removals
                {
                    return Ok(Leased::Done(Outcome::Elsewhere));
                }
                request
            }
        };
        let Some(lease) = self.importer.lease().await? else { return Ok(Leased::Elsewhere) };
        // Another process may have begun it a moment ago, and ended it.
        if matches!(job, Job::Queue) && !self.ledger.has_queued(workspace).await.unwrap_or(true) {
            self.importer.release(&lease).await;
            return Ok(Leased::Done(Outcome::NothingQueued));
        }
        Ok(Leased::Held(lease, request))
    }
}

/// What came of asking for the lease.
enum Leased {
    /// It is ours, for that import.
    Held(Lease, ImportRequest),
    /// Another process has it.
    Elsewhere,
    /// It is not needed.
    Done(Outcome),
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOURLY: Schedule = Schedule { poll: Some(Duration::from_mins(1)), full: Some(Duration::from_hours(1)) };

    #[test]
    fn failing_imports_are_tried_again_ever_later_but_not_too_late() {
        let start = OffsetDateTime::UNIX_EPOCH;
        assert_eq!(HOURLY.next(0, Some(start), start), Some(start + Duration::from_mins(1)));
        for schedule in [HOURLY, Schedule { poll: None, full: None }] {
            let pause = |failures| (schedule.next(failures, None, start).unwrap() - start).whole_seconds();
            let pauses: Vec<i64> = (1..=9).map(pause).collect();
            assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
            assert_eq!(pause(u32::MAX), 300);
        }
    }

    #[test]
    fn what_is_off_is_never_due() {
        let start = OffsetDateTime::UNIX_EPOCH;
        let off = Schedule { poll: None, full: None };
        assert_eq!(off.next(0, Some(start), start), None);
        assert_eq!(off.mode(None, start), Mode::Full, "there must be one");
        assert_eq!(off.mode(Some(start), after(start, Duration::MAX)), Mode::Incremental);
        let (soon, late) = (start + Duration::from_mins(40), start + Duration::from_hours(2));
        for poll in [None, Some(Duration::from_hours(24))] {
            let schedule = Schedule { poll, ..HOURLY };
            let due = Some(start + Duration::from_hours(1));
            assert_eq!(schedule.next(0, Some(start), soon), due, "a full import waits for no poll");
            assert_eq!(schedule.next(0, Some(start), late), Some(late), "and is made up for");
        }
    }

    #[test]
    fn no_schedule_reaches_beyond_the_end_of_time() {
        let endless = Schedule { poll: Some(Duration::MAX), full: Some(Duration::MAX) };
        let start = OffsetDateTime::UNIX_EPOCH;
        assert_eq!(endless.mode(Some(start), start), Mode::Incremental);
        assert!(endless.next(0, Some(start), start).unwrap() > start);
    }

    #[test]
    fn everything_is_read_anew_when_it_is_time() {
        let start = OffsetDateTime::UNIX_EPOCH;
        assert_eq!(HOURLY.mode(None, start), Mode::Full);
        assert_eq!(HOURLY.mode(Some(start), start + Duration::from_secs(3599)), Mode::Incremental);
        assert_eq!(HOURLY.mode(Some(start), start + Duration::from_hours(1)), Mode::Full);
    }
}
