//! The table of all checks.

use super::check::Check;
use super::rules::{access, apps, authentication, data, dormancy, invitations, monitoring};
use super::status::{CheckId, Relations, Severity};

/// The version of the rules. It changes when a rule decides differently about the same state.
pub const RULES_VERSION: &str = "1";

/// Intercom's page about the permissions of teammates.
const TEAMMATES: &str = "https://www.intercom.com/help/en/articles/\
    176-teammate-permissions-how-to-control-workspace-access";

/// All checks, in the order of the report.
pub static CHECKS: [Check; CheckId::ALL.len()] = [
    Check {
        id: CheckId::Auth1,
        title: "Single sign-on",
        name: "SingleSignOn",
        severity: Severity::High,
        question: "Does everybody sign in through the identity provider?",
        rule: "Fails if, within `window`, an account that is not in `break_glass` signed in by \
               one of `password_methods`. Otherwise manual, because Intercom's API does not show \
               whether single sign-on is enforced. Not applicable if `sso_expected` is off.",
        evidence: "The account, its methods, the number of sign-ins, the last one.",
        remedy: "In Settings > Workspace > Security, switch SAML on, and signing in with e-mail \
                 and password off. Intercom offers this only on some plans.",
        page: None,
        settings: &["window", "sso_expected", "password_methods", "break_glass"],
        takes_answers: true,
        relates_to: numbers(&["5.6", "6.7"], &["IA-2", "IA-8"], &["CC6.1"], &["A.5.16", "A.8.5"]),
        decide: authentication::single_sign_on,
    },
    Check {
        id: CheckId::Auth2,
        title: "A second factor is required",
        name: "SecondFactorRequired",
        severity: Severity::High,
        question: "Must everybody use a second factor?",
        rule: "Always manual. The evidence lists who switched a second factor off within \
               `window`.",
        evidence: "Who switched it off, and when.",
        remedy: "In Settings > Workspace > Security, require two-factor authentication.",
        page: None,
        settings: &["window"],
        takes_answers: true,
        relates_to: numbers(&["6.3"], &["IA-2(1)", "IA-2(2)"], &["CC6.1"], &["A.8.5"]),
        decide: authentication::second_factor_required,
    },
    Check {
        id: CheckId::Auth3,
        title: "Second factor of privileged accounts",
        name: "SecondFactorOfPrivileged",
        severity: Severity::Critical,
        question: "Does each privileged account have a second factor?",
        rule: "Fails for each privileged account whose second factor is known to be off. Passes \
               if it is on, or if the last sign-in was by one of `sso_methods`. Unknown if the \
               activity log shows neither.",
        evidence: "The account, its second factor and since when, the last sign-in method, the \
                   role.",
        remedy: "Ask the person to switch it on in their own settings, or require it for \
                 everybody (IC-AUTH-2).",
        page: None,
        settings: &["privileged_roles", "sso_methods"],
        takes_answers: false,
        relates_to: numbers(&["6.5"], &["IA-2(1)"], &["CC6.1"], &["A.8.2", "A.8.5"]),
        decide: authentication::second_factor_of_privileged,
    },
    Check {
        id: CheckId::Auth4,
        title: "Length of sessions",
        name: "SessionLength",
        severity: Severity::Medium,
        question: "Must people sign in again after some time?",
        rule: "Always manual.",
        evidence: "None.",
        remedy: "In Settings > Workspace > Security, force teammates to sign in again after a \
                 set time.",
        page: None,
        settings: &[],
        takes_answers: true,
        relates_to: numbers(&["4.3"], &["AC-12", "IA-11"], &["CC6.1"], &["A.8.5"]),
        decide: authentication::session_length,
    },
    Check {
        id: CheckId::Auth5,
        title: "Network limits for web and mobile",
        name: "NetworkLimits",
        severity: Severity::Low,
        question: "May people use the web and mobile apps only from the company's networks?",
        rule: "Always manual.",
        evidence: "None.",
        remedy: "In Settings > Workspace > Security, restrict the IP addresses. This does not \
                 limit the REST API (IC-APP-3).",
        page: None,
        settings: &[],
        takes_answers: true,
        relates_to: numbers(&["13.5"], &["AC-17", "SC-7"], &["CC6.6"], &["A.8.20"]),
        decide: authentication::network_limits,
    },
    Check {
        id: CheckId::Acc1,
        title: "Few privileged accounts",
        name: "FewPrivileged",
        severity: Severity::High,
        question: "Are there neither too few nor too many privileged accounts?",
        rule: "Fails if fewer than `min_privileged` or more than `max_privileged` active \
               accounts are privileged. An account is privileged if the name of its role is one \
               of `privileged_roles`. If that list is empty or the account has no role, it is \
               privileged if it holds both `manage_teammates` and `access_workspace_settings`. \
               Unknown if that is unknown for an account and the maximum is not exceeded.",
        evidence: "The number, the accounts, and how it is known of each.",
        remedy: "In Settings > Workspace > Teammates, give the others a role with fewer \
                 permissions.",
        page: Some(TEAMMATES),
        settings: &["privileged_roles", "min_privileged", "max_privileged"],
        takes_answers: false,
        relates_to: numbers(&["5.4"], &["AC-5", "AC-6(5)"], &["CC6.3"], &["A.8.2"]),
        decide: access::few_privileged,
    },
    Check {
        id: CheckId::Acc2,
        title: "Accounts that nobody uses",
        name: "DormantAccount",
        severity: Severity::Medium,
        question: "Is there an account that nobody uses?",
        rule: "Fails for each active account with no sign-in and no other entry recorded for \
               `dormant_after`, and for one that never signed in since it joined that long ago. \
               An account that joined within `joiner_grace` passes. Unknown if the activity log \
               does not cover `dormant_after`, or if the bridge does not know when the account \
               joined. Sessions can last for days, so a person may work without signing in.",
        evidence: "The last sign-in or entry, its source, the days since then, when the person \
                   joined.",
        remedy: "Reassign the person's conversations, then remove the teammate in Settings > \
                 Workspace > Teammates; or ask the person to sign in.",
        page: Some(TEAMMATES),
        settings: &["dormant_after", "joiner_grace"],
        takes_answers: false,
        relates_to: numbers(&["5.3"], &["AC-2(3)"], &["CC6.2"], &["A.5.18"]),
        decide: dormancy::dormant,
    },
    Check {
        id: CheckId::Acc3,
        title: "Roles instead of single permissions",
        name: "Roles",
        severity: Severity::Low,
        question: "Has each account a role?",
        rule: "Fails for each active account without a role. Unknown if no account has one, \
               because Intercom's API has roles only from version 2.16 on.",
        evidence: "The permissions, if the activity log shows them.",
        remedy: "Give the person a role in Settings > Workspace > Teammates > Roles.",
        page: Some(TEAMMATES),
        settings: &[],
        takes_answers: false,
        relates_to: numbers(&["6.8"], &["AC-3", "AC-6"], &["CC6.3"], &["A.5.15", "A.5.18"]),
        decide: access::roles,
    },
    Check {
        id: CheckId::Acc4,
        title: "Who may export data",
        name: "Exporters",
        severity: Severity::High,
        question: "Is the export of data limited to the intended accounts?",
        rule: "Fails for each active account that holds `export_data`, unless its role is one of \
               `privileged_roles`, or the account or its role is in `export_allowed`. If \
               `privileged_roles` is empty, each holder needs a review instead. Unknown for \
               accounts whose permissions are unknown.",
        evidence: "The account and its role.",
        remedy: "Take the permission to export leads, users and companies from the role, in \
                 Settings > Workspace > Teammates > Roles.",
        page: Some(TEAMMATES),
        settings: &["privileged_roles", "export_allowed"],
        takes_answers: false,
        relates_to: numbers(&["3.3"], &["AC-6"], &["CC6.3", "CC6.7"], &["A.8.3", "A.8.12"]),
        decide: access::exporters,
    },
    Check {
        id: CheckId::Acc5,
        title: "Addresses of other domains",
        name: "OutsideDomains",
        severity: Severity::Medium,
        question: "Has each account an address of the company?",
        rule: "Fails for each active account whose address is in none of `company_domains`; if \
               the roster says that it belongs to a contractor, it needs a review instead. \
               Unknown if `company_domains` is empty, and for accounts without a readable \
               address.",
        evidence: "The account, its domain and its class in the roster.",
        remedy: "Remove the teammate, or ask for single sign-on of contractors, too.",
        page: Some(TEAMMATES),
        settings: &["company_domains"],
        takes_answers: false,
        relates_to: numbers(&["5.1"], &["AC-2", "PS-7"], &["CC6.2"], &["A.5.16", "A.5.19"]),
        decide: access::outside_domains,
    },
    Check {
        id: CheckId::Acc6,
        title: "Open invitations",
        name: "OpenInvitations",
        severity: Severity::Low,
        question: "Is an invitation open for too long?",
        rule: "Fails for each address that was invited more than `invite_after` ago, if the \
               invitation is pending: it was neither accepted nor withdrawn since, and no active \
               account has the address. These are the invitations of `/api/v1/invitations`. \
               Unknown for invitations of which the activity log names no address.",
        evidence: "The address, when it was invited and by whom.",
        remedy: "Withdraw the invitation in Settings > Workspace > Teammates.",
        page: Some(TEAMMATES),
        settings: &["invite_after"],
        takes_answers: false,
        relates_to: numbers(&["6.1"], &["AC-2"], &["CC6.2"], &["A.5.16"]),
        decide: invitations::open_invitations,
    },
    Check {
        id: CheckId::Acc7,
        title: "Left the company, still in",
        name: "LeaverWithAccess",
        severity: Severity::Critical,
        question: "Does a person who left the company still have an account?",
        rule: "Fails for each active account of a person who has left according to the roster. If \
               only a derived match says so, it needs a review instead. Not applicable without a \
               roster; unknown if the roster is older than `roster_max_age`.",
        evidence: "Sign-ins since the last day. With the scope `roster.read`, and on the command \
                   line, also the person's key, the last day and the rule of the match.",
        remedy: "Remove the teammate in Settings > Workspace > Teammates.",
        page: Some(TEAMMATES),
        settings: &["roster_max_age"],
        takes_answers: false,
        relates_to: numbers(&["6.2"], &["AC-2", "PS-4"], &["CC6.2", "CC6.3"], &["A.5.18", "A.6.5"]),
        decide: access::leavers,
    },
    Check {
        id: CheckId::Acc8,
        title: "Consent to impersonation",
        name: "ImpersonationConsent",
        severity: Severity::Medium,
        question: "May Intercom's staff act as a teammate?",
        rule: "Needs a review for each consent that was neither revoked nor has expired, and for \
               each impersonation within `window`. Unknown if the activity log was not read.",
        evidence: "The consent, its end, who gave it.",
        remedy: "Revoke the consent in Settings > Workspace > Security.",
        page: None,
        settings: &["window"],
        takes_answers: false,
        relates_to: numbers(&["15.6"], &["AC-6(9)", "SA-9"], &["CC6.3"], &["A.5.19", "A.5.23"]),
        decide: access::impersonation,
    },
    Check {
        id: CheckId::Data1,
        title: "Exports of data",
        name: "DataExports",
        severity: Severity::Medium,
        question: "Who exported data?",
        rule: "Needs a review for each export of conversations, users or leads within `window`. \
               Fails if the exporter is neither privileged nor in `export_allowed`, or is no \
               longer in the workspace. PDF exports of single conversations are only counted. \
               Unknown if the activity log does not cover the window.",
        evidence: "When, by whom, the kind, what the log says about it.",
        remedy: "Ask the person who exported. Narrow who may (IC-ACC-4).",
        page: None,
        settings: &["window", "privileged_roles", "export_allowed"],
        takes_answers: false,
        relates_to: numbers(
            &["3.14"],
            &["AC-6(9)", "AU-6"],
            &["CC6.7", "CC7.2"],
            &["A.8.12", "A.8.15"],
        ),
        decide: data::exports,
    },
    Check {
        id: CheckId::Data2,
        title: "Redaction of personal data",
        name: "Redaction",
        severity: Severity::Low,
        question: "Are patterns of personal data redacted?",
        rule: "Manual. Needs a review if a redaction rule was deleted within `window`.",
        evidence: "The entries of the log.",
        remedy: "Switch redaction on in Settings > Security. It is off at first, and cannot be \
                 undone for a message.",
        page: None,
        settings: &["window"],
        takes_answers: true,
        relates_to: numbers(&[], &["SI-12"], &["CC6.7"], &["A.5.34", "A.8.12"]),
        decide: data::redaction,
    },
    Check {
        id: CheckId::App1,
        title: "New apps, tokens and webhooks",
        name: "NewApps",
        severity: Severity::Medium,
        question: "Who opened a new way into the workspace, or out of it?",
        rule: "Needs a review for each app that was installed, each token that was made, each \
               webhook and each secret within `window`. Fails if the person who did it is no \
               longer in the workspace. Unknown if the activity log does not cover the window.",
        evidence: "The entry, by whom, what the log says about it.",
        remedy: "Look at Settings > Integrations and at the Developer Hub. Remove what nobody \
                 needs.",
        page: None,
        settings: &["window"],
        takes_answers: false,
        relates_to: numbers(&["2.3"], &["CM-11", "CM-3"], &["CC6.8", "CC8.1"], &["A.8.19"]),
        decide: apps::new_apps,
    },
    Check {
        id: CheckId::App2,
        title: "Data connectors without an owner",
        name: "ConnectorWithoutOwner",
        severity: Severity::Medium,
        question: "Has each live data connector an owner in the workspace?",
        rule: "Fails for each live connector if neither its maker nor its last editor is active. \
               Needs a review if only the maker is gone. Unknown if the connectors were not \
               read, or if Intercom does not say who made one. Drafts are only listed.",
        evidence: "The connector, its maker and its last editor.",
        remedy: "Let a current teammate save the connector, or delete it.",
        page: None,
        settings: &[],
        takes_answers: false,
        relates_to: numbers(&["5.5"], &["AC-2", "PS-5"], &["CC6.2"], &["A.5.16", "A.5.18"]),
        decide: apps::connectors,
    },
    Check {
        id: CheckId::App3,
        title: "Allowlist of the REST API",
        name: "RestAllowlist",
        severity: Severity::High,
        question: "Does the REST API accept only known networks?",
        rule: "Fails if the allowlist is off or empty. Needs a review for each network wider \
               than `allowlist_min_prefix`. Unknown if the list was not read.",
        evidence: "Whether it is on, and its networks.",
        remedy: "In Settings > Security > Workspace > REST API access restrictions, list the \
                 networks, and switch the list on. The bridge's own address must be on it.",
        page: None,
        settings: &["allowlist_min_prefix"],
        takes_answers: false,
        relates_to: numbers(&["13.5"], &["SC-7", "SC-7(5)"], &["CC6.6"], &["A.8.20"]),
        decide: apps::rest_allowlist,
    },
    Check {
        id: CheckId::Msg1,
        title: "Proof of Messenger users",
        name: "MessengerUsers",
        severity: Severity::High,
        question: "Does the Messenger demand a signed token of its users?",
        rule: "Always manual. The evidence has what `/me` says about identity verification, \
               which signed tokens replaced, if `read_identity_verification` is on.",
        evidence: "The flag of `/me`; null if it was not read.",
        remedy: "In the security settings of the Messenger, enforce signed tokens (JWT).",
        page: None,
        settings: &[],
        takes_answers: true,
        relates_to: numbers(&[], &["IA-8"], &["CC6.1"], &["A.8.5"]),
        decide: apps::messenger_users,
    },
    Check {
        id: CheckId::Mon1,
        title: "Activity log readable and fresh",
        name: "ActivityLog",
        severity: Severity::High,
        question: "Can the bridge read the activity log, and did it lately?",
        rule: "Passes if the last import read the log, at most `log_max_age` ago. Fails \
               otherwise.",
        evidence: "When the log was last read, and the code of the failure.",
        remedy: "Give the owner of the token the permissions for general and security settings \
                 and for teammates. `check` shows what is missing.",
        page: None,
        settings: &["log_max_age"],
        takes_answers: false,
        relates_to: numbers(&["8.2", "8.12"], &["AU-2", "AU-12"], &["CC7.2"], &["A.8.15"]),
        decide: monitoring::log_readable,
    },
    Check {
        id: CheckId::Mon2,
        title: "Ledger verified",
        name: "LedgerVerified",
        severity: Severity::Medium,
        question: "Was the ledger verified lately?",
        rule: "Passes if the last recorded verification, at most `verify_max_age` ago, found no \
               deviation. Fails, with severity critical, if it found one. Otherwise needs a \
               review.",
        evidence: "The head, its generation, when, the number of deviations.",
        remedy: "Run `ledger verify` regularly, and keep the head where the bridge's operator \
                 cannot change it.",
        page: None,
        settings: &["verify_max_age"],
        takes_answers: false,
        relates_to: numbers(
            &["8.10"],
            &["AU-9", "AU-9(3)", "AU-11"],
            &["CC7.1"],
            &["A.5.28", "A.5.33", "A.8.15"],
        ),
        decide: monitoring::ledger_verified,
    },
    Check {
        id: CheckId::Mon3,
        title: "Activity feed collected",
        name: "FeedCollected",
        severity: Severity::Low,
        question: "Does a SIEM collect the activity feed?",
        rule: "Passes if a client read `/api/v1/activity` within 24 hours. Otherwise needs a \
               review.",
        evidence: "The client, and when.",
        remedy: "Connect the SIEM to `/api/v1/activity`.",
        page: None,
        settings: &[],
        takes_answers: false,
        relates_to: numbers(
            &["8.9", "8.11"],
            &["AU-6", "AU-6(1)"],
            &["CC7.2", "CC7.3"],
            &["A.8.16"],
        ),
        decide: monitoring::feed_collected,
    },
    Check {
        id: CheckId::Mon4,
        title: "Health Check looked at",
        name: "HealthCheck",
        severity: Severity::Low,
        question: "Was Intercom's own Health Check reviewed?",
        rule: "Always manual.",
        evidence: "None.",
        remedy: "Look at Settings > Workspace > Security > Health Check.",
        page: None,
        settings: &[],
        takes_answers: true,
        relates_to: numbers(&["4.1"], &["CA-7"], &["CC7.1"], &["A.8.9"]),
        decide: monitoring::health_check,
    },
];

/// The numbers of CIS, NIST, SOC 2 and ISO, in this order.
const fn numbers(
    cis_v8_1: &'static [&'static str],
    nist_800_53_r5: &'static [&'static str],
    soc2: &'static [&'static str],
    iso_27001_2022: &'static [&'static str],
) -> Relations {
    Relations { cis_v8_1, nist_800_53_r5, soc2, iso_27001_2022 }
}

/// The check with an id.
#[must_use]
pub fn check(id: CheckId) -> &'static Check {
    // The table has the order of the ids; a test checks that.
    &CHECKS[id as usize]
}
