//! Lists over both types, sorting, projection and paging.

use super::*;
use crate::scim::resource_types::{ALL, USER};

#[test]
fn a_query_over_both_types_finds_both_and_missing_attributes_have_no_value() {
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
    assert_eq!(
        in_order("id", "ascending").join(" "),
        "1 10 11 12 2 3 4 5 6 7 8 9",
        "ids are texts"
    );
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
    assert_eq!(
        in_order("groups", "ascending").join(" "),
        "1 2 3 8 11 5 10 7 4 6 9 12",
        "the first team's id"
    );
    assert_eq!(
        in_order(
            "urn:ietf:params:scim:schemas:extension:intercom:2.0:User:awayStatusReasonId",
            "descending"
        )[..3],
        ["12", "11", "10"],
        "numbers as numbers"
    );
    assert_eq!(
        ids(&ask(&[USER], &[("sortOrder", "descending")]).unwrap()).join(" "),
        every,
        "ignored without sortBy"
    );
    for wrong in ["name", "meta", "shoeSize", "urn:ietf:params:scim:schemas:core:2.0:User"] {
        assert!(
            matches!(ask(&[USER], &[("sortBy", wrong)]), Err(ScimError::InvalidValue { .. })),
            "{wrong}"
        );
    }
    let both =
        ask(ALL, &[("sortBy", "displayName"), ("count", "3"), ("startIndex", "12")]).unwrap();
    assert_eq!(ids(&both), ["12", "team_4", "team_2"]);
}

#[test]
fn projection_takes_every_form_of_a_name() {
    let ada = |parameters: &[(&str, &str)]| {
        let mut parameters = parameters.to_vec();
        parameters.push(("count", "1"));
        let mut ada = ask(&[USER], &parameters).unwrap()["Resources"][0].clone();
        let always = ada.as_object_mut().unwrap();
        assert!(
            always.remove("schemas").is_some() && always.remove("id").is_some(),
            "always returned"
        );
        ada.to_string()
    };
    for (attributes, expected) in [
        ("id", "{}"),
        ("nickName", "{}"),
        ("userName,TITLE", r#"{"title":"Team Lead","userName":"ada@example.com"}"#),
        ("emails.value", r#"{"emails":[{"value":"ada@example.com"}]}"#),
        (
            "name.givenName , name.familyName",
            r#"{"name":{"familyName":"Lovelace","givenName":"Ada"}}"#,
        ),
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
    assert!(
        extension.starts_with(&format!("{{\"{EXTENSION}\":{{\"awayStatusReasonId\":1,")),
        "{extension}"
    );
    let rest =
        ada(&[("excludedAttributes", "id,schemas,groups,name,meta.version,roles.value,NOPE")]);
    assert!(
        !rest.contains("\"groups\"") && !rest.contains("\"name\"") && !rest.contains("\"version\""),
        "{rest}"
    );
    assert!(rest.contains(r#""roles":[{"display":"Team Lead","primary":true}]"#), "{rest}");
    assert!(rest.contains("intercomId") && !rest.contains("awayStatusReasonId"), "{rest}");
}

#[test]
fn a_name_of_one_word_is_repeated_or_left_alone_as_it_is_set() {
    let name = |names| {
        let served = ServedSnapshot::new(directory(snapshot(1)), "", names, None);
        let page =
            ask_of(&served, &[USER], &[("filter", "id eq \"adm_2\""), ("attributes", "name")], "")
                .unwrap();
        json(&page)["Resources"][0]["name"].to_string()
    };
    assert_eq!(name(Names::Repeat), r#"{"familyName":"Bo","formatted":"Bo","givenName":"Bo"}"#);
    assert_eq!(name(Names::GivenOnly), r#"{"formatted":"Bo","givenName":"Bo"}"#);
}

#[test]
fn a_cursor_is_valid_only_for_the_same_query_of_the_same_client() {
    let served = served();
    let first = ask_of(
        &served,
        &[USER],
        &[("cursor", ""), ("count", "5"), ("filter", "userName pr")],
        "ada",
    )
    .unwrap();
    let answer = json(&first);
    assert!(answer.get("startIndex").is_none() && answer.get("previousCursor").is_none());
    assert_eq!((&answer["totalResults"], &answer["itemsPerPage"]), (&12.into(), &5.into()));
    let cursor = answer["nextCursor"].as_str().unwrap();
    let next = |types, parameters: &[(&str, &str)], name| {
        let mut parameters = parameters.to_vec();
        parameters.push(("cursor", cursor));
        ask_of(&served, types, &parameters, name).map(|page| page.items_per_page)
    };
    assert_eq!(
        next(&[USER], &[("count", "5"), ("filter", "USERNAME  PR")], "ada"),
        Ok(5),
        "the same in other letters"
    );
    assert_eq!(
        next(&[USER], &[("filter", "userName pr")], "ada"),
        Ok(5),
        "the size is in the cursor"
    );
    for (types, parameters, name) in [
        (&[USER][..], vec![("filter", "userName pr")], "bo"),
        (ALL, vec![("filter", "userName pr")], "ada"),
        (&[USER], vec![("filter", "title pr")], "ada"),
        (&[USER], vec![("filter", "userName pr"), ("sortBy", "id")], "ada"),
        (&[USER], vec![("filter", "userName pr"), ("attributes", "id")], "ada"),
        (&[USER], vec![], "ada"),
    ] {
        assert_eq!(
            next(types, &parameters, name),
            Err(ScimError::InvalidCursor),
            "{parameters:?} {name}"
        );
    }
    assert_eq!(
        next(&[USER], &[("count", "4"), ("filter", "userName pr")], "ada"),
        Err(ScimError::InvalidCount { expected: 5 })
    );
}

#[test]
fn an_empty_page_may_begin_at_any_index() {
    for start in ["1", "2", "12", "13"] {
        let page = ask(&[USER], &[("startIndex", start), ("count", "0")]).unwrap();
        assert_eq!(
            (&page["totalResults"], page["itemsPerPage"].as_u64()),
            (&12.into(), Some(0)),
            "{start}"
        );
        assert_eq!(page["Resources"].as_array().map(Vec::len), Some(0), "{start}");
    }
}

#[test]
fn counts_at_the_edge_end_a_walk_by_cursor() {
    for count in ["0", "-1", "12", "100000"] {
        let page = ask(&[USER], &[("cursor", ""), ("count", count)]).unwrap();
        assert!(
            page.get("nextCursor").is_none() && page.get("previousCursor").is_none(),
            "{count}"
        );
        assert_eq!(page["totalResults"], 12);
    }
    assert!(ask(&[USER], &[("cursor", ""), ("count", "11")]).unwrap()["nextCursor"].is_string());
}
