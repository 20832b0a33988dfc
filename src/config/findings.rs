//! Findings about wrong settings: each names the key, what it takes, and the source of the value.

use std::path::Path;

use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Provider};
use serde::de::DeserializeOwned;
use strsim::damerau_levenshtein;

use super::ConfigError;

/// All keys, each with what it takes.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("server.bind", "an address and a port, such as 127.0.0.1:8080"),
    (
        "server.public_url",
        "an http or https address without a path, such as https://bridge.example.com",
    ),
    ("server.tls_cert", "a file of certificates as PEM, the bridge's own first; with tls_key"),
    ("server.tls_key", "a file with the private key of the certificate as PEM; with tls_cert"),
    (
        "server.trusted_proxies",
        "addresses or networks, such as [\"10.0.0.0/8\", \"::1\"], or as one text with commas",
    ),
    ("server.ops_bind", "an address and a port, such as 127.0.0.1:9090, or nothing"),
    ("server.drain", "a duration from one second to five minutes, such as 5s; or off"),
    (
        "database.url",
        "sqlite://FILE?mode=rwc or postgres://USER:PASSWORD@HOST/NAME, with / ? # and @ of the password percent-encoded",
    ),
    (
        "intercom.access_token",
        "the access token of an app in Intercom's Developer Hub, without blanks in it",
    ),
    ("intercom.region", "us, eu or au"),
    ("intercom.base_url", "an http or https address, such as https://api.intercom.io"),
    (
        "intercom.client_id",
        "the client id of an app in Intercom's Developer Hub: letters, digits and hyphens",
    ),
    ("intercom.client_secret", "the client secret of an app in Intercom's Developer Hub"),
    ("intercom.api_version", "a version of Intercom's API from 2.0 on, such as 2.16, or Preview"),
    (
        "import.poll_interval",
        "a duration from one second to 30 days, such as 30s, 5m or 12h; or off",
    ),
    ("import.full_interval", "a duration from one second to 365 days, such as 12h or 7d; or off"),
    ("import.lease", "a duration from one second to ten minutes, such as 15s"),
    ("import.max_removals", "a whole number from 0 to 100, in percent"),
    (
        "import.max_team_removals",
        "a whole number from 0 to 100, in percent; or nothing, for the share of import.max_removals",
    ),
    (
        "import.max_membership_removals",
        "a whole number from 0 to 100, in percent; or nothing, for the share of import.max_removals",
    ),
    (
        "import.max_role_losses",
        "a whole number from 0 to 100, in percent; or nothing, for the share of import.max_removals",
    ),
    (
        "import.max_seat_losses",
        "a whole number from 0 to 100, in percent; or nothing, for the share of import.max_removals",
    ),
    (
        "import.max_identifier_losses",
        "a whole number from 0 to 100, in percent; or nothing, for the share of import.max_removals",
    ),
    ("import.small_losses", "a whole number from 0 to 100000"),
    ("import.loss_window", "a duration from one second to 365 days, such as 24h"),
    ("import.activity_lookback_days", "a whole number from 0 to 3650"),
    ("import.retention_days", "a whole number from 0 to 36500"),
    ("import.erase_removed_after", "a duration from one second to 36500 days, such as 90d; or off"),
    ("import.include_bots", "true or false"),
    ("serve.max_age", "a duration from one second to 365 days, such as 60s; or off"),
    ("serve.read_through", "true or false"),
    ("serve.max_wait", "a duration from one second to five minutes, such as 10s"),
    ("scim.max_results", "a whole number from 1 to 1000"),
    ("scim.cursor_pagination", "true or false"),
    ("scim.one_word_names", "repeat or given_only"),
    (
        "reviews.privileged_roles",
        "a list of names of roles, such as [\"Owner\", \"Admin\"], or one text with commas",
    ),
    (
        "access.encryption_key",
        "32 random bytes as Base64, as `openssl rand -base64 32` prints them",
    ),
    (
        "access.previous_encryption_key",
        "32 random bytes as Base64, as `openssl rand -base64 32` prints them",
    ),
    ("access.token_ttl", "a duration from one second to a day, such as 1h"),
    ("access.audit_retention_days", "a whole number from 1 to 36500"),
    ("limits.requests_per_second", "a whole number up to 1000000; 0 for no limit"),
    ("limits.burst", "a whole number up to 1000000; 0 for no limit"),
    ("limits.max_connections", "a whole number from 1 to 1000000"),
    ("limits.request_expiry", "a duration from one second to 3650 days, such as 180d; or off"),
    ("limits.max_connections_per_address", "a whole number up to 1000000; 0 for no limit"),
    ("limits.max_exports", "a whole number from 1 to 1000"),
    (
        "telemetry.log_level",
        "a level (error, warn, info, debug, trace, off), or modules with levels, such as info,intercom_scim_bridge=debug; or nothing",
    ),
    ("telemetry.log_format", "text or json"),
    (
        "telemetry.otlp_endpoint",
        "an http or https address, such as http://collector:4318, or nothing",
    ),
    (
        "workspaces[].name",
        "a word of small letters, digits and hyphens, up to 63, that no other workspace has",
    ),
    ("workspaces[].access_token", "the access token of an app in Intercom's Developer Hub"),
    ("workspaces[].access_token_file", "a file that can be read and holds the access token alone"),
    ("workspaces[].region", "us, eu or au"),
    ("workspaces[].base_url", "an http or https address, such as https://api.intercom.io"),
    (
        "workspaces[].client_id",
        "the client id of an app in Intercom's Developer Hub: letters, digits and hyphens",
    ),
    ("workspaces[].client_secret", "the client secret of an app in Intercom's Developer Hub"),
    (
        "workspaces[].client_secret_file",
        "a file that can be read and holds the client secret alone",
    ),
    (
        "access.issuers[].issuer",
        "what its tokens have as iss, letter by letter, and no other issuer here",
    ),
    ("access.issuers[].jwks_url", "the https address of its keys; http on this machine alone"),
    ("access.issuers[].audience", "what its tokens have as aud, or a list of such"),
    ("access.issuers[].algorithms", "a list of RS256, ES256 and EdDSA"),
    ("access.issuers[].leeway", "a duration from one second to five minutes, such as 30s"),
    ("access.issuers[].subject_claim", "the name of a claim, such as sub"),
    ("access.issuers[].scope_claim", "the name of a claim, such as scope, scp or roles"),
    (
        "access.issuers[].scopes",
        "a table of what a word in the claim allows, such as auditor = \"scim.read import.read\"; the words of the bridge are \
         scim.read, import.read, import.run, lifecycle.write and admin",
    ),
    ("access.issuers[].workspaces", "a list of names of workspaces that there are"),
];

