//! Parameters of the import and change API. What cannot be read is refused with what it can be.

use std::ops::RangeInclusive;
use std::time::Duration;

use actix_web::HttpRequest;
use time::OffsetDateTime;

use super::errors::ApiError;
use crate::moments::{self, Edge, FORMS, Written, Zone};
use crate::scim::ScimError;

/// The parameters of a URL, decoded; of one that comes twice, the last counts. Unknown ones are refused: whoever asks
/// for `asof` and is told of today takes it for an answer.
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads them; `names` are those that there are.
    pub fn of(request: &HttpRequest, names: &[&str]) -> Result<Self, ApiError> {
        let all: Vec<(String, String)> =
            form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
        if all.iter().any(|(_, value)| value.contains('\0')) {
            return Err(wrong("no value can have a NUL in it".to_owned()));
        }
        // A walk over the log begins with no place yet.
        let must_be_filled = |name: &str| name != "since" && names.contains(&name);
        if let Some((name, _)) = all.iter().find(|(name, value)| value.is_empty() && must_be_filled(name)) {
            // A client whose variable is empty must not get everything.
            return Err(wrong(format!("{name} is empty; leave it out")));
        }
        if all.iter().any(|(name, _)| !names.contains(&name.as_str())) {
            return Err(wrong(format!("there is a parameter that means nothing here; there are {}", names.join(", "))));
        }
        Ok(Self(all))
    }

    /// The text; none where it is missing or empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        let last = self.0.iter().rev().find(|(known, _)| known == name);
        last.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A whole number in a range.
    pub fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
        &self,
        name: &str,
        range: RangeInclusive<T>,
        default: T,
    ) -> Result<T, ApiError> {
        let Some(text) = self.text(name) else { return Ok(default) };
        text.parse()
            .ok()
            .filter(|number| range.contains(number))
            .ok_or_else(|| wrong(format!("{name} must be a whole number from {} to {}", range.start(), range.end())))
    }

    /// Yes or no; no where it is missing.
    pub fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(wrong(format!("{name} must be true or false"))),
        }
    }

    /// The time zone of dates and of moments without an offset: `tz`, else UTC.
    fn zone(&self) -> Result<Zone, ApiError> {
        let unknown = || wrong("tz must be a time zone of the IANA database, such as Europe/Dublin".to_owned());
        self.text("tz").map_or(Ok(Zone::UTC), |name| Zone::named(name).ok_or_else(unknown))
    }

    /// A moment; of a date without a time, that edge of the day.
    pub fn moment(&self, name: &str, edge: Edge) -> Result<Option<OffsetDateTime>, ApiError> {
        Ok(self.written(name, edge)?.map(|written| written.moment))
    }

    fn written(&self, name: &str, edge: Edge) -> Result<Option<Written>, ApiError> {
        let zone = self.zone()?;
        let read = |(_, text): &(String, String)| {
            moments::read(text, edge, &zone).ok_or_else(|| wrong(format!("{name} must be {FORMS}")))
        };
        self.0.iter().rev().find(|(known, _)| known == name).map(read).transpose()
    }

    /// The moment whose state is wanted: `as_of`. A day that has not ended yet is meant as far as it has come.
    pub fn as_of(&self, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, ApiError> {
        let Some(written) = self.written("as_of", Edge::Last)? else { return Ok(None) };
        let begun = self.moment("as_of", Edge::Start)?.is_some_and(|start| start <= now);
        match written {
            Written { moment, .. } if moment <= now => Ok(Some(moment)),
            Written { is_day: true, .. } if begun => Ok(Some(now)),
            _ => Err(wrong("as_of must not lie in the future".to_owned())),
        }
    }

    /// A moment, or how long ago it was, such as `2d`: some connectors cannot reckon with dates.
    pub fn moment_or_ago(&self, name: &str, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, ApiError> {
        match self.text(name).and_then(ago).and_then(|ago| now.checked_sub(ago)) {
            Some(moment) => Ok(Some(moment)),
            None => self
                .moment(name, Edge::Start)
                .map_err(|_| wrong(format!("{name} must be {FORMS}, or how long ago, such as 12h or 2d"))),
        }
    }

    /// One of a few words.
    pub fn word<T: Copy>(&self, name: &str, words: &[(T, &str)]) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let found = words.iter().find(|(_, word)| *word == text).map(|(value, _)| Some(*value));
        found.ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|(_, word)| *word).collect();
            wrong(format!("{name} must be one of {}", words.join(", ")))
        })
    }

    /// The same path with some parameters changed, as an absolute URL.
    pub fn link(&self, request: &HttpRequest, public_url: &str, changed: &[(&str, String)]) -> String {
        let kept = self.0.iter().filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        let all = kept.chain(changed.iter().map(|(name, value)| (*name, value.as_str())));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
        format!("{public_url}{}?{query}", request.path())
    }
}

/// `30s`, `5m`, `12h` or `2d`.
fn ago(text: &str) -> Option<time::Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number =
        number.parse::<u16>().ok().filter(|_| number.len() <= 4 && number.bytes().all(|byte| byte.is_ascii_digit()))?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    Some(time::Duration::seconds(i64::from(number) * seconds))
}

/// A value that a parameter or a member of a body cannot have.
pub fn wrong(why: String) -> ApiError {
    ScimError::InvalidValue { why }.into()
}

/// RFC 7240 §4.3: how long the client would wait, up to `most`.
pub fn preferred_wait(request: &HttpRequest, most: Duration) -> Option<Duration> {
    let values = request.headers().get_all("prefer").filter_map(|value| value.to_str().ok());
    // What follows a `;` are parameters of the preference.
    let mut preferences = values.flat_map(|value| value.split(',')).filter_map(|one| one.split(';').next());
    let wait = preferences.find_map(|preference| {
        let (name, seconds) = preference.split_once('=')?;
        let seconds = seconds.trim().trim_matches('"');
        let number = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
        // A number beyond all numbers is as good as the most.
        (name.trim().eq_ignore_ascii_case("wait") && number).then(|| seconds.parse().unwrap_or(u64::MAX))
    });
    wait.map(|seconds| Duration::from_secs(seconds).min(most))
}
