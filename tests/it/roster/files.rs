//! Files as the known sources write them.

use intercom_scim_bridge::roster::{
    EmailKind, Person, ReadBounds, ReadSettings, SourceSystem, read,
};
use time::macros::date;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/it/fixtures/roster/{name}", env!("CARGO_MANIFEST_DIR")))
        .unwrap()
}

fn line(person: &Person) -> String {
    let emails: Vec<String> = person
        .emails
        .iter()
        .map(|email| {
            let kind = match email.kind {
                EmailKind::Primary => "",
                EmailKind::Alias => "alias ",
                EmailKind::Former { .. } => "former ",
                EmailKind::Personal => "personal ",
            };
            format!("{kind}{}", email.address)
        })
        .collect();
    let text = |text: Option<&str>| text.unwrap_or("-").replace('\n', " ");
    format!(
        "{} | {} | {} | {} | {} | manager {} | {}",
        person.key,
        text(person.name.as_deref()),
        emails.join(", "),
        person.class,
        person.status_on(date!(2026 - 05 - 01)),
        text(person.manager.as_deref()),
        text(person.department.as_deref()),
    )
}

fn check(file: &str, system: SourceSystem, expected: &[&str]) {
    let reading = read(&fixture(file), &ReadSettings::default(), ReadBounds::default());
    assert_eq!(reading.report.errors, [], "{file}");
    assert_eq!(reading.report.system, Some(system), "{file}");
    let lines: Vec<String> = reading.people.iter().map(line).collect();
    assert_eq!(lines, expected, "{file}");
}

#[test]
fn an_export_of_google_workspace_is_understood() {
    check(
        "google_workspace.csv",
        SourceSystem::GoogleWorkspace,
        &[
            "00100 | Mia Holm | mia@acme.example | employee | active | manager - | Management",
            "00123 | Ida Berg | ida.berg@acme.example, alias i.berg@acme.example | employee | \
             active | manager 00100 | Support",
            "00124 | Bo Dahl | bo@acme.example | contractor | ended | manager 00123 | Support",
        ],
    );
}

#[test]
fn an_export_of_entra_is_understood() {
    check(
        "entra.csv",
        SourceSystem::Entra,
        &[
            "3f0c1f7e-0001 | Ida Berg | ida@acme.example | unknown | active | manager - | Support",
            "3f0c1f7e-0002 | Bo Dahl | bo.dahl@acme.example, alias bo@acme.example | unknown | \
             ended | manager - | Support",
            "3f0c1f7e-0003 | Gil Partner | gil@partner.example | contractor | active | manager - \
             | -",
        ],
    );
}

#[test]
fn an_export_of_okta_is_understood() {
    check(
        "okta.csv",
        SourceSystem::Okta,
        &[
            "00123 | Ida Berg | ida@acme.example | employee | active | manager 00100 | Support",
            "00124 | Bo Dahl | bo@acme.example | contractor | ended | manager 00123 | Support",
            "00125 | Cy Ek | cy@acme.example | employee | future | manager 00123 | Support",
        ],
    );
}

#[test]
fn a_report_of_bamboohr_in_utf_16_with_tabs_is_understood() {
    check(
        "bamboohr.txt",
        SourceSystem::BambooHr,
        &[
            "00100 | Mia Holm | mia@acme.example | employee | active | manager - | Management",
            "00123 | Ida Berg | ida@acme.example | employee | active | manager 00100 | Support",
            "00124 | Bo Dähl | bo@acme.example | contractor | ended | manager 00123 | Support",
        ],
    );
}

#[test]
fn a_report_of_workday_with_sep_quotes_and_excels_numbers_is_understood() {
    check(
        "workday.csv",
        SourceSystem::Workday,
        &[
            "00100 | Mia Holm | mia@acme.example | employee | active | manager - | -",
            "00123 | Berg; Ida | ida@acme.example | employee | active | manager 00100 | -",
            "00124 | Bo \"Bosse\" Dahl | bo@acme.example | contractor | ended | manager 00123 | -",
        ],
    );
}

#[test]
fn a_report_of_rippling_in_windows_1252_is_understood() {
    check(
        "rippling.csv",
        SourceSystem::Rippling,
        &[
            "00100 | Zoë Holm | mia@acme.example | employee | leave | manager - | Management",
            "00123 | Ida Berg | ida@acme.example | employee | active | manager 00100 | Support",
            "00124 | Bo Dahl | bo@acme.example | contractor | ended | manager 00123 | Support",
        ],
    );
}

#[test]
fn nothing_is_kept_of_columns_that_have_no_meaning_here() {
    for file in [
        "google_workspace.csv",
        "entra.csv",
        "okta.csv",
        "bamboohr.txt",
        "workday.csv",
        "rippling.csv",
    ] {
        let reading = read(&fixture(file), &ReadSettings::default(), ReadBounds::default());
        let kept = serde_json::to_string(&reading.people).unwrap();
        for dropped in ["home.example", "Secret Street", "+46", "1990-05-05", "90000"] {
            assert!(!kept.contains(dropped), "{file} keeps {dropped}");
        }
    }
}

#[test]
fn ten_million_rows_are_refused_with_the_line_where_there_are_too_many() {
    // The first rows are fine, so that the only error is their number.
    let fine: String = (0..200_000).map(|number| format!("{number},\n")).collect();
    let table = format!("key,email\n{fine}{}", "1,\n".repeat(9_800_000));
    let reading = read(table.as_bytes(), &ReadSettings::default(), ReadBounds::default());
    let too_many = "line 200002: the file has more than 200000 rows";
    let errors: Vec<String> = reading.report.errors.iter().map(ToString::to_string).collect();
    let bounds = ReadBounds::default();
    assert!(errors.len() <= bounds.problems, "the list of errors is bounded");
    assert!(errors.iter().any(|error| error.starts_with(too_many)), "{:?}", errors.last());
    assert_eq!(reading.report.rows, 200_000, "nothing after it is read");

    let table = format!("key,email\n{}", "1,ida@acme.example\n".repeat(10_000_000));
    let reading = read(table.as_bytes(), &ReadSettings::default(), ReadBounds::default());
    let errors: Vec<String> = reading.report.errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].starts_with("the file is larger than "), "{errors:?}");
}
