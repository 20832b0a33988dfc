//! The getters of Group: from a team to SCIM's attributes.

use super::value::{GroupRef, Resource, Value};

/// RFC 7643 §4.2: displayName is required. NB: for a team whom Intercom lists without a name, the SCIM id
/// stands in.
pub(super) fn display_name(group: GroupRef<'_>, _: usize) -> Value<'_> {
    Value::text(group.entry.display_name())
}

pub(super) fn member_count(group: GroupRef<'_>) -> usize {
    group.entry.members.all.len()
}

/// The member at a place in one of the team's lists.
fn member<'a>(group: GroupRef<'a>, list: &[u32], at: usize) -> Option<Resource<'a>> {
    list.get(at).and_then(|user| group.picture.user_at(*user))
}

pub(super) fn member_id(group: GroupRef<'_>, at: usize) -> Value<'_> {
    Value::maybe(member(group, &group.entry.members.all, at).map(Resource::id))
}

pub(super) fn member_location(group: GroupRef<'_>, at: usize) -> Value<'_> {
    member(group, &group.entry.members.all, at).map_or(Value::Absent, |user| Value::made(user.location()))
}

pub(super) fn member_name(group: GroupRef<'_>, at: usize) -> Value<'_> {
    match member(group, &group.entry.members.all, at) {
        Some(Resource::User(user)) => Value::maybe(user.entry.user.name.as_deref()),
        _ => Value::Absent,
    }
}

pub(super) fn intercom_id(group: GroupRef<'_>, _: usize) -> Value<'_> {
    Value::text(group.entry.group.id.as_str())
}

pub(super) fn workspace_id(group: GroupRef<'_>, _: usize) -> Value<'_> {
    Value::maybe(group.picture.workspace().id.as_deref())
}

pub(super) fn distribution_method(group: GroupRef<'_>, _: usize) -> Value<'_> {
    Value::maybe(group.entry.group.distribution_method.as_deref())
}

pub(super) fn assignment_limit(group: GroupRef<'_>, _: usize) -> Value<'_> {
    group.entry.group.assignment_limit.into()
}

pub(super) fn primary_member_count(group: GroupRef<'_>) -> usize {
    group.entry.members.primary.len()
}

pub(super) fn primary_member(group: GroupRef<'_>, at: usize) -> Value<'_> {
    Value::maybe(member(group, &group.entry.members.primary, at).map(Resource::id))
}

pub(super) fn secondary_member_count(group: GroupRef<'_>) -> usize {
    group.entry.members.secondary.len()
}

pub(super) fn secondary_member(group: GroupRef<'_>, at: usize) -> Value<'_> {
    Value::maybe(member(group, &group.entry.members.secondary, at).map(Resource::id))
}
