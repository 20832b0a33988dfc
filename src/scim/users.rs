//! The User attributes of the schema table: maps a teammate to SCIM.

use super::attribute::{Attribute, Content, Count, Getter, Kind, Returned};
use super::value::Value;
use super::view::{Resource, UserRef};
use crate::directory::{INBOX_SEAT_NAME, Priority, UserKind, links_with, permission_name};

/// The attributes of the core schema that Intercom has values for.
pub(super) const ATTRIBUTES: &[Attribute] = &[
    Attribute::of_user(
        "userName",
        Kind::String,
        user_name,
        "The sign-in address. The SCIM id if the teammate has no address.",
    )
    .required()
    .unique(),
    Attribute::complex(
        "name",
        &[
            Attribute::of_user("formatted", Kind::String, name, "The full name as in Intercom."),
            Attribute::of_user(
                "familyName",
                Kind::String,
                |user, _| Value::maybe(user.person.user.given_and_family(user.view.names()).1),
                "Derived from the name: as the activity log splits it, else the part after the last space. For a name of one word it is that word, unless scim.one_word_names is given_only.",
            ),
            Attribute::of_user(
                "givenName",
                Kind::String,
                |user, _| Value::maybe(user.person.user.given_and_family(user.view.names()).0),
                "Derived from the name: as the activity log splits it, else the part before the last space. For a name of one word it is that word.",
            ),
        ],
        "The name. Intercom stores one string; its parts are derived.",
    ),
    Attribute::of_user("displayName", Kind::String, name, "The name as in Intercom."),
    Attribute::of_user(
        "title",
        Kind::String,
        |user, _| Value::maybe(user.person.user.job_title.as_deref()),
        "The job title.",
    ),
    Attribute::of_user(
        "userType",
        Kind::String,
        user_type,
        "Teammate for a person, Bot for the workspace's Operator (Fin) bot.",
    )
    .words(&["Teammate", "Bot"]),
    Attribute::of_user(
        "active",
        Kind::Boolean,
        |user, _| Value::Boolean(user.person.user.active),
        "False if the teammate was removed from the workspace.",
    ),
    Attribute::complex_many(
        "emails",
        Count::User(email_count),
        &[
            Attribute::of_user(
                "value",
                Kind::String,
                |user, _| Value::maybe(user.person.user.email.as_deref()),
                "The address.",
            ),
            Attribute::of_user("type", Kind::String, |_, _| Value::text("work"), "Always work.")
                .words(&["work"]),
            Attribute::of_user(
                "primary",
                Kind::Boolean,
                |_, _| Value::Boolean(true),
                "Always true: there is only one.",
            ),
        ],
        "The sign-in address.",
    ),
    Attribute::complex_many(
        "photos",
        Count::User(photo_count),
        &[
            Attribute::of_user(
                "value",
                Kind::Reference,
                |user, _| Value::maybe(user.person.volatile.avatar_url.as_deref()),
                "The URL of the picture.",
            )
            .refers_to(&["external"]),
            Attribute::of_user("type", Kind::String, |_, _| Value::text("photo"), "Always photo.")
                .words(&["photo"]),
        ],
        "The teammate's picture. It can change without a new version.",
    )
    .returned(Returned::Request),
    Attribute::complex_many(
        "groups",
        Count::User(group_count),
        &[
            Attribute::of_user("value", Kind::String, group_id, "The id of the Group.")
                .case_exact(),
            Attribute::of_user("$ref", Kind::Reference, group_location, "The URL of the Group.")
                .refers_to(&["Group"]),
            Attribute::of_user("display", Kind::String, group_name, "The name of the Group."),
            Attribute::of_user(
                "type",
                Kind::String,
                |_, _| Value::text("direct"),
                "Always direct: teams have no sub-teams.",
            )
            .words(&["direct"]),
        ],
        "The teams of the teammate.",
    )
    .shown_when_empty(),
    Attribute::complex_many(
        "entitlements",
        Count::User(entitlement_count),
        &[
            Attribute::of_user(
                "value",
                Kind::String,
                entitlement,
                "inbox_seat, or the name of a permission.",
            )
            .case_exact(),
            Attribute::of_user("display", Kind::String, entitlement_name, "The name for people."),
            Attribute::of_user("type", Kind::String, entitlement_type, "seat or permission.")
                .words(&["seat", "permission"]),
        ],
        "The paid inbox seat, and the permissions that the activity log reports.",
    ),
    Attribute::complex_many(
        "roles",
        Count::User(role_count),
        &[
            Attribute::of_user(
                "value",
                Kind::String,
                |user, _| Value::maybe(user.person.user.role.as_ref().map(|role| role.id.as_str())),
                "Intercom's id of the role.",
            )
            .case_exact(),
            Attribute::of_user(
                "display",
                Kind::String,
                |user, _| {
                    Value::maybe(
                        user.person.user.role.as_ref().and_then(|role| role.name.as_deref()),
                    )
                },
                "The name of the role.",
            ),
            Attribute::of_user(
                "primary",
                Kind::Boolean,
                |_, _| Value::Boolean(true),
                "Always true: there is only one.",
            ),
        ],
        "The role that bundles the teammate's permissions.",
    ),
];

