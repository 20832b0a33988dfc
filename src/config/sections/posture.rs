//! Section `posture`, and `[[posture.exceptions]]`.

use std::time::Duration;

use time::OffsetDateTime;

use crate::config::posture_values::{check_id, end, reason_code, sentence, subject};
use crate::config::rules::{boolean, duration, some_text, texts, whole};
use crate::config::setting::section;
use crate::posture::{CheckId, ExceptedSubject, ReasonCode};

const DAY: Duration = Duration::from_hours(24);

/// A list that may be empty.
const WORDS: &str = "a list, such as [\"one\", \"two\"], or one string with commas";

section! {
    /// Section `posture`: what the checks of the posture expect. docs/posture.md has the checks.
    pub struct Posture in "posture" {
        /// How far back sign-ins, exports, new apps and other events count.
        pub window: Duration = "30d", duration(DAY..=365 * DAY, "30d");

        /// Whether everybody should sign in through the identity provider.
        pub sso_expected: bool = true, boolean();

        /// Sign-in methods with a password, as Intercom's activity log spells them.
        pub password_methods: Vec<String> = vec!["email_password"], texts(WORDS);

        /// Sign-in methods of the identity provider, as Intercom's activity log spells them.
        pub sso_methods: Vec<String> = vec!["saml"], texts(WORDS);

        /// Accounts for emergencies, which may sign in with a password: addresses or ids.
        pub break_glass: Vec<String> = Vec::<String>::new(), texts(WORDS);

        /// The names of roles whose holders are privileged, in upper or lower case. Empty: holders
        /// of both manage_teammates and access_workspace_settings are privileged.
        pub privileged_roles: Vec<String> = Vec::<String>::new(), texts(WORDS);

        /// The smallest acceptable number of privileged accounts. With one, nobody can step in.
        pub min_privileged: usize = 2u32, whole(0..=100_000);

        /// The greatest acceptable number of privileged accounts.
        pub max_privileged: usize = 3u32, whole(0..=100_000);

        /// The time without a recorded sign-in after which an account is dormant. CIS control 5.3
        /// has 45 days.
        pub dormant_after: Duration = "90d", duration(DAY..=3_650 * DAY, "90d");

        /// How long a new account needs no sign-in.
        pub joiner_grace: Duration = "14d", duration(Duration::ZERO..=365 * DAY, "14d");

        /// Who may export data besides privileged accounts: addresses, ids or names of roles.
        pub export_allowed: Vec<String> = Vec::<String>::new(), texts(WORDS);

        /// The company's own domains. *.example.com stands for all subdomains of example.com.
        pub company_domains: Vec<String> = Vec::<String>::new(), texts(WORDS);

        /// How long an invitation may be open.
        pub invite_after: Duration = "14d", duration(DAY..=365 * DAY, "14d");

        /// The age above which a roster says nothing about leavers any more.
        pub roster_max_age: Duration = "7d", duration(DAY..=365 * DAY, "7d");

        /// The shortest prefix of an IPv4 network on Intercom's allowlist that needs no review. For
        /// IPv6, 32 is added.
        pub allowlist_min_prefix: u8 = 16u32, whole(0..=32);

        /// The greatest acceptable age of the activity log.
        pub log_max_age: Duration = "24h", duration(Duration::from_mins(1)..=365 * DAY, "24h");

        /// The greatest acceptable age of the last verification of the ledger.
        pub verify_max_age: Duration = "7d", duration(DAY..=365 * DAY, "7d");

        /// Whether full imports read the allowlist of the REST API (GET /ip_allowlist), for
        /// IC-APP-3. Off at first, because the permission that it needs also allows changing the
        /// list.
        pub read_ip_allowlist: bool = false, boolean();

        /// Whether full imports read the data connectors (GET /data_connectors), for IC-APP-2.
        pub read_data_connectors: bool = false, boolean();

        /// Whether full imports read what GET /me says about identity verification, as evidence
        /// for IC-MSG-1.
        pub read_identity_verification: bool = false, boolean();
    }
}

section! {
    /// A table of `[[posture.exceptions]]`: a finding that is accepted for a time.
    pub struct ExceptionTable in "posture.exceptions[]" {
        /// The id of the check.
        pub check: CheckId = "IC-ACC-2", check_id().required();

        /// What the exception is about: the subject of the finding, such as adm_4423433; an
        /// address; or domain:example.com.
        pub subject: ExceptedSubject = "ida@example.com", subject().required();

        /// Why, in one word.
        pub reason_code: ReasonCode = "accepted_risk", reason_code().required();

        /// Why, in a sentence.
        pub reason: String = "On parental leave", sentence().required();

        /// Who decided it.
        pub by: String = "security@example.com", some_text("a name or an address").required();

        /// The last day, or the time of the end.
        pub until: OffsetDateTime = "2027-02-01", end().required();

        /// The ticket about it.
        pub ticket: Option<String> = "", some_text("a name of at most 200 characters").or_empty();
    }
}
