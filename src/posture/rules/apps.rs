//! Apps, connectors, the REST API and the Messenger.

use super::super::facts::{Facts, Performer};
use super::super::log::kind;
use super::super::outcome::{Draft, Outcome, counted, evidence, moment};
use super::super::settings::span;
use super::super::state::{Connector, Reading};
use super::super::status::Status;
use super::{entry_finding, with_log_gaps};
use crate::directory::{UserId, account_id};

/// The kinds that create a way into the workspace, or out of it.
const NEW_WAYS: [&str; 5] = [
    kind::APP_INSTALLED,
    kind::APP_TOKEN,
    kind::WEBHOOK,
    kind::MESSENGER_SECRET,
    kind::AUTHENTICATION_TOKEN,
];

/// IC-APP-1.
pub fn new_apps(facts: &Facts<'_>) -> Outcome {
    let window = facts.state.settings.window;
    let mut outcome =
        Outcome::pass(0, format!("No app, token or webhook is new within {}.", span(window)));
    for entry in facts.recent(&NEW_WAYS) {
        let what = match entry.kind.as_str() {
            kind::APP_INSTALLED => "An app was installed",
            kind::APP_TOKEN => "The token of an app was regenerated",
            kind::WEBHOOK => "A webhook was created",
            kind::MESSENGER_SECRET => "A secret of the Messenger was created",
            _ => "A token for data connectors was stored",
        };
        let at = moment(entry.at);
        let (status, message) = match facts.performer(entry) {
            Performer::Gone => (
                Status::Fail,
                format!("{what} at {at}, by a person who is no longer in the workspace."),
            ),
            _ => (Status::Review, format!("{what} at {at}.")),
        };
        outcome.checked += 1;
        outcome.findings.push(entry_finding(facts, entry, status, message));
    }
    let outcome = outcome.explained(|found| {
        let count = counted(found, "app, token or webhook is", "apps, tokens or webhooks are");
        format!("{count} new within {}.", span(window))
    });
    with_log_gaps(facts, outcome, window, &NEW_WAYS)
}

/// IC-APP-2.
pub fn connectors(facts: &Facts<'_>) -> Outcome {
    let (read_at, connectors) = match facts.state.connectors {
        Reading::Read { at, value } => (*at, value),
        reading => {
            return Outcome::unknown(
                1,
                not_read(reading, "data connectors were", "posture.read_data_connectors"),
            );
        }
    };
    let mut live = 0;
    let mut unknown = Vec::new();
    let mut outcome = Outcome::pass(0, "Each live data connector has an owner in the workspace.");
    let mut drafts = Vec::new();
    for connector in connectors {
        let subject = format!("connector:{}", connector.id);
        match connector.is_live {
            Some(true) => live += 1,
            Some(false) => {
                drafts.push(subject);
                continue;
            }
            None => {
                unknown.push(subject);
                continue;
            }
        }
        match owners(facts, connector) {
            Owners::Active => {}
            Owners::Unknown => unknown.push(subject),
            Owners::OnlyEditor => outcome.findings.push(connector_finding(
                connector,
                Status::Review,
                "The maker of the live data connector is gone; its last editor is not.",
            )),
            Owners::Gone => outcome.findings.push(connector_finding(
                connector,
                Status::Fail,
                "Neither the maker nor the last editor of the live data connector is in the workspace.",
            )),
        }
    }
    drafts.sort();
    outcome.checked = live;
    outcome.evidence = evidence! { "read_at": moment(read_at), "drafts": drafts };
    let reason = format!(
        "Intercom does not say who made {}.",
        counted(unknown.len(), "data connector", "data connectors")
    );
    outcome
        .explained(|found| {
            format!("{found} of {live} live data connectors have no maker in the workspace.")
        })
        .with_unknown(unknown.len(), &unknown, reason)
}

enum Owners {
    Active,
    OnlyEditor,
    Gone,
    Unknown,
}

fn owners(facts: &Facts<'_>, connector: &Connector) -> Owners {
    let is_active = |id: &Option<UserId>| id.as_ref().map(|id| facts.active(id).is_some());
    match (is_active(&connector.created_by), is_active(&connector.updated_by)) {
        (Some(true), _) | (None, Some(true)) => Owners::Active,
        (Some(false), Some(true)) => Owners::OnlyEditor,
        (Some(false), Some(false) | None) => Owners::Gone,
        (None, Some(false) | None) => Owners::Unknown,
    }
}

fn connector_finding(connector: &Connector, status: Status, message: &str) -> Draft {
    Draft {
        subject: format!("connector:{}", connector.id),
        name: connector.name.clone(),
        address: None,
        status,
        severity: None,
        message: message.to_owned(),
        evidence: evidence! {
            "connector": connector.id,
            "maker": connector.created_by.as_ref().map(account_id),
            "editor": connector.updated_by.as_ref().map(account_id),
        },
        count: 1,
    }
}

/// IC-APP-3.
pub fn rest_allowlist(facts: &Facts<'_>) -> Outcome {
    let (read_at, list) = match facts.state.allowlist {
        Reading::Read { at, value } => (*at, value),
        reading => {
            return Outcome::unknown(
                1,
                not_read(reading, "allowlist of the REST API was", "posture.read_ip_allowlist"),
            );
        }
    };
    let mut networks = list.networks.clone();
    networks.sort();
    let facts_of = evidence! {
        "read_at": moment(read_at),
        "enabled": list.is_enabled,
        "networks": networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "unreadable": list.unreadable,
    };
    let mut outcome =
        Outcome::pass(networks.len(), "The REST API accepts only the networks of the allowlist.");
    outcome.evidence.clone_from(&facts_of);
    let problem = match () {
        () if !list.is_enabled => Some("The allowlist of the REST API is switched off."),
        // The published hardening guide: an empty list lets everybody in.
        () if networks.is_empty() && list.unreadable == 0 => {
            Some("The allowlist of the REST API is empty, so it lets everybody in.")
        }
        () => None,
    };
    if let Some(message) = problem {
        message.clone_into(&mut outcome.reason);
        outcome.findings.push(Draft::of_workspace(Status::Fail, message, facts_of));
        return outcome;
    }
    for network in networks {
        if facts.state.settings.is_wide(network) {
            outcome.findings.push(Draft {
                subject: format!("network:{network}"),
                name: Some(network.to_string()),
                ..Draft::of_workspace(
                    Status::Review,
                    format!("The network {network} on the allowlist is wide."),
                    evidence! { "network": network.to_string() },
                )
            });
        }
    }
    outcome
        .explained(|found| {
            format!("{} on the allowlist.", counted(found, "wide network is", "wide networks are"))
        })
        .with_unknown(list.unreadable, &[], "The allowlist has entries that are not networks.")
}

/// IC-MSG-1.
pub fn messenger_users(facts: &Facts<'_>) -> Outcome {
    let mut outcome = Outcome::manual(
        "Intercom's API does not show whether the Messenger demands a signed token of its users. \
         Look at the security settings of the Messenger, and record what you saw.",
    );
    outcome.evidence = evidence! { "identity_verification": facts.state.identity_verification };
    outcome
}

/// Why something optional is unknown.
fn not_read<T>(reading: &Reading<T>, what: &str, setting: &str) -> String {
    match reading {
        Reading::Failed { at, code } => {
            format!("The {what} not readable at {} ({code}).", moment(*at))
        }
        _ => format!("The {what} not read. Switch {setting} on."),
    }
}
