//! `ledger verify` and `ledger prune`: changes by hand are found and named, and a pruning does not
//! break the proof.

use intercom_scim_bridge::directory::ChangePosition;
use intercom_scim_bridge::ledger::LedgerError;
use sea_orm::ConnectionTrait;
use simulator::Workspace;
use time::Duration;

use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START, Small, findings};
use crate::support::tampering::{Tampered, Tampering};

on_both_databases!(
    an_untouched_ledger_is_whole,
    changed_versions_are_found_and_named,
    missing_versions_are_found_and_named,
    changed_and_missing_generations_are_found_and_named,
    an_earlier_head_is_recognised_until_history_is_rewritten,
    pruning_removes_nothing_of_the_current_state,
    a_pruning_does_not_break_the_proof_and_later_losses_are_found,
    pruning_before_the_first_generation_removes_nothing,
);

/// Makes four generations: all people; Ada's new title; Bo's removal; Cy in the team.
async fn history(database: TestDatabase) -> (Hand, Small) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let deeds: [&dyn Fn(&mut Workspace); 3] = [
        &|workspace| {
            workspace.admin_mut(small.ada).unwrap().job_title = Some("Countess".to_owned());
        },
        &|workspace| workspace.remove_admin(small.bo, small.ada, START.unix_timestamp() + 100),
        &|workspace| {
            workspace.team_mut(small.support).unwrap().members.insert(small.cy, None);
        },
    ];
    for deed in deeds {
        hand.simulator.change(deed);
        hand.full().await;
    }
    (hand, small)
}

async fn an_untouched_ledger_is_whole(database: TestDatabase) {
    let (hand, _) = Hand::small(database).await;
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new(), "an empty one is");
    hand.full().await;
    let verified = hand.ledger.verify("default", None).await.unwrap();
    assert_eq!((verified.generations, verified.versions, verified.findings.len()), (1, 6, 0));
}

/// Asserts that each change of one row by hand is found and named.
async fn assert_each_is_found(hand: &Hand, cases: &[(String, String)]) {
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
    let connection = hand.database.connection().await;
    let tampering = Tampering { ledger: &hand.ledger, connection: &connection, tables: &TABLES };
    for (deed, expected) in cases {
        let Tampered { rows, findings } = tampering.change(deed).await;
        assert_eq!(rows, 1, "{deed}");
        assert!(
            findings.iter().any(|finding| finding.starts_with(expected)),
            "{deed}: {findings:?}"
        );
    }
}

async fn changed_versions_are_found_and_named(database: TestDatabase) {
    let (hand, Small { ada, bo, cy, support }) = history(database).await;
    let cases = [
        (
            format!(
                "UPDATE user_versions SET job_title = 'Queen' \
                 WHERE user_id = '{ada}' AND from_generation = 2"
            ),
            format!("user_versions: {ada} from generation 2 was changed"),
        ),
        (
            format!(
                "UPDATE user_versions SET active = true \
                 WHERE user_id = '{bo}' AND from_generation = 3"
            ),
            format!("user_versions: {bo} from generation 3 was changed"),
        ),
        (
            format!("UPDATE group_versions SET name = 'Sales' WHERE group_id = '{support}'"),
            format!("group_versions: {support} from generation 1 was changed"),
        ),
        (
            format!("UPDATE membership_versions SET priority = 'primary' WHERE user_id = '{cy}'"),
            format!("membership_versions: {support} {cy} from generation 4 was changed"),
        ),
    ];
    assert_each_is_found(&hand, &cases).await;
}