/// Deserialises the settings. Each wrong value is recorded as a finding and replaced by its
/// default, then reading is repeated. The number of keys bounds the repetitions.
pub(super) fn repair<T: DeserializeOwned>(
    mut figment: Figment,
    defaults: &Figment,
    wrong: &mut Vec<String>,
) -> Result<T, ConfigError> {
    for _ in 0..=KEYS.len() {
        let error = match figment.extract::<T>() {
            Ok(config) => return Ok(config),
            Err(error) => error,
        };
        // A finding within a value (a list or a table) is about the key of that value.
        let mut keys = (1..=error.path.len()).rev().map(|length| error.path[..length].join("."));
        let found = keys.find_map(|key| Some((defaults.find_value(&key).ok()?, key)));
        let Some((default, key)) = found else {
            // The error is not about a key: a section is not a table.
            let section =
                error.path.first().map_or_else(|| "the configuration".to_owned(), Clone::clone);
            wrong.push(format!(
                "{section} (from {}) must be a section with keys in it, such as [server]",
                source(&figment, &section)
            ));
            break;
        };
        let is_table = figment.find_value(&key).is_ok_and(|value| value.as_dict().is_some());
        if default.as_dict().is_some() && !is_table {
            wrong.push(format!(
                "{key} (from {}) must be a section with keys in it, [{key}]",
                source(&figment, &key)
            ));
        } else {
            wrong.push(finding(&figment, &key));
        }
        if is_table {
            // Merging does not replace a table, so the rest cannot be read.
            break;
        }
        figment = figment.merge(Serialized::default(&key, default));
    }
    Err(ConfigError(std::mem::take(wrong)))
}

