//! How long ago the runs of a workspace were, by this process's own monotonic clock.
//!
//! The times of a run come from the clock of another process, or from this one's before it was set.
//! So runs are told apart by number, and this process notes when it first saw each of the newest
//! ones. The recorded times only make the age more exact, within the bounds that this process
//! knows.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{self, Clock};
use crate::directory::{Mode, Run, RunId};

/// A successful run, and how long ago it queried Intercom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenRun {
    /// The number of the run.
    pub run: RunId,
    /// How long ago that was, at `seen`. `None` if the recorded time lies in the future, so that
    /// the age is unknown.
    age: Option<Duration>,
    /// When the age was determined, on [`Clock::running`].
    seen: Duration,
}

impl SeenRun {
    /// How long ago the run queried Intercom, at a moment on [`Clock::running`].
    #[must_use]
    pub fn age(&self, now: Duration) -> Option<Duration> {
        self.age.map(|age| age.saturating_add(now.saturating_sub(self.seen)))
    }
}

/// The newest successful runs of a workspace, as this process has seen them.
#[derive(Debug, Default)]
pub struct Sightings(Mutex<[Newest; 2]>);

/// The newest run of all runs, or of the full ones.
#[derive(Debug, Default)]
struct Newest {
    known: Option<SeenRun>,
    /// When the ledger was last asked for it, on [`Clock::running`].
    looked: Option<Duration>,
}

/// The index of the newest run of any mode.
const ANY: usize = 0;
/// The index of the newest full run.
const FULL: usize = 1;

impl Sightings {
    /// Notes the newest successful run that the ledger has now.
    pub fn see(&self, newest: Option<&Run>, clock: &Clock) -> Option<SeenRun> {
        self.lock()[ANY].see(newest, clock)
    }

    /// Like [`Sightings::see`], for the newest full run.
    pub fn see_full(&self, newest: Option<&Run>, clock: &Clock) -> Option<SeenRun> {
        self.lock()[FULL].see(newest, clock)
    }

    /// Notes a run of this process, which knows when it began.
    pub fn made(&self, run: &Run, began: Duration) {
        let sighting = SeenRun { run: run.id, age: Some(Duration::ZERO), seen: began };
        let mut newest = self.lock();
        newest[ANY].known = Some(sighting);
        if run.mode == Mode::Full {
            newest[FULL].known = Some(sighting);
        }
    }

    /// The newest run that is known to have succeeded.
    #[must_use]
    pub fn newest(&self) -> Option<SeenRun> {
        self.lock()[ANY].known
    }

    fn lock(&self) -> MutexGuard<'_, [Newest; 2]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Newest {
    fn see(&mut self, newest: Option<&Run>, clock: &Clock) -> Option<SeenRun> {
        let seen = clock.running();
        let before = self.looked.replace(seen);
        let run = newest?;
        if let Some(known) = self.known.filter(|known| known.run == run.id) {
            return Some(known);
        }
        let asked = run.observed_at.unwrap_or(run.started_at);
        let said = clock::age(clock.now(), asked);
        let age = match before {
            // The run was there before this process first looked, so its recorded time is all that
            // is known.
            None => said,
            // The run ended since the last look. So it queried Intercom no longer ago than that
            // look plus its own duration.
            Some(before) => {
                let took =
                    run.finished_at.and_then(|finished| Duration::try_from(finished - asked).ok());
                let longest = seen.saturating_sub(before).saturating_add(took.unwrap_or_default());
                Some(said.map_or(longest, |said| said.min(longest)))
            }
        };
        self.known = Some(SeenRun { run: run.id, age, seen });
        self.known
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::*;
    use crate::directory::{ImportRequest, Trigger};

    const START: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    /// A run that took ten seconds, by a clock that was ahead.
    fn run(id: RunId, asked: OffsetDateTime) -> Run {
        let finished_at = Some(asked + Duration::from_secs(10));
        let request = ImportRequest::incremental(Trigger::Schedule);
        Run { id, observed_at: Some(asked), finished_at, ..request.run("default", asked) }
    }

    fn age(sighting: Option<SeenRun>, clock: &Clock) -> Option<u64> {
        sighting.and_then(|sighting| sighting.age(clock.running())).map(|age| age.as_secs())
    }

    #[test]
    fn a_run_of_before_is_as_old_as_it_says_unless_that_lies_in_the_future() {
        for (ahead, expected) in
            [(-300, Some(300)), (0, Some(0)), (30, Some(0)), (7_200, None), (40 * 86_400, None)]
        {
            let (sightings, clock) = (Sightings::default(), Clock::manual(START));
            let seen = sightings.see(Some(&run(7, START + time::Duration::seconds(ahead))), &clock);
            assert_eq!(age(seen, &clock), expected, "{ahead}");
            clock.advance(Duration::from_secs(5));
            assert_eq!(age(sightings.newest(), &clock), expected.map(|age| age + 5), "{ahead}");
        }
    }

    #[test]
    fn a_run_that_another_process_made_meanwhile_is_no_older_than_the_last_look() {
        for (ahead, expected) in [(-5, 5), (-3_600, 70), (3_600, 70), (40 * 86_400, 70)] {
            let (sightings, clock) = (Sightings::default(), Clock::manual(START));
            sightings.see(Some(&run(7, START)), &clock);
            clock.advance(Duration::from_mins(1));
            let asked = clock.now() + time::Duration::seconds(ahead);
            assert_eq!(
                age(sightings.see(Some(&run(8, asked)), &clock), &clock),
                Some(expected),
                "{ahead}"
            );
        }
    }

    #[test]
    fn setting_a_clock_does_not_change_ages() {
        let (sightings, clock) = (Sightings::default(), Clock::manual(START));
        sightings.made(&run(7, START), clock.running());
        for days in [40, -400] {
            clock.set_by(time::Duration::days(days));
            clock.advance(Duration::from_secs(10));
            sightings.see(Some(&run(7, START)), &clock);
        }
        assert_eq!(age(sightings.newest(), &clock), Some(20));
    }
}
