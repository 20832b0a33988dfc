//! Erases the personal fields of rows.

use serde_json::json;

use super::digests;
use super::fields::one_form;
use super::salted::{ACTIVITY_FIELDS, ERASED, PERSON, Proof, REQUEST_FIELDS, REQUESTED_BY};
use crate::database::entities::{activity, imports, lifecycle_requests, user_versions};

/// The value of one of the fields in [`REQUEST_FIELDS`].
pub(super) fn request_field<'a>(
    row: &'a lifecycle_requests::Model,
    field: &str,
) -> Option<&'a str> {
    match field {
        "requester" => Some(&row.requester),
        "target" => row.target.as_deref(),
        "user_name" => row.user_name.as_deref(),
        "comment" => row.comment.as_deref(),
        "closed_by" => row.closed_by.as_deref(),
        _ => row.note.as_deref(),
    }
}

/// Erases the personal fields of a version. Returns `None` if they are erased already.
pub(super) fn erase_version(
    mut row: user_versions::Model,
) -> Option<(user_versions::Model, Vec<&'static str>)> {
    let value = digests::person(&row);
    let mut proof = Proof::of(row.proof.as_deref()).unwrap_or_default();
    if proof.is_erased(PERSON) {
        return None;
    }
    proof.erase(PERSON, value.as_deref(), &[PERSON]);
    (row.email, row.name, row.first_name, row.last_name, row.job_title) =
        (None, None, None, None, None);
    row.proof = Some(proof.written());
    Some((row, vec![PERSON]))
}

/// Erases these fields of a log entry.
pub(super) fn erase_entry(mut row: activity::Model, fields: &[&'static str]) -> activity::Model {
    let mut proof = Proof::of(row.proof.as_deref()).unwrap_or_default();
    for field in fields {
        let details = one_form(&row.metadata);
        let value = match *field {
            "actor" => row.performed_by_id.take(),
            "email" => row.performed_by_email.take(),
            "subject" => row.subject_id.take(),
            "ip" => row.ip.take(),
            "description" => row.description.take(),
            _ => Some(details),
        };
        proof.erase(field, value.as_deref(), &ACTIVITY_FIELDS);
        if *field == "metadata" {
            row.metadata = json!({});
        }
    }
    activity::Model { proof: Some(proof.written()), ..row }
}

/// Erases these fields of a request.
pub(super) fn erase_request(
    mut row: lifecycle_requests::Model,
    fields: &[&'static str],
) -> lifecycle_requests::Model {
    let mut proof = Proof::of(row.proof.as_deref()).unwrap_or_default();
    for field in fields {
        proof.erase(field, request_field(&row, field), &REQUEST_FIELDS);
        let erased = ERASED.to_owned();
        match *field {
            "requester" => row.requester = erased,
            "target" => row.target = Some(erased),
            "user_name" => row.user_name = Some(erased),
            "comment" => row.comment = Some(erased),
            "closed_by" => row.closed_by = Some(erased),
            _ => row.note = Some(erased),
        }
    }
    lifecycle_requests::Model { proof: Some(proof.written()), ..row }
}

/// Erases who requested a run.
pub(super) fn erase_run(mut row: imports::Model) -> imports::Model {
    let mut proof = Proof::of(row.proof.as_deref()).unwrap_or_default();
    proof.erase(REQUESTED_BY, row.requested_by.as_deref(), &[REQUESTED_BY]);
    row.requested_by = Some(ERASED.to_owned());
    imports::Model { proof: Some(proof.written()), ..row }
}
