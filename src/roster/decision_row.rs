//! Decisions as rows, for lists of them.

use serde::Serialize;
use time::OffsetDateTime;

use super::Class;
use super::decision::{Act, DecisionState, Entry, Verdict, decisions_at};
use crate::directory::account_id;
use crate::words::words;

words! {
    /// What a decision is about.
    pub enum DecisionKind {
        /// The account belongs to the person.
        Is = "is",
        /// The account does not belong to the person.
        IsNot = "is_not",
        /// The account has the class.
        Class = "class",
    }
}

impl DecisionKind {
    /// Returns what a verdict is about.
    #[must_use]
    pub fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Is { .. } => Self::Is,
            Verdict::IsNot { .. } => Self::IsNot,
            Verdict::Class { .. } => Self::Class,
        }
    }
}

/// A decision, with its state at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecisionRow {
    /// The number of the decision.
    pub id: u64,
    /// The SCIM id of the account.
    pub account_id: String,
    /// What is decided.
    pub kind: DecisionKind,
    /// The key of the person; null for the kind `class`.
    pub person_key: Option<String>,
    /// The class; null for the other kinds.
    pub class: Option<Class>,
    /// Of a service account: the key or address of the responsible person.
    pub owner: Option<String>,
    /// The reason.
    pub why: String,
    /// Who decided.
    pub by: String,
    /// When it was decided.
    #[serde(with = "crate::date_time")]
    pub at: OffsetDateTime,
    /// The first moment at which the decision is not in force any more.
    #[serde(with = "crate::date_time::option")]
    pub until: Option<OffsetDateTime>,
    /// The version of the roster that was in force.
    pub roster_version: u64,
    /// Whether it is in force.
    pub state: DecisionState,
    /// When it was revoked.
    #[serde(with = "crate::date_time::option")]
    pub revoked_at: Option<OffsetDateTime>,
    /// Who revoked it.
    pub revoked_by: Option<String>,
}

impl DecisionRow {
    /// The columns, in order.
    pub const COLUMNS: &'static [&'static str] = &[
        "id",
        "account_id",
        "kind",
        "person_key",
        "class",
        "owner",
        "why",
        "by",
        "at",
        "until",
        "roster_version",
        "state",
        "revoked_at",
        "revoked_by",
    ];
}

/// Returns the decisions, newest first, with their states at `moment`. `entries` are those recorded
/// until then.
#[must_use]
pub fn decision_rows(entries: &[Entry], moment: OffsetDateTime) -> Vec<DecisionRow> {
    let revocation = |id| {
        entries
            .iter()
            .find(|entry| entry.number > id && matches!(entry.act, Act::Revoke(of) if of == id))
    };
    let rows = decisions_at(entries, moment).into_iter().map(|(entry, decision, state)| {
        let (person_key, class, owner) = match &decision.verdict {
            Verdict::Is { person_key } | Verdict::IsNot { person_key } => {
                (Some(person_key), None, None)
            }
            Verdict::Class { class, owner } => (None, Some(*class), owner.clone()),
        };
        let revoked = (state == DecisionState::Revoked).then(|| revocation(entry.number)).flatten();
        DecisionRow {
            id: entry.number,
            account_id: account_id(&decision.account),
            kind: DecisionKind::of(&decision.verdict),
            person_key: person_key.map(ToString::to_string),
            class,
            owner,
            why: decision.why.clone(),
            by: entry.by.clone(),
            at: entry.at,
            until: decision.until,
            roster_version: decision.roster_version,
            state,
            revoked_at: revoked.map(|entry| entry.at),
            revoked_by: revoked.map(|entry| entry.by.clone()),
        }
    });
    let mut rows: Vec<DecisionRow> = rows.collect();
    rows.reverse();
    rows
}
