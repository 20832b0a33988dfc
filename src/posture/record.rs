//! What people record about checks: exceptions, answers, and their revocations. Records are
//! appended, never changed.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use time::OffsetDateTime;

use super::answer::{Answer, AnswerStatus};
use super::exception::{ExceptedSubject, Exception, LASTS, ReasonCode, TEXT_CHARACTERS};
use super::status::CheckId;
use super::table::check;

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number in the workspace.
    pub number: u64,
    /// When it was recorded.
    pub at: OffsetDateTime,
    /// Who recorded it.
    pub by: String,
    /// What was recorded.
    pub act: Act,
}

/// What a person records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Act {
    /// An exception.
    Exception {
        /// The check.
        check: CheckId,
        /// What it is about.
        subject: ExceptedSubject,
        /// Why, in one word.
        reason_code: ReasonCode,
        /// Why, in a sentence.
        reason: String,
        /// Until when it is in force.
        #[serde(with = "time::serde::rfc3339")]
        until: OffsetDateTime,
        /// The ticket about it.
        ticket: Option<String>,
    },
    /// An answer to a check that no source answers.
    Answer {
        /// The check.
        check: CheckId,
        /// The answer.
        status: AnswerStatus,
        /// What the person saw.
        note: String,
        /// Until when it counts.
        #[serde(with = "time::serde::rfc3339")]
        until: OffsetDateTime,
    },
    /// The end of an exception or an answer before its time.
    Revocation {
        /// The number of the record that is revoked.
        number: u64,
    },
}

/// Why something is not recorded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadRecord {
    /// It has no end, or one too far ahead.
    #[error("`until` must be a time after now, and at most 365 days ahead")]
    Until,
    /// The reason or the note is empty or too long.
    #[error(
        "the reason or note must have 1 to {TEXT_CHARACTERS} characters, and no control characters but line breaks"
    )]
    Text,
    /// The ticket is empty or too long.
    #[error("the ticket must have 1 to 200 characters; leave it out if there is none")]
    Ticket,
    /// The check has sources.
    #[error(
        "{0} takes no answers, because the bridge itself checks it; record an exception instead"
    )]
    NoAnswers(CheckId),
    /// There is nothing to revoke.
    #[error("there is no exception and no answer in force with the number {0}")]
    NothingToRevoke(u64),
}

impl Act {
    /// The event of the audit trail, and what it is about; `None` for the record itself.
    #[must_use]
    pub fn event(&self) -> (&'static str, Option<String>) {
        match self {
            Self::Exception { check, .. } => ("posture.excepted", Some(check.to_string())),
            Self::Answer { check, .. } => ("posture.answered", Some(check.to_string())),
            Self::Revocation { number } => ("posture.revoked", Some(number.to_string())),
        }
    }

    /// Checks whether it may be recorded now. `records` are all that were recorded.
    ///
    /// # Errors
    /// The reason why not.
    pub fn check(&self, records: &[Record], now: OffsetDateTime) -> Result<(), BadRecord> {
        let lasts = |until: OffsetDateTime| {
            let is_fine = until > now && until <= now + LASTS;
            if is_fine { Ok(()) } else { Err(BadRecord::Until) }
        };
        match self {
            Self::Exception { reason, until, ticket, .. } => {
                lasts(*until)?;
                let fits = |ticket: &String| is_text(ticket, 200);
                if !ticket.as_ref().is_none_or(fits) {
                    return Err(BadRecord::Ticket);
                }
                is_text(reason, TEXT_CHARACTERS).then_some(()).ok_or(BadRecord::Text)
            }
            Self::Answer { check: id, note, until, .. } => {
                lasts(*until)?;
                if !check(*id).takes_answers {
                    return Err(BadRecord::NoAnswers(*id));
                }
                is_text(note, TEXT_CHARACTERS).then_some(()).ok_or(BadRecord::Text)
            }
            Self::Revocation { number } => {
                let (exceptions, answers) = exceptions_and_answers(records);
                let exceptions = exceptions.iter().filter(|one| one.is_in_force(now));
                let answers = answers.iter().filter(|one| one.is_in_force(now));
                let mut numbers =
                    exceptions.filter_map(|one| one.number).chain(answers.map(|one| one.number));
                let is_there = numbers.any(|there| there == *number);
                is_there.then_some(()).ok_or(BadRecord::NothingToRevoke(*number))
            }
        }
    }
}

