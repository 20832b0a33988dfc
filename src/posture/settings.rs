//! The settings of the checks: section `posture`.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde_json::{Value, json};
use time::Duration;

use crate::directory::{User, account_id, text};
use crate::roster::Address;

/// What a company expects of its workspace. The defaults are those of section `posture`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostureSettings {
    /// How far back events count.
    pub window: Duration,
    /// Whether everybody should sign in through the identity provider.
    pub sso_expected: bool,
    /// Sign-in methods that use a password, as Intercom spells them.
    pub password_methods: Vec<String>,
    /// Sign-in methods of the identity provider, as Intercom spells them.
    pub sso_methods: Vec<String>,
    /// Accounts that may sign in with a password, for emergencies: addresses or ids.
    pub break_glass: Vec<String>,
    /// The names of roles whose holders are privileged. Empty: permissions decide.
    pub privileged_roles: Vec<String>,
    /// The smallest acceptable number of privileged accounts.
    pub min_privileged: usize,
    /// The greatest acceptable number of privileged accounts.
    pub max_privileged: usize,
    /// The time without a sign-in after which an account is dormant.
    pub dormant_after: Duration,
    /// How long a new account needs no sign-in.
    pub joiner_grace: Duration,
    /// Who may export data besides privileged accounts: addresses, ids or names of roles.
    pub export_allowed: Vec<String>,
    /// The company's own domains; `*.example.com` stands for all subdomains.
    pub company_domains: Vec<String>,
    /// How long an invitation may be open.
    pub invite_after: Duration,
    /// The age at which a roster says nothing about leavers any more.
    pub roster_max_age: Duration,
    /// The shortest prefix of a network on the allowlist that needs no review.
    pub allowlist_min_prefix: u8,
    /// The greatest acceptable age of the activity log.
    pub log_max_age: Duration,
    /// The greatest acceptable age of the last verification of the ledger.
    pub verify_max_age: Duration,
}

impl Default for PostureSettings {
    fn default() -> Self {
        Self {
            window: Duration::days(30),
            sso_expected: true,
            password_methods: vec!["email_password".to_owned()],
            sso_methods: vec!["saml".to_owned()],
            break_glass: Vec::new(),
            privileged_roles: Vec::new(),
            min_privileged: 2,
            max_privileged: 3,
            dormant_after: Duration::days(90),
            joiner_grace: Duration::days(14),
            export_allowed: Vec::new(),
            company_domains: Vec::new(),
            invite_after: Duration::days(14),
            roster_max_age: Duration::days(7),
            allowlist_min_prefix: 16,
            log_max_age: Duration::hours(24),
            verify_max_age: Duration::days(7),
        }
    }
}

impl PostureSettings {
    /// Returns the settings by name, as a report shows them.
    #[must_use]
    pub fn values(&self) -> BTreeMap<&'static str, Value> {
        BTreeMap::from([
            ("allowlist_min_prefix", json!(self.allowlist_min_prefix)),
            ("break_glass", json!(self.break_glass)),
            ("company_domains", json!(self.company_domains)),
            ("dormant_after", json!(short_span(self.dormant_after))),
            ("export_allowed", json!(self.export_allowed)),
            ("invite_after", json!(short_span(self.invite_after))),
            ("joiner_grace", json!(short_span(self.joiner_grace))),
            ("log_max_age", json!(short_span(self.log_max_age))),
            ("max_privileged", json!(self.max_privileged)),
            ("min_privileged", json!(self.min_privileged)),
            ("password_methods", json!(self.password_methods)),
            ("privileged_roles", json!(self.privileged_roles)),
            ("roster_max_age", json!(short_span(self.roster_max_age))),
            ("sso_expected", json!(self.sso_expected)),
            ("sso_methods", json!(self.sso_methods)),
            ("verify_max_age", json!(short_span(self.verify_max_age))),
            ("window", json!(short_span(self.window))),
        ])
    }

    /// Whether the name of a role is one of `privileged_roles`.
    pub(super) fn is_privileged_role(&self, name: &str) -> bool {
        lists(&self.privileged_roles, name)
    }

    /// Whether `break_glass` has the account.
    pub(super) fn is_break_glass(&self, user: &User) -> bool {
        lists_account(&self.break_glass, user)
    }

    /// Whether `export_allowed` has the account or its role.
    pub(super) fn may_export(&self, user: &User) -> bool {
        let role = user.role.as_ref().and_then(|role| role.name.as_deref());
        lists_account(&self.export_allowed, user)
            || role.is_some_and(|name| lists(&self.export_allowed, name))
    }

    /// Whether this is one of the company's domains, or a subdomain of one that is listed as
    /// `*.example.com`.
    pub(super) fn is_company_domain(&self, domain: &str) -> bool {
        self.company_domains.iter().any(|listed| {
            let listed = text::folded(listed.trim());
            match listed.strip_prefix("*.") {
                Some(parent) => domain.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
                None => domain == listed,
            }
        })
    }

    /// Whether a network of the allowlist is so wide that a person should look at it. Of IPv6, a
    /// prefix counts as many bits less as an IPv6 site has before its own: 32.
    pub(super) fn is_wide(&self, network: IpNet) -> bool {
        let least = match network {
            IpNet::V4(_) => self.allowlist_min_prefix,
            IpNet::V6(_) => self.allowlist_min_prefix.saturating_add(32),
        };
        network.prefix_len() < least
    }
}

/// Whether a list has a word, regardless of case, Unicode form and surrounding blanks.
pub(super) fn lists(list: &[String], word: &str) -> bool {
    let word = text::folded(word.trim());
    list.iter().any(|listed| text::folded(listed.trim()) == word)
}

fn lists_account(list: &[String], user: &User) -> bool {
    let address = user.email.as_deref().and_then(Address::read);
    list.iter().any(|listed| {
        let listed = listed.trim();
        listed == user.id.as_str()
            || listed == account_id(&user.id)
            || address.is_some() && Address::read(listed) == address
    })
}

/// Formats a span as settings write it: `90d`, `36h`.
pub(super) fn short_span(span: Duration) -> String {
    match (span.whole_days(), span.whole_hours()) {
        (days, hours) if days * 24 == hours && days > 0 => format!("{days}d"),
        (_, hours) if Duration::hours(hours) == span => format!("{hours}h"),
        _ => format!("{}s", span.whole_seconds()),
    }
}

/// Formats a span for people: `90 days`, `36 hours`.
pub(super) fn span(span: Duration) -> String {
    let days = span.whole_days();
    let hours = span.whole_hours();
    let plural = |count: i64| if count == 1 { "" } else { "s" };
    match () {
        () if days * 24 == hours && days > 1 => format!("{days} days"),
        () if Duration::hours(hours) == span => format!("{hours} hour{}", plural(hours)),
        () => format!("{} seconds", span.whole_seconds()),
    }
}
