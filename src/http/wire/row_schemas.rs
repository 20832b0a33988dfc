//! The schemas of rows and changes: how OpenAPI describes records that are serialised unchanged.
//! The texts are part of the API's documentation. A test compares the members with those of the
//! records.
#![expect(dead_code, reason = "these types only describe records of the same name")]

use serde_json::{Map, Value};
use time::{Date, OffsetDateTime};
use utoipa::ToSchema;

use crate::activity::{Group, Severity};
use crate::directory::EntitlementType;
use crate::roster::{Class, ClassReason, Confidence, MatchRule, Status};
use crate::tabular::{ReviewChange, RoleSource, SeatUse};

/// The account of a teammate. A value that Intercom does not provide is null.
#[derive(ToSchema)]
pub struct Account {
    /// The id in SCIM: `adm_` and Intercom's id of the admin.
    id: String,
    /// Intercom's id of the admin. Null for an invited person, who has none yet.
    intercom_id: Option<String>,
    /// Intercom's id of the workspace.
    workspace_id: Option<String>,
    /// The sign-in address. If Intercom has none, the id of the account.
    user_name: String,
    /// The e-mail address with which the teammate signs in.
    email: Option<String>,
    /// The name in Intercom.
    display_name: Option<String>,
    /// Derived from the name in Intercom, which has only one field for it.
    given_name: Option<String>,
    /// Derived from the name in Intercom, which has only one field for it.
    family_name: Option<String>,
    /// The job title.
    title: Option<String>,
    /// `Teammate`, or `Bot` for the workspace's own bot (Operator, Fin).
    user_type: &'static str,
    /// Whether the teammate has access. False after the teammate was removed from the workspace.
    active: bool,
    /// Intercom's id of the role.
    role_id: Option<String>,
    /// The name of the role.
    role_name: Option<String>,
    /// Whether the teammate has a paid inbox seat.
    has_inbox_seat: Option<bool>,
    /// The granted permissions that the activity log contains, separated by commas.
    permissions: Option<String>,
    /// The ids of the teams, separated by commas.
    team_ids: String,
    /// From Intercom's activity log; null if the log does not contain it.
    two_factor_auth: Option<bool>,
    /// From Intercom's activity log; null if the log does not contain it.
    joined_at: Option<OffsetDateTime>,
    /// From Intercom's activity log; null if the log does not contain it.
    removed_at: Option<OffsetDateTime>,
    /// From Intercom's activity log; null if the log does not contain it.
    last_sign_in_at: Option<OffsetDateTime>,
    /// How the teammate last signed in, in Intercom's terms, from the activity log.
    last_sign_in_method: Option<String>,
    /// When the teammate joined. If the activity log does not contain that, when the bridge first
    /// saw the account.
    created_at: OffsetDateTime,
    /// When the bridge recorded the last change of the account or of one of its team memberships.
    last_modified_at: OffsetDateTime,
    /// Whether the personal data of the teammate was erased from the bridge. Address, names and
    /// title are then null.
    erased: bool,
    /// When the teammate last did something, as far as Intercom's activity log shows it. Null if
    /// the log does not show it; `last_activity_source` says why.
    last_activity_at: Option<OffsetDateTime>,
    /// What shows the last activity: `sign_in`, `activity_log` (an entry that the teammate
    /// performed) or `occupancy` (Intercom measured it). `never` if the log covers the whole time
    /// since the teammate joined and has no activity. `unknown` if it does not cover that time.
    last_activity_source: &'static str,
    /// `active`, `removed`, or `invited` for a person who has not joined yet (only with
    /// `include_invited`).
    status: &'static str,
    /// The class of the account, from the roster in force at the time of the row. Null without a
    /// roster, for an invited person, and unless the request has `include_class`.
    class: Option<Class>,
    /// Why the account has its class.
    class_reason: Option<ClassReason>,
}

/// An entitlement: a team, role, seat or permission that a teammate can have.
#[derive(ToSchema)]
pub struct Entitlement {
    /// The id of the entitlement: `team_…`, `role_…`, `seat_…` or `permission_…`.
    id: String,
    /// The kind of the entitlement.
    r#type: EntitlementType,
    /// The name of the entitlement, as Intercom shows it.
    name: String,
    /// Intercom's id or name of the entitlement.
    intercom_id: String,
    /// The number of active teammates who have the entitlement.
    member_count: usize,
    /// How Intercom assigns the team's conversations, in Intercom's terms.
    distribution_method: Option<String>,
    /// The maximum number of open conversations that Intercom assigns to one member of the team.
    assignment_limit: Option<i64>,
    /// When the bridge recorded the last change of the team or its members. Null for roles, seats
    /// and permissions.
    last_modified_at: Option<OffsetDateTime>,
}

