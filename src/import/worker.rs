//! The one consumer of a workspace's nudges: it imports by the clock and whenever somebody asks.
//!
//! Whether a run does what somebody asked for is decided by its number, and by the order in which this process was asked and
//! began. How long ago something was is decided by a clock that only grows. No time of day decides anything, so clocks
//! that differ, or that somebody sets, hold nothing up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::Instrument;

use super::nudge::Ticket;
use super::{Health, ImportRequest, Importer, Nudge};
use crate::clock::Clock;
use crate::ledger::{Lease, Ledger, LedgerError, Mode, Run, RunId, RunStatus, Sightings, Trigger};
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
    /// The newest runs of everybody, as this process has seen them.
    pub seen: Arc<Sightings>,
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

/// The last import that read everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LastFull {
    /// There was none.
    Never,
    /// So long ago; none where nobody knows, since it bears a time in the future.
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

    /// When the next import is due, after one that ended `now`; later and later while they fail.
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

/// What is to be done next.
#[derive(Clone)]
enum Job {
    /// An import, unless another run has done it.
    Import(ImportRequest, Wanted),
    /// What is queued in the ledger.
    Queue,
}

/// Why an import is wanted, which says what else does it.
#[derive(Clone, Copy)]
enum Wanted {
    /// Somebody asked: any run does that began afterwards.
    Asked(Ticket),
    /// It was time: any run does that is newer than this one, which was known when the time was set.
    Due(RunId),
}

/// What came of it.
enum Outcome {
    /// An import of ours ended, well or not.
    Ended(Box<Result<Run, LedgerError>>, Beginning),
    /// Another run has done what was wanted.
    Elsewhere,
    /// Nothing is queued any more.
    NothingQueued,
    /// The bridge is to stop.
    Stopping,
}

/// How an import of ours began.
#[derive(Clone, Copy, Default)]
struct Beginning {
    /// What was asked for up to this ticket was asked for before.
    ticket: Ticket,
    /// When, on [`Clock::running`].
    at: Duration,
}

/// The last import of ours that succeeded.
#[derive(Clone, Copy, Default)]
struct Done {
    /// What was asked for up to this ticket it has done,
    ticket: Ticket,
    /// if it was not to read more than this. None before the first.
    mode: Option<Mode>,
}

/// When the worker goes on, on [`Clock::running`].
#[derive(Clone, Copy)]
struct Due {
    /// When an import is due by the clock.
    next: Option<Duration>,
    /// The newest run that was known when that was set.
    known: RunId,
    /// From when on queued runs are looked at: not at once, where one could not be recorded.
    queue: Duration,
}

