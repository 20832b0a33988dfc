use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::directory::{Priority, Role};
use crate::intercom::wire::{Object, Text};

#[expect(clippy::needless_pass_by_value, reason = "called with `json!` literals")]
fn draft(admins: Value, teams: Value) -> Draft {
    let mut draft = Draft::default();
    for (at, admin) in admins.as_array().unwrap().iter().enumerate() {
        let raw = serde_json::value::to_raw_value(admin).unwrap();
        draft.add_admin(
            AdminEntry::from_object(Object::from_raw(&raw, false).as_ref()),
            Place { resource: "/admins", at: at + 1 },
        );
    }
    for (at, team) in teams.as_array().unwrap().iter().enumerate() {
        let raw = serde_json::value::to_raw_value(team).unwrap();
        draft.add_team(
            TeamEntry::from_object(Object::from_raw(&raw, false).as_ref()),
            Place { resource: "/teams", at: at + 1 },
        );
    }
    draft
}

fn answer(json: &Value) -> Text {
    Text { text: json.to_string(), lossy: false }
}

fn members(settled: &Settled) -> Vec<String> {
    settled.memberships.iter().map(|m| format!("{} in {}", m.user, m.group)).collect()
}

fn codes(settled: &Settled) -> Vec<&str> {
    settled.warnings.iter().map(|warning| warning.code.as_str()).collect()
}

fn unknown(settled: &Settled, id: &str) -> Vec<&'static str> {
    let users = settled.unknown.users.get(&UserId::new(id)).into_iter().flatten();
    let groups = settled.unknown.groups.get(&GroupId::new(id)).into_iter().flatten();
    users.chain(groups).map(|field| field.as_str()).collect()
}

#[test]
fn two_lists_that_agree_need_no_second_look() {
    let draft = draft(
        json!([{"id": "1", "email": "a@b.c", "team_ids": [9]}]),
        json!([{"id": "9", "name": "T", "admin_ids": [1]}]),
    );
    assert_eq!(draft.disagreement(), Disagreement::default());
    let settled = draft.settle();
    assert_eq!((members(&settled), codes(&settled)), (vec!["1 in 9".to_owned()], vec![]));
    assert_eq!(settled.unknown, Unknown::default());
}

#[test]
fn an_entry_without_a_readable_id_is_skipped_and_removals_wait() {
    for entry in [
        json!(null),
        json!({"name": "x"}),
        json!({"id": "../1"}),
        json!({"id": 7.5}),
        json!("7"),
        json!([]),
        json!({"id": {}}),
    ] {
        let settled = draft(json!([{"id": "1", "email": "a@b.c"}, entry]), json!([])).settle();
        assert_eq!(
            (settled.users.len(), codes(&settled)),
            (1, vec!["entry_unidentified"]),
            "{entry}"
        );
        assert!(settled.unknown.lists_in_part);
        let settled = draft(json!([{"id": "1", "email": "a@b.c"}]), json!([entry])).settle();
        assert!(settled.unknown.lists_in_part, "{entry} in the list of teams");
    }
}

#[test]
fn entries_that_are_not_admins_are_skipped() {
    for kind in ["contact", "team", "USER", "operator", "nobody_admin"] {
        let settled = draft(
            json!([{"id": "1", "email": "a@b.c"}, {"type": kind, "id": "1", "email": "x@y.z"}, {"type": kind, "id": "2"}]),
            json!([]),
        )
        .settle();
        assert_eq!((settled.users.len(), codes(&settled)), (1, vec!["no_person"]), "{kind}");
        assert_eq!(settled.users[0].user.email.as_deref(), Some("a@b.c"));
        assert!(!settled.unknown.lists_in_part, "it is not a gap in the list");
    }
    for kind in [json!("admin"), json!("Admin"), json!(" ADMIN "), json!(""), json!(null), json!(5)]
    {
        let settled =
            draft(json!([{"type": kind, "id": "1", "email": "a@b.c"}]), json!([])).settle();
        assert_eq!(settled.users.len(), 1, "{kind}");
    }
}

