//! How much one client may ask.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::clock::Clock;
use crate::limits;

/// The bridge's clock, as the rate limiter reads it: time since 1970.
#[derive(Clone, Debug)]
struct Ticks(Clock);

impl governor::clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        let now = self.0.now().unix_timestamp_nanos();
        Duration::from_nanos(u64::try_from(now).unwrap_or(0))
    }
}

/// What one client may still ask now. All tokens of a client share one.
#[derive(Debug)]
pub struct Allowance {
    ticks: Ticks,
    /// None: as much as it likes.
    requests: Option<RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Duration>>>,
    expensive: Arc<AsyncMutex<()>>,
}

/// The request was one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// When to come back.
    pub retry_after: Duration,
}

impl Allowance {
    /// # Errors
    /// [`TooMany`], when the client has asked too much.
    pub fn ask(&self) -> Result<(), TooMany> {
        let Some(requests) = &self.requests else { return Ok(()) };
        requests.check().map_err(|not_until| TooMany { retry_after: not_until.wait_time_from(self.ticks.now()) })
    }

    /// The right to a question that takes long, one at a time for each client; it waits for the one before.
    ///
    /// # Errors
    /// [`TooMany`], when that takes too long.
    pub async fn expensive(&self) -> Result<OwnedMutexGuard<()>, TooMany> {
        let turn = Arc::clone(&self.expensive).lock_owned();
        let granted = self.ticks.0.within(limits::EXPENSIVE_WAIT, turn).await;
        granted.ok_or(TooMany { retry_after: limits::EXPENSIVE_WAIT })
    }
}

/// The allowances of all clients.
#[derive(Debug)]
pub struct Allowances {
    quota: Option<Quota>,
    ticks: Ticks,
    of: Mutex<HashMap<String, Arc<Allowance>>>,
}

impl Allowances {
    /// So many requests a second for each client, and so many at once after a rest; without a limit where either is 0.
    #[must_use]
    pub fn new(requests_per_second: u32, burst: u32, clock: Clock) -> Self {
        let quota = NonZeroU32::new(requests_per_second)
            .zip(NonZeroU32::new(burst))
            .map(|(rate, burst)| Quota::per_second(rate).allow_burst(burst));
        Self::with(quota, clock)
    }

    /// Allowances of one kind; without a limit where there is none.
    #[must_use]
    pub fn with(quota: Option<Quota>, clock: Clock) -> Self {
        Self { quota, ticks: Ticks(clock), of: Mutex::default() }
    }

    /// The allowance of a client or address. There are no more than [`limits::REMEMBERED_TOKENS`] at a time; those that
    /// nobody holds go first.
    #[must_use]
    pub fn of(&self, name: &str) -> Arc<Allowance> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = of.get(name) {
            return Arc::clone(known);
        }
        if of.len() >= limits::REMEMBERED_TOKENS {
            of.retain(|_, allowance| Arc::strong_count(allowance) > 1);
        }
        if of.len() >= limits::REMEMBERED_TOKENS {
            of.clear();
        }
        let requests = self.quota.map(|quota| RateLimiter::direct_with_clock(quota, self.ticks.clone()));
        let fresh = Arc::new(Allowance { ticks: self.ticks.clone(), requests, expensive: Arc::default() });
        of.insert(name.to_owned(), Arc::clone(&fresh));
        fresh
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn a_client_may_ask_so_much_and_is_told_when_to_come_back() {
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH + Duration::from_hours(1));
        let allowances = Allowances::new(2, 3, clock.clone());
        let client = allowances.of("a");
        assert_eq!([(); 3].map(|()| client.ask()), [Ok(()); 3]);
        assert_eq!(allowances.of("a").ask(), Err(TooMany { retry_after: Duration::from_millis(500) }));
        assert_eq!(allowances.of("b").ask(), Ok(()), "others are not concerned");
        clock.advance(Duration::from_millis(500));
        assert_eq!((client.ask(), client.ask().is_err()), (Ok(()), true));
    }

    #[test]
    fn without_a_limit_there_is_none() {
        let allowances = Allowances::new(0, 5, Clock::System);
        let client = allowances.of("a");
        assert!((0..10_000).all(|_| client.ask().is_ok()));
    }

    #[test]
    fn any_number_of_names_takes_little_room() {
        let allowances = Allowances::new(2, 3, Clock::System);
        let held = allowances.of("held");
        for name in 0..limits::REMEMBERED_TOKENS * 3 {
            let _ = allowances.of(&name.to_string()).ask();
        }
        assert!(allowances.of.lock().unwrap().len() <= limits::REMEMBERED_TOKENS);
        assert!(Arc::ptr_eq(&held, &allowances.of("held")), "what is in use stays");
    }
}
