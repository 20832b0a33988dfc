//! The digests of versions of people, log entries, runs, requests and the closings of requests.
//!
//! A digest covers each column of its row by name, except columns that are null. So a column that a
//! later version adds does not change the digests of older rows. JSON is normalised first, since
//! PostgreSQL stores it in a form of its own.
//!
//! A digest covers personal fields by salted commitments ([`salted`](super::salted)), so that they
//! can be erased. In rows that an earlier version wrote, it covers them directly.

use super::fields::{Fields, one_form};
use super::salted::{PERSON, Proof, REQUESTED_BY};
use super::{LedgerError, chain, rows};
use crate::database::entities::{activity, imports, lifecycle_requests, user_versions};

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

/// The form of the digests of new log entries: it covers the address, the type of the actor, the
/// description, when the entry was recorded, and its place in the feed. Rows without a form are
/// from earlier versions, which had none of these.
pub(super) const ACTIVITY_FORM: i64 = 2;

/// The digest of a log entry.
pub(super) fn of_activity(row: &activity::Model) -> String {
    if let Some(proof) = Proof::of(row.proof.as_deref()) {
        let of = |field: &str, value: Option<&str>| proof.commitment(field, value);
        let fields = Fields::named("activity")
            .text("workspace", Some(&row.workspace))
            .text("id", Some(&row.id))
            .time("at", Some(row.at))
            .text("kind", Some(&row.kind))
            .text("team_id", row.team_id.as_deref())
            .text("actor", Some(&of("actor", row.performed_by_id.as_deref())))
            .text("email", Some(&of("email", row.performed_by_email.as_deref())))
            .text("subject", Some(&of("subject", row.subject_id.as_deref())))
            .text("metadata", Some(&of("metadata", Some(&one_form(&row.metadata)))));
        let fields = match row.digest_form {
            None => fields
                // Null in these rows, and then not covered. If someone fills them, it shows.
                .text("ip", row.ip.as_deref())
                .text("description", row.description.as_deref()),
            Some(form) => fields
                .number("form", Some(form))
                .text("ip", Some(&of("ip", row.ip.as_deref())))
                .text("description", Some(&of("description", row.description.as_deref())))
                .number("recorded_at", row.recorded_at)
                .number("seq", row.seq),
        };
        return fields.text("actor_type", row.actor_type.as_deref()).salted();
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
        .text("ip", row.ip.as_deref())
        .text("description", row.description.as_deref())
        .text("actor_type", row.actor_type.as_deref())
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

#[cfg(test)]
mod tests {
    use super::super::new_rows;
    use super::*;
    use crate::directory::User;
    use crate::directory::variants::assert_shows_each_member;

    #[test]
    fn the_digest_of_a_version_covers_each_member_of_a_user() {
        let proof = Proof::fresh().unwrap();
        let digest = |user: &User| {
            let row = new_rows::user_row("default", 1, user).unwrap();
            of_user(&user_versions::Model { proof: Some(proof.clone()), ..row }).unwrap()
        };
        let exceptions = [("erased", "an erasure keeps the digest, so that it can be verified")];
        assert_shows_each_member(digest, &exceptions);
    }
}
