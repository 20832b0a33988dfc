//! Rate limits and concurrency limits of clients.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::Clock;
use crate::limits;

/// Adapts the bridge's clock for the rate limiter.
#[derive(Clone, Debug)]
struct Ticks(Clock);

impl governor::clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.running()
    }
}

/// The limits of one client. All of its tokens share them.
#[derive(Debug)]
pub struct Allowance {
    ticks: Ticks,
    /// `None` for no limit.
    requests: Option<RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Duration>>>,
    expensive: Arc<Semaphore>,
    pages: Arc<Semaphore>,
    exports: Arc<Semaphore>,
}

/// The refusal of a request above a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// How long the client should wait before it tries again.
    pub retry_after: Duration,
}

impl TooMany {
    /// The time to wait, in whole seconds, rounded up.
    #[must_use]
    pub fn whole_seconds(&self) -> u64 {
        self.retry_after.as_secs() + 1
    }
}

impl Allowance {
    /// Counts a request.
    ///
    /// # Errors
    /// [`TooMany`] if the client has made too many.
    pub fn count_request(&self) -> Result<(), TooMany> {
        let Some(requests) = &self.requests else { return Ok(()) };
        requests.check().map_err(|not_until| TooMany {
            retry_after: not_until.wait_time_from(self.ticks.now()),
        })
    }

    /// Returns a permit for an expensive request, such as a long search, of which a client may run
    /// one at a time. Waits for the previous one.
    ///
    /// # Errors
    /// [`TooMany`] if that takes too long.
    pub async fn expensive(&self) -> Result<OwnedSemaphorePermit, TooMany> {
        self.one_of(&self.expensive, limits::EXPENSIVE_WAIT).await
    }

    /// Returns a permit for a page of a list, of which a client may request
    /// [`limits::PAGES_OF_A_CLIENT`] at a time. Waits for the previous ones.
    ///
    /// # Errors
    /// [`TooMany`] if that takes too long.
    pub async fn page(&self) -> Result<OwnedSemaphorePermit, TooMany> {
        self.one_of(&self.pages, limits::EXPENSIVE_WAIT).await
    }

    /// Returns a permit for an export, of which a client may run one at a time. Waits for the
    /// previous one.
    ///
    /// # Errors
    /// [`TooMany`] if that takes too long.
    pub async fn export(&self) -> Result<OwnedSemaphorePermit, TooMany> {
        self.one_of(&self.exports, limits::EXPORT_WAIT).await
    }

    /// Acquires a permit. Waits for it no longer than `patience`.
    async fn one_of(
        &self,
        turns: &Arc<Semaphore>,
        patience: Duration,
    ) -> Result<OwnedSemaphorePermit, TooMany> {
        let granted = self.ticks.0.within(patience, Arc::clone(turns).acquire_owned()).await;
        granted.and_then(Result::ok).ok_or(TooMany { retry_after: limits::EXPENSIVE_WAIT })
    }
}

/// The limits of all clients.
#[derive(Debug)]
pub struct Allowances {
    quota: Option<Quota>,
    ticks: Ticks,
    by_client: Mutex<HashMap<String, Arc<Allowance>>>,
}

impl Allowances {
    /// Allows each client `requests_per_second`, and up to `burst` requests at once after a pause.
    /// No rate limit if either is 0.
    #[must_use]
    pub fn new(requests_per_second: u32, burst: u32, clock: Clock) -> Self {
        let quota = NonZeroU32::new(requests_per_second)
            .zip(NonZeroU32::new(burst))
            .map(|(rate, burst)| Quota::per_second(rate).allow_burst(burst));
        Self { quota, ticks: Ticks(clock), by_client: Mutex::default() }
    }

    /// Returns the limits of a client. If there are many, those not in use are dropped. Cached
    /// tokens keep theirs in use, so there are hardly more than [`limits::REMEMBERED_TOKENS`].
    #[must_use]
    pub fn for_client(&self, name: &str) -> Arc<Allowance> {
        let mut by_client = self.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = by_client.get(name) {
            return Arc::clone(known);
        }
        if by_client.len() >= limits::REMEMBERED_TOKENS {
            by_client.retain(|_, allowance| Arc::strong_count(allowance) > 1);
        }
        let requests =
            self.quota.map(|quota| RateLimiter::direct_with_clock(quota, self.ticks.clone()));
        let fresh = Arc::new(Allowance {
            ticks: self.ticks.clone(),
            requests,
            expensive: Arc::new(Semaphore::new(1)),
            pages: Arc::new(Semaphore::new(limits::PAGES_OF_A_CLIENT)),
            exports: Arc::new(Semaphore::new(1)),
        });
        by_client.insert(name.to_owned(), Arc::clone(&fresh));
        fresh
    }
}

