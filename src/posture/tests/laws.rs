//! Laws of the evaluation, for any workspace.

use proptest::prelude::*;
use serde_json::json;
use time::Duration;

use super::super::*;
use super::world::{NOW, World, invites, user};
use crate::directory::{SignIn, User, UserId};

const KINDS_SOMETIMES: [&str; 9] = [
    "admin_invite_creation",
    "admin_invite_deletion",
    "app_admin_join",
    "admin_impersonation_start",
    "admin_impersonation_consent_approved",
    "bulk_export",
    "app_package_installation",
    "content_redaction_rule_deletion",
    "admin_two_factor_auth_change",
];

prop_compose! {
    fn some_user(id: usize)(
        active in prop::bool::weighted(0.8),
        role in prop::option::of(prop::sample::select(vec!["Owner", "Agent"])),
        rights in prop::option::of(prop::sample::subsequence(
            vec!["access_workspace_settings", "export_data", "manage_teammates"], 0..=3,
        )),
        domain in prop::option::of(prop::sample::select(vec!["acme.example", "other.example"])),
        second_factor in prop::option::of(prop::bool::ANY),
        joined in prop::option::of(0_i64..400),
    ) -> User {
        let mut user = user(&id.to_string(), role.unwrap_or_default(), rights.as_deref().unwrap_or_default());
        user.active = active;
        if role.is_none() {
            user.role = None;
        }
        if rights.is_none() {
            user.permissions = None;
        }
        user.email = domain.map(|domain| format!("p{id}@{domain}"));
        user.two_factor_auth = second_factor;
        user.joined_at = joined.map(|days| NOW - Duration::days(days));
        user
    }
}

prop_compose! {
    fn world()(
        users in (0_usize..8).prop_flat_map(|count| (1..=count).map(some_user).collect::<Vec<_>>()),
        entries in prop::collection::vec(
            (prop::sample::select(&KINDS_SOMETIMES[..]), 0_i64..60, 0_usize..10), 0..8,
        ),
        sign_ins in prop::collection::vec((1_usize..8, 0_i64..200), 0..8),
        passwords in prop::collection::vec(1_usize..8, 0..3),
        covered in prop::option::of(0_i64..500),
        is_refused in prop::bool::weighted(0.2),
        by_role in prop::bool::ANY,
        wide in prop::option::of(prop::bool::ANY),
    ) -> World {
        let mut world = World::new();
        world.users = users;
        world.log.sign_ins.clear();
        world.log.covered = covered.map(|days| (NOW - Duration::days(days), NOW));
        world.log.refusal = is_refused.then(|| "forbidden".to_owned());
        for (kind, days, by) in entries {
            let by = if by == 0 { String::new() } else { by.to_string() };
            world.logs(kind, days, &by, invites(&format!("p{by}@acme.example")));
        }
        for (id, days) in sign_ins {
            let sign_in = SignIn { at: NOW - Duration::days(days), method: Some("saml".into()) };
            world.log.sign_ins.insert(UserId::new(id.to_string()), sign_in);
        }
        for id in passwords {
            world.log.method_uses.push(MethodUse {
                account: UserId::new(id.to_string()),
                method: "email_password".to_owned(),
                count: 1,
                last_at: NOW,
            });
        }
        if !by_role {
            world.settings.privileged_roles.clear();
        }
        if let Some(is_wide) = wide {
            world.has_allowlist(true, &[if is_wide { "10.0.0.0/8" } else { "192.0.2.0/24" }], 0);
        }
        world
    }
}

