//! The views of an evaluation: identities, unmatched, terminated-active, ownerless. People without
//! an account are in none of them.

use std::collections::HashMap;

use serde::Serialize;
use time::{Date, Duration, OffsetDateTime};

use super::class::ClassReason;
use super::evaluation::{Evaluated, Evaluation, OwnerProblem};
use super::matching::{Confidence, MatchRule, Outcome, WhyUnmatched};
use super::{Class, EndedSource, PersonKey, Status, dates};
use crate::directory::{UserId, account_id, user_name};
use crate::moments::Zone;
use crate::words::words;

/// Intercom's id of an account with this SCIM id.
#[must_use]
pub fn user_id(account_id: &str) -> UserId {
    UserId::new(account_id.strip_prefix("adm_").unwrap_or(account_id))
}

/// An account and its person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The SCIM id of the account.
    pub account_id: String,
    /// The sign-in address; the id, for an account without one.
    pub user_name: String,
    /// The key of the person in the roster.
    pub person_key: Option<String>,
    /// The class of the account.
    pub class: Class,
    /// The rule that found the person.
    pub match_rule: Option<MatchRule>,
    /// How certain that is.
    pub confidence: Option<Confidence>,
    /// The decision, if the rule is one.
    pub decision_id: Option<u64>,
    /// The status of the person.
    pub person_status: Option<Status>,
    /// The person's last day.
    #[serde(with = "dates::option")]
    pub ended: Option<Date>,
    /// The manager's key, or what the source has instead.
    pub manager: Option<String>,
    /// The department.
    pub department: Option<String>,
    /// The employee number.
    pub employee_number: Option<String>,
    /// Of a service account: the key or address of the responsible person.
    pub owner: Option<String>,
    /// Whether another active account has the same person.
    pub duplicate_account: bool,
    /// The version of the roster.
    pub roster_version: u64,
    /// Why the account has its class.
    pub class_reason: ClassReason,
}

impl Identity {
    /// The columns of the view, in order.
    pub const COLUMNS: &'static [&'static str] = &[
        "account_id",
        "user_name",
        "person_key",
        "class",
        "match_rule",
        "confidence",
        "decision_id",
        "person_status",
        "ended",
        "manager",
        "department",
        "employee_number",
        "owner",
        "duplicate_account",
        "roster_version",
        "class_reason",
    ];
}

/// Returns one row for each account.
#[must_use]
pub fn identities(evaluation: &Evaluation<'_>) -> Vec<Identity> {
    let row = |row: &Evaluated<'_>| {
        let person = row.person;
        let decision_id = match row.outcome {
            Outcome::Matched { decision, .. } | Outcome::Unmatched { decision, .. } => decision,
            Outcome::Machine => None,
        };
        Identity {
            account_id: account_id(&row.account.user.id),
            user_name: user_name(row.account.user),
            person_key: person.map(|person| person.key.to_string()),
            class: row.classified.class,
            match_rule: row.rule(),
            confidence: row.rule().map(MatchRule::confidence),
            decision_id,
            person_status: person.map(|person| person.status_on(evaluation.day.today)),
            ended: person.and_then(|person| person.ended),
            manager: person.and_then(|person| person.manager.as_deref()).map(str::to_owned),
            department: person.and_then(|person| person.department.as_deref()).map(str::to_owned),
            employee_number: person
                .and_then(|person| person.employee_number.as_deref())
                .map(str::to_owned),
            owner: row.classified.owner.map(str::to_owned),
            duplicate_account: row.is_duplicate,
            roster_version: evaluation.input.roster.version,
            class_reason: row.classified.reason,
        }
    };
    evaluation.accounts.iter().map(row).collect()
}

/// An active account without a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnmatchedAccount {
    /// The SCIM id of the account.
    pub account_id: String,
    /// The sign-in address; the id, for an account without one.
    pub user_name: String,
    /// Why it has no person.
    pub why: WhyUnmatched,
    /// The keys of the people between whom a rule cannot decide.
    pub candidates: Vec<String>,
    /// The keys of people with a similar name, the most similar first.
    pub suggestions: Vec<String>,
    /// The class that the words of the address suggest.
    pub suggested_class: Option<Class>,
    /// Days since the day on which the account was made, or on which the bridge saw it first.
    pub days_since_joining: i64,
    /// Whether the account can grant access to others; null if that is unknown.
    pub is_privileged: Option<bool>,
    /// The decision that names a person whom the roster does not have any more.
    pub decision_id: Option<u64>,
}

