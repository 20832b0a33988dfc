//! Deserialises each kind of value. `findings` reports a wrong value by its key, so the errors here
//! are short.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};

use super::environment::wrong_log_filter;
use crate::access::Vault;
use crate::intercom::Region;
use crate::limits;

/// Reads a value of its own type, or a string, as an environment variable has it.
pub(super) fn plain<'de, D: Deserializer<'de>, T: DeserializeOwned + FromStr>(
    deserializer: D,
) -> Result<T, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum TextOr<T> {
        Value(T),
        Text(String),
    }
    match TextOr::<T>::deserialize(deserializer)? {
        TextOr::Value(value) => Ok(value),
        TextOr::Text(text) => text.trim().parse().map_err(|_| D::Error::custom("wrong form")),
    }
}

/// Reads a percentage, or nothing.
pub(super) fn percent_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u8>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum TextOr {
        Number(u8),
        Text(String),
    }
    let percent = match TextOr::deserialize(deserializer)? {
        TextOr::Number(number) => Some(number),
        TextOr::Text(text) if text.trim().is_empty() => None,
        TextOr::Text(text) => Some(text.trim().parse().map_err(|_| D::Error::custom("no number"))?),
    };
    if percent.is_none_or(|percent| percent <= 100) {
        Ok(percent)
    } else {
        Err(D::Error::custom("no share"))
    }
}

/// Reads a version of Intercom's API: a number such as `2.16`, or `Preview` (formerly `Unstable`)
/// for unreleased resources. With any other word Intercom would refuse each call.
pub(super) fn api_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let text = text.trim();
    if let Some(name) =
        ["Preview", "Unstable"].into_iter().find(|name| name.eq_ignore_ascii_case(text))
    {
        return Ok(name.to_owned());
    }
    let minor = text.strip_prefix("2.").unwrap_or_default();
    let number = (1..=2).contains(&minor.len()) && minor.bytes().all(|byte| byte.is_ascii_digit());
    if number { Ok(text.to_owned()) } else { Err(D::Error::custom("no version")) }
}

/// Reads the client id of an app. Intercom's are UUIDs. Text with other characters is not one, and
/// must not become part of a URL.
pub(super) fn client_id_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = text_or_empty(deserializer)?;
    let fits = |text: &String| {
        text.len() <= limits::CLIENT_ID_BYTES
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    if text.as_ref().is_none_or(fits) { Ok(text) } else { Err(D::Error::custom("no client id")) }
}

/// Reads an encryption key. A wrong one is reported here, together with all other findings, and not
/// only when it is used.
pub(super) fn sealing_key_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretString>, D::Error> {
    let key = secret_or_empty(deserializer)?;
    let fits = |key: &SecretString| Vault::new(key, None).is_ok();
    if key.as_ref().is_none_or(fits) { Ok(key) } else { Err(D::Error::custom("no key")) }
}

/// Parses a duration; `None` if it is outside the range, which is one of [`limits`].
fn duration(text: &str, range: &RangeInclusive<Duration>) -> Option<Duration> {
    humantime::parse_duration(text.trim()).ok().filter(|duration| range.contains(duration))
}

/// Defines a reader for each range. Those after `or_off` accept `off` as `None`.
macro_rules! durations {
    ($($name:ident: $range:ident),+; or_off: $($optional:ident: $optional_range:ident),+) => {
        $(pub(super) fn $name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
            let text = String::deserialize(deserializer)?;
            duration(&text, &limits::$range).ok_or_else(|| D::Error::custom("no duration of this range"))
        })+
        $(pub(super) fn $optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
            let text = String::deserialize(deserializer)?;
            if text.trim().eq_ignore_ascii_case("off") {
                return Ok(None);
            }
            let duration = duration(&text, &limits::$optional_range);
            duration.map(Some).ok_or_else(|| D::Error::custom("no duration of this range"))
        })+
    };
}