/// Rate limits of unauthenticated clients, by a name: an address, or a client id with an address.
#[derive(Debug)]
pub struct AnonymousLimits {
    ticks: Ticks,
    /// `None` for no limit.
    requests:
        Option<RateLimiter<String, HashMapStateStore<String>, Ticks, NoOpMiddleware<Duration>>>,
}

impl AnonymousLimits {
    /// Allows each name `burst` requests at once, and another one after each `pause`.
    #[must_use]
    pub fn new(burst: NonZeroU32, pause: Duration, clock: Clock) -> Self {
        let quota = Quota::with_period(pause)
            .unwrap_or(Quota::per_second(NonZeroU32::MIN))
            .allow_burst(burst);
        let ticks = Ticks(clock);
        let requests = RateLimiter::new(quota, HashMapStateStore::default(), ticks.clone());
        Self { requests: Some(requests), ticks }
    }

    /// Allows everything.
    #[must_use]
    pub fn unlimited(clock: Clock) -> Self {
        Self { ticks: Ticks(clock), requests: None }
    }

    /// Counts a request. When there are many names, those whose limit has fully recovered are
    /// dropped. If there are still too many, new names share one limit.
    ///
    /// # Errors
    /// [`TooMany`] if this name has made too many requests.
    pub fn count_request(&self, name: &str) -> Result<(), TooMany> {
        let Some(requests) = &self.requests else { return Ok(()) };
        if requests.len() >= limits::ANONYMOUS_CLIENTS {
            requests.retain_recent();
        }
        let name = if requests.len() >= limits::ANONYMOUS_CLIENTS { "others" } else { name };
        requests.check_key(&name.to_owned()).map_err(|not_until| TooMany {
            retry_after: not_until.wait_time_from(self.ticks.now()),
        })
    }
}

/// Returns the name of an address for rate limits. For IPv6 it is the /64 network, since one client
/// usually has all of its addresses.
#[must_use]
pub fn network_of(address: Option<IpAddr>) -> String {
    match address {
        None => String::new(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn requests_above_the_limit_are_refused_with_a_retry_time() {
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH + Duration::from_hours(1));
        let allowances = Allowances::new(2, 3, clock.clone());
        let client = allowances.for_client("a");
        assert_eq!([(); 3].map(|()| client.count_request()), [Ok(()); 3]);
        assert_eq!(
            allowances.for_client("a").count_request(),
            Err(TooMany { retry_after: Duration::from_millis(500) })
        );
        assert_eq!(allowances.for_client("b").count_request(), Ok(()), "others are not concerned");
        clock.advance(Duration::from_millis(500));
        assert_eq!((client.count_request(), client.count_request().is_err()), (Ok(()), true));
    }

    #[test]
    fn zero_switches_the_limit_off() {
        let allowances = Allowances::new(0, 5, Clock::System);
        let client = allowances.for_client("a");
        assert!((0..10_000).all(|_| client.count_request().is_ok()));
    }

    #[test]
    fn limits_in_use_are_kept_and_others_dropped() {
        let allowances = Allowances::new(2, 3, Clock::System);
        let held = allowances.for_client("held");
        for name in 0..limits::REMEMBERED_TOKENS * 3 {
            let _ = allowances.for_client(&name.to_string()).count_request();
        }
        assert!(allowances.by_client.lock().unwrap().len() <= limits::REMEMBERED_TOKENS + 1);
        assert!(Arc::ptr_eq(&held, &allowances.for_client("held")));
    }

    #[test]
    fn many_names_do_not_reset_a_rate_limit() {
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH + Duration::from_hours(1));
        let anonymous = AnonymousLimits::new(
            NonZeroU32::MIN.saturating_add(2),
            Duration::from_secs(1),
            clock.clone(),
        );
        let count_request = |name: &str| anonymous.count_request(name).is_ok();
        assert_eq!([(); 4].map(|()| count_request("one")), [true, true, true, false]);
        for name in 0..limits::ANONYMOUS_CLIENTS * 3 {
            let _ = count_request(&name.to_string());
        }
        assert!(anonymous.requests.as_ref().unwrap().len() <= limits::ANONYMOUS_CLIENTS + 1);
        assert!(
            !count_request("one") && !count_request("yet another"),
            "those who come too late share what is left"
        );
        clock.advance(Duration::from_secs(5));
        assert!(count_request("yet another"), "and it passes");
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_a_limit() {
        let of = |address: &str| network_of(Some(address.parse().unwrap()));
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
