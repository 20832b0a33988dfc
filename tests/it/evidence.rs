//! What `ledger verify` proves besides versions: causes, runs, requests and prunings.

use intercom_scim_bridge::database::Database;
use intercom_scim_bridge::directory::RunStatus;
use intercom_scim_bridge::ledger::Pruned;
use intercom_scim_bridge::requests::{Operation, RequestEnd, RequestSource};
use intercom_scim_bridge::stores::{Closing, NewRequest, RequestQuestion, Stores};
use migrations::Migrator;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use sea_orm_migration::MigratorTrait;
use simulator::Fault;
use time::{Duration, OffsetDateTime};

use crate::on_both_databases;
use crate::support::database::TestDatabase;
use crate::support::hand::{Hand, START, Small, findings};
use crate::support::tampering::Tampering;

on_both_databases!(
    changed_removed_and_added_records_of_the_history_are_found,
    a_pruning_removes_what_its_dry_run_counts,
    the_records_still_prove_the_history_after_a_pruning,
    an_earlier_head_proves_all_records_up_to_it,
    many_writers_at_once_make_one_chain,
    rows_that_an_earlier_version_wrote_later_are_taken_as_found_and_reported,
);

fn new_request(reference: &str, at: OffsetDateTime) -> NewRequest {
    NewRequest {
        reference: reference.to_owned(),
        workspace: "default".to_owned(),
        at,
        source: RequestSource::Refused,
        requester: "saviynt".to_owned(),
        request_id: "r-1".to_owned(),
        method: "POST".to_owned(),
        operation: Operation::CreateAccount,
        target: None,
        entitlement: None,
        user_name: Some(format!("{reference}@example.com")),
        comment: None,
    }
}

fn closing(declined: bool, at: OffsetDateTime) -> Closing {
    Closing {
        by: "Ada".to_owned(),
        note: Some("no seat".to_owned()),
        end: if declined { RequestEnd::Declined } else { RequestEnd::Done },
        at,
    }
}

/// Makes two generations (the second with a cause), a run without changes, a failed run, and three
/// requests: `req_open`, `req_done` and `req_declined`.
async fn history(database: TestDatabase) -> (Hand, Small) {
    let (hand, small) = Hand::small(database).await;
    hand.full().await;
    hand.simulator.change(|workspace| {
        workspace.remove_admin(small.bo, small.ada, START.unix_timestamp() + 100);
    });
    assert_eq!(hand.full().await.generation, Some(2));
    assert_eq!(hand.incremental().await.generation, None);
    hand.simulator.fail_from_now_on(Fault::Unauthorized, "/teams");
    assert_eq!(hand.incremental().await.status, RunStatus::Failed);
    hand.simulator.heal();
    for reference in ["req_open", "req_done", "req_declined"] {
        hand.stores.requests.record(new_request(reference, hand.clock.now())).await.unwrap();
    }
    for (reference, declined) in [("req_done", false), ("req_declined", true)] {
        assert!(
            hand.stores
                .requests
                .close("default", reference, closing(declined, hand.clock.now()))
                .await
                .unwrap()
        );
    }
    (hand, small)
}