/// The attributes of the Intercom extension.
pub(super) const INTERCOM_ATTRIBUTES: &[Attribute] = &[
    Attribute::of_user("intercomId", Kind::String, |user, _| Value::text(user.person.user.id.as_str()), "Intercom's id of the admin.")
        .case_exact(),
    Attribute::of_user(
        "workspaceId",
        Kind::String,
        |user, _| Value::maybe(user.view.workspace().id.as_deref()),
        "Intercom's id of the workspace.",
    )
    .case_exact(),
    Attribute::of_user(
        "hasInboxSeat",
        Kind::Boolean,
        |user, _| user.person.user.has_inbox_seat.into(),
        "Whether the teammate has a paid inbox seat.",
    ),
    Attribute::new(
        "primaryTeamIds",
        Kind::String,
        Content::Many(Count::User(primary_team_count), Getter::User(primary_team)),
        "The ids of the Groups in which the teammate has primary priority: conversations are assigned to them first.",
    )
    .case_exact(),
    Attribute::new(
        "secondaryTeamIds",
        Kind::String,
        Content::Many(Count::User(secondary_team_count), Getter::User(secondary_team)),
        "The ids of the Groups in which the teammate has secondary priority: conversations are assigned to them if no primary member is available.",
    )
    .case_exact(),
    Attribute::of_user(
        "twoFactorAuth",
        Kind::Boolean,
        |user, _| user.person.user.two_factor_auth.into(),
        "Whether sign-in requires a second factor. From the activity log; absent if it is unknown.",
    ),
    Attribute::of_user(
        "joinedAt",
        Kind::DateTime,
        |user, _| user.person.user.joined_at.into(),
        "When the teammate joined. From the activity log; absent if it is unknown.",
    ),
    Attribute::of_user(
        "removedAt",
        Kind::DateTime,
        |user, _| user.person.user.removed_at.into(),
        "When the teammate was removed. From the activity log; absent if it is unknown.",
    ),
    Attribute::of_user(
        "erased",
        Kind::Boolean,
        |user, _| if user.person.user.erased { Value::Boolean(true) } else { Value::Absent },
        "True if the personal data of a removed teammate was erased from the bridge; otherwise absent.",
    ),
    Attribute::of_user(
        "awayModeEnabled",
        Kind::Boolean,
        |user, _| user.person.volatile.away_mode_enabled.into(),
        "Whether away mode is on. It can change without a new version.",
    )
    .returned(Returned::Request),
    Attribute::of_user(
        "awayModeReassign",
        Kind::Boolean,
        |user, _| user.person.volatile.away_mode_reassign.into(),
        "Whether replies are reassigned while the teammate is away. It can change without a new version.",
    )
    .returned(Returned::Request),
    Attribute::of_user(
        "awayStatusReasonId",
        Kind::Integer,
        |user, _| user.person.volatile.away_status_reason_id.into(),
        "Intercom's id of the reason for being away. It can change without a new version.",
    )
    .returned(Returned::Request),
    Attribute::of_user(
        "lastSignInAt",
        Kind::DateTime,
        |user, _| user.person.volatile.last_sign_in_at.into(),
        "When the teammate last signed in. From the activity log. It can change without a new version.",
    )
    .returned(Returned::Request),
    Attribute::of_user(
        "lastSignInMethod",
        Kind::String,
        |user, _| Value::maybe(user.person.volatile.last_sign_in_method.as_deref()),
        "How the teammate last signed in. From the activity log. It can change without a new version.",
    )
    .returned(Returned::Request),
    Attribute::of_user(
        "lastActivityAt",
        Kind::DateTime,
        |user, _| user.person.volatile.last_activity().map(|last| last.at).into(),
        "When the teammate last did something, sign-ins included. From the activity log. It can change without a new version.",
    )
    .returned(Returned::Request),
];

