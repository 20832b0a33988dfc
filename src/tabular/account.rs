//! Teammates as rows.

use serde::Serialize;
use time::OffsetDateTime;

use super::{Row, Rows, Selection};
use crate::directory::{Directory, Names, Person, UserKind, account_id, team_id, user_name};

/// The account of a teammate. A value that Intercom does not provide is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// The id in SCIM: `adm_` and Intercom's id of the admin.
    pub id: String,
    /// Intercom's id of the admin.
    pub intercom_id: String,
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
    ];
}

/// Returns the accounts of a directory, sorted by id.
#[must_use]
pub fn accounts(directory: &Directory, names: Names, selection: Selection) -> Rows<Account> {
    let selected = directory.people.iter().filter(|person| selection.takes(person));
    selection.page(selected, |person| account(directory, person, names))
}

/// Returns the account of a person of a directory.
#[must_use]
pub fn account(directory: &Directory, person: &Person, names: Names) -> Account {
    let Person { user, volatile, stamps, teams } = person;
    let (given_name, family_name) = user.given_and_family(names);
    let id = account_id(&user.id);
    let team_ids: Vec<String> = teams
        .iter()
        .filter_map(|link| directory.teams.get(link.place as usize))
        .map(|team| team_id(&team.group.id))
        .collect();
    Account {
        intercom_id: user.id.to_string(),
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
        id,
    }
}
