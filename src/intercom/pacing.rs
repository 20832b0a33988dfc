//! Keeps the client under Intercom's rate limit.
//!
//! Intercom counts calls in windows of 10 seconds. (Nearly) every response says how many calls are left and when the
//! window ends: `X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset` (UNIX seconds).

use std::time::Duration;

use reqwest::header::HeaderMap;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// The last known state of Intercom's rate limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// The number of calls per window.
    pub limit: Option<u64>,
    /// The number of calls left in the current window.
    pub remaining: Option<u64>,
    /// The start of the next window, in UNIX seconds.
    pub reset: Option<i64>,
    /// The time of the last response, by the clock of Intercom's server.
    pub server_time: Option<OffsetDateTime>,
}

impl Allowance {
    /// Records the headers of a response. A header may be missing in a single response; its last value then stays.
    pub(super) fn note(&mut self, headers: &HeaderMap) {
        fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
            headers.get(name)?.to_str().ok()?.trim().parse().ok()
        }
        self.limit = number(headers, "x-ratelimit-limit").or(self.limit);
        self.remaining = number(headers, "x-ratelimit-remaining").or(self.remaining);
        self.reset = number(headers, "x-ratelimit-reset").or(self.reset);
        // RFC 9110 §5.6.7: the only format that servers generate.
        let form =
            format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
        let date = headers.get("date").and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| PrimitiveDateTime::parse(date, form).ok());
        self.server_time = date.map(PrimitiveDateTime::assume_utc).or(self.server_time);
    }

    /// Returns the time until the next window; zero if its start is unknown or past.
    pub(super) fn until_reset(&self, now: OffsetDateTime) -> Duration {
        self.reset
            .and_then(|reset| OffsetDateTime::from_unix_timestamp(reset).ok())
            .and_then(|reset| (reset - now).try_into().ok())
            .unwrap_or_default()
    }

    /// Returns how long to delay the next call. Other apps of the workspace share the limit, so the last twentieth of a
    /// window is left to them.
    pub(super) fn hold(&self, now: OffsetDateTime) -> Duration {
        match (self.remaining, self.limit) {
            (Some(remaining), limit) if remaining <= limit.unwrap_or(0) / 20 => self.until_reset(now),
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
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn nothing_known_holds_nothing_back() {
        assert_eq!(Allowance::default().hold(datetime!(2026-01-01 0:00 UTC)), Duration::ZERO);
    }

    #[test]
    fn calls_wait_for_the_next_window_once_the_last_twentieth_is_reached() {
        let now = datetime!(2026-01-01 0:00:03 UTC);
        let reset = (now.unix_timestamp() + 7).to_string();
        let mut allowance = Allowance::default();
        allowance.note(&headers(&[("x-ratelimit-limit", "1666"), ("x-ratelimit-remaining", "84")]));
        allowance.reset = reset.parse().ok();
        assert_eq!(allowance.hold(now), Duration::ZERO);
        allowance.note(&headers(&[("x-ratelimit-remaining", "83")]));
        assert_eq!(allowance.hold(now), Duration::from_secs(7));
        assert_eq!(
            allowance.hold(now + Duration::from_secs(8)),
            Duration::ZERO,
            "a reset that is past holds nothing back"
        );
    }

    #[test]
    fn an_answer_without_the_headers_or_with_garbage_in_them_changes_nothing() {
        let mut allowance = Allowance { limit: Some(10), remaining: Some(5), reset: Some(100), server_time: None };
        allowance.note(&headers(&[("x-ratelimit-remaining", "many")]));
        allowance.note(&HeaderMap::new());
        assert_eq!(allowance, Allowance { limit: Some(10), remaining: Some(5), reset: Some(100), server_time: None });
    }
}