proptest! {
    #[test]
    fn the_order_of_accounts_and_entries_changes_nothing(world in world(), turn in 0_usize..9) {
        let mut turned = world.clone();
        turned.users.reverse();
        let accounts = turned.users.len().max(1);
        turned.users.rotate_left(turn % accounts);
        turned.log.entries.reverse();
        turned.log.method_uses.reverse();
        prop_assert_eq!(turned.report(), world.report());
    }

    #[test]
    fn an_exception_changes_no_status_and_its_finding_is_not_counted(world in world()) {
        let plain = world.report();
        let mut excepted = world;
        for (check, finding) in plain.findings() {
            excepted.excepts(check.id, &finding.subject, NOW + Duration::DAY);
        }
        let report = excepted.report();
        prop_assert_eq!(report.counts.pass, plain.counts.pass);
        prop_assert_eq!(report.failing, Failing::default());
        prop_assert_eq!(report.counts.fail, 0);
        for (before, after) in plain.checks.iter().zip(&report.checks) {
            prop_assert_eq!(before.status, after.status);
            prop_assert_eq!(before.findings.len(), after.findings.len());
            let is_open = |finding: &&Finding| finding.status != Status::Unknown;
            prop_assert_eq!(after.excepted, after.findings.iter().filter(is_open).count());
            prop_assert_eq!(after.failed, 0);
        }
    }

    #[test]
    fn a_check_with_something_unknown_never_passes(world in world()) {
        for check in world.report().checks {
            let worst = check.findings.iter().map(|finding| finding.status).max();
            prop_assert!(worst.is_none_or(|worst| check.status >= worst), "{:?}", check);
            if check.unknown > 0 {
                prop_assert!(matches!(check.status, Status::Unknown | Status::Fail), "{:?}", check);
            }
            let unknown = check.findings.iter().filter(|one| one.subject == UNKNOWN).count();
            prop_assert!(unknown <= 1, "{:?}", check);
        }
    }

    #[test]
    fn a_shorter_log_turns_no_status_into_a_pass(world in world()) {
        let mut blind = world.clone();
        blind.log = Log { refusal: Some("forbidden".to_owned()), ..Log::default() };
        for (seen, unseen) in world.report().checks.iter().zip(&blind.report().checks) {
            if unseen.status == Status::Pass {
                prop_assert!(seen.status != Status::Fail, "{}", seen.id);
            }
        }
    }

    #[test]
    fn the_counts_add_up_to_the_number_of_checks(world in world()) {
        let Counts { fail, review, unknown, manual, pass, not_applicable, excepted } = world.report().counts;
        let sum = fail + review + unknown + manual + pass + not_applicable + excepted;
        prop_assert_eq!(sum, CHECKS.len());
    }

    #[test]
    fn ids_of_findings_are_unique_and_are_the_same_a_day_later(world in world()) {
        let ids = |world: &World| -> Vec<String> {
            let report = world.report();
            report.findings().map(|(_, finding)| finding.id.clone()).collect()
        };
        let mut unique = ids(&world);
        unique.sort();
        unique.dedup();
        prop_assert_eq!(unique.len(), ids(&world).len());
        let mut later = world.clone();
        later.now += Duration::DAY;
        let same = later.report();
        for (check, finding) in world.report().findings() {
            let found = same.findings().find(|(_, one)| one.id == finding.id);
            prop_assert!(found.is_none_or(|(other, one)| other.id == check.id && one.subject == finding.subject));
        }
    }

    #[test]
    fn a_comparison_in_the_other_direction_swaps_new_and_resolved(before in world(), now in world()) {
        let before = before.report();
        let now = now.report();
        let there = changed(&before, &now);
        let back = changed(&now, &before);
        prop_assert_eq!(there.new, back.resolved);
        prop_assert_eq!(there.resolved, back.new);
        prop_assert_eq!(changed(&now, &now), Changed::default());
    }

    #[test]
    fn each_format_has_each_finding(world in world()) {
        let report = world.report();
        let expected: Vec<String> = report.findings().map(|(_, finding)| finding.id.clone()).collect();
        let in_rows: Vec<String> = rows(&report).filter_map(|row| row.finding_id).collect();
        prop_assert_eq!(&in_rows, &expected);
        let records: Vec<_> = ocsf(&report, OcsfPer::Check).collect();
        prop_assert_eq!(records.len(), CHECKS.len());
        let resources: usize = records.iter().map(|one| one["resources"].as_array().unwrap().len()).sum();
        prop_assert_eq!(resources, expected.len());
        let log = sarif(&report, Suppressed::Keep);
        let results = log["runs"][0]["results"].as_array().unwrap();
        for id in &expected {
            let is_it = |result: &&serde_json::Value| result["partialFingerprints"] == json!({"posture/v1": id});
            prop_assert_eq!(results.iter().filter(is_it).count(), 1);
        }
        for result in results {
            prop_assert_eq!(result["kind"] == "fail", result["level"] != "none");
        }
    }
}
