//! Query parameters of the import and change API. An invalid value is refused with a list of what
//! is valid.

use std::ops::RangeInclusive;
use std::time::Duration;

use actix_web::HttpRequest;
use strsim::osa_distance;
use time::OffsetDateTime;

use super::context::RequestContext;
use super::query;
use crate::http::errors::ApiError;
use crate::limits;
use crate::moments::{self, Edge, FORMS, ParsedMoment, Zone};
use crate::words::Words;

/// Every parameter of the import and change API.
const ALL: [&str; 44] = [
    "account_id",
    "action",
    "actor",
    "after",
    "as_of",
    "before",
    "bom",
    "changed_since",
    "check",
    "dry_run",
    "edition",
    "entitlement_id",
    "event",
    "format",
    "from",
    "group",
    "include_class",
    "include_invited",
    "include_removed",
    "kind",
    "last",
    "limit",
    "modified_since",
    "offset",
    "operation",
    "per",
    "person",
    "recorded_from",
    "recorded_to",
    "severity",
    "since",
    "source",
    "state",
    "status",
    "subject",
    "suppressed",
    "target",
    "team",
    "to",
    "type",
    "tz",
    "until",
    "unused_for",
    "use",
];

/// The decoded query parameters of a request. If one is repeated, the last value counts.
///
/// Unknown parameters are ignored, since proxies and scripts add some, such as `_=123`. Two kinds
/// are refused, because the response would be misunderstood: names that resemble a parameter (a
/// client that sends `asof` would take today's state for that of another day), and parameters of
/// other endpoints.
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parses the query string. `names` are the parameters of this endpoint.
    pub fn parse(request: &HttpRequest, names: &[&str]) -> Result<Self, ApiError> {
        let mut all = query::pairs(request.query_string().as_bytes());
        for (name, _) in &all {
            if names.contains(&name.as_str()) {
                continue;
            }
            if let Some(meant) = names.iter().find(|known| is_near(name, known)) {
                return Err(wrong(format!(
                    "there is no parameter {name:?}; did you mean {meant}?"
                )));
            }
            if ALL.contains(&name.as_str()) {
                return Err(wrong(format!(
                    "this endpoint has no parameter {name}; it has {}",
                    names.join(", ")
                )));
            }
        }
        all.retain(|(name, _)| names.contains(&name.as_str()));
        if all.iter().any(|(_, value)| value.contains('\0')) {
            return Err(wrong("a value must not contain a NUL character".to_owned()));
        }
        // An empty `since` is valid: a walk over the log begins without a position.
        if let Some((name, _)) =
            all.iter().find(|(name, value)| value.is_empty() && name != "since")
        {
            // Otherwise a client with an unset variable would get the unfiltered list.
            return Err(wrong(format!("{name} is empty; omit it")));
        }
        Ok(Self(all))
    }

    /// The value; `None` if it is missing or empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        let last = self.0.iter().rev().find(|(known, _)| known == name);
        last.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// All values of a parameter that may be repeated or have several values with commas.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let values = self.0.iter().filter(|(known, _)| known == name);
        let values = values.flat_map(|(_, value)| value.split(','));
        values.map(str::trim).filter(|value| !value.is_empty()).collect()
    }

    /// The values whose words the parameter has; see [`Self::list`].
    pub fn any_of<T: Words>(&self, name: &str) -> Result<Vec<T>, ApiError> {
        let unknown = || wrong(format!("{name} must be one or more of {}", T::list()));
        let value = |word: &str| T::from_word(word).ok_or_else(unknown);
        self.list(name).into_iter().map(value).collect()
    }

    /// A moment, or seconds since 1970.
    pub fn moment_or_unix(
        &self,
        name: &str,
        edge: Edge,
    ) -> Result<Option<OffsetDateTime>, ApiError> {
        let seconds = self.text(name).filter(|text| {
            (1..=11).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        });
        match seconds.and_then(|seconds| seconds.parse().ok()) {
            Some(seconds) => {
                let moment = OffsetDateTime::from_unix_timestamp(seconds).ok();
                moment.map(Some).ok_or_else(|| wrong(format!("{name} is out of range")))
            }
            None => self.moment(name, edge).map_err(|_| {
                wrong(format!("{name} must be {FORMS}, or seconds since 1970, such as 1790000000"))
            }),
        }
    }

    /// How long before now, such as `15m`.
    pub fn age(&self, name: &str) -> Result<Option<time::Duration>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let wrong = || wrong(format!("{name} must be a duration such as 15m, 12h or 2d"));
        ago(text).map(Some).ok_or_else(wrong)
    }

    /// A whole number within `range`, or `default` if it is missing.
    pub fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
        &self,
        name: &str,
        range: RangeInclusive<T>,
        default: T,
    ) -> Result<T, ApiError> {
        let Some(text) = self.text(name) else { return Ok(default) };
        text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            wrong(format!(
                "{name} must be a whole number from {} to {}",
                range.start(),
                range.end()
            ))
        })
    }

    /// The number of items on a page. A larger number than the maximum means the maximum; the
    /// response then says so in `X-Limit-Applied`.
    pub fn limit(&self) -> Result<usize, ApiError> {
        const MOST: usize = limits::LIST_ITEMS;
        let Some(text) = self.text("limit") else { return Ok(limits::LIST_ITEMS_USUAL) };
        let is_number =
            text.bytes().all(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte != b'0');
        if !is_number {
            return Err(wrong(format!(
                "limit must be a whole number, at least 1; a larger one than {MOST} means {MOST}"
            )));
        }
        // A number that overflows is above the maximum, too.
        let wanted = text.parse().unwrap_or(usize::MAX);
        if wanted > MOST {
            RequestContext::with(|context| context.limit_applied = Some(MOST));
        }
        Ok(wanted.min(MOST))
    }

    /// `true` or `false`, in upper or lower case; false if it is missing.
    pub fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(wrong(format!("{name} must be true or false"))),
        }
    }

    /// The time zone of dates and of times without an offset: that of `tz`, else UTC.
    fn zone(&self) -> Result<Zone, ApiError> {
        let unknown = || {
            wrong("tz must be a time zone of the IANA database, such as Europe/Dublin".to_owned())
        };
        self.text("tz").map_or(Ok(Zone::UTC), |name| Zone::named(name).ok_or_else(unknown))
    }

    /// A moment. For a date without a time, the given edge of that day.
    pub fn moment(&self, name: &str, edge: Edge) -> Result<Option<OffsetDateTime>, ApiError> {
        Ok(self.written(name, edge)?.map(|written| written.moment))
    }

    fn written(&self, name: &str, edge: Edge) -> Result<Option<ParsedMoment>, ApiError> {
        let zone = self.zone()?;
        let read = |(_, text): &(String, String)| {
            moments::read(text, edge, &zone).ok_or_else(|| wrong(format!("{name} must be {FORMS}")))
        };
        self.0.iter().rev().find(|(known, _)| known == name).map(read).transpose()
    }

    /// The moment of `as_of`, whose state is requested. For the current day, this is now.
    pub fn as_of(&self, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, ApiError> {
        let Some(written) = self.written("as_of", Edge::Last)? else { return Ok(None) };
        let begun = self.moment("as_of", Edge::Start)?.is_some_and(|start| start <= now);
        match written {
            ParsedMoment { moment, .. } if moment <= now => Ok(Some(moment)),
            ParsedMoment { is_day: true, .. } if begun => Ok(Some(now)),
            _ => Err(wrong("as_of must not be in the future".to_owned())),
        }
    }

    /// A moment, or an age such as `2d`: some connectors cannot calculate with dates.
    pub fn moment_or_ago(
        &self,
        name: &str,
        now: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, ApiError> {
        match self.text(name).and_then(ago).and_then(|ago| now.checked_sub(ago)) {
            Some(moment) => Ok(Some(moment)),
            None => self.moment(name, Edge::Start).map_err(|_| {
                wrong(format!("{name} must be {FORMS}, or how long ago, such as 12h or 2d"))
            }),
        }
    }

    /// The value whose word the parameter has; `None` if the parameter is missing.
    pub fn one_of<T: Words>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let value = T::from_word(text);
        value.map(Some).ok_or_else(|| wrong(format!("{name} must be one of {}", T::list())))
    }

    /// The absolute URL of the request with some parameters changed.
    pub fn link(
        &self,
        request: &HttpRequest,
        public_url: &str,
        changed: &[(&str, String)],
    ) -> String {
        let kept = self.0.iter().filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        let all = kept.chain(changed.iter().map(|(name, value)| (*name, value.as_str())));
        format!("{public_url}{}?{}", request.path(), query::encode(all))
    }
}