#[test]
fn each_field_that_cannot_be_read_is_unknown_and_named() {
    let whole = json!({
        "id": "1", "email": "a@b.c", "name": "Ada", "job_title": "Lead", "has_inbox_seat": true,
        "role": {"id": "3", "name": "Agent"}, "away_mode_enabled": false, "away_mode_reassign": false,
        "away_status_reason_id": 4, "avatar": {"image_url": "https://x/y.png"}, "team_ids": [],
        "team_priority_level": {"primary_team_ids": []},
    });
    let odd = [json!(7.5), json!([1]), json!({"x": {}}), json!(true), json!("x".repeat(3_000))];
    for (field, wrong) in whole
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| *name != "id")
        .flat_map(|name| odd.iter().map(move |wrong| (name, wrong)))
    {
        let fits = match field.as_str() {
            "has_inbox_seat" | "away_mode_enabled" | "away_mode_reassign" => wrong.is_boolean(),
            "role" | "avatar" | "team_priority_level" => wrong.is_object(),
            "team_ids" => wrong == &json!([1]),
            _ => false,
        };
        if fits {
            continue;
        }
        let mut admin = whole.clone();
        admin[field] = wrong.clone();
        let settled = draft(json!([admin, {"id": "2", "email": "b@b.c"}]), json!([])).settle();
        assert_eq!(settled.users.len(), 2, "{field}: nobody is lost");
        assert_eq!(unknown(&settled, "1"), [field], "{wrong}");
        assert!(
            settled.warnings[0].detail.contains(&format!("admin 1 has no readable `{field}`")),
            "{:?}",
            settled.warnings
        );
        assert!(settled.warnings[0].detail.len() < 200, "and no value");
        assert!(!settled.unknown.lists_in_part);
    }
}

#[test]
fn null_is_unknown_where_intercom_documents_a_value_and_nothing_where_it_does_not() {
    let settled = draft(
        json!([{"id": "1", "email": null, "name": null, "has_inbox_seat": null, "job_title": null, "role": null, "avatar": null, "away_status_reason_id": null}]),
        json!([{"id": "9", "name": "T", "admin_ids": [], "assignment_limit": null, "distribution_method": null}]),
    )
    .settle();
    assert_eq!(unknown(&settled, "1"), ["email", "name", "has_inbox_seat"]);
    assert_eq!(unknown(&settled, "9"), [""; 0]);
}

#[test]
fn a_number_written_as_a_text_is_that_number() {
    let settled = draft(
        json!([{"id": 1, "email": "a@b.c", "away_status_reason_id": "12345"}]),
        json!([{"id": "9", "name": "T", "admin_ids": ["1"], "assignment_limit": "10"}]),
    )
    .settle();
    assert_eq!(settled.users[0].volatile.away_status_reason_id, Some(12345));
    assert_eq!(settled.groups[0].assignment_limit, Some(10));
    assert_eq!(settled.unknown, Unknown::default());
}

#[test]
fn a_role_with_a_name_and_no_id_is_kept() {
    let role = |role: Value| {
        draft(json!([{"id": "1", "email": "a@b.c", "role": role}]), json!([])).settle().users[0]
            .user
            .role
            .clone()
    };
    let named = |id: &str, name: Option<&str>| {
        Some(Role { id: id.to_owned(), name: name.map(str::to_owned) }.into())
    };
    assert_eq!(role(json!({"id": null, "name": "Agent"})), named("Agent", Some("Agent")));
    assert_eq!(role(json!({"id": 7, "name": "Agent"})), named("7", Some("Agent")));
    assert_eq!(role(json!({"id": "7"})), named("7", None));
    assert_eq!(role(json!({"id": 0, "name": ""})), None);
    assert_eq!(role(json!({})), None);
}

#[test]
fn a_team_with_unreadable_members_has_the_admins_that_name_it_and_loses_none() {
    for (admin_ids, known) in [
        (json!(null), 1),
        (json!("1,2"), 1),
        (json!({"1": true}), 1),
        (json!([2, null]), 2),
        (json!([2, 7.5]), 2),
    ] {
        let draft = draft(
            json!([{"id": "1", "email": "a@b.c", "team_ids": [9]}, {"id": "2", "email": "b@b.c"}]),
            json!([{"id": "9", "name": "T", "admin_ids": admin_ids}]),
        );
        assert_eq!(draft.disagreement().teams, [GroupId::new("9")].into(), "it is read again");
        let settled = draft.settle();
        assert_eq!(settled.memberships.len(), known, "{admin_ids}");
        assert_eq!(settled.unknown.members, [GroupId::new("9")].into());
        assert!(settled.warnings[0].detail.contains("team 9 has no readable `admin_ids`"));
    }
}

