//! Properties that hold for every query.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::directory::CatalogueForm;
use crate::scim::Forms;
use crate::scim::resource_types::{self, ALL, GROUP, USER};

/// Two hundred people. The one at index `promoted` has another title.
fn crowd(generation: Generation, promoted: Option<usize>) -> Snapshot {
    let mut snapshot = snapshot(generation);
    let (person, volatile) = snapshot.users[11].clone();
    snapshot.users = (0..200)
        .map(|place| {
            let mut person = person.clone();
            person.value.id = UserId::new((1000 + place).to_string());
            person.value.job_title =
                Some(if promoted == Some(place) { "Director" } else { "Agent" }.into());
            (person, volatile.clone())
        })
        .collect();
    snapshot
}

#[test]
fn unchanged_resources_are_shared_between_two_generations() {
    let make = |snapshot, previous| {
        ServedSnapshot::new(
            directory(snapshot),
            "https://bridge.example",
            Names::default(),
            previous,
        )
    };
    let first = make(crowd(1, None), None);
    let second = make(crowd(2, Some(70)), Some(&first));
    let alone = make(crowd(2, Some(70)), None);
    let bodies = |served: &ServedSnapshot| -> Vec<_> {
        served.all(USER).map(|it| served.response(it)).collect()
    };
    let before = bodies(&first);
    let after = bodies(&second);
    let shared: Vec<usize> =
        (0..200).filter(|place| before[*place].as_ptr() == after[*place].as_ptr()).collect();
    assert_eq!(
        shared,
        (0..64).chain(128..200).collect::<Vec<_>>(),
        "all but the neighbourhood of the one who changed"
    );
    assert_eq!((before[69].clone(), before[70] == after[70]), (after[69].clone(), false));
    assert_eq!(after, bodies(&alone), "shared or made anew, it is the same");
    assert_eq!(bodies(&make(crowd(3, Some(70)), Some(&second)))[70].as_ptr(), after[70].as_ptr());

    let kept = bodies(&first.beside(&second));
    assert_eq!(kept, before, "what is not kept is made again");
    let still: Vec<usize> =
        (0..200).filter(|place| kept[*place].as_ptr() == before[*place].as_ptr()).collect();
    assert_eq!(still, shared, "what nobody else has is not kept");
}

#[test]
fn prepared_responses_of_the_second_base_url_equal_rendered_ones() {
    const SECOND: &str = "https://bridge.example/scim/okta/v2";
    let make = |snapshot, previous| {
        let forms = Forms { main: CatalogueForm::Off, second_okta: true };
        let main = "https://bridge.example/scim/v2";
        let names = Names::default();
        ServedSnapshot::with_catalogue(directory(snapshot), main, names, forms, previous)
            .with_second_base_url(SECOND, previous)
    };
    let bodies = |served: &ServedSnapshot| -> Vec<_> {
        let types = resource_types::all(CatalogueForm::Okta, false);
        types.iter().flat_map(|kind| served.all(kind).map(|it| served.response(it))).collect()
    };
    let first = make(crowd(1, None), None);
    let second = make(crowd(2, Some(70)), Some(&first));
    let alone = make(crowd(2, Some(70)), None);
    for served in [&first, &second, &alone] {
        let prepared = served.at_second_base_url().unwrap();
        assert!(prepared.is_prepared());
        assert_eq!(bodies(prepared), bodies(&served.seen_from(SECOND)));
    }
    let at_second = |served: &ServedSnapshot| bodies(served.at_second_base_url().unwrap());
    assert_eq!(at_second(&second), at_second(&alone), "shared or made anew, it is the same");
    assert_eq!(at_second(&first)[0].as_ptr(), at_second(&second)[0].as_ptr());
    let kept = first.beside(&second);
    assert_eq!(at_second(&kept), at_second(&first), "what is not kept is made again");
}

