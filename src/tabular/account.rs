//! Teammates as rows.

use serde::Serialize;
use time::OffsetDateTime;

use super::{Row, Rows, Selection};
use crate::directory::{
    Directory, Invitation, Invitations, LogFacts, Names, Person, User, UserKind, Workspace,
    account_id, activity_source, team_id, user_name,
};
use crate::roster::{Class, ClassReason, ReviewIdentity};

/// The account of a teammate. A value that Intercom does not provide is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// The id in SCIM: `adm_` and Intercom's id of the admin.
    pub id: String,
    /// Intercom's id of the admin. Null for an invited person, who has none yet.
    pub intercom_id: Option<String>,
    /// Intercom's id of the workspace.
    pub workspace_id: Option<String>,
    /// The sign-in address. If Intercom has none, the id of the account.
    pub user_name: String,
    /// The e-mail address with which the teammate signs in.
    pub email: Option<String>,
    /// The name in Intercom.
    pub display_name: Option<String>,
    /// Derived from the name in Intercom, which has only one field for it.
    pub given_name: Option<String>,
    /// Derived from the name in Intercom, which has only one field for it.
    pub family_name: Option<String>,
    /// The job title.
    pub title: Option<String>,
    /// `Teammate`, or `Bot` for the workspace's own bot (Operator, Fin).
    pub user_type: &'static str,
    /// Whether the teammate has access. False after the teammate was removed from the workspace.
    pub active: bool,
    /// Intercom's id of the role.
    pub role_id: Option<String>,
    /// The name of the role.
    pub role_name: Option<String>,
    /// Whether the teammate has a paid inbox seat.
    pub has_inbox_seat: Option<bool>,
    /// The granted permissions that the activity log contains, separated by commas.
    pub permissions: Option<String>,
    /// The ids of the teams, separated by commas.
    pub team_ids: String,
    /// From Intercom's activity log; null if the log does not contain it.
    pub two_factor_auth: Option<bool>,
    /// From Intercom's activity log; null if the log does not contain it.
    #[serde(with = "crate::date_time::option")]
    pub joined_at: Option<OffsetDateTime>,
    /// From Intercom's activity log; null if the log does not contain it.
    #[serde(with = "crate::date_time::option")]
    pub removed_at: Option<OffsetDateTime>,
    /// From Intercom's activity log; null if the log does not contain it.
    #[serde(with = "crate::date_time::option")]
    pub last_sign_in_at: Option<OffsetDateTime>,
    /// How the teammate last signed in, in Intercom's terms, from the activity log.
    pub last_sign_in_method: Option<String>,
    /// When the teammate joined. If the activity log does not contain that, when the bridge first
    /// saw the account.
    #[serde(with = "crate::date_time")]
    pub created_at: OffsetDateTime,
    /// When the bridge recorded the last change of the account or of one of its team memberships.
    #[serde(with = "crate::date_time")]
    pub last_modified_at: OffsetDateTime,
    /// Whether the personal data of the teammate was erased from the bridge. Address, names and
    /// title are then null.
    pub erased: bool,
    /// When the teammate last did something, as far as Intercom's activity log shows it. Null if
    /// the log does not show it; `last_activity_source` says why.
    #[serde(with = "crate::date_time::option")]
    pub last_activity_at: Option<OffsetDateTime>,
    /// What shows the last activity: `sign_in`, `activity_log` (an entry that the teammate
    /// performed) or `occupancy` (Intercom measured it). `never` if the log covers the whole time
    /// since the teammate joined and has no activity. `unknown` if it does not cover that time.
    pub last_activity_source: &'static str,
    /// `active`, `removed`, or `invited` for a person who has not joined yet (only with
    /// `include_invited`).
    pub status: &'static str,
    /// The class of the account, from the roster in force at the time of the row. Null without a
    /// roster, for an invited person, and unless the request has `include_class`.
    pub class: Option<Class>,
    /// Why the account has its class.
    pub class_reason: Option<ClassReason>,
}

impl Row for Account {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "intercom_id",
        "workspace_id",
        "user_name",
        "email",
        "display_name",
        "given_name",
        "family_name",
        "title",
        "user_type",
        "active",
        "role_id",
        "role_name",
        "has_inbox_seat",
        "permissions",
        "team_ids",
        "two_factor_auth",
        "joined_at",
        "removed_at",
        "last_sign_in_at",
        "last_sign_in_method",
        "created_at",
        "last_modified_at",
        "erased",
        "last_activity_at",
        "last_activity_source",
        "status",
        "class",
        "class_reason",
    ];
}

/// Returns the accounts of a directory, sorted by id.
#[must_use]
pub fn accounts(
    directory: &Directory,
    names: Names,
    known: KnownLog,
    selection: Selection,
) -> Rows<Account> {
    let selected = directory.people.iter().filter(|person| selection.takes(person));
    selection.page(selected, |person| account(directory, person, names, known))
}