#[test]
fn lists_of_teams_that_are_absent_or_unreadable_are_no_disagreement() {
    for admin in [
        json!({"id": "1", "email": "a@b.c"}),
        json!({"id": "1", "email": "a@b.c", "team_ids": "none"}),
        json!({"id": "1", "email": "a@b.c", "team_ids": [null]}),
    ] {
        let draft = draft(json!([admin]), json!([{"id": "9", "name": "T", "admin_ids": [1]}]));
        assert_eq!(draft.disagreement(), Disagreement::default(), "{admin}");
        assert_eq!(members(&draft.settle()), ["1 in 9"]);
    }
}

#[test]
fn the_same_record_twice_is_taken_once_and_where_it_differs_the_known_value_stays() {
    let twice =
        draft(json!([{"id": "1", "email": "a@b.c"}, {"id": 1, "email": " a@b.c "}]), json!([]))
            .settle();
    assert_eq!((twice.users.len(), codes(&twice)), (1, vec!["listed_twice"]));
    assert_eq!(twice.unknown, Unknown::default());
    let differing = draft(
        json!([{"id": "1", "email": "a@b.c", "has_inbox_seat": true}, {"id": "1", "email": "d@b.c", "has_inbox_seat": true}]),
        json!([]),
    )
    .settle();
    assert_eq!(unknown(&differing, "1"), ["email"]);
    assert!(
        differing.warnings[0].detail.contains("with different email;"),
        "{:?}",
        differing.warnings
    );
    let completed =
        draft(json!([{"id": "1", "email": 5}, {"id": "1", "email": "d@b.c"}]), json!([])).settle();
    assert_eq!(completed.users[0].user.email.as_deref(), Some("d@b.c"));
    assert_eq!(completed.unknown, Unknown::default(), "one of the two could be read");
}

#[test]
fn a_team_listed_twice_keeps_the_members_of_both_and_of_the_admins() {
    let draft = draft(
        json!([
            {"id": "1", "email": "a@b.c", "team_ids": [9]}, {"id": "2", "email": "b@b.c", "team_ids": [9]}, {"id": "3", "email": "c@b.c", "team_ids": []}
        ]),
        json!([{"id": "9", "name": "T", "admin_ids": [1, 2, 3]}, {"id": "9", "name": "T", "admin_ids": [1]}]),
    );
    assert!(draft.disagreement().teams.contains(&GroupId::new("9")), "it is read again");
    let settled = draft.settle();
    assert_eq!(members(&settled), ["1 in 9", "2 in 9"]);
    assert_eq!(settled.unknown.members, [GroupId::new("9")].into());
}

