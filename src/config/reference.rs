//! Generates the settings reference, `docs/configuration.md`, from the definitions of the settings.

use std::fmt::Write;

use super::DEFAULTS;
use super::environment::{EXPECTED, SECRETS, variable_of};
use super::findings::KEYS;

/// Returns the page as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = "# Configuration\n\nMade from `config/default.toml` and from what each key takes. A file of your own \
                    (`--config FILE`) says what differs, and the environment what differs from that: `BRIDGE_` + section + \
                    `__` + key. Secrets can stand in files, named by a variable with `_FILE` at its end.\n"
        .to_owned();
    let (mut section, mut said, mut described) = (String::new(), Vec::new(), false);
    for line in DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
            said.clear();
            // Writing into a `String` cannot fail.
            let _ = write!(page, "\n## {section}\n");
        } else if let Some(comment) = line.strip_prefix('#') {
            if std::mem::take(&mut described) {
                said.clear();
            }
            said.push(comment.trim());
        } else if let Some((key, value)) = line.split_once(" = ").filter(|_| !section.is_empty()) {
            let _ = entry(&mut page, &section, (key, value), &said.join(" "));
            // Consecutive keys share the comment above them.
            described = true;
        } else {
            said.clear();
        }
    }
    let _ = write!(
        page,
        "\n## Lists\n\n`[[workspaces]]` and `[[access.issuers]]` may stand in a file several times.\n\n"
    );
    for (key, takes) in KEYS.iter().filter(|(key, _)| key.contains("[]")) {
        let _ = writeln!(page, "* `{}`: {takes}", key.replace("[]", ""));
    }
    page
}

fn entry(
    page: &mut String,
    section: &str,
    (key, value): (&str, &str),
    said: &str,
) -> std::fmt::Result {
    let name = format!("{section}.{key}");
    let takes = KEYS.iter().find(|(known, _)| *known == name).map_or("", |(_, takes)| takes);
    let variable = variable_of(&name);
    writeln!(page, "\n### {name}\n\n{said}\n")?;
    let secret = if SECRETS.contains(&name.as_str()) { "; a secret" } else { "" };
    let default = if value == "\"\"" { "empty".to_owned() } else { format!("`{value}`") };
    let expected = EXPECTED
        .iter()
        .find(|(_, key)| *key == name)
        .map(|(variable, _)| format!(", or `{variable}`"));
    let expected = expected.unwrap_or_default();
    writeln!(page, "Takes {takes}. Default: {default}. Variable: `{variable}`{expected}{secret}.")
}