/// A role of the workspace, whether a teammate has it or not.
#[derive(ToSchema)]
pub struct WorkspaceRole {
    /// Intercom's id of the role.
    id: String,
    /// The id of the role among the entitlements: `role_…`.
    entitlement_id: String,
    /// The name of the role.
    name: String,
    /// What Intercom says of the role; null if it says nothing.
    description: Option<String>,
    /// The number of active teammates who have the role.
    members: usize,
    /// `list` if Intercom's list of roles has it, `admin` if only records of teammates do.
    source: RoleSource,
    /// When the bridge first read the role in Intercom's list. Null if the list does not have it.
    first_seen_at: Option<OffsetDateTime>,
    /// When the bridge recorded the last change of the role. Null if the list does not have it.
    last_modified_at: Option<OffsetDateTime>,
}

/// One entitlement of one teammate.
#[derive(ToSchema)]
pub struct AccessMembership {
    /// The id of the account, a colon, and the id of the entitlement.
    id: String,
    /// The id of the account: `adm_` and Intercom's id of the admin.
    account_id: String,
    /// The teammate's sign-in address. If Intercom has none, the id of the account.
    user_name: String,
    /// The id of the entitlement: `team_…`, `role_…`, `seat_…` or `permission_…`.
    entitlement_id: String,
    /// The kind of the entitlement.
    entitlement_type: EntitlementType,
    /// The name of the entitlement, as Intercom shows it.
    entitlement_name: String,
    /// `primary` or `secondary`, in a team whose distribution method uses priorities; else null.
    priority: Option<&'static str>,
}

/// A change of a user, a group or a membership.
#[derive(ToSchema)]
pub struct ChangeDocument {
    /// The position after this change, for the parameter `since`.
    cursor: String,
    /// The generation: the number of the import among those that changed something. All changes of
    /// one import have the same generation.
    generation: i64,
    /// The number of the import that found the change.
    import_id: i64,
    /// When the bridge recorded the change.
    at: OffsetDateTime,
    /// `user`, `group` or `membership`; `role` only with `type=role`.
    r#type: &'static str,
    /// `created`, `updated`, `removed` or `restored`.
    action: &'static str,
    /// The id of the changed resource. For a membership: the id of the user, a colon, and the id of
    /// the group. For a role: `role_…`.
    id: String,
    /// The id of the user. Null for changes of groups.
    user_id: Option<String>,
    /// The user's name when the change was recorded.
    user_display_name: Option<String>,
    /// The user's address when the change was recorded.
    user_email: Option<String>,
    /// The id of the group. Null for changes of users.
    group_id: Option<String>,
    /// The group's name when the change was recorded.
    group_display_name: Option<String>,
    /// The previous values of the changed attributes. Null for a creation.
    #[schema(value_type = Option<Object>)]
    before: Option<Map<String, Value>>,
    /// The new values of the changed attributes. A value that is now unknown is null. The whole
    /// object is null for a removal.
    #[schema(value_type = Option<Object>)]
    after: Option<Map<String, Value>>,
    /// Who made the change in Intercom. Null if the activity log does not contain it.
    actor: Option<ChangedBy>,
    /// Whether the personal data of the user was erased from the bridge after the change. Address,
    /// names and title are then null.
    user_erased: bool,
}

/// Who made a change, according to Intercom's activity log.
#[derive(ToSchema)]
pub struct ChangedBy {
    /// The id of the teammate who made the change.
    id: Option<String>,
    /// The teammate's name when the change was recorded.
    display_name: Option<String>,
    /// The teammate's address at that time.
    email: Option<String>,
    /// When the change was made in Intercom.
    at: OffsetDateTime,
    /// Intercom's type of the activity.
    activity_type: String,
    /// Intercom's id of the entry of the activity log.
    activity_id: String,
}

