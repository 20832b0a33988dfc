//! The digests of versions of people, log entries, runs, requests and the closings of requests.
//!
//! A digest covers each column of its row by name, except columns that are null. So a column that a
//! later version adds does not change the digests of older rows. JSON is normalised first, since
//! PostgreSQL stores it in a form of its own.
//!
//! A digest covers personal fields by salted commitments ([`salted`](super::salted)), so that they
//! can be erased. In rows that an earlier version wrote, it covers them directly.

use std::fmt::Write as _;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use time::OffsetDateTime;

use super::entities::{activity, imports, lifecycle_requests, user_versions};
use super::salted::{PERSON, Proof, REQUESTED_BY, SALTED};
use super::{LedgerError, chain, rows};

/// The digest of a version of a person.
///
/// # Errors
/// [`LedgerError::Corrupt`] for a row the bridge did not write.
pub(super) fn of_user(row: &user_versions::Model) -> Result<String, LedgerError> {
    let Some(proof) = Proof::of(row.proof.as_deref()) else {
        let user = rows::user(row.clone())?;
        return Ok(chain::digest(&row.workspace, row.from_generation, &user));
    };
    let digest = Fields::named("user")
        .text("workspace", Some(&row.workspace))
        .text("id", Some(&row.user_id))
        .number("from", Some(row.from_generation))
        .number("active", Some(i64::from(row.active)))
        .number("has_inbox_seat", row.has_inbox_seat.map(i64::from))
        .text("role_id", row.role_id.as_deref())
        .text("role_name", row.role_name.as_deref())
        .json("permissions", row.permissions.as_ref())
        .number("two_factor_auth", row.two_factor_auth.map(i64::from))
        .time("joined_at", row.joined_at)
        .time("removed_at", row.removed_at)
        .text(PERSON, Some(&proof.commitment(PERSON, person(row).as_deref())));
    Ok(digest.salted())
}

/// The personal fields of a version as one text. `None` if all of them are null.
pub(super) fn person(row: &user_versions::Model) -> Option<String> {
    let fields = [&row.email, &row.name, &row.first_name, &row.last_name, &row.job_title];
    // Strings always serialise.
    fields
        .iter()
        .any(|field| field.is_some())
        .then(|| serde_json::to_string(&fields).unwrap_or_default())
}

/// The digest of a log entry.
pub(super) fn of_activity(row: &activity::Model) -> String {
    if let Some(proof) = Proof::of(row.proof.as_deref()) {
        let of = |field: &str, value: Option<&str>| proof.commitment(field, value);
        return Fields::named("activity")
            .text("workspace", Some(&row.workspace))
            .text("id", Some(&row.id))
            .time("at", Some(row.at))
            .text("kind", Some(&row.kind))
            .text("team_id", row.team_id.as_deref())
            .text("actor", Some(&of("actor", row.performed_by_id.as_deref())))
            .text("email", Some(&of("email", row.performed_by_email.as_deref())))
            .text("subject", Some(&of("subject", row.subject_id.as_deref())))
            .text("metadata", Some(&of("metadata", Some(&one_form(&row.metadata)))))
            .salted();
    }
    Fields::named("activity")
        .text("workspace", Some(&row.workspace))
        .text("id", Some(&row.id))
        .time("at", Some(row.at))
        .text("kind", Some(&row.kind))
        .text("performed_by_id", row.performed_by_id.as_deref())
        .text("performed_by_email", row.performed_by_email.as_deref())
        .text("subject_id", row.subject_id.as_deref())
        .text("team_id", row.team_id.as_deref())
        .json("metadata", Some(&row.metadata))
        .end()
}

