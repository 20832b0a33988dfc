//! Open invitations.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use time::OffsetDateTime;

use super::super::facts::Facts;
use super::super::log::kind;
use super::super::outcome::{Draft, Outcome, counted, evidence, moment};
use super::super::settings::span;
use super::super::status::Status;
use super::with_log_gaps;
use crate::directory::{Activity, account_id};
use crate::moments;
use crate::roster::Address;

/// IC-ACC-6.
pub fn open_invitations(facts: &Facts<'_>) -> Outcome {
    let after = facts.state.settings.invite_after;
    let first = facts.before(after);
    let ended = ended_invitations(facts);
    let mut latest: BTreeMap<Address, &Activity> = BTreeMap::new();
    let mut unnamed = Vec::new();
    for entry in facts.entries(kind::INVITED) {
        let addresses = addresses(&entry.metadata.value());
        if addresses.is_empty() && entry.at < first {
            unnamed.push(format!("activity:{}", entry.id));
        }
        for address in addresses {
            latest.insert(address, entry);
        }
    }
    let mut outcome = Outcome::pass(
        latest.len(),
        format!("No invitation is open for longer than {}.", span(after)),
    );
    for (address, entry) in latest {
        let is_over = ended.get(&address).is_some_and(|ended| *ended >= entry.at);
        if entry.at >= first || is_over {
            continue;
        }
        let days = (facts.state.now - entry.at).whole_days();
        let by = entry.performed_by.as_ref().and_then(|actor| actor.id.as_ref()).map(account_id);
        outcome.findings.push(Draft {
            subject: format!("invitation:{}", address.as_str()),
            name: Some(address.as_str().to_owned()),
            address: Some(address.as_str().to_owned()),
            status: Status::Fail,
            severity: None,
            message: format!("The invitation is open for {days} days."),
            evidence: evidence! {
                "address": address.as_str(),
                "at": moment(entry.at),
                "by": by,
                "days": days,
                "activity_id": entry.id,
            },
            count: 1,
        });
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
    let kinds = [kind::INVITED, kind::INVITATION_WITHDRAWN, kind::JOINED, kind::PROVISIONED];
    with_log_gaps(facts, outcome, after, &kinds)
}

/// When the last invitation of each address was over: accepted, withdrawn, or the address got an
/// account in another way.
fn ended_invitations(facts: &Facts<'_>) -> HashMap<Address, OffsetDateTime> {
    let mut ended: HashMap<Address, OffsetDateTime> = HashMap::new();
    let mut note = |address: Address, at: OffsetDateTime| {
        let last = ended.entry(address).or_insert(at);
        *last = (*last).max(at);
    };
    for kind in [kind::JOINED, kind::PROVISIONED, kind::INVITATION_WITHDRAWN] {
        for entry in facts.entries(kind) {
            for address in addresses(&entry.metadata.value()) {
                note(address, entry.at);
            }
            // Whoever accepts an invitation performs the entry; whoever withdraws one does not own
            // its address.
            let accepted = entry.performed_by.as_ref().filter(|_| kind == kind::JOINED);
            let address = accepted.and_then(|actor| actor.email.as_deref()).and_then(Address::read);
            if let Some(address) = address {
                note(address, entry.at);
            }
        }
    }
    for account in facts.state.accounts {
        let Some(address) = account.user.email.as_deref().and_then(Address::read) else { continue };
        let at = if account.user.active {
            facts.state.now
        } else {
            account.user.joined_at.unwrap_or(account.first_seen)
        };
        note(address, at);
    }
    ended
}

/// All addresses in metadata of any shape: that of invitations is not documented.
fn addresses(metadata: &Value) -> Vec<Address> {
    let mut found = Vec::new();
    let mut open = vec![metadata];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => found.extend(Address::read(text)),
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            _ => {}
        }
    }
    found.sort();
    found.dedup();
    found
}

/// A moment in metadata: a number of seconds, or a text.
pub(super) fn moment_at(metadata: &Value, pointer: &str) -> Option<OffsetDateTime> {
    match metadata.pointer(pointer)? {
        Value::Number(seconds) => OffsetDateTime::from_unix_timestamp(seconds.as_i64()?).ok(),
        Value::String(text) => match text.parse() {
            Ok(seconds) => OffsetDateTime::from_unix_timestamp(seconds).ok(),
            Err(_) => moments::parse(text).map(moments::DateTime::start),
        },
        _ => None,
    }
}