/// An account under review. An unknown value is null in JSON and an empty cell in CSV.
#[derive(ToSchema)]
pub struct ReviewedAccount {
    /// The time whose state the row shows (UTC).
    as_of_utc: OffsetDateTime,
    /// Intercom's id of the workspace.
    workspace_id: Option<String>,
    /// The id in SCIM: `adm_` and Intercom's id of the admin.
    account_id: String,
    /// The sign-in address. If Intercom has none, the id of the account.
    user_name: String,
    /// The e-mail address with which the teammate signs in.
    email: Option<String>,
    /// The name in Intercom.
    display_name: Option<String>,
    /// `active`, `removed`, or `invited` for a pending invitation. An invited person has no access
    /// yet, and `account_id` is then the id of the invitation.
    status: &'static str,
    /// `person`, or `service` for a bot of the workspace.
    account_type: &'static str,
    /// Whether the role is one of `reviews.privileged_roles`, or a permission allows managing
    /// teammates or changing the settings of the workspace, including security. Null if neither
    /// role nor permissions are known.
    is_privileged: Option<bool>,
    /// The name of the role.
    roles: Option<String>,
    /// The names of the teams, separated by `;`.
    teams: String,
    /// The permissions, separated by `;`.
    permissions: Option<String>,
    /// The paid seat: `inbox` or `none`.
    seat: Option<&'static str>,
    /// When the teammate joined. If the activity log does not contain that, when the bridge first
    /// saw the account.
    created_at: OffsetDateTime,
    /// The source of that time: `activity_log`, or `observed` if the bridge saw the account first
    /// then.
    created_source: &'static str,
    /// The last sign-in up to the time of the row that the activity log contains.
    last_login_at: Option<OffsetDateTime>,
    /// The source of that time: `activity_log`.
    last_login_source: Option<&'static str>,
    /// Whole days from the last sign-in to the time of the row.
    days_since_login: Option<i64>,
    /// Whether sign-in requires a second factor. Null if unknown.
    mfa: Option<bool>,
    /// Whether the last sign-in was by the company's identity provider (SAML). Null if the activity
    /// log does not contain it.
    sso: Option<bool>,
    /// When the teammate was invited. Null if the activity log does not contain it.
    invited_at: Option<OffsetDateTime>,
    /// When the teammate was removed; null for an active account.
    removed_at: Option<OffsetDateTime>,
    /// When the bridge first saw the account.
    first_seen_at: OffsetDateTime,
    /// When the account was last known to exist: the time of the row or, for a removed account,
    /// when the bridge recorded the removal.
    last_seen_at: OffsetDateTime,
    /// How the account changed since `since`. Null if the request has no `since`.
    change_since_last_review: Option<ReviewChange>,
    /// Whether the teammate has not been active for more than 90 days (see `last_activity_at`).
    /// Null if the activity log does not cover them, and for bots.
    is_dormant: Option<bool>,
    /// Whether the personal data of the teammate was erased from the bridge. Address and names are
    /// then null.
    erased: bool,
    /// When the teammate last did something up to the time of the row, as far as Intercom's
    /// activity log shows it.
    last_activity_at: Option<OffsetDateTime>,
    /// What shows the last activity: `sign_in`, `activity_log` (an entry that the teammate
    /// performed) or `occupancy` (Intercom measured it). `never` if the log covers the whole time
    /// since the teammate joined and has no activity. `unknown` if it does not cover that time.
    last_activity_source: &'static str,
    /// Whole days from the last activity to the time of the row.
    days_since_activity: Option<i64>,
    /// The class of the account. This and the following members are null without a roster.
    identity_class: Option<Class>,
    /// The key of the person in the roster.
    person_key: Option<String>,
    /// The status of the person.
    person_status: Option<Status>,
    /// The rule that found the person.
    match_rule: Option<MatchRule>,
    /// How certain the match is.
    match_confidence: Option<Confidence>,
    /// The employee number.
    employee_number: Option<String>,
    /// The department.
    department: Option<String>,
    /// The manager's key, or what the source has instead.
    manager: Option<String>,
    /// Of a service account: the key or address of the responsible person.
    owner: Option<String>,
    /// The person's last day.
    ended_at: Option<Date>,
    /// What a reviewer should look at, separated by `;`: `unmatched`, `ambiguous`,
    /// `decision_dangling`, `unreadable_address`, `terminated_active`, `duplicate_account`,
    /// `ownerless`.
    flags: Option<String>,
}

