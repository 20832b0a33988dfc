//! Questions put to one fixed directory of a dozen people.

use proptest::prelude::*;
use serde_json::Value;
use time::macros::datetime;

use super::resource_types::{ALL, GROUP, USER};
use super::*;
use crate::directory::{
    Generation, Group, GroupId, Membership, Priority, Recorded, Role, Snapshot, Stamps, User, UserId, Volatile,
    Workspace,
};

/// Id, address, name, title, active, day of the last change, teams.
type Person = (&'static str, &'static str, &'static str, Option<&'static str>, bool, u8, &'static [&'static str]);

const PEOPLE: [Person; 12] = [
    ("1", "ada@example.com", "Ada Lovelace", Some("Team Lead"), true, 1, &["1", "2"]),
    ("2", "Bo@Example.com", "Bo", None, true, 2, &["1"]),
    ("3", "chen@example.com", "Chén Wèi 陳偉", Some("Agent"), true, 3, &["1"]),
    ("4", "dana@example.org", "Dana O'Malley", Some("agent"), false, 9, &[]),
    ("5", "eve@example.com", "Eve van der Berg", Some("Analyst"), true, 3, &["2"]),
    ("6", "frank@example.com", "Frank \"Fin\" Müller", None, true, 4, &[]),
    ("7", "gül@example.com", "Gül Şahin", Some("Agent"), true, 5, &["3"]),
    ("8", "hana@example.com", "Hana Kovářová", Some("Lead"), true, 6, &["1", "3"]),
    ("9", "ivan@example.com", "Ivan Ivanov", Some("Agent"), false, 9, &[]),
    ("10", "jo@example.com", "Jo Jo", Some("Agent"), true, 7, &["2"]),
    ("11", "kim@example.com", "Kim Lee", Some("Manager"), true, 8, &["1", "2", "3"]),
    ("12", "lars@example.com", "Lars Åberg", Some("Agent"), true, 8, &[]),
];

const TEAMS: [(&str, &str); 4] = [("1", "Support"), ("2", "sales"), ("3", "Émigrés"), ("4", "Nobody's")];

fn picture() -> Picture {
    Picture::new(snapshot(1), "https://bridge.example/scim/v2", Names::default(), None)
}

fn snapshot(generation: Generation) -> Snapshot {
    let day = |day: u8| datetime!(2026-03-01 12:00 UTC).replace_day(day).unwrap();
    let users = PEOPLE.map(|(id, email, name, title, active, changed, teams)| {
        let mut user = User::new(UserId::new(id));
        user.email = Some(email.to_owned());
        user.name = Some(name.to_owned());
        user.job_title = title.map(str::to_owned);
        user.active = active;
        user.has_inbox_seat = Some(!teams.is_empty());
        user.role = title.map(|title| Role { id: title.len().to_string(), name: Some(title.to_owned()) });
        // Known of some people alone.
        user.two_factor_auth = (changed < 3).then_some(changed == 1);
        user.permissions = (changed == 1).then(|| vec!["manage_teammates".to_owned(), "reports".to_owned()]);
        let stamps = Stamps { created: day(1), last_modified: day(changed) };
        let volatile = Volatile { away_status_reason_id: id.parse().ok(), ..Volatile::default() };
        (Recorded { value: user, stamps }, volatile)
    });
    let groups = TEAMS.map(|(id, name)| {
        let group = Group {
            id: GroupId::new(id),
            name: Some(name.to_owned()),
            distribution_method: None,
            assignment_limit: (id == "1").then_some(10),
        };
        Recorded { value: group, stamps: Stamps { created: day(1), last_modified: day(2) } }
    });
    let mut memberships: Vec<Membership> = PEOPLE
        .iter()
        .flat_map(|person| person.6.iter().map(move |team| (person.0, *team)))
        .map(|(user, team)| Membership {
            group: GroupId::new(team),
            user: UserId::new(user),
            priority: (team == "1").then_some(if user == "1" { Priority::Primary } else { Priority::Secondary }),
        })
        .collect();
    memberships.sort();
    Snapshot {
        generation,
        workspace: Workspace { id: Some("ws".to_owned()), ..Workspace::default() },
        users: users.to_vec(),
        groups: groups.to_vec(),
        memberships,
    }
}

