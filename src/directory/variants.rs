//! A user with all members, and users that differ from it in one member. The tests of each view of
//! a user use them, so that a new member cannot be forgotten there.

use time::macros::datetime;

use super::{Role, User, UserId};

/// A user with a value for each member. A new member does not compile until it is added here.
pub(crate) fn complete_user() -> User {
    User {
        id: UserId::new("1"),
        active: true,
        email: Some("maria@example.com".to_owned()),
        name: Some("Maria Lopez Garcia".to_owned()),
        first_name: Some("Maria".to_owned()),
        last_name: Some("Lopez Garcia".to_owned()),
        job_title: Some("Agent".into()),
        has_inbox_seat: Some(true),
        role: Some(Role { id: "7".to_owned(), name: Some("Support Agent".to_owned()) }.into()),
        permissions: Some(["reports".to_owned()].into()),
        two_factor_auth: Some(true),
        joined_at: Some(datetime!(2026-01-01 12:00 UTC)),
        removed_at: Some(datetime!(2026-03-01 12:00 UTC)),
        erased: true,
    }
}

/// For each member of a user: its name, and a user that differs from [`complete_user`] in it alone.
pub(crate) fn changed_users() -> Vec<(String, User)> {
    let complete = serde_json::to_value(complete_user()).unwrap();
    let members: Vec<String> = complete.as_object().unwrap().keys().cloned().collect();
    let changed = |member: &String| {
        let mut user = complete.clone();
        match member.as_str() {
            "id" => user["id"] = "2".into(),
            "active" => user["active"] = false.into(),
            // All others are optional.
            _ => drop(user.as_object_mut().unwrap().remove(member)),
        }
        serde_json::from_value(user).unwrap()
    };
    members.iter().map(|member| (member.clone(), changed(member))).collect()
}

/// Checks that a view of users shows each member, except those that are named with a reason: a user
/// that differs in one member has another view.
pub(crate) fn assert_shows_each_member<V: PartialEq>(
    view: impl Fn(&User) -> V,
    exceptions: &[(&str, &str)],
) {
    let complete = view(&complete_user());
    for (member, user) in changed_users() {
        let is_exception = exceptions.iter().any(|(name, _)| *name == member);
        assert_eq!(
            view(&user) == complete,
            is_exception,
            "`{member}`: see docs/contributing/add-a-user-attribute.md"
        );
    }
}
