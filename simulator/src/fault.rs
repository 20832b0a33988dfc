//! Failures to order.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One way for a call to go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An answer of one's own: status, body, and its content type.
    Answer(u16, Vec<u8>, &'static str),
    /// 429, and the limit opens again after this many seconds.
    RateLimit(i64),
    /// A refusal of the server: 500, 503 …
    Status(u16),
    /// No answer at all.
    TimeOut,
    /// Half a body, then the connection ends.
    CutOff,
    /// 200 with something that is not the documented JSON.
    Garbage,
    /// The right answer, late.
    Slow(Duration),
    /// 401: the token was revoked.
    Unauthorized,
    /// 403 `api_plan_restricted`.
    Forbidden,
}

/// A fault with where and how often it strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderedFault {
    /// What happens.
    pub fault: Fault,
    /// Only on paths that begin so; empty for every path.
    pub path: String,
    /// On how many calls still; `None` from now on.
    pub times: Option<u32>,
}

/// What is wrong with a fault written as text.
#[derive(Debug, PartialEq, Eq)]
pub struct FaultError(String);

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no fault; write KIND[=VALUE][@PATH][xTIMES] with KIND one of rate-limit=SECONDS, status=CODE, time-out, \
             cut-off, garbage, slow=MILLISECONDS, unauthorized, forbidden, for example status=503@/teamsx3",
            self.0
        )
    }
}

impl std::error::Error for FaultError {}

impl Fault {
    /// An answer of one's own in JSON.
    #[must_use]
    pub fn json(status: u16, body: &str) -> Self {
        Self::Answer(status, body.as_bytes().to_vec(), "application/json; charset=utf-8")
    }
}

impl FromStr for OrderedFault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let wrong = || FaultError(text.to_owned());
        let (rest, times) = match text.rsplit_once('x').map(|(rest, times)| (rest, times.parse())) {
            Some((rest, Ok(times))) => (rest, Some(times)),
            _ => (text, None),
        };
        let (kind, path) = rest.split_once('@').unwrap_or((rest, ""));
        let (kind, value) = kind.split_once('=').map_or((kind, None), |(kind, value)| (kind, Some(value)));
        let number = || value.ok_or_else(wrong)?.parse::<u16>().map_err(|_| wrong());
        let fault = match kind {
            "rate-limit" => Fault::RateLimit(number()?.into()),
            "status" => Fault::Status(
                number().and_then(|status| (400..600).contains(&status).then_some(status).ok_or_else(wrong))?,
            ),
            "time-out" => Fault::TimeOut,
            "cut-off" => Fault::CutOff,
            "garbage" => Fault::Garbage,
            "slow" => Fault::Slow(Duration::from_millis(number()?.into())),
            "unauthorized" => Fault::Unauthorized,
            "forbidden" => Fault::Forbidden,
            _ => return Err(wrong()),
        };
        Ok(Self { fault, path: path.to_owned(), times })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_written_as_kind_value_path_and_times() {
        let parse = str::parse::<OrderedFault>;
        assert_eq!(
            parse("status=503@/teamsx3"),
            Ok(OrderedFault { fault: Fault::Status(503), path: "/teams".to_owned(), times: Some(3) })
        );
        assert_eq!(parse("forbidden@/admins/activity_logs").unwrap().times, None);
        assert_eq!(parse("slow=200").unwrap().fault, Fault::Slow(Duration::from_millis(200)));
        for wrong in ["", "status", "status=200", "rate-limit=soon", "earthquake"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