const EXTENSION: &str = "urn:ietf:params:scim:schemas:extension:intercom:2.0:User";

const RULES: PageRules = PageRules { default_count: 100, max_count: 1000, cursors: true };

fn key() -> CursorKey {
    CursorKey::new(&[7; CursorKey::SECRET]).unwrap()
}

/// Asks with the parameters of a URL.
fn ask(types: &[&'static ResourceType], parameters: &[(&str, &str)]) -> Result<Value, ScimError> {
    ask_of(&picture(), types, parameters, "test").map(|page| serde_json::from_slice(&page.body).unwrap())
}

fn ask_of(
    picture: &Picture,
    types: &[&'static ResourceType],
    parameters: &[(&str, &str)],
    name: &str,
) -> Result<Page, ScimError> {
    let query = Query::from_parameters(parameters.iter().copied())?;
    let walker = Walker { key: &key(), name };
    let window = query.window(types, RULES, walker)?;
    query.list(picture, types, window, walker)
}

/// The ids in an answer, without what all of a type have in common.
fn ids(answer: &Value) -> Vec<String> {
    let resources = answer["Resources"].as_array().unwrap();
    resources.iter().map(|resource| resource["id"].as_str().unwrap().replace("adm_", "")).collect()
}

fn found(filter: &str) -> Vec<String> {
    ids(&ask(&[USER], &[("filter", filter)]).unwrap_or_else(|error| panic!("{filter}: {error}")))
}

fn in_order(by: &str, order: &str) -> Vec<String> {
    ids(&ask(&[USER], &[("sortBy", by), ("sortOrder", order)]).unwrap())
}

#[test]
fn filters_find_whom_they_describe() {
    for (filter, expected) in [
        (r#"userName eq "ADA@example.com""#, "1"),
        (r#"userName eq "bo@example.com""#, "2"),
        (r#"id eq "adm_3""#, "3"),
        (r#"id eq "ADM_3""#, ""),
        (r#"externalId eq "3""#, ""),
        (r#"userName eq "GÜL@example.com""#, "7"),
        (r#"displayName eq "chén wèi 陳偉""#, "3"),
        (r#"displayName co "\"fin\"""#, "6"),
        (r#"displayName co "\u00c5berg""#, "12"),
        (r#"name.familyName eq "o'malley""#, "4"),
        (r#"name.familyName eq "bo""#, "2"),
        (r#"emails.value ew ".ORG""#, "4"),
        (r#"emails ew ".org""#, "4"),
        (r#"emails[type eq "work" and value ew ".org"]"#, "4"),
        (r#"emails[type eq "work"].value sw "dana""#, "4"),
        (r#"emails[type eq "home"]"#, ""),
        (r#"title eq "agent""#, "3 4 7 9 10 12"),
        (r#"title gt "lead""#, "1 11"),
        (r#"title le "agent""#, "3 4 7 9 10 12"),
        ("title pr", "1 3 4 5 7 8 9 10 11 12"),
        ("not (title pr)", "2 6"),
        ("title eq null", "2 6"),
        ("title ne null and active eq false", "4 9"),
        (r#"not (title eq "agent") and active eq true"#, "1 2 5 6 8 11"),
        (r#"title ne "agent" and active eq true"#, "1 2 5 6 8 11"),
        ("active eq false", "4 9"),
        ("active ne false and title eq null", "2 6"),
        (r#"groups.value eq "team_1""#, "1 2 3 8 11"),
        (r#"groups eq "team_1""#, "1 2 3 8 11"),
        (r#"groups.display eq "SALES""#, "1 5 10 11"),
        (r#"groups ne "team_1" and groups pr"#, "5 7 10"),
        (r#"groups[value eq "team_1"] and groups[value eq "team_2"]"#, "1 11"),
        (r#"groups[value eq "team_1" and display eq "sales"]"#, ""),
        (r#"groups.$ref ew "/Groups/team_3""#, "7 8 11"),
        ("groups pr and not (roles pr)", "2"),
        (r#"roles[display eq "lead"].value eq "4""#, "8"),
        (r#"entitlements[type eq "permission" and value eq "reports"]"#, "1"),
        (r#"entitlements.value eq "inbox_seat" and title sw "a""#, "3 5 7 10"),
        (r#"meta.lastModified gt "2026-03-08T12:00:00Z""#, "4 9"),
        (r#"meta.lastModified ge "2026-03-08T12:00:00.0000000Z""#, "4 9 11 12"),
        (r#"meta.lastModified ge "2026-03-08T14:00:00.0+02:00" and active eq true"#, "11 12"),
        (r#"meta.lastModified ge "2026-03-09T24:30:00""#, "4 9"),
        (r#"meta.lastModified lt "0001-01-03T00:00:00.0000000Z""#, ""),
        (r#"(ActiVe eq true) and meta.lastmodified ge "2026-03-08T11:59:59Z""#, "11 12"),
        (r#"urn:ietf:params:scim:schemas:extension:intercom:2.0:User:intercomId eq "7""#, "7"),
        ("urn:ietf:params:scim:schemas:extension:intercom:2.0:User:twoFactorAuth eq true", "1"),
        ("urn:ietf:params:scim:schemas:extension:intercom:2.0:User:twoFactorAuth pr", "1 2"),
        ("urn:ietf:params:scim:schemas:extension:intercom:2.0:User:awayStatusReasonId ge 11", "11 12"),
        ("urn:ietf:params:scim:schemas:extension:intercom:2.0:User:awayStatusReasonId lt 1.5", "1"),
        (r#"URN:ietf:params:scim:schemas:core:2.0:user:userName sw "j""#, "10"),
        (r#"schemas eq "urn:ietf:params:scim:schemas:extension:intercom:2.0:User" and userName sw "j""#, "10"),
        (r#"userName sw "a" or userName sw "b" and active eq false"#, "1"),
        (r#"(userName sw "a" or userName sw "b") and active eq false"#, ""),
        (r#"meta.resourceType eq "User" and userName sw "k""#, "11"),
        ("name pr and userName sw \"k\"", "11"),
    ] {
        assert_eq!(found(filter).join(" "), expected, "{filter}");
    }
}

#[test]
fn a_long_flat_or_of_ids_is_answered() {
    let wanted = (1..=700).map(|id| format!("id eq \"adm_{id}\"")).collect::<Vec<_>>().join(" or ");
    assert_eq!(found(&wanted).len(), 12);
}

#[test]
fn a_filter_that_does_not_fit_the_attribute_is_refused_with_what_would() {
    let refused = [
        r#"name eq "Ada""#,
        r#"active eq "true""#,
        "active gt true",
        "userName eq 1",
        "userName gt null",
        r#"meta.created co "2026""#,
        r#"meta.created gt "yesterday""#,
        r#"meta.created gt "2026-13-01T00:00:00Z""#,
        r#"groups[nope eq "x"]"#,
        r#"title[value eq "x"]"#,
        r#"nickName eq "x""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User eq "x""#,
        r#"members eq "adm_1""#,
        r#"urn:ietf:params:scim:schemas:extension:intercom:2.0:User:awayStatusReasonId eq "1""#,
        "urn:ietf:params:scim:schemas:extension:intercom:2.0:User:awayStatusReasonId co 1",
    ]
    .map(|filter| match ask(&[USER], &[("filter", filter)]) {
        Err(error @ ScimError::InvalidFilter { .. }) => format!("{filter}\n  {error}"),
        other => panic!("{filter}: {other:?}"),
    });
    insta::assert_snapshot!(refused.join("\n"));
}

#[test]
fn a_question_about_both_types_finds_both_and_what_a_type_lacks_has_no_value_there() {
    let all = |filter: &str| ids(&ask(ALL, &[("filter", filter)]).unwrap()).join(" ");
    assert_eq!(ids(&ask(ALL, &[]).unwrap()).len(), 16);
    assert_eq!(all(r#"displayName sw "s" or userName sw "a""#), "1 team_1 team_2");
    assert_eq!(all(r#"meta.resourceType eq "Group""#), "team_1 team_2 team_3 team_4");
    assert_eq!(all("members pr"), "team_1 team_2 team_3");
    assert_eq!(all(r#"members.value eq "adm_7""#), "team_3");
    assert_eq!(all(r#"userName eq null and displayName ne "sales""#), "team_1 team_3 team_4");
    assert_eq!(all(r#"title ne "agent" and displayName co "b""#), "2 5 team_4");
    assert!(matches!(ask(ALL, &[("filter", "nickName pr")]), Err(ScimError::InvalidFilter { .. })));
}

#[test]
fn sorting_puts_those_without_a_value_last_and_the_other_way_round_first() {
    let every = "1 2 3 4 5 6 7 8 9 10 11 12";
    assert_eq!(in_order("id", "ascending").join(" "), "1 10 11 12 2 3 4 5 6 7 8 9", "ids are texts");
    assert_eq!(in_order("userName", "").join(" "), every);
    assert_eq!(in_order("USERNAME", "Descending").join(" "), "12 11 10 9 8 7 6 5 4 3 2 1");
    assert_eq!(
        in_order("title", "ascending").join(" "),
        "3 4 7 9 10 12 5 8 11 1 2 6",
        "in any case, by id among equals"
    );
    assert_eq!(in_order("title", "descending").join(" "), "2 6 1 11 8 5 3 4 7 9 10 12");
    assert_eq!(in_order("meta.lastModified", "descending").join(" "), "4 9 11 12 10 8 7 6 3 5 2 1");
    assert_eq!(in_order("active", "ascending").join(" "), "4 9 1 2 3 5 6 7 8 10 11 12");
    assert_eq!(in_order("emails", "descending")[0], "12", "the primary address");
    assert_eq!(in_order("groups", "ascending").join(" "), "1 2 3 8 11 5 10 7 4 6 9 12", "the first team's id");
    assert_eq!(
        in_order("urn:ietf:params:scim:schemas:extension:intercom:2.0:User:awayStatusReasonId", "descending")[..3],
        ["12", "11", "10"],
        "numbers as numbers"
    );
    assert_eq!(ids(&ask(&[USER], &[("sortOrder", "descending")]).unwrap()).join(" "), every, "ignored without sortBy");
    for wrong in ["name", "meta", "shoeSize", "urn:ietf:params:scim:schemas:core:2.0:User"] {
        assert!(matches!(ask(&[USER], &[("sortBy", wrong)]), Err(ScimError::InvalidValue { .. })), "{wrong}");
    }
    let both = ask(ALL, &[("sortBy", "displayName"), ("count", "3"), ("startIndex", "12")]).unwrap();
    assert_eq!(ids(&both), ["12", "team_4", "team_2"]);
}

#[test]
fn projection_takes_every_form_of_a_name() {
    let ada = |parameters: &[(&str, &str)]| {
        let mut parameters = parameters.to_vec();
        parameters.push(("count", "1"));
        let mut ada = ask(&[USER], &parameters).unwrap()["Resources"][0].clone();
        let always = ada.as_object_mut().unwrap();
        assert!(always.remove("schemas").is_some() && always.remove("id").is_some(), "always returned");
        ada.to_string()
    };
    for (attributes, expected) in [
        ("id", "{}"),
        ("nickName", "{}"),
        ("userName,TITLE", r#"{"title":"Team Lead","userName":"ada@example.com"}"#),
        ("emails.value", r#"{"emails":[{"value":"ada@example.com"}]}"#),
        ("name.givenName , name.familyName", r#"{"name":{"familyName":"Lovelace","givenName":"Ada"}}"#),
        ("urn:ietf:params:scim:schemas:core:2.0:User:active", r#"{"active":true}"#),
        ("meta.location", r#"{"meta":{"location":"https://bridge.example/scim/v2/Users/adm_1"}}"#),
        (
            "groups.display,groups.value",
            r#"{"groups":[{"display":"Support","value":"team_1"},{"display":"sales","value":"team_2"}]}"#,
        ),
    ] {
        assert_eq!(ada(&[("attributes", attributes)]), expected, "{attributes}");
    }
    assert_eq!(
        ada(&[("attributes", &format!("{EXTENSION}:intercomId"))]),
        format!(r#"{{"{EXTENSION}":{{"intercomId":"1"}}}}"#)
    );
    let extension = ada(&[("attributes", EXTENSION)]);
    assert!(extension.starts_with(&format!("{{\"{EXTENSION}\":{{\"awayStatusReasonId\":1,")), "{extension}");
    let rest = ada(&[("excludedAttributes", "id,schemas,groups,name,meta.version,roles.value,NOPE")]);
    assert!(!rest.contains("\"groups\"") && !rest.contains("\"name\"") && !rest.contains("\"version\""), "{rest}");
    assert!(rest.contains(r#""roles":[{"display":"Team Lead","primary":true}]"#), "{rest}");
    assert!(rest.contains("intercomId") && !rest.contains("awayStatusReasonId"), "{rest}");
}

#[test]
fn a_name_of_one_word_is_repeated_or_left_alone_as_it_is_set() {
    let name = |names| {
        let picture = Picture::new(snapshot(1), "", names, None);
        let page = ask_of(&picture, &[USER], &[("filter", "id eq \"adm_2\""), ("attributes", "name")], "").unwrap();
        serde_json::from_slice::<Value>(&page.body).unwrap()["Resources"][0]["name"].to_string()
    };
    assert_eq!(name(Names::Repeat), r#"{"familyName":"Bo","formatted":"Bo","givenName":"Bo"}"#);
    assert_eq!(name(Names::GivenOnly), r#"{"formatted":"Bo","givenName":"Bo"}"#);
}

#[test]
fn a_cursor_is_good_for_the_same_question_of_the_same_client_alone() {
    let picture = picture();
    let first = ask_of(&picture, &[USER], &[("cursor", ""), ("count", "5"), ("filter", "userName pr")], "ada").unwrap();
    let answer: Value = serde_json::from_slice(&first.body).unwrap();
    assert!(answer.get("startIndex").is_none() && answer.get("previousCursor").is_none());
    assert_eq!((&answer["totalResults"], &answer["itemsPerPage"]), (&12.into(), &5.into()));
    let cursor = answer["nextCursor"].as_str().unwrap();
    let next = |types, parameters: &[(&str, &str)], name| {
        let mut parameters = parameters.to_vec();
        parameters.push(("cursor", cursor));
        ask_of(&picture, types, &parameters, name).map(|page| page.items_per_page)
    };
    assert_eq!(next(&[USER], &[("count", "5"), ("filter", "USERNAME  PR")], "ada"), Ok(5), "the same in other letters");
    assert_eq!(next(&[USER], &[("filter", "userName pr")], "ada"), Ok(5), "the size is in the cursor");
    for (types, parameters, name) in [
        (&[USER], vec![("filter", "userName pr")], "bo"),
        (&[GROUP], vec![("filter", "userName pr")], "ada"),
        (&[USER], vec![("filter", "title pr")], "ada"),
        (&[USER], vec![("filter", "userName pr"), ("sortBy", "id")], "ada"),
        (&[USER], vec![("filter", "userName pr"), ("attributes", "id")], "ada"),
        (&[USER], vec![], "ada"),
    ] {
        assert_eq!(next(types, &parameters, name), Err(ScimError::InvalidCursor), "{parameters:?} {name}");
    }
    assert_eq!(
        next(&[USER], &[("count", "4"), ("filter", "userName pr")], "ada"),
        Err(ScimError::InvalidCount { expected: 5 })
    );
}

#[test]
fn counts_at_the_edge_end_a_walk_by_cursor() {
    for count in ["0", "-1", "12", "100000"] {
        let page = ask(&[USER], &[("cursor", ""), ("count", count)]).unwrap();
        assert!(page.get("nextCursor").is_none() && page.get("previousCursor").is_none(), "{count}");
        assert_eq!(page["totalResults"], 12);
    }
    assert!(ask(&[USER], &[("cursor", ""), ("count", "11")]).unwrap()["nextCursor"].is_string());
}

#[test]
fn what_did_not_change_is_shared_between_two_generations() {
    let first = picture();
    let mut next = snapshot(2);
    next.users[0].0.value.job_title = Some("Director".to_owned());
    let second = Picture::new(next, "https://bridge.example/scim/v2", Names::default(), Some(&first));
    let body = |picture: &Picture, id| picture.by_id(id).unwrap().ready().body.clone();
    assert_ne!(body(&first, "adm_1"), body(&second, "adm_1"));
    for id in ["adm_2", "adm_12", "team_1", "team_4"] {
        assert_eq!(body(&first, id).as_ptr(), body(&second, id).as_ptr(), "{id}");
    }
    let alone = Picture::new(snapshot(2), "https://bridge.example/scim/v2", Names::default(), None);
    assert_eq!(body(&alone, "adm_12"), body(&second, "adm_12"), "shared or made anew, it is the same");
}

/// Filters that fit the table of users.
fn filters() -> impl Strategy<Value = String> {
    let texts =
        ["userName", "displayName", "title", "emails.value", "groups.display", "name.familyName", "id", "userType"];
    let values = ["a", "agent", "example", "Ö", "", "lead", "adm_1", "\\\"", "team_1"];
    let leaf = prop_oneof![
        (
            prop::sample::select(texts.to_vec()),
            prop::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "le"]),
            prop::sample::select(values.to_vec())
        )
            .prop_map(|(name, operator, value)| format!("{name} {operator} \"{value}\"")),
        prop::sample::select(texts.to_vec()).prop_map(|name| format!("{name} pr")),
        prop::sample::select(vec!["active eq true", "active ne true", "title eq null", "groups[value eq \"team_1\"]"])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|filter| format!("not ({filter})")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
            prop::collection::vec(inner, 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
        ]
    })
}

fn types() -> impl Strategy<Value = &'static [&'static ResourceType]> {
    prop::sample::select(vec![&[USER][..], &[GROUP], ALL])
}

proptest! {
    #[test]
    fn a_printed_filter_means_the_same(filter in filters()) {
        let parsed = filter::parse(&filter).unwrap();
        let again = filter::parse(&parsed.to_string()).unwrap();
        prop_assert_eq!(&again, &parsed);
        prop_assert_eq!(again.to_string(), parsed.to_string());
    }

    #[test]
    fn a_filter_and_its_opposite_part_the_whole(filter in filters()) {
        let (found, others) = (found(&filter), found(&format!("not ({filter})")));
        prop_assert_eq!(found.len() + others.len(), PEOPLE.len());
        prop_assert!(found.iter().all(|id| !others.contains(id)));
    }

    #[test]
    fn pages_by_index_and_by_cursor_are_the_whole_when_put_together(
        types in types(),
        filter in prop::option::of(prop::sample::select(vec!["displayName pr", "displayName co \"a\"", "id pr"])),
        sort in prop::option::of(prop::sample::select(vec!["displayName", "id", "meta.lastModified"])),
        count in 1_usize..20,
    ) {
        let mut question: Vec<(&str, &str)> = Vec::new();
        question.extend(filter.map(|filter| ("filter", filter)));
        question.extend(sort.map(|sort| ("sortBy", sort)));
        let whole = ids(&ask(types, &question).unwrap());
        let count = count.to_string();
        question.push(("count", &count));

        let picture = picture();
        let (mut by_index, mut start) = (Vec::new(), 1);
        // Bounded: each page but the last adds to what was walked.
        while by_index.len() < whole.len() {
            let from = start.to_string();
            let page = ask_of(&picture, types, &[&question[..], &[("startIndex", from.as_str())]].concat(), "").unwrap();
            let answer: Value = serde_json::from_slice(&page.body).unwrap();
            prop_assert_eq!(&answer["totalResults"], &Value::from(whole.len()));
            prop_assert!(page.items_per_page > 0);
            start += page.items_per_page;
            by_index.extend(ids(&answer));
            prop_assert_eq!(page.next, (by_index.len() < whole.len()).then_some(Next::Index(start)));
        }
        prop_assert_eq!(&by_index, &whole);

        let (mut by_cursor, mut cursor, mut pages) = (Vec::new(), Some(String::new()), Vec::new());
        while let Some(at) = cursor {
            let page = ask_of(&picture, types, &[&question[..], &[("cursor", at.as_str())]].concat(), "").unwrap();
            let answer: Value = serde_json::from_slice(&page.body).unwrap();
            by_cursor.extend(ids(&answer));
            prop_assert!(by_cursor.len() <= whole.len());
            prop_assert_eq!(answer.get("previousCursor").is_some(), !pages.is_empty());
            if let Some(previous) = answer["previousCursor"].as_str() {
                let back = ask_of(&picture, types, &[&question[..], &[("cursor", previous)]].concat(), "").unwrap();
                prop_assert_eq!(&ids(&serde_json::from_slice(&back.body).unwrap()), pages.last().unwrap());
            }
            pages.push(ids(&answer));
            cursor = answer["nextCursor"].as_str().map(str::to_owned);
        }
        prop_assert_eq!(&by_cursor, &whole);
    }

    #[test]
    fn a_projection_never_adds_and_never_changes_a_value(
        names in prop::collection::vec(
            prop::sample::select(vec!["userName", "name.givenName", "emails", "emails.value", "meta", "meta.version", "groups.$ref", "nope", "id",
                "urn:ietf:params:scim:schemas:extension:intercom:2.0:User", "roles", "displayName", "members", "members.value"]), 1..6),
        parameter in prop::sample::select(vec!["attributes", "excludedAttributes"]),
        types in types(),
    ) {
        fn within(part: &Value, whole: &Value) -> bool {
            match (part, whole) {
                (Value::Object(part), Value::Object(whole)) =>
                    part.iter().all(|(name, value)| whole.get(name).is_some_and(|whole| within(value, whole))),
                (Value::Array(part), Value::Array(whole)) =>
                    part.len() == whole.len() && part.iter().zip(whole).all(|(part, whole)| within(part, whole)),
                (part, whole) => part == whole,
            }
        }
        // What is returned on request alone can be in the part and not in the default whole; ask for all of it.
        let everything = "urn:ietf:params:scim:schemas:core:2.0:User,urn:ietf:params:scim:schemas:core:2.0:Group,meta,\
            urn:ietf:params:scim:schemas:extension:intercom:2.0:User,urn:ietf:params:scim:schemas:extension:intercom:2.0:Group";
        let whole = ask(types, &[("attributes", everything)]).unwrap();
        let part = ask(types, &[(parameter, &names.join(","))]).unwrap();
        prop_assert!(within(&part["Resources"], &whole["Resources"]));
    }

    #[test]
    fn no_question_makes_it_panic(filter in "\\PC{0,40}", name in "\\PC{0,20}", number in any::<i64>()) {
        let number = number.to_string();
        for parameters in [[("filter", filter.as_str()), ("startIndex", &number)], [("sortBy", &name), ("count", &number)],
            [("attributes", &name), ("startIndex", &number)], [("cursor", &name), ("sortOrder", &filter)]] {
            let _ = ask(ALL, &parameters);
        }
        let _ = Query::from_body(filter.as_bytes());
    }
}
