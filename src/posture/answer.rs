//! Recorded answers: what a person saw in Intercom, for checks that no source answers.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::exception::{Force, force};
use super::status::{CheckId, Status};
use crate::words::words;

words! {
    /// What a person can answer.
    pub enum AnswerStatus {
        /// It is as it should be.
        Pass = "pass",
        /// It is not.
        Fail = "fail",
        /// The question does not apply to this workspace.
        NotApplicable = "not_applicable",
    }
}

impl From<AnswerStatus> for Status {
    fn from(answer: AnswerStatus) -> Self {
        match answer {
            AnswerStatus::Pass => Self::Pass,
            AnswerStatus::Fail => Self::Fail,
            AnswerStatus::NotApplicable => Self::NotApplicable,
        }
    }
}

/// A recorded answer to a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Its number. Of two answers in force, the one with the greater number counts.
    pub number: u64,
    /// The check.
    pub check: CheckId,
    /// The answer.
    pub status: AnswerStatus,
    /// What the person saw.
    pub note: String,
    /// Who recorded it.
    pub by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Until when it counts. After that, the check is manual again.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
}

impl Answer {
    /// Whether the answer counts at a moment.
    #[must_use]
    pub fn is_in_force(&self, now: OffsetDateTime) -> bool {
        force(self.until, self.revoked_at.is_some(), now) == Force::Standing
    }
}

/// The answer to a check that counts at a moment.
pub(super) fn in_force(answers: &[Answer], check: CheckId, now: OffsetDateTime) -> Option<&Answer> {
    answers
        .iter()
        .filter(|answer| answer.check == check && answer.is_in_force(now))
        .max_by_key(|answer| answer.number)
}
