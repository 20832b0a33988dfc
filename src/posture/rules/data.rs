//! Data that leaves the workspace.

use super::super::facts::{Facts, Performer};
use super::super::log::kind;
use super::super::outcome::{Outcome, counted, evidence, moment};
use super::super::settings::span;
use super::super::status::Status;
use super::access::is_meant_to_export;
use super::{entry_finding, with_log_gaps};

/// The kinds that record exports of many conversations, users or leads.
const EXPORTS: [&str; 2] = [kind::DATA_EXPORT, kind::BULK_EXPORT];

/// IC-DATA-1.
pub fn exports(facts: &Facts<'_>) -> Outcome {
    let window = facts.state.settings.window;
    let mut outcome = Outcome::pass(0, format!("Nobody exported data within {}.", span(window)));
    for entry in facts.recent(&EXPORTS) {
        let at = moment(entry.at);
        let performer = facts.performer(entry);
        let (status, message) = match (performer, is_meant_to_export(facts, performer)) {
            (Performer::Gone, _) => (
                Status::Fail,
                format!("A person who is no longer in the workspace exported data at {at}."),
            ),
            (_, Some(false)) => {
                (Status::Fail, format!("A person who is not privileged exported data at {at}."))
            }
            _ => (Status::Review, format!("Data was exported at {at}.")),
        };
        outcome.checked += 1;
        outcome.findings.push(entry_finding(facts, entry, status, message));
    }
    outcome.evidence =
        evidence! { "conversation_pdf_exports": facts.recent(&[kind::PDF_EXPORT]).count() };
    let outcome = outcome.explained(|found| {
        format!("{} within {}.", counted(found, "export of data", "exports of data"), span(window))
    });
    with_log_gaps(facts, outcome, window, &EXPORTS)
}

/// IC-DATA-2.
pub fn redaction(facts: &Facts<'_>) -> Outcome {
    let mut outcome = Outcome::manual(
        "Intercom's API does not show what is redacted. Look at Settings > Security, and record \
         what you saw.",
    );
    for entry in facts.recent(&[kind::REDACTION_DELETED]) {
        let message = format!("A redaction rule was deleted at {}.", moment(entry.at));
        outcome.findings.push(entry_finding(facts, entry, Status::Review, message));
    }
    outcome.explained(|found| {
        format!(
            "{} deleted within {}.",
            counted(found, "redaction rule was", "redaction rules were"),
            span(facts.state.settings.window)
        )
    })
}
