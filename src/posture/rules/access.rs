//! Who has an account, and with which rights.

use serde_json::Value;
use time::OffsetDateTime;

use super::super::facts::{Active, Facts, Performer, Privilege};
use super::super::log::kind;
use super::super::outcome::{Draft, Evidence, LISTED, Outcome, counted, evidence, moment};
use super::super::settings::span;
use super::super::state::State;
use super::super::status::Status;
use super::{entry_finding, with_log_gaps};
use crate::directory::{Activity, account_id, id_text};
use crate::moments;
use crate::roster::{Address, Class, LeaverFinding, TerminatedActive};

/// IC-ACC-1.
pub fn few_privileged(facts: &Facts<'_>) -> Outcome {
    let settings = facts.state.settings;
    let privileged = facts.privileged();
    let undecided = facts.undecided();
    let listed: Vec<_> = privileged
        .iter()
        .take(LISTED)
        .map(|account| {
            evidence! {
                "account": account_id(&account.user.id),
                "name": account.name(),
                "role": account.role(),
                "known_by": account.privilege.word(),
            }
        })
        .collect();
    let count = privileged.len();
    let evidence =
        evidence! { "privileged": count, "unknown": undecided.len(), "accounts": listed };
    let mut outcome = Outcome::pass(
        facts.active.len(),
        format!("{} privileged.", counted(count, "account is", "accounts are")),
    );
    outcome.evidence.clone_from(&evidence);
    let message = if count > settings.max_privileged {
        format!(
            "{} privileged; at most {} should be.",
            counted(count, "account is", "accounts are"),
            settings.max_privileged
        )
    } else if !undecided.is_empty() {
        let reason = format!(
            "The permissions of {} are unknown. Set posture.privileged_roles to decide by role.",
            counted(undecided.len(), "account", "accounts")
        );
        return outcome.with_unknown(undecided.len(), &undecided, reason);
    } else if count < settings.min_privileged {
        format!(
            "{} privileged; at least {} should be, so that another one can step in.",
            counted(count, "account is", "accounts are"),
            settings.min_privileged
        )
    } else {
        return outcome;
    };
    outcome.reason.clone_from(&message);
    outcome.findings.push(Draft::of_workspace(Status::Fail, message, evidence));
    outcome
}

/// IC-ACC-3.
pub fn roles(facts: &Facts<'_>) -> Outcome {
    let without: Vec<&Active<'_>> =
        facts.active.iter().filter(|account| account.user.role.is_none()).collect();
    let checked = facts.active.len();
    if checked > 0 && without.len() == checked {
        return Outcome::unknown(
            checked,
            "Intercom shows no role of any account. Roles need version 2.16 of its API.",
        );
    }
    let mut outcome = Outcome::pass(checked, "Each account has a role.");
    outcome.findings = without
        .iter()
        .map(|account| {
            account.finding(
                Status::Fail,
                "The account has no role: its permissions are ticked one by one.".to_owned(),
                evidence! { "permissions": account.user.permissions },
            )
        })
        .collect();
    outcome.explained(|found| format!("{found} of {checked} accounts have no role."))
}

/// IC-ACC-4.
pub fn exporters(facts: &Facts<'_>) -> Outcome {
    let settings = facts.state.settings;
    let checked = facts.active.len();
    let mut outcome = Outcome::pass(checked, "Only the intended accounts may export data.");
    let mut unknown = Vec::new();
    for account in &facts.active {
        let fact = || evidence! { "permission": "export_data", "role": account.role() };
        match account.may_export() {
            Some(false) => {}
            _ if settings.may_export(account.user) => {}
            Some(true) if settings.privileged_roles.is_empty() => {
                let message = "The account may export data.".to_owned();
                outcome.findings.push(account.finding(Status::Review, message, fact()));
            }
            _ if account.privilege == Privilege::ByRole => {}
            Some(true) => {
                let message = "The account may export data, and is not privileged.".to_owned();
                outcome.findings.push(account.finding(Status::Fail, message, fact()));
            }
            None => unknown.push(account_id(&account.user.id)),
        }
    }
    let reason = format!(
        "The permissions of {} are unknown.",
        counted(unknown.len(), "account", "accounts")
    );
    outcome
        .explained(|found| {
            format!("{} export data.", counted(found, "account may", "accounts may"))
        })
        .with_unknown(unknown.len(), &unknown, reason)
}

/// IC-ACC-5.
pub fn outside_domains(facts: &Facts<'_>) -> Outcome {
    let settings = facts.state.settings;
    let checked = facts.active.len();
    if settings.company_domains.is_empty() {
        return Outcome::unknown(checked.max(1), "posture.company_domains is not configured.");
    }
    let mut outcome = Outcome::pass(checked, "Each account has an address of the company.");
    let mut unknown = Vec::new();
    for account in &facts.active {
        let Some(address) = account.user.email.as_deref().and_then(Address::read) else {
            unknown.push(account_id(&account.user.id));
            continue;
        };
        if settings.is_company_domain(address.domain()) {
            continue;
        }
        let class = facts.state.roster.and_then(|roster| roster.classes.get(&account.user.id));
        let (status, message) = if class == Some(&Class::Contractor) {
            (Status::Review, "The account of a contractor has an address outside the company.")
        } else {
            (Status::Fail, "The account has an address outside the company.")
        };
        let evidence = evidence! { "domain": address.domain(), "class": class };
        outcome.findings.push(account.finding(status, message.to_owned(), evidence));
    }
    let reason =
        format!("{} no readable address.", counted(unknown.len(), "account has", "accounts have"));
    outcome
        .explained(|found| {
            format!("{found} of {checked} accounts have an address outside the company.")
        })
        .with_unknown(unknown.len(), &unknown, reason)
}

