//! Exceptions: what they apply to, and when.

use time::Duration;

use super::super::*;
use super::world::{NOW, World};

/// A world in which account 3 has no role.
fn world() -> World {
    let mut world = World::new();
    world.users[2].role = None;
    world
}

#[test]
fn an_exception_names_an_id_an_address_or_a_domain() {
    for (subject, applies) in [
        ("adm_3", true),
        ("P3@ACME.example", true),
        ("domain:acme.example", true),
        ("adm_", false),
        ("adm_33", false),
        ("p3", false),
        ("domain:example", false),
        ("*", false),
        (".*", false),
    ] {
        let mut world = world();
        world.excepts(CheckId::Acc3, subject, NOW + Duration::DAY);
        let result = world.result(CheckId::Acc3);
        assert_eq!(result.excepted, usize::from(applies), "{subject}");
        assert_eq!(result.failed, usize::from(!applies), "{subject}");
        assert_eq!(result.status, Status::Fail, "{subject}");
        assert_eq!(world.report().unused_exceptions.len(), usize::from(!applies), "{subject}");
    }
}

#[test]
fn an_exception_of_one_check_says_nothing_about_another() {
    let mut world = world();
    world.excepts(CheckId::Acc2, "adm_3", NOW + Duration::DAY);
    assert_eq!(world.result(CheckId::Acc3).failed, 1);
}

#[test]
fn an_exception_that_ended_is_shown_and_counts_no_more() {
    let mut world = world();
    world.excepts(CheckId::Acc3, "adm_3", NOW);
    let report = world.report();
    let result = world.result(CheckId::Acc3);
    assert_eq!((result.failed, result.excepted), (1, 0));
    assert_eq!(result.findings[0].exception, None);
    assert!(result.findings[0].exception_ended.is_some());
    assert_eq!(report.unused_exceptions, []);
    world.now -= Duration::seconds(1);
    assert_eq!(world.result(CheckId::Acc3).excepted, 1);
}

#[test]
fn a_revoked_exception_does_not_exist() {
    let mut world = world();
    world.excepts(CheckId::Acc3, "adm_3", NOW + Duration::DAY);
    world.exceptions[0].revoked_at = Some(NOW);
    let finding = world.result(CheckId::Acc3).findings.remove(0);
    assert_eq!((finding.exception, finding.exception_ended), (None, None));
}

#[test]
fn a_check_whose_failures_are_all_excepted_is_counted_as_excepted() {
    let mut world = world();
    let plain = world.report();
    assert_eq!((plain.failing.low, plain.failing.at_least(Severity::Low)), (1, 1));
    world.excepts(CheckId::Acc3, "adm_3", NOW + Duration::DAY);
    let report = world.report();
    assert_eq!(report.counts.fail, plain.counts.fail - 1);
    assert_eq!(report.counts.excepted, 1);
    assert_eq!(report.failing, Failing::default());
}

#[test]
fn an_unknown_status_cannot_be_excepted() {
    let mut world = World::new();
    world.settings.company_domains.clear();
    world.excepts(CheckId::Acc5, UNKNOWN, NOW + Duration::DAY);
    let result = world.result(CheckId::Acc5);
    assert_eq!((result.status, result.excepted), (Status::Unknown, 0));
}

#[test]
fn an_exception_of_the_settings_is_not_in_force_while_it_would_last_too_long() {
    for (until, applies) in [
        (NOW + LASTS, true),
        (NOW + LASTS + Duration::SECOND, false),
        (NOW + Duration::SECOND, true),
        (NOW, false),
    ] {
        let mut world = world();
        world.excepts(CheckId::Acc3, "adm_3", until);
        world.exceptions[0].number = None;
        world.exceptions[0].since = None;
        let result = world.result(CheckId::Acc3);
        assert_eq!((result.excepted, result.failed), (usize::from(applies), usize::from(!applies)));
    }
}