fn is_text(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.trim().chars().count())
        && text.chars().all(|letter| !letter.is_control() || letter == '\n')
}

/// Returns the exceptions and the answers of records, with their revocations.
#[must_use]
pub fn exceptions_and_answers(records: &[Record]) -> (Vec<Exception>, Vec<Answer>) {
    let revoked_at = |number: u64| {
        let revokes = |record: &&Record| record.act == Act::Revocation { number };
        records.iter().filter(revokes).map(|record| record.at).min()
    };
    let mut exceptions = Vec::new();
    let mut answers = Vec::new();
    for Record { number, at, by, act } in records {
        match act.clone() {
            Act::Exception { check, subject, reason_code, reason, until, ticket } => {
                exceptions.push(Exception {
                    number: Some(*number),
                    check,
                    subject,
                    reason_code,
                    reason,
                    by: by.clone(),
                    since: Some(*at),
                    until,
                    revoked_at: revoked_at(*number),
                    ticket,
                });
            }
            Act::Answer { check, status, note, until } => answers.push(Answer {
                number: *number,
                check,
                status,
                note,
                by: by.clone(),
                at: *at,
                until,
                revoked_at: revoked_at(*number),
            }),
            Act::Revocation { .. } => {}
        }
    }
    (exceptions, answers)
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-27 12:00 UTC);

    fn exception(until: OffsetDateTime, reason: &str, ticket: Option<&str>) -> Act {
        Act::Exception {
            check: CheckId::Acc2,
            subject: ExceptedSubject::read("adm_1").unwrap(),
            reason_code: ReasonCode::Planned,
            reason: reason.to_owned(),
            until,
            ticket: ticket.map(str::to_owned),
        }
    }

    fn answer(check: CheckId) -> Act {
        let until = NOW + Duration::days(90);
        Act::Answer { check, status: AnswerStatus::Pass, note: "Seen".to_owned(), until }
    }

    fn record(number: u64, act: Act) -> Record {
        Record { number, at: NOW - Duration::HOUR, by: "mia".to_owned(), act }
    }

    #[test]
    fn a_record_needs_an_end_within_a_year_and_a_reason() {
        let year = NOW + Duration::days(365);
        for (act, expected) in [
            (exception(year, "On leave", None), Ok(())),
            (exception(year + Duration::SECOND, "On leave", None), Err(BadRecord::Until)),
            (exception(NOW, "On leave", None), Err(BadRecord::Until)),
            (exception(year, " ", None), Err(BadRecord::Text)),
            (exception(year, &"x".repeat(1_001), None), Err(BadRecord::Text)),
            (exception(year, "a\u{7}", None), Err(BadRecord::Text)),
            (exception(year, "On leave", Some("")), Err(BadRecord::Ticket)),
            (answer(CheckId::Auth4), Ok(())),
            (answer(CheckId::Acc2), Err(BadRecord::NoAnswers(CheckId::Acc2))),
            (Act::Revocation { number: 1 }, Err(BadRecord::NothingToRevoke(1))),
        ] {
            assert_eq!(act.check(&[], NOW), expected, "{act:?}");
        }
    }

    #[test]
    fn a_record_can_be_revoked_once() {
        let mut records = vec![record(1, answer(CheckId::Auth4))];
        let revocation = Act::Revocation { number: 1 };
        assert_eq!(revocation.check(&records, NOW), Ok(()));
        records.push(record(2, revocation.clone()));
        assert_eq!(revocation.check(&records, NOW), Err(BadRecord::NothingToRevoke(1)));
        let (_, answers) = exceptions_and_answers(&records);
        assert_eq!(answers[0].revoked_at, Some(NOW - Duration::HOUR));
    }

    #[test]
    fn a_record_is_the_same_after_it_was_stored() {
        for act in [
            exception(NOW + Duration::DAY, "On leave", Some("SEC-1")),
            answer(CheckId::Auth4),
            Act::Revocation { number: 7 },
        ] {
            let stored = serde_json::to_value(&act).unwrap();
            assert_eq!(serde_json::from_value::<Act>(stored).unwrap(), act);
        }
    }
}
