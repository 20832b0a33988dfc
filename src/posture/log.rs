//! The activity log, as far as the checks need it.

use std::collections::HashMap;

use time::{Duration, OffsetDateTime};

use crate::directory::{Activity, Invitations, SignIn, UserId};

/// The activity log up to a moment.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The time range for which the log was read without a gap; `None` if none of it was read.
    pub covered: Option<(OffsetDateTime, OffsetDateTime)>,
    /// When an import last read the log.
    pub last_read_at: Option<OffsetDateTime>,
    /// Why the last import could not read the log: the code of its warning. `None` if it could.
    pub refusal: Option<String>,
    /// The last sign-in of each account.
    pub sign_ins: HashMap<UserId, SignIn>,
    /// When each account last performed anything.
    pub performed: HashMap<UserId, OffsetDateTime>,
    /// How often each account used each sign-in method within `posture.window`.
    pub method_uses: Vec<MethodUse>,
    /// Those of [`KINDS`] that imports do not read, because of a setting.
    pub unread_kinds: Vec<&'static str>,
    /// The pending invitations.
    pub invitations: Invitations,
    /// The entries of the kinds in [`KINDS`], in any order. Those about invitations may be missing,
    /// as [`Self::invitations`] follows from them.
    pub entries: Vec<Activity>,
}

/// How often an account used a sign-in method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodUse {
    /// The account.
    pub account: UserId,
    /// The method, as Intercom spells it.
    pub method: String,
    /// The number of sign-ins.
    pub count: u64,
    /// The last of them.
    pub last_at: OffsetDateTime,
}

/// The kinds of entries that the checks rest on.
pub const KINDS: &[&str] = &[
    kind::INVITED,
    kind::INVITATION_WITHDRAWN,
    kind::JOINED,
    kind::CONSENT_APPROVED,
    kind::CONSENT_REVOKED,
    kind::IMPERSONATION,
    kind::DATA_EXPORT,
    kind::BULK_EXPORT,
    kind::PDF_EXPORT,
    kind::REDACTION_DELETED,
    kind::SECOND_FACTOR,
    kind::APP_INSTALLED,
    kind::APP_TOKEN,
    kind::WEBHOOK,
    kind::MESSENGER_SECRET,
    kind::AUTHENTICATION_TOKEN,
];

/// Those of [`KINDS`] of which entries from before `posture.window` count, too: a consent may have
/// no end, and a second factor stays as it was set.
pub const LASTING_KINDS: &[&str] =
    &[kind::CONSENT_APPROVED, kind::CONSENT_REVOKED, kind::SECOND_FACTOR];

/// The kinds, as Intercom spells them.
pub(super) mod kind {
    pub const INVITED: &str = "admin_invite_creation";
    pub const INVITATION_WITHDRAWN: &str = "admin_invite_deletion";
    pub const JOINED: &str = "app_admin_join";
    pub const CONSENT_APPROVED: &str = "admin_impersonation_consent_approved";
    pub const CONSENT_REVOKED: &str = "admin_impersonation_consent_revoked";
    pub const IMPERSONATION: &str = "admin_impersonation_start";
    pub const DATA_EXPORT: &str = "app_data_export";
    pub const BULK_EXPORT: &str = "bulk_export";
    pub const PDF_EXPORT: &str = "conversation_pdf_export";
    pub const REDACTION_DELETED: &str = "content_redaction_rule_deletion";
    pub const SECOND_FACTOR: &str = "admin_two_factor_auth_change";
    pub const APP_INSTALLED: &str = "app_package_installation";
    pub const APP_TOKEN: &str = "app_package_token_regeneration";
    pub const WEBHOOK: &str = "app_webhook_creation";
    pub const MESSENGER_SECRET: &str = "messenger_api_secret_creation";
    pub const AUTHENTICATION_TOKEN: &str = "custom_authentication_token_creation";
}

impl Log {
    /// Whether the last import read the log, and it was read without a gap for this long before
    /// `now`. The earliest moment that was asked for counts, not the earliest entry.
    #[must_use]
    pub fn covers(&self, span: Duration, now: OffsetDateTime) -> bool {
        let since = self.covered.map(|(since, _)| since);
        self.is_read()
            && since.is_some_and(|since| now.checked_sub(span).is_none_or(|first| since <= first))
    }

    /// Whether the last import read the log.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.refusal.is_none() && self.last_read_at.is_some()
    }
}
