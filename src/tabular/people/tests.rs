use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::directory::{
    Group, Membership, Recorded, Role, Snapshot, Stamps, User, UserId, Volatile, account_id,
};

const NOW: OffsetDateTime = datetime!(2026-03-31 12:00 UTC);

fn person(id: &str, name: Option<&str>) -> (User, Volatile) {
    let mut user = User::new(UserId::new(id));
    user.name = name.map(str::to_owned);
    user.email = name.map(|name| format!("{}@example.com", name.to_lowercase().replace(' ', ".")));
    (user, Volatile::default())
}

fn directory(people: Vec<(User, Volatile)>, members: &[&str]) -> Directory {
    let stamps = Stamps { created: NOW - Duration::days(40), last_modified: NOW };
    let group = Group {
        id: GroupId::new("9"),
        name: Some("Équipe Facturation".to_owned()),
        distribution_method: None,
        assignment_limit: None,
    };
    let membership = |user: &&str| Membership {
        group: GroupId::new("9"),
        user: UserId::new(*user),
        priority: None,
    };
    let snapshot = Snapshot {
        generation: 1,
        users: people
            .into_iter()
            .map(|(value, volatile)| (Recorded { value, stamps }, volatile))
            .collect(),
        groups: vec![Recorded { value: group, stamps }],
        memberships: members.iter().map(membership).collect(),
        ..Snapshot::default()
    };
    Directory::new(snapshot, OffsetDateTime::UNIX_EPOCH, None)
}

fn company() -> Directory {
    let role = |name: &str| Some(Role { id: "7".to_owned(), name: Some(name.to_owned()) }.into());
    let mut ada = person("1", Some("Ada Lovelace"));
    ada.0.role = role("Agent");
    ada.0.has_inbox_seat = Some(true);
    ada.0.two_factor_auth = Some(true);
    ada.1.last_sign_in_at = Some(NOW - Duration::days(1));
    let mut zoe = person("2", Some("Zoe\u{308} Nu\u{f1}ez"));
    zoe.0.role = role("Admin");
    zoe.0.has_inbox_seat = Some(false);
    zoe.1.last_sign_in_at = Some(NOW - Duration::days(31));
    let mut bo = person("3", Some("bo"));
    bo.0.two_factor_auth = Some(false);
    let mut gone = person("4", Some("Cy"));
    gone.0.active = false;
    directory(vec![ada, zoe, bo, gone, person("5", None)], &["2", "3"])
}

fn found(question: &PeopleQuestion) -> Vec<String> {
    let directory = company();
    let found = question.find(&directory, NOW, 0, usize::MAX);
    assert_eq!(found.total, found.places.len());
    let id = |place: &usize| directory.people[*place].user.id.to_string();
    found.places.iter().map(id).collect()
}

#[test]
fn a_search_looks_at_name_address_id_role_and_team_without_case_and_accents() {
    let search = |search: &str| {
        found(&PeopleQuestion { search: search.to_owned(), ..PeopleQuestion::default() })
    };
    assert_eq!(search("ZOË"), ["2"]);
    assert_eq!(search("zoe"), ["2"]);
    assert_eq!(search("nunez"), ["2"]);
    assert_eq!(search(" lovelace@example "), ["1"]);
    assert_eq!(search("equipe"), ["3", "2"]);
    assert_eq!(search("AGENT"), ["1"]);
    assert_eq!(search("adm_5"), ["5"]);
    assert_eq!(search("adm_"), Vec::<String>::new());
    assert_eq!(search("nobody"), Vec::<String>::new());
}

#[test]
fn each_filter_restricts_the_list() {
    let all = PeopleQuestion::default();
    assert_eq!(found(&all), ["1", "3", "2", "5"], "active people by name, unnamed ones last");
    let state = |state| found(&PeopleQuestion { state, ..all.clone() });
    assert_eq!(state(PeopleState::Removed), ["4"]);
    assert_eq!(state(PeopleState::All), ["1", "3", "4", "2", "5"]);
    let team = |id| found(&PeopleQuestion { team: Some(GroupId::new(id)), ..all.clone() });
    assert_eq!(team("9"), ["3", "2"]);
    assert!(team("10").is_empty(), "a team that does not exist has no members");
    let role = |role: &str| found(&PeopleQuestion { role: Some(role.to_owned()), ..all.clone() });
    assert_eq!(role("admin"), ["2"]);
    assert_eq!(role("7"), ["1", "2"]);
    let seat = |seat| found(&PeopleQuestion { seat: Some(seat), ..all.clone() });
    assert_eq!(seat(SeatFilter::Paid), ["1"]);
    assert_eq!(seat(SeatFilter::None), ["2"]);
    assert_eq!(seat(SeatFilter::Unknown), ["3", "5"]);
    let factor = |one| found(&PeopleQuestion { second_factor: Some(one), ..all.clone() });
    assert_eq!(factor(SecondFactorFilter::On), ["1"]);
    assert_eq!(factor(SecondFactorFilter::Off), ["3"]);
    assert_eq!(factor(SecondFactorFilter::Unknown), ["2", "5"]);
    let quiet = found(&PeopleQuestion { inactive_for: Some(30), ..all.clone() });
    assert_eq!(quiet, ["3", "2", "5"], "those without a recorded sign-in as well");
}

#[test]
fn each_order_can_be_reversed() {
    let ordered = |order, descending| {
        found(&PeopleQuestion { order, descending, ..PeopleQuestion::default() })
    };
    assert_eq!(ordered(PeopleOrder::Name, true), ["5", "2", "3", "1"]);
    assert_eq!(ordered(PeopleOrder::Address, false), ["1", "3", "2", "5"]);
    assert_eq!(ordered(PeopleOrder::Role, false), ["2", "1", "3", "5"]);
    assert_eq!(ordered(PeopleOrder::Activity, false), ["3", "5", "2", "1"]);
    assert_eq!(ordered(PeopleOrder::Activity, true), ["1", "2", "3", "5"]);
    assert_eq!(ordered(PeopleOrder::Joined, false), ["1", "2", "3", "5"]);
}

proptest! {
    #[test]
    fn the_pages_of_a_list_add_up_to_the_list(
        names in proptest::collection::vec(proptest::option::of("[a-cA-C]{0,3}"), 0..40),
        limit in 1_usize..9,
        descending: bool,
    ) {
        let people = names.iter().enumerate();
        let people = people.map(|(id, name)| person(&id.to_string(), name.as_deref())).collect();
        let directory = directory(people, &[]);
        let question = PeopleQuestion { descending, ..PeopleQuestion::default() };
        let whole = question.find(&directory, NOW, 0, usize::MAX);
        let mut pages = Vec::new();
        for offset in (0..whole.total).step_by(limit) {
            let page = question.find(&directory, NOW, offset, limit);
            prop_assert_eq!(page.total, whole.total);
            pages.extend(page.places);
        }
        prop_assert_eq!(pages, whole.places);
    }

    #[test]
    fn every_person_is_found_by_the_own_id(ids in proptest::collection::hash_set(1_u32..9_999, 1..9)) {
        let people = ids.iter().map(|id| person(&id.to_string(), None)).collect();
        let directory = directory(people, &[]);
        for place in 0..directory.people.len() {
            let search = account_id(&directory.people[place].user.id);
            let question = PeopleQuestion { search, ..PeopleQuestion::default() };
            prop_assert!(question.find(&directory, NOW, 0, usize::MAX).places.contains(&place));
        }
    }
}