async fn count(connection: &DatabaseConnection, what: &str) -> i64 {
    let statement = Statement::from_string(
        connection.get_database_backend(),
        format!("SELECT COUNT(*) FROM {what}"),
    );
    connection.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

const TABLES: [&str; 6] =
    ["activity", "imports", "lifecycle_requests", "evidence", "prunings", "pruned_stamps"];

fn tampering<'a>(hand: &'a Hand, connection: &'a DatabaseConnection) -> Tampering<'a> {
    Tampering { ledger: &hand.ledger, connection, tables: &TABLES }
}

/// A change of the database, and how the finding begins.
const ACTIVITY_KINDS: &[(&str, &str)] = &[
    (
        "UPDATE activity SET performed_by_email = 'eve@example.com' WHERE kind = 'admin_deletion'",
        "activity: entry ",
    ),
    ("UPDATE activity SET performed_by_id = '1' WHERE kind = 'admin_deletion'", "activity: entry "),
    (
        "UPDATE activity SET performed_by_id = NULL WHERE kind = 'admin_deletion'",
        "activity: entry ",
    ),
    ("UPDATE activity SET kind = 'seat_change' WHERE kind = 'admin_deletion'", "activity: entry "),
    ("UPDATE activity SET subject_id = NULL WHERE kind = 'admin_deletion'", "activity: entry "),
    (
        "UPDATE activity SET at = (SELECT at FROM generations WHERE number = 2) WHERE kind = 'admin_deletion'",
        "activity: entry ",
    ),
    ("UPDATE activity SET metadata = '{}' WHERE kind = 'admin_deletion'", "activity: entry "),
    ("UPDATE activity SET digest = 'x' WHERE kind = 'admin_deletion'", "activity: entry "),
    ("UPDATE activity SET import_id = 1 WHERE kind = 'admin_deletion'", "activity: "),
    ("UPDATE activity SET import_id = NULL WHERE kind = 'admin_deletion'", "activity: entry "),
    ("DELETE FROM activity WHERE kind = 'admin_deletion'", "activity: "),
    (
        "INSERT INTO activity (workspace, id, at, kind, metadata, import_id, digest) SELECT workspace, 'forged', at, kind, metadata, import_id, digest FROM activity WHERE kind = 'admin_deletion'",
        "activity: ",
    ),
    ("UPDATE imports SET requested_by = 'eve' WHERE id = 2", "imports: run 2 was changed"),
    ("UPDATE imports SET trigger = 'schedule' WHERE id = 2", "imports: run 2 was changed"),
    ("UPDATE imports SET mode = 'incremental' WHERE id = 2", "imports: run 2 was changed"),
    ("UPDATE imports SET allow_removals = true WHERE id = 2", "imports: run 2 was changed"),
    ("UPDATE imports SET status = 'running' WHERE id = 2", "imports: run 2 was changed"),
    (
        "UPDATE imports SET status = 'succeeded', error = NULL WHERE id = 4",
        "imports: run 4 was changed",
    ),
    (
        "UPDATE imports SET counts = (SELECT counts FROM imports WHERE id = 1) WHERE id = 2",
        "imports: run 2 was changed",
    ),
    (
        "UPDATE imports SET warnings = '[{\"code\":\"x\",\"detail\":\"y\"}]' WHERE id = 3",
        "imports: run 3 was changed",
    ),
    (
        "UPDATE imports SET started_at = (SELECT started_at FROM imports WHERE id = 1) WHERE id = 3",
        "imports: run 3 was changed",
    ),
    ("UPDATE imports SET finished_at = NULL WHERE id = 3", "imports: run 3 was changed"),
    ("UPDATE imports SET generation = NULL WHERE id = 2", "imports: run 2 was changed"),
    ("UPDATE imports SET intercom_calls = 99 WHERE id = 1", "imports: run 1 was changed"),
    ("UPDATE imports SET progress = 'x' WHERE id = 1", "imports: run 1 was changed"),
    ("UPDATE imports SET activity_watermark = NULL WHERE id = 3", "imports: run 3 was changed"),
    ("DELETE FROM imports WHERE id = 4", "imports: run 4, which record "),
    ("UPDATE imports SET id = 9 WHERE id = 4", "imports: run 9 is in no record"),
    (
        "UPDATE lifecycle_requests SET requester = 'eve' WHERE reference = 'req_open'",
        "lifecycle_requests: req_open was changed",
    ),
    (
        "UPDATE lifecycle_requests SET user_name = 'x@example.com' WHERE reference = 'req_done'",
        "lifecycle_requests: req_done was changed",
    ),
    (
        "UPDATE lifecycle_requests SET operation = 'remove_account' WHERE reference = 'req_done'",
        "lifecycle_requests: req_done was changed",
    ),
    (
        "UPDATE lifecycle_requests SET comment = 'ok' WHERE reference = 'req_open'",
        "lifecycle_requests: req_open was changed",
    ),
    (
        "UPDATE lifecycle_requests SET state = 'done' WHERE reference = 'req_open'",
        "lifecycle_requests: the closing of req_open",
    ),
    (
        "UPDATE lifecycle_requests SET state = 'done' WHERE reference = 'req_declined'",
        "lifecycle_requests: the closing of req_declined",
    ),
    (
        "UPDATE lifecycle_requests SET state = 'open', closed_at = NULL, closed_by = NULL, note = NULL WHERE reference = 'req_done'",
        "lifecycle_requests: the closing of req_done",
    ),
    (
        "UPDATE lifecycle_requests SET closed_by = 'eve' WHERE reference = 'req_done'",
        "lifecycle_requests: the closing of req_done",
    ),
    (
        "UPDATE lifecycle_requests SET note = NULL WHERE reference = 'req_done'",
        "lifecycle_requests: the closing of req_done",
    ),
    (
        "DELETE FROM lifecycle_requests WHERE reference = 'req_open'",
        "lifecycle_requests: request req_open, which record ",
    ),
    (
        "UPDATE lifecycle_requests SET reference = 'req_other' WHERE reference = 'req_open'",
        "lifecycle_requests: req_other is in no record",
    ),
    ("DELETE FROM evidence", "imports: run 1 is in no record"),
    ("DELETE FROM evidence WHERE kind = 'generation' AND subject = '2'", "evidence: "),
    ("DELETE FROM evidence WHERE kind = 'run' AND subject = '4'", "evidence: record "),
    ("UPDATE evidence SET digest = 'x' WHERE kind = 'run' AND subject = '4'", "evidence: record "),
    (
        "UPDATE evidence SET hash = 'x' WHERE kind = 'request' AND subject = 'req_open'",
        "evidence: record ",
    ),
    ("UPDATE evidence SET at = at + 1 WHERE kind = 'run' AND subject = '1'", "evidence: record "),
    (
        "UPDATE evidence SET hash = 'x' WHERE kind = 'generation' AND subject = '1'",
        "generations: generation 1 does not match its record",
    ),
    (
        "DELETE FROM imports WHERE id = 4; UPDATE evidence SET pruned = 99, pruned_count = 1 WHERE kind = 'run' AND subject = '4'",
        "evidence: what was pruned does not match record 0",
    ),
    (
        "INSERT INTO pruned_stamps (workspace, kind, id, first_generation, last_generation) VALUES ('default', 'user', '1', 1, 1); DELETE FROM evidence WHERE kind = 'closing' AND subject = 'req_done'",
        "evidence: record ",
    ),
];

async fn changed_removed_and_added_records_of_the_history_are_found(database: TestDatabase) {
    let (hand, _) = history(database).await;
    let verified = hand.ledger.verify("default", None).await.unwrap();
    assert_eq!(verified.findings, []);
    let connection = hand.database.connection().await;
    let entries = count(&connection, "activity").await.unsigned_abs();
    assert!(entries > 0);
    assert_eq!((verified.runs, verified.requests, verified.activity), (4, 3, entries));
    assert_eq!(verified.taken_as_found, None);
    for (deed, expected) in ACTIVITY_KINDS {
        tampering(&hand, &connection).assert_found(deed, expected).await;
    }
}

/// A history of which a pruning removes some log entries of a batch, and the requests that were
/// closed before.
struct Prunable {
    hand: Hand,
    /// The time up to which the tests prune: between two log entries of one batch. All requests but
    /// `req_late` and `req_open` were closed before.
    moment: OffsetDateTime,
    /// The head of the ledger before `req_late`.
    head: String,
}

impl Prunable {
    async fn new(database: TestDatabase) -> Self {
        let (hand, small) = history(database).await;
        // One batch of log entries has old and new ones.
        hand.simulator.change(|workspace| {
            let ada = workspace.admins().find(|(id, _)| *id == small.ada).unwrap().1.clone();
            workspace.remove_admin(small.cy, small.ada, START.unix_timestamp() + 400);
            workspace.put_back(small.cy, ada);
            workspace.remove_admin(small.cy, small.ada, START.unix_timestamp() + 500);
        });
        hand.full().await;
        let head = hand.ledger.verify("default", None).await.unwrap().head;
        hand.stores.requests.record(new_request("req_late", hand.clock.now())).await.unwrap();
        hand.clock.advance(std::time::Duration::from_hours(1));
        hand.stores
            .requests
            .close("default", "req_late", closing(true, hand.clock.now()))
            .await
            .unwrap();
        Self { hand, moment: START + Duration::seconds(450), head }
    }

    async fn prune(&self) -> Pruned {
        let now = self.hand.clock.now();
        self.hand.ledger.prune("default", self.moment, |_| Vec::new(), now).await.unwrap()
    }

    /// Returns the number of rows of each table that a pruning shortens.
    async fn rows(&self) -> Vec<i64> {
        let connection = self.hand.database.connection().await;
        let mut rows = Vec::new();
        for table in [
            "user_versions",
            "group_versions",
            "membership_versions",
            "activity",
            "imports",
            "lifecycle_requests",
        ] {
            rows.push(count(&connection, table).await);
        }
        rows
    }
}

async fn a_pruning_removes_what_its_dry_run_counts(database: TestDatabase) {
    let prunable = Prunable::new(database).await;
    let ledger = &prunable.hand.ledger;
    let before = prunable.rows().await;
    let would = ledger.would_prune("default", prunable.moment).await.unwrap();
    assert_eq!(prunable.rows().await, before, "a dry run removes nothing");
    let pruned = prunable.prune().await;
    assert_eq!(pruned, would);
    let after = prunable.rows().await;
    let gone = |from: usize, to: usize| {
        before[from..to].iter().sum::<i64>() - after[from..to].iter().sum::<i64>()
    };
    assert_eq!(pruned.versions, gone(0, 3).unsigned_abs());
    assert_eq!(pruned.activity, gone(3, 4).unsigned_abs());
    assert_eq!(pruned.runs, gone(4, 5).unsigned_abs());
    assert_eq!((pruned.requests, gone(5, 6)), (2, 2));
    assert!(pruned.versions > 0 && pruned.runs > 0 && pruned.activity > 0, "{pruned:?}");
    assert!(after[3] > 0, "some entries of the batch are left");
    let left = prunable
        .hand
        .stores
        .requests
        .list("default", &RequestQuestion::default(), 10)
        .await
        .unwrap()
        .0;
    let left: Vec<&str> = left.iter().map(|request| request.reference.as_str()).collect();
    assert_eq!(
        left,
        ["req_late", "req_open"],
        "declined requests are removed, open and late ones stay"
    );
}

async fn the_records_still_prove_the_history_after_a_pruning(database: TestDatabase) {
    let prunable = Prunable::new(database).await;
    prunable.prune().await;
    let Prunable { hand, head, .. } = prunable;
    // An earlier head is still known.
    let verified = hand.ledger.verify("default", Some(&head)).await.unwrap();
    assert_eq!((verified.known_head, verified.findings.as_slice()), (Some(true), &[][..]));
    assert_eq!(verified.asked_head.unwrap().generation, 3);
    let connection = hand.database.connection().await;
    for (deed, expected) in [
        ("UPDATE activity SET performed_by_email = 'eve@example.com'", "activity: entry "),
        ("DELETE FROM activity WHERE id = (SELECT MAX(id) FROM activity)", "activity: "),
        ("DELETE FROM imports WHERE id = (SELECT MAX(id) FROM imports)", "imports: run "),
        (
            "UPDATE pruned_stamps SET first_generation = 2",
            "evidence: what was pruned does not match record ",
        ),
        ("DELETE FROM prunings", "evidence: what was pruned does not match record "),
        (
            "DELETE FROM lifecycle_requests WHERE reference = 'req_open'; \
             UPDATE evidence SET pruned = 1, pruned_count = 1 WHERE subject = 'req_open'",
            "evidence: what was pruned does not match record ",
        ),
    ] {
        tampering(&hand, &connection).assert_found(deed, expected).await;
    }
    // Prunes again, up to now. No later run gets the number of a pruned one.
    hand.clock.advance(std::time::Duration::from_hours(1));
    hand.simulator.fail_from_now_on(Fault::Unauthorized, "/teams");
    let failed = hand.incremental().await;
    hand.simulator.heal();
    hand.clock.advance(std::time::Duration::from_hours(1));
    hand.ledger.prune("default", hand.clock.now(), |_| Vec::new(), hand.clock.now()).await.unwrap();
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
    assert_eq!(hand.full().await.id, failed.id + 1);
    assert_eq!(findings(&hand.ledger).await, Vec::<String>::new());
}

async fn an_earlier_head_proves_all_records_up_to_it(database: TestDatabase) {
    let (hand, _) = history(database).await;
    let generation = hand.ledger.generation_hash("default", 2).await.unwrap().unwrap();
    let kept = hand.ledger.verify("default", Some(&generation)).await.unwrap();
    assert_eq!(
        kept.asked_head.map(|moment| moment.generation),
        Some(2),
        "the hash of a generation is known"
    );
    assert_ne!(kept.head, generation, "requests came after it");
    assert_eq!((kept.head_generation, kept.head_at), (Some(2), Some(hand.clock.now())));
    hand.stores.requests.record(new_request("req_later", hand.clock.now())).await.unwrap();
    let later = hand.ledger.verify("default", Some(&kept.head)).await.unwrap();
    assert_eq!((later.known_head, later.asked_head.unwrap().generation), (Some(true), 2));
    assert_ne!(later.head, kept.head);
    // Only a head that was kept shows that the last records were removed without a trace.
    let connection = hand.database.connection().await;
    for deed in [
        "DELETE FROM lifecycle_requests WHERE reference = 'req_later'",
        "DELETE FROM evidence WHERE kind = 'request' AND subject = 'req_later'",
    ] {
        connection.execute_unprepared(deed).await.unwrap();
    }
    let cut = hand.ledger.verify("default", Some(&later.head)).await.unwrap();
    assert_eq!((cut.known_head, cut.findings.as_slice()), (Some(false), &[][..]));
}

async fn many_writers_at_once_make_one_chain(database: TestDatabase) {
    let (hand, small) = Hand::small(database).await;
    let others = [hand.database.stores().await, hand.database.stores().await];
    let mut writers = Vec::new();
    for (number, stores) in others.into_iter().enumerate() {
        let now = hand.clock.now();
        writers.push(tokio::spawn(async move {
            for request in 0..20 {
                let reference = format!("req_{number}_{request}");
                stores.requests.record(new_request(&reference, now)).await.unwrap();
                stores
                    .requests
                    .close("default", &reference, closing(request % 2 == 0, now))
                    .await
                    .unwrap();
            }
        }));
    }
    for step in 0..5 {
        hand.simulator.change(|workspace| {
            workspace.admin_mut(small.ada).unwrap().job_title = Some(format!("Countess {step}"));
        });
        assert_eq!(hand.full().await.status, RunStatus::Succeeded);
        hand.ledger
            .prune("default", START - Duration::days(1), |_| Vec::new(), hand.clock.now())
            .await
            .unwrap();
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let verified = hand.ledger.verify("default", None).await.unwrap();
    assert_eq!(verified.findings, []);
    assert_eq!((verified.generations, verified.runs, verified.requests), (5, 5, 40));
}

async fn rows_that_an_earlier_version_wrote_later_are_taken_as_found_and_reported(
    database: TestDatabase,
) {
    let (hand, _) = history(database).await;
    let connection = hand.database.connection().await;
    let copied = "INSERT INTO lifecycle_requests (reference, workspace, at, source, requester, request_id, method, operation, \
                  state) SELECT 'req_old', workspace, at, source, requester, request_id, method, operation, 'open' FROM \
                  lifecycle_requests WHERE reference = 'req_open'";
    connection.execute_unprepared(copied).await.unwrap();
    hand.ledger.migrate().await.unwrap();
    assert_eq!(
        findings(&hand.ledger).await,
        ["lifecycle_requests: req_old is in no record"],
        "a check alone takes nothing"
    );
    hand.ledger.take_from_earlier_versions("default", hand.clock.now()).await.unwrap();
    let verified = hand.ledger.verify("default", None).await.unwrap();
    assert_eq!(verified.findings, []);
    let found = verified.taken_as_found.unwrap();
    assert_eq!((found.runs, found.activity, found.requests), (0, 0, 1));
    assert_eq!(found.at, hand.clock.now());
}

/// A ledger of two generations by the last version without records, and the head that this version
/// printed.
const BEFORE_RECORDS: &str = include_str!("support/before_records.sql");
const HEAD_OF_BEFORE: &str = "DwzstMjQDj9ORei4DsB_kl90lWTnkxl_RWtneaGdKSE";

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_from_before_there_were_records_is_taken_as_found_and_proved_from_then_on() {
    let database = TestDatabase::sqlite();
    let connection = database.connection().await;
    connection.execute_unprepared(BEFORE_RECORDS).await.unwrap();
    connection.close().await.unwrap();
    let stores = Stores::new(&Database::open(&database.url).await.unwrap());
    let ledger = &stores.ledger;
    let before = 9;
    assert_eq!(ledger.migrate().await.unwrap(), Migrator::migrations().len() - before);
    let verified = ledger.verify("default", Some(HEAD_OF_BEFORE)).await.unwrap();
    assert_eq!(verified.findings, []);
    assert_eq!((verified.known_head, verified.generations, verified.versions), (Some(true), 2, 21));
    let found = verified.taken_as_found.unwrap();
    assert_eq!((found.runs, found.activity, found.requests), (5, 13, 2));
    assert_eq!((verified.runs, verified.activity, verified.requests), (5, 13, 2));
    assert_eq!(verified.head_generation, Some(2));
    assert_ne!(verified.head, HEAD_OF_BEFORE, "the head covers what was taken");

    // The chain continues from there, and covers what was taken over.
    stores.requests.record(new_request("req_new", verified.head_at.unwrap())).await.unwrap();
    let later = ledger.verify("default", Some(&verified.head)).await.unwrap();
    assert_eq!(
        (later.known_head, later.findings.as_slice(), later.requests),
        (Some(true), &[][..], 3)
    );
    let connection = database.connection().await;
    connection
        .execute_unprepared("UPDATE activity SET performed_by_email = 'eve@example.com'")
        .await
        .unwrap();
    connection
        .execute_unprepared("UPDATE imports SET requested_by = 'eve' WHERE id = 3")
        .await
        .unwrap();
    let found = findings(ledger).await;
    assert!(found.contains(&"imports: run 3 was changed".to_owned()), "{found:?}");
    assert!(
        found.iter().filter(|finding| finding.starts_with("activity: entry ")).count() == 13,
        "{found:?}"
    );
}