#[test]
fn where_the_sides_still_disagree_the_teams_own_list_wins_with_a_warning() {
    let draft = draft(
        json!([{"id": "1", "email": "a@b.c", "team_ids": [9]}, {"id": "2", "email": "b@b.c", "team_ids": []}]),
        json!([{"id": "9", "name": "T", "admin_ids": [2, 3]}]),
    );
    let odd = draft.disagreement();
    assert_eq!(odd.admins.iter().map(UserId::as_str).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert_eq!(odd.teams.iter().map(GroupId::as_str).collect::<Vec<_>>(), ["9"]);
    let settled = draft.settle();
    assert_eq!(members(&settled), ["2 in 9"]);
    assert_eq!(
        codes(&settled),
        ["membership_disagreement", "unknown_member", "membership_disagreement"]
    );
}

#[test]
fn a_single_read_replaces_the_listed_record_with_the_same_id_only() {
    let lists = || {
        draft(
            json!([{"id": "1", "email": "a@b.c", "team_ids": [9]}]),
            json!([{"id": "9", "name": "T", "admin_ids": [1, 2]}]),
        )
    };
    let read_admin = |json: Value| {
        let mut draft = lists();
        let text = answer(&json);
        let taken = draft.replace_admin(
            &UserId::new("2"),
            AdminEntry::from_object(Some(&Object::parse(&text).unwrap())),
        );
        (taken, draft.disagreement() == Disagreement::default())
    };
    assert_eq!(read_admin(json!({"id": "2", "email": "b@b.c", "team_ids": [9]})), (true, true));
    assert_eq!(
        read_admin(json!({"id": "3", "email": "b@b.c", "team_ids": [9]})),
        (false, false),
        "somebody else"
    );
    assert_eq!(
        read_admin(json!({"type": "contact", "id": "2", "team_ids": [9]})),
        (false, false),
        "no person"
    );
    assert_eq!(read_admin(json!({"name": "b"})), (false, false), "nonsense");
    let mut draft = lists();
    let text = answer(&json!({"id": "9", "name": 5}));
    assert!(draft.replace_team(
        &GroupId::new("9"),
        TeamEntry::from_object(Some(&Object::parse(&text).unwrap()))
    ));
    let settled = draft.settle();
    assert_eq!(settled.groups[0].name.as_deref(), Some("T"), "what the list could tell stays");
    assert_eq!(members(&settled), ["1 in 9"]);
    assert_eq!(settled.unknown, Unknown::default());
}

#[test]
fn priorities_come_from_the_team_else_from_the_admin() {
    let draft = draft(
        json!([
            {"id": "1", "email": "a@b.c", "team_ids": [9], "team_priority_level": {"secondary_team_ids": [9]}},
            {"id": "2", "email": "b@b.c", "team_ids": [9], "team_priority_level": {"secondary_team_ids": [9]}},
            {"id": "3", "email": "c@b.c", "team_ids": [9], "team_priority_level": {}},
        ]),
        json!([{"id": "9", "name": "T", "admin_ids": [1, 2, 3], "admin_priority_level": {"primary_admin_ids": [1], "secondary_admin_ids": null}}]),
    );
    let settled = draft.settle();
    assert_eq!(
        settled.memberships.iter().map(|m| m.priority).collect::<Vec<_>>(),
        [Some(Priority::Primary), Some(Priority::Secondary), None]
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,12}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

const MEMBERS: &[&str] = &[
    "type",
    "email",
    "name",
    "job_title",
    "has_inbox_seat",
    "role",
    "away_mode_enabled",
    "away_status_reason_id",
    "avatar",
    "team_ids",
    "team_priority_level",
];

proptest! {
    #[test]
    fn whatever_the_members_of_a_record_are_everybody_else_is_read(
        member in prop::sample::select(MEMBERS), value in any_json(),
    ) {
        let mut odd = json!({"id": "5", "email": "e@b.c", "team_ids": []});
        let person = member != "type" || value.as_str().is_none_or(|kind| kind.trim().is_empty() || kind.trim().eq_ignore_ascii_case("admin"));
        odd[member] = value;
        let settled = draft(json!([{"id": "1", "email": "a@b.c"}, odd, {"id": "2", "email": "b@b.c"}]), json!([])).settle();
        prop_assert_eq!(settled.users.len(), if person { 3 } else { 2 });
        prop_assert!(!settled.unknown.lists_in_part);
    }
}

#[test]
fn lists_that_disagree_about_much_are_disputed_and_about_little_are_not() {
    let admins = |teams: &dyn Fn(usize) -> Value| -> Value {
        (1..=30).map(|id| json!({"id": id.to_string(), "email": format!("p{id}@b.c"), "team_ids": teams(id)})).collect()
    };
    let team = |members: Vec<usize>| json!([{"id": "9", "name": "T", "admin_ids": members}]);
    // The list of teams lacks some members that the list of admins has.
    for (lacking, disputed) in [(0, 0), (2, 0), (3, 0), (4, 4), (29, 29)] {
        let settled = draft(admins(&|_| json!([9])), team((lacking + 1..=30).collect())).settle();
        assert_eq!(settled.unknown.disputed.memberships.len(), disputed, "{lacking}");
        assert_eq!(codes(&settled).contains(&"lists_disagree"), disputed > 0, "{lacking}");
        assert_eq!(settled.unknown.keeps_back(), disputed > 0);
    }
    // The list of teams is empty.
    let settled = draft(admins(&|_| json!([9])), json!([])).settle();
    assert_eq!(
        (settled.unknown.disputed.groups.len(), settled.unknown.disputed.memberships.len()),
        (1, 30)
    );
    // The team has members that the list of admins lacks.
    let settled = draft(admins(&|_| json!([9])), team((1..=40).collect())).settle();
    assert_eq!(
        (settled.unknown.disputed.users.len(), settled.unknown.disputed.memberships.len()),
        (10, 10)
    );
    // Admins that name no team lose none: the team's own list counts.
    let settled = draft(admins(&|_| json!([])), team((1..=30).collect())).settle();
    assert_eq!((settled.unknown.disputed.is_empty(), settled.memberships.len()), (true, 30));
    // An item for which a single read returns 404 is gone.
    let mut asked = draft(admins(&|_| json!([9])), json!([]));
    asked.team_is_gone(&GroupId::new("9"));
    assert!(asked.settle().unknown.disputed.is_empty());
}
