//! Accounts for an access review: who had which access at one time, and what changed since the
//! previous review. No side effects.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;
use time::{Date, OffsetDateTime};

use super::{Row, days_since};
use crate::directory::{
    Directory, Invitation, LogFacts, Person, Role, SignIn, Team, User, UserId, UserKind, Workspace,
    account_id, activity_source, is_inactive, team_id, text, user_name,
};
use crate::roster::{Class, Confidence, MatchRule, ReviewIdentity, Status, dates};
use crate::words::words;

/// The number of days without activity after which an account is dormant.
const DORMANT_DAYS: i64 = 90;

/// The inputs of a review besides the directory.
#[derive(Clone, Copy, Debug)]
pub struct ReviewBasis<'a> {
    /// Names of roles whose holders are privileged.
    pub privileged_roles: &'a [String],
    /// The facts from the activity log up to `moment`.
    pub log: &'a LogFacts,
    /// The time that the review describes.
    pub moment: OffsetDateTime,
    /// The columns of the roster, by account; `None` if no roster is in force.
    pub identities: Option<&'a HashMap<UserId, ReviewIdentity>>,
}

/// Whether an account can grant access to others or change how people sign in, judged by the name
/// of its role and by its permissions. `None` if neither is known.
#[must_use]
pub fn is_privileged(user: &User, privileged_roles: &[String]) -> Option<bool> {
    let folded = |name: &str| text::folded(name.trim()).into_owned();
    let role = user.role.as_ref().and_then(|role| role.name.as_deref());
    let by_role = role
        .map(|name| privileged_roles.iter().any(|privileged| folded(privileged) == folded(name)));
    let by_permission =
        user.permissions.as_deref().map(|names| names.iter().any(|name| gives_power(name)));
    match (by_role, by_permission) {
        (None, None) => None,
        (by_role, by_permission) => Some(by_role == Some(true) || by_permission == Some(true)),
    }
}

/// Whether this permission allows granting access to others, or changing how people sign in.
/// Intercom's log names `manage_teammates` and `access_workspace_settings`, which opens the
/// security settings. The last condition is for a dedicated permission, should Intercom introduce
/// one.
fn gives_power(permission: &str) -> bool {
    ["manage_teammates", "access_workspace_settings"].contains(&permission)
        || permission.contains("security") && permission.contains("settings")
}

words! {
    /// What became of an account since the review before.
    pub enum ReviewChange {
        /// It had no access then.
        Added = "added",
        /// It has none any more.
        Removed = "removed",
        /// It has another address, name, role, seat, second factor, or other teams or permissions.
        Changed = "changed",
        /// Nothing that a review compares has changed.
        Same = "same",
    }
}