/// Whether a name is a misspelling of a known one: in another case, with other separators, or with
/// up to two letters added, missing, wrong or swapped.
fn is_near(name: &str, known: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars()
            .filter(|letter| letter.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let name = letters(name);
    let known = letters(known);
    // In a short name one letter is too large a part: `t=123` does not mean `tz`.
    let most = match known.chars().count() {
        ..=3 => 0,
        4 | 5 => 1,
        _ => 2,
    };
    osa_distance(&name, &known) <= most
}

/// Parses an age such as `30s`, `5m`, `12h` or `2d`.
fn ago(text: &str) -> Option<time::Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number = number
        .parse::<u16>()
        .ok()
        .filter(|_| number.len() <= 4 && number.bytes().all(|byte| byte.is_ascii_digit()))?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    Some(time::Duration::seconds(i64::from(number) * seconds))
}

/// The refusal of an invalid value of a parameter or of a member of a body.
pub fn wrong(why: String) -> ApiError {
    ApiError::InvalidValue { why }
}

/// RFC 7240 §4.3: how long the client is willing to wait, at most `most`.
pub fn preferred_wait(request: &HttpRequest, most: Duration) -> Option<Duration> {
    let values = request.headers().get_all("prefer").filter_map(|value| value.to_str().ok());
    // The parameters of a preference follow a `;`.
    let mut preferences =
        values.flat_map(|value| value.split(',')).filter_map(|one| one.split(';').next());
    let wait = preferences.find_map(|preference| {
        let (name, seconds) = preference.split_once('=')?;
        let seconds = seconds.trim().trim_matches('"');
        let number = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
        // A number that overflows is cut to `most`, too.
        (name.trim().eq_ignore_ascii_case("wait") && number)
            .then(|| seconds.parse().unwrap_or(u64::MAX))
    });
    wait.map(|seconds| Duration::from_secs(seconds).min(most))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::Value;

    use super::*;

    const NAMES: [&str; 5] = ["limit", "offset", "modified_since", "type", "as_of"];

    fn read(query: &str) -> Result<Parameters, String> {
        let request = TestRequest::with_uri(&format!("/api/v1/accounts?{query}")).to_http_request();
        Parameters::parse(&request, &NAMES).map_err(|error| error.to_string())
    }

    #[test]
    fn unknown_parameters_are_ignored_and_misspelt_ones_refused() {
        for ignored in [
            "_=123",
            "cachebust=1",
            "t=1",
            "ts=1",
            "v=2",
            "utm_source=x",
            "time=1",
            "a%00=",
            "=",
            "_",
        ] {
            let parameters = read(&format!("limit=5&{ignored}"))
                .unwrap_or_else(|error| panic!("{ignored}: {error}"));
            assert_eq!(parameters.0, [("limit".to_owned(), "5".to_owned())], "{ignored}");
        }
        for (near, meant) in [
            ("asof", "as_of"),
            ("as-of", "as_of"),
            ("AsOf", "as_of"),
            ("Limit", "limit"),
            ("limits", "limit"),
            ("lmit", "limit"),
            ("limti", "limit"),
            ("limit+", "limit"),
            ("ofset", "offset"),
            ("offest", "offset"),
            ("modifiedSince", "modified_since"),
            ("modifed_sicne", "modified_since"),
            ("tpye", "type"),
            ("types", "type"),
        ] {
            let refused =
                read(&format!("{near}=1")).err().unwrap_or_else(|| panic!("{near} is taken"));
            assert!(refused.ends_with(&format!("did you mean {meant}?")), "{refused}");
        }
        let elsewhere = read("account_id=adm_1").err().unwrap();
        assert!(
            elsewhere.starts_with("this endpoint has no parameter account_id; it has limit"),
            "{elsewhere}"
        );
    }

    #[test]
    fn every_parameter_of_the_api_is_known() {
        let description: Value = serde_json::from_str(&crate::http::openapi_document()).unwrap();
        let paths = description["paths"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(path, _)| path.starts_with("/api/v1/"));
        let parameters =
            paths.flat_map(|(_, item)| item["get"]["parameters"].as_array().into_iter().flatten());
        for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            assert!(ALL.contains(&name), "{name} is not in the list of all");
        }
    }
}