impl UnmatchedAccount {
    /// The columns of the view, in order.
    pub const COLUMNS: &'static [&'static str] = &[
        "account_id",
        "user_name",
        "why",
        "candidates",
        "suggestions",
        "suggested_class",
        "days_since_joining",
        "is_privileged",
        "decision_id",
    ];
}

/// Returns the active accounts without a person (see [`Evaluated::is_unmatched`]).
#[must_use]
pub fn unmatched(evaluation: &Evaluation<'_>) -> Vec<UnmatchedAccount> {
    let people = evaluation.input.roster.people();
    let keys = |places: &[usize]| {
        places.iter().filter_map(|place| Some(people.get(*place)?.key.to_string())).collect()
    };
    let row = |row: &Evaluated<'_>| match &row.outcome {
        Outcome::Unmatched { why, candidates, suggestions, decision } if row.is_unmatched() => {
            Some(UnmatchedAccount {
                account_id: account_id(&row.account.user.id),
                user_name: user_name(row.account.user),
                why: *why,
                candidates: keys(candidates),
                suggestions: keys(suggestions),
                suggested_class: row.classified.suggested,
                days_since_joining: days_since_joining(row, evaluation),
                is_privileged: row.account.is_privileged,
                decision_id: *decision,
            })
        }
        _ => None,
    };
    evaluation.accounts.iter().filter_map(row).collect()
}

/// Counts days by the calendar, so that the number is the same during a whole day.
fn days_since_joining(row: &Evaluated<'_>, evaluation: &Evaluation<'_>) -> i64 {
    let day = evaluation.day;
    (day.today - day.zone.date_at(row.account.joined_at())).whole_days().max(0)
}

/// The sign-ins that the activity log has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignIns {
    /// The times of each person's sign-ins.
    pub times: HashMap<UserId, Vec<OffsetDateTime>>,
    /// The time range for which the log was read without a gap; `None` if none of it was read.
    pub covered: Option<(OffsetDateTime, OffsetDateTime)>,
}

words! {
    /// What a row about a leaver's account means for an auditor.
    pub enum LeaverFinding {
        /// The person left, and the account still has access.
        Fail = "fail",
        /// The same is probable: the match is derived, and a person must check it first.
        Review = "review",
    }
}

/// An active account of a person who has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TerminatedActive {
    /// The SCIM id of the account.
    pub account_id: String,
    /// The sign-in address; the id, for an account without one.
    pub user_name: String,
    /// The key of the person in the roster.
    pub person_key: String,
    /// The person's last day; null if the roster only says that the person has left.
    #[serde(with = "dates::option")]
    pub ended: Option<Date>,
    /// How the end is known.
    pub ended_source: EndedSource,
    /// Whole days since the last day.
    pub days_since_end: Option<i64>,
    /// The number of sign-ins after the last day; null if the activity log has none and does not
    /// cover all the time since then, or if the last day is unknown.
    pub sign_ins_after_end: Option<u64>,
    /// The last sign-in after the last day.
    #[serde(with = "crate::date_time::option")]
    pub last_sign_in_after_end: Option<OffsetDateTime>,
    /// Whether the account can grant access to others; null if that is unknown.
    pub is_privileged: Option<bool>,
    /// The rule that found the person.
    pub match_rule: MatchRule,
    /// How certain that is.
    pub confidence: Confidence,
    /// What it means for an auditor.
    pub finding: LeaverFinding,
}

impl TerminatedActive {
    /// The columns of the view, in order.
    pub const COLUMNS: &'static [&'static str] = &[
        "account_id",
        "user_name",
        "person_key",
        "ended",
        "ended_source",
        "days_since_end",
        "sign_ins_after_end",
        "last_sign_in_after_end",
        "is_privileged",
        "match_rule",
        "confidence",
        "finding",
    ];
}

