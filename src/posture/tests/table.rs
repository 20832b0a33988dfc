//! The table of checks.

use std::collections::HashSet;

use super::super::*;
use super::world::World;

#[test]
fn the_table_has_each_check_once_in_the_order_of_the_ids() {
    for (check, id) in CHECKS.iter().zip(CheckId::ALL) {
        assert_eq!(check.id, id);
        assert_eq!(super::super::check(id).id, id);
    }
    let names: HashSet<&str> = CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(names.len(), CHECKS.len());
}

#[test]
fn each_check_says_what_it_asks_and_what_to_do() {
    for check in &CHECKS {
        let id = check.id;
        assert!(check.question.ends_with('?'), "{id}");
        for text in [check.rule, check.evidence, check.remedy] {
            assert!(text.ends_with('.') && !text.contains("  "), "{id}: {text}");
        }
        assert!(!check.title.ends_with('.'), "{id}");
        let relations = check.relates_to;
        assert!(!relations.nist_800_53_r5.is_empty() && !relations.soc2.is_empty(), "{id}");
        assert!(!relations.iso_27001_2022.is_empty(), "{id}");
    }
}

#[test]
fn each_setting_is_used_by_a_check_and_each_that_a_check_names_exists() {
    let values = PostureSettings::default().values();
    let used: HashSet<&str> = CHECKS.iter().flat_map(|check| check.settings).copied().collect();
    for name in &used {
        assert!(values.contains_key(name), "{name}");
    }
    for name in values.keys() {
        assert!(used.contains(name), "{name}");
    }
}

#[test]
fn only_checks_that_can_be_manual_take_answers() {
    let report = World::new().report();
    for (check, result) in CHECKS.iter().zip(&report.checks) {
        assert_eq!(check.takes_answers, result.status == Status::Manual, "{}", check.id);
    }
}

/// The page of the documentation.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/posture.md");

/// What comes before the part that is made of the table.
const MARK: &str = "cargo test --lib -- --ignored page_of_checks`. -->\n";

/// A paragraph in lines of at most 120 characters. Those after the first begin with `indent`.
fn paragraph(text: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().unwrap();
        if last.chars().count() + 1 + word.chars().count() > 120 {
            lines.push(format!("{indent}{word}"));
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines.join("\n")
}

/// The part of the page that is made of the table.
fn described() -> String {
    let mut page = String::new();
    for check in &CHECKS {
        let Relations { cis_v8_1, nist_800_53_r5, soc2, iso_27001_2022 } = check.relates_to;
        let numbers = [
            ("CIS v8.1", cis_v8_1),
            ("NIST 800-53", nist_800_53_r5),
            ("SOC 2", soc2),
            ("ISO 27001", iso_27001_2022),
        ];
        let numbers: Vec<String> = numbers
            .iter()
            .filter(|(_, numbers)| !numbers.is_empty())
            .map(|(name, numbers)| format!("{name} {}", numbers.join(", ")))
            .collect();
        let settings: Vec<String> = check.settings.iter().map(|name| format!("`{name}`")).collect();
        let settings = if settings.is_empty() { "none".to_owned() } else { settings.join(", ") };
        let item = |name: &str, text: &str| paragraph(&format!("* {name}: {text}"), "  ") + "\n";
        page += &format!("\n### {}\n\n", check.id);
        let lead = format!("**{}** ({}). {}", check.title, check.severity, check.question);
        page += &(paragraph(&lead, "") + "\n\n");
        page += &item("rule", check.rule);
        page += &item("evidence", check.evidence);
        page += &item("remedy", check.remedy);
        page += &item("settings", &settings);
        page += &item("relates to", &numbers.join("; "));
    }
    page
}

#[test]
fn the_page_of_the_documentation_has_the_table_of_checks() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (_, checks) = page.split_once(MARK).unwrap();
    assert!(
        checks == described(),
        "docs/posture.md is out of date; run `cargo test --lib -- --ignored page_of_checks`"
    );
}

#[test]
#[ignore = "writes docs/posture.md"]
fn page_of_checks() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, _) = page.split_once(MARK).unwrap();
    std::fs::write(PAGE, format!("{before}{MARK}{}", described())).unwrap();
}
