//! Whether problems are noticed: the log is read, the ledger verified, the feed collected.

use time::Duration;

use super::super::facts::Facts;
use super::super::outcome::{Draft, Evidence, Outcome, counted, evidence, moment};
use super::super::settings::span;
use super::super::state::Feed;
use super::super::status::{Severity, Status};

/// IC-MON-1.
pub fn log_readable(facts: &Facts<'_>) -> Outcome {
    let log = facts.state.log;
    let settings = facts.state.settings;
    let evidence = evidence! {
        "last_read_at": log.last_read_at.map(moment),
        "code": log.refusal,
        "known_since": log.covered.map(|(since, _)| moment(since)),
    };
    let message = match (&log.refusal, log.last_read_at) {
        (Some(code), _) => {
            format!("The last import could not read the activity log ({code}).")
        }
        (None, None) => "No import has read the activity log.".to_owned(),
        (None, Some(at)) if at < facts.before(settings.log_max_age) => {
            format!(
                "The activity log was last read at {}, more than {} ago.",
                moment(at),
                span(settings.log_max_age)
            )
        }
        (None, Some(at)) => {
            let mut outcome =
                Outcome::pass(1, format!("The activity log was last read at {}.", moment(at)));
            outcome.evidence = evidence;
            return outcome;
        }
    };
    of_workspace(Status::Fail, message, evidence)
}

/// IC-MON-2.
pub fn ledger_verified(facts: &Facts<'_>) -> Outcome {
    const KEEP: &str = "Keep the head elsewhere, too; the bridge cannot see whether you do.";
    let max_age = facts.state.settings.verify_max_age;
    let Some(verification) = facts.state.verification else {
        let message = "No verification of the ledger is recorded. Run `ledger verify`.".to_owned();
        return of_workspace(Status::Review, message, Evidence::new());
    };
    let evidence = evidence! {
        "at": moment(verification.at),
        "head": verification.head,
        "generation": verification.generation,
        "deviations": verification.findings,
    };
    if verification.findings > 0 {
        let count = counted(verification.findings, "deviation", "deviations");
        let message = format!("The last verification of the ledger found {count}.");
        let mut outcome = of_workspace(Status::Fail, message, evidence);
        if let Some(finding) = outcome.findings.first_mut() {
            finding.severity = Some(Severity::Critical);
        }
        return outcome;
    }
    let at = moment(verification.at);
    if verification.at < facts.before(max_age) {
        let message = format!(
            "The ledger was last verified at {at}, more than {} ago. Run `ledger verify`.",
            span(max_age)
        );
        return of_workspace(Status::Review, message, evidence);
    }
    let mut outcome = Outcome::pass(1, format!("The ledger was verified at {at}. {KEEP}"));
    outcome.evidence = evidence;
    outcome
}

/// IC-MON-3.
pub fn feed_collected(facts: &Facts<'_>) -> Outcome {
    const WITHIN: Duration = Duration::hours(24);
    let nobody = format!("No client read /api/v1/activity within {}.", span(WITHIN));
    match facts.state.feed {
        Feed::Unread => of_workspace(Status::Review, nobody, Evidence::new()),
        Feed::Read { client, at } => {
            let evidence = evidence! { "client": client, "at": moment(at) };
            if at < facts.before(WITHIN) {
                return of_workspace(Status::Review, nobody, evidence);
            }
            let reason = format!("The client {client} read /api/v1/activity at {}.", moment(at));
            let mut outcome = Outcome::pass(1, reason);
            outcome.evidence = evidence;
            outcome
        }
    }
}

/// IC-MON-4.
pub fn health_check(_: &Facts<'_>) -> Outcome {
    Outcome::manual(
        "Intercom's API does not show the Health Check. Look at Settings > Workspace > Security > \
         Health Check, and record what you saw.",
    )
}

fn of_workspace(status: Status, message: String, evidence: Evidence) -> Outcome {
    let mut outcome = Outcome::pass(1, message.clone());
    outcome.findings.push(Draft::of_workspace(status, message, evidence));
    outcome
}