/// Returns the active accounts of people who have left, once `grace` has passed since their last
/// day (`roster.ended_grace`, in whole days). [`note_sign_ins`] adds the sign-ins.
#[must_use]
pub fn terminated_active(evaluation: &Evaluation<'_>, grace: Duration) -> Vec<TerminatedActive> {
    let day = evaluation.day;
    let row = |row: &Evaluated<'_>| {
        let person = row.person?;
        let rule = row.rule()?;
        let in_grace = person
            .ended
            .is_some_and(|ended| ended.checked_add(grace).is_none_or(|end| end >= day.today));
        if !row.is_terminated_active(day) || in_grace && !grace.is_zero() {
            return None;
        }
        Some(TerminatedActive {
            account_id: account_id(&row.account.user.id),
            user_name: user_name(row.account.user),
            person_key: person.key.to_string(),
            ended: person.ended,
            ended_source: person.ended_source(day.today)?,
            days_since_end: person.ended.map(|ended| (day.today - ended).whole_days().max(0)),
            sign_ins_after_end: None,
            last_sign_in_after_end: None,
            is_privileged: row.account.is_privileged,
            match_rule: rule,
            confidence: rule.confidence(),
            finding: match rule.confidence() {
                Confidence::Exact => LeaverFinding::Fail,
                Confidence::Derived => LeaverFinding::Review,
            },
        })
    };
    evaluation.accounts.iter().filter_map(row).collect()
}

/// Adds to each row the number and the last time of the sign-ins between the person's last day, in
/// `zone`, and the moment.
pub fn note_sign_ins(
    rows: &mut [TerminatedActive],
    sign_ins: &SignIns,
    moment: OffsetDateTime,
    zone: &Zone,
) {
    for row in rows {
        let Some(end) = row.ended.and_then(|ended| zone.end_of(ended)) else { continue };
        let times = sign_ins.times.get(&user_id(&row.account_id)).map_or(&[][..], Vec::as_slice);
        let after = || times.iter().copied().filter(|at| *at >= end && *at <= moment);
        // The activity log lags behind. Access reviews allow a lag of one day, too.
        let is_covered = sign_ins
            .covered
            .is_some_and(|(since, until)| since <= end && until + Duration::DAY >= moment);
        let count = u64::try_from(after().count()).unwrap_or(u64::MAX);
        row.sign_ins_after_end = (count > 0 || is_covered).then_some(count);
        row.last_sign_in_after_end = after().max();
    }
}

/// An active service account without an active owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ownerless {
    /// The SCIM id of the account.
    pub account_id: String,
    /// The sign-in address; the id, for an account without one.
    pub user_name: String,
    /// What names the owner.
    pub owner: Option<String>,
    /// What is wrong with the owner.
    pub why: OwnerProblem,
    /// Why the account is a service account.
    pub class_reason: ClassReason,
    /// Whether the account can grant access to others; null if that is unknown.
    pub is_privileged: Option<bool>,
}

impl Ownerless {
    /// The columns of the view, in order.
    pub const COLUMNS: &'static [&'static str] =
        &["account_id", "user_name", "owner", "why", "class_reason", "is_privileged"];
}

/// Returns the active service accounts without an active owner.
#[must_use]
pub fn ownerless(evaluation: &Evaluation<'_>) -> Vec<Ownerless> {
    let row = |row: &Evaluated<'_>| {
        Some(Ownerless {
            account_id: account_id(&row.account.user.id),
            user_name: user_name(row.account.user),
            owner: row.classified.owner.map(str::to_owned),
            why: row.owner_problem.filter(|_| row.account.user.active)?,
            class_reason: row.classified.reason,
            is_privileged: row.account.is_privileged,
        })
    };
    evaluation.accounts.iter().filter_map(row).collect()
}

/// Returns the people to whom an active account belongs, sorted by key. While they
/// have one, they are not erased for having left long ago.
#[must_use]
pub fn people_with_accounts(evaluation: &Evaluation<'_>) -> Vec<PersonKey> {
    let active = evaluation.accounts.iter().filter(|row| row.account.user.active);
    let mut keys: Vec<PersonKey> = active.filter_map(|row| Some(row.person?.key.clone())).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