/// The attributes of the enterprise extension (RFC 7643 §4.3) that a roster has values for.
pub(super) const ENTERPRISE_ATTRIBUTES: &[Attribute] = &[
    Attribute::of_user(
        "employeeNumber",
        Kind::String,
        |user, _| {
            Value::maybe(user.enterprise().and_then(|facts| facts.employee_number.as_deref()))
        },
        "The employee number in the roster.",
    ),
    Attribute::of_user(
        "department",
        Kind::String,
        |user, _| Value::maybe(user.enterprise().and_then(|facts| facts.department.as_deref())),
        "The department in the roster.",
    ),
    Attribute::complex(
        "manager",
        &[
            Attribute::of_user(
                "value",
                Kind::String,
                |user, _| user.manager().map_or(Value::Absent, |user| Value::text(user.id())),
                "The id of the manager's User. Absent if the manager has none here.",
            )
            .case_exact(),
            Attribute::of_user(
                "$ref",
                Kind::Reference,
                |user, _| user.manager().map_or(Value::Absent, |user| Value::text(user.location())),
                "The URL of the manager's User.",
            )
            .refers_to(&["User"]),
            Attribute::of_user(
                "displayName",
                Kind::String,
                |user, _| {
                    let manager = user.enterprise().and_then(|facts| facts.manager.as_ref());
                    Value::maybe(manager.and_then(|manager| manager.name.as_deref()))
                },
                "The manager's name in the roster.",
            ),
        ],
        "The manager in the roster.",
    ),
];

/// RFC 7643 §4.1.1: userName is required. NB: if Intercom lists a teammate without an address, the
/// SCIM id is used instead. Nothing else is always present and unique.
fn user_name(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::text(Resource::User(user).name())
}

fn name(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::maybe(user.person.user.name.as_deref())
}

fn user_type(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::text(match user.person.user.kind() {
        UserKind::Teammate => "Teammate",
        UserKind::Bot => "Bot",
    })
}

fn email_count(user: UserRef<'_>) -> usize {
    usize::from(user.person.user.email.is_some())
}

fn photo_count(user: UserRef<'_>) -> usize {
    usize::from(user.person.volatile.avatar_url.is_some())
}

fn group_count(user: UserRef<'_>) -> usize {
    user.person.teams.len()
}

/// The team at index `at` of the teammate's list.
fn group(user: UserRef<'_>, at: usize) -> Option<Resource<'_>> {
    user.person.teams.get(at).and_then(|link| user.view.group_at(link.place))
}

fn group_id(user: UserRef<'_>, at: usize) -> Value<'_> {
    group(user, at).map_or(Value::Absent, |group| Value::text(group.id()))
}

fn group_location(user: UserRef<'_>, at: usize) -> Value<'_> {
    group(user, at).map_or(Value::Absent, |group| Value::text(group.location()))
}

fn group_name(user: UserRef<'_>, at: usize) -> Value<'_> {
    group(user, at).map_or(Value::Absent, |group| Value::text(group.name()))
}

/// The number of entitlements: the seat, if there is one, then the permissions.
fn entitlement_count(user: UserRef<'_>) -> usize {
    usize::from(has_seat(user))
        + user.person.user.permissions.as_ref().map_or(0, |granted| granted.len())
}

fn has_seat(user: UserRef<'_>) -> bool {
    user.person.user.has_inbox_seat == Some(true)
}

/// The permission at index `at` of the list of entitlements; `None` at the index of the seat.
fn permission(user: UserRef<'_>, at: usize) -> Option<&str> {
    let at = at.checked_sub(usize::from(has_seat(user)))?;
    user.person.user.permissions.as_ref()?.get(at).map(String::as_str)
}

fn entitlement(user: UserRef<'_>, at: usize) -> Value<'_> {
    Value::text(permission(user, at).unwrap_or("inbox_seat"))
}

fn entitlement_name(user: UserRef<'_>, at: usize) -> Value<'_> {
    Value::text(permission(user, at).map_or(INBOX_SEAT_NAME.into(), permission_name))
}

fn entitlement_type(user: UserRef<'_>, at: usize) -> Value<'_> {
    Value::text(if permission(user, at).is_some() { "permission" } else { "seat" })
}

fn role_count(user: UserRef<'_>) -> usize {
    usize::from(user.person.user.role.is_some())
}

/// The id of the team at index `at` among those in which the teammate has this priority level.
fn team_with(user: UserRef<'_>, level: Priority, at: usize) -> Value<'_> {
    let link = links_with(&user.person.teams, level).get(at);
    let group = link.and_then(|link| user.view.group_at(link.place));
    group.map_or(Value::Absent, |group| Value::text(group.id()))
}

fn primary_team_count(user: UserRef<'_>) -> usize {
    links_with(&user.person.teams, Priority::Primary).len()
}

fn primary_team(user: UserRef<'_>, at: usize) -> Value<'_> {
    team_with(user, Priority::Primary, at)
}

fn secondary_team_count(user: UserRef<'_>) -> usize {
    links_with(&user.person.teams, Priority::Secondary).len()
}

fn secondary_team(user: UserRef<'_>, at: usize) -> Value<'_> {
    team_with(user, Priority::Secondary, at)
}