/// IC-ACC-7.
pub fn leavers(facts: &Facts<'_>) -> Outcome {
    let State { settings, now, .. } = *facts.state;
    let Some(roster) = facts.state.roster else {
        return Outcome::not_applicable("There is no roster of the company's people.");
    };
    let is_fresh = |at| facts.before(settings.roster_max_age) <= at && at <= now;
    if !roster.imported_at.is_some_and(is_fresh) {
        return Outcome::unknown(
            facts.active.len().max(1),
            format!(
                "The roster is older than {}. Import a new one.",
                span(settings.roster_max_age)
            ),
        );
    }
    let mut outcome =
        Outcome::pass(facts.active.len(), "No account belongs to a person who left the company.");
    outcome.findings = roster
        .terminated_active
        .iter()
        .map(|row| Draft {
            subject: row.account_id.clone(),
            name: Some(row.user_name.clone()),
            address: Some(row.user_name.clone()).filter(|name| name.contains('@')),
            status: match row.finding {
                LeaverFinding::Fail => Status::Fail,
                LeaverFinding::Review => Status::Review,
            },
            severity: None,
            message: match row.finding {
                LeaverFinding::Fail => {
                    "The person left the company, and the account still has access."
                }
                LeaverFinding::Review => {
                    "The person probably left the company. Check whose account it is."
                }
            }
            .to_owned(),
            evidence: leaver_evidence(row, roster.hides_people),
            count: 1,
        })
        .collect();
    outcome.explained(|found| {
        format!(
            "{} still have access.",
            counted(found, "person who left may", "people who left may")
        )
    })
}

/// What the roster says about the person is personnel data, so it can be hidden.
fn leaver_evidence(row: &TerminatedActive, hides_person: bool) -> Evidence {
    let mut evidence = evidence! { "sign_ins_after_end": row.sign_ins_after_end };
    if !hides_person {
        evidence.extend(evidence! {
            "person_key": row.person_key,
            "ended": row.ended.map(|day| day.to_string()),
            "days_since_end": row.days_since_end,
            "match_rule": row.match_rule,
        });
    }
    evidence
}

/// IC-ACC-8.
pub fn impersonation(facts: &Facts<'_>) -> Outcome {
    let mut outcome =
        Outcome::pass(0, "No consent to impersonation is in force, and nobody was impersonated.");
    let revoked: Vec<String> =
        facts.entries(kind::CONSENT_REVOKED).iter().filter_map(|entry| consent_id(entry)).collect();
    let approved = facts.entries(kind::CONSENT_APPROVED);
    outcome.checked = approved.len();
    for entry in approved {
        let consent = consent_id(entry);
        let until = expires_at(entry);
        let is_revoked = consent.as_ref().is_some_and(|id| revoked.contains(id));
        if is_revoked || until.is_some_and(|until| until <= facts.state.now) {
            continue;
        }
        let message = match until {
            Some(until) => {
                format!("Intercom's staff may act as a teammate until {}.", moment(until))
            }
            None => "Intercom's staff may act as a teammate, without an end.".to_owned(),
        };
        let mut finding = entry_finding(facts, entry, Status::Review, message);
        if let Some(consent) = consent {
            finding.subject = format!("consent:{consent}");
        }
        outcome.findings.push(finding);
    }
    for entry in facts.recent(&[kind::IMPERSONATION]) {
        let message = format!("Intercom's staff acted as a teammate at {}.", moment(entry.at));
        outcome.findings.push(entry_finding(facts, entry, Status::Review, message));
    }
    let outcome = outcome.explained(|found| {
        format!(
            "{} of impersonation need a look.",
            counted(found, "consent or use", "consents or uses")
        )
    });
    let kinds = [kind::CONSENT_APPROVED, kind::CONSENT_REVOKED, kind::IMPERSONATION];
    with_log_gaps(facts, outcome, facts.state.settings.window, &kinds)
}

fn consent_id(entry: &Activity) -> Option<String> {
    id_text(entry.metadata.value().get("consent_id")?)
}

/// When a consent ends: UNIX seconds, as a number or a string, or RFC 3339.
fn expires_at(entry: &Activity) -> Option<OffsetDateTime> {
    match entry.metadata.value().get("expired_at")? {
        Value::Number(seconds) => OffsetDateTime::from_unix_timestamp(seconds.as_i64()?).ok(),
        Value::String(text) => match text.parse() {
            Ok(seconds) => OffsetDateTime::from_unix_timestamp(seconds).ok(),
            Err(_) => moments::parse(text).map(moments::DateTime::start),
        },
        _ => None,
    }
}

/// Whether the one who caused an event may export data: is privileged, or listed.
pub(super) fn is_meant_to_export(facts: &Facts<'_>, performer: Performer<'_>) -> Option<bool> {
    let Performer::Active(account) = performer else { return None };
    match account.privilege {
        _ if facts.state.settings.may_export(account.user) => Some(true),
        Privilege::ByRole | Privilege::ByPermissions => Some(true),
        Privilege::No => Some(false),
        Privilege::Unknown => None,
    }
}
