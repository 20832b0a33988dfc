//! Imports of lists that are not provably complete, and of fields that cannot be read, on both
//! databases. Unlike those of `import`, the responses here do not follow Intercom's description.

use std::time::Duration;

use intercom_scim_bridge::directory::{ChangeAction, ChangePosition, Mode, RunStatus, UserId};
use intercom_scim_bridge::ledger::{ActorQuestion, ChangeQuestion};
use simulator::Fault;

use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START, Small, active, memberships};

on_both_databases!(
    removals_wait_in_a_full_import_while_a_list_is_not_provably_whole,
    removals_wait_in_an_incremental_import_while_a_list_is_not_provably_whole,
    a_field_that_cannot_be_read_keeps_its_last_known_value,
);

/// The response of Intercom with a list of these admins, all in team `team`, and one more entry.
fn listed(admins: &[(u64, &str)], team: u64, more: &str) -> Fault {
    let admin = |(id, name): &(u64, &str)| {
        format!(
            r#"{{"type":"admin","id":"{id}","name":"{name}","email":"p{id}@example.com","team_ids":[{team}]}}"#
        )
    };
    let all: Vec<String> = admins.iter().map(admin).chain([more.to_owned()]).collect();
    Fault::json(200, &format!(r#"{{"type":"admin.list","admins":[{}]}}"#, all.join(",")))
}

async fn removals_wait_in_a_full_import_while_a_list_is_not_provably_whole(database: TestDatabase) {
    removals_wait(database, Mode::Full).await;
}

async fn removals_wait_in_an_incremental_import_while_a_list_is_not_provably_whole(
    database: TestDatabase,
) {
    removals_wait(database, Mode::Incremental).await;
}

async fn removals_wait(database: TestDatabase, mode: Mode) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let left_at = START.unix_timestamp() + 30;
    hand.simulator.change(|workspace| {
        workspace.remove_admin(small.bo, small.ada, left_at);
        workspace.team_mut(small.support).unwrap().members.remove(&small.bo);
    });
    // Bo is gone, Dee is new, and the list has an entry without an id.
    hand.simulator.fail_from_now_on(
        listed(
            &[(small.ada, "Ada L."), (small.cy, "Cy Twombly"), (99_999_999, "Dee")],
            small.support,
            "null",
        ),
        "/admins",
    );
    for _ in 0..2 {
        hand.clock.advance(Duration::from_mins(1));
        let run = hand.import(mode).await;
        assert_eq!(run.status, RunStatus::Succeeded, "{:?}", run.error);
        assert_eq!((run.counts.users_removed, run.counts.memberships_removed), (0, 0));
        assert_eq!(run.warnings[0].code, "removals_wait", "{:?}", run.warnings);
        assert!(run.warnings[0].detail.starts_with("1 people, 0 teams and"), "{:?}", run.warnings);
    }
    assert_eq!(active(&hand.recorded().await), ["Ada L.", "Bo Diddley", "Cy Twombly", "Dee"]);
    hand.simulator.heal();
    let run = hand.import(mode).await;
    assert_eq!(
        (run.status, run.counts.users_removed),
        (RunStatus::Succeeded, 2),
        "Bo, and Dee who was never there"
    );
    assert!(run.warnings.is_empty(), "{:?}", run.warnings);
    let recorded = hand.recorded().await;
    let bo = recorded
        .users
        .iter()
        .find(|(user, _)| user.value.id.as_str() == small.bo.to_string())
        .unwrap();
    assert_eq!(
        bo.0.value.removed_at.map(time::OffsetDateTime::unix_timestamp),
        Some(left_at),
        "what the log told of the removal was read again"
    );
    causes_of_what_waited(&hand, &small).await;
}

/// Dee's arrival was committed between the log entry about Bo and Bo's removal. Both changes of Bo
/// still have Ada as actor, and a filter by actor finds them.
async fn causes_of_what_waited(hand: &Hand, small: &Small) {
    let by_ada = ActorQuestion { ids: vec![UserId::new(small.ada.to_string())], email: None };
    for actor in [None, Some(by_ada)] {
        let question = ChangeQuestion {
            people: Some(vec![UserId::new(small.bo.to_string())]),
            action: Some(ChangeAction::Removed),
            actor,
            ..ChangeQuestion::default()
        };
        let page = hand
            .ledger
            .changes_that("default", &ChangePosition::START, &question, 10)
            .await
            .unwrap();
        let causes: Vec<_> = page
            .changes
            .iter()
            .map(|change| change.cause.as_ref().map(|c| c.kind.as_str()))
            .collect();
        assert_eq!(
            causes,
            [Some("admin_deletion"); 2],
            "Bo's account and membership; {question:?}"
        );
    }
}

async fn a_field_that_cannot_be_read_keeps_its_last_known_value(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let before = hand.recorded().await;
    let odd = |id: u64| {
        format!(
            r#"{{"type":"admin","id":"{id}","name":{{"first":"A"}},"email":null,"role":[],"job_title":"Lead","team_ids":[{}]}}"#,
            small.support
        )
    };
    let list = format!(
        r#"{{"admins":[{},{},{{"type":"admin","id":"{}","name":"Cy Twombly","email":"\ud83d","team_ids":7}}]}}"#,
        odd(small.ada),
        odd(small.bo),
        small.cy
    );
    hand.simulator.fail_from_now_on(Fault::json(200, &list), "/admins");
    let run = hand.incremental().await;
    assert_eq!(run.status, RunStatus::Succeeded, "{:?}", run.error);
    assert_eq!(
        (run.counts.users_updated, run.counts.users_removed),
        (3, 0),
        "the job title and the seat alone"
    );
    let names_and_addresses = |snapshot: &intercom_scim_bridge::directory::Snapshot| {
        snapshot
            .users
            .iter()
            .map(|(user, _)| (user.value.name.clone(), user.value.email.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names_and_addresses(&hand.recorded().await), names_and_addresses(&before));
    let text = format!("{:?}", run.warnings);
    for expected in [
        format!("admin {} has no readable `email`", small.ada),
        format!("admin {} has no readable `role`", small.bo),
        format!("admin {} has no readable `team_ids`", small.cy),
    ] {
        assert!(text.contains(&expected), "{expected}: {text}");
    }
    assert_eq!(memberships(&hand.recorded().await), memberships(&before));
}
