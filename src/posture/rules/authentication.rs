//! How people sign in.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::macros::datetime;

use super::super::facts::Facts;
use super::super::log::{MethodUse, kind};
use super::super::outcome::{Draft, Outcome, counted, evidence, moment};
use super::super::settings::{lists, span};
use super::super::status::Status;
use super::LOG_UNREAD;
use crate::directory::{UserId, account_id, two_factor_auth, user_name};

/// Until when Intercom's SAML certificate must be replaced, according to the published hardening
/// guide.
const CERTIFICATE_CHANGES: OffsetDateTime = datetime!(2026-12-12 0:00 UTC);

/// IC-AUTH-1.
pub fn single_sign_on(facts: &Facts<'_>) -> Outcome {
    let state = facts.state;
    let settings = state.settings;
    if !settings.sso_expected {
        return Outcome::not_applicable("Single sign-on is not expected (posture.sso_expected).");
    }
    let mut reason = "Intercom's API does not show whether single sign-on is enforced. Look at \
        Settings > Workspace > Security, and record what you saw."
        .to_owned();
    if state.now < CERTIFICATE_CHANGES {
        reason.push_str(" Intercom's SAML certificate must be replaced by 12 December 2026.");
    }
    let mut outcome = Outcome::manual(reason);
    outcome.checked = facts.active.len();
    let mut methods: BTreeMap<&str, u64> = BTreeMap::new();
    for used in &state.log.method_uses {
        *methods.entry(&used.method).or_default() += used.count;
    }
    outcome.evidence = evidence! { "sign_ins_by_method": methods };
    outcome.findings = password_sign_ins(facts);
    let outcome = outcome.explained(|found| {
        format!(
            "{} signed in with a password within {}.",
            counted(found, "account", "accounts"),
            span(settings.window)
        )
    });
    if state.log.is_read() { outcome } else { outcome.with_unknown(1, &[], LOG_UNREAD) }
}

/// One finding for each account that signed in with a password and is not for emergencies.
fn password_sign_ins(facts: &Facts<'_>) -> Vec<Draft> {
    let state = facts.state;
    let settings = state.settings;
    let mut by_account: BTreeMap<&UserId, Vec<&MethodUse>> = BTreeMap::new();
    for used in &state.log.method_uses {
        if lists(&settings.password_methods, &used.method) {
            by_account.entry(&used.account).or_default().push(used);
        }
    }
    let finding = |(account, used): (&UserId, Vec<&MethodUse>)| {
        let user = facts.account(account).map(|account| account.user);
        if user.is_some_and(|user| settings.is_break_glass(user)) {
            return None;
        }
        let count: u64 = used.iter().map(|used| used.count).sum();
        let last = used.iter().map(|used| used.last_at).max()?;
        let times = if count == 1 { "time" } else { "times" };
        let mut methods: Vec<&str> = used.iter().map(|used| used.method.as_str()).collect();
        methods.sort_unstable();
        Some(Draft {
            subject: account_id(account),
            name: user.map(user_name),
            address: user.and_then(|user| user.email.clone()),
            status: Status::Fail,
            severity: None,
            message: format!(
                "The account signed in with a password {count} {times} within {}.",
                span(settings.window)
            ),
            evidence: evidence! {
                "methods": methods, "sign_ins": count, "last_at": moment(last),
            },
            count: 1,
        })
    };
    by_account.into_iter().filter_map(finding).collect()
}

/// IC-AUTH-2.
pub fn second_factor_required(facts: &Facts<'_>) -> Outcome {
    let mut outcome = Outcome::manual(
        "Intercom's API does not show whether everybody must use a second factor. Look at \
         Settings > Workspace > Security, and record what you saw.",
    );
    let switched_off = facts
        .recent(&[kind::SECOND_FACTOR])
        .filter(|entry| two_factor_auth(&entry.metadata.value()) == Some(false));
    let switched_off: Vec<_> = switched_off
        .map(|entry| {
            evidence! {
                "account": entry.subject().as_ref().map(account_id),
                "at": moment(entry.at),
                "activity_id": entry.id,
            }
        })
        .collect();
    outcome.evidence = evidence! { "switched_off": switched_off };
    outcome
}

/// IC-AUTH-3.
pub fn second_factor_of_privileged(facts: &Facts<'_>) -> Outcome {
    let since = facts.second_factor_since();
    let privileged = facts.privileged();
    let mut unknown = facts.undecided();
    if privileged.is_empty() && unknown.is_empty() {
        return Outcome::not_applicable("No account is privileged.");
    }
    let checked = privileged.len() + unknown.len();
    let mut outcome = Outcome::pass(
        checked,
        "Each privileged account has a second factor, or signs in by the identity provider.",
    );
    let mut by_provider = 0_usize;
    for account in &privileged {
        let sign_in = facts.state.log.sign_ins.get(&account.user.id);
        let method = sign_in.and_then(|sign_in| sign_in.method.as_deref());
        match account.user.two_factor_auth {
            Some(true) => {}
            Some(false) => outcome.findings.push(account.finding(
                Status::Fail,
                "The privileged account has switched its second factor off.".to_owned(),
                evidence! {
                    "mfa": false,
                    "since": since.get(&account.user.id).copied().map(moment),
                    "last_sign_in_method": method,
                    "role": account.role(),
                },
            )),
            None if method
                .is_some_and(|method| lists(&facts.state.settings.sso_methods, method)) =>
            {
                by_provider += 1;
            }
            None => unknown.push(account_id(&account.user.id)),
        }
    }
    outcome.evidence = evidence! {
        "privileged": privileged.len(), "by_identity_provider": by_provider,
    };
    let unknown_count = unknown.len();
    outcome
        .explained(|found| {
            format!("{} no second factor.", counted(found, "privileged account has", "privileged accounts have"))
        })
        .with_unknown(
            unknown_count,
            &unknown,
            format!(
                "Of {} the activity log does not show whether it is privileged and has a second factor.",
                counted(unknown_count, "account", "accounts")
            ),
        )
}

/// IC-AUTH-4.
pub fn session_length(_: &Facts<'_>) -> Outcome {
    Outcome::manual(
        "Intercom's API does not show how long a session lasts. Look at Settings > Workspace > \
         Security, and record what you saw.",
    )
}

/// IC-AUTH-5.
pub fn network_limits(_: &Facts<'_>) -> Outcome {
    Outcome::manual(
        "Intercom's API does not show from which networks people may use the web and mobile \
         apps. Look at Settings > Workspace > Security, and record what you saw.",
    )
}