proptest! {
    #[test]
    fn prepared_and_rendered_responses_are_equal(start in 1_usize..220, count in 0_usize..220) {
        let served = ServedSnapshot::new(directory(crowd(1, None)), "https://bridge.example", Names::default(), None);
        let start = start.to_string();
        let count = count.to_string();
        let window = [("startIndex", start.as_str()), ("count", count.as_str())];
        let ready = ask_of(&served, ALL, &window, "").unwrap();
        let written = ask_of(&served, ALL, &[&window[..], &[("filter", "id pr")]].concat(), "").unwrap();
        prop_assert_eq!(written_out(&ready), written_out(&written));
        let next = ServedSnapshot::new(directory(crowd(2, Some(70))), "https://bridge.example", Names::default(), Some(&served));
        let kept = ask_of(&served.beside(&next), ALL, &window, "").unwrap();
        prop_assert_eq!(written_out(&ready), written_out(&kept));
    }
}

/// Generates filters that are valid for users.
fn filters() -> impl Strategy<Value = String> {
    let texts = [
        "userName",
        "displayName",
        "title",
        "emails.value",
        "groups.display",
        "name.familyName",
        "id",
        "userType",
    ];
    let values = ["a", "agent", "example", "Ö", "", "lead", "adm_1", "\\\"", "team_1"];
    let leaf = prop_oneof![
        (
            prop::sample::select(texts.to_vec()),
            prop::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "le"]),
            prop::sample::select(values.to_vec())
        )
            .prop_map(|(name, operator, value)| format!("{name} {operator} \"{value}\"")),
        prop::sample::select(texts.to_vec()).prop_map(|name| format!("{name} pr")),
        prop::sample::select(vec![
            "active eq true",
            "active ne true",
            "title eq null",
            "groups[value eq \"team_1\"]"
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|filter| format!("not ({filter})")),
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" and "))),
            prop::collection::vec(inner, 2..4)
                .prop_map(|parts| format!("({})", parts.join(" or "))),
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

        let served = served();
        let mut by_index = Vec::new();
        let mut start = 1;
        // The loop ends: each page adds at least one resource.
        while by_index.len() < whole.len() {
            let from = start.to_string();
            let page = ask_of(&served, types, &[&question[..], &[("startIndex", from.as_str())]].concat(), "").unwrap();
            let answer = json(&page);
            prop_assert_eq!(&answer["totalResults"], &Value::from(whole.len()));
            prop_assert!(page.items_per_page > 0);
            start += page.items_per_page;
            by_index.extend(ids(&answer));
            prop_assert_eq!(page.next, (by_index.len() < whole.len()).then_some(Next::Index(start)));
        }
        prop_assert_eq!(&by_index, &whole);

        let mut by_cursor = Vec::new();
        let mut cursor = Some(String::new());
        let mut pages = Vec::new();
        while let Some(at) = cursor {
            let page = ask_of(&served, types, &[&question[..], &[("cursor", at.as_str())]].concat(), "").unwrap();
            let answer = json(&page);
            by_cursor.extend(ids(&answer));
            prop_assert!(by_cursor.len() <= whole.len());
            prop_assert_eq!(answer.get("previousCursor").is_some(), !pages.is_empty());
            if let Some(previous) = answer["previousCursor"].as_str() {
                let back = ask_of(&served, types, &[&question[..], &[("cursor", previous)]].concat(), "").unwrap();
                prop_assert_eq!(&ids(&json(&back)), pages.last().unwrap());
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
        // Attributes that are returned only on request can be in `part` but not in the default set,
        // so request all attributes.
        let everything = "urn:ietf:params:scim:schemas:core:2.0:User,urn:ietf:params:scim:schemas:core:2.0:Group,meta,\
            urn:ietf:params:scim:schemas:extension:intercom:2.0:User,urn:ietf:params:scim:schemas:extension:intercom:2.0:Group";
        let mut whole = ask(types, &[("attributes", everything)]).unwrap();
        let mut part = ask(types, &[(parameter, &names.join(","))]).unwrap();
        for resource in part["Resources"].as_array_mut().unwrap().iter_mut().chain(whole["Resources"].as_array_mut().unwrap()) {
            let members = resource.as_object_mut().unwrap();
            let schemas = members.remove("schemas").unwrap();
            let kind = if members["id"].as_str().unwrap().starts_with("adm_") { urn::USER } else { urn::GROUP };
            let extensions = members.keys().filter(|name| name.starts_with("urn:")).map(String::as_str);
            let expected: Vec<&str> = std::iter::once(kind).chain(extensions).collect();
            prop_assert_eq!(schemas, Value::from(expected), "the schemas are those of what is there");
        }
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
