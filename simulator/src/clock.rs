//! The simulator's time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::header::HttpDate;

/// A clock in UNIX seconds.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system clock.
    #[default]
    System,
    /// A clock that changes only when it is advanced.
    Manual(Arc<AtomicI64>),
    /// A clock that runs like the system clock, this many seconds behind it. It can catch up, and
    /// never goes back.
    Behind(Arc<AtomicI64>),
}

impl Clock {
    /// Creates a manual clock that shows `seconds`.
    #[must_use]
    pub fn manual(seconds: i64) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(seconds)))
    }

    /// Creates a clock that shows `seconds`, a time in the past, and runs from there.
    #[must_use]
    pub fn starting_at(seconds: i64) -> Self {
        Self::Behind(Arc::new(AtomicI64::new((system_seconds() - seconds).max(0))))
    }

    /// The current time in UNIX seconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        match self {
            Self::System => system_seconds(),
            Self::Manual(seconds) => seconds.load(Ordering::SeqCst),
            Self::Behind(lag) => system_seconds() - lag.load(Ordering::SeqCst),
        }
    }

    /// Advances a manual clock. Has no effect on others.
    pub fn advance(&self, seconds: i64) {
        if let Self::Manual(now) = self {
            now.fetch_add(seconds, Ordering::SeqCst);
        }
    }

    /// Moves a clock that is behind forward to `seconds`, at most to the system's time. Has no
    /// effect if that lies in its past, and none on other clocks.
    pub fn catch_up_to(&self, seconds: i64) {
        if let Self::Behind(lag) = self {
            lag.fetch_min((system_seconds() - seconds).max(0), Ordering::SeqCst);
        }
    }

    /// The value of the header `Date`, by which clients check their clocks. `None` if the HTTP
    /// library is to send the system's time, as it does for a manual clock, too.
    pub(crate) fn date(&self) -> Option<String> {
        let Self::Behind(_) = self else { return None };
        let seconds = u64::try_from(self.now()).ok()?;
        Some(HttpDate::from(UNIX_EPOCH + Duration::from_secs(seconds)).to_string())
    }
}

fn system_seconds() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_behind_catches_up_and_never_goes_back_or_beyond_the_system() {
        let start = system_seconds() - 90 * 86_400;
        let clock = Clock::starting_at(start);
        let shows = |expected: i64| (expected..expected + 60).contains(&clock.now());
        assert!(shows(start));
        clock.catch_up_to(start + 86_400);
        assert!(shows(start + 86_400));
        clock.catch_up_to(start);
        assert!(shows(start + 86_400));
        clock.catch_up_to(i64::MAX);
        assert!(shows(system_seconds() - 1));
        assert!(clock.date().is_some_and(|date| date.ends_with(" GMT")));
        assert_eq!(Clock::manual(7).date(), None);
    }
}