async fn missing_versions_are_found_and_named(database: TestDatabase) {
    let (hand, Small { ada, bo, cy, support }) = history(database).await;
    let cases = [
        (
            format!("DELETE FROM user_versions WHERE user_id = '{ada}' AND from_generation = 2"),
            format!("user_versions: the version of user {ada} from generation 2 on is missing"),
        ),
        (
            format!("DELETE FROM user_versions WHERE user_id = '{cy}'"),
            "user_versions: 3 versions began in generation 1, and there are 2".to_owned(),
        ),
        (
            format!("DELETE FROM membership_versions WHERE user_id = '{cy}'"),
            "membership_versions: 1 versions began in generation 4, and there are 0".to_owned(),
        ),
        (
            format!("UPDATE membership_versions SET to_generation = 2 WHERE user_id = '{bo}'"),
            "membership_versions: 1 versions ended in generation 3, and there are 0".to_owned(),
        ),
        (
            format!("UPDATE user_versions SET from_generation = 9 WHERE user_id = '{cy}'"),
            format!(
                "user_versions: {cy} from generation 9 begins or ends in a generation that does \
                 not exist"
            ),
        ),
        (
            format!("UPDATE membership_versions SET from_generation = 0 WHERE user_id = '{cy}'"),
            format!(
                "membership_versions: {support} {cy} from generation 0 begins or ends in a \
                 generation that does not exist"
            ),
        ),
        (
            format!("UPDATE user_versions SET to_generation = 1000000 WHERE user_id = '{cy}'"),
            format!(
                "user_versions: {cy} from generation 1 begins or ends in a generation that does \
                 not exist"
            ),
        ),
    ];
    assert_each_is_found(&hand, &cases).await;
}

async fn changed_and_missing_generations_are_found_and_named(database: TestDatabase) {
    let (hand, _) = history(database).await;
    let cases = [
        (
            "UPDATE generations SET import_id = 99 WHERE number = 3".to_owned(),
            "generations: generation 3 was changed".to_owned(),
        ),
        (
            "UPDATE generations SET at = (SELECT at FROM generations WHERE number = 1) \
             WHERE number = 3"
                .to_owned(),
            "generations: generation 3 was changed".to_owned(),
        ),
        (
            format!("UPDATE generations SET tally = '{EMPTY_TALLY}' WHERE number = 4"),
            "generations: the tally of generation 4 does not match its changes".to_owned(),
        ),
        (
            "UPDATE generations SET hash = 'x' WHERE number = 2".to_owned(),
            "generations: generation 3 does not follow the one before it".to_owned(),
        ),
        (
            "DELETE FROM generations WHERE number = 2".to_owned(),
            "generations: generation 2 is missing".to_owned(),
        ),
        (
            "DELETE FROM generations WHERE number = 4".to_owned(),
            "generations: generation 4, which import 4 recorded, is missing".to_owned(),
        ),
    ];
    assert_each_is_found(&hand, &cases).await;
}

/// A tally that would hide the changes of a generation from readers.
const EMPTY_TALLY: &str = r#"{"users":{"changed":0,"so_far":5,"opened":0,"closed":0},"groups":{"changed":0,"so_far":1,"opened":0,"closed":0},"memberships":{"changed":0,"so_far":3,"opened":1,"closed":0}}"#;

const TABLES: [&str; 4] = ["user_versions", "group_versions", "membership_versions", "generations"];

async fn an_earlier_head_is_recognised_until_history_is_rewritten(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    let kept = hand.ledger.verify("default", None).await.unwrap().head;
    hand.simulator
        .change(|workspace| workspace.admin_mut(small.ada).unwrap().has_inbox_seat = true);
    hand.full().await;
    let verified = hand.ledger.verify("default", Some(&kept)).await.unwrap();
    assert_eq!((verified.known_head, verified.head == kept), (Some(true), false));
    // A hash from before the pruning cannot prove up to where the history was shortened.
    hand.ledger.prune("default", hand.clock.now(), |_| Vec::new(), hand.clock.now()).await.unwrap();
    let verified = hand.ledger.verify("default", Some(&kept)).await.unwrap();
    assert_eq!((verified.known_head, verified.findings.len()), (Some(true), 1));
    assert!(
        verified.findings[0].0.contains("history was pruned up to generation 2"),
        "{:?}",
        verified.findings
    );
    let verified = hand.ledger.verify("default", Some("another")).await.unwrap();
    assert_eq!((verified.known_head, verified.findings.len()), (Some(false), 0));
}

async fn pruning_before_the_first_generation_removes_nothing(database: TestDatabase) {
    let (hand, _) = history(database).await;
    let before = hand.recorded().await;
    let pruned = hand
        .ledger
        .prune("default", START - Duration::days(400), |_| Vec::new(), hand.clock.now())
        .await
        .unwrap();
    assert_eq!((pruned.generation, pruned.versions, pruned.runs), (0, 0, 0));
    assert_eq!(hand.recorded().await, before);
}