/// How much of the activity log was known at the time that rows show.
#[derive(Clone, Copy, Debug)]
pub struct KnownLog {
    /// The time range for which the log had been read without a gap; `None` if none of it had been
    /// read.
    pub covered: Option<(OffsetDateTime, OffsetDateTime)>,
    /// The time that the rows show.
    pub moment: OffsetDateTime,
}

impl Account {
    /// Sets the class, from what the roster says of the account.
    pub fn with_class(&mut self, identity: &ReviewIdentity) {
        self.class = identity.identity_class;
        self.class_reason = identity.class_reason;
    }

    /// Replaces the current values from the activity log by those of a moment.
    pub fn with_log_facts(&mut self, user: &User, facts: &LogFacts, moment: OffsetDateTime) {
        let sign_in = facts.sign_ins.get(&user.id);
        self.last_sign_in_at = sign_in.map(|sign_in| sign_in.at);
        self.last_sign_in_method =
            sign_in.and_then(|sign_in| sign_in.method.clone()).map(Into::into);
        let last = facts.last_activity(&user.id);
        self.last_activity_at = last.map(|last| last.at);
        self.last_activity_source = activity_source(last, user, facts.covered, moment);
    }
}

/// Returns pending invitations as accounts, for views of everybody who can sign in now or soon.
/// Only those whose address is known, and that were sent or changed at `modified_since` or later.
#[must_use]
pub fn invited_accounts(
    invitations: &Invitations,
    workspace: &Workspace,
    modified_since: Option<OffsetDateTime>,
) -> Vec<Account> {
    let known = invitations.pending.iter().filter_map(|one| Some((one, one.email.clone()?)));
    let account = |(one, email): (&Invitation, String)| {
        let last_at = one.last_at()?;
        modified_since.is_none_or(|since| last_at >= since).then(|| Account {
            id: one.id.clone(),
            intercom_id: None,
            workspace_id: workspace.id.clone(),
            user_name: email.clone(),
            email: Some(email),
            display_name: None,
            given_name: None,
            family_name: None,
            title: None,
            user_type: "Teammate",
            active: false,
            role_id: None,
            role_name: one.role.clone(),
            has_inbox_seat: None,
            permissions: None,
            team_ids: String::new(),
            two_factor_auth: None,
            joined_at: None,
            removed_at: None,
            last_sign_in_at: None,
            last_sign_in_method: None,
            created_at: one.invited_at.unwrap_or(last_at),
            last_modified_at: last_at,
            erased: false,
            last_activity_at: None,
            last_activity_source: "never",
            status: "invited",
            class: None,
            class_reason: None,
        })
    };
    known.filter_map(account).collect()
}

/// Returns the account of a person of a directory.
#[must_use]
pub fn account(directory: &Directory, person: &Person, names: Names, known: KnownLog) -> Account {
    let Person { user, volatile, stamps, teams } = person;
    let (given_name, family_name) = user.given_and_family(names);
    let last_activity = volatile.last_activity();
    let id = account_id(&user.id);
    let team_ids: Vec<String> = teams
        .iter()
        .filter_map(|link| directory.teams.get(link.place as usize))
        .map(|team| team_id(&team.group.id))
        .collect();
    Account {
        intercom_id: Some(user.id.to_string()),
        workspace_id: directory.workspace.id.clone(),
        user_name: user_name(user),
        email: user.email.clone(),
        display_name: user.name.clone(),
        given_name: given_name.map(str::to_owned),
        family_name: family_name.map(str::to_owned),
        title: user.job_title.as_deref().map(str::to_owned),
        user_type: match user.kind() {
            UserKind::Teammate => "Teammate",
            UserKind::Bot => "Bot",
        },
        active: user.active,
        role_id: user.role.as_ref().map(|role| role.id.clone()),
        role_name: user.role.as_ref().and_then(|role| role.name.clone()),
        has_inbox_seat: user.has_inbox_seat,
        permissions: user.permissions.as_ref().map(|permissions| permissions.join(",")),
        team_ids: team_ids.join(","),
        two_factor_auth: user.two_factor_auth,
        joined_at: user.joined_at,
        removed_at: user.removed_at,
        last_sign_in_at: volatile.last_sign_in_at,
        last_sign_in_method: volatile.last_sign_in_method.clone().map(Into::into),
        created_at: user.joined_at.unwrap_or(stamps.created),
        last_modified_at: stamps.last_modified,
        erased: user.erased,
        last_activity_at: last_activity.map(|last| last.at),
        last_activity_source: activity_source(last_activity, user, known.covered, known.moment),
        status: if user.active { "active" } else { "removed" },
        class: None,
        class_reason: None,
        id,
    }
}
