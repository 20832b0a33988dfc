//! The one source of the current time, and of waiting.
//!
//! Everything that asks "what time is it" or "wait a while" does it here, so that a test can hold
//! the time still and move it by hand, and so that no test ever sleeps.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use time::{OffsetDateTime, PrimitiveDateTime};

/// Tells the time in UTC, in whole milliseconds: what SCIM prints and both databases store.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until somebody moves it; milliseconds since the UNIX epoch.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that shows `start` until it is moved.
    #[must_use]
    pub fn manual(start: OffsetDateTime) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(to_millis(start))))
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that may ask")]
            Self::System => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
            }
            Self::Manual(millis) => from_millis(millis.load(Ordering::SeqCst)),
        }
    }

    /// How long it has been running: it only grows, even where somebody sets the machine's clock back.
    #[must_use]
    pub fn running(&self) -> Duration {
        match self {
            Self::System => {
                static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
                STARTED.elapsed()
            }
            Self::Manual(millis) => {
                Duration::from_millis(u64::try_from(millis.load(Ordering::SeqCst)).unwrap_or_default())
            }
        }
    }

    /// Moves a manual clock forward; the machine's clock moves by itself.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(millis) = self {
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            millis.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// What comes of `future`, if it comes within `limit`. NB: real time on any clock, since the limit is on the
    /// patience of somebody real.
    pub async fn within<T>(&self, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(limit, future).await.ok()
    }

    /// Waits, unless the wait is zero.
    pub async fn sleep_if(&self, duration: Duration) {
        if !duration.is_zero() {
            self.sleep(duration).await;
        }
    }

    /// Waits. On a manual clock the wait itself moves the clock, and takes no real time.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may wait")]
    pub async fn sleep(&self, duration: Duration) {
        match self {
            Self::System => tokio::time::sleep(duration).await,
            Self::Manual(_) => {
                self.advance(duration);
                tokio::task::yield_now().await;
            }
        }
    }
}

/// So long before a moment; the UNIX epoch, where that lies before all times.
#[must_use]
pub fn before(moment: OffsetDateTime, by: Duration) -> OffsetDateTime {
    let by = time::Duration::try_from(by).ok();
    by.and_then(|by| moment.checked_sub(by)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// So long after a moment; the end of all times, where that lies beyond.
#[must_use]
pub fn after(moment: OffsetDateTime, by: Duration) -> OffsetDateTime {
    let by = time::Duration::try_from(by).ok();
    by.and_then(|by| moment.checked_add(by)).unwrap_or(PrimitiveDateTime::MAX.assume_utc())
}

fn to_millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn from_millis(millis: i64) -> OffsetDateTime {
    let second = OffsetDateTime::from_unix_timestamp(millis.div_euclid(1_000));
    let millis = u16::try_from(millis.rem_euclid(1_000)).unwrap_or_default();
    second.and_then(|second| second.replace_millisecond(millis)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