/// An account under review. An unknown value is null in JSON and an empty cell in CSV.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReviewedAccount {
    /// The time whose state the row shows (UTC).
    #[serde(with = "crate::date_time")]
    pub as_of_utc: OffsetDateTime,
    /// Intercom's id of the workspace.
    pub workspace_id: Option<String>,
    /// The id in SCIM: `adm_` and Intercom's id of the admin.
    pub account_id: String,
    /// The sign-in address. If Intercom has none, the id of the account.
    pub user_name: String,
    /// The e-mail address with which the teammate signs in.
    pub email: Option<String>,
    /// The name in Intercom.
    pub display_name: Option<String>,
    /// `active`, `removed`, or `invited` for a pending invitation. An invited person has no access
    /// yet, and `account_id` is then the id of the invitation.
    pub status: &'static str,
    /// `person`, or `service` for a bot of the workspace.
    pub account_type: &'static str,
    /// Whether the role is one of `reviews.privileged_roles`, or a permission allows managing
    /// teammates or changing the settings of the workspace, including security. Null if neither
    /// role nor permissions are known.
    pub is_privileged: Option<bool>,
    /// The name of the role.
    pub roles: Option<String>,
    /// The names of the teams, separated by `;`.
    pub teams: String,
    /// The permissions, separated by `;`.
    pub permissions: Option<String>,
    /// The paid seat: `inbox` or `none`.
    pub seat: Option<&'static str>,
    /// When the teammate joined. If the activity log does not contain that, when the bridge first
    /// saw the account.
    #[serde(with = "crate::date_time")]
    pub created_at: OffsetDateTime,
    /// The source of that time: `activity_log`, or `observed` if the bridge saw the account first
    /// then.
    pub created_source: &'static str,
    /// The last sign-in up to the time of the row that the activity log contains.
    #[serde(with = "crate::date_time::option")]
    pub last_login_at: Option<OffsetDateTime>,
    /// The source of that time: `activity_log`.
    pub last_login_source: Option<&'static str>,
    /// Whole days from the last sign-in to the time of the row.
    pub days_since_login: Option<i64>,
    /// Whether sign-in requires a second factor. Null if unknown.
    pub mfa: Option<bool>,
    /// Whether the last sign-in was by the company's identity provider (SAML). Null if the activity
    /// log does not contain it.
    pub sso: Option<bool>,
    /// When the teammate was invited. Null if the activity log does not contain it.
    #[serde(with = "crate::date_time::option")]
    pub invited_at: Option<OffsetDateTime>,
    /// When the teammate was removed; null for an active account.
    #[serde(with = "crate::date_time::option")]
    pub removed_at: Option<OffsetDateTime>,
    /// When the bridge first saw the account.
    #[serde(with = "crate::date_time")]
    pub first_seen_at: OffsetDateTime,
    /// When the account was last known to exist: the time of the row or, for a removed account,
    /// when the bridge recorded the removal.
    #[serde(with = "crate::date_time")]
    pub last_seen_at: OffsetDateTime,
    /// How the account changed since `since`. Null if the request has no `since`.
    pub change_since_last_review: Option<ReviewChange>,
    /// Whether the teammate has not been active for more than 90 days (see `last_activity_at`).
    /// Null if the activity log does not cover them, and for bots.
    pub is_dormant: Option<bool>,
    /// Whether the personal data of the teammate was erased from the bridge. Address and names are
    /// then null.
    pub erased: bool,
    /// When the teammate last did something up to the time of the row, as far as Intercom's
    /// activity log shows it.
    #[serde(with = "crate::date_time::option")]
    pub last_activity_at: Option<OffsetDateTime>,
    /// What shows the last activity: `sign_in`, `activity_log` (an entry that the teammate
    /// performed) or `occupancy` (Intercom measured it). `never` if the log covers the whole time
    /// since the teammate joined and has no activity. `unknown` if it does not cover that time.
    pub last_activity_source: &'static str,
    /// Whole days from the last activity to the time of the row.
    pub days_since_activity: Option<i64>,
    /// The class of the account: `employee`, `contractor`, `service`, `bot` or `unknown`. This and
    /// the following members are null without a roster.
    pub identity_class: Option<Class>,
    /// The key of the person in the roster.
    pub person_key: Option<String>,
    /// The status of the person.
    pub person_status: Option<Status>,
    /// The rule that found the person.
    pub match_rule: Option<MatchRule>,
    /// How certain the match is.
    pub match_confidence: Option<Confidence>,
    /// The employee number.
    pub employee_number: Option<String>,
    /// The department.
    pub department: Option<String>,
    /// The manager's key, or what the source has instead.
    pub manager: Option<String>,
    /// Of a service account: the key or address of the responsible person.
    pub owner: Option<String>,
    /// The person's last day.
    #[serde(with = "dates::option")]
    pub ended_at: Option<Date>,
    /// What a reviewer should look at, separated by `;`.
    pub flags: Option<String>,
}

