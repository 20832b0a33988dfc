//! SHA-256 over named fields, and the normalised text of JSON.

use std::fmt::Write as _;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use time::OffsetDateTime;

/// The prefix of digests that cover commitments. A digest without it covers personal data directly.
pub(super) const SALTED: &str = "s.";

/// SHA-256 over named fields, as 43 characters of base64url.
pub(super) struct Fields(Context);

impl Fields {
    pub(super) fn named(what: &str) -> Self {
        Self(Context::new(&SHA256)).text("of", Some(what))
    }

    /// Writes the length before the value, so that no value can look like another field.
    pub(super) fn text(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.0.update(name.as_bytes());
            self.0.update(b"=");
            self.0.update(value.len().to_string().as_bytes());
            self.0.update(b":");
            self.0.update(value.as_bytes());
            self.0.update(b"\n");
        }
        self
    }

    pub(super) fn number(self, name: &str, value: Option<i64>) -> Self {
        self.text(name, value.map(|value| value.to_string()).as_deref())
    }

    /// Microseconds, which is the precision of PostgreSQL.
    pub(super) fn time(self, name: &str, value: Option<OffsetDateTime>) -> Self {
        let micros = value.map(|value| value.unix_timestamp_nanos().div_euclid(1_000).to_string());
        self.text(name, micros.as_deref())
    }

    pub(super) fn json(self, name: &str, value: Option<&Value>) -> Self {
        self.text(name, value.map(one_form).as_deref())
    }

    /// The digest of a row whose personal fields are covered by commitments.
    pub(super) fn salted(self) -> String {
        SALTED.to_owned() + &self.end()
    }

    pub(super) fn end(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.finish())
    }
}

/// The normalised text of a JSON value.
pub(super) fn one_form(value: &Value) -> String {
    let mut text = String::new();
    canonical(value, &mut text);
    text
}

/// Below this, every whole number is written as an integer. Larger ones are read as floating-point
/// numbers.
const INTEGERS_END: f64 = 18_446_744_073_709_551_616.0;

/// Writes JSON in the form in which PostgreSQL gives it back: sorted keys, and whole numbers
/// without a fraction or an exponent.
fn canonical(value: &Value, to: &mut String) {
    match value {
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if float.fract() == 0.0 && float.abs() < INTEGERS_END => {
                // Adding zero removes the sign of -0. Writing to a `String` does not fail.
                let _ = write!(to, "{:.0}", float + 0.0);
            }
            _ => to.push_str(&number.to_string()),
        },
        Value::Array(values) => {
            to.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    to.push(',');
                }
                canonical(value, to);
            }
            to.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            to.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    to.push(',');
                }
                to.push_str(&Value::from(name.as_str()).to_string());
                to.push(':');
                canonical(value, to);
            }
            to.push('}');
        }
        other => to.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form(text: &str) -> String {
        one_form(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn json_has_one_form_however_a_database_writes_it() {
        for (written, kept) in [
            (r#"{"b":1,"a":[true,null]}"#, r#"{"a": [true, null], "b": 1}"#),
            ("1e16", "10000000000000000"),
            ("-0.0", "0.0"),
            ("7.0", "7"),
            ("-1e19", "-10000000000000000000"),
            ("1e300", &format!("1{}", "0".repeat(300))),
            ("1e-7", "0.0000001"),
            (r#""\u00e9\n""#, r#""é\n""#),
        ] {
            assert_eq!(form(written), form(kept), "{written}");
        }
        assert_ne!(form("0.1"), form("0.2"));
        assert_ne!(form(r#"{"a":1}"#), form(r#"{"a":"1"}"#));
    }

    #[test]
    fn a_digest_distinguishes_fields_and_omits_null() {
        let digest =
            |a: Option<&str>, b: Option<&str>| Fields::named("x").text("a", a).text("b", b).end();
        assert_ne!(digest(Some("1"), None), digest(None, Some("1")));
        assert_ne!(digest(Some(""), None), digest(None, None));
        assert_ne!(digest(Some("1\nb=1:2"), None), digest(Some("1"), Some("2")));
        assert_eq!(digest(Some("1"), None), Fields::named("x").text("a", Some("1")).end());
        assert_ne!(
            Fields::named("x").json("m", Some(&json!({"a": 1}))).end(),
            Fields::named("x").json("m", None).end()
        );
    }
}