impl Worker {
    /// Imports until it is told to stop. `publish` is called after each import.
    pub async fn run(self: Arc<Self>, publish: impl AsyncFn(), mut stop: watch::Receiver<bool>) {
        self.importer.release_left_over().await;
        let now = self.clock.running();
        self.nudge.ask(ImportRequest::incremental(Trigger::Start), now);
        let mut job = self.nudge.take(now).map_or(Job::Queue, |(request, ticket)| {
            // Others may have asked before.
            Job::Import(request, Wanted::Asked(ticket))
        });
        let mut due = Due { next: None, known: 0, queue: now };
        let mut done = Done::default();
        loop {
            let (failures, recorded) = match self.serve(&job, done, &mut stop).await {
                Outcome::Stopping => break,
                Outcome::NothingQueued => (None, true),
                Outcome::Elsewhere => {
                    publish().await;
                    if let Job::Import(_, Wanted::Asked(ticket)) = job {
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
                        // Another one may have been queued.
                        self.nudge.serve_queue();
                        if run.status == RunStatus::Succeeded && matches!(job, Job::Import(..)) {
                            // The queue came first. Whether that did what was wanted is looked at again.
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

    /// Takes note of how an import ended, and tells how many have failed in a row.
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
            // Of who is back, only the whole log tells what they may do.
            let full = ImportRequest { mode: Mode::Full, ..ImportRequest::incremental(Trigger::Schedule) };
            self.nudge.ask(full, self.clock.running());
        }
        self.measure(outcome, self.clock.running().saturating_sub(began.at));
        self.health.note(outcome.as_ref())
    }

    fn measure(&self, outcome: &Result<Run, LedgerError>, took: Duration) {
        let workspace = self.importer.workspace();
        match outcome {
            Ok(run) => {
                self.measures.imported(workspace, run.mode.as_str(), run.status.as_str(), Some(took.as_secs_f64()));
            }
            Err(_) => self.measures.imported(workspace, "unknown", "not_recorded", None),
        }
    }

    /// Waits for the next import that is wanted: one that is queued, the schedule's when it is due, or somebody's before.
    async fn next(&self, due: Due, stop: &mut watch::Receiver<bool>) -> Option<Job> {
        loop {
            let now = self.clock.running();
            if due.queue <= now && self.nudge.take_queue() {
                return Some(Job::Queue);
            }
            if let Some((request, ticket)) = self.nudge.take(now) {
                return Some(Job::Import(request, Wanted::Asked(ticket)));
            }
            if due.next.is_some_and(|due| due <= now) {
                return Some(Job::Import(ImportRequest::incremental(Trigger::Schedule), Wanted::Due(due.known)));
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

    /// Does a job, as soon as nobody else imports the workspace.
    async fn serve(&self, job: &Job, done: Done, stop: &mut watch::Receiver<bool>) -> Outcome {
        // What another process begins from here on does what was asked for before.
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
                    // Somebody else imports. What they read they may have read before this was asked for.
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
            // Marks the run as interrupted, if it was.
            self.importer.release(&lease).await;
            return outcome;
        }
    }

    fn beginning(&self) -> Beginning {
        let at = self.clock.running();
        Beginning { ticket: self.nudge.begins(at), at }
    }

    /// The last full import that succeeded.
    async fn last_full(&self) -> Result<LastFull, LedgerError> {
        let run = self.ledger.last_success(self.importer.workspace(), Some(Mode::Full)).await?;
        let seen = self.seen.see_full(run.as_ref(), &self.clock);
        Ok(seen.map_or(LastFull::Never, |seen| LastFull::Ago(seen.age(self.clock.running()))))
    }

    /// Takes the lease, unless another run has done what is wanted. `newest` is the number of the newest run when the job was
    /// begun.
    async fn lease(&self, job: &Job, done: Done, newest: RunId) -> Result<Leased, LedgerError> {
        let workspace = self.importer.workspace();
        let due = self.schedule.mode(self.last_full().await?);
        let request = match job {
            Job::Queue if !self.ledger.has_queued(workspace, &self.clock).await? => {
                return Ok(Leased::Done(Outcome::NothingQueued));
            }
            // Who asked, and for what, stands with the queued run.
            Job::Queue => ImportRequest { mode: due, ..ImportRequest::incremental(Trigger::Api) },
            Job::Import(request, wanted) => {
                let request = ImportRequest { mode: request.mode.max(due), ..request.clone() };
                let last = self.ledger.last_success(workspace, None).await?;
                let age = self.seen.see(last.as_ref(), &self.clock).and_then(|seen| seen.age(self.clock.running()));
                let is_done = match *wanted {
                    Wanted::Asked(ticket) if done.ticket >= ticket && done.mode >= Some(request.mode) => true,
                    Wanted::Asked(_) => last.is_some_and(|last| last.id > newest && last.mode >= request.mode),
                    Wanted::Due(known) => {
                        let fresh = self.schedule.poll.is_none_or(|poll| age.is_some_and(|age| age < poll));
                        fresh && last.is_some_and(|last| last.id > known && last.mode >= request.mode)
                    }
                };
                if is_done && !request.allow_removals {
                    return Ok(Leased::Done(Outcome::Elsewhere));
                }
                // Questions come by the hundred, on other bridges too.
                let pause = age.map_or(Duration::ZERO, |age| limits::QUERY_PAUSE.saturating_sub(age));
                if request.trigger == Trigger::Query && !pause.is_zero() {
                    return Ok(Leased::Later(pause));
                }
                request
            }
        };
        let Some(lease) = self.importer.lease().await? else { return Ok(Leased::Later(limits::LEASE_POLL)) };
        // Another process may have begun it a moment ago, and ended it.
        if matches!(job, Job::Queue) && !self.ledger.has_queued(workspace, &self.clock).await.unwrap_or(true) {
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
    /// Another process has it, or it is too early: ask again after so long.
    Later(Duration),
    /// It is not needed.
    Done(Outcome),
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOURLY: Schedule = Schedule { poll: Some(Duration::from_mins(1)), full: Some(Duration::from_hours(1)) };
    const NOW: Duration = Duration::from_hours(100);

    fn ago(age: Duration) -> LastFull {
        LastFull::Ago(Some(age))
    }

    #[test]
    fn failing_imports_are_tried_again_ever_later_but_not_too_late() {
        assert_eq!(HOURLY.next(0, ago(Duration::ZERO), NOW), Some(NOW + Duration::from_mins(1)));
        for schedule in [HOURLY, Schedule { poll: None, full: None }] {
            let pause = |failures| schedule.next(failures, LastFull::Never, NOW).unwrap().saturating_sub(NOW).as_secs();
            let pauses: Vec<u64> = (1..=9).map(pause).collect();
            assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
            assert_eq!(pause(u32::MAX), 300);
        }
    }

    #[test]
    fn what_is_off_is_never_due() {
        let off = Schedule { poll: None, full: None };
        assert_eq!(off.next(0, ago(Duration::ZERO), NOW), None);
        assert_eq!(off.mode(LastFull::Never), Mode::Full, "there must be one");
        assert_eq!(off.mode(ago(Duration::MAX)), Mode::Incremental);
        for poll in [None, Some(Duration::from_hours(24))] {
            let schedule = Schedule { poll, ..HOURLY };
            let due = Some(NOW + Duration::from_mins(20));
            assert_eq!(schedule.next(0, ago(Duration::from_mins(40)), NOW), due, "a full import waits for no poll");
            assert_eq!(schedule.next(0, ago(Duration::from_hours(2)), NOW), Some(NOW), "and is made up for");
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
    fn where_nobody_knows_when_everything_was_read_it_is_read_now() {
        assert_eq!(HOURLY.mode(LastFull::Ago(None)), Mode::Full);
        assert_eq!(HOURLY.next(0, LastFull::Ago(None), NOW), Some(NOW));
        assert_eq!(
            Schedule { full: None, ..HOURLY }.mode(LastFull::Ago(None)),
            Mode::Incremental,
            "but not if it is off"
        );
    }
}
