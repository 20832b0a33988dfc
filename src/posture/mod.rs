//! The posture of a workspace: is it configured and used safely? Pure.
//!
//! ```text
//! State ── facts ──► rules ──► outcomes ── exceptions, answers ──► Report ──► formats
//! ```
//!
//! * [`CHECKS`] is the table of all checks: what each asks, how it decides, what to do about a
//!   failure, and its rule.
//! * [`State`] is what the checks read: accounts, the activity log ([`Log`]), settings, the roster,
//!   and the results of optional calls. `facts` has what several rules ask of it.
//! * `rules` has one pure function for each check. It returns an `outcome`.
//! * [`evaluate`] runs all rules, applies exceptions and recorded answers, and returns a
//!   [`Report`]. [`changed`] compares two of them.
//! * `formats` writes a report as rows, as OCSF records, as SARIF and as text.
//!
//! Three statuses are kept apart. *Manual*: no source shows the answer. *Unknown*: a source can
//! show the answer, but did not show it this time. *Pass*: the rule was checked, and nothing is
//! wrong. There is no score, because a score would mix them.

mod answer;
mod changed;
mod check;
mod compare;
mod exception;
mod facts;
mod formats;
mod log;
mod outcome;
mod record;
mod report;
mod rules;
mod settings;
mod state;
mod status;
mod table;
#[cfg(test)]
mod tests;

pub use answer::{Answer, AnswerStatus};
pub use changed::{Changed, ChangedFinding};
pub use check::Check;
pub use compare::changed;
pub use exception::{ExceptedSubject, Exception, LASTS, ReasonCode, TEXT_CHARACTERS};
pub use facts::Facts;
pub use formats::{Format, OcsfPer, PostureRow, Suppressed, ocsf, rows, sarif, text};
pub use log::{KINDS, LASTING_KINDS, Log, MethodUse};
pub use outcome::{Draft, Evidence, Outcome, UNKNOWN, WORKSPACE};
pub use record::{Act, BadRecord, Record, exceptions_and_answers};
pub use report::{
    CheckResult, Counts, Failing, Finding, FirstFailed, Report, evaluate, finding_id,
};
pub use settings::PostureSettings;
pub use state::{Account, Allowlist, Connector, Feed, Reading, RosterFacts, State, Verification};
pub use status::{CheckId, Relations, Severity, Status};
pub use table::{CHECKS, RULES_VERSION, check};
