//! Each check in each of its statuses.

use std::collections::BTreeMap;

use serde_json::json;
use time::Duration;

use super::super::*;
use super::world::{NOW, World, invites, user};
use crate::directory::{SignIn, UserId};
use crate::roster::{Class, LeaverFinding};

/// A check, the status that it gets, and the change of the world that gives it.
type Case = (CheckId, Status, fn(&mut World));

fn sign_in(world: &mut World, id: &str, days_ago: i64, method: &str) {
    let sign_in = SignIn { at: NOW - Duration::days(days_ago), method: Some(method.into()) };
    world.log.sign_ins.insert(UserId::new(id), sign_in);
}

fn password(world: &mut World) {
    world.log.method_uses.push(MethodUse {
        account: UserId::new("3"),
        method: "Email_Password".to_owned(),
        count: 4,
        last_at: NOW - Duration::days(3),
    });
}

fn unread(world: &mut World) {
    world.log.refusal = Some("activity_log_forbidden".to_owned());
}

fn short(world: &mut World) {
    world.log.covered = Some((NOW - Duration::days(3), NOW));
}

const AUTHENTICATION: &[Case] = {
    use CheckId::{Auth1, Auth2, Auth3, Auth4, Auth5};
    use Status::{Fail, Manual, NotApplicable, Pass, Unknown};
    &[
        (Auth1, Manual, |_| {}),
        (Auth1, Fail, password),
        (Auth1, Manual, |world| {
            password(world);
            world.settings.break_glass = vec!["P3@acme.example".to_owned()];
        }),
        (Auth1, NotApplicable, |world| world.settings.sso_expected = false),
        (Auth1, Unknown, unread),
        (Auth1, Pass, |world| world.answers(Auth1, AnswerStatus::Pass)),
        (Auth1, Fail, |world| {
            password(world);
            world.answers(Auth1, AnswerStatus::Pass);
        }),
        (Auth2, Manual, |_| {}),
        (Auth2, Pass, |world| world.answers(Auth2, AnswerStatus::Pass)),
        (Auth2, Fail, |world| world.answers(Auth2, AnswerStatus::Fail)),
        (Auth2, NotApplicable, |world| world.answers(Auth2, AnswerStatus::NotApplicable)),
        (Auth3, Pass, |_| {}),
        (Auth3, Pass, |world| world.users[0].two_factor_auth = None),
        (Auth3, Fail, |world| world.users[0].two_factor_auth = Some(false)),
        (Auth3, Unknown, |world| {
            world.users[0].two_factor_auth = None;
            sign_in(world, "1", 2, "passkey");
        }),
        (Auth3, NotApplicable, |world| world.users.drain(..2).for_each(drop)),
        (Auth4, Manual, |_| {}),
        (Auth4, Pass, |world| world.answers(Auth4, AnswerStatus::Pass)),
        (Auth4, Manual, |world| {
            world.answers(Auth4, AnswerStatus::Pass);
            world.answers[0].until = NOW;
        }),
        (Auth4, Manual, |world| {
            world.answers(Auth4, AnswerStatus::Pass);
            world.answers[0].revoked_at = Some(NOW);
        }),
        (Auth5, Manual, |_| {}),
        (Auth5, Fail, |world| {
            world.answers(Auth5, AnswerStatus::Pass);
            world.answers(Auth5, AnswerStatus::Fail);
        }),
    ]
};

