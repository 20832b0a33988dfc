//! The schemas of the roster's rows: how OpenAPI describes records that are serialised unchanged. A
//! test compares the members with those of the records.
#![expect(dead_code, reason = "these types only describe records of the same name")]

use time::{Date, OffsetDateTime};
use utoipa::ToSchema;

use crate::roster::{
    Class, ClassReason, Confidence, DecisionKind, DecisionState, EndedSource, LeaverFinding,
    MatchRule, OwnerProblem, Status, WhyUnmatched,
};

/// An active account and its person.
#[derive(ToSchema)]
pub struct RosterIdentity {
    /// The id in SCIM: `adm_` and Intercom's id of the admin.
    account_id: String,
    /// The sign-in address. If Intercom has none, the id of the account.
    user_name: String,
    /// The key of the person in the roster. Null if the account has no person.
    person_key: Option<String>,
    /// The class of the account.
    class: Class,
    /// The rule that found the person.
    match_rule: Option<MatchRule>,
    /// How certain the match is.
    confidence: Option<Confidence>,
    /// The decision, if the rule is one.
    decision_id: Option<u64>,
    /// The status of the person.
    person_status: Option<Status>,
    /// The person's last day.
    ended: Option<Date>,
    /// The manager's key, or what the source has instead.
    manager: Option<String>,
    /// The department.
    department: Option<String>,
    /// The employee number.
    employee_number: Option<String>,
    /// Of a service account: the key or address of the responsible person.
    owner: Option<String>,
    /// Whether another active account has the same person.
    duplicate_account: bool,
    /// The version of the roster.
    roster_version: u64,
    /// Why the account has its class.
    class_reason: ClassReason,
}

/// An active account without a person.
#[derive(ToSchema)]
pub struct UnmatchedAccount {
    /// The id in SCIM: `adm_` and Intercom's id of the admin.
    account_id: String,
    /// The sign-in address. If Intercom has none, the id of the account.
    user_name: String,
    /// Why it has no person.
    why: WhyUnmatched,
    /// The keys of the people between whom a rule cannot decide.
    candidates: Vec<String>,
    /// The keys of people with a similar name, the most similar first.
    suggestions: Vec<String>,
    /// The class that the words of the address suggest.
    suggested_class: Option<Class>,
    /// Days since the day on which the account was made, or on which the bridge saw it first.
    days_since_joining: i64,
    /// Whether the account can grant access to others. Null if that is unknown.
    is_privileged: Option<bool>,
    /// The decision that names a person whom the roster does not have any more.
    decision_id: Option<u64>,
}

/// An active account of a person who has left.
#[derive(ToSchema)]
pub struct TerminatedActive {
    /// The id in SCIM: `adm_` and Intercom's id of the admin.
    account_id: String,
    /// The sign-in address. If Intercom has none, the id of the account.
    user_name: String,
    /// The key of the person in the roster.
    person_key: String,
    /// The person's last day. Null if the roster only says that the person has ended.
    ended: Option<Date>,
    /// How the end is known.
    ended_source: EndedSource,
    /// Days since the last day.
    days_since_end: Option<i64>,
    /// The number of sign-ins after the last day. Null if the activity log has none and does not
    /// cover all the time since then, or if the last day is unknown.
    sign_ins_after_end: Option<u64>,
    /// The last sign-in after the last day.
    last_sign_in_after_end: Option<OffsetDateTime>,
    /// Whether the account can grant access to others. Null if that is unknown.
    is_privileged: Option<bool>,
    /// The rule that found the person.
    match_rule: MatchRule,
    /// How certain the match is.
    confidence: Confidence,
    /// What it means for an auditor: `fail`, or `review` if the match is derived.
    finding: LeaverFinding,
}

/// An active service account without an active owner.
#[derive(ToSchema)]
pub struct OwnerlessAccount {
    /// The id in SCIM: `adm_` and Intercom's id of the admin.
    account_id: String,
    /// The sign-in address. If Intercom has none, the id of the account.
    user_name: String,
    /// What names the owner.
    owner: Option<String>,
    /// What is wrong with the owner.
    why: OwnerProblem,
    /// Why the account is a service account.
    class_reason: ClassReason,
    /// Whether the account can grant access to others. Null if that is unknown.
    is_privileged: Option<bool>,
}

/// A decision about an account.
#[derive(ToSchema)]
pub struct RosterDecision {
    /// The number of the decision.
    id: u64,
    /// The id of the account in SCIM: `adm_` and Intercom's id of the admin.
    account_id: String,
    /// What is decided.
    kind: DecisionKind,
    /// The key of the person. Null for the kind `class`.
    person_key: Option<String>,
    /// The class. Null for the other kinds.
    class: Option<Class>,
    /// Of a service account: the key or address of the responsible person.
    owner: Option<String>,
    /// The reason.
    why: String,
    /// Who decided: the subject of the token, or the user of the command.
    by: String,
    /// When it was decided.
    at: OffsetDateTime,
    /// The first moment at which the decision is not in force any more.
    until: Option<OffsetDateTime>,
    /// The version of the roster that was in force.
    roster_version: u64,
    /// Whether it is in force.
    state: DecisionState,
    /// When it was revoked.
    revoked_at: Option<OffsetDateTime>,
    /// Who revoked it.
    revoked_by: Option<String>,
}
