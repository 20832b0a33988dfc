//! The posture of a past moment.

use std::time::Duration;

use intercom_scim_bridge::directory::Mode;
use intercom_scim_bridge::posture::{PostureSettings, Report};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use simulator::{Role, Workspace};
use time::OffsetDateTime;

use super::{company, report_by};
use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START};

on_both_databases!(the_posture_of_a_past_moment_is_the_one_that_was_computed_then);

async fn report(hand: &Hand, moment: OffsetDateTime) -> Report {
    let settings = PostureSettings {
        privileged_roles: vec!["Owner".to_owned()],
        company_domains: vec!["acme.example".to_owned()],
        window: time::Duration::days(2),
        dormant_after: time::Duration::days(3),
        joiner_grace: time::Duration::DAY,
        invite_after: time::Duration::days(2),
        ..PostureSettings::default()
    };
    report_by(hand, settings, moment).await
}

/// Something that happens in a workspace.
#[derive(Clone, Debug)]
enum Deed {
    SignIn(usize, bool),
    Leave(usize),
    Invite(usize),
    Export(usize),
    Grant(usize),
    SecondFactor(usize, bool),
    Rest,
}

fn deeds() -> impl Strategy<Value = Vec<(Deed, u64)>> {
    let who = || 0_usize..6;
    let deed = prop_oneof![
        (who(), any::<bool>()).prop_map(|(who, sso)| Deed::SignIn(who, sso)),
        who().prop_map(Deed::Leave),
        who().prop_map(Deed::Invite),
        who().prop_map(Deed::Export),
        who().prop_map(Deed::Grant),
        (who(), any::<bool>()).prop_map(|(who, on)| Deed::SecondFactor(who, on)),
        Just(Deed::Rest),
    ];
    proptest::collection::vec((deed, 1_u64..40), 1..12)
}

fn perform(workspace: &mut Workspace, deed: &Deed, at: i64) {
    let people: Vec<u64> = workspace.admins().map(|(id, _)| id).collect();
    let person = |which: &usize| people[which % people.len()];
    match deed {
        Deed::SignIn(who, true) => workspace.sign_in(person(who), "saml", at),
        Deed::SignIn(who, false) => workspace.sign_in(person(who), "email_password", at),
        Deed::Leave(who) if people.len() > 3 => workspace.remove_admin(person(who), people[0], at),
        Deed::Invite(who) => {
            let role = Role { id: "agent".to_owned(), name: "Agent".to_owned() };
            workspace.invite(&format!("new{who}@acme.example"), &role, people[0], at);
        }
        Deed::Export(who) => workspace.note(at, "bulk_export", person(who), json!({})),
        Deed::Grant(who) => {
            workspace.set_permissions(person(who), people[0], &["export_data"], at);
        }
        Deed::SecondFactor(who, on) => workspace.set_two_factor(person(who), *on, at),
        Deed::Leave(_) | Deed::Rest => {}
    }
}

async fn the_posture_of_a_past_moment_is_the_one_that_was_computed_then(database: TestDatabase) {
    // One database for all stories: each begins in the state in which the last one ended.
    let hand = Hand::with(database, company(START.unix_timestamp())).await;
    hand.full().await;
    let mut known: Vec<Report> = Vec::new();
    let mut runner = TestRunner::new(Config { cases: 6, ..Config::default() });
    let strategy = deeds();
    for _ in 0..6 {
        let story = strategy.new_tree(&mut runner).unwrap().current();
        for (deed, hours) in story {
            hand.clock.advance(Duration::from_hours(hours));
            let at = hand.clock.now().unix_timestamp() - 60;
            hand.simulator.change(|workspace| perform(workspace, &deed, at));
            hand.import(Mode::Incremental).await;
            known.push(report(&hand, hand.clock.now()).await);
        }
    }
    for then in &known {
        assert_eq!(&report(&hand, then.as_of).await, then);
    }
    let fails = |report: &&Report| report.counts.fail > 0;
    assert!(known.iter().filter(fails).count() > 0, "the stories have failures");
}