const ACCESS: &[Case] = {
    use CheckId::{Acc1, Acc2, Acc3, Acc4, Acc5, Acc7};
    use Status::{Fail, NotApplicable, Pass, Review, Unknown};
    &[
        (Acc1, Pass, |_| {}),
        (Acc1, Fail, |world| drop(world.users.remove(0))),
        (Acc1, Fail, |world| {
            world.users.extend(["4", "5"].map(|id| user(id, "owner", &[])));
        }),
        (Acc1, Pass, |world| world.settings.privileged_roles.clear()),
        (Acc1, Unknown, |world| {
            world.settings.privileged_roles.clear();
            world.users[2].permissions = None;
        }),
        (Acc1, Fail, |world| {
            world.settings.privileged_roles.clear();
            world.settings.max_privileged = 1;
            world.settings.min_privileged = 1;
            world.users[2].permissions = None;
        }),
        (Acc2, Pass, |_| {}),
        (Acc2, Fail, |world| sign_in(world, "3", 91, "saml")),
        (Acc2, Fail, |world| world.log.sign_ins.clear()),
        (Acc2, Pass, |world| {
            world.log.sign_ins.remove(&UserId::new("3"));
            world.log.performed.insert(UserId::new("3"), NOW - Duration::days(1));
        }),
        (Acc2, Pass, |world| {
            world.log.sign_ins.remove(&UserId::new("3"));
            world.users[2].joined_at = Some(NOW - Duration::days(13));
        }),
        (Acc2, Unknown, |world| {
            sign_in(world, "3", 91, "saml");
            short(world);
        }),
        (Acc2, Unknown, |world| {
            world.log.sign_ins.remove(&UserId::new("3"));
            world.users[2].joined_at = None;
            world.first_seen = NOW - Duration::days(5);
        }),
        (Acc3, Pass, |_| {}),
        (Acc3, Fail, |world| world.users[2].role = None),
        (Acc3, Unknown, |world| world.users.iter_mut().for_each(|user| user.role = None)),
        (Acc4, Pass, |_| {}),
        (Acc4, Fail, |world| world.users[2].permissions = Some(["export_data".to_owned()].into())),
        (Acc4, Pass, |world| {
            world.users[2].permissions = Some(["export_data".to_owned()].into());
            world.settings.export_allowed = vec!["agent".to_owned()];
        }),
        (Acc4, Review, |world| world.settings.privileged_roles.clear()),
        (Acc4, Unknown, |world| world.users[2].permissions = None),
        (Acc5, Pass, |_| {}),
        (Acc5, Pass, |world| world.users[2].email = Some("a@mail.Acme.example".to_owned())),
        (Acc5, Fail, |world| world.users[2].email = Some("a@notacme.example".to_owned())),
        (Acc5, Review, |world| {
            world.users[2].email = Some("a@studio.example".to_owned());
            world.has_roster(1, &[]);
            let classes = &mut world.roster.as_mut().unwrap().classes;
            classes.insert(UserId::new("3"), Class::Contractor);
        }),
        (Acc5, Unknown, |world| world.settings.company_domains.clear()),
        (Acc5, Unknown, |world| world.users[2].email = None),
        (Acc7, NotApplicable, |_| {}),
        (Acc7, Pass, |world| world.has_roster(1, &[])),
        (Acc7, Fail, |world| world.has_roster(1, &[LeaverFinding::Fail])),
        (Acc7, Review, |world| world.has_roster(1, &[LeaverFinding::Review])),
        (Acc7, Unknown, |world| world.has_roster(8, &[LeaverFinding::Fail])),
    ]
};

