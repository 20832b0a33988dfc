//! Open invitations.

use time::OffsetDateTime;

use super::super::facts::Facts;
use super::super::log::kind;
use super::super::outcome::{Draft, Outcome, counted, evidence, moment};
use super::super::settings::span;
use super::super::status::Status;
use super::with_log_gaps;
use crate::directory::text::folded;
use crate::directory::{Invitation, account_id};

/// IC-ACC-6. The invitations are those that `/api/v1/invitations` lists.
pub fn open_invitations(facts: &Facts<'_>) -> Outcome {
    let after = facts.state.settings.invite_after;
    let first = facts.before(after);
    let invitations = &facts.state.log.invitations;
    let mut outcome = Outcome::pass(
        invitations.pending.len(),
        format!("No invitation is open for longer than {}.", span(after)),
    );
    if invitations.unreadable_withdrawals > 0 {
        let count = invitations.unreadable_withdrawals;
        outcome.evidence = evidence! { "unreadable_withdrawals": count };
    }
    let mut unnamed = Vec::new();
    for invitation in &invitations.pending {
        let Some(at) = sent_at(invitation).filter(|at| *at < first) else { continue };
        match &invitation.email {
            Some(address) => outcome.findings.push(finding(facts, invitation, address, at)),
            None => unnamed.push(format!("activity:{}", invitation.entry)),
        }
    }
    let outcome = outcome
        .explained(|found| {
            format!(
                "{} open for longer than {}.",
                counted(found, "invitation is", "invitations are"),
                span(after)
            )
        })
        .with_unknown(
            unnamed.len(),
            &unnamed,
            format!(
                "The log names no address for {}.",
                counted(unnamed.len(), "invitation", "invitations")
            ),
        );
    let kinds = [kind::INVITED, kind::INVITATION_WITHDRAWN, kind::JOINED];
    with_log_gaps(facts, outcome, after, &kinds)
}

/// When an invitation was sent last. If the log does not have that, it was sent before its last
/// change.
fn sent_at(invitation: &Invitation) -> Option<OffsetDateTime> {
    invitation.last_sent_at.or(invitation.changed_at)
}

fn finding(facts: &Facts<'_>, invitation: &Invitation, address: &str, at: OffsetDateTime) -> Draft {
    // Invitations are joined by this form of the address, so it is the subject, too.
    let address = folded(address.trim()).into_owned();
    let days = (facts.state.now - at).whole_days();
    let by = invitation.invited_by.as_ref().and_then(|actor| actor.id.as_ref()).map(account_id);
    Draft {
        subject: format!("invitation:{address}"),
        name: Some(address.clone()),
        status: Status::Fail,
        severity: None,
        message: format!("The invitation is open for {days} days."),
        evidence: evidence! {
            "address": address,
            "at": moment(at),
            "by": by,
            "days": days,
            "activity_id": invitation.entry,
        },
        address: Some(address),
        count: 1,
    }
}
