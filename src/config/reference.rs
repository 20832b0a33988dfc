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
const LISTS: [(&str, &str); 2] = [
    (
        "workspaces",
        "More workspaces, each a table of its own. A table takes from section intercom what it \
         leaves out, except the access token. The workspace of section intercom exists too if that \
         section has an access token; if it is connected by OAuth, it needs a table named default.",
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
    let mut file = FILE_HEAD.to_owned();
    let mut section = "";
    for setting in settings().iter().filter(|setting| !setting.is_of_a_list()) {
        if section != setting.section() {
            section = setting.section();
            file.push_str(&format!("\n[{section}]\n"));
        }
        file.push_str(&described(setting));
        file.push_str(&format!("{} = {}\n", setting.name(), toml(&setting.default)));
    }
    for (list, about) in LISTS {
        file.push('\n');
        file.push_str(&comment(about));
        file.push_str(&format!("#\n# [[{list}]]\n"));
        for setting in of_list(list) {
            let line = match &setting.default {
                Value::Dict(..) => format!("[{list}.{}]", setting.name()),
                value => format!("{} = {}", setting.name(), toml(value)),
            };
            for line in described(setting).lines().chain([line.as_str()]) {
                file.push_str(&format!("# {line}\n"));
            }
        }
    }
    file
}

/// Returns the content of `docs/configuration.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = PAGE_HEAD.to_owned();
    let mut section = "";
    for setting in settings().iter().filter(|setting| !setting.is_of_a_list()) {
        if section != setting.section() {
            section = setting.section();
            page.push_str(&format!("\n## {section}\n"));
        }
        page.push_str(&entry(setting));
    }
    page.push_str("\n## Lists\n");
    for (list, about) in LISTS {
        page.push_str(&format!("\n### {list}\n\n`[[{list}]]`. {about}\n\n"));
        for setting in of_list(list) {
            let need = if setting.required { " Required." } else { "" };
            page.push_str(&format!(
                "* `{}`: {} Takes {}.{need}{}\n",
                setting.name(),
                setting.meaning(),
                setting.allowed,
                if setting.required { String::new() } else { default_of(setting) },
            ));
        }
    }
    page
}

fn of_list(list: &str) -> impl Iterator<Item = &'static Setting> {
    settings().iter().filter(move |setting| setting.section().strip_suffix("[]") == Some(list))
}

/// Returns the entry of a key on the page.
fn entry(setting: &Setting) -> String {
    let short = setting.variable.map_or_else(String::new, |name| format!(", or `{name}`"));
    let secret = if setting.secret { ". A secret" } else { "" };
    format!(
        "\n### {}\n\n{}\n\nTakes {}.{} Variable: `{}`{short}{secret}.\n",
        setting.key,
        setting.meaning(),
        setting.allowed,
        default_of(setting),
        setting.prefixed_variable(),
    )
}

fn default_of(setting: &Setting) -> String {
    match toml(&setting.default).as_str() {
        "\"\"" | "{}" => " Default: empty.".to_owned(),
        value => format!(" Default: `{value}`."),
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
    let mut comment = String::new();
    let mut line = "#".to_owned();
    for word in text.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > 100 {
            comment.push_str(&format!("{line}\n"));
            line = "#".to_owned();
        }
        line.push(' ');
        line.push_str(word);
    }
    comment.push_str(&format!("{line}\n"));
    comment
}

/// Writes a value in TOML. Defaults are strings, booleans, whole numbers, arrays and tables.
fn toml(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Bool(_, value) => value.to_string(),
        Value::Num(_, number) => number.to_u128().map_or_else(String::new, |n| n.to_string()),
        Value::Array(_, items) => {
            let items: Vec<String> = items.iter().map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        _ => "{}".to_owned(),
    }
}
