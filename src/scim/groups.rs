//! The Group attributes of the schema table: maps a team to SCIM.

use super::attribute::{Attribute, Content, Count, Getter, Kind};
use super::value::Value;
use super::view::{GroupRef, Resource};
use crate::directory::{Priority, links_with};

/// The attributes of the core schema.
pub(super) const ATTRIBUTES: &[Attribute] = &[
    Attribute::of_group(
        "displayName",
        Kind::String,
        display_name,
        "The name of the team. The SCIM id if the team has no name.",
    )
    .required(),
    Attribute::complex_many(
        "members",
        Count::Group(member_count),
        &[
            Attribute::of_group("value", Kind::String, member_id, "The id of the User.")
                .case_exact(),
            Attribute::of_group("$ref", Kind::Reference, member_location, "The URL of the User.")
                .refers_to(&["User"]),
            Attribute::of_group("display", Kind::String, member_name, "The name of the User."),
            Attribute::of_group(
                "type",
                Kind::String,
                |_, _| Value::text("User"),
                "Always User: teams have no sub-teams.",
            )
            .words(&["User"]),
        ],
        "The members of the team.",
    )
    .shown_when_empty(),
];

/// The attributes of the Intercom extension.
pub(super) const INTERCOM_ATTRIBUTES: &[Attribute] = &[
    Attribute::of_group("intercomId", Kind::String, |group, _| Value::text(group.team.group.id.as_str()), "Intercom's id of the team.")
        .case_exact(),
    Attribute::of_group(
        "workspaceId",
        Kind::String,
        |group, _| Value::maybe(group.view.workspace().id.as_deref()),
        "Intercom's id of the workspace.",
    )
    .case_exact(),
    Attribute::of_group(
        "distributionMethod",
        Kind::String,
        |group, _| Value::maybe(group.team.group.distribution_method.as_deref()),
        "How conversations are assigned to members, as Intercom spells it.",
    ),
    Attribute::of_group(
        "assignmentLimit",
        Kind::Integer,
        |group, _| group.team.group.assignment_limit.into(),
        "The maximum number of open conversations of one member.",
    ),
    Attribute::new(
        "primaryMemberIds",
        Kind::String,
        Content::Many(Count::Group(primary_member_count), Getter::Group(primary_member)),
        "The ids of the Users with primary priority: conversations are assigned to them first.",
    )
    .case_exact(),
    Attribute::new(
        "secondaryMemberIds",
        Kind::String,
        Content::Many(Count::Group(secondary_member_count), Getter::Group(secondary_member)),
        "The ids of the Users with secondary priority: conversations are assigned to them if no primary member is available.",
    )
    .case_exact(),
];

/// RFC 7643 §4.2: displayName is required. NB: if Intercom lists a team without a name, the SCIM id
/// is used instead.
fn display_name(group: GroupRef<'_>, _: usize) -> Value<'_> {
    Value::text(Resource::Group(group).name())
}

fn member_count(group: GroupRef<'_>) -> usize {
    group.team.members.len()
}

/// The member at index `at` of the team's list.
fn member(group: GroupRef<'_>, at: usize) -> Option<Resource<'_>> {
    group.team.members.get(at).and_then(|link| group.view.user_at(link.place))
}

fn member_id(group: GroupRef<'_>, at: usize) -> Value<'_> {
    member(group, at).map_or(Value::Absent, |user| Value::text(user.id()))
}

fn member_location(group: GroupRef<'_>, at: usize) -> Value<'_> {
    member(group, at).map_or(Value::Absent, |user| Value::text(user.location()))
}

fn member_name(group: GroupRef<'_>, at: usize) -> Value<'_> {
    match member(group, at) {
        Some(Resource::User(user)) => Value::maybe(user.person.user.name.as_deref()),
        _ => Value::Absent,
    }
}

/// The id of the member at index `at` among those with this priority level.
fn member_with(group: GroupRef<'_>, level: Priority, at: usize) -> Value<'_> {
    let link = links_with(&group.team.members, level).get(at);
    let user = link.and_then(|link| group.view.user_at(link.place));
    user.map_or(Value::Absent, |user| Value::text(user.id()))
}

fn primary_member_count(group: GroupRef<'_>) -> usize {
    links_with(&group.team.members, Priority::Primary).len()
}

fn primary_member(group: GroupRef<'_>, at: usize) -> Value<'_> {
    member_with(group, Priority::Primary, at)
}

fn secondary_member_count(group: GroupRef<'_>) -> usize {
    links_with(&group.team.members, Priority::Secondary).len()
}

fn secondary_member(group: GroupRef<'_>, at: usize) -> Value<'_> {
    member_with(group, Priority::Secondary, at)
}