const LOG: &[Case] = {
    use CheckId::{Acc6, Acc8, App1, Data1, Data2};
    use Status::{Fail, Manual, Pass, Review, Unknown};
    const APPROVED: &str = "admin_impersonation_consent_approved";
    &[
        (Acc6, Pass, |_| {}),
        (Acc6, Fail, |world| {
            world.logs("admin_invite_creation", 15, "1", invites("x@acme.example"));
        }),
        (Acc6, Pass, |world| {
            world.logs("admin_invite_creation", 13, "1", invites("x@acme.example"));
        }),
        (Acc6, Pass, |world| {
            world.logs("admin_invite_creation", 15, "1", invites("X@acme.example"));
            world.logs("admin_invite_deletion", 14, "1", invites("x@acme.example"));
        }),
        (Acc6, Pass, |world| {
            world.logs("admin_invite_creation", 15, "1", invites("P9@acme.example"));
            world.logs("app_admin_join", 14, "9", json!({}));
        }),
        (Acc6, Pass, |world| {
            world.logs("admin_invite_creation", 15, "1", invites("p3@acme.example"));
        }),
        // The person joined, left, and was invited again.
        (Acc6, Fail, |world| {
            world.logs("app_admin_join", 90, "9", json!({}));
            world.logs("admin_invite_creation", 15, "1", invites("p9@acme.example"));
        }),
        (Acc6, Unknown, |world| world.logs("admin_invite_creation", 15, "1", json!({"role": 3}))),
        // The inviter's address is not that of the invitation.
        (Acc6, Pass, |world| {
            let metadata =
                json!({"email": "x@acme.example", "inviter": {"email": "y@acme.example"}});
            world.logs("admin_invite_creation", 15, "1", metadata);
            world.logs("admin_invite_deletion", 14, "1", invites("x@acme.example"));
        }),
        // The withdrawal names the invitation only by its id.
        (Acc6, Pass, |world| {
            let metadata = json!({"email": "x@acme.example", "invitation_id": 7});
            world.logs("admin_invite_creation", 15, "1", metadata);
            world.logs("admin_invite_deletion", 14, "1", json!({"invitation_id": 7}));
        }),
        (Acc6, Fail, |world| {
            let metadata = json!({"email": "x@acme.example", "invitation_id": 7});
            world.logs("admin_invite_creation", 15, "1", metadata);
            world.logs("admin_invite_deletion", 14, "1", json!({"invitation_id": 8}));
        }),
        (Acc6, Unknown, unread),
        (Acc6, Unknown, short),
        (Acc8, Pass, |_| {}),
        (Acc8, Review, |world| world.logs(APPROVED, 200, "1", json!({"consent_id": 5}))),
        (Acc8, Pass, |world| {
            world.logs(APPROVED, 200, "1", json!({"consent_id": 5}));
            let revoked = "admin_impersonation_consent_revoked";
            world.logs(revoked, 100, "1", json!({"consent_id": "5"}));
        }),
        (Acc8, Pass, |world| {
            world.logs(APPROVED, 20, "1", json!({"expired_at": "2026-11-20T00:00:00Z"}));
        }),
        (Acc8, Review, |world| {
            let ahead = (NOW + Duration::DAY).unix_timestamp();
            world.logs(APPROVED, 20, "1", json!({"expired_at": ahead}));
        }),
        (Acc8, Review, |world| world.logs("admin_impersonation_start", 29, "1", json!({}))),
        (Acc8, Pass, |world| world.logs("admin_impersonation_start", 31, "1", json!({}))),
        (Acc8, Unknown, unread),
        (Data1, Pass, |_| {}),
        (Data1, Review, |world| world.logs("bulk_export", 3, "1", json!({}))),
        (Data1, Review, |world| world.logs("bulk_export", 3, "", json!({}))),
        (Data1, Fail, |world| world.logs("app_data_export", 3, "3", json!({}))),
        (Data1, Fail, |world| world.logs("app_data_export", 3, "9", json!({}))),
        (Data1, Pass, |world| world.logs("app_data_export", 31, "9", json!({}))),
        (Data1, Pass, |world| world.logs("conversation_pdf_export", 3, "3", json!({}))),
        (Data1, Unknown, unread),
        (Data1, Unknown, short),
        (Data2, Manual, |_| {}),
        (Data2, Review, |world| world.logs("content_redaction_rule_deletion", 3, "1", json!({}))),
        (Data2, Pass, |world| world.answers(Data2, AnswerStatus::Pass)),
        (Data2, Review, |world| {
            world.answers(Data2, AnswerStatus::Pass);
            world.logs("content_redaction_rule_deletion", 3, "1", json!({}));
        }),
        (App1, Pass, |_| {}),
        (App1, Review, |world| world.logs("app_package_installation", 3, "1", json!({}))),
        (App1, Fail, |world| world.logs("app_webhook_creation", 3, "9", json!({}))),
        (App1, Fail, |world| {
            world.users[2].active = false;
            world.logs("messenger_api_secret_creation", 3, "3", json!({}));
        }),
        (App1, Unknown, short),
        (App1, Unknown, |world| world.log.unread_kinds.push("app_webhook_creation")),
    ]
};

const REST: &[Case] = {
    use CheckId::{App2, App3, Mon1, Mon2, Mon3, Mon4, Msg1};
    use Status::{Fail, Manual, Pass, Review, Unknown};
    &[
        (App2, Unknown, |_| {}),
        (App2, Unknown, |world| {
            world.connectors = Reading::Failed { at: NOW, code: "forbidden".to_owned() };
        }),
        (App2, Pass, |world| world.has_connector(Some(true), Some("1"), None)),
        (App2, Fail, |world| world.has_connector(Some(true), Some("8"), Some("9"))),
        (App2, Review, |world| world.has_connector(Some(true), Some("8"), Some("1"))),
        (App2, Unknown, |world| world.has_connector(Some(true), None, None)),
        (App2, Pass, |world| world.has_connector(Some(false), Some("8"), Some("9"))),
        (App3, Unknown, |_| {}),
        (App3, Pass, |world| world.has_allowlist(true, &["192.0.2.0/24"], 0)),
        (App3, Fail, |world| world.has_allowlist(false, &["192.0.2.0/24"], 0)),
        (App3, Fail, |world| world.has_allowlist(true, &[], 0)),
        (App3, Review, |world| world.has_allowlist(true, &["10.0.0.0/8"], 0)),
        (App3, Review, |world| world.has_allowlist(true, &["2001:db8::/32"], 0)),
        (App3, Pass, |world| world.has_allowlist(true, &["2001:db8::/48"], 0)),
        (App3, Unknown, |world| world.has_allowlist(true, &["192.0.2.0/24"], 1)),
        (Msg1, Manual, |_| {}),
        (Msg1, Pass, |world| world.answers(Msg1, AnswerStatus::Pass)),
        (Mon1, Pass, |_| {}),
        (Mon1, Fail, unread),
        (Mon1, Fail, |world| world.log = Log::default()),
        (Mon1, Fail, |world| world.log.last_read_at = Some(NOW - Duration::hours(25))),
        (Mon2, Review, |_| {}),
        (Mon2, Pass, |world| world.is_verified(7, 0)),
        (Mon2, Review, |world| world.is_verified(8, 0)),
        (Mon2, Fail, |world| world.is_verified(1, 2)),
        (Mon3, Pass, |_| {}),
        (Mon3, Review, |world| world.feed = Feed::Unread),
        (Mon3, Pass, |world| {
            world.feed = Feed::Read { client: "siem", at: NOW - Duration::hours(24) };
        }),
        (Mon3, Review, |world| {
            world.feed = Feed::Read { client: "siem", at: NOW - Duration::hours(25) };
        }),
        (Mon4, Manual, |_| {}),
        (Mon4, Pass, |world| world.answers(Mon4, AnswerStatus::Pass)),
    ]
};

