//! Rules of single settings: addresses, secrets, names.

use std::collections::BTreeMap;
use std::net::IpAddr;

use figment::value::Value;
use ipnet::IpNet;
use reqwest::Url;
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::rules::{Rule, text_list};
use crate::access::{Scope, SigningAlgorithm, Vault};
use crate::activity::WantedKinds;
use crate::console::ConsoleRole;
use crate::directory::Price;
use crate::intercom::Region;
use crate::limits;
use crate::words::Words;

/// The allowed values of a log filter.
const LOG_FILTER: &str = "a level (error, warn, info, debug, trace, off), or modules with levels, \
                          such as info,intercom_scim_bridge=debug";

/// A version of Intercom's API: a number such as `2.16`, or `Preview` (formerly `Unstable`) for
/// unreleased resources. With any other word Intercom would refuse each call.
pub(super) fn api_version() -> Rule<String> {
    let allowed = "a version of Intercom's API from 2.0 on, such as 2.16, or Preview";
    Rule::text(allowed, |text| {
        let text = text.trim();
        let words = ["Preview", "Unstable"];
        if let Some(name) = words.into_iter().find(|name| name.eq_ignore_ascii_case(text)) {
            return Some(name.to_owned());
        }
        let minor = text.strip_prefix("2.").unwrap_or_default();
        let is_number =
            (1..=2).contains(&minor.len()) && minor.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.to_owned())
    })
}

/// The client id of an app. Intercom's are UUIDs. Text with other characters is not one, and must
/// not become part of a URL.
pub(super) fn client_id() -> Rule<String> {
    let allowed =
        "the client id of an app in Intercom's Developer Hub: letters, digits and hyphens";
    Rule::text(allowed, |text| {
        let text = text.trim();
        let fits = text.len() <= limits::CLIENT_ID_BYTES
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        fits.then(|| text.to_owned())
    })
}

/// A secret. It is sent in a header, or is Base64: blanks or non-ASCII letters in it come from a
/// copying mistake.
pub(super) fn secret(allowed: &str) -> Rule<SecretString> {
    Rule::text(allowed, |text| {
        let text = text.trim();
        text.bytes().all(|byte| byte.is_ascii_graphic()).then(|| SecretString::from(text))
    })
}

/// An encryption key. A wrong one is reported together with all other findings, and not only when
/// it is used.
pub(super) fn encryption_key() -> Rule<SecretString> {
    let allowed = "32 random bytes as Base64, as `openssl rand -base64 32` prints them";
    let key = secret(allowed);
    Rule::new(allowed, move |value| key.read(value).filter(|key| Vault::new(key, None).is_ok()))
        .secret()
}

/// An http or https address without credentials and query.
pub(super) fn url(example: &str) -> Rule<Url> {
    Rule::text(format!("an http or https address, such as {example}"), address)
}

/// The same as [`url`], but http only for this machine: a token is sent there, and what is read
/// there decides whose account is whose.
pub(super) fn safe_url(example: &str) -> Rule<Url> {
    Rule::text(format!("an https address, such as {example}; http only on this machine"), |text| {
        address(text).filter(|url| url.scheme() == "https" || is_local(url))
    })
}

/// An http or https address without a path, because locations are made by appending to it.
pub(super) fn origin_url() -> Rule<Url> {
    let allowed = "an http or https address without a path, such as https://bridge.example.com";
    Rule::text(allowed, |text| address(text).filter(is_origin))
}

fn address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_bare = url.query().is_none() && url.username().is_empty() && url.password().is_none();
    // Other characters that a host may contain could end a string or start an expression where the
    // address is inserted.
    let is_plain = url
        .as_str()
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&byte));
    let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
    (is_http && is_bare && is_plain).then_some(url)
}

/// Parses an origin: an http or https address without a path and without credentials. Returns it
/// without a trailing slash.
#[must_use]
pub fn origin(text: &str) -> Option<String> {
    address(text).filter(is_origin).map(|url| url.as_str().trim_end_matches('/').to_owned())
}

fn is_origin(url: &Url) -> bool {
    url.path() == "/" && url.fragment().is_none()
}

/// Whether a URL leads to this machine.
#[must_use]
pub fn is_local(url: &Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
}

/// The URL of a database.
pub(super) fn database_url() -> Rule<SecretString> {
    let allowed = "sqlite://FILE?mode=rwc or postgres://USER:PASSWORD@HOST/NAME, with / ? # and @ \
                   of the password percent-encoded";
    Rule::text(allowed, |text| {
        // The driver's error would print an invalid URL with its password. An `@` after the host
        // comes from a password that was not percent-encoded.
        let is_readable =
            |url: Url| url.has_host() && url.fragment().is_none() && !url.path().contains('@');
        let schemes = ["postgres://", "postgresql://"];
        let is_postgres = schemes.iter().any(|scheme| text.starts_with(scheme));
        let fits =
            text.starts_with("sqlite:") || is_postgres && Url::parse(text).is_ok_and(is_readable);
        fits.then(|| SecretString::from(text))
    })
    .secret()
}