/// The digest of a run that has ended.
pub(super) fn of_run(row: &imports::Model) -> String {
    // A run that nobody requested contains no personal data and needs no salt.
    let proof = Proof::of(row.proof.as_deref());
    let requested_by = covered(proof.as_ref(), REQUESTED_BY, row.requested_by.as_deref());
    let fields = Fields::named("run")
        .number("id", Some(row.id))
        .text("workspace", Some(&row.workspace))
        .text("mode", Some(&row.mode))
        .text("trigger", Some(&row.trigger))
        .text(REQUESTED_BY, requested_by.as_deref())
        .number("allow_removals", Some(i64::from(row.allow_removals)))
        .number("fence", row.fence)
        .text("status", Some(&row.status))
        .time("queued_at", row.queued_at)
        .time("started_at", Some(row.started_at))
        .time("observed_at", row.observed_at)
        .time("finished_at", row.finished_at)
        .number("generation", row.generation)
        .json("counts", Some(&row.counts))
        .time("activity_watermark", row.activity_watermark)
        .number("intercom_calls", Some(row.intercom_calls))
        .number("intercom_retries", Some(row.intercom_retries))
        .text("progress", row.progress.as_deref())
        .json("warnings", Some(&row.warnings))
        .json("error", row.error.as_ref())
        .json("held_by", row.held_by.as_ref());
    if proof.is_some() { fields.salted() } else { fields.end() }
}

/// The digest of a request as it was made.
pub(super) fn of_request(row: &lifecycle_requests::Model) -> String {
    let proof = Proof::of(row.proof.as_deref());
    let personal = |field: &str, value: Option<&str>| covered(proof.as_ref(), field, value);
    let fields = Fields::named("request")
        .text("reference", Some(&row.reference))
        .text("workspace", Some(&row.workspace))
        .time("at", Some(row.at))
        .text("source", Some(&row.source))
        .text("requester", personal("requester", Some(&row.requester)).as_deref())
        .text("request_id", Some(&row.request_id))
        .text("method", Some(&row.method))
        .text("operation", Some(&row.operation))
        .text("target", personal("target", row.target.as_deref()).as_deref())
        .text("entitlement", row.entitlement.as_deref())
        .text("user_name", personal("user_name", row.user_name.as_deref()).as_deref())
        .text("comment", personal("comment", row.comment.as_deref()).as_deref());
    if proof.is_some() { fields.salted() } else { fields.end() }
}

/// A personal field as a digest covers it: its commitment, or its value in a row that was never
/// salted.
fn covered(proof: Option<&Proof>, field: &str, value: Option<&str>) -> Option<String> {
    match proof {
        Some(proof) => Some(proof.commitment(field, value)),
        None => value.map(str::to_owned),
    }
}

/// The digest of the closing of a request.
pub(super) fn of_closing(row: &lifecycle_requests::Model) -> String {
    if let Some(proof) = Proof::of(row.proof.as_deref()) {
        let of = |field: &str, value: Option<&str>| proof.commitment(field, value);
        return Fields::named("closing")
            .text("reference", Some(&row.reference))
            .text("workspace", Some(&row.workspace))
            .text("state", Some(&row.state))
            .time("closed_at", row.closed_at)
            .number("repeats", row.repeats)
            .time("last_at", row.last_at)
            .text("closed_by", Some(&of("closed_by", row.closed_by.as_deref())))
            .text("note", Some(&of("note", row.note.as_deref())))
            .salted();
    }
    Fields::named("closing")
        .text("reference", Some(&row.reference))
        .text("workspace", Some(&row.workspace))
        .text("state", Some(&row.state))
        .time("closed_at", row.closed_at)
        .text("closed_by", row.closed_by.as_deref())
        .text("note", row.note.as_deref())
        .end()
}

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
    fn time(self, name: &str, value: Option<OffsetDateTime>) -> Self {
        let micros = value.map(|value| value.unix_timestamp_nanos().div_euclid(1_000).to_string());
        self.text(name, micros.as_deref())
    }

    fn json(self, name: &str, value: Option<&Value>) -> Self {
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
    use serde_json::json;

    use super::*;
    use crate::directory::User;
    use crate::directory::variants::assert_shows_each_member;

    #[test]
    fn the_digest_of_a_version_covers_each_member_of_a_user() {
        let proof = Proof::fresh().unwrap();
        let digest = |user: &User| {
            let row = rows::user_row("default", 1, user).unwrap();
            of_user(&user_versions::Model { proof: Some(proof.clone()), ..row }).unwrap()
        };
        let exceptions = [("erased", "an erasure keeps the digest, so that it can be verified")];
        assert_shows_each_member(digest, &exceptions);
    }

    fn form(text: &str) -> String {
        let mut to = String::new();
        canonical(&serde_json::from_str(text).unwrap(), &mut to);
        to
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
    fn a_digest_tells_fields_apart_and_leaves_out_what_is_null() {
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
