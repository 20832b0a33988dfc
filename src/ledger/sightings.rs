//! How long ago a workspace's runs were, by this process's own clock that only grows.
//!
//! What a run says of its times is what the clock of another process showed, or of this one before somebody set it. So
//! runs are told apart by their numbers, and this process takes note of when it first saw each of the newest. The times that
//! a run bears only make that more exact, within what can be.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Mode, Run, RunId};
use crate::clock::{self, Clock};

/// A run that succeeded, and how long ago it asked Intercom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Which.
    pub run: RunId,
    /// How long ago that was, at `seen`; none where its time lies in the future, so that nobody knows.
    age: Option<Duration>,
    /// When that was found out, on [`Clock::running`].
    seen: Duration,
}

impl Sighting {
    /// How long ago it asked Intercom, at a moment on [`Clock::running`].
    #[must_use]
    pub fn age(&self, now: Duration) -> Option<Duration> {
        self.age.map(|age| age.saturating_add(now.saturating_sub(self.seen)))
    }
}

/// The newest runs of a workspace that succeeded, as this process has seen them.
#[derive(Debug, Default)]
pub struct Sightings(Mutex<[Newest; 2]>);

/// The newest run of one kind.
#[derive(Debug, Default)]
struct Newest {
    known: Option<Sighting>,
    /// When it was last looked for, on [`Clock::running`].
    looked: Option<Duration>,
}

/// Of all runs.
const ANY: usize = 0;
/// Of those that read everything.
const FULL: usize = 1;

impl Sightings {
    /// Takes note of the newest run that succeeded, as the ledger has it now.
    pub fn see(&self, newest: Option<&Run>, clock: &Clock) -> Option<Sighting> {
        self.lock()[ANY].see(newest, clock)
    }

    /// The same, of the newest that read everything.
    pub fn see_full(&self, newest: Option<&Run>, clock: &Clock) -> Option<Sighting> {
        self.lock()[FULL].see(newest, clock)
    }

    /// Takes note of a run of this process, which knows when it began.
    pub fn made(&self, run: &Run, began: Duration) {
        let sighting = Sighting { run: run.id, age: Some(Duration::ZERO), seen: began };
        let mut newest = self.lock();
        newest[ANY].known = Some(sighting);
        if run.mode == Mode::Full {
            newest[FULL].known = Some(sighting);
        }
    }

    /// The newest run that is known to have succeeded.
    #[must_use]
    pub fn newest(&self) -> Option<Sighting> {
        self.lock()[ANY].known
    }

    fn lock(&self) -> MutexGuard<'_, [Newest; 2]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Newest {
    fn see(&mut self, newest: Option<&Run>, clock: &Clock) -> Option<Sighting> {
        let seen = clock.running();
        let before = self.looked.replace(seen);
        let run = newest?;
        if let Some(known) = self.known.filter(|known| known.run == run.id) {
            return Some(known);
        }
        let asked = run.observed_at.unwrap_or(run.started_at);
        let said = clock::age(clock.now(), asked);
        let age = match before {
            // It was there before this process looked for the first time, so there is nothing but its own word.
            None => said,
            // It ended since the last look: it asked no longer ago than that, and the time that it took.
            Some(before) => {
                let took = run.finished_at.and_then(|finished| Duration::try_from(finished - asked).ok());
                let longest = seen.saturating_sub(before).saturating_add(took.unwrap_or_default());
                Some(said.map_or(longest, |said| said.min(longest)))
            }
        };
        self.known = Some(Sighting { run: run.id, age, seen });
        self.known
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::super::runs::unnumbered;
    use super::*;

    const START: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    /// A run that took ten seconds, by a clock that was ahead.
    fn run(id: RunId, asked: OffsetDateTime) -> Run {
        let finished_at = Some(asked + Duration::from_secs(10));
        Run { id, mode: Mode::Full, observed_at: Some(asked), finished_at, ..unnumbered("default", asked) }
    }

    fn age(sighting: Option<Sighting>, clock: &Clock) -> Option<u64> {
        sighting.and_then(|sighting| sighting.age(clock.running())).map(|age| age.as_secs())
    }

    #[test]
    fn a_run_of_before_is_as_old_as_it_says_unless_that_lies_in_the_future() {
        for (ahead, expected) in [(-300, Some(300)), (0, Some(0)), (30, Some(0)), (7_200, None), (40 * 86_400, None)] {
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
            assert_eq!(age(sightings.see(Some(&run(8, asked)), &clock), &clock), Some(expected), "{ahead}");
        }
    }

    #[test]
    fn no_clock_that_is_set_changes_the_age_of_what_is_known() {
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
