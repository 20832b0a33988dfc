//! The history: the log of changes, the state at past moments, and causes.

mod replay;

use intercom_scim_bridge::directory::{ChangeKind, ChangePosition, Mode, RecordedChange};
use intercom_scim_bridge::ledger::LedgerError;
use intercom_scim_bridge::tabular::ChangeDocument;
use serde_json::json;
use simulator::{Role, Workspace};
use time::OffsetDateTime;

use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START, TOKEN};

on_both_databases!(
    an_import_that_changes_nothing_adds_no_change,
    changes_are_listed_oldest_first_with_the_values_before_and_after,
    the_log_names_the_performer,
    a_walk_in_small_steps_neither_skips_nor_repeats,
    one_kind_of_changes_can_be_asked_for,
    a_generation_of_thousands_is_walked_like_any_other,
    an_activity_explains_exactly_one_change,
    a_moment_is_the_same_however_it_is_written,
    a_person_who_comes_back_has_no_permissions_from_before,
    a_cursor_of_another_ledger_is_refused,
);

pub async fn all(hand: &Hand) -> Vec<RecordedChange> {
    hand.ledger.changes("default", &ChangePosition::START, None, 1_000).await.unwrap().changes
}

pub fn told(change: &RecordedChange) -> String {
    let document = ChangeDocument::from(change);
    format!("{} {} {}", document.r#type, document.action, document.id)
}

async fn an_import_that_changes_nothing_adds_no_change(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let empty = hand.ledger.changes("default", &ChangePosition::START, None, 10).await.unwrap();
    assert_eq!((empty.changes.len(), empty.total, empty.more), (0, Some(0), false));
    hand.full().await;
    let page = hand.ledger.changes("default", &empty.next, None, 100).await.unwrap();
    assert_eq!(
        (page.changes.len(), page.total),
        (6, Some(6)),
        "three people, a team and two memberships"
    );
    hand.full().await;
    let again = hand.ledger.changes("default", &page.next, None, 100).await.unwrap();
    assert_eq!(
        (again.changes.len(), again.total, again.more, again.next),
        (0, Some(0), false, page.next)
    );
}

async fn changes_are_listed_oldest_first_with_the_values_before_and_after(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let start =
        hand.ledger.changes("default", &ChangePosition::START, None, 100).await.unwrap().next;
    let cy = hand
        .simulator
        .change(|workspace| workspace.admins().find(|(id, _)| *id == small.cy).unwrap().1.clone());
    hand.simulator.change(|workspace| {
        workspace.admin_mut(small.ada).unwrap().job_title = Some("Countess".to_owned());
    });
    hand.full().await;
    hand.simulator.change(|workspace| {
        workspace.remove_admin(small.cy, small.ada, START.unix_timestamp() + 150);
    });
    hand.full().await;
    hand.simulator.change(|workspace| workspace.put_back(small.cy, cy));
    hand.full().await;
    hand.simulator.change(|workspace| workspace.remove_team(small.support));
    let last = hand.full().await;

    let page = hand.ledger.changes("default", &start, None, 100).await.unwrap();
    let ada = small.ada;
    let bo = small.bo;
    let cy = small.cy;
    let team = small.support;
    assert_eq!(
        page.changes.iter().map(told).collect::<Vec<_>>(),
        [
            format!("user updated adm_{ada}"),
            format!("user removed adm_{cy}"),
            format!("user restored adm_{cy}"),
            format!("group removed team_{team}"),
            format!("membership removed adm_{ada}:team_{team}"),
            format!("membership removed adm_{bo}:team_{team}"),
        ]
    );
    let first = ChangeDocument::from(&page.changes[0]);
    assert_eq!(
        (json!(first.before), json!(first.after)),
        (json!({"title": null}), json!({"title": "Countess"})),
        "what changed, and nothing else"
    );
    let end = ChangeDocument::from(&page.changes[3]);
    assert_eq!(
        (json!(end.before), json!(end.after)),
        (json!({"display_name": "Support"}), json!(null))
    );
    assert_eq!((end.import_id, end.generation), (last.id, 5));
    assert!(page.changes.is_sorted_by_key(|change| change.at));
}

async fn the_log_names_the_performer(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let start =
        hand.ledger.changes("default", &ChangePosition::START, None, 100).await.unwrap().next;
    let now = START.unix_timestamp();
    hand.simulator.change(|workspace| {
        workspace.remove_admin(small.cy, small.ada, now + 70);
        workspace.set_permissions(small.bo, small.ada, &["export_data"], now + 75);
        // A sign-in never explains a change, however close in time.
        workspace.sign_in(small.bo, "saml", now + 80);
    });
    hand.incremental().await;
    let lead = Role { id: "3".to_owned(), name: "Lead".to_owned() };
    hand.simulator.change(|workspace| workspace.admin_mut(small.ada).unwrap().role = Some(lead));
    hand.incremental().await;
    // An entry may have the id of its teammate as text or as number. It may also name only a team.
    hand.simulator.change(|workspace| {
        workspace.admin_mut(small.bo).unwrap().has_inbox_seat = true;
        workspace.note(
            now + 190,
            "seat_change",
            small.ada,
            json!({"admin": {"id": small.bo.to_string()}}),
        );
        workspace.team_mut(small.support).unwrap().members.remove(&small.bo);
        workspace.note(
            now + 195,
            "app_team_membership_modification",
            small.ada,
            json!({"team": {"id": small.support}}),
        );
    });
    hand.incremental().await;

    let page = hand.ledger.changes("default", &start, None, 100).await.unwrap();
    let who = |change: &RecordedChange| {
        let actor = ChangeDocument::from(change).actor;
        (
            told(change),
            actor.map(|actor| (actor.id.unwrap(), actor.activity_type, actor.at.unix_timestamp())),
        )
    };
    let by_ada = |deed: &str, at| Some((format!("adm_{}", small.ada), deed.to_owned(), now + at));
    assert_eq!(
        page.changes.iter().map(who).collect::<Vec<_>>(),
        [
            (format!("user updated adm_{}", small.bo), by_ada("admin_permission_change", 75)),
            (format!("user removed adm_{}", small.cy), by_ada("admin_deletion", 70)),
            (format!("user updated adm_{}", small.ada), None),
            (format!("user updated adm_{}", small.bo), by_ada("seat_change", 190)),
            (
                format!("membership removed adm_{}:team_{}", small.bo, small.support),
                by_ada("app_team_membership_modification", 195)
            ),
        ]
    );
}

async fn a_walk_in_small_steps_neither_skips_nor_repeats(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    hand.simulator.change(|workspace| {
        workspace.add_team("Sales", &[small.ada, small.bo, small.cy]);
        workspace.team_mut(small.support).unwrap().members.remove(&small.ada);
    });
    hand.full().await;
    hand.simulator.change(|workspace| workspace.remove_team(small.support));
    hand.full().await;
    let all = all(&hand).await;
    for step in 1..=all.len() + 1 {
        let mut place = ChangePosition::START;
        let mut walked = Vec::new();
        loop {
            let page = hand.ledger.changes("default", &place, None, step).await.unwrap();
            assert_eq!(page.total, Some((all.len() - walked.len()) as u64), "in steps of {step}");
            walked.extend(page.changes);
            // Converts the position to the cursor that clients keep, and back.
            place = ChangePosition::from_cursor(&page.next.to_cursor()).unwrap();
            if !page.more {
                break;
            }
        }
        assert_eq!(walked, all, "in steps of {step}");
    }
    for (at, change) in all.iter().enumerate() {
        let rest = hand.ledger.changes("default", &change.position, None, 100).await.unwrap();
        assert_eq!(rest.changes, all[at + 1..], "after the change {at}");
        assert_eq!(rest.total, Some((all.len() - at - 1) as u64), "after the change {at}");
    }
}

async fn one_kind_of_changes_can_be_asked_for(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    hand.simulator
        .change(|workspace| workspace.remove_admin(small.bo, small.ada, START.unix_timestamp()));
    hand.full().await;
    for (kind, word, count) in [
        (ChangeKind::User, "user", 4_usize),
        (ChangeKind::Group, "group", 1),
        (ChangeKind::Membership, "membership", 3),
    ] {
        let mut place = ChangePosition::START;
        let mut found = Vec::new();
        loop {
            let page = hand.ledger.changes("default", &place, Some(kind), 1).await.unwrap();
            assert_eq!(page.total, Some((count - found.len()) as u64));
            found.extend(page.changes.iter().map(|change| ChangeDocument::from(change).r#type));
            place = page.next;
            if !page.more {
                break;
            }
        }
        assert_eq!(found, vec![word; count]);
    }
}

async fn a_generation_of_thousands_is_walked_like_any_other(database: TestDatabase) {
    let mut workspace = Workspace::new(TOKEN);
    let people: Vec<u64> =
        (0..2_500).map(|number| workspace.add_teammate(&format!("Teammate {number}"))).collect();
    workspace.add_team("Everybody", &people);
    let hand = Hand::with(database, workspace).await;
    hand.full().await;
    hand.simulator.change(|workspace| {
        for id in &people {
            workspace.admin_mut(*id).unwrap().has_inbox_seat = true;
        }
        let team = workspace.teams().next().unwrap().0;
        workspace.remove_team(team);
    });
    hand.allowing_removals(Mode::Full).await;
    let mut place = ChangePosition::START;
    let mut walked = 0;
    let expected = 2 * 2_500 * 2 + 2;
    loop {
        let page = hand.ledger.changes("default", &place, None, 700).await.unwrap();
        assert_eq!(page.total, Some(expected - walked));
        walked += page.changes.len() as u64;
        place = page.next;
        if !page.more {
            break;
        }
    }
    assert_eq!(walked, expected);
}

async fn an_activity_explains_exactly_one_change(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let start =
        hand.ledger.changes("default", &ChangePosition::START, None, 100).await.unwrap().next;
    let now = START.unix_timestamp();
    hand.simulator.change(|workspace| {
        workspace.set_permissions(small.ada, small.bo, &["export_data"], now + 80);
    });
    hand.incremental().await;
    // Soon after, Ada changes her own title. Bo is not the actor.
    hand.simulator.change(|workspace| {
        workspace.admin_mut(small.ada).unwrap().job_title = Some("Countess".to_owned());
    });
    hand.incremental().await;
    let page = hand.ledger.changes("default", &start, None, 100).await.unwrap();
    let by: Vec<bool> = page.changes.iter().map(|change| change.cause.is_some()).collect();
    assert_eq!(by, [true, false]);
}

async fn a_moment_is_the_same_however_it_is_written(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.clock.advance(std::time::Duration::from_millis(500));
    hand.full().await;
    let first = hand.clock.now();
    hand.simulator
        .change(|workspace| workspace.admin_mut(small.ada).unwrap().has_inbox_seat = true);
    hand.clock.advance(std::time::Duration::from_millis(10));
    hand.full().await;
    let at =
        async |moment: OffsetDateTime| hand.ledger.generation_at("default", moment).await.unwrap();
    for offset in [time::UtcOffset::UTC, time::macros::offset!(+5:30), time::macros::offset!(-11)] {
        let first = first.to_offset(offset);
        assert_eq!(at(first).await, Some(1), "{offset}");
        assert_eq!(at(first - time::Duration::milliseconds(1)).await, None, "{offset}");
        assert_eq!(at(first.replace_millisecond(0).unwrap()).await, None, "{offset}");
        assert_eq!(at(first + time::Duration::minutes(1)).await, Some(1), "{offset}");
        assert_eq!(at(first + time::Duration::minutes(2)).await, Some(2), "{offset}");
    }
}

async fn a_person_who_comes_back_has_no_permissions_from_before(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    let now = START.unix_timestamp();
    hand.simulator.change(|workspace| {
        workspace.set_permissions(small.bo, small.ada, &["export_data"], now - 9_000);
    });
    hand.full().await;
    let bo = hand
        .simulator
        .change(|workspace| workspace.admins().find(|(id, _)| *id == small.bo).unwrap().1.clone());
    hand.simulator.change(|workspace| workspace.remove_admin(small.bo, small.ada, now));
    hand.full().await;
    hand.simulator.change(|workspace| workspace.put_back(small.bo, bo));
    for mode in [Mode::Incremental, Mode::Full] {
        hand.import(mode).await;
        let recorded = hand.recorded().await;
        let bo = recorded
            .users
            .iter()
            .find(|(user, _)| user.value.id.as_str() == small.bo.to_string())
            .unwrap();
        assert_eq!((bo.0.value.active, &bo.0.value.permissions), (true, &None), "{mode:?}");
    }
}

async fn a_cursor_of_another_ledger_is_refused(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    let elsewhere = ChangePosition::from_cursor("Ny8v").unwrap();
    let error = hand.ledger.changes("default", &elsewhere, None, 1).await.unwrap_err();
    assert!(matches!(error, LedgerError::NoSuchPosition), "{error}");
}
