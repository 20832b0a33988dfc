//! The state of an endpoint, and what a failure does to it.

use std::time::Duration;

use time::OffsetDateTime;

use super::failure::DeliveryFailure;
use crate::clock;
use crate::directory::Failure;
use crate::limits;
use crate::words::words;

words! {
    /// Whether notifications are sent to an endpoint.
    pub enum EndpointState {
        /// They are sent. After a failure they are repeated, with growing pauses.
        Active = "active",
        /// The endpoint has failed for long. It is tried only rarely, until an attempt succeeds.
        Paused = "paused",
        /// The endpoint answered 410. Nothing is sent until a person resumes it.
        Disabled = "disabled",
        /// The next events cannot be read from the database. The reading is repeated.
        Unreadable = "unreadable",
    }
}

/// The state of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether notifications are sent.
    pub state: EndpointState,
    /// The number of failed attempts since the last success.
    pub failures: u32,
    /// When the first of them failed.
    pub failing_since: Option<OffsetDateTime>,
    /// Why the last attempt failed; `None` after a success.
    pub problem: Option<String>,
}

impl Standing {
    /// The state after a success, and at the start.
    pub const GOOD: Self =
        Self { state: EndpointState::Active, failures: 0, failing_since: None, problem: None };

    /// The state after a failed attempt.
    #[must_use]
    pub fn after(&self, failure: &DeliveryFailure, now: OffsetDateTime) -> Self {
        // A time in the future was recorded by a wrong clock: the failures are counted from now on.
        let known = self.failing_since.filter(|since| clock::age(now, *since).is_some());
        let since = known.unwrap_or(now);
        let long =
            clock::age(now, since).is_some_and(|age| age >= limits::NOTIFICATION_PAUSE_AFTER);
        let state = match failure {
            DeliveryFailure::Gone => EndpointState::Disabled,
            DeliveryFailure::Unreadable(_) => EndpointState::Unreadable,
            _ if long => EndpointState::Paused,
            _ => EndpointState::Active,
        };
        Self {
            state,
            failures: self.failures.saturating_add(1),
            failing_since: Some(since),
            problem: Some(failure.to_string()),
        }
    }

    /// The problem of the endpoint with this name, and what to do; `None` if it does not fail.
    #[must_use]
    pub fn failure_of(&self, name: &str) -> Option<Failure> {
        let problem = self.problem.as_deref()?;
        let (code, what, remedy) = match self.state {
            EndpointState::Active => (
                "notifications_fail",
                "fails",
                "it is tried again; nothing is lost meanwhile".to_owned(),
            ),
            EndpointState::Paused => (
                "notifications_paused",
                "is paused after long failure",
                format!(
                    "repair it, then run `notifications resume {name}`; nothing is lost meanwhile"
                ),
            ),
            EndpointState::Disabled => (
                "notifications_disabled",
                "is disabled",
                format!(
                    "remove it from [[notifications]], or run `notifications resume {name}` when \
                     the receiver wants notifications again"
                ),
            ),
            EndpointState::Unreadable => (
                "notifications_unreadable",
                "is not served",
                format!(
                    "run `verify` and repair the database, or skip the events that wait with \
                     `notifications replay {name} --from now`"
                ),
            ),
        };
        Some(Failure {
            code: code.to_owned(),
            detail: format!("the endpoint {name} {what}: {problem}"),
            remedy,
        })
    }

    /// How long to wait after the last failure until the next attempt. `asked` is the wait that the
    /// receiver asked for.
    #[must_use]
    pub fn pause(&self, asked: Option<Duration>) -> Duration {
        let usual = match self.state {
            EndpointState::Paused => limits::NOTIFICATION_PAUSED_RETRY,
            EndpointState::Active | EndpointState::Disabled | EndpointState::Unreadable => {
                let doubled = 2_u32.saturating_pow(self.failures.saturating_sub(1));
                limits::NOTIFICATION_RETRY_FIRST
                    .saturating_mul(doubled)
                    .min(limits::NOTIFICATION_RETRY_MAX)
            }
        };
        usual.max(asked.unwrap_or_default().min(limits::NOTIFICATION_RETRY_AFTER_MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: OffsetDateTime = time::macros::datetime!(2026-11-27 12:00 UTC);

    #[test]
    fn pauses_double_up_to_a_limit() {
        let mut standing = Standing::GOOD;
        let mut pauses = Vec::new();
        for _ in 0..12 {
            standing = standing.after(&DeliveryFailure::Timeout, NOW);
            pauses.push(standing.pause(None).as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    }

    #[test]
    fn after_long_failure_the_endpoint_pauses_and_a_success_ends_that() {
        let failing = Standing::GOOD.after(&DeliveryFailure::Timeout, NOW);
        let later = NOW + limits::NOTIFICATION_PAUSE_AFTER;
        let almost = failing.after(&DeliveryFailure::Timeout, later - Duration::from_secs(1));
        assert_eq!(almost.state, EndpointState::Active);
        let paused = almost.after(&DeliveryFailure::Unreachable, later);
        assert_eq!((paused.state, paused.failing_since), (EndpointState::Paused, Some(NOW)));
        assert_eq!(paused.pause(None), limits::NOTIFICATION_PAUSED_RETRY);
        assert_eq!(paused.problem, Some(DeliveryFailure::Unreachable.to_string()));
        assert_eq!(Standing::GOOD.state, EndpointState::Active);
    }

    #[test]
    fn the_answer_410_disables_the_endpoint_at_once() {
        let gone = Standing::GOOD.after(&DeliveryFailure::Gone, NOW);
        assert_eq!(gone.state, EndpointState::Disabled);
    }

    #[test]
    fn events_that_cannot_be_read_are_a_failure_with_a_remedy() {
        let unreadable = DeliveryFailure::Unreadable("activity 7".to_owned());
        let standing = Standing::GOOD.after(&unreadable, NOW);
        assert_eq!(standing.state, EndpointState::Unreadable);
        let long = standing.after(&unreadable, NOW + limits::NOTIFICATION_PAUSE_AFTER);
        assert_eq!(long.state, EndpointState::Unreadable, "the receiver has not failed");
        assert_eq!(long.pause(None), 2 * limits::NOTIFICATION_RETRY_FIRST);
        let failure = standing.failure_of("siem").unwrap();
        assert_eq!(failure.code, "notifications_unreadable");
        assert!(failure.detail.contains("activity 7"), "{}", failure.detail);
    }

    #[test]
    fn the_receiver_can_ask_for_a_longer_pause_but_not_for_an_endless_one() {
        let failing = Standing::GOOD.after(&DeliveryFailure::Timeout, NOW);
        assert_eq!(failing.pause(Some(Duration::from_secs(30))), Duration::from_secs(30));
        assert_eq!(failing.pause(Some(Duration::ZERO)), Duration::from_secs(1));
        let endless = Some(Duration::from_hours(10_000));
        assert_eq!(failing.pause(endless), limits::NOTIFICATION_RETRY_AFTER_MAX);
    }

    proptest! {
        #[test]
        fn a_wrong_clock_pauses_nothing_too_early(ahead in 61_i64..10_000_000) {
            let ahead = NOW + Duration::from_secs(ahead.unsigned_abs());
            let failing = Standing::GOOD.after(&DeliveryFailure::Timeout, ahead);
            let again = failing.after(&DeliveryFailure::Timeout, NOW);
            prop_assert_eq!(again.failing_since, Some(NOW));
            prop_assert_eq!(again.state, EndpointState::Active);
        }
    }
}