durations! {
    lease: LEASE, loss_window: LOSS_WINDOW, max_wait: MAX_WAIT, token_ttl: TOKEN_TTL, leeway: LEEWAY;
    or_off: poll_interval: POLL_INTERVAL, full_interval: FULL_INTERVAL, max_age: MAX_AGE, drain: DRAIN,
    erase_removed_after: ERASE_REMOVED_AFTER, request_expiry: REQUEST_EXPIRY
}

/// Reads an address with a port, or nothing.
pub(super) fn address_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text = text_or_empty(deserializer)?;
    text.map(|text| text.trim().parse().map_err(|_| D::Error::custom("no address with a port")))
        .transpose()
}

pub(super) fn url_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        Ok(None)
    } else {
        address(&text).map(Some).ok_or_else(|| D::Error::custom("no http address"))
    }
}

fn address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let open = url.query().is_none() && url.username().is_empty() && url.password().is_none();
    // Other characters that a host may contain could end a string or start an expression where the
    // address is inserted.
    let plain = url
        .as_str()
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&byte));
    (matches!(url.scheme(), "http" | "https") && url.has_host() && open && plain).then_some(url)
}

/// Parses an origin: an http or https address without a path, because locations are made by
/// appending to it, and without credentials. Returns it without a trailing slash.
#[must_use]
pub fn origin(text: &str) -> Option<String> {
    address(text).filter(is_origin).map(|url| url.as_str().trim_end_matches('/').to_owned())
}

/// Whether a URL leads to this machine.
#[must_use]
pub fn is_local(url: &Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
}

fn is_origin(url: &Url) -> bool {
    url.path() == "/" && url.fragment().is_none()
}

pub(super) fn origin_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Url>, D::Error> {
    let url = url_or_empty(deserializer)?;
    if url.as_ref().is_none_or(is_origin) {
        Ok(url)
    } else {
        Err(D::Error::custom("more than an origin"))
    }
}

pub(super) fn database_url<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<SecretString, D::Error> {
    let url = SecretString::from(String::deserialize(deserializer)?);
    let text = url.expose_secret();
    // The driver's error would print an invalid URL with its password. An `@` after the host comes
    // from a password that was not percent-encoded.
    let readable =
        |url: Url| url.has_host() && url.fragment().is_none() && !url.path().contains('@');
    let postgres = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
    if text.starts_with("sqlite:") || postgres && Url::parse(text).is_ok_and(readable) {
        Ok(url)
    } else {
        Err(D::Error::custom("no database address"))
    }
}

pub(super) fn secret_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretString>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let text = text.trim();
    // A secret is sent in a header, or is Base64: blanks or non-ASCII letters come from a copying
    // mistake.
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(D::Error::custom("no secret"));
    }
    Ok((!text.is_empty()).then(|| SecretString::from(text)))
}

pub(super) fn text_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Reads a log filter, in the syntax of `RUST_LOG`.
pub(super) fn log_level_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = text_or_empty(deserializer)?;
    let fits = |text: &String| wrong_log_filter(text).is_none();
    if text.as_ref().is_none_or(fits) { Ok(text) } else { Err(D::Error::custom("no level")) }
}

pub(super) fn file_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    Ok(text_or_empty(deserializer)?.map(PathBuf::from))
}

/// Reads a list of strings, or one string with commas, as an environment variable has it.
pub(super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        Many(Vec<String>),
        One(String),
    }
    let texts = match OneOrMany::deserialize(deserializer)? {
        OneOrMany::Many(texts) => texts,
        OneOrMany::One(text) => text.split(',').map(str::to_owned).collect(),
    };
    Ok(texts.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect())
}

/// Reads a list of networks. A single address is a network of its own.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let network =
        |text: String| text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let networks: Result<Vec<IpNet>, _> = texts(deserializer)?.into_iter().map(network).collect();
    networks.map_err(|_| D::Error::custom("no network"))
}

pub(super) fn region_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Region>, D::Error> {
    match String::deserialize(deserializer)?.to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "us" => Ok(Some(Region::Us)),
        "eu" => Ok(Some(Region::Eu)),
        "au" => Ok(Some(Region::Au)),
        _ => Err(D::Error::custom("no region")),
    }
}