/// An invitation that nobody has accepted or withdrawn, as far as Intercom's activity log shows. A
/// value that the log does not contain is null.
#[derive(ToSchema)]
pub struct InvitationRow {
    /// The id: `inv_` and the id of the entry of the activity log that records the invitation
    /// first. A number follows if one entry records several.
    id: String,
    /// Intercom's id of the workspace.
    workspace_id: Option<String>,
    /// `invited`, or `unknown` if the log does not name the address in a form that the bridge can
    /// read. Then it is unknown whether the person has joined.
    status: &'static str,
    /// The invited address.
    email: Option<String>,
    /// The name of the role that the person will have.
    role_name: Option<String>,
    /// When the invitation was sent first. Null if the log has only a later change of it.
    invited_at: Option<OffsetDateTime>,
    /// When it was sent last.
    last_sent_at: Option<OffsetDateTime>,
    /// When its role or permissions were last changed.
    changed_at: Option<OffsetDateTime>,
    /// Whole days since it was sent last.
    days_pending: Option<i64>,
    /// The id of the teammate who sent it last.
    invited_by_id: Option<String>,
    /// That teammate's address at that time.
    invited_by_email: Option<String>,
    /// Intercom's id of the newest entry of the activity log about it.
    activity_id: String,
}

/// A paid seat and who holds it.
#[derive(ToSchema)]
pub struct Seat {
    /// The id of the account: `adm_` and Intercom's id of the admin.
    account_id: String,
    /// The holder's sign-in address. If Intercom has none, the id of the account.
    user_name: String,
    /// The holder's name in Intercom.
    display_name: Option<String>,
    /// The seat: `inbox_seat`.
    #[schema(rename = "seat")]
    kind: &'static str,
    /// The name of the holder's role.
    role_name: Option<String>,
    /// When the holder joined. Null if the activity log does not contain it.
    joined_at: Option<OffsetDateTime>,
    /// When the holder last did something, as far as Intercom's activity log shows it.
    last_activity_at: Option<OffsetDateTime>,
    /// What shows the last activity: `sign_in`, `activity_log` (an entry that the holder performed)
    /// or `occupancy` (Intercom measured it). `never` if the log covers the whole time since the
    /// holder joined and has no activity. `unknown` if it does not cover that time.
    last_activity_source: &'static str,
    /// Whole days since the last activity.
    days_since_activity: Option<i64>,
    /// `unused`: the holder was not active for the time in `unused_for`. `used`: the holder was
    /// active, or joined, within it. `unknown`: the activity log does not cover it.
    r#use: SeatUse,
    /// What the seat costs a month, as a decimal number. Null without `seats.price`.
    monthly_price: Option<String>,
    /// The currency of the price.
    currency: Option<String>,
}

/// An entry of Intercom's activity log.
#[derive(ToSchema)]
pub struct ActivityRow {
    /// The position after this entry in the order of recording, for the parameter `since`.
    cursor: String,
    /// The number of the entry in the order of recording. It grows, with gaps.
    seq: i64,
    /// Intercom's id of the entry.
    id: String,
    /// The kind of the entry, as Intercom spells it.
    r#type: String,
    /// The subject of the kind.
    group: Group,
    /// How serious the entry is.
    severity: Severity,
    /// When the event happened. Intercom's times are whole seconds.
    at: OffsetDateTime,
    /// When the bridge recorded the entry.
    recorded_at: OffsetDateTime,
    /// The id of the account that caused the event.
    actor_id: Option<String>,
    /// The type of the actor, as Intercom spells it, such as `admin`.
    actor_type: Option<String>,
    /// The actor's email address at the time of the event.
    actor_email: Option<String>,
    /// The actor's present name.
    actor_display_name: Option<String>,
    /// The IP address from which the actor acted. Null if `activity.store_ip` is false.
    actor_ip: Option<String>,
    /// The id of the account that the entry is about, if the entry says it.
    subject_id: Option<String>,
    /// The present email address of that account.
    subject_email: Option<String>,
    /// The present name of that account.
    subject_display_name: Option<String>,
    /// The id of the group that the entry is about.
    team_id: Option<String>,
    /// The name of that group at the time of the event.
    team_display_name: Option<String>,
    /// Intercom's sentence about the event.
    description: Option<String>,
    /// Intercom's details. Their members depend on the type.
    #[schema(value_type = Object)]
    metadata: Value,
}
