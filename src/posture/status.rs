//! The words of checks: ids, severities, statuses; and the controls that a check relates to.

use serde::Serialize;

use crate::words::words;

words! {
    /// The id of a check. Ids never change their meaning; retired ones stay listed.
    pub enum CheckId {
        /// Single sign-on.
        Auth1 = "IC-AUTH-1",
        /// A second factor is required.
        Auth2 = "IC-AUTH-2",
        /// The second factor of privileged accounts.
        Auth3 = "IC-AUTH-3",
        /// The length of sessions.
        Auth4 = "IC-AUTH-4",
        /// Network limits of the web and mobile apps.
        Auth5 = "IC-AUTH-5",
        /// Few privileged accounts.
        Acc1 = "IC-ACC-1",
        /// Dormant accounts.
        Acc2 = "IC-ACC-2",
        /// Roles instead of single permissions.
        Acc3 = "IC-ACC-3",
        /// Who may export data.
        Acc4 = "IC-ACC-4",
        /// Accounts of other companies' domains.
        Acc5 = "IC-ACC-5",
        /// Open invitations.
        Acc6 = "IC-ACC-6",
        /// People who left the company and still have an account.
        Acc7 = "IC-ACC-7",
        /// Consents to impersonation by Intercom's staff.
        Acc8 = "IC-ACC-8",
        /// Exports of data.
        Data1 = "IC-DATA-1",
        /// Redaction of personal data.
        Data2 = "IC-DATA-2",
        /// New apps, tokens and webhooks.
        App1 = "IC-APP-1",
        /// Data connectors without an owner.
        App2 = "IC-APP-2",
        /// The allowlist of the REST API.
        App3 = "IC-APP-3",
        /// Proof of the users of the Messenger.
        Msg1 = "IC-MSG-1",
        /// The activity log is readable and fresh.
        Mon1 = "IC-MON-1",
        /// The ledger was verified.
        Mon2 = "IC-MON-2",
        /// The activity feed is collected.
        Mon3 = "IC-MON-3",
        /// Intercom's Health Check was looked at.
        Mon4 = "IC-MON-4",
    }
}

words! {
    /// How bad a failure of a check is. In ascending order.
    pub enum Severity {
        /// Good practice.
        Low = "low",
        /// A weakness that needs another one to do harm.
        Medium = "medium",
        /// A weakness that can do harm by itself.
        High = "high",
        /// A person has, or could easily get, access that they must not have.
        Critical = "critical",
    }
}

words! {
    /// The status of a check or a finding. A check has the last of these, in this order, that
    /// applies to one of its subjects.
    pub enum Status {
        /// The rule was checked, and nothing is wrong.
        Pass = "pass",
        /// The rule does not apply to this workspace.
        NotApplicable = "not_applicable",
        /// No source shows the answer. A person must look in Intercom.
        Manual = "manual",
        /// A person should look at it. It is not wrong in itself.
        Review = "review",
        /// A source that shows the answer did not show it this time.
        Unknown = "unknown",
        /// The rule was checked, and something is wrong.
        Fail = "fail",
    }
}

/// The numbers of the controls, in four frameworks, that a check relates to. It does not claim that
/// a passed check satisfies them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Relations {
    /// CIS Controls v8.1.
    pub cis_v8_1: &'static [&'static str],
    /// NIST SP 800-53 Rev. 5.
    pub nist_800_53_r5: &'static [&'static str],
    /// SOC 2, Trust Services Criteria 2017.
    pub soc2: &'static [&'static str],
    /// ISO/IEC 27001:2022, Annex A.
    pub iso_27001_2022: &'static [&'static str],
}
