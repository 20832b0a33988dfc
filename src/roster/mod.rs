//! Which person holds which account. Pure: the caller reads and stores everything that this module
//! works with.
//!
//! A *roster* is the list of people (and of known service accounts) from a company's source of
//! truth: a personnel system or an identity provider. This module reads such lists, matches their
//! *people* with the *accounts* of the workspace, and answers what an auditor asks: whose account
//! is this, and why is it still active?
//!
//! ```text
//! bytes ─ encoding ─► text ─ delimited, records ─► rows ─ columns, words, dates ─► people + Report
//!                                                                                     │
//!            Roster in force ──────────────── succession ─────────────────────► next Roster
//!                                                                                     │ guard
//! accounts + Roster + Decisions + moment ── matching, class ──► Evaluation ──► views ◄┘
//! ```
//!
//! * [`read`] turns a file into people. It reports every problem by line and column, never by
//!   value. A file with an error is not taken over, because a roster is read whole.
//! * [`next_version`] makes a [`Roster`] of the people and of the version before. Versions are not
//!   merged: only former addresses, and people who ended by being absent, are taken over.
//! * [`reasons_to_hold`] compares a version with the one in force. A version that loses too much is
//!   held until a person accepts it.
//! * [`match_accounts`] gives each account at most one person, by the first [`MatchRule`] that
//!   gives any. Several people for one rule are *ambiguous*. A name only suggests.
//! * [`Decisions`] are what people decided about single accounts. They are appended, never changed;
//!   which of them are in force at a moment follows from the list.
//! * [`Evaluation`] puts it together for one moment, with the [`Class`] of each account. The views
//!   ([`identities`], [`unmatched`], [`terminated_active`], [`ownerless`]) and the columns of the
//!   access review are made of it.
//!
//! `address`, `name` and `id` have the normal forms that are compared. `suggest` makes suggestions
//! by name, `enterprise` the values of SCIM's enterprise extension, `review_identity` the columns of
//! the access review, and `decision_row` the rows of the list of decisions. `decision_file` reads
//! decisions from a file, and `pulled` people from the responses of identity providers. `rules` and
//! `read_settings` are the settings.
//!
//! Results depend only on the [`Versions`] they name, the settings and the day. The order of rows,
//! accounts and decisions does not matter. All times come from the caller; a day is a day in
//! `roster.time_zone`.
//!
//! Privacy: only the fields of [`Person`] are kept of a file, the rest is dropped while reading.
//! Private addresses are dropped too unless `roster.match_personal` is on. [`Problem`]s have no
//! values; the only words of a file in them are unknown words for class and status.

mod address;
mod class;
mod columns;
pub mod dates;
mod decision;
mod decision_file;
mod decision_row;
mod delimited;
mod encoding;
mod enterprise;
mod evaluation;
mod guard;
mod id;
mod matching;
mod name;
mod person;
mod pulled;
mod read_settings;
mod reading;
mod records;
mod report;
mod review_identity;
mod rules;
mod succession;
mod suggest;
#[cfg(test)]
mod tests;
mod views;
mod words;

pub use crate::moments::Zone;
pub use address::{Address, read_domain};
pub use class::{ClassReason, Classified, classify};
pub use columns::{BadColumns, ColumnMapping, ColumnUse, Columns, Field, SourceSystem};
pub use decision::{
    AccountDecisions, Act, BadDecision, Decision, DecisionId, DecisionState, Decisions, Entry,
    Verdict, decisions_at,
};
pub use decision_file::{BadDecisionFile, DecisionContext, read_decisions};
pub use decision_row::{DecisionKind, DecisionRow, decision_rows};
pub use encoding::{NotText, Place, TextEncoding};
pub use enterprise::enterprise_facts;
pub use evaluation::{Evaluated, Evaluation, Input, OwnerProblem, Versions};
pub use guard::{HoldReason, Standing, add_losses_since, is_stale, reasons_to_hold};
pub use id::{PersonKey, normal_id};
pub use matching::{Account, Confidence, Day, MatchRule, Outcome, WhyUnmatched, match_accounts};
pub use name::NameForm;
pub use person::{Class, Email, EmailKind, EndedSource, Person, References, Roster, Status};
pub use pulled::{PullKind, member, pulled_id, pulled_record};
pub use read_settings::{ReadBounds, ReadSettings, RequestedFormat};
pub use reading::{Reading, read};
pub use report::{FileFormat, Problem, ProblemKind, Report, Words};
pub use review_identity::{Flag, ReviewIdentity, flags, review_columns};
pub use rules::{AddressPattern, EquivalentDomains, MatchSettings};
pub use succession::{Completeness, erasable, next_version};
pub use views::{
    Identity, LeaverFinding, Ownerless, SignIns, TerminatedActive, UnmatchedAccount, identities,
    note_sign_ins, ownerless, people_with_accounts, terminated_active, unmatched, user_id,
};
