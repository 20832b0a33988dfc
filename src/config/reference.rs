//! What is generated from the table of settings: the defaults, `config/default.toml` and
//! `docs/configuration.md`.

use figment::Figment;
use figment::providers::Serialized;
use figment::value::Value;

use super::sections::settings;
use super::setting::Setting;

/// The head of `config/default.toml`.
const FILE_HEAD: &str = "\
# All settings of the bridge, with their defaults. Copy the ones that you want to change into a file of
# your own, and start the bridge with `--config FILE`. Or set environment variables, named BRIDGE_ +
# section + __ + key, for example BRIDGE_SERVER__BIND. Some have short names too: DATABASE_URL,
# INTERCOM_ACCESS_TOKEN, INTERCOM_CLIENT_ID, INTERCOM_CLIENT_SECRET, INTERCOM_REGION, INTERCOM_BASE_URL.
#
# Secrets can be read from a file, which a variable with the suffix _FILE names: DATABASE_URL_FILE,
# INTERCOM_ACCESS_TOKEN_FILE, INTERCOM_CLIENT_SECRET_FILE, BRIDGE_ACCESS__ENCRYPTION_KEY_FILE.
#
# Precedence, from low to high: these defaults, your file, BRIDGE_… variables, variables with short names.
#
# On SIGHUP, a running bridge reads its settings again. It applies Intercom's access tokens and client
# secrets, the certificate and log_level, and reports which other settings have changed.
#
# Durations are written like 30s, 5m, 12h or 7d.
#
# This file is generated from src/config/sections.
";

/// The head of `docs/configuration.md`.
const PAGE_HEAD: &str = "\
# Configuration

This page is generated from the definitions of the settings in `src/config/sections`, like
[`config/default.toml`](../config/default.toml). Write the settings that you want to change into a file of your own
(`--config FILE`), or set environment variables: `BRIDGE_` + section + `__` + key. Variables override the file. Secrets
can be read from files, which variables with the suffix `_FILE` name. Durations are written like `30s`, `5m`, `12h` or
`7d`.
";

/// What the lists are for: the name, and the text.
const LISTS: [(&str, &str); 4] = [
    (
        "workspaces",
        "More workspaces, each a table of its own. A table takes from section intercom what it \
         leaves out, except the access token. The workspace of section intercom exists too if that \
         section has an access token; if it is connected by OAuth, it needs a table named default.",
    ),
    (
        "notifications",
        "Outbound webhooks: endpoints to which the bridge sends events, each a table of its own. \
         docs/notifications.md describes the messages.",
    ),
    (
        "posture.exceptions",
        "Findings of the posture that are accepted for a time, each a table of its own. An \
         exception that ends later than 365 days from now is not in force yet.",
    ),
    (
        "access.issuers",
        "Other issuers whose tokens are accepted (Okta, Entra, Auth0, Keycloak …), each a table of \
         its own.",
    ),
];

/// Returns the defaults of all sections.
pub(super) fn defaults() -> Figment {
    let plain = settings().iter().filter(|setting| !setting.is_of_a_list());
    plain.fold(Figment::new(), |figment, setting| {
        figment.merge(Serialized::default(setting.key, &setting.default))
    })
}

/// Returns the content of `config/default.toml`.
#[must_use]
pub fn default_file() -> String {
    let mut blocks = vec![FILE_HEAD.to_owned()];
    let mut section = "";
    for setting in settings().iter().filter(|setting| !setting.is_of_a_list()) {
        if section != setting.section() {
            section = setting.section();
            blocks.push(format!("\n[{section}]\n"));
        }
        blocks.push(described(setting));
        blocks.push(format!("{} = {}\n", setting.name(), toml(&setting.default)));
    }
    for (list, about) in LISTS {
        blocks.push(format!("\n{}#\n# [[{list}]]\n", comment(about)));
        for setting in of_list(list) {
            let line = match &setting.default {
                Value::Dict(..) => format!("[{list}.{}]", setting.name()),
                value => format!("{} = {}", setting.name(), toml(value)),
            };
            let lines = described(setting);
            let lines = lines.lines().chain([line.as_str()]);
            blocks.extend(lines.map(|line| format!("# {line}\n")));
        }
    }
    blocks.concat()
}

/// Returns the content of `docs/configuration.md`.
#[must_use]
pub fn reference() -> String {
    let mut blocks = vec![PAGE_HEAD.to_owned()];
    let mut section = "";
    for setting in settings().iter().filter(|setting| !setting.is_of_a_list()) {
        if section != setting.section() {
            section = setting.section();
            blocks.push(format!("\n## {section}\n"));
        }
        blocks.push(entry(setting));
    }
    blocks.push("\n## Lists\n".to_owned());
    for (list, about) in LISTS {
        blocks.push(format!("\n### {list}\n\n`[[{list}]]`. {about}\n\n"));
        blocks.extend(of_list(list).map(item));
    }
    blocks.concat()
}

/// Returns the settings in the tables of a list.
fn of_list(list: &str) -> impl Iterator<Item = &'static Setting> {
    settings().iter().filter(move |setting| setting.section().strip_suffix("[]") == Some(list))
}

/// Returns the entry of a key on the page.
fn entry(setting: &Setting) -> String {
    let short = setting.variable.map_or_else(String::new, |name| format!(", or `{name}`"));
    let secret = if setting.secret { ". A secret" } else { "" };
    format!(
        "\n### {}\n\n{}\n\nTakes {}. {} Variable: `{}`{short}{secret}.\n",
        setting.key,
        setting.meaning(),
        setting.allowed,
        default_of(setting),
        setting.prefixed_variable(),
    )
}

/// Returns the entry of a key in the tables of a list on the page.
fn item(setting: &Setting) -> String {
    format!(
        "* `{}`: {} Takes {}. {}\n",
        setting.name(),
        setting.meaning(),
        setting.allowed,
        default_of(setting),
    )
}

fn default_of(setting: &Setting) -> String {
    match toml(&setting.default).as_str() {
        _ if setting.required => "Required.".to_owned(),
        "\"\"" | "{}" => "Default: empty.".to_owned(),
        value => format!("Default: `{value}`."),
    }
}

/// Returns the comment above a key.
fn described(setting: &Setting) -> String {
    let secret = if setting.secret { " A secret." } else { "" };
    let required = if setting.required { " Required." } else { "" };
    comment(&format!("{} Takes {}.{secret}{required}", setting.meaning(), setting.allowed))
}

/// Wraps a text as comment lines of at most 100 characters.
fn comment(text: &str) -> String {
    let mut lines = vec!["#".to_owned()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < 100 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("# {word}")),
        }
    }
    lines.join("\n") + "\n"
}

/// Writes a value in TOML. Defaults are strings, booleans, whole numbers, arrays and tables.
fn toml(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Bool(_, value) => value.to_string(),
        Value::Num(_, number) => number.to_u128().unwrap_or_default().to_string(),
        Value::Array(_, items) => {
            let items: Vec<String> = items.iter().map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        _ => "{}".to_owned(),
    }
}