impl Row for ReviewedAccount {
    const COLUMNS: &'static [&'static str] = &[
        "as_of_utc",
        "workspace_id",
        "account_id",
        "user_name",
        "email",
        "display_name",
        "status",
        "account_type",
        "is_privileged",
        "roles",
        "teams",
        "permissions",
        "seat",
        "created_at",
        "created_source",
        "last_login_at",
        "last_login_source",
        "days_since_login",
        "mfa",
        "sso",
        "invited_at",
        "removed_at",
        "first_seen_at",
        "last_seen_at",
        "change_since_last_review",
        "is_dormant",
        "erased",
        "last_activity_at",
        "last_activity_source",
        "days_since_activity",
        "identity_class",
        "person_key",
        "person_status",
        "match_rule",
        "match_confidence",
        "employee_number",
        "department",
        "manager",
        "owner",
        "ended_at",
        "flags",
    ];
}

/// Returns the accounts that have access at `moment`, sorted by id. With a previous review, also
/// those that had access then.
#[must_use]
pub fn review(
    now: &Directory,
    before: Option<&Directory>,
    basis: ReviewBasis<'_>,
) -> Vec<ReviewedAccount> {
    (0..now.people.len()).filter_map(|place| reviewed_account(now, before, basis, place)).collect()
}

/// Returns the row of the person at index `place` of [`Directory::people`]; `None` for a person
/// without access both then and now. So a review of many people can be written row by row.
#[must_use]
pub fn reviewed_account(
    now: &Directory,
    before: Option<&Directory>,
    basis: ReviewBasis<'_>,
    place: usize,
) -> Option<ReviewedAccount> {
    let person = now.people.get(place)?;
    let earlier = before.and_then(|before| Some((before, before.person(&person.user.id)?)));
    let known = earlier.filter(|(_, earlier)| earlier.user.active);
    if !person.user.active && known.is_none() {
        return None;
    }
    let teams = team_names(now, person);
    let change = before.map(|_| match known {
        None => ReviewChange::Added,
        Some(_) if !person.user.active => ReviewChange::Removed,
        Some((before, earlier)) => {
            let same =
                reviewed(earlier) == reviewed(person) && team_names(before, earlier) == teams;
            if same { ReviewChange::Same } else { ReviewChange::Changed }
        }
    });
    Some(row(now, person, &teams, change, basis))
}

/// Returns the row of a pending invitation; `None` if its address is unknown. `since` is the time
/// of the previous review.
#[must_use]
pub fn reviewed_invitation(
    invitation: &Invitation,
    workspace: &Workspace,
    since: Option<OffsetDateTime>,
    basis: ReviewBasis<'_>,
) -> Option<ReviewedAccount> {
    let email = invitation.email.clone()?;
    let last_at = invitation.last_at()?;
    let created_at = invitation.invited_at.unwrap_or(last_at);
    let role = invitation.role.clone();
    let role = role.map(|name| Role { id: String::new(), name: Some(name) }.into());
    let user = User { role, ..User::new(UserId::new("")) };
    let change = |since| match () {
        () if created_at > since => ReviewChange::Added,
        () if last_at > since => ReviewChange::Changed,
        () => ReviewChange::Same,
    };
    Some(ReviewedAccount {
        as_of_utc: basis.moment,
        workspace_id: workspace.id.clone(),
        account_id: invitation.id.clone(),
        user_name: email.clone(),
        email: Some(email),
        display_name: None,
        status: "invited",
        account_type: "person",
        is_privileged: is_privileged(&user, basis.privileged_roles),
        roles: invitation.role.clone(),
        teams: String::new(),
        permissions: None,
        seat: None,
        created_at,
        created_source: "activity_log",
        last_login_at: None,
        last_login_source: None,
        days_since_login: None,
        mfa: None,
        sso: None,
        invited_at: invitation.last_sent_at,
        removed_at: None,
        first_seen_at: created_at,
        last_seen_at: basis.moment,
        change_since_last_review: since.map(change),
        is_dormant: None,
        erased: false,
        last_activity_at: None,
        last_activity_source: "never",
        days_since_activity: None,
        identity_class: None,
        person_key: None,
        person_status: None,
        match_rule: None,
        match_confidence: None,
        employee_number: None,
        department: None,
        manager: None,
        owner: None,
        ended_at: None,
        flags: None,
    })
}

