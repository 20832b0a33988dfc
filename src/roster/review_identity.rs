//! The columns that the roster appends to an access review. They come last, so that programs that
//! read columns by their position still work.

use std::collections::HashMap;

use serde::Serialize;
use time::Date;

use super::evaluation::{Evaluated, Evaluation};
use super::matching::{Confidence, MatchRule, Outcome, WhyUnmatched};
use super::{Class, ClassReason, Status, dates};
use crate::directory::UserId;
use crate::words::words;

words! {
    /// Something about an account that a reviewer should look at.
    pub enum Flag {
        /// No rule gives a person.
        Unmatched = "unmatched",
        /// A rule gives several people.
        Ambiguous = "ambiguous",
        /// A decision names a person whom the roster does not have any more.
        DecisionDangling = "decision_dangling",
        /// The account has no readable address.
        UnreadableAddress = "unreadable_address",
        /// The person has left, and the account is active.
        TerminatedActive = "terminated_active",
        /// Another active account has the same person.
        DuplicateAccount = "duplicate_account",
        /// A service account has no active owner.
        Ownerless = "ownerless",
    }
}

/// Returns the flags of an account, sorted.
#[must_use]
pub fn flags(evaluation: &Evaluation<'_>, row: &Evaluated<'_>) -> Vec<Flag> {
    let unmatched = match &row.outcome {
        Outcome::Unmatched { why, .. } if row.is_unmatched() => Some(match why {
            WhyUnmatched::None => Flag::Unmatched,
            WhyUnmatched::Ambiguous => Flag::Ambiguous,
            WhyUnmatched::Dangling => Flag::DecisionDangling,
            WhyUnmatched::Unreadable => Flag::UnreadableAddress,
        }),
        _ => None,
    };
    let terminated = row.is_terminated_active(evaluation.day).then_some(Flag::TerminatedActive);
    let duplicate = row.is_duplicate.then_some(Flag::DuplicateAccount);
    let is_ownerless = row.owner_problem.is_some() && row.account.user.active;
    let ownerless = is_ownerless.then_some(Flag::Ownerless);
    [unmatched, terminated, duplicate, ownerless].into_iter().flatten().collect()
}

/// The columns that the roster appends to an access review. Without a roster all are empty
/// ([`ReviewIdentity::default`]), not "unknown".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReviewIdentity {
    /// The class of the account.
    pub identity_class: Option<Class>,
    /// The key of the person in the roster.
    pub person_key: Option<String>,
    /// The status of the person.
    pub person_status: Option<Status>,
    /// The rule that found the person.
    pub match_rule: Option<MatchRule>,
    /// How certain that is.
    pub match_confidence: Option<Confidence>,
    /// The employee number.
    pub employee_number: Option<String>,
    /// The department.
    pub department: Option<String>,
    /// The manager's key, or what the source has instead.
    pub manager: Option<String>,
    /// Of a service account: the key or address of the responsible person.
    pub owner: Option<String>,
    /// The person's last day.
    #[serde(with = "dates::option")]
    pub ended_at: Option<Date>,
    /// What a reviewer should look at: the flags, separated by `;`.
    pub flags: Option<String>,
    /// Why the account has its class. Not a column of the review.
    #[serde(skip)]
    pub class_reason: Option<ClassReason>,
}

impl ReviewIdentity {
    /// The columns, in order.
    pub const COLUMNS: &'static [&'static str] = &[
        "identity_class",
        "person_key",
        "person_status",
        "match_rule",
        "match_confidence",
        "employee_number",
        "department",
        "manager",
        "owner",
        "ended_at",
        "flags",
    ];

    /// Returns the columns for one account.
    #[must_use]
    pub fn new(evaluation: &Evaluation<'_>, row: &Evaluated<'_>) -> Self {
        let person = row.person;
        let flags: Vec<&str> = flags(evaluation, row).into_iter().map(Flag::as_str).collect();
        Self {
            identity_class: Some(row.classified.class),
            person_key: person.map(|person| person.key.to_string()),
            person_status: person.map(|person| person.status_on(evaluation.day.today)),
            match_rule: row.rule(),
            match_confidence: row.rule().map(MatchRule::confidence),
            employee_number: person
                .and_then(|person| person.employee_number.as_deref())
                .map(str::to_owned),
            department: person.and_then(|person| person.department.as_deref()).map(str::to_owned),
            manager: person.and_then(|person| person.manager.as_deref()).map(str::to_owned),
            owner: row.classified.owner.map(str::to_owned),
            ended_at: person.and_then(|person| person.ended),
            flags: (!flags.is_empty()).then(|| flags.join(";")),
            class_reason: Some(row.classified.reason),
        }
    }
}

/// Returns the columns of the access review for each account, by its id.
#[must_use]
pub fn review_columns<'a>(evaluation: &Evaluation<'a>) -> HashMap<&'a UserId, ReviewIdentity> {
    let row = |row: &Evaluated<'a>| (&row.account.user.id, ReviewIdentity::new(evaluation, row));
    evaluation.accounts.iter().map(row).collect()
}