/// Returns why a settings file cannot be read: it is missing, or a line of it is not TOML. The
/// message never contains the text of the line, which may be a secret.
pub(super) fn unreadable(file: &Path) -> Option<String> {
    let wrong = |why: &str| {
        format!("the file {} that --config names cannot be read: {why}", file.display())
    };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return Some(wrong(&error.to_string())),
    };
    let error = Toml::string(&text).data().err()?.to_string();
    // The error consists of `TOML parse error at line 3, column 8`, the line with its number, a
    // marker line, and the reason.
    let shown = |line: &&str| {
        let line = line.trim_start_matches(|letter: char| letter == ' ' || letter.is_ascii_digit());
        line.starts_with('|')
    };
    let told: Vec<&str> = error
        .lines()
        .filter(|line| !shown(line) && !line.trim().is_empty())
        .map(str::trim)
        .collect();
    Some(wrong(&told.join(": ")))
}

pub(super) fn finding(figment: &Figment, key: &str) -> String {
    format!("{key} (from {}) must be {}", source(figment, key), what_is_allowed(key))
}

pub(super) fn what_is_allowed(key: &str) -> String {
    KEYS.iter()
        .find(|(known, _)| *known == key)
        .map_or_else(|| "another value".to_owned(), |(_, allowed)| (*allowed).to_owned())
}

pub(super) fn source(figment: &Figment, key: &str) -> String {
    let Some(metadata) = figment.find_metadata(key) else { return "the configuration".to_owned() };
    match &metadata.source {
        Some(source) => source.to_string(),
        None => metadata.name.to_string(),
    }
}

pub(super) fn unknown_keys(figment: &Figment) -> Vec<String> {
    let mut unknown = Vec::new();
    for (section, value) in figment.extract::<Dict>().unwrap_or_default() {
        let keys: Vec<String> = match &value {
            Value::Dict(_, keys) => keys.keys().map(|key| format!("{section}.{key}")).collect(),
            // `repair` reports a section that is not a table.
            _ if KEYS.iter().any(|(known, _)| known.starts_with(&format!("{section}."))) => {
                Vec::new()
            }
            _ => vec![section],
        };
        let is_list = |key: &str| {
            KEYS.iter()
                .any(|(known, _)| known.split_once("[]").is_some_and(|(list, _)| list == key))
        };
        for key in keys
            .into_iter()
            .filter(|key| !is_list(key) && KEYS.iter().all(|(known, _)| known != key))
        {
            let hint = meant(&key);
            unknown.push(format!(
                "{key} (from {}) is no setting of this bridge{hint}",
                source(figment, &key)
            ));
        }
    }
    unknown
}

/// Returns the suggestion of the most similar key, as the end of a sentence: the same name in
/// another section, or the nearest name. Empty if none is similar.
pub(super) fn meant(key: &str) -> String {
    let name = |key: &str| key.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let keys = || KEYS.iter().map(|(known, _)| *known);
    let lowered = key.to_ascii_lowercase();
    let distance = |known: &str| {
        // Covers both a right key in the wrong section and a misspelt key.
        let (whole, last) =
            (damerau_levenshtein(known, &lowered), damerau_levenshtein(&name(known), &name(key)));
        let longer = name(key).starts_with(&name(known)) || name(known).starts_with(&name(key));
        let section =
            |key: &str| key.rsplit_once('.').map(|(section, _)| section.to_ascii_lowercase());
        match name(known) == name(key) {
            true => 0,
            false if longer && section(known) == section(key) => 1,
            false => whole.min(last + 1),
        }
    };
    let nearest =
        keys().map(|known| (distance(known), known)).min_by_key(|(distance, _)| *distance);
    // Up to a third of the letters may be wrong. For short words this excludes accidental
    // similarity.
    let like = |(distance, _): &(usize, &str)| *distance == 0 || *distance <= name(key).len() / 3;
    nearest.filter(like).map_or_else(String::new, |(_, known)| format!("; did you mean {known}?"))
}

pub(super) fn out_of_range(figment: &Figment, errors: &validator::ValidationErrors) -> Vec<String> {
    let mut wrong = Vec::new();
    for (section, kind) in errors.errors() {
        if let validator::ValidationErrorsKind::Struct(fields) = kind {
            wrong.extend(
                fields.errors().keys().map(|field| finding(figment, &format!("{section}.{field}"))),
            );
        }
    }
    wrong
}
