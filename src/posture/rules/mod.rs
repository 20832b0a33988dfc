//! The rules of the checks. Each is a pure function of the [`Facts`].

pub mod access;
pub mod apps;
pub mod authentication;
pub mod data;
pub mod dormancy;
pub mod invitations;
pub mod monitoring;

use time::Duration;

use super::facts::{Facts, Performer};
use super::outcome::{Draft, Outcome, evidence, moment};
use super::status::Status;
use crate::directory::{Activity, account_id};

/// What a rule says if the last import did not read the log.
const LOG_UNREAD: &str =
    "The activity log was not read by the last import, so nothing is known. See IC-MON-1.";

/// What a rule adds if the log does not cover the time that it looks at.
fn log_too_short(facts: &Facts<'_>) -> String {
    match facts.state.log.covered {
        Some((since, _)) if facts.state.log.is_read() => {
            format!("The activity log is known only since {}.", moment(since))
        }
        _ => LOG_UNREAD.to_owned(),
    }
}

/// Adds what the log does not show of the last `span`: it was not read, it is known for a shorter
/// time, or imports do not read some of the `kinds`.
fn with_log_gaps(facts: &Facts<'_>, outcome: Outcome, span: Duration, kinds: &[&str]) -> Outcome {
    let log = &facts.state.log;
    if !log.covers(span, facts.state.now) {
        return outcome.with_unknown(1, &[], log_too_short(facts));
    }
    let unread = kinds.iter().filter(|kind| log.unread_kinds.contains(kind));
    let unread: Vec<&str> = unread.copied().collect();
    if unread.is_empty() {
        return outcome;
    }
    let names = unread.join(", ");
    let message = format!("Imports do not read these kinds of log entries: {names}.");
    outcome.with_unknown(1, &[], message)
}

/// A finding about one entry of the log.
fn entry_finding(facts: &Facts<'_>, entry: &Activity, status: Status, message: String) -> Draft {
    let performer = match facts.performer(entry) {
        Performer::Active(_) => "active",
        Performer::Gone => "gone",
        Performer::Machine => "machine",
        Performer::Unknown => "unknown",
    };
    let by = entry.performed_by.as_ref().and_then(|actor| actor.id.as_ref()).map(account_id);
    Draft {
        subject: format!("activity:{}", entry.id),
        name: facts.performer_name(entry),
        address: entry.performed_by.as_ref().and_then(|actor| actor.email.clone()),
        status,
        severity: None,
        message,
        evidence: evidence! {
            "activity_id": entry.id,
            "activity_type": entry.kind,
            "at": moment(entry.at),
            "by": by,
            "performer": performer,
            "metadata": entry.metadata.value(),
        },
        count: 1,
    }
}