fn cases() -> impl Iterator<Item = &'static Case> {
    [AUTHENTICATION, ACCESS, LOG, REST].into_iter().flatten()
}

#[test]
fn each_check_has_the_status_that_its_rule_says() {
    for (place, (check, expected, change)) in cases().enumerate() {
        let mut world = World::new();
        change(&mut world);
        let result = world.result(*check);
        assert_eq!(result.status, *expected, "case {place}: {check}: {result:#?}");
        assert!(!result.reason.is_empty(), "{check}");
        for finding in &result.findings {
            assert!(finding.status > Status::Manual, "{check}");
            assert!(!finding.message.is_empty(), "{check}");
        }
    }
}

#[test]
fn the_cases_show_each_check_in_all_its_statuses() {
    let mut shown: BTreeMap<CheckId, Vec<&str>> = BTreeMap::new();
    for (check, status, _) in cases() {
        let statuses = shown.entry(*check).or_default();
        if !statuses.contains(&status.as_str()) {
            statuses.push(status.as_str());
            statuses.sort_unstable();
        }
    }
    insta::assert_snapshot!(
        CheckId::ALL
            .iter()
            .map(|check| format!("{check}: {}\n", shown[check].join(", ")))
            .collect::<String>()
    );
}

#[test]
fn an_account_of_the_machine_is_in_no_check() {
    let mut world = World::new();
    let before = world.report();
    let mut machine = user("99", "Owner", &["export_data"]);
    machine.email = Some("operator+ab12cd34@intercom.io".to_owned());
    machine.role = None;
    machine.two_factor_auth = Some(false);
    world.users.push(machine);
    assert_eq!(world.report(), before);
    // What it does is not done by somebody who is gone.
    world.logs("bulk_export", 3, "99", json!({}));
    assert_eq!(world.result(CheckId::Data1).status, Status::Review);
}

#[test]
fn evidence_about_a_leaver_leaves_out_the_person_for_readers_without_the_roster() {
    let mut world = World::new();
    world.has_roster(1, &[LeaverFinding::Fail]);
    let shown = world.result(CheckId::Acc7);
    assert_eq!(shown.findings[0].evidence["person_key"], "p-3");
    world.roster.as_mut().unwrap().hides_people = true;
    let hidden = world.result(CheckId::Acc7);
    assert_eq!((hidden.status, &hidden.reason), (Status::Fail, &shown.reason));
    assert_eq!(hidden.findings[0].id, shown.findings[0].id);
    let members: Vec<&String> = hidden.findings[0].evidence.keys().collect();
    assert_eq!(members, ["sign_ins_after_end"]);
}

#[test]
fn a_failed_verification_is_critical() {
    let mut world = World::new();
    world.is_verified(1, 2);
    assert_eq!(world.result(CheckId::Mon2).severity, Severity::Critical);
    assert_eq!(world.report().failing.critical, 1);
}

#[test]
fn the_reason_names_intercoms_deadline_for_the_certificate_until_then() {
    let mut world = World::new();
    assert!(world.result(CheckId::Auth1).reason.contains("12 December 2026"));
    world.now += Duration::days(30);
    assert!(!world.result(CheckId::Auth1).reason.contains("December"));
}

#[test]
fn a_dormant_account_is_shown_with_its_last_sign_in() {
    let mut world = World::new();
    sign_in(&mut world, "3", 178, "saml");
    let result = world.result(CheckId::Acc2);
    assert_eq!(result.reason, "1 of 3 accounts have no sign-in recorded for 90 days.");
    let finding = &result.findings[0];
    assert_eq!((finding.subject.as_str(), finding.evidence["days"].as_i64()), ("adm_3", Some(178)));
    assert_eq!(finding.name.as_deref(), Some("p3@acme.example"));
    assert_eq!(
        finding.message,
        "No sign-in is recorded since 2026-06-02T12:00:00.000Z, 178 days ago."
    );
}