async fn pruning_removes_nothing_of_the_current_state(database: TestDatabase) {
    let (hand, small) = history(database).await;
    let before = hand.recorded().await;
    let runs = hand.ledger.count_runs("default").await.unwrap();
    let third = hand
        .ledger
        .generation_at("default", hand.clock.now() - Duration::minutes(1))
        .await
        .unwrap();
    assert_eq!(third, Some(3));
    let past = hand.ledger.snapshot("default", 3).await.unwrap();

    let moment = hand.clock.now() - Duration::minutes(1);
    let pruned =
        hand.ledger.prune("default", moment, |_| Vec::new(), hand.clock.now()).await.unwrap();
    assert_eq!(
        (pruned.generation, pruned.versions),
        (3, 3),
        "Ada's first, Bo's first, Bo's membership"
    );
    assert_eq!(
        hand.recorded().await,
        before,
        "with when everything was first seen and last changed"
    );
    assert_eq!(
        hand.ledger.snapshot("default", 3).await.unwrap(),
        past,
        "the earliest that is still known"
    );
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
    assert!(hand.ledger.count_runs("default").await.unwrap() < runs);

    // Prunes again, after more changes.
    hand.simulator.change(|workspace| workspace.admin_mut(small.ada).unwrap().job_title = None);
    hand.full().await;
    let before = hand.recorded().await;
    let pruned = hand
        .ledger
        .prune("default", hand.clock.now(), |_| Vec::new(), hand.clock.now())
        .await
        .unwrap();
    assert_eq!((pruned.generation, pruned.versions), (5, 1));
    assert_eq!(hand.recorded().await, before);
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
    assert_eq!(hand.full().await.generation, None, "the next import finds nothing to do");
    let connection = hand.database.connection().await;
    let entries = "DELETE FROM activity WHERE kind = 'admin_deletion'";
    assert_eq!(
        connection.execute_unprepared(entries).await.unwrap().rows_affected(),
        0,
        "nor brings it back what was taken out"
    );
}

async fn a_pruning_does_not_break_the_proof_and_later_losses_are_found(database: TestDatabase) {
    let (hand, small) = history(database).await;
    let now = hand.clock.now();
    let moment = hand.clock.now() - Duration::minutes(1);
    let all =
        hand.ledger.changes("default", &ChangePosition::START, None, 100).await.unwrap().changes;
    let mut inside: Vec<ChangePosition> = all
        .into_iter()
        .filter(|change| change.generation == 3)
        .map(|change| change.position)
        .collect();
    let last_of_third = inside.pop().unwrap();
    hand.ledger.prune("default", moment, |_| Vec::new(), now).await.unwrap();
    let too_early = hand.ledger.generation_at("default", START + Duration::minutes(1)).await;
    assert!(matches!(too_early, Err(LedgerError::Pruned { .. })), "{too_early:?}");
    let from_the_start = hand.ledger.changes("default", &ChangePosition::START, None, 9).await;
    assert!(matches!(from_the_start, Err(LedgerError::Pruned { .. })), "{from_the_start:?}");
    for place in inside {
        let lost = hand.ledger.changes("default", &place, None, 9).await;
        assert!(matches!(lost, Err(LedgerError::Pruned { .. })), "{lost:?}");
    }
    assert_eq!(
        hand.ledger.changes("default", &last_of_third, None, 9).await.unwrap().total,
        Some(1),
        "its end is still there"
    );
    assert!(matches!(hand.ledger.is_kept("default", 2).await, Err(LedgerError::Pruned { .. })));
    let earliest = hand.ledger.earliest("default").await.unwrap();
    assert_eq!(hand.ledger.changes("default", &earliest, None, 9).await.unwrap().total, Some(1));

    let connection = hand.database.connection().await;
    for deed in [
        format!("DELETE FROM user_versions WHERE user_id = '{}'", small.cy),
        format!("UPDATE user_versions SET name = 'Eve' WHERE user_id = '{}'", small.ada),
    ] {
        connection.execute_unprepared(&deed).await.unwrap();
        assert!(!findings(&hand.ledger).await.is_empty(), "{deed}");
    }
}
