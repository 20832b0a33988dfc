use super::*;

fn printed(filter: &str) -> String {
    parse(filter).map_or_else(|error| format!("{error}"), |expression| expression.to_string())
}

#[test]
fn and_binds_closer_than_or_and_parentheses_closer_still() {
    assert_eq!(printed("a pr or b pr and c pr"), "a pr or (b pr and c pr)");
    assert_eq!(printed("(a pr or b pr) and c pr"), "(a pr or b pr) and c pr");
    assert_eq!(printed("not(a pr) and not (b pr)"), "not (a pr) and not (b pr)");
}

#[test]
fn keywords_are_taken_in_any_case_and_only_as_whole_words() {
    assert_eq!(printed("userName Eq \"x\" AND title PR"), "username eq \"x\" and title pr");
    assert_eq!(printed("order eq \"x\" or nullable eq null"), "order eq \"x\" or nullable eq null");
    assert_eq!(printed("not_x eq \"y\""), "not_x eq \"y\"");
}

#[test]
fn the_forms_of_the_rfc_and_of_its_errata_are_accepted() {
    for filter in [
        r#"userName eq "bjensen""#,
        r#"name.familyName co "O'Malley""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
        "title pr",
        r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
        r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#,
        r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
        r#"emails[type eq "work" or (type eq "home" and value ew "@example.com")]"#,
        r#"emails[not (type eq "work")]"#,
        r#"displayName eq "quote \" backslash \\ 漢字""#,
        "members.$ref pr",
        "count_1 eq -1.5e3",
        "count_1 gt 255555555555555575555555555555555555555527",
    ] {
        let parsed = parse(filter).unwrap();
        assert_eq!(parse(&parsed.to_string()).unwrap(), parsed, "{filter}");
    }
}

#[test]
fn entras_filter_matches_one_element_that_fulfils_both_conditions() {
    assert_eq!(
        printed(r#"emails[type eq "work"].value eq "a@b.c""#),
        r#"emails[type eq "work" and value eq "a@b.c"]"#
    );
}

#[test]
fn errors_name_the_position_and_the_expected_token() {
    insta::assert_snapshot!(
        [
            "",
            "userName",
            "userName eq",
            "eq \"x\"",
            "userName eq bjensen",
            "userName = \"x\"",
            "userName regex \"x\"",
            "userName eq \"open",
            "userName eq 'x'",
            "userName eq \"a\" and",
            "userName eq \"a\" userName eq \"b\"",
            "(userName eq \"a\"",
            "userName eq \"a\")",
            "()",
            "not userName eq \"a\"",
            "emails[]",
            "emails[type eq \"work\"",
            "emails[type eq \"work\" and emails[value pr]]",
            "name.a.b eq \"x\"",
            ".userName eq \"x\"",
            "userName. eq \"x\"",
            "1userName eq \"x\"",
            "userName pr \"x\"",
            "userName eq 01",
            "userName eq 1.",
            "userName eq TRUEx",
            "userName eq \"bad \\x escape\"",
            "userName eq\"x\"",
            "userName eq \"a\"and userName eq \"b\"",
            "é eq \"x\"",
        ]
        .map(|filter| format!("{filter:45} {}", printed(filter)))
        .join("\n")
    );
}

#[test]
fn nesting_is_bounded_and_a_long_flat_or_is_not() {
    let deep = format!("{}a pr{}", "(".repeat(1_000), ")".repeat(1_000));
    assert!(matches!(parse(&deep), Err(ScimError::InvalidFilter { .. })));
    let flat = (0..800).map(|id| format!("id eq \"adm_{id}\"")).collect::<Vec<_>>().join(" or ");
    assert!(matches!(parse(&flat), Ok(Expression::Or(parts)) if parts.len() == 800));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(filter in "\\PC*") {
        let _ = parse(&filter);
    }

    #[test]
    fn nearly_right_text_does_not_either(parts in proptest::collection::vec(
        proptest::sample::select(vec!["userName", " ", "eq", "\"x\"", "(", ")", "[", "]", ".", "and", "or", "not", "pr", "\"", "\\", "1", "é", ":"]), 0..20,
    )) {
        let filter: String = parts.concat();
        if let Ok(expression) = parse(&filter) {
            let again = parse(&expression.to_string());
            proptest::prop_assert_eq!(again.map(|again| again.to_string()), Ok(expression.to_string()));
        }
    }
}
