//! Keeps the client under Intercom's rate limit.
//!
//! Intercom counts calls in windows of 10 seconds. Nearly every response says how many calls are
//! left and when the window ends: `X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset`
//! (UNIX seconds).

use std::time::Duration;

use reqwest::header::HeaderMap;
use time::OffsetDateTime;

use crate::clock::Clock;
use crate::limits;

/// The state of Intercom's rate limit, from its last responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateBudget {
    /// The number of calls per window.
    pub limit: Option<u64>,
    /// The number of calls left in the current window.
    pub remaining: Option<u64>,
    /// The start of the next window, in UNIX seconds.
    pub reset: Option<i64>,
    /// The time of the last response, by the clock of Intercom's server.
    pub server_time: Option<OffsetDateTime>,
    /// How many seconds this machine's clock was ahead of Intercom's at the last response; negative
    /// if behind.
    pub clock_ahead: Option<i64>,
    /// When the last response with a time came, on [`Clock::running`].
    answered_at: Duration,
    until_reset: Option<UntilReset>,
}

/// The time until the rate limit resets, as a response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct UntilReset {
    /// The time that was left, computed from times in Intercom's response alone.
    left: Duration,
    /// When the response came, on [`Clock::running`].
    noted_at: Duration,
}

impl RateBudget {
    /// Updates the state from the headers of a response. Values whose headers are missing stay.
    pub(super) fn note(&mut self, headers: &HeaderMap, clock: &Clock) {
        fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
            headers.get(name)?.to_str().ok()?.trim().parse().ok()
        }
        self.limit = number(headers, "x-ratelimit-limit").or(self.limit);
        self.remaining = number(headers, "x-ratelimit-remaining").or(self.remaining);
        let reset: Option<i64> = number(headers, "x-ratelimit-reset");
        // RFC 9110 §5.6.7: "A recipient that parses a timestamp value in an HTTP field MUST accept
        // all three HTTP-date formats."
        let date = headers.get("date").and_then(|date| date.to_str().ok());
        let date =
            date.and_then(|date| httpdate::parse_http_date(date).ok()).map(OffsetDateTime::from);
        if let Some(reset) = reset {
            self.reset = Some(reset);
            let left =
                date.and_then(|date| u64::try_from(reset.checked_sub(date.unix_timestamp())?).ok());
            // A window has ten seconds. If the reset is much later, the two headers come from
            // different clocks.
            let left =
                left.map(Duration::from_secs).filter(|left| *left <= limits::INTERCOM_RESET_MAX);
            self.until_reset = left.map(|left| UntilReset { left, noted_at: clock.running() });
        }
        if let Some(date) = date {
            self.server_time = Some(date);
            self.clock_ahead = Some((clock.now() - date).whole_seconds());
            self.answered_at = clock.running();
        }
    }

    /// See [`super::Client::clock_ahead_now`].
    pub(super) fn clock_ahead_now(&self, clock: &Clock) -> Option<i64> {
        let since = time::Duration::try_from(clock.running().saturating_sub(self.answered_at));
        let intercoms = self.server_time?.checked_add(since.ok()?)?;
        Some((clock.now() - intercoms).whole_seconds())
    }

    /// Returns the time until the rate limit resets; zero if that time is unknown or past.
    pub(super) fn until_reset(&self, clock: &Clock) -> Duration {
        if let Some(UntilReset { left, noted_at }) = self.until_reset {
            return left.saturating_sub(clock.running().saturating_sub(noted_at));
        }
        self.reset
            .and_then(|reset| OffsetDateTime::from_unix_timestamp(reset).ok())
            .and_then(|reset| (reset - clock.now()).try_into().ok())
            .unwrap_or_default()
    }

    /// Returns how long to delay the next call. The workspace's other apps share the limit, so the
    /// last twentieth of each window is left to them.
    pub(super) fn hold(&self, clock: &Clock) -> Duration {
        match (self.remaining, self.limit) {
            (Some(remaining), limit) if remaining <= limit.unwrap_or(0) / 20 => {
                self.until_reset(clock)
            }
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use time::macros::datetime;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_clock_that_is_set_after_a_response_is_noticed_without_another_one() {
        let clock = Clock::manual(datetime!(2026-01-01 0:00:03 UTC));
        let mut allowance = RateBudget::default();
        assert_eq!(allowance.clock_ahead_now(&clock), None);
        allowance.note(&headers(&[("date", "Thu, 01 Jan 2026 00:00:03 GMT")]), &clock);
        clock.advance(Duration::from_mins(5));
        assert_eq!(allowance.clock_ahead_now(&clock), Some(0), "time has passed, for both clocks");
        clock.set_by(time::Duration::days(40));
        assert_eq!(allowance.clock_ahead_now(&clock), Some(40 * 86_400));
        assert_eq!(allowance.clock_ahead, Some(0));
    }

    #[test]
    fn all_three_date_formats_of_http_are_read() {
        let clock = Clock::manual(datetime!(2026-01-01 0:00:05 UTC));
        for date in [
            "Thu, 01 Jan 2026 00:00:03 GMT",
            "Thursday, 01-Jan-26 00:00:03 GMT",
            "Thu Jan  1 00:00:03 2026",
        ] {
            let mut budget = RateBudget::default();
            budget.note(&headers(&[("date", date)]), &clock);
            assert_eq!(budget.clock_ahead, Some(2), "{date}");
        }
        let mut budget = RateBudget::default();
        budget.note(&headers(&[("date", "yesterday")]), &clock);
        assert_eq!(budget.clock_ahead, None);
    }

    #[test]
    fn without_rate_limit_headers_no_call_waits() {
        assert_eq!(
            RateBudget::default().hold(&Clock::manual(datetime!(2026-01-01 0:00 UTC))),
            Duration::ZERO
        );
    }

    #[test]
    fn calls_wait_for_the_next_window_once_the_last_twentieth_is_reached() {
        let clock = Clock::manual(datetime!(2026-01-01 0:00:03 UTC));
        let reset = (clock.now().unix_timestamp() + 7).to_string();
        let mut allowance = RateBudget::default();
        allowance.note(
            &headers(&[("x-ratelimit-limit", "1666"), ("x-ratelimit-remaining", "84")]),
            &clock,
        );
        allowance.reset = reset.parse().ok();
        assert_eq!(allowance.hold(&clock), Duration::ZERO);
        allowance.note(&headers(&[("x-ratelimit-remaining", "83")]), &clock);
        assert_eq!(allowance.hold(&clock), Duration::from_secs(7));
        clock.advance(Duration::from_secs(8));
        assert_eq!(
            allowance.hold(&clock),
            Duration::ZERO,
            "a reset that is past holds nothing back"
        );
    }

    #[test]
    fn how_long_to_wait_goes_by_intercoms_clock_however_wrong_this_one_is() {
        for ahead in [time::Duration::ZERO, time::Duration::days(40), time::Duration::hours(-2)] {
            let clock = Clock::manual(datetime!(2026-01-01 0:00:03 UTC) + ahead);
            let mut allowance = RateBudget::default();
            let reset = (datetime!(2026-01-01 0:00:10 UTC).unix_timestamp().to_string()).leak();
            let told = [
                ("date", "Thu, 01 Jan 2026 00:00:03 GMT"),
                ("x-ratelimit-limit", "1666"),
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", &*reset),
            ];
            allowance.note(&headers(&told), &clock);
            assert_eq!(allowance.clock_ahead, Some(ahead.whole_seconds()));
            assert_eq!(allowance.hold(&clock), Duration::from_secs(7), "{ahead}");
            clock.advance(Duration::from_secs(3));
            clock.set_by(time::Duration::days(-3));
            assert_eq!(allowance.hold(&clock), Duration::from_secs(4), "{ahead}");
            clock.advance(Duration::from_secs(5));
            assert_eq!(allowance.hold(&clock), Duration::ZERO, "{ahead}");
        }
    }

    #[test]
    fn missing_and_malformed_rate_limit_headers_change_nothing() {
        let known = RateBudget {
            limit: Some(10),
            remaining: Some(5),
            reset: Some(100),
            ..RateBudget::default()
        };
        let mut allowance = known;
        let clock = Clock::manual(datetime!(2026-01-01 0:00 UTC));
        allowance.note(&headers(&[("x-ratelimit-remaining", "many")]), &clock);
        allowance.note(&HeaderMap::new(), &clock);
        assert_eq!(allowance, known);
    }
}
