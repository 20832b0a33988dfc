//! Accounts that nobody uses.

use time::OffsetDateTime;

use super::super::facts::{Active, Facts};
use super::super::outcome::{Draft, Outcome, counted, evidence, moment};
use super::super::settings::span;
use super::super::status::Status;
use super::log_too_short;
use crate::directory::account_id;

/// IC-ACC-2.
pub fn dormant(facts: &Facts<'_>) -> Outcome {
    let state = facts.state;
    let after = state.settings.dormant_after;
    let covers = state.log.covers(after, state.now);
    let checked = facts.active.len();
    let mut outcome = Outcome::pass(
        checked,
        format!("Each account has a sign-in or another entry recorded within {}.", span(after)),
    );
    let mut unknown = Vec::new();
    for account in &facts.active {
        match judge(facts, account, covers) {
            Judgement::Used => {}
            Judgement::Dormant(finding) => outcome.findings.push(finding),
            Judgement::Unknown => unknown.push(account_id(&account.user.id)),
        }
    }
    let count = counted(unknown.len(), "account", "accounts");
    let reason = if covers {
        format!("The bridge has not known {count} for long enough.")
    } else {
        format!("{} So {count} cannot be judged.", log_too_short(facts))
    };
    outcome
        .explained(|found| {
            let span = span(after);
            format!("{found} of {checked} accounts have no sign-in recorded for {span}.")
        })
        .with_unknown(unknown.len(), &unknown, reason)
}

enum Judgement {
    Used,
    Dormant(Draft),
    Unknown,
}

/// `covers` is whether the log covers the whole time in question.
fn judge(facts: &Facts<'_>, account: &Active<'_>, covers: bool) -> Judgement {
    let now = facts.state.now;
    let settings = facts.state.settings;
    let first = facts.before(settings.dormant_after);
    let joined_since = |moment| account.user.joined_at.is_some_and(|joined| joined >= moment);
    if joined_since(facts.before(settings.joiner_grace)) {
        return Judgement::Used;
    }
    let joined = account.joined_at();
    let (message, last, since) = match last_use(facts, account) {
        Some(last) if last.at >= first => return Judgement::Used,
        // The person joined within this time. An earlier sign-in was before joining.
        _ if joined_since(first) => return Judgement::Used,
        Some(last) if covers => {
            let days = (now - last.at).whole_days();
            let at = moment(last.at);
            (format!("No sign-in is recorded since {at}, {days} days ago."), Some(last), last.at)
        }
        None if covers && joined < first => {
            (format!("No sign-in was ever recorded since {}.", moment(joined)), None, joined)
        }
        Some(_) | None => return Judgement::Unknown,
    };
    let evidence = evidence! {
        "last_active_at": last.map(|last| moment(last.at)),
        "source": last.map(|last| last.source),
        "days": (now - since).whole_days(),
        "joined_at": moment(joined),
    };
    Judgement::Dormant(account.finding(Status::Fail, message, evidence))
}

#[derive(Clone, Copy)]
struct LastUse {
    at: OffsetDateTime,
    source: &'static str,
}

/// The last sign-in, or the last entry of the log that the account performed.
fn last_use(facts: &Facts<'_>, account: &Active<'_>) -> Option<LastUse> {
    let log = facts.state.log;
    let id = &account.user.id;
    let sign_in = log.sign_ins.get(id).map(|sign_in| LastUse { at: sign_in.at, source: "sign_in" });
    let performed = log.performed.get(id).map(|at| LastUse { at: *at, source: "activity" });
    [sign_in, performed]
        .into_iter()
        .flatten()
        .filter(|last| last.at <= facts.state.now)
        .reduce(|last, other| if other.at > last.at { other } else { last })
}