/// Returns the attributes that a review compares, other than teams.
fn reviewed(person: &Person) -> User {
    User { joined_at: None, removed_at: None, job_title: None, ..(*person.user).clone() }
}

/// Returns the names of a person's teams; empty for a removed person.
fn team_names<'a>(directory: &'a Directory, person: &'a Person) -> Vec<Cow<'a, str>> {
    let links = person.teams.iter().filter(|_| person.user.active);
    let teams = links.filter_map(|link| directory.teams.get(link.place as usize));
    let name = |team: &'a Team| match &team.group.name {
        Some(name) => Cow::Borrowed(name.as_str()),
        None => Cow::Owned(team_id(&team.group.id)),
    };
    teams.map(name).collect()
}

fn row(
    directory: &Directory,
    Person { user, stamps, .. }: &Person,
    teams: &[Cow<'_, str>],
    change: Option<ReviewChange>,
    basis: ReviewBasis<'_>,
) -> ReviewedAccount {
    let account_id = account_id(&user.id);
    let moment = basis.moment;
    let identities = basis.identities;
    let identity = identities.and_then(|all| all.get(&user.id).cloned()).unwrap_or_default();
    let sign_in = basis.log.sign_ins.get(&user.id).filter(|sign_in| sign_in.at <= moment);
    let last_login_at = sign_in.map(|sign_in| sign_in.at);
    let last_activity = basis.log.last_activity(&user.id).filter(|last| last.at <= moment);
    let last_activity_at = last_activity.map(|last| last.at);
    let covered = basis.log.covered;
    let is_dormant = || is_inactive(user, last_activity_at, covered, moment, DORMANT_DAYS);
    ReviewedAccount {
        as_of_utc: moment,
        workspace_id: directory.workspace.id.clone(),
        user_name: user_name(user),
        email: user.email.clone(),
        display_name: user.name.clone(),
        status: if user.active { "active" } else { "removed" },
        account_type: match user.kind() {
            UserKind::Teammate => "person",
            UserKind::Bot => "service",
        },
        is_privileged: is_privileged(user, basis.privileged_roles),
        roles: user.role.as_ref().map(|role| role.name.clone().unwrap_or_else(|| role.id.clone())),
        teams: teams.join(";"),
        permissions: user.permissions.as_ref().map(|names| names.join(";")),
        seat: user.has_inbox_seat.map(|seat| if seat { "inbox" } else { "none" }),
        created_at: user.joined_at.unwrap_or(stamps.created),
        created_source: if user.joined_at.is_some() { "activity_log" } else { "observed" },
        last_login_at,
        last_login_source: last_login_at.map(|_| "activity_log"),
        days_since_login: last_login_at.and_then(|at| days_since(at, moment)),
        mfa: user.two_factor_auth,
        sso: sign_in.and_then(SignIn::by_identity_provider),
        invited_at: user
            .email
            .as_ref()
            .and_then(|email| basis.log.invited_at(email, user.joined_at)),
        removed_at: user.removed_at,
        first_seen_at: stamps.created,
        last_seen_at: if user.active { moment } else { stamps.last_modified },
        change_since_last_review: change,
        is_dormant: if user.active { is_dormant() } else { None },
        erased: user.erased,
        last_activity_at,
        last_activity_source: activity_source(last_activity, user, covered, moment),
        days_since_activity: last_activity_at.and_then(|at| days_since(at, moment)),
        account_id,
        identity_class: identity.identity_class,
        person_key: identity.person_key,
        person_status: identity.person_status,
        match_rule: identity.match_rule,
        match_confidence: identity.match_confidence,
        employee_number: identity.employee_number,
        department: identity.department,
        manager: identity.manager,
        owner: identity.owner,
        ended_at: identity.ended_at,
        flags: identity.flags,
    }
}
