//! The formats of a report of a workspace with one finding of each kind.

use serde_json::json;
use time::Duration;

use super::super::*;
use super::world::{NOW, World};
use crate::directory::UserId;

/// A dormant account, an account outside the company with an exception, an export, an answer.
pub fn world() -> World {
    let mut world = World::new();
    world.log.sign_ins.remove(&UserId::new("3"));
    world.users[1].email = Some("jon@other.example".to_owned());
    world.logs("bulk_export", 3, "1", json!({"count": 12}));
    world.has_allowlist(true, &["10.0.0.0/8"], 0);
    world.answers(CheckId::Auth4, AnswerStatus::Pass);
    world.excepts(CheckId::Acc5, "jon@other.example", NOW + Duration::days(60));
    world.settings.export_allowed = vec!["Analyst".to_owned(), "eva@acme.example".to_owned()];
    world
}

#[test]
fn a_report_as_json() {
    let report = world().report();
    let failed = FirstFailed::from([(
        finding_id("ab12cd34", CheckId::Acc2, "adm_3"),
        (NOW - Duration::days(9), 5),
    )]);
    insta::assert_json_snapshot!(report.with_first_failed(&failed));
}

#[test]
fn a_report_as_text() {
    insta::assert_snapshot!(text(&world().report()));
}

#[test]
fn a_report_as_ocsf_records() {
    let report = world().report();
    let all: Vec<_> = ocsf(&report, OcsfPer::Check).collect();
    let of = |id: &str| all.iter().find(|one| one["finding_info"]["types"][0] == id).unwrap();
    insta::assert_json_snapshot!([of("IC-ACC-2"), of("IC-ACC-5"), of("IC-AUTH-4"), of("IC-ACC-1")], {
        "[].metadata.product.version" => "[version]",
    });
}

#[test]
fn a_finding_that_was_there_before_is_an_update() {
    let failed = FirstFailed::from([(
        finding_id("ab12cd34", CheckId::Acc2, "adm_3"),
        (NOW - Duration::days(9), 5),
    )]);
    let report = world().report().with_first_failed(&failed);
    let record = ocsf(&report, OcsfPer::Subject)
        .find(|one| one["finding_info"]["types"][0] == "IC-ACC-2")
        .unwrap();
    assert_eq!(record["activity_id"], 2);
    assert_eq!(record["type_uid"], 200_302);
    assert_eq!(record["finding_info"]["uid"], finding_id("ab12cd34", CheckId::Acc2, "adm_3"));
}

#[test]
fn a_report_as_sarif() {
    let mut log = sarif(&world().report(), Suppressed::Keep);
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap();
    assert_eq!(rules.len(), CHECKS.len());
    rules.truncate(1);
    insta::assert_json_snapshot!(log, {".runs[].tool.driver.version" => "[version]"});
}

#[test]
fn sarif_leaves_excepted_findings_out_if_the_reader_ignores_suppressions() {
    let report = world().report();
    let count = |suppressed| {
        let log = sarif(&report, suppressed);
        log["runs"][0]["results"].as_array().unwrap().len()
    };
    assert_eq!(count(Suppressed::Keep), count(Suppressed::Omit) + 1);
}

#[test]
fn the_results_of_sarif_name_their_rules_even_if_the_report_has_only_some_checks() {
    for only in [None, Some(CheckId::Acc2)] {
        let log = sarif(&world().report().only(only, None), Suppressed::Keep);
        let run = &log["runs"][0];
        let results = run["results"].as_array().unwrap();
        assert!(!results.is_empty());
        for result in results {
            let place = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][place]["id"], result["ruleId"]);
        }
    }
}

#[test]
fn a_check_without_findings_has_a_row_of_its_own() {
    let report = world().report();
    let rows: Vec<_> = rows(&report).collect();
    for check in &report.checks {
        let own = rows.iter().filter(|row| row.check_id == check.id).count();
        assert_eq!(own, check.findings.len().max(1), "{}", check.id);
    }
}
