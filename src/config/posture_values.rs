//! Rules of `[[posture.exceptions]]`.

use time::OffsetDateTime;

use super::rules::Rule;
use crate::moments::{self, Edge, Zone};
use crate::posture::{CheckId, ExceptedSubject, ReasonCode, TEXT_CHARACTERS};
use crate::words::Words;

/// The id of a check.
pub(super) fn check_id() -> Rule<CheckId> {
    Rule::text(format!("the id of a check: {}", CheckId::list()), |text| {
        CheckId::from_word(&text.trim().to_ascii_uppercase())
    })
}

/// What an exception is about.
pub(super) fn subject() -> Rule<ExceptedSubject> {
    let allowed = "the subject of a finding, an address, or domain:example.com";
    Rule::text(allowed, ExceptedSubject::read)
}

/// Why a finding is accepted.
pub(super) fn reason_code() -> Rule<ReasonCode> {
    Rule::text(ReasonCode::list(), |text| ReasonCode::from_word(text.trim()))
}

/// A reason.
pub(super) fn sentence() -> Rule<String> {
    Rule::text(format!("a text of 1 to {TEXT_CHARACTERS} characters"), |text| {
        let text = text.trim();
        let fits = (1..=TEXT_CHARACTERS).contains(&text.chars().count());
        (fits && !text.chars().any(char::is_control)).then(|| text.to_owned())
    })
}

/// The end of an exception. A day is included.
pub(super) fn end() -> Rule<OffsetDateTime> {
    let allowed = "a day or a time, such as 2027-02-01 or 2027-02-01T12:00:00Z";
    Rule::text(allowed, |text| {
        moments::read(text.trim(), Edge::End, &Zone::UTC).map(|moment| moment.moment)
    })
}
