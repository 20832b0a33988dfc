//! Example queries and their expected results.

use super::*;
use crate::scim::resource_types::{ALL, GROUP, USER};

/// Asserts which users each filter finds.
fn assert_finds(cases: &[(&str, &str)]) {
    for (filter, expected) in cases {
        assert_eq!(found(filter).join(" "), *expected, "{filter}");
    }
}

#[test]
fn filters_compare_ids_names_and_addresses() {
    assert_finds(&[
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
    ]);
}

#[test]
fn filters_compare_titles_and_the_active_flag() {
    assert_finds(&[
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
    ]);
}

#[test]
fn filters_compare_groups_roles_and_entitlements() {
    assert_finds(&[
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
    ]);
}

#[test]
fn filters_compare_dates() {
    assert_finds(&[
        (r#"meta.lastModified gt "2026-03-08T12:00:00Z""#, "4 9"),
        (r#"meta.lastModified ge "2026-03-08T12:00:00.0000000Z""#, "4 9 11 12"),
        (r#"meta.lastModified ge "2026-03-08T14:00:00.0+02:00" and active eq true"#, "11 12"),
        (r#"meta.lastModified ge "2026-03-09T24:30:00""#, "4 9"),
        (r#"meta.lastModified lt "0001-01-03T00:00:00.0000000Z""#, ""),
        (r#"(ActiVe eq true) and meta.lastmodified ge "2026-03-08T11:59:59Z""#, "11 12"),
    ]);
}

#[test]
fn filters_name_attributes_of_the_extension_and_by_their_schema() {
    assert_finds(&[
        (r#"urn:ietf:params:scim:schemas:extension:intercom:2.0:User:intercomId eq "7""#, "7"),
        ("urn:ietf:params:scim:schemas:extension:intercom:2.0:User:twoFactorAuth eq true", "1"),
        ("urn:ietf:params:scim:schemas:extension:intercom:2.0:User:twoFactorAuth pr", "1 2"),
        (
            "urn:ietf:params:scim:schemas:extension:intercom:2.0:User:awayStatusReasonId ge 11",
            "11 12",
        ),
        ("urn:ietf:params:scim:schemas:extension:intercom:2.0:User:awayStatusReasonId lt 1.5", "1"),
        (r#"URN:ietf:params:scim:schemas:core:2.0:user:userName sw "j""#, "10"),
        (
            r#"schemas eq "urn:ietf:params:scim:schemas:extension:intercom:2.0:User" and userName sw "j""#,
            "10",
        ),
    ]);
}

#[test]
fn filters_combine_comparisons_with_and_and_or() {
    assert_finds(&[
        (r#"userName sw "a" or userName sw "b" and active eq false"#, "1"),
        (r#"(userName sw "a" or userName sw "b") and active eq false"#, ""),
        (r#"meta.resourceType eq "User" and userName sw "k""#, "11"),
        ("name pr and userName sw \"k\"", "11"),
    ]);
}

/// Ada was removed and invited again. An account of another person is between her two accounts.
fn ada_is_back() -> ServedSnapshot {
    let mut snapshot = snapshot(1);
    snapshot.users[3].0.value.email = Some("Ada@Example.com".to_owned());
    snapshot.users[0].0.value.active = false;
    snapshot.users[3].0.value.active = true;
    ServedSnapshot::new(directory(snapshot), "https://bridge.example", Names::default(), None)
}

#[test]
fn of_two_accounts_of_one_name_the_active_one_comes_first_however_the_question_is_written() {
    let served = ada_is_back();
    for filter in [
        r#"userName eq "ada@example.com""#,
        r#"USERNAME EQ "ADA@example.com""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ada@example.com""#,
        r#"URN:ietf:params:scim:schemas:core:2.0:USER:username eq "ada@example.com""#,
        r#"(userName eq "ada@example.com")"#,
        r#"not (userName ne "ada@example.com")"#,
        r#"userName eq "ada@example.com" or id eq "adm_0""#,
        r#"userName eq "ada@example.com" and emails pr"#,
        r#"emails eq "ada@example.com""#,
        r#"emails.value eq "ada@example.com""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:emails.value eq "ada@example.com""#,
        r#"emails[value eq "ada@example.com"]"#,
        r#"emails[type eq "work" and value eq "ada@example.com"]"#,
        r#"emails[type eq "work"].value eq "ada@example.com""#,
        r#"emails[type eq "work"] and emails.value eq "ada@example.com""#,
    ] {
        for types in [&[USER][..], ALL] {
            let ask = |more: &[(&str, &str)]| {
                let page =
                    ask_of(&served, types, &[&[("filter", filter)], more].concat(), "").unwrap();
                (ids(&json(&page)).join(" "), json(&page)["nextCursor"].as_str().map(str::to_owned))
            };
            assert_eq!(ask(&[]).0, "4 1", "{filter}");
            assert_eq!(ask(&[("count", "1")]).0, "4", "{filter}");
            assert_eq!(ask(&[("count", "1"), ("startIndex", "2")]).0, "1", "{filter}");
            let (first, next) = ask(&[("cursor", ""), ("count", "1")]);
            assert_eq!(
                (first, ask(&[("cursor", &next.unwrap())]).0),
                ("4".to_owned(), "1".to_owned()),
                "{filter}"
            );
            assert_eq!(
                ask(&[("sortBy", "id")]).0,
                "1 4",
                "whoever wants another order gets it: {filter}"
            );
            assert_eq!(ask(&[("sortBy", "emails")]).0, "4 1", "{filter}");
        }
    }
    let page = ask_of(
        &served,
        &[USER],
        &[("filter", "emails pr and active eq false or id eq \"adm_2\"")],
        "",
    )
    .unwrap();
    assert_eq!(ids(&json(&page)), ["1", "2", "9"], "who looks nobody up gets the order of ids");
}

#[test]
fn a_text_is_found_and_sorted_in_whichever_unicode_form_it_stands() {
    let mut snapshot = snapshot(1);
    snapshot.users[1].0.value.email = Some("jose\u{301}@example.com".to_owned());
    snapshot.users[1].0.value.name = Some("Ｅｖｅ".to_owned());
    snapshot.users[2].0.value.name = Some("Che\u{301}n We\u{300}i".to_owned());
    let served =
        ServedSnapshot::new(directory(snapshot), "https://bridge.example", Names::default(), None);
    let found = |filter: &str, types| {
        let page = ask_of(&served, types, &[("filter", filter)], "").unwrap();
        ids(&json(&page)).join(" ")
    };
    for (filter, expected) in [
        ("userName eq \"JOS\u{c9}@example.com\"", "2"),
        ("userName eq \"jose\u{301}@example.com\"", "2"),
        ("emails[value eq \"jos\u{e9}@example.com\"]", "2"),
        (r#"userName eq "jos\u00e9@example.com""#, "2"),
        ("userName eq \"ｊｏｓｅ\u{301}@example.com\"", "2"),
        ("userName eq \"jose@example.com\"", ""),
        ("userName eq \"gu\u{308}l@example.com\"", "7"),
        ("displayName eq \"ch\u{e9}n w\u{e8}i\"", "3"),
        ("displayName ne \"ch\u{e9}n w\u{e8}i\" and displayName sw \"ch\"", ""),
        ("displayName co \"\u{e9}N\"", "3"),
        ("displayName co \"e\u{301}n\"", "3"),
        ("displayName sw \"ch\u{e9}\"", "3"),
        ("displayName ew \"a\u{30a}berg\"", "12"),
        ("displayName eq \"eve\"", "2"),
        ("displayName ge \"ch\u{e9}n\" and displayName le \"ch\u{e9}o\"", "3"),
        ("groups.display eq \"e\u{301}migre\u{301}s\"", "7 8 11"),
    ] {
        assert_eq!(found(filter, &[USER]), expected, "{filter}");
    }
    assert_eq!(found("displayName eq \"\u{c9}MIGRE\u{301}S\"", &[GROUP]), "team_3");
    let sorted = |order| {
        let page = ask_of(&served, &[USER], &[("sortBy", "displayName"), ("sortOrder", order)], "")
            .unwrap();
        ids(&json(&page)).join(" ")
    };
    // Compared byte by byte, ids 2 and 3 would be elsewhere.
    assert_eq!(sorted("ascending"), "1 3 4 2 5 6 7 8 9 10 11 12");
}

#[test]
fn dates_and_booleans_are_read_as_clients_write_them() {
    for (filter, expected) in [
        ("active eq False", "4 9"),
        ("active eq FALSE", "4 9"),
        ("active ne True", "4 9"),
        ("title eq Null", "2 6"),
        (r#"meta.lastModified ge "2026-03-08T12:00Z" and active eq TRUE"#, "11 12"),
        (r#"meta.lastModified ge "2026-03-08T14:00:00+0200" and active eq true"#, "11 12"),
        (r#"meta.lastModified ge "2026-03-08T14:00:00 0200" and active eq true"#, "11 12"),
        (r#"meta.lastModified eq "2026-03-08 12:00:00""#, "11 12"),
        (r#"meta.lastModified ge "2026-03-08" and active eq true"#, "11 12"),
        (r#"meta.lastModified gt "2026-03-08" and active eq true"#, "11 12"),
        (r#"meta.lastModified lt "2026-03-02""#, "1"),
        (r#"meta.lastModified le "2026-03-02""#, "1 2"),
        (r#"meta.lastModified ge "2026-03-03" and meta.lastModified le "2026-03-03""#, "3 5"),
        (r#"meta.lastModified le "9999-12-31""#, "1 2 3 4 5 6 7 8 9 10 11 12"),
    ] {
        assert_eq!(found(filter).join(" "), expected, "{filter}");
    }
}

#[test]
fn a_value_that_a_client_read_matches_in_a_filter() {
    let all = ask(&[USER], &[]).unwrap();
    for user in all["Resources"].as_array().unwrap() {
        let moment = user["meta"]["lastModified"].as_str().unwrap();
        let id = user["id"].as_str().unwrap();
        for (operator, holds) in
            [("eq", true), ("ge", true), ("le", true), ("gt", false), ("lt", false), ("ne", false)]
        {
            let filter = format!("id eq \"{id}\" and meta.lastModified {operator} \"{moment}\"");
            assert_eq!(found(&filter).len(), usize::from(holds), "{filter}");
        }
    }
}

#[test]
fn the_schemas_are_those_of_the_returned_attributes() {
    let core = vec![urn::USER];
    let both = vec![urn::USER, urn::INTERCOM_USER];
    for (parameter, names, expected) in [
        ("attributes", String::new(), &both),
        ("attributes", "userName".to_owned(), &core),
        ("attributes", "id".to_owned(), &core),
        ("attributes", "schemas,meta".to_owned(), &core),
        ("attributes", "nope".to_owned(), &core),
        ("attributes", urn::USER.to_owned(), &core),
        ("attributes", EXTENSION.to_owned(), &both),
        ("attributes", format!("{EXTENSION}:intercomId"), &both),
        ("attributes", format!("userName,{EXTENSION}:twoFactorAuth"), &both),
        // No user has a removal date.
        ("attributes", format!("{EXTENSION}:removedAt"), &core),
        ("excludedAttributes", "userName,schemas".to_owned(), &both),
        ("excludedAttributes", EXTENSION.to_owned(), &core),
        ("excludedAttributes", format!("{EXTENSION}:intercomId"), &both),
        (
            "excludedAttributes",
            [
                "intercomId",
                "workspaceId",
                "hasInboxSeat",
                "primaryTeamIds",
                "secondaryTeamIds",
                "twoFactorAuth",
            ]
            .map(|name| format!("{EXTENSION}:{name}"))
            .join(","),
            &core,
        ),
    ] {
        let answer = ask(&[USER], &[(parameter, &names), ("count", "1")]).unwrap();
        assert_eq!(
            answer["Resources"][0]["schemas"],
            Value::from(expected.clone()),
            "{parameter}={names}"
        );
    }
}

#[test]
fn repeated_lists_are_united_and_empty_numbers_are_defaults() {
    let repeated = [
        ("attributes", "userName"),
        ("Attributes", "title, active"),
        ("attributes", ""),
        ("count", "1"),
    ];
    let once = [("attributes", "userName,title,active"), ("count", "1")];
    assert_eq!(ask(&[USER], &repeated), ask(&[USER], &once));
    let repeated = [("excludedAttributes", "name"), ("excludedAttributes", "emails")];
    assert_eq!(ask(&[USER], &repeated), ask(&[USER], &[("excludedAttributes", "name,emails")]));
    assert_eq!(ask(&[USER], &[("count", ""), ("startIndex", " ")]), ask(&[USER], &[]));
    for (name, value) in
        [("count", "many"), ("startIndex", "1.5"), ("count", "-"), ("startIndex", "0x1")]
    {
        let expected = ScimError::InvalidValue { why: format!("{name} must be a whole number") };
        assert_eq!(ask(&[USER], &[(name, value)]), Err(expected));
    }
}

#[test]
fn a_search_is_read_as_clients_write_it_and_whatever_is_wrong_is_named() {
    let plain = Query::from_body(
        br#"{"attributes":["userName","title"],"filter":"active eq true","sortBy":"title","sortOrder":"descending","startIndex":2,"count":3}"#,
    );
    for body in [
        r#"{"attributes":"userName,title","filter":"active eq true","sortBy":"title","sortOrder":"DESCENDING","startIndex":"2","count":"3"}"#,
        r#"{"ATTRIBUTES":[" userName","title "],"Filter":"active eq true","sortby":" title ","SortOrder":" Descending ","startindex":" 2 ","COUNT":3.0}"#,
        r#"{"attributes":["userName , title",""],"filter":"active eq true","sortBy":"title","sortOrder":"descending","startIndex":2,"count":"3","excludedAttributes":"","cursor":null,"more":{}}"#,
        r#"{"schemas":"urn:ietf:params:scim:api:messages:2.0:SearchRequest","attributes":" userName ,, title ","filter":"active eq true","sortBy":"title","sortOrder":"descending","startIndex":2,"count":"0003","excludedAttributes":[]}"#,
    ] {
        assert_eq!(Query::from_body(body.as_bytes()), plain, "{body}");
    }
    assert_eq!(
        Query::from_body(
            br#"{"count":"","startIndex":"","filter":" ","sortBy":"","sortOrder":""}"#
        ),
        Query::of_list("")
    );
    assert_eq!(Query::from_body(br#"{"count":"-1"}"#), Query::of_list("count=-1"));
    assert_eq!(
        Query::from_body(br#"{"count":1e30,"startIndex":99999999999999999999}"#),
        Query::of_list("count=99999999999999999999&startIndex=99999999999999999999")
    );
    let list = "must be an array of names, or one string of names separated by commas";
    for (body, expected) in [
        (r#"{"count":"many"}"#, "count must be a whole number".to_owned()),
        (r#"{"count":1.5}"#, "count must be a whole number".to_owned()),
        (r#"{"startIndex":[1]}"#, "startIndex must be a whole number".to_owned()),
        (r#"{"startindex":true}"#, "startIndex must be a whole number".to_owned()),
        (r#"{"filter":{"userName":"x"}}"#, "filter must be a string".to_owned()),
        (r#"{"sortBy":["userName"]}"#, "sortBy must be a string".to_owned()),
        (r#"{"sortOrder":1}"#, "sortOrder must be a string".to_owned()),
        (r#"{"cursor":7}"#, "cursor must be a string".to_owned()),
        (r#"{"attributes":{"name":true}}"#, format!("attributes {list}")),
        (r#"{"attributes":["userName",1]}"#, format!("attributes {list}")),
        (r#"{"excludedAttributes":5}"#, format!("excludedAttributes {list}")),
        (r#"{"schemas":[]}"#, format!("schemas must contain {}", urn::SEARCH_REQUEST)),
        (r#"{"schemas":{}}"#, format!("schemas must contain {}", urn::SEARCH_REQUEST)),
        (
            r#"{"count":[],"sortBy":1}"#,
            "count must be a whole number; sortBy must be a string".to_owned(),
        ),
    ] {
        let why = format!("the body is not a SearchRequest: {expected}");
        assert_eq!(
            Query::from_body(body.as_bytes()),
            Err(ScimError::InvalidSyntax { why }),
            "{body}"
        );
    }
}

#[test]
fn a_name_is_found_however_json_writes_it_and_in_any_case() {
    let mut snapshot = snapshot(1);
    snapshot.users[0].0.value.email = Some(r#"quo"ted\name@example.com"#.to_owned());
    snapshot.users[1].0.value.email = Some(r#""userName":"gül@example.com"#.to_owned());
    snapshot.users[4].0.value.email = None;
    let first = ServedSnapshot::new(
        directory(snapshot.clone()),
        "https://a.example",
        Names::default(),
        None,
    );
    snapshot.users[2].0.value.email = Some("somebody.else@example.com".to_owned());
    let second = ServedSnapshot::new(
        directory(snapshot),
        "https://a.example",
        Names::default(),
        Some(&first),
    );
    let elsewhere = second.seen_from("https://b.example");
    for served in [first, second, elsewhere] {
        assert_eq!(served.all(USER).len(), 12);
        for user in served.all(USER) {
            for name in
                [user.name().into_owned(), user.name().to_uppercase(), user.name().to_lowercase()]
            {
                let filter = format!("userName eq {}", Value::from(name));
                let page = ask_of(&served, &[USER], &[("filter", &filter)], "").unwrap();
                assert_eq!(ids(&json(&page)), [user.id().replace("adm_", "")], "{filter}");
            }
        }
        let page = ask_of(&served, &[USER], &[("filter", "userName eq \"\"")], "").unwrap();
        assert!(ids(&json(&page)).is_empty());
    }
}

#[test]
fn a_long_flat_or_of_ids_is_answered() {
    let wanted = (1..=700).map(|id| format!("id eq \"adm_{id}\"")).collect::<Vec<_>>().join(" or ");
    assert_eq!(found(&wanted).len(), 12);
}

#[test]
fn a_filter_that_does_not_fit_the_attribute_is_refused_with_a_remedy() {
    let refused = [
        r#"name eq "Ada""#,
        r#"active eq "true""#,
        "active gt true",
        "userName eq 1",
        "userName gt null",
        r#"meta.created co "2026""#,
        r#"meta.created gt "yesterday""#,
        r#"meta.created gt "2026-13-01T00:00:00Z""#,
        r#"meta.created gt "03/01/2026""#,
        r#"meta.created eq "2026-03-01""#,
        r#"meta.created ne "2026-03-01""#,
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
