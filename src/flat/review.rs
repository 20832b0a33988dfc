//! Accounts as somebody reviews them: who had which access at a moment, and what changed since the review before. Pure.

use std::collections::HashMap;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{EntitlementType, MembershipSelection, Row, Selection, account_id, memberships};
use crate::directory::{Directory, Person, User, UserKind};

/// The permissions whose holders can give access to others, or take everything along.
const PRIVILEGED: [&str; 3] = ["access_workspace_settings", "export_data", "manage_teammates"];

/// What became of an account since the review before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReviewChange {
    /// It had no access then.
    Added,
    /// It has none any more.
    Removed,
    /// It has another address, name, role, seat, second factor, or other teams or permissions.
    Changed,
    /// Nothing that a review looks at is different.
    Same,
}

/// An account under review. What is not known is null, and an empty cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReviewedAccount {
    /// The moment that the row tells of.
    #[serde(with = "crate::date_time")]
    pub as_of_utc: OffsetDateTime,
    /// Intercom's id of the workspace.
    pub workspace_id: Option<String>,
    /// The SCIM id.
    pub account_id: String,
    /// The sign-in address; the id, for a teammate without one.
    pub user_name: String,
    /// The sign-in address.
    pub email: Option<String>,
    /// The name as in Intercom.
    pub display_name: Option<String>,
    /// `active` or `removed`.
    pub status: &'static str,
    /// `person` or `service` (the workspace's own machine).
    pub account_type: &'static str,
    /// Whether it has a permission to manage teammates, change the workspace's settings, or export its data; null where the
    /// activity log tells nothing of its permissions.
    pub is_privileged: Option<bool>,
    /// The name of the role.
    pub roles: Option<String>,
    /// Names of the teams, with `;` between.
    pub teams: String,
    /// Permissions, with `;` between.
    pub permissions: Option<String>,
    /// `inbox`, or `none`.
    pub seat: Option<&'static str>,
    /// When the teammate joined, else when the bridge saw them first.
    #[serde(with = "crate::date_time")]
    pub created_at: OffsetDateTime,
    /// How that is known: `activity_log` or `observed`.
    pub created_source: &'static str,
    /// The last sign-in that the activity log covers; of now, and never of a past moment.
    #[serde(with = "crate::date_time::option")]
    pub last_login_at: Option<OffsetDateTime>,
    /// How that is known: `activity_log`.
    pub last_login_source: Option<&'static str>,
    /// Whole days from then to the moment of the row.
    pub days_since_login: Option<i64>,
    /// Whether a second factor is asked for at sign-in.
    pub mfa: Option<bool>,
    /// Whether the teammate signs in by an identity provider: never known so far.
    pub sso: Option<bool>,
    /// When the teammate was invited: never known so far.
    #[serde(with = "crate::date_time::option")]
    pub invited_at: Option<OffsetDateTime>,
    /// When the teammate was removed.
    #[serde(with = "crate::date_time::option")]
    pub removed_at: Option<OffsetDateTime>,
    /// When the bridge saw the account first.
    #[serde(with = "crate::date_time")]
    pub first_seen_at: OffsetDateTime,
    /// When the account was last known to be there: the moment of the row, or, of one that was removed, when the bridge
    /// recorded that.
    #[serde(with = "crate::date_time")]
    pub last_seen_at: OffsetDateTime,
    /// What became of it since the moment `since`; null without one.
    pub change_since_last_review: Option<ReviewChange>,
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
    ];
    const FOR_SPREADSHEETS: bool = true;
}

/// The accounts that have access at `moment`, by id; and, where the review before is given, those that had access then.
#[must_use]
pub fn review(now: &Directory, before: Option<&Directory>, moment: OffsetDateTime) -> Vec<ReviewedAccount> {
    let (teams, earlier_teams) = (team_names(now), before.map(team_names).unwrap_or_default());
    let earlier: HashMap<&str, &Person> =
        before.iter().flat_map(|before| &before.people).map(|person| (person.user.id.as_str(), person)).collect();
    let mut rows = Vec::new();
    for person in &now.people {
        let known = earlier.get(person.user.id.as_str()).copied().filter(|earlier| earlier.user.active);
        if !person.user.active && known.is_none() {
            continue;
        }
        let change = before.map(|_| match known {
            None => ReviewChange::Added,
            Some(_) if !person.user.active => ReviewChange::Removed,
            Some(earlier) if reviewed(earlier, &earlier_teams) == reviewed(person, &teams) => ReviewChange::Same,
            Some(_) => ReviewChange::Changed,
        });
        rows.push(row(now, person, &teams, change, moment));
    }
    rows
}

/// What a review looks at.
fn reviewed<'a>(person: &'a Person, teams: &'a HashMap<String, Vec<String>>) -> (User, Option<&'a Vec<String>>) {
    let user = User { joined_at: None, removed_at: None, job_title: None, ..(*person.user).clone() };
    (user, teams.get(&account_id(&person.user.id)))
}

/// Names of teams, by account.
fn team_names(directory: &Directory) -> HashMap<String, Vec<String>> {
    let all = Selection { limit: usize::MAX, ..Selection::default() };
    let mut names: HashMap<String, Vec<String>> = HashMap::new();
    let teams = MembershipSelection { kind: Some(EntitlementType::Team), ..MembershipSelection::default() };
    for one in memberships(directory, teams, all).items {
        names.entry(one.account_id).or_default().push(one.entitlement_name);
    }
    names
}

fn row(
    directory: &Directory,
    Person { user, volatile, stamps, .. }: &Person,
    teams: &HashMap<String, Vec<String>>,
    change: Option<ReviewChange>,
    moment: OffsetDateTime,
) -> ReviewedAccount {
    let account_id = account_id(&user.id);
    let last_login_at = volatile.last_sign_in_at.filter(|at| *at <= moment);
    let privileged = |names: &[String]| names.iter().any(|name| PRIVILEGED.contains(&name.as_str()));
    ReviewedAccount {
        as_of_utc: moment,
        workspace_id: directory.workspace.id.clone(),
        user_name: user.email.clone().unwrap_or_else(|| account_id.clone()),
        email: user.email.clone(),
        display_name: user.name.clone(),
        status: if user.active { "active" } else { "removed" },
        account_type: match user.kind() {
            UserKind::Teammate => "person",
            UserKind::Bot => "service",
        },
        is_privileged: user.permissions.as_deref().map(privileged),
        roles: user.role.as_ref().map(|role| role.name.clone().unwrap_or_else(|| role.id.clone())),
        teams: teams.get(&account_id).map(|names| names.join(";")).unwrap_or_default(),
        permissions: user.permissions.as_ref().map(|names| names.join(";")),
        seat: user.has_inbox_seat.map(|seat| if seat { "inbox" } else { "none" }),
        created_at: user.joined_at.unwrap_or(stamps.created),
        created_source: if user.joined_at.is_some() { "activity_log" } else { "observed" },
        last_login_at,
        last_login_source: last_login_at.map(|_| "activity_log"),
        days_since_login: last_login_at.map(|at| (moment - at).whole_days()),
        mfa: user.two_factor_auth,
        sso: None,
        invited_at: None,
        removed_at: user.removed_at,
        first_seen_at: stamps.created,
        last_seen_at: if user.active { moment } else { stamps.last_modified },
        change_since_last_review: change,
        account_id,
    }
}
