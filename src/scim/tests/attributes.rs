//! The attribute table and the domain's User.

use super::*;
use crate::directory::variants::assert_shows_each_member;

#[test]
fn each_member_of_a_user_is_in_the_attribute_table() {
    let response = |user: &User| {
        let first = datetime!(2026-02-01 12:00 UTC);
        let stamps = Stamps { created: first, last_modified: first };
        let user = (Recorded { value: user.clone(), stamps }, Volatile::default());
        let snapshot = Snapshot { users: vec![user], ..Snapshot::default() };
        let served =
            ServedSnapshot::new(directory(snapshot), "https://a.example", Names::default(), None);
        let resource = served.all(USER).next().unwrap();
        served.response(resource)
    };
    assert_shows_each_member(response, &[]);
}
