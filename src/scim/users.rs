//! The getters of User: from a teammate to SCIM's attributes.

use super::value::{Resource, UserRef, Value};
use crate::directory::UserKind;

/// RFC 7643 §4.1.1: userName is required. NB: for a teammate whom Intercom lists without an address, the
/// SCIM id stands in; nothing else is both there and unique.
pub(super) fn user_name(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::text(user.entry.user_name())
}

pub(super) fn name(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::maybe(user.entry.user.name.as_deref())
}

pub(super) fn given_name(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::maybe(user.entry.user.name_parts().map(|parts| parts.given))
}

pub(super) fn family_name(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::maybe(user.entry.user.name_parts().map(|parts| parts.family))
}

pub(super) fn title(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::maybe(user.entry.user.job_title.as_deref())
}

pub(super) fn user_type(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::text(match user.entry.user.kind() {
        UserKind::Teammate => "Teammate",
        UserKind::Bot => "Bot",
    })
}

pub(super) fn active(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::Boolean(user.entry.user.active)
}

pub(super) fn email_count(user: UserRef<'_>) -> usize {
    usize::from(user.entry.user.email.is_some())
}

pub(super) fn email(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::maybe(user.entry.user.email.as_deref())
}

pub(super) fn photo_count(user: UserRef<'_>) -> usize {
    usize::from(user.entry.volatile.avatar_url.is_some())
}

pub(super) fn photo(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::maybe(user.entry.volatile.avatar_url.as_deref())
}

pub(super) fn group_count(user: UserRef<'_>) -> usize {
    user.entry.groups.all.len()
}

/// The team at a place in one of the teammate's lists.
fn group<'a>(user: UserRef<'a>, list: &[u32], at: usize) -> Option<Resource<'a>> {
    list.get(at).and_then(|group| user.picture.group_at(*group))
}

pub(super) fn group_id(user: UserRef<'_>, at: usize) -> Value<'_> {
    Value::maybe(group(user, &user.entry.groups.all, at).map(Resource::id))
}

pub(super) fn group_location(user: UserRef<'_>, at: usize) -> Value<'_> {
    group(user, &user.entry.groups.all, at).map_or(Value::Absent, |group| Value::made(group.location()))
}

pub(super) fn group_name(user: UserRef<'_>, at: usize) -> Value<'_> {
    match group(user, &user.entry.groups.all, at) {
        Some(Resource::Group(group)) => Value::text(group.entry.display_name()),
        _ => Value::Absent,
    }
}

/// The seat, if there is one, and then the permissions.
pub(super) fn entitlement_count(user: UserRef<'_>) -> usize {
    usize::from(has_seat(user)) + user.entry.user.permissions.as_ref().map_or(0, Vec::len)
}

fn has_seat(user: UserRef<'_>) -> bool {
    user.entry.user.has_inbox_seat == Some(true)
}

/// The permission at a place in the list of entitlements; none at the place of the seat.
fn permission(user: UserRef<'_>, at: usize) -> Option<&str> {
    let at = at.checked_sub(usize::from(has_seat(user)))?;
    user.entry.user.permissions.as_ref()?.get(at).map(String::as_str)
}

pub(super) fn entitlement(user: UserRef<'_>, at: usize) -> Value<'_> {
    Value::text(permission(user, at).unwrap_or("inbox_seat"))
}

pub(super) fn entitlement_type(user: UserRef<'_>, at: usize) -> Value<'_> {
    Value::text(if permission(user, at).is_some() { "permission" } else { "seat" })
}

pub(super) fn role_count(user: UserRef<'_>) -> usize {
    usize::from(user.entry.user.role.is_some())
}

pub(super) fn role_id(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::maybe(user.entry.user.role.as_ref().map(|role| role.id.as_str()))
}

pub(super) fn role_name(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::maybe(user.entry.user.role.as_ref().and_then(|role| role.name.as_deref()))
}

pub(super) fn intercom_id(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::text(user.entry.user.id.as_str())
}

pub(super) fn workspace_id(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::maybe(user.picture.workspace().id.as_deref())
}

pub(super) fn has_inbox_seat(user: UserRef<'_>, _: usize) -> Value<'_> {
    user.entry.user.has_inbox_seat.into()
}

pub(super) fn primary_team_count(user: UserRef<'_>) -> usize {
    user.entry.groups.primary.len()
}

pub(super) fn primary_team(user: UserRef<'_>, at: usize) -> Value<'_> {
    Value::maybe(group(user, &user.entry.groups.primary, at).map(Resource::id))
}

pub(super) fn secondary_team_count(user: UserRef<'_>) -> usize {
    user.entry.groups.secondary.len()
}

pub(super) fn secondary_team(user: UserRef<'_>, at: usize) -> Value<'_> {
    Value::maybe(group(user, &user.entry.groups.secondary, at).map(Resource::id))
}

pub(super) fn two_factor_auth(user: UserRef<'_>, _: usize) -> Value<'_> {
    user.entry.user.two_factor_auth.into()
}

pub(super) fn joined_at(user: UserRef<'_>, _: usize) -> Value<'_> {
    user.entry.user.joined_at.into()
}

pub(super) fn removed_at(user: UserRef<'_>, _: usize) -> Value<'_> {
    user.entry.user.removed_at.into()
}

pub(super) fn away_mode_enabled(user: UserRef<'_>, _: usize) -> Value<'_> {
    user.entry.volatile.away_mode_enabled.into()
}

pub(super) fn away_mode_reassign(user: UserRef<'_>, _: usize) -> Value<'_> {
    user.entry.volatile.away_mode_reassign.into()
}

pub(super) fn away_status_reason_id(user: UserRef<'_>, _: usize) -> Value<'_> {
    user.entry.volatile.away_status_reason_id.into()
}

pub(super) fn last_sign_in_at(user: UserRef<'_>, _: usize) -> Value<'_> {
    user.entry.volatile.last_sign_in_at.into()
}

pub(super) fn last_sign_in_method(user: UserRef<'_>, _: usize) -> Value<'_> {
    Value::maybe(user.entry.volatile.last_sign_in_method.as_deref())
}
