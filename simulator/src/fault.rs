//! Injected faults.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A way in which a call can fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A custom response: status, body and content type.
    Answer(u16, Vec<u8>, &'static str),
    /// 429; the rate limit resets after this many seconds.
    RateLimit(i64),
    /// An error status: 500, 503 …
    Status(u16),
    /// No response within any client's time-out.
    TimeOut,
    /// Half the body, then the connection closes.
    CutOff,
    /// 200 with a body that is not the documented JSON.
    Garbage,
    /// The correct response after a delay.
    Slow(Duration),
    /// 401: the token was revoked.
    Unauthorized,
    /// 403 `api_plan_restricted`.
    Forbidden,
}

/// A fault, and the calls that it applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderedFault {
    /// The fault.
    pub fault: Fault,
    /// The prefix of the paths it applies to; empty for every path.
    pub path: String,
    /// The number of calls that it still applies to; `None` for all.
    pub times: Option<u32>,
}

/// The error for a fault description that cannot be parsed.
#[derive(Debug, PartialEq, Eq)]
pub struct FaultError(String);

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a fault. Write KIND[=VALUE][@PATH][xTIMES], for example \
             status=503@/teamsx3. KIND is rate-limit=SECONDS, status=CODE from 400 to 599, \
             time-out, cut-off, garbage, slow=MILLISECONDS, unauthorized or forbidden",
            self.0
        )
    }
}

impl std::error::Error for FaultError {}

impl Fault {
    /// A custom JSON response.
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
        let (kind, value) =
            kind.split_once('=').map_or((kind, None), |(kind, value)| (kind, Some(value)));
        let number = || value.ok_or_else(wrong)?.parse::<u16>().map_err(|_| wrong());
        let fault = match kind {
            "rate-limit" => Fault::RateLimit(number()?.into()),
            "status" => Fault::Status(number().and_then(|status| {
                (400..600).contains(&status).then_some(status).ok_or_else(wrong)
            })?),
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
            Ok(OrderedFault {
                fault: Fault::Status(503),
                path: "/teams".to_owned(),
                times: Some(3)
            })
        );
        assert_eq!(parse("forbidden@/admins/activity_logs").unwrap().times, None);
        assert_eq!(parse("slow=200").unwrap().fault, Fault::Slow(Duration::from_millis(200)));
        for wrong in ["", "status", "status=200", "rate-limit=soon", "earthquake"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
