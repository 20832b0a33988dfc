//! The only source of the current time, and of waiting.
//!
//! All code takes the time and waits through [`Clock`], so that a test can stop the time and move
//! it, and so that no test ever sleeps.
//!
//! [`Clock::now`] is the time of day. It may be set forward or back at any moment. It is for what
//! is recorded and shown. [`Clock::running`] is monotonic. It is for durations within this process.
//! For a time that another process recorded, [`age`] returns how long ago it was, if that can be
//! known.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use time::{OffsetDateTime, PrimitiveDateTime};

use crate::limits;

/// A clock. It gives the time in UTC, in whole milliseconds: the precision of SCIM responses and of
/// both databases.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until it is moved. For tests.
    Manual(Arc<ManualTime>),
    /// A clock that runs like the machine's and differs from it by this many milliseconds. For
    /// tests, and for the past of the demo.
    Wrong(Arc<AtomicI64>),
}

/// The state of a manual clock, in milliseconds.
#[derive(Debug)]
pub struct ManualTime {
    /// The time since the clock was created.
    running: AtomicI64,
    /// The UNIX time that it showed then. Setting the clock changes this.
    began: AtomicI64,
}

impl Clock {
    /// Creates a clock that shows `start` until it is moved.
    #[must_use]
    pub fn manual(start: OffsetDateTime) -> Self {
        Self::Manual(Arc::new(ManualTime {
            running: AtomicI64::new(0),
            began: AtomicI64::new(to_millis(start)),
        }))
    }

    /// Creates a clock that runs like the machine's and is wrong by `difference`.
    #[must_use]
    pub fn wrong_by(difference: time::Duration) -> Self {
        let clock = Self::Wrong(Arc::default());
        clock.set_by(difference);
        clock
    }

    /// Sets a clock other than the machine's forward or back, as an operator may set the machine's.
    /// [`Clock::running`] does not change.
    pub fn set_by(&self, difference: time::Duration) {
        let shown = match self {
            Self::System => return,
            Self::Manual(hands) => &hands.began,
            Self::Wrong(millis) => millis,
        };
        shown.fetch_add(
            i64::try_from(difference.whole_milliseconds()).unwrap_or_default(),
            Ordering::SeqCst,
        );
    }

    /// Returns the current time of day.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        match self {
            Self::System => from_millis(machine_millis()),
            Self::Manual(hands) => {
                let running = hands.running.load(Ordering::SeqCst);
                from_millis(hands.began.load(Ordering::SeqCst).saturating_add(running))
            }
            Self::Wrong(millis) => {
                from_millis(machine_millis().saturating_add(millis.load(Ordering::SeqCst)))
            }
        }
    }

    /// Returns the time since the process, or the manual clock, started. Monotonic: it does not
    /// change when the machine's clock is set.
    #[must_use]
    pub fn running(&self) -> Duration {
        match self {
            Self::System | Self::Wrong(_) => {
                static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
                STARTED.elapsed()
            }
            Self::Manual(hands) => Duration::from_millis(
                u64::try_from(hands.running.load(Ordering::SeqCst)).unwrap_or_default(),
            ),
        }
    }

    /// Moves a manual clock forward; has no effect on others.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(hands) = self {
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            hands.running.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// Returns the result of `future`, or `None` if it takes longer than `limit`. NB: the limit is
    /// real time on any clock, because a real client or process waits.
    pub async fn within<T>(&self, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(limit, future).await.ok()
    }

    /// Waits, unless the wait is zero.
    pub async fn sleep_if(&self, duration: Duration) {
        if !duration.is_zero() {
            self.sleep(duration).await;
        }
    }

    /// Waits. On a manual clock the wait moves the clock and takes no real time.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may wait")]
    pub async fn sleep(&self, duration: Duration) {
        match self {
            Self::System | Self::Wrong(_) => tokio::time::sleep(duration).await,
            Self::Manual(_) => {
                self.advance(duration);
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Returns how long ago a recorded time was; at least zero. Returns `None` if it lies in the future
/// by more than [`limits::STORED_AHEAD`]: then a clock was wrong when it was recorded, or this
/// clock is wrong now, and the age is unknown.
#[must_use]
pub fn age(now: OffsetDateTime, recorded: OffsetDateTime) -> Option<Duration> {
    (recorded <= after(now, limits::STORED_AHEAD))
        .then(|| Duration::try_from(now - recorded).unwrap_or_default())
}

/// Whether something that expires at the recorded time `ends` is still valid. Its lifetime is at
/// most `longest`. If more than that is left, a wrong clock recorded the time, and the result is
/// false.
#[must_use]
pub fn is_good(now: OffsetDateTime, ends: OffsetDateTime, longest: Duration) -> bool {
    now < ends && ends <= after(now, longest.saturating_add(limits::STORED_AHEAD))
}

/// Whether two clocks that are `apart` seconds apart count as equal.
#[must_use]
pub fn agree(apart: i64) -> bool {
    apart.unsigned_abs() <= limits::CLOCK_DIFFERENCE.as_secs()
}

/// Returns `moment - by`; the UNIX epoch if that is out of range.
#[must_use]
pub fn before(moment: OffsetDateTime, by: Duration) -> OffsetDateTime {
    let by = time::Duration::try_from(by).ok();
    by.and_then(|by| moment.checked_sub(by)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Returns `moment + by`; the largest time if that is out of range.
#[must_use]
pub fn after(moment: OffsetDateTime, by: Duration) -> OffsetDateTime {
    let by = time::Duration::try_from(by).ok();
    by.and_then(|by| moment.checked_add(by)).unwrap_or(PrimitiveDateTime::MAX.assume_utc())
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that may read the machine's clock"
)]
fn machine_millis() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// A time as milliseconds since the UNIX epoch.
#[must_use]
pub fn to_millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// The inverse of [`to_millis`]. A number that is out of range gives the UNIX epoch.
#[must_use]
pub fn from_millis(millis: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_has_not_been_running_for_longer() {
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH + Duration::from_hours(24));
        clock.advance(Duration::from_secs(5));
        clock.set_by(time::Duration::days(40));
        assert_eq!(clock.running(), Duration::from_secs(5));
        assert_eq!(
            clock.now(),
            OffsetDateTime::UNIX_EPOCH + time::Duration::days(41) + Duration::from_secs(5)
        );
        clock.set_by(time::Duration::days(-41));
        assert_eq!((clock.running(), clock.now().unix_timestamp()), (Duration::from_secs(5), 5));
    }

    #[test]
    fn ages_are_never_negative_and_a_time_in_the_future_has_none() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::from_hours(24);
        let ahead = |by: i64| age(now, now + time::Duration::milliseconds(by));
        assert_eq!(ahead(-5_000), Some(Duration::from_secs(5)));
        assert_eq!((ahead(0), ahead(60_000)), (Some(Duration::ZERO), Some(Duration::ZERO)));
        assert_eq!((ahead(60_001), ahead(i64::from(u32::MAX))), (None, None));
        assert_eq!(age(now, PrimitiveDateTime::MAX.assume_utc()), None);
        assert!(age(now, PrimitiveDateTime::MIN.assume_utc()).is_some());
    }

    #[test]
    fn an_expiry_beyond_the_longest_lifetime_is_invalid() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::from_hours(24);
        let ends = |seconds: i64| {
            is_good(now, now + time::Duration::seconds(seconds), Duration::from_mins(10))
        };
        assert!(ends(1) && ends(600) && ends(660));
        assert!(!ends(0) && !ends(-1) && !ends(661) && !ends(40 * 86_400));
    }
}
