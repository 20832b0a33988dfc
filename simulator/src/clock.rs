//! The simulator's time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock in UNIX seconds: the system clock or a manual one.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system clock.
    #[default]
    System,
    /// A clock that changes only when it is advanced.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// Creates a manual clock that shows `seconds`.
    #[must_use]
    pub fn manual(seconds: i64) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(seconds)))
    }

    /// The current time in UNIX seconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        match self {
            Self::System => {
                let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
            }
            Self::Manual(seconds) => seconds.load(Ordering::SeqCst),
        }
    }

    /// Advances a manual clock. Has no effect on the system clock.
    pub fn advance(&self, seconds: i64) {
        if let Self::Manual(now) = self {
            now.fetch_add(seconds, Ordering::SeqCst);
        }
    }
}
