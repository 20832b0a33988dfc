//! The one consumer of a workspace's nudges: it imports by the clock and whenever somebody asks.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;
use tracing::Instrument;

use super::{Health, ImportRequest, Importer, Nudge};
use crate::clock::Clock;
use crate::ledger::{Lease, Ledger, LedgerError, Mode, Run, Trigger};
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
    /// How often changes are looked for.
    pub poll: Duration,
    /// How often everything is read anew.
    pub full: Duration,
}

impl Schedule {
    fn mode(self, last_full: Option<OffsetDateTime>, now: OffsetDateTime) -> Mode {
        if last_full.is_none_or(|last| now - last >= self.full) { Mode::Full } else { Mode::Incremental }
    }

    /// How long to wait for the next import; longer and longer while they fail.
    fn pause(self, failures: u32) -> Duration {
        match failures {
            0 => self.poll,
            failures => (limits::IMPORT_RETRY_FIRST * 2u32.saturating_pow(failures - 1)).min(limits::IMPORT_RETRY_MAX),
        }
    }
}

/// What came of a request.
enum Outcome {
    /// An import of ours ended, well or not.
    Ended(Box<Result<Run, LedgerError>>),
    /// Another process has done, or is doing, what was wanted.
    Elsewhere,
    /// The bridge is to stop.
    Stopping,
}

impl Worker {
    /// Imports until it is told to stop. `publish` is called after each import.
    pub async fn run(self, publish: impl AsyncFn(), mut stop: watch::Receiver<bool>) {
        let mut next = Some((ImportRequest::incremental(Trigger::Start), self.clock.now()));
        while let Some((request, fresh_enough)) = next {
            let started_at = self.clock.now();
            let failures = match self.serve(request, fresh_enough, &mut stop).await {
                Outcome::Stopping => break,
                Outcome::Elsewhere => {
                    publish().await;
                    0
                }
                Outcome::Ended(outcome) => {
                    if let Err(error) = &*outcome {
                        tracing::error!(workspace = self.importer.workspace(), error = %error.chain(), "an import could not be recorded");
                    }
                    if let Ok(run) = &*outcome
                        && run.mode == Mode::Incremental
                        && run.counts.users_restored > 0
                    {
                        // Of who is back, only the whole log tells what they may do.
                        let full = ImportRequest { mode: Mode::Full, ..ImportRequest::incremental(Trigger::Schedule) };
                        self.nudge.ask(full, self.clock.now());
                    }
                    self.measure(&outcome);
                    let failures = self.health.note((*outcome).as_ref());
                    publish().await;
                    failures
                }
            };
            self.nudge.ended(started_at);
            next = self.next(started_at, self.schedule.pause(failures), &mut stop).await;
        }
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

    /// Waits for the next import that is wanted: the schedule's after a pause, or somebody's before. An import of
    /// anybody's that begins after the moment that is given too will do instead.
    async fn next(
        &self,
        last_attempt: OffsetDateTime,
        pause: Duration,
        stop: &mut watch::Receiver<bool>,
    ) -> Option<(ImportRequest, OffsetDateTime)> {
        let due = self.clock.now() + pause;
        loop {
            let now = self.clock.now();
            if let Some(asked) = self.nudge.take(now) {
                return Some(asked);
            }
            if due <= now {
                let fresh_enough = last_attempt.max(now - self.schedule.poll);
                return Some((ImportRequest::incremental(Trigger::Schedule), fresh_enough));
            }
            let wake = self.nudge.due().map_or(due, |asked| asked.min(due));
            tokio::select! {
                () = self.clock.sleep((wake - now).try_into().unwrap_or_default()) => {
                    // Slept to the end; only a clock that was set back can show less.
                    if wake == due && self.clock.now() < due {
                        return Some((ImportRequest::incremental(Trigger::Schedule), last_attempt));
                    }
                }
                () = self.nudge.asked() => {}
                _ = stop.wait_for(|stop| *stop) => return None,
            }
        }
    }

    /// Does what is asked for, as soon as nobody else imports the workspace. An import of anybody's that began after
    /// `fresh_enough` will do.
    async fn serve(
        &self,
        mut request: ImportRequest,
        fresh_enough: OffsetDateTime,
        stop: &mut watch::Receiver<bool>,
    ) -> Outcome {
        loop {
            let lease = tokio::select! {
                lease = self.lease(&mut request, fresh_enough) => lease,
                _ = stop.wait_for(|stop| *stop) => return Outcome::Stopping,
            };
            let lease = match lease {
                Ok(Some(lease)) => lease,
                Ok(None) => return Outcome::Elsewhere,
                Err(LedgerError::LeaseLost) => {
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

    /// Takes the lease, unless another process has done what is wanted. [`LedgerError::LeaseLost`] while one holds it.
    async fn lease(
        &self,
        request: &mut ImportRequest,
        fresh_enough: OffsetDateTime,
    ) -> Result<Option<Lease>, LedgerError> {
        let workspace = self.importer.workspace();
        let now = self.clock.now();
        let last_full = self.ledger.last_success(workspace, Some(Mode::Full)).await?.map(|run| run.started_at);
        request.mode = request.mode.max(self.schedule.mode(last_full, now));
        if let Some(done) = self.ledger.last_success(workspace, None).await?
            && done.started_at > fresh_enough
            && done.mode >= request.mode
            && !request.allow_removals
        {
            return Ok(None);
        }
        self.importer.lease().await?.map(Some).ok_or(LedgerError::LeaseLost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failing_imports_are_tried_again_ever_later_but_not_too_late() {
        let schedule = Schedule { poll: Duration::from_mins(1), full: Duration::from_hours(1) };
        assert_eq!(schedule.pause(0), Duration::from_mins(1));
        let pauses: Vec<u64> = (1..=9).map(|failures| schedule.pause(failures).as_secs()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(schedule.pause(u32::MAX), limits::IMPORT_RETRY_MAX);
    }

    #[test]
    fn everything_is_read_anew_when_it_is_time() {
        let schedule = Schedule { poll: Duration::from_mins(1), full: Duration::from_hours(1) };
        let start = OffsetDateTime::UNIX_EPOCH;
        assert_eq!(schedule.mode(None, start), Mode::Full);
        assert_eq!(schedule.mode(Some(start), start + Duration::from_secs(3599)), Mode::Incremental);
        assert_eq!(schedule.mode(Some(start), start + Duration::from_hours(1)), Mode::Full);
    }
}