/// A log filter, in the syntax of `RUST_LOG`.
pub(super) fn log_filter() -> Rule<String> {
    Rule::text(LOG_FILTER, |text| {
        let text = text.trim();
        is_log_filter(text).then(|| text.to_owned())
    })
}

/// Returns what is wrong with the environment variable `RUST_LOG`.
#[must_use]
pub fn wrong_log_filter(filter: &str) -> Option<String> {
    let is_wrong = !is_log_filter(filter);
    is_wrong.then(|| format!("RUST_LOG (from the environment) must be {LOG_FILTER}"))
}

/// Whether each part of a log filter means something. The logging library takes any unknown word
/// for the name of a module, and would then log nothing.
fn is_log_filter(filter: &str) -> bool {
    let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
    let is_ours = |word: &str| word.starts_with("intercom_scim_bridge");
    let fits = |part: &str| match part.rsplit_once('=') {
        // Brackets and braces select spans; the library checks them.
        _ if part.contains(['[', ']', '{', '}']) => true,
        Some((module, level)) => !module.trim().is_empty() && is_level(level.trim()),
        None => is_level(part) || is_ours(part),
    };
    let mut parts = filter.split(',').map(str::trim).filter(|part| !part.is_empty());
    EnvFilter::builder().parse(filter).is_ok() && parts.all(fits)
}

/// A list of networks. A single address is a network of its own.
pub(super) fn networks() -> Rule<Vec<IpNet>> {
    let allowed = "a list of addresses or networks, such as [\"10.0.0.0/8\", \"::1\"], or one string with commas";
    Rule::new(allowed, |value| {
        let network = |text: String| {
            text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()
        };
        text_list(value)?.into_iter().map(network).collect()
    })
}

/// The kinds of log entries to read.
pub(super) fn activity_types() -> Rule<WantedKinds> {
    let allowed = "security, all, or a list of kinds of log entries, such as \
                   [\"admin_login_failure\", \"bulk_export\"], or one string with commas";
    Rule::new(allowed, |value| WantedKinds::parse(&text_list(value)?))
}

/// The region of a workspace.
pub(super) fn region() -> Rule<Region> {
    Rule::text("us, eu or au", |text| match text.to_ascii_lowercase().as_str() {
        "us" => Some(Region::Us),
        "eu" => Some(Region::Eu),
        "au" => Some(Region::Au),
        _ => None,
    })
}

/// The name of a workspace.
pub(super) fn workspace_name() -> Rule<String> {
    let allowed = "1 to 63 lower-case letters, digits and hyphens, and different from the names of \
                   the other workspaces";
    Rule::text(allowed, |name| {
        let fits = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        (fits && (1..=63).contains(&name.len())).then(|| name.to_owned())
    })
}

/// The URL of an issuer's keys. It must be https, except for a local address: keys read over plain
/// HTTP could be forged.
pub(super) fn jwks_url() -> Rule<Url> {
    Rule::text("the https address of its keys; http only on this machine", |text| {
        let url = Url::parse(text.trim()).ok()?;
        let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_local(&url);
        is_safe.then_some(url)
    })
}

/// A list of signature algorithms.
pub(super) fn algorithms() -> Rule<Vec<SigningAlgorithm>> {
    Rule::new("a list of RS256, ES256 and EdDSA", |value| {
        let words = text_list(value).filter(|words| !words.is_empty())?;
        words.iter().map(|word| word.parse().ok()).collect()
    })
}

/// The scopes that each word of a claim grants.
pub(super) fn scopes() -> Rule<BTreeMap<String, Vec<Scope>>> {
    let allowed = "a table from each word of the claim to scopes, such as auditor = \"scim.read \
                   import.read\"; the scopes are scim.read, import.read, activity.read, \
                   import.run, lifecycle.write, posture.read, roster.read, roster.write and admin";
    Rule::new(allowed, |value| {
        let read = |(word, list): (&String, &Value)| {
            Some((word.clone(), Scope::parse_list(list.as_str()?).ok()?))
        };
        value.as_dict()?.iter().map(read).collect()
    })
}

/// The role in the console that each word gives.
pub(super) fn console_roles() -> Rule<BTreeMap<String, ConsoleRole>> {
    let allowed = "a table from each group or domain to a role, such as Support-Leads = \"reviewer\"; \
                   the roles are viewer, reviewer and admin";
    Rule::new(allowed, |value| {
        let read = |(word, role): (&String, &Value)| {
            Some((word.clone(), ConsoleRole::from_word(role.as_str()?)?))
        };
        value.as_dict()?.iter().map(read).collect()
    })
}

/// A price: a decimal number.
pub(super) fn price() -> Rule<Price> {
    let allowed = "a decimal number as a string, such as \"39.50\", with at most nine digits before \
                   the point and four after it";
    Rule::new(allowed, |value| match value {
        Value::String(_, text) => text.trim().parse().ok(),
        // A number with a fraction is not exact, so it must be a string.
        Value::Num(_, number) => number.to_u128()?.to_string().parse().ok(),
        _ => None,
    })
}

/// A currency.
pub(super) fn currency() -> Rule<String> {
    Rule::text("the code of a currency (ISO 4217), such as USD", |text| {
        let code = text.trim().to_ascii_uppercase();
        (code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_uppercase())).then_some(code)
    })
}
