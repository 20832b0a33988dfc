//! One entry of the table of settings, and the reading of its value.
//!
//! [`section`] defines a section: for each key its meaning, type, default and rule. The type, the
//! check, the findings, `config/default.toml` and `docs/configuration.md` all follow from it.

use figment::Figment;
use figment::value::{Dict, Value};

use super::rules::Rule;

/// A setting, for findings and for the generated documents.
#[derive(Debug)]
pub(super) struct Setting {
    /// Section and key: `server.bind`, or `workspaces[].name` for the tables of a list.
    pub key: &'static str,
    /// Its meaning, one line for each line of the comment.
    pub docs: &'static [&'static str],
    /// The default or, if it is [required](Self::required), an example.
    pub default: Value,
    /// The allowed values, as the rest of the sentence "It takes …".
    pub allowed: String,
    /// Whether a table without it is refused.
    pub required: bool,
    /// Whether it is a secret, so that its value can be read from a file.
    pub secret: bool,
    /// The short name of its environment variable.
    pub variable: Option<&'static str>,
}

impl Setting {
    /// Describes a key with its rule.
    pub(super) fn new<T>(
        key: &'static str,
        docs: &'static [&'static str],
        default: Value,
        rule: Rule<T>,
    ) -> Self {
        let Rule { allowed, required, secret, variable, .. } = rule;
        Self { key, docs, default, allowed, required, secret, variable }
    }

    /// Returns the meaning as one paragraph.
    pub(super) fn meaning(&self) -> String {
        self.docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }

    /// The section, or the list of tables, that the key is in.
    pub(super) fn section(&self) -> &'static str {
        self.key.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// Whether the key is in the tables of a list.
    pub(super) fn is_of_a_list(&self) -> bool {
        self.section().ends_with("[]")
    }

    /// The name of its environment variable with the prefix.
    pub(super) fn prefixed_variable(&self) -> String {
        format!("BRIDGE_{}", self.key.replace('.', "__").to_ascii_uppercase())
    }

    /// The key without its section.
    pub(super) fn name(&self) -> &'static str {
        self.key.rsplit_once('.').map_or(self.key, |(_, name)| name)
    }
}

/// Defines a section of the settings, or the table of a list: its type, how it is read, and its
/// entries in the table of settings.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident in $section:literal {
            $(
                $(#[doc = $doc:literal])*
                pub $field:ident: $type:ty = $default:expr, $rule:expr;
            )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $( $(#[doc = $doc])* pub $field: $type, )*
        }

        impl $name {
            /// Returns the settings of this section.
            pub(in crate::config) fn settings() -> Vec<$crate::config::setting::Setting> {
                vec![$({
                    let rule: $crate::config::rules::Rule<$type> = $rule;
                    $crate::config::setting::Setting::new(
                        concat!($section, ".", stringify!($field)),
                        &[$($doc),*],
                        figment::value::Value::from($default),
                        rule,
                    )
                }),*]
            }

            /// Reads the section. Wrong values become findings and are replaced by their defaults.
            pub(in crate::config) fn read(
                values: &mut $crate::config::setting::Values<'_>,
            ) -> Option<Self> {
                Some(Self {
                    $($field: values.read(
                        stringify!($field),
                        &figment::value::Value::from($default),
                        &$rule,
                    )?),*
                })
            }
        }
    };
}
pub(super) use section;

/// The written values of one section, or of one table of a list.
pub(super) struct Values<'a> {
    figment: &'a Figment,
    /// The name of the section in findings: `server` or `workspaces[1]`.
    label: String,
    table: &'a Dict,
    /// What was wrong with the values read so far.
    pub findings: Vec<String>,
}

impl<'a> Values<'a> {
    pub(super) fn new(figment: &'a Figment, label: String, table: &'a Dict) -> Self {
        Self { figment, label, table, findings: Vec::new() }
    }

    /// Reads one value by its rule. A wrong or missing value becomes a finding, and the default is
    /// returned. `None` if the default is wrong, which a test excludes.
    pub(super) fn read<T: 'static>(
        &mut self,
        key: &str,
        default: &Value,
        rule: &Rule<T>,
    ) -> Option<T> {
        let label = &self.label;
        let allowed = &rule.allowed;
        match self.table.get(key) {
            Some(written) => {
                if let Some(value) = rule.read(written) {
                    return Some(value);
                }
                let source = source_of(self.figment, written);
                self.findings.push(format!("{label}.{key} (from {source}) must be {allowed}"));
            }
            None if rule.required => {
                self.findings.push(format!("{label}.{key} is missing; it must be {allowed}"));
            }
            None => {}
        }
        rule.read(default)
    }
}

/// Returns where a value comes from: a file or an environment variable.
pub(super) fn source_of(figment: &Figment, value: &Value) -> String {
    let Some(metadata) = figment.get_metadata(value.tag()) else {
        return "the configuration".to_owned();
    };
    match &metadata.source {
        Some(source) => source.to_string(),
        None => metadata.name.to_string(),
    }
}

/// The same as [`source_of`], for the value of a key.
pub(super) fn source(figment: &Figment, key: &str) -> String {
    match figment.find_value(key) {
        Ok(value) => source_of(figment, &value),
        Err(_) => "the configuration".to_owned(),
    }
}
